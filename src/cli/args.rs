//! What can be typed. The texts here are the program's help.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::error::{Error, Kind};

use super::{
    agents, completions, diagnose, diff, doctor, evidence, explain, flows, graph, import, init, list, record, report, resume,
    retention, retry, review, run, scan, schema, serve, show, status, test, users, validate, verify,
};

const AFTER: &str = "\
Exit codes: 0 done · 1 run failed · 2 usage · 3 invalid flow, agent, config or preflight · 4 waiting for a person ·
5 limit reached · 6 refused by policy · 7 integrity failure · 130/143 interrupted";

/// Runs runbooks: flows of commands, agents and questions to people, with proof on disk for every step.
#[derive(Debug, Parser)]
#[command(name = "flow-studio", version, after_help = AFTER, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// What was typed, the program's name first.
    ///
    /// # Errors
    /// Help and version, too: what is to be printed instead of doing something.
    pub fn read(args: &[OsString]) -> Result<Self, clap::Error> {
        Self::of_the_one_named(args).map_or_else(|| Self::try_parse_from(args), Ok)
    }

    /// To make all commands takes longer than to load a flow; so the first one named is made, and what all have. `None` where that does
    /// not do: help and mistakes name the others, and are made with all of them.
    fn of_the_one_named(args: &[OsString]) -> Option<Self> {
        let names = Command::augment_subcommands(clap::Command::new("flow-studio"));
        let named = args.iter().skip(1).find_map(|arg| names.find_subcommand(arg))?;
        let alone = Global::augment_args(clap::Command::new("flow-studio")).subcommand(named.clone());
        Self::from_arg_matches_mut(&mut alone.try_get_matches_from(args).ok()?).ok()
    }
}

#[derive(Debug, Args)]
pub struct Global {
    /// Where runs are kept [default: run_base, or FLOW_STUDIO_RUNS]
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "DIR")]
    pub runs: Option<PathBuf>,
    /// Where flows are [default: flows, or FLOW_STUDIO_FLOWS]
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "DIR")]
    pub flows: Option<PathBuf>,
    /// Where agents are [default: agents, or FLOW_STUDIO_AGENTS]
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "DIR")]
    pub agents: Option<PathBuf>,
    /// Where steps run [default: the current directory]
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "DIR")]
    pub workspace: Option<PathBuf>,
    /// One JSON object on standard output
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// Say nothing but what was asked for
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    pub quiet: bool,
    /// Say more; twice for everything
    #[arg(short, long, global = true, help_heading = "Everywhere", action = clap::ArgAction::Count)]
    pub verbose: u8,
    #[arg(long, global = true, help_heading = "Everywhere", value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Never ask at the terminal
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub no_input: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

