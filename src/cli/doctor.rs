//! `doctor`: what this machine has and lacks for running flows, line by line, each with what to do about it.
//! In: config, directories, programs. Out: lines that say ok, warn or bad; exit 0, or 3 where something is bad.
//! Never: anything mended, anything left behind.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    config::origins,
    error::{Error, Kind},
    id::FlowKey,
    inspect::{RunLine, count},
    ledger::Lock,
    record::RunStatus,
    runner::Clock,
    workspace::Workspace,
};

use super::{
    context::Context,
    render::{Ink, Paint, Table},
};

#[derive(Debug, Args)]
pub struct DoctorArgs {}

/// `doctor --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DoctorReport {
    pub version: String,
    pub lines: Vec<Finding>,
    pub warnings: usize,
    pub bad: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Finding {
    pub level: Level,
    pub what: String,
    pub found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    Warn,
    Bad,
}

/// Below this much room a run can end in a full disk.
const ROOM_BYTES_WARN: u64 = 1024 * 1024 * 1024;
const ROOM_BYTES_BAD: u64 = 64 * 1024 * 1024;
/// Every decision is synced once, so this is what a disk adds to a step.
const SYNC_WARN: Duration = Duration::from_millis(20);
const SYNCS: u32 = 16;
/// What one journal line weighs.
const SYNC_BYTES: usize = 512;
/// Names that one line holds.
const NAMES_MAX: usize = 5;

pub(super) fn run(_args: &DoctorArgs, context: &Context) -> Result<u8, Error> {
    let mut lines = vec![ok(
        "version",
        format!("flow-studio {} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH),
    )];
    lines.push(match &context.broken {
        Some(error) => {
            let why = error.because.iter().flat_map(|cause| cause.lines()).map(str::trim).filter(|line| !line.is_empty());
            let why: Vec<&str> = why.collect();
            off(Level::Bad, "config", format!("{}: {}", error.message, why.join(" ")), "mend the file; below, the defaults hold")
        }
        None => settings(context)?,
    });
    lines.extend(directories(context));
    let path = context.workspace.config.env.get("PATH").cloned().unwrap_or_default();
    lines.push(program(&path, "sh", &["-c", "echo there"], Level::Bad, "steps are run by sh: it must be on PATH"));
    lines.push(program(&path, "git", &["--version"], Level::Warn, "receipts name the commit only where git is on PATH"));
    lines.extend(programs(context, &path));
    lines.extend(disk(&context.workspace.config.runs_dir));
    lines.push(sandbox(context));
    lines.push(flows(context));
    lines.extend(runs(context)?);
    let count = |level: Level| lines.iter().filter(|line| line.level == level).count();
    let report = DoctorReport {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        warnings: count(Level::Warn),
        bad: count(Level::Bad),
        lines,
    };
    context.out(&report, || text(&report, Paint { color: context.color }))?;
    Ok(if report.bad > 0 { Kind::Invalid.exit_code() } else { 0 })
}

fn ok(what: &str, found: impl Into<String>) -> Finding {
    Finding { level: Level::Ok, what: what.to_owned(), found: found.into(), hint: None }
}

fn off(level: Level, what: &str, found: impl Into<String>, hint: impl Into<String>) -> Finding {
    Finding { level, what: what.to_owned(), found: found.into(), hint: Some(hint.into()) }
}

/// Only what is not the default.
fn settings(context: &Context) -> Result<Finding, Error> {
    let all = origins(&context.cwd, &context.flags, &context.workspace.config.env)?;
    let set: Vec<String> =
        all.into_iter().filter(|(_, from)| from != "default").map(|(key, from)| format!("{key} from {from}")).collect();
    Ok(ok("config", if set.is_empty() { "all defaults".to_owned() } else { set.join(", ") }))
}

fn directories(context: &Context) -> Vec<Finding> {
    let config = &context.workspace.config;
    let mut lines = vec![writable("runs", &config.runs_dir), writable("workspace", &context.workspace.root)];
    let there = |what: &str, dir: &Path| match (dir.is_dir(), what) {
        (true, _) if fs::read_dir(dir).is_err() => {
            off(Level::Bad, what, format!("{} cannot be read", dir.display()), "look at its permissions")
        }
        (true, _) => ok(what, dir.display().to_string()),
        (false, "flows") => off(Level::Bad, what, format!("{} is not there", dir.display()), "flow-studio init, or --flows DIR"),
        (false, _) => off(Level::Warn, what, format!("{} is not there", dir.display()), "only flows with agents need it"),
    };
    lines.push(there("flows", &config.flows_dir));
    lines.push(there("agents", &config.agents_dir));
    lines
}

/// The directory, or the nearest one above it that exists: that is where it would be made.
fn standing(dir: &Path) -> Option<PathBuf> {
    dir.ancestors().find(|above| above.is_dir()).map(Path::to_owned)
}

fn writable(what: &str, dir: &Path) -> Finding {
    let shown = dir.display();
    let made = if dir.is_dir() { "writable" } else { "not there yet, can be made" };
    match standing(dir).map(|dir| tempfile::Builder::new().prefix(".flow-studio-doctor").tempfile_in(dir)) {
        Some(Ok(_)) => ok(what, format!("{shown} ({made})")),
        Some(Err(error)) => off(
            Level::Bad,
            what,
            format!("{shown} cannot be written: {error}"),
            format!("chmod u+w {shown}, or choose another directory"),
        ),
        None => off(Level::Bad, what, format!("{shown} is nowhere"), "choose another directory"),
    }
}

/// What a program answers; it reads nothing and has a few lines to say.
fn program(path: &str, name: &str, args: &[&str], level: Level, hint: &str) -> Finding {
    let Some(file) = located(path, name) else { return off(level, name, "not on PATH", hint) };
    let output = Command::new(&file).args(args).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
            ok(name, if said == "there" { file.display().to_string() } else { format!("{} ({said})", file.display()) })
        }
        Ok(output) => off(level, name, format!("{} does not work: {}", file.display(), output.status), hint),
        Err(error) => off(level, name, format!("{} cannot be run: {error}", file.display()), hint),
    }
}

