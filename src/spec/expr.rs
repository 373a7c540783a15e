//! Conditions: CEL text, compiled and its names checked when the flow is loaded.
//! In: text and the names it may use; later, their values. Out: a program, or what is wrong and where; then a JSON value.
//! Never: evaluated without a bound, a clock, a result that depends on hash order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use cel::{
    Context, Env, ExecutionError, IdedExpr,
    common::ast::{EntryExpr, Expr as Ast, LiteralValue, operators},
    parser::PrattParser,
};
use serde_json::Value;

use super::names::{Names, Problem, Reads, StepField};

/// Longer conditions belong into a step of their own.
const TEXT_BYTES_MAX: usize = 4096;
/// Operators, dots and opening parentheses: each may be a level of the tree, and parser and evaluator recurse.
const SIGNS_MAX: usize = 300;
/// Elements that `all`, `exists`, `filter` and `map` may visit during one evaluation.
const VISITS_MAX: u64 = 200_000;

/// The function that every macro's list goes through: it counts, and puts a map's keys in order.
const ITEMS: &str = "@items";

/// A compiled CEL expression with the text it came from.
#[derive(Clone)]
pub struct Expr {
    text: Arc<str>,
    program: Arc<IdedExpr>,
    reads: Arc<Reads>,
}

impl std::fmt::Debug for Expr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expr({:?})", self.text)
    }
}

