//! Random flows and random worlds, both read from one tape of bytes, so that what fails shrinks to a short tape.

use std::fmt::Write as _;

use crate::{
    id::{EscalationId, FramePath, StepId, StepRef},
    kernel::{Input, Resume, Retry, commands},
    record::{At, QuestionKind, ResumeOptions, StopCause},
};

use super::{Play, Say, blocked, fails, fatal, flaky, high, interrupted, ok, permanent, transient, unverified, verified};

/// Choices, one byte each; a tape that is over always says 0, which is the tamest choice.
pub(super) struct Tape<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Tape<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }
    pub(super) fn pick(&mut self, of: usize) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or(0)) % of
    }
    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.pick(of.len())].clone()
    }
    /// True once in so many times.
    fn once_in(&mut self, n: usize) -> bool {
        self.pick(n) == n - 1
    }
    pub(super) fn is_over(&self) -> bool {
        self.bytes.len() == 0
    }
}

const SUB: &str = "steps:
  - {id: x, run: x, needs: []}
  - {id: y, run: x, needs: [], approve: {question: Inside?}, on_failure: continue}
  - {id: z, run: x, needs: [x, y], effects: once, undo: u, on_failure: rollback}";

const DETOURS: &str = "  - {id: fix, when: {error: boom}, steps: [{id: mend, run: x}, {id: more, run: x}], verify: x, max: 1}
  - {id: fox, when: {error: bang}, steps: [{id: mend, run: x}], verify: x}\n";

/// A flow of at most seven steps.
pub(super) fn flow(tape: &mut Tape<'_>) -> String {
    let count = 1 + tape.pick(7);
    let mut text = format!("jobs: {}\nparams: {{l: {{type: list}}, n: {{type: integer}}}}\n", 1 + tape.pick(4));
    if tape.once_in(5) {
        let _ = writeln!(text, "limits: {{steps: {}, wall: 1m}}", 3 + tape.pick(9));
    }
    text.push_str("steps:\n");
    let mut exits = vec![true; count];
    for at in 0..count {
        let _ = write!(text, "  - {{id: s{at}");
        step(tape, &mut text, at, &mut exits);
        text.push_str("}\n");
    }
    if tape.once_in(3) {
        choice(tape, &mut text, &exits);
    }
    match tape.pick(4) {
        1 => text.push_str("done: [{id: end, ask: {question: Done?}}]\n"),
        2 => text.push_str("done: [{id: end, that: steps.s0.passed || steps.s0.skipped}]\n"),
        _ => {}
    }
    text
}

fn step(tape: &mut Tape<'_>, text: &mut String, at: usize, exits: &mut [bool]) {
    // Steps inside a loop's body may be needed only inside it.
    let may: Vec<usize> = (0..at).filter(|need| exits[*need]).collect();
    let mut needs: Vec<usize> = may.iter().copied().filter(|_| tape.pick(2) == 0).collect();
    let mut looped = false;
    if tape.pick(3) > 0 || needs.is_empty() && tape.pick(3) > 0 {
        needs.truncate(3);
        let names: Vec<String> = needs.iter().map(|need| format!("s{need}")).collect();
        let _ = write!(text, ", needs: [{}]", names.join(", "));
        if needs.len() > 1 && tape.once_in(3) {
            let _ = write!(text, ", join: {}", tape.one(&["any", "2"]));
        } else if !needs.is_empty() && tape.once_in(4) {
            text.push_str(", needs_skipped: ok");
        }
    } else if at > 0 && exits[at - 1] && tape.once_in(2) {
        // A chain's end goes round with the step above.
        let _ = write!(text, ", loop: {{to: s{}, max: {}}}", at - 1, 1 + tape.pick(3));
        exits[at - 1] = false;
        looped = true;
    } else if at > 0 && !exits[at - 1] {
        let names: Vec<String> = may.last().map(|need| format!("s{need}")).into_iter().collect();
        let _ = write!(text, ", needs: [{}]", names.join(""));
    }
    if tape.once_in(5) {
        let _ = write!(text, ", when: params.n > {}", tape.pick(2));
    }
    if !looped && tape.once_in(5) {
        text.push_str(", for_each: params.l");
    }
    match tape.pick(8) {
        6 => return text.push_str(", ask: {question: Go?}"),
        7 => {
            let _ = write!(text, ", flow: sub, on_failure: {}", tape.one(&["stop", "escalate", "continue"]));
            return;
        }
        _ => text.push_str(", run: x"),
    }
    let _ = write!(text, ", on_failure: {}", tape.one(&["stop", "escalate", "continue", "rollback"]));
    match tape.pick(4) {
        1 => text.push_str(", effects: once"),
        2 => text.push_str(", retry: {attempts: 3}"),
        3 => text.push_str(", undo: u"),
        _ => {}
    }
    if tape.once_in(4) {
        let expires = tape.one(&[
            "",
            ", expires: 1h, on_timeout: wait",
            ", expires: 1h, on_timeout: reject",
            ", expires: 1h, on_timeout: escalate",
        ]);
        let _ = write!(text, ", approve: {{question: Go?{expires}}}");
    }
    if tape.once_in(6) {
        let _ = write!(text, ", escalate: {{when: '!step.passed', halt: {}}}", tape.one(&["branch", "run"]));
    }
}

