//! Flows without mistakes: they load, they load again from a frozen copy, and nothing of them is lost.

use std::collections::BTreeMap;

use flow_studio::{
    id::{AgentKey, FlowKey},
    spec::{Loader, flow::Library, params, params::Given},
};
use serde_json::json;

fn files() -> BTreeMap<String, String> {
    let read = |name: &str| std::fs::read_to_string(format!("tests/good/{name}")).unwrap();
    BTreeMap::from([
        ("flows/change.yaml".to_owned(), read("change.yaml")),
        ("flows/child.yaml".to_owned(), read("child.yaml")),
        ("flows/detours.yaml".to_owned(), read("detours.yaml")),
        ("agents/critic.md".to_owned(), read("critic.md")),
        ("templates/changelog.md.hbs".to_owned(), "# {{params.client}}\n{{#each params.places}}- {{this}}\n{{/each}}".to_owned()),
    ])
}

fn load(loader: &Loader) -> Library {
    match loader.load_library(&FlowKey::new("change").unwrap()) {
        Ok(loaded) => {
            assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(false));
            loaded.value
        }
        Err(found) => panic!("{}", found.render(false)),
    }
}

#[test]
fn the_flow_of_the_design_loads() {
    let library = load(&Loader::in_memory(files()));
    assert_eq!(library.flows.len(), 2);
    assert_eq!(library.detours.len(), 2);
    let critic = &library.agents[&AgentKey::new("critic").unwrap()];
    assert_eq!(critic.tools.as_deref().unwrap(), ["Read", "Grep", "Bash(git diff:*)"]);
    assert_eq!(critic.other["color"], json!("red"));
    assert!(critic.prompt.text().contains("{{params.client}} and {{{x}}}"));
    let flow = library.main_flow().unwrap();
    let reads = flow.reads();
    let asked: Vec<(&str, usize)> = reads.steps.iter().map(|(id, fields)| (id.as_str(), fields.len())).collect();
    assert_eq!(asked, [("diff", 2), ("each-place", 1), ("review", 1), ("smoke", 1)]);
    assert!(!reads.steps_dynamic);
    assert_eq!(flow.steps[1].retry.attempts_max, 1, "a default retry does not reach a step that must run once");
    assert_eq!(flow.steps[4].retry.attempts_max, 3);
    let place = flow.places.place("/steps/6/loop/to", flow_studio::spec::Part::Value);
    assert_eq!(&flow.source[place.offset as usize..][..place.length as usize], "review");
}

/// Each step of it earns a warning; more warnings than are kept must not cost a step.
#[test]
fn a_flow_with_many_warnings_keeps_all_its_steps() {
    let steps: String = (0..1000).map(|at| format!("  - {{id: s{at}, run: ':'}}\n")).collect();
    let files = BTreeMap::from([("flows/long.yaml".to_owned(), format!("flow: long\nsteps:\n{steps}"))]);
    let Ok(loaded) = Loader::in_memory(files).load_library(&FlowKey::new("long").unwrap()) else { panic!("it has no mistake") };
    assert!(loaded.warnings.len() >= 300, "{}", loaded.warnings.len());
    assert_eq!(loaded.value.main_flow().unwrap().steps.len(), 1000);
}

#[test]
fn a_frozen_copy_loads_to_the_same_digests() {
    let first = load(&Loader::in_memory(files()));
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in first.files() {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let again = load(&Loader::frozen(dir.path()));
    assert_eq!(first.files(), again.files());
    for (key, flow) in &first.flows {
        assert_eq!(flow.sha256, again.flows[key].sha256);
        let digests = |flow: &flow_studio::spec::Flow| flow.steps.iter().map(|step| step.sha256.clone()).collect::<Vec<_>>();
        assert_eq!(digests(flow), digests(&again.flows[key]));
    }
    assert_eq!(Loader::frozen(dir.path()).list_flows().len(), 2);
    assert_eq!(Loader::frozen(dir.path()).list_agents()[0].outcome.as_deref().unwrap(), "Finds what is missing");
}

#[test]
fn parameters_are_converted_by_their_types() {
    let library = load(&Loader::in_memory(files()));
    let flow = library.main_flow().unwrap();
    let text = |name: &str, text: &str| (name.to_owned(), Given::Text(text.to_owned()));
    let values = params::resolve(flow, &BTreeMap::from([text("client", "acme"), text("places", "rom, paris")])).unwrap();
    let values: BTreeMap<String, serde_json::Value> = values.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    assert_eq!(values["places"], json!(["rom", "paris"]));
    assert_eq!(values["caller_visible"], json!(true));
    let wrong = BTreeMap::from([text("cleint", "acme"), text("change_type", "greting"), text("caller_visible", "yes")]);
    insta::assert_snapshot!(params::resolve(flow, &wrong).unwrap_err().render(false));
}

#[test]
fn an_agent_may_be_a_template_or_a_folder() {
    let front = "---\nname: it\ndescription: Does it\ntools: [Read]\nnote: {kept: [1, null]}\n---\n";
    let agent = |file: &str, body: &str| {
        let loader = Loader::in_memory([(format!("agents/{file}"), format!("{front}\n{body}"))]);
        loader.load_agent(&AgentKey::new("it").unwrap()).map(|loaded| loaded.value)
    };
    let scope = json!({"params": {"x": "{{y}}"}, "run": {"id": "r"}});
    let plain = agent("it/SKILL.md", "Literal {{params.x}}").unwrap();
    assert_eq!((plain.templated, plain.prompt.render(&scope).unwrap().as_str()), (false, "Literal {{params.x}}"));
    assert_eq!(plain.other["note"], json!({"kept": [1, null]}));
    let filled = agent("it.md.hbs", "Filled {{params.x}} in {{run.id}}").unwrap();
    assert_eq!((filled.templated, filled.prompt.render(&scope).unwrap().as_str()), (true, "Filled {{y}} in r"));
    let broken = agent("it.md.hbs", "One\nTwo {{parms.x}}").unwrap_err();
    let place = broken.iter().next().unwrap().place.clone().unwrap();
    assert_eq!((place.line, place.column), (9, 7), "{broken}");
    let both = Loader::in_memory([("agents/it.md", format!("{front}x")), ("agents/it/SKILL.md", format!("{front}x"))]);
    assert!(both.load_agent(&AgentKey::new("it").unwrap()).unwrap_err().to_string().contains("twice"));
    let none = Loader::in_memory([("agents/it.md", "Just a prompt")]);
    assert!(none.load_agent(&AgentKey::new("it").unwrap()).unwrap_err().to_string().contains("front matter"));
}

#[test]
fn a_catalog_of_detours_is_checked_like_a_flow() {
    let wrong = "detours:\n  - {id: a, when: {error: '(', signature: x}, steps: [], verify: ''}\n  - {id: a, when: {}, steps: [{id: s, run: x, needs: [t]}], verify: x}\n  - {id: b, when: {measured: stp.passed}, steps: [{id: s, scan: {}}]}\n";
    let found = Loader::in_memory([("flows/detours.yaml", wrong)]).load_detours().unwrap_err();
    insta::assert_snapshot!(found.render(false));
}
