//! An expression's tree: every name in it checked, everything it reads noted.
//! In: a parsed tree. Out: the same, with every macro's list sent through a function of ours. Never: a value.

use std::collections::BTreeSet;

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr as Ast, LiteralValue, operators},
};

use super::{
    super::names::{Names, Problem, Reads, StepField},
    ITEMS, functions,
};

/// Goes through the tree: checks names, notes what is read, and sends every macro's list through [`ITEMS`].
pub(super) struct Walk<'a> {
    text: &'a str,
    names: &'a Names,
    pub(super) reads: Reads,
    pub(super) problems: Vec<Problem>,
    /// Variables of the macros around this place.
    bound: Vec<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(text: &'a str, names: &'a Names) -> Self {
        Self { text, names, reads: Reads::default(), problems: Vec::new(), bound: Vec::new() }
    }

    pub(super) fn expr(&mut self, node: &mut IdedExpr) {
        if self.known_path(node) {
            return;
        }
        match &mut node.expr {
            Ast::Ident(name) => {
                let name = name.clone();
                self.top(&name);
                if name == "steps" {
                    self.reads.steps_dynamic = true;
                }
                if name == "step" {
                    self.reads.step.extend(StepField::ALL);
                }
            }
            Ast::Select(select) => self.expr(&mut select.operand),
            Ast::Call(call) => {
                if !self.names.frozen {
                    let known = functions::known(&call.func_name, call.target.is_some());
                    self.check(known, "unknown-function", &call.func_name);
                }
                if let Some(target) = &mut call.target {
                    self.expr(target);
                }
                call.args.iter_mut().for_each(|arg| self.expr(arg));
            }
            Ast::List(list) => list.elements.iter_mut().for_each(|item| self.expr(item)),
            Ast::Map(map) => map.entries.iter_mut().for_each(|entry| self.entry(&mut entry.expr)),
            Ast::Struct(made) => made.entries.iter_mut().for_each(|entry| self.entry(&mut entry.expr)),
            Ast::Comprehension(comprehension) => {
                self.expr(&mut comprehension.iter_range);
                let range = std::mem::take(&mut comprehension.iter_range);
                let id = range.id;
                let call = cel::common::ast::CallExpr { func_name: ITEMS.to_owned(), target: None, args: vec![range] };
                comprehension.iter_range = IdedExpr { id, expr: Ast::Call(call) };
                let before = self.bound.len();
                self.bound.push(comprehension.iter_var.clone());
                self.bound.push(comprehension.accu_var.clone());
                self.bound.extend(comprehension.iter_var2.clone());
                self.expr(&mut comprehension.accu_init);
                self.expr(&mut comprehension.loop_cond);
                self.expr(&mut comprehension.loop_step);
                self.expr(&mut comprehension.result);
                self.bound.truncate(before);
            }
            Ast::Literal(_) | Ast::Unspecified => {}
        }
    }

    fn entry(&mut self, entry: &mut EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.expr(&mut field.value),
            EntryExpr::MapEntry(entry) => {
                self.expr(&mut entry.key);
                self.expr(&mut entry.value);
            }
        }
    }

    /// `params.x`, `steps.x.field`, `step.field`: checked to the end. Anything else is left to the caller.
    fn known_path(&mut self, node: &IdedExpr) -> bool {
        let Some(path) = path_of(node) else { return false };
        let (top, rest) = (path[0], &path[1..]);
        if self.bound.iter().any(|bound| bound == top) {
            return true;
        }
        match (top, rest) {
            ("params", [name, ..]) => {
                self.reads.tops.insert("params".to_owned());
                let checked = self.names.param(name);
                self.check(checked, "unknown-param", name);
            }
            ("steps", [id, rest @ ..]) => {
                self.reads.tops.insert("steps".to_owned());
                let checked = self.names.step(id);
                if checked.is_err() {
                    self.check(checked, "unknown-step", id);
                    return true;
                }
                let fields = self.fields(rest, Names::field);
                self.reads.steps.entry((*id).to_owned()).or_default().extend(fields);
            }
            ("step", rest) if self.names.others.contains("step") => {
                self.reads.tops.insert("step".to_owned());
                let fields = self.fields(rest, |word| self.names.own_field(word));
                self.reads.step.extend(fields);
            }
            ("measured", [word, ..]) if self.names.others.contains("measured") => {
                self.reads.tops.insert("measured".to_owned());
                let checked = self.names.figure(word);
                self.check(checked, "unknown-field", word);
            }
            _ => return false,
        }
        true
    }

    fn fields(
        &mut self,
        rest: &[&str],
        known: impl Fn(&str) -> Result<StepField, (String, Option<String>)>,
    ) -> BTreeSet<StepField> {
        let Some(word) = rest.first() else { return StepField::ALL.iter().copied().collect() };
        match known(word) {
            Ok(field) => BTreeSet::from([field]),
            Err(wrong) => {
                self.check(Err(wrong), "unknown-field", word);
                BTreeSet::new()
            }
        }
    }

    fn top(&mut self, name: &str) {
        if self.bound.iter().any(|bound| bound == name) {
            return;
        }
        let checked = self.names.top(name);
        if checked.is_ok() {
            self.reads.tops.insert(name.to_owned());
        }
        self.check(checked, "unknown-name", name);
    }

    fn check(&mut self, checked: Result<(), (String, Option<String>)>, code: &'static str, word: &str) {
        if let Err((message, hint)) = checked {
            let at = word_at(self.text, word).unwrap_or(0);
            self.problems.push(Problem { code, message, hint, at, length: word.len().max(1) });
        }
    }
}

/// The first place where `word` stands as a word of its own.
pub(in super::super) fn word_at(text: &str, word: &str) -> Option<usize> {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let whole = |at: &usize| !part(text[..*at].chars().next_back()) && !part(text[*at + word.len()..].chars().next());
    text.match_indices(word).map(|(at, _)| at).find(whole).or_else(|| text.find(word))
}

/// The names of `a.b['c']`, or `None` where it is something else.
fn path_of(node: &IdedExpr) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    let mut node = node;
    loop {
        match &node.expr {
            Ast::Ident(name) => {
                names.push(name.as_str());
                names.reverse();
                return Some(names);
            }
            Ast::Select(select) => {
                names.push(select.field.as_str());
                node = &select.operand;
            }
            Ast::Call(call) if call.func_name == operators::INDEX && call.target.is_none() => {
                let [target, index] = call.args.as_slice() else { return None };
                let Ast::Literal(literal) = &index.expr else { return None };
                match literal {
                    LiteralValue::String(text) => names.push(text.inner()),
                    // `list[0]`: what came before it counts.
                    LiteralValue::Int(_) | LiteralValue::UInt(_) => names.clear(),
                    LiteralValue::Boolean(_) | LiteralValue::Bytes(_) | LiteralValue::Double(_) | LiteralValue::Null => {
                        return None;
                    }
                }
                node = target;
            }
            _ => return None,
        }
    }
}
