//! What an answer does. One function for all channels: command line, inbox file, HTTP, scenario.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use crate::{
    id::{EscalationId, FramePath, ParamName, StepId, StepRef},
    plan::StepIx,
    record::{
        Answer, Channel, Concern, Decision, DecisionKind, EngineWord, ErrorClass, Fact, Failure, FailureKind, InputNote, Kept,
        Question, QuestionKind, QuestionStatus, ReplyOutcome, Rule, Shown, SkipReason, Status, SupersedeReason, subject_digest,
    },
    spec::{
        Verb,
        flow::is_yes,
        form::{self, Form},
        params::Given,
    },
};

use super::{
    ask, ended, expire,
    input::{Refused, Roles},
    limits, navigator, offer,
    state::Slot,
    turn::Turn,
};

pub(super) fn answered(
    turn: &mut Turn,
    id: &EscalationId,
    answer: &Answer,
    shown_now: Vec<Shown>,
    roles: &Roles,
) -> Result<InputNote, Refused> {
    // Time may have answered while nobody drove the run.
    expire::expire(turn);
    let question = turn.state.questions.get(id).cloned().ok_or_else(|| Refused::NoQuestion { id: id.clone() })?;
    if question.status != QuestionStatus::Open {
        let status = match (question.status, &question.answer) {
            (QuestionStatus::Answered, Some(before)) => format!("answered `{}` by {}", before.choose, before.by),
            (QuestionStatus::Voided, _) => "voided".to_owned(),
            (QuestionStatus::Expired, _) => "expired".to_owned(),
            (QuestionStatus::Answered | QuestionStatus::Open, _) => "answered".to_owned(),
        };
        let refused = Refused::Closed { id: id.clone(), status };
        // The same letter, read twice because its reader was killed in between.
        let twice = question.answer.as_ref().is_some_and(|before| before.is_again(answer));
        return if twice { Err(refused) } else { refuse(turn, id, answer.clone(), refused) };
    }
    let mut answer = answer.clone();
    let starter = turn.state.was_started_by(&question.flow_path, &answer.by);
    match may_answer(&question, &answer, roles, starter) {
        Ok(()) => {}
        Err(refused) => return refuse(turn, id, answer, refused),
    }
    answer.self_approved = starter;
    let digest = subject_digest(
        &question.question,
        &question.options,
        &shown_now,
        &question.step_sha256,
        &question.params,
        question.action.as_deref(),
    );
    if digest != question.subject_digest {
        // What was shown is no longer what there is: this question is over, and the new one covers the new state.
        turn.emit(Fact::AnswerRefused { id: id.clone(), answer, why: "what was shown has changed since".to_owned() });
        ask_anew(turn, &question, shown_now);
        return Ok(InputNote::Answered { id: id.clone() });
    }
    if answer.subject_digest != question.subject_digest {
        let refused =
            Refused::Changed { id: id.clone(), seen: answer.subject_digest.clone(), now: question.subject_digest.clone() };
        return refuse(turn, id, answer, refused);
    }
    if answer.choose == offer::ROLLBACK && offer::is_ours(&turn.state, &question) {
        if let Some(why) = offer::not_now(&turn.state, &question) {
            return refuse(turn, id, answer, Refused::NoRollback { id: id.clone(), why });
        }
        if !offer::still_says(&turn.state, &question) {
            // Steps went on beside the question: what would be taken back is no longer what was read.
            let why = "what would be taken back has changed since".to_owned();
            turn.emit(Fact::AnswerRefused { id: id.clone(), answer, why });
            ask_anew(turn, &question, shown_now);
            return Ok(InputNote::Answered { id: id.clone() });
        }
    }
    let known = question.options.iter().any(|option| option.key == answer.choose);
    let push_back = push_back_target(turn, &question, &answer.choose);
    if !known && push_back.is_none() {
        let options = question.options.iter().map(|option| option.key.as_str()).collect::<Vec<_>>().join(", ");
        let refused = Refused::UnknownChoice { id: id.clone(), choice: answer.choose.clone(), options };
        return refuse(turn, id, answer, refused);
    }
    if let Some(options) = navigator::closed(turn, &question, &answer.choose).filter(|_| push_back.is_none()) {
        let refused = Refused::UnknownChoice { id: id.clone(), choice: answer.choose.clone(), options };
        return refuse(turn, id, answer, refused);
    }
    match brought(turn, &question, &answer, push_back.is_some()) {
        Ok(values) => answer.values = values,
        Err(refused) => return refuse(turn, id, answer, refused),
    }
    if let Some(target) = push_back {
        let frame = turn.frame(&question.flow_path);
        let names: Vec<_> = frame.plan.downstream(target).into_iter().map(|step| frame.name(step.into())).collect();
        if let Some(what) = super::again::still_running(turn, &question.flow_path, &names) {
            return refuse(turn, id, answer, Refused::StillRunning { what });
        }
    }
    turn.emit(Fact::EscalationAnswered { id: id.clone(), answer: answer.clone() });
    if turn.state.line_stops.contains(id) {
        turn.emit(Fact::LineReleased { by: id.clone() });
    }
    carry_out(turn, &question, &answer, push_back);
    Ok(InputNote::Answered { id: id.clone() })
}

