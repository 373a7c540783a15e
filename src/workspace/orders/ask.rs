//! What is asked, looked at before it is put into the queue: everything that is wrong with it at once, to whoever asks.
//! In: a wish. Out: an order, or each mistake beside the field it is in. Never: a wish taken that is known to fail.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    id::{FramePath, ParamName, RunId, StepId, StepRef},
    ledger::{Lock, LockError, ORDERS_MAX, RunDirError},
    record::{Errand, Order, OrderState, ResumeOptions, RunOptions},
    redact::Redactor,
    runner::OpenError,
    spec::{
        Flow,
        params::{self, Given},
        text::EngineText,
    },
};

use super::{
    super::{ReadRun, ResumeRequest, RetryRequest, RunRequest, Workspace, errors, preflight},
    broken,
    due::Due,
    join,
};

/// A run that somebody wants started.
#[derive(Debug, Clone, Default)]
pub struct StartRequest {
    pub flow: String,
    /// Left out, the first name that is free.
    pub run_id: Option<String>,
    /// The run is there, and the flow joins it.
    pub join: bool,
    /// And starts over, if it has ended there.
    pub again: bool,
    pub params: BTreeMap<String, Given>,
    pub from: Option<String>,
    pub until: Option<String>,
    pub engine: Option<String>,
    pub jobs: Option<String>,
    pub observe_only: bool,
    pub allow_unenforced: bool,
    /// Where its steps run; left out, where the studio was started.
    pub workspace: Option<String>,
    /// Of somebody else than the owner: only in or below where the studio was started, and behind every fence.
    pub at_home: bool,
    pub by: String,
}

/// What is wrong with one field of what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mistake {
    /// As it was sent: `run_id`, `params.client`.
    pub field: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Mistake {
    pub(super) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), hint: None }
    }
}

/// Why it was not put into the queue.
#[derive(Debug)]
pub struct Declined {
    pub error: Box<Error>,
    pub fields: Vec<Mistake>,
}

impl From<Error> for Declined {
    fn from(error: Error) -> Self {
        Self { error: Box::new(error), fields: Vec::new() }
    }
}

/// Who asks for a fence to be left out; a guest is not the one who may.
const UNFENCED: &str = "only the studio's owner may let steps run without their fence";

/// What is to be another way from here on, as far as whoever asks may say so.
fn goes_on(options: ResumeOptions, at_home: bool) -> Result<ResumeOptions, Declined> {
    let mut fields = Vec::new();
    fields.extend(options.jobs.and_then(|jobs| number_of_jobs(&jobs.to_string()).err()));
    if at_home && options.allow_unenforced {
        fields.push(Mistake::new("allow_unenforced", UNFENCED));
    }
    if fields.is_empty() { Ok(options) } else { Err(wrong(fields)) }
}

fn number_of_jobs(text: &str) -> Result<u32, Mistake> {
    let number = text.parse().ok().filter(|jobs| (1..=256).contains(jobs));
    number.ok_or_else(|| Mistake::new("jobs", format!("jobs is a number from 1 to 256, not {text}")))
}

/// How many steps at once, as somebody typed it who goes on with a run.
///
/// # Errors
/// It is no such number.
pub fn jobs_asked(text: &str) -> Result<u32, Declined> {
    number_of_jobs(text).map_err(|mistake| wrong(vec![mistake]))
}

fn wrong(fields: Vec<Mistake>) -> Declined {
    let message = match fields.as_slice() {
        [one] => one.message.clone(),
        all => format!("{} things are wrong with what was asked; nothing was started", all.len()),
    };
    Declined { error: Box::new(Error::new(Kind::Invalid, message)), fields }
}

