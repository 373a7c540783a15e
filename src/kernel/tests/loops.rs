//! Microloops: author and critic, bounded.

use crate::{id::Sha256, record::Concern, spec::Severity};

use super::{Play, Say, fails, high, ok, unverified, verified};

const LOOP: &str = "steps: [{id: write, run: x}, {id: judge, run: x, loop: {to: write, max: 3}}, {id: ship, run: x}]";

#[test]
fn a_body_runs_at_most_max_times() {
    for rounds in 1..=4 {
        let mut says = vec![unverified(); rounds - 1];
        says.push(verified());
        let play = Play::flow(LOOP).reply("judge", says).run();
        // With max 3, a fourth round never comes: the third verdict stands.
        let ran = rounds.min(3);
        assert_eq!(play.path(), format!("{}ship", "write judge ".repeat(ran)), "VERIFIED in round {rounds}");
        let last = if rounds <= 3 { "CONTINUE loop-verified" } else { "CONTINUE loop-exhausted" };
        let mut expected = vec!["LOOP loop-again"; ran - 1];
        expected.push(last);
        assert_eq!(play.decisions("judge"), expected);
        assert_eq!(play.warnings().is_empty(), rounds <= 3, "{:?}", play.warnings());
    }
}

#[test]
fn a_spent_loop_asks_a_person_while_a_high_concern_stands() {
    let play = Play::flow(LOOP).reply("judge", [high("no tests")]).run();
    assert_eq!(play.path(), "write judge write judge write judge");
    assert_eq!(play.decisions("judge").last().unwrap(), "ESCALATE loop-exhausted");
    assert_eq!((play.asks().as_str(), play.options_of("judge-1").as_str()), ("judge-1", "retry skip abort"));
}

#[test]
fn one_more_round_is_one_more_round() {
    let play = Play::flow(LOOP).reply("judge", [high("no tests")]).run();
    let play = play.say("judge-1", "retry");
    assert_eq!(play.path(), "write judge write judge write judge write judge");
    assert_eq!(play.asks(), "judge-2");
    let play = play.say("judge-2", "skip");
    assert_eq!((play.path().ends_with("ship"), play.ends().to_string().as_str()), (true, "succeeded"));
    assert_eq!(play.warnings().len(), 1);
}

#[test]
fn abort_stops_the_flow() {
    let play = Play::flow(LOOP).reply("judge", [high("no tests")]).answer("judge", ["abort"]).run();
    assert_eq!((play.ends().to_string().as_str(), play.path().contains("ship")), ("failed", false));
}

#[test]
fn no_further_help_ends_the_loop_at_once() {
    let play = Play::flow(LOOP).reply("judge", [unverified().can_help(false)]).run();
    assert_eq!((play.path().as_str(), play.warnings().len()), ("write judge ship", 1));
    let play = Play::flow(LOOP).reply("judge", [high("no tests").can_help(false)]).run();
    assert_eq!(play.decisions("judge"), ["ESCALATE loop-no-further-help"]);
}

#[test]
fn the_same_failure_twice_in_a_row_is_spent_unless_its_figures_moved() {
    let again = "LOOP loop-again";
    let cases: [(&[&str], &[&str]); 6] = [
        (&["5 errors left", "5 errors left"], &[again, "ESCALATE loop-same-signature"]),
        // Alike, and not the same: the round helped, and the counter still bounds it.
        (&["5 errors left", "3 errors left", "1 errors left"], &[again, again, "ESCALATE loop-exhausted"]),
        (&["5 errors left", "3 errors left", "3 errors left"], &[again, again, "ESCALATE loop-same-signature"]),
        (&["2 of 9 failed", "9 of 2 failed", "2 of 9 failed"], &[again, again, "ESCALATE loop-exhausted"]),
        // Places and times are no figures.
        (&["t/a.py:40: no in 0.1s", "t/a.py:77: no in 0.3s"], &[again, "ESCALATE loop-same-signature"]),
        (&["expected 3", "no such file", "expected 3"], &[again, again, "ESCALATE loop-exhausted"]),
    ];
    for (failures, decisions) in cases {
        let play = Play::flow(LOOP).reply("judge", failures.iter().map(|one| fails(one))).run();
        assert_eq!(play.decisions("judge"), decisions, "{failures:?}");
    }
}