/// A step that chooses between three, one of which may be closed; and what comes after them, perhaps with a way back.
fn choice(tape: &mut Tape<'_>, text: &mut String, exits: &[bool]) {
    let may: Vec<String> = (0..exits.len()).filter(|need| exits[*need]).map(|need| format!("s{need}")).collect();
    let before = if may.is_empty() { String::new() } else { tape.one(&may) };
    let inject = tape.one(&["", ", inject: {flows: [sub], max: 1}", ", inject: {flows: [sub], detours: [fix], max: 2}"]);
    let when = tape.one(&["", ", when: params.n > 0"]);
    let _ = writeln!(
        text,
        "  - {{id: nav, agent: navigator, engine: stub, route: navigator, needs: [{before}], needs_skipped: ok{inject}{when}}}"
    );
    let also = if before.is_empty() || tape.once_in(2) { String::new() } else { format!(", {before}") };
    let once = tape.one(&["", ", effects: once, undo: u, on_failure: rollback", ", on_failure: continue, retry: {attempts: 2}"]);
    let _ = writeln!(text, "  - {{id: w0, run: x, needs: [nav{also}]{once}}}");
    let _ = writeln!(text, "  - {{id: w1, run: x, needs: [nav], when: params.n > 1, approve: {{question: Go?}}}}");
    let _ = writeln!(text, "  - {{id: w2, flow: sub, needs: [nav], on_failure: escalate}}");
    let back = tape.one(&["", ", loop: {to: nav, max: 2}"]);
    let _ = writeln!(text, "  - {{id: w3, run: x, needs: [w0, w1, w2], needs_skipped: ok{back}}}");
}

/// What a navigator answers: most often a way, which may be closed by then.
fn choose(tape: &mut Tape<'_>) -> Say {
    let way = tape.one(&["w0", "w1", "w2", "flow:sub", "detour:fix", "w3", "detour:none", "no way"]);
    match tape.pick(5) {
        3 => say(tape),
        4 => verified(),
        _ => verified().said(|draft| draft.routing.next_step_suggestion = Some(way.to_owned())),
    }
}

pub(super) fn play(tape: &mut Tape<'_>) -> Option<Play> {
    let text = flow(tape);
    let items = [serde_json::json!([]), serde_json::json!(["p"]), serde_json::json!(["p", "q", "q"])][tape.pick(3)].clone();
    let mut play = Play::flow(&text).and_flow("sub", SUB).detours(DETOURS).param("l", items).param("n", tape.pick(3).into());
    play.file("agents/navigator.md", "---\nname: navigator\ndescription: chooses\n---\nChoose.");
    play.loads().then_some(play)
}

fn say(tape: &mut Tape<'_>) -> Say {
    match tape.pick(14) {
        8 => fails("boom"),
        9 => permanent("bang"),
        10 => tape.one(&[transient("busy"), flaky("odd")]),
        11 => blocked("a file"),
        12 => tape.one(&[unverified(), high("a hole")]),
        13 => tape.one(&[interrupted(), fails("other"), interrupted(), fatal("secret")]),
        _ => ok(),
    }
}

/// One thing that the world does.
pub(super) fn happen(play: &mut Play, tape: &mut Tape<'_>) {
    let running: Vec<(At, u32, u32)> =
        play.state.running.iter().map(|(at, one)| (at.clone(), one.execution, one.attempt)).collect();
    play.now = play.now.plus([5, 0, 3_000, 4_000_000][tape.pick(4)]);
    match tape.pick(16) {
        0..=7 => {
            let Some((at, execution, attempt)) = (!running.is_empty()).then(|| tape.one(&running)) else {
                return something_else(play, tape);
            };
            let said = if at.step.as_str() == "nav" { choose(tape) } else { say(tape) };
            let input = Input::Replied { at, execution, attempt, reply: said.reply(play.now) };
            play.tell(&input);
            if tape.once_in(8) {
                play.tell(&input);
            }
        }
        8..=10 => drop(answer(play, tape)),
        11 => drop(play.tell(&Input::Ticked)),
        12 => {
            play.tell(&Input::Lost { seen: None });
            play.tell(&Input::Resumed(Resume { by: "bo".to_owned(), from: None, options: ResumeOptions::default() }));
        }
        13 => {
            let cause = tape.one(&[StopCause::Sigint, StopCause::Sigterm, StopCause::Sigint, StopCause::Cancel]);
            play.tell(&Input::StopRequested { cause, by: "bo".to_owned() });
        }
        14 => something_else(play, tape),
        _ => person(play, tape),
    }
}

fn something_else(play: &mut Play, tape: &mut Tape<'_>) {
    let requested: Vec<EscalationId> = play.state.requested.keys().cloned().collect();
    for id in requested {
        play.tell(&Input::Shown { id, shown: Vec::new() });
    }
    if !answer(play, tape) {
        play.tell(&Input::Ticked);
        play.tell(&Input::Rest);
        play.tell(&Input::Resumed(Resume { by: "bo".to_owned(), from: None, options: ResumeOptions::default() }));
    }
}

