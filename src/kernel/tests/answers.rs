//! Questions as steps, the Definition of Done, and which answers are taken.

use crate::{
    kernel::{Input, Roles},
    record::{Channel, Fact},
};

use super::{Play, fails, ok};

#[test]
fn a_question_is_a_step_and_its_answer_a_value() {
    let flow = "steps:
  - {id: q, ask: {question: Which?, options: [{key: red}, {key: green}]}}
  - {id: r, run: x, when: steps.q.choice == 'red'}
  - {id: g, run: x, when: steps.q.choice == 'green'}";
    let play = Play::flow(flow).run();
    assert_eq!((play.asks().as_str(), play.options_of("q-1").as_str()), ("q-1", "red green"));
    assert_eq!(play.say("q-1", "green").path(), "q g");
}

#[test]
fn an_unknown_choice_is_refused_and_never_the_first_option() {
    let play =
        Play::flow("steps: [{id: q, ask: {question: Which?, options: [{key: red}, {key: green}]}}]").run().say("q-1", "blue");
    assert_eq!(play.refusals(), ["`blue` is not an answer to `q-1`; the answers are: red, green"]);
    assert_eq!(play.asks(), "q-1");
}

#[test]
fn no_is_a_failure_of_the_step() {
    let play = Play::flow("steps: [{id: q, ask: {question: Go?}}, {id: z, run: x}]").run().say("q-1", "reject");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("q", "failed"));
    assert_eq!(play.decisions("q"), ["TERMINATE failed-policy"]);
}

#[test]
fn an_answer_counts_once() {
    let play = Play::flow("steps: [{id: q, ask: {question: Go?}}, {id: r, ask: {question: Sure?}}]").run();
    let play = play.say("q-1", "approve").say("q-1", "reject");
    assert_eq!(play.refusals(), ["question `q-1` is closed (answered `approve` by ana): nothing ran"]);
    assert_eq!(play.asks(), "r-1");
}

#[test]
fn only_the_role_that_is_asked_may_answer() {
    let flow = "steps: [{id: q, ask: {question: Go?, to: [ceo]}}]";
    let mut play = Play::flow(flow).run();
    play.roles = Roles { has: Some(vec!["cto".to_owned()]), self_approval: true };
    let mut play = play.say("q-1", "approve");
    assert_eq!(play.refusals(), ["question `q-1` may be answered by ceo, and ana is none of these"]);
    play.roles = Roles { has: Some(vec!["cto".to_owned(), "ceo".to_owned()]), self_approval: true };
    assert_eq!(play.say("q-1", "approve").ends().to_string(), "succeeded");
}

#[test]
fn who_started_the_run_may_answer_it_unless_config_says_no() {
    let flow = "steps: [{id: q, ask: {question: Go?}}]";
    let mut play = Play::flow(flow).run();
    play.roles.self_approval = false;
    let own = play.answer_to(play.question("q-1"), "approve", "bo");
    play.tell(&own);
    assert!(play.refusals()[0].contains("self_approval = false"), "{:?}", play.refusals());
    play.roles.self_approval = true;
    let own = play.answer_to(play.question("q-1"), "approve", "bo");
    play.tell(&own);
    assert!(play.question("q-1").answer.as_ref().unwrap().self_approved);
}

#[test]
fn neither_an_agent_nor_time_may_answer_from_outside() {
    let flow = "steps: [{id: q, ask: {question: Go?, to: [ceo]}}]";
    let mut play = Play::flow(flow).run();
    play.roles = Roles { has: Some(Vec::new()), self_approval: true };
    let question = play.question("q-1").clone();
    let agent = play.answer_to(&question, "approve", "agent:critic");
    play.tell(&agent);
    let mut late = play.answer_to(&question, "approve", "timeout");
    if let Input::Answered { answer, .. } = &mut late {
        answer.channel = Channel::Timeout;
    }
    play.tell(&late);
    assert_eq!(play.refusals(), ["an agent may not answer a question to a person"; 2]);
    assert_eq!(play.asks(), "q-1");
}

#[test]
fn done_is_what_holds() {
    let flow = |that: &str| format!("steps: [{{id: a, run: x}}]\ndone: [{{id: good, that: {that}}}]");
    assert_eq!(Play::flow(&flow("steps.a.passed")).run().ends().to_string(), "succeeded");
    let play = Play::flow(&flow("'!steps.a.passed'")).run();
    assert_eq!(play.reason("main"), "not done: good: `!steps.a.passed` is false");
    assert_eq!(play.ends().to_string(), "failed");
}

