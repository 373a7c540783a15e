//! What the documents say is true: flows in them load, commands in them are typed and end as they say, what they show is printed,
//! files they point to are there. Pages, and what their fences may say: `docs/page.rs`.

mod common;
#[path = "docs/page.rs"]
mod page;
#[path = "docs/session.rs"]
mod session;

use std::{fs, path::Path};

use clap::CommandFactory as _;
use common::llm::{Llm, verified};
use flow_studio::{cli::Cli, id::FlowKey, spec::Loader};
use page::{Fence, fences, spans};
use session::Session;

/// Blocks that are not typed here, with the first command of each. None may be added in silence.
const NOT_TYPED: &[(&str, &str)] = &[
    ("README.md", "make demo     # a real flow on this repository: it looks, mends, asks, and reports (no key, no server)"),
    ("docs/how-to.md", "npm install -g @anthropic-ai/claude-code @openai/codex    # either is enough"),
    ("docs/runbooks/voice-e2e.md", "export TWILIO_ACCOUNT_SID=… TWILIO_AUTH_TOKEN=…"),
    ("docs/sdlc.md", "make sdlc"),
    ("docs/sdlc.md", "OPENAI_API_KEY=… make sdlc"),
    ("docs/sdlc.md", "make sdlc WORKSPACE=../shop PARAMS=\"request='Let customers pay by invoice'\""),
    ("docs/sdlc.md", "flow-studio run signal --run-id pay --workspace ../shop --param request=notes/pay-by-invoice.md"),
    (
        "docs/sdlc.md",
        "flow-studio run build --workspace ../shop --param request='Round totals half to even'    # without signal and plan",
    ),
    ("docs/studio.md", "flow-studio serve"),
    ("docs/studio.md", "flow-studio users add ada"),
    ("docs/studio.md", "flow-studio serve --origin https://studio.example"),
    ("docs/studio.md", "token=$(cat run_base/.studio/token)"),
];

/// Every page there is: those of the root, and all below `docs/`.
fn documents() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> =
        ["README.md", "ARCHITECTURE.md", "GLOSSARY.md", "CHANGELOG.md"].iter().map(|name| (*name).to_owned()).collect();
    for below in ["docs", "docs/runbooks", "docs/reference"] {
        let pages = fs::read_dir(root.join(below)).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap());
        names.extend(pages.filter(|name| name.ends_with(".md")).map(|name| format!("{below}/{name}")));
    }
    names.sort();
    names.into_iter().map(|name| (name.clone(), fs::read_to_string(root.join(&name)).unwrap())).collect()
}

fn flow_key(flow: &str) -> Option<&str> {
    flow.lines().find_map(|line| line.strip_prefix("flow: "))
}

fn agent_name(agent: &str) -> Option<&str> {
    agent.lines().find_map(|line| line.strip_prefix("name: "))
}

fn of<'f>(all: &'f [Fence], language: &str) -> impl Iterator<Item = &'f str> {
    // What lies elsewhere is no flow: detours, scenarios.
    all.iter().filter(move |fence| fence.language == language && fence.says("file").is_none()).map(|fence| fence.text.as_str())
}

#[test]
fn every_flow_in_a_document_loads_without_a_warning() {
    let mut seen = 0;
    for (name, text) in documents() {
        let all = fences(&text);
        for flow in of(&all, "yaml") {
            let key = flow_key(flow).unwrap_or_else(|| panic!("{name}: no flow:\n{flow}"));
            let agents = of(&all, "markdown")
                .filter_map(|agent| Some((format!("agents/{}.md", agent_name(agent)?), agent.as_bytes().to_vec())));
            let files = agents.chain([(format!("flows/{key}.yaml"), flow.as_bytes().to_vec())]);
            let loaded = Loader::in_memory(files).load_library(&FlowKey::new(key).unwrap());
            let found = loaded.map_or_else(|found| found, |loaded| loaded.warnings);
            assert!(found.is_empty(), "{name}\n{}", found.render(false));
            seen += 1;
        }
    }
    assert!(seen >= 4, "{seen} flows were found");
}

