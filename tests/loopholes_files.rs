//! What lies where a run keeps its own, put there or taken away by somebody else, and what it was started with.
//! In: real runs. Out: a sentence, and a run that can go on. Never: a deed of which no record is left.

mod common;

use std::fs;

use common::Test;

/// It would be neither given to its step nor known where it is printed.
#[test]
fn a_run_does_not_go_on_without_the_secrets_that_it_was_started_with() {
    let secret = "correcthorse-batterystaple";
    let flow = "secrets: [TOK]\nsteps:\n  - {id: ok, ask: {question: go on?}}\n  - {id: use, run: 'test -n \"${TOK:-}\"; cat conf', secrets: [TOK]}\n";
    let test = Test::new().flow("keeps", flow).file("conf", secret).env("TOK", secret);
    test.go(&["run", "keeps", "--run-id", "k"]).code(4);
    test.go(&["review", "answer", "k/ok-1", "--choose", "approve"]).code(0);
    let lines = test.journal("k").len();
    for args in [&["resume", "k"][..], &["resume", "k", "--refresh"], &["retry", "k", "--step", "use"]] {
        for unset in [None, Some("")] {
            let mut command = test.command(args);
            match unset {
                None => command.env_remove("TOK"),
                Some(empty) => command.env("TOK", empty),
            };
            common::finish(command).code(3).says("secret `TOK` is not set");
        }
    }
    assert_eq!(test.journal("k").len(), lines, "nothing was written down");
    test.go(&["resume", "k"]).code(0);
    assert!(test.text("run_base/k/keeps/logs/use.1.stdout").contains("[REDACTED"));
    // To stop it needs nothing.
    let test = Test::new().flow("keeps", flow).file("conf", secret).env("TOK", secret);
    test.go(&["run", "keeps", "--run-id", "k"]).code(4);
    let mut command = test.command(&["cancel", "k"]);
    command.env_remove("TOK");
    common::finish(command).code(0);
}

/// Any step can put a file there.
#[test]
fn a_file_in_the_inbox_that_cannot_be_put_away_stops_no_run() {
    let names = "touch \"$RUN_BASE/inbox/a\\\\b.json\" \"$RUN_BASE/inbox/$(printf 'a\\nb\\033.json')\"; touch $RUN_BASE/inbox/refused; echo junk > $RUN_BASE/inbox/junk.json";
    let flow = format!(
        "steps:\n  - {{id: plants, run: {:?}}}\n  - {{id: once, run: 'echo ran >> ran', effects: once}}\n",
        format!("mkdir -p $RUN_BASE/inbox; {names}")
    );
    let test = Test::new().flow("odd", &flow);
    test.go(&["run", "odd", "--run-id", "o"]).code(0);
    assert_eq!(test.text("ran"), "ran\n");
    test.go(&["retry", "o", "--step", "plants", "--only"]).code(0);
}

/// What is written into a file that nobody finds again is not kept.
#[test]
fn a_driver_whose_journal_was_taken_away_does_nothing_more() {
    for act in ["rm $J", "cp $J copy; mv copy $J", ": > $J"] {
        let steps = format!(
            "steps:\n  - {{id: takes, run: 'J=$RUN_BASE/journal.jsonl; {act}'}}\n  - {{id: pay, run: echo paid >> paid, effects: once}}\n"
        );
        let test = Test::new().flow("x", &steps);
        test.go(&["run", "x", "--run-id", "r"]).code(1).says("it was changed under it");
        assert!(!test.at("paid").exists(), "{act}");
    }
}

/// Whoever is told that it is not written answers again, or believes that nothing was allowed.
#[test]
fn an_answer_that_is_in_the_journal_is_told_as_recorded() {
    let test = common::waiting();
    let file = test.at("run_base/r/three/escalations/ask-me-1.json");
    fs::remove_file(&file).unwrap();
    test.write("run_base/r/three/escalations/ask-me-1.json/in-the-way", "");
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve"]).code(1).says("is recorded and holds");
    fs::remove_dir_all(&file).unwrap();
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "reject"]).code(6);
    test.go(&["verify", "r", "--repair"]);
    test.go(&["resume", "r"]).code(0);
    test.go(&["verify", "r"]).code(0);
    assert_eq!(test.text("ran"), "one\ntwo\nthree\n");
}

/// Somebody made room on the disk, or unpacked something in the wrong place.
#[test]
fn a_directory_in_the_place_of_a_file_stops_neither_a_reader_nor_a_repair() {
    let flow = "steps: [{id: a, run: echo a, expect: {stdout: a}}, {id: q, ask: {question: ok?}}]";
    let test = Test::new().flow("f", flow);
    test.go(&["run", "f", "--run-id", "r"]).code(4);
    let base = test.run_base("r");
    for name in ["run.json", "f/receipts/a-shell.json", "f/report.md", "f/routing"] {
        fs::rename(base.join(name), base.join("moved")).unwrap();
        if name == "f/routing" {
            std::os::unix::fs::symlink(base.join("moved"), base.join(name)).unwrap();
        } else {
            fs::create_dir(base.join(name)).unwrap();
        }
        let told = test.go(&["verify", "r"]).code(7).stdout;
        assert!(told.contains(&format!("{name}: differs: a ")) && told.contains("stands in its place"), "{told}");
        test.go(&["status", "r"]).code(0);
        test.go(&["resume", "r"]).code(4);
        // Whoever went on had put two of them aside already.
        let told = test.go(&["verify", "r", "--repair"]).code(0).stdout;
        let aside = base.join(format!("{name}.set-aside"));
        assert!(
            aside.symlink_metadata().is_ok() && (["run.json", "f/report.md"].contains(&name) || told.contains(".set-aside")),
            "{told}"
        );
        test.go(&["verify", "r"]).code(0);
        let _ = (fs::remove_file(base.join("moved")), fs::remove_dir_all(base.join("moved")));
    }
    test.go(&["review", "answer", "r/q-1", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(0);
}

/// A list goes by `run.json`; a run without it is still a run.
#[test]
fn a_run_without_its_manifest_is_listed_by_its_journal() {
    let test = Test::new().flow("asks", "steps: [{id: a, run: 'true'}, {id: q, ask: {question: go on?}}]");
    test.go(&["run", "asks", "--run-id", "r"]).code(4);
    let listed = || test.go(&["list", "--json"]).code(0).stdout;
    let before = listed();
    test.write("run_base/r/run.json", "{\"schema\":");
    assert_eq!(listed(), before, "it does not parse");
    fs::remove_file(test.at("run_base/r/run.json")).expect("it is there");
    assert_eq!(listed(), before, "it is not there");
}
