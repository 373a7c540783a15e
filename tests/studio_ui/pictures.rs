//! Pictures of the pages, for the book: light, dark and on a phone. `make screenshots` writes them; every other time they are looked for.

use std::{fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    common::{
        Test,
        llm::{Llm, Turn, calls, handoff, says},
    },
    driver::Browser,
    world::World,
};

/// A picture that weighs more is not looked at on a train.
const BYTES_MAX: usize = 64 * 1024;

/// Name, address, height of the picture.
const PAGES: [(&str, &str, u32); 11] = [
    ("inbox", "/", 520),
    ("runs", "/runs", 520),
    ("run", "/runs/release-14", 1320),
    ("step", "/runs/release-14/step?flow=release&step=notes&execution=1", 1320),
    ("transcript", "/runs/release-14/step?flow=release&step=notes&execution=1", 1320),
    ("question", "/runs/release-14/questions/publish-1", 1240),
    ("evidence", "/runs/release-14/evidence", 1000),
    ("diagnosis", "/runs/release-14/diagnosis", 800),
    ("artifact", "/runs/release-14/artifacts?flow=release&name=notes.md", 560),
    ("flow", "/flows/release", 1240),
    ("compare", "/compare?a=release-13&b=release-14", 900),
];

const FLOW: &str = r#"# yaml-language-server: $schema=../schemas/flow.schema.json
flow: release
title: Bring a version out
charter: {goal: A version that people can install, non_goals: [new features]}
params:
  version: {type: string, required: true, pattern: '[0-9]+\.[0-9]+\.[0-9]+', description: The number it gets}
  channel: {type: enum, values: [stable, beta], default: stable, description: Who gets it}
steps:
  - id: notes
    title: Write down what is new
    agent: author
    access: change
    verify: [{id: links, parse: tap, run: "printf '1..3\nok 1\nok 2\nok 3\n'"}]
    on_failure: continue
  - id: critique
    title: Would a reader understand it?
    agent: critic
    loop: {to: notes, max: 3}
  - {id: lint, title: House rules, needs: [critique], run: 'test -f formatted || { echo "not formatted" >&2; exit 1; }; echo clean', expect: {stdout: clean}}
  - {id: beta, title: Ask the testers, needs: [critique], run: 'echo asked', expect: {stdout: asked}, when: "params.channel == 'beta'"}
  - {id: package, title: Build what is shipped, needs: [lint], flow: package}
  - id: publish
    title: Bring it out?
    needs: [package]
    ask:
      question: 'Bring version {{params.version}} out to everybody?'
      evidence: [NOTES.md, changes.diff, SUMS.txt]
      severity: HIGH
      options: [{key: publish, label: Bring it out, effect: it can be installed at once}, {key: wait, label: Not today, effect: nothing is published}]
  - {id: announce, title: Tell people, needs: [publish], run: 'echo told', expect: {stdout: told}}
"#;
const PACKAGE: &str = r#"flow: package
title: Build what is shipped
steps:
  - {id: build, run: 'echo app-1.4.0.tar.gz', expect: {stdout: app}}
  - {id: sums, run: 'echo "9f2c41d7  app-1.4.0.tar.gz" > SUMS.txt; echo ok', expect: {stdout: ok}, outputs: [SUMS.txt]}
"#;
const DETOURS: &str = "detours:\n  - {id: format-fix, title: Format the files, when: {error: not formatted}, steps: [{id: format, run: 'touch formatted'}], verify: test -f formatted}\n";
const SCENARIO: &str = "flow: release
params: {version: 1.4.0}
steps:
  critique:
    - {status: UNVERIFIED, summary: Nobody outside knows what a quieter log is.}
    - {status: VERIFIED, summary: It can be understood.}
answers: {publish: {choose: publish}}
expect: {path: [notes, critique, notes, critique, lint, package, build, sums, publish, announce]}
";

/// What the model says in the course of one run: two rounds of author and critic.
fn course() -> Vec<Turn> {
    let write = |notes: &str| {
        let command = format!(
            "mkdir -p \"$ARTIFACTS\"; printf '{notes}' | tee NOTES.md > \"$ARTIFACTS/notes.md\"; printf -- '--- a/config/log.toml\\n+++ b/config/log.toml\\n@@ -1,3 +1,3 @@\\n [log]\\n-level = \"debug\"\\n+level = \"info\"\\n keep = 30\\n' > changes.diff; git add -N NOTES.md changes.diff"
        );
        calls(&[("run_command", json!({"command": command}))])
    };
    let author = |did: &str, files: &[&str], passed: u64| {
        handoff(
            &json!({"status": "VERIFIED", "summary": {"what_i_did": did, "evidence": {"artifacts_produced": files, "measurements": {"tests_passed": passed}}}}),
        )
    };
    let critic = |status: &str, found: &str, concerns: Value| {
        handoff(
            &json!({"status": status, "summary": {"what_i_found": found}, "concerns": concerns, "routing": {"recommendation": if status == "VERIFIED" { "CONTINUE" } else { "LOOP" }, "reason": found, "can_further_iteration_help": true}}),
        )
    };
    let read = || calls(&[("read_file", json!({"path": "NOTES.md"}))]);
    vec![
        calls(&[("run_command", json!({"command": "git log --oneline -3"}))]),
        write("# What is new\\n\\n- Links that expire.\\n- A quieter log.\\n"),
        says("The notes are written, and every link in them works."),
        author(
            "Wrote NOTES.md and CHANGELOG.md from the last three commits; all 12 link tests pass.",
            &["NOTES.md", "CHANGELOG.md"],
            12,
        ),
        read(),
        says("A reader from outside would not know what a quieter log is."),
        critic(
            "UNVERIFIED",
            "Nobody outside knows what a quieter log is.",
            json!([{"severity": "MEDIUM", "description": "say what a quieter log means for whoever reads it", "location": "NOTES.md:4"}]),
        ),
        write(
            "# What is new in 1.4.0\\n\\n- **Links that expire**: a link can be given a last day.\\n- **A quieter log**: `info` instead of `debug`, so that what matters is found.\\n\\n| who | what to do |\\n| --- | --- |\\n| everybody | nothing |\\n| who reads `debug` | set `level` again |\\n",
        ),
        says("Each line now says what it means for the reader."),
        author("Said for each line what it means for whoever reads it.", &["NOTES.md"], 3),
        read(),
        says("It can be understood."),
        critic("VERIFIED", "It can be understood.", json!([])),
    ]
}

