//! Starts whatever may start: skips, fan-outs, approvals, sub-flows, steps; and closes flows in which nothing is left.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    id::{FramePath, StepId},
    plan::StepIx,
    record::{At, Fact, FailureKind, Item, Option_, Outcome, Parent, QuestionKind, Rule, SkipReason, Status, StopCause},
    spec::{
        Expr, OnTimeout, StepField, Verb,
        flow::{Ask, Step, is_yes},
        form,
    },
};

use super::{
    action::approved_action,
    apply,
    ask::{Asked, option, raise, written},
    breaker, close, doubt, ended, limits, navigator, observe, open, overtime,
    scope::scope,
    state::{Frame, FramePhase, Slot},
    turn::Turn,
};

/// Steps at once, where neither the flow nor the command line says.
const JOBS_DEFAULT: u32 = 4;
/// Items of one `for_each`: each has files of its own.
const ITEMS_MAX: usize = 10_000;
/// An item's key stands in file names, beside step and agent.
const ITEM_KEY_CHARS_MAX: usize = 40;

/// Until nothing more can be started or closed.
pub(super) fn advance(turn: &mut Turn) {
    loop {
        let before = turn.facts.len();
        for path in turn.state.open_frames.clone() {
            advance_frame(turn, &path);
        }
        if turn.facts.len() == before {
            return;
        }
    }
}

fn advance_frame(turn: &mut Turn, path: &FramePath) {
    let Some(frame) = turn.state.frame(path).filter(|frame| frame.is_open()) else { return };
    let cancelled = turn.state.stop == Some(StopCause::Cancel);
    let failing = frame.failing.is_some();
    let around = ancestor_failing(turn, path);
    if cancelled || turn.state.fatal.is_some() || failing || around {
        ended::end_waiting(turn, path);
    }
    let idle = turn.frame(path).live == 0 && !is_rolling_back(turn, path);
    if cancelled {
        if idle {
            close::void_questions(turn, path, "the run was cancelled");
            close::complete(turn, path, Outcome::Cancelled, "cancelled".to_owned());
        }
        return;
    }
    if let Some(reason) = turn.state.fatal.clone() {
        if idle {
            close::void_questions(turn, path, "the run was stopped");
            close::complete(turn, path, Outcome::Failed, reason.to_string());
        }
        return;
    }
    if failing {
        if idle {
            close::failed(turn, path);
        }
        return;
    }
    if around {
        if idle {
            close::abandoned(turn, path);
        }
        return;
    }
    while let Some(step) = turn.frame(path).doomed.get_min().copied() {
        let at = turn.frame(path).at(step.into());
        let only_looks = turn.frame(path).options.observe_only;
        let (why, detail) = match only_looks.then(|| observe::would(turn, path, step.into())).flatten() {
            Some(would) => (SkipReason::ObserveOnly, would),
            None => why_doomed(turn.frame(path), step),
        };
        turn.emit(Fact::StepSkipped { at, why, detail });
    }
    let frame = turn.frame(path);
    if frame.unsettled == 0 && frame.live == 0 {
        close::close(turn, path);
        return;
    }
    start_ready(turn, path);
}

/// What the flow did is being taken back: it is not over before that is.
fn is_rolling_back(turn: &Turn, path: &FramePath) -> bool {
    let frame = path.child("rollback").ok().and_then(|path| turn.state.frame(&path)).filter(|frame| frame.is_open());
    frame.and_then(|frame| frame.parent.as_deref()).is_some_and(Parent::takes_back)
}

fn why_doomed(frame: &Frame, step: StepIx) -> (SkipReason, String) {
    let chooser = frame.plan.step(step).needs.iter().find(|need| apply::leaves_out(frame, **need, step));
    if let Some((chooser, chosen)) = chooser.and_then(|need| Some((need, frame.steps.get(need.at())?.chosen.as_ref()?))) {
        return (SkipReason::NotChosen, format!("{} went on with {chosen}", frame.plan.step(*chooser).spec.id));
    }
    let skipped =
        |need: &&StepIx| frame.steps.get(need.at()).and_then(|state| state.result.as_ref()).is_some_and(|result| result.skipped);
    let names: Vec<&str> =
        frame.plan.step(step).needs.iter().filter(skipped).map(|need| frame.plan.step(*need).spec.id.as_str()).collect();
    (SkipReason::NeedSkipped, format!("it needs {}, which was skipped", names.join(", ")))
}

