//! One fact as a sentence about one step, with the file that proves it.
//! Every kind of fact is named here, so that a new one cannot be forgotten.

use crate::{
    id::StepId,
    kernel::Frame,
    record::{
        At, Decision, DecisionKind, Fact, FailureKind, InputNote, Outcome, Parent, Question, ReceiptStatus, SkipReason, Status,
        SupersedeReason, WaitReason,
    },
    spec::{Expr, flow::Join},
};

use super::{
    by_word::marked_done,
    explain::Sentence,
    figures::{path_in, receipt_path},
    routes,
    view::{Moment, RunView},
    words::{first_line, length, listed},
};

const JOURNAL: &str = "journal.jsonl";

/// `None` for a fact that says nothing about the step beyond what its neighbours say.
pub(super) fn sentence(view: &RunView, at: &At, moment: &Moment) -> Option<Sentence> {
    let (text, rule, proof) = words(view, at, moment)?;
    Some(Sentence { at: moment.ts, line: moment.seq, text, rule, proof: proof.unwrap_or_else(|| JOURNAL.to_owned()) })
}

type Said = (String, Option<crate::record::Rule>, Option<String>);

fn words(view: &RunView, at: &At, moment: &Moment) -> Option<Said> {
    let frame = view.state.frame(&at.flow)?;
    let plain = |text: String| Some((text, None, None));
    let escalation = |question: &Question| Some(format!("{}/escalations/{}.json", question.flow_path, question.id));
    let asked = |id| view.state.questions.get(id).map(AsRef::as_ref);
    let of_question = |id, text: String| Some((text, None, asked(id).and_then(escalation)));
    match moment.fact.as_ref() {
        Fact::StepStarted { execution, iteration, approved_by, .. } => {
            Some((started(view, frame, at, moment, *execution, *iteration, approved_by.as_ref()), None, None))
        }
        Fact::AttemptEnded { attempt, why, due, error, .. } => {
            let wait = length(due.since(moment.ts));
            let error = first_line(error);
            plain(match why {
                WaitReason::Retry => format!("attempt {attempt} failed ({error}); the next one in {wait}"),
                WaitReason::Poll => format!("asked, attempt {attempt}: not yet ({error}); asked again in {wait}"),
            })
        }
        Fact::AttemptStarted { attempt, .. } => plain(format!("attempt {attempt} began")),
        Fact::StepEnded { execution, .. } => ended(view, at, *execution),
        Fact::StepSkipped { why, detail, .. } => plain(skipped(moment, *why, detail)),
        Fact::FannedOut { items, .. } => {
            let keys: Vec<&str> = items.iter().take(10).map(|item| item.key.as_str()).collect();
            let more = if items.len() > keys.len() { ", …" } else { "" };
            plain(format!("became {} instances: {}{more}", items.len(), listed(&keys)))
        }
        Fact::Routed { flow, decision } => {
            Some((decided(moment, decision), Some(decision.rule), Some(format!("{flow}/routing/decisions.jsonl"))))
        }
        Fact::LoopAgain { at: last, iteration } => {
            let max = frame
                .slot(&last.step)
                .and_then(|slot| frame.plan.step(slot.step).ends_loop)
                .map(|which| frame.plan.loops[which].iterations_max + frame.loops.get(which).map_or(0, |state| state.granted));
            let of = max.map(|max| format!(" of {max}")).unwrap_or_default();
            plain(format!("its loop went round again: round {iteration}{of}, because {} was not satisfied", last.step))
        }
        Fact::Superseded { steps, why, .. } => {
            // A step that had not run yet had nothing to lose.
            let ran =
                view.executions(at).iter().any(|one| one.ended.as_ref().map_or(one.started_at, |ended| ended.0) <= moment.ts);
            ran.then(|| (superseded(at, moment, steps, *why), None, None))
        }
        Fact::Reopened { step, into, .. } if *step == at.step => {
            plain(format!("opened again, because a step of {into} runs again"))
        }
        Fact::Reopened { step, .. } => plain(format!("its result no longer counts, because {step} was opened again")),
        Fact::EscalationRequested { .. } => None,
        Fact::EscalationRaised { question } => {
            let to = if question.to.is_empty() { "a person".to_owned() } else { listed(&question.to) };
            let text = format!("{to} was asked: {} ({})", first_line(&question.question), first_line(&question.reason));
            Some((text, Some(question.rule), escalation(question)))
        }
        Fact::EscalationAnswered { id, answer } => {
            let own = if answer.self_approved { ", who also started the run," } else { "" };
            let role = answer.role.as_ref().map(|role| format!(" as {role}")).unwrap_or_default();
            let note = answer.note.as_deref().map(|note| format!(": {}", first_line(note))).unwrap_or_default();
            of_question(id, format!("{}{role}{own} answered {}{note}", answer.by, answer.choose))
        }
        Fact::AnswerRefused { id, answer, why } => {
            of_question(id, format!("an answer by {} ({}) was refused: {why}", answer.by, answer.choose))
        }
        Fact::EscalationVoided { id, why } => of_question(id, format!("the question was closed: {why}")),
        Fact::EscalationExpired { id } => of_question(id, "nobody answered in time".to_owned()),
        Fact::StepLost { execution, .. } => {
            let proof =
                view.executions(at).iter().find(|one| one.number == *execution).and_then(|one| receipt_path(view, at, one));
            Some((format!("execution {execution} was lost: the process that performed it is gone"), None, proof))
        }
        Fact::FlowStarted { parent: Some(Parent::SubFlow { at: above }), flow, .. } if above == at => {
            plain(format!("sub-flow {flow} was started for it"))
        }
        Fact::FlowStarted { parent: Some(Parent::Undo { at: above, of, .. }), .. } if above == at => {
            plain(format!("what flow {of} did was taken back"))
        }
        Fact::FlowStarted { parent: Some(Parent::Detour { at: above, detour }), flow, .. } if above == at => {
            Some((format!("detour {detour} was entered"), None, Some(format!("{flow}/routing/decisions.jsonl"))))
        }
        Fact::FlowStarted { parent: Some(Parent::Injected { at: above, what }), flow, .. } if above == at => {
            Some((format!("{what} was put in"), None, Some(format!("{flow}/routing/decisions.jsonl"))))
        }
        Fact::FlowStarted { generation, options, .. } if *generation > 1 || options.from.is_some() || options.until.is_some() => {
            let mut text = if *generation > 1 {
                format!("the flow was started again (generation {generation})")
            } else {
                "the flow was started".to_owned()
            };
            text.extend(options.from.as_ref().map(|from| format!(" from {from}")));
            text.extend(options.until.as_ref().map(|until| format!(" until {until}")));
            plain(text)
        }
        Fact::ParamsChanged { changes, .. } => {
            let changes: Vec<String> =
                changes.iter().map(|change| format!("{} from {} to {}", change.name, change.from, change.to)).collect();
            plain(format!("parameters were changed: {}", changes.join(", ")))
        }
        Fact::DefinitionRefreshed { added, removed, changed, .. } => {
            let own = |ids: &[StepId]| ids.iter().any(|id| id.as_str() == at.step.base());
            plain(match (own(added), own(changed), own(removed)) {
                (true, _, _) => "the flow was changed: this step is new".to_owned(),
                (_, true, _) => "the flow was changed, and this step with it".to_owned(),
                (_, _, true) => "the flow was changed: this step is gone".to_owned(),
                (false, false, false) => "the flow was changed, this step was not".to_owned(),
            })
        }
        Fact::Confined { only: Some(only), .. } => plain(format!("only {only} was allowed to run")),
        Fact::Confined { only: None, .. } => plain("only a step of another flow was allowed to run".to_owned()),
        Fact::LimitReached { limit, used, max, .. } => {
            plain(format!("the flow reached its limit of {}", limit_words(*limit, *used, *max)))
        }
        Fact::LimitRaised { limit, max, .. } => plain(format!("the limit was raised to {}", limit_words(*limit, *max, *max))),
        Fact::EngineFailed { engine, failures, until: Some(until) } => {
            plain(format!("{engine} failed {failures} times in a row: nothing was asked of it before {until}"))
        }
        Fact::FlowCompleted { outcome: Outcome::Cancelled, reason, .. } => {
            let why = if reason == "cancelled" { String::new() } else { format!(": {reason}") };
            plain(format!("its flow was cancelled{why}"))
        }
        Fact::RunCreated { .. }
        | Fact::EngineFailed { .. }
        | Fact::EngineAnswered { .. }
        | Fact::FlowStarted { .. }
        | Fact::LineStopped { .. }
        | Fact::LineReleased { .. }
        | Fact::DoneChecked { .. }
        | Fact::FlowClosing { .. }
        | Fact::FlowCompleted { .. }
        | Fact::Resumed { .. }
        | Fact::DriverLost { .. }
        | Fact::StopRequested { .. }
        | Fact::RunRested { .. } => None,
    }
}