// Of the commands that are not asked for, nothing but the name is made.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Run a flow, in a new run or in one that is there
    Run(run::RunArgs),
    /// Go on with a run from where it stands, or from a step
    Resume(resume::ResumeArgs),
    /// Execute one step again, and what depends on it
    Retry(retry::RetryArgs),
    /// Stop a run for good; what runs is ended
    Cancel(retry::CancelArgs),
    /// The inbox: what waits for a person, and answers
    Review(review::ReviewArgs),
    /// Check flows, agents and detours; all mistakes at once
    Validate(validate::ValidateArgs),
    /// Check a run's journal and files; --repair makes missing files anew
    Verify(verify::VerifyArgs),
    /// Look for secrets and dangerous commands in files, a diff or a run
    Scan(scan::ScanArgs),
    /// Make a draft of a flow from a Markdown runbook
    Import(import::ImportArgs),
    /// Put a first flow, an agent and a Makefile into a directory
    Init(init::InitArgs),
    /// Test flows against scripts; nothing is run
    Test(test::TestArgs),
    /// Which runs there are, and which need you
    #[command(alias = "ls")]
    List(list::ListArgs),
    /// Where one run stands, and what to do next
    Status(status::StatusArgs),
    /// A run, a step's executions, or one of their files
    Show(show::ShowArgs),
    /// Why a step ran, was skipped, ran again, went where it went
    Explain(explain::ExplainArgs),
    /// What is wrong with a run, where it shows, and what to type next
    Diagnose(diagnose::DiagnoseArgs),
    /// The evidence of a run: each measure, fresh or stale, and whether they agree
    Evidence(evidence::EvidenceArgs),
    /// What differs between two runs: route, measures, prompts, parameters, flow
    Diff(diff::DiffArgs),
    /// The story of a flow, as Markdown or as one HTML file
    Report(report::ReportArgs),
    /// How long runs are kept: status, prune, hold, release
    Retention(retention::RetentionArgs),
    /// Keep what a run's agents said and did, to be replayed at no cost
    Record(record::RecordArgs),
    /// A flow as a picture
    Graph(graph::GraphArgs),
    /// Which flows there are
    Flows(flows::FlowsArgs),
    /// Which agents there are
    Agents(agents::AgentsArgs),
    /// The JSON Schema of a file that people write or that a run leaves
    Schema(schema::SchemaArgs),
    /// A script that completes arguments, for your shell
    Completions(completions::CompletionsArgs),
    /// Look at what this machine has and lacks
    Doctor(doctor::DoctorArgs),
    /// Open the studio: watch, understand and decide in a browser on this machine
    Serve(serve::ServeArgs),
    /// Who has a link of their own to the studio: add, renew, list, remove
    Users(users::UsersArgs),
}

/// `k=v`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not NAME=VALUE"))?;
    if name.is_empty() { Err(format!("`{text}` has no name before `=`")) } else { Ok((name.to_owned(), value.to_owned())) }
}

/// Parameters from `--param` and `--params FILE` (YAML or JSON); the former win.
pub(super) fn given(
    pairs: &[(String, String)],
    file: Option<&PathBuf>,
) -> Result<std::collections::BTreeMap<String, crate::spec::params::Given>, Error> {
    use crate::spec::params::Given;
    let mut given = std::collections::BTreeMap::new();
    if let Some(path) = file {
        let shown = path.display();
        let bytes =
            std::fs::read(path).map_err(|error| Error::new(Kind::Usage, format!("cannot read {shown}")).because(&error))?;
        let wrong = |message: String| Error::new(Kind::Usage, format!("{shown} is not a mapping of parameters: {message}"));
        let value = crate::spec::yaml::parse(&shown.to_string(), &bytes).map_err(|found| wrong(found.render(false)))?.value();
        let values: std::collections::BTreeMap<String, serde_json::Value> =
            serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        given.extend(values.into_iter().map(|(name, value)| (name, Given::Value(value))));
    }
    given.extend(pairs.iter().map(|(name, value)| (name.clone(), Given::Text(value.clone()))));
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_made_alone_reads_what_it_reads_among_all_of_them() {
        let lines = [
            ("run chain --run-id r --param a=b -q", true),
            ("-q run chain --no-input", true),
            ("--workspace here run chain", true),
            ("--json --workspace here list", true),
            ("review answer r/q --choose approve --runs here", true),
            ("retention status r --json", true),
            // A value that is called as a command is; and what is printed instead of being done, or is wrong.
            ("-q --runs list run x", false),
            ("--runs run", false),
            ("run --flows help x", true),
            ("help run", false),
            ("run --help", false),
            ("--version", false),
            ("lst", false),
            ("list run", false),
            ("run", false),
            ("", false),
            ("run chain --no-such-thing", false),
        ];
        for (line, alone) in lines {
            let args: Vec<OsString> = std::iter::once("flow-studio").chain(line.split_whitespace()).map(OsString::from).collect();
            let read = |cli: Result<Cli, clap::Error>| cli.map(|cli| format!("{cli:?}")).map_err(|error| error.to_string());
            assert_eq!(read(Cli::read(&args)), read(Cli::try_parse_from(&args)), "{line}");
            assert_eq!(Cli::of_the_one_named(&args).is_some(), alone, "{line}");
        }
    }
}
