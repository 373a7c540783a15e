//! What a step printed, as conditions see it: what was cut is not judged.

use super::{Play, Say, ok};

/// More than is kept; what decides stands at its end.
fn long() -> Say {
    ok().prints("the beginning\n[TRUNCATED").printed(70_000, 0)
}

#[test]
fn output_that_was_cut_has_no_value_in_a_condition() {
    let when = |expr: &str| {
        let flow = format!("steps: [{{id: a, run: x}}, {{id: b, when: \"{expr}\", run: x}}]");
        Play::flow(&flow).reply("a", [long()]).run()
    };
    for expr in [
        "!steps.a.stdout.contains('ERROR')",
        "steps.a.json == null",
        "has(steps.a.json)",
        "steps.all(id, id == 'b' || !steps[id].stdout.contains('ERROR'))",
    ] {
        let play = when(expr);
        assert_eq!(play.ends().to_string(), "failed", "{expr}");
        let reason = play.reason("main");
        assert!(reason.contains("the step printed 70000 bytes on standard output, and at most 65536"), "{reason}");
    }
    for expr in ["steps.a.passed", "steps.a.stderr == ''", "steps.all(id, id == 'b' || steps[id].passed)"] {
        assert_eq!(when(expr).ends().to_string(), "succeeded", "{expr}");
    }
    let stderr = Play::flow("steps: [{id: a, run: x}, {id: b, when: \"steps.a.stderr == ''\", run: x}]");
    let reason = stderr.reply("a", [ok().printed(0, 70_000)]).run().reason("main");
    assert!(reason.contains("`steps.a.stderr` has no value"), "{reason}");
}

#[test]
fn conditions_on_output_that_was_cut_fail_closed_wherever_they_stand() {
    let long = || [long()];
    let each = "steps: [{id: a, run: x}, {id: b, for_each: steps.a.json.places, run: x}]";
    let play = Play::flow(each).reply("a", long()).run();
    assert_eq!(play.ends().to_string(), "failed");
    assert!(play.reason("main").contains("`steps.a.json` has no value"), "{}", play.reason("main"));

    let asks = "steps: [{id: a, run: x, escalate: {when: step.stdout.contains('ERROR')}}, {id: b, run: x}]";
    let play = Play::flow(asks).reply("a", long()).run();
    assert_eq!(play.decisions("a"), ["ESCALATE escalate-when"]);
    assert!(play.question("a-1").reason.contains("`step.stdout` has no value"), "{}", play.question("a-1").reason);

    let until = "steps: [{id: w, run: x}, {id: j, run: x, loop: {to: w, max: 1, until: \"!step.stdout.contains('E')\"}}]";
    let play = Play::flow(until).reply("j", long()).run();
    assert_eq!(play.decisions("j"), ["ESCALATE loop-exhausted"]);

    let done = "steps: [{id: a, run: x}]\ndone: [{id: clean, that: \"!steps.a.stdout.contains('E')\"}]";
    assert_eq!(Play::flow(done).reply("a", long()).run().ends().to_string(), "failed");

    let shown = "steps: [{id: a, run: x}, {id: q, ask: {question: '{{steps.a.json.n}}'}}]";
    let play = Play::flow(shown).reply("a", long()).run();
    assert!(play.reason("main").contains("`steps.a.json` has no value"), "{}", play.reason("main"));
    let shown = "steps: [{id: a, run: x}, {id: q, ask: {question: '{{steps.a.stdout}}'}}]";
    assert!(Play::flow(shown).reply("a", long()).run().question("q-1").question.ends_with("[TRUNCATED"));
}

#[test]
fn every_step_has_an_envelope_and_counts_its_checks() {
    let flow = "steps: [{id: a, run: x}, {id: b, when: \"steps.a.handoff.status == 'VERIFIED'\", run: x}, \
                {id: c, when: steps.a.measured.checks == 0, run: x}, {id: d, for_each: \"['1']\", run: x}]";
    let play = Play::flow(flow).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b c d[1]", "succeeded"));
}
