//! What answers for agents in place of a model: scripts, and recordings of other runs; and recordings made.
//! In: what was typed. Out: the same, read. Never: a recording used that is not the one that the flow was started with.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    engine::{self, Recording, RecordingError},
    error::{Error, Kind},
    id::{RunId, Sha256},
    kernel::{Input, State},
    ledger,
    record::{RecordedFile, RecordingIndex, Replaying},
};

use super::{RunRequest, Workspace, absolute, errors::invalid};

pub(super) type Recordings = BTreeMap<String, Result<Arc<Recording>, String>>;

/// What `record` made.
#[derive(Debug)]
pub struct Recorded {
    pub index: RecordingIndex,
    /// Transcripts that cannot be replayed, with the reason.
    pub left_out: Vec<(String, String)>,
    /// Texts in which a secret was found now that was not one when they were written.
    pub blacked_out: usize,
}

impl Workspace {
    pub(super) fn scenario(&self, path: Option<&Path>) -> Result<Option<Arc<engine::Scenario>>, Error> {
        let Some(path) = path else { return Ok(None) };
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::new(Kind::Invalid, format!("cannot read {shown}")).because(&error))?;
        let name = shown.to_string();
        let scenario = engine::Scenario::read(&name, &text).map_err(|found| invalid(&name, found))?;
        Ok(Some(Arc::new(scenario)))
    }

    /// What `--recording` names: a directory, or a run of this workspace.
    pub(super) fn recording(&self, request: &RunRequest) -> Result<Option<(Replaying, Recording)>, Error> {
        let Some(named) = &request.recording else { return Ok(None) };
        let dir = self.recording_dir(named);
        let recording = Recording::open(&dir).map_err(|error| refused(&error))?;
        if request.run_id.as_deref() == Some(recording.run_id.as_str()) && dir.join("run.json").exists() {
            return Err(Error::new(Kind::Usage, format!("run `{}` cannot be replayed into itself", recording.run_id))
                .hint("leave out --run-id, or give another name"));
        }
        let path = absolute(&dir).to_string_lossy().into_owned();
        Ok(Some((Replaying { recording: path, sha256: recording.digest(), drift: request.drift }, recording)))
    }

    fn recording_dir(&self, named: &str) -> PathBuf {
        let path = PathBuf::from(named);
        if path.exists() {
            return path;
        }
        let run = RunId::new(named).ok().and_then(|id| self.runs.open(&id).ok());
        run.map_or(path, |run| run.base().to_owned())
    }

    /// Makes a recording of a run's agents in a directory that is not there yet, or empty.
    ///
    /// # Errors
    /// There is no such run, nothing in it can be replayed, or the directory cannot be written.
    pub fn record_agents(&self, run: &str, to: &Path) -> Result<Recorded, Error> {
        let read = self.read_run(run)?;
        let dir = self.run_dir(&read.id)?;
        let recording = Recording::open(dir.base()).map_err(|error| refused(&error))?;
        let mut known = BTreeMap::new();
        for frame in read.state.frames.values() {
            known.extend(super::agents::secrets(&self.config, &frame.book.library));
        }
        let known: Vec<(String, String)> = known.into_iter().chain(super::agents::keys(&self.config)).collect();
        let redactor = crate::redact::Redactor::new(&known).map_err(|bad| Error::new(Kind::Invalid, bad.to_string()))?;
        let (mut files, mut transcripts, mut left_out, mut blacked_out) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for path in recording.transcripts() {
            let (lines, summed) = recording.portable(path).map_err(|error| refused(&error))?;
            if summed.executions.is_empty() {
                left_out.push((path.to_owned(), "no execution of it came to an end".to_owned()));
                continue;
            }
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            // They were redacted when they were written; what is a secret today may not have been one then.
            let clean = redactor.bytes(text.clone().into_bytes());
            blacked_out += usize::from(clean.get().as_slice() != text.as_bytes());
            let sha256 = Sha256::of(clean.get());
            transcripts.push(RecordedFile {
                path: path.to_owned(),
                sha256,
                executions: summed.executions,
                answers: summed.answers,
            });
            files.push((path.to_owned(), clean));
        }
        if files.is_empty() {
            let mut error = Error::new(Kind::Refused, format!("run `{}` holds nothing that can be replayed", read.id));
            error.because = left_out.into_iter().map(|(path, why)| format!("{path}: {why}")).collect();
            return Err(error);
        }
        let index = RecordingIndex {
            schema: RecordingIndex::SCHEMA.to_owned(),
            run_id: read.id,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            transcripts,
        };
        let clean = redactor.clean(index.clone()).map_err(|leak| Error::new(Kind::Refused, leak.to_string()))?;
        ledger::keep_recording(to, &clean, &files).map_err(|error| {
            Error::new(Kind::System, format!("the recording could not be written to {}", to.display()))
                .because(&error)
                .hint("give a directory that is not there yet: --to DIR")
        })?;
        Ok(Recorded { index, left_out, blacked_out })
    }
}

fn refused(error: &RecordingError) -> Error {
    let hint = "--recording takes a run, or a directory that `flow-studio record RUN --to DIR` made";
    Error::new(Kind::Invalid, "there is nothing to replay").because(error).hint(hint)
}

/// The recordings that flows of a run answer from: those that have begun, and those that are about to.
pub(super) fn recordings(state: &State, first: &[Input]) -> Recordings {
    let begun = state.frames.values().filter(|frame| frame.is_open()).filter_map(|frame| frame.options.replay.clone());
    let next = first.iter().filter_map(|input| match input {
        Input::RunRequested(request) => request.options.replay.clone(),
        _ => None,
    });
    begun.chain(next).map(|one| (one.recording.clone(), opened(&one))).collect()
}

fn opened(one: &Replaying) -> Result<Arc<Recording>, String> {
    let recording = Recording::open(Path::new(&one.recording)).map_err(|error| error.to_string())?;
    if recording.digest() == one.sha256 {
        Ok(Arc::new(recording))
    } else {
        Err(format!("the recording {} is not the one that this flow was started with", one.recording))
    }
}
