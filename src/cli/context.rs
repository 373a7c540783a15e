//! What every command has: the workspace, how to print, and how errors are shown.

use std::{ffi::OsString, io::IsTerminal as _, io::Write as _, path::PathBuf};

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
    pub cwd: PathBuf,
    pub json: bool,
    pub quiet: bool,
    pub color: bool,
    pub terminal: bool,
}

impl Context {
    pub fn new(global: &Global, vars: Vec<(OsString, OsString)>) -> Result<Self, Error> {
        if cfg!(not(unix)) {
            return Err(Error::new(Kind::System, "Flow Studio runs on Linux and macOS only"));
        }
        let cwd = std::env::current_dir().map_err(|error| Error::new(Kind::System, "the current directory is gone").because(&error))?;
        let root = global.workspace.clone().map_or_else(|| cwd.clone(), |dir| if dir.is_absolute() { dir } else { cwd.join(dir) });
        if !root.is_dir() {
            return Err(Error::new(Kind::Usage, format!("the workspace {} is not a directory", root.display())));
        }
        let color = color(global, &vars);
        let terminal = std::io::stderr().is_terminal() && !vars.iter().any(|(name, value)| name == "TERM" && value == "dumb");
        let flags = Flags { runs: global.runs.clone(), flows: global.flows.clone(), agents: global.agents.clone() };
        let config = Config::load(&cwd, &flags, vars)?;
        log(global.verbose);
        Ok(Self { workspace: Workspace::new(config, root), flags, cwd, json: global.json, quiet: global.quiet, color, terminal })
    }

    /// Data for the person, or one JSON object.
    pub fn out<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) -> Result<(), Error> {
        if self.json { print_json(value) } else { print(&text()) }
    }
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
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::new(Kind::System, "cannot write JSON").because(&error))?;
    print(&text)
}

pub(super) fn color(global: &Global, vars: &[(OsString, OsString)]) -> bool {
    let set = |name: &str| vars.iter().any(|(one, value)| one == name && !value.is_empty());
    match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => !set("NO_COLOR") && std::io::stderr().is_terminal() && !vars.iter().any(|(name, value)| name == "TERM" && value == "dumb"),
    }
}

pub(super) fn show_error(error: &Error, json: bool, color: bool) {
    if json {
        let _ = print_json(&serde_json::json!({ "error": error }));
    }
    match &error.diagnostics {
        Some(found) => eprint!("{}", found.render(color)),
        None => eprintln!("{error}"),
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
    let _ = fmt().with_env_filter(EnvFilter::new(level)).with_writer(std::io::stderr).without_time().try_init();
}
