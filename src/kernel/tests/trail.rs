//! What later agents say against what earlier ones decided.

use crate::record::Fact;

use super::{Play, Say, verified};

fn decides(decisions: &[&str]) -> Say {
    verified().said(|draft| draft.summary.key_decisions = decisions.iter().map(|one| (*one).to_owned()).collect())
}

/// What was added to the last step's concerns.
fn said(first: &[&str], second: &[&str]) -> Vec<String> {
    let mut play = Play::flow("steps: [{id: plan, agent: w, engine: stub}, {id: build, agent: w, engine: stub}]")
        .reply("plan", [decides(first)])
        .reply("build", [decides(second)]);
    play.file("agents/w.md", "---\nname: w\ndescription: works\n---\nWork.");
    let play = play.run();
    let ended = play.entries.iter().flat_map(|entry| &entry.facts).filter_map(|fact| match fact {
        Fact::StepEnded { at, handoff, .. } if at.step.as_str() == "build" => Some(handoff),
        _ => None,
    });
    ended.flat_map(|handoff| handoff.concerns.iter().map(|one| one.description.clone())).collect()
}

#[test]
fn a_decision_that_turns_over_an_earlier_one_is_a_concern() {
    let conflict = "conflict: `Storage: files` contradicts `storage: sqlite`, which step main/plan decided";
    assert_eq!(said(&["storage: sqlite", "api: keep it"], &["Storage: files", "api:  Keep it."]), [conflict]);
}

#[test]
fn a_change_that_is_meant_and_words_without_a_subject_are_none() {
    assert!(said(&["storage: sqlite"], &["storage: files instead of sqlite"]).is_empty());
    assert!(said(&["use sqlite"], &["use files"]).is_empty());
    let sentence = "a sentence that goes on and on before it comes to its point, which is this one here: files";
    assert!(said(&[&sentence.replace("files", "sqlite")], &[sentence]).is_empty());
}
