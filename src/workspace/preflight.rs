//! What a flow needs of the machine, looked at before anything starts: all that is missing, at once.

use std::{collections::BTreeMap, path::Path};

use crate::{
    config::Config,
    engine::{self, Recording},
    error::{Error, Kind},
    id::{AgentKey, FlowKey, FramePath, StepRef},
    plan::GraphMistake,
    record::EngineWord,
    spec::{Diagnostic, Flow, Library, Part, Verb, flow::Step, text::OnUnknownCost},
};

/// What answers for agents in place of a model.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Answers<'a> {
    pub scripted: bool,
    pub recording: Option<&'a Recording>,
}

pub(super) fn check(
    config: &Config,
    root: &Path,
    library: &Library,
    engine: Option<EngineWord>,
    answers: &Answers<'_>,
) -> Result<(), Error> {
    let (mut missing, mut replayed) = (Vec::new(), false);
    let agents = super::agents::agents(config, engine::Account::default(), BTreeMap::default());
    let (models, url) = (agents.models, config.engines.openai.base_url.as_str());
    let (mut openai, mut nameless, mut priceless) = (false, false, false);
    let path = config.env.get("PATH").cloned().unwrap_or_default();
    // A flow inside of one with a limit draws on it.
    let said = |unknown| library.flows.values().any(|flow| flow.limits.on_unknown_cost == Some(unknown));
    let counts_money = library.flows.values().any(|flow| flow.limits.usd_max.is_some()) && !said(OnUnknownCost::Allow);
    let (needs_prices, key) = match said(OnUnknownCost::Stop) {
        true => (true, "limits.on_unknown_cost: stop"),
        false => (counts_money, "limits.usd"),
    };
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
        for step in &flow.steps {
            let Verb::Agent(agent) = &step.verb else { continue };
            let performed = engine.unwrap_or(agent.engine.into());
            match performed {
                EngineWord::Stub => {}
                EngineWord::Replay => {
                    replayed = true;
                    missing.extend(unplayable(answers.recording, flow, step, &agent.agent));
                }
                EngineWord::Openai => {
                    openai = true;
                    let word = agent.model.as_deref().or_else(|| library.agents.get(&agent.agent)?.model.as_deref());
                    let names = models.names(word);
                    let unpriced = names.iter().flatten().find(|name| models.price(name).is_none());
                    if let (Some(name), true) = (unpriced, needs_prices) {
                        priceless = true;
                        missing.push(format!(
                            "`{key}` needs the price of the model `{name}` (step `{}` of flow `{}`)",
                            step.id, flow.key
                        ));
                    }
                    if names.is_none() {
                        nameless = true;
                        missing.push(format!(
                            "step `{}` of flow `{}` has no model: `{url}` is not OpenAI's, and none is set",
                            step.id, flow.key
                        ));
                    }
                }
                other => missing.push(format!(
                    "step `{}` of flow `{}` is an agent for the engine `{other}`, which this version cannot drive yet",
                    step.id, flow.key
                )),
            }
        }
    }
    let server = &config.engines.openai;
    let keyless = openai && server.api_key.is_none() && !engine::openai::is_local(url);
    if keyless {
        missing.push(format!("{} is not set: it holds the key for {url}", server.api_key_env));
    }
    if answers.recording.is_some() && !replayed {
        missing.push("a recording is given, and no step of this flow is performed by the engine `replay`".to_owned());
    }
    let unplayable = answers.recording.is_none() && replayed;
    missing.sort();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let agents = missing.iter().any(|one| one.contains("cannot drive yet"));
    let mut error = Error::new(Kind::Invalid, "not everything that this flow needs is here; nothing was started");
    error.because = missing;
    if answers.recording.is_some() && !replayed {
        error = error.hint("add --engine replay, or write `engine: replay` at the step");
    }
    if unplayable {
        error = error.hint("add --recording RUN, or a directory that `flow-studio record RUN --to DIR` made");
    }
    if priceless {
        error = error
            .hint("set it in flow-studio.toml, in USD per million tokens: [prices] \"its-name\" = { input = 1, output = 4 }");
    }
    if nameless {
        error = error.hint("name it in flow-studio.toml: [models] standard = [\"its-name\"]");
    }
    if keyless {
        error = error.hint(format!("export {}=…", server.api_key_env));
        error =
            error.hint("export OPENAI_BASE_URL=http://localhost:11434/v1 to use a server on this machine, which needs no key");
    }
    if (agents || keyless) && !answers.scripted {
        error = error.hint("add --engine stub --scenario FILE to let a script answer for the agents");
        error = error.hint("add --engine replay --recording RUN to let them say again what they said in a run");
    }
    Err(error)
}

/// Why a step cannot be replayed, as far as that is known before it runs: what did not run then may not run now either.
fn unplayable(recording: Option<&Recording>, flow: &Flow, step: &Step, agent: &AgentKey) -> Option<String> {
    let Some(recording) = recording else {
        return Some(format!("step `{}` of flow `{}` is to be replayed, and no recording is given", step.id, flow.key));
    };
    let held = recording.holds(&FramePath::from(&flow.key), &StepRef::from(&step.id), agent)?;
    held.err().map(|error| error.to_string())
}

fn on_path(path: &str, name: &str) -> bool {
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
