//! The person's side, with the real program: the inbox, the packet, forms, an answer at a terminal, answers to a live process.

mod common;

use common::{Test, terminal::Terminal, until};

const DEPLOY: &str = r#"
params: {to: {type: string, default: staging}}
steps:
  - {id: plan, run: 'echo "one line changes" > "$ARTIFACTS/plan.md"', outputs: [artifacts/plan.md]}
  - id: deploy
    run: echo "deployed to $PARAM_TO" >> ran
    approve: {question: "Deploy to {{params.to}}?", to: [ceo], evidence: [artifacts/plan.md]}
  - {id: after, run: echo after >> ran}
"#;

const FORM: &str = r#"
steps:
  - id: ask-me
    ask:
      question: How many seats?
      form:
        seats: {type: integer, required: true, description: as in the contract}
        plan: {type: enum, values: [small, large], default: small}
  - {id: use, exec: [sh, -c, 'echo "$1 $2" > got', sh, "{{steps.ask-me.json.values.seats}}", "{{steps.ask-me.json.values.plan}}"]}
"#;

fn at_terminal(test: &Test, args: &[&str]) -> Terminal {
    Terminal::start(test.command(args))
}

#[test]
fn the_inbox_names_what_waits_for_whom() {
    let test = Test::new().flow("deploy", DEPLOY).flow("form", FORM).file("flow-studio.toml", "[reviewers]\nceo = [\"ada\"]\n");
    test.go(&["run", "deploy", "--run-id", "d"]).code(4);
    test.go(&["run", "form", "--run-id", "f"]).code(4);
    let inbox = test.go(&["review", "list", "--json"]).code(0).json();
    let ids: Vec<&str> = inbox["waiting"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["d/deploy-1", "f/ask-me-1"]);
    assert_eq!(inbox["waiting"][0]["to"][0], "ceo");
    let own = test.go(&["review", "list", "--as", "bob", "--json"]).code(0).json();
    assert_eq!(own["waiting"].as_array().unwrap().len(), 1);
    assert_eq!(test.go(&["review", "list", "--run", "d", "--json"]).code(0).json()["waiting"].as_array().unwrap().len(), 1);
    test.go(&["review", "list", "--run", "none"]).code(2);
}

#[test]
fn a_form_is_answered_by_flags_and_what_does_not_fit_is_said() {
    let test = Test::new().flow("form", FORM);
    test.go(&["run", "form", "--run-id", "f"]).code(4);
    let packet = test.go(&["review", "show", "f/ask-me-1"]).code(0).stdout;
    for part in ["--set seats=…   integer: as in the contract", "of small, large (else \"small\")"] {
        assert!(packet.contains(part), "{packet}");
    }
    let answer = |args: &[&str]| test.go(&[&["review", "answer", "f/ask-me-1", "--choose", "answer"], args].concat());
    answer(&[]).code(6).says("`seats`: it is missing (as in the contract)");
    answer(&["--set", "seats=many"]).code(6).says("expected a whole number");
    answer(&["--set", "seats=3", "--set", "sets=3"]).code(6).says("did you mean");
    answer(&["--set", "seats=3", "--set", "plan=large"]).code(0);
    test.go(&["resume", "f"]).code(0);
    assert_eq!(test.text("got"), "3 large\n");
    test.go(&["verify", "f"]).code(0);
}

#[test]
fn a_person_at_a_terminal_reads_the_evidence_and_decides() {
    let test = Test::new().flow("deploy", DEPLOY);
    test.go(&["run", "deploy", "--run-id", "d"]).code(4);
    let mut person = at_terminal(&test, &["review"]);
    person.sees("d/deploy-1").sees("Deploy to staging?").sees("Which one?").types("7");
    person.sees("`7` is no number from 1 to 1").sees("Which one?").types("1");
    person.sees("action").sees("evidence").sees("Your answer?").types("e");
    person.sees("plan.md").sees("one line changes").sees("Your answer?").types("yes");
    person.sees("`yes` is no answer").sees("Your answer?").types("approve");
    person.sees("A word on why?").types("tried it on my machine");
    person.sees("is that meant?").types("n").sees("nothing was answered").sees("Which one?").types("1");
    person.sees("Your answer?").types("approve").sees("A word on why?").types("").sees("is that meant?").types("y");
    person.sees("answer recorded").sees("Go on with the run now?").types("y");
    person.sees("succeeded").sees("nothing waits for a person");
    let (code, shown) = person.ends();
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(test.text("ran"), "deployed to staging\nafter\n");
    assert_eq!(test.facts("d", "escalation_answered").len(), 1);
}

