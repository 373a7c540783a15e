//! Whoever looks sees every line of the journal, once, in order: also across breaks, and across the death of the studio.

use std::fs;

use crate::{
    client::Studio,
    common::{Luck, Test, until},
};

/// Many lines, and a step in their middle that waits for the test to have looked.
fn busy() -> Test {
    let steps: String = (0..40)
        .map(|at| format!("  - {{id: s{at}, needs: [{}], run: 'echo {at}'}}\n", if at < 10 { "" } else { "hold" }))
        .collect();
    let test = Test::new().fifo("gate");
    let gate = test.at("gate").display().to_string();
    test.flow("busy", &format!("steps:\n  - {{id: hold, run: 'read line < \"{gate}\"'}}\n{steps}"))
}

#[test]
fn no_line_is_left_out_or_doubled_whatever_breaks() {
    let test = busy();
    let mut run = test.start(&["run", "busy", "--run-id", "r"]);
    until("the run has begun", || !test.journal("r").is_empty());
    let mut studio = Studio::start(&test);
    let mut luck = Luck::new(5);
    let (mut seen, mut breaks) = (Vec::new(), 0);
    let mut gate = Some(test.at("gate"));
    loop {
        // With the number of the last line, in either of the two ways in which it is said.
        let last = seen.last().map(|(seq, _): &(u64, String)| *seq);
        let by_head = luck.below(2) == 0;
        let path = match last {
            Some(last) if !by_head => format!("/api/v1/runs/r/events?after={last}"),
            _ => "/api/v1/runs/r/events".to_owned(),
        };
        let mut events = studio.follow(&path, last.filter(|_| by_head));
        for _ in 0..=luck.below(20) {
            if has_ended(&seen) {
                break;
            }
            let (id, data) = events.next().expect("an event");
            seen.push((id.parse().expect("a number"), data));
            if let Some(gate) = gate.take_if(|_| seen.len() > 3) {
                std::thread::spawn(move || crate::common::let_go(&gate));
            }
        }
        if has_ended(&seen) {
            break;
        }
        breaks += 1;
        if luck.below(3) == 0 {
            studio = Studio::again(&test, studio.kill());
        }
    }
    until("the run ends", || run.has_ended());
    assert!(breaks > 2, "{breaks}");
    let text = fs::read_to_string(test.run_base("r").join("journal.jsonl")).expect("a journal");
    let lines: Vec<&str> = text.trim_end_matches('\0').lines().collect();
    assert_eq!(seen.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), (1..=lines.len() as u64).collect::<Vec<_>>());
    assert_eq!(seen.iter().map(|(_, data)| data.as_str()).collect::<Vec<_>>(), lines);
}

fn has_ended(seen: &[(u64, String)]) -> bool {
    seen.last().is_some_and(|(_, line)| line.contains("\"run_rested\""))
}

#[test]
fn a_reader_hears_of_a_new_run_also_of_one_that_came_before_they_listened() {
    let test = Test::new().flow("one", "steps:\n  - {id: one, run: 'true'}\n");
    test.go(&["run", "one", "--run-id", "first"]).code(0);
    let studio = Studio::start(&test);
    // The page says which list it shows.
    let address = |studio: &Studio| {
        let page = studio.get("/runs").code(200).body;
        page.split("data-live=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an address").to_owned()
    };
    let before = address(&studio);
    assert_eq!(studio.get("/").code(200).body.matches(&before).count(), 1, "the inbox shows the same list");
    test.go(&["run", "one", "--run-id", "second"]).code(0);
    let mut events = studio.follow(&before, None);
    let (id, data) = events.next().expect("a word");
    assert_eq!(id, data);
    // Whoever comes back with the last word hears of what came meanwhile, and of nothing else.
    drop(events);
    let mut again = studio.follow(&format!("/api/v1/events?after={id}"), None);
    test.go(&["run", "one", "--run-id", "third"]).code(0);
    // A word may come while that run still goes on; the last one is the list that the page shows then.
    let after = address(&studio);
    loop {
        let (next, _) = again.next().expect("a word of the list as it is now");
        assert_ne!(next, id);
        if after.ends_with(&next) {
            break;
        }
    }
    // The list is the same after a new start, and so is its mark.
    let studio = Studio::again(&test, studio.kill());
    assert_eq!(address(&studio), after);
}
