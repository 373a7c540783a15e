//! Settings of agent programs: `[engines.claude]`, `[engines.codex]`, `[engines.cli.<name>]`.
//! In: two files and the environment. Out: what is started, with which part of the environment, and how its output is read.
//! Never: a program or an address of a directory that nobody trusts taken in silence, a key printed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use crate::{
    error::{Error, Kind},
    id::ProgramName,
    spec::Length,
};

use super::program_text::{CliFile, FieldsText, OutputAs, ProgramFile, PromptBy};

/// A program that prints nothing for so long hangs: models think for minutes, and these programs tell when they wait.
const IDLE_MS: u64 = 10 * 60 * 1000;
const TIERS: [&str; 3] = ["fast", "standard", "strong"];

/// One program that performs agents.
#[derive(Debug, Clone)]
pub struct ProgramSettings {
    /// A name on PATH, or a path.
    pub command: String,
    /// Put behind our own arguments.
    pub args: Vec<String>,
    /// `None`: its own.
    pub base_url: Option<String>,
    /// The variable that holds the key; `None`: it wants none of us.
    pub api_key_env: Option<String>,
    pub api_key: Option<SecretString>,
    /// Variables of our environment that it gets besides those of its step.
    pub env: BTreeMap<String, String>,
    pub idle_ms: u64,
    /// `fast`, `standard`, `strong` → the program's own name.
    pub models: BTreeMap<String, String>,
    /// Keys that ./flow-studio.toml sets although nobody trusts its directory.
    pub untrusted: Vec<String>,
}

/// A program that only settings know.
#[derive(Debug, Clone)]
pub struct CliSettings {
    pub program: ProgramSettings,
    pub prompt: PromptBy,
    pub output: OutputAs,
    pub fields: FieldsText,
    pub model_flag: Option<String>,
    /// Goes on with a session; needs `fields.session`.
    pub resume_flag: Option<String>,
    pub base_url_env: Option<String>,
    /// Arguments with which it only reads.
    pub observe: Option<Vec<String>>,
    /// Arguments with which it says its version.
    pub version: Option<Vec<String>>,
}

/// What a program is when nobody says otherwise.
pub(super) struct Usual {
    pub name: &'static str,
    pub api_key_env: &'static str,
    /// Variables with which it finds its own login.
    pub env: &'static [&'static str],
    pub models: &'static [(&'static str, &'static str)],
}

pub(super) const CLAUDE: Usual = Usual {
    name: "claude",
    api_key_env: "ANTHROPIC_API_KEY",
    env: &["CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN"],
    models: &[("fast", "haiku"), ("standard", "sonnet"), ("strong", "opus")],
};
pub(super) const CODEX: Usual = Usual { name: "codex", api_key_env: "CODEX_API_KEY", env: &["CODEX_HOME"], models: &[] };

/// Whose word counts in this directory, and what the environment holds.
pub(super) struct Ground<'g> {
    pub env: &'g BTreeMap<String, String>,
    pub cwd: &'g Path,
    /// ./flow-studio.toml may name programs and addresses.
    pub trusted: bool,
}

impl Ground<'_> {
    fn set(&self, name: &str) -> Option<String> {
        self.env.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    pub(super) fn key(&self, name: &str) -> Result<Option<SecretString>, Error> {
        let key = self.set(name);
        if key.as_ref().is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
            let message = format!("the key in {name} holds a space, a line end or a letter outside ASCII");
            return Err(Error::new(Kind::Invalid, message).hint(format!("set {name} to the key alone")));
        }
        Ok(key.map(SecretString::from))
    }

    /// A name is looked for on PATH; a path stays the same wherever a step runs.
    fn command(&self, section: &str, command: String) -> Result<String, Error> {
        if command.trim().is_empty() {
            let message = format!("`{section}.command` is empty");
            return Err(Error::new(Kind::Invalid, message).hint("name the program, or remove the key"));
        }
        if !command.contains('/') {
            return Ok(command);
        }
        Ok(self.cwd.join(expanded(&command, self.env)).to_string_lossy().into_owned())
    }

    fn passed(&self, names: impl IntoIterator<Item = String>) -> BTreeMap<String, String> {
        names.into_iter().filter_map(|name| Some((name.clone(), self.env.get(&name)?.clone()))).collect()
    }
}

