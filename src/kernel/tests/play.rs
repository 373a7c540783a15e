//! A run without a disk: flows from text, replies and answers from a script, time that jumps.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Write as _,
    sync::Arc,
};

use serde_json::Value;

use crate::{
    id::{EscalationId, FlowKey, FramePath, ParamName, RunId, Sha256, StepId, Time},
    kernel::{Command, Decided, FramePhase, Input, Refused, Request, Resume, Roles, State, commands, decide, decide_parked},
    plan::Book,
    record::{Answer, At, Channel, Decision, Entry, Fact, Question, QuestionStatus, RunOptions, RunStatus, Shown, StopCause},
    spec::Loader,
};

use super::{
    audit,
    say::{Say, interrupted, names, ok, short},
};

/// Inputs of one play until it must be stuck in a circle.
const INPUTS_MAX: usize = 5_000;

pub(super) struct Play {
    pub(super) files: BTreeMap<String, String>,
    replies: BTreeMap<String, VecDeque<Say>>,
    answers: BTreeMap<String, VecDeque<(String, String)>>,
    /// Steps whose reply does not come by itself.
    slow: BTreeSet<String>,
    params: BTreeMap<ParamName, Value>,
    pub(super) options: RunOptions,
    pub(super) roles: Roles,
    pub(super) evidence: BTreeMap<String, String>,
    pub(super) state: State,
    /// The same run, made from the lines' JSON.
    pub(super) mirror: State,
    pub(super) entries: Vec<Entry>,
    pub(super) refused: Vec<Refused>,
    pub(super) now: Time,
    pub(super) audited: bool,
}

