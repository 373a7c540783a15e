//! Which functions an expression may call, and how.
//! In: a call. Out: what is wrong with its name. Never: its arguments judged; their types are known only when it is evaluated.

use super::super::diagnostic::{did_you_mean, one_of};

/// Called as `size(x)`. What the evaluator has for optional values is left out: no expression of ours has one.
const FUNCTIONS: &[&str] = &["bool", "bytes", "double", "dyn", "int", "matches", "size", "string", "type", "uint"];

/// Called as `x.size()`.
const METHODS: &[&str] = &["contains", "endsWith", "matches", "size", "startsWith"];

/// Macros and how they are written: one that is written otherwise stays a call, and nothing answers it.
const MACROS: &[(&str, &str)] = &[
    ("has", "has(a.b)"),
    ("all", "list.all(x, …)"),
    ("exists", "list.exists(x, …)"),
    ("exists_one", "list.exists_one(x, …)"),
    ("map", "list.map(x, …)"),
    ("filter", "list.filter(x, …)"),
];

/// Whether a call of this name, on a value or not, has something that answers it; `Err` is message and hint.
pub(super) fn known(name: &str, on_value: bool) -> Result<(), (String, Option<String>)> {
    // Operators are calls too; their names are no words.
    let word = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let (these, others) = if on_value { (METHODS, FUNCTIONS) } else { (FUNCTIONS, METHODS) };
    if !word || these.contains(&name) {
        return Ok(());
    }
    let all = || these.iter().chain(others).copied().chain(MACROS.iter().map(|(name, _)| *name));
    let hint = if let Some((_, written)) = MACROS.iter().find(|(known, _)| *known == name) {
        format!("it is written `{written}`")
    } else if others.contains(&name) {
        if on_value { format!("it is written `{name}(…)`") } else { format!("it is written `text.{name}(…)`") }
    } else {
        did_you_mean(name, all()).unwrap_or_else(|| format!("known: {}", one_of(these.iter().copied())))
    };
    let what = if on_value { "method" } else { "function" };
    Err((format!("there is no {what} `{name}`"), Some(hint)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Expr, Names, expr::Scope};

    #[test]
    fn what_is_known_is_what_the_evaluator_has() {
        let evaluated = |text: &str| Expr::compile(text, &Names::default()).unwrap().eval(&Scope::new());
        for name in FUNCTIONS {
            let said = evaluated(&format!("{name}()")).unwrap_err().message;
            assert!(!said.contains("has no value here"), "{name}: {said}");
            assert!(known(name, false).is_ok());
        }
        for name in METHODS {
            let said = evaluated(&format!("[1].{name}(1, 2, 3)")).unwrap_err().message;
            assert!(!said.contains("has no value here"), "{name}: {said}");
        }
        for name in METHODS.iter().filter(|name| !FUNCTIONS.contains(name)) {
            assert!(known(name, false).unwrap_err().1.unwrap().contains("text."), "{name}");
        }
    }

    #[test]
    fn every_way_to_write_a_condition_is_known() {
        let texts = "1 + 2 - 3 * 4 / 5 % 6 == -7 | !(1 < 2 && 2 <= 3 || 3 > 4 ? 4 >= 5 : 5 != 6) | 1 in [1] | {'a': [1]}['a'][0] == 1
            | has({'a': 1}.a) | [1].all(x, x > 0) | [1].exists(x, x > 0) | [1].exists_one(x, x > 0) | [1].map(x, x * 2) == [2]
            | [1].filter(x, x > 0) == [1] | [1].map(x, x > 0, x * 2) == [2] | 'abc'.matches('b') | matches('abc', 'b') | size('a') == 1
            | 'abc'.startsWith('a') && 'abc'.endsWith('c') && 'abc'.contains('b') | int('1') == 1 && string(1) == '1' | 'a'.size() == 1
            | double('1.5') > 1.0 && uint(1) == 1u && bool('true') && dyn(1) == 1 && bytes('a') == b'a' && type(1) == type(2)";
        for text in texts.split(" | ") {
            let value = Expr::compile(text.trim(), &Names::default()).unwrap_or_else(|found| panic!("{text}: {found:?}"));
            assert!(value.eval(&Scope::new()).is_ok(), "{text}: {:?}", value.eval(&Scope::new()));
        }
    }
}
