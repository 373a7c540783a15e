//! The looking itself: each file of the run is named, measured and, where it is small enough, read for secrets.
//! In: a directory, and two questions to the machine. Out: `Remains`. Never: a link followed, a file larger than its bound read.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    id::{FramePath, StepRef, Time},
    ledger::{InRun, Message, RunDir, verify},
    measure::Roots,
    plan::Book,
    record::{Fact, Outcome},
    redact::Redactor,
};

use super::{
    super::{
        load::{BookError, ViewError, Wanted},
        rollback::undos,
        view::{Driver, RunView},
    },
    DecisionSeen, FileSeen, JournalSeen, LeakSeen, LetterSeen, Now, Remains, foreign, ran,
};

/// Files of one run that are looked at; a run with more has one that writes them without end.
const FILES_MAX: usize = 50_000;
/// Larger files are named, not read for secrets.
const SCAN_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// All files together.
const SCAN_TOTAL_MAX: u64 = 128 * 1024 * 1024;
/// Places that are told; one is enough to act.
const LEAKS_MAX: usize = 50;
const SMALL_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Of these executions of the run at this place, those that still have a process.
pub type Living<'m> = dyn Fn(&Path, &[(StepRef, u32)]) -> Vec<StepRef> + 'm;

/// What is asked of the machine, because a directory cannot tell.
pub struct Machine<'m> {
    /// Of these executions, those of which a process still runs.
    pub orphans: &'m Living<'m>,
    /// Whether a flow's files are others today than when it was started.
    pub drifted: &'m dyn Fn(&RunView, &FramePath) -> bool,
}

impl Machine<'_> {
    /// Nothing runs, and nothing has changed.
    pub fn still() -> Self {
        Self { orphans: &|_, _| Vec::new(), drifted: &|_, _| false }
    }
}

pub(super) fn look(
    run: &RunDir,
    now: Time,
    machine: &Machine<'_>,
    books: impl FnMut(&RunDir, Wanted<'_>) -> Result<Arc<Book>, BookError>,
) -> Remains {
    let (files, files_omitted) = files(run.base());
    let (view, error) = RunView::load_as_far(run, books);
    let there = files.iter().any(|file| file.path == "journal.jsonl");
    let journal = match error {
        None => JournalSeen::Whole,
        Some(ViewError::Empty) if there => JournalSeen::Empty,
        Some(ViewError::Empty) => JournalSeen::Missing,
        // A directory, a link or a pipe in its place.
        Some(ViewError::Broken { why, .. }) if !there && run.base().join("journal.jsonl").symlink_metadata().is_ok() => {
            JournalSeen::Unreadable(why)
        }
        Some(ViewError::Broken { line, why }) => JournalSeen::Broken { line, why },
        Some(ViewError::Definition { flow, generation, source }) => {
            JournalSeen::Undefined { flow, generation, why: source.to_string() }
        }
        Some(error @ ViewError::Journal(_)) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            JournalSeen::Unreadable(format!("{error}{cause}"))
        }
    };
    let manifest = run.manifest().ok().flatten();
    let manifest_damaged = manifest.is_none() && files.iter().any(|file| file.path == "run.json");
    let own = view.as_ref().is_some_and(|view| view.frames().next().is_some());
    let mut found = None;
    let (rans, decisions);
    if let Some(view) = view.as_ref().filter(|_| own) {
        (rans, decisions) = (ran::of_view(view), decided(view));
    } else {
        let read = foreign::read(run, &files);
        (rans, decisions) = (read.rans, read.decisions);
        // Files of ours whose journal is gone are no other program's.
        if !there && manifest.is_none() && !manifest_damaged && (!rans.is_empty() || read.foreign.events.is_some()) {
            found = Some(read.foreign);
        }
    }
    let workspace = match (&view, &manifest) {
        (Some(view), _) if view.state.run.is_some() => view.state.run.as_deref().map(|run| PathBuf::from(&*run.workspace)),
        (_, Some(manifest)) => Some(PathBuf::from(&manifest.workspace)),
        (_, None) => None,
    };
    let mut remains = Remains {
        run_id: run.id().clone(),
        now,
        workspace,
        journal,
        manifest,
        manifest_damaged,
        // Whoever drives the run writes files at this moment: what lags behind is no damage.
        verified: verify(run).ok(),
        view,
        foreign: found,
        rans,
        decisions,
        files,
        files_omitted,
        leaks: Vec::new(),
        unscanned: Vec::new(),
        outputs_now: BTreeMap::new(),
        shown_changed: Vec::new(),
        arrived: Vec::new(),
        letters: Vec::new(),
        refused_letters: Vec::new(),
        orphans: Vec::new(),
        drifted: Vec::new(),
        scans: BTreeMap::new(),
    };
    letters(run, &mut remains);
    secrets(run, &mut remains);
    scans(run, &mut remains);
    outputs(run, &mut remains);
    questions(run, &mut remains);
    ask_machine(run, machine, &mut remains);
    remains
}

