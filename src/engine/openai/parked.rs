//! What an attempt leaves to the next one of the same execution: the conversation, and what it used.
//! In: a conversation that broke off. Out: the same, once, for the attempt that goes on with it.
//! Never: kept longer than the process, given to another execution.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

use crate::{
    engine::Job,
    id::{FramePath, StepRef},
    record::{CommandRun, Switch, Tokens},
};

/// Of one attempt that ended and may be followed by another.
#[derive(Debug, Default)]
pub(super) struct Parked {
    pub execution: u32,
    pub talk: Option<Broke>,
    pub tokens: Option<Tokens>,
    pub cost_usd: Option<f64>,
    pub commands: Vec<CommandRun>,
    pub switches: Vec<Switch>,
    /// The model that was asked last, and why there is no answer.
    pub left: Option<(String, String)>,
}

impl Parked {
    /// Of a first attempt: nothing was used, and that is known.
    pub fn nothing() -> Self {
        Self { tokens: Some(Tokens::default()), cost_usd: Some(0.0), ..Self::default() }
    }
}

/// A conversation that broke off because the server did not answer: nothing in it has to be said again.
#[derive(Debug)]
pub(super) struct Broke {
    pub messages: Vec<Value>,
    pub turn: u32,
    /// The handoff had been asked for.
    pub closing: bool,
}

#[derive(Default)]
pub(super) struct Parking(Mutex<BTreeMap<(FramePath, StepRef), Parked>>);

impl Parking {
    pub fn put(&self, job: &Job, parked: Parked) {
        let key = (job.flow.clone(), job.step.clone());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, parked);
    }
    /// What the attempt before left.
    pub fn take(&self, job: &Job) -> Option<Parked> {
        let key = (job.flow.clone(), job.step.clone());
        let parked = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key)?;
        (parked.execution == job.execution && job.attempt > 1).then_some(parked)
    }
}
