//! The tree: first whether the record can be believed, then whether something is out, then how the run stands.
//! In: every cause that was found. Out: the class, and the causes in their order. Never: a class without a reason on the trail.

use crate::{id::Time, record::RunStatus};

use super::{
    super::{
        evidence::evidence,
        paste::Paste,
        remains::{JournalSeen, Remains},
        status::NextStep,
        summary::{TrailItem, observed},
        view::{Driver, RunView},
        words::{count, first_line, length},
    },
    Class, Diagnosis, Likely,
    case::{Case, Found},
    causes::Cause,
    table::CAUSES,
};

/// Causes that are told; what comes later is noise.
const CAUSES_MAX: usize = 8;
const NEXT_MAX: usize = 8;

pub(super) fn diagnose(remains: &Remains, paste: &Paste) -> Diagnosis {
    let panel = evidence(remains, None, paste);
    let case = Case { remains, panel: &panel, paste };
    let mut found: Vec<(&Cause, Found)> =
        CAUSES.iter().filter_map(|cause| cause.find(&case).map(|found| (cause, found))).collect();
    let class = class(&case, &found);
    // The class's own causes first, strong before weak; then the others as the tree would come to them.
    found.sort_by_key(|(cause, _)| (cause.class != class, cause.weak, cause.class));
    found.retain(|(cause, _)| cause.class == class || cause.class != Class::Healthy);
    // What says the least is told where nothing says more.
    let more =
        |class: Class| found.iter().any(|(cause, _)| !cause.last_resort && (cause.class == class || class == Class::Healthy));
    let more = Class::ALL.iter().copied().filter(|class| more(*class)).collect::<Vec<_>>();
    found.retain(|(cause, _)| !cause.last_resort || !more.contains(&cause.class));
    found.truncate(CAUSES_MAX);
    let causes: Vec<Likely> = found
        .into_iter()
        .map(|(cause, found)| Likely {
            id: cause.id.to_owned(),
            class: cause.class,
            says: found.says,
            remedy: cause.remedy.to_owned(),
            trail: found.trail,
            next: found.next,
        })
        .collect();
    Diagnosis {
        schema: Diagnosis::SCHEMA.to_owned(),
        run_id: remains.run_id.clone(),
        class,
        status: case.status(),
        observed: case.view().and_then(RunView::observed),
        evidence: panel.verdict,
        at: remains.now,
        headline: case
            .view()
            .and_then(observed)
            .map_or_else(|| headline(class, &causes), |said| observing(class, &causes, &said)),
        trail: trail(&case, &causes),
        next: next(&case, class, &causes),
        causes,
    }
}

fn class(case: &Case<'_>, found: &[(&Cause, Found)]) -> Class {
    let has = |class: Class| found.iter().any(|(cause, _)| cause.class == class && !cause.weak);
    if has(Class::Security) {
        return Class::Security;
    }
    let first = |order: &[Class]| order.iter().copied().find(|class| has(*class));
    match case.status() {
        Some(RunStatus::Failed | RunStatus::Cancelled) => Class::Failed,
        Some(RunStatus::Interrupted | RunStatus::Waiting | RunStatus::Running) => first(&[Class::Stuck, Class::Waiting])
            .unwrap_or(match case.status() {
                Some(RunStatus::Interrupted) => Class::Stuck,
                _ => Class::Healthy,
            }),
        Some(RunStatus::Succeeded) => first(&[Class::WrongOutput]).unwrap_or(Class::Healthy),
        // No journal tells: what the files tell.
        None => first(&[Class::Failed, Class::Stuck, Class::Waiting, Class::WrongOutput]).unwrap_or(Class::Healthy),
    }
}

fn headline(class: Class, causes: &[Likely]) -> String {
    let first = causes.iter().find(|cause| cause.class == class).or(causes.first());
    match (class, first) {
        (Class::Healthy, Some(cause)) if cause.class != Class::Healthy => {
            format!("nothing is wrong with it; worth knowing: {}", cause.says)
        }
        (_, Some(cause)) => cause.says.clone(),
        (_, None) => "nothing tells what became of it".to_owned(),
    }
}

/// A run that only observed: what is wrong with it may come of what it passed over.
fn observing(class: Class, causes: &[Likely], said: &str) -> String {
    let headline = headline(class, causes);
    match class {
        _ if headline.contains(said) => headline,
        Class::Healthy => format!("{said}; {headline}"),
        Class::Security | Class::Failed | Class::Stuck | Class::Waiting | Class::WrongOutput => {
            format!("{headline}; {said}, and that alone may be why")
        }
    }
}

