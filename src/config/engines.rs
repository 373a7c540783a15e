//! Settings of engines and models: `[engines.…]`, `[models]`, `[prices]`.
//! In: two files and the environment. Out: addresses, keys, names and prices. Never: a key printed.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    error::{Error, Kind},
    id::ProgramName,
};

use super::{
    program_text::{CliFile, ProgramFile},
    programs::{self, CLAUDE, CODEX, CliSettings, Ground, ProgramSettings},
};

const OPENAI_URL: &str = "https://api.openai.com/v1";
const OPENAI_KEY: &str = "OPENAI_API_KEY";
/// For one call of a model. Long answers of large models take minutes.
const CALL_TIMEOUT_MS: u64 = 10 * 60 * 1000;

#[derive(Debug, Clone)]
pub struct Engines {
    pub openai: OpenAiSettings,
    pub claude: ProgramSettings,
    pub codex: ProgramSettings,
    pub cli: BTreeMap<ProgramName, CliSettings>,
    /// `fast`, `standard`, `strong` → names, the first preferred. A tier that nobody set is not here.
    pub tiers: BTreeMap<String, Vec<String>>,
    /// By model: US dollars per million tokens in and out.
    pub prices: BTreeMap<String, (f64, f64)>,
}

#[derive(Debug, Clone)]
pub struct OpenAiSettings {
    /// Without a slash at its end.
    pub base_url: String,
    /// The variable that holds the key.
    pub api_key_env: String,
    pub api_key: Option<SecretString>,
    pub call_timeout_ms: u64,
    /// ./flow-studio.toml says where the server is, although nobody trusts its directory.
    pub untrusted: bool,
}

#[derive(Debug, Default, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EnginesFile {
    /// OpenAI, or any server that speaks its chat completions API.
    #[serde(default)]
    openai: OpenAiFile,
    /// Claude Code, as a program on this machine.
    #[serde(default)]
    claude: Option<ProgramFile>,
    /// Codex, as a program on this machine.
    #[serde(default)]
    codex: Option<ProgramFile>,
    /// Programs of your own, by name.
    #[serde(default)]
    cli: BTreeMap<String, CliFile>,
}

#[derive(Debug, Default, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct OpenAiFile {
    /// The server; `https://api.openai.com/v1`. Also `OPENAI_BASE_URL`.
    base_url: Option<String>,
    /// The variable that holds the key; `OPENAI_API_KEY`.
    api_key_env: Option<String>,
    /// For one call; `10m`.
    timeout: Option<crate::spec::Length>,
}

#[derive(Debug, Default, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelsFile {
    /// Names, the first preferred.
    fast: Option<Vec<String>>,
    /// Likewise; what agents use that say nothing.
    standard: Option<Vec<String>>,
    /// Likewise.
    strong: Option<Vec<String>>,
}

impl EnginesFile {
    pub(super) const fn names_address(&self) -> bool {
        self.openai.base_url.is_some()
    }
    pub(super) const fn has_claude(&self) -> bool {
        self.claude.is_some()
    }
    pub(super) const fn has_codex(&self) -> bool {
        self.codex.is_some()
    }
    pub(super) fn has_cli(&self) -> bool {
        !self.cli.is_empty()
    }
}

impl ModelsFile {
    pub(super) const fn names_any(&self) -> bool {
        self.fast.is_some() || self.standard.is_some() || self.strong.is_some()
    }
}

/// US dollars per million tokens.
#[derive(Debug, Clone, Copy, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceFile {
    /// USD per million tokens that it reads.
    input: f64,
    /// USD per million tokens that it writes.
    output: f64,
}

pub(super) type PricesFile = BTreeMap<String, PriceFile>;

/// One file's part.
pub(super) struct Part {
    pub engines: EnginesFile,
    pub models: ModelsFile,
    pub prices: PricesFile,
}

