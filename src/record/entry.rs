//! The journal's line: what the world told us, and the facts that follow.
//! Every other file of RUN_BASE can be made anew from these.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{DetourId, EscalationId, FlowKey, FramePath, ParamName, RunId, Sha256, StepId, StepRef, Time};

use super::{
    decision::Decision,
    envelope::Envelope,
    options::{ResumeOptions, RunOptions},
    proof::{Git, Proof},
    question::{Answer, Change, Question},
    reasons::{SkipReason, StopCause, SupersedeReason, WaitReason},
    reply::Kept,
    way::Injection,
    words::{EngineWord, FailureKind, Mode, RunStatus},
};

/// One decision. `prev` is the digest of the bytes of the line before, without its newline; zeros before the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    pub seq: u64,
    pub ts: Time,
    pub prev: Sha256,
    pub input: InputNote,
    pub facts: Vec<Fact>,
}

/// Which input led to the facts; their content stands in the facts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum InputNote {
    RunRequested {
        by: String,
    },
    Replied {
        at: At,
        execution: u32,
        attempt: u32,
    },
    Shown {
        id: EscalationId,
    },
    Answered {
        id: EscalationId,
    },
    Ticked,
    Lost,
    ResumeRequested {
        by: String,
    },
    RetryRequested {
        by: String,
    },
    RefreshRequested {
        by: String,
    },
    StopRequested {
        by: String,
    },
    CancelRequested {
        by: String,
    },
    /// Nothing runs and nothing can.
    Rested,
}

/// A step in a flow of this run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct At {
    pub flow: FramePath,
    pub step: StepRef,
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.flow, self.step)
    }
}

/// What a flow was opened by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Parent {
    /// A `flow:` step.
    SubFlow { at: At },
    /// A failed step's known fix.
    Detour { at: At, detour: DetourId },
    /// What a navigator put in before it chooses.
    Injected { at: At, what: Injection },
    /// `on_failure: rollback`: the undos of these steps, in this order.
    Rollback {
        of: FramePath,
        failed: StepRef,
        steps: Vec<StepRef>,
        /// Those of them that are taken back inside the flow that they opened.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inside: Vec<StepRef>,
    },
    /// A step of a rollback: the undos of what a flow did that one of the steps opened.
    Undo {
        at: At,
        of: FramePath,
        steps: Vec<StepRef>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inside: Vec<StepRef>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LimitName {
    /// Milliseconds; `timeout` is that of the step that opened the flow.
    Wall,
    Timeout,
    Steps,
    Tokens,
    /// Millionths of a US dollar.
    Usd,
    /// Calls of models.
    Turns,
    /// Calls whose cost is not known.
    UnknownCost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Failed,
    Cancelled,
}

/// One instance of a `for_each` step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    pub key: String,
    pub value: serde_json::Value,
}

/// What happened. Past tense, plain data, append-only: a new kind is added, none is ever changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fact {
    RunCreated {
        run_id: RunId,
        workspace: String,
        host: String,
        version: String,
        by: String,
    },
    FlowStarted {
        flow: FramePath,
        key: FlowKey,
        /// Digest of everything that defines the flow; `frozen/<flow>/` holds it.
        definition: Sha256,
        generation: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Parent>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        params: BTreeMap<ParamName, serde_json::Value>,
        #[serde(default)]
        options: RunOptions,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        git: Option<Git>,
        /// Who asked for it, of a flow that is no part of another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    StepStarted {
        at: At,
        execution: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        iteration: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approved_by: Option<EscalationId>,
    },
    /// The attempt did not do it; the next one is due.
    AttemptEnded {
        at: At,
        execution: u32,
        attempt: u32,
        why: WaitReason,
        due: Time,
        error: String,
        signature: String,
        /// Journals from before this was written down do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<FailureKind>,
    },
    /// The wait is over and the next attempt began.
    AttemptStarted {
        at: At,
        execution: u32,
        attempt: u32,
    },
    StepEnded {
        at: At,
        execution: u32,
        proof: Arc<Proof>,
        handoff: Arc<Envelope>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<Box<Kept>>,
    },
    StepSkipped {
        at: At,
        why: SkipReason,
        detail: String,
    },
    /// A `for_each` step became its instances.
    FannedOut {
        at: At,
        items: Vec<Item>,
    },
    Routed {
        flow: FramePath,
        decision: Arc<Decision>,
    },
    /// The body of the loop that ends at `at` starts again.
    LoopAgain {
        at: At,
        iteration: u32,
    },
    /// Results of these steps no longer count; they run again. `named` is the one that a person spoke of.
    Superseded {
        flow: FramePath,
        steps: Vec<StepRef>,
        why: SupersedeReason,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        named: Option<StepRef>,
    },
    /// A step whose sub-flow runs again waits for it again, and `dependents` wait for the step.
    Reopened {
        flow: FramePath,
        step: StepRef,
        into: FramePath,
        dependents: Vec<StepRef>,
    },
    /// Evidence for a question has to be looked at first.
    EscalationRequested {
        question: Box<Question>,
    },
    EscalationRaised {
        question: Box<Question>,
    },
    EscalationAnswered {
        id: EscalationId,
        answer: Answer,
    },
    AnswerRefused {
        id: EscalationId,
        answer: Answer,
        why: String,
    },
    /// What was shown has changed; the question is asked anew.
    EscalationVoided {
        id: EscalationId,
        why: String,
    },
    EscalationExpired {
        id: EscalationId,
    },
    /// Whoever drove the run is gone, and was last seen then: what ran until then counts.
    DriverLost {
        seen: Time,
    },
    /// The process that performed it is gone.
    StepLost {
        at: At,
        execution: u32,
        started_at: Time,
        attempt: u32,
        engine: EngineWord,
        mode: Mode,
        agent_key: String,
        definition: Sha256,
    },
    LineStopped {
        by: EscalationId,
    },
    LineReleased {
        by: EscalationId,
    },
    LimitReached {
        flow: FramePath,
        limit: LimitName,
        used: u64,
        max: u64,
    },
    LimitRaised {
        flow: FramePath,
        limit: LimitName,
        max: u64,
    },
    /// Whoever serves an engine did not answer as it should, so often in a row.
    EngineFailed {
        engine: EngineWord,
        failures: u32,
        /// Nothing is asked of it before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
    },
    /// It answers again.
    EngineAnswered {
        engine: EngineWord,
    },
    DoneChecked {
        flow: FramePath,
        id: StepId,
        passed: bool,
        detail: String,
        /// It does not hold, and a person wants what the flow did taken back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rollback: bool,
    },
    FlowClosing {
        flow: FramePath,
    },
    FlowCompleted {
        flow: FramePath,
        outcome: Outcome,
        reason: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
    },
    ParamsChanged {
        flow: FramePath,
        changes: Vec<Change>,
    },
    DefinitionRefreshed {
        flow: FramePath,
        definition: Sha256,
        added: Vec<StepId>,
        removed: Vec<StepId>,
        changed: Vec<StepId>,
        /// What is under way goes on, what a rollback took back starts anew, and what a person granted stays granted. In a journal that
        /// does not say so, whatever was not over started anew.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keeps: bool,
    },
    Resumed {
        by: String,
        #[serde(default, skip_serializing_if = "ResumeOptions::is_none")]
        options: ResumeOptions,
    },
    /// `retry --only`: no other step of the flow starts; without `only`, none at all, as in the flows around the step's.
    Confined {
        flow: FramePath,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<StepId>,
    },
    StopRequested {
        cause: StopCause,
        by: String,
    },
    RunRested {
        status: RunStatus,
    },
}
