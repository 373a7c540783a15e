//! `run --dry-run`: what would run and in which order, what would be asked, and what nobody can know before it runs.
//! In: a flow, parameters, a selection. Out: the plan for a person. Never: a side effect, a question, a guess.

mod handed_on;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    error::{Error, Kind},
    id::{FlowKey, ParamName, StepId},
    plan::{Book, Plan, StepIx},
    spec::{
        Effects, Expr, OnFailure, Reads, Template, Verb,
        flow::{Ask, DoneTest, Join, Step},
        params,
        text::OnUnknownCost,
    },
};

use self::handed_on::handed_on;
use super::{RunRequest, Workspace, preflight, step_of};

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DryRun {
    pub flow: FlowKey,
    pub title: String,
    pub params: BTreeMap<ParamName, Value>,
    pub jobs: Option<u32>,
    pub limits: Vec<String>,
    /// In an order in which they can run; steps with the same `order` may run at the same time.
    pub steps: Vec<DryStep>,
    /// The Definition of Done.
    pub done: Vec<String>,
    /// Known fixes that a failure may enter.
    pub detours: Vec<String>,
    /// What the machine lacks; `run` would not start.
    pub missing: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Runs {
    Yes,
    No,
    /// It depends on what happens before.
    Depends,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DryStep {
    pub order: u32,
    /// `step`, or `step/inner` for a step of a sub-flow.
    pub step: String,
    pub does: String,
    pub runs: Runs,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Approvals and questions that a person would be asked.
    pub asks: Vec<String>,
    pub notes: Vec<String>,
}

impl Workspace {
    /// Looks ahead; nothing is written and nobody is asked.
    ///
    /// # Errors
    /// The flow or the parameters have mistakes.
    pub fn dry_run(&self, request: &RunRequest) -> Result<DryRun, Error> {
        let key = FlowKey::new(&request.flow).map_err(|bad| Error::new(Kind::Usage, bad.to_string()))?;
        let (book, _) = self.book(&key, request.strict)?;
        let main =
            book.library.main_flow().cloned().ok_or_else(|| Error::new(Kind::Invalid, format!("there is no flow `{key}`")))?;
        let params = params::resolve(&main, &request.params).map_err(|found| super::invalid(key.as_str(), found))?;
        let clean = self.redactor(&book.library)?.clean(params).map_err(|leak| Error::new(Kind::Refused, leak.to_string()))?;
        let (from, until) = (step_of(&book, &key, request.from.as_deref())?, step_of(&book, &key, request.until.as_deref())?);
        let recording = self.recording(request)?;
        let wanted = preflight::Wanted::of(request, recording.as_ref().map(|(_, one)| one));
        let missing = preflight::check(&self.config, &self.root, &book.library, &wanted);
        let mut steps = Vec::new();
        let params = clean.into_inner();
        let look = Look { book: &book, by: &self.config.user };
        look.flow(&key, &params, (from.as_ref(), until.as_ref()), "", &mut steps);
        Ok(DryRun {
            flow: key,
            title: main.title.clone(),
            jobs: request.jobs.or(main.jobs).or(self.config.jobs),
            limits: limits(&main.limits),
            done: main.done.iter().map(|done| look.done(&main.key, &params, done)).collect(),
            detours: book.library.detours.iter().map(|one| format!("{}: {}", one.id, one.title)).collect(),
            missing: missing.err().map(|error| error.because).unwrap_or_default(),
            params,
            steps,
        })
    }
}

fn limits(limits: &crate::spec::flow::Limits) -> Vec<String> {
    let wall = limits.wall_ms_max.map(|ms| format!("wall {}", length(ms)));
    let steps = limits.steps_max.map(|steps| format!("{steps} step executions"));
    let tokens = limits.tokens_max.map(|tokens| format!("{tokens} tokens"));
    let usd = limits.usd_max.map(|usd| format!("{usd} USD"));
    let turns = limits.turns_max.map(|turns| format!("{turns} calls of models"));
    let unknown = limits.on_unknown_cost.map(|unknown| match unknown {
        OnUnknownCost::Allow => "unknown costs allowed".to_owned(),
        OnUnknownCost::Stop => "no unknown costs".to_owned(),
    });
    [wall, steps, tokens, usd, turns, unknown].into_iter().flatten().collect()
}

fn length(ms: u64) -> String {
    crate::spec::Length::from_ms(ms).to_string()
}

struct Look<'a> {
    book: &'a Book,
    by: &'a str,
}

/// What is known of the flow before it runs.
type Known = Map<String, Value>;

impl Look<'_> {
    fn flow(
        &self,
        key: &FlowKey,
        params: &BTreeMap<ParamName, Value>,
        (from, until): (Option<&StepId>, Option<&StepId>),
        above: &str,
        found: &mut Vec<DryStep>,
    ) {
        let Some(plan) = self.book.flows.get(key) else { return };
        let known = self.known(plan, params);
        let selected = selection(plan, from, until);
        let mut runs: Vec<Runs> = vec![Runs::Depends; plan.steps.len()];
        for (step, order) in ordered(plan) {
            let spec = &plan.step(step).spec;
            let left_out = !selected[step.at()];
            let (will, why) = if left_out {
                (Runs::No, Some("left out: it is taken as given, or not wanted".to_owned()))
            } else {
                self.runs(plan, step, &runs, &selected, &known)
            };
            runs[step.at()] = will;
            let name = format!("{above}{}", spec.id);
            let (asks, notes) = if will == Runs::No {
                (Vec::new(), Vec::new())
            } else {
                (self.asks(spec, &known), self.notes(plan, step, &known))
            };
            let opens = match &spec.verb {
                Verb::Flow { flow, with } if will != Runs::No => self.book.flows.get(flow).map(|plan| (flow, with, plan)),
                _ => None,
            };
            let inner = opens.map(|(flow, with, plan)| (flow, handed_on(&plan.flow.params, with, &known)));
            let refused = inner.iter().flat_map(|(_, (_, refused))| refused.iter().cloned());
            let notes = refused.chain(notes).collect();
            found.push(DryStep { order, step: name.clone(), does: does(spec, &known), runs: will, why, asks, notes });
            if let Some((flow, (params, _))) = inner {
                self.flow(flow, &params, (None, None), &format!("{name}/"), found);
            }
        }
    }

    fn known(&self, plan: &Plan, params: &BTreeMap<ParamName, Value>) -> Known {
        let flow = &plan.flow;
        let params: Map<String, Value> = params.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        let mut known = Map::new();
        known.insert("params".to_owned(), Value::Object(params));
        known.insert("flow".to_owned(), json!({"key": flow.key, "title": flow.title, "role": flow.role}));
        known.insert("run".to_owned(), json!({"id": "(not yet)", "by": self.by}));
        known
    }

    fn runs(&self, plan: &Plan, step: StepIx, runs: &[Runs], selected: &[bool], known: &Known) -> (Runs, Option<String>) {
        let planned = plan.step(step);
        let needs = &planned.spec.needs;
        // A need that was left out is taken as given.
        let dead: Vec<&str> = planned
            .needs
            .iter()
            .filter(|need| selected[need.at()] && runs[need.at()] == Runs::No && !(needs.implied || needs.skipped_ok))
            .map(|need| plan.step(*need).spec.id.as_str())
            .collect();
        if planned.needs.len() - dead.len() < planned.required as usize {
            return (Runs::No, Some(format!("it needs {}, which is skipped", dead.join(", "))));
        }
        if let Some(when) = &planned.spec.when {
            match yes(when, known) {
                Some(true) => {}
                Some(false) => return (Runs::No, Some(format!("`{}` is false", when.text()))),
                None => return (Runs::Depends, Some(format!("only if `{}`", when.text()))),
            }
        }
        let chooser = planned.needs.iter().find(|need| selected[need.at()] && plan.step(**need).spec.navigates.is_some());
        if let Some(chooser) = chooser {
            return (Runs::Depends, Some(format!("only if {} chooses it", plan.step(*chooser).spec.id)));
        }
        let open =
            |need: &&StepIx| selected[need.at()] && runs[need.at()] == Runs::Depends && !(needs.implied || needs.skipped_ok);
        let open: Vec<&str> = planned.needs.iter().filter(open).map(|need| plan.step(*need).spec.id.as_str()).collect();
        if open.is_empty()
            || matches!(needs.join, Join::AtLeast(n) if planned.needs.len() - open.len() - dead.len() >= n as usize)
        {
            return (Runs::Yes, None);
        }
        (Runs::Depends, Some(format!("only if {} ran", open.join(", "))))
    }

    fn asks(&self, spec: &Step, known: &Known) -> Vec<String> {
        let mut asks = Vec::new();
        if let Some(approve) = &spec.approve {
            match approve.when.as_ref().map(|when| (yes(when, known), when)) {
                Some((Some(false), _)) => {}
                Some((None, when)) => asks.push(format!("approval, if `{}`: {}", when.text(), question(approve, known))),
                Some((Some(true), _)) | None => asks.push(format!("approval: {}", question(approve, known))),
            }
        }
        if let Verb::Ask(ask) = &spec.verb {
            asks.push(format!("question: {}", question(ask, known)));
        }
        if let Some(escalate) = &spec.escalate {
            asks.push(format!("question, if `{}`", escalate.when.text()));
        }
        if spec.on_failure == OnFailure::Escalate {
            asks.push("question, if it fails".to_owned());
        }
        asks
    }

    fn notes(&self, plan: &Plan, step: StepIx, known: &Known) -> Vec<String> {
        let spec = &plan.step(step).spec;
        let mut notes = Vec::new();
        if let Some(each) = &spec.for_each {
            let items = if fits(each.list.reads(), known) { each.list.eval_list(&scope(known)).ok() } else { None };
            notes.push(match items {
                Some(items) if items.is_empty() => "once per item: there is none".to_owned(),
                Some(items) => format!("once per item ({}): {}", items.len(), shown(&items)),
                None => format!("once per item of `{}`", each.list.text()),
            });
        }
        notes.extend(choice(plan, step));
        if let Some(around) = &spec.ends_loop {
            notes.push(format!("goes back to {} until VERIFIED, at most {} rounds", around.to, around.iterations_max));
        }
        if spec.retry.attempts_max > 1 {
            notes.push(format!("up to {} tries", spec.retry.attempts_max));
        }
        if let Some(poll) = spec.poll {
            notes.push(format!("asked every {} for {}", length(poll.every_ms), length(poll.for_ms)));
        }
        if let Some(timeout) = spec.timeout_ms {
            notes.push(format!("timeout {}", length(timeout)));
        }
        if spec.effects == Effects::Once {
            notes.push("runs at most once without a person's word".to_owned());
        }
        if spec.undo.is_some() {
            notes.push("can be taken back".to_owned());
        }
        match spec.on_failure {
            OnFailure::Rollback => notes.push("if it fails, what was done is taken back".to_owned()),
            OnFailure::Continue => notes.push("if it fails, the flow goes on with a warning".to_owned()),
            OnFailure::Stop | OnFailure::Escalate => {}
        }
        notes
    }

    fn done(&self, flow: &FlowKey, params: &BTreeMap<ParamName, Value>, done: &crate::spec::flow::Done) -> String {
        let known = self.book.flows.get(flow).map(|plan| self.known(plan, params)).unwrap_or_default();
        let when = done.when.as_ref().map(|when| (yes(when, &known), when));
        let only = match when {
            Some((Some(false), when)) => return format!("{}: does not apply, `{}` is false", done.id, when.text()),
            Some((None, when)) => format!(" (if `{}`)", when.text()),
            Some((Some(true), _)) | None => String::new(),
        };
        match &done.test {
            DoneTest::That(expr) => format!("{}: `{}`{only}", done.id, expr.text()),
            DoneTest::Ask(ask) => format!("{}: asks {}{only}", done.id, question(ask, &known)),
        }
    }
}

