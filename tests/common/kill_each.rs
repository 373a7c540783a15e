//! A run that is killed in each of its steps, in one after the other, and resumed each time: it comes to the same end, and nothing that
//! is once-only happened twice. An execution that is not its step's first is killed in a run of its own.
//! In: how a world is made, how the run starts, how a careful person answers. Out: the executions in which it was killed.
//! With `KILLS=apart` in the environment each kill has a run of its own (`make soak`), and so it has where something is wrong: the one
//! that did harm is named.
//! Never: a moment that luck chooses in a step that calls a script: an `sh` that is first on PATH stands still there. Any other step
//! (a question, a comparison, a page) is killed right after it.
//!
//! Include it beside `mod common;`:   #[path = "common/kill_each.rs"] mod kill_each;

#![allow(dead_code, reason = "every test file takes what it needs of this")]

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use rustix::fs::{Mode, OFlags};

use super::common::{Fence, Test, until};

/// Between two looks at what else may have happened.
const MOMENT: Duration = Duration::from_millis(3);

/// More answers than this for one run: it goes in a circle.
const ANSWERS_MAX: usize = 60;

/// What becomes of the script in which the run was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// It outlives the program, and does what it was about to do.
    LivesOn,
    /// It is gone, too, before it did anything: the machine failed.
    Dies,
}

/// One line of the inbox.
#[derive(Debug)]
pub struct Waiting {
    /// As `review answer` takes it.
    pub id: String,
    pub step: String,
    pub question: String,
    /// Whether a once-only step happened is asked, for it may have half run.
    pub lost: bool,
}

pub struct Play<'p> {
    /// Everything that the run touches, as it was before; its `bin` is first on PATH.
    pub world: &'p dyn Fn() -> Test,
    /// Arguments that start the run.
    pub start: &'p [&'p str],
    pub run: &'p str,
    pub answer: &'p dyn Fn(&Test, &Waiting),
    /// What must be the same at the end: files, effects and how often they happened.
    pub end: &'p dyn Fn(&Test) -> String,
    /// Whether to kill in this step; flows below have their path before it: `change/apply`, `shift.task/ask`.
    pub steps: &'p dyn Fn(&str) -> bool,
}

/// One execution: the path of its flow, the step, which execution; none where it is whichever comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Moment {
    flow: String,
    step: String,
    execution: Option<u64>,
}

impl Play<'_> {
    /// The executions in which it was killed, as `flow/step`.
    pub fn killed_in_each_step(&self, script: Script) -> Vec<String> {
        let calm = (self.world)();
        calm.go(self.start);
        self.to_the_end(&calm);
        let expected = (self.end)(&calm);
        let moments: Vec<Moment> = moments(&calm, self.run).into_iter().filter(|one| (self.steps)(&one.name())).collect();
        let apart = std::env::var_os("KILLS").is_some_and(|how| how == "apart");
        let (in_turn, mut alone): (Vec<_>, Vec<_>) = moments.iter().partition(|one| !apart && one.execution == Some(1));
        let mut harm = None;
        if !in_turn.is_empty() {
            let test = (self.world)();
            for moment in &in_turn {
                // One that was lost in an earlier kill beside its neighbour is not the first any more.
                self.killed_in(&test, &Moment { execution: None, ..(*moment).clone() }, script);
            }
            harm = self.comes_to(&expected, &test).err();
        }
        if harm.is_some() {
            // Which of them did it?
            alone.extend(in_turn);
        }
        for moment in alone {
            let test = (self.world)();
            self.killed_in(&test, moment, script);
            self.comes_to(&expected, &test).unwrap_or_else(|harm| panic!("killed in {moment:?}: {harm}"));
        }
        assert_eq!(harm, None, "killed in each of its steps, one after the other, but not in any of them alone");
        moments.iter().map(Moment::name).collect()
    }

    fn comes_to(&self, expected: &str, test: &Test) -> Result<(), String> {
        self.to_the_end(test);
        let verified = test.go(&["verify", self.run]);
        if verified.code != Some(0) {
            return Err(format!("{}{}", verified.stdout, verified.stderr));
        }
        let end = (self.end)(test);
        if end == expected { Ok(()) } else { Err(format!("it came to\n{end}\ninstead of\n{expected}")) }
    }

    fn killed_in(&self, test: &Test, moment: &Moment, script: Script) {
        let gate = gate(test, moment);
        let journal = test.run_base(self.run).join("journal.jsonl");
        for round in 0..ANSWERS_MAX {
            let started = !test.journal(self.run).is_empty();
            if round > 0 {
                self.answer_all(test);
            }
            let resume = ["resume", self.run];
            let (fence, mut live) = Fence::around(test, if started { &resume } else { self.start });
            let mut reached = None;
            let (mut read, mut over) = (None, false);
            let door = Door::at(&gate);
            until("the step in which it is to be killed, or its end", || {
                reached = door.opened();
                // The journal is read again only when it was written: this looks often, and the step needs the processor more.
                let written = fs::metadata(&journal).and_then(|meta| meta.modified()).ok();
                if written != read {
                    (read, over) = (written, moment.is_over(test, self.run));
                }
                reached.is_some() || over || live.has_ended()
            });
            let reached = reached.or_else(|| door.shut());
            let ended = live.has_ended();
            if reached.is_none() && !moment.is_over(test, self.run) && ended {
                live.wait();
                fence.all_gone();
                continue;
            }
            live.kill();
            // From here on, whoever comes this way is not stopped.
            fs::remove_file(&gate).expect("the gate");
            if let Some(mut door) = reached {
                let word: &[u8] = if script == Script::LivesOn { b"go\n" } else { b"die\n" };
                door.write_all(word).expect("it stands at the gate");
            }
            fence.all_gone();
            return;
        }
        panic!("it never came to {moment:?}");
    }

    /// Answers and resumes until nobody has to answer any more.
    fn to_the_end(&self, test: &Test) {
        for _ in 0..ANSWERS_MAX {
            // Killed before its first line was written, it never began.
            let args: &[&str] = if test.journal(self.run).is_empty() { self.start } else { &["resume", self.run] };
            test.go(args);
            if self.answer_all(test) == 0 {
                return;
            }
        }
        panic!("it goes in a circle; it waits for {:?}", self.inbox(test));
    }

    fn answer_all(&self, test: &Test) -> usize {
        let inbox = self.inbox(test);
        inbox.iter().for_each(|one| (self.answer)(test, one));
        inbox.len()
    }

    /// What waits for a person now.
    pub fn inbox(&self, test: &Test) -> Vec<Waiting> {
        let listed = test.go(&["review", "list", "--run", self.run, "--json"]).code(0).json();
        let text = |one: &serde_json::Value, key: &str| one[key].as_str().expect("a text").to_owned();
        let raised = test.facts(self.run, "escalation_raised");
        let waiting = |one: &serde_json::Value| {
            let asked = |fact: &&serde_json::Value| fact["question"]["id"] == one["question_id"];
            let lost = raised.iter().find(asked).is_some_and(|fact| fact["question"]["kind"] == "lost");
            Waiting { id: text(one, "id"), step: text(one, "step"), question: text(one, "question"), lost }
        };
        listed["waiting"].as_array().expect("a list").iter().map(waiting).collect()
    }
}

