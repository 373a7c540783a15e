//! Settings: flag > environment `FLOW_STUDIO_*` > ./flow-studio.toml > the user's config.toml > default.
//! In: two files and the environment, which is read here and nowhere else. Out: `Config`, or every mistake with its file.
//! Never: a key that is accepted and does nothing.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::error::{Error, Kind};

mod engines;
mod notify;
mod origins;
mod program_text;
mod programs;
mod retention;
mod studio;

pub use engines::{Engines, OpenAiSettings};
pub use notify::{NotifySettings, WebhookSettings};
pub use origins::{Origin, origins};
pub use program_text::{FieldsText, OutputAs, PromptBy};
pub use programs::{CliSettings, ProgramSettings};
pub use retention::RetentionSettings;
pub use studio::{StudioFiles, StudioRole, StudioSettings};

/// What a step may see of our own environment. Where the Rust toolchain was put is needed to find it at all.
const PASSED_ON: &[&str] =
    &["PATH", "HOME", "LANG", "LC_ALL", "TERM", "TMPDIR", "TZ", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
const GRACE_MS: u64 = 10_000;

#[derive(Debug, Clone)]
pub struct Config {
    pub runs_dir: PathBuf,
    pub flows_dir: PathBuf,
    pub agents_dir: PathBuf,
    /// Role → names. Empty: everybody has every role.
    pub reviewers: BTreeMap<String, Vec<String>>,
    pub self_approval: bool,
    /// Between TERM and KILL, and how long a first signal lets running steps go on.
    pub grace_ms: u64,
    pub jobs: Option<u32>,
    /// Whether steps are held to what they promise.
    pub sandbox: Sandboxing,
    /// Servers, models and prices.
    pub engines: Engines,
    /// Who is told that something waits.
    pub notify: NotifySettings,
    /// How long what is kept.
    pub retention: RetentionSettings,
    /// Who may come to the studio by name, and where browsers find it.
    pub studio: StudioSettings,
    /// Where that stands, for a studio that has been running since.
    pub studio_files: StudioFiles,
    /// Name of the person at the keyboard.
    pub user: String,
    pub host: String,
    /// PATH, HOME and the like, for steps; FLOWS and FLOW_STUDIO.
    pub step_env: BTreeMap<String, String>,
    /// Our whole environment, for `requires.env`, `secrets` and step variables that name it.
    pub env: BTreeMap<String, String>,
}

/// `auto`: by whatever this machine has. `none`: as on a machine that has nothing, so steps that promise something are
/// refused, or run unenforced where that is allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sandboxing {
    #[default]
    Auto,
    None,
}

#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    /// Where runs are kept; `run_base` where nothing is said. Also `FLOW_STUDIO_RUNS`, and `--runs`.
    runs: Option<PathBuf>,
    /// Where flows are; `flows`. Also `FLOW_STUDIO_FLOWS`, and `--flows`.
    flows: Option<PathBuf>,
    /// Where agents are; `agents`. Also `FLOW_STUDIO_AGENTS`, and `--agents`.
    agents: Option<PathBuf>,
    /// Who has which role: `ceo = ["ada"]`. Where nobody is listed, everybody has every role.
    #[serde(default)]
    reviewers: BTreeMap<String, Vec<String>>,
    /// Whether whoever started a flow may answer it; `true`.
    #[serde(alias = "self_approval")]
    self_approval: Option<bool>,
    /// Between TERM and KILL, and how long running steps may go on after a first signal; `10s`.
    grace: Option<crate::spec::Length>,
    /// Steps at once; what the flow says, else 4. Also `FLOW_STUDIO_JOBS`.
    jobs: Option<u32>,
    /// Directories whose flow-studio.toml may name programs, variables and servers on other machines; in your own file only. Also
    /// `FLOW_STUDIO_TRUST`, separated by `:`.
    #[serde(default)]
    trust: Vec<String>,
    /// `auto`: steps are held to what they promise by what this machine has. `none`: as on a machine that has nothing. Also `FLOW_STUDIO_SANDBOX`.
    sandbox: Option<Sandboxing>,
    /// Servers and programs that perform agents.
    #[serde(default)]
    engines: engines::EnginesFile,
    /// Names behind the tiers `fast`, `standard` and `strong`.
    #[serde(default)]
    models: engines::ModelsFile,
    /// What a model costs, by its name.
    #[serde(default)]
    prices: engines::PricesFile,
    /// Who is told that something waits.
    notify: Option<notify::NotifyFile>,
    /// How long what is kept, counted from the end of a run.
    #[serde(default)]
    retention: retention::RetentionFile,
    /// The studio, for others than you.
    #[serde(default)]
    studio: studio::StudioFile,
}

impl File {
    fn engines(&mut self) -> engines::Part {
        engines::Part {
            engines: std::mem::take(&mut self.engines),
            models: std::mem::take(&mut self.models),
            prices: std::mem::take(&mut self.prices),
        }
    }
}

/// What the command line sets.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub runs: Option<PathBuf>,
    pub flows: Option<PathBuf>,
    pub agents: Option<PathBuf>,
}