/// What a navigator chooses from, and what it may put in before.
fn choice(plan: &Plan, step: StepIx) -> Vec<String> {
    let planned = plan.step(step);
    let Some(navigates) = &planned.spec.navigates else { return Vec::new() };
    let names: Vec<&str> = planned.dependents.iter().map(|next| plan.step(*next).spec.id.as_str()).collect();
    let mut notes = vec![format!("chooses one of {}; a person is asked when it names none", names.join(", "))];
    let flows = navigates.flows.iter().map(|flow| format!("the flow {flow}"));
    let all: Vec<String> = flows.chain(navigates.detours.iter().map(|detour| format!("the steps of {detour}"))).collect();
    if !all.is_empty() {
        let times = if navigates.injections_max == 1 { "once".to_owned() } else { format!("{} times", navigates.injections_max) };
        notes.push(format!("may first put in, at most {times}: {}", all.join(", ")));
    }
    notes
}

/// The steps that `--from` and `--until` leave.
fn selection(plan: &Plan, from: Option<&StepId>, until: Option<&StepId>) -> Vec<bool> {
    let find = |step: Option<&StepId>| step.and_then(|step| plan.find(step.as_str()));
    let (after, before) = (find(from).map(|step| plan.downstream(step)), find(until).map(|step| plan.upstream(step)));
    let has =
        |steps: &Option<Vec<StepIx>>, at: usize| steps.as_ref().is_none_or(|steps| steps.iter().any(|step| step.at() == at));
    (0..plan.steps.len()).map(|at| has(&after, at) && has(&before, at)).collect()
}