fn ancestor_failing(turn: &Turn, path: &FramePath) -> bool {
    let mut path = path.clone();
    while let Some(frame) = turn.state.frame(&path) {
        match frame.parent.as_deref() {
            Some(Parent::SubFlow { at } | Parent::Detour { at, .. } | Parent::Injected { at, .. }) => path = at.flow.clone(),
            // A rollback is what a failing flow still does.
            Some(Parent::Rollback { .. } | Parent::Undo { .. }) | None => return false,
        }
        if turn.state.frame(&path).is_some_and(|above| above.failing.is_some() || !above.is_open()) {
            return true;
        }
    }
    false
}

fn start_ready(turn: &mut Turn, path: &FramePath) {
    loop {
        if !turn.driven || turn.state.stop.is_some() || turn.state.fatal.is_some() || !turn.state.line_stops.is_empty() {
            return;
        }
        let frame = turn.frame(path);
        if frame.failing.is_some() || frame.phase != FramePhase::Open || turn.state.is_limited(path) {
            return;
        }
        if turn.state.is_overdue(path) {
            return;
        }
        let root = turn.frame(&open::root(path));
        let full = turn.state.running.len() >= root.options.jobs.or(root.plan.flow.jobs).unwrap_or(JOBS_DEFAULT) as usize;
        // A question or a sub-flow takes no place; a command waits for one.
        let free = |slot: &&Slot| !full || !takes_place(frame, **slot);
        let served = |slot: &&Slot| breaker::paused(&turn.state, frame, slot.step).is_none();
        let mut ready = frame.ready.iter().take_while(|_| !full || frame.plan.has_placeless);
        let Some(slot) = ready.find(|slot| free(slot) && served(slot)).copied() else { return };
        start(turn, path, slot);
    }
}

fn takes_place(frame: &Frame, slot: Slot) -> bool {
    let spec = &frame.plan.step(slot.step).spec;
    let fans = spec.for_each.is_some() && slot.item.is_none();
    let gated = spec.approve.is_some() && frame.state(slot).is_some_and(|state| state.approved.is_none());
    !(fans || gated || spec.when.is_some() || matches!(spec.verb, Verb::Ask(_) | Verb::Flow { .. }))
}

fn start(turn: &mut Turn, path: &FramePath, slot: Slot) {
    let frame = turn.frame(path);
    let spec = frame.plan.step(slot.step).spec.clone();
    let at = frame.at(slot);
    if let Some(message) = left_out(frame, slot) {
        return ended::fail_unstarted(turn, path, slot, FailureKind::Expression, &message);
    }
    if let Some(detail) = observe::passed_over(turn, path, slot) {
        return turn.emit(Fact::StepSkipped { at, why: SkipReason::ObserveOnly, detail });
    }
    if slot.item.is_none() {
        if let Some(when) = &spec.when {
            match holds(turn, path, when, None) {
                Ok(true) => {}
                Ok(false) => {
                    let detail = format!("`{}` is false", when.text());
                    return turn.emit(Fact::StepSkipped { at, why: SkipReason::When, detail });
                }
                Err(error) => return ended::fail_unstarted(turn, path, slot, FailureKind::Expression, &error),
            }
        }
        if spec.for_each.is_some() {
            return fan_out(turn, path, slot, &spec);
        }
    }
    if overtime::reached(turn, &at) || limits::reached(turn, path, slot) {
        return;
    }
    if doubt::asks(turn, path, slot) {
        return;
    }
    // What only looks needs no approval.
    let looks = turn.frame(path).options.observe_only;
    if let Some(approve) = spec.approve.as_ref().filter(|_| !looks && turn.step(path, slot).approved.is_none()) {
        let asks = approve.when.as_ref().map_or(Ok(true), |when| holds(turn, path, when, Some(slot)));
        match asks {
            Ok(false) => {}
            Ok(true) => return gate(turn, path, slot, &spec, approve),
            Err(error) => return ended::fail_unstarted(turn, path, slot, FailureKind::Expression, &error),
        }
    }
    begin(turn, path, slot);
}

