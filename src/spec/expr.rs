//! Conditions: CEL text, compiled when the flow is loaded.
//! In: text, and the names it may use. Out: a program, or what is wrong and where. Never: evaluated without a bound.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

/// A compiled CEL expression with the text it came from.
#[derive(Clone)]
pub struct Expr {
    text: Arc<str>,
    program: Arc<cel::Program>,
    /// Steps it names; `None` when it takes `steps` as a whole.
    steps: Option<Arc<[String]>>,
}

impl std::fmt::Debug for Expr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expr({:?})", self.text)
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
    pub fn text(&self) -> &str {
        &self.text
    }
    /// The ids of the steps that it names; `None` when it takes `steps` as a whole.
    pub fn steps(&self) -> Option<&[String]> {
        self.steps.as_deref()
    }
}
