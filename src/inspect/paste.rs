//! Commands that a reader can paste: every hint is one of these, spelled for the runs directory that is in use.
//! In: names as newtypes. Out: shell text. Never: a name that the shell would take apart.

use crate::id::{EscalationId, FramePath, RunId, StepRef};

/// How this program is called here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paste {
    program: String,
    runs: String,
}

impl Default for Paste {
    fn default() -> Self {
        Self { program: "flow-studio".to_owned(), runs: "run_base".to_owned() }
    }
}

impl Paste {
    /// For a runs directory that is not the default one.
    pub fn with_runs(runs: &str) -> Self {
        Self { program: format!("flow-studio --runs {}", quoted(runs)), runs: runs.to_owned() }
    }

    /// A command that was written without knowing where the runs are.
    pub fn spelled(&self, hint: &str) -> String {
        match hint.strip_prefix("flow-studio ") {
            Some(rest) if !rest.contains("--runs ") => format!("{} {rest}", self.program),
            _ => hint.to_owned(),
        }
    }
    pub fn resume(&self, run: &RunId) -> String {
        format!("{} resume {run}", self.program)
    }
    /// With the flow as it lies there now.
    pub fn refresh(&self, run: &RunId, flow: &FramePath) -> String {
        format!("{} resume {run} --flow {} --refresh", self.program, quoted(flow.as_str()))
    }
    pub fn retry(&self, run: &RunId, flow: &FramePath, step: &StepRef) -> String {
        format!("{} retry {run} --flow {} --step {}", self.program, quoted(flow.as_str()), quoted(step.as_str()))
    }
    pub fn answer(&self, run: &RunId, question: &EscalationId, choose: &str) -> String {
        format!("{} review answer {run}/{question} --choose {}", self.program, quoted(choose))
    }
    /// For a person to choose from. Quoted, so that a shell which is given the whole line answers nothing.
    pub fn answer_with_one_of(&self, run: &RunId, question: &EscalationId, keys: &[impl AsRef<str>]) -> String {
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        self.answer(run, question, &keys.join("|"))
    }
    pub fn review(&self, run: &RunId, question: &EscalationId) -> String {
        format!("{} review show {run}/{question}", self.program)
    }
    pub fn status(&self, run: &RunId) -> String {
        format!("{} status {run}", self.program)
    }
    pub fn explain(&self, run: &RunId, flow: &FramePath, step: &StepRef) -> String {
        self.of_step("explain", run, flow.as_str(), step.as_str(), "")
    }
    pub fn repair(&self, run: &RunId) -> String {
        format!("{} verify {run} --repair", self.program)
    }
    /// Where the files of a run are.
    pub fn base(&self, run: &RunId) -> String {
        format!("{}/{run}", self.runs)
    }
    /// Any other command.
    pub fn command(&self, rest: &str) -> String {
        format!("{} {rest}", self.program)
    }
    /// A command about one step; its flow is named, because several flows of a run may have a step of that name.
    pub fn of_step(&self, verb: &str, run: &RunId, flow: &str, step: &str, tail: &str) -> String {
        format!("{} {verb} {run} {} --flow {}{tail}", self.program, quoted(step), quoted(flow))
    }
    pub fn report(&self, run: &RunId) -> String {
        format!("{} report {run}", self.program)
    }
}

/// One word for a shell, which in single quotes takes everything as it is.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '=' | ',' | '@' | '+' | '~');
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
