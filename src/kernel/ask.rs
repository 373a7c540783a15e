//! Questions to people: how one is put together, named and raised.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    id::{EscalationId, FramePath, Sha256, StepRef},
    record::{Concern, Fact, Option_, Question, QuestionKind, QuestionStatus, Rule, Shown, subject_digest},
    spec::{Halt, OnTimeout, Role, Severity, Template, flow::Ask},
};

use super::{
    scope::{scope, scope_value},
    state::{Frame, Slot},
    turn::Turn,
};

/// The parts of a question that differ from kind to kind.
pub(super) struct Asked {
    pub kind: QuestionKind,
    pub rule: Rule,
    pub severity: Severity,
    pub reason: String,
    pub question: String,
    pub options: Vec<Option_>,
    pub to: Vec<Role>,
    pub action: Option<String>,
    pub evidence: Vec<String>,
    pub concerns: Vec<Concern>,
    pub expires_ms: Option<u64>,
    pub on_timeout: OnTimeout,
    pub halt: Halt,
}

impl Asked {
    pub fn new(
        kind: QuestionKind,
        rule: Rule,
        reason: impl Into<String>,
        question: impl Into<String>,
        options: Vec<Option_>,
    ) -> Self {
        Self {
            kind,
            rule,
            severity: Severity::Medium,
            reason: reason.into(),
            question: question.into(),
            options,
            to: Vec::new(),
            action: None,
            evidence: Vec::new(),
            concerns: Vec::new(),
            expires_ms: None,
            on_timeout: OnTimeout::Wait,
            halt: Halt::Branch,
        }
    }
}

pub(super) fn option(key: &str, label: &str, effect: &str) -> Option_ {
    Option_ { key: key.to_owned(), label: label.to_owned(), effect: effect.to_owned() }
}

/// `retry`, `skip`, `mark-done`, `abort`, as they fit a step that ended badly.
pub(super) fn repair_options() -> Vec<Option_> {
    vec![
        option("retry", "Run it again", "the step runs again, your note goes with it"),
        option("skip", "Go on without it", "the step counts as skipped; what needs it starts"),
        option("mark-done", "It is done", "the step counts as done by your word; name the evidence"),
        option("abort", "Stop the flow", "no further step of this flow starts"),
    ]
}

/// The next free name of a question about a step: `<step>-<n>`, with the flow before it where flows nest.
fn next_id(frame: &Frame, step: &StepRef) -> EscalationId {
    let number = frame.asked.get(step).copied().unwrap_or(0) + 1;
    let plain = step.as_str().replace(['[', ']'], ".").trim_end_matches('.').to_owned();
    let prefix = if frame.path.depth() == 0 { String::new() } else { format!("{}.", frame.path) };
    let prefix = prefix.replace(['[', ']'], "");
    // Flows that stand side by side in one run may have steps of the same name.
    let name = format!("{prefix}{plain}-{number}");
    let short = || {
        let digest = Sha256::of(name.as_bytes());
        EscalationId::new(&format!("question-{}-{number}", &digest.as_str()[..12])).expect("letters, digits and hyphens")
    };
    EscalationId::new(&name).unwrap_or_else(|_| short())
}

/// Puts the question together and raises it; with evidence to look at, it is requested first.
pub(super) fn raise(turn: &mut Turn, path: &FramePath, step: &StepRef, step_sha256: Sha256, asked: Asked) -> EscalationId {
    let frame = turn.frame(path);
    let mut id = next_id(frame, step);
    if turn.state.questions.contains_key(&id) {
        let name = format!("{}.{id}", frame.path).replace(['[', ']'], "");
        id = EscalationId::new(&name).unwrap_or(id);
    }
    let slot = frame.slot(step);
    let execution = slot.and_then(|slot| frame.state(slot)).map_or(0, |state| state.execution);
    let shown: Vec<Shown> =
        asked.evidence.iter().map(|path| Shown { path: path.clone(), exists: false, sha256: None, bytes: None }).collect();
    let params = (*frame.params).clone();
    let digest = subject_digest(&asked.question, &asked.options, &shown, &step_sha256, &params, asked.action.as_deref());
    let run_id = turn.state.run.as_ref().expect("a frame exists only in a run").id.clone();
    let question = Question {
        schema: Question::SCHEMA.to_owned(),
        id: id.clone(),
        run_id,
        flow_key: frame.key.clone(),
        flow_path: path.clone(),
        step_id: step.clone(),
        execution,
        kind: asked.kind,
        severity: asked.severity,
        rule: asked.rule,
        reason: asked.reason,
        question: asked.question,
        options: asked.options,
        to: asked.to,
        action: asked.action,
        shown,
        concerns: asked.concerns,
        params,
        step_sha256,
        subject_digest: digest,
        cost_usd: None,
        raised_at: turn.now,
        deadline: asked.expires_ms.map(|ms| turn.now.plus(ms)),
        on_timeout: asked.on_timeout,
        halt: asked.halt,
        status: QuestionStatus::Open,
        answer: None,
        replaced_by: None,
    };
    let question = Box::new(question);
    turn.emit(if question.shown.is_empty() {
        Fact::EscalationRaised { question }
    } else {
        Fact::EscalationRequested { question }
    });
    id
}

/// The evidence of a requested question was looked at: now it is asked, and its digest covers what was found.
pub(super) fn shown(turn: &mut Turn, question: &Arc<Question>, shown: Vec<Shown>) {
    let mut question = (**question).clone();
    question.shown = shown;
    question.subject_digest = subject_digest(
        &question.question,
        &question.options,
        &question.shown,
        &question.step_sha256,
        &question.params,
        question.action.as_deref(),
    );
    turn.emit(Fact::EscalationRaised { question: Box::new(question) });
}

/// What a flow's `ask` or `approve` says, with its templates filled in.
pub(super) fn written(turn: &Turn, path: &FramePath, own: Option<Slot>, ask: &Ask) -> Result<(String, Vec<String>), String> {
    let frame = turn.frame(path);
    let render = |template: &Template| {
        let value: Value = scope_value(scope(&turn.state, frame, template.reads(), own, None));
        template.render(&value).map_err(|error| error.to_string())
    };
    let question = render(&ask.question)?;
    let mut evidence = ask.evidence.iter().map(render).collect::<Result<Vec<String>, String>>()?;
    evidence.sort();
    evidence.dedup();
    Ok((question, evidence))
}
