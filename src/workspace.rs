//! Where everything is put together: config, loader, runs, kernel and runner behind one value.
//! In: what a person asks for. Out: a run that was driven, or an error that says what to do.
//! Never: a rule of its own; whoever wants to know why asks the kernel.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    config::Config,
    engine,
    error::{Error, Kind},
    id::{FlowKey, FramePath, RunId, Sha256, StepId, Time},
    kernel::{FramePhase, Input, Request, Roles, State},
    ledger::{self, Frozen, JournalError, RunDir, RunDirError, RunsDir},
    measure,
    plan::{Book, GraphMistake},
    record::{Git, RunOptions},
    redact::{Clean, Redactor},
    runner::{self, Clock, Drive, Ended, Observer, OpenError, Opened, Scene, Setup},
    spec::{
        Diagnostics, Library,
        diagnostic::did_you_mean,
        load::{LoadOptions, Loader},
        params,
    },
};

mod again;
mod agents;
mod answer;
mod answering;
mod catalog;
mod check;
mod dry_run;
mod errors;
mod going_on;
mod lines;
mod mend;
mod notify;
mod once_only;
mod open_run;
mod orders;
mod post;
mod preflight;
mod rehearsal;
mod requests;
mod retention;
mod scan;
mod under_way;
mod view;

use errors::{drive_error, invalid, no_run, open_error};

pub use answer::{AnswerOutcome, AnswerReport, AnswerRequest, Answered, OpenQuestions, Waiting};
pub use answering::Recorded;
pub use catalog::{Catalog, CatalogEntry};
pub use dry_run::{DryRun, DryStep, Runs};
pub use open_run::ReadRun;
pub use orders::{
    Beginning, Call, Declined, Due, Known, Mistake, OrderLine, OrderList, OrderStanding, OrderWhat, Settled, StartRequest,
    jobs_asked,
};
pub use rehearsal::{Tested, Verdict};
pub use requests::{ResumeRequest, RetryRequest, RunRequest};
pub use retention::RunPruned;
pub use scan::ScanRequest;
pub use view::{Evidence, Reach, Veil};

/// Names that are tried for a new run while other processes take them; far more than start at one moment.
const TRIES_MAX: u32 = 1000;

/// A directory in which flows are run.
pub struct Workspace {
    pub config: Config,
    /// Where steps run.
    pub root: PathBuf,
    pub runs: RunsDir,
    seen: view::Seen,
}

impl Workspace {
    pub fn new(config: Config, root: PathBuf) -> Self {
        let runs = RunsDir::new(config.runs_dir.clone());
        Self { config, root, runs, seen: view::Seen::default() }
    }

    pub fn loader(&self) -> Loader {
        let reviewers = (!self.config.reviewers.is_empty())
            .then(|| self.config.reviewers.keys().map(|role| crate::spec::Role(role.clone())).collect());
        let options = LoadOptions { reviewers, frozen: false };
        Loader::new(&self.config.flows_dir, &self.config.agents_dir, &self.root).with_options(options)
    }

    /// Loads a flow with all it needs and makes it executable; warnings come along.
    ///
    /// # Errors
    /// Every mistake at once, each with its place.
    pub fn book(&self, flow: &FlowKey, strict: bool) -> Result<(Arc<Book>, Diagnostics), Error> {
        let loaded = self.loader().load_library(flow).map_err(|found| invalid(flow.as_str(), found))?;
        let book = build(&loaded.value).map_err(|found| invalid(flow.as_str(), found))?;
        if strict && !loaded.warnings.is_empty() {
            return Err(invalid(flow.as_str(), loaded.warnings.strict()));
        }
        Ok((Arc::new(book), loaded.warnings))
    }