fn next(case: &Case<'_>, class: Class, causes: &[Likely]) -> Vec<NextStep> {
    let mut found: Vec<NextStep> = Vec::new();
    let own = causes.iter().filter(|cause| cause.class == class || class == Class::Healthy);
    for next in own.flat_map(|cause| &cause.next) {
        if !found.iter().any(|one| one.command == next.command) {
            found.push(next.clone());
        }
    }
    if found.is_empty() && case.view().is_some() {
        found.push(NextStep { why: "see where it stands".to_owned(), command: case.paste.status(case.run()) });
    }
    found.truncate(NEXT_MAX);
    found
}

/// What was looked at on the way, and what stood there.
fn trail(case: &Case<'_>, causes: &[Likely]) -> Vec<TrailItem> {
    let remains = case.remains;
    let mut trail = Vec::new();
    let mut saw = |path: &str, found: String| trail.push(TrailItem { path: path.to_owned(), found: first_line(&found) });
    saw("journal.jsonl", journal(remains));
    let manifest = match (&remains.manifest, remains.manifest_damaged) {
        (Some(manifest), _) => format!("says {}, up to line {}", manifest.status, manifest.journal_seq),
        (None, true) => "is there and cannot be read".to_owned(),
        (None, false) => "is not there".to_owned(),
    };
    saw("run.json", manifest);
    if let Some(foreign) = &remains.foreign {
        let path = foreign.events.clone().unwrap_or_else(|| ".".to_owned());
        let last = foreign.last_kind.as_deref().map(|kind| format!(", last event {kind}")).unwrap_or_default();
        saw(&path, format!("another program's run: flows {}{last}", foreign.flows.join(", ")));
    }
    if let Some(view) = case.view() {
        let driver = match view.driver {
            Driver::Nobody => "no process drives the run".to_owned(),
            Driver::Process { pid: Some(pid) } => format!("process {pid} drives the run"),
            Driver::Process { pid: None } => "a process drives the run".to_owned(),
        };
        saw(".lock", driver);
        saw("journal.jsonl", stands(view, remains.now));
    }
    if let Some(report) = remains.verified.as_ref().filter(|_| !case.driven()) {
        let found = match report.findings.len() {
            0 => "receipts, outputs and frozen files are what the journal says".to_owned(),
            n => format!("{} held against the journal: {}", count(n, "difference"), report.findings[0].path),
        };
        saw(".", found);
    }
    let leaks = match remains.leaks.first() {
        None => format!("no text with the shape of a secret in {}", count(remains.files.len() - remains.unscanned.len(), "file")),
        Some(leak) => format!("{} with the shape of a secret, first in {}", count(remains.leaks.len(), "file"), leak.path),
    };
    saw(".", leaks);
    for (path, lines) in &remains.scans {
        saw(path, if lines.is_empty() { "clean".to_owned() } else { count(lines.len(), "finding") });
    }
    saw(".", format!("evidence {}: {}", case.panel.verdict.as_str(), case.panel.headline));
    if let Some(first) = causes.first() {
        trail.extend(first.trail.iter().cloned());
    }
    trail
}

fn journal(remains: &Remains) -> String {
    match &remains.journal {
        JournalSeen::Missing => "is not there".to_owned(),
        JournalSeen::Empty => "holds no line".to_owned(),
        JournalSeen::Whole => {
            let lines = remains.view.as_ref().map_or(0, |view| view.state.seq);
            let torn = remains.view.as_ref().map_or(0, |view| view.torn_bytes);
            let tail = if torn > 0 { format!(", then {torn} bytes of a line that was never finished") } else { String::new() };
            format!("{lines} lines, the chain holds{tail}")
        }
        JournalSeen::Broken { line, why } => format!("line {line} is broken: {why}"),
        JournalSeen::Undefined { flow, generation, why } => {
            format!("names the definition of {flow} (generation {generation}), which cannot be used: {why}")
        }
        JournalSeen::Unreadable(why) => why.clone(),
    }
}

fn stands(view: &RunView, now: Time) -> String {
    let quiet = match now.since(view.updated_at()) / 1000 {
        0 => "just now".to_owned(),
        seconds => format!("{} ago", length(seconds * 1000)),
    };
    let running = view.state.running.len();
    let what = if running > 0 { format!(", {} under way", count(running, "step")) } else { String::new() };
    let asked = view.open_questions().len();
    let asked = if asked > 0 { format!(", {} open", count(asked, "question")) } else { String::new() };
    format!("the run is {}{what}{asked}; nothing was written since {} ({quiet})", view.status(), view.updated_at())
}