impl Play {
    /// `text` is a flow without its `flow:` line; its key is `main`.
    pub(super) fn flow(text: &str) -> Self {
        let files = BTreeMap::from([("flows/main.yaml".to_owned(), format!("flow: main\n{}", text.trim_start()))]);
        Self {
            files,
            replies: BTreeMap::new(),
            answers: BTreeMap::new(),
            slow: BTreeSet::new(),
            params: BTreeMap::new(),
            options: RunOptions::default(),
            roles: Roles { has: None, self_approval: true },
            evidence: BTreeMap::new(),
            state: State::new(),
            mirror: State::new(),
            entries: Vec::new(),
            refused: Vec::new(),
            now: Time::from_ms(1_000_000),
            audited: true,
        }
    }
    pub(super) fn and_flow(mut self, key: &str, text: &str) -> Self {
        self.files.insert(format!("flows/{key}.yaml"), format!("flow: {key}\n{}", text.trim_start()));
        self
    }
    pub(super) fn file(&mut self, path: &str, text: &str) {
        self.files.insert(path.to_owned(), text.to_owned());
    }
    pub(super) fn detours(mut self, text: &str) -> Self {
        self.files.insert("flows/detours.yaml".to_owned(), format!("detours:\n{text}"));
        self
    }
    pub(super) fn param(mut self, name: &str, value: Value) -> Self {
        self.params.insert(ParamName::new(name).unwrap(), value);
        self
    }
    /// One reply per attempt; the last repeats. `sub/step` names a step of a sub-flow, `step[item]` an instance.
    pub(super) fn reply(mut self, step: &str, says: impl IntoIterator<Item = Say>) -> Self {
        self.replies.insert(step.to_owned(), says.into_iter().collect());
        self
    }
    /// One answer per question of the step; further ones wait.
    pub(super) fn answer<'a>(mut self, step: &str, choices: impl IntoIterator<Item = &'a str>) -> Self {
        let by = |choice: &str| (choice.to_owned(), "ana".to_owned());
        self.answers.insert(step.to_owned(), choices.into_iter().map(by).collect());
        self
    }
    pub(super) fn slow(mut self, step: &str) -> Self {
        self.slow.insert(step.to_owned());
        self
    }
    pub(super) fn with_options(mut self, change: impl FnOnce(&mut RunOptions)) -> Self {
        change(&mut self.options);
        self
    }

    pub(super) fn loads(&self) -> bool {
        let loaded = Loader::in_memory(self.files.clone()).load_library(&FlowKey::new("main").unwrap());
        loaded.is_ok_and(|loaded| Book::build(&Arc::new(loaded.value)).is_ok())
    }

    /// A flow's file changes: this step's script, where it is one.
    pub(super) fn change_a_step(&mut self, id: &str) {
        let own = format!("{{id: {id},");
        let changed = |line: &str| if line.contains(&own) { line.replace("run: x", "run: xx") } else { line.to_owned() };
        for (_, file) in self.files.iter_mut().filter(|(path, _)| path.starts_with("flows/")) {
            *file = file.lines().map(changed).collect::<Vec<_>>().join("\n");
        }
        self.adopt(None);
    }

    pub(super) fn book(&self, key: &str) -> Arc<Book> {
        let loaded = Loader::in_memory(self.files.clone()).load_library(&FlowKey::new(key).unwrap());
        let library = loaded.unwrap_or_else(|found| panic!("{}", found.render(false))).value;
        Arc::new(Book::build(&Arc::new(library)).unwrap_or_else(|found| panic!("{found:?}")))
    }

    /// Starts `main` and drives it until it rests or only slow steps are left.
    pub(super) fn run(self) -> Self {
        self.start("main")
    }
    pub(super) fn start(mut self, key: &str) -> Self {
        let book = self.book(key);
        self.request(key, book);
        self.drive();
        self
    }
    pub(super) fn request(&mut self, key: &str, book: Arc<Book>) {
        self.state.know(book.clone());
        self.mirror.know(book.clone());
        let request = Request {
            run_id: RunId::new("r1").unwrap(),
            flow: FlowKey::new(key).unwrap(),
            book,
            params: self.params.clone(),
            options: self.options.clone(),
            workspace: "/w".to_owned(),
            host: "h".to_owned(),
            version: "0".to_owned(),
            by: "bo".to_owned(),
            git: None,
        };
        self.tell(&Input::RunRequested(Box::new(request)));
    }

    /// Decides one input; a refusal changes nothing and is kept.
    pub(super) fn tell(&mut self, input: &Input) -> bool {
        self.take(decide(&self.state, input, self.now), true)
    }

    /// The same while nobody drives the run.
    pub(super) fn tell_parked(&mut self, input: &Input) -> bool {
        self.take(decide_parked(&self.state, input, self.now), false)
    }

    fn take(&mut self, decided: Result<Decided, Refused>, driven: bool) -> bool {
        let before = self.audited.then(|| audit::picture(&self.state));
        match decided {
            Ok(Decided { note: input, facts, next }) => {
                let seq = self.state.seq + 1;
                let entry = Entry { seq, ts: self.now.max(self.state.now), prev: Sha256::of(b""), input, facts };
                self.state.apply(&entry);
                self.entries.push(entry.clone());
                if self.audited {
                    // What is ready starts when the run is driven again.
                    if driven {
                        audit::holds(&self.state);
                    }
                    audit::same(&next.after(&entry), &self.state, "the state that was decided on and the state that was applied");
                    let line = serde_json::to_string(&entry).unwrap();
                    self.mirror.apply(&serde_json::from_str(&line).unwrap());
                    audit::same(&self.mirror, &self.state, "the state from the journal's text and the state as lived");
                }
                true
            }
            Err(refused) => {
                assert_eq!(before, self.audited.then(|| audit::picture(&self.state)), "a refusal changes nothing");
                self.refused.push(refused);
                false
            }
        }
    }

    fn is_slow(&self, at: &At) -> bool {
        names(at).iter().any(|name| self.slow.contains(name))
    }

    /// Until the run rests, or nothing but slow steps is under way.
    pub(super) fn drive(&mut self) {
        for _ in 0..INPUTS_MAX {
            let wanted = commands(&self.state);
            if let Some(input) = self.next_input(&wanted) {
                self.now = self.now.plus(10);
                self.tell(&input);
                continue;
            }
            if wanted.contains(&Command::Rest) {
                self.tell(&Input::Rest);
                return;
            }
            let busy = wanted.iter().any(|one| matches!(one, Command::Perform { .. } | Command::End { .. }));
            let wake = wanted.iter().find_map(|one| if let Command::WakeAt(at) = one { Some(*at) } else { None });
            match wake {
                Some(at) if !busy || self.state.due.get_min().is_some_and(|(due, _)| *due == at) => {
                    self.now = self.now.max(at);
                    self.tell(&Input::Ticked);
                }
                _ if busy => return,
                _ => panic!("nothing to do and no rest: {wanted:?}"),
            }
        }
        panic!("{INPUTS_MAX} inputs, and no end: {}", self.path());
    }

    fn next_input(&mut self, wanted: &[Command]) -> Option<Input> {
        let open: Vec<Arc<Question>> =
            self.state.open_questions.iter().filter_map(|id| self.state.questions.get(id).cloned()).collect();
        for question in open {
            let scripted = self.answers.get_mut(question.step_id.as_str()).and_then(VecDeque::pop_front);
            if let Some((choose, by)) = scripted {
                return Some(self.answer_to(&question, &choose, &by));
            }
        }
        for one in wanted {
            match one {
                Command::Show { id } => {
                    let question = self.state.requested.get(id).unwrap().clone();
                    return Some(Input::Shown { id: id.clone(), shown: self.look(&question) });
                }
                Command::Perform { at, execution, attempt } if !self.is_slow(at) => {
                    return Some(self.reply_to(at, *execution, *attempt));
                }
                Command::End { at, execution, attempt } => {
                    let reply = interrupted().reply(self.now);
                    return Some(Input::Replied { at: at.clone(), execution: *execution, attempt: *attempt, reply });
                }
                Command::Perform { .. } | Command::WakeAt(_) | Command::Rest => {}
            }
        }
        None
    }

    fn reply_to(&mut self, at: &At, execution: u32, attempt: u32) -> Input {
        let script = names(at).into_iter().find(|name| self.replies.contains_key(name));
        let say = match script.and_then(|name| self.replies.get_mut(&name)) {
            Some(says) if says.len() > 1 => says.pop_front().unwrap(),
            Some(says) => says.front().cloned().unwrap_or_else(ok),
            None => ok(),
        };
        Input::Replied { at: at.clone(), execution, attempt, reply: say.reply(self.now) }
    }

    pub(super) fn look(&self, question: &Question) -> Vec<Shown> {
        let one = |shown: &Shown| {
            let text = self.evidence.get(&shown.path);
            Shown {
                exists: text.is_some(),
                sha256: text.map(|text| Sha256::of(text.as_bytes())),
                bytes: text.map(|text| text.len() as u64),
                ..Shown::absent(&shown.path)
            }
        };
        question.shown.iter().map(one).collect()
    }

    pub(super) fn answer_to(&self, question: &Question, choose: &str, by: &str) -> Input {
        let answer = Answer {
            note: (choose == "mark-done").then(|| "seen".to_owned()),
            ..Answer::new(choose, by, Channel::Cli, self.now, question.subject_digest.clone())
        };
        Input::Answered { id: question.id.clone(), answer, shown_now: self.look(question), roles: self.roles.clone() }
    }

    // What a test does in the middle of a run.

    /// Answers a question by its id and drives on.
    pub(super) fn say(mut self, id: &str, choose: &str) -> Self {
        let question = self.question(id).clone();
        let input = self.answer_to(&question, choose, "ana");
        self.tell(&input);
        self.drive();
        self
    }
    /// The slow step replies now.
    pub(super) fn release(mut self, step: &str) -> Self {
        self.slow.remove(step);
        self.drive();
        self
    }
    pub(super) fn stop(mut self, cause: StopCause) -> Self {
        self.tell(&Input::StopRequested { cause, by: "bo".to_owned() });
        self.drive();
        self
    }
    /// The process is killed and the run opened again.
    pub(super) fn crash(mut self) -> Self {
        self.tell(&Input::Lost { seen: None });
        self.resume(None)
    }
    pub(super) fn resume(mut self, from: Option<&str>) -> Self {
        let from = from.map(|step| (FramePath::new("main").unwrap(), StepId::new(step).unwrap()));
        self.tell(&Input::Resumed(Resume { by: "bo".to_owned(), from, options: crate::record::ResumeOptions::default() }));
        self.drive();
        self
    }
    pub(super) fn retry(self, step: &str, only: bool, set: &[(&str, Value)]) -> Self {
        self.retry_in("main", step, only, set)
    }

    // What a test looks at.

    pub(super) fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.entries.iter().flat_map(|entry| &entry.facts)
    }
    /// Every execution in the order of its start; steps of inner flows as `flow/step`.
    pub(super) fn path(&self) -> String {
        let started = self.facts().filter_map(|fact| match fact {
            Fact::StepStarted { at, .. } => Some(short(at)),
            _ => None,
        });
        started.collect::<Vec<_>>().join(" ")
    }
    /// `KIND by rule`, one per decision about the step.
    pub(super) fn decisions(&self, step: &str) -> Vec<String> {
        let about = self.facts().filter_map(|fact| match fact {
            Fact::Routed { flow, decision } => {
                let at = At { flow: flow.clone(), step: decision.step_id.clone() };
                (short(&at) == step).then(|| format!("{} {}", decision.decision, decision.rule))
            }
            _ => None,
        });
        about.collect()
    }
    pub(super) fn last_decision(&self, step: &str) -> Decision {
        let about = self.facts().filter_map(|fact| match fact {
            Fact::Routed { decision, .. } if decision.step_id.as_str() == step => Some((**decision).clone()),
            _ => None,
        });
        about.last().expect("it was decided")
    }
    pub(super) fn ends(&self) -> RunStatus {
        self.state.status()
    }
    pub(super) fn frame(&self, path: &str) -> &crate::kernel::Frame {
        self.state.frame(&FramePath::new(path).unwrap()).unwrap_or_else(|| panic!("there is no flow {path}"))
    }
    pub(super) fn reason(&self, path: &str) -> String {
        self.frame(path).outcome_reason.as_deref().unwrap_or_default().to_owned()
    }
    pub(super) fn is_open(&self, path: &str) -> bool {
        !matches!(self.frame(path).phase, FramePhase::Done(_))
    }
    pub(super) fn warnings(&self) -> Vec<String> {
        self.frame("main").warnings.iter().map(ToString::to_string).collect()
    }
    /// Ids of the open questions.
    pub(super) fn asks(&self) -> String {
        self.state.open_questions.iter().map(EscalationId::as_str).collect::<Vec<_>>().join(" ")
    }
    pub(super) fn question(&self, id: &str) -> &Question {
        let known = || self.state.questions.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        self.state.questions.get(&EscalationId::new(id).unwrap()).unwrap_or_else(|| panic!("no {id} among {}", known()))
    }
    pub(super) fn question_status(&self, id: &str) -> QuestionStatus {
        self.question(id).status
    }
    pub(super) fn options_of(&self, id: &str) -> String {
        self.question(id).options.iter().map(|option| option.key.as_str()).collect::<Vec<_>>().join(" ")
    }
    /// Why an answer was not taken.
    pub(super) fn refusals(&self) -> Vec<String> {
        let noted = self.facts().filter_map(|fact| match fact {
            Fact::AnswerRefused { why, .. } => Some(why.clone()),
            _ => None,
        });
        self.refused.iter().filter(|one| **one != Refused::Nothing).map(ToString::to_string).chain(noted).collect()
    }
    /// Attempts of a step: `why@milliseconds to wait`.
    pub(super) fn waits(&self, step: &str) -> Vec<u64> {
        let mut found = Vec::new();
        for entry in &self.entries {
            for fact in &entry.facts {
                if let Fact::AttemptEnded { at, due, .. } = fact
                    && short(at) == step
                {
                    found.push(due.since(entry.ts));
                }
            }
        }
        found
    }
    /// The whole story, for a failed assertion.
    pub(super) fn story(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            let _ = writeln!(text, "{:?} -> {:?}", entry.input, entry.facts.iter().map(audit::kind).collect::<Vec<_>>());
        }
        text
    }
}

/// A test that fails shows what happened.
impl Drop for Play {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}\n{}", self.files["flows/main.yaml"], self.story());
        }
    }
}
