//! Known fixes: entered when a failure matches, and then back to where it left.

use super::{Play, fails, ok, permanent};

const FLOW: &str = "steps: [{id: a, run: x}, {id: b, run: x}]";
const FIX: &str = "  - {id: fix, when: {error: boom}, steps: [{id: mend, run: x}], verify: x}\n";

#[test]
fn a_matching_failure_takes_the_detour_and_runs_again() {
    let play = Play::flow(FLOW).detours(FIX).reply("a", [fails("boom"), ok()]).run();
    assert_eq!(play.path(), "a a.fix/mend a.fix/verify a b");
    assert_eq!(play.decisions("a"), ["DETOUR failed-detour", "CONTINUE detour-done", "CONTINUE verified"]);
    assert_eq!(play.ends().to_string(), "succeeded");
}

#[test]
fn a_step_that_may_run_once_only_takes_none() {
    let once = FLOW.replace("{id: a, run: x}", "{id: a, run: x, effects: once}");
    let play = Play::flow(&once).detours(FIX).reply("a", [fails("boom"), ok()]).run();
    assert_eq!((play.path().as_str(), play.decisions("a").join(",").as_str()), ("a", "TERMINATE failed-policy"));
}

#[test]
fn a_flow_in_which_something_began_that_may_run_once_only_takes_none() {
    let stops = |main: &str, inner: &str, deep: &str| {
        let play = Play::flow(main).and_flow("inner", inner).and_flow("deep", deep).param("l", serde_json::json!(["p"]));
        let fix = FIX.replace("boom", "on_failure is stop");
        play.detours(&fix).reply("j", [fails("boom")]).run()
    };
    let sub = "steps: [{id: s, flow: inner}]";
    let paid = "steps: [{id: i, run: x, effects: once}, {id: j, run: x}]";
    assert_eq!(stops(sub, paid, FLOW).path(), "s s/i s/j");
    // The one that failed is the one that may not be repeated.
    assert_eq!(stops(sub, "steps: [{id: i, run: x}, {id: j, run: x, effects: once}]", FLOW).path(), "s s/i s/j");
    // Further down, and in an item.
    let deeper = "steps: [{id: d, flow: deep}, {id: j, run: x}]";
    assert_eq!(stops(sub, deeper, "steps: [{id: i, run: x, effects: once}]").path(), "s s/d s.d/i s/j");
    let items = "params: {l: {type: list}}\nsteps: [{id: s, flow: inner, for_each: params.l}]";
    assert!(!stops(items, paid, FLOW).path().contains("verify"));
    let items = "params: {l: {type: list, default: [p]}}
steps: [{id: i, run: x, effects: once, for_each: params.l}, {id: j, run: x}]";
    assert!(!stops(sub, items, FLOW).path().contains("verify"));
    // Where nothing of the kind began, the fix is taken.
    let before = "steps: [{id: j, run: x}, {id: i, run: x, effects: once}]";
    assert!(stops(sub, before, FLOW).path().starts_with("s s/j s.fix/mend s.fix/verify s s/j"));
}

#[test]
fn what_began_in_an_earlier_round_keeps_no_flow_from_its_fix() {
    let main = "steps: [{id: s, flow: inner}, {id: c, run: x, loop: {to: s, max: 2}}]";
    let inner = "steps: [{id: j, run: x}, {id: i, run: x, effects: once}]";
    let play = Play::flow(main).and_flow("inner", inner).detours(&FIX.replace("boom", "on_failure is stop"));
    let play = play.reply("j", [ok(), fails("boom"), ok()]).reply("c", [super::unverified(), super::verified()]).run();
    assert_eq!(play.path(), "s s/j s/i c s s/j s.fix/mend s.fix/verify s s/j s/i c", "{}", play.story());
}

#[test]
fn a_flow_that_a_person_went_on_in_takes_no_fix_after_it() {
    let main = "steps: [{id: s, flow: inner}]";
    let inner = "steps: [{id: i, run: x, effects: once}, {id: j, run: x}]";
    let play = Play::flow(main).and_flow("inner", inner).detours(&FIX.replace("boom", "on_failure is stop"));
    let play = play.reply("j", [fails("boom")]).run().retry_in("main.s", "j", false, &[]);
    assert_eq!(play.path(), "s s/i s/j s/j", "{}", play.story());
}

#[test]
fn another_failure_does_not() {
    let play = Play::flow(FLOW).detours(FIX).reply("a", [fails("bang")]).run();
    assert_eq!((play.path().as_str(), play.decisions("a").join(",").as_str()), ("a", "TERMINATE failed-policy"));
}

#[test]
fn a_detour_is_entered_at_most_max_times_per_step() {
    for (max, path) in [(1, "a a.fix/mend a.fix/verify a"), (2, "a a.fix/mend a.fix/verify a a.fix/mend a.fix/verify a")] {
        let detours = format!("  - {{id: fix, when: {{error: boom}}, steps: [{{id: mend, run: x}}], verify: x, max: {max}}}\n");
        let play = Play::flow(FLOW).detours(&detours).reply("a", [fails("boom")]).run();
        assert_eq!(play.path(), path);
        assert_eq!(play.decisions("a").last().unwrap(), "TERMINATE failed-policy");
        assert!(play.reason("main").contains(&format!("fix ×{max}")), "{}", play.reason("main"));
    }
}