#[test]
fn what_failed_in_a_round_that_is_done_over_is_no_warning_in_the_end() {
    let flow = "steps: [{id: write, run: x, on_failure: continue}, {id: judge, run: x, loop: {to: write, max: 3}}]";
    let rounds = [unverified(), verified()];
    let play = Play::flow(flow).reply("write", [fails("3 red"), ok()]).reply("judge", rounds.clone()).run();
    assert_eq!((play.path().as_str(), play.warnings().len()), ("write judge write judge", 0));
    // What fails in the last round stands.
    let play = Play::flow(flow).reply("write", [fails("3 red"), fails("1 red")]).reply("judge", rounds).run();
    assert_eq!(play.warnings().len(), 1, "{:?}", play.warnings());
    assert!(play.warnings()[0].contains("1 red"), "{:?}", play.warnings());
}

#[test]
fn until_must_hold_besides_verified() {
    let flow = "steps: [{id: write, run: x}, {id: judge, run: x, loop: {to: write, max: 3, until: step.json.score > 7}}]";
    let scores = ["{\"score\": 5}", "{\"score\": 8}"].map(|json| ok().prints(json));
    let play = Play::flow(flow).reply("judge", scores).run();
    assert_eq!(play.path(), "write judge write judge");
    assert_eq!(play.decisions("judge"), ["LOOP loop-again", "TERMINATE terminal"]);
}

#[test]
fn a_loop_whose_until_gave_no_answer_asks_when_its_rounds_are_spent() {
    let flow = |policy: &str| {
        let around = format!("loop: {{to: w, max: 2, until: step.json.score > 7{policy}}}");
        format!("steps: [{{id: w, run: x}}, {{id: j, run: x, {around}}}, {{id: s, run: x}}]")
    };
    let play = Play::flow(&flow("")).run();
    assert_eq!(play.decisions("j"), ["LOOP loop-again", "ESCALATE loop-exhausted"]);
    let reason = &play.question("j-1").reason;
    assert!(reason.contains("still says VERIFIED; a condition could not be evaluated: `step.json.score > 7`"), "{reason}");
    // A later round may give the answer; and who says what a spent loop does has it so.
    let play = Play::flow(&flow("")).reply("j", [ok(), ok().prints("{\"score\": 8}")]).run();
    assert_eq!(play.decisions("j"), ["LOOP loop-again", "CONTINUE loop-verified"]);
    let play = Play::flow(&flow(", on_exhausted: continue")).run();
    assert_eq!((play.ends().to_string().as_str(), play.warnings().len()), ("succeeded", 1));
    assert!(play.warnings()[0].contains("could not be evaluated"), "{:?}", play.warnings());
}

#[test]
fn on_exhausted_says_what_a_spent_loop_does() {
    for (policy, decision, ends) in [
        ("escalate", "ESCALATE loop-exhausted", "waiting"),
        ("continue", "CONTINUE loop-exhausted", "succeeded"),
        ("stop", "TERMINATE loop-exhausted", "failed"),
    ] {
        let flow = format!(
            "steps: [{{id: w, run: x}}, {{id: j, run: x, loop: {{to: w, max: 1, on_exhausted: {policy}}}}}, {{id: s, run: x}}]"
        );
        let play = Play::flow(&flow).reply("j", [unverified()]).run();
        assert_eq!((play.decisions("j").join(","), play.ends().to_string()), (decision.to_owned(), ends.to_owned()));
    }
}

#[test]
fn an_inner_loop_begins_anew_in_each_outer_round() {
    let flow = "steps:
  - {id: plan, run: x}
  - {id: write, run: x}
  - {id: lint, run: x, loop: {to: write, max: 2}}
  - {id: judge, run: x, loop: {to: plan, max: 2}}";
    let play = Play::flow(flow).reply("lint", [unverified()]).reply("judge", [unverified(), verified()]).run();
    assert_eq!(play.path(), "plan write lint write lint judge plan write lint write lint judge");
}

#[test]
fn a_parallel_body_waits_for_all_its_steps() {
    let flow = "steps:
  - {id: a, run: x}
  - {id: b, run: x, needs: [a]}
  - {id: c, run: x, needs: [a]}
  - {id: d, run: x, needs: [b, c], loop: {to: a, max: 2}}";
    let play = Play::flow(flow).slow("b").reply("d", [unverified(), verified()]).run();
    assert_eq!(play.path(), "a b c");
    assert_eq!(play.release("b").path(), "a b c d a b c d");
}

#[test]
fn a_step_of_the_body_that_fails_stops_the_flow() {
    let play = Play::flow(LOOP).reply("write", [fails("no")]).run();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("write", "failed"));
}

#[test]
fn a_step_that_depends_on_what_is_left_of_a_loop_sees_the_last_round() {
    let flow = "steps:
  - {id: w, run: x}
  - {id: j, run: x, loop: {to: w, max: 3}}
  - {id: s, run: x, when: steps.j.iteration == 2}";
    let play = Play::flow(flow).reply("j", [unverified(), verified()]).run();
    assert_eq!(play.path(), "w j w j s");
}

