//! From an order of the kernel to a job for an engine: environment, paths, templates filled in.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;

use crate::{
    engine::{AgentEngine, AgentWork, Budget, FlowLimit, Job, Keep, Model, Scenario, Tools, Watched, Work},
    id::Time,
    kernel::{Frame, Running, Slot, State, scope_at, template_scope},
    plan::undone,
    rails::{self, CannotHold, Means, Rail},
    record::{At, CallLimits, EngineWord, ErrorClass, Failure, FailureKind, Injection, Mode, Parent, Reply, ReplyOutcome},
    spec::{Access, Template, Verb, flow::Step},
};

use super::{
    agents::Agents,
    brief::{Asked, brief},
    choice::failed_before,
    evidence::changed_since,
};

/// What all steps of a run share on this machine.
#[derive(Debug, Clone)]
pub struct Scene {
    pub workspace: PathBuf,
    /// RUN_BASE.
    pub run_base: PathBuf,
    /// The variables every step may see: PATH, HOME, LANG, TERM, TMPDIR, FLOWS, FLOW_STUDIO.
    pub env: BTreeMap<String, String>,
    /// Values of declared secrets, by environment name.
    pub secrets: BTreeMap<String, String>,
    /// Between TERM and KILL.
    pub grace_ms: u64,
    /// What this machine can hold processes to.
    pub means: fn() -> Means,
    pub agents: Agents,
}

/// Turns of an agent for which neither flow nor front matter says a number: enough for a day's task, an end to a loop.
const TURNS_MAX: u32 = 60;

/// What is to be done for one attempt.
pub(super) enum Task {
    Job(Box<Job>),
    /// An agent step that the stub engine answers.
    Stub(Box<Job>),
    /// It cannot even be tried.
    Reply(Box<Reply>),
}

pub(super) fn task(state: &State, scene: &Scene, at: &At, running: &Running, now: Time) -> Option<Task> {
    let frame = state.frame(&at.flow)?;
    let slot = frame.slot(&at.step)?;
    let spec = &frame.plan.step(slot.step).spec;
    let rail = match rail(scene, frame, slot) {
        Ok(rail) => rail,
        Err(cannot) => return Some(failed(FailureKind::Refused, cannot.to_string(), now)),
    };
    if let Some(outdated) = outdated(state, scene, frame, slot, running) {
        return Some(failed(FailureKind::Outdated, outdated, now));
    }
    let stub = matches!(&spec.verb, Verb::Agent(agent) if frame.engine_of(agent) == EngineWord::Stub);
    let work = match if stub { Ok(Work::Exec { argv: Vec::new() }) } else { work(state, scene, frame, slot, running, &rail) } {
        Ok(work) => work,
        Err((kind, message)) => return Some(failed(kind, message, now)),
    };
    let keep = frame.plan.step(slot.step).keep;
    let job = Job {
        flow: at.flow.clone(),
        step: at.step.clone(),
        execution: running.execution,
        attempt: running.attempt,
        started_at: now,
        work,
        workspace: scene.workspace.clone(),
        run_base: scene.run_base.clone(),
        flow_dir: scene.run_base.join(at.flow.as_str()),
        // What a script answers sees no environment, but for its verify commands.
        env: if stub && spec.verify.is_empty() { BTreeMap::new() } else { environment(state, scene, frame, slot, running) },
        timeout_ms: running.timeout_ms,
        grace_ms: scene.grace_ms,
        inputs: spec.inputs.clone(),
        outputs: spec.outputs.clone(),
        expect: spec.expect.clone(),
        verify: spec.verify.clone(),
        scope: spec.expect.json.as_ref().map(|json| scope_at(state, frame, json.reads(), slot)).unwrap_or_default(),
        keep: Keep { stdout: keep.stdout, stderr: keep.stderr, json: keep.json },
        watched: watched(spec),
        rail,
    };
    Some(if stub { Task::Stub(Box::new(job)) } else { Task::Job(Box::new(job)) })
}

/// Agents may claim what they changed, so it is looked at; commands only where the flow asks for it.
fn watched(spec: &Step) -> Watched {
    let agent = matches!(spec.verb, Verb::Agent(_));
    let changes = spec.measures_changes || agent && spec.access == Access::Change;
    Watched { changes, artifacts: agent, tree: spec.ends_loop.is_some() && (agent || spec.measures_changes) }
}

fn failed(kind: FailureKind, message: String, now: Time) -> Task {
    let failure = Failure { kind, class: ErrorClass::Permanent, message, exit_code: None };
    Task::Reply(Box::new(Reply::new(ReplyOutcome::Failed(failure), EngineWord::Builtin, Mode::Local, now, now)))
}

/// An approval covers what was shown. Between the answer and this moment somebody may have changed it; what a first attempt has
/// changed is its own doing.
fn outdated(state: &State, scene: &Scene, frame: &Frame, slot: Slot, running: &Running) -> Option<String> {
    let approved = frame.state(slot)?.approved.as_ref().filter(|_| running.attempt == 1)?;
    let changed = changed_since(&scene.run_base, &scene.workspace, state.questions.get(approved)?);
    (!changed.is_empty())
        .then(|| format!("{} is not what was shown when {approved} was answered; nothing was done", changed.join(", ")))
}

