//! The routing precedence as a table: each row is seen by `route`, and the first rule that fits decides.

use crate::{
    kernel::{LoopSeen, Seen, rounds::Stuck, route},
    spec::{Halt, OnExhausted, OnFailure},
};

use super::{Play, Say, blocked, fails, fatal, high, ok, permanent, unverified, verified};

fn seen() -> Seen {
    Seen {
        fatal: false,
        failed: false,
        blocked: false,
        verified: true,
        escalates: None,
        detour: false,
        unserved: false,
        on_failure: OnFailure::Stop,
        ends_loop: None,
        navigates: None,
        last: false,
    }
}

fn around() -> LoopSeen {
    LoopSeen {
        iteration: 1,
        iterations_max: 3,
        satisfied: false,
        unevaluated: false,
        can_help: None,
        stuck: None,
        standing_high: false,
        on_exhausted: None,
        red_stops: false,
    }
}

fn routed(change: impl FnOnce(&mut Seen)) -> String {
    let mut seen = seen();
    change(&mut seen);
    let routed = route(&seen);
    format!("{} {}{}", routed.decision, routed.rule, if routed.rollback { " rollback" } else { "" })
}

fn failed(seen: &mut Seen) {
    (seen.failed, seen.verified) = (true, false);
}

#[test]
fn the_first_rule_that_fits_decides() {
    // Everything holds at once; each row takes away what decided in the row above.
    let everything = |seen: &mut Seen| {
        failed(seen);
        (seen.fatal, seen.escalates, seen.detour, seen.last) = (true, Some(Halt::Run), true, true);
    };
    assert_eq!(routed(everything), "TERMINATE fatal");
    let not_fatal = |seen: &mut Seen| {
        everything(seen);
        seen.fatal = false;
    };
    assert_eq!(routed(not_fatal), "ESCALATE stop-the-line");
    let halts_nothing = |seen: &mut Seen| {
        not_fatal(seen);
        seen.escalates = Some(Halt::Branch);
    };
    assert_eq!(routed(halts_nothing), "DETOUR failed-detour");
    let no_fix = |seen: &mut Seen| {
        halts_nothing(seen);
        seen.detour = false;
    };
    assert_eq!(routed(no_fix), "TERMINATE failed-policy");
    let passed = |seen: &mut Seen| {
        no_fix(seen);
        (seen.failed, seen.blocked) = (false, true);
    };
    assert_eq!(routed(passed), "ESCALATE blocked");
    let unblocked = |seen: &mut Seen| {
        passed(seen);
        (seen.blocked, seen.ends_loop) = (false, Some(around()));
    };
    assert_eq!(routed(unblocked), "ESCALATE escalate-when");
    let quiet = |seen: &mut Seen| {
        unblocked(seen);
        seen.escalates = None;
    };
    assert_eq!(routed(quiet), "LOOP loop-again");
    let no_loop = |seen: &mut Seen| {
        quiet(seen);
        seen.ends_loop = None;
    };
    assert_eq!(routed(no_loop), "TERMINATE terminal");
    let not_last = |seen: &mut Seen| {
        no_loop(seen);
        seen.last = false;
    };
    assert_eq!(routed(not_last), "CONTINUE unverified-forward");
    assert_eq!(routed(|_| {}), "CONTINUE verified");
}

#[test]
fn a_failed_step_goes_by_its_policy() {
    let by = |policy| {
        routed(|seen| {
            failed(seen);
            seen.on_failure = policy;
        })
    };
    assert_eq!(by(OnFailure::Stop), "TERMINATE failed-policy");
    assert_eq!(by(OnFailure::Escalate), "ESCALATE failed-policy");
    assert_eq!(by(OnFailure::Continue), "CONTINUE failed-policy");
    assert_eq!(by(OnFailure::Rollback), "TERMINATE failed-policy rollback");
}

#[test]
fn who_goes_on_after_a_failure_may_still_ask() {
    let asks = |policy| {
        routed(|seen| {
            failed(seen);
            (seen.on_failure, seen.escalates) = (policy, Some(Halt::Branch));
        })
    };
    assert_eq!(asks(OnFailure::Continue), "ESCALATE escalate-when");
    assert_eq!(asks(OnFailure::Stop), "TERMINATE failed-policy");
}

