//! Files that are checked by themselves, wherever they lie: the catalog of detours, an agent; and what lies among the agents and is none.
//! In: a path. Out: warnings, or every mistake in it. Never: a flow.

use std::path::Path;

use super::{
    Diagnostic, Diagnostics, Level, agent,
    files::{Dir, ReadFile, read_path},
    load::{DETOURS, Loader, Reading},
};

/// What a file is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileIs {
    Flow,
    Detours,
    Agent,
}

impl FileIs {
    pub fn named(path: &Path) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match name {
            DETOURS => Self::Detours,
            _ if is_agent(name) => Self::Agent,
            _ => Self::Flow,
        }
    }
}

fn is_agent(name: &str) -> bool {
    name.ends_with(".md") || name.ends_with(".md.hbs")
}

impl Loader {
    /// A catalog of detours by its file; what its steps name is looked for in the directories.
    ///
    /// # Errors
    /// Every mistake in it, warnings among them.
    pub fn check_detours(&self, path: &Path) -> Result<Diagnostics, Diagnostics> {
        let file = there(path)?;
        let mut reading = Reading::new(self);
        let read = reading.catalog(&file).map(|_| ());
        reading.finish(read).map(|loaded| loaded.warnings)
    }

    /// An agent by its file.
    ///
    /// # Errors
    /// Every mistake in it, warnings among them.
    pub fn check_agent(&self, path: &Path) -> Result<Diagnostics, Diagnostics> {
        let part = |path: Option<&Path>| path?.file_name()?.to_str().map(str::to_owned);
        let own = part(Some(path)).unwrap_or_default();
        let name = match own.as_str() {
            "SKILL.md" => format!("{}/SKILL.md", part(path.parent()).unwrap_or_default()),
            _ => own,
        };
        let Some(key) = agent::key_of(&name) else { return Err(not_a_key(&path.display().to_string()).into()) };
        agent::read(&key, &name, &there(path)?).map(|(_, warnings)| warnings)
    }

    /// Files among the agents that no flow can name; as warnings, for notes may lie there too.
    pub fn unnamed_agents(&self) -> Diagnostics {
        let names = self.files.list(Dir::Agents);
        let odd = names.iter().filter(|name| is_agent(name) && agent::key_of(name).is_none());
        let shown = |name: &String| format!("{}/{name}", self.files.shown(Dir::Agents));
        odd.map(|name| Diagnostic { severity: Level::Warning, ..not_a_key(&shown(name)) }).collect()
    }
}

fn there(path: &Path) -> Result<ReadFile, Diagnostics> {
    read_path(path)?.ok_or_else(|| Diagnostic::error("unreadable-file", format!("{} is not there", path.display())).into())
}

fn not_a_key(shown: &str) -> Diagnostic {
    let message = format!("{shown} is no agent that a flow can name");
    Diagnostic::error("bad-name", message)
        .hint("name the file with letters, digits, `-` and `_`, a letter first: agents/critic.md")
}
