//! What the documents say is true: flows in them load, commands in them exist, files they point to are there.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use flow_studio::{id::FlowKey, spec::Loader};

const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "GLOSSARY.md",
    "CHANGELOG.md",
    "docs/agent-programs.md",
    "docs/tutorial.md",
    "docs/how-to.md",
    "docs/reference.md",
    "docs/safety.md",
    "docs/diagnose.md",
    "docs/import.md",
    "docs/sdlc.md",
    "docs/runbooks/change.md",
    "docs/runbooks/incident.md",
    "docs/runbooks/incident-failed-run.md",
    "docs/runbooks/incident-stuck-run.md",
    "docs/runbooks/incident-wrong-output.md",
    "docs/runbooks/incident-security.md",
    "docs/runbooks/operations.md",
    "docs/runbooks/support-shift.md",
    "docs/runbooks/troubleshoot.md",
    "docs/runbooks/voice-e2e.md",
];

fn documents() -> Vec<(&'static str, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    DOCUMENTS
        .iter()
        .map(|name| (*name, fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))))
        .collect()
}

/// The text between two fences, for one language.
fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_flow_in_a_document_loads_without_a_warning() {
    let mut seen = 0;
    for (name, text) in documents() {
        for flow in blocks(&text, "yaml") {
            let key =
                flow.lines().find_map(|line| line.strip_prefix("flow: ")).unwrap_or_else(|| panic!("{name}: no flow:\n{flow}"));
            let agents = blocks(&text, "markdown").into_iter().filter_map(|agent| {
                let name = agent.lines().find_map(|line| line.strip_prefix("name: "))?;
                Some((format!("agents/{name}.md"), agent.as_bytes().to_vec()))
            });
            let files = agents.chain([(format!("flows/{key}.yaml"), flow.as_bytes().to_vec())]);
            let loaded = Loader::in_memory(files).load_library(&FlowKey::new(key).unwrap());
            let found = loaded.map_or_else(|found| found, |loaded| loaded.warnings);
            assert!(found.is_empty(), "{name}\n{}", found.render(false));
            seen += 1;
        }
    }
    assert!(seen >= 4, "{seen} flows were found");
}

#[test]
fn every_command_in_a_document_exists() {
    let mut commands = BTreeSet::new();
    for (_, text) in documents() {
        for after in text.split("flow-studio ").skip(1) {
            let word: String = after.chars().take_while(char::is_ascii_lowercase).collect();
            if after[word.len()..].starts_with([' ', '`', '\n']) && !word.is_empty() {
                commands.insert(word);
            }
        }
    }
    assert!(commands.contains("validate") && commands.len() > 10, "{commands:?}");
    for command in commands {
        let help = Command::new(env!("CARGO_BIN_EXE_flow-studio")).args([&command, "--help"]).output().unwrap();
        assert!(help.status.success(), "flow-studio {command}: there is no such command");
    }
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    for (name, text) in documents() {
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        for target in
            text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|target| !target.starts_with("http"))
        {
            let path = above.parent().unwrap().join(target.split('#').next().unwrap());
            assert!(path.exists(), "{name} points to {target}");
        }
    }
}

#[test]
fn the_causes_in_the_document_are_those_of_the_program() {
    let text = documents().into_iter().find(|(name, _)| *name == "docs/diagnose.md").unwrap().1;
    let table = text.split("## The causes").nth(1).unwrap();
    let mut written: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
    let mut known: Vec<String> = flow_studio::inspect::CAUSES
        .iter()
        .map(|cause| {
            let hint = if cause.weak { " (hint)" } else { "" };
            format!("| `{}`{hint} | {} | {} |", cause.id, cause.means, cause.remedy)
        })
        .collect();
    written.sort_unstable();
    known.sort_unstable();
    assert_eq!(written, known);
    for class in flow_studio::inspect::Class::ALL {
        assert!(table.contains(&format!("### {}: ", class.as_str())), "{}", class.as_str());
    }
}
