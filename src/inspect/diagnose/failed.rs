//! Why a run failed: by what its failing steps say, measured and decided.

use crate::{
    kernel::DoneState,
    record::{Channel, Fact, Outcome, Parent, Question, StopCause},
};

use super::{
    super::{
        paste::quoted,
        remains::{DecisionSeen, Ran, number, whole},
        words::{count, first_line},
    },
    case::{Case, Found},
    patterns::Pattern,
};

fn told(case: &Case<'_>, ran: &Ran, says: String, once: &str) -> Found {
    let found = case.story(Found::new(says), ran);
    case.again(found, ran, &once_of(once))
}

/// A remedy as the first half of a sentence that goes on.
fn once_of(remedy: &str) -> String {
    let first = remedy.split(';').next().unwrap_or(remedy).trim();
    let mut chars = first.chars();
    let lower: String = chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default();
    format!("after this ({lower})")
}

fn words(ran: &Ran) -> String {
    // The last line of an error is where most programs say what is wrong.
    let mut lines = ran.error().trim().lines();
    let first = lines.next().unwrap_or("no message").to_owned();
    match lines.next_back().map(str::trim).filter(|last| !last.is_empty()) {
        Some(last) => format!("{first}; its last words: {last}"),
        None => first,
    }
}

pub(super) fn by_pattern(case: &Case<'_>, pattern: &Pattern, remedy: &str) -> Option<Found> {
    let ran = case.remains.failing().find(|ran| pattern.fits(ran))?;
    Some(told(case, ran, format!("{} failed: {}", ran.name(), words(ran)), remedy))
}

fn first_failing<'r>(case: &Case<'r>, fits: impl Fn(&Ran) -> bool) -> Option<&'r Ran> {
    case.remains.failing().find(|ran| fits(ran))
}

pub(super) fn cancelled(case: &Case<'_>) -> Option<Found> {
    let view = case.view()?;
    let by = view.moments.iter().rev().find_map(|moment| match moment.fact.as_ref() {
        Fact::StopRequested { cause: StopCause::Cancel, by } => Some((by.clone(), moment.seq)),
        _ => None,
    });
    let (by, line) = by.filter(|_| case.status() == Some(crate::record::RunStatus::Cancelled))?;
    let found = Found::new(format!("{by} cancelled the run")).at("journal.jsonl", format!("line {line}: {by} cancelled it"));
    let next = super::super::next::next(view, case.paste);
    Some(next.into_iter().fold(found, |found, next| found.then(next.why, next.command)))
}

pub(super) fn expired(case: &Case<'_>) -> Option<Found> {
    let view = case.view()?;
    let late = |ran: &Ran| {
        view.state.questions.values().find(|one| {
            let here = one.flow_path.as_str() == ran.flow && one.step_id.as_str() == ran.step;
            let expired = one.status == crate::record::QuestionStatus::Expired;
            here && (expired || one.answer.as_ref().is_some_and(|answer| answer.channel == Channel::Timeout))
        })
    };
    let (ran, question) = case.remains.failing().find_map(|ran| Some((ran, late(ran)?)))?;
    let found = Found::new(format!("nobody answered {} in time, so {} failed", question.id, ran.name()));
    let found = found.at(Case::question_path(question), first_line(&question.question));
    Some(case.again(found, ran, "when somebody can answer"))
}

