//! What is said of steps that stand beside others: joins of some, a line that is stopped.

use crate::inspect::{
    explain,
    testing::{TestRun, at},
};

const JOIN: &str = "flow: x\ntitle: X\njobs: 4\nsteps:\n  - {id: a, needs: [], run: a}\n  - {id: b, needs: [], run: b}\n  - {id: c, needs: [], run: c}\n  - {id: j, needs: [a, b, c], join: any, run: j}\n";

#[test]
fn a_join_of_some_names_only_those_that_were_over_when_it_started() {
    let view = TestRun::new(&[("flows/x.yaml", JOIN)]).start().view();
    let told = explain(&view, &at("x", "j")).unwrap();
    assert_eq!(told.story[0].text, "execution 1 started: what it needs was over: a");
}

const STOP: &str = "flow: x\ntitle: X\njobs: 4\nsteps:\n  - {id: a, needs: [], run: a, escalate: {when: step.passed, halt: run, question: 'Stop?'}}\n  - {id: b, needs: [], run: b}\n  - {id: b2, needs: [b], run: b2}\n";

#[test]
fn a_ready_step_says_which_question_stops_the_line() {
    let run = TestRun::new(&[("flows/x.yaml", STOP)]).start();
    let now = |step: &str, run: &TestRun| explain(&run.view(), &at("x", step)).unwrap().now;
    assert_eq!(now("b2", &run), "nothing starts in this run until a-1, which stopped the line, is answered");
    assert_eq!(now("b2", &run.answer("a-1", "approve", "ada", None)), "it is done");
}
