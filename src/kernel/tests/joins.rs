//! Steps that wait for several others, and what a skipped one counts.

use super::{Play, fails};

fn fork(join: &str, branches: &str) -> String {
    format!(
        "params: {{n: {{type: integer, default: 0}}}}\njobs: 8\nsteps:\n{branches}  - {{id: z, run: x, needs: [a, b, c]{join}}}"
    )
}

fn forked(flow: &str) -> Play {
    Play::flow(flow).param("n", 0.into())
}

const THREE: &str = "  - {id: a, run: x, needs: []}\n  - {id: b, run: x, needs: []}\n  - {id: c, run: x, needs: []}\n";
const ONE_SKIPPED: &str =
    "  - {id: a, run: x, needs: []}\n  - {id: b, run: x, needs: [], when: params.n > 0}\n  - {id: c, run: x, needs: []}\n";
const TWO_SKIPPED: &str = "  - {id: a, run: x, needs: []}\n  - {id: b, run: x, needs: [], when: params.n > 0}\n  - {id: c, run: x, needs: [], when: params.n > 0}\n";

#[test]
fn a_join_starts_when_enough_are_done() {
    for (join, before, after) in
        [("", "a b c", "a b c z"), (", join: any", "a b c z", "a b c z"), (", join: 2", "a b c z", "a b c z")]
    {
        let play = forked(&fork(join, THREE)).slow("c").run();
        assert_eq!(play.path(), before, "{join}");
        assert_eq!(play.release("c").path(), after, "{join}");
    }
    let play = forked(&fork(", join: 2", THREE)).slow("b").slow("c").run();
    assert_eq!(play.path(), "a b c");
    assert_eq!(play.release("b").path(), "a b c z");
}

#[test]
fn a_joined_step_starts_once() {
    let play = forked(&fork(", join: any", THREE)).run();
    assert_eq!(play.path().matches('z').count(), 1);
    assert_eq!(play.ends().to_string(), "succeeded");
}

#[test]
fn a_skipped_need_that_is_named_skips_the_step_where_all_are_needed() {
    let play = forked(&fork("", ONE_SKIPPED)).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a c", "succeeded"));
    let play = forked(&fork(", needs_skipped: ok", ONE_SKIPPED)).run();
    assert_eq!(play.path(), "a c z");
}

#[test]
fn a_join_that_can_no_longer_be_met_is_skipped() {
    for (join, branches, path) in [
        (", join: 2", ONE_SKIPPED, "a c z"),
        (", join: 2", TWO_SKIPPED, "a"),
        (", join: any", TWO_SKIPPED, "a z"),
        (", join: 3", ONE_SKIPPED, "a c"),
        (", join: 3, needs_skipped: ok", TWO_SKIPPED, "a z"),
    ] {
        let play = forked(&fork(join, branches)).run();
        assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), (path, "succeeded"), "{join}");
    }
}

#[test]
fn a_need_that_is_implied_may_be_skipped() {
    let play = Play::flow("steps: [{id: a, run: x}, {id: b, run: x, when: '!steps.a.passed'}, {id: c, run: x}]").run();
    assert_eq!(play.path(), "a c");
}

#[test]
fn being_skipped_goes_on_through_named_needs() {
    let flow = "params: {n: {type: integer, default: 0}}
steps:
  - {id: a, run: x, when: params.n > 0}
  - {id: b, run: x, needs: [a]}
  - {id: c, run: x, needs: [b]}
  - {id: d, run: x}";
    let play = forked(flow).run();
    // `d` follows `c` only because it stands below it, so it runs.
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("d", "succeeded"));
}

#[test]
fn a_condition_sees_what_the_steps_before_did() {
    let flow = "steps: [{id: a, run: x, on_failure: continue}, {id: b, run: x, when: '!steps.a.passed'}, {id: c, run: x, when: steps.b.skipped}]";
    assert_eq!(Play::flow(flow).run().path(), "a c");
    assert_eq!(Play::flow(flow).reply("a", [fails("no")]).run().path(), "a b");
}

#[test]
fn no_more_than_jobs_steps_run_at_once() {
    for jobs in [1, 2] {
        let flow = format!("jobs: {jobs}\nsteps:\n{THREE}  - {{id: z, run: x, needs: [a, b, c]}}");
        let play = Play::flow(&flow).slow("a").slow("b").slow("c").run();
        assert_eq!(play.state.running.len(), jobs);
    }
}

#[test]
fn a_loops_body_may_not_start_before_all_its_steps_are_done() {
    let flow = "flow: main
steps:
  - {id: a, run: x}
  - {id: b, run: x, needs: [a]}
  - {id: c, run: x, needs: [a]}
  - {id: d, run: x, needs: [b, c], join: any, loop: {to: a, max: 2}}";
    let library = crate::spec::Loader::in_memory([("flows/main.yaml", flow)]);
    let library = library.load_library(&crate::id::FlowKey::new("main").unwrap()).unwrap().value;
    let found = crate::plan::Book::build(&std::sync::Arc::new(library)).unwrap_err();
    assert_eq!(found[0].1.code, "loop-join");
}
