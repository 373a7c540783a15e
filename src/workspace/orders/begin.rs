//! Beginning with an order: it is written down first, then the process is started.
//! In: an order that waits. Out: what to start, and where it writes to. Never: a process started for an order that somebody else has.

use std::{ffi::OsString, path::PathBuf};

use crate::{
    error::{Error, Kind},
    id::RunId,
    ledger::{Lock, Traces},
    record::{Begun, Errand, Order, OrderState, ResumeOptions},
};

use super::{
    super::{ReadRun, Workspace},
    broken,
};

/// A process to start: this program, with these arguments.
#[derive(Debug)]
pub struct Call {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// In whose name it acts, as its environment says it.
    pub name: (&'static str, String),
}

/// What there is to do for an order.
#[derive(Debug)]
pub enum Beginning {
    /// Start this, with its outputs there. The traces are held until it is started.
    Call(Box<(Order, Call, Traces)>),
    /// Nothing: it was taken back, somebody else is at it, or it came to nothing.
    Nothing,
}

impl Workspace {
    /// # Errors
    /// The queue cannot be written: the order is left as it is.
    pub fn begin(&self, number: u64) -> Result<Beginning, Error> {
        let queue = self.queue();
        let Some(traces) = queue.claim(number).map_err(|error| broken("read", &error))? else { return Ok(Beginning::Nothing) };
        let order = queue.order(number).map_err(|error| broken("read", &error))?;
        let Some(mut order) = order.filter(|order| order.state == OrderState::Waiting) else { return Ok(Beginning::Nothing) };
        let seq = match self.seq_of(&order.run_id) {
            Ok(seq) => seq,
            Err(error) => return self.refuse(order, &error).map(|_| Beginning::Nothing),
        };
        if order.errand == Errand::Continue && !order.taken && self.is_driven(&order.run_id) {
            // Somebody was faster, which is all that was wanted.
            queue.remove(number).map_err(|error| broken("write", &error))?;
            return Ok(Beginning::Nothing);
        }
        order.state = OrderState::Begun(Begun { at: self.now(), seq });
        order.tries += 1;
        let order = self.changed(order)?;
        let call = self.call(&order);
        Ok(Beginning::Call(Box::new((order, call, traces))))
    }

    /// The last line of a run's journal; none, and there is no run yet.
    fn seq_of(&self, run: &RunId) -> Result<u64, Error> {
        match self.read_if_there(run)? {
            Some(read) => Ok(read.state.seq),
            None => Ok(0),
        }
    }

    pub(super) fn read_if_there(&self, run: &RunId) -> Result<Option<ReadRun>, Error> {
        match self.runs.open(run) {
            Ok(_) => self.read_run(run.as_str()).map(Some),
            Err(_) => Ok(None),
        }
    }

    pub(super) fn is_driven(&self, run: &RunId) -> bool {
        self.runs.open(run).is_ok_and(|run| !matches!(Lock::holder(&run), Ok(None)))
    }

    /// As somebody would type it who wants exactly this, whatever settings say elsewhere.
    fn call(&self, order: &Order) -> Call {
        let mut args: Vec<OsString> = Vec::new();
        let mut say = |words: &[&str]| args.extend(words.iter().map(OsString::from));
        let run = order.run_id.as_str();
        let params = self.queue().params(order.number).to_string_lossy().into_owned();
        match &order.errand {
            // What was asked for has happened; what is left is to go on.
            _ if order.taken => say(&["resume", run]),
            Errand::Continue => say(&["resume", run]),
            Errand::Start { flow, params: given, options, join, again } => {
                say(&["run", flow.as_str(), "--run-id", run]);
                if !join {
                    say(&["--new"]);
                }
                if *again {
                    say(&["--again"]);
                }
                if !given.is_empty() {
                    say(&["--params", &params]);
                }
                if let Some(step) = &options.from {
                    say(&["--from", step.as_str()]);
                }
                if let Some(step) = &options.until {
                    say(&["--until", step.as_str()]);
                }
                if let Some(engine) = options.engine {
                    say(&["--engine", engine.as_str()]);
                }
                if let Some(jobs) = options.jobs {
                    say(&["--jobs", &jobs.to_string()]);
                }
                if options.observe_only {
                    say(&["--observe-only"]);
                }
                if options.allow_unenforced {
                    say(&["--allow-unenforced"]);
                }
            }
            Errand::Resume { flow, from, refresh, .. } => {
                say(&["resume", run]);
                if let Some(flow) = flow {
                    say(&["--flow", flow.as_str()]);
                }
                if let Some(step) = from {
                    say(&["--from", step.as_str()]);
                }
                if *refresh {
                    say(&["--refresh"]);
                }
            }
            Errand::Retry { flow, step, only, set, .. } => {
                say(&["retry", run, "--step", step.as_str()]);
                if let Some(flow) = flow {
                    say(&["--flow", flow.as_str()]);
                }
                if *only {
                    say(&["--only"]);
                }
                for (name, value) in set {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    say(&["--set", &format!("{name}={text}")]);
                }
            }
        }
        if let Errand::Resume { options, .. } | Errand::Retry { options, .. } = &order.errand
            && !order.taken
        {
            args.extend(otherwise(*options));
        }
        self.calling(args, order.workspace.clone().into(), &order.by)
    }

    /// The process that cancels a run, at once and outside of the queue.
    pub fn cancel_call(&self, run: &RunId, by: &str) -> Call {
        self.calling(vec!["cancel".into(), run.as_str().into()], self.root.clone(), by)
    }

    fn calling(&self, mut args: Vec<OsString>, workspace: PathBuf, by: &str) -> Call {
        let config = &self.config;
        let dirs = [
            ("--runs", &config.runs_dir),
            ("--flows", &config.flows_dir),
            ("--agents", &config.agents_dir),
            ("--workspace", &workspace),
        ];
        for (name, dir) in dirs {
            args.extend([name.into(), dir.into()]);
        }
        args.extend(["--json", "--quiet", "--no-input", "--color", "never"].map(OsString::from));
        let program = config.step_env.get("FLOW_STUDIO").map_or_else(|| PathBuf::from("flow-studio"), PathBuf::from);
        Call { program, args, name: ("FLOW_STUDIO_USER", by.to_owned()) }
    }

    /// Nothing comes of it; why stays to be read.
    pub(super) fn refuse(&self, mut order: Order, error: &Error) -> Result<Order, Error> {
        let clean = |text: &String| self.clean_text(text);
        order.state = OrderState::Refused(crate::record::Refusal {
            at: self.now(),
            message: clean(&error.message),
            because: error.because.iter().map(clean).collect(),
            hints: error.hints.iter().map(clean).collect(),
        });
        self.changed(order)
    }

    /// For an order whose process could not be started at all.
    ///
    /// # Errors
    /// The queue cannot be written.
    pub fn not_started(&self, order: Order, error: &std::io::Error) -> Result<(), Error> {
        let why = Error::new(Kind::System, "no process could be started for it").because(error);
        self.refuse(order, &why).map(drop)
    }
}

/// As `resume` and `retry` take it.
fn otherwise(options: ResumeOptions) -> Vec<OsString> {
    let mut args = Vec::new();
    if let Some(jobs) = options.jobs {
        args.extend(["--jobs".into(), jobs.to_string().into()]);
    }
    if options.allow_unenforced {
        args.push("--allow-unenforced".into());
    }
    args
}