/// Programs that can perform agents: there or not, neither is bad.
fn programs(context: &Context, path: &str) -> Vec<Finding> {
    let engines = &context.workspace.config.engines;
    let known = [("claude", &engines.claude, "@anthropic-ai/claude-code"), ("codex", &engines.codex, "@openai/codex")];
    let mut lines: Vec<Finding> = known
        .into_iter()
        .map(|(engine, settings, package)| {
            let distrusted = Workspace::distrusted(settings);
            if !distrusted.is_empty() {
                let hint = "export FLOW_STUDIO_TRUST=\"$PWD\", if you know what is in it";
                return off(Level::Warn, engine, format!("{}: this directory is not trusted", distrusted.join(", ")), hint);
            }
            let hint = format!("only steps with `engine: {engine}` need it: npm install -g {package}");
            program(path, &settings.command, &["--version"], Level::Ok, &hint)
        })
        .collect();
    lines.extend(engines.cli.iter().map(|(name, settings)| {
        let hint = format!("only steps with `engine: cli` and `program: {name}` need it");
        let settings = &settings.program;
        if !Workspace::distrusted(settings).is_empty() {
            return off(Level::Warn, name.as_str(), "this directory, which describes it, is not trusted", hint);
        }
        // What it would do with an argument is not known, so it is not started.
        match located(path, &settings.command) {
            Some(file) => ok(name.as_str(), file.display().to_string()),
            None => off(Level::Ok, name.as_str(), format!("{} is not on PATH", settings.command), hint),
        }
    }));
    lines
}

fn located(path: &str, name: &str) -> Option<PathBuf> {
    let file = |file: PathBuf| Some(file).filter(|file| file.is_file());
    if name.contains('/') { file(name.into()) } else { std::env::split_paths(path).find_map(|dir| file(dir.join(name))) }
}

fn disk(runs: &Path) -> Vec<Finding> {
    let Some(dir) = standing(runs) else { return Vec::new() };
    vec![room(&dir), sync(&dir)]
}

fn room(dir: &Path) -> Finding {
    let hint = "runs grow by their output: make room, or use --runs DIR on another disk";
    match rustix::fs::statvfs(dir) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let found = format!("{:.1} GiB free for runs", gib(free));
            match free {
                ..ROOM_BYTES_BAD => off(Level::Bad, "disk", found, hint),
                ROOM_BYTES_BAD..ROOM_BYTES_WARN => off(Level::Warn, "disk", found, hint),
                ROOM_BYTES_WARN.. => ok("disk", found),
            }
        }
        Err(error) => off(Level::Warn, "disk", format!("its free room is not known: {error}"), hint),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people, with one decimal")]
fn gib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0 * 1024.0)
}

/// How long a synced line takes, the median of a few: the price of one decision.
fn sync(dir: &Path) -> Finding {
    let hint = "every decision waits for the disk once; a local disk is fastest: --runs DIR";
    let timed = || -> std::io::Result<Duration> {
        let mut file = tempfile::Builder::new().prefix(".flow-studio-doctor").tempfile_in(dir)?;
        let mut took = Vec::new();
        for _ in 0..SYNCS {
            let began = Clock::instant();
            file.write_all(&[b'.'; SYNC_BYTES])?;
            file.as_file().sync_data()?;
            took.push(began.elapsed());
        }
        took.sort();
        Ok(took[took.len() / 2])
    };
    match timed() {
        Ok(took) => {
            let found = format!("{:.2} ms for a synced line", took.as_secs_f64() * 1000.0);
            if took > SYNC_WARN { off(Level::Warn, "sync", found, hint) } else { ok("sync", found) }
        }
        Err(error) => off(
            Level::Bad,
            "sync",
            format!("a file here cannot be synced: {error}"),
            "runs need a disk that keeps what it was given: --runs DIR",
        ),
    }
}