/// `[engines.claude]` or `[engines.codex]` of both files.
pub(super) fn known(usual: &Usual, own: ProgramFile, user: ProgramFile, ground: &Ground<'_>) -> Result<ProgramSettings, Error> {
    let section = format!("engines.{}", usual.name);
    let written = [
        ("command", own.command.is_some()),
        ("args", own.args.is_some()),
        ("base_url", own.base_url.is_some()),
        ("api_key_env", own.api_key_env.is_some()),
        ("env", own.env.is_some()),
    ];
    let untrusted = untrusted(&section, written, ground.trusted);
    let api_key_env = own.api_key_env.or(user.api_key_env).unwrap_or_else(|| usual.api_key_env.to_owned());
    let names = usual.env.iter().map(|name| (*name).to_owned());
    let usual_models = usual.models.iter().map(|(tier, name)| ((*tier).to_owned(), (*name).to_owned()));
    let models = models(&section, usual_models.collect(), user.models, own.models)?;
    Ok(ProgramSettings {
        command: ground.command(&section, own.command.or(user.command).unwrap_or_else(|| usual.name.to_owned()))?,
        args: own.args.or(user.args).unwrap_or_default(),
        base_url: own.base_url.or(user.base_url).map(|text| super::engines::address(&text)).transpose()?,
        api_key: ground.key(&api_key_env)?,
        api_key_env: Some(api_key_env),
        env: ground.passed(names.chain(own.env.or(user.env).unwrap_or_default())),
        idle_ms: idle(own.idle.or(user.idle)),
        models,
        untrusted,
    })
}

/// `[engines.cli.<name>]` of one file.
pub(super) fn other(name: &str, file: CliFile, own: bool, ground: &Ground<'_>) -> Result<(ProgramName, CliSettings), Error> {
    let section = format!("engines.cli.{name}");
    let key = ProgramName::new(name)
        .map_err(|bad| Error::new(Kind::Invalid, format!("`[{section}]` has no name that a step can write")).because(&bad))?;
    let wrong = |message: String, hint: &str| Err(Error::new(Kind::Invalid, message).hint(hint.to_owned()));
    for (key, pointer) in file.fields.pointers() {
        if !pointer.starts_with('/') {
            return wrong(
                format!("`{section}.fields.{key}` is `{pointer}`, which is no JSON pointer"),
                "write it from the root, like \"/result/text\"",
            );
        }
    }
    match file.output {
        OutputAs::Text if file.fields != FieldsText::default() => {
            return wrong(
                format!("`{section}.fields` means nothing where the output is text"),
                "write `output = \"json\"` or `output = \"jsonl\"`, or remove the fields",
            );
        }
        OutputAs::Json | OutputAs::Jsonl if file.fields.answer.is_none() => {
            return wrong(
                format!("`{section}.fields.answer` is missing: where does its answer stand?"),
                "write it as a JSON pointer: fields = { answer = \"/result\" }",
            );
        }
        OutputAs::Jsonl if !file.fields.end.as_deref().is_some_and(|end| end.contains('=')) => {
            return wrong(
                format!("`{section}.fields.end` must say by which event its work has ended"),
                "write it as POINTER=VALUE: fields = { end = \"/type=result\", answer = \"/result\" }",
            );
        }
        OutputAs::Json if file.fields.end.is_some() => {
            return wrong(format!("`{section}.fields.end` is for `jsonl` alone"), "remove it");
        }
        OutputAs::Text | OutputAs::Json | OutputAs::Jsonl => {}
    }
    if file.resume_flag.is_some() && file.fields.session.is_none() {
        return wrong(
            format!("`{section}.resume_flag` needs `fields.session`"),
            "say where the session's id stands, or remove it",
        );
    }
    if file.base_url.is_some() != file.base_url_env.is_some() {
        return wrong(
            format!("`{section}` has one of `base_url` and `base_url_env`; they belong together"),
            "`base_url_env` names the variable in which the program reads the address",
        );
    }
    let written = [("command", true), ("base_url", file.base_url.is_some()), ("api_key_env", file.api_key_env.is_some())];
    let api_key = file.api_key_env.as_deref().map(|name| ground.key(name)).transpose()?.flatten();
    let program = ProgramSettings {
        command: ground.command(&section, file.command)?,
        args: file.args.unwrap_or_default(),
        base_url: file.base_url.map(|text| super::engines::address(&text)).transpose()?,
        api_key_env: file.api_key_env,
        api_key,
        env: ground.passed(file.env.unwrap_or_default()),
        idle_ms: idle(file.idle),
        models: models(&section, BTreeMap::new(), None, file.models)?,
        untrusted: if own { untrusted(&section, written, ground.trusted) } else { Vec::new() },
    };
    if file.model_flag.is_none() && !program.models.is_empty() {
        return wrong(
            format!("`{section}.models` needs `model_flag`"),
            "say how the program is told its model: model_flag = \"--model\"",
        );
    }
    let settings = CliSettings {
        program,
        prompt: file.prompt,
        output: file.output,
        fields: file.fields,
        model_flag: file.model_flag,
        resume_flag: file.resume_flag,
        base_url_env: file.base_url_env,
        observe: file.observe,
        version: file.version,
    };
    Ok((key, settings))
}

