//! A run that is there already: goes on, does a step again, or is cancelled.
//! In: what a person asks for. Out: the run, driven until it rests, or an error that says why not.
//! Never: a step that may have half run taken for one that ended, today's flow in the place of the frozen one without a word.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    error::{Error, Kind},
    id::{FramePath, ParamName, StepId, StepRef},
    kernel::{Input, RefreshPlan, Refused, Resume, Retry, State, decide},
    ledger::{Lock, Message, RunDir},
    plan::Book,
    record::StopCause,
    redact::Redactor,
    runner::{self, Clock, Ended, Observer, Opened},
    spec::{
        Flow, Library,
        params::{self, Given},
    },
};

use super::{
    ResumeRequest, RetryRequest, Workspace,
    errors::{self, drive_error, invalid, never_started},
    frozen_files, once_only,
    post::{Fate, Posted},
    preflight, refused_first, run_id,
};

impl Workspace {
    /// Goes on with a run from where it stands, or from a step.
    ///
    /// # Errors
    /// The run is held, broken or over; the step is not there.
    pub fn resume(&self, request: &ResumeRequest, observer: &mut dyn Observer) -> Result<Ended, Error> {
        let id = run_id(&request.run_id)?;
        let mut opened = self.open_with(&id, None)?;
        let root = self.root_flow(&opened.state, request.flow.as_deref())?;
        let library = library_of(&opened.state, &root)?;
        preflight::check_secrets(&self.config, &library)?;
        let by = self.config.user.clone();
        let from = request.from.as_ref().map(|step| StepId::new(step)).transpose();
        let mut from = from.map_err(|bad| Error::new(Kind::Usage, bad.to_string()))?;
        let mut first = Vec::new();
        // What starts again by itself starts as it is wanted now.
        if request.from.is_some() || request.refresh || !request.options.is_none() {
            self.note_lost(&mut opened, &library)?;
        } else {
            lost_first(&opened, &mut first);
        }
        let today = self.today(&opened.state, &root);
        match (request.refresh, today) {
            (true, Some(Ok(book))) => {
                let redactor = self.redactor(&book.library)?;
                let (by, from, options) = (by.clone(), from.take(), request.options);
                let plan = RefreshPlan { by, flow: root.clone(), book: book.clone(), from, options };
                let refresh = Input::Refreshed(plan);
                once_again(&opened.state, &refresh, &root, observer);
                // Asked before anything is kept for it: what is refused leaves nothing.
                decide(&opened.state, &refresh, Clock::after(opened.state.now).now()).map_err(|no| errors::refused(&no))?;
                self.freeze(&mut opened, &root, &book, &frozen_files(&book, &redactor)?)?;
                first.push(refresh);
            }
            (true, Some(Err(error))) => return Err(error),
            (false, Some(today)) => observer.word(&frozen_is_used(&root.root(), &today)),
            (_, None) => {}
        }
        let from = from.map(|step| (root.clone(), step));
        let resume = Input::Resumed(Resume { by, from, options: request.options });
        once_again(&opened.state, &resume, &root, observer);
        first.push(resume);
        let redactor = self.redactor(&library)?;
        let scenario = self.scenario(request.scenario.as_deref())?;
        let ended = self.drive(opened, &library, redactor, first, scenario, request.wait_for_human, observer)?;
        match ended.refused.first() {
            // Whoever resumes until it is done, is done: a run may have been killed after its last line.
            Some(nothing @ Refused::NothingToResume { .. }) => {
                observer.word(&nothing.to_string());
                Ok(ended)
            }
            _ => refused_first(ended),
        }
    }