/// What the step reads of a step that `--from` left out and that never ran: a condition on nothing would quietly be false,
/// and a template quietly empty.
fn left_out(frame: &Frame, slot: Slot) -> Option<String> {
    let from = frame.options.from.as_ref()?;
    let start = frame.plan.find(from.as_str())?;
    let runs = frame.plan.downstream(start);
    let spec = &frame.plan.step(slot.step).spec;
    let reads = spec.reads();
    // Whether it was skipped is known.
    let mut asked = reads.steps.iter().filter(|(_, fields)| fields.iter().any(|field| *field != StepField::Skipped));
    let never_ran = |name: &str| {
        let step = frame.plan.find(name)?;
        let state = frame.steps.get(step.at())?;
        let nothing = state.result.as_ref().is_none_or(|result| result.skipped);
        (!runs.contains(&step) && state.execution == 0 && nothing).then(|| name.to_owned())
    };
    let name = asked.find_map(|(name, _)| never_ran(name))?;
    let own = &spec.id;
    Some(format!(
        "`{own}` reads what step `{name}` left behind, and `{name}` never ran: `--from {from}` left it out; start at `{name}`, \
         or run without --from"
    ))
}

/// Starts the step now; whatever had to be asked was asked.
fn begin(turn: &mut Turn, path: &FramePath, slot: Slot) {
    let frame = turn.frame(path);
    let spec = frame.plan.step(slot.step).spec.clone();
    let state = turn.step(path, slot);
    let approved_by = state.approved.clone();
    let execution = frame.next_execution(slot);
    let iteration = frame.iteration(slot.step);
    let at = frame.at(slot);
    // The step's own time. What is left of the flow's is the kernel's to watch: when that is over, nothing has failed.
    let timeout_ms = spec.timeout_ms;
    let forced = navigator::forced(&turn.state, frame, slot);
    turn.emit(Fact::StepStarted { at, execution, iteration, timeout_ms, approved_by });
    if let Some(why) = forced {
        return ended::end_builtin(turn, path, slot, Status::Verified, &why, &BTreeMap::new());
    }
    match &spec.verb {
        Verb::Ask(ask) => question_step(turn, path, slot, &spec, ask),
        Verb::Flow { .. } => {
            if let Err(error) = open::sub_flow(turn, path, slot) {
                ended::fail_started(turn, path, slot, FailureKind::SubFlow, &error);
            }
        }
        Verb::Run { .. }
        | Verb::Exec { .. }
        | Verb::Agent(_)
        | Verb::Snapshot { .. }
        | Verb::Compare { .. }
        | Verb::Render { .. }
        | Verb::Scan(_) => {}
    }
}

pub(super) fn holds(turn: &Turn, path: &FramePath, expr: &Expr, own: Option<Slot>) -> Result<bool, String> {
    let frame = turn.frame(path);
    let seen = scope(&turn.state, frame, expr.reads(), own, None);
    expr.eval_bool(&seen).map_err(|error| error.to_string())
}

fn fan_out(turn: &mut Turn, path: &FramePath, slot: Slot, spec: &Step) {
    let frame = turn.frame(path);
    let Some(each) = &spec.for_each else { return };
    let seen = scope(&turn.state, frame, each.list.reads(), None, None);
    let at = frame.at(slot);
    let values = each.list.eval_list(&seen).map_err(|error| error.to_string());
    let values = values.and_then(|values| {
        if values.len() > ITEMS_MAX {
            Err(format!("`for_each` gives {} items; {ITEMS_MAX} is the limit", values.len()))
        } else {
            Ok(values)
        }
    });
    match values {
        Ok(values) => turn.emit(Fact::FannedOut { at, items: items(values) }),
        Err(error) => ended::fail_unstarted(turn, path, slot, FailureKind::Expression, &error),
    }
}

/// An item's key is its own text, of an object its `id`, with everything but letters, digits, `-` and `_` as `-`; where that
/// leaves nothing, or nothing new, its place in the list.
fn items(values: Vec<Value>) -> Vec<Item> {
    let mut used = std::collections::BTreeSet::new();
    let keyed = |(at, value): (usize, Value)| {
        let text = match value.get("id").unwrap_or(&value) {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
        };
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
        let folded = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
        let cut: String = folded.chars().take(ITEM_KEY_CHARS_MAX).collect();
        let mut key = if cut.is_empty() { (at + 1).to_string() } else { cut };
        while !used.insert(key.clone()) {
            key = format!("{key}_{}", at + 1);
        }
        Item { key, value }
    };
    values.into_iter().enumerate().map(keyed).collect()
}