#[test]
fn done_may_ask_a_person() {
    let flow = "steps: [{id: a, run: x}]\ndone: [{id: sign-off, ask: {question: Signed off?}}]";
    let play = Play::flow(flow).run();
    assert_eq!((play.asks().as_str(), play.ends().to_string().as_str()), ("sign-off-1", "waiting"));
    assert_eq!(play.say("sign-off-1", "approve").ends().to_string(), "succeeded");
    let play = Play::flow(flow).run().say("sign-off-1", "reject");
    assert_eq!(
        (play.ends().to_string().as_str(), play.reason("main").as_str()),
        ("failed", "not done: sign-off: ana chose reject")
    );
}

#[test]
fn done_holds_by_a_yes_and_by_nothing_else() {
    let flow = "steps: [{id: a, run: x}]
done: [{id: ok, ask: {question: Done?, options: [{key: 'yes'}, {key: later}, {key: 'no'}]}}]";
    assert_eq!(Play::flow(flow).run().say("ok-1", "yes").ends().to_string(), "succeeded");
    for not_yes in ["no", "later"] {
        let play = Play::flow(flow).run().say("ok-1", not_yes);
        assert_eq!(play.reason("main"), format!("not done: ok: ana chose {not_yes}"));
        assert_eq!(play.ends().to_string(), "failed");
    }
}

#[test]
fn a_line_of_done_is_not_answered_by_sending_work_back() {
    // Also where it has the name of a step, which could be sent back.
    let flow = "steps: [{id: a, run: x}, {id: b, run: x}]\ndone: [{id: b, ask: {question: Ok?}}]";
    let play = Play::flow(flow).run().say("b-1", "push-back:a");
    assert_eq!(play.refusals(), ["`push-back:a` is not an answer to `b-1`; the answers are: approve, reject"]);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a b", "b-1"));
}

#[test]
fn a_limit_is_not_answered_by_sending_work_back() {
    let play = Play::flow("limits: {steps: 1}\nsteps: [{id: a, run: x}, {id: b, run: x}]").run().say("b-1", "push-back:a");
    assert_eq!(play.refusals(), ["`push-back:a` is not an answer to `b-1`; the answers are: raise, abort"]);
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a", "b-1"));
}

#[test]
fn a_line_of_done_that_does_not_apply_is_not_asked() {
    let flow = "steps: [{id: a, run: x, on_failure: continue}]\ndone: [{id: s, ask: {question: Ok?}, when: '!steps.a.passed'}]";
    assert_eq!(Play::flow(flow).run().ends().to_string(), "succeeded");
    assert_eq!(Play::flow(flow).reply("a", [fails("no")]).run().asks(), "s-1");
}

#[test]
fn done_is_asked_again_when_the_flow_ran_again() {
    let flow = "steps: [{id: a, run: x}, {id: b, run: x}]\ndone: [{id: s, ask: {question: Ok?}}]";
    let play = Play::flow(flow).run().resume(Some("b"));
    assert_eq!((play.path().as_str(), play.asks().as_str()), ("a b b", "s-2"));
}

#[test]
fn a_note_reaches_the_next_execution() {
    let mut play = Play::flow("steps: [{id: a, run: x, on_failure: escalate}]").reply("a", [fails("no")]).run();
    let question = play.question("a-1").clone();
    let mut input = play.answer_to(&question, "retry", "ana");
    if let Input::Answered { answer, .. } = &mut input {
        answer.note = Some("use the other host".to_owned());
    }
    play.tell(&input);
    assert_eq!(play.frame("main").steps[0].note.as_deref(), Some("use the other host"));
}