impl Moment {
    fn name(&self) -> String {
        format!("{}/{}", self.flow, self.step)
    }

    fn is_over(&self, test: &Test, run: &str) -> bool {
        let same = |one: &Moment| (&one.flow, &one.step) == (&self.flow, &self.step);
        of(test, run, "step_ended").iter().any(|one| same(one) && (self.execution.is_none() || one.execution == self.execution))
    }
}

/// Executions that were really performed; a person's word for a lost one is none.
fn moments(test: &Test, run: &str) -> Vec<Moment> {
    let over = of(test, run, "step_ended");
    of(test, run, "step_started").into_iter().filter(|one| over.contains(one)).collect()
}

fn of(test: &Test, run: &str, kind: &str) -> Vec<Moment> {
    let moment = |fact: &serde_json::Value| {
        let text = |key: &str| fact["at"][key].as_str().expect("a name").to_owned();
        Moment { flow: text("flow"), step: text("step"), execution: Some(fact["execution"].as_u64().expect("a number")) }
    };
    test.facts(run, kind).iter().map(moment).collect()
}

/// A pipe, and an `sh` that stands still at it in this execution, until somebody says whether it goes on.
fn gate(test: &Test, moment: &Moment) -> PathBuf {
    let here = test.at("kill-gate");
    let Moment { flow, step, execution } = moment;
    let execution = execution.map_or("*".to_owned(), |number| number.to_string());
    let script = format!(
        "#!/bin/sh\nif [ -p '{here}' ]; then\n  case \"${{ARTIFACTS:-}} ${{STEP:-}} ${{EXECUTION:-}}\" in\n    \
         *'/{flow}/artifacts {step} '{execution})\n      read -r word < '{here}'\n      [ \"$word\" = go ] || exit 137 ;;\n  esac\nfi\n\
         exec /bin/sh \"$@\"\n",
        here = here.display()
    );
    test.write("bin/sh", &script);
    fs::set_permissions(test.at("bin/sh"), fs::Permissions::from_mode(0o755)).expect("a program");
    let made = std::process::Command::new("mkfifo").arg(&here).status().expect("mkfifo");
    assert!(made.success(), "mkfifo");
    here
}

/// The pipe, and whether somebody stands at its other end: no script has to write a file for that, and none that only looks could.
struct Door {
    gate: PathBuf,
    heard: Receiver<fs::File>,
}

impl Door {
    fn at(gate: &Path) -> Self {
        let (tell, heard) = mpsc::channel();
        let gate = gate.to_owned();
        let place = gate.clone();
        // It is opened once somebody reads: waiting for that takes no processor time from the step.
        thread::spawn(move || tell.send(fs::OpenOptions::new().write(true).open(place).expect("the gate")));
        Self { gate, heard }
    }

    /// Whether it is open, at the latest after a moment.
    fn opened(&self) -> Option<fs::File> {
        self.heard.recv_timeout(MOMENT).ok()
    }

    /// Nobody is waited for any more, unless somebody came at the last moment.
    fn shut(&self) -> Option<fs::File> {
        let late = self.heard.try_recv().ok();
        if late.is_none() {
            let _ours = rustix::fs::open(&self.gate, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).expect("the gate");
            drop(self.heard.recv().expect("it opens, for we read"));
        }
        late
    }
}
