//! `resume --refresh`: today's flow takes the frozen one's place, and what is over stays over.

use crate::{
    id::{FramePath, StepId},
    kernel::{Input, RefreshPlan},
    record::{QuestionStatus, ResumeOptions},
};

use super::{Play, fails, ok};

const FLOW: &str = "steps:\n  - {id: a, run: x}\n  - {id: b, run: x, on_failure: escalate}\n  - {id: c, run: x}";

impl Play {
    /// Today's flow takes the place of the one that the run has.
    pub(super) fn adopt(&mut self, from: Option<&str>) {
        self.adopt_with(from, ResumeOptions::default());
    }
    fn adopt_with(&mut self, from: Option<&str>, options: ResumeOptions) {
        let (flow, book) = (FramePath::new("main").unwrap(), self.book("main"));
        self.state.know(book.clone());
        self.mirror.know(book.clone());
        let from = from.map(|step| StepId::new(step).unwrap());
        self.tell(&Input::Refreshed(RefreshPlan { by: "bo".to_owned(), flow, book, from, options }));
    }
    /// The flow's file changes and the run adopts it.
    pub(super) fn refresh(self, text: &str) -> Self {
        self.refresh_from(text, None)
    }
    pub(super) fn refresh_from(mut self, text: &str, from: Option<&str>) -> Self {
        self.files.insert("flows/main.yaml".to_owned(), format!("flow: main\n{}", text.trim_start()));
        self.adopt(from);
        self
    }
}

fn at_b() -> Play {
    Play::flow(FLOW).reply("b", [fails("no"), ok()]).run()
}

#[test]
fn a_changed_step_runs_again_with_all_that_depends_on_it() {
    let play = Play::flow(FLOW).run();
    assert_eq!(play.path(), "a b c");
    let play = play.refresh(&FLOW.replace("{id: b, run: x", "{id: b, run: y")).resume(None);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b c b c", "succeeded"));
}

#[test]
fn from_a_step_that_was_changed_it_runs_once() {
    let changed = FLOW.replace("{id: a, run: x", "{id: a, run: y");
    for (from, path) in [("a", "a b c a b c"), ("b", "a b c a b c")] {
        let play = Play::flow(FLOW).run().refresh_from(&changed, Some(from)).resume(None);
        assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), (path, "succeeded"), "{from}");
    }
    let play = Play::flow(FLOW).run().refresh_from(FLOW, Some("c")).resume(None);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b c c", "succeeded"));
    let play = Play::flow(FLOW).run().refresh_from(&changed, Some("z"));
    assert_eq!((play.refusals().len(), play.path().as_str()), (1, "a b c"));
}

#[test]
fn what_was_confined_to_one_step_goes_on_from_another() {
    let play = Play::flow(FLOW).run().retry("c", true, &[]).resume(Some("b"));
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b c c b c", "succeeded"));
}

#[test]
fn an_added_step_runs() {
    let play = at_b().refresh(&format!("{FLOW}\n  - {{id: d, run: x}}"));
    let play = play.say("b-1", "retry");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b b c d", "succeeded"));
}

#[test]
fn a_removed_step_takes_its_question_with_it() {
    let play = at_b();
    assert_eq!(play.asks(), "b-1");
    let play = play.refresh("steps:\n  - {id: a, run: x}\n  - {id: c, run: x}").resume(None);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b c", "succeeded"));
    assert_eq!(play.question_status("b-1"), QuestionStatus::Voided);
}

#[test]
fn a_question_about_a_step_that_did_not_change_stays() {
    let play = at_b().refresh(&FLOW.replace("{id: c, run: x", "{id: c, run: y"));
    assert_eq!(play.asks(), "b-1");
    let play = play.say("b-1", "skip");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b c", "succeeded"));
}

#[test]
fn an_approval_of_a_changed_step_is_asked_anew() {
    let flow = "steps: [{id: a, run: x}, {id: d, run: x, approve: {question: Go?}}]";
    let play = Play::flow(flow).run().refresh(&flow.replace("{id: d, run: x", "{id: d, run: y")).resume(None);
    assert_eq!((play.path().as_str(), play.asks().as_str(), play.question("d-2").action.as_deref()), ("a", "d-2", Some("y")));
    assert_eq!(play.say("d-2", "approve").path(), "a d");
}