fn gate(turn: &mut Turn, path: &FramePath, slot: Slot, spec: &Step, ask: &Ask) {
    let (question, evidence) = match written(turn, path, Some(slot), ask) {
        Ok(parts) => parts,
        Err(error) => return ended::fail_unstarted(turn, path, slot, FailureKind::Template, &error),
    };
    let step = turn.frame(path).name(slot);
    let options = vec![
        option("approve", "Do it", "the step starts, exactly as shown"),
        option("reject", "Do not do it", "the step fails as rejected; nothing of it runs"),
    ];
    // Each execution has its own: who approved one already is told why there is another question.
    let reason = match turn.step(path, slot).execution {
        0 => format!("{step} needs an approval"),
        before => format!("{step} needs an approval of its own for execution {}", before + 1),
    };
    let mut asked = Asked::new(QuestionKind::Approval, Rule::Approval, reason, question, options);
    asked.to.clone_from(&ask.to);
    asked.severity = ask.severity;
    asked.action = Some(approved_action(turn, path, slot, spec));
    asked.evidence = evidence;
    asked.expires_ms = ask.expires_ms;
    asked.on_timeout = ask.on_timeout;
    raise(turn, path, &step, spec.sha256.clone(), asked);
}

fn question_step(turn: &mut Turn, path: &FramePath, slot: Slot, spec: &Step, ask: &Ask) {
    let (question, evidence) = match written(turn, path, Some(slot), ask) {
        Ok(parts) => parts,
        Err(error) => return ended::fail_started(turn, path, slot, FailureKind::Template, &error),
    };
    let step = turn.frame(path).name(slot);
    let mut asked = Asked::new(QuestionKind::Ask, Rule::Ask, format!("{step} is a question"), question, ask_options(ask));
    asked.to.clone_from(&ask.to);
    asked.severity = ask.severity;
    asked.evidence = evidence;
    asked.answer_schema = (!ask.form.is_empty()).then(|| form::schema(&ask.form));
    asked.expires_ms = ask.expires_ms;
    asked.on_timeout = ask.on_timeout;
    raise(turn, path, &step, spec.sha256.clone(), asked);
}

pub(super) fn ask_options(ask: &Ask) -> Vec<Option_> {
    if ask.options.is_empty() && !ask.form.is_empty() {
        return vec![
            option("answer", "Answer", "the flow goes on with the values you give"),
            option("reject", "No answer", "the step fails as rejected"),
        ];
    }
    if ask.options.is_empty() {
        return vec![option("approve", "Yes", "the flow goes on"), option("reject", "No", "the step fails as rejected")];
    }
    ask.options.iter().map(|choice| option(&choice.key, &choice.label, &choice.effect)).collect()
}

/// A line of the Definition of Done that asks a person.
pub(super) fn ask_done(turn: &mut Turn, path: &FramePath, id: &StepId, ask: &Ask) -> Result<(), String> {
    let (question, evidence) = written(turn, path, None, ask)?;
    let step = crate::id::StepRef::from(id);
    let options = if ask.options.is_empty() {
        vec![option("approve", "It is done", "the flow is complete"), option("reject", "It is not", "the flow fails")]
    } else {
        ask_options(ask).into_iter().map(told_what_done_means).collect()
    };
    let mut asked =
        Asked::new(QuestionKind::Done, Rule::DoneCheck, format!("the Definition of Done asks `{id}`"), question, options);
    asked.to.clone_from(&ask.to);
    asked.severity = ask.severity;
    asked.evidence = evidence;
    asked.expires_ms = ask.expires_ms;
    asked.on_timeout = if ask.expires_ms.is_some() { ask.on_timeout } else { OnTimeout::Wait };
    let sha256 = turn.frame(path).plan.flow.sha256.clone();
    raise(turn, path, &step, sha256, asked);
    Ok(())
}

fn told_what_done_means(option: Option_) -> Option_ {
    let what = if is_yes(&option.key) { "the flow is complete" } else { "the flow fails" };
    let effect = if option.effect.is_empty() { what.to_owned() } else { option.effect };
    Option_ { effect, ..option }
}

/// The step at a place, for facts that only carry its name.
pub(super) fn slot_at(turn: &Turn, at: &At) -> Option<Slot> {
    turn.state.frame(&at.flow)?.slot(&at.step)
}