/// A loop whose judge is an agent: its concerns are findings.
fn judged(rounds: u32, says: Vec<Say>) -> Play {
    let flow = format!(
        "steps: [{{id: write, run: x}}, {{id: judge, agent: critic, engine: stub, loop: {{to: write, max: {rounds}}}}}, {{id: ship, run: x}}]"
    );
    let mut play = Play::flow(&flow).reply("judge", says);
    play.file("agents/critic.md", "---\nname: critic\ndescription: looks\n---\nLook.");
    play.run()
}

fn found(concerns: &[(Severity, &str, &str)]) -> Say {
    let concern = |(severity, place, description): &(Severity, &str, &str)| Concern {
        severity: *severity,
        description: (*description).to_owned(),
        location: Some((*place).to_owned()),
        recommendation: None,
    };
    unverified().said(|draft| draft.concerns = concerns.iter().map(concern).collect())
}

#[test]
fn findings_that_come_again_or_grow_end_the_loop_before_its_counter() {
    use Severity::{High, Low, Medium};
    let (again, stuck, spent) = ("LOOP loop-again", "ESCALATE loop-same-signature", "ESCALATE loop-exhausted");
    let (a, b, c, d) = ((High, "src/a.rs:1", "no bound"), (High, "b", "no test"), (Medium, "c", "slow"), (Low, "d", "odd"));
    let moved = (High, "src/a.rs:99-120", "No  bound");
    let cases: [(&str, Vec<Say>, &[&str]); 6] = [
        ("the same set, in another order and on other lines", vec![found(&[a, b]), found(&[b, moved])], &[again, stuck]),
        ("more", vec![found(&[a]), found(&[a, c])], &[again, stuck]),
        ("more, and fewer HIGH ones", vec![found(&[a, b]), found(&[a, c, d]), found(&[a])], &[again, again, spent]),
        ("as many, and others", vec![found(&[a]), found(&[b]), found(&[a])], &[again, again, spent]),
        ("fewer", vec![found(&[a, b, c]), found(&[a, b]), found(&[a])], &[again, again, spent]),
        ("none named", vec![unverified(), unverified(), unverified()], &[again, again, "CONTINUE loop-exhausted"]),
    ];
    for (case, says, decisions) in cases {
        assert_eq!(judged(3, says).decisions("judge"), decisions, "{case}");
    }
    let play = judged(9, vec![found(&[d, a]), found(&[d, a])]);
    let last = play.last_decision("judge");
    assert_eq!(last.reason, "round 2 of 9 found the same 2 things as the round before");
    assert_eq!(last.forensic_summary["open_findings"], serde_json::json!(["HIGH src/a.rs:1: no bound", "LOW d: odd"]));
    let asked: Vec<&str> = play.question("judge-1").concerns.iter().map(|one| one.description.as_str()).collect();
    assert_eq!(asked, ["odd", "no bound"], "whoever is asked sees what stands open");
}

#[test]
fn work_that_goes_to_and_fro_is_stopped_by_its_tree() {
    let (one, two) = (Sha256::of(b"1"), Sha256::of(b"2"));
    let (again, stuck, spent) = ("LOOP loop-again", "ESCALATE loop-same-signature", "ESCALATE loop-exhausted");
    let cases: [(&[Option<&Sha256>], &[&str]); 3] = [
        (&[Some(&one), Some(&two), Some(&one)], &[again, again, stuck]),
        // The work may be done elsewhere than in this tree.
        (&[Some(&one), Some(&one), Some(&one), Some(&one)], &[again, again, again, spent]),
        (&[Some(&one), None, Some(&one), None], &[again, again, again, spent]),
    ];
    for (trees, decisions) in cases {
        let says = trees.iter().enumerate().map(|(at, tree)| high(&format!("finding {at}")).tree((*tree).cloned()));
        assert_eq!(judged(4, says.collect()).decisions("judge"), decisions, "{trees:?}");
    }
}

#[test]
fn a_judge_whose_author_wrote_that_its_failure_stops_the_flow_stops_it() {
    let flow = |policy: &str| {
        let judge = format!("{{id: c, run: x{policy}, loop: {{to: w, max: 3, on_exhausted: continue}}}}");
        let play = Play::flow(&format!("steps: [{{id: w, run: x}}, {judge}, {{id: z, run: x}}]"));
        let play = play.reply("c", [fails("not found")]).run();
        (play.path(), play.ends().to_string())
    };
    assert_eq!(flow(", on_failure: stop"), ("w c".to_owned(), "failed".to_owned()));
    assert_eq!(flow(""), ("w c w c z".to_owned(), "succeeded".to_owned()));
}
