//! Where each setting comes from, for `doctor`: the same precedence as `Config::load`, asked key by key.
//! In: what the command line sets, the environment, two files. Out: names of origins. Never: a value, which may be private.

use std::{collections::BTreeMap, path::Path};

use crate::error::Error;

use super::{File, Flags, own_file, read, user_file};

/// The key of a config file, and what sets it.
pub type Origin = (&'static str, String);

/// # Errors
/// A file that cannot be read or holds a key that is not ours.
pub fn origins(cwd: &Path, flags: &Flags, env: &BTreeMap<String, String>) -> Result<Vec<Origin>, Error> {
    let own = read(&own_file(cwd))?;
    let user_path = user_file(env);
    let user = user_path.as_deref().map(read).transpose()?.unwrap_or_default();
    let from = |flag: bool, variable: Option<&str>, set: fn(&File) -> bool| {
        let variable = variable.filter(|name| env.get(*name).is_some_and(|value| !value.is_empty()));
        match (flag, variable, &user_path) {
            (true, _, _) => "the command line".to_owned(),
            (false, Some(name), _) => name.to_owned(),
            (false, None, _) if set(&own) => "flow-studio.toml".to_owned(),
            (false, None, Some(path)) if set(&user) => path.display().to_string(),
            (false, None, _) => "default".to_owned(),
        }
    };
    Ok(vec![
        ("runs", from(flags.runs.is_some(), Some("FLOW_STUDIO_RUNS"), |file| file.runs.is_some())),
        ("flows", from(flags.flows.is_some(), Some("FLOW_STUDIO_FLOWS"), |file| file.flows.is_some())),
        ("agents", from(flags.agents.is_some(), Some("FLOW_STUDIO_AGENTS"), |file| file.agents.is_some())),
        ("sandbox", from(false, Some("FLOW_STUDIO_SANDBOX"), |file| file.sandbox.is_some())),
        ("jobs", from(false, Some("FLOW_STUDIO_JOBS"), |file| file.jobs.is_some())),
        ("grace", from(false, None, |file| file.grace.is_some())),
        ("self-approval", from(false, None, |file| file.self_approval.is_some())),
        ("engines.openai.base_url", from(false, Some("OPENAI_BASE_URL"), |file| file.engines.names_address())),
        ("engines.claude", from(false, None, |file| file.engines.has_claude())),
        ("engines.codex", from(false, None, |file| file.engines.has_codex())),
        ("engines.cli", from(false, None, |file| file.engines.has_cli())),
        ("models", from(false, None, |file| file.models.names_any())),
        ("notify", from(false, None, |file| file.notify.is_some())),
        ("retention", from(false, None, |file| file.retention.names_any())),
        ("studio", from(false, None, |file| file.studio.says_any())),
        ("reviewers", from(false, None, |file| !file.reviewers.is_empty())),
    ])
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    #[test]
    fn each_setting_names_what_won() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        std::fs::create_dir_all(home.join("flow-studio")).unwrap();
        std::fs::write(home.join("flow-studio/config.toml"), "runs = \"user\"\nagents = \"user\"\n").unwrap();
        std::fs::write(dir.path().join("flow-studio.toml"), "runs = \"own\"\nflows = \"own\"\njobs = 3\n").unwrap();
        let env: BTreeMap<String, String> = [
            ("XDG_CONFIG_HOME".to_owned(), home.to_string_lossy().into_owned()),
            ("FLOW_STUDIO_FLOWS".to_owned(), "var".to_owned()),
            ("FLOW_STUDIO_JOBS".to_owned(), String::new()),
        ]
        .into();
        let flags = Flags { runs: None, flows: None, agents: Some("flag".into()) };
        let config = Config::load(dir.path(), &flags, env.iter().map(|(name, value)| (name.into(), value.into()))).unwrap();
        let found: BTreeMap<_, _> = origins(dir.path(), &flags, &env).unwrap().into_iter().collect();
        let end = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!((end(&config.runs_dir), found["runs"].as_str()), ("own".to_owned(), "flow-studio.toml"));
        assert_eq!((end(&config.flows_dir), found["flows"].as_str()), ("var".to_owned(), "FLOW_STUDIO_FLOWS"));
        assert_eq!((end(&config.agents_dir), found["agents"].as_str()), ("flag".to_owned(), "the command line"));
        assert_eq!((config.jobs, found["jobs"].as_str(), found["grace"].as_str()), (Some(3), "flow-studio.toml", "default"));
    }
}
