//! What steps promise, and whether this machine can hold them to it.

use crate::{
    config::{Config, Sandboxing},
    rails::{Means, promised},
    record::EngineWord,
    spec::{Access, Library, Verb, flow::Step},
};

use super::{super::Workspace, Wanted};

pub(super) const UNKEPT: &str = "which cannot be enforced here";

impl Workspace {
    /// What holds steps to their promises here; or why nothing does.
    ///
    /// # Errors
    /// Nothing does, and why.
    pub fn sandbox(&self) -> Result<String, String> {
        match means(&self.config)() {
            Means::Missing(why) => Err(why),
            found @ Means::Linux { .. } => Ok(found.word()),
        }
    }
}

/// What this machine can hold processes to; nothing, where config says so.
/// Asking costs a thread, so only those ask whose steps promise something.
pub(in crate::workspace) fn means(config: &Config) -> fn() -> Means {
    match config.sandbox {
        Sandboxing::Auto => Means::of_this_machine,
        Sandboxing::None => Means::switched_off,
    }
}

/// Promises of steps that nothing here can keep.
pub(super) fn unkept(config: &Config, library: &Library, wanted: &Wanted<'_>) -> Vec<String> {
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
    let Means::Missing(why) = means(config)() else { return Vec::new() };
    promises.map(|(flow, step, promise)| format!("step `{step}` of flow `{flow}` needs `{promise}`, {UNKEPT}: {why}")).collect()
}