/// What the step promises; all of it, in a run that only observes.
fn access(frame: &Frame, slot: Slot) -> Access {
    if frame.options.observe_only { Access::Observe } else { frame.plan.step(slot.step).spec.access }
}

fn rail(scene: &Scene, frame: &Frame, slot: Slot) -> Result<Rail, CannotHold> {
    let spec = &frame.plan.step(slot.step).spec;
    let base = scene.run_base.join(frame.path.as_str());
    let own = || {
        let mut own = vec![base.join("work").join(frame.name(slot).as_str())];
        // What it promises to leave for later steps, it may leave.
        if spec.outputs.iter().any(|path| path.starts_with("artifacts/")) {
            own.push(base.join("artifacts"));
        }
        own
    };
    let promise = (access(frame, slot), spec.network);
    let found = Rail::new(promise, own, scene.means, frame.options.allow_unenforced);
    // Without a command of its own there is nothing to fence: tools that write are not offered to an observer.
    if spec.held_without_fence() { found.or(Ok(Rail::Open)) } else { found }
}

fn agent(asked: &Asked<'_>, rail: &Rail) -> Result<AgentWork, (FailureKind, String)> {
    let Asked { scene, frame, slot, running, step, agent, .. } = *asked;
    // A choice from a list does not take a large model, unless somebody says so.
    let spec = &frame.plan.step(slot.step).spec;
    let usual = spec.navigates.is_some().then_some("fast");
    let own = agent.model.as_deref().filter(|model| *model != "inherit");
    let word = step.model.as_deref().or(own).or(usual);
    let unnamed = || {
        let word = word.unwrap_or("standard");
        (FailureKind::Spawn, format!("no model is set for `{word}`: name one under [models] in flow-studio.toml"))
    };
    let chosen = || scene.agents.models.choose(word, running.attempt);
    let (engine, mut models) = match frame.engine_of(step) {
        EngineWord::Openai => {
            let server = scene.agents.openai.clone().map_err(|why| (FailureKind::Spawn, why))?;
            (AgentEngine::OpenAi(server), chosen().ok_or_else(unnamed)?)
        }
        EngineWord::Replay => {
            let replay = scene.agents.replay(frame.options.replay.as_ref()).map_err(|why| (FailureKind::Spawn, why))?;
            // A recording needs no model of this machine.
            let recorded = || vec![Model { name: "recorded".to_owned(), price: None }];
            (AgentEngine::Replay(replay), chosen().unwrap_or_else(recorded))
        }
        other => {
            let found = scene.agents.programmed(other, step.program.as_ref()).map_err(|why| (FailureKind::Spawn, why))?;
            found.program.can_be_silent(spec.network).map_err(|why| (FailureKind::Refused, why))?;
            (AgentEngine::Program(Box::new(found.program.clone())), vec![found.model(word)])
        }
    };
    // What a program runs is not behind the fence.
    let fenced = rail.fence().is_some() && !matches!(engine, AgentEngine::Program(_));
    let name = frame.name(slot);
    Ok(AgentWork {
        agent: step.agent.clone(),
        model: models.remove(0),
        fallbacks: models,
        brief: brief(asked)?,
        tools: Tools::new(agent.tools.as_deref(), &agent.disallowed_tools, access(frame, slot), fenced),
        turns_max: step.max_turns.or(agent.turns_max).unwrap_or(TURNS_MAX),
        access: access(frame, slot),
        budget: Budget { account: scene.agents.account.clone(), limits: limits(asked.state, frame) },
        transcript: format!("{}/llm/{name}-{}-{}.jsonl", frame.path, step.agent, engine.word()),
        draft: format!("{}/handoffs/{name}-{}.draft.json", frame.path, step.agent),
        engine,
    })
}

/// Limits of tokens and money of the flow and of those around it.
fn limits(state: &State, frame: &Frame) -> Vec<FlowLimit> {
    let mut found = Vec::new();
    let mut around = Some(frame);
    while let Some(frame) = around {
        if frame.calls != CallLimits::default() {
            found.push(FlowLimit { flow: frame.path.clone(), calls: frame.calls });
        }
        around = match frame.parent.as_deref() {
            Some(Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. }) => state.frame(&at.flow),
            // No limit keeps a rollback from its work.
            Some(Parent::Rollback { .. } | Parent::Undo { .. }) | None => None,
        };
    }
    found
}

