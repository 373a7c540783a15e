//! A flow that is being drafted from a runbook.
//! In: nothing. Out: plain data, in the order in which it will be written. Never: a key that the flow language lacks.

use std::collections::BTreeSet;

#[derive(Debug, Default)]
pub(super) struct Draft {
    pub title: String,
    pub role: Option<String>,
    pub goal: Option<String>,
    pub non_goals: Vec<String>,
    pub params: Vec<Param>,
    pub commands: BTreeSet<String>,
    pub read_first: Vec<String>,
    pub secrets: BTreeSet<String>,
    pub steps: Vec<Step>,
    pub done: Vec<Done>,
    /// Comments that follow the last step.
    pub after: Vec<String>,
    pub kept: Vec<Kept>,
}

/// Something of the runbook that is no part of the flow, or only as a comment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Kept {
    pub line: u32,
    pub last: u32,
    /// Its beginning.
    pub text: String,
    /// Why it is no more than a comment.
    pub why: String,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Param {
    pub name: String,
    pub required: bool,
    pub default: Option<String>,
    pub values: Vec<String>,
    pub boolean: bool,
    pub description: String,
    pub line: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    pub id: String,
    pub title: String,
    pub line: u32,
    pub when: Option<String>,
    pub verb: Verb,
    /// Lines above it.
    pub comments: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) enum Verb {
    Run(Run),
    Ask(Ask),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Run {
    pub text: String,
    /// Why a person is asked first; `None`: it only looks.
    pub changes: Option<String>,
    /// When it is to be run, in the runbook's words.
    pub only_if: Option<String>,
    pub stdout: Option<String>,
    pub poll: Option<(String, String)>,
    pub timeout: Option<String>,
    pub secrets: BTreeSet<String>,
    pub undo: Option<String>,
    pub rollback: bool,
    pub goes_on: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Ask {
    pub question: String,
    /// Key, label, effect.
    pub options: Vec<(String, String)>,
    pub high: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Done {
    pub id: String,
    pub question: String,
    pub line: u32,
}

impl Draft {
    pub fn keep(&mut self, lines: (u32, u32), text: &str, why: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect();
        self.kept.push(Kept { line: lines.0, last: lines.1, text, why: why.to_owned() });
    }

    /// A parameter by its name, made where there is none.
    pub fn param(&mut self, name: &str, description: &str, line: u32) {
        if !self.params.iter().any(|param| param.name == name) {
            let param =
                Param { name: name.to_owned(), required: true, description: description.to_owned(), line, ..Param::default() };
            self.params.push(param);
        }
    }
}
