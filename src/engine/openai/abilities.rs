//! What a server can do, learnt by trying.
//! In: refusals. Out: how the next request is written. Never: something tried twice that was refused, for the same model.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};

use crate::context::Form;

/// How tools are offered to a model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum ToolWay {
    #[default]
    Native,
    /// Described in the prompt, and called by a fenced block.
    Text,
}

/// How an object is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum ObjectWay {
    #[default]
    Schema,
    Object,
    /// The words of the question must do.
    Words,
}

impl ObjectWay {
    pub fn weaker(self) -> Option<Self> {
        match self {
            Self::Schema => Some(Self::Object),
            Self::Object => Some(Self::Words),
            Self::Words => None,
        }
    }
    /// The request's `response_format`.
    pub fn format(self, form: &Form) -> Option<Value> {
        let schema = || json!({"name": form.name(), "schema": form.schema()});
        match self {
            Self::Schema => Some(json!({"type": "json_schema", "json_schema": schema()})),
            Self::Object => Some(json!({"type": "json_object"})),
            Self::Words => None,
        }
    }
    pub const fn name(self) -> &'static str {
        match self {
            Self::Schema => "json_schema",
            Self::Object => "json_object",
            Self::Words => "no response format",
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Abilities {
    pub tools: ToolWay,
    pub object: ObjectWay,
}

/// By model: servers that stand before several models differ from one to the next. Kept for the process.
#[derive(Default)]
pub(super) struct Known(Mutex<BTreeMap<String, Abilities>>);

impl Known {
    pub fn of(&self, model: &str) -> Abilities {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(model).copied().unwrap_or_default()
    }
    pub fn learn(&self, model: &str, abilities: Abilities) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(model.to_owned(), abilities);
    }
}