    /// Executes one step again.
    ///
    /// # Errors
    /// As [`Workspace::resume`].
    pub fn retry(&self, request: &RetryRequest, observer: &mut dyn Observer) -> Result<Ended, Error> {
        let id = run_id(&request.run_id)?;
        let mut opened = self.open_with(&id, None)?;
        let flow = match &request.flow {
            Some(flow) => FramePath::new(flow).map_err(|bad| Error::new(Kind::Usage, bad.to_string()))?,
            None => self.root_flow(&opened.state, None)?,
        };
        let library = library_of(&opened.state, &flow)?;
        preflight::check_secrets(&self.config, &library)?;
        let step = StepRef::new(&request.step).map_err(|bad| Error::new(Kind::Usage, bad.to_string()))?;
        let set = match opened.state.frame(&flow) {
            Some(frame) if !request.set.is_empty() => changed_params(&frame.plan.flow, &frame.params, &request.set)?,
            _ => BTreeMap::new(),
        };
        let redactor = self.redactor(&library)?;
        let set = redactor.clean(set).map_err(|leak| Error::new(Kind::Refused, leak.to_string()))?.into_inner();
        self.note_lost(&mut opened, &library)?;
        let root = flow.root();
        if let Some(today) = self.today(&opened.state, &root) {
            observer.word(&frozen_is_used(&root, &today));
        }
        let RetryRequest { only, options, .. } = *request;
        let retry = Input::Retried(Retry { by: self.config.user.clone(), flow, step, only, set, options });
        once_again(&opened.state, &retry, &root, observer);
        let first = vec![retry];
        let scenario = self.scenario(request.scenario.as_deref())?;
        refused_first(self.drive(opened, &library, redactor, first, scenario, false, observer)?)
    }

    /// Cancels a run: at once if nobody drives it, else by a letter to whoever does.
    ///
    /// # Errors
    /// There is no such run, or it is over.
    pub fn cancel(&self, id: &str, observer: &mut dyn Observer) -> Result<Option<Ended>, Error> {
        let id = run_id(id)?;
        let run = self.run_dir(&id)?;
        let by = self.config.user.clone();
        if !Lock::is_held(&run) {
            return self.cancel_here(self.open_with(&id, None)?, by, observer).map(Some);
        }
        let posted = self.send_cancel(&run, by.clone())?;
        self.cancelled(&posted, by, observer)
    }

    pub(super) fn send_cancel(&self, run: &RunDir, by: String) -> Result<Posted, Error> {
        let letter = Redactor::default().clean(Message::cancel(by, None));
        let letter = letter.map_err(|leak| Error::new(Kind::Refused, leak.to_string()))?;
        Posted::put(run, &letter).map_err(|error| Error::new(Kind::System, "the cancel could not be delivered").because(&error))
    }

    /// Waits until the driver has looked, but not for what it ends. Where it is gone, the run is cancelled as any that nobody drives.
    pub(super) fn cancelled(&self, posted: &Posted, by: String, observer: &mut dyn Observer) -> Result<Option<Ended>, Error> {
        match self.fate(posted)? {
            Fate::Read(None) | Fate::Lies => Ok(None),
            Fate::Read(Some(why)) => Err(Error::new(Kind::Refused, why)),
            Fate::Ours(opened) => {
                posted.withdraw();
                self.cancel_here(*opened, by, observer).map(Some)
            }
        }
    }

    fn cancel_here(&self, opened: Opened, by: String, observer: &mut dyn Observer) -> Result<Ended, Error> {
        let id = opened.run.id().clone();
        if opened.state.run.is_none() {
            return Err(never_started());
        }
        if opened.state.open_frames.is_empty() {
            let status = opened.state.resting_status();
            return Err(Error::new(Kind::Refused, format!("run `{id}` is over ({status}): there is nothing to cancel")));
        }
        let root = self.root_flow(&opened.state, None)?;
        let library = library_of(&opened.state, &root)?;
        let redactor = self.redactor(&library).unwrap_or_default();
        let cancel = Input::StopRequested { cause: StopCause::Cancel, by };
        // Nothing runs any more: whatever was running is lost first, so that nobody believes it ended.
        let mut first = vec![cancel];
        lost_first(&opened, &mut first);
        self.drive(opened, &library, redactor, first, None, false, observer)
    }