impl Config {
    /// # Errors
    /// A file that cannot be read or holds a key that is not ours; a variable with a value that is none.
    pub fn load(cwd: &Path, flags: &Flags, vars: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, Error> {
        // A variable that is not UTF-8 is nothing a flow can name.
        let env: BTreeMap<String, String> =
            vars.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
        let user = user_file(&env).map(|path| read(&path)).transpose()?.unwrap_or_default();
        Self::made(cwd, flags, env, read(&own_file(cwd))?, user)
    }

    /// What would hold without any file, for whoever looks for the mistake in one.
    ///
    /// # Errors
    /// As [`Config::load`], for the environment.
    pub fn without_files(cwd: &Path, flags: &Flags, vars: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, Error> {
        let env = vars.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::made(cwd, flags, env.collect(), File::default(), File::default())
    }

    fn made(cwd: &Path, flags: &Flags, env: BTreeMap<String, String>, mut own: File, mut user: File) -> Result<Self, Error> {
        if !own.trust.is_empty() {
            return Err(Error::new(Kind::Invalid, "`trust` stands in flow-studio.toml, where it would trust itself")
                .hint("write it in ~/.config/flow-studio/config.toml, or export FLOW_STUDIO_TRUST=/the/directory"));
        }
        let ground = programs::Ground { env: &env, cwd, trusted: programs::trusted(cwd, &user.trust, &env) };
        let engines = Engines::load(own.engines(), user.engines(), &ground)?;
        let notify = NotifySettings::load(own.notify.take().or(user.notify.take()).unwrap_or_default(), &env)?;
        let retention = RetentionSettings::load(std::mem::take(&mut own.retention), std::mem::take(&mut user.retention))?;
        let studio_files = StudioFiles::of(cwd, &env);
        let studio = StudioSettings::of(std::mem::take(&mut own.studio), std::mem::take(&mut user.studio), ground.trusted);
        let var = |name: &str| env.get(&format!("FLOW_STUDIO_{name}")).filter(|value| !value.is_empty());
        let dir = |flag: &Option<PathBuf>, name: &str, own: Option<PathBuf>, user: Option<PathBuf>, default: &str| {
            let chosen = flag.clone().or_else(|| var(name).map(PathBuf::from)).or(own).or(user).unwrap_or_else(|| default.into());
            if chosen.is_absolute() { chosen } else { cwd.join(chosen) }
        };
        let jobs =
            var("JOBS").map(|text| text.parse::<u32>().ok().filter(|jobs| (1..=256).contains(jobs)).ok_or(text)).transpose();
        let jobs = jobs.map_err(|text| {
            Error::new(Kind::Invalid, format!("FLOW_STUDIO_JOBS is `{text}`")).hint("give a number from 1 to 256")
        })?;
        let sandbox = match var("SANDBOX").map(String::as_str) {
            None => own.sandbox.or(user.sandbox).unwrap_or_default(),
            Some("auto") => Sandboxing::Auto,
            Some("none") => Sandboxing::None,
            Some(other) => {
                let error = Error::new(Kind::Invalid, format!("FLOW_STUDIO_SANDBOX is `{other}`"));
                return Err(error.hint("give `auto` or `none`"));
            }
        };
        let person = var("USER").or_else(|| env.get("USER")).or_else(|| env.get("LOGNAME")).cloned();
        let mut reviewers = user.reviewers;
        reviewers.extend(own.reviewers);
        let flows_dir = dir(&flags.flows, "FLOWS", own.flows, user.flows, "flows");
        let passed_on = PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), env.get(*name)?.clone())));
        // Scripts that lie beside the flows, and the program itself, are found from any workspace.
        let ours = [("FLOWS", Some(flows_dir.clone())), ("FLOW_STUDIO", std::env::current_exe().ok())];
        let ours =
            ours.into_iter().filter_map(|(name, path)| Some((name.to_owned(), path?.into_os_string().into_string().ok()?)));
        Ok(Self {
            runs_dir: dir(&flags.runs, "RUNS", own.runs, user.runs, "run_base"),
            step_env: passed_on.chain(ours).collect(),
            flows_dir,
            agents_dir: dir(&flags.agents, "AGENTS", own.agents, user.agents, "agents"),
            reviewers,
            self_approval: own.self_approval.or(user.self_approval).unwrap_or(true),
            grace_ms: own.grace.or(user.grace).map_or(GRACE_MS, crate::spec::Length::as_ms),
            jobs: jobs.or(own.jobs).or(user.jobs),
            sandbox,
            engines,
            notify,
            retention,
            studio,
            studio_files,
            user: person.unwrap_or_else(|| format!("uid-{}", rustix::process::getuid().as_raw())),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            env,
        })
    }

    /// The roles that a name has; `None` when no reviewers are listed.
    pub fn roles(&self, name: &str) -> Option<Vec<String>> {
        if self.reviewers.is_empty() {
            return None;
        }
        let has = self.reviewers.iter().filter(|(_, names)| names.iter().any(|one| one == name));
        Some(has.map(|(role, _)| role.clone()).collect())
    }
}

/// `flow-studio.toml`.
pub fn schema() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<File>().to_value()
}

fn own_file(cwd: &Path) -> PathBuf {
    cwd.join("flow-studio.toml")
}

fn user_file(env: &BTreeMap<String, String>) -> Option<PathBuf> {
    let dir =
        env.get("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| env.get("HOME").map(|home| Path::new(home).join(".config")));
    Some(dir?.join("flow-studio/config.toml"))
}

fn read(path: &Path) -> Result<File, Error> {
    // A pipe would be waited for, a device read for ever.
    if path.metadata().is_ok_and(|about| !about.is_file()) {
        return Err(Error::new(Kind::Invalid, format!("cannot read {}: it is not a regular file", path.display())));
    }
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(File::default()),
        Err(error) => return Err(Error::new(Kind::Invalid, format!("cannot read {}", path.display())).because(&error)),
    };
    toml::from_str(&text).map_err(|error| {
        let known =
            "keys: runs, flows, agents, reviewers, self-approval, grace, jobs, sandbox, trust, engines, models, prices, notify, retention, studio";
        Error::new(Kind::Invalid, format!("{} is not a config file", path.display())).because(&error).hint(known)
    })
}
