//! The engine that answers from a script, so that a runbook can be tried without its work.
//! In: a scenario file and which execution of which step is asked. Out: the reply that the scenario scripts.
//! Never: a process, a clock, luck: the same question has the same answer.

mod printed;
mod said;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    id::{EscalationId, FlowKey, ParamName, Sha256, StepRef, Time},
    measure,
    record::{
        Answer, Channel, DecisionKind, Draft, DraftRouting, EngineWord, ErrorClass, Failure, FailureKind, Identity, Mode, Reply,
        ReplyOutcome, RunStatus, Status, Summary,
    },
    redact::Redactor,
    spec::{Diagnostics, Places, expr::Scope, flow::Expect, read_as},
};

use self::printed::{checks, command, kept};
pub use self::said::{ScriptedAssumption, ScriptedConcern};
use super::{
    Job, Keep, Outlet, Stop, Task, Work, builtin, contract,
    shell::{BLOCKED_EXIT, SAID_NOTHING},
};

/// A scripted course of a flow: `flows/tests/<name>.scenario.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub flow: FlowKey,
    /// Parameters of the run.
    #[serde(default)]
    pub params: BTreeMap<ParamName, Value>,
    /// Per step, one reply per execution; the last repeats. A step without replies succeeds, VERIFIED.
    #[serde(default)]
    pub steps: BTreeMap<StepRef, Vec<Scripted>>,
    /// Answers to the questions that are raised, by step or by escalation.
    #[serde(default)]
    pub answers: BTreeMap<String, Said>,
    /// What must come of it.
    #[serde(default)]
    pub expect: ScenarioExpect,
}

/// One reply of one step. Everything left out is as in a step that succeeds and prints nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scripted {
    /// What an agent says of itself.
    pub status: Option<Status>,
    /// Of an agent: `false` leaves the loop.
    pub can_further_iteration_help: Option<bool>,
    /// Of a step with `route: navigator`: the way that it chooses (`fix`, `flow:hotfix`, `detour:lint-fix`).
    pub next: Option<String>,
    /// How sure it is of `next`, from 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub confidence: Option<f64>,
    /// What it says the flow lacks.
    pub proposal: Option<String>,
    /// Of an agent: what stands open.
    #[serde(default)]
    pub concerns: Vec<ScriptedConcern>,
    /// Of an agent: what it took for granted.
    #[serde(default)]
    pub assumptions: Vec<ScriptedAssumption>,
    /// Of an agent: what it did.
    pub summary: Option<String>,
    /// Exit code of the command.
    pub exit: Option<i32>,
    /// What it prints.
    pub stdout: Option<String>,
    /// What it prints as errors.
    pub stderr: Option<String>,
    /// Standard output, as JSON.
    pub json: Option<Value>,
    /// The step fails with this message.
    pub error: Option<String>,
    /// Of the failure; left out, `retriable`.
    pub class: Option<ErrorClass>,
    /// Files that a real run with this engine writes: path and text.
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
    /// The step is blocked, because these are missing.
    #[serde(default)]
    pub blocked: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The key of an option.
    pub choose: String,
    /// In whose role; left out, one that may.
    #[serde(rename = "as")]
    pub by: Option<String>,
    /// What is written beside the answer.
    pub note: Option<String>,
    /// What the question's form asks for.
    #[serde(default)]
    pub values: BTreeMap<ParamName, Value>,
}

