//! The pages of the studio, with the real program: what they show, that they read without a script, and that nothing which
//! a step, an agent or a person wrote is markup in them.

mod common;

#[path = "studio_pages/html.rs"]
mod html;
#[path = "studio_pages/studio.rs"]
mod studio;

use common::Test;
use html::Tree;
use studio::Studio;

const STORY: &str = r#"charter: {goal: every kind of thing}
params:
  count: {type: integer, required: true, description: How <i>many</i>}
  size: {type: enum, values: [small, large], default: small}
steps:
  - id: draft
    title: Write <b>it</b> "down"
    run: |
      mkdir -p "$ARTIFACTS/sub"
      printf '# <script>alert(1)</script>\n' > "$ARTIFACTS/note.md"
      printf '{"a": "<img src=x onerror=alert(2)>"}' > "$ARTIFACTS/data.json"
      printf '<!DOCTYPE html><script>alert(3)</script>' > "$ARTIFACTS/page.html"
      printf '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(4)"/>' > "$ARTIFACTS/draw.svg"
      printf '\211PNG\r\n\032\nrest' > "$ARTIFACTS/sub/a b.png"
      printf 'a\0b' > "$ARTIFACTS/bytes.bin"
      test -L "$ARTIFACTS/link" || ln -s /etc/passwd "$ARTIFACTS/link"
      printf '</pre></details><script>alert(5)</script>\n'
  - {id: critique, agent: critic, loop: {to: draft, max: 3}}
  - {id: lint, needs: [critique], run: 'test -f fixed || { echo lint-broken >&2; exit 1; }'}
  - {id: never, needs: [critique], run: ':', when: params.size == 'large'}
  - {id: sub, needs: [lint], flow: small}
  - {id: bad, needs: [sub], run: 'echo "</p><script>alert(6)</script>" >&2; exit 3', on_failure: continue}
  - id: review
    needs: [bad]
    ask:
      question: Ship </h1><script>alert(7)</script>?
      evidence: [evil.html]
      form: {seats: {type: integer, required: true, description: How <u>many</u>}, tone: {type: enum, values: [kind, "<b>"]}}
      severity: HIGH
  - {id: ship, needs: [review], run: 'exit 4'}
"#;
const SCRIPT: &str = "flow: story
params: {count: 3}
steps:
  critique:
    - {status: UNVERIFIED, summary: '</li><script>alert(8)</script>'}
    - {status: VERIFIED, summary: fine}
";
const DETOURS: &str = "detours:
  - id: lint-fix
    title: Mend <em>it</em>
    when: {error: lint-broken}
    steps: [{id: fix, run: 'touch fixed'}]
    verify: test -f fixed
";

/// A run with two rounds, a known fix, a sub-flow, a step that failed, one that was skipped, and an open question.
fn story() -> Test {
    let test = Test::new()
        .flow("story", STORY)
        .flow("small", "steps: [{id: one, run: ':'}]\n")
        .flow("broken", "steps: [{id: one, rum: '<script>'}, {id: two, run: ':', needs: [nothing]}]\n")
        .file("flows/detours.yaml", DETOURS)
        .file("agents/critic.md", "---\nname: critic\ndescription: reads\n---\nRead.\n")
        .file("evil.html", "<!DOCTYPE html><script>alert(9)</script>")
        .file("script.yaml", SCRIPT)
        .file("flows/tests/story.one.scenario.yaml", SCRIPT);
    test.go(&["run", "story", "--run-id", "r", "--param", "count=3", "--engine", "stub", "--scenario", "script.yaml"]).code(4);
    test
}

