//! Why a run does not go on although nobody is asked: who drives it, since when it is silent, what it waits for.
//! In: the kernel's state, the lock, the time as a value. Out: a cause, if it is this one.

use crate::{
    record::{At, RunStatus, StopCause, WaitReason},
    spec::Verb,
};

use super::{
    super::{
        remains::JournalSeen,
        view::RunView,
        words::{first_line, length},
    },
    case::{Case, Found},
};

/// A step without a limit that is silent for longer deserves a look.
const SILENT_MS: u64 = 30 * 60 * 1000;
/// A process that drives and neither runs nor waits for anything known.
const IDLE_MS: u64 = 10 * 60 * 1000;
/// Between the end of a step's time and its TERM and KILL.
const ENDING_MS: u64 = 60 * 1000;

fn ago(case: &Case<'_>, since: crate::id::Time) -> String {
    length(case.remains.now.since(since) / 1000 * 1000)
}

/// The run stopped, and no process drives it.
fn interrupted<'r>(case: &Case<'r>) -> Option<&'r RunView> {
    case.view().filter(|view| view.status() == RunStatus::Interrupted)
}

/// A process drives it, and it has not ended.
fn driven<'r>(case: &Case<'r>) -> Option<&'r RunView> {
    case.view().filter(|view| case.driven() && view.status() == RunStatus::Running)
}

fn log(at: &At) -> String {
    format!("{}/logs/{}.jsonl", at.flow, at.step)
}

pub(super) fn never_started(case: &Case<'_>) -> Option<Found> {
    let remains = case.remains;
    let none = matches!(remains.journal, JournalSeen::Missing | JournalSeen::Empty) && remains.rans.is_empty();
    // A run of ours that was created has a line; one whose flow never started has no more than that.
    let created = remains.journal == JournalSeen::Whole && case.view().is_none();
    let nothing = none && remains.foreign.is_none() && remains.manifest.as_ref().is_none_or(|manifest| manifest.journal_seq == 0);
    if !(nothing || created) {
        return None;
    }
    let left = remains.files.len();
    let what = if left == 0 { "the directory is empty".to_owned() } else { format!("{left} files, and no flow was started") };
    Some(
        Found::new(format!("nothing was ever started in it: {what}"))
            .at("journal.jsonl", if none { "is not there, or holds no line" } else { "no flow was started" })
            .then("see which flows there are, and start one with --run-id", case.command("flows"))
            .then("see all runs", case.command("list")),
    )
}

pub(super) fn unreadable(case: &Case<'_>) -> Option<Found> {
    let JournalSeen::Unreadable(why) = &case.remains.journal else { return None };
    let journal = super::super::paste::quoted(&format!("{}/journal.jsonl", case.paste.base(case.run())));
    Some(
        Found::new(format!("the run cannot be read: {why}"))
            .at("journal.jsonl", why)
            .then("see who may", format!("ls -l {journal}")),
    )
}

pub(super) fn orphans(case: &Case<'_>) -> Option<Found> {
    let first = case.remains.orphans.first()?;
    let view = interrupted(case)?;
    let names: Vec<String> = case.remains.orphans.iter().map(ToString::to_string).collect();
    let at = view.state.running.keys().find(|at| at.step == *first)?;
    let found = Found::new(format!("nobody drives the run, and processes of {} still run", names.join(", ")));
    Some(found.at(log(at), "its process is alive").then("end what still runs, and go on where it stood", case.resume()))
}

pub(super) fn breaker(case: &Case<'_>) -> Option<Found> {
    let view = driven(case)?;
    let (engine, breaker) =
        view.state.breakers.iter().find(|(_, one)| one.until.is_some_and(|until| until > case.remains.now))?;
    let until = breaker.until?;
    let left = length(until.since(case.remains.now));
    let found = Found::new(format!("{engine} failed {} times in a row, and is left alone for {left} more", breaker.failures));
    Some(
        found
            .at("journal.jsonl", format!("engine_failed {engine}, until {until}"))
            .then("see that it can be reached", case.command("doctor")),
    )
}

