//! What a flow needs of the machine, looked at before anything starts: all that is missing, at once.

use std::path::Path;

use crate::{
    config::Config,
    engine,
    error::{Error, Kind},
    id::FlowKey,
    plan::GraphMistake,
    record::EngineWord,
    spec::{Diagnostic, Library, Part, Verb},
};

pub(super) fn check(
    config: &Config,
    root: &Path,
    library: &Library,
    engine: Option<EngineWord>,
    scripted: bool,
) -> Result<(), Error> {
    let mut missing = Vec::new();
    let (models, url) =
        (super::agents::agents(config, engine::Account::default()).models, config.engines.openai.base_url.as_str());
    let (mut openai, mut nameless, mut priceless) = (false, false, false);
    let path = config.env.get("PATH").cloned().unwrap_or_default();
    // A flow inside of one with a limit draws on it.
    let counts_money = library.flows.values().any(|flow| flow.limits.usd_max.is_some());
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
                EngineWord::Openai => {
                    openai = true;
                    let word = agent.model.as_deref().or_else(|| library.agents.get(&agent.agent)?.model.as_deref());
                    let names = models.names(word);
                    let unpriced = names.iter().flatten().find(|name| models.price(name).is_none());
                    if let (Some(name), true) = (unpriced, counts_money) {
                        priceless = true;
                        missing.push(format!(
                            "`limits.usd` needs the price of the model `{name}` (step `{}` of flow `{}`)",
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
    missing.sort();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let agents = missing.iter().any(|one| one.contains("cannot drive yet"));
    let mut error = Error::new(Kind::Invalid, "not everything that this flow needs is here; nothing was started");
    error.because = missing;
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
    if (agents || keyless) && !scripted {
        error = error.hint("add --engine stub --scenario FILE to let a script answer for the agents");
    }
    Err(error)
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
