//! What every page owes to everybody: light and dark, on a phone, without a script, for those who hear it, without jumping about.

use serde_json::{Value, json};

use crate::{
    common::Test,
    driver::Browser,
    world::{World, tool},
};

const STORY: &str = r#"charter: {goal: everything that a page can show}
params:
  version: {type: string, required: true, description: The number it gets}
  channel: {type: enum, values: [stable, beta], default: stable}
steps:
  - id: notes
    title: Write down what is new
    run: |
      mkdir -p "$ARTIFACTS"
      printf '# What is new\n\n| what | who |\n| --- | --- |\n| links | all |\n\n- one `two` **three**\n' > "$ARTIFACTS/notes.md"
      printf '{"links": ["expire"], "long": "a-name-without-a-single-place-where-it-could-be-broken-into-two-lines-0123456789"}' > "$ARTIFACTS/data.json"
      printf -- '--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n' > "$ARTIFACTS/change.patch"
      echo written
    expect: {stdout: written}
    outputs: [artifacts/notes.md]
  - {id: critique, agent: critic, loop: {to: notes, max: 3}}
  - {id: lint, title: House rules, needs: [critique], run: 'test -f formatted || { echo "not formatted" >&2; exit 1; }'}
  - {id: beta, needs: [critique], run: 'echo asked', when: "params.channel == 'beta'"}
  - {id: package-with-a-name-that-is-longer-than-most, needs: [lint], flow: package}
  - {id: broken, needs: [package-with-a-name-that-is-longer-than-most], run: 'echo no >&2; exit 3', on_failure: continue}
  - id: publish
    needs: [broken]
    ask: {question: 'Bring it out to everybody?', evidence: [artifacts/notes.md, artifacts/change.patch], severity: HIGH, form: {seats: {type: integer, required: true}, tone: {type: enum, values: [kind, short]}}}
  - {id: announce, needs: [publish], run: 'echo told'}
"#;
const SCRIPT: &str = "flow: story
params: {version: 1.4.0}
steps:
  critique:
    - {status: UNVERIFIED, summary: Nobody outside knows what it is., concerns: [{severity: HIGH, description: too short}]}
    - {status: VERIFIED, summary: It can be understood.}
";

/// A run that has of everything, a second one to compare it with, and a flow that is broken.
pub fn story() -> World {
    let test = Test::new()
        .flow("story", STORY)
        .flow("package", "steps: [{id: build, run: ':'}, {id: sums, run: ':'}]\n")
        .flow("broken", "steps: [{id: one, rum: 'x'}]\n")
        .file(
            "flows/detours.yaml",
            "detours: [{id: format-fix, title: Format the files, when: {error: not formatted}, steps: [{id: format, run: 'touch formatted'}], verify: test -f formatted}]\n",
        )
        .file("agents/critic.md", "---\nname: critic\ndescription: reads as a stranger would\n---\nRead.\n")
        .file("flows/tests/story.one.scenario.yaml", SCRIPT)
        .file("script.yaml", SCRIPT);
    for run in ["r", "other-run-with-a-name-that-is-as-long-as-names-of-runs-may-become"] {
        let version = format!("version={run}");
        let args =
            ["--quiet", "run", "story", "--run-id", run, "--param", &version, "--engine", "stub", "--scenario", "script.yaml"];
        test.go(&args).code(4);
    }
    World::of(test)
}

pub const PAGES: [&str; 21] = [
    "/",
    "/runs",
    "/runs?status=failed",
    "/runs/r",
    "/runs/r?flow=story.lint.format-fix",
    "/runs/r/step?flow=story&step=notes",
    "/runs/r/step?flow=story&step=critique",
    "/runs/r/step?flow=story&step=announce",
    "/runs/r/step?flow=story&step=broken",
    "/runs/r/questions/publish-1",
    "/runs/r/evidence",
    "/runs/r/diagnosis",
    "/runs/r/artifacts",
    "/runs/r/artifacts?flow=story&name=notes.md",
    "/runs/r/artifacts?flow=story&name=change.patch",
    "/runs/r/artifacts?flow=story&name=data.json",
    "/compare?a=r&b=other-run-with-a-name-that-is-as-long-as-names-of-runs-may-become",
    "/flows",
    "/flows/story",
    "/flows/broken",
    "/runs/nobody",
];

/// What axe-core finds that is serious or worse, each with the element.
pub fn findings(browser: &Browser, axe: &str) -> Vec<String> {
    browser.run(axe);
    let found = browser.run_async(
        "axe.run(document, {resultTypes: ['violations']}).then((all) => done(all.violations.flatMap((one) => one.nodes.map((node) =>
            ({id: one.id, impact: one.impact, at: node.target.join(' '), why: node.failureSummary})))), (error) => done(String(error)));",
    );
    let all = found.as_array().unwrap_or_else(|| panic!("axe did not look: {found}"));
    let grave = all.iter().filter(|one| matches!(one["impact"].as_str(), Some("serious" | "critical")));
    grave.map(|one| format!("{} at {}: {}", one["id"], one["at"], one["why"])).collect()
}

pub fn axe() -> String {
    std::fs::read_to_string(tool("node_modules/axe-core/axe.min.js")).expect("a script")
}

