//! What a flow needs of the machine, looked at before anything starts: all that is missing, at once.

use std::path::Path;

use crate::{
    config::{Config, Sandboxing},
    error::{Error, Kind},
    id::FlowKey,
    plan::GraphMistake,
    rails::{Means, promised},
    record::EngineWord,
    spec::{Access, Diagnostic, Library, Part, Verb, flow::Step},
};

use super::{RunRequest, Workspace};

mod agent_needs;

/// How the run is wanted, as far as it decides what is needed.
pub(super) struct Wanted {
    engine: Option<EngineWord>,
    scripted: bool,
    observe_only: bool,
    allow_unenforced: bool,
}

impl Workspace {
    /// What holds steps to their promises here; or why nothing does.
    ///
    /// # Errors
    /// Nothing does, and why.
    pub fn sandbox(&self) -> Result<String, String> {
        match means(&self.config) {
            Means::Missing(why) => Err(why),
            found @ Means::Linux { .. } => Ok(found.word()),
        }
    }

    pub(super) fn wanted(&self, request: &RunRequest) -> Wanted {
        let RunRequest { observe_only, allow_unenforced, .. } = *request;
        Wanted { engine: request.engine.map(Into::into), scripted: request.scenario.is_some(), observe_only, allow_unenforced }
    }
}

/// What this machine can hold processes to; nothing, where config says so.
pub(super) fn means(config: &Config) -> Means {
    match config.sandbox {
        Sandboxing::Auto => Means::of_this_machine(),
        Sandboxing::None => Means::Missing("config says `sandbox = \"none\"`".to_owned()),
    }
}

/// Promises of steps that nothing here can keep.
fn unkept(config: &Config, library: &Library, wanted: &Wanted) -> Vec<String> {
    let flows = library.flows.values().flat_map(|flow| flow.steps.iter().map(move |step| (flow.key.to_string(), step)));
    let detours = library.detours.iter().flat_map(|one| one.steps.iter().map(move |step| (one.id.to_string(), step)));
    let promise = |step: &Step| {
        let access = if wanted.observe_only { Access::Observe } else { step.access };
        // An agent that a script answers, or that has no command of its own, needs no fence.
        let scripted = wanted.engine == Some(EngineWord::Stub) && matches!(step.verb, Verb::Agent(_)) && step.verify.is_empty();
        // In a run that only observes, what would change something is not started.
        let started = !wanted.observe_only || step.access == Access::Observe || matches!(step.verb, Verb::Snapshot { .. });
        promised(access, step.network).filter(|_| started && !scripted && !step.held_without_fence())
    };
    let mut promises = flows.chain(detours).filter_map(|(flow, step)| Some((flow, step.id.clone(), promise(step)?))).peekable();
    if wanted.allow_unenforced || promises.peek().is_none() {
        return Vec::new();
    }
    let Means::Missing(why) = means(config) else { return Vec::new() };
    promises.map(|(flow, step, promise)| format!("step `{step}` of flow `{flow}` needs `{promise}`, {UNKEPT}: {why}")).collect()
}

const UNKEPT: &str = "which cannot be enforced here";

pub(super) fn check(config: &Config, root: &Path, library: &Library, wanted: &Wanted) -> Result<(), Error> {
    let Wanted { engine, scripted, observe_only, .. } = *wanted;
    let mut missing = unkept(config, library, wanted);
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
    let agents = agent_needs::look(config, library, engine, observe_only);
    missing.extend(agents.sentences);
    missing.sort();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let mut error = Error::new(Kind::Invalid, "not everything that this flow needs is here; nothing was started");
    error.because = missing;
    if error.because.iter().any(|one| one.contains(UNKEPT)) {
        error = error.hint("add --allow-unenforced to run without; each receipt then says that nothing was enforced");
    }
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
