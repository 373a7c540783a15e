//! Why a step ran, was skipped, ran again, went where it went.
//! In: a view and a step. Out: dated sentences, each with the rule behind it and the file that proves it.
//! Never: a reason that stands in no fact.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{EscalationId, FramePath, RunId, StepRef, Time},
    kernel::Frame,
    record::{At, Rule},
    spec::flow::Join,
};

use super::{
    by_word::counts_by_word, explain_facts::sentence, rollback, standing::Standing, status, view::RunView, words::listed,
};

/// `explain --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    #[schemars(extend("const" = "flow-studio/explain/v1"))]
    pub schema: String,
    pub run_id: RunId,
    pub flow_path: FramePath,
    pub step_id: StepRef,
    pub standing: Standing,
    /// What the flow says of the step.
    pub defined: Vec<String>,
    /// What happened to it, in order.
    pub story: Vec<Sentence>,
    /// Why it stands where it stands now.
    pub now: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sentence {
    pub at: Time,
    /// Line of the journal.
    pub line: u64,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// The file that proves it, relative to RUN_BASE.
    pub proof: String,
}

impl Explanation {
    pub const SCHEMA: &'static str = "flow-studio/explain/v1";
}

/// `None` when the flow or the step is not in the run.
pub fn explain(view: &RunView, at: &At) -> Option<Explanation> {
    let frame = view.state.frame(&at.flow)?;
    let slot = frame.slot(&at.step)?;
    let standing = status::standing(view, frame, slot);
    Some(Explanation {
        schema: Explanation::SCHEMA.to_owned(),
        run_id: view.run_id.clone(),
        flow_path: at.flow.clone(),
        step_id: at.step.clone(),
        standing,
        defined: defined(frame, at),
        story: story(view, at),
        now: now(view, frame, at, standing) + &taken_back(view, at),
    })
}

fn story(view: &RunView, at: &At) -> Vec<Sentence> {
    let own = view.story(at).map_or(&[][..], |story| story.moments.as_slice());
    // What changed for the whole flow also explains the step: parameters, definition, a new start.
    let flow = view.flows.get(&at.flow).map_or(&[][..], Vec::as_slice);
    let undone = rollback::sentences(view, at);
    let mut places: Vec<usize> = own.iter().chain(flow).chain(undone.keys()).copied().collect();
    places.sort_unstable();
    places.dedup();
    let said = |place: usize| undone.get(&place).cloned().or_else(|| sentence(view, at, &view.moments[place]));
    places.into_iter().filter_map(said).collect()
}

fn defined(frame: &Frame, at: &At) -> Vec<String> {
    let Some(slot) = frame.slot(&at.step) else { return Vec::new() };
    let planned = frame.plan.step(slot.step);
    let spec = &planned.spec;
    let mut said = Vec::new();
    let needs: Vec<&str> = planned.needs.iter().map(|need| frame.plan.step(*need).spec.id.as_str()).collect();
    said.push(match (needs.len(), spec.needs.join) {
        (0, _) => "it needs no other step".to_owned(),
        (1, _) if spec.needs.implied => format!("it follows {}, the step above it", needs[0]),
        (_, Join::All) => format!("it needs {}", listed(&needs)),
        (_, Join::AtLeast(n)) => format!("it needs {n} of {}", listed(&needs)),
    });
    said.extend(spec.when.as_ref().map(|when| format!("it runs only when `{}`", when.text())));
    said.extend(spec.for_each.as_ref().map(|each| format!("it runs once per {} of `{}`", each.name, each.list.text())));
    if let Some(approve) = &spec.approve {
        let when = approve.when.as_ref().map(|when| format!(" when `{}`", when.text())).unwrap_or_default();
        let to = if approve.to.is_empty() { "a person".to_owned() } else { listed(&approve.to) };
        said.push(format!("it needs an approval by {to}{when}"));
    }
    if spec.retry.attempts_max > 1 {
        said.push(format!("it may be tried {} times", spec.retry.attempts_max));
    }
    if let Some(poll) = spec.poll {
        let (every, long) = (super::words::length(poll.every_ms), super::words::length(poll.for_ms));
        said.push(format!("it is asked every {every} for {long}"));
    }
    if let Some(which) = planned.ends_loop {
        let around = &frame.plan.loops[which];
        let first = &frame.plan.step(around.first).spec.id;
        let until = spec.ends_loop.as_ref().and_then(|ends| ends.until.as_ref());
        let until = until.map(|until| format!(" and `{}`", until.text())).unwrap_or_default();
        said.push(format!("it judges a loop back to {first}, at most {} rounds, until VERIFIED{until}", around.iterations_max));
    } else if let Some(which) = planned.in_loop {
        let last = &frame.plan.step(frame.plan.loops[which].last).spec.id;
        said.push(format!("it is part of the loop that {last} judges"));
    }
    said
}

