//! How agents are performed here: from settings to servers, programs, models and keys.

use std::{collections::BTreeMap, time::Duration};

use secrecy::ExposeSecret as _;

use crate::{
    config::{CliSettings, Config, Engines, FieldsText, OutputAs, ProgramSettings, PromptBy},
    engine::{
        self, Account, ApiKey, Dialect, Fields, Models, OpenAi, Other, OutputForm, Price, Program, ProgramShared, PromptWay,
    },
    id::ProgramName,
    redact::Redactor,
    runner::{Agents, Programmed, Programs},
    spec::Library,
};

use super::answering::Recordings;

/// How agents are performed here.
pub(super) fn agents(config: &Config, account: Account, recordings: Recordings) -> Agents {
    let Engines { openai, claude, codex, cli, tiers, prices } = &config.engines;
    let price = |(name, (input_usd, output_usd)): (&String, &(f64, f64))| {
        (name.clone(), Price { input_usd: *input_usd, output_usd: *output_usd })
    };
    let prices: BTreeMap<String, Price> = prices.iter().map(price).collect();
    let of_its_own = |shipped| Models { tiers: BTreeMap::new(), prices: prices.clone(), shipped };
    let programmed = |dialect, settings: &ProgramSettings, shipped| program(dialect, settings, of_its_own(shipped));
    Agents {
        openai: trusted_server(config).map(|()| OpenAi {
            base_url: openai.base_url.clone(),
            api_key: openai.api_key.clone(),
            call_timeout: Duration::from_millis(openai.call_timeout_ms),
            shared: engine::openai::Shared::default(),
        }),
        models: Models {
            tiers: tiers.clone(),
            prices: prices.clone(),
            shipped: engine::openai::host(&openai.base_url) == "api.openai.com",
        },
        programs: Programs {
            claude: Some(programmed(Dialect::Claude, claude, false)),
            codex: Some(programmed(Dialect::Codex, codex, codex.base_url.is_none())),
            cli: cli
                .iter()
                .map(|(name, one)| (name.clone(), programmed(Dialect::Other(Box::new(other(name, one))), &one.program, false)))
                .collect(),
        },
        account,
        recordings,
    }
}

/// What `untrusted` says, in a sentence with what to do about it.
fn foreign(keys: &[String]) -> String {
    format!(
        "{} in flow-studio.toml, which says what is started or who gets your keys, and this directory is not trusted",
        keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
    )
}

/// # Errors
/// A directory that nobody trusts names a server on another machine.
fn trusted_server(config: &Config) -> Result<(), String> {
    let openai = &config.engines.openai;
    if openai.untrusted && !engine::openai::is_local(&openai.base_url) {
        return Err(foreign(&["engines.openai.base_url".to_owned()]));
    }
    Ok(())
}

impl super::Workspace {
    /// What an untrusted directory's settings say of a program that keeps it from being used.
    pub fn distrusted(settings: &ProgramSettings) -> Vec<String> {
        let here = settings.base_url.as_deref().is_some_and(engine::openai::is_local);
        // A server on this machine takes nothing away.
        settings.untrusted.iter().filter(|key| !(here && key.ends_with(".base_url"))).cloned().collect()
    }
}

fn program(dialect: Dialect, settings: &ProgramSettings, prices: Models) -> Result<Programmed, String> {
    let foreign_keys = super::Workspace::distrusted(settings);
    if !foreign_keys.is_empty() {
        return Err(foreign(&foreign_keys));
    }
    let key = settings.api_key_env.clone().zip(settings.api_key.clone());
    let program = Program {
        dialect,
        command: settings.command.clone(),
        args: settings.args.clone(),
        base_url: settings.base_url.clone(),
        key: key.map(|(variable, value)| ApiKey { variable, value }),
        env: settings.env.clone(),
        idle: Duration::from_millis(settings.idle_ms),
        shared: ProgramShared::default(),
    };
    Ok(Programmed { program, prices, tiers: settings.models.clone() })
}

fn other(name: &ProgramName, settings: &CliSettings) -> Other {
    let CliSettings { program: _, prompt, output, fields, model_flag, resume_flag, base_url_env, observe, version } = settings;
    let FieldsText { end, answer, session, error, model, prompt_tokens, completion_tokens, cost_usd } = fields.clone();
    Other {
        name: name.clone(),
        prompt: match prompt {
            PromptBy::Stdin => PromptWay::Stdin,
            PromptBy::Argument => PromptWay::Argument,
        },
        output: match output {
            OutputAs::Text => OutputForm::Text,
            OutputAs::Json => OutputForm::Json,
            OutputAs::Jsonl => OutputForm::Jsonl,
        },
        fields: Fields {
            end: end.and_then(|end| end.split_once('=').map(|(at, is)| (at.to_owned(), is.to_owned()))),
            answer,
            session,
            error,
            model,
            prompt_tokens,
            completion_tokens,
            cost_usd,
        },
        model_flag: model_flag.clone(),
        resume_flag: resume_flag.clone(),
        base_url_env: base_url_env.clone(),
        observe: observe.clone(),
        version: version.clone(),
    }
}

/// Keys of servers, by the variables that hold them: secrets of every run. A local server takes any word for a key; one
/// that is too short to be told from ordinary text is no secret.
pub(super) fn keys(config: &Config) -> BTreeMap<String, String> {
    let Engines { openai, claude, codex, cli, .. } = &config.engines;
    let programs = [claude, codex].into_iter().chain(cli.values().map(|one| &one.program));
    let of_programs = programs.filter_map(|program| Some((program.api_key_env.clone()?, program.api_key.clone()?)));
    let of_server = openai.api_key.clone().map(|key| (openai.api_key_env.clone(), key));
    let token =
        config.env.get("CLAUDE_CODE_OAUTH_TOKEN").map(|token| ("CLAUDE_CODE_OAUTH_TOKEN".to_owned(), token.clone().into()));
    let all = of_programs.chain(of_server).chain(token);
    let told = all.map(|(name, key)| (name, key.expose_secret().to_owned()));
    told.filter(|(_, key)| key.len() >= Redactor::VALUE_BYTES_MIN).collect()
}

/// Values of the secrets that a flow or one of its sub-flows declares.
pub(super) fn secrets(config: &Config, library: &Library) -> BTreeMap<String, String> {
    let names = library.flows.values().flat_map(|flow| flow.secrets.iter());
    names.filter_map(|name| Some((name.clone(), config.env.get(name)?.clone()))).collect()
}