impl Said {
    /// What is said, as an answer to the question with this digest.
    pub fn answer(&self, by: String, at: Time, subject_digest: Sha256) -> Answer {
        Answer {
            note: self.note.clone(),
            identity: Identity::Program,
            values: self.values.clone(),
            ..Answer::new(&self.choose, by, Channel::Scenario, at, subject_digest)
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioExpect {
    /// The steps in the order in which they were started, each execution named.
    pub path: Option<Vec<StepRef>>,
    /// Per step, what was decided after each of its executions.
    #[serde(default)]
    pub decisions: BTreeMap<StepRef, Vec<DecisionKind>>,
    pub ends: Option<RunStatus>,
    /// Texts that must each stand in a warning of the report; `[]`: there is no warning.
    pub warnings: Option<Vec<String>>,
}

/// The question to the script.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub step: &'a StepRef,
    /// From 1.
    pub execution: u32,
    pub started_at: Time,
    pub expect: &'a Expect,
    /// The step runs a command, and no agent or verb of ours.
    pub command: bool,
    /// What `expect.json` can see besides the script's own `json`.
    pub scope: &'a Scope,
    pub keep: Keep,
}

impl Scenario {
    fn empty(flow: FlowKey) -> Self {
        let (params, steps, answers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { flow, params, steps, answers, expect: ScenarioExpect::default() }
    }

    /// # Errors
    /// Everything that is wrong with the text, with line and column.
    pub fn parse(yaml: &str) -> Result<Self, Diagnostics> {
        Self::read("scenario", yaml)
    }

    /// The same; `file` is the name that messages show.
    ///
    /// # Errors
    /// Everything that is wrong with the text, with line and column.
    pub fn read(file: &str, yaml: &str) -> Result<Self, Diagnostics> {
        Self::placed(file, yaml).map(|(scenario, _)| scenario)
    }

    /// The same, with where everything stands in it.
    ///
    /// # Errors
    /// Everything that is wrong with the text, with line and column.
    pub fn placed(file: &str, yaml: &str) -> Result<(Self, Places), Diagnostics> {
        read_as(file, yaml.as_bytes(), "scenario")
    }

    /// The answer to a question, by its id or by its step.
    pub fn answer(&self, id: &EscalationId, step: &StepRef) -> Option<&Said> {
        [id.as_str(), step.as_str(), step.base()].iter().find_map(|name| self.answers.get(*name))
    }

    /// What the script says of one execution; an instance `step[item]` without a script of its own uses its step's.
    pub fn scripted(&self, step: &StepRef, execution: u32) -> Option<&Scripted> {
        let base = || StepRef::new(step.base()).ok().and_then(|base| self.steps.get(&base));
        let replies = self.steps.get(step).or_else(base)?;
        let at = usize::try_from(execution.saturating_sub(1)).unwrap_or(usize::MAX);
        replies.get(at).or(replies.last())
    }

    /// The reply of one execution, over in no time. Expectations are held against what is scripted: a step that
    /// scripts no output is taken to print what is expected of it.
    pub fn reply(&self, asked: Asked<'_>) -> Reply {
        let success = Scripted::default();
        let script = self.scripted(asked.step, asked.execution).unwrap_or(&success);
        let mut reply = Reply::new(ReplyOutcome::Done, EngineWord::Stub, Mode::Stub, asked.started_at, asked.started_at);
        let blocked = !script.blocked.is_empty();
        reply.exit_code = (!blocked).then(|| script.exit.unwrap_or(asked.expect.exit));
        reply.stderr_tail = script.stderr.clone().unwrap_or_default();
        reply.kept = kept(script, asked.keep);
        reply.checks = checks(script, &asked);
        reply.commands.extend(reply.exit_code.filter(|_| asked.command).map(|code| command(script, code)));
        reply.outcome = outcome(script, asked.expect.exit);
        if reply.outcome == ReplyOutcome::Done
            && let Some(message) = measure::failure_message(&reply.checks)
        {
            let (kind, class) = (FailureKind::Contract, script.class.unwrap_or(ErrorClass::Retriable));
            reply.outcome = ReplyOutcome::Failed(Failure { kind, class, message, exit_code: reply.exit_code });
        }
        reply.draft = draft(script, &reply.outcome);
        reply
    }
}

fn outcome(script: &Scripted, expected: i32) -> ReplyOutcome {
    if !script.blocked.is_empty() {
        return ReplyOutcome::Blocked { missing: script.blocked.clone() };
    }
    let class = |usual| script.class.unwrap_or(usual);
    let (kind, class, message) = match (&script.error, script.exit) {
        (Some(error), Some(code)) if code != expected => (FailureKind::Exit, class(ErrorClass::Retriable), error.clone()),
        (Some(error), _) => (FailureKind::Unknown, class(ErrorClass::Retriable), error.clone()),
        (None, Some(code)) if code != expected => {
            let last = |text: &Option<String>| {
                text.as_deref().and_then(|text| text.lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned))
            };
            let message = match last(&script.stderr).or_else(|| last(&script.stdout)) {
                Some(line) => format!("exit code {code}: {line}"),
                None => format!("exit code {code}"),
            };
            match code {
                BLOCKED_EXIT => {
                    let said = last(&script.stderr).or_else(|| last(&script.stdout));
                    return ReplyOutcome::Blocked { missing: vec![said.unwrap_or_else(|| SAID_NOTHING.to_owned())] };
                }
                126 | 127 => (FailureKind::Spawn, class(ErrorClass::Permanent), message),
                _ => (FailureKind::Exit, class(ErrorClass::Retriable), message),
            }
        }
        (None, _) => return ReplyOutcome::Done,
    };
    ReplyOutcome::Failed(Failure { kind, class, message, exit_code: script.exit })
}

/// What the step says of itself; a failed or blocked step says something only if the script does.
fn draft(script: &Scripted, outcome: &ReplyOutcome) -> Option<Draft> {
    let status = match (script.status, outcome) {
        (Some(status), _) => status,
        (None, ReplyOutcome::Done) => Status::Verified,
        (None, ReplyOutcome::Failed(_) | ReplyOutcome::Blocked { .. } | ReplyOutcome::Interrupted { .. }) => return None,
    };
    let routing = DraftRouting {
        can_further_iteration_help: script.can_further_iteration_help,
        next_step_suggestion: script.next.clone(),
        confidence: script.confidence,
        proposal: script.proposal.clone(),
        reason: script.summary.clone().filter(|_| script.next.is_some()).unwrap_or_default(),
        ..DraftRouting::default()
    };
    Some(Draft {
        status,
        summary: Summary { what_i_did: script.summary.clone().unwrap_or_default(), ..Summary::default() },
        concerns: script.concerns.iter().map(ScriptedConcern::said).collect(),
        assumptions: script.assumptions.iter().map(ScriptedAssumption::said).collect(),
        routing,
    })
}

/// The reply to a job, in memory; without a scenario every step succeeds.
pub fn stub_reply(scenario: Option<&Scenario>, job: &Job) -> Box<Reply> {
    let none = Scenario::empty(FlowKey::new("none").unwrap_or_else(|_| unreachable!("`none` is a name")));
    let asked = Asked {
        step: &job.step,
        execution: job.execution,
        started_at: job.started_at,
        expect: &job.expect,
        command: matches!(job.work, Work::Shell { .. } | Work::Exec { .. }),
        scope: &job.scope,
        keep: job.keep,
    };
    Box::new(scenario.unwrap_or(&none).reply(asked))
}

/// One step of a real run, answered from the script: its inputs are looked for, its scripted files are written, and
/// its outputs and verify commands are real. `job.work` is not done.
pub async fn perform_scripted(job: Job, scenario: &Scenario, redactor: &Redactor, outlet: Outlet, stop: Stop) -> Reply {
    let task = Task::new(&job, redactor, &outlet, stop);
    let inputs = match contract::open(&task).await {
        Ok(inputs) => inputs,
        Err(reply) => return *reply,
    };
    let asked = Asked {
        step: &job.step,
        execution: job.execution,
        started_at: job.started_at,
        expect: &job.expect,
        command: matches!(job.work, Work::Shell { .. } | Work::Exec { .. }),
        scope: &job.scope,
        keep: job.keep,
    };
    let mut reply = scenario.reply(asked);
    reply.inputs = inputs;
    let files = scenario.scripted(&job.step, job.execution).map(|script| &script.outputs);
    for (path, text) in files.into_iter().flatten() {
        if let Err(outcome) = builtin::render(&task, text, path, &mut reply).await {
            reply.outcome = outcome;
        }
    }
    // Verify commands look at the files that the script wrote.
    if files.is_some_and(|files| !files.is_empty()) {
        outlet.written().await;
    }
    contract::close(&task, &mut reply).await;
    reply.completed_at = task.now();
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "
flow: build
params: {ticket: ABC-1}
steps:
  critique: [{status: UNVERIFIED, can_further_iteration_help: true, concerns: [{severity: HIGH, description: no tests}]}, {status: VERIFIED}]
  unit-tests: [{exit: 1, stderr: \"ModuleNotFoundError: requests\"}, {exit: 0, stdout: \"12 passed\"}]
  probe: [{blocked: [config/ui.json]}]
  call: [{error: overloaded, class: transient}]
answers: {approve-deploy: {choose: approve, as: ceo}}
expect: {path: [implement, critique, implement, critique, approve-deploy, deploy], decisions: {critique: [LOOP, CONTINUE]}, ends: succeeded}
";

    fn reply(scenario: &Scenario, step: &str, execution: u32, expect: &Expect) -> Reply {
        let step = StepRef::new(step).unwrap();
        let keep = Keep { stdout: true, stderr: false, json: false };
        scenario.reply(Asked {
            step: &step,
            execution,
            started_at: Time::from_ms(0),
            expect,
            command: true,
            scope: &Scope::new(),
            keep,
        })
    }

    fn status(reply: &Reply) -> Option<Status> {
        reply.draft.as_ref().map(|draft| draft.status)
    }

    #[test]
    fn each_execution_has_its_reply_and_the_last_repeats() {
        let scenario = Scenario::parse(YAML).unwrap();
        let said = |step, execution| status(&reply(&scenario, step, execution, &Expect::default()));
        assert_eq!(said("critique", 1), Some(Status::Unverified));
        assert_eq!((said("critique", 2), said("critique", 9)), (Some(Status::Verified), Some(Status::Verified)));
        assert_eq!(said("not-scripted", 1), Some(Status::Verified));
        assert_eq!(said("critique[a]", 1), Some(Status::Unverified));
    }

    #[test]
    fn what_is_scripted_fails_as_it_would() {
        let scenario = Scenario::parse(YAML).unwrap();
        let expect = Expect {
            stdout: Some(crate::spec::flow::Matcher::Holds("13 passed".to_owned())),
            written: true,
            ..Expect::default()
        };
        let outcome = |step, execution| reply(&scenario, step, execution, &expect).outcome;
        let ReplyOutcome::Failed(failure) = outcome("unit-tests", 1) else { panic!() };
        assert_eq!(failure.message, "exit code 1: ModuleNotFoundError: requests");
        let ReplyOutcome::Failed(failure) = outcome("unit-tests", 2) else { panic!() };
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (FailureKind::Contract, "stdout: expected `13 passed`, which was not found")
        );
        assert_eq!(outcome("probe", 1), ReplyOutcome::Blocked { missing: vec!["config/ui.json".to_owned()] });
        let ReplyOutcome::Failed(failure) = outcome("call", 1) else { panic!() };
        assert_eq!((failure.class, failure.message.as_str()), (ErrorClass::Transient, "overloaded"));
    }

    #[test]
    fn a_mistake_has_its_place() {
        let message = Scenario::parse("flow: build\nsteps:\n  a: [{exitt: 1}]\n").unwrap_err().to_string();
        assert!(message.contains("exitt") && message.contains('3'), "{message}");
    }
}