fn now(view: &RunView, frame: &Frame, at: &At, standing: Standing) -> String {
    match standing {
        Standing::Pending => pending(view, frame, at),
        Standing::Stopped if view.executions(at).is_empty() => pending(view, frame, at),
        Standing::Stopped => "its flow ended before it was done".to_owned(),
        Standing::Ready => line_stopped(view).unwrap_or_else(|| "it may start as soon as there is room".to_owned()),
        Standing::Running => "it is running".to_owned(),
        Standing::Retrying => "it waits for its next attempt".to_owned(),
        Standing::Waiting | Standing::Blocked => {
            let open: Vec<&str> = view
                .open_questions()
                .into_iter()
                .filter(|one| one.flow_path == at.flow && one.step_id == at.step)
                .map(|one| one.id.as_str())
                .collect();
            format!("it waits for the answer to {}", listed(&open))
        }
        Standing::InFlow => "a sub-flow performs it".to_owned(),
        Standing::InDetour => "what is to be done before it starts again is under way".to_owned(),
        Standing::Succeeded => counts_by_word(view, at).map_or("it is done".to_owned(), |word| format!("it was {}", word.told())),
        Standing::Concerns => "it ended with something open, and the flow went on".to_owned(),
        Standing::Failed => "it failed, and stopped its flow".to_owned(),
        Standing::Skipped => "it was skipped".to_owned(),
    }
}

/// What it did does not stand any longer, or should not.
fn taken_back(view: &RunView, at: &At) -> String {
    match rollback::undos(view, &at.flow).get(&at.step) {
        Some(undo) if undo.whole => format!(", and what it did was taken back ({} of {})", undo.by.step, undo.by.flow),
        Some(undo) => {
            format!(", and what it did was NOT taken back: {} of {} failed, see what stands by hand", undo.by.step, undo.by.flow)
        }
        None => String::new(),
    }
}

/// The unmet condition: which needs are not done, or what holds the whole flow.
fn pending(view: &RunView, frame: &Frame, at: &At) -> String {
    let Some(slot) = frame.slot(&at.step) else { return "it has not started".to_owned() };
    let open = frame.plan.step(slot.step).needs.iter().filter_map(|need| {
        let standing = status::standing(view, frame, (*need).into());
        let id = &frame.plan.step(*need).spec.id;
        match standing {
            Standing::Succeeded | Standing::Concerns | Standing::Skipped => None,
            other => Some(format!("{id} ({other})")),
        }
    });
    let open: Vec<String> = open.collect();
    if let Some(failing) = frame.failing.as_deref() {
        return format!("it will not start: {} stopped the flow", failing.0);
    }
    if !frame.is_open() && frame.allowed.is_none() {
        return "its flow ended before it started".to_owned();
    }
    if !open.is_empty() {
        return format!("it waits for {}", open.join(", "));
    }
    if let Some(stopped) = line_stopped(view) {
        return stopped;
    }
    if frame.allowed.is_some() {
        return "it was left out: --until or --only named another step".to_owned();
    }
    "it has not started".to_owned()
}

/// Nothing starts, however ready it is, while a question stops the line.
fn line_stopped(view: &RunView) -> Option<String> {
    let ids: Vec<&str> = view.state.line_stops.iter().map(EscalationId::as_str).collect();
    match ids[..] {
        [] => None,
        [one] => Some(format!("nothing starts in this run until {one}, which stopped the line, is answered")),
        _ => Some(format!("nothing starts in this run until {}, which stopped the line, are answered", listed(&ids))),
    }
}
