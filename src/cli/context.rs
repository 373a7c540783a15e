//! What every command has: the workspace, how to print, and how errors are shown.

use std::{
    ffi::OsString,
    io::IsTerminal as _,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    config::{Config, Flags},
    error::{Error, Kind},
    workspace::Workspace,
};

use super::args::{Color, Global};

pub(super) struct Context {
    pub workspace: Workspace,
    /// What the command line set, for `doctor`.
    pub flags: Flags,
    /// Why the settings are not what the files say; every command but `doctor` ends with it.
    pub broken: Option<Error>,
    pub cwd: PathBuf,
    pub json: bool,
    pub quiet: bool,
    pub color: bool,
    pub terminal: bool,
    /// There is a person at the terminal who may be asked.
    pub asks: bool,
}

impl Context {
    pub fn new(global: &Global, vars: Vec<(OsString, OsString)>) -> Result<Self, Error> {
        if cfg!(not(unix)) {
            return Err(Error::new(Kind::System, "Flow Studio runs on Linux and macOS only"));
        }
        let cwd =
            std::env::current_dir().map_err(|error| Error::new(Kind::System, "the current directory is gone").because(&error))?;
        let root =
            global.workspace.clone().map_or_else(|| cwd.clone(), |dir| if dir.is_absolute() { dir } else { cwd.join(dir) });
        if !root.is_dir() {
            return Err(Error::new(Kind::Usage, format!("the workspace {} is not a directory", root.display())));
        }
        let color = color(global, &vars);
        let terminal = std::io::stderr().is_terminal() && !vars.iter().any(|(name, value)| name == "TERM" && value == "dumb");
        let flags = Flags { runs: global.runs.clone(), flows: global.flows.clone(), agents: global.agents.clone() };
        let (config, broken) = match Config::load(&cwd, &flags, vars.iter().cloned()) {
            Ok(config) => (config, None),
            Err(error) => (Config::without_files(&cwd, &flags, vars)?, Some(error)),
        };
        log(global.verbose);
        let workspace = Workspace::new(config, root);
        let asks = terminal && std::io::stdin().is_terminal() && !global.no_input && !global.json;
        Ok(Self { workspace, flags, broken, cwd, json: global.json, quiet: global.quiet, color, terminal, asks })
    }

    /// That nothing is found in a directory means something only where it could be read, or is not there.
    pub fn readable(&self, dir: &Path) -> Result<(), Error> {
        match std::fs::read_dir(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::new(Kind::System, format!("cannot read {}", dir.display())).because(&error))
            }
            _ => Ok(()),
        }
    }

    /// A file as it can be pasted here: below the current directory without it, elsewhere whole.
    pub fn named(&self, path: &Path) -> String {
        crate::inspect::quoted(&path.strip_prefix(&self.cwd).unwrap_or(path).to_string_lossy())
    }

    /// A file that a person names: as it lies from here, where it lies here; else as the run may know it.
    pub fn named_here(&self, path: &str) -> String {
        let here = self.cwd.join(path);
        if here.exists() { here.to_string_lossy().into_owned() } else { path.to_owned() }
    }

    /// Data for the person, or one JSON object.
    pub fn out<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) -> Result<(), Error> {
        if self.json { print_json(value) } else { print(&harmless(&text(), self.color)) }
    }
}

/// A word on standard error. Whoever read it may have gone away; the work goes on without an audience.
pub(super) fn tell(text: &str, color: bool) {
    drop(std::io::stderr().lock().write_all(harmless(text, color).as_bytes()));
}

/// Text of commands, people and files may hold what a terminal obeys: titles, cleared screens, text that runs backwards.
/// Only new lines and tabs get through, and colours where we paint ourselves; the rest is shown as what it is.
pub(super) fn harmless(text: &str, color: bool) -> std::borrow::Cow<'_, str> {
    use std::fmt::Write as _;
    let backwards = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let obeyed = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || backwards(c);
    if !text.contains(obeyed) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(obeyed) {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        let colour =
            rest.strip_prefix("\x1b[").filter(|_| color).and_then(|after| after.find(|c: char| !c.is_ascii_digit() && c != ';'));
        match colour {
            Some(end) if rest[2 + end..].starts_with('m') => {
                shown.push_str(&rest[..=2 + end]);
                rest = &rest[2 + end + 1..];
            }
            _ => {
                let one = rest.chars().next().unwrap_or_default();
                let _ = write!(shown, "{}", one.escape_debug());
                rest = &rest[one.len_utf8()..];
            }
        }
    }
    shown.push_str(rest);
    shown.into()
}

/// Standard output may be closed by whoever reads it; that is no error of ours.
pub(super) fn print(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    let newline = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    match write!(out, "{text}{newline}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::new(Kind::System, "cannot write to standard output").because(&error))
        }
        _ => Ok(()),
    }
}

pub(super) fn print_json<T: Serialize>(value: &T) -> Result<(), Error> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| Error::new(Kind::System, "cannot write JSON").because(&error))?;
    print(&text)
}

pub(super) fn color(global: &Global, vars: &[(OsString, OsString)]) -> bool {
    let set = |name: &str| vars.iter().any(|(one, value)| one == name && !value.is_empty());
    match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            !set("NO_COLOR")
                && std::io::stderr().is_terminal()
                && !vars.iter().any(|(name, value)| name == "TERM" && value == "dumb")
        }
    }
}

pub(super) fn show_error(error: &Error, json: bool, color: bool) {
    if json {
        let _ = print_json(&serde_json::json!({ "error": error }));
    }
    match &error.diagnostics {
        Some(found) => tell(&found.render(color), color),
        None => tell(&format!("{error}\n"), color),
    }
}

fn log(verbose: u8) {
    use tracing_subscriber::{EnvFilter, fmt};
    let level = match verbose {
        0 => "error",
        1 => "info",
        _ => "debug",
    };
    // A second call in one process (tests) keeps the first.
    let _ = fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(std::io::stderr)
        .without_time()
        .log_internal_errors(false)
        .try_init();
}
