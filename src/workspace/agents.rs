//! How agents are performed here: from settings to servers, models and keys.

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;

use crate::{
    config::{Config, Engines, OpenAiSettings},
    engine::{self, Account, Models, OpenAi, Price},
    redact::Redactor,
    runner::Agents,
    spec::Library,
};

use super::answering::Recordings;

/// How agents are performed here.
pub(super) fn agents(config: &Config, account: Account, recordings: Recordings) -> Agents {
    let Engines { openai, tiers, prices } = &config.engines;
    let price = |(name, (input_usd, output_usd)): (&String, &(f64, f64))| {
        (name.clone(), Price { input_usd: *input_usd, output_usd: *output_usd })
    };
    Agents {
        openai: OpenAi {
            base_url: openai.base_url.clone(),
            api_key: openai.api_key.clone(),
            call_timeout: std::time::Duration::from_millis(openai.call_timeout_ms),
            shared: engine::openai::Shared::default(),
        },
        models: Models {
            tiers: tiers.clone(),
            prices: prices.iter().map(price).collect(),
            shipped: engine::openai::host(&openai.base_url) == "api.openai.com",
        },
        account,
        recordings,
    }
}

/// Keys of servers, by the variables that hold them: secrets of every run. A local server takes any word for a key; one
/// that is too short to be told from ordinary text is no secret.
pub(super) fn keys(config: &Config) -> Option<(String, String)> {
    let OpenAiSettings { api_key, api_key_env, .. } = &config.engines.openai;
    let key = api_key.as_ref()?.expose_secret();
    (key.len() >= Redactor::VALUE_BYTES_MIN).then(|| (api_key_env.clone(), key.to_owned()))
}

/// Values of the secrets that a flow or one of its sub-flows declares.
pub(super) fn secrets(config: &Config, library: &Library) -> BTreeMap<String, String> {
    let names = library.flows.values().flat_map(|flow| flow.secrets.iter());
    names.filter_map(|name| Some((name.clone(), config.env.get(name)?.clone()))).collect()
}