/// Types a page into a shell, block by block.
fn typed(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join(name)).unwrap();
    let server = Llm::answering(|_, _| verified());
    let all = fences(&text);
    let mut session = Session::new("init", &server.url);
    all.iter().for_each(|fence| file(&session, fence));
    let mut printed = String::new();
    for fence in &all {
        let place = format!("{name}:{}", fence.line);
        match fence.language.as_str() {
            "sh" if fence.says("not-run").is_some() || fence.says("elsewhere").is_some() => {}
            "sh" => {
                if let Some(world) = fence.says("world") {
                    session = Session::new(world, &server.url);
                    all.iter().for_each(|fence| file(&session, fence));
                }
                printed = block(&mut session, fence, &place);
            }
            "text" if fence.says("output").is_some() => shows(&fence.text, &printed, &place),
            _ => file(&session, fence),
        }
    }
}

/// Flows and agents are where a reader puts them, from the beginning; what the page says anew, it writes anew.
fn file(session: &Session, fence: &Fence) {
    let path = match fence.language.as_str() {
        _ if fence.says("file").is_some() => fence.says("file").map(str::to_owned),
        "yaml" => flow_key(&fence.text).map(|key| format!("flows/{key}.yaml")),
        "markdown" => agent_name(&fence.text).map(|name| format!("agents/{name}.md")),
        _ => None,
    };
    if let Some(path) = path {
        session.write(&path, &fence.text);
    }
}

fn block(session: &mut Session, fence: &Fence, place: &str) -> String {
    let before = if fence.before.is_empty() { String::new() } else { session.run(&[fence.code(&fence.before)]).printed };
    let commands: Vec<String> = fence.commands().iter().map(|command| fence.code(command)).collect();
    let typed = session.run(&commands);
    assert_eq!(typed.ends.len(), commands.len(), "{place}: {commands:#?}\n{}", typed.printed);
    let other: Vec<String> = typed.ends.iter().filter(|(_, code)| *code != 0).map(|(_, code)| code.to_string()).collect();
    let expected: Vec<&str> = fence.says("exits").map(|codes| codes.split(',').collect()).unwrap_or_default();
    assert_eq!(other, expected, "{place}: {:#?}\n{before}\n{}", typed.ends, typed.printed);
    typed.printed
}

/// The lines that a page shows stand in what was printed, in this order.
fn shows(page: &str, printed: &str, place: &str) {
    let steady = |text: &str| {
        let span = regex::Regex::new(r"\d+\.\d\d s|\d+ ms").unwrap();
        span.replace_all(text.trim_end(), "[SPAN]").into_owned()
    };
    let mut lines = printed.lines().map(steady);
    for shown in page.lines().map(steady).filter(|line| !line.is_empty() && line != "…") {
        let parts: Vec<String> = shown.split('…').map(regex::escape).collect();
        let pattern = regex::Regex::new(&format!("^{}$", parts.join(".*"))).unwrap();
        assert!(
            lines.any(|line| pattern.is_match(&line)),
            "{place} shows a line that was not printed there:\n{shown}\n\n{printed}"
        );
    }
}

