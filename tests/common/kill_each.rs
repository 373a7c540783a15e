//! A run that is killed in each of its steps, one world for each of them, and resumed: it comes to the same end, and nothing that is
//! once-only happened twice.
//! In: how a world is made, how the run starts, how a careful person answers. Out: the executions in which it was killed.
//! Never: a moment that luck chooses in a step that calls a script: an `sh` that is first on PATH stands still there. Any other step
//! (a question, a comparison, a page) is killed right after it.
//!
//! Include it beside `mod common;`:   #[path = "common/kill_each.rs"] mod kill_each;

#![allow(dead_code, reason = "every test file takes what it needs of this")]

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path};

use rustix::fs::{Mode, OFlags};

use super::common::{Fence, Test, until};

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

/// One execution: the path of its flow, the step, which execution.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Moment {
    flow: String,
    step: String,
    execution: u64,
}

impl Play<'_> {
    /// The executions in which it was killed, as `flow/step`.
    pub fn killed_in_each_step(&self, script: Script) -> Vec<String> {
        let calm = (self.world)();
        calm.go(self.start);
        self.to_the_end(&calm);
        let expected = (self.end)(&calm);
        let moments = moments(&calm, self.run).into_iter().filter(|one| (self.steps)(&one.name()));
        let killed = moments.map(|moment| {
            let test = (self.world)();
            self.killed_in(&test, &moment, script);
            self.to_the_end(&test);
            let verified = test.go(&["verify", self.run]);
            assert_eq!(verified.code, Some(0), "killed in {moment:?}: {}{}", verified.stdout, verified.stderr);
            assert_eq!((self.end)(&test), expected, "killed in {moment:?}");
            moment.name()
        });
        killed.collect()
    }

    fn killed_in(&self, test: &Test, moment: &Moment, script: Script) {
        let gate = gate(test, moment);
        for round in 0..ANSWERS_MAX {
            let started = !test.journal(self.run).is_empty();
            if round > 0 {
                self.answer_all(test);
            }
            let resume = ["resume", self.run];
            let (fence, mut live) = Fence::around(test, if started { &resume } else { self.start });
            let mut reached = None;
            until("the step in which it is to be killed, or its end", || {
                reached = at(&gate);
                reached.is_some() || moment.is_over(test, self.run) || live.has_ended()
            });
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
        of(test, run, "step_ended").contains(self)
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
        Moment { flow: text("flow"), step: text("step"), execution: fact["execution"].as_u64().expect("a number") }
    };
    test.facts(run, kind).iter().map(moment).collect()
}

/// A pipe, and an `sh` that stands still at it in this execution, until somebody says whether it goes on.
fn gate(test: &Test, moment: &Moment) -> std::path::PathBuf {
    let here = test.at("kill-gate");
    let Moment { flow, step, execution } = moment;
    let script = format!(
        "#!/bin/sh\nif [ -p '{here}' ]; then\n  case \"${{ARTIFACTS:-}} ${{STEP:-}} ${{EXECUTION:-}}\" in\n    \
         *'/{flow}/artifacts {step} {execution}')\n      read -r word < '{here}'\n      [ \"$word\" = go ] || exit 137 ;;\n  esac\nfi\n\
         exec /bin/sh \"$@\"\n",
        here = here.display()
    );
    test.write("bin/sh", &script);
    fs::set_permissions(test.at("bin/sh"), fs::Permissions::from_mode(0o755)).expect("a program");
    let made = std::process::Command::new("mkfifo").arg(&here).status().expect("mkfifo");
    assert!(made.success(), "mkfifo");
    here
}

/// The pipe, where somebody stands at its other end: no script has to write a file for that, and none that only looks could.
fn at(gate: &Path) -> Option<fs::File> {
    rustix::fs::open(gate, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty()).ok().map(fs::File::from)
}
