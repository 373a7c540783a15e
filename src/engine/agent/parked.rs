//! What an attempt leaves to the next one of the same execution: the conversation, and what it used.
//! In: a conversation that broke off. Out: the same, once, for the attempt that goes on with it.
//! Never: kept longer than the process, given to another execution.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    engine::Job,
    id::{FramePath, StepRef},
    record::{CommandRun, Switch, Tokens},
};

/// Of one attempt that ended and may be followed by another. `T`: a conversation that broke off because nobody answered;
/// nothing in it has to be said again.
#[derive(Debug)]
pub(crate) struct Parked<T> {
    pub execution: u32,
    pub talk: Option<T>,
    pub tokens: Option<Tokens>,
    pub cost_usd: Option<f64>,
    pub commands: Vec<CommandRun>,
    pub switches: Vec<Switch>,
    /// The model that was asked last, and why there is no answer.
    pub left: Option<(String, String)>,
}

impl<T> Parked<T> {
    /// Of a first attempt: nothing was used, and that is known.
    pub fn nothing() -> Self {
        Self {
            execution: 0,
            talk: None,
            tokens: Some(Tokens::default()),
            cost_usd: Some(0.0),
            commands: Vec::new(),
            switches: Vec::new(),
            left: None,
        }
    }
}

pub(crate) struct Parking<T>(Mutex<BTreeMap<(FramePath, StepRef), Parked<T>>>);

impl<T> Default for Parking<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Parking<T> {
    pub fn put(&self, job: &Job, parked: Parked<T>) {
        let key = (job.flow.clone(), job.step.clone());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, parked);
    }
    /// What the attempt before left.
    pub fn take(&self, job: &Job) -> Option<Parked<T>> {
        let key = (job.flow.clone(), job.step.clone());
        let parked = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key)?;
        (parked.execution == job.execution && job.attempt > 1).then_some(parked)
    }
}