macro_rules! pages {
    ($($test:ident: $page:literal),+ $(,)?) => {
        $(#[test] fn $test() { typed($page); })+
        const TYPED: &[&str] = &[$($page),+];
    };
}

pages! {
    the_front_page_is_typed: "README.md",
    the_tutorial_is_typed: "docs/tutorial.md",
    the_answers_to_how_to_are_typed: "docs/how-to.md",
    the_reasons_why_are_typed: "docs/why.md",
    the_page_on_safety_is_typed: "docs/safety.md",
    the_page_on_diagnosis_is_typed: "docs/diagnose.md",
    the_page_on_agent_programs_is_typed: "docs/agent-programs.md",
    the_page_on_the_seven_flows_is_typed: "docs/sdlc.md",
    the_page_on_change_is_typed: "docs/runbooks/change.md",
    the_page_on_troubleshooting_is_typed: "docs/runbooks/troubleshoot.md",
    the_page_on_import_is_typed: "docs/import.md",
    the_page_on_the_studio_is_typed: "docs/studio.md",
    the_page_on_shifts_is_typed: "docs/runbooks/support-shift.md",
    the_page_on_incidents_is_typed: "docs/runbooks/incident.md",
}

#[test]
fn every_page_with_commands_is_typed_and_every_exception_is_known() {
    let mut not_typed = Vec::new();
    for (name, text) in documents() {
        for fence in fences(&text).iter().filter(|fence| fence.language == "sh") {
            let first = fence.commands().first().cloned().unwrap_or_default();
            if let Some(test) = fence.says("elsewhere") {
                assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(test).exists(), "{name}:{}: no {test}", fence.line);
                not_typed.push((name.clone(), first, format!("typed by {test}")));
            } else if let Some(reason) = fence.says("not-run") {
                assert!(reason.split(' ').count() > 2, "{name}:{}: a reason, please", fence.line);
                not_typed.push((name.clone(), first, reason.to_owned()));
            } else {
                assert!(TYPED.contains(&name.as_str()), "{name}:{}: nobody types this page", fence.line);
            }
        }
    }
    for (name, first, reason) in &not_typed {
        println!("{name}: {first}\n    {reason}");
    }
    let found: Vec<(&str, &str)> = not_typed.iter().map(|(name, first, _)| (name.as_str(), first.as_str())).collect();
    assert_eq!(found, NOT_TYPED);
}

/// Commands in prose, and in blocks that are not typed: the command is there, and has these flags.
#[test]
fn every_command_and_flag_in_a_document_exists() {
    let mut root = Cli::command();
    root.build();
    let mut seen = 0;
    for (name, text) in documents() {
        let all = fences(&text);
        let blocks = all.iter().filter(|fence| fence.language == "sh").flat_map(Fence::commands);
        for line in spans(&text).into_iter().chain(blocks) {
            for call in line.split("flow-studio ").skip(1) {
                let call = call.split(['#', '|', '&', ';']).next().unwrap_or_default();
                if !call.starts_with(|first: char| first.is_ascii_lowercase()) {
                    continue;
                }
                known(&root, call, &name);
                seen += 1;
            }
        }
    }
    assert!(seen > 80, "{seen}");
}

fn known(root: &clap::Command, call: &str, name: &str) {
    let mut command = root;
    let mut flags = Vec::new();
    for (at, word) in call.split_whitespace().enumerate() {
        let word = word.trim_matches(|end: char| "[]()…,.'\"".contains(end));
        if let Some(flag) = word.strip_prefix("--") {
            flags.push(flag.split('=').next().unwrap_or_default().to_owned());
        } else if let Some(below) = command.find_subcommand(word).filter(|_| flags.is_empty()) {
            command = below;
        } else if at == 0 {
            panic!("{name}: there is no command `flow-studio {word}`");
        }
    }
    for flag in flags.iter().filter(|flag| !flag.is_empty()) {
        let has = command.get_arguments().any(|argument| argument.get_long() == Some(flag));
        assert!(has || flag == "help", "{name}: `flow-studio {}` has no --{flag}: {call}", command.get_name());
    }
}

/// As hosts of Markdown make them.
fn anchor_of(heading: &str) -> String {
    let letters = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = letters.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    for (name, text) in documents() {
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
        for target in
            text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|target| !target.starts_with("http"))
        {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { above.clone() } else { above.parent().unwrap().join(file) };
            assert!(path.exists(), "{name} points to {target}");
            if !anchor.is_empty() {
                let text = fs::read_to_string(&path).unwrap();
                let heads = text.lines().filter(|line| line.starts_with('#'));
                assert!(heads.map(anchor_of).any(|head| head == anchor), "{name} points to {target}");
            }
        }
    }
}

#[test]
fn the_causes_in_the_document_are_those_of_the_program() {
    let text = documents().into_iter().find(|(name, _)| name == "docs/diagnose.md").unwrap().1;
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
