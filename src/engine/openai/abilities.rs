//! What a server can do, learnt by trying.
//! In: refusals. Out: how the next request is written. Never: something tried twice that was refused, for the same model.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
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

/// How an answer is held to a length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum LengthWay {
    /// By the name that OpenAI has for it on its own server, and by the older one everywhere else.
    #[default]
    Usual,
    /// By the other one.
    Other,
    /// Not at all.
    None,
}

impl LengthWay {
    pub fn weaker(self) -> Self {
        match self {
            Self::Usual => Self::Other,
            Self::Other | Self::None => Self::None,
        }
    }
    /// The request's key.
    pub fn key(self, provider: &str) -> Option<&'static str> {
        let own = provider == "api.openai.com";
        match (self, own) {
            (Self::Usual, true) | (Self::Other, false) => Some("max_completion_tokens"),
            (Self::Usual, false) | (Self::Other, true) => Some("max_tokens"),
            (Self::None, _) => None,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Abilities {
    pub tools: ToolWay,
    pub object: ObjectWay,
    pub length: LengthWay,
}

/// By model: servers that stand before several models differ from one to the next. Kept for the process.
#[derive(Default)]
pub(super) struct Known(Mutex<BTreeMap<String, Seen>>);

#[derive(Debug, Clone, Default)]
struct Seen {
    abilities: Abilities,
    /// The server's words, if it has no such model.
    absent: Option<String>,
}

impl Known {
    pub fn of(&self, model: &str) -> Abilities {
        self.lock().get(model).map(|seen| seen.abilities).unwrap_or_default()
    }
    pub fn learn(&self, model: &str, abilities: Abilities) {
        self.lock().entry(model.to_owned()).or_default().abilities = abilities;
    }
    pub fn absent(&self, model: &str) -> Option<String> {
        self.lock().get(model).and_then(|seen| seen.absent.clone())
    }
    pub fn learn_absent(&self, model: &str, why: &str) {
        self.lock().entry(model.to_owned()).or_default().absent = Some(why.to_owned());
    }
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