pub(super) fn over_time(case: &Case<'_>) -> Option<Found> {
    let view = driven(case)?;
    let late = |one: &crate::kernel::Running| {
        one.timeout_ms.is_some_and(|ms| case.remains.now.since(one.started_at) > ms.saturating_add(ENDING_MS))
    };
    let (at, one) = view.state.running.iter().find(|(_, one)| late(one))?;
    let may = length(one.timeout_ms?);
    let found = Found::new(format!("{at} runs since {}, and may run {may}: it was not ended", ago(case, one.started_at)));
    let found = found.at(log(at), format!("execution {} began at {}", one.execution, one.started_at));
    Some(
        found
            .then("stop the run", case.command(&format!("cancel {}", case.run())))
            .then("see what it printed", show_log(case, at)),
    )
}

fn show_log(case: &Case<'_>, at: &At) -> String {
    case.paste.of_step("show", case.run(), at.flow.as_str(), at.step.as_str(), " --log")
}

fn waits(case: &Case<'_>, why: WaitReason) -> Option<(At, crate::id::Time, super::super::view::Attempt)> {
    let view = driven(case)?;
    if !view.state.running.is_empty() {
        return None;
    }
    view.state.due.iter().find_map(|(due, at)| {
        let last = view.executions(at).last()?.attempts.last()?;
        (last.why == why).then(|| (at.clone(), *due, last.clone()))
    })
}

pub(super) fn poll(case: &Case<'_>) -> Option<Found> {
    let (at, due, last) = waits(case, WaitReason::Poll)?;
    let view = case.view()?;
    let until = view.state.step(&at).and_then(|step| step.poll_until);
    let left = until.map(|until| format!(", for {} more", length(until.since(case.remains.now)))).unwrap_or_default();
    let says = format!("{at} was asked {} times and says not yet ({}){left}", last.attempt, first_line(&last.error));
    let next = length(due.since(case.remains.now));
    Some(Found::new(says).at(log(&at), format!("asked again in {next}")).then("see what it printed", show_log(case, &at)))
}

pub(super) fn retry(case: &Case<'_>) -> Option<Found> {
    let (at, due, last) = waits(case, WaitReason::Retry)?;
    let next = length(due.since(case.remains.now));
    let says = format!("attempt {} of {at} failed ({}), the next one begins in {next}", last.attempt, first_line(&last.error));
    Some(Found::new(says).at(log(&at), first_line(&last.error)).then("see what it printed", show_log(case, &at)))
}

pub(super) fn silent(case: &Case<'_>) -> Option<Found> {
    let view = driven(case)?;
    let now = case.remains.now;
    let (at, one) =
        view.state.running.iter().find(|(_, one)| one.timeout_ms.is_none() && now.since(one.started_at) > SILENT_MS)?;
    let found =
        Found::new(format!("{at} runs since {} without a limit, and nothing was decided since", ago(case, one.started_at)));
    let found = found.at(log(at), format!("execution {} began at {}", one.execution, one.started_at));
    Some(
        found
            .then("see what it printed", show_log(case, at))
            .then("stop the run", case.command(&format!("cancel {}", case.run()))),
    )
}

pub(super) fn idle(case: &Case<'_>) -> Option<Found> {
    let view = driven(case)?;
    let state = &view.state;
    let nothing =
        state.running.is_empty() && state.due.is_empty() && state.open_questions.is_empty() && state.requested.is_empty();
    if !nothing || case.remains.now.since(view.updated_at()) < IDLE_MS {
        return None;
    }
    let pid = match view.driver {
        super::super::view::Driver::Process { pid: Some(pid) } => Some(pid),
        super::super::view::Driver::Process { pid: None } | super::super::view::Driver::Nobody => None,
    };
    let who = pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"));
    let found = Found::new(format!("{who} holds the run and has done nothing for {}", ago(case, view.updated_at())));
    let found = found.at(".lock", format!("held by {who}")).at("journal.jsonl", format!("last line at {}", view.updated_at()));
    let found = match pid {
        Some(pid) => found.then("end it (it may end what it runs)", format!("kill -TERM {pid}")),
        None => found,
    };
    Some(found.then("then go on", case.resume()))
}

