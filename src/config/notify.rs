//! `[notify]`: who is told that something waits. In: a table of a config file. Out: hooks. Never: an address or a key printed.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;

use crate::error::{Error, Kind};

const TRIES: u32 = 3;
const DELAY_MS: u64 = 2_000;
const TIMEOUT_MS: u64 = 10_000;

/// What is told, and to whom; names of variables are resolved when a run is driven.
#[derive(Debug, Clone)]
pub struct NotifySettings {
    pub command: Option<Vec<String>>,
    pub webhooks: Vec<WebhookSettings>,
    /// Flows that ended are told of, too.
    pub ended: bool,
    pub tries_max: u32,
    pub delay_ms: u64,
    pub timeout_ms: u64,
}

#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// `Err`: the variable that should hold it and does not.
    pub url: Result<SecretString, String>,
    pub secret: Option<Result<SecretString, String>>,
}

#[derive(Debug, Default, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NotifyFile {
    /// `question`, and `ended` for flows that ended; questions only where nothing is said.
    on: Option<Vec<On>>,
    /// A program that reads the notice as JSON.
    command: Option<Vec<String>>,
    /// Addresses that it is posted to.
    #[serde(default)]
    webhooks: Vec<WebhookFile>,
    /// How often, from 1 to 10; `3`.
    tries: Option<u32>,
    /// Before the second try, doubled each time; `2s`.
    delay: Option<crate::spec::Length>,
    /// For one try; `10s`.
    timeout: Option<crate::spec::Length>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum On {
    Question,
    Ended,
}

#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct WebhookFile {
    /// The address.
    url: Option<String>,
    /// Or the variable that holds it.
    url_env: Option<String>,
    /// The variable that holds the secret with which the message is signed.
    secret_env: Option<String>,
}

impl NotifySettings {
    /// The workspace's own table, or the user's as a whole: who is told is not put together from two places.
    ///
    /// # Errors
    /// A hook without a program or an address, figures out of range.
    pub(super) fn load(file: NotifyFile, env: &BTreeMap<String, String>) -> Result<Self, Error> {
        let wrong = |message: &str, hint: &str| Err(Error::new(Kind::Invalid, message).hint(hint));
        if file.command.as_ref().is_some_and(|argv| argv.first().is_none_or(|program| program.trim().is_empty())) {
            return wrong("`notify.command` names no program", "write it as a list: command = [\"./page-me\", \"ops\"]");
        }
        let tries_max = file.tries.unwrap_or(TRIES);
        if !(1..=10).contains(&tries_max) {
            return wrong("`notify.tries` goes from 1 to 10", "tries = 3");
        }
        if file.on.as_ref().is_some_and(|on| !on.contains(&On::Question)) {
            return wrong("`notify.on` leaves questions out: nobody would hear of them", "on = [\"question\", \"ended\"]");
        }
        let variable = |name: &String| {
            env.get(name).filter(|value| !value.is_empty()).map(|value| SecretString::from(value.clone())).ok_or(name.clone())
        };
        let mut webhooks = Vec::new();
        for hook in &file.webhooks {
            let url = match (&hook.url, &hook.url_env) {
                (Some(url), None) if is_address(url) => Ok(SecretString::from(url.clone())),
                (None, Some(name)) => variable(name),
                _ => {
                    let hint = "url = \"https://…\", or url_env = \"NAME\" of the variable that holds it";
                    return wrong("a webhook of `notify` needs one address", hint);
                }
            };
            webhooks.push(WebhookSettings { url, secret: hook.secret_env.as_ref().map(variable) });
        }
        Ok(Self {
            command: file.command,
            webhooks,
            ended: file.on.is_some_and(|on| on.contains(&On::Ended)),
            tries_max,
            delay_ms: file.delay.map_or(DELAY_MS, crate::spec::Length::as_ms),
            timeout_ms: file.timeout.map_or(TIMEOUT_MS, crate::spec::Length::as_ms),
        })
    }
}

fn is_address(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://")) && !url.contains(char::is_whitespace)
}
