//! What the agents of a flow need of the machine: servers, keys, programs, models, prices.

use std::sync::Arc;

use crate::{
    config::Config,
    engine::{self, Account, Recording, Tools},
    record::EngineWord,
    runner::{Agents, Programmed},
    spec::{Access, Agent, Flow, Library, Step, Verb, flow::AgentStep, text::OnUnknownCost},
};

use super::{Wanted, on_path};

/// All that is missing, and what can be done about it.
#[derive(Debug, Default)]
pub(super) struct Missing {
    pub sentences: Vec<String>,
    pub hints: Vec<String>,
    /// A script could answer instead.
    pub scriptable: bool,
}

impl Missing {
    fn say(&mut self, sentence: String, hint: Option<String>) {
        self.sentences.push(sentence);
        if let Some(hint) = hint {
            self.hint(hint);
        }
    }

    fn hint(&mut self, hint: impl Into<String>) {
        let hint = hint.into();
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }
}

struct Needs<'n> {
    config: &'n Config,
    agents: Agents,
    library: &'n Library,
    recording: Option<&'n Recording>,
    /// The key of the flow that needs prices. A flow inside of one with a limit draws on it.
    counts_money: Option<&'static str>,
    replayed: bool,
    observe_only: bool,
    missing: Missing,
    server: bool,
}

/// `engine`: the run's own choice, which wins over the flow's.
pub(super) fn look(config: &Config, library: &Library, wanted: &Wanted<'_>) -> Missing {
    let Wanted { engine, recording, observe_only, .. } = *wanted;
    let said = |unknown| library.flows.values().any(|flow| flow.limits.on_unknown_cost == Some(unknown));
    let limited = library.flows.values().any(|flow| flow.limits.usd_max.is_some());
    let counts_money = match (said(OnUnknownCost::Stop), limited && !said(OnUnknownCost::Allow)) {
        (true, _) => Some("limits.on_unknown_cost: stop"),
        (false, true) => Some("limits.usd"),
        (false, false) => None,
    };
    let mut needs = Needs {
        config,
        agents: super::super::agents::agents(config, Account::default(), std::collections::BTreeMap::default()),
        library,
        recording,
        counts_money,
        replayed: false,
        observe_only,
        missing: Missing::default(),
        server: false,
    };
    for flow in library.flows.values() {
        for step in &flow.steps {
            let Verb::Agent(agent) = &step.verb else { continue };
            match engine.unwrap_or(agent.engine.into()) {
                EngineWord::Stub => {}
                EngineWord::Openai => needs.model(flow, step, agent),
                EngineWord::Replay => needs.replay(flow, step),
                word @ (EngineWord::Claude | EngineWord::Codex | EngineWord::Cli) => needs.program(word, flow, step, agent),
                other @ (EngineWord::Shell | EngineWord::Builtin | EngineWord::Human) => {
                    let why = format!("is an agent for the engine `{other}`, which this version cannot drive yet");
                    needs.missing.say(format!("{} {why}", place(flow, step)), None);
                    needs.missing.scriptable = true;
                }
            }
        }
    }
    if needs.server {
        needs.key();
    }
    if recording.is_some() && !needs.replayed {
        let sentence = "a recording is given, and no step of this flow is performed by the engine `replay`";
        needs.missing.say(sentence.to_owned(), Some("add --engine replay, or write `engine: replay` at the step".to_owned()));
    }
    needs.missing
}

fn place(flow: &Flow, step: &Step) -> String {
    format!("step `{}` of flow `{}`", step.id, flow.key)
}

/// How settings of a directory that nobody trusts become settings.
fn trust(why: &str) -> Option<String> {
    why.contains("not trusted").then(|| {
        "if you know the directory: export FLOW_STUDIO_TRUST=\"$PWD\", or write the settings in ~/.config/flow-studio/config.toml"
            .to_owned()
    })
}