fn answer(play: &mut Play, tape: &mut Tape<'_>) -> bool {
    let open: Vec<EscalationId> = play.state.open_questions.iter().cloned().collect();
    if open.is_empty() {
        return false;
    }
    let question = play.question(tape.one(&open).as_str()).clone();
    let mut choices: Vec<String> = question.options.iter().map(|option| option.key.clone()).collect();
    choices.extend(["push-back:s0".to_owned(), "nonsense".to_owned()]);
    let input = play.answer_to(&question, &tape.one(&choices), "ana");
    play.tell(&input)
}

/// `resume --from`, `retry`, `retry --only`, `resume --refresh`.
fn person(play: &mut Play, tape: &mut Tape<'_>) {
    let by = "bo".to_owned();
    let other = || (FramePath::new("other").unwrap(), StepId::new("zz").unwrap());
    let flows: Vec<_> = play.state.frames.values().collect();
    let found = flows.get(tape.pick(flows.len() + 1)).and_then(|frame| {
        let steps = &frame.plan.steps;
        Some((frame.path.clone(), steps.get(tape.pick(steps.len() + 1))?.spec.id.clone()))
    });
    let (flow, step) = found.unwrap_or_else(other);
    let input = match tape.pick(3) {
        0 => Input::Resumed(Resume { by, from: Some((flow, step)), options: otherwise(tape) }),
        1 => {
            let set = [(crate::id::ParamName::new("n").unwrap(), tape.pick(3).into())].into();
            let whole = StepRef::from(&step);
            let group = play.state.step(&At { flow: flow.clone(), step: whole.clone() }).and_then(|step| step.group.clone());
            let item = group.and_then(|group| StepRef::instance(&step, &group.items.get(tape.pick(4))?.key).ok());
            let step = item.unwrap_or(whole);
            Input::Retried(Retry { by, flow, step, only: tape.once_in(3), set, options: otherwise(tape) })
        }
        _ => return play.change_a_step(["s0", "s1", "s2", "s3", "x", "z", "mend"][tape.pick(7)]),
    };
    play.tell(&input);
}

fn otherwise(tape: &mut Tape<'_>) -> ResumeOptions {
    ResumeOptions { jobs: tape.once_in(4).then_some(1), allow_unenforced: tape.once_in(8) }
}

/// A world without further trouble: everything succeeds and everybody agrees. It must come to an end.
pub(super) fn settle(play: &mut Play) {
    play.tell(&Input::Lost { seen: None });
    play.tell(&Input::Resumed(Resume { by: "bo".to_owned(), from: None, options: ResumeOptions::default() }));
    for nth in 0..2_000 {
        play.drive();
        let Some(id) = play.state.open_questions.get_min().cloned() else { break };
        let question = play.question(id.as_str()).clone();
        let has = |key: &&str| question.options.iter().any(|option| option.key == *key);
        let choose = match question.kind {
            // A way may be closed by now, and the next one open.
            QuestionKind::Navigator => question.options[nth % (question.options.len() - 1)].key.as_str(),
            _ => ["approve", "raise", "retry"].into_iter().find(|key| has(key)).unwrap(),
        };
        let input = play.answer_to(&question, choose, "ana");
        play.now = play.now.plus(1);
        assert!(play.tell(&input), "{:?}", play.refused.last());
    }
    assert!(play.state.open_frames.is_empty(), "it does not end: {}\n{:?}", play.story(), commands(&play.state));
}

/// Executions of once-only steps that were lost, and not yet allowed again by a person.
pub(super) fn unasked(play: &Play) -> Vec<String> {
    use crate::{record::Fact, spec::Effects};
    let mut lost: Vec<At> = Vec::new();
    let mut broken = Vec::new();
    let base = |step: &StepRef| StepRef::new(step.base()).unwrap();
    for fact in play.facts() {
        match fact {
            Fact::StepLost { at, .. } => {
                let frame = &play.state.frames[&at.flow];
                let step = frame.plan.find(at.step.base()).map(|ix| frame.plan.step(ix).spec.effects);
                if step == Some(Effects::Once) {
                    lost.push(at.clone());
                }
            }
            Fact::EscalationAnswered { id, .. } => {
                let question = &play.state.questions[id];
                if question.kind == QuestionKind::Lost {
                    // A question about a step speaks of its items, too.
                    let about = |step: &StepRef| *step == question.step_id || base(step) == question.step_id;
                    lost.retain(|at| at.flow != question.flow_path || !about(&at.step));
                }
            }
            Fact::Superseded { flow, named: Some(named), .. } => {
                lost.retain(|at| at.flow != *flow || *named != at.step && *named != base(&at.step));
            }
            // What another run of a rollback takes back is named by its place in it.
            Fact::FlowStarted { flow, parent: Some(parent), .. } if parent.takes_back() => lost.retain(|at| at.flow != *flow),
            Fact::StepStarted { at, .. } if lost.contains(at) => broken.push(at.to_string()),
            _ => {}
        }
    }
    broken
}
