//! An engine that nobody serves: a pause, then a question.

use crate::record::Fact;

use super::{Play, Say, permanent, transient, verified};

fn agents(steps: &str, says: &[(&str, Vec<Say>)]) -> Play {
    let mut play = Play::flow(steps);
    play.file("agents/writer.md", "---\nname: writer\ndescription: writes\n---\nWrite.");
    for (step, replies) in says {
        play = play.reply(step, replies.clone());
    }
    play.run()
}

/// How long each wait for the next attempt was, ms.
fn waits(play: &Play, step: &str) -> Vec<i64> {
    let wait = |ts: i64, fact: &Fact| match fact {
        Fact::AttemptEnded { at, due, .. } if at.step.as_str() == step => Some(due.as_ms() - ts),
        _ => None,
    };
    play.entries.iter().flat_map(|entry| entry.facts.iter().filter_map(|fact| wait(entry.ts.as_ms(), fact))).collect()
}

/// When the step ended, ms after the run began.
fn ended_ms(play: &Play, step: &str) -> i64 {
    let ends = |fact: &Fact| matches!(fact, Fact::StepEnded { at, .. } if at.step.as_str() == step);
    let entry = play.entries.iter().find(|entry| entry.facts.iter().any(ends)).expect("it ended");
    entry.ts.as_ms() - play.entries[0].ts.as_ms()
}

const ONE: &str = "steps: [{id: a, agent: writer, retry: {attempts: 9, delay: 1ms, max_delay: 1ms}}]";

#[test]
fn three_failures_in_a_row_are_followed_by_a_pause() {
    let play = agents(ONE, &[("a", vec![transient("503"), transient("503"), transient("503"), verified()])]);
    assert_eq!(play.decisions("a"), ["TERMINATE terminal"]);
    let waits = waits(&play, "a");
    assert!(waits[0] < 10 && waits[1] < 10 && waits[2] >= 30_000, "{waits:?}");
    assert!(play.state.breakers.is_empty(), "an answer closes it");
}

#[test]
fn the_fifth_failure_asks_whatever_the_flow_says_of_failures() {
    let play = agents(ONE, &[("a", vec![transient("503")])]);
    assert_eq!(play.decisions("a"), ["ESCALATE circuit-open"]);
    assert_eq!(waits(&play, "a").len(), 4, "the fifth is the last");
    let reason = play.question("a-1").reason.clone();
    assert!(reason.contains("openai failed 5 times in a row"), "{reason}");
    // Half open: one call at once, which decides.
    let before = play.now;
    let still = play.say("a-1", "retry");
    assert!(still.now.as_ms() - before.as_ms() < 1_000, "whoever says so is not kept waiting");
    assert_eq!(still.decisions("a"), ["ESCALATE circuit-open", "CONTINUE retry", "ESCALATE circuit-open"]);
    assert_eq!(waits(&still, "a").len(), 4, "no more tries of its own");
}

#[test]
fn other_steps_wait_for_the_same_engine_and_for_no_other() {
    let steps = "steps:
  - {id: a, agent: writer, on_failure: continue, retry: {attempts: 3, delay: 1ms, max_delay: 1ms}}
  - {id: c, agent: writer, needs: [a]}
  - {id: d, agent: writer, engine: stub, needs: [a]}";
    let play = agents(steps, &[("a", vec![transient("503")]), ("c", vec![verified()]), ("d", vec![verified()])]);
    assert_eq!(play.path(), "a d c");
    assert!(ended_ms(&play, "d") < 1_000, "{}", ended_ms(&play, "d"));
    assert!(ended_ms(&play, "c") >= 30_000, "{}", ended_ms(&play, "c"));
    assert_eq!(play.ends().to_string(), "succeeded");
}

#[test]
fn an_engine_that_answers_badly_answers() {
    let says = vec![transient("503"), transient("503"), permanent("no such model")];
    let play = agents(ONE, &[("a", says)]);
    assert_eq!(play.decisions("a"), ["TERMINATE failed-policy"]);
    assert!(play.state.breakers.is_empty());
}