fn work(
    state: &State,
    scene: &Scene,
    frame: &Frame,
    slot: Slot,
    running: &Running,
    rail: &Rail,
) -> Result<Work, (FailureKind, String)> {
    let render = |template: &Template| {
        let seen = template_scope(state, frame, template.reads(), slot);
        template.render(&seen).map_err(|error| (FailureKind::Template, error.to_string()))
    };
    Ok(match &frame.plan.step(slot.step).spec.verb {
        Verb::Run { script } => Work::Shell { script: script.clone() },
        Verb::Exec { argv } => Work::Exec { argv: argv.iter().map(render).collect::<Result<_, _>>()? },
        Verb::Snapshot { name, files, commands } => {
            Work::Snapshot { name: name.clone(), files: files.clone(), commands: commands.clone() }
        }
        Verb::Compare { before, after, changed_only, identical, changed } => Work::Compare {
            before: before.clone(),
            after: after.clone(),
            changed_only: changed_only.clone(),
            identical: identical.clone(),
            changed: changed.clone(),
        },
        Verb::Scan(scan) => Work::Scan(scan.clone()),
        Verb::Render { template, to, .. } => Work::Render { text: render(template)?, to: to.clone() },
        Verb::Agent(step) => {
            let found = frame.book.library.agents.get(&step.agent);
            let known = found.ok_or_else(|| (FailureKind::Spawn, format!("there is no agent `{}`", step.agent)))?;
            Work::Agent(Box::new(agent(&Asked { state, scene, frame, slot, running, step, agent: known }, rail)?))
        }
        Verb::Ask(_) | Verb::Flow { .. } => {
            return Err((FailureKind::Unknown, "this step is not performed by an engine".to_owned()));
        }
    })
}

fn environment(state: &State, scene: &Scene, frame: &Frame, slot: Slot, running: &Running) -> BTreeMap<String, String> {
    let spec = &frame.plan.step(slot.step).spec;
    let mut env = scene.env.clone();
    let name = frame.name(slot);
    let base = scene.run_base.join(frame.path.as_str());
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    let mut set = |name: &str, value: String| drop(env.insert(name.to_owned(), value));
    set("RUN_BASE", path(scene.run_base.clone()));
    set("RUN_ID", state.run.as_ref().map(|run| run.id.to_string()).unwrap_or_default());
    set("FLOW", frame.key.to_string());
    set("STEP", name.to_string());
    set("STEP_DIR", path(base.join("work").join(name.as_str())));
    set("ARTIFACTS", path(base.join("artifacts")));
    set("EXECUTION", running.execution.to_string());
    if let Some(iteration) = running.iteration {
        set("ITERATION", iteration.to_string());
    }
    for (name, value) in frame.params.iter() {
        set(&format!("PARAM_{}", name.as_str().to_uppercase().replace('-', "_")), plain(value));
    }
    if let Some(item) = frame.item_value(slot) {
        set("ITEM", plain(item));
    }
    // A known fix has to know what it fixes: whose failure, where that step works, and what it said.
    let fixes =
        matches!(frame.parent.as_deref(), Some(Parent::Detour { .. } | Parent::Injected { what: Injection::Detour(_), .. }));
    if fixes {
        // One that was put in where nothing failed finds them empty.
        let failed = failed_before(state, frame);
        let result = failed.as_ref().and_then(|at| state.step(at)?.result.clone());
        let artifacts = failed.as_ref().map(|at| path(scene.run_base.join(at.flow.as_str()).join("artifacts")));
        set("FAILED_STEP", failed.map(|at| at.step.to_string()).unwrap_or_default());
        set("FAILED_ARTIFACTS", artifacts.unwrap_or_default());
        set("FAILED_ERROR", result.and_then(|result| result.error.clone()).as_deref().unwrap_or_default().replace('\0', " "));
    }
    // An undo sees what the step saw that it takes back.
    if let Some(Parent::Rollback { of, steps, .. } | Parent::Undo { of, steps, .. }) = frame.parent.as_deref()
        && let Some(undone) = undone(steps, name.as_str())
    {
        let base = scene.run_base.join(of.as_str());
        let taken_back = state.frame(of);
        set("FLOW", taken_back.map_or_else(|| of.to_string(), |frame| frame.key.to_string()));
        if let Some(item) = taken_back.and_then(|frame| frame.item_value(frame.slot(undone)?)) {
            set("ITEM", plain(item));
        }
        if let Some(round) = taken_back.and_then(|frame| frame.round_done(frame.slot(undone)?)) {
            set("ITERATION", round.to_string());
        }
        set("STEP_DIR", path(base.join("work").join(undone.as_str())));
        set("ARTIFACTS", path(base.join("artifacts")));
    }
    if let Some(note) = frame.state(slot).and_then(|step| step.note.as_deref()) {
        set("NOTE", note.to_owned());
    }
    if access(frame, slot) == Access::Observe {
        set("TMPDIR", path(rails::tmp_of(&base.join("work").join(name.as_str()))));
    }
    for (name, value) in &spec.env {
        set(name, value.clone());
    }
    for name in &spec.secrets {
        if let Some(value) = scene.secrets.get(name) {
            set(name, value.clone());
        }
    }
    env
}

/// A value as a command sees it: texts as they are, everything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// The script answers in memory unless the step's contract, or the script itself, is about real files and commands.
pub(super) fn touches_files(job: &Job, script: &Scenario) -> bool {
    let writes = script.scripted(&job.step, job.execution).is_some_and(|scripted| !scripted.outputs.is_empty());
    writes || !job.inputs.is_empty() || !job.outputs.is_empty() || !job.verify.is_empty()
}