    /// Runs a flow, in a new run or in one that is there; drives it until it rests.
    ///
    /// # Errors
    /// Anything that keeps the flow from starting, or the run from being written.
    pub fn run(&self, request: &RunRequest, observer: &mut dyn Observer) -> Result<(RunId, Ended), Error> {
        let flow = again::flow_key(&request.flow)?;
        if let Some((id, again)) = self.again(request, &flow)? {
            return self.resume(&again, observer).map(|ended| (id, ended));
        }
        let git = self.ask_git();
        let (book, warnings) = self.book(&flow, request.strict)?;
        if observer.hears() {
            warnings.iter().for_each(|warning| observer.word(warning.render(false).trim_end()));
        }
        let main = book.library.main_flow().cloned().ok_or_else(|| errors::no_flow(&flow))?;
        let params = params::resolve(&main, &request.params).map_err(|found| invalid(flow.as_str(), found))?;
        let scenario = self.scenario(request.scenario.as_deref())?;
        let engine = request.engine.map(Into::into);
        notify::hooks(&self.config.notify)?;
        let recording = self.recording(request)?;
        let wanted = preflight::Wanted::of(request, recording.as_ref().map(|(_, one)| one));
        preflight::check(&self.config, &self.root, &book.library, &wanted)?;
        let redactor = self.redactor(&book.library)?;
        let files = frozen_files(&book, &redactor)?;
        let given = request.run_id.as_deref().map(run_id).transpose()?;
        let step = |name: &Option<String>| step_of(&book, &flow, name.as_deref());
        let (from, until) = (step(&request.from)?, step(&request.until)?);
        let (id, mut opened) = match given {
            Some(id) => (id.clone(), self.open_or_create(&id, &book, request.new)?),
            None => self.create_free(&flow)?,
        };
        let path = FramePath::from(&flow);
        let mut first = Vec::new();
        match opened.state.frame(&path).map(|frame| frame.phase.clone()) {
            Some(FramePhase::Open | FramePhase::Closing) => {
                return Err(errors::not_ended(&flow, &id));
            }
            phase => {
                if phase.is_some() {
                    observer.word(&self.starts_over(request, &opened.state, &id, &path)?);
                }
                self.freeze(&mut opened, &path, &book, &files)?;
                let clean = redactor.clean(params).map_err(|leak| Error::new(Kind::Refused, leak.to_string()))?;
                let RunRequest { allow_unenforced, observe_only, .. } = *request;
                let options = RunOptions {
                    jobs: request.jobs.or(self.config.jobs),
                    from,
                    until,
                    engine,
                    allow_unenforced,
                    observe_only,
                    replay: recording.map(|(one, _)| one),
                };
                first.push(Input::RunRequested(Box::new(Request {
                    run_id: id.clone(),
                    flow,
                    book: book.clone(),
                    params: clean.into_inner(),
                    options,
                    workspace: self.root.to_string_lossy().into_owned(),
                    host: self.config.host.clone(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    by: self.config.user.clone(),
                    git: git.and_then(|git| git.join().ok().flatten()),
                })));
            }
        }
        let ended = self.drive(opened, &book.library, redactor, first, scenario, request.wait_for_human, observer)?;
        Ok((id, refused_first(ended)?))
    }

    /// `None`: somebody else made it.
    fn create(&self, id: &RunId) -> Result<Option<Opened>, Error> {
        match runner::create(&self.runs, id, &self.config.host, Clock::after(Time::from_ms(0)).now()) {
            Err(OpenError::Dir(RunDirError::Exists(_)) | OpenError::Journal(JournalError::Exists)) => Ok(None),
            other => other.map(Some).map_err(|error| open_error(id, &error)),
        }
    }

    fn open_or_create(&self, id: &RunId, today: &Arc<Book>, new: bool) -> Result<Opened, Error> {
        if let Err(RunDirError::Missing(_)) = self.runs.open(id)
            && let Some(opened) = self.create(id)?
        {
            return Ok(opened);
        }
        // What stands in the way of opening it, says so now.
        let opened = self.open_with(id, Some(today))?;
        if new && opened.state.run.is_some() { Err(errors::taken(id)) } else { Ok(opened) }
    }

    /// A new run under the first name that is free; others may be looking for one at the same moment.
    fn create_free(&self, flow: &FlowKey) -> Result<(RunId, Opened), Error> {
        for _ in 0..TRIES_MAX {
            let id = self.free_run_id(flow)?;
            if let Some(opened) = self.create(&id)? {
                return Ok((id, opened));
            }
        }
        Err(Error::new(Kind::System, "no free name was found for the run").hint("give one: --run-id NAME"))
    }

    /// Opens a run for driving: takes its lock and replays its journal.
    fn open_with(&self, id: &RunId, today: Option<&Arc<Book>>) -> Result<Opened, Error> {
        self.try_open(id, today).map_err(|error| match error {
            OpenError::Dir(RunDirError::Missing(_)) => no_run(&self.runs, id),
            error => open_error(id, &error),
        })
    }

    fn try_open(&self, id: &RunId, today: Option<&Arc<Book>>) -> Result<Opened, OpenError> {
        let now = Clock::after(Time::from_ms(0)).now();
        let mut books =
            |run: &RunDir, flow: &FramePath, definition: &Sha256| match today.filter(|book| book.definition == *definition) {
                Some(book) => Ok(book.clone()),
                None => frozen_book(run, flow, definition),
            };
        runner::open(&self.runs, id, &self.config.host, now, self.config.grace_ms, &mut books)
    }

    #[expect(clippy::too_many_arguments, reason = "the one place where all parts of a drive meet")]
    fn drive(
        &self,
        opened: Opened,
        library: &Library,
        redactor: Redactor,
        first: Vec<Input>,
        scenario: Option<Arc<engine::Scenario>>,
        wait_for_human: bool,
        observer: &mut dyn Observer,
    ) -> Result<Ended, Error> {
        let id = opened.run.id().clone();
        let config = self.config.clone();
        let workspace = if opened.state.run.is_some() { self.workspace_of(&opened.state) } else { self.root.clone() };
        if !workspace.is_dir() {
            return Err(Error::new(Kind::Invalid, format!("the run's workspace {} is gone", workspace.display())));
        }
        under_way::count(&opened, &redactor, observer)
            .map_err(|error| Error::new(Kind::System, "the calls that were under way cannot be counted").because(&error))?;
        let spent = ledger::spent(&opened.run).map_err(|error| {
            Error::new(Kind::System, "cost.jsonl cannot be read: what the run has used is not known").because(&error)
        })?;
        let recordings = answering::recordings(&opened.state, &first);
        let setup = Setup {
            scene: Scene {
                workspace,
                run_base: absolute(opened.run.base()),
                env: self.config.step_env.clone(),
                secrets: agents::secrets(&self.config, library),
                grace_ms: self.config.grace_ms,
                means: preflight::means(&self.config),
                agents: agents::agents(&self.config, engine::Account::new(&spent), recordings),
            },
            redactor,
            scenario,
            wait_for_human,
            drain_ms: self.config.grace_ms,
            roles: Box::new(move |name| Roles { has: config.roles(name), self_approval: config.self_approval }),
            signals: true,
        };
        let redactor = setup.redactor.clone();
        let mut lines = lines::Lines::new(observer, view::EXECUTIONS_MAX);
        let mut telling = notify::Telling::start(&self.config, &opened.run, &opened.state, redactor, self.paste(), &mut lines)?;
        let run = opened.run.clone();
        let ended = Drive::run(opened, &setup, first, &mut telling).map_err(|error| drive_error(&id, &error));
        telling.finish();
        if let Ok(ended) = &ended
            && let Err(error) = self.tell(&run, &ended.state, lines.all(&ended.state))
        {
            observer.word(&error.to_string());
        }
        ended
    }

    fn roles(&self, name: &str) -> Roles {
        Roles { has: self.config.roles(name), self_approval: self.config.self_approval }
    }

    fn workspace_of(&self, state: &State) -> PathBuf {
        state.run.as_ref().map_or_else(|| self.root.clone(), |run| PathBuf::from(&*run.workspace))
    }

    fn redactor(&self, library: &Library) -> Result<Redactor, Error> {
        let mut known: Vec<(String, String)> = agents::secrets(&self.config, library).into_iter().collect();
        known.extend(agents::keys(&self.config));
        known.extend(notify::keys(&self.config));
        Redactor::new(&known).map_err(|bad| Error::new(Kind::Invalid, bad.to_string()))
    }

    fn freeze(&self, opened: &mut Opened, flow: &FramePath, book: &Book, files: &FrozenFiles) -> Result<(), Error> {
        let written = Frozen::add(&opened.run, flow, &book.definition, files)
            .map_err(|error| Error::new(Kind::System, "the flow could not be frozen into the run").because(&error))?;
        opened.journal.beside(written);
        Ok(())
    }

    /// Asks git on a thread of its own, while the flow is being loaded. `None`: there is no repository.
    fn ask_git(&self) -> Option<std::thread::JoinHandle<Option<Git>>> {
        measure::git_marker(&self.root)?;
        let root = self.root.clone();
        let (path, home) = (self.config.env.get("PATH").cloned(), self.config.env.get("HOME").cloned());
        Some(std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(measure::git_state(&root, path.as_deref(), home.as_deref()))
        }))
    }
}