/// Two expressions are equal if they were written alike.
impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Why an expression gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}`: {message}")]
pub struct EvalError {
    pub text: String,
    pub message: String,
}

/// The values an expression can see, by name: `params`, `steps`, `step`, `measured`, `iteration`, `json`, an item.
pub type Scope = BTreeMap<String, Value>;

impl Expr {
    /// Compiles `text`, and checks every name in it against `names`.
    ///
    /// # Errors
    /// All syntax errors, or all names that are not known, each with its byte in the text.
    pub fn compile(text: &str, names: &Names) -> Result<Self, Vec<Problem>> {
        bounded(text).map_err(|problem| vec![problem])?;
        let mut program = PrattParser::new().max_recursion_depth(96).parse(text).map_err(|errors| syntax(text, &errors))?;
        let mut walk = Walk { text, names, reads: Reads::default(), problems: Vec::new(), bound: Vec::new() };
        walk.expr(&mut program);
        if !walk.problems.is_empty() {
            return Err(walk.problems);
        }
        Ok(Self { text: text.into(), program: Arc::new(program), reads: Arc::new(walk.reads) })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The ids of the steps that it names; `None` when it takes `steps` as a whole.
    pub fn steps(&self) -> Option<Vec<&str>> {
        (!self.reads.steps_dynamic).then(|| self.reads.steps.keys().map(String::as_str).collect())
    }

    /// Everything it asks for.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Whether its value can never change, because it names nothing.
    pub fn is_constant(&self) -> bool {
        self.reads.tops.is_empty()
    }

    /// Its value. Equal scopes give equal values.
    ///
    /// # Errors
    /// A key that is not there, types that do not go together, too many elements visited.
    pub fn eval(&self, scope: &Scope) -> Result<Value, EvalError> {
        let visits = Arc::new(AtomicU64::new(0));
        let mut context = Context::with_env(STANDARD.clone());
        let counted = move |list: cel::Value| items(list, &visits);
        context.add_function(ITEMS, counted).map_err(|error| self.error(error.to_string()))?;
        for name in &self.reads.tops {
            // What it does not name is not converted; `steps` can be large.
            let value = match (name.as_str(), scope.get(name)) {
                (_, None) => continue,
                ("steps", Some(Value::Object(steps))) if !self.reads.steps_dynamic => self.named_steps(steps),
                (_, Some(value)) => to_cel(value),
            };
            context.add_variable_from_value(name.as_str(), value);
        }
        let value = context.resolve(&self.program).map_err(|error| self.error(sentence(&error)))?;
        from_cel(&value).map_err(|message| self.error(message))
    }

    fn named_steps(&self, steps: &serde_json::Map<String, Value>) -> cel::Value {
        let named = self.reads.steps.keys().filter_map(|id| Some((id.clone(), to_cel(steps.get(id)?))));
        cel::Value::Map(named.collect::<std::collections::HashMap<String, cel::Value>>().into())
    }

    /// Its value as yes or no.
    ///
    /// # Errors
    /// As [`Expr::eval`]; and where the value is neither.
    pub fn eval_bool(&self, scope: &Scope) -> Result<bool, EvalError> {
        match self.eval(scope)? {
            Value::Bool(yes) => Ok(yes),
            other => Err(self.error(format!("gave {}, but true or false was expected", describe(&other)))),
        }
    }

    /// Its value as a list.
    ///
    /// # Errors
    /// As [`Expr::eval`]; and where the value is no list.
    pub fn eval_list(&self, scope: &Scope) -> Result<Vec<Value>, EvalError> {
        match self.eval(scope)? {
            Value::Array(items) => Ok(items),
            other => Err(self.error(format!("gave {}, but a list was expected", describe(&other)))),
        }
    }

    fn error(&self, message: String) -> EvalError {
        EvalError { text: self.text.to_string(), message }
    }
}

static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Refuses what would make the parser or the evaluator recurse too deep, before they see it.
fn bounded(text: &str) -> Result<(), Problem> {
    let refuse = |at: usize, message: String| Problem {
        code: "expression-too-big",
        message,
        hint: Some("move the decision into a `run` step and test its result".to_owned()),
        at,
        length: 1,
    };
    if text.len() > TEXT_BYTES_MAX {
        return Err(refuse(0, format!("the expression has {} bytes; at most {TEXT_BYTES_MAX} are read", text.len())));
    }
    if text.trim().is_empty() {
        let hint = Some("write a condition, or leave the key out".to_owned());
        return Err(Problem { code: "bad-expression", message: "the expression is empty".to_owned(), hint, at: 0, length: 1 });
    }
    // Counted inside quotes too: what is quoted depends on raw and triple quotes, and a bound need not know.
    let signs =
        |c: char| matches!(c, '(' | '[' | '{' | '.' | '+' | '-' | '*' | '/' | '%' | '!' | '?' | '<' | '>' | '&' | '|' | '=');
    if let Some((at, _)) = text.char_indices().filter(|(_, c)| signs(*c)).nth(SIGNS_MAX) {
        return Err(refuse(at, format!("more than {SIGNS_MAX} operators, dots and parentheses")));
    }
    Ok(())
}

fn syntax(text: &str, errors: &cel::ParseErrors) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for error in errors.errors.iter().take(3) {
        let at = offset(text, error.pos);
        let message = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
        let message = format!("this is not a CEL expression: {message}");
        if problems.iter().all(|problem| problem.at != at) {
            problems.push(Problem { code: "bad-expression", message, hint: syntax_hint(text, at), at, length: 1 });
        }
    }
    problems
}

/// What people bring along from shells, Python and Jinja.
fn syntax_hint(text: &str, at: usize) -> Option<String> {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let has = |word: &str| words.contains(&word);
    if text.contains("{{") {
        return Some("an expression is written without `{{ }}`".to_owned());
    }
    if text.contains("${") || text.starts_with('$') {
        return Some("a parameter is written `params.name`, without `$`".to_owned());
    }
    if has("and") || has("or") || has("not") {
        return Some("CEL writes `&&`, `||` and `!`".to_owned());
    }
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    if text.contains('=') && !text.contains("==") && !text.contains(">=") && !text.contains("<=") && !text.contains("!=") {
        return Some("to compare, write `==`".to_owned());
    }
    (before.matches('\'').count() % 2 == 1).then(|| "a text ends with the quote it began with".to_owned())
}

/// Line and column, from 1 and in characters, as a byte of the text.
fn offset(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or(1).saturating_sub(1);
    let column = usize::try_from(column).unwrap_or(1).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    text[start..].char_indices().nth(column).map_or(text.len(), |(at, _)| start + at)
}

/// Goes through the tree: checks names, notes what is read, and sends every macro's list through [`ITEMS`].
struct Walk<'a> {
    text: &'a str,
    names: &'a Names,
    reads: Reads,
    problems: Vec<Problem>,
    /// Variables of the macros around this place.
    bound: Vec<String>,
}

impl Walk<'_> {
    fn expr(&mut self, node: &mut IdedExpr) {
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
                let fields = self.fields(rest);
                self.reads.steps.entry((*id).to_owned()).or_default().extend(fields);
            }
            ("step", rest) if self.names.others.contains("step") => {
                self.reads.tops.insert("step".to_owned());
                let fields = self.fields(rest);
                self.reads.step.extend(fields);
            }
            _ => return false,
        }
        true
    }

    fn fields(&mut self, rest: &[&str]) -> BTreeSet<StepField> {
        let Some(word) = rest.first() else { return StepField::ALL.iter().copied().collect() };
        match Names::field(word) {
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
pub(super) fn word_at(text: &str, word: &str) -> Option<usize> {
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

/// The elements that a macro goes through, counted; a map gives its keys in order.
fn items(list: cel::Value, visits: &AtomicU64) -> Result<cel::Value, ExecutionError> {
    let (list, count) = match list {
        cel::Value::List(items) => {
            let count = items.len();
            (cel::Value::List(items), count)
        }
        cel::Value::Map(map) => {
            let mut keys: Vec<_> = map.map.keys().cloned().collect();
            keys.sort();
            let count = keys.len();
            (cel::Value::List(Arc::new(keys.iter().map(cel::Value::from).collect())), count)
        }
        other => return Err(ExecutionError::function_error("all/exists/filter/map", format!("{} is no list", kind(&other)))),
    };
    // One at least, so that a loop over nothing inside a loop is counted too.
    let before = visits.fetch_add(count.max(1) as u64, Ordering::Relaxed);
    if before + count as u64 > VISITS_MAX {
        return Err(ExecutionError::function_error(
            "all/exists/filter/map",
            format!("more than {VISITS_MAX} elements were visited"),
        ));
    }
    Ok(list)
}

fn kind(value: &cel::Value) -> String {
    format!("a value of type {}", value.type_of())
}

/// The engine's errors as sentences; values in them are cut, they may be whole outputs.
fn sentence(error: &ExecutionError) -> String {
    let mut text = match error {
        ExecutionError::NoSuchKey(key) => format!("there is no `{key}` here; test for it with has(…)"),
        ExecutionError::UndeclaredReference(name) => format!("the name `{name}` has no value here"),
        other => other.to_string(),
    };
    if text.len() > 300 {
        let end = (0..=297).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

pub(super) fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(n) if n.is_f64() => "a number",
        Value::Number(_) => "a whole number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(yes) => cel::Value::Bool(*yes),
        Value::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(int), _) => cel::Value::Int(int),
            (None, Some(uint)) => cel::Value::UInt(uint),
            (None, None) => cel::Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => cel::Value::String(Arc::new(text.clone())),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(pairs) => {
            let pairs: std::collections::HashMap<String, cel::Value> =
                pairs.iter().map(|(k, v)| (k.clone(), to_cel(v))).collect();
            cel::Value::Map(pairs.into())
        }
    }
}

fn from_cel(value: &cel::Value) -> Result<Value, String> {
    Ok(match value {
        cel::Value::Null => Value::Null,
        cel::Value::Bool(yes) => Value::Bool(*yes),
        cel::Value::Int(int) => Value::from(*int),
        cel::Value::UInt(uint) => Value::from(*uint),
        cel::Value::Float(float) => {
            serde_json::Number::from_f64(*float).map(Value::Number).ok_or("gave a number without a value")?
        }
        cel::Value::String(text) => Value::String(text.to_string()),
        cel::Value::List(items) => Value::Array(items.iter().map(from_cel).collect::<Result<_, _>>()?),
        cel::Value::Map(map) => {
            let sorted: BTreeMap<String, &cel::Value> = map.map.iter().map(|(key, value)| (key.to_string(), value)).collect();
            Value::Object(sorted.into_iter().map(|(key, value)| Ok((key, from_cel(value)?))).collect::<Result<_, String>>()?)
        }
        other => return Err(format!("gave {}, which a flow cannot use", kind(other))),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names() -> Names {
        Names {
            params: Some(Arc::new(["client".to_owned(), "places".to_owned()].into())),
            steps: Arc::new(["build".to_owned(), "unit-tests".to_owned()].into()),
            others: ["step".to_owned(), "json".to_owned()].into(),
        }
    }

    fn scope(value: Value) -> Scope {
        value.as_object().unwrap().clone().into_iter().collect()
    }

    fn eval(text: &str, value: Value) -> Result<Value, String> {
        Expr::compile(text, &names()).unwrap().eval(&scope(value)).map_err(|error| error.message)
    }

    fn wrong(text: &str) -> String {
        let problems = Expr::compile(text, &names()).unwrap_err();
        problems.iter().map(|p| format!("{}@{} {p}", p.code, p.at)).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn names_are_checked_when_the_expression_is_read() {
        assert_eq!(
            wrong("params.clent == 'x'"),
            "unknown-param@7 the flow has no parameter `clent` (did you mean `params.client`?)"
        );
        assert!(wrong("steps['unit-test'].passed").contains("did you mean `steps['unit-tests']`?"));
        assert!(wrong("steps.build.passd").contains("did you mean `passed`?"));
        assert!(wrong("client == 'x'").contains("did you mean `params.client`?"));
        assert!(wrong("measured.tests > 1").contains("known only in"));
        assert!(wrong("steps.biuld.passed && params.x == 1").contains(" | "));
        assert!(wrong("a and b").contains("CEL writes"));
        assert!(wrong("params.client = 'x'").contains("write `==`"));
        assert!(wrong("").contains("empty"));
    }

    #[test]
    fn what_an_expression_reads_is_known() {
        let expr =
            Expr::compile("has(steps.build.json) && steps['unit-tests'].json.a[0].b > 1 && step.passed", &names()).unwrap();
        assert_eq!(expr.steps().unwrap(), ["build", "unit-tests"]);
        assert_eq!(expr.reads().steps["unit-tests"], [StepField::Json].into());
        assert_eq!(expr.reads().step, [StepField::Passed].into());
        assert_eq!(Expr::compile("steps.all(id, steps[id].passed)", &names()).unwrap().steps(), None);
        assert_eq!(Expr::compile("steps[params.client].passed", &names()).unwrap().steps(), None);
        assert_eq!(Expr::compile("params.places.all(steps, steps == 'x')", &names()).unwrap().steps().unwrap(), [""; 0]);
        assert!(Expr::compile("1 + 1 == 2", &names()).unwrap().is_constant());
    }

    #[test]
    fn values_come_and_go_as_json() {
        assert_eq!(
            eval("json.n > 1 && json.f < 2 && json.s.startsWith('a')", json!({"json": {"n": 2, "f": 1.5, "s": "ab"}})),
            Ok(json!(true))
        );
        assert_eq!(eval("json.f > 1", json!({"json": {"f": 1.5}})), Ok(json!(true)));
        assert_eq!(eval("json.f == 1", json!({"json": {"f": 1.0}})), Ok(json!(true)));
        assert_eq!(eval("json.l.map(x, x * 2)", json!({"json": {"l": [1, 2]}})), Ok(json!([2, 4])));
        assert_eq!(eval("json.s.matches('^a+$') && 'b' in json.l", json!({"json": {"s": "aa", "l": ["b"]}})), Ok(json!(true)));
        assert_eq!(eval("size(json.m)", json!({"json": {"m": {"a": 1}}})), Ok(json!(1)));
        assert!(eval("json.nope", json!({"json": {}})).unwrap_err().contains("there is no `nope`"));
        assert!(Expr::compile("json.a", &names()).unwrap().eval_bool(&scope(json!({"json": {"a": 1}}))).is_err());
        assert!(Expr::compile("json.a", &names()).unwrap().eval_list(&scope(json!({"json": {"a": 1}}))).is_err());
    }

    #[test]
    fn a_map_is_gone_through_in_the_order_of_its_keys() {
        let many: serde_json::Map<String, Value> = (0..50).map(|n| (format!("k{n:02}"), json!(n))).collect();
        let sorted: Vec<Value> = many.keys().map(|key| json!(key)).collect();
        assert_eq!(eval("json.map(k, k)", json!({"json": many})), Ok(Value::Array(sorted)));
    }

    #[test]
    fn hostile_expressions_neither_crash_nor_hang() {
        let deep = [
            "(".repeat(2000),
            "!".repeat(4000),
            "-".repeat(4000),
            "[".repeat(4000),
            "{'a':".repeat(700),
            format!("json{}", ".a".repeat(2000)),
            format!("1{}", "+1".repeat(2000)),
            "true?".repeat(700),
            format!("json{}", "[0]".repeat(1300)),
            "'('".repeat(1000),
            "r'\\'+".repeat(600),
            "json.map(a,".repeat(300),
            "\u{0}\u{7f}".to_owned(),
        ];
        for text in &deep {
            assert!(Expr::compile(text, &names()).is_err(), "{text:.20}");
        }
        let list: Vec<u32> = (0..2000).collect();
        let squared = eval("json.all(a, json.all(b, json.all(c, a + b + c >= 0)))", json!({"json": list}));
        assert!(squared.unwrap_err().contains("elements were visited"));
        // As deep as the limits let it be.
        for text in [
            format!("json{}", ".a".repeat(140)),
            format!("json{}", "+1".repeat(140)),
            format!("{}true", "!".repeat(299)),
            "true?true:".repeat(140) + "json",
        ] {
            if let Ok(expr) = Expr::compile(&text, &names()) {
                let _ = expr.eval(&scope(json!({"json": 1})));
            }
        }
    }
}
