//! Lines of `logs/<step>.jsonl` and `timeouts.jsonl`, as other tools read them.
//! A log line that comes from the journal carries its `seq`; lines of output do not.

use serde::Serialize;

use crate::{
    id::{EscalationId, StepRef, Time},
    record::{Check, Proof, ReceiptStatus, WaitReason},
};

#[derive(Debug, Clone, Serialize)]
pub(super) struct LogLine<'a> {
    pub ts: Time,
    pub seq: u64,
    pub event: &'static str,
    pub execution: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<&'a EscalationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<WaitReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<&'a Check>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ReceiptStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
}

impl<'a> LogLine<'a> {
    pub(super) fn new(ts: Time, seq: u64, event: &'static str, execution: u32) -> Self {
        Self {
            ts,
            seq,
            event,
            execution,
            attempt: None,
            iteration: None,
            timeout_ms: None,
            approved_by: None,
            why: None,
            due: None,
            check: None,
            status: None,
            exit_code: None,
            duration_ms: None,
            error: None,
        }
    }

    /// One line per check, then the end.
    pub(super) fn ended(ts: Time, seq: u64, execution: u32, proof: &'a Proof) -> Vec<Self> {
        let check = |check: &'a Check| Self { check: Some(check), ..Self::new(ts, seq, "check", execution) };
        let end = Self {
            attempt: Some(proof.attempt),
            status: Some(proof.status),
            exit_code: proof.commands.last().and_then(|command| command.exit_code),
            duration_ms: Some(proof.completed_at.since(proof.started_at)),
            error: proof.error.as_deref(),
            ..Self::new(ts, seq, "end", execution)
        };
        proof.checks.iter().map(check).chain([end]).collect()
    }
}

/// A limit of time that was reached: of a step, or (without a step) of its flow.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TimeoutLine<'a> {
    pub timestamp: Time,
    pub scope: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_id: Option<&'a StepRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    pub after_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
}

impl<'a> TimeoutLine<'a> {
    /// An attempt of a step that took too long.
    pub fn step(timestamp: Time, step: &'a StepRef, execution: u32, attempt: u32, began: Option<Time>) -> Self {
        Self {
            timestamp,
            scope: "step",
            step_id: Some(step),
            agent_key: None,
            execution: Some(execution),
            attempt: Some(attempt),
            timeout_ms: None,
            after_ms: began.map_or(0, |began| timestamp.since(began)),
            error: None,
        }
    }
}

/// Compact JSON, one object per line.
pub(super) fn jsonl<T: Serialize>(lines: &[T]) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(256);
    for line in lines {
        serde_json::to_writer(&mut bytes, line)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// Most receipts and handoffs are shorter.
const PRETTY_BYTES: usize = 4 * 1024;

/// For files that people read.
pub(super) fn pretty<T: Serialize>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(PRETTY_BYTES);
    serde_json::to_writer_pretty(&mut bytes, value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