type FrozenFiles = Vec<(String, Clean<Vec<u8>>)>;

/// What defines the flow, as it is kept with the run. A secret in it would have to be blacked out, and then it would be
/// another flow: nothing is started with it.
fn frozen_files(book: &Book, redactor: &Redactor) -> Result<FrozenFiles, Error> {
    let mut files = Vec::new();
    let mut holds = Vec::new();
    for (path, text) in book.library.files() {
        let clean = redactor.bytes(text.clone().into_bytes());
        if clean.get().as_slice() != text.as_bytes() {
            holds.push(path.clone());
        }
        files.push((path, clean));
    }
    if holds.is_empty() {
        return Ok(files);
    }
    let mut error = Error::new(Kind::Invalid, format!("a secret stands in {}; nothing was started", holds.join(", ")));
    error = error.hint("declare its name under `secrets:` of the flow and of the step; its value comes from the environment");
    Err(error)
}

fn build(library: &Library) -> Result<Book, Diagnostics> {
    Book::build(&Arc::new(library.clone())).map_err(|mistakes| placed(library, mistakes))
}

fn placed(library: &Library, mistakes: Vec<(FlowKey, GraphMistake)>) -> Diagnostics {
    let mut found = Diagnostics::default();
    found.extend(mistakes.into_iter().map(|(flow, mistake)| preflight::placed(library, &flow, mistake)));
    found.sorted()
}

