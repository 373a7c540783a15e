//! Broken flows, one file per rule, with what a person is told. To add one: put it into tests/bad and look at its snapshot.

use std::collections::{BTreeMap, BTreeSet};

use flow_studio::{
    id::FlowKey,
    spec::{LoadOptions, Loader, Role},
};

const CHILD: &str = include_str!("good/child.yaml");
const CRITIC: &str = include_str!("good/critic.md");

/// The files around a flow.
fn around(name: &str, bytes: Vec<u8>) -> BTreeMap<String, Vec<u8>> {
    let text = |text: &str| text.as_bytes().to_vec();
    BTreeMap::from([
        (format!("flows/{name}.yaml"), bytes),
        ("flows/child.yaml".to_owned(), text(CHILD)),
        ("flows/unknown-key.yaml".to_owned(), text(include_str!("bad/unknown-key.yaml"))),
        ("agents/critic.md".to_owned(), text(CRITIC)),
        ("agents/broken.md".to_owned(), text("---\nname: broken\nmaxTurns: many\ntools: {a: b}\n---\nPrompt\n")),
        ("templates/broken.hbs".to_owned(), text("# {{run.id}}\n\n{{params.nope}} {{steps.zz.stdout}}\n")),
    ])
}

fn told(name: &str, bytes: Vec<u8>) -> String {
    let reviewers = BTreeSet::from([Role("ceo".to_owned()), Role("cfo".to_owned())]);
    let options = LoadOptions { reviewers: Some(reviewers), ..LoadOptions::default() };
    let loader = Loader::in_memory(around(name, bytes)).with_options(options);
    match loader.load_library(&FlowKey::new(name).unwrap()) {
        Ok(loaded) => format!("LOADED\n\n{}", loaded.warnings.render(false)),
        Err(found) => found.render(false),
    }
}

#[test]
fn every_broken_flow_is_answered_with_what_to_type() {
    let mut names = 0;
    insta::glob!("bad/*.yaml", |path| {
        let name = path.file_stem().unwrap().to_str().unwrap();
        insta::assert_snapshot!(told(name, std::fs::read(path).unwrap()));
        names += 1;
    });
    assert!(names >= 60, "{names}");
}

#[test]
fn bytes_that_are_no_text_are_answered_with_their_place() {
    insta::assert_snapshot!("not-utf8", told("x", b"flow: x\ntitle: caf\xe9 au lait\n".to_vec()));
    insta::assert_snapshot!("nul", told("x", b"flow: x\ntitle: a\0b\n".to_vec()));
    insta::assert_snapshot!("utf16", told("x", b"\xff\xfef\0l\0o\0w\0".to_vec()));
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_read() {
    let text = "\u{feff}flow: x\r\nsteps:\r\n  - id: a\r\n    run: make\r\n    outputs: [x]\r\n";
    assert_eq!(told("x", text.into()), "LOADED\n\n");
}

#[test]
fn a_file_of_ten_megabytes_is_refused_without_being_parsed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.yaml"), vec![b'['; 10 * 1024 * 1024]).unwrap();
    let found = Loader::new(dir.path(), dir.path(), dir.path()).load_library(&FlowKey::new("x").unwrap()).unwrap_err();
    let text = found.to_string().replace(&dir.path().display().to_string(), "DIR");
    assert_eq!(
        text,
        "error[file-too-big]: DIR/x.yaml has 10485760 bytes; at most 1048576 (1 MiB) are read (split it into sub-flows (`flow:` steps))"
    );
}

#[test]
fn deep_nesting_is_refused() {
    let deep = |open: &str, close: &str| format!("flow: x\nparams: {}{}\n", open.repeat(5000), close.repeat(5000)).into_bytes();
    assert!(told("x", deep("[", "]")).contains("too-deep"));
    assert!(told("x", deep("{a: ", "}")).contains("too-deep"));
    assert!(told("x", "- ".repeat(5000).into_bytes()).contains("too-deep"));
    let block: String = (0..500).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    assert!(told("x", block.into_bytes()).contains("too-deep"));
}

#[test]
fn a_pipe_or_a_directory_is_no_flow() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("x.yaml")).unwrap();
    let found = Loader::new(dir.path(), dir.path(), dir.path()).load_flow(&FlowKey::new("x").unwrap()).unwrap_err();
    assert!(found.to_string().contains("not a regular file"), "{found}");
}

#[test]
fn a_circle_of_flows_is_shown_whole() {
    let flow =
        |name: &str, next: &str| (format!("flows/{name}.yaml"), format!("flow: {name}\nsteps:\n  - {{id: s, flow: {next}}}\n"));
    let loader = Loader::in_memory([flow("a", "b"), flow("b", "c"), flow("c", "b")]);
    let found = loader.load_library(&FlowKey::new("a").unwrap()).unwrap_err();
    assert!(found.to_string().contains("b → c → b"), "{found}");
    let chain: Vec<(String, String)> = (0..12).map(|n| flow(&format!("f{n}"), &format!("f{}", (n + 1).min(12)))).collect();
    let last = ("flows/f12.yaml".to_owned(), "flow: f12\nsteps:\n  - {id: s, run: make, outputs: [x]}\n".to_owned());
    let found = Loader::in_memory(chain.into_iter().chain([last])).load_library(&FlowKey::new("f0").unwrap()).unwrap_err();
    assert!(found.to_string().contains("nested deeper than 8"), "{found}");
}

#[test]
fn many_broken_steps_are_answered_with_the_first_of_them_and_a_count() {
    let steps: String = (0..15_000).map(|n| format!("  - {{id: s{n}, needs: [t{n}], run: m, outputs: [x]}}\n")).collect();
    let text = told("x", format!("flow: x\nsteps:\n{steps}").into_bytes());
    assert!(text.contains("and ") && text.contains(" more"), "{text}");
}

#[test]
fn files_as_large_as_they_may_be_are_answered() {
    let steps: String = (0..20_000).map(|n| format!("  - {{id: s{n}, run: m, outputs: [x{n}]}}\n")).collect();
    let keys: String = (0..80_000).map(|n| format!("k{n}: 1\n")).collect();
    let outputs = format!("steps: [{{id: a, run: m, outputs: [{}]}}]\n", "x,".repeat(300_000));
    let anchors: String = (0..50).map(|n| format!("a{n}: &b{n} [{}]\n", "x,".repeat(2000))).collect();
    for text in [
        format!("flow: x\nsteps:\n{steps}"),
        format!("flow: x\n{keys}"),
        format!("flow: x\n{outputs}"),
        format!("flow: x\n{anchors}"),
    ] {
        // Whatever grows faster than the file does would not come to an end here.
        assert!(!told("x", text.into_bytes()).is_empty());
    }
}
