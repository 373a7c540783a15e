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
    /// More of something than a flow should have, and how many it may have.
    pub over: Option<(&'static str, usize)>,
}

/// More are not one runbook; and each blank is compared with them.
pub(super) const PARAMS_MAX: usize = 100;
pub(super) const STEPS_MAX: usize = 300;
pub(super) const DONE_MAX: usize = 100;
pub(super) const HEADINGS_MAX: usize = 1000;

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
    /// The runbook itself lists it.
    pub declared: bool,
    /// A command reads it.
    pub in_command: bool,
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
    /// Words of bash are in it.
    pub bash: bool,
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
    /// Key, label.
    pub options: Vec<(String, String)>,
    pub high: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Done {
    pub id: String,
    pub line: u32,
    pub when: Option<String>,
    pub holds: Holds,
}

#[derive(Debug, Clone)]
pub(super) enum Holds {
    /// A person says so.
    Asked(String),
    /// The step of this name passed.
    Passed(String),
}

impl Draft {
    pub fn keep(&mut self, lines: (u32, u32), text: &str, why: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect();
        self.kept.push(Kept { line: lines.0, last: lines.1, text, why: why.to_owned() });
    }

    /// Where the parameter of this name stands, made where there is none.
    pub fn param(&mut self, name: &str, description: &str, line: u32) -> usize {
        if let Some(at) = self.params.iter().position(|param| param.name == name) {
            return at;
        }
        if self.params.len() >= PARAMS_MAX {
            self.over = Some(("parameters", PARAMS_MAX));
            return self.params.len() - 1;
        }
        let param =
            Param { name: name.to_owned(), required: true, description: description.to_owned(), line, ..Param::default() };
        self.params.push(param);
        self.params.len() - 1
    }
}
