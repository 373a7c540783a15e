//! Conditions: CEL text, compiled and its names checked when the flow is loaded.
//! In: text and the names it may use; later, their values. Out: a program, or what is wrong and where; then a JSON value.
//! Never: evaluated without a bound, a clock, a result that depends on hash order.

mod functions;
mod values;
mod walk;

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, atomic::AtomicU64},
};

use cel::{Context, Env, ExecutionError, IdedExpr, parser::PrattParser};
use serde_json::Value;

use super::names::{Names, Problem, Reads, cut_somewhere};
use values::{from_cel, items, sentence, to_cel};
use walk::Walk;

pub(super) use values::describe;
pub(super) use walk::word_at;

/// Longer conditions belong into a step of their own.
const TEXT_BYTES_MAX: usize = 4096;
/// Operators, dots and opening parentheses: each may be a level of the tree, and parser and evaluator recurse.
const SIGNS_MAX: usize = 300;

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

/// The key of a step under which stands, by field, why it has no value: its output was longer than what is kept of it.
/// Whoever wrote the condition cannot name it.
pub const CUT: &str = "@cut";

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
        let mut walk = Walk::new(text, names);
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
        // What was cut is not judged: the part that decides may be the one that is missing.
        if let Some(why) = self.reads.cut(|_| true, |name| scope.get(name)) {
            return Err(self.error(why));
        }
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
        let value = context.resolve(&self.program).map_err(|error| {
            let cut = match &error {
                ExecutionError::NoSuchKey(field) => cut_somewhere(field, scope.get("steps")),
                _ => None,
            };
            self.error(cut.unwrap_or_else(|| sentence(&error)))
        })?;
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
        let unexpected = message.strip_prefix("mismatched input ").and_then(|rest| rest.strip_suffix(" expecting <EOF>"));
        let message = match unexpected {
            Some(token) => format!("this is not a CEL expression: {} is not expected here", token.replace('\'', "`")),
            None => format!("this is not a CEL expression: {message}"),
        };
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

#[cfg(test)]
mod tests;
