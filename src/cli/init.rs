//! `init`: a first flow, an agent, a scenario and make targets, put into a directory.
//! In: a directory, empty or not. Out: what was written and what was left alone. Never: a file overwritten, a symlink followed.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    spec::schema,
};

use super::context::Context;

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where to put it [default: the current directory]
    pub dir: Option<PathBuf>,
}

/// `init --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InitReport {
    pub directory: String,
    /// Relative to the directory.
    pub written: Vec<String>,
    /// Files that were there already and are as they were.
    pub left_alone: Vec<LeftAlone>,
    /// What to type next.
    pub next: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct LeftAlone {
    pub path: String,
    /// What to do by hand, where something is left to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

const IGNORED: &str = "/run_base/";
/// A `.gitignore` that is larger is left alone.
const GITIGNORE_BYTES_MAX: u64 = 1024 * 1024;

/// What is written, in this order.
fn files() -> Vec<(&'static str, String)> {
    let pretty = |schema: serde_json::Value| format!("{schema:#}\n");
    vec![
        ("flows/hello.yaml", include_str!("init/start/flows/hello.yaml").to_owned()),
        ("flows/tests/hello.scenario.yaml", include_str!("init/start/flows/tests/hello.scenario.yaml").to_owned()),
        ("agents/critic.md", include_str!("init/start/agents/critic.md").to_owned()),
        ("schemas/flow.schema.json", pretty(schema::flow())),
        ("schemas/agent.schema.json", pretty(schema::agent())),
        ("schemas/detours.schema.json", pretty(schema::detours())),
        ("Makefile", include_str!("init/start/Makefile").to_owned()),
        ("stepwise.mk", include_str!("../../stepwise.mk").to_owned()),
    ]
}

pub(super) fn run(args: &InitArgs, context: &Context) -> Result<u8, Error> {
    let root = &context.workspace.root;
    let dir: PathBuf = args.dir.as_ref().map_or_else(|| root.clone(), |dir| root.join(dir)).components().collect();
    let report = write(&dir, args.dir.as_deref())?;
    if context.json || !context.quiet {
        context.out(&report, || text(&report))?;
    }
    Ok(0)
}

fn write(dir: &Path, named: Option<&Path>) -> Result<InitReport, Error> {
    let failed = |path: &Path, error: &io::Error| {
        Error::new(Kind::System, format!("cannot write {}", path.display()))
            .because(error)
            .hint("what was written before it is whole; run init again")
    };
    fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
    let mut report =
        InitReport { directory: dir.display().to_string(), written: Vec::new(), left_alone: Vec::new(), next: Vec::new() };
    for (name, bytes) in files() {
        let path = dir.join(name);
        match put(&path, &bytes) {
            Ok(()) => report.written.push(name.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // A second `init` finds its own files: nothing is left to do.
                let ours = fs::read_to_string(&path).is_ok_and(|there| there == bytes);
                report.left_alone.push(LeftAlone { path: name.to_owned(), hint: if ours { None } else { by_hand(name) } });
            }
            Err(error) => return Err(failed(&path, &error)),
        }
    }
    match ignore(&dir.join(".gitignore")) {
        Ok(true) => report.written.push(".gitignore".to_owned()),
        Ok(false) => report.left_alone.push(LeftAlone { path: ".gitignore".to_owned(), hint: None }),
        Err(_) => {
            let hint = Some(format!("add the line {IGNORED}"));
            report.left_alone.push(LeftAlone { path: ".gitignore".to_owned(), hint });
        }
    }
    let elsewhere = named.filter(|named| named.components().any(|part| part != std::path::Component::CurDir));
    report.next.extend(elsewhere.map(|named| format!("cd {}", crate::inspect::quoted(&named.to_string_lossy()))));
    report.next.extend(["flow-studio run hello --param name=Ada", "flow-studio test", "flow-studio doctor"].map(str::to_owned));
    Ok(report)
}

fn by_hand(name: &str) -> Option<String> {
    (name == "Makefile").then(|| "for its targets, add the line: include stepwise.mk".to_owned())
}

/// Writes a file that is not there yet.
fn put(path: &Path, bytes: &str) -> io::Result<()> {
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    // `create_new` refuses whatever stands there, a dangling symlink too.
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes.as_bytes())
}

/// Adds the runs directory to `.gitignore`; whether that was needed.
fn ignore(path: &Path) -> io::Result<bool> {
    let mut there = String::new();
    match OpenOptions::new().read(true).open(path) {
        Ok(file) => file.take(GITIGNORE_BYTES_MAX).read_to_string(&mut there).map(drop)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return put(path, &format!("{IGNORED}\n")).map(|()| true),
        Err(error) => return Err(error),
    }
    if there.lines().any(|line| ["run_base", "/run_base", "run_base/", "/run_base/", "/run_base/*"].contains(&line.trim())) {
        return Ok(false);
    }
    let newline = if there.is_empty() || there.ends_with('\n') { "" } else { "\n" };
    OpenOptions::new().append(true).open(path)?.write_all(format!("{newline}{IGNORED}\n").as_bytes())?;
    Ok(true)
}

fn text(report: &InitReport) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for path in &report.written {
        let _ = writeln!(text, "wrote       {path}");
    }
    for left in &report.left_alone {
        let hint = left.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let _ = writeln!(text, "left alone  {}{hint}", left.path);
    }
    let _ = writeln!(text, "\nin {}; next:", report.directory);
    for next in &report.next {
        let _ = writeln!(text, "  {next}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_there_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Makefile"), "mine:\n").unwrap();
        fs::write(dir.path().join(".gitignore"), "/target").unwrap();
        let first = write(dir.path(), None).unwrap();
        assert!(first.written.contains(&"flows/hello.yaml".to_owned()) && first.written.contains(&".gitignore".to_owned()));
        assert_eq!(first.left_alone.len(), 1);
        assert!(first.left_alone[0].hint.as_deref().is_some_and(|hint| hint.contains("include stepwise.mk")));
        assert_eq!(fs::read_to_string(dir.path().join("Makefile")).unwrap(), "mine:\n");
        assert_eq!(fs::read_to_string(dir.path().join(".gitignore")).unwrap(), "/target\n/run_base/\n");
        let second = write(dir.path(), None).unwrap();
        assert_eq!((second.written.len(), second.left_alone.len()), (0, first.written.len() + first.left_alone.len()));
        assert!(second.left_alone.iter().filter(|left| left.hint.is_some()).all(|left| left.path == "Makefile"));
    }

    #[test]
    fn a_symlink_is_not_written_through() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), dir.path().join("Makefile")).unwrap();
        write(dir.path(), None).unwrap();
        assert!(!dir.path().join("elsewhere").exists());
    }

    #[test]
    fn the_first_flow_has_no_mistake_and_no_warning() {
        let files = files().into_iter().map(|(name, text)| (name, text.into_bytes()));
        let loaded = crate::spec::Loader::in_memory(files).load_library(&crate::id::FlowKey::new("hello").unwrap()).unwrap();
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(false));
    }
}
