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