fn world() -> (World, Llm) {
    let llm = Llm::script(course().into_iter().chain(course()));
    let agent = |name: &str, about: &str, body: &str| format!("---\nname: {name}\ndescription: {about}\n---\n{body}\n");
    let test = Test::new()
        .file("flows/release.yaml", FLOW)
        .file("flows/package.yaml", PACKAGE)
        .file("flows/detours.yaml", DETOURS)
        .file("flows/tests/release.two-rounds.scenario.yaml", SCENARIO)
        .file("agents/author.md", &agent("author", "writes for people", "You write for people who do not know us."))
        .file(
            "agents/critic.md",
            &agent("critic", "reads as a stranger would", "Read the notes as somebody who does not know us."),
        )
        .file("config/log.toml", "[log]\nlevel = \"info\"\nkeep = 30\n")
        .file(".gitignore", "run_base/\nhome/\n")
        .file("flow-studio.toml", "[models]\nstandard = [\"m-1\"]\n[prices]\nm-1 = { input = 1, output = 4 }\n")
        .env("OPENAI_API_KEY", &format!("key-{}", "0123456789abcdef"))
        .env("OPENAI_BASE_URL", &llm.url)
        .env("USER", "ada");
    let git = |args: &[&str]| {
        let mut command = std::process::Command::new("git");
        let who = ["-c", "user.name=ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main"];
        assert!(command.args(who).args(args).current_dir(test.root()).status().expect("git").success(), "{args:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "Links can expire"]);
    test.go(&["--quiet", "run", "release", "--run-id", "release-13", "--param", "version=1.3.0"]).code(4);
    for file in ["NOTES.md", "changes.diff", "SUMS.txt", "formatted"] {
        let _ = fs::remove_file(test.at(file));
    }
    test.go(&["--quiet", "run", "release", "--run-id", "release-14", "--param", "version=1.4.0"]).code(4);
    (World::of(test), llm)
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/pictures")
}

/// The page as it is seen, without what belongs to the moment: a cursor, a half-done fade.
fn take(browser: &Browser, width: u32, height: u32) -> Vec<u8> {
    let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
    let format = std::env::var("PICTURES_AS").unwrap_or_else(|_| "webp".to_owned());
    let mut params = json!({"format": format, "clip": clip, "captureBeyondViewport": false});
    if format == "webp" {
        params["quality"] = json!(64);
    }
    let taken = browser.chrome("Page.captureScreenshot", &params);
    STANDARD.decode(taken["data"].as_str().expect("a picture")).expect("a picture")
}

#[test]
fn every_page_has_its_pictures_light_dark_and_on_a_phone() {
    let out = std::env::var_os("UPDATE_PICTURES").map(|to| if to == "1" { directory() } else { PathBuf::from(to) });
    let Some(out) = out else {
        let missing: Vec<String> = PAGES
            .iter()
            .flat_map(|(name, _, _)| ["", "-dark", "-phone"].map(|kind| format!("{name}{kind}.webp")))
            .filter(|name| !directory().join(name).is_file())
            .collect();
        assert!(missing.is_empty(), "make screenshots: {missing:?}");
        return;
    };
    fs::create_dir_all(&out).expect("a directory");
    let (world, _llm) = world();
    let browser = &world.browser;
    let mut heavy = Vec::new();
    for (kind, scheme, width, mobile) in
        [("", "light", 1200, false), ("-dark", "dark", 1200, false), ("-phone", "light", 360, true)]
    {
        browser.prefers(scheme, "reduce");
        for (name, path, height) in PAGES {
            let height = if mobile { 780 } else { height };
            browser.as_wide_as(width, height, mobile);
            world.open(path);
            browser.until("document.readyState === 'complete' && document.getElementById('live').innerText !== 'not reached'");
            if name == "transcript" {
                browser.run("for (const one of document.querySelectorAll('main > details')) one.open = one.id === 'transcript'; document.querySelector('#transcript .said.assistant details').open = true; scrollTo(0, 0);");
            }
            let picture = take(browser, width, height);
            if picture.len() > BYTES_MAX {
                heavy.push(format!("{name}{kind}: {} bytes", picture.len()));
            }
            let ending = std::env::var("PICTURES_AS").unwrap_or_else(|_| "webp".to_owned());
            fs::write(out.join(format!("{name}{kind}.{ending}")), picture).expect("a file");
        }
    }
    assert!(heavy.is_empty() || std::env::var_os("PICTURES_AS").is_some(), "{heavy:?}");
}