impl Engines {
    /// `own` wins over `user`, the environment over both.
    ///
    /// # Errors
    /// An address that is none, a key that is no header, a tier without a name, a price below 0.
    pub(super) fn load(own: Part, user: Part, ground: &Ground<'_>) -> Result<Self, Error> {
        let env = ground.env;
        let claude =
            programs::known(&CLAUDE, own.engines.claude.unwrap_or_default(), user.engines.claude.unwrap_or_default(), ground)?;
        let codex =
            programs::known(&CODEX, own.engines.codex.unwrap_or_default(), user.engines.codex.unwrap_or_default(), ground)?;
        let files =
            user.engines.cli.into_iter().map(|file| (false, file)).chain(own.engines.cli.into_iter().map(|file| (true, file)));
        let cli = files.map(|(is_own, (name, file))| programs::other(&name, file, is_own, ground)).collect::<Result<_, _>>()?;
        let set = |name: &str| env.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let (file, below) = (own.engines.openai, user.engines.openai);
        let named_here = file.base_url.is_some() && set("OPENAI_BASE_URL").is_none();
        let written = file.base_url.or(below.base_url);
        let base_url = address(&set("OPENAI_BASE_URL").or(written).unwrap_or_else(|| OPENAI_URL.to_owned()))?;
        let api_key_env = file.api_key_env.or(below.api_key_env).unwrap_or_else(|| OPENAI_KEY.to_owned());
        let api_key = ground.key(&api_key_env)?;
        let tier = |name: &str, own: Option<Vec<String>>, user: Option<Vec<String>>| {
            own.or(user).map(|names| {
                if names.is_empty() || names.iter().any(|name| name.trim().is_empty()) {
                    let message = format!("`models.{name}` names no model");
                    return Err(Error::new(Kind::Invalid, message).hint(format!("write `{name} = [\"model\"]`, or remove it")));
                }
                Ok((name.to_owned(), names))
            })
        };
        let tiers = [
            tier("fast", own.models.fast, user.models.fast),
            tier("standard", own.models.standard, user.models.standard),
            tier("strong", own.models.strong, user.models.strong),
        ];
        let mut prices = BTreeMap::new();
        for (name, price) in user.prices.into_iter().chain(own.prices) {
            if ![price.input, price.output].iter().all(|usd| usd.is_finite() && *usd >= 0.0) {
                return Err(Error::new(Kind::Invalid, format!("the price of `{name}` is below 0"))
                    .hint("give US dollars per million tokens: { input = 1.25, output = 10 }"));
            }
            prices.insert(name, (price.input, price.output));
        }
        let call_timeout_ms = file.timeout.or(below.timeout).map_or(CALL_TIMEOUT_MS, crate::spec::Length::as_ms);
        let openai = OpenAiSettings { base_url, api_key_env, api_key, call_timeout_ms, untrusted: named_here && !ground.trusted };
        Ok(Self { openai, claude, codex, cli, tiers: tiers.into_iter().flatten().collect::<Result<_, _>>()?, prices })
    }
}

pub(super) fn address(text: &str) -> Result<String, Error> {
    let plain = text.trim_end_matches('/');
    let rest = plain.strip_prefix("https://").or_else(|| plain.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => Ok(plain.to_owned()),
        _ => Err(Error::new(Kind::Invalid, format!("`{text}` is not the address of a server"))
            .hint("give it with its path: http://localhost:11434/v1")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    fn load(toml: &str, env: &[(&str, &str)]) -> Result<Engines, Error> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("flow-studio.toml"), toml).unwrap();
        let env = env.iter().map(|(name, value)| (name.into(), value.into()));
        Config::load(dir.path(), &super::super::Flags::default(), env).map(|config| config.engines)
    }

    #[test]
    fn without_settings_it_is_openai_with_its_key() {
        let engines = load("", &[("OPENAI_API_KEY", "sk-1")]).unwrap();
        assert_eq!(engines.openai.base_url, "https://api.openai.com/v1");
        assert!(engines.openai.api_key.is_some() && engines.tiers.is_empty());
        assert!(!format!("{engines:?}").contains("sk-1"));
    }

    #[test]
    fn the_environment_wins_and_the_file_names_the_key() {
        let toml = "[engines.openai]\nbase_url = \"http://localhost:1/v1/\"\napi_key_env = \"MY_KEY\"\ntimeout = \"90s\"\n\
                    [models]\nstandard = [\"a\", \"b\"]\n[prices]\na = { input = 1, output = 2.5 }\n";
        let engines = load(toml, &[("OPENAI_API_KEY", "no")]).unwrap();
        assert_eq!(engines.openai.base_url, "http://localhost:1/v1");
        assert!(engines.openai.api_key.is_none());
        assert_eq!((engines.openai.api_key_env.as_str(), engines.openai.call_timeout_ms), ("MY_KEY", 90_000));
        assert_eq!(engines.tiers["standard"], ["a", "b"]);
        assert_eq!(engines.prices["a"], (1.0, 2.5));
        let engines = load(toml, &[("OPENAI_BASE_URL", "http://localhost:2/v1"), ("MY_KEY", "yes")]).unwrap();
        assert_eq!(engines.openai.base_url, "http://localhost:2/v1");
        assert!(engines.openai.api_key.is_some());
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        for (toml, env) in [
            ("[engines.openai]\nbase_url = \"localhost\"\n", &[][..]),
            ("[models]\nfast = []\n", &[]),
            ("[models]\nhuge = [\"x\"]\n", &[]),
            ("[prices]\nx = { input = -1, output = 0 }\n", &[]),
            ("", &[("OPENAI_API_KEY", "two words")]),
        ] {
            assert!(load(toml, env).is_err(), "{toml}");
        }
    }
}
