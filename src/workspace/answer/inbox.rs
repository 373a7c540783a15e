//! What waits for a person, in all runs, for every reader: the command line and the studio.
//! In: manifests, and journals where these are lost. Out: open questions, the most severe first, then the oldest.
//! Never: a run that cannot be read passed over in silence.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    id::{EscalationId, RunId, StepRef, Time},
    record::{OpenQuestion, Question},
    spec::{Role, Severity},
};

use super::super::{ReadRun, Workspace};

/// One line of the inbox.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Waiting {
    pub id: String,
    pub run_id: RunId,
    pub question_id: EscalationId,
    pub step: StepRef,
    pub question: String,
    pub severity: Severity,
    /// Who may answer; empty: anybody.
    pub to: Vec<Role>,
    pub since: Time,
    /// When time answers, by the flow's own word.
    pub deadline: Option<Time>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct OpenQuestions {
    pub waiting: Vec<Waiting>,
    /// Runs that could not be read.
    pub unreadable: Vec<String>,
}

impl Workspace {
    /// `by`: only what this person may answer; `run`: only of this run.
    ///
    /// # Errors
    /// The runs cannot be listed, or there is no such run.
    pub fn questions(&self, by: Option<&str>, run: Option<&str>) -> Result<OpenQuestions, Error> {
        let runs = &self.runs;
        let mut ids = runs.list().map_err(|error| Error::new(Kind::System, "the runs cannot be listed").because(&error))?;
        if let Some(run) = run {
            self.read_run(run)?;
            ids.retain(|id| id.as_str() == run);
        }
        let mut inbox = OpenQuestions::default();
        for id in ids {
            // run.json says who waits; only the journal is the truth, and `show` and `answer` read that.
            let manifest = runs.open(&id).ok().map(|run| run.manifest());
            match manifest {
                Some(Ok(Some(manifest))) => inbox.waiting.extend(manifest.waiting_for.into_iter().map(|open| waiting(&id, open))),
                // Lost, or damaged: then the whole journal is read.
                _ => match self.read_run(id.as_str()) {
                    Ok(read) => inbox.waiting.extend(open_questions(&read)),
                    Err(_) => inbox.unreadable.push(id.to_string()),
                },
            }
        }
        if let Some(roles) = by.and_then(|name| self.config.roles(name)) {
            inbox.waiting.retain(|one| one.to.is_empty() || one.to.iter().any(|role| roles.contains(&role.0)));
        }
        inbox.waiting.sort_by(|a, b| (b.severity, a.since, &a.id).cmp(&(a.severity, b.since, &b.id)));
        Ok(inbox)
    }
}

fn waiting(run: &RunId, open: OpenQuestion) -> Waiting {
    Waiting {
        id: format!("{run}/{}", open.id),
        run_id: run.clone(),
        question_id: open.id,
        step: open.step_id,
        question: open.question,
        severity: open.severity,
        to: open.to,
        since: open.raised_at,
        deadline: open.deadline,
    }
}

fn open_questions(read: &ReadRun) -> impl Iterator<Item = Waiting> {
    let open = read.state.open_questions.iter().filter_map(|id| read.state.questions.get(id));
    open.map(|one: &std::sync::Arc<Question>| waiting(&read.id, OpenQuestion::from(&**one)))
}
