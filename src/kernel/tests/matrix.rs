//! Every channel × every verdict × every way in which an answer can be out of place: only the right ones act, and the others
//! are refused with a sentence that is kept.

use crate::{
    kernel::{Input, Roles},
    record::{Answer, Channel, Fact},
};

use super::{Play, blocked, fails, ok};

const CHANNELS: [Channel; 5] = [Channel::Cli, Channel::Inbox, Channel::Http, Channel::Mcp, Channel::Scenario];

/// A flow that asks, the reply that makes it ask, the question, a verdict, and the path after it.
struct Case {
    flow: &'static str,
    question: &'static str,
    choose: &'static str,
    path: &'static str,
}

const APPROVE: &str =
    "steps: [{id: a, run: x}, {id: d, run: x, approve: {question: Go?, to: [ceo], evidence: [plan.md]}}, {id: z, run: x}]";
const ASK: &str = "steps:
  - {id: a, run: x}
  - {id: q, ask: {question: Which?, to: [ceo], evidence: [plan.md], options: [{key: red}, {key: green}]}}
  - {id: z, run: x}";
const YES: &str = "steps: [{id: a, run: x}, {id: q, ask: {question: Go?, to: [ceo], evidence: [plan.md]}}, {id: z, run: x}]";
/// `f` fails once, and asks.
const FAILED: &str = "steps: [{id: a, run: x}, {id: f, run: x, on_failure: escalate}, {id: z, run: x}]";
const BLOCKED: &str = "steps: [{id: a, run: x}, {id: b, agent: worker, engine: stub}, {id: z, run: x}]";
const WHEN: &str = "steps: [{id: a, run: x}, {id: w, run: x, escalate: {when: step.iteration == null || step.passed, to: [ceo]}}, {id: z, run: x}]";

const CASES: &[Case] = &[
    Case { flow: APPROVE, question: "d-1", choose: "approve", path: "a d z" },
    Case { flow: APPROVE, question: "d-1", choose: "reject", path: "a d" },
    Case { flow: APPROVE, question: "d-1", choose: "push-back:a", path: "a a" },
    Case { flow: YES, question: "q-1", choose: "approve", path: "a q z" },
    Case { flow: YES, question: "q-1", choose: "reject", path: "a q" },
    Case { flow: ASK, question: "q-1", choose: "green", path: "a q z" },
    Case { flow: ASK, question: "q-1", choose: "push-back:a", path: "a q a q" },
    Case { flow: FAILED, question: "f-1", choose: "retry", path: "a f f z" },
    Case { flow: FAILED, question: "f-1", choose: "skip", path: "a f z" },
    Case { flow: FAILED, question: "f-1", choose: "mark-done", path: "a f f z" },
    Case { flow: FAILED, question: "f-1", choose: "abort", path: "a f" },
    Case { flow: FAILED, question: "f-1", choose: "push-back:a", path: "a f a f z" },
    Case { flow: BLOCKED, question: "b-1", choose: "retry", path: "a b b z" },
    Case { flow: BLOCKED, question: "b-1", choose: "mark-done", path: "a b b z" },
    Case { flow: WHEN, question: "w-1", choose: "approve", path: "a w z" },
    Case { flow: WHEN, question: "w-1", choose: "abort", path: "a w" },
];

fn asked(case: &Case) -> Play {
    let mut play = Play::flow(case.flow).reply("f", [fails("no"), ok()]).reply("b", [blocked("a key"), super::verified()]);
    play.file("agents/worker.md", "---\nname: worker\ndescription: works\n---\nWork.");
    play.evidence.insert("plan.md".to_owned(), "one".to_owned());
    play.roles = Roles { has: Some(vec!["ceo".to_owned()]), self_approval: false };
    let play = play.run();
    assert_eq!(play.asks(), case.question, "{}", case.choose);
    play
}

fn input(play: &Play, case: &Case, channel: Channel, by: &str, change: impl FnOnce(&mut Answer)) -> Input {
    let mut input = play.answer_to(play.question(case.question), case.choose, by);
    if let Input::Answered { answer, .. } = &mut input {
        answer.channel = channel;
        change(answer);
    }
    input
}

