//! The receipt and handoff of an execution whose process is gone: made from the fact alone, so always the same.

use crate::{
    id::{Sha256, Time},
    record::{
        At, Concern, DecisionKind, EngineWord, Envelope, EnvelopeMeta, EnvelopeRouting, ErrorClass, ErrorDetail, FailureKind,
        Header, Measured, Mode, Proof, ReceiptStatus, Status, Summary,
    },
    spec::Severity,
};

const GONE: &str = "the process that performed it is gone";

pub(super) struct Lost<'a> {
    pub execution: u32,
    pub attempt: u32,
    pub iteration: Option<u32>,
    pub started_at: Time,
    pub noticed_at: Time,
    pub engine: EngineWord,
    pub mode: Mode,
    pub agent_key: &'a str,
    pub definition: &'a Sha256,
}

impl Lost<'_> {
    pub(super) fn proof(&self) -> Proof {
        let detail = ErrorDetail {
            kind: FailureKind::Crashed,
            class: ErrorClass::Permanent,
            signature: "lost".to_owned(),
            exit_code: None,
        };
        Proof {
            engine: self.engine,
            mode: self.mode,
            agent_key: self.agent_key.to_owned(),
            provider: None,
            model: None,
            attempt: self.attempt,
            iteration: self.iteration,
            started_at: self.started_at,
            completed_at: self.noticed_at,
            status: ReceiptStatus::Interrupted,
            tokens: None,
            cost_usd: None,
            switches: Vec::new(),
            error: Some(GONE.to_owned()),
            error_detail: Some(detail),
            commands: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            checks: Vec::new(),
            tests: None,
            lint: None,
            security: None,
            coverage: None,
            changes: None,
            claims: Vec::new(),
            transcript_path: None,
            context: None,
            approved_by: None,
            definition_sha256: self.definition.clone(),
            sandbox: None,
            tool_versions: std::collections::BTreeMap::new(),
            git: None,
            tree: None,
        }
    }

    pub(super) fn handoff(&self, header: &Header, at: &At) -> Envelope {
        let concern = Concern {
            severity: Severity::High,
            description: format!("{GONE}: what it was to do may be done by half"),
            location: None,
            recommendation: None,
        };
        Envelope {
            schema: Envelope::SCHEMA.to_owned(),
            meta: EnvelopeMeta {
                run_id: header.run_id.clone(),
                flow_key: header.flow.clone(),
                step_id: at.step.clone(),
                agent_key: self.agent_key.to_owned(),
                execution: self.execution,
                iteration: self.iteration,
                timestamp: self.noticed_at,
            },
            status: Status::Unverified,
            summary: Summary { what_i_found: GONE.to_owned(), ..Summary::default() },
            concerns: vec![concern],
            assumptions: Vec::new(),
            routing: EnvelopeRouting {
                confidence: None,
                proposal: None,
                recommendation: DecisionKind::Escalate,
                next_step_suggestion: None,
                can_further_iteration_help: None,
                failure_signature: None,
                reason: GONE.to_owned(),
            },
            measured: Measured::default(),
        }
    }
}