pub(super) fn agent_gone(case: &Case<'_>) -> Option<Found> {
    let view = interrupted(case).filter(|view| view.state.stop.is_none())?;
    let speaks = |at: &&At| {
        let frame = view.state.frame(&at.flow);
        frame.and_then(|frame| Some(matches!(frame.plan.step(frame.slot(&at.step)?.step).spec.verb, Verb::Agent(_))))
            == Some(true)
    };
    let at = view.state.running.keys().find(speaks)?;
    let found = Found::new(format!("the process was gone while the agent of {at} was at work: there is no handoff"));
    let left = |dir: &str| {
        let prefix = format!("{}/{dir}/{}-", at.flow, at.step);
        case.remains.files.iter().find(|file| file.path.starts_with(&prefix)).map(|file| file.path.clone())
    };
    let found = found.at(left("llm").unwrap_or_default(), "its conversation, as far as it went");
    let found = found.at(log(at), format!("execution of {} did not end", at.step));
    Some(found.then("go on where it stood", case.resume()).then("see what it printed", show_log(case, at)))
}

pub(super) fn driver_gone(case: &Case<'_>) -> Option<Found> {
    let view = interrupted(case).filter(|view| view.state.stop.is_none())?;
    let (at, one) = view.state.running.iter().next()?;
    let found = Found::new(format!("the process that drove the run is gone; {at} was under way since {}", one.started_at));
    let found = view
        .state
        .running
        .iter()
        .fold(found, |found, (at, one)| found.at(log(at), format!("execution {} of {} did not end", one.execution, at.step)));
    Some(found.then("go on where it stood", case.resume()))
}

pub(super) fn told(case: &Case<'_>) -> Option<Found> {
    let view = interrupted(case)?;
    let how = match view.state.stop? {
        StopCause::Sigint => "Ctrl-C",
        StopCause::Sigterm => "TERM",
        StopCause::Cancel => return None,
    };
    let by = view.moments.iter().rev().find(|one| matches!(*one.fact, crate::record::Fact::StopRequested { .. }))?;
    let found = Found::new(format!("{how} stopped the run at {}; it can go on", by.ts));
    Some(found.at("journal.jsonl", format!("line {}: stop_requested", by.seq)).then("go on where it stood", case.resume()))
}

pub(super) fn left_out(case: &Case<'_>) -> Option<Found> {
    let view = interrupted(case).filter(|view| view.state.rested.is_some() && view.state.stop.is_none())?;
    let frame = view.roots().find(|frame| frame.is_open() && frame.allowed.is_some())?;
    let only = frame.options.until.as_ref().map_or_else(|| "--only".to_owned(), |until| format!("--until {until}"));
    let found = Found::new(format!("flow {} was confined ({only}): what was allowed is done", frame.path));
    Some(found.at("journal.jsonl", format!("flow_started {} with {only}", frame.path)).then("go on with the rest", case.resume()))
}

pub(super) fn between_steps(case: &Case<'_>) -> Option<Found> {
    let view = interrupted(case).filter(|view| view.state.stop.is_none() && view.state.rested.is_none())?;
    if !view.state.running.is_empty() || !view.state.open_questions.is_empty() {
        return None;
    }
    let waiting = view.state.due.iter().next().map(|(_, at)| format!(", {at} between two attempts")).unwrap_or_default();
    let found = Found::new(format!("the process that drove the run is gone between two steps{waiting}"));
    Some(found.at("journal.jsonl", format!("last line at {}", view.updated_at())).then("go on where it stood", case.resume()))
}

pub(super) fn torn(case: &Case<'_>) -> Option<Found> {
    let bytes = case.remains.view.as_ref().map(|view| view.torn_bytes).filter(|bytes| *bytes > 0)?;
    let found = Found::new(format!("{bytes} bytes of a line that was never finished end the journal"));
    (!case.driven()).then(|| found.at("journal.jsonl", "the last line has no end"))
}

pub(super) fn manifest(case: &Case<'_>) -> Option<Found> {
    let remains = case.remains;
    if remains.manifest.is_some() || case.driven() || case.view().is_none() {
        return None;
    }
    let what = if remains.manifest_damaged { "cannot be read" } else { "is not there" };
    let found = Found::new(format!("run.json {what}; the journal tells where the run stands"));
    Some(found.at("run.json", what).then("make it again", case.paste.repair(case.run())))
}