#[test]
fn what_changed_while_the_person_read_is_not_approved() {
    let test = Test::new().flow("deploy", DEPLOY);
    test.go(&["run", "deploy", "--run-id", "d"]).code(4);
    let mut person = at_terminal(&test, &["review"]);
    person.sees("Which one?").types("1").sees("Your answer?");
    test.write("run_base/d/deploy/artifacts/plan.md", "everything changes\n");
    person.types("approve").sees("A word on why?").types("").sees("is that meant?").types("y");
    person.sees("what was shown has changed since").sees("d/deploy-2").sees("Which one?").types("");
    person.ends();
    assert!(!test.at("ran").exists());
}

#[test]
fn at_a_terminal_too_a_file_that_changed_is_not_shown_as_evidence() {
    let test = Test::new().flow("deploy", DEPLOY);
    test.go(&["run", "deploy", "--run-id", "d"]).code(4);
    let mut person = at_terminal(&test, &["review"]);
    person.sees("Which one?").types("1").sees("Your answer?");
    test.write("run_base/d/deploy/artifacts/plan.md", "two lines change\n");
    person.types("e").sees("it has changed since it was shown").sees("Your answer?").types("q");
    let (_, shown) = person.ends();
    assert!(!shown.contains("two lines change"), "{shown}");
}

#[test]
fn evidence_reaches_a_terminal_as_text_or_not_at_all() {
    let make = "mkdir -p artifacts; printf '\\211PNG\\r\\n\\032\\n\\000\\033]0;owned\\007' > artifacts/a.png; \
                printf 'fine\\033[8mhidden\\033[0m\\n' > artifacts/b.txt";
    let ask = r#"{id: gate, ask: {question: "Go on?", evidence: [artifacts/a.png, artifacts/b.txt]}}"#;
    let test =
        Test::new().flow("f", &format!("steps:\n  - id: make\n    run: |\n      cd \"$ARTIFACTS/..\"; {make}\n  - {ask}\n"));
    test.go(&["run", "f", "--run-id", "d"]).code(4);
    let mut person = at_terminal(&test, &["review"]);
    person.sees("Which one?").types("1").sees("Your answer?").types("e");
    person.sees("a PNG picture, 19 bytes, sha256").sees("fine").sees("Your answer?").types("q");
    let (_, shown) = person.ends();
    assert!(shown.contains("[8mhidden") && !shown.contains("\u{1b}[8m") && !shown.contains("\u{1b}]0;"), "{shown:?}");
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let test = Test::new().flow("deploy", DEPLOY);
    test.go(&["run", "deploy", "--run-id", "d"]).code(4);
    assert!(test.go(&["review"]).code(0).stdout.contains("d/deploy-1"));
    let mut person = at_terminal(&test, &["review", "--no-input"]);
    person.sees("d/deploy-1");
    assert_eq!(person.ends().0, Some(0));
}

#[test]
fn an_answer_to_a_live_process_tells_what_became_of_it() {
    let test = Test::new().flow("deploy", DEPLOY).file("flow-studio.toml", "[reviewers]\nceo = [\"ada\"]\n");
    let live = test.start(&["run", "deploy", "--run-id", "d", "--wait-for-human"]);
    until("it asks", || !test.facts("d", "escalation_raised").is_empty());
    let answer = |args: &[&str]| test.go(&[&["review", "answer", "d/deploy-1"], args].concat());
    answer(&["--choose", "approve", "--as", "bob"]).code(6).says("may be answered by ceo, and bob is none of these");
    answer(&["--choose", "aprove", "--as", "ada"]).code(6).says("is not an answer to");
    assert!(answer(&["--choose", "approve", "--as", "ada"]).code(0).stdout.contains("has taken it"));
    live.wait().code(0);
    let kept = test.facts("d", "answer_refused");
    assert_eq!(kept.iter().map(|fact| fact["answer"]["by"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), ["bob", "ada"]);
    answer(&["--choose", "reject", "--as", "ada"]).code(6).says("is closed");
}

#[test]
fn mark_done_keeps_the_digest_of_its_evidence() {
    let test = Test::new().flow("hand", "steps: [{id: f, run: exit 3, on_failure: escalate}, {id: z, run: echo z > ran}]");
    test.go(&["run", "hand", "--run-id", "h"]).code(4);
    let done = |args: &[&str]| test.go(&[&["review", "answer", "h/f-1", "--choose", "mark-done"], args].concat());
    done(&[]).code(6).says("needs a file as evidence, or a note");
    done(&["--evidence", "proof.txt"]).code(6).says("is not there");
    test.write("proof.txt", "done by hand\n");
    done(&["--evidence", "proof.txt"]).code(0);
    test.go(&["resume", "h"]).code(0);
    let answer = &test.facts("h", "escalation_answered")[0]["answer"];
    assert_eq!(answer["proof"][0]["bytes"], 13);
    assert_eq!(answer["identity"], "login");
    assert_eq!(test.text("ran"), "z\n");
}
