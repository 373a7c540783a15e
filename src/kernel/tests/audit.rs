//! What is true of every state: counters equal a recount, nobody waits for what cannot come, and a state's whole picture.

use std::fmt::Write as _;

use crate::{
    kernel::{Command, Frame, FramePhase, Life, Settled, Slot, State, commands, state::DoneState},
    plan::StepIx,
    record::{Fact, Parent, QuestionKind, QuestionStatus},
};

/// Everything in a state that facts change, as text.
pub(super) fn picture(state: &State) -> String {
    let mut text = String::new();
    let State { run, open_frames, running, due, questions, open_questions, requested, line_stops, breakers, .. } = state;
    let _ = writeln!(text, "{:?} {:?} {:?} {:?} {:?} {}", run, state.stop, state.fatal, state.rested, state.now, state.seq);
    let _ =
        writeln!(text, "{open_frames:?}\n{running:?}\n{due:?}\n{questions:?}\n{open_questions:?}\n{requested:?}\n{line_stops:?}");
    let _ = writeln!(text, "{breakers:?}");
    for frame in state.frames.values() {
        let _ = writeln!(text, "{} {} {} {:?} {:?}", frame.path, frame.key, frame.generation, frame.parent, frame.phase);
        let _ = writeln!(text, "{:?} {:?} {:?} {:?}", frame.params, frame.options, frame.failing, frame.rolled_back);
        let _ = writeln!(text, "{:?} {} {} {} {:?}", frame.ready, frame.unsettled, frame.live, frame.busy, frame.doomed);
        let _ = writeln!(text, "{:?} {:?} {} {:?}", frame.loops, frame.finished, frame.executions, frame.steps_max);
        let _ = writeln!(text, "{:?} {} {:?} {:?}", frame.wall_ms_max, frame.active_ms, frame.active_since, frame.limited);
        let _ = writeln!(text, "{:?} {:?} {:?} {:?}", frame.allowed, frame.warnings, frame.done, frame.outcome_reason);
        let _ = writeln!(text, "{:?} {:?} {:?}", frame.last_decision, frame.asked, frame.doubts);
        frame.steps.iter().for_each(|step| text += &format!("  {step:?}\n"));
        frame.items.iter().for_each(|item| text += &format!("  {item:?}\n"));
    }
    text
}

pub(super) fn same(one: &State, other: &State, what: &str) {
    let (one, other) = (picture(one), picture(other));
    if one != other {
        let differing = one.lines().zip(other.lines()).find(|(a, b)| a != b);
        panic!("{what} differ: {differing:#?}");
    }
}

pub(super) fn kind(fact: &Fact) -> String {
    let text = serde_json::to_value(fact).unwrap();
    let step = text.pointer("/at/step").or_else(|| text.pointer("/decision/step_id")).and_then(|step| step.as_str());
    let rule = text.pointer("/decision/rule").and_then(|rule| rule.as_str());
    [text["kind"].as_str(), step, rule].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn slots(frame: &Frame) -> Vec<Slot> {
    let step = |at: usize| Slot::from(StepIx(u32::try_from(at).unwrap()));
    let items = frame.items.keys().map(|(step, item)| Slot { step: *step, item: Some(*item) });
    (0..frame.steps.len()).map(step).chain(items).collect()
}

/// Panics where an invariant is broken.
pub(super) fn holds(state: &State) {
    for frame in state.frames.values() {
        counters(state, frame);
        if frame.is_open() {
            lives(state, frame);
        }
    }
    for (at, _) in &state.running {
        let frame = &state.frames[&at.flow];
        let life = &state.step(at).unwrap_or_else(|| panic!("{at} runs and is no step")).life;
        assert_eq!(*life, Life::Running, "{at} runs, says `running`");
        assert!(frame.is_open(), "{at} runs in a flow that is over");
    }
    for (_, at) in &state.due {
        assert!(matches!(state.step(at).map(|step| &step.life), Some(Life::Waiting { .. })), "{at} is due and does not wait");
    }
    for id in &state.open_questions {
        let question = &state.questions[id];
        assert_eq!(question.status, QuestionStatus::Open, "{id}");
        let frame = &state.frames[&question.flow_path];
        assert!(frame.is_open(), "{id} is open, and its flow is over");
        let life = frame.slot(&question.step_id).and_then(|slot| frame.state(slot)).map(|step| step.life.clone());
        let waits = match question.kind {
            QuestionKind::Limit => frame.limited.as_ref() == Some(id),
            QuestionKind::Done => frame.done.values().any(|done| *done == DoneState::Asking(id.clone())),
            _ => matches!(&life, Some(Life::Gated(own) | Life::Asking(own) | Life::Held(own)) if own == id),
        };
        assert!(waits, "{id} is open, and nothing waits for it: {life:?}");
    }
    moves(state);
}

fn counters(state: &State, frame: &Frame) {
    let path = &frame.path;
    let live =
        |life: &Life| matches!(life, Life::Running | Life::Waiting { .. } | Life::InFlow(_) | Life::InDetour(_) | Life::Ended);
    let all = slots(frame);
    let lives = |wanted: &dyn Fn(&Life) -> bool| all.iter().filter(|slot| wanted(&frame.state(**slot).unwrap().life)).count();
    assert_eq!(frame.live as usize, lives(&live), "{path}: live");
    let open = frame.steps.iter().filter(|step| !matches!(step.life, Life::Settled(_))).count();
    assert_eq!(frame.unsettled as usize, open, "{path}: unsettled");
    let ready: Vec<Slot> = all.iter().copied().filter(|slot| frame.state(*slot).unwrap().life == Life::Ready).collect();
    assert_eq!(frame.ready.iter().copied().collect::<Vec<_>>().len(), ready.len(), "{path}: ready {:?} {ready:?}", frame.ready);
    assert!(ready.iter().all(|slot| frame.ready.contains(slot)), "{path}: ready {:?} {ready:?}", frame.ready);
    let below = |at: &crate::id::FramePath| is_below(state, at, path);
    let busy =
        state.running.keys().map(|at| &at.flow).chain(state.due.iter().map(|(_, at)| &at.flow)).filter(|at| below(at)).count();
    assert_eq!(frame.busy as usize, busy, "{path}: busy");
    for slot in all {
        let Some(group) = frame.state(slot).and_then(|step| step.group.clone()) else { continue };
        let settled = |item: usize| {
            let slot = Slot { step: slot.step, item: Some(u32::try_from(item).unwrap()) };
            frame.state(slot).is_some_and(|item| matches!(item.life, Life::Settled(_)))
        };
        let count = (0..group.items.len()).filter(|item| settled(*item)).count();
        assert_eq!(group.settled as usize, count, "{path}: settled items of {}", frame.name(slot.step.into()));
    }
}

fn is_below(state: &State, at: &crate::id::FramePath, path: &crate::id::FramePath) -> bool {
    let mut next = Some(at.clone());
    while let Some(here) = next {
        if here == *path {
            return true;
        }
        next = state.frame(&here).and_then(|frame| frame.parent.as_deref()).map(|parent| match parent {
            Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. } | Parent::Undo { at, .. } => {
                at.flow.clone()
            }
            Parent::Rollback { of, .. } => of.clone(),
        });
    }
    false
}