#[test]
fn every_page_of_a_run_is_whole_and_nothing_that_somebody_wrote_is_markup() {
    let test = story();
    let studio = Studio::of(&test);
    let steps = ["draft", "critique", "lint", "never", "sub", "bad", "review", "ship"]
        .map(|step| format!("/runs/r/step?flow=story&step={step}"));
    let names = ["note.md", "data.json", "page.html", "draw.svg", "sub%2Fa%20b.png", "bytes.bin"];
    let artifacts = names.map(|name| format!("/runs/r/artifacts?flow=story&name={name}"));
    let others = [
        "/",
        "/runs",
        "/runs?status=waiting",
        "/runs/r",
        "/runs/r?flow=story.sub",
        "/runs/r?flow=story.lint.lint-fix",
        "/runs/r/evidence",
        "/runs/r/evidence?flow=story",
        "/runs/r/diagnosis",
        "/runs/r/artifacts",
        "/runs/r/questions/review-1",
        "/runs/r/step?flow=story&step=draft&execution=1",
        "/compare",
        "/compare?a=r&b=r",
        "/compare?b=r",
        "/flows",
        "/flows/story",
        "/flows/small",
        "/flows/broken",
    ];
    for path in others.iter().map(|path| (*path).to_owned()).chain(steps).chain(artifacts) {
        // `page` reads it strictly: a text that became markup would be a script or a tag out of place.
        let page = studio.page(&path);
        assert!(!page.contains("alert(") || page.contains("&lt;"), "{path}");
    }
    let draft = studio.page("/runs/r/step?flow=story&step=draft");
    assert!(draft.contains("&lt;/pre&gt;&lt;/details&gt;&lt;script&gt;alert(5)"), "what was printed is shown as text");
    assert!(studio.page("/flows/story").contains("How &lt;i&gt;many&lt;/i&gt;"));
    assert!(studio.page("/runs/r/questions/review-1").contains("&lt;!DOCTYPE html&gt;&lt;script&gt;alert(9)"));
}

