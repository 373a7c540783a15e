//! What a person asks of a run: to start, to go on, to do a step again.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    record::{Drift, ResumeOptions},
    spec::{params::Given, text::EngineText},
};

/// What `run` is told.
#[derive(Debug, Clone, Default)]
pub struct RunRequest {
    pub flow: String,
    pub run_id: Option<String>,
    /// The run must not be there yet.
    pub new: bool,
    /// A flow that has ended in the run starts over in it.
    pub again: bool,
    pub params: BTreeMap<String, Given>,
    pub from: Option<String>,
    pub until: Option<String>,
    pub engine: Option<EngineText>,
    pub jobs: Option<u32>,
    pub scenario: Option<PathBuf>,
    /// What the engine `replay` answers from: a run, or a directory.
    pub recording: Option<String>,
    pub drift: Drift,
    pub wait_for_human: bool,
    pub allow_unenforced: bool,
    pub observe_only: bool,
    pub strict: bool,
}

#[derive(Debug, Clone, Default)]
pub struct ResumeRequest {
    pub run_id: String,
    pub flow: Option<String>,
    pub from: Option<String>,
    pub refresh: bool,
    pub options: ResumeOptions,
    pub scenario: Option<PathBuf>,
    pub wait_for_human: bool,
    /// A studio's guest asks, who does not own the machine.
    pub at_home: bool,
}

#[derive(Debug, Clone, Default)]
pub struct RetryRequest {
    pub run_id: String,
    pub flow: Option<String>,
    pub step: String,
    pub only: bool,
    pub set: BTreeMap<String, Given>,
    pub scenario: Option<PathBuf>,
    pub options: ResumeOptions,
    /// As in [`ResumeRequest`].
    pub at_home: bool,
}