/// Millionths as people write them.
fn dollars(millionths: u64) -> String {
    format!("{}.{:04}", millionths / 1_000_000, millionths % 1_000_000 / 100)
}

pub(super) fn limit_words(limit: crate::record::LimitName, used: u64, max: u64) -> String {
    match limit {
        crate::record::LimitName::Steps if used == max => format!("{max} executions"),
        crate::record::LimitName::Steps => format!("{max} executions ({used} used)"),
        crate::record::LimitName::Wall => format!("{} of running time", length(max)),
        crate::record::LimitName::Timeout => format!("{} of running time, the timeout of the step that opened it", length(max)),
        crate::record::LimitName::Turns if used == max => format!("{max} calls of models"),
        crate::record::LimitName::Turns => format!("{max} calls of models ({used} used)"),
        crate::record::LimitName::UnknownCost if used == max => format!("{max} calls of unknown cost"),
        crate::record::LimitName::UnknownCost => format!("{max} calls of unknown cost ({used} made)"),
        crate::record::LimitName::Tokens if used == max => format!("{max} tokens"),
        crate::record::LimitName::Tokens => format!("{max} tokens ({used} used)"),
        crate::record::LimitName::Usd if used == max => format!("{} USD", dollars(max)),
        crate::record::LimitName::Usd => format!("{} USD ({} used)", dollars(max), dollars(used)),
    }
}