#[test]
fn an_approval_of_a_step_that_did_not_change_is_asked_again_and_not_lost() {
    let flow = "steps: [{id: a, run: x}, {id: d, run: x, approve: {question: Go?}}, {id: e, run: x}]";
    let play = Play::flow(flow).run().refresh(&flow.replace("{id: e, run: x", "{id: e, run: y")).resume(None);
    assert_eq!(play.state.open_questions.len(), 1);
    let id = play.asks();
    assert_eq!(play.say(&id, "approve").path(), "a d e");
}

#[test]
fn a_once_only_step_that_may_have_half_run_is_still_asked_about() {
    let flow = "steps: [{id: a, run: x, effects: once}, {id: b, run: x}]";
    for (changed, question) in
        [(flow.replace("{id: b, run: x", "{id: b, run: y"), "a-1"), (flow.replace("{id: a, run: x", "{id: a, run: y"), "a-2")]
    {
        let play = Play::flow(flow).slow("a").run().crash();
        let play = play.refresh(&changed).resume(None);
        assert_eq!((play.path().as_str(), play.asks().as_str()), ("a", question));
    }
}

#[test]
fn what_runs_is_not_changed() {
    let play = Play::flow(FLOW).slow("b").run().refresh(&FLOW.replace("{id: c", "{id: d"));
    assert_eq!(play.refusals(), ["main/b is still running: stop the run first"]);
}

#[test]
fn items_that_are_done_stay_done() {
    let flow = "params: {l: {type: list}}\nsteps: [{id: e, run: x, for_each: params.l}, {id: z, run: x}]";
    let play = Play::flow(flow).param("l", serde_json::json!(["p", "q"])).run();
    let play = play.refresh(&flow.replace("{id: z, run: x", "{id: z, run: y")).resume(None).retry("z", true, &[]).resume(None);
    assert_eq!(play.path(), "e[p] e[q] z z z");
}

#[test]
fn what_failed_runs_again() {
    let flow = "steps: [{id: a, run: x}, {id: b, run: x}, {id: c, run: x}]";
    let play = Play::flow(flow).reply("b", [fails("no"), ok()]).run();
    assert_eq!(play.ends().to_string(), "failed");
    let play = play.refresh(&flow.replace("{id: c, run: x", "{id: c, run: y")).resume(None);
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("a b b c", "succeeded"));
}

#[test]
fn what_a_person_had_to_decide_when_the_flow_failed_is_asked_again() {
    let flow = "jobs: 8
steps:
  - {id: a, run: x, needs: []}
  - {id: b, run: x, needs: [], on_failure: escalate}
  - {id: c, run: x, needs: [a]}";
    let play = Play::flow(flow).reply("a", [fails("no"), ok()]).reply("b", [fails("no"), ok()]).slow("a").run();
    let play = play.release("a");
    assert_eq!((play.asks().as_str(), play.question_status("b-1")), ("", QuestionStatus::Voided));
    let play = play.refresh(&flow.replace("{id: c, run: x", "{id: c, run: y")).resume(None);
    assert_eq!((play.asks().as_str(), play.path().as_str()), ("b-2", "a b a c"));
}

#[test]
fn a_question_about_a_step_whose_ground_changed_is_closed() {
    let play = at_b();
    let play = play.refresh(&FLOW.replace("{id: a, run: x", "{id: a, run: y")).resume(None);
    assert_eq!((play.question_status("b-1"), play.path().as_str()), (QuestionStatus::Voided, "a b a b c"));
}

/// What a kill had under way starts again by itself when the flow is another one, and as it is wanted now.
#[test]
fn with_another_flow_as_many_run_at_once_as_are_wanted_now() {
    let flow = "jobs: 3\nsteps: [{id: a, needs: [], run: x}, {id: b, needs: [], run: x}, {id: c, needs: [], run: x}]";
    let mut play = ["a", "b", "c"].into_iter().fold(Play::flow(flow), Play::slow).run();
    assert_eq!(play.state.running.len(), 3);
    play.tell_parked(&Input::Lost { seen: None });
    play.files.insert("flows/main.yaml".to_owned(), format!("flow: main\n{}", flow.replace("run: x", "run: y")));
    play.adopt_with(None, ResumeOptions { jobs: Some(1), allow_unenforced: false });
    let play = play.resume(None);
    assert_eq!(play.state.running.len(), 1);
}
