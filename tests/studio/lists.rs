//! Lists in pages: no entry on two of them, none on no page, whatever comes meanwhile. And what a flow says of itself.

use serde_json::Value;

use crate::{client::Studio, common::Test};

const GATE: &str = "steps:\n  - {id: gate, ask: {question: 'Go on?'}}\n";
const WORKS: &str = "steps:\n  - {id: good, run: 'echo fine'}\n";

/// All pages of a list, and the names on them.
fn pages(
    studio: &Studio,
    path: &str,
    list: &str,
    name: impl Fn(&Value) -> String,
    mut meanwhile: impl FnMut(usize),
) -> Vec<String> {
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let told = studio.api(&format!("{path}{next}")).code(200).json();
        let page = told[list].as_array().expect("a list");
        assert!(!page.is_empty() && page.len() <= 2, "{told}");
        seen.extend(page.iter().map(&name));
        meanwhile(seen.len());
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match told.get("next") {
            Some(after) => next = format!("&after={}", text(after).replace('/', "%2F").replace('[', "%5B").replace(']', "%5D")),
            None => return seen,
        }
    }
}

fn field(name: &'static str) -> impl Fn(&Value) -> String {
    move |one| one[name].as_str().expect("a name").to_owned()
}

#[test]
fn runs_come_in_pages_that_neither_miss_nor_repeat_one() {
    let test = Test::new().flow("works", WORKS).flow("gate", GATE);
    let all: Vec<String> = (0..5).map(|at| format!("w{at}")).collect();
    all.iter().for_each(|id| drop(test.go(&["run", "works", "--run-id", id]).code(0)));
    test.go(&["run", "gate", "--run-id", "g"]).code(4);
    let studio = Studio::start(&test);
    // A run that begins meanwhile moves nobody's page.
    let seen = pages(&studio, "/api/v1/runs?flow=works&limit=2", "runs", field("run_id"), |at| {
        test.go(&["run", "gate", "--run-id", &format!("g{at}")]).code(4);
    });
    assert_eq!(seen, all.iter().rev().cloned().collect::<Vec<_>>());
    let ids = |query: &str| {
        let told = studio.api(&format!("/api/v1/runs?{query}")).code(200).json();
        told["runs"].as_array().expect("runs").iter().map(field("run_id")).collect::<Vec<_>>()
    };
    assert_eq!(ids("needs_you=true"), ["g5", "g4", "g2", "g"]);
    assert_eq!(ids("status=waiting&limit=1"), ["g5"]);
    assert_eq!(ids("status=succeeded&limit=1000").len(), 5);
    assert!(ids("flow=absent").is_empty());
    studio.api("/api/v1/runs?after=absent").code(404);
    studio.api("/api/v1/runs?limit=1001").code(400);
    // The same of questions: those that come have no higher rank, and stand behind.
    let mut more = 0;
    let asked = pages(&studio, "/api/v1/questions?limit=2", "waiting", field("run_id"), |_| {
        more += 1;
        if more < 3 {
            test.go(&["run", "gate", "--run-id", &format!("later{more}")]).code(4);
        }
    });
    assert_eq!(asked, ["g", "g2", "g4", "g5", "later1", "later2"]);
    studio.api("/api/v1/questions?after=absent").code(404);
}

#[test]
fn steps_and_lines_of_a_run_come_in_pages() {
    let each = "  - {id: each, needs: [], for_each: \"['a', 'b', 'c']\", as: one, run: 'echo each'}\n";
    let test = Test::new().flow("works", &format!("{WORKS}{each}  - {{id: last, run: 'echo last'}}\n"));
    test.go(&["run", "works", "--run-id", "r"]).code(0);
    let studio = Studio::start(&test);
    let steps = pages(&studio, "/api/v1/runs/r/flows/works/steps?limit=2", "steps", field("step_id"), |_| {});
    assert_eq!(steps, ["good", "each", "each[a]", "each[b]", "each[c]", "last"]);
    let whole = studio.api("/api/v1/runs/r/flows/works/steps").code(200).json();
    assert_eq!(whole["steps"], studio.api("/api/v1/runs/r").json()["flows"][0]["steps"]);
    assert_eq!(whole["total"], 6);
    let lines = pages(&studio, "/api/v1/runs/r/journal?limit=2", "entries", |one| one["seq"].to_string(), |_| {});
    assert_eq!(lines, (1..=test.journal("r").len()).map(|seq| seq.to_string()).collect::<Vec<_>>());
    let all = studio.api("/api/v1/runs/r/journal?limit=1000").code(200).json();
    assert_eq!(all["entries"], Value::from(test.journal("r")));
    assert!(studio.api("/api/v1/runs/r/journal?after=9999").code(200).json()["entries"].as_array().is_some_and(Vec::is_empty));
    for (path, status) in [
        ("/api/v1/runs/r/journal?limit=0", 400),
        ("/api/v1/runs/r/flows/absent/steps", 404),
        ("/api/v1/runs/r/flows/works/steps?after=absent", 404),
        ("/api/v1/runs/absent/journal", 404),
    ] {
        studio.api(path).code(status);
    }
}

#[test]
fn flows_come_in_pages_and_each_says_what_may_be_given_to_it() {
    let params = "params:\n  who: {type: string, required: true, pattern: '[a-z]+'}\n  often: {type: integer, default: 2}\n";
    let test = Test::new().flow("a", WORKS).flow("b", &format!("{params}{WORKS}")).flow("c", WORKS);
    test.write("flows/broken.yaml", "flow: broken\nsteps: [{id: a, rnu: x}]\n");
    let studio = Studio::start(&test);
    assert_eq!(pages(&studio, "/api/v1/flows?limit=2", "entries", field("name"), |_| {}), ["a", "b", "broken", "c"]);
    assert_eq!(studio.api("/api/v1/flows").json()["entries"], test.go(&["flows", "--json"]).json()["entries"]);
    let told = studio.api("/api/v1/flows/b").code(200).json();
    assert_eq!((&told["valid"], &told["steps"][0]["id"]), (&Value::Bool(true), &Value::from("good")));
    let schema = jsonschema::validator_for(&told["params_schema"]).expect("a schema");
    for (given, fits) in [
        (serde_json::json!({"who": "ada"}), true),
        (serde_json::json!({"who": "ada", "often": 3}), true),
        (serde_json::json!({"who": "Ada"}), false),
        (serde_json::json!({"who": "ada", "often": "3"}), false),
        (serde_json::json!({}), false),
        (serde_json::json!({"who": "ada", "odd": 1}), false),
    ] {
        assert_eq!(schema.is_valid(&given), fits, "{given}");
    }
    let broken = studio.api("/api/v1/flows/broken").code(200).json();
    assert_eq!(broken["valid"], Value::Bool(false));
    assert!(broken["diagnostics"].as_array().is_some_and(|found| !found.is_empty()));
    studio.api("/api/v1/flows/absent").code(404);
    studio.api("/api/v1/flows/..%2Fsecrets").code(404);
}