impl FieldsText {
    fn pointers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("end", &self.end),
            ("answer", &self.answer),
            ("session", &self.session),
            ("error", &self.error),
            ("model", &self.model),
            ("prompt_tokens", &self.prompt_tokens),
            ("completion_tokens", &self.completion_tokens),
            ("cost_usd", &self.cost_usd),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }
}

fn untrusted<const N: usize>(section: &str, written: [(&str, bool); N], trusted: bool) -> Vec<String> {
    let keys = written.into_iter().filter(|(_, is)| *is && !trusted);
    keys.map(|(key, _)| format!("{section}.{key}")).collect()
}

fn idle(length: Option<Length>) -> u64 {
    length.map_or(IDLE_MS, Length::as_ms)
}

fn models(
    section: &str,
    usual: BTreeMap<String, String>,
    user: Option<BTreeMap<String, String>>,
    own: Option<BTreeMap<String, String>>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut found = usual;
    for (tier, name) in user.into_iter().flatten().chain(own.into_iter().flatten()) {
        if !TIERS.contains(&tier.as_str()) || name.trim().is_empty() {
            return Err(Error::new(Kind::Invalid, format!("`{section}.models.{tier}` is no tier with a name"))
                .hint("the tiers are fast, standard and strong: models = { fast = \"its-name\" }"));
        }
        found.insert(tier, name);
    }
    Ok(found)
}

/// The directory, or one around it, is in a list of directories that its user trusts.
pub(super) fn trusted(cwd: &Path, dirs: &[String], env: &BTreeMap<String, String>) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    let Some(here) = real(cwd) else { return false };
    let named = env.get("FLOW_STUDIO_TRUST").map(String::as_str).unwrap_or_default();
    let all = dirs.iter().map(String::as_str).chain(named.split(':')).filter(|dir| !dir.is_empty());
    // A relative path would trust whatever directory one stands in.
    all.map(|dir| expanded(dir, env))
        .filter(|dir| dir.is_absolute())
        .filter_map(|dir| real(&dir))
        .any(|dir| here.starts_with(dir))
}

/// With `~/` as a shell understands it.
fn expanded(text: &str, env: &BTreeMap<String, String>) -> PathBuf {
    match (text.strip_prefix("~/"), env.get("HOME")) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_trusted_by_name_and_never_by_a_relative_one() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("a/b");
        std::fs::create_dir_all(&inside).unwrap();
        let named = |text: &str| BTreeMap::from([("FLOW_STUDIO_TRUST".to_owned(), text.to_owned())]);
        let above = dir.path().join("a").to_string_lossy().into_owned();
        assert!(trusted(&inside, std::slice::from_ref(&above), &BTreeMap::new()));
        assert!(trusted(&inside, &[], &named(&format!("/nowhere:{above}"))));
        assert!(!trusted(dir.path(), std::slice::from_ref(&above), &BTreeMap::new()), "what lies around it is not");
        for text in [".", "", "..", "/nowhere"] {
            assert!(!trusted(&inside, &[text.to_owned()], &named(text)), "{text}");
        }
        let home = BTreeMap::from([("HOME".to_owned(), dir.path().to_string_lossy().into_owned())]);
        assert!(trusted(&inside, &["~/a".to_owned()], &home));
    }
}
