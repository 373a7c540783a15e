//! What a flow needs of the machine, looked at before anything starts: all that is missing, at once.

use std::{collections::BTreeSet, path::Path};

use crate::{
    config::Config,
    engine::Recording,
    error::{Error, Kind},
    id::FlowKey,
    plan::GraphMistake,
    record::EngineWord,
    spec::{Diagnostic, Flow, Library, Part},
};

use super::RunRequest;

mod agent_needs;
mod promises;

pub(super) use promises::means;

/// How the run is wanted, as far as it decides what is needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'w> {
    engine: Option<EngineWord>,
    scripted: bool,
    recording: Option<&'w Recording>,
    observe_only: bool,
    allow_unenforced: bool,
}

impl<'w> Wanted<'w> {
    pub fn of(request: &RunRequest, recording: Option<&'w Recording>) -> Self {
        let RunRequest { observe_only, allow_unenforced, .. } = *request;
        let (engine, scripted) = (request.engine.map(Into::into), request.scenario.is_some());
        Self { engine, scripted, recording, observe_only, allow_unenforced }
    }
}

pub(super) fn check(config: &Config, root: &Path, library: &Library, wanted: &Wanted<'_>) -> Result<(), Error> {
    let mut missing = promises::unkept(config, library, wanted);
    let path = config.env.get("PATH").cloned().unwrap_or_default();
    for flow in library.flows.values() {
        let commands = flow.requires.commands.iter().filter(|name| !on_path(&path, name));
        missing.extend(commands.map(|name| format!("command `{name}` is not on PATH (flow `{}`)", flow.key)));
        let env = flow.requires.env.iter().filter(|name| config.env.get(*name).is_none_or(String::is_empty));
        missing.extend(env.map(|name| format!("environment variable `{name}` is not set (flow `{}`)", flow.key)));
        missing
            .extend(secrets(config, flow).filter(|(name, _)| !flow.requires.env.contains(*name)).map(|(_, sentence)| sentence));
        let files = flow.requires.files.iter().chain(&flow.read_first).filter(|file| !root.join(file.as_str()).exists());
        missing.extend(files.map(|file| format!("file `{file}` is not in the workspace (flow `{}`)", flow.key)));
    }
    let unkept = !missing.is_empty() && missing.iter().any(|one| one.contains(promises::UNKEPT));
    let agents = agent_needs::look(config, library, wanted);
    missing.extend(agents.sentences);
    missing.sort();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let mut error = Error::new(Kind::Invalid, "not everything that this flow needs is here; nothing was started");
    error.because = missing;
    if unkept {
        error = error.hint("add --allow-unenforced to run without; each receipt then says that nothing was enforced");
    }
    for hint in agents.hints {
        error = error.hint(hint);
    }
    if agents.scriptable && !wanted.scripted {
        error = error.hint("add --engine stub --scenario FILE to let a script answer for the agents");
        error = error.hint("add --engine replay --recording RUN to let them say again what they said in a run");
    }
    Err(error)
}

/// What a run that goes on needs: a secret that nobody names now is neither given to its step nor known where it is printed.
pub(super) fn check_secrets(config: &Config, library: &Library) -> Result<(), Error> {
    let missing: BTreeSet<String> =
        library.flows.values().flat_map(|flow| secrets(config, flow).map(|(_, sentence)| sentence)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut error = Error::new(Kind::Invalid, "not everything that this flow needs is here; nothing was started");
    error.because = missing.into_iter().collect();
    Err(error)
}

/// Those that steps of this flow name and that are not set, each with a sentence.
fn secrets<'f>(config: &Config, flow: &'f Flow) -> impl Iterator<Item = (&'f String, String)> {
    let used = flow.steps.iter().flat_map(|step| step.secrets.iter());
    let unset = used.filter(|name| config.env.get(*name).is_none_or(String::is_empty));
    unset.map(|name| (name, format!("secret `{name}` is not set in the environment (flow `{}`)", flow.key)))
}

pub(super) fn on_path(path: &str, name: &str) -> bool {
    if name.contains('/') {
        return Path::new(name).is_file();
    }
    std::env::split_paths(path).any(|dir| {
        use std::os::unix::fs::PermissionsExt as _;
        dir.join(name).metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    })
}

/// A mistake of the graph, with its place in the flow's file.
pub(super) fn placed(library: &Library, flow: &FlowKey, mistake: GraphMistake) -> Diagnostic {
    let diagnostic = Diagnostic::error(mistake.code, mistake.message).hint(mistake.hint);
    match library.flows.get(flow) {
        Some(flow) => flow.places.mark(&mistake.path, Part::Value, diagnostic),
        None => diagnostic,
    }
}
