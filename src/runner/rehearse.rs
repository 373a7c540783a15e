//! A flow tried against a script: the same kernel, no disk, no process, no clock.
//! In: a flow made executable, a scenario, parameters. Out: the path, the decisions, the end, and what differs from what was expected.
//! Never: a side effect, a wait: the time of the next attempt is simply now.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    engine::{Asked, Keep, Scenario},
    id::{EscalationId, ParamName, RunId, Sha256, StepRef, Time},
    kernel::{Command, Decided, Input, Request, Roles, State, commands, decide, scope_at},
    plan::Book,
    record::{At, DecisionKind, Entry, Fact, Question, Rule, RunOptions, RunStatus},
    spec::Verb,
};

/// A scenario that is not over by then goes in a circle: the answers of its people keep it going.
const INPUTS_MAX: usize = 20_000;

/// What came of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Rehearsal {
    /// The steps in the order in which they were started.
    pub path: Vec<StepRef>,
    /// What was decided after each execution.
    pub decisions: BTreeMap<StepRef, Vec<DecisionKind>>,
    pub ends: RunStatus,
    /// Why it ended so, where the flow says.
    pub reason: Option<String>,
    pub warnings: Vec<String>,
    /// Questions that nobody in the scenario answers.
    pub waiting_for: Vec<Waiting>,
    /// One paragraph for each thing that is not as the scenario expects it.
    pub differences: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Waiting {
    pub id: EscalationId,
    pub question: String,
    pub options: Vec<String>,
}

/// Plays the scenario to its end.
pub fn rehearse(book: &Arc<Book>, scenario: &Scenario, params: BTreeMap<ParamName, Value>) -> Rehearsal {
    let mut stage = Stage::new(scenario);
    stage.open(book, params);
    let whole = stage.play();
    let mut found = stage.told();
    if !whole {
        found.differences.push(format!("it does not end: {INPUTS_MAX} replies and answers, and it still goes on"));
    }
    found.differences.extend(differences(scenario, &found));
    found
}

struct Stage<'s> {
    scenario: &'s Scenario,
    state: State,
    now: Time,
    /// Replies given so far per step: the script goes on with each try.
    tries: BTreeMap<At, u32>,
    answered: std::collections::BTreeSet<EscalationId>,
    path: Vec<StepRef>,
    decisions: BTreeMap<StepRef, Vec<DecisionKind>>,
    refused: Vec<String>,
}

impl<'s> Stage<'s> {
    fn new(scenario: &'s Scenario) -> Self {
        Self {
            scenario,
            state: State::new(),
            now: Time::from_ms(0),
            tries: BTreeMap::new(),
            answered: std::collections::BTreeSet::new(),
            path: Vec::new(),
            decisions: BTreeMap::new(),
            refused: Vec::new(),
        }
    }

    fn open(&mut self, book: &Arc<Book>, params: BTreeMap<ParamName, Value>) {
        self.state.know(book.clone());
        let request = Request {
            run_id: RunId::new("rehearsal").unwrap_or_else(|_| unreachable!("`rehearsal` is a name")),
            flow: book.library.main.clone(),
            book: book.clone(),
            params,
            options: RunOptions::default(),
            workspace: String::new(),
            host: String::new(),
            version: String::new(),
            by: "rehearsal".to_owned(),
            git: None,
        };
        self.tell(&Input::RunRequested(Box::new(request)));
    }

    /// Whether it came to an end.
    fn play(&mut self) -> bool {
        for _ in 0..INPUTS_MAX {
            let wanted = commands(&self.state);
            if let Some(input) = self.next(&wanted) {
                self.tell(&input);
                continue;
            }
            let wake = wanted.iter().find_map(|one| if let Command::WakeAt(at) = one { Some(*at) } else { None });
            match wake {
                // A deadline of a person stands far in the future; the scenario ends before it.
                Some(at) if !wanted.contains(&Command::Rest) => {
                    self.now = self.now.max(at);
                    self.tell(&Input::Ticked);
                }
                _ => {
                    self.tell(&Input::Rest);
                    return true;
                }
            }
        }
        false
    }

