//! What a cause looks at, and what it hands back.
//! In: the remains of a run, its panel, how commands are spelled. Out: `Found`: a sentence, places, commands.

use crate::{
    id::{FramePath, StepRef},
    kernel::{Frame, FramePhase},
    record::{At, Outcome, Question, QuestionKind, RunStatus},
};

use super::super::{
    evidence::{Metric, MetricName, Panel},
    paste::Paste,
    remains::{Ran, Remains},
    rollback::begin,
    status::NextStep,
    summary::TrailItem,
    view::{Driver, RunView},
    words::first_line,
};

pub(super) struct Case<'r> {
    pub remains: &'r Remains,
    pub panel: &'r Panel,
    pub paste: &'r Paste,
}

/// A cause, found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub says: String,
    pub trail: Vec<TrailItem>,
    pub next: Vec<NextStep>,
}

impl Found {
    pub fn new(says: impl Into<String>) -> Self {
        Self { says: first_line(&says.into()), trail: Vec::new(), next: Vec::new() }
    }
    pub fn at(mut self, path: impl Into<String>, found: impl Into<String>) -> Self {
        let path = path.into();
        if !path.is_empty() {
            self.trail.push(TrailItem { path, found: first_line(&found.into()) });
        }
        self
    }
    pub fn then(mut self, why: impl Into<String>, command: impl Into<String>) -> Self {
        self.next.push(NextStep { why: why.into(), command: command.into() });
        self
    }
}

impl<'r> Case<'r> {
    pub fn view(&self) -> Option<&'r RunView> {
        self.remains.view.as_ref().filter(|view| view.frames().next().is_some())
    }
    pub fn status(&self) -> Option<RunStatus> {
        self.view().map(RunView::status)
    }
    pub fn driven(&self) -> bool {
        self.remains.view.as_ref().is_some_and(|view| view.driver != Driver::Nobody)
    }
    pub fn metric(&self, name: MetricName) -> Option<&'r Metric> {
        self.panel.metrics.iter().find(|metric| metric.metric == name)
    }
    pub fn command(&self, rest: &str) -> String {
        self.paste.command(rest)
    }
    pub fn run(&self) -> &'r crate::id::RunId {
        &self.remains.run_id
    }
    pub fn resume(&self) -> String {
        self.paste.resume(self.run())
    }
    pub fn verify(&self) -> String {
        self.command(&format!("verify {}", self.run()))
    }
    /// Open questions of a kind.
    pub fn asked(&self, kind: QuestionKind) -> impl Iterator<Item = &'r Question> {
        let open = self.view().map(RunView::open_questions).unwrap_or_default();
        open.into_iter().filter(move |question| question.kind == kind)
    }
    pub fn question_path(question: &Question) -> String {
        format!("{}/escalations/{}.json", question.flow_path, question.id)
    }
    /// Flows that ended so, in the order they were started.
    pub fn ended(&self, outcome: Outcome) -> impl Iterator<Item = &'r Frame> {
        self.view().into_iter().flat_map(RunView::frames).filter(move |frame| frame.phase == FramePhase::Done(outcome))
    }

    /// Where an execution left its story: receipt, output, transcript, handoff, decision.
    pub fn story(&self, mut found: Found, ran: &Ran) -> Found {
        let error = Some(first_line(ran.error())).filter(|error| !error.is_empty());
        let status = ran.status();
        found = found.at(&ran.receipt_path, error.map_or_else(|| status.to_owned(), |error| format!("{status}: {error}")));
        let words = |value: &serde_json::Value, name: &str| {
            value.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        for check in ran.failed_checks().take(3) {
            let says = format!(
                "check {}: expected {}, found {}",
                words(check, "name"),
                words(check, "expected"),
                words(check, "actual")
            );
            let place = Some(words(check, "evidence_path")).filter(|path| !path.is_empty());
            found = found.at(place.unwrap_or_else(|| ran.receipt_path.clone()), says);
        }
        let output =
            ran.list("commands").find_map(|command| command.get("stderr_path").or_else(|| command.get("stdout_path"))?.as_str());
        found = found.at(output.unwrap_or_default(), "what the command printed");
        found = found.at(ran.text("/transcript_path"), "the agent's conversation");
        if let Some(concern) = ran.concerns().next() {
            found = found.at(&ran.handoff_path, format!("{}: {}", ran.handoff_status(), words(concern, "description")));
        }
        let decision = self.remains.decisions.iter().rfind(|one| one.flow == ran.flow && one.step == ran.step);
        if let Some(decision) = decision {
            let rule = if decision.rule.is_empty() { String::new() } else { format!(" by rule {}", decision.rule) };
            found = found.at(&decision.path, format!("{}{rule}: {}", decision.decision, decision.reason));
        }
        found
    }

    /// The same step again, once the cause is gone; where it is not ours to run, what to read.
    pub fn again(&self, found: Found, ran: &Ran, once: &str) -> Found {
        let run = self.run();
        if self.view().is_none() {
            let path = if ran.text("/transcript_path").is_empty() { &ran.receipt_path } else { ran.text("/transcript_path") };
            return found.then(format!("read what {} left", ran.step), self.read_file(path));
        }
        let show = |what: &str| self.paste.of_step("show", run, &ran.flow, &ran.step, what);
        if let Some(question) = self.question_about(ran) {
            return found
                .then("see what it printed", show(" --log"))
                .then(format!("{once}, answer the question"), self.paste.review(run, &question.id));
        }
        let (what, flow, step) = self.begin(ran).unwrap_or_else(|| {
            let (flow, step) = (ran.flow.clone(), ran.step.clone());
            (format!("run {step} again and go on"), flow, step)
        });
        let (flow, step) = (super::super::paste::quoted(&flow), super::super::paste::quoted(&step));
        // A retry would run what was frozen.
        let mended = self.remains.drifted.iter().find(|root| ran.flow.split('.').next() == Some(root.as_str()));
        let found = match mended {
            Some(root) => found.then("go on with the flow as it is today", self.paste.refresh(run, root)),
            None => found,
        };
        found
            .then(format!("{once}, {what}"), self.command(&format!("retry {run} --flow {flow} --step {step}")))
            .then("see what it printed", show(" --log"))
    }

    /// Where one goes on after this failure, in words and by name: nothing goes on as if what was taken back had happened.
    fn begin(&self, ran: &Ran) -> Option<(String, String, String)> {
        let at = At { flow: FramePath::new(&ran.flow).ok()?, step: StepRef::new(&ran.step).ok()? };
        let begin = begin(&self.view()?.state, &at);
        Some((begin.words(&at.flow), begin.at.flow.to_string(), begin.at.step.to_string()))
    }

    pub fn question_about(&self, ran: &Ran) -> Option<&'r Question> {
        let open = self.view().map(RunView::open_questions).unwrap_or_default();
        open.into_iter().find(|one| one.flow_path.as_str() == ran.flow && one.step_id.as_str() == ran.step)
    }

    /// Prints a file of the run.
    pub fn read_file(&self, path: &str) -> String {
        format!("cat {}", super::super::paste::quoted(&format!("{}/{path}", self.paste.base(self.run()))))
    }

    /// The execution of a step that ended last.
    pub fn last(&self, flow: &str, step: &str) -> Option<&'r Ran> {
        self.remains.rans.iter().rfind(|ran| ran.flow == flow && ran.step == step)
    }

    pub fn last_at(&self, at: &At) -> Option<&'r Ran> {
        self.last(at.flow.as_str(), at.step.as_str())
    }
}