/// Every step after all that it needs, with the place in the order that it has at the earliest.
fn ordered(plan: &Plan) -> Vec<(StepIx, u32)> {
    let mut waits: Vec<usize> = plan.steps.iter().map(|planned| planned.needs.len()).collect();
    let mut order = vec![1_u32; plan.steps.len()];
    let ix = |at: usize| StepIx(u32::try_from(at).unwrap_or(u32::MAX));
    let mut ready: Vec<StepIx> = (0..plan.steps.len()).filter(|at| waits[*at] == 0).map(ix).collect();
    let mut next = 0;
    while let Some(step) = ready.get(next).copied() {
        next += 1;
        for &dependent in &plan.step(step).dependents {
            order[dependent.at()] = order[dependent.at()].max(order[step.at()] + 1);
            waits[dependent.at()] -= 1;
            if waits[dependent.at()] == 0 {
                ready.push(dependent);
            }
        }
    }
    let mut found: Vec<(StepIx, u32)> = ready.into_iter().map(|step| (step, order[step.at()])).collect();
    found.sort_by_key(|(step, order)| (*order, step.at()));
    found
}

fn fits(reads: &Reads, known: &Known) -> bool {
    reads.tops.iter().all(|top| known.contains_key(top)) && !reads.tops.contains("run")
}

