//! What is known of a step that ended.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    id::Sha256,
    record::{Envelope, Proof, Status},
};

use super::signature::figures;

/// What later steps may ask about a step that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct StepResult {
    pub status: Status,
    pub passed: bool,
    pub skipped: bool,
    pub exit_code: Option<i32>,
    pub iteration: Option<u32>,
    pub error: Option<Arc<str>>,
    pub choice: Option<Arc<str>>,
    pub note: Option<Arc<str>>,
    pub stdout: Option<Arc<str>>,
    pub stderr: Option<Arc<str>>,
    pub json: Option<Arc<Value>>,
    /// For expressions; only of steps that speak for themselves.
    pub handoff: Option<Arc<Envelope>>,
    /// Kept while the kernel may still have to route on it.
    pub proof: Option<Arc<Proof>>,
    pub high_concerns: u32,
    pub can_help: Option<bool>,
    /// The work tree that a judge saw.
    pub tree: Option<Sha256>,
    /// Its figures, as expressions see them, where there are any.
    pub measured: Option<Arc<Value>>,
}

impl StepResult {
    /// What its failure counts: the numbers that a signature leaves out.
    pub(super) fn figures(&self) -> Option<String> {
        self.error.as_deref().map(figures)
    }
}