#[test]
fn a_form_is_filled_in_and_later_steps_read_it() {
    let flow = "steps:
  - {id: q, ask: {question: How many?, form: {seats: {type: integer, required: true}, plan: {type: enum, values: [s, l], default: s}}}}
  - {id: few, run: x, when: steps.q.json.values.seats < 10}
  - {id: many, run: x, when: steps.q.json.values.seats >= 10}";
    let play = Play::flow(flow).run();
    assert_eq!(play.options_of("q-1"), "answer reject");
    assert_eq!(play.question("q-1").answer_schema.as_ref().unwrap()["properties"]["seats"]["type"], "integer");
    let filled = |play: &Play, seats: serde_json::Value| {
        let mut input = play.answer_to(play.question("q-1"), "answer", "ana");
        if let Input::Answered { answer, .. } = &mut input {
            answer.values = [(crate::id::ParamName::new("seats").unwrap(), seats)].into();
        }
        input
    };
    let mut play = play.say("q-1", "answer");
    assert_eq!(play.refusals(), ["the answer to `q-1` does not fit its form: `seats`: it is missing"]);
    play.tell(&filled(&play, "12".into()));
    assert!(play.refusals()[1].contains("expected a whole number"), "{:?}", play.refusals());
    play.tell(&filled(&play, 12.into()));
    play.drive();
    assert_eq!(play.path(), "q many");
    let answer = play.question("q-1").answer.as_ref().unwrap();
    assert_eq!(serde_json::json!(answer.values), serde_json::json!({"plan": "s", "seats": 12}));
    // Nothing is asked of a no.
    assert_eq!(Play::flow(flow).run().say("q-1", "reject").refusals(), [""; 0]);
}

#[test]
fn values_that_nobody_asked_for_are_refused() {
    let mut play = Play::flow("steps: [{id: q, ask: {question: Go?}}]").run();
    let mut input = play.answer_to(play.question("q-1"), "approve", "ana");
    if let Input::Answered { answer, .. } = &mut input {
        answer.values = [(crate::id::ParamName::new("x").unwrap(), 1.into())].into();
    }
    play.tell(&input);
    assert_eq!(play.refusals(), ["the answer to `q-1` does not fit its form: `x` is not asked for (it takes no values)"]);
    assert_eq!(play.asks(), "q-1");
}

#[test]
fn time_answers_a_line_of_done_that_has_the_name_of_a_step() {
    let flow = "steps: [{id: a, run: x}]\ndone: [{id: a, ask: {question: Ok?, expires: 1h, on_timeout: reject}}]";
    let mut play = Play::flow(flow).run();
    play.now = play.now.plus(60 * 60 * 1000);
    play.tell(&Input::Ticked);
    assert_eq!(play.reason("main"), "not done: a: timeout chose reject: nobody answered in time");
}

#[test]
fn time_chooses_no_answer_that_the_question_does_not_have() {
    // As in a run whose flow was frozen before that was looked at.
    let flow = "steps: [{id: q, ask: {question: Which?, options: [{key: red}, {key: blue}], expires: 1h, on_timeout: fail}}]";
    let mut play = Play::flow(flow).run();
    for state in [&mut play.state, &mut play.mirror] {
        let question = state.questions.get_mut(&crate::id::EscalationId::new("q-1").unwrap()).unwrap();
        std::sync::Arc::make_mut(question).on_timeout = crate::spec::OnTimeout::Approve;
    }
    play.now = play.now.plus(60 * 60 * 1000);
    play.tell(&Input::Ticked);
    assert_eq!(play.decisions("q"), ["TERMINATE failed-policy"]);
    assert_eq!(play.question("q-1").answer.as_ref().unwrap().choose, "reject");
}

#[test]
fn a_note_with_which_a_step_is_passed_reaches_those_that_come_next() {
    let flow = "params: {l: {type: list}}
steps:
  - {id: f, run: x, needs: [], on_failure: escalate}
  - {id: e, run: x, needs: [], escalate: {when: step.passed, question: Well?}}
  - {id: g, run: x, needs: [f, e]}
  - {id: h, run: x, needs: [e], for_each: params.l}
  - {id: z, run: x, needs: [g]}";
    let noted = |play: &Play, id: &str, choose: &str| {
        let mut input = play.answer_to(play.question(id), choose, "ana");
        if let Input::Answered { answer, .. } = &mut input {
            answer.note = Some(format!("note on {id}"));
        }
        input
    };
    let mut play = Play::flow(flow).param("l", serde_json::json!(["a", "b"])).reply("f", [fails("no")]);
    for slow in ["g", "h[a]", "h[b]"] {
        play = play.slow(slow);
    }
    let mut play = play.run();
    let (skip, go_on) = (noted(&play, "f-1", "skip"), noted(&play, "e-1", "approve"));
    play.tell(&skip);
    play.tell(&go_on);
    play.drive();
    let note = |play: &Play, step: &str| {
        let frame = play.frame("main");
        let slot = frame.slot(&crate::id::StepRef::new(step).unwrap()).unwrap();
        frame.state(slot).unwrap().note.as_deref().unwrap_or_default().to_owned()
    };
    assert_eq!(note(&play, "g"), "note on f-1\nnote on e-1");
    assert_eq!([note(&play, "h[a]"), note(&play, "h[b]"), note(&play, "h")], ["note on e-1", "note on e-1", ""]);
    assert_eq!(play.frame("main").steps[0].result.as_ref().unwrap().note.as_deref(), Some("note on f-1"));
    // Each was for that one time.
    let play = play.release("g");
    assert_eq!((note(&play, "g").as_str(), note(&play, "z").as_str(), note(&play, "e").as_str()), ("", "", ""));
}