/// A step waits only for something that can still come.
fn lives(state: &State, frame: &Frame) {
    for slot in slots(frame) {
        let step = frame.state(slot).unwrap();
        let name = frame.at(slot);
        let asked = |id| state.open_questions.contains(id) || state.requested.contains_key(id);
        match &step.life {
            Life::Gated(id) | Life::Asking(id) | Life::Held(id) => {
                assert!(asked(id), "{name} waits for {id}, which is not asked");
            }
            Life::InFlow(path) | Life::InDetour(path) => {
                assert!(state.frame(path).is_some_and(Frame::is_open), "{name} waits for {path}, which is not open");
            }
            Life::Running if is_performed(frame, slot) => assert!(state.running.contains_key(&name), "{name} says `running`"),
            Life::Ended => panic!("{name} ended and nothing was decided"),
            Life::Waiting { due } => assert!(state.due.contains(&(*due, name.clone())), "{name} waits and is not due"),
            Life::Running | Life::Idle | Life::Ready | Life::Fanned => {}
            Life::Settled(Settled::Passed | Settled::Standing | Settled::Failed | Settled::Skipped) => {}
        }
    }
    if let Some(id) = &frame.limited {
        assert!(state.open_questions.contains(id) || state.requested.contains_key(id), "{} is limited by {id}", frame.path);
    }
}

fn is_performed(frame: &Frame, slot: Slot) -> bool {
    use crate::spec::Verb;
    !matches!(frame.plan.step(slot.step).spec.verb, Verb::Ask(_) | Verb::Flow { .. })
}

/// The run can always move, or rests for a reason.
fn moves(state: &State) {
    let wanted = commands(state);
    assert!(!wanted.is_empty() || state.run.is_none(), "nothing is wanted, not even rest");
    let acts = wanted.iter().any(|one| !matches!(one, Command::Rest));
    let stopping = state.stop.is_some();
    let confined = state.frames.values().any(|frame| frame.allowed.is_some());
    let open: Vec<&Frame> = state.open_frames.iter().map(|path| state.frames[path].as_ref()).collect();
    if acts || stopping || confined || open.is_empty() || !state.open_questions.is_empty() {
        return;
    }
    let stuck: Vec<String> = open
        .iter()
        .filter(|frame| frame.phase == FramePhase::Open)
        .map(|frame| {
            let steps =
                frame.steps.iter().enumerate().map(|(at, step)| format!("{}={:?}", frame.plan.steps[at].spec.id, step.life));
            format!("{}: {}", frame.path, steps.collect::<Vec<_>>().join(", "))
        })
        .collect();
    panic!("open, and nothing runs, is due or is asked: {stuck:#?}");
}