/// Refusals that stand in the journal.
fn kept(play: &Play) -> usize {
    play.entries.iter().flat_map(|entry| &entry.facts).filter(|fact| matches!(fact, Fact::AnswerRefused { .. })).count()
}

fn everywhere(check: impl Fn(&Case, Channel)) {
    for case in CASES {
        for channel in CHANNELS {
            check(case, channel);
        }
    }
}

/// Nothing happened, and why is kept; the question still waits for the right answer.
fn refused(play: Play, case: &Case, path: &str, why: &str) {
    assert_eq!((play.path().as_str(), play.asks().as_str()), (path, case.question), "{}", case.choose);
    assert!(play.refusals().last().is_some_and(|said| said.contains(why)), "{why}: {:?}", play.refusals());
    assert_eq!(kept(&play), 1, "{}", case.choose);
}

#[test]
fn the_right_answer_acts_on_every_channel() {
    everywhere(|case, channel| {
        let mut play = asked(case);
        play.tell(&input(&play, case, channel, "ana", |_| {}));
        play.drive();
        assert_eq!((play.path().as_str(), kept(&play)), (case.path, 0), "{} by {channel:?}", case.choose);
        let answer = play.question(case.question).answer.clone().unwrap();
        assert_eq!((answer.by.as_str(), answer.channel, answer.self_approved), ("ana", channel, false));
    });
}

#[test]
fn a_closed_question_takes_no_second_answer() {
    everywhere(|case, channel| {
        let mut play = asked(case);
        // Two at once: the second one was written before the first was taken.
        let (first, second) = (input(&play, case, channel, "ana", |_| {}), input(&play, case, channel, "bea", |_| {}));
        play.tell(&first);
        play.tell(&second);
        play.drive();
        assert_eq!((play.path().as_str(), kept(&play)), (case.path, 1), "{} by {channel:?}", case.choose);
        assert!(play.refusals()[0].contains(&format!("is closed (answered `{}` by ana): nothing ran", case.choose)));
        // The same letter read twice is no second answer, and no line of the journal.
        let lines = play.entries.len();
        play.tell(&first);
        assert_eq!((play.entries.len(), kept(&play)), (lines, 1));
    });
}

#[test]
fn a_changed_digest_voids_the_answer() {
    everywhere(|case, channel| {
        let mut play = asked(case);
        let before = play.path();
        if play.question(case.question).shown.is_empty() {
            let stale = crate::id::Sha256::of(b"another");
            play.tell(&input(&play, case, channel, "ana", |answer| answer.subject_digest = stale));
            play.drive();
            return refused(play, case, &before, "read it again");
        }
        play.evidence.insert("plan.md".to_owned(), "two".to_owned());
        play.tell(&input(&play, case, channel, "ana", |_| {}));
        play.drive();
        let anew = case.question.replace("-1", "-2");
        assert_eq!((play.path(), play.asks(), kept(&play)), (before, anew, 1), "{} by {channel:?}", case.choose);
    });
}

#[test]
fn who_may_not_answer_does_not() {
    everywhere(|case, channel| {
        let asks_ceo = !asked(case).question(case.question).to.is_empty();
        let before = asked(case).path();
        if asks_ceo {
            let mut play = asked(case);
            play.roles.has = Some(vec!["cto".to_owned()]);
            play.tell(&input(&play, case, channel, "carl", |_| {}));
            play.drive();
            refused(play, case, &before, "may be answered by ceo, and carl is none of these");
        }
        let mut play = asked(case);
        play.tell(&input(&play, case, channel, "bo", |_| {}));
        play.drive();
        refused(play, case, &before, "bo started the flow");
        let mut play = asked(case);
        play.tell(&input(&play, case, channel, "agent:critic", |_| {}));
        play.drive();
        refused(play, case, &before, "an agent may not answer");
    });
}