#[test]
fn a_step_that_a_person_skipped_was_decided_on_by_that_person_and_stays_a_warning() {
    let flow = "steps: [{id: f, run: x, on_failure: escalate}, {id: g, run: x}, {id: h, run: x, needs: [f, g]}]";
    let play = Play::flow(flow).reply("f", [fails("no")]).run().say("f-1", "skip");
    assert_eq!((play.path().as_str(), play.ends().to_string().as_str()), ("f g h", "succeeded"));
    assert_eq!(play.decisions("f"), ["ESCALATE failed-policy", "CONTINUE answered"]);
    let decision = play.last_decision("f");
    assert_eq!((decision.by.as_str(), decision.reason.as_str()), ("human:ana", "ana chose skip"));
    assert_eq!(decision.next_step_ids.iter().map(ToString::to_string).collect::<Vec<_>>(), ["g"]);
    assert_eq!(play.warnings(), ["f: ana chose skip"]);
}

#[test]
fn whatever_a_person_has_done_is_a_line_of_its_own() {
    let flow = "steps: [{id: a, run: x}, {id: f, run: x, on_failure: escalate}, {id: g, run: x}]";
    let said = |choose: &str| {
        let mut play = Play::flow(flow).reply("f", [fails("no"), ok()]).run();
        let mut input = play.answer_to(play.question("f-1"), choose, "ana");
        if let Input::Answered { answer, .. } = &mut input {
            answer.note = Some("the disk was full".to_owned());
        }
        play.tell(&input);
        play.drive();
        assert_eq!(play.ends().to_string(), "succeeded", "{choose}");
        let by_ana = play.facts().find_map(|fact| match fact {
            Fact::Routed { decision, .. } if decision.by == "human:ana" => Some(decision.clone()),
            _ => None,
        });
        let decision = by_ana.expect("her decision stands there");
        assert_eq!((decision.reason.clone(), decision.execution), (format!("ana chose {choose}: the disk was full"), 1));
        let next = decision.next_step_ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        (play.decisions("f").join(", "), next, play.path())
    };
    let is = |decisions: &str, next: &str, path: &str| (decisions.to_owned(), next.to_owned(), path.to_owned());
    let escalated = "ESCALATE failed-policy, CONTINUE";
    assert_eq!(said("retry"), is(&format!("{escalated} retry, CONTINUE verified"), "f", "a f f g"));
    assert_eq!(said("push-back:a"), is(&format!("{escalated} push-back, CONTINUE verified"), "a", "a f a f g"));
    assert_eq!(said("mark-done"), is(&format!("{escalated} mark-done, CONTINUE verified"), "", "a f f g"));
    // Back from a question before a step that has not run.
    let flow = flow.replace("{id: g, run: x}", "{id: g, run: x, approve: {question: Go?}}");
    let play = Play::flow(&flow).run().say("g-1", "push-back:a");
    assert_eq!((play.decisions("g").join(", ").as_str(), play.path().as_str()), ("CONTINUE push-back", "a f a f"));
}

#[test]
fn a_note_without_a_word_proves_nothing() {
    let flow = "steps: [{id: f, run: x, on_failure: escalate}]";
    let said = |note: &str| {
        let mut play = Play::flow(flow).reply("f", [fails("no")]).run();
        let mut input = play.answer_to(play.question("f-1"), "mark-done", "ana");
        if let Input::Answered { answer, .. } = &mut input {
            answer.note = Some(note.to_owned());
        }
        play.tell(&input);
        play.drive();
        (play.refusals().join(""), play.ends().to_string())
    };
    for note in ["…", "-", " ...\n", "--- ?"] {
        let needs = "`mark-done` for `f-1` needs a file as evidence, or a note that says how you know";
        let why = format!("{needs}: it names none, and its note has no word in it");
        assert_eq!(said(note), (why, "waiting".to_owned()), "{note:?}");
    }
    for note in ["ok", "見た", "7"] {
        assert_eq!(said(note), (String::new(), "succeeded".to_owned()), "{note:?}");
    }
}
