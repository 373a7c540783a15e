//! The reference is made from the types: keys from the schemas, commands and flags from the command line itself, names from the checker.
//! `UPDATE_DOCS=1 cargo test --test reference` writes it.

#[path = "reference/schema.rs"]
mod schema;

use std::{fmt::Write as _, process::Command};

use clap::CommandFactory as _;
use flow_studio::{
    cli::Cli,
    error::{EXIT_CODES, Kind},
    spec::{StepField, TOP_NAMES, template::HELPERS},
};
use schema::Page;
use serde_json::Value;

const MADE: &str = "<!-- Made from the types; UPDATE_DOCS=1 cargo test --test reference writes it. -->\n\n";

/// As the program prints it, so that the page is what a reader gets.
fn schema(what: &str) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_flow-studio")).args(["schema", what]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn keys(title: &str, intro: &str, schemas: &[(&str, &str)]) -> String {
    let mut out = format!("{MADE}# {title}\n\n{intro}\n\n");
    let mut silent = Vec::new();
    for (at, (what, heading)) in schemas.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let schema = schema(what);
        let mut page = Page::new(&schema);
        page.render(heading, &mut out);
        silent.extend(page.silent);
    }
    assert!(silent.is_empty(), "keys without a word on what they are: {silent:#?}");
    out
}

fn command_line() -> String {
    let mut out = format!("{MADE}# Command line\n\nWhat `--help` says, command by command.\n");
    let mut root = Cli::command();
    root.build();
    helped(&root, "flow-studio", &mut out);
    out.push_str("\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n");
    for (code, meaning) in EXIT_CODES {
        let _ = writeln!(out, "| {code} | {meaning} |");
    }
    out
}

fn helped(command: &clap::Command, name: &str, out: &mut String) {
    let help = command.clone().bin_name(name).term_width(100).render_long_help().to_string();
    // What holds everywhere is said once, at the top.
    let own = if name == "flow-studio" { help.as_str() } else { help.split("\nEverywhere:").next().unwrap() };
    let lines: Vec<&str> = own.trim_end().lines().map(str::trim_end).collect();
    let _ = writeln!(out, "\n## `{name}`\n\n```text\n{}\n```", lines.join("\n"));
    for below in command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set()) {
        helped(below, &format!("{name} {}", below.get_name()), out);
    }
}

fn names() -> String {
    let mut out = format!(
        "{MADE}# Names in conditions and templates\n\nConditions are CEL, templates are Handlebars. Both see these names; a name that is none, \
         or is not known at its place, is an error when the flow is loaded.\n\n| name | known in | what it holds |\n| --- | --- | --- |\n"
    );
    for (name, place, says) in TOP_NAMES {
        let _ = writeln!(out, "| `{name}` | {place} | {says} |");
    }
    out.push_str("\n## What a step can be asked\n\nAs `steps.build.passed`, or `step.passed`.\n\n| field | what it holds |\n| --- | --- |\n");
    for field in StepField::ALL {
        let _ = writeln!(out, "| `{}` | {} |", field.word(), field.says());
    }
    let helpers: Vec<String> = HELPERS.iter().map(|name| format!("`{name}`")).collect();
    let _ = write!(out, "\n## Helpers of templates\n\n{}.\n", helpers.join(", "));
    out
}

#[test]
fn the_reference_is_what_the_types_give() {
    let pages = [
        (
            "flow",
            keys(
                "Keys of a flow",
                "`flows/<flow>.yaml`. The same as `flow-studio schema flow`, for reading.",
                &[("flow", "flow")],
            ),
        ),
        (
            "agent",
            keys(
                "Keys of agents, detours and scenarios",
                "Front matter of `agents/<agent>.md`, `flows/detours.yaml`, and `flows/tests/<name>.scenario.yaml`.",
                &[("agent", "agent"), ("detours", "detours"), ("scenario", "scenario")],
            ),
        ),
        (
            "settings",
            keys(
                "Settings",
                "`flow-studio.toml` here, or `$XDG_CONFIG_HOME/flow-studio/config.toml`. Flags win over variables, these over the first file, \
                 that over the second. An unknown key is an error.",
                &[("config", "flow-studio.toml")],
            ),
        ),
        (
            "records",
            keys(
                "What a run leaves: receipts, handoffs, decisions",
                "`<flow>/receipts/<step>-<agent>.json`, `<flow>/handoffs/<step>-<agent>.json`, and the lines of `<flow>/routing/decisions.jsonl`.",
                &[("receipt", "receipt"), ("handoff", "handoff"), ("decision", "decision")],
            ),
        ),
        ("command-line", command_line()),
        ("names", names()),
    ];
    for (name, text) in pages {
        let path = format!("{}/docs/reference/{name}.md", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "{path} is not what the types give; run UPDATE_DOCS=1 cargo test --test reference");
    }
}

#[test]
fn the_exit_codes_are_those_of_errors_and_of_the_help() {
    let kinds = [Kind::System, Kind::Usage, Kind::Invalid, Kind::Waiting, Kind::Limit, Kind::Refused, Kind::Integrity];
    let help = Cli::command().render_help().to_string();
    let readme = include_str!("../README.md");
    for kind in kinds {
        assert!(EXIT_CODES.iter().any(|(code, _)| *code == kind.exit_code().to_string()), "{kind:?}");
    }
    for (code, meaning) in EXIT_CODES {
        assert!(readme.contains(&format!("| {code} | {meaning} |")), "README.md: {code}");
        assert!(help.contains(&format!("{} ", code.replace(", ", "/"))), "--help: {code}");
    }
}

/// What is given everywhere reaches a command by its name in the parser: an argument of a command's own under the same name would
/// take its place, and end the program when the flag is used.
#[test]
fn no_argument_of_a_command_takes_the_place_of_one_that_is_given_everywhere() {
    fn look(command: &clap::Command, everywhere: &[String], taken: &mut Vec<String>) {
        for below in command.get_subcommands() {
            let own = below.get_arguments().filter(|own| everywhere.iter().any(|one| own.get_id() == one.as_str()));
            taken.extend(own.map(|own| format!("{} {}", below.get_name(), own.get_id())));
            look(below, everywhere, taken);
        }
    }
    let root = Cli::command();
    let everywhere: Vec<String> = root.get_arguments().map(|one| one.get_id().to_string()).collect();
    assert!(everywhere.iter().any(|one| one == "runs"), "{everywhere:?}");
    let mut taken = Vec::new();
    look(&root, &everywhere, &mut taken);
    assert_eq!(taken, Vec::<String>::new());
}