    /// What was running when the last process ended is lost, and waits: which of it runs again is about to be said.
    pub(super) fn note_lost(&self, opened: &mut Opened, library: &Library) -> Result<(), Error> {
        if !opened.state.is_active() {
            return Ok(());
        }
        let redactor = self.redactor(library)?;
        let id = opened.run.id().clone();
        let lost = Input::Lost { seen: opened.seen };
        let noted = runner::note(opened, &lost, &redactor).map_err(|error| drive_error(&id, &error))?;
        noted.map(drop).map_err(|refused| Error::new(Kind::Refused, refused.to_string()))
    }

    /// Today's definition, if it is not the frozen one: of a flow inside another, that of the one it is part of.
    pub(super) fn today(&self, state: &State, flow: &FramePath) -> Option<Result<Arc<Book>, Error>> {
        let frame = state.frame(&flow.root())?;
        match self.book(&frame.key, false) {
            Ok((book, _)) if book.definition == frame.definition => None,
            Ok((book, _)) => Some(Ok(book)),
            Err(error) => Some(Err(error)),
        }
    }

    pub(super) fn root_flow(&self, state: &State, flow: Option<&str>) -> Result<FramePath, Error> {
        if let Some(flow) = flow {
            let path = FramePath::new(flow).map_err(|bad| Error::new(Kind::Usage, bad.to_string()))?;
            if state.frame(&path).is_none() {
                let known: Vec<&str> = state.frames.keys().map(FramePath::as_str).collect();
                return Err(Error::new(Kind::Usage, format!("this run has no flow `{flow}`; it has: {}", known.join(", "))));
            }
            return Ok(path);
        }
        let roots = || state.frames.values().filter(|frame| frame.parent.is_none());
        let open = roots().find(|frame| frame.is_open()).or_else(|| roots().next_back());
        open.map(|frame| frame.path.clone()).ok_or_else(never_started)
    }
}

/// A person named the step, so what needs it goes on; what that does a second time is said before it does.
fn once_again(state: &State, input: &Input, flow: &FramePath, observer: &mut dyn Observer) {
    if let Some(said) = once_only::run_again(state, input, flow, Clock::after(state.now).now()) {
        observer.word(&said);
    }
}

/// What runs is not what lies there now, or cannot be compared with it.
fn frozen_is_used(root: &FramePath, today: &Result<Arc<Book>, Error>) -> String {
    match today {
        Ok(_) => {
            format!(
                "flow `{root}` was changed since this run started; the frozen one is used (resume with --refresh adopts today's)"
            )
        }
        Err(error) => format!("the frozen flow `{root}` is used; today's could not be read here: {error}"),
    }
}

pub(super) fn library_of(state: &State, flow: &FramePath) -> Result<Arc<Library>, Error> {
    let known = || state.frames.keys().map(FramePath::as_str).collect::<Vec<_>>().join(", ");
    let frame = state
        .frame(flow)
        .ok_or_else(|| Error::new(Kind::Usage, format!("this run has no flow `{flow}`; it has: {}", known())))?;
    Ok(frame.book.library.clone())
}

/// What was running when the last process ended is told to the kernel before anything else.
fn lost_first(opened: &Opened, first: &mut Vec<Input>) {
    if opened.state.is_active() {
        first.push(Input::Lost { seen: opened.seen });
    }
}

pub(super) fn changed_params(
    flow: &Flow,
    now: &BTreeMap<ParamName, serde_json::Value>,
    set: &BTreeMap<String, Given>,
) -> Result<BTreeMap<ParamName, serde_json::Value>, Error> {
    let mut given: BTreeMap<String, Given> = now
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_string(), Given::Value(value.clone())))
        .collect();
    given.extend(set.clone());
    params::resolve(flow, &given).map_err(|found| invalid(flow.key.as_str(), found))
}
