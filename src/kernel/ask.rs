//! Questions to people: how one is put together, named and raised.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    id::{EscalationId, FramePath, RunId, Sha256, StepRef},
    record::{Concern, Fact, Option_, Question, QuestionKind, QuestionStatus, Rule, Shown, Told, subject_digest},
    spec::{Halt, OnTimeout, Role, Severity, Template, flow::Ask},
};

use super::{
    offer,
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
    pub answer_schema: Option<Value>,
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
            answer_schema: None,
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
    let options = offer::with_rollback(&turn.state, frame, step, asked.kind, asked.options);
    let shown: Vec<Shown> = asked.evidence.iter().map(|path| Shown::absent(path)).collect();
    let params = (*frame.params).clone();
    let digest = subject_digest(&asked.question, &options, &shown, &step_sha256, &params, asked.action.as_deref());
    let run_id = turn.state.run.as_ref().expect("a frame exists only in a run").id.clone();
    let (told, open) = slot.map(|slot| before(frame, slot)).unwrap_or_default();
    // What the step itself found stands first; a step that has not run yet has only what came before it.
    let concerns = if asked.concerns.is_empty() && matches!(asked.kind, QuestionKind::Approval | QuestionKind::Ask) {
        open
    } else {
        asked.concerns
    };
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
        options,
        to: asked.to,
        action: asked.action,
        shown,
        told,
        concerns,
        push_back: slot.filter(|_| goes_back(asked.kind)).map(|slot| earlier(frame, slot)).unwrap_or_default(),
        answer_schema: asked.answer_schema,
        params,
        step_sha256,
        subject_digest: digest,
        cost_usd: turn.state.cost.known(),
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

/// Steps that a step needs, as far as an agent spoke for them, and what they left open.
fn before(frame: &Frame, slot: Slot) -> (Vec<Told>, Vec<Concern>) {
    let (mut told, mut open) = (Vec::new(), Vec::new());
    for need in &frame.plan.step(slot.step).needs {
        let need = Slot::from(*need);
        let handoff = frame.state(need).and_then(|state| state.result.as_deref()?.handoff.as_deref());
        let Some(handoff) = handoff else { continue };
        open.extend(handoff.concerns.iter().cloned());
        let (found, reason) = (handoff.summary.what_i_found.clone(), handoff.routing.reason.clone());
        told.push(Told { step: frame.name(need), status: handoff.status, found, reason });
    }
    (told, open)
}

/// A question about a step can send the work back; one about a flow cannot.
pub(super) const fn goes_back(kind: QuestionKind) -> bool {
    match kind {
        QuestionKind::Approval
        | QuestionKind::Ask
        | QuestionKind::Failed
        | QuestionKind::Blocked
        | QuestionKind::EscalateWhen
        | QuestionKind::StopTheLine
        | QuestionKind::LoopExhausted
        | QuestionKind::Navigator
        | QuestionKind::Lost => true,
        QuestionKind::Limit | QuestionKind::Done => false,
    }
}

fn earlier(frame: &Frame, slot: Slot) -> Vec<StepRef> {
    frame.plan.upstream(slot.step).iter().filter(|step| **step != slot.step).map(|step| frame.name(Slot::from(*step))).collect()
}

/// The evidence of a requested question was looked at: now it is asked, and its digest covers what was found.
pub(super) fn shown(turn: &mut Turn, question: &Arc<Question>, shown: Vec<Shown>) {
    let mut question = (**question).clone();
    question.concerns.extend(shown.iter().filter_map(|one| not_ours(&question.run_id, one)));
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

/// A receipt, a handoff, a log that somebody else wrote is shown as what it is: an answer must not rest on it unawares.
pub(super) fn not_ours(run: &RunId, shown: &Shown) -> Option<Concern> {
    let how = shown.differs.as_deref()?;
    Some(Concern {
        severity: Severity::High,
        description: format!("the evidence {} {how}", shown.path),
        location: Some(shown.path.clone()),
        recommendation: Some(format!("`flow-studio verify {run} --repair` makes it anew; then this is asked again")),
    })
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