impl Needs<'_> {
    /// The file of the agent; one that is missing is another mistake.
    fn agent(&self, step: &AgentStep) -> Option<Arc<Agent>> {
        self.library.agents.get(&step.agent).cloned()
    }

    fn model(&mut self, flow: &Flow, step: &Step, agent: &AgentStep) {
        self.server = true;
        let persona = self.agent(agent);
        let word = agent.model.as_deref().or_else(|| persona.as_ref()?.model.as_deref());
        let names = self.agents.models.names(word);
        let unpriced = names.iter().flatten().find(|name| self.agents.models.price(name).is_none()).cloned();
        if let (Some(name), Some(_)) = (unpriced, self.counts_money) {
            self.priceless(&name, flow, step);
        }
        if names.is_none() {
            let url = &self.config.engines.openai.base_url;
            let sentence = format!("{} has no model: `{url}` is not OpenAI's, and none is set", place(flow, step));
            self.missing.say(sentence, Some("name it in flow-studio.toml: [models] standard = [\"its-name\"]".to_owned()));
        }
    }

    fn priceless(&mut self, name: &str, flow: &Flow, step: &Step) {
        let key = self.counts_money.unwrap_or("limits.usd");
        let sentence = format!("`{key}` needs the price of the model `{name}` (step `{}` of flow `{}`)", step.id, flow.key);
        let hint = "set it in flow-studio.toml, in USD per million tokens: [prices] \"its-name\" = { input = 1, output = 4 }";
        self.missing.say(sentence, Some(hint.to_owned()));
    }

    fn program(&mut self, word: EngineWord, flow: &Flow, step: &Step, agent: &AgentStep) {
        let found = match self.agents.programmed(word, agent.program.as_ref()) {
            Ok(found) => found.clone(),
            Err(why) => {
                let hint = trust(&why);
                return self.missing.say(format!("{}: {why}", place(flow, step)), hint);
            }
        };
        let Programmed { program, .. } = &found;
        let path = self.config.env.get("PATH").map(String::as_str).unwrap_or_default();
        if !on_path(path, &program.command) {
            self.missing.say(format!("the program `{}` is not on PATH ({})", program.command, place(flow, step)), None);
            self.alternatives(word, &program.command);
        }
        if let Err(why) = program.can_be_silent(step.network) {
            self.missing.say(format!("{}: {why}", place(flow, step)), None);
        }
        let persona = self.agent(agent);
        let access = if self.observe_only { Access::Observe } else { step.access };
        if let Some(persona) = &persona {
            let tools = Tools::new(persona.tools.as_deref(), &persona.disallowed_tools, access, false);
            if let Err(why) = program.can_hold(&agent.agent, &tools) {
                let sentence = format!("{}: {why}", place(flow, step));
                self.missing.say(sentence, None);
            }
        }
        if !program.counts_turns() && agent.max_turns.or_else(|| persona.as_ref()?.turns_max).is_some() {
            let sentence =
                format!("{}: `{}` does not tell its turns, so `max_turns` cannot hold it", place(flow, step), program.name());
            self.missing.say(sentence, Some("remove `max_turns`, and give the step a `timeout`".to_owned()));
        }
        if self.counts_money.is_some() && !program.tells_cost() {
            let model = found.model(agent.model.as_deref().or_else(|| persona.as_ref()?.model.as_deref()));
            if model.price.is_none() {
                let name = model.named().unwrap_or("that the program chooses itself; name one").to_owned();
                self.priceless(&name, flow, step);
            }
        }
    }

    fn alternatives(&mut self, word: EngineWord, command: &str) {
        self.missing.scriptable = true;
        let (section, package, others) = match word {
            EngineWord::Claude => ("engines.claude", Some("@anthropic-ai/claude-code"), "--engine openai or --engine codex"),
            EngineWord::Codex => ("engines.codex", Some("@openai/codex"), "--engine openai or --engine claude"),
            EngineWord::Cli
            | EngineWord::Openai
            | EngineWord::Shell
            | EngineWord::Stub
            | EngineWord::Replay
            | EngineWord::Builtin
            | EngineWord::Human => ("engines.cli.<name>", None, "--engine openai, --engine claude or --engine codex"),
        };
        let install = package.map_or_else(|| format!("install {command}"), |package| format!("npm install -g {package}"));
        self.missing.hint(format!("{install}, or say where it is: [{section}] command = \"/path/to/{}\"", base(command)));
        self.missing.hint(format!("add {others} to let another engine perform the agents"));
    }

    /// A step that has no transcript may be replayed as well: what did not run then may not run now either.
    fn replay(&mut self, flow: &Flow, step: &Step) {
        self.replayed = true;
        if self.recording.is_none() {
            let hint = "add --recording RUN, or a directory that `flow-studio record RUN --to DIR` made";
            let sentence = format!("{} is to be replayed, and no recording is given", place(flow, step));
            self.missing.say(sentence, Some(hint.to_owned()));
        }
    }

    /// The key of the server.
    fn key(&mut self) {
        let server = &self.config.engines.openai;
        if let Err(why) = &self.agents.openai {
            let hint = trust(why);
            self.missing.say(why.clone(), hint);
        }
        if server.api_key.is_none() && !engine::openai::is_local(&server.base_url) {
            let (variable, url) = (&server.api_key_env, &server.base_url);
            self.missing.say(format!("{variable} is not set: it holds the key for {url}"), Some(format!("export {variable}=…")));
            self.missing
                .hint("export OPENAI_BASE_URL=http://localhost:11434/v1 to use a server on this machine, which needs no key");
            self.missing.scriptable = true;
        }
    }
}

fn base(command: &str) -> &str {
    command.rsplit('/').next().unwrap_or(command)
}
