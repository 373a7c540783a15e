//! What a flow needs of the machine, looked at before anything starts: all that is missing, at once.

use std::path::Path;

use crate::{
    config::Config,
    error::{Error, Kind},
    id::FlowKey,
    plan::GraphMistake,
    record::EngineWord,
    spec::{Diagnostic, Library, Part},
};

mod agent_needs;

pub(super) fn check(
    config: &Config,
    root: &Path,
    library: &Library,
    engine: Option<EngineWord>,
    scripted: bool,
) -> Result<(), Error> {
    let mut missing = Vec::new();
    let path = config.env.get("PATH").cloned().unwrap_or_default();
    for flow in library.flows.values() {
        let commands = flow.requires.commands.iter().filter(|name| !on_path(&path, name));
        missing.extend(commands.map(|name| format!("command `{name}` is not on PATH (flow `{}`)", flow.key)));
        let env = flow.requires.env.iter().filter(|name| config.env.get(*name).is_none_or(String::is_empty));
        missing.extend(env.map(|name| format!("environment variable `{name}` is not set (flow `{}`)", flow.key)));
        let used = flow.steps.iter().flat_map(|step| step.secrets.iter());
        let secrets = used.filter(|name| config.env.get(*name).is_none_or(String::is_empty) && !flow.requires.env.contains(name));
        missing.extend(secrets.map(|name| format!("secret `{name}` is not set in the environment (flow `{}`)", flow.key)));
        let files = flow.requires.files.iter().chain(&flow.read_first).filter(|file| !root.join(file.as_str()).exists());
        missing.extend(files.map(|file| format!("file `{file}` is not in the workspace (flow `{}`)", flow.key)));
    }
    let agents = agent_needs::look(config, library, engine);
    missing.extend(agents.sentences);
    missing.sort();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let mut error = Error::new(Kind::Invalid, "not everything that this flow needs is here; nothing was started");
    error.because = missing;
    for hint in agents.hints {
        error = error.hint(hint);
    }
    if agents.scriptable && !scripted {
        error = error.hint("add --engine stub --scenario FILE to let a script answer for the agents");
    }
    Err(error)
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