#[test]
fn a_run_shows_its_loops_its_known_fixes_its_sub_flows_and_what_failed() {
    let test = story();
    let studio = Studio::of(&test);
    let page = studio.page("/runs/r");
    let tree = Tree::read(&page);
    let picture = tree.all("svg").find(|svg| svg.get("class") == Some("flow-graph")).expect("a picture");
    let said: Vec<&str> = tree.below(picture, "text").map(|text| text.text.as_str()).collect();
    for words in ["round 2, ≤ 3", "↳ detour lint-fix ✓", "↳ flow small ✓"] {
        assert!(said.contains(&words), "{words} is not among {said:?}");
    }
    assert!(tree.0.iter().any(|tag| tag.get("class") == Some("node command skipped")), "what was skipped is dimmed");
    // Whoever sees no picture hears where each step stands, from its link and from the list.
    let heard: Vec<&str> = tree.below(picture, "a").filter_map(|a| a.get("aria-label")).collect();
    assert!(heard.contains(&"lint, run, ↳ detour lint-fix ✓: succeeded") && heard.contains(&"ship, run: to come"), "{heard:?}");
    assert_eq!((picture.get("role"), heard.len()), (Some("group"), 8));
    let rows: Vec<&str> = tree.all("tr").map(|row| row.text.as_str()).collect();
    let row = |step: &str| *rows.iter().find(|row| row.starts_with(step)).unwrap_or_else(|| panic!("{step}: {rows:?}"));
    assert!(row("critique").contains("back to draft, at most 3 rounds") && row("critique").contains("2, round 2"));
    assert!(row("↳ detour lint-fix").contains("succeeded") && row("↳ flow small").contains("succeeded"));
    assert!(row("never").contains("skipped") && row("bad").contains("concerns") && row("review").contains("waiting"));
    // The inner flows stand in the one that opened them, a heading deeper.
    let inner: Vec<&str> = tree.all("h3").map(|h3| h3.text.as_str()).collect();
    assert_eq!(inner.len(), 2, "{inner:?}");
    assert!(inner.iter().any(|text| text.contains("detour lint-fix")) && inner.iter().any(|text| text.contains("flow small")));
    for part in ["Timeline", "Where it went, and why", "loop-again", "note.md", "What to do next"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn a_step_shows_every_execution_with_its_proof() {
    let test = story();
    let studio = Studio::of(&test);
    let first = studio.page("/runs/r/step?flow=story&step=critique&execution=1");
    let last = studio.page("/runs/r/step?flow=story&step=critique");
    let tree = Tree::read(&last);
    let tabs = tree.all("nav").find(|nav| nav.get("aria-label") == Some("Executions")).expect("executions");
    assert!(tabs.text.contains("#1, round 1") && tabs.text.contains("#2, round 2"), "{}", tabs.text);
    assert!(first.contains("UNVERIFIED") && first.contains("&lt;/li&gt;&lt;script&gt;alert(8)"));
    for part in ["receipt", "handoff", "log", "transcript", "prompt"] {
        assert!(tree.0.iter().any(|tag| tag.name == "details" && tag.get("id") == Some(part)), "{part}");
    }
    assert!(studio.page("/runs/r/step?flow=story&step=lint").contains("detour"));
    assert_eq!(studio.get("/runs/r/step?flow=story&step=nothing").status, 404);
}

#[test]
fn artifacts_are_text_or_pictures_and_never_pages_of_their_own() {
    let test = story();
    let studio = Studio::of(&test);
    let picture = studio.get("/runs/r/picture?flow=story&name=sub%2Fa%20b.png");
    assert_eq!((picture.status, picture.says("content-type")), (200, Some("image/png")));
    assert_eq!(picture.says("content-security-policy"), Some("default-src 'none'; sandbox"));
    assert_eq!(picture.says("content-disposition"), Some("inline; filename=\"artifact.png\""));
    assert_eq!((picture.says("x-content-type-options"), picture.body.ends_with(b"rest")), (Some("nosniff"), true));
    for name in ["page.html", "draw.svg", "note.md", "bytes.bin"] {
        assert_eq!(studio.get(&format!("/runs/r/picture?flow=story&name={name}")).status, 415, "{name}");
    }
    let page = studio.page("/runs/r/artifacts?flow=story&name=draw.svg");
    assert!(page.contains("&lt;svg xmlns=") && Tree::read(&page).all("svg").next().is_none());
    assert!(studio.page("/runs/r/artifacts?flow=story&name=bytes.bin").contains("neither text nor a picture"));
    let list = Tree::read(&studio.page("/runs/r/artifacts"));
    assert!(!list.all("a").any(|a| a.text == "link") && list.all("a").any(|a| a.text == "sub/a b.png"));
}

#[test]
fn no_address_leads_out_of_the_run() {
    let test = story();
    let studio = Studio::of(&test);
    let out = [
        "link",
        "..%2F..%2Frun.json",
        "..",
        "%2Fetc%2Fpasswd",
        "sub%2F..%2F..%2F..%2Frun.json",
        "sub",
        "",
        "a%00b",
        "..%5Crun.json",
        "sub%2F%2Fa",
    ];
    for name in out {
        for page in ["artifacts", "picture"] {
            let answer = studio.get(&format!("/runs/r/{page}?flow=story&name={name}"));
            assert!(answer.status == 404, "{page} {name}: {}", answer.status);
            assert!(!answer.text().contains("root:"), "{page} {name}");
        }
    }
    assert_eq!(studio.get("/runs/r/artifacts?flow=..%2F..&name=x").status, 404);
    for run in ["..%2Fhome", "%2Fetc", ".", "..", "nobody"] {
        for page in ["", "/evidence", "/diagnosis", "/artifacts"] {
            assert_eq!(studio.get(&format!("/runs/{run}{page}")).status, 404, "{run}{page}");
        }
    }
    for flow in ["..%2Fflow-studio", "nothing", "UPPER", "%2Fetc%2Fpasswd"] {
        assert_eq!(studio.get(&format!("/flows/{flow}")).status, 404, "{flow}");
    }
}

#[test]
fn pages_say_what_the_command_line_says() {
    let test = story();
    let studio = Studio::of(&test);
    let told = test.go(&["evidence", "r", "--json"]).json();
    // What the command line puts between backticks is code on a page.
    let plain = |text: &str| text.replace('`', "");
    let page = plain(&Tree::read(&studio.page("/runs/r/evidence")).all("main").next().unwrap().text);
    for metric in told["metrics"].as_array().unwrap() {
        let words = metric["figure"].as_str().or(metric["reason"].as_str()).unwrap();
        // Times differ from one look to the next.
        assert!(metric["metric"] == "time" || page.contains(&plain(words)), "{words}");
    }
    let told = test.go(&["diagnose", "r", "--json"]).json();
    let page = plain(&Tree::read(&studio.page("/runs/r/diagnosis")).all("main").next().unwrap().text);
    assert!(page.contains(told["class"].as_str().unwrap()), "{page}");
    for cause in told["causes"].as_array().unwrap() {
        assert!(
            page.contains(cause["id"].as_str().unwrap()) && page.contains(&plain(cause["remedy"].as_str().unwrap())),
            "{cause}"
        );
    }
    test.go(&["run", "story", "--run-id", "other", "--param", "count=4", "--engine", "stub", "--scenario", "script.yaml"])
        .code(4);
    let told = test.go(&["diff", "r", "other", "--json"]).json();
    let page = Tree::read(&studio.page("/compare?a=r&b=other")).all("main").next().unwrap().text.clone();
    let params = told["flows"][0]["params"].as_array().unwrap();
    assert_eq!((&params[0]["what"], &params[0]["b"]), (&"count".into(), &"4".into()));
    assert!(page.contains("Parameters") && page.contains("count34"), "{page}");
    assert_eq!(studio.get("/compare?a=r&b=nobody").status, 404);
}

#[test]
fn a_flow_shows_its_parameters_its_scenarios_and_the_marks_of_the_checks() {
    let test = story();
    let studio = Studio::of(&test);
    let story = Tree::read(&studio.page("/flows/story"));
    let main = &story.all("main").next().unwrap().text;
    for words in [
        "whole number",
        "must be given",
        "one of small, large",
        "flow-studio run story --param count=…",
        "story.one.scenario.yaml",
        "it waits for a person",
    ] {
        assert!(main.contains(words), "{words}");
    }
    let broken = Tree::read(&studio.page("/flows/broken"));
    let line = |number: usize| {
        let id = format!("line-{number}");
        broken.0.iter().find(|tag| tag.get("id") == Some(id.as_str())).expect("a line").text.clone()
    };
    assert!(line(3).contains("error unknown-key") && line(3).contains("`rum`"), "{}", line(3));
    assert!(broken.all("main").next().unwrap().text.contains("It cannot be run as it is"));
    assert!(studio.page("/flows").contains("broken"));
}

#[test]
fn a_page_of_a_long_run_is_a_window_on_it() {
    let items = (0..5_000).map(|at| format!("i{at}")).collect::<Vec<_>>().join(",");
    let flow = format!(
        "params: {{items: {{type: list, default: [{items}]}}}}\nsteps: [{{id: each, for_each: params.items, as: one, agent: critic}}]\n"
    );
    let test = Test::new()
        .flow("long", &flow)
        .file("agents/critic.md", "---\nname: critic\ndescription: reads\n---\nRead.\n")
        .file("script.yaml", "flow: long\n");
    test.go(&["--quiet", "run", "long", "--run-id", "r", "--engine", "stub", "--scenario", "script.yaml"]).code(0);
    let studio = Studio::of(&test);
    let page = studio.page("/runs/r");
    let facts: usize = test.journal("r").iter().map(|line| line["facts"].as_array().map_or(0, Vec::len)).sum();
    assert!(facts > 10_000, "{facts} facts");
    assert!(page.len() < 600_000, "{} bytes", page.len());
    assert!(page.contains("rows 1 to 600 of 5001"));
    // Every row is on one of the pages.
    let last = studio.page("/runs/r?flow=long&from=4500");
    assert!(last.contains("i4999") && last.len() < 600_000, "{} bytes", last.len());
    assert!(studio.page("/runs/r?flow=long&from=99999").contains("rows 1 to 600"), "past the end is the beginning");
    // Timeline and decisions begin where they end, and go back from there to the first.
    assert_eq!(page.matches("rows 4801 to 5000 of 5000").count(), 2, "the last bars and the last decisions");
    let first = studio.page("/runs/r?flow=long&bars=0");
    assert!(first.contains("rows 1 to 200 of 5000") && first.contains("href=\"/runs/r?flow=long&amp;bars=200#time-long\""));
    let decided = studio.page("/runs/r?flow=long&decisions=4600");
    assert!(decided.contains("rows 4601 to 4800 of 5000") && decided.contains("decisions=4400#routes-long\""), "before");
    assert!(decided.contains("<details id=\"routes-long\" open"), "what was asked for is to be seen");
    let told = studio.get("/runs/r?flow=lon");
    assert_eq!(told.status, 404);
    assert!(told.text().contains("it has: long"), "{}", told.text());
}