/// The definition that a journal names, from the files frozen with it.
fn frozen_book(run: &RunDir, flow: &FramePath, definition: &Sha256) -> Result<Arc<Book>, String> {
    let root = FlowKey::new(flow.as_str().split('.').next().unwrap_or_default()).map_err(|bad| bad.to_string())?;
    let path = FramePath::from(&root);
    let frozen = Frozen::of(run, &path, definition).map_err(|error| error.to_string())?;
    let options = LoadOptions { reviewers: None, frozen: true };
    let loaded = Loader::in_memory(frozen.files).with_options(options).load_library(&root);
    let library = loaded.map_err(|found| found.render(false))?.value;
    let book = Book::of_frozen(&Arc::new(library.clone())).map_err(|mistakes| placed(&library, mistakes).render(false))?;
    if book.definition != *definition {
        return Err(format!("its files have digest {}, the journal names {definition}", book.definition));
    }
    Ok(Arc::new(book))
}

fn refused_first(ended: Ended) -> Result<Ended, Error> {
    ended.refused.first().map_or(Ok(()), |refused| Err(errors::refused(refused)))?;
    Ok(ended)
}

fn step_of(book: &Book, flow: &FlowKey, name: Option<&str>) -> Result<Option<StepId>, Error> {
    let Some(name) = name else { return Ok(None) };
    let plan = book.flows.get(flow).ok_or_else(|| errors::no_flow(flow))?;
    if let Some(step) = plan.find(name) {
        return Ok(Some(plan.step(step).spec.id.clone()));
    }
    let ids: Vec<&str> = plan.steps.iter().map(|planned| planned.spec.id.as_str()).collect();
    let mut error = Error::new(Kind::Usage, format!("flow `{flow}` has no step `{name}`"));
    error.hints.extend(did_you_mean(name, ids.iter().copied()));
    Err(error.hint(format!("steps: {}", ids.join(", "))))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn run_id(text: &str) -> Result<RunId, Error> {
    RunId::new(text).map_err(|bad| Error::new(Kind::Usage, bad.to_string()))
}
