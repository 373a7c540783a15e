//! Runs for tests, made by the kernel itself: a flow in YAML, a reply per execution, answers; no disk, no clock.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    id::{EscalationId, FlowKey, FramePath, RunId, Sha256, StepRef, Time},
    kernel::{Command, Decided, Input, Request, Roles, State, commands, decide},
    plan::Book,
    record::{
        Answer, At, Channel, Check, CommandRun, Concern, Draft, DraftRouting, EngineWord, Entry, ErrorClass, Failure,
        FailureKind, Mode, OutputFile, Reply, ReplyOutcome, RunOptions, Shown, Status, Summary,
    },
    spec::{Severity, load::Loader},
};

use super::view::RunView;

/// 2026-01-05 09:00 UTC.
pub(crate) const START_MS: i64 = 1_767_603_600_000;
/// Each step takes this long.
const STEP_MS: u64 = 1_500;

pub(crate) fn book(files: &[(&str, &str)]) -> Arc<Book> {
    let main = files[0].0.trim_start_matches("flows/").trim_end_matches(".yaml");
    let loaded = Loader::in_memory(files.iter().copied())
        .load_library(&FlowKey::new(main).expect("a flow name"))
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    Arc::new(Book::build(&Arc::new(loaded.value)).expect("a sound graph"))
}