#[test]
fn the_exits_of_a_loop_in_their_order() {
    use OnExhausted::{Continue, Escalate, Stop};
    let exit = |change: &dyn Fn(&mut LoopSeen)| {
        let mut around = around();
        change(&mut around);
        let verified = around.satisfied;
        routed(|seen| (seen.ends_loop, seen.verified) = (Some(around), verified))
    };
    type Row<'r> = (&'r str, &'r dyn Fn(&mut LoopSeen));
    let rows: &[Row<'_>] = &[
        ("CONTINUE loop-verified", &|l| (l.satisfied, l.can_help, l.iteration) = (true, Some(false), 9)),
        ("CONTINUE loop-no-further-help", &|l| (l.can_help, l.stuck) = (Some(false), Some(Stuck::SameFailure))),
        ("ESCALATE loop-no-further-help", &|l| (l.can_help, l.standing_high) = (Some(false), true)),
        ("CONTINUE loop-no-further-help", &|l| {
            (l.can_help, l.standing_high, l.on_exhausted) = (Some(false), true, Some(Continue));
        }),
        ("TERMINATE loop-no-further-help", &|l| (l.can_help, l.standing_high, l.on_exhausted) = (Some(false), true, Some(Stop))),
        ("CONTINUE loop-same-signature", &|l| l.stuck = Some(Stuck::SameFailure)),
        ("ESCALATE loop-same-signature", &|l| (l.stuck, l.standing_high) = (Some(Stuck::SameFailure), true)),
        ("ESCALATE loop-same-signature", &|l| (l.stuck, l.on_exhausted) = (Some(Stuck::SameFailure), Some(Escalate))),
        ("LOOP loop-again", &|l| l.iteration = 2),
        ("CONTINUE loop-exhausted", &|l| l.iteration = 3),
        ("CONTINUE loop-exhausted", &|l| l.iteration = 4),
        ("ESCALATE loop-exhausted", &|l| (l.iteration, l.standing_high) = (3, true)),
        ("ESCALATE loop-exhausted", &|l| (l.iteration, l.on_exhausted) = (3, Some(Escalate))),
        ("TERMINATE loop-exhausted", &|l| (l.iteration, l.on_exhausted) = (3, Some(Stop))),
        ("CONTINUE loop-exhausted", &|l| (l.iteration, l.standing_high, l.on_exhausted) = (3, true, Some(Continue))),
        ("LOOP loop-again", &|l| l.can_help = Some(true)),
    ];
    for (expected, change) in rows {
        assert_eq!(exit(change), *expected);
    }
}

#[test]
fn a_repeated_failure_in_a_loop_takes_a_detour_where_one_fits() {
    let around = LoopSeen { stuck: Some(Stuck::SameFailure), ..around() };
    let seen = |seen: &mut Seen| (seen.ends_loop, seen.detour, seen.verified) = (Some(around), true, false);
    assert_eq!(routed(seen), "DETOUR loop-same-signature");
}

#[test]
fn the_red_of_a_loops_judge_is_a_verdict_and_not_a_failure_of_the_flow() {
    let judge = |policy| {
        routed(|seen| {
            failed(seen);
            (seen.on_failure, seen.ends_loop) = (policy, Some(around()));
        })
    };
    assert_eq!(judge(OnFailure::Stop), "LOOP loop-again");
    let written = routed(|seen| {
        failed(seen);
        seen.ends_loop = Some(LoopSeen { red_stops: true, ..around() });
    });
    assert_eq!(written, "TERMINATE failed-policy", "where its author wrote that it is one");
    let not_red = routed(|seen| (seen.verified, seen.ends_loop) = (false, Some(LoopSeen { red_stops: true, ..around() })));
    assert_eq!(not_red, "LOOP loop-again");
    assert_eq!(judge(OnFailure::Continue), "LOOP loop-again");
    assert_eq!(judge(OnFailure::Escalate), "ESCALATE failed-policy");
    assert_eq!(judge(OnFailure::Rollback), "TERMINATE failed-policy rollback");
}