fn scope(known: &Known) -> crate::spec::expr::Scope {
    known.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// `None`: nobody can know before it runs.
fn yes(expr: &Expr, known: &Known) -> Option<bool> {
    if fits(expr.reads(), known) { expr.eval_bool(&scope(known)).ok() } else { None }
}

/// Filled in as far as it is known; otherwise as it was written.
fn text(template: &Template, known: &Known) -> String {
    let filled = if fits(template.reads(), known) { template.render(&Value::Object(known.clone())).ok() } else { None };
    filled.unwrap_or_else(|| template.text().to_owned())
}

fn question(ask: &Ask, known: &Known) -> String {
    let to: Vec<&str> = ask.to.iter().map(|role| role.0.as_str()).collect();
    let to = if to.is_empty() { String::new() } else { format!(" (to {})", to.join(", ")) };
    let options: Vec<&str> = ask.options.iter().map(|choice| choice.key.as_str()).collect();
    let options = if options.is_empty() { String::new() } else { format!(" [{}]", options.join(" | ")) };
    format!("{}{options}{to}", text(&ask.question, known))
}

fn shown(items: &[Value]) -> String {
    let plain = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
    let some: Vec<String> = items.iter().take(10).map(plain).collect();
    if items.len() > 10 { format!("{}, …", some.join(", ")) } else { some.join(", ") }
}

fn does(spec: &Step, known: &Known) -> String {
    let first = |script: &str| {
        let mut lines = script.trim().lines();
        let line = lines.next().unwrap_or_default().to_owned();
        if lines.next().is_some() { format!("{line} …") } else { line }
    };
    match &spec.verb {
        Verb::Run { script } => format!("run {}", first(script)),
        Verb::Exec { argv } => format!("exec {}", argv.iter().map(|part| text(part, known)).collect::<Vec<_>>().join(" ")),
        Verb::Agent(agent) => format!("agent {}", agent.agent),
        Verb::Ask(_) => "ask a person".to_owned(),
        Verb::Flow { flow, .. } => format!("flow {flow}"),
        Verb::Snapshot { name, .. } => format!("snapshot {name}"),
        Verb::Compare { before, after, .. } => format!("compare {before} with {after}"),
        Verb::Render { path, to, .. } => format!("render {path} to {to}"),
        Verb::Scan(scan) => format!("scan {scan}"),
    }
}
