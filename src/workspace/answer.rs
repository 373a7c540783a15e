//! A person's answer, on its way to the kernel.
//! In: what was chosen, by whom, with what. Out: what became of it: recorded, or refused with a sentence.
//! Never: a rule; who may answer what is the kernel's to say, whichever way the answer came.

mod inbox;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    id::{EscalationId, ParamName},
    kernel::{Input, State},
    ledger::{Lock, Message, RunDir},
    record::{Answer, Channel, Fact, Identity, Question, QuestionKind, RunStatus},
    runner::{self, Clock, DriveError, Opened},
    spec::{
        Verb,
        form::{self, Form},
        params::Given,
    },
};

use super::{
    ReadRun, Workspace,
    errors::{closed, drive_error},
    going_on::library_of,
    post::{Fate, Posted},
};

pub use inbox::{OpenQuestions, Waiting};

#[derive(Debug, Clone, Default)]
pub struct AnswerRequest {
    pub run_id: String,
    pub question: String,
    pub choose: String,
    pub note: Option<String>,
    pub by: Option<String>,
    /// What the person has seen; left out, what is asked now.
    pub digest: Option<String>,
    pub evidence: Vec<String>,
    /// The studio knows who it is: the login name, behind its token.
    pub signed_in: bool,
    /// What the question's form asks for.
    pub values: BTreeMap<String, Given>,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// Nobody drives the run: the answer stands in its journal, and the run stands so.
    Recorded(RunStatus),
    /// The process that drives the run has taken it, and goes on.
    Taken,
    /// A process drives the run, and has not looked into its inbox yet: the answer lies there.
    Delivered,
}

/// What became of an answer: `schemas/cli/review-answer.schema.json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AnswerReport {
    pub run_id: String,
    pub question: String,
    pub choose: String,
    pub outcome: AnswerOutcome,
    /// The run as it stands, where nobody drives it.
    pub run_status: Option<RunStatus>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerOutcome {
    /// It stands in the journal; `resume` goes on.
    Recorded,
    /// The process that drives the run has taken it.
    Taken,
    /// It lies in the inbox of the process that drives the run.
    Delivered,
}

impl AnswerReport {
    pub fn new(request: &AnswerRequest, answered: Answered) -> Self {
        let (outcome, run_status) = match answered {
            Answered::Recorded(status) => (AnswerOutcome::Recorded, Some(status)),
            Answered::Taken => (AnswerOutcome::Taken, None),
            Answered::Delivered => (AnswerOutcome::Delivered, None),
        };
        Self {
            run_id: request.run_id.clone(),
            question: request.question.clone(),
            choose: request.choose.clone(),
            outcome,
            run_status,
        }
    }
}

impl Workspace {
    /// Answers a question: at once if nobody drives the run, else by a letter to whoever does.
    ///
    /// # Errors
    /// There is no such question, it is closed, or the answer is not one: each with its sentence.
    pub fn answer(&self, request: &AnswerRequest) -> Result<Answered, Error> {
        let read = self.read_run(&request.run_id)?;
        let question = read.question(&request.question)?;
        let digest = match &request.digest {
            Some(digest) if *digest != question.subject_digest.as_str() => {
                let message =
                    format!("question `{}` is not what you have seen: its digest is {}", question.id, question.subject_digest);
                return Err(
                    Error::new(Kind::Refused, message).hint(format!("flow-studio review show {}/{}", read.id, question.id))
                );
            }
            _ => question.subject_digest.clone(),
        };
        let (identity, channel) = match (&request.by, request.signed_in) {
            (_, true) => (Identity::Token, Channel::Http),
            (Some(_), false) => (Identity::Named, Channel::Cli),
            (None, false) => (Identity::Login, Channel::Cli),
        };
        let by = request.by.clone().unwrap_or_else(|| self.config.user.clone());
        let at = Clock::after(read.state.now).now();
        let answer = Answer {
            note: request.note.clone(),
            identity,
            evidence: request.evidence.clone(),
            values: values(&read.state, &question, request)?,
            nonce: Some(nonce()),
            ..Answer::new(&request.choose, by, channel, at, digest)
        };
        let run = self.run_dir(&read.id)?;
        if Lock::is_held(&run) {
            let posted = self.send(&read, &run, &question, answer.clone())?;
            return self.heard(&read, &posted, &question, answer);
        }
        self.record(&read, &mut self.open_with(&read.id, None)?, &question, answer)
    }

