//! A letter to the process that drives a run, until it is known who reads it.
//! In: an answer or a cancel. Out: whether the driver took it or has yet to look; where it ended without a look, the run, opened for
//! whoever wrote the letter. Never: a letter left to nobody while its writer could see that, one carried out twice.

use std::{
    io,
    sync::mpsc::{self, Receiver, Sender},
    time::Duration,
};

use crate::{
    error::Error,
    ledger::{Inbox, InboxError, InboxWatch, Lock, LockError, Message, RunDir},
    record::Answer,
    redact::{Clean, Redactor},
    runner::{Clock, OpenError, Opened},
};

use super::{Workspace, errors::open_error};

/// How long a person waits to hear what the process that drives the run made of a letter. It looks into its inbox
/// twice a second at the least.
const HEARD_WITHIN: Duration = Duration::from_secs(3);
/// How often it is looked whether there is a driver at all. Nobody notices it, and a look is a lock asked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A letter that was put into a run's inbox.
pub(super) struct Posted {
    run: RunDir,
    name: String,
    letter: Clean<Message>,
    woken: Receiver<()>,
    // Kept so that waiting is no spinning where nothing can be watched.
    _wake: Sender<()>,
    _watch: io::Result<InboxWatch>,
}

/// What became of a letter.
pub(super) enum Fate {
    /// The driver has taken it, or turned it down with this reason.
    Read(Option<String>),
    /// A process drives the run, and has not looked yet.
    Lies,
    /// Its driver ended after its last look: what the letter asks for is now its writer's to do, and the letter to take away.
    Ours(Box<Opened>),
}

impl Posted {
    /// Puts a letter into a run's inbox.
    ///
    /// # Errors
    /// As [`Inbox::put`].
    pub(super) fn put(run: &RunDir, letter: &Clean<Message>) -> Result<Self, InboxError> {
        let (wake, woken) = mpsc::channel();
        let waker = wake.clone();
        // Watching begins before the letter is there, so that its end cannot be missed.
        let watch = InboxWatch::start(run, move || {
            let _ = waker.send(());
        });
        let name = Inbox::put(run, letter)?;
        Ok(Self { run: run.clone(), name, letter: letter.clone(), woken, _wake: wake, _watch: watch })
    }

    /// The answer in it, as its reader finds it.
    pub(super) fn answer(&self) -> Option<&Answer> {
        match self.letter.get() {
            Message::Answer { answer, .. } => Some(answer),
            Message::Cancel { .. } => None,
        }
    }

    fn lies(&self) -> bool {
        Inbox::holds(&self.run, &self.name, &self.letter)
    }

    /// Takes it back. Whoever does has the run's lock, or could not get at the run.
    pub(super) fn withdraw(&self) {
        let withdrawn = Inbox::open(&self.run, &Redactor::default()).and_then(|mut inbox| inbox.done(&self.name));
        if let Err(error) = withdrawn {
            // A driver that finds it once more is told by the kernel that it was answered.
            tracing::warn!(%error, letter = %self.name, "the letter could not be taken back");
        }
    }
}

impl Workspace {
    /// Waits until a letter was read, but not for long; opens the run where nobody is left to read it.
    ///
    /// # Errors
    /// Nobody drives the run, and it cannot be opened: then the letter is taken back.
    pub(super) fn fate(&self, posted: &Posted) -> Result<Fate, Error> {
        let deadline = Clock::instant() + HEARD_WITHIN;
        loop {
            if !posted.lies() {
                return Ok(Fate::Read(Inbox::reason(&posted.run, &posted.name, &posted.letter)));
            }
            let left = deadline.saturating_duration_since(Clock::instant());
            if !Lock::is_held(&posted.run)
                && let Some(opened) = self.take_over(posted)?
            {
                return Ok(Fate::Ours(Box::new(opened)));
            }
            if left.is_zero() {
                return Ok(Fate::Lies);
            }
            let _ = posted.woken.recv_timeout(left.min(LOOK_EVERY));
        }
    }

    /// `None`: somebody else was faster, to the run or to the letter.
    fn take_over(&self, posted: &Posted) -> Result<Option<Opened>, Error> {
        match self.try_open(posted.run.id(), None) {
            Ok(opened) => Ok(posted.lies().then_some(opened)),
            Err(OpenError::Lock(LockError::Held(_))) => Ok(None),
            Err(error) => {
                // Its writer is told that nothing came of it: nothing may come of it later.
                posted.withdraw();
                Err(open_error(posted.run.id(), &error))
            }
        }
    }
}

#[cfg(test)]
mod tests;