/// The refusal is part of the record, and the question stays open.
fn refuse(turn: &mut Turn, id: &EscalationId, answer: Answer, why: Refused) -> Result<InputNote, Refused> {
    turn.emit(Fact::AnswerRefused { id: id.clone(), answer, why: why.to_string() });
    Ok(InputNote::Answered { id: id.clone() })
}

fn may_answer(question: &Question, answer: &Answer, roles: &Roles, starter: bool) -> Result<(), Refused> {
    // Only the kernel itself lets time answer.
    if answer.by.starts_with("agent:") || answer.channel == Channel::Timeout {
        return Err(Refused::AgentAnswer);
    }
    if starter && !roles.self_approval {
        return Err(Refused::SelfApproval { id: question.id.clone(), by: answer.by.clone() });
    }
    let Some(has) = &roles.has else { return Ok(()) };
    if question.to.is_empty() || question.to.iter().any(|role| has.contains(&role.0)) {
        return Ok(());
    }
    let allowed = question.to.iter().map(|role| role.0.as_str()).collect::<Vec<_>>().join(", ");
    Err(Refused::NotYours { id: question.id.clone(), by: answer.by.clone(), allowed })
}

/// What an answer has to bring along: the values of a form, and how it is known that a step is done.
fn brought(turn: &Turn, question: &Question, answer: &Answer, back: bool) -> Result<BTreeMap<ParamName, Value>, Refused> {
    if answer.choose == "mark-done" {
        let note = answer.note.as_deref().map(str::trim).unwrap_or_default();
        // Dots and dashes are what a template leaves, and what somebody types to get past.
        let noted = note.chars().any(char::is_alphanumeric);
        let lacking = |why: String| Err(Refused::NoEvidence { id: question.id.clone(), why });
        for path in &answer.evidence {
            match answer.proof.iter().find(|one| one.path == *path && one.exists) {
                Some(Shown { differs: Some(how), .. }) => return lacking(format!("`{path}` {how}")),
                Some(_) => {}
                None => return lacking(format!("`{path}` is not there")),
            }
        }
        if answer.evidence.is_empty() && !noted {
            let why =
                if note.is_empty() { "it names none, and has no note" } else { "it names none, and its note has no word in it" };
            return lacking(why.to_owned());
        }
    }
    let frame = turn.state.frame(&question.flow_path);
    let step = frame.and_then(|frame| Some(&frame.plan.step(frame.slot(&question.step_id)?.step).spec.verb));
    let asked = match step {
        Some(Verb::Ask(ask)) if question.kind == QuestionKind::Ask && answer.choose != "reject" && !back => Some(&ask.form),
        _ => None,
    };
    let given = answer.values.iter().map(|(name, value)| (name.to_string(), Given::Value(value.clone()))).collect();
    form::fill(asked.unwrap_or(&Form::new()), &given).map_err(|why| Refused::BadValues { id: question.id.clone(), why })
}

fn push_back_target(turn: &Turn, question: &Question, choice: &str) -> Option<StepIx> {
    // A line of "done" may have the name of a step, a limit is asked at one: neither is about that step.
    if !ask::goes_back(question.kind) {
        return None;
    }
    let frame = turn.state.frame(&question.flow_path)?;
    let target = frame.plan.find(choice.strip_prefix("push-back:")?)?;
    let own = frame.slot(&question.step_id)?.step;
    // Back means to a step before this one.
    (target != own && frame.plan.upstream(own).binary_search(&target).is_ok()).then_some(target)
}

fn ask_anew(turn: &mut Turn, old: &Question, shown: Vec<Shown>) {
    turn.emit(Fact::EscalationVoided { id: old.id.clone(), why: "what was shown has changed".to_owned() });
    let id = ask_the_same(turn, old, shown.iter().map(|one| one.path.clone()).collect());
    if let Some(requested) = turn.state.requested.get(&id).cloned() {
        ask::shown(turn, &requested, shown);
    }
}