    fn next(&mut self, wanted: &[Command]) -> Option<Input> {
        let open = self.state.open_questions.iter().filter(|id| !self.answered.contains(*id)).find_map(|id| {
            let question = self.state.questions.get(id)?;
            Some((question.clone(), self.scenario.answer(id, &question.step_id)?))
        });
        if let Some((question, said)) = open {
            self.answered.insert(question.id.clone());
            return Some(self.answer(&question, said));
        }
        wanted.iter().find_map(|one| match one {
            Command::Show { id } => {
                let shown = self.state.requested.get(id)?.shown.clone();
                Some(Input::Shown { id: id.clone(), shown })
            }
            Command::Perform { at, execution, attempt } | Command::End { at, execution, attempt } => {
                self.reply(at, *execution, *attempt)
            }
            Command::WakeAt(_) | Command::Rest => None,
        })
    }

    fn reply(&mut self, at: &At, execution: u32, attempt: u32) -> Option<Input> {
        let frame = self.state.frame(&at.flow)?;
        let slot = frame.slot(&at.step)?;
        let planned = frame.plan.step(slot.step);
        let json = planned.spec.expect.json.as_ref();
        let scope = json.map(|json| scope_at(&self.state, frame, json.reads(), slot)).unwrap_or_default();
        let keep = Keep { stdout: planned.keep.stdout, stderr: planned.keep.stderr, json: planned.keep.json };
        let command = matches!(planned.spec.verb, Verb::Run { .. } | Verb::Exec { .. });
        let tries = self.tries.entry(at.clone()).or_insert(0);
        *tries += 1;
        let asked = Asked {
            step: &at.step,
            execution: *tries,
            started_at: self.now,
            expect: &planned.spec.expect,
            command,
            scope: &scope,
            keep,
        };
        let reply = Box::new(self.scenario.reply(asked));
        Some(Input::Replied { at: at.clone(), execution, attempt, reply })
    }

    fn answer(&self, question: &Question, said: &crate::engine::Said) -> Input {
        let by = said.by.clone().unwrap_or_else(|| "scenario".to_owned());
        let answer = said.answer(by, self.now, question.subject_digest.clone());
        // In a scenario a name is a role; without one, it is somebody who may.
        let roles = Roles { has: said.by.clone().map(|role| vec![role]), self_approval: true };
        Input::Answered { id: question.id.clone(), answer, shown_now: question.shown.clone(), roles }
    }

    fn tell(&mut self, input: &Input) {
        // Every input takes a moment, so that no two things happen at once.
        self.now = self.now.plus(1);
        match decide(&self.state, input, self.now) {
            Ok(Decided { note: input, facts, next }) => {
                let prev = Sha256::from_raw(&[]);
                let entry = Entry { seq: self.state.seq + 1, ts: self.now, prev, input, facts };
                self.state = next.after(&entry);
                self.watch(&entry.facts);
            }
            Err(crate::kernel::Refused::Nothing) => {}
            Err(refused) => self.refused.push(refused.to_string()),
        }
    }

    fn watch(&mut self, facts: &[Fact]) {
        for fact in facts {
            match fact {
                Fact::StepStarted { at, .. } if self.happened(at, facts) => self.path.push(at.step.clone()),
                // What the script's own answers have done again, or say is done, is no decision that it waits for.
                Fact::Routed { decision, .. } if matches!(decision.rule, Rule::Retry | Rule::PushBack | Rule::MarkDone) => {}
                Fact::Routed { decision, .. } => {
                    self.decisions.entry(decision.step_id.clone()).or_default().push(decision.decision);
                }
                Fact::AnswerRefused { id, why, .. } => self.refused.push(format!("the answer to `{id}` was refused: {why}")),
                _ => {}
            }
        }
    }