#[test]
fn a_choice_comes_after_what_stops_and_before_what_goes_on() {
    use crate::kernel::Chosen::{Flow, Nodes, Nothing, Step};
    let rows = [
        (Step, "CONTINUE navigator"),
        (Flow, "INJECT_FLOW navigator"),
        (Nodes, "INJECT_NODES navigator"),
        (Nothing, "ESCALATE navigator"),
    ];
    for (chosen, decided) in rows {
        let chooses = |seen: &mut Seen| seen.navigates = Some(chosen);
        assert_eq!(routed(chooses), decided);
        let with = |change: fn(&mut Seen)| {
            routed(|seen| {
                chooses(seen);
                change(seen);
            })
        };
        assert_eq!(with(|seen| seen.verified = false), decided, "it is not its own judge");
        assert_eq!(with(failed), "ESCALATE navigator");
        assert_eq!(with(|seen| (seen.blocked, seen.verified) = (true, false)), "ESCALATE navigator");
        assert_eq!(with(|seen| seen.fatal = true), "TERMINATE fatal");
        assert_eq!(with(|seen| seen.escalates = Some(Halt::Run)), "ESCALATE stop-the-line");
        assert_eq!(
            with(|seen| {
                failed(seen);
                seen.detour = true;
            }),
            "DETOUR failed-detour"
        );
    }
}

/// The same rules through `decide`: two steps, the first of which replies.
#[test]
fn every_rule_from_a_reply_to_a_decision() {
    let play = |keys: &str, say: Say| {
        let flow = format!("steps: [{{id: a, run: x{keys}}}, {{id: b, run: x}}]");
        let play = Play::flow(&flow).reply("a", [say]).run();
        (play.decisions("a").join(", "), play.path(), play.ends().to_string())
    };
    let rows = [
        ("", fatal("secret"), "TERMINATE fatal", "a", "failed"),
        (", escalate: {when: '!step.passed', halt: run}", fails("no"), "ESCALATE stop-the-line", "a", "waiting"),
        ("", fails("no"), "TERMINATE failed-policy", "a", "failed"),
        (", on_failure: escalate", fails("no"), "ESCALATE failed-policy", "a", "waiting"),
        (", on_failure: continue", fails("no"), "CONTINUE failed-policy", "a b", "succeeded"),
        (", on_failure: rollback", permanent("no"), "TERMINATE failed-policy", "a", "failed"),
        ("", blocked("ui.json"), "ESCALATE blocked", "a", "waiting"),
        (", escalate: {when: step.passed}", ok(), "ESCALATE escalate-when", "a", "waiting"),
        ("", verified(), "CONTINUE verified", "a b", "succeeded"),
        ("", unverified(), "CONTINUE unverified-forward", "a b", "succeeded"),
        ("", high("no tests"), "CONTINUE unverified-forward", "a b", "succeeded"),
    ];
    for (keys, say, decisions, path, ends) in rows {
        assert_eq!(play(keys, say), (decisions.to_owned(), path.to_owned(), ends.to_owned()), "{keys}");
    }
}

#[test]
fn nothing_is_left_after_the_last_step() {
    let play = Play::flow("steps: [{id: a, run: x}, {id: b, run: x}]").run();
    assert_eq!(play.decisions("b"), ["TERMINATE terminal"]);
    assert_eq!(play.ends().to_string(), "succeeded");
}

#[test]
fn a_condition_that_cannot_be_evaluated_asks() {
    let play = Play::flow("steps: [{id: a, run: x, escalate: {when: step.json.errors > 3}}, {id: b, run: x}]").run();
    assert_eq!((play.asks().as_str(), play.path().as_str()), ("a-1", "a"));
    let reason = &play.question("a-1").reason;
    assert!(reason.starts_with("a condition could not be evaluated, so a person is asked: `step.json.errors > 3`"), "{reason}");
    assert!(!reason.contains("holds"), "{reason}");
}

#[test]
fn an_agent_that_says_nothing_has_failed() {
    let agent = "---\nname: critic\ndescription: looks\n---\nLook.";
    let mut play = Play::flow("steps: [{id: a, agent: critic, engine: stub}]").reply("a", [ok()]);
    play.file("agents/critic.md", agent);
    let play = play.run();
    assert_eq!(play.decisions("a"), ["TERMINATE failed-policy"]);
    assert!(play.reason("main").contains("without a handoff"), "{}", play.reason("main"));
}