/// The question again, with a new name, for as long a time as before.
pub(super) fn ask_the_same(turn: &mut Turn, old: &Question, evidence: Vec<String>) -> EscalationId {
    let mut asked = ask::Asked::new(old.kind, old.rule, old.reason.clone(), old.question.clone(), old.options.clone());
    asked.severity = old.severity;
    asked.to.clone_from(&old.to);
    asked.action.clone_from(&old.action);
    // Those about evidence are of the files as they were.
    let of_files: Vec<Concern> = old.shown.iter().filter_map(|one| ask::not_ours(&old.run_id, one)).collect();
    asked.concerns = old.concerns.iter().filter(|one| !of_files.contains(one)).cloned().collect();
    asked.answer_schema.clone_from(&old.answer_schema);
    asked.expires_ms = old.deadline.map(|deadline| deadline.since(old.raised_at));
    asked.on_timeout = old.on_timeout;
    asked.halt = old.halt;
    asked.evidence = evidence;
    let id = ask::raise(turn, &old.flow_path, &old.step_id, old.step_sha256.clone(), asked);
    if old.kind == QuestionKind::StopTheLine {
        if turn.state.line_stops.contains(&old.id) {
            turn.emit(Fact::LineReleased { by: old.id.clone() });
        }
        turn.emit(Fact::LineStopped { by: id.clone() });
    }
    id
}

pub(super) fn carry_out(turn: &mut Turn, question: &Question, answer: &Answer, push_back: Option<StepIx>) {
    let path = question.flow_path.clone();
    if question.kind == QuestionKind::Limit {
        return limits::answered(turn, question, answer);
    }
    if question.kind == QuestionKind::Done {
        let Ok(id) = StepId::new(question.step_id.as_str()) else { return };
        // Whatever is no yes is a no.
        let passed = is_yes(&answer.choose);
        let detail = words(answer);
        let rollback = answer.choose == offer::ROLLBACK && offer::is_ours(&turn.state, question);
        return turn.emit(Fact::DoneChecked { flow: path, id, passed, detail, rollback });
    }
    let Some(slot) = turn.frame(&path).slot(&question.step_id) else { return };
    if let Some(target) = push_back {
        let frame = turn.frame(&path);
        let names = frame.plan.downstream(target).into_iter().map(|step| frame.name(step.into())).collect();
        let back = frame.name(target.into());
        told(turn, &path, slot, answer, Rule::PushBack, vec![back]);
        return again(turn, &path, names, Some(target), SupersedeReason::PushBack, answer);
    }
    match question.kind {
        // The answer itself makes the step ready; it starts like any other.
        QuestionKind::Approval if answer.choose == "approve" => {}
        QuestionKind::Approval => reject(turn, &path, slot, answer, true),
        QuestionKind::Ask if answer.choose == "reject" => reject(turn, &path, slot, answer, false),
        QuestionKind::Ask => chosen(turn, &path, slot, answer),
        QuestionKind::Failed
        | QuestionKind::Blocked
        | QuestionKind::EscalateWhen
        | QuestionKind::StopTheLine
        | QuestionKind::LoopExhausted
        | QuestionKind::Navigator
        | QuestionKind::Lost => repaired(turn, &path, slot, question, answer),
        QuestionKind::Limit | QuestionKind::Done => {}
    }
}

pub(super) fn words(answer: &Answer) -> String {
    let values: Vec<String> = answer.values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let values = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
    let note = answer.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
    format!("{} chose {}{values}{note}", answer.by, answer.choose)
}

/// `approve`, `retry`, `skip`, `mark-done`, `rollback`, `abort` on a step that ended badly.
fn repaired(turn: &mut Turn, path: &FramePath, slot: Slot, question: &Question, answer: &Answer) {
    let asks = question.kind == QuestionKind::Navigator;
    let way = navigator::way(&turn.state, turn.frame(path), slot, &answer.choose).filter(|_| asks);
    if let Some(way) = way {
        return navigator::sent(turn, path, slot, way, answer);
    }
    match answer.choose.as_str() {
        "retry" if question.kind == QuestionKind::LoopExhausted => one_more_round(turn, path, slot, answer),
        "retry" => {
            let own = vec![turn.frame(path).name(slot)];
            told(turn, path, slot, answer, Rule::Retry, own.clone());
            again(turn, path, own, None, SupersedeReason::Retry, answer);
        }
        "skip" if question.kind != QuestionKind::LoopExhausted => {
            let at = turn.frame(path).at(slot);
            // Worked out from how it ended, which the skip takes away.
            let decision = decided_by(turn, path, slot, answer, DecisionKind::Continue);
            turn.emit(Fact::StepSkipped { at, why: SkipReason::Person, detail: words(answer) });
            turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(decision) });
        }
        "abort" | offer::ROLLBACK => routed_by(turn, path, slot, answer, DecisionKind::Terminate),
        "mark-done" => mark_done(turn, path, slot, answer),
        _ => routed_by(turn, path, slot, answer, DecisionKind::Continue),
    }
}

fn routed_by(turn: &mut Turn, path: &FramePath, slot: Slot, answer: &Answer, kind: DecisionKind) {
    let decision = decided_by(turn, path, slot, answer, kind);
    turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(decision) });
}