impl Workspace {
    /// Puts a new run into the queue.
    ///
    /// # Errors
    /// There is no such flow, it cannot be run, the run is there already, or what was given does not fit: all of it at once.
    pub fn ask_start(&self, request: &StartRequest) -> Result<Order, Declined> {
        let flow = super::super::again::flow_key(&request.flow)?;
        self.flow_text(&flow)?;
        let (book, _) = self.book(&flow, false)?;
        let main = book.library.main_flow().cloned().ok_or_else(|| errors::no_flow(&flow))?;
        let redactor = self.redactor(&book.library)?;
        let mut fields = Vec::new();
        let params = match params::resolve_each(&main, &request.params) {
            Ok(values) => given(&main, values, request),
            Err(mistakes) => {
                fields.extend(mistakes.into_iter().map(|(name, found)| Mistake {
                    field: format!("params.{name}"),
                    message: found.message,
                    hint: found.hint,
                }));
                BTreeMap::new()
            }
        };
        fields.extend(secrets_in(&redactor, "params", &params));
        let mut step = |field: &str, name: &Option<String>| {
            let found = super::super::step_of(&book, &flow, name.as_deref());
            found.unwrap_or_else(|error| {
                fields.push(Mistake { field: field.to_owned(), message: error.message, hint: error.hints.into_iter().next() });
                None
            })
        };
        let (from, until) = (step("from", &request.from), step("until", &request.until));
        let mut jobs = None;
        if let Some(text) = &request.jobs {
            match number_of_jobs(text) {
                Ok(number) => jobs = Some(number),
                Err(mistake) => fields.push(mistake),
            }
        }
        let mut engine = None;
        if let Some(word) = &request.engine {
            engine = serde_json::from_value::<EngineText>(word.as_str().into()).ok();
            if engine.is_none() {
                fields
                    .push(Mistake::new("engine", format!("`{word}` is not an engine: openai, claude, codex, cli, stub, replay")));
            }
        }
        let workspace = self.workspace_asked(request).unwrap_or_else(|mistake| {
            fields.push(mistake);
            self.root.clone()
        });
        let id = match request.run_id.as_deref().map(RunId::new).transpose() {
            Ok(id) => id,
            Err(bad) => {
                fields.push(Mistake::new("run_id", bad.to_string()));
                None
            }
        };
        if request.at_home && request.allow_unenforced {
            fields.push(Mistake::new("allow_unenforced", UNFENCED));
        }
        if request.join && id.is_none() && request.run_id.is_none() {
            fields.push(Mistake::new("run_id", "which run does the flow join?"));
        }
        fields.extend(join::no_start_over(request));
        if !fields.is_empty() {
            return Err(wrong(fields));
        }
        let as_run = RunRequest {
            engine,
            observe_only: request.observe_only,
            allow_unenforced: request.allow_unenforced,
            ..RunRequest::default()
        };
        preflight::check(&self.config, &workspace, &book.library, &preflight::Wanted::of(&as_run, None))?;
        let id = match id {
            Some(id) if request.join => self.can_join(&id, &flow, request)?,
            Some(id) => self.free(id)?,
            None => self.free_run_id(&flow)?,
        };
        let errand = Errand::Start {
            flow,
            params,
            join: request.join,
            again: request.again,
            options: RunOptions {
                jobs,
                from,
                until,
                engine: engine.map(Into::into),
                allow_unenforced: request.allow_unenforced,
                observe_only: request.observe_only,
                replay: None,
            },
        };
        Ok(self.put(self.order(id, &request.by, workspace, errand)?, &redactor)?)
    }

    /// The flow itself, for whoever makes a form of it.
    ///
    /// # Errors
    /// There is no such flow, or it cannot be run.
    pub fn main_flow(&self, name: &str) -> Result<Arc<Flow>, Error> {
        let key = super::super::again::flow_key(name)?;
        self.flow_text(&key)?;
        let (book, _) = self.book(&key, false)?;
        book.library.main_flow().cloned().ok_or_else(|| errors::no_flow(&key))
    }