/// `a is 1 and b is "x"`.
fn seen(moment: &Moment) -> String {
    let parts: Vec<String> = moment.saw.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    parts.join(", ")
}

/// A step whose condition could not be evaluated has an execution, too, so that its failure has a receipt.
fn unevaluated(view: &RunView, at: &At, execution: u32, when: &Expr) -> bool {
    let proof = view.executions(at).iter().rfind(|one| one.number == execution).and_then(|one| one.proof());
    let error = proof.as_ref().and_then(|proof| Some((proof.error_detail.as_ref()?.kind, proof.error.as_deref()?)));
    error.is_some_and(|(kind, error)| kind == FailureKind::Expression && error.starts_with(&format!("`{}`: ", when.text())))
}

fn started(
    view: &RunView,
    frame: &Frame,
    at: &At,
    moment: &Moment,
    execution: u32,
    iteration: Option<u32>,
    approved_by: Option<&crate::id::EscalationId>,
) -> String {
    let mut why = Vec::new();
    if let Some(id) = approved_by {
        why.push(format!("approved by the answer to {id}"));
    }
    if let Some(slot) = frame.slot(&at.step).filter(|_| execution == 1) {
        let planned = frame.plan.step(slot.step);
        // Of a join of some, only those that were over then: the others may have been running still.
        let needs: Vec<&str> = match planned.spec.needs.join {
            Join::All => planned.needs.iter().map(|need| frame.plan.step(*need).spec.id.as_str()).collect(),
            Join::AtLeast(_) => moment.over.iter().map(StepId::as_str).collect(),
        };
        if !needs.is_empty() {
            why.push(format!("what it needs was over: {}", listed(&needs)));
        }
        if let Some(when) = planned.spec.when.as_ref() {
            let seen = seen(moment);
            why.push(if unevaluated(view, at, execution, when) {
                format!("`{}` could not be evaluated", when.text())
            } else if seen.is_empty() {
                format!("`{}` was true", when.text())
            } else {
                format!("`{}` was true ({seen})", when.text())
            });
        }
    }
    let round = iteration.map(|round| format!(", round {round}")).unwrap_or_default();
    let because = if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) };
    format!("execution {execution} started{round}{because}")
}

