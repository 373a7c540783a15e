//! The evidence panel: fresh and stale, agreeing and not, measured and not, and the files to look at.

use flow_studio::inspect::{Freshness, MetricName, Panel, Verdict};

use super::bed::Bed;

const TESTED: &str = "steps:\n  - id: test\n    run: ':'\n    verify: [{id: unit, run: cat said.txt, parse: pytest}]\n";

fn tested(after: &str) -> Bed {
    Bed::empty()
        .write("said.txt", "=== 3 passed, 1 skipped in 0.01s ===")
        .flow(&format!("{TESTED}{after}"))
        .go(&["run", "f", "--run-id", "r"])
}

fn says(panel: &Panel, name: MetricName) -> String {
    panel.metric(name).expect("every metric is there").says.join("; ")
}

#[test]
fn a_figure_is_stale_once_a_later_step_has_changed_something() {
    let artifact = "  - {id: note, run: 'echo x > \"$ARTIFACTS/n.md\"', outputs: [artifacts/n.md]}\n";
    let panel = tested(artifact).told().1;
    let tests = panel.metric(MetricName::Tests).unwrap();
    assert_eq!((tests.freshness, tests.verdict), (Some(Freshness::Fresh), Verdict::Agrees), "an artifact is no change");
    assert_eq!(tests.figure.as_deref(), Some("3 of 4 passed, 0 failed, 1 skipped"));
    assert_eq!(tests.sources[0].path, "f/receipts/test-shell.json");
    let panel = tested("  - {id: edit, run: echo x > app.txt, outputs: [app.txt]}\n").told().1;
    assert_eq!((panel.verdict, panel.stale.as_slice()), (Verdict::Unknown, &[MetricName::Tests][..]));
    assert!(says(&panel, MetricName::Tests).contains("f/edit wrote app.txt after f/test measured"));
    let again = "  - {id: edit, run: echo x > app.txt, outputs: [app.txt], needs: []}\n";
    let first = tested(again).go(&["retry", "r", "--step", "test"]).told().1;
    assert_eq!(first.metric(MetricName::Tests).unwrap().freshness, Some(Freshness::Fresh), "measured again after the change");
}

#[test]
fn what_an_agent_may_have_changed_makes_a_figure_uncertain_not_stale() {
    let bed =
        Bed::empty().write("said.txt", "=== 3 passed in 0.01s ===").flow(&format!("{TESTED}  - {{id: polish, agent: author}}\n"));
    let panel = bed.go(&["run", "f", "--run-id", "r", "--engine", "stub"]).told().1;
    assert_eq!(panel.metric(MetricName::Tests).unwrap().freshness, Some(Freshness::Unknown));
    assert_eq!(panel.verdict, Verdict::Unknown);
    assert!(panel.unknowns.iter().any(|says| says.starts_with("f/polish says VERIFIED")), "{:?}", panel.unknowns);
}

#[test]
fn a_failed_run_whose_measures_say_so_agrees_and_is_red() {
    let panel = Bed::run("steps:\n  - {id: work, run: exit 3, expect: {exit: 0}}\n").told().1;
    assert_eq!((panel.verdict, panel.red.as_slice()), (Verdict::Agrees, &[MetricName::Checks, MetricName::Concerns][..]));
}

#[test]
fn a_run_of_which_nothing_was_measured_is_unknown() {
    let panel = Bed::scripted("steps:\n  - {id: work, agent: author}\n", "  work: [{status: VERIFIED}]\n").told().1;
    assert_eq!(panel.verdict, Verdict::Unknown);
    assert_eq!(panel.unknowns[0], "nothing was measured: no test, no check, no output");
    let tests = panel.metric(MetricName::Tests).unwrap();
    assert_eq!((tests.measured, tests.reason.as_deref()), (false, Some("no step has a `verify` that reads tests")));
}

