//! Ways around what a flow says, each closed: with the real program, as it was found.

mod common;

use common::Test;

#[test]
fn a_template_does_not_get_past_what_a_sub_flow_declares() {
    let strict = r#"
params: {n: {type: integer, required: true}, p: {type: string, pattern: "[a-z]+", required: true}}
steps: [{id: a, run: 'echo "$PARAM_N $PARAM_P" > ran'}, {id: b, run: 'echo more >> ran', when: 'params.n > 3'}]"#;
    let outer = r#"
params: {x: {type: string, required: true}}
steps: [{id: count, run: echo 7}, {id: f, flow: strict, with: {n: "{{steps.count.stdout}}", p: "{{params.x}}"}}]"#;
    let test = Test::new().flow("strict", strict).flow("outer", outer);
    let evil = "x=-rf / ; EVIL 9";
    let dry = test.go(&["run", "outer", "--dry-run", "--param", evil]).code(0).stdout;
    assert!(dry.contains("it would fail: the parameter `p`"), "{dry}");
    let refused = "the parameter `p`: `-rf / ; EVIL 9` does not match the pattern [a-z]+";
    let told = test.go(&["run", "outer", "--run-id", "o", "--param", evil]).code(1).stderr;
    assert!(told.contains(refused), "{told}");
    assert!(!test.at("ran").exists());
    test.go(&["run", "outer", "--run-id", "p", "--param", "x=abc"]).code(0);
    assert_eq!(test.text("ran"), "7 abc\nmore\n");
}

#[test]
fn a_question_does_not_ask_with_an_empty_place_where_an_answer_should_stand() {
    let flow = r#"
steps:
  - {id: deploy, run: echo deployed > ran, approve: {question: "Deploy version {{steps.version.stdout}}?"}}
  - {id: version, run: echo 7}"#;
    let test = Test::new().flow("early", flow);
    test.go(&["validate", "early"]).code(3).says("`deploy` asks about `version`, which need not be over by then");
    test.go(&["run", "early"]).code(3);
    assert!(!test.at("ran").exists());
}

#[test]
fn a_condition_that_could_not_be_evaluated_was_not_true() {
    let flow = r#"
params: {l: {type: list, default: []}}
steps: [{id: a, run: echo ran > ran, when: "params.l[3] == 'x'"}]"#;
    let test = Test::new().flow("when", flow);
    test.go(&["run", "when", "--run-id", "w"]).code(1);
    assert!(!test.at("ran").exists());
    let told = test.go(&["explain", "w", "a"]).code(0).stdout;
    assert!(told.contains("`params.l[3] == 'x'` could not be evaluated") && !told.contains("was true"), "{told}");
}