pub(super) fn decided_by(turn: &Turn, path: &FramePath, slot: Slot, answer: &Answer, kind: DecisionKind) -> Decision {
    let mut decision = ended::decision(turn, path, slot, kind, Rule::Answered);
    decision.reason = words(answer);
    decision.by = format!("human:{}", answer.by);
    decision.next_step_ids = if kind == DecisionKind::Continue { ended::after(turn, path, slot) } else { Vec::new() };
    if kind == DecisionKind::Terminate && answer.choose == offer::ROLLBACK {
        decision.forensic_summary.insert("rollback".to_owned(), json!(true));
    }
    decision
}

/// What a person has done beside the table: the line that says who and why. The facts after it do it.
fn told(turn: &mut Turn, path: &FramePath, slot: Slot, answer: &Answer, rule: Rule, next: Vec<StepRef>) {
    let mut decision = decided_by(turn, path, slot, answer, DecisionKind::Continue);
    decision.rule = rule;
    decision.next_step_ids = next;
    turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(decision) });
}

fn mark_done(turn: &mut Turn, path: &FramePath, slot: Slot, answer: &Answer) {
    // Where the flow goes from there is the table's to say, and stands in the line after it.
    told(turn, path, slot, answer, Rule::MarkDone, Vec::new());
    // The word of a person takes the place of the lost or failed execution; its receipt says whose word it is.
    let frame = turn.frame(path);
    let fact = Fact::StepStarted {
        at: frame.at(slot),
        execution: frame.next_execution(slot),
        iteration: frame.iteration(slot.step),
        timeout_ms: None,
        approved_by: None,
    };
    turn.emit(fact);
    chosen(turn, path, slot, answer);
}

fn one_more_round(turn: &mut Turn, path: &FramePath, slot: Slot, answer: &Answer) {
    let frame = turn.frame(path);
    let Some(which) = frame.plan.step(slot.step).ends_loop else { return };
    let iteration = frame.loops[which].iteration + 1;
    let first = frame.plan.loops[which].first;
    let at = frame.at(slot);
    let mut decision = ended::decision(turn, path, slot, DecisionKind::Loop, Rule::Answered);
    decision.reason = words(answer);
    decision.by = format!("human:{}", answer.by);
    decision.next_step_ids = vec![StepRef::from(&turn.frame(path).plan.step(first).spec.id)];
    turn.emit(Fact::Routed { flow: path.clone(), decision: Arc::new(decision) });
    turn.emit(Fact::LoopAgain { at, iteration });
}

fn again(turn: &mut Turn, path: &FramePath, names: Vec<StepRef>, named: Option<StepIx>, why: SupersedeReason, answer: &Answer) {
    super::again::set_aside(turn, path, names, why, named.map(Slot::from), &words(answer));
}

fn chosen(turn: &mut Turn, path: &FramePath, slot: Slot, answer: &Answer) {
    person_ended(turn, path, slot, answer, ReplyOutcome::Done, Status::Verified);
}

fn reject(turn: &mut Turn, path: &FramePath, slot: Slot, answer: &Answer, unstarted: bool) {
    if unstarted {
        let frame = turn.frame(path);
        let fact = Fact::StepStarted {
            at: frame.at(slot),
            execution: frame.next_execution(slot),
            iteration: frame.iteration(slot.step),
            timeout_ms: None,
            approved_by: None,
        };
        turn.emit(fact);
    }
    let failure = Failure {
        kind: FailureKind::Rejected,
        class: ErrorClass::Permanent,
        message: format!("rejected: {}", words(answer)),
        exit_code: None,
    };
    person_ended(turn, path, slot, answer, ReplyOutcome::Failed(failure), Status::Unverified);
}

fn person_ended(turn: &mut Turn, path: &FramePath, slot: Slot, answer: &Answer, outcome: ReplyOutcome, status: Status) {
    let mut json = json!({"choice": answer.choose, "note": answer.note, "by": answer.by});
    if !answer.values.is_empty() {
        json["values"] = json!(answer.values);
    }
    let kept = Kept { stdout: None, stderr: None, json: Some(json) };
    let summary = crate::record::Summary {
        what_i_found: words(answer),
        evidence: crate::record::Evidence { artifacts_produced: answer.evidence.clone(), ..crate::record::Evidence::default() },
        ..crate::record::Summary::default()
    };
    let draft = crate::record::Draft {
        status,
        summary,
        concerns: Vec::new(),
        assumptions: Vec::new(),
        routing: crate::record::DraftRouting { reason: words(answer), ..crate::record::DraftRouting::default() },
    };
    ended::end_without_engine(turn, path, slot, outcome, EngineWord::Human, Some(draft), kept);
}
