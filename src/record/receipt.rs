//! Proof of one execution, as people and tools read it: `<flow>/receipts/<step>-<agent>.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{EscalationId, FlowKey, FramePath, RunId, Sha256, StepRef, Time};

use super::{
    figures::{ChangeFigures, CoverageFigures, Figures, FindingFigures},
    proof::{
        Check, Claim, CommandRun, ContextManifest, ErrorDetail, Git, InputFile, OutputFile, Proof, RoutingSignal, Sandbox,
        Switch, Tokens,
    },
    words::{EngineWord, Mode, ReceiptStatus},
};

/// What all receipts of one flow in one run share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub run_id: RunId,
    pub flow: FlowKey,
    pub frame: FramePath,
    pub workspace: String,
    pub host: String,
    pub git: Option<Git>,
}

/// `flow-studio/receipt/v1`. Fields that do not apply are absent; a cost that is not known is absent, never 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The format and its version.
    #[schemars(extend("const" = "flow-studio/receipt/v1"))]
    pub schema: String,
    /// What performed the step.
    pub engine: EngineWord,
    /// How the engine was reached.
    pub mode: Mode,
    /// Who was asked: the host of a server, the name of a program, or `local`.
    pub provider: String,
    /// The model that answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The run.
    pub run_id: RunId,
    /// The flow.
    pub flow_key: FlowKey,
    /// Where a flow nests: the directory under RUN_BASE, when it is not the flow key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_path: Option<FramePath>,
    /// The step, with its item: `step[item]`.
    pub step_id: StepRef,
    /// The agent; for other verbs the word of the engine.
    pub agent_key: String,
    /// The nth time that the step was started in this run.
    pub execution: u32,
    /// The try within this execution that ended it.
    pub attempt: u32,
    /// The round of the loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u32>,
    /// When it was started.
    pub started_at: Time,
    /// When it ended.
    pub completed_at: Time,
    /// From start to end.
    pub duration_ms: u64,
    /// How the execution ended.
    pub status: ReceiptStatus,
    /// What models used; all 0 where none was asked.
    pub tokens: Tokens,
    /// What models cost; absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Models that were tried and left, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub switches: Vec<Switch>,
    /// Why it failed, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The same for programs: kind, class, signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_detail: Option<ErrorDetail>,
    /// Each command that ran, with its exit code and where its output is.
    pub commands: Vec<CommandRun>,
    /// Declared inputs, with the digests that they had.
    pub inputs: Vec<InputFile>,
    /// Declared outputs as they were found; also those that are not there.
    pub outputs: Vec<OutputFile>,
    /// Everything that had to hold, and whether it did.
    pub checks: Vec<Check>,
    /// Test figures, or why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<Figures>,
    /// Findings of linters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lint: Option<Box<Figures<FindingFigures>>>,
    /// Findings of scanners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<Box<Figures<FindingFigures>>>,
    /// How much of the code tests reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Box<Figures<CoverageFigures>>>,
    /// What it changed in the repository around the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Box<Figures<ChangeFigures>>>,
    /// What the agent said of its work, beside what was measured.
    pub claims: Vec<Claim>,
    /// The conversation of the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript_path: Option<String>,
    /// What an agent was told, by part, and what was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Box<ContextManifest>>,
    /// The handoff of this execution.
    pub handoff_envelope_path: String,
    /// What happened while it ran.
    pub log_path: String,
    /// The question whose answer allowed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<EscalationId>,
    /// Absent while the kernel has not yet decided (an execution that was lost).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_signal: Option<RoutingSignal>,
    /// The commit of the workspace when the flow started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_sha: Option<String>,
    /// Its branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_branch: Option<String>,
    /// Whether there were uncommitted changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_dirty: Option<bool>,
    /// The directory that it worked in.
    pub workspace_root: String,
    /// Digest of the step as it was written.
    pub definition_sha256: Sha256,
    /// What the step promised, and what held it to that.
    pub sandbox: Sandbox,
    /// Versions of the programs that were asked for them.
    pub tool_versions: BTreeMap<String, String>,
    /// The machine.
    pub host: String,
}

impl Receipt {
    pub const SCHEMA: &'static str = "flow-studio/receipt/v1";

    /// The receipt of one execution. Pure: the same facts give the same bytes, however often.
    pub fn new(header: &Header, step: &StepRef, execution: u32, proof: &Proof, signal: Option<RoutingSignal>) -> Self {
        let git = proof.git.as_ref().or(header.git.as_ref());
        let nested = header.frame.as_str() != header.flow.as_str();
        Self {
            schema: Self::SCHEMA.to_owned(),
            engine: proof.engine,
            mode: proof.mode,
            provider: proof.provider.clone().unwrap_or_else(|| "local".to_owned()),
            model: proof.model.clone(),
            run_id: header.run_id.clone(),
            flow_key: header.flow.clone(),
            flow_path: nested.then(|| header.frame.clone()),
            step_id: step.clone(),
            agent_key: proof.agent_key.clone(),
            execution,
            attempt: proof.attempt,
            iteration: proof.iteration,
            started_at: proof.started_at,
            completed_at: proof.completed_at,
            duration_ms: proof.completed_at.since(proof.started_at),
            status: proof.status,
            tokens: proof.tokens.unwrap_or_default(),
            cost_usd: proof.cost_usd,
            switches: proof.switches.clone(),
            error: proof.error.clone(),
            error_detail: proof.error_detail.clone(),
            commands: proof.commands.clone(),
            inputs: proof.inputs.clone(),
            outputs: proof.outputs.clone(),
            checks: proof.checks.clone(),
            tests: proof.tests.clone(),
            lint: proof.lint.clone(),
            security: proof.security.clone(),
            coverage: proof.coverage.clone(),
            changes: proof.changes.clone(),
            claims: proof.claims.clone(),
            transcript_path: proof.transcript_path.clone(),
            context: proof.context.clone(),
            handoff_envelope_path: format!("{}/handoffs/{step}-{}.json", header.frame, proof.agent_key),
            log_path: format!("{}/logs/{step}.jsonl", header.frame),
            approved_by: proof.approved_by.clone(),
            routing_signal: signal,
            git_sha: git.and_then(|git| git.sha.clone()),
            git_branch: git.and_then(|git| git.branch.clone()),
            git_dirty: git.and_then(|git| git.dirty),
            workspace_root: header.workspace.clone(),
            definition_sha256: proof.definition_sha256.clone(),
            sandbox: proof.sandbox.clone().unwrap_or(Sandbox { requested: "change".to_owned(), enforced: "none".to_owned() }),
            tool_versions: proof.tool_versions.clone(),
            host: header.host.clone(),
        }
    }
}