    /// An execution that ends in the line that starts it is a person's word or a mistake, and nothing ran.
    fn happened(&self, at: &At, facts: &[Fact]) -> bool {
        let ended = facts.iter().any(|fact| matches!(fact, Fact::StepEnded { at: ended, .. } if ended == at));
        let frame = self.state.frame(&at.flow);
        let slot = frame.and_then(|frame| frame.slot(&at.step).map(|slot| &frame.plan.step(slot.step).spec.verb));
        !ended || matches!(slot, Some(Verb::Flow { .. }))
    }

    fn told(self) -> Rehearsal {
        let main = self.state.frames.values().find(|frame| frame.parent.is_none());
        let questions = self.state.open_questions.iter().filter_map(|id| self.state.questions.get(id));
        let waiting = |one: &Arc<Question>| Waiting {
            id: one.id.clone(),
            question: one.question.clone(),
            options: one.options.iter().map(|option| option.key.clone()).collect(),
        };
        Rehearsal {
            ends: self.state.status(),
            reason: main.and_then(|frame| frame.outcome_reason.as_deref().map(str::to_owned)),
            warnings: main.map(|frame| frame.warnings.iter().map(ToString::to_string).collect()).unwrap_or_default(),
            waiting_for: questions.map(waiting).collect(),
            path: self.path,
            decisions: self.decisions,
            differences: self.refused,
        }
    }
}

/// What is expected and is not so. What is not written is not expected.
fn differences(scenario: &Scenario, found: &Rehearsal) -> Vec<String> {
    let expect = &scenario.expect;
    let mut differences = Vec::new();
    if let Some(path) = expect.path.as_ref().filter(|path| **path != found.path) {
        differences.push(paths(path, &found.path));
    }
    for (step, decisions) in &expect.decisions {
        let was = found.decisions.get(step).map_or(&[][..], Vec::as_slice);
        if was != decisions {
            differences.push(format!("decisions after `{step}`\n  expected  {}\n  was       {}", words(decisions), words(was)));
        }
    }
    if let Some(ends) = expect.ends.filter(|ends| *ends != found.ends) {
        let why = found.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        differences.push(format!("end\n  expected  {ends}\n  was       {}{why}", found.ends));
    }
    if expect.ends != Some(RunStatus::Waiting) {
        differences.extend(found.waiting_for.iter().map(|one| {
            // The name of a question in a flow below, or of one item, is no step's: it is answered by itself.
            let named = one.id.as_str().rsplit_once('-').map(|(step, _)| step).filter(|step| !step.contains('.'));
            let name = named.unwrap_or(one.id.as_str());
            format!(
                "it waits for a person: {} ({})\n  add       answers: {{{name}: {{choose: {}}}}}",
                one.question,
                one.id,
                one.options.join("|")
            )
        }));
    }
    if let Some(warnings) = &expect.warnings {
        let missing = warnings.iter().filter(|text| !found.warnings.iter().any(|warning| warning.contains(text.as_str())));
        differences.extend(missing.map(|text| format!("no warning says `{text}`\n  was       {}", found.warnings.join("; "))));
        if warnings.is_empty() && !found.warnings.is_empty() {
            differences.push(format!("warnings\n  expected  none\n  was       {}", found.warnings.join("; ")));
        }
    }
    differences
}

fn words<T: ToString>(all: &[T]) -> String {
    let words: Vec<String> = all.iter().map(ToString::to_string).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(" ") }
}

/// Both paths, with a mark under the first step that differs.
fn paths(expected: &[StepRef], was: &[StepRef]) -> String {
    let same = expected.iter().zip(was).take_while(|(one, other)| one == other).count();
    let column: usize = expected[..same].iter().map(|step| step.as_str().chars().count() + 1).sum();
    let mut text =
        format!("path, from its {} step on\n  expected  {}\n  was       {}\n", nth(same + 1), words(expected), words(was));
    let _ = write!(text, "            {}^", " ".repeat(column));
    text
}

fn nth(n: usize) -> String {
    let ending = match (n % 10, n % 100) {
        (1, up) if up != 11 => "st",
        (2, up) if up != 12 => "nd",
        (3, up) if up != 13 => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}