/// What `access: observe` and `network: none` are enforced with: tried, not asked for.
fn sandbox(context: &Context) -> Finding {
    match context.workspace.sandbox() {
        Ok(word) => ok("sandbox", word),
        Err(why) => {
            let hint = "without it, steps that promise `access: observe` or `network: none` need --allow-unenforced";
            off(Level::Warn, "sandbox", format!("nothing holds steps to their promises: {why}"), hint)
        }
    }
}

fn flows(context: &Context) -> Finding {
    let (mut valid, mut broken, mut warned) = (0, Vec::new(), 0);
    for listed in context.workspace.loader().list_flows() {
        match FlowKey::new(&listed.name).map(|key| context.workspace.book(&key, false)) {
            Ok(Ok((_, warnings))) => {
                valid += 1;
                warned += usize::from(!warnings.is_empty());
            }
            Ok(Err(_)) | Err(_) => broken.push(listed.name),
        }
    }
    let found = format!("{valid} valid, {warned} of them with warnings, {} broken", broken.len());
    match (broken.is_empty(), valid) {
        (false, _) => off(Level::Bad, "validate", format!("{found}: {}", names(&broken)), "flow-studio validate"),
        (true, 0) => off(Level::Warn, "validate", "there are no flows", "flow-studio init"),
        (true, _) if warned > 0 => off(Level::Ok, "validate", found, "flow-studio validate shows them"),
        (true, _) => ok("validate", found),
    }
}

fn runs(context: &Context) -> Result<Vec<Finding>, Error> {
    let list = context.workspace.list_runs()?;
    let named = |keep: &dyn Fn(&RunLine) -> bool| -> Vec<String> {
        list.runs.iter().filter(|run| keep(run)).map(|run| run.run_id.to_string()).collect()
    };
    let mut lines = vec![ok("history", count(list.runs.len(), "run"))];
    let damaged = named(&|run| run.damaged.is_some());
    if let Some(first) = damaged.first() {
        lines.push(off(Level::Bad, "damaged", names(&damaged), format!("flow-studio verify {first}")));
    }
    let waiting = named(&|run| run.questions > 0);
    if !waiting.is_empty() {
        lines.push(off(Level::Warn, "waiting", format!("for a person: {}", names(&waiting)), "flow-studio review list"));
    }
    let answered = named(&|run| run.answered.is_some());
    if let Some(first) = answered.first() {
        let found = format!("but not resumed: {}", names(&answered));
        lines.push(off(Level::Warn, "answered", found, format!("flow-studio resume {first}")));
    }
    let stopped = |run: &RunLine| run.status == Some(RunStatus::Interrupted) && run.answered.is_none();
    let (mut dead, mut stale) = (named(&stopped), Vec::new());
    for run in &list.runs {
        let Ok(opened) = context.workspace.runs.open(&run.run_id) else { continue };
        if !matches!(Lock::holder(&opened), Ok(None)) {
            continue;
        }
        // Nobody holds the lock: a name in its file is of a process that did not end in order.
        if opened.read(&opened.lock(), 4096).is_ok_and(|text| !text.is_empty()) {
            stale.push(run.run_id.to_string());
        }
        if run.status == Some(RunStatus::Running) {
            dead.push(run.run_id.to_string());
        }
    }
    if let Some(first) = dead.first() {
        lines.push(off(
            Level::Warn,
            "stopped",
            format!("before their end: {}", names(&dead)),
            format!("flow-studio resume {first}"),
        ));
    }
    if !stale.is_empty() {
        lines.push(off(
            Level::Ok,
            "locks",
            format!("left by processes that are gone: {}", names(&stale)),
            "harmless: the next resume takes them over",
        ));
    }
    Ok(lines)
}

fn names(all: &[String]) -> String {
    let shown = all.iter().take(NAMES_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    if all.len() > NAMES_MAX { format!("{shown} and {} more", all.len() - NAMES_MAX) } else { shown }
}

fn text(report: &DoctorReport, paint: Paint) -> String {
    let mut table = Table::new(paint, "");
    for line in &report.lines {
        let (word, ink) = match line.level {
            Level::Ok => ("ok", Ink::Good),
            Level::Warn => ("warn", Ink::Care),
            Level::Bad => ("bad", Ink::Bad),
        };
        table.row([(word.to_owned(), ink), (line.what.clone(), Ink::Plain), (line.found.clone(), Ink::Plain)]);
        if let Some(hint) = &line.hint {
            table.row([(String::new(), Ink::Plain), (String::new(), Ink::Plain), (format!("→ {hint}"), Ink::Faint)]);
        }
    }
    let end = match (report.bad, report.warnings) {
        (0, 0) => "all is well".to_owned(),
        (0, warnings) => format!("nothing is bad, {warnings} to look at"),
        (bad, warnings) => format!("{bad} bad, {warnings} to look at"),
    };
    format!("{}\n{end}\n", table.render())
}