fn files(base: &Path) -> (Vec<FileSeen>, bool) {
    let mut found = Vec::new();
    let walk = walkdir::WalkDir::new(base).sort_by_file_name().follow_links(false);
    for entry in walk.into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file()) {
        let Some(path) = entry.path().strip_prefix(base).ok().and_then(Path::to_str) else { continue };
        if found.len() >= FILES_MAX {
            return (found, true);
        }
        found.push(FileSeen { path: path.to_owned(), bytes: entry.metadata().map_or(0, |meta| meta.len()) });
    }
    (found, false)
}

/// The text of a small file of the run.
pub(super) fn small(run: &RunDir, path: &str) -> Option<String> {
    let place = InRun::new(path).ok()?;
    run.read(&place, SMALL_BYTES_MAX).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn decided(view: &RunView) -> Vec<DecisionSeen> {
    let of = |moment: &super::super::view::Moment| match moment.fact.as_ref() {
        Fact::Routed { flow, decision } => Some(DecisionSeen {
            flow: flow.to_string(),
            step: decision.step_id.to_string(),
            decision: decision.decision.to_string(),
            rule: decision.rule.to_string(),
            reason: decision.reason.clone(),
            path: format!("{flow}/routing/decisions.jsonl"),
        }),
        _ => None,
    };
    view.moments.iter().filter_map(of).collect()
}

fn letters(run: &RunDir, remains: &mut Remains) {
    for file in &remains.files {
        let Some(name) = file.path.strip_prefix("inbox/").filter(|name| name.ends_with(".json")) else { continue };
        if name.starts_with("refused/") {
            remains.refused_letters.push(file.path.clone());
        } else if !name.contains('/') && !name.starts_with('.') {
            let message = small(run, &file.path).and_then(|text| serde_json::from_str::<Message>(&text).ok());
            let answers = match message {
                Some(Message::Answer { question, .. }) => Some(question),
                Some(Message::Cancel { .. }) | None => None,
            };
            remains.letters.push(LetterSeen { path: file.path.clone(), answers });
        }
    }
}

/// What a redactor would still change was never looked at: a file that a step wrote by itself, or another program.
fn secrets(run: &RunDir, remains: &mut Remains) {
    let redactor = Redactor::default();
    let Ok(mut all) = run.files() else { return };
    let mut total = 0;
    for file in &remains.files {
        if remains.leaks.len() >= LEAKS_MAX {
            return;
        }
        total += file.bytes;
        if file.bytes > SCAN_BYTES_MAX || total > SCAN_TOTAL_MAX {
            remains.unscanned.push(file.path.clone());
            continue;
        }
        let Some(bytes) = InRun::new(&file.path).ok().and_then(|place| all.read(&place, SCAN_BYTES_MAX).ok()) else { continue };
        let clean = redactor.bytes(bytes.clone());
        if *clean.get() == bytes {
            continue;
        }
        let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (was, is) = (lines(&bytes), lines(clean.get()));
        let first = was.lines().zip(is.lines()).enumerate().find(|(_, (was, is))| was != is);
        let line = first.map_or(1, |(at, _)| at + 1);
        // The placeholder says what it stands for.
        let shape = first.and_then(|(_, (_, is))| is.split("[REDACTED:").nth(1)?.split(']').next());
        let shape = shape.unwrap_or("secret").to_owned();
        remains.leaks.push(LeakSeen { path: file.path.clone(), line, shape });
    }
}

fn scans(run: &RunDir, remains: &mut Remains) {
    let logs = remains.files.iter().filter(|file| file.path.ends_with("/boundary_scan.log"));
    for log in logs {
        let text = small(run, &log.path).unwrap_or_default();
        remains.scans.insert(log.path.clone(), text.lines().filter(|line| is_finding(line)).map(str::to_owned).collect());
    }
}

/// A line of JSON that names a rule, or of text that begins with how bad it is.
fn is_finding(line: &str) -> bool {
    match serde_json::from_str::<serde_json::Value>(line) {
        Ok(value) => {
            let named = value.get("rule").is_some() && value.get("allowed").and_then(serde_json::Value::as_bool) != Some(true);
            named && value.get("clean").and_then(serde_json::Value::as_bool) != Some(true)
        }
        Err(_) => ["HIGH", "MEDIUM", "LOW", "finding"].iter().any(|word| line.trim_start().starts_with(word)),
    }
}

/// Steps by flow and name whose work a rollback took back.
fn taken_back(remains: &Remains) -> BTreeSet<(String, String)> {
    let Some(view) = &remains.view else { return BTreeSet::new() };
    let of = |flow: &FramePath| {
        let whole = undos(view, flow).into_iter().filter(|(_, undo)| undo.whole);
        whole.map(|(step, _)| (flow.to_string(), step.to_string())).collect::<Vec<_>>()
    };
    view.frames().flat_map(|frame| of(&frame.path)).collect()
}

fn outputs(run: &RunDir, remains: &mut Remains) {
    let Some(workspace) = remains.workspace.clone() else { return };
    // The last step that wrote a path is the one whose digest counts.
    let mut last: BTreeMap<(String, String), Option<String>> = BTreeMap::new();
    let taken_back = taken_back(remains);
    for ran in remains.counting() {
        let gone = taken_back.contains(&(ran.flow.clone(), ran.step.clone()));
        for output in ran.list("outputs") {
            let word = |name: &str| output.get(name).and_then(serde_json::Value::as_str);
            let exists = output.get("exists").and_then(serde_json::Value::as_bool) == Some(true);
            let (Some(path), true) = (word("path"), exists) else { continue };
            let own = path.starts_with("artifacts/");
            let flow = if own { ran.flow.clone() } else { String::new() };
            if gone {
                // A rollback took it back: that it is not as it was is what was wanted.
                last.remove(&(flow, path.to_owned()));
            } else {
                last.insert((flow, path.to_owned()), word("sha256").map(str::to_owned));
            }
        }
    }
    let tombstones = crate::ledger::Tombstones::read(run).unwrap_or_default();
    for ((flow, path), sha256) in last {
        // Retention took it, and says so: it is not there, and that is no news.
        if !flow.is_empty() && tombstones.of(&format!("{flow}/{path}")).is_some() && !run.base().join(&flow).join(&path).exists()
        {
            continue;
        }
        let roots = Roots { workspace: workspace.clone(), run_base: run.base().to_owned(), flow_dir: run.base().join(&flow) };
        let now = match (roots.look(&path), sha256) {
            (Ok(there), Some(then)) if there.sha256.as_str() == then => Now::Same,
            (Ok(_), Some(_)) => Now::Differs,
            (Ok(_), None) => Now::Unknown,
            (Err(crate::measure::Unfit::Missing), _) => Now::Gone,
            (Err(_), _) => Now::Unknown,
        };
        remains.outputs_now.insert((flow, path), now);
    }
}

/// What open questions show, and what blocked steps lacked, as it is now.
fn questions(run: &RunDir, remains: &mut Remains) {
    let (Some(view), Some(workspace)) = (&remains.view, &remains.workspace) else { return };
    let (mut changed, mut arrived) = (Vec::new(), Vec::new());
    for question in view.open_questions() {
        let flow_dir = run.base().join(question.flow_path.as_str());
        let inside = ["artifacts/", "snapshots/", "receipts/", "handoffs/", "logs/", "routing/"];
        for shown in &question.shown {
            let own = inside.iter().any(|prefix| shown.path.starts_with(prefix));
            let file = if own { flow_dir.join(&shown.path) } else { workspace.join(&shown.path) };
            let now = crate::measure::digest(&file).ok().map(|there| there.sha256);
            if now != shown.sha256 {
                changed.push((question.id.clone(), shown.path.clone()));
            }
        }
        let roots = Roots { workspace: workspace.clone(), run_base: run.base().to_owned(), flow_dir };
        // `missing: a, b`, or `blocked: a does not exist; b …`.
        let (_, missing) = question.reason.split_once(": ").unwrap_or_default();
        let names = missing.split([',', ';']).filter_map(|one| one.split_whitespace().next());
        for name in names.map(|name| name.trim_matches('`')).filter(|_| question.kind == crate::record::QuestionKind::Blocked) {
            if roots.look(name).is_ok() {
                arrived.push((question.id.clone(), name.to_owned()));
            }
        }
    }
    (remains.shown_changed, remains.arrived) = (changed, arrived);
}

fn ask_machine(run: &RunDir, machine: &Machine<'_>, remains: &mut Remains) {
    let Some(view) = &remains.view else { return };
    if view.driver == Driver::Nobody && !view.state.running.is_empty() {
        let under_way: Vec<(StepRef, u32)> =
            view.state.running.iter().map(|(at, one)| (at.step.clone(), one.execution)).collect();
        let mut orphans = (machine.orphans)(run.base(), &under_way);
        orphans.sort();
        orphans.dedup();
        remains.orphans = orphans;
    }
    let own = view.state.run.as_deref().is_none_or(|info| info.id == *run.id());
    let roots: BTreeSet<FramePath> = view.roots().map(|frame| frame.path.clone()).collect();
    let over = |path: &FramePath| {
        view.state.frame(path).is_some_and(|frame| frame.phase == crate::kernel::FramePhase::Done(Outcome::Cancelled))
    };
    remains.drifted = roots.into_iter().filter(|path| own && !over(path) && (machine.drifted)(view, path)).collect();
}