#[test]
fn an_output_that_is_gone_contradicts_and_one_that_was_edited_does_not() {
    let bed = Bed::run("steps:\n  - {id: make, run: echo a > a.txt, outputs: [a.txt]}\n");
    let edited = bed.write("a.txt", "b");
    let panel = edited.told().1;
    assert_eq!(panel.verdict, Verdict::Unknown);
    assert!(says(&panel, MetricName::Outputs).contains("a.txt was changed since"));
    let panel = edited.remove("a.txt").told().1;
    assert_eq!(panel.verdict, Verdict::Contradicts);
    assert!(panel.contradictions[0].contains("a.txt was measured then, and is gone now"));
}

#[test]
fn the_files_to_look_at_are_the_ones_that_several_things_point_to() {
    let flow = "steps:\n  - {id: one, run: echo a > auth.rs, outputs: [auth.rs]}\n  - {id: two, run: echo b > auth.rs; echo c > plain.rs, outputs: [auth.rs, plain.rs]}\n  - {id: judge, agent: critic}\n";
    let script = "  judge: [{status: UNVERIFIED, concerns: [{severity: HIGH, description: no expiry, location: \"auth.rs:7\"}, {severity: LOW, description: a name, location: other.rs}]}]\n";
    let panel = Bed::scripted(flow, script).told().1;
    let paths: Vec<&str> = panel.hotspots.iter().map(|spot| spot.path.as_str()).collect();
    assert_eq!(paths, ["auth.rs", "other.rs", "plain.rs"]);
    let why = panel.hotspots[0].why.join("; ");
    for part in ["touched by 2 steps: one, two", "sensitive", "HIGH of judge: no expiry"] {
        assert!(why.contains(part), "{part} is not in {why}");
    }
}

#[test]
fn one_flow_of_a_run_has_its_own_panel() {
    let bed = Bed::run("steps:\n  - {id: work, run: exit 3, expect: {exit: 0}}\n");
    bed.test.write("flows/g.yaml", "flow: g\ntitle: g\nsteps:\n  - {id: fine, run: ':', expect: {exit: 0}}\n");
    let bed = bed.go(&["run", "g", "--run-id", "r"]);
    let of = |flow: &str| bed.test.go(&["evidence", "r", "--flow", flow, "--json"]).json()["red"].to_string();
    assert_eq!((of("g").as_str(), of("f").as_str()), ("[]", "[\"checks\",\"concerns\"]"));
}

#[test]
fn every_kind_of_figure_is_read_from_a_receipt() {
    let receipt = serde_json::json!({
        "status": "succeeded", "engine": "shell", "step_id": "code", "completed_at": "2026-01-05T09:00:00.000Z",
        "lint": {"measured": true, "figures": {"errors": 2, "warnings": 5, "notes": 0, "total": 7}, "evidence_path": "build/logs/lint.txt"},
        "security": {"measured": false, "reason": "no scanner is installed"},
        "coverage": {"measured": true, "figures": {"lines_covered": 30, "lines_total": 40, "percent": 75.0, "files": 3}},
        "changes": {"measured": true, "figures": {"files": 2, "added": 90, "removed": 4, "per_file": [
            {"path": "src/login.rs", "change": "modified", "added": 80, "removed": 4}, {"path": "docs/a.md", "change": "added", "added": 10}]}},
    });
    let bed = Bed::empty()
        .write("run_base/r/build/receipts/code-author.json", &receipt.to_string())
        .write("run_base/r/build/handoffs/code-author.json", "{\"status\": \"VERIFIED\"}");
    let panel = bed.told().1;
    let figure = |name| panel.metric(name).unwrap().figure.clone().unwrap_or_default();
    assert_eq!(figure(MetricName::Lint), "2 findings");
    assert_eq!(figure(MetricName::Coverage), "75.0 %");
    assert_eq!(figure(MetricName::Changes), "2 files, 90 lines added, 4 removed");
    assert_eq!(panel.metric(MetricName::Lint).unwrap().sources[0].evidence.as_deref(), Some("build/logs/lint.txt"));
    let security = panel.metric(MetricName::Security).unwrap();
    assert_eq!(security.reason.as_deref(), Some("no scanner is installed (build/receipts/code-author.json)"));
    assert!(panel.contradictions.iter().any(|says| says.contains("says VERIFIED with 2 findings")), "{:?}", panel.contradictions);
    assert_eq!(panel.hotspots[0].path, "src/login.rs");
}