#[test]
fn each_step_has_its_own_entries() {
    let detours = "  - {id: fix, when: {error: boom}, steps: [{id: mend, run: x}], verify: x, max: 1}\n";
    let play = Play::flow(FLOW).detours(detours).reply("a", [fails("boom"), ok()]).reply("b", [fails("boom"), ok()]).run();
    assert_eq!(play.path(), "a a.fix/mend a.fix/verify a b b.fix/mend b.fix/verify b");
}

#[test]
fn a_fix_that_does_not_take_leaves_the_failure_standing() {
    let play = Play::flow(FLOW).detours(FIX).reply("a", [fails("boom")]).reply("verify", [fails("still red")]).run();
    assert_eq!(play.path(), "a a.fix/mend a.fix/verify");
    assert_eq!(play.decisions("a"), ["DETOUR failed-detour", "TERMINATE failed-policy"]);
}

#[test]
fn a_fix_that_does_not_take_leaves_the_choice_to_the_policy() {
    let flow = "steps: [{id: a, run: x, on_failure: escalate}, {id: b, run: x}]";
    let play = Play::flow(flow).detours(FIX).reply("a", [fails("boom")]).reply("mend", [fails("no")]).run();
    assert_eq!(play.asks(), "a-1");
}

#[test]
fn of_two_that_match_the_catalogs_order_decides() {
    let two = "  - {id: special, when: {error: boom at dawn}, steps: [{id: one, run: x}], verify: x, max: 1}
  - {id: general, when: {error: boom}, steps: [{id: two, run: x}], verify: x, max: 1}\n";
    let play = Play::flow(FLOW).detours(two).reply("a", [fails("boom at dawn")]).run();
    assert_eq!(play.path(), "a a.special/one a.special/verify a a.general/two a.general/verify a");
}

#[test]
fn a_fix_is_not_fixed_by_itself_and_the_stack_is_bounded() {
    let two = "  - {id: fix, when: {error: boom}, steps: [{id: mend, run: x}], verify: x, max: 1}
  - {id: fox, when: {error: boom}, steps: [{id: mend, run: x}], verify: x, max: 1}\n";
    let play = Play::flow(FLOW).detours(two).reply("a", [fails("boom")]).reply("mend", [fails("boom")]).run();
    // The fix's own step meets the failure: the other fix may help, but never the same one inside itself.
    assert!(play.path().contains("a.fix.mend.fox/mend"), "{}", play.path());
    assert!(!play.path().contains("fix.mend.fix"), "{}", play.path());
    assert_eq!(play.ends().to_string(), "failed");
    let deepest = play.state.frames.keys().map(crate::id::FramePath::depth).max();
    assert!(deepest < Some(6), "{deepest:?}");
}

#[test]
fn what_was_measured_can_enter_a_detour() {
    let detours =
        "  - {id: fix, when: {measured: measured.exit_code == null && step.error != ''}, steps: [{id: m, run: x}], verify: x}\n";
    let play = Play::flow(FLOW).detours(detours).reply("a", [fails("anything"), ok()]).run();
    assert_eq!(play.path(), "a a.fix/m a.fix/verify a b");
}

#[test]
fn a_signature_can_enter_a_detour() {
    let signature = crate::kernel::signature(crate::record::FailureKind::Auth, "no key for host 17");
    let detours = format!("  - {{id: fix, when: {{signature: '{signature}'}}, steps: [{{id: m, run: x}}], verify: x}}\n");
    let play = Play::flow(FLOW).detours(&detours).reply("a", [permanent("no key for host 99"), ok()]).run();
    assert_eq!(play.path(), "a a.fix/m a.fix/verify a b");
}

#[test]
fn a_loop_that_fails_alike_twice_takes_a_detour() {
    let flow = "steps: [{id: w, run: x}, {id: j, run: x, loop: {to: w, max: 5}}]";
    let detours = "  - {id: fix, when: {error: boom}, steps: [{id: m, run: x}], verify: x, max: 1}\n";
    let play = Play::flow(flow).detours(detours).reply("j", [fails("boom"), ok()]).run();
    // A failed judge with a known fix takes it at once: the precedence puts failed-detour before the loop.
    assert_eq!(play.path(), "w j j.fix/m j.fix/verify j");
}

#[test]
fn after_a_detour_nothing_starts_while_the_run_stops() {
    let mut play = Play::flow(FLOW).detours(FIX).reply("a", [fails("boom"), ok()]).slow("verify").run();
    play.tell(&crate::kernel::Input::StopRequested { cause: crate::record::StopCause::Sigint, by: "bo".to_owned() });
    let play = play.release("verify");
    assert_eq!(play.path(), "a a.fix/mend a.fix/verify");
    assert_eq!(play.ends().to_string(), "interrupted");
    assert_eq!(play.resume(None).path(), "a a.fix/mend a.fix/verify a b");
}

#[test]
fn a_detour_that_asks_what_a_step_printed_is_refused() {
    let catalog = "- {id: fix, when: {measured: \"step.stdout.contains('x')\"}, steps: [{id: mend, run: x}], verify: x}";
    let files = |detours: &str| {
        [
            ("flows/main.yaml", FLOW.replacen("steps", "flow: main\nsteps", 1)),
            ("flows/detours.yaml", format!("detours:\n{detours}")),
        ]
    };
    let wrong = crate::spec::Loader::in_memory(files(catalog)).load_detours().unwrap_err().to_string();
    assert!(wrong.contains("a detour does not see `step.stdout`"), "{wrong}");
    let figures = catalog.replace("step.stdout.contains('x')", "step.exit_code == 1 && measured.exit_code == 1");
    assert!(crate::spec::Loader::in_memory(files(&figures)).load_detours().is_ok());
}