    /// Puts the wish to go on with a run into the queue.
    ///
    /// # Errors
    /// There is no such run, somebody drives it, nothing in it can go on.
    pub fn ask_resume(&self, request: &ResumeRequest, by: &str) -> Result<Order, Declined> {
        let read = self.idle(&request.run_id)?;
        let flow = request.flow.as_deref().map(FramePath::new).transpose().map_err(bad)?;
        let from = request.from.as_deref().map(StepId::new).transpose().map_err(bad)?;
        let root = self.root_flow(&read.state, request.flow.as_deref())?;
        if let Some(step) = &from {
            has_step(&read, &root, &StepRef::from(step))?;
        } else if read.state.open_frames.is_empty() {
            let status = read.state.resting_status();
            return Err(Error::new(Kind::Refused, format!("run `{}` is over ({status}): there is nothing to resume", read.id))
                .hint(format!("flow-studio retry {} --step STEP        (one step again, and what depends on it)", read.id))
                .into());
        }
        let options = goes_on(request.options, request.at_home)?;
        let errand = Errand::Resume { flow, from, refresh: request.refresh, options };
        Ok(self.put(self.order(read.id.clone(), by, self.root.clone(), errand)?, &Redactor::default())?)
    }

    /// Puts the wish to execute a step again into the queue.
    ///
    /// # Errors
    /// As [`Workspace::ask_resume`]; the step or a parameter is not of this run.
    pub fn ask_retry(&self, request: &RetryRequest, by: &str) -> Result<Order, Declined> {
        let read = self.idle(&request.run_id)?;
        let flow = request.flow.as_deref().map(FramePath::new).transpose().map_err(bad)?;
        let step = StepRef::new(&request.step).map_err(bad)?;
        let root = self.root_flow(&read.state, request.flow.as_deref())?;
        has_step(&read, &root, &step)?;
        let library = super::super::going_on::library_of(&read.state, &root)?;
        let redactor = self.redactor(&library)?;
        let mut set = BTreeMap::new();
        if let Some(frame) = read.state.frame(&root).filter(|_| !request.set.is_empty()) {
            let changed = super::super::going_on::changed_params(&frame.plan.flow, &frame.params, &request.set)?;
            set = changed.into_iter().filter(|(name, _)| request.set.contains_key(name.as_str())).collect();
        }
        let fields: Vec<Mistake> = secrets_in(&redactor, "set", &set).collect();
        if !fields.is_empty() {
            return Err(wrong(fields));
        }
        let options = goes_on(request.options, request.at_home)?;
        let errand = Errand::Retry { flow, step, only: request.only, set, options };
        Ok(self.put(self.order(read.id.clone(), by, self.root.clone(), errand)?, &redactor)?)
    }

    /// Puts a run that can go on by itself into the queue.
    ///
    /// # Errors
    /// It is there already, or there is no more room.
    pub fn ask_continue(&self, due: &Due) -> Result<Order, Error> {
        let order = self.order(due.run_id.clone(), &due.by, self.root.clone(), Errand::Continue)?;
        self.put(order, &Redactor::default())
    }

    fn order(&self, run_id: RunId, by: &str, workspace: PathBuf, errand: Errand) -> Result<Order, Error> {
        let all = self.queue().orders().map_err(|error| broken("read", &error))?;
        let waiting = all.iter().filter(|order| !matches!(order.state, OrderState::Refused(_)));
        if waiting.clone().count() >= ORDERS_MAX {
            return Err(
                Error::new(Kind::Limit, format!("{ORDERS_MAX} orders wait already")).hint("flow-studio serve --max-runs N")
            );
        }
        if let Some(other) = waiting.clone().find(|order| order.run_id == run_id) {
            let word = other.errand.word();
            return Err(Error::new(Kind::Refused, format!("run `{run_id}` is in the queue already, to {word}, by {}", other.by)));
        }
        Ok(Order {
            schema: Order::SCHEMA.to_owned(),
            number: 0,
            run_id,
            by: by.to_owned(),
            at: self.now(),
            workspace: workspace.to_string_lossy().into_owned(),
            errand,
            state: OrderState::Waiting,
            tries: 0,
            taken: false,
        })
    }