/// One reply of a step.
#[derive(Clone)]
pub(crate) enum Says {
    Passes,
    Fails(&'static str),
    Flaky(&'static str),
    Lacks(&'static str),
    Verified,
    Unverified(&'static str),
    Writes(&'static str),
}

pub(crate) struct TestRun {
    pub book: Arc<Book>,
    pub state: State,
    pub entries: Vec<Entry>,
    pub now: Time,
    says: BTreeMap<&'static str, VecDeque<Says>>,
    pub stop_before: Option<&'static str>,
}

impl TestRun {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let book = book(files);
        Self {
            book,
            state: State::new(),
            entries: Vec::new(),
            now: Time::from_ms(START_MS),
            says: BTreeMap::new(),
            stop_before: None,
        }
    }

    /// What a step says, execution by execution; the last repeats, nothing is `Passes`.
    pub(crate) fn says(mut self, step: &'static str, replies: &[Says]) -> Self {
        self.says.insert(step, replies.iter().cloned().collect());
        self
    }

    pub(crate) fn stopping_before(mut self, step: &'static str) -> Self {
        self.stop_before = Some(step);
        self
    }

    pub(crate) fn start(self) -> Self {
        self.start_with(&[], RunOptions::default())
    }

    pub(crate) fn start_with(mut self, params: &[(&str, serde_json::Value)], options: RunOptions) -> Self {
        let request = Request {
            run_id: RunId::new("r-1").expect("a run id"),
            flow: self.book.library.main.clone(),
            book: self.book.clone(),
            params: params.iter().map(|(name, value)| (name.parse().expect("a name"), value.clone())).collect(),
            options,
            workspace: "/work".to_owned(),
            host: "box".to_owned(),
            version: "0.1.0".to_owned(),
            by: "ada".to_owned(),
            git: None,
        };
        self.state.know(self.book.clone());
        self.tell(&Input::RunRequested(Box::new(request)));
        self.work();
        self
    }

    pub(crate) fn tell(&mut self, input: &Input) {
        let Decided { note, facts, next: _ } =
            decide(&self.state, input, self.now).unwrap_or_else(|refused| panic!("refused: {refused}"));
        let prev = self.entries.last().map_or_else(
            || Sha256::from_raw(&[0; 32]),
            |last| Sha256::of(serde_json::to_string(last).expect("an entry is JSON").as_bytes()),
        );
        let entry = Entry { seq: self.state.seq + 1, ts: self.now, prev, input: note, facts };
        // Through its text, as a reader gets it.
        let entry: Entry = serde_json::from_str(&serde_json::to_string(&entry).expect("JSON")).expect("an entry");
        self.state.apply(&entry);
        self.entries.push(entry);
    }

    pub(crate) fn answer(mut self, id: &str, choose: &str, by: &str, note: Option<&str>) -> Self {
        self.now = self.now.plus(240_000);
        let id = EscalationId::new(id).expect("an id");
        let question = self.state.questions.get(&id).unwrap_or_else(|| panic!("no question {id}")).clone();
        let answer = Answer {
            note: note.map(str::to_owned),
            role: question.to.first().cloned(),
            ..Answer::new(choose, by, Channel::Cli, self.now, question.subject_digest.clone())
        };
        let roles = Roles { has: None, self_approval: true };
        self.tell(&Input::Answered { id, answer, shown_now: question.shown.clone(), roles });
        self.work();
        self
    }

    /// Does whatever the kernel wants until it rests, or a step is reached that is not to be performed.
    pub(crate) fn work(&mut self) {
        for _ in 0..1000 {
            let wanted = commands(&self.state);
            let Some(next) = wanted.iter().find(|one| !matches!(one, Command::WakeAt(_))).or_else(|| wanted.first()) else {
                return;
            };
            match next.clone() {
                Command::Perform { at, execution, attempt } => {
                    if self.stop_before == Some(at.step.as_str()) {
                        return;
                    }
                    let began = self.now;
                    self.now = self.now.plus(STEP_MS);
                    let reply = self.reply(&at, began);
                    self.tell(&Input::Replied { at, execution, attempt, reply: Box::new(reply) });
                }
                Command::End { at, execution, attempt } => {
                    let outcome = ReplyOutcome::Interrupted { why: "stopped".to_owned() };
                    let reply = Reply::new(outcome, EngineWord::Shell, Mode::Local, self.now, self.now);
                    self.tell(&Input::Replied { at, execution, attempt, reply: Box::new(reply) });
                }
                Command::Show { id } => {
                    let question = self.state.requested.get(&id).expect("it was requested").clone();
                    let shown = question.shown.iter().map(|one| Shown {
                        exists: true,
                        sha256: Some(Sha256::of(one.path.as_bytes())),
                        bytes: Some(12),
                        ..one.clone()
                    });
                    let shown = shown.collect();
                    self.tell(&Input::Shown { id, shown });
                }
                Command::WakeAt(time) => {
                    self.now = self.now.max(time);
                    self.tell(&Input::Ticked);
                }
                Command::Rest => return self.tell(&Input::Rest),
            }
        }
        panic!("the run does not come to rest");
    }

    fn reply(&mut self, at: &At, began: Time) -> Reply {
        let queue = self.says.get_mut(at.step.base());
        let says = queue.and_then(|queue| if queue.len() > 1 { queue.pop_front() } else { queue.front().cloned() });
        let frame = self.state.frame(&at.flow).expect("a frame");
        let speaks = frame.agent_key(frame.slot(&at.step).expect("a slot").step);
        let agent = speaks != "shell" && speaks != "builtin";
        let says = says.unwrap_or(if agent { Says::Verified } else { Says::Passes });
        let engine = if agent { EngineWord::Stub } else { EngineWord::Shell };
        let failed = |class, message: &str| {
            ReplyOutcome::Failed(Failure { kind: FailureKind::Exit, class, message: message.to_owned(), exit_code: Some(1) })
        };
        let outcome = match &says {
            Says::Fails(message) => failed(ErrorClass::Permanent, message),
            Says::Flaky(message) => failed(ErrorClass::Transient, message),
            Says::Lacks(what) => ReplyOutcome::Blocked { missing: vec![(*what).to_owned()] },
            Says::Passes | Says::Verified | Says::Unverified(_) | Says::Writes(_) => ReplyOutcome::Done,
        };
        let mode = if agent { Mode::Stub } else { Mode::Local };
        let code = i32::from(matches!(outcome, ReplyOutcome::Failed(_)));
        let mut reply = Reply::new(outcome, engine, mode, began, self.now);
        reply.exit_code = Some(code);
        if !agent {
            reply.commands.push(CommandRun {
                run: Some(format!("./{}.sh", at.step.base())),
                cwd: ".".to_owned(),
                exit_code: Some(code),
                duration_ms: STEP_MS,
                stderr_path: (code != 0).then(|| format!("{}/logs/{}.1.stderr", at.flow, at.step)),
                ..CommandRun::default()
            });
            reply.checks.push(Check {
                name: "exit".to_owned(),
                passed: code == 0,
                expected: "0".to_owned(),
                actual: code.to_string(),
                evidence_path: None,
            });
        }
        match says {
            Says::Verified => reply.draft = Some(draft(Status::Verified, "looked at everything", None)),
            Says::Unverified(concern) => reply.draft = Some(draft(Status::Unverified, "found a gap", Some(concern))),
            Says::Writes(path) => reply.outputs.push(OutputFile {
                path: path.to_owned(),
                bytes: 42,
                sha256: Some(Sha256::of(path.as_bytes())),
                exists: true,
            }),
            Says::Passes | Says::Fails(_) | Says::Flaky(_) | Says::Lacks(_) => {}
        }
        reply
    }

    pub(crate) fn view(&self) -> RunView {
        let book = self.book.clone();
        RunView::replay(RunId::new("r-1").expect("a run id"), self.entries.clone(), |_| Ok(book.clone())).expect("a view")
    }
}

fn draft(status: Status, found: &str, concern: Option<&str>) -> Draft {
    Draft {
        status,
        summary: Summary { what_i_did: "read the change".to_owned(), what_i_found: found.to_owned(), ..Summary::default() },
        concerns: concern
            .map(|text| Concern { severity: Severity::High, description: text.to_owned(), location: None, recommendation: None })
            .into_iter()
            .collect(),
        assumptions: Vec::new(),
        routing: DraftRouting { can_further_iteration_help: Some(true), ..DraftRouting::default() },
    }
}

pub(crate) fn at(flow: &str, step: &str) -> At {
    At { flow: FramePath::new(flow).expect("a flow"), step: StepRef::new(step).expect("a step") }
}
