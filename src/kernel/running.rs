//! What is under way: the run as it was created, and each attempt that has not ended.

use std::sync::Arc;

use crate::id::{RunId, Time};

/// An execution that is wanted to run now.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    pub execution: u32,
    pub attempt: u32,
    pub started_at: Time,
    pub timeout_ms: Option<u64>,
    pub iteration: Option<u32>,
    /// It is to be ended: its effects are no longer wanted.
    pub unwanted: bool,
}

#[derive(Debug, Clone)]
pub struct RunInfo {
    pub id: RunId,
    pub created_at: Time,
    pub workspace: Arc<str>,
    pub host: Arc<str>,
    pub version: Arc<str>,
    pub by: Arc<str>,
}