    /// No run has this name. (That no order has it either, `order` looks at.)
    fn free(&self, id: RunId) -> Result<RunId, Error> {
        match self.runs.open(&id) {
            Err(RunDirError::Missing(_)) => Ok(id),
            Ok(run) if !run.has_journal() && !self.is_driven(&id) => Ok(id),
            Ok(_) | Err(_) => Err(errors::taken(&id)),
        }
    }

    /// A run that is there, that can be read, and that nobody drives.
    pub(super) fn idle(&self, run: &str) -> Result<ReadRun, Error> {
        let read = self.read_run(run)?;
        let held = match Lock::holder(&self.run_dir(&read.id)?) {
            Ok(None) => return Ok(read),
            Ok(Some(holder)) => LockError::Held(Some(holder)),
            Err(error) => error,
        };
        Err(errors::open_error(&read.id, &OpenError::from(held)))
    }

    fn workspace_asked(&self, request: &StartRequest) -> Result<PathBuf, Mistake> {
        let Some(asked) = request.workspace.as_deref().map(str::trim).filter(|asked| !asked.is_empty()) else {
            return Ok(self.root.clone());
        };
        let path = self.root.join(asked);
        let real = path.canonicalize().map_err(|_| Mistake::new("workspace", format!("there is no directory {asked}")))?;
        if !real.is_dir() {
            return Err(Mistake::new("workspace", format!("{asked} is no directory")));
        }
        let home = self.root.canonicalize().unwrap_or_else(|_| self.root.clone());
        if request.at_home && !real.starts_with(&home) {
            return Err(Mistake::new(
                "workspace",
                format!("{asked} is not in {}: only its owner may go elsewhere", home.display()),
            ));
        }
        // Who may not go elsewhere is held to the place that was looked at.
        Ok(if request.at_home { real } else { path })
    }
}

/// Values of what was given; of the others, the flow knows what they are when it starts.
fn given(
    flow: &Flow,
    values: BTreeMap<ParamName, serde_json::Value>,
    request: &StartRequest,
) -> BTreeMap<ParamName, serde_json::Value> {
    let is_given = |name: &ParamName| flow.params.contains_key(name) && request.params.contains_key(name.as_str());
    values.into_iter().filter(|(name, _)| is_given(name)).collect()
}

/// A secret would be blacked out before it is kept, and the step would get that: whoever gives one has to know.
fn secrets_in<'r>(
    redactor: &'r Redactor,
    above: &'r str,
    params: &'r BTreeMap<ParamName, serde_json::Value>,
) -> impl Iterator<Item = Mistake> + 'r {
    let holds = |value: &serde_json::Value| redactor.json(value.clone()).get() != value;
    params.iter().filter(move |(_, value)| holds(value)).map(move |(name, _)| Mistake {
        field: format!("{above}.{name}"),
        message: format!("the parameter `{name}` holds a secret; parameters are kept with the run, secrets never are"),
        hint: Some(
            "declare it under `secrets:` of the flow, and put its value into the environment in which the studio is started"
                .to_owned(),
        ),
    })
}

fn has_step(read: &ReadRun, flow: &FramePath, step: &StepRef) -> Result<(), Error> {
    let frame = read.state.frame(flow).ok_or_else(errors::never_started)?;
    match frame.slot(step).filter(|slot| frame.state(*slot).is_some()) {
        Some(_) => Ok(()),
        None => {
            let hint = frame.plan.meant(step.base());
            let error = Error::new(Kind::Usage, format!("flow `{flow}` of run `{}` has no step `{step}`", read.id));
            Err(hint.into_iter().fold(error, Error::hint))
        }
    }
}

fn bad(name: impl std::fmt::Display) -> Error {
    Error::new(Kind::Invalid, name.to_string())
}