pub(super) fn aborted(case: &Case<'_>) -> Option<Found> {
    let view = case.view()?;
    let frame = case.ended(Outcome::Failed).find(|frame| frame.failing.is_some())?;
    let own = |one: &&DecisionSeen| one.flow == frame.path.as_str() && one.decision == "TERMINATE" && one.rule == "answered";
    let decision = case.remains.decisions.iter().rfind(own)?;
    // What failed by itself is the cause; the answer came after it.
    let broke = case.last(&decision.flow, &decision.step).filter(|ran| ran.status() == "failed");
    if broke.is_some_and(|ran| ran.kind() != "missing") {
        return None;
    }
    let about = |one: &&std::sync::Arc<Question>| one.flow_path == frame.path && one.step_id.as_str() == decision.step;
    let asked = view.state.questions.values().rfind(about);
    let found = Found::new(format!("flow {} was stopped at {}: {}", decision.flow, decision.step, decision.reason));
    let found = match asked {
        Some(question) => found.at(Case::question_path(question), first_line(&question.question)),
        None => found,
    };
    let found = found.at(&decision.path, format!("TERMINATE by rule answered: {}", decision.reason));
    let (flow, step) = (quoted(&decision.flow), quoted(&decision.step));
    let again = case.command(&format!("retry {} --flow {flow} --step {step}", case.run()));
    Some(found.then("after the cause is gone, run it again and go on", again))
}

pub(super) fn rollback_failed(case: &Case<'_>) -> Option<Found> {
    let view = case.view()?;
    // Of flows inside each other the innermost has the cause.
    let inner = view.frames().filter(|frame| matches!(frame.parent.as_deref(), Some(Parent::Undo { .. })));
    let undone = view.frames().filter(|frame| matches!(frame.parent.as_deref(), Some(Parent::Rollback { .. })));
    let mut failed = inner.chain(undone).filter_map(|frame| {
        let failed = |ran: &&Ran| ran.counts && ran.flow == frame.path.as_str() && ran.status() == "failed";
        case.remains.rans.iter().find(failed)
    });
    let ran = failed.next()?;
    let found = case.story(Found::new(format!("taking back what was done failed: {}: {}", ran.name(), words(ran))), ran);
    let show = case.paste.of_step("show", case.run(), &ran.flow, &ran.step, " --log");
    Some(found.then("see how far it came, and take the rest back by hand", show))
}

pub(super) fn not_done(case: &Case<'_>) -> Option<Found> {
    let (frame, id, detail) = case.ended(Outcome::Failed).filter(|frame| frame.failing.is_none()).find_map(|frame| {
        frame.done.iter().find_map(|(id, state)| match state {
            DoneState::Broken(detail) => Some((frame, id, detail)),
            DoneState::Holds | DoneState::Asking(_) => None,
        })
    })?;
    let found = Found::new(format!("{}: `{id}` of the Definition of Done does not hold: {detail}", frame.path));
    let found = found.at("journal.jsonl", format!("done_checked {id}: {detail}"));
    let last = frame.plan.steps.last().map(|planned| planned.spec.id.to_string()).unwrap_or_default();
    let again = case.command(&format!("resume {} --flow {} --from {last}", case.run(), quoted(frame.path.as_str())));
    Some(
        found.then("after it holds, check again from the last step", again).then("read the story", case.paste.report(case.run())),
    )
}

pub(super) fn loop_stopped(case: &Case<'_>) -> Option<Found> {
    let rules = ["loop-exhausted", "loop-same-signature", "loop-no-further-help"];
    let decision =
        case.remains.decisions.iter().rfind(|one| one.decision == "TERMINATE" && rules.contains(&one.rule.as_str()))?;
    let ran = case.last(&decision.flow, &decision.step)?;
    let failed = case.ended(Outcome::Failed).any(|frame| frame.path.as_str() == decision.flow);
    failed.then(|| {
        told(
            case,
            ran,
            format!("the loop at {} was stopped ({}): {}", ran.name(), decision.rule, decision.reason),
            "mend the findings",
        )
    })
}

pub(super) fn tests(case: &Case<'_>) -> Option<Found> {
    let failed = |ran: &Ran| ran.measured("tests").and_then(|tests| number(tests, &["failed"])).filter(|failed| *failed > 0.0);
    let ran = first_failing(case, |ran| failed(ran).is_some())?;
    let tests = ran.measured("tests")?;
    let first =
        tests.get("failures").and_then(|all| all.get(0)?.as_str()).map(|name| format!(", first {name}")).unwrap_or_default();
    let failed = count(whole(failed(ran)?), "test");
    let says = format!("{}: {failed} failed{first}", ran.name());
    let path = ran.evidence_path("tests").unwrap_or(&ran.receipt_path).to_owned();
    let found = case.story(Found::new(says.clone()).at(path, says), ran);
    Some(case.again(found, ran, "after the tests are mended"))
}