    /// Saved, not carried out: whatever it allows starts with `resume`.
    fn record(&self, read: &ReadRun, opened: &mut Opened, question: &Question, answer: Answer) -> Result<Answered, Error> {
        let redactor = self.redactor_at(read, question)?;
        let leak = |leak: crate::redact::Leak| Error::new(Kind::Refused, leak.to_string());
        let mut answer = redactor.clean(answer).map_err(leak)?.into_inner();
        let library = library_of(&opened.state, &question.flow_path)?;
        // Until when its driver was there is known now, and not any more when this answer has been written.
        self.note_lost(opened, &library)?;
        let asked = opened.state.questions.get(&question.id).cloned().ok_or_else(|| closed(question))?;
        let roles = self.roles(&answer.by);
        if asked.answer.as_ref().is_some_and(|before| before.is_again(&answer)) {
            // Its driver wrote it down, and was killed before the letter was gone.
            return Ok(Answered::Recorded(standing(&opened.state)));
        }
        let (run, workspace) = (opened.run.clone(), self.workspace_of(&opened.state));
        let shown_now = runner::look(&run, &workspace, &asked);
        answer.proof = runner::look_at(&run, &workspace, &asked.flow_path, &answer.evidence);
        let input = Input::Answered { id: question.id.clone(), answer, shown_now, roles };
        let was_open = opened.state.open_questions.contains(&question.id);
        let outcome = runner::note(opened, &input, &redactor).map_err(|error| match &error {
            // Its line is in the journal: whoever is told that nothing was done would answer again.
            DriveError::Project(_) if !opened.state.open_questions.contains(&question.id) && was_open => Error::new(
                Kind::System,
                format!("the answer to `{}` is recorded and holds; the files that tell of it could not be written", question.id),
            )
            .because(&error)
            .hint(format!("flow-studio verify {} --repair        (when there is room again)", read.id)),
            _ => drive_error(&read.id, &error),
        })?;
        match outcome {
            Ok(entry) => match entry.facts.iter().find_map(refusal) {
                Some(why) => {
                    // Where the question was asked anew, that is the one to read.
                    let raised = entry.facts.iter().find_map(raised);
                    Err(refused(read, raised.unwrap_or(&question.id), why))
                }
                None => {
                    self.tell(&run, &opened.state, None)?;
                    Ok(Answered::Recorded(standing(&opened.state)))
                }
            },
            Err(refused) => Err(Error::new(Kind::Refused, refused.to_string())),
        }
    }

    /// Puts a letter into the inbox of the process that drives the run.
    pub(super) fn send(&self, read: &ReadRun, run: &RunDir, question: &Question, answer: Answer) -> Result<Posted, Error> {
        let letter = Message::answer(question.id.clone(), answer);
        let letter = self.redactor_at(read, question)?.clean(letter);
        let letter = letter.map_err(|leak| Error::new(Kind::Refused, leak.to_string()))?;
        Posted::put(run, &letter).map_err(|error| Error::new(Kind::System, "the answer could not be delivered").because(&error))
    }

    /// Waits to hear what became of a letter. Where its driver is gone, the answer is recorded as for any run that nobody drives.
    pub(super) fn heard(&self, read: &ReadRun, posted: &Posted, question: &Question, answer: Answer) -> Result<Answered, Error> {
        let fate = match self.fate(posted)? {
            Fate::Ours(mut opened) => {
                let recorded = self.record(read, &mut opened, question, answer);
                // Before the run is let go of, so that nobody reads it once more.
                posted.withdraw();
                return recorded;
            }
            fate => fate,
        };
        let ours = posted.answer().unwrap_or(&answer);
        let mut heard = None;
        let mut anew = None;
        let now = self.read_run_with(read.id.as_str(), |entry| {
            for fact in &entry.facts {
                match fact {
                    Fact::EscalationAnswered { id, answer } if *id == question.id && answer.is_again(ours) => {
                        heard = Some(Ok(Answered::Taken));
                    }
                    Fact::AnswerRefused { id, answer, why } if *id == question.id && answer.is_again(ours) => {
                        heard = Some(Err(why.clone()));
                        anew = entry.facts.iter().find_map(raised).cloned();
                    }
                    _ => {}
                }
            }
        })?;
        match (heard, fate) {
            (Some(Ok(taken)), _) => Ok(taken),
            (Some(Err(why)), _) => Err(refused(&now, anew.as_ref().unwrap_or(&question.id), why)),
            (None, Fate::Read(Some(why))) => Err(Error::new(Kind::Refused, why)),
            (None, _) => Ok(Answered::Delivered),
        }
    }

    fn redactor_at(&self, read: &ReadRun, question: &Question) -> Result<crate::redact::Redactor, Error> {
        let frame = read.state.frame(&question.flow_path);
        Ok(frame.map(|frame| self.redactor(&frame.book.library)).transpose()?.unwrap_or_default())
    }
}

/// Other than any before it, in this process or another: the standard library's hashing begins with luck.
fn nonce() -> Box<str> {
    use std::hash::{BuildHasher as _, RandomState};
    format!("{:016x}", RandomState::new().hash_one(std::process::id())).into()
}

/// Texts become what the form asks for; the kernel looks at them again.
fn values(state: &State, question: &Question, request: &AnswerRequest) -> Result<BTreeMap<ParamName, serde_json::Value>, Error> {
    if request.values.is_empty() {
        return Ok(BTreeMap::new());
    }
    let frame = state.frame(&question.flow_path);
    let verb = frame.and_then(|frame| Some(&frame.plan.step(frame.slot(&question.step_id)?.step).spec.verb));
    let asked = match verb {
        Some(Verb::Ask(ask)) if question.kind == QuestionKind::Ask => ask.form.clone(),
        _ => Form::new(),
    };
    form::fill(&asked, &request.values).map_err(|why| {
        Error::new(Kind::Refused, format!("the answer to `{}` does not fit its form: {why}", question.id))
            .hint(format!("flow-studio review show {}/{}", request.run_id, question.id))
    })
}

/// A parked run whose question was answered can go on, unless the answer ended it.
fn standing(state: &State) -> RunStatus {
    if state.open_frames.is_empty() { state.resting_status() } else { RunStatus::Waiting }
}

fn refusal(fact: &Fact) -> Option<String> {
    match fact {
        Fact::AnswerRefused { why, .. } => Some(why.clone()),
        _ => None,
    }
}

fn raised(fact: &Fact) -> Option<&EscalationId> {
    match fact {
        Fact::EscalationRaised { question } => Some(&question.id),
        _ => None,
    }
}

fn refused(read: &ReadRun, open: &EscalationId, why: String) -> Error {
    Error::new(Kind::Refused, why).hint(format!("flow-studio review show {}/{open}", read.id))
}