fn ended(view: &RunView, at: &At, number: u32) -> Option<Said> {
    let execution = view.executions(at).iter().rfind(|one| one.number == number)?;
    let (proof, handoff) = (execution.proof()?, execution.handoff()?);
    let path = receipt_path(view, at, execution).or_else(|| path_in(view, at, execution, "handoffs"));
    if let Some(word) = marked_done(view, execution) {
        return Some((format!("execution {number}: {}; nothing was measured", word.told()), None, path));
    }
    // As `status` and the report count it: with retries, and what they waited.
    let took = length(execution.duration_ms().unwrap_or_default());
    let mut text = match proof.status {
        ReceiptStatus::Succeeded => format!("execution {number} succeeded after {took}, {}", handoff.status),
        ReceiptStatus::Failed => format!("execution {number} failed after {took}, {}", handoff.status),
        ReceiptStatus::Interrupted => format!("execution {number} was interrupted after {took}"),
    };
    if let Some(error) = &proof.error {
        text.push_str(&format!(": {}", first_line(error)));
    }
    if let Some(from) = handoff.measured.downgraded_from {
        text.push_str(&format!("; it said {from}, and that was not what was measured"));
    }
    if let Some(sandbox) = proof.sandbox.as_ref().filter(|sandbox| sandbox.enforced.starts_with("none")) {
        text.push_str(&format!("; it promised `{}`, and nothing held it to that: {}", sandbox.requested, sandbox.enforced));
    }
    let failed: Vec<&str> = proof.checks.iter().filter(|check| !check.passed).map(|check| check.name.as_str()).collect();
    if !failed.is_empty() {
        text.push_str(&format!("; checks that did not pass: {}", listed(&failed)));
    }
    let worst = handoff.concerns.iter().max_by_key(|one| one.severity);
    if let Some(worst) = worst.filter(|_| proof.error.is_none() && handoff.status != Status::Verified) {
        text.push_str(&format!("; its worst concern, {}: {}", worst.severity, first_line(&worst.description)));
    }
    Some((text, None, path))
}

fn skipped(moment: &Moment, why: SkipReason, detail: &str) -> String {
    match why {
        SkipReason::When => {
            let seen = seen(moment);
            if seen.is_empty() { format!("skipped: {detail}") } else { format!("skipped: {detail} ({seen})") }
        }
        SkipReason::NeedSkipped => format!("skipped: {detail}"),
        SkipReason::Scope => format!("skipped: left out by --from or --until ({detail})"),
        SkipReason::Person => format!("skipped by a person: {detail}"),
        SkipReason::ObserveOnly => format!("passed over, since the run only observes: {detail}"),
        SkipReason::NotChosen => format!("skipped: {detail}"),
        SkipReason::Unreachable => format!("skipped: its join can no longer be met ({detail})"),
    }
}

fn decided(moment: &Moment, decision: &Decision) -> String {
    let reason = first_line(&decision.reason);
    let next = if decision.next_step_ids.is_empty() { String::new() } else { format!(" to {}", listed(&decision.next_step_ids)) };
    let entered = decision.detour_id.as_ref().filter(|_| decision.decision == DecisionKind::Detour);
    let detour = entered.map(|id| format!(" into {id}")).unwrap_or_default();
    let by = if decision.by == "kernel" { String::new() } else { format!(" by {}", decision.by) };
    let seen = seen(moment);
    let seen = if seen.is_empty() { String::new() } else { format!(" ({seen})") };
    let kind = match decision.decision {
        DecisionKind::Escalate => format!("ESCALATE, question {}", decision.escalation_id.as_ref().map_or("", |id| id.as_str())),
        other => other.to_string(),
    };
    let choice = routes::choice(decision).map(|choice| format!(" ({choice})")).unwrap_or_default();
    let reason = if decision.decision == DecisionKind::ExtendGraph { format!("the flow lacks: {reason}") } else { reason };
    format!("{kind}{next}{detour}{by}: {reason}{choice}{seen}")
}

fn superseded(at: &At, moment: &Moment, steps: &[crate::id::StepRef], why: SupersedeReason) -> String {
    let who = match moment.input.as_ref() {
        InputNote::RunRequested { by } | InputNote::ResumeRequested { by } | InputNote::RetryRequested { by } => by.clone(),
        InputNote::Answered { id } => format!("the answer to {id}"),
        _ => "somebody".to_owned(),
    };
    let own = steps.first().is_none_or(|first| first.as_str() == at.step.base());
    let first = if own { "this step".to_owned() } else { steps.first().map(ToString::to_string).unwrap_or_default() };
    let asked = match why {
        SupersedeReason::From => format!("{who} started again from {first}"),
        SupersedeReason::Retry => format!("{who} asked to run {first} again"),
        SupersedeReason::PushBack => format!("{who} pushed back to {first}"),
    };
    let depends = if own { "" } else { ", and this step depends on it" };
    format!("its result no longer counts: {asked}{depends}")
}