pub(super) fn no_tests(case: &Case<'_>) -> Option<Found> {
    let of = |ran: &Ran, name: &str| ran.measured("tests").and_then(|tests| number(tests, &[name]));
    let none = |ran: &Ran| of(ran, "passed") == Some(0.0) && of(ran, "failed") == Some(0.0);
    let ran = first_failing(case, none)?;
    Some(told(case, ran, format!("{}: no test ran", ran.name()), "see that the command finds the tests"))
}

pub(super) fn lint(case: &Case<'_>) -> Option<Found> {
    let findings = |ran: &Ran| {
        let own = ["lint", "security"].iter().any(|name| {
            ran.measured(name).and_then(|found| number(found, &["errors", "findings", "issues"])).is_some_and(|n| n > 0.0)
        });
        own || ran
            .failed_checks()
            .any(|check| check.get("name").and_then(serde_json::Value::as_str).is_some_and(|name| name.ends_with(": findings")))
    };
    let ran = first_failing(case, findings)?;
    Some(told(case, ran, format!("{} reports findings: {}", ran.name(), words(ran)), "mend what it names"))
}

pub(super) fn output_missing(case: &Case<'_>) -> Option<Found> {
    let gone = |ran: &Ran| {
        let missing = ran.list("outputs").find(|output| output.get("exists").and_then(serde_json::Value::as_bool) == Some(false));
        missing.and_then(|output| output.get("path")?.as_str()).map(str::to_owned)
    };
    // What failed by its exit code failed before it could write anything.
    let ran = first_failing(case, |ran| gone(ran).is_some() && matches!(ran.kind(), "contract" | ""))?;
    Some(told(case, ran, format!("{} ended without {}, which it promised", ran.name(), gone(ran)?), "see where it wrote to"))
}

pub(super) fn detour(case: &Case<'_>) -> Option<Found> {
    let frame = case.ended(Outcome::Failed).find(|frame| matches!(frame.parent.as_deref(), Some(Parent::Detour { .. })))?;
    let Some(Parent::Detour { at, detour }) = frame.parent.as_deref() else { return None };
    let ran = case.last_at(at)?;
    let failed = ran.failing || ran.status() == "failed";
    let why = frame.outcome_reason.as_deref().map(first_line).unwrap_or_default();
    let found = Found::new(format!("{} failed, and the known fix {detour} did not help: {why}", ran.name()));
    let found = case.story(found.at(format!("{}/routing/decisions.jsonl", frame.path), why), ran);
    failed.then(|| case.again(found, ran, "after it is mended by hand"))
}

pub(super) fn expectation(case: &Case<'_>) -> Option<Found> {
    let ran = first_failing(case, |ran| {
        ran.kind() == "contract" && ran.failed_checks().next().is_some() && ran.exit_code().is_none_or(|code| code == 0)
    })?;
    let check = ran.failed_checks().next()?;
    let word = |name: &str| check.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let says = format!("{}: {} expected {}, found {}", ran.name(), word("name"), word("expected"), word("actual"));
    Some(told(case, ran, says, "compare the two"))
}

pub(super) fn exit_code(case: &Case<'_>) -> Option<Found> {
    let ran = case.remains.failing().next()?;
    Some(told(case, ran, format!("{} failed: {}", ran.name(), words(ran)), "read what it printed"))
}

pub(super) fn otherwise(case: &Case<'_>) -> Option<Found> {
    let frame = case.ended(Outcome::Failed).find(|_| case.remains.failing().next().is_none())?;
    let why = frame.outcome_reason.as_deref().map_or_else(|| "no reason is recorded".to_owned(), first_line);
    let found = Found::new(format!("flow {} failed: {why}", frame.path)).at("journal.jsonl", why);
    Some(found.then("read the story", case.paste.report(case.run())))
}