#[test]
fn what_is_no_verdict_of_the_question_is_refused() {
    for case in CASES {
        for (wrong, why) in [
            ("", "is not an answer"),
            ("APPROVE", "is not an answer"),
            ("push-back:z", "is not an answer"),
            ("push-back:nowhere", "is not an answer"),
            ("raise", "is not an answer"),
        ] {
            let mut play = asked(case);
            let before = play.path();
            play.tell(&input(&play, case, Channel::Http, "ana", |answer| wrong.clone_into(&mut answer.choose)));
            play.drive();
            refused(play, case, &before, why);
        }
    }
}

#[test]
fn mark_done_says_how_it_is_known() {
    let case = &CASES[9];
    let shown = |exists| crate::record::Shown { path: "log.txt".to_owned(), exists, sha256: None, bytes: None, differs: None };
    let tell = |change: &dyn Fn(&mut Answer)| {
        let mut play = asked(case);
        play.tell(&input(&play, case, Channel::Cli, "ana", change));
        play.drive();
        play
    };
    refused(tell(&|answer| answer.note = None), case, "a f", "it names none, and has no note");
    refused(tell(&|answer| answer.note = Some("  ".to_owned())), case, "a f", "needs a file as evidence, or a note");
    let absent = |answer: &mut Answer| {
        answer.evidence = vec!["log.txt".to_owned()];
        answer.proof = vec![shown(false)];
    };
    refused(tell(&absent), case, "a f", "`log.txt` is not there");
    // A receipt that a step wrote itself.
    let forged = |answer: &mut Answer| {
        answer.evidence = vec!["log.txt".to_owned()];
        answer.proof = vec![crate::record::Shown { differs: Some("is not what the journal says".to_owned()), ..shown(true) }];
    };
    refused(tell(&forged), case, "a f", "`log.txt` is not what the journal says");
    let there = tell(&|answer: &mut Answer| {
        answer.note = None;
        answer.evidence = vec!["log.txt".to_owned()];
        answer.proof = vec![shown(true)];
    });
    assert_eq!((there.path().as_str(), kept(&there)), ("a f f z", 0));
    assert!(there.question("f-1").answer.as_ref().unwrap().proof[0].exists);
}

#[test]
fn an_answer_that_comes_too_late_finds_that_time_has_answered() {
    let flow = "steps: [{id: q, ask: {question: Go?, expires: 1h, on_timeout: reject}}, {id: z, run: x}]";
    let mut play = Play::flow(flow).run();
    let late = play.answer_to(play.question("q-1"), "approve", "ana");
    // Nobody drove the run in between: no timer has fired.
    play.now = play.now.plus(3_600_001);
    play.tell(&late);
    play.drive();
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("q", "failed"));
    assert_eq!(play.refusals(), ["question `q-1` is closed (answered `reject` by timeout): nothing ran"]);
}

#[test]
fn a_packet_says_what_came_before_and_where_the_work_can_go_back_to() {
    let flow = "steps:
  - {id: plan, agent: worker, engine: stub}
  - {id: other, run: x, needs: []}
  - {id: d, run: x, needs: [plan], approve: {question: Go?}}";
    let said = super::verified().said(|draft| {
        draft.summary.what_i_found = "two files change".to_owned();
        draft.routing.reason = "the tests pass".to_owned();
        draft.concerns.push(crate::record::Concern {
            severity: crate::spec::Severity::High,
            description: "no backup".to_owned(),
            location: None,
            recommendation: None,
        });
    });
    let mut play = Play::flow(flow).reply("plan", [said]);
    play.file("agents/worker.md", "---\nname: worker\ndescription: works\n---\nWork.");
    let play = play.run();
    let question = play.question("d-1");
    assert_eq!(question.told.len(), 1);
    assert_eq!((question.told[0].step.as_str(), question.told[0].found.as_str()), ("plan", "two files change"));
    assert_eq!(question.told[0].reason, "the tests pass");
    assert_eq!(question.concerns[0].description, "no backup");
    assert_eq!(question.push_back.iter().map(ToString::to_string).collect::<Vec<_>>(), ["plan"]);
}