#[test]
fn nothing_serious_is_found_on_any_page_in_light_and_in_dark() {
    let world = story();
    let axe = axe();
    let mut wrong = Vec::new();
    for scheme in ["light", "dark"] {
        world.browser.prefers(scheme, "reduce");
        for path in PAGES {
            let browser = world.open(path);
            // What is folded is looked at as well.
            browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; });");
            wrong.extend(findings(browser, &axe).into_iter().map(|one| format!("{scheme} {path}: {one}")));
        }
    }
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_page_is_wider_than_a_phone_or_has_anything_serious_there() {
    let world = story();
    let axe = axe();
    world.browser.as_wide_as(360, 740, true);
    let mut wrong = Vec::new();
    for path in PAGES {
        let browser = world.open(path);
        browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; });");
        let wide = browser.run(
            "const over = [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('.wide, pre, .code, .unseen, .skip'));
             return {width: document.documentElement.scrollWidth, over: over.slice(0, 3).map((one) => one.tagName + '.' + one.getAttribute('class'))};",
        );
        if wide["width"].as_u64().is_none_or(|width| width > 360) {
            wrong.push(format!("{path}: {wide}"));
        }
        wrong.extend(findings(browser, &axe).into_iter().map(|one| format!("{path}: {one}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A column that is given no room shows its words letter by letter, one below the other.
#[test]
fn the_names_of_steps_and_runs_have_room_at_every_width() {
    let world = story();
    let mut wrong = Vec::new();
    for width in [360, 640, 800, 900, 1000, 1280] {
        world.browser.as_wide_as(width, 900, width < 700);
        for path in PAGES {
            let browser = world.open(path);
            let narrow = browser.run(
                "document.querySelectorAll('details').forEach((one) => { one.open = true; });
                 const cells = [...document.querySelectorAll('.steps tbody th, .runs tbody th, .steps tbody td:nth-child(3), .runs tbody td:nth-child(2)')];
                 return cells.filter((one) => one.innerText && one.getBoundingClientRect().width < Math.min(90, 6 * one.innerText.length)).slice(0, 3).map((one) => `${one.innerText}: ${one.getBoundingClientRect().width}`);",
            );
            if narrow.as_array().is_none_or(|all| !all.is_empty()) {
                wrong.push(format!("{width} {path}: {narrow}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_reads_without_a_script_and_a_question_is_answered_without_one() {
    let world = story();
    world.browser.scripts(false);
    for path in PAGES {
        world.browser.open(&world.at(path));
        let page = world.browser.value("({title: document.title, words: document.getElementById('main').innerText, live: document.getElementById('live')?.innerText ?? ''})");
        let words = page["words"].as_str().expect("text");
        assert!(
            words.len() > 30 && page["live"] == "" && page["title"].as_str().is_some_and(|title| title.len() > 10),
            "{path}: {page}"
        );
    }
    world.browser.open(&world.at("/runs/r"));
    let run = world.browser.value("document.getElementById('main').innerText");
    let run = run.as_str().expect("text");
    for part in ["Bring it out to everybody?", "critique", "Timeline", "detour format-fix"] {
        assert!(run.contains(part), "{part} is not in {run}");
    }
    world.browser.open(&world.at("/runs/r/questions/publish-1"));
    world.browser.write("input[name='set.seats']", "3");
    world.browser.click("input[name=choose]");
    world.browser.click("input[name=sure]");
    world.browser.click("form.answer button");
    // Without its scripts a page cannot look out by itself.
    crate::common::until("the answer is taken", || world.browser.address().ends_with("/runs/r"));
    assert_eq!(world.test.facts("r", "escalation_answered")[0]["answer"]["values"]["seats"], 3);
}

#[test]
fn no_page_breaks_its_own_policy() {
    let world = story();
    for path in PAGES.iter().filter(|path| !path.contains("nobody")) {
        world.open(path);
        world.browser.until("document.readyState === 'complete'");
    }
    // What a page tells of is not executed, and nothing of it is asked for elsewhere.
    assert_eq!(world.browser.complaints(), Vec::<String>::new());
}

#[test]
fn who_wants_no_motion_gets_none() {
    let world = World::release();
    let run = world.begun("r");
    let moves = |motion: &str| -> Value {
        world.browser.prefers("light", motion);
        world.open("/runs/r");
        world.live("document.querySelector('.graph .node.running')");
        world.browser.value("document.getAnimations().filter((one) => one.playState === 'running').length > 0")
    };
    assert_eq!((moves("no-preference"), moves("reduce")), (json!(true), json!(false)));
    world.word();
    run.wait().code(4);
}

/// What is read must not jump away from under the eyes; a figure of 0.1 is what browsers call good.
#[test]
fn a_page_that_goes_on_does_not_jump() {
    let world = World::release();
    let run = world.begun("r");
    world.open("/runs/r");
    world.live("document.querySelector('.graph .node.running') && document.getElementById('live').innerText === 'live'");
    world.browser.run(
        "window.shift = 0; window.moved = [];
         new PerformanceObserver((list) => { for (const one of list.getEntries()) { window.shift += one.value; window.moved.push(...one.sources.map((s) => `${s.node?.nodeName}.${s.node?.className ?? s.node?.textContent}`)); } }).observe({type: 'layout-shift'});",
    );
    world.word();
    world.live("document.querySelector('.graph .node.waiting')");
    run.wait().code(4);
    world.test.go(&["review", "answer", "r/gate-1", "--choose", "approve"]);
    let run = world.start(&["resume", "r"]);
    world.live("document.querySelector('.graph .node.running .id')?.textContent === 'ship'");
    world.word();
    run.wait().code(0);
    world.live("document.getElementById('live').innerText === 'ended'");
    let shift = world
        .browser
        .run_async("requestAnimationFrame(() => requestAnimationFrame(() => done({shift: window.shift, moved: window.moved})))");
    println!("layout shift of a run from its first step to its end: {}", shift["shift"]);
    assert!(shift["shift"].as_f64().is_some_and(|shift| shift < 0.02), "{shift}");
}
