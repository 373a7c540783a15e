//! Letters that were put after their driver's last look: the lock is held here in its place, and given back without one.

use std::fs;

use crate::{
    config::{Config, Flags},
    error::Kind,
    id::Time,
    ledger::{Holder, Lock, RunDir, verify},
    record::{Answer, Channel, Question, RunStatus},
    runner::Silent,
    workspace::{Answered, ReadRun, RunRequest, Workspace},
};

use super::Fate;

const ASK: &str = "
flow: ask
title: Asks
charter: {goal: g, question: q}
steps:
  - {id: ask-me, ask: {question: 'Go on?'}}
  - {id: after, run: echo after}
";

/// A run `r` that waits for an answer, and the lock of whoever drives it.
struct Place {
    _dir: tempfile::TempDir,
    workspace: Workspace,
    run: RunDir,
}

impl Place {
    fn new() -> (Self, Lock) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("flows")).unwrap();
        fs::write(dir.path().join("flows/ask.yaml"), ASK).unwrap();
        let config = Config::load(dir.path(), &Flags::default(), std::iter::empty()).unwrap();
        let workspace = Workspace::new(config, dir.path().to_owned());
        let request = RunRequest { flow: "ask".to_owned(), run_id: Some("r".to_owned()), ..RunRequest::default() };
        let (id, ended) = workspace.run(&request, &mut Silent).unwrap();
        assert_eq!(ended.status, RunStatus::Waiting);
        let run = workspace.run_dir(&id).unwrap();
        let place = Self { _dir: dir, workspace, run };
        let lock = place.driver();
        (place, lock)
    }

    fn driver(&self) -> Lock {
        Lock::take(&self.run, &Holder { pid: 1, host: "box".to_owned(), since: Time::from_ms(0) }).unwrap()
    }

    fn letters(&self) -> usize {
        let inbox = fs::read_dir(self.run.path(&self.run.inbox())).unwrap();
        inbox.flatten().filter(|item| item.path().extension().is_some_and(|ext| ext == "json")).count()
    }

    fn lines(&self) -> usize {
        fs::read_to_string(self.run.path(&self.run.journal())).unwrap().lines().count()
    }

    fn status(&self) -> RunStatus {
        self.workspace.read_run("r").unwrap().state.resting_status()
    }

    /// Everything is as it has to be.
    fn is_whole(&self) {
        let report = verify(&self.run).unwrap();
        assert!(report.is_ok(), "{report:?}");
    }
}

fn answer(place: &Place, choose: &str) -> (ReadRun, Question, Answer) {
    let read = place.workspace.read_run("r").unwrap();
    let question = read.question("ask-me-1").unwrap();
    let digest = question.subject_digest.clone();
    let given = Answer::new(choose, "ann", Channel::Cli, read.state.now, digest);
    (read, question, given)
}

#[test]
fn an_answer_put_after_the_drivers_last_look_is_recorded_by_whoever_put_it() {
    let (place, driver) = Place::new();
    let (read, question, given) = answer(&place, "approve");
    let posted = place.workspace.send(&read, &place.run, &question, given.clone()).unwrap();
    assert_eq!(place.letters(), 1);
    drop(driver);
    let answered = place.workspace.heard(&read, &posted, &question, given).unwrap();
    assert_eq!(answered, Answered::Recorded(RunStatus::Waiting));
    assert_eq!(place.letters(), 0, "the letter stayed, and would be read again");
    assert!(place.workspace.read_run("r").unwrap().state.open_questions.is_empty());
    place.is_whole();
}

/// Whoever said no is not told that the run goes on as they said.
#[test]
fn of_two_answers_of_one_name_in_one_moment_each_hears_of_its_own() {
    let (place, driver) = Place::new();
    let (read, question, yes) = answer(&place, "approve");
    let (_, _, no) = answer(&place, "reject");
    assert_eq!((&yes.by, yes.at), (&no.by, no.at));
    let posted = place.workspace.send(&read, &place.run, &question, yes.clone()).unwrap();
    drop(driver);
    place.workspace.heard(&read, &posted, &question, yes).unwrap();
    let driver = place.driver();
    let posted = place.workspace.send(&read, &place.run, &question, no.clone()).unwrap();
    // Its reader takes it, and has written nothing down.
    posted.withdraw();
    let heard = place.workspace.heard(&read, &posted, &question, no.clone()).unwrap();
    assert_eq!(heard, Answered::Delivered);
    let posted = place.workspace.send(&read, &place.run, &question, no.clone()).unwrap();
    drop(driver);
    let lines = place.lines();
    let error = place.workspace.heard(&read, &posted, &question, no.clone()).unwrap_err();
    assert_eq!((error.kind, place.lines()), (Kind::Refused, lines + 1), "the refusal is recorded");
    let driver = place.driver();
    let posted = place.workspace.send(&read, &place.run, &question, no.clone()).unwrap();
    posted.withdraw();
    assert_eq!(place.workspace.heard(&read, &posted, &question, no).unwrap_err().kind, Kind::Refused);
    drop(driver);
    place.is_whole();
}

#[test]
fn an_answer_whose_driver_was_killed_after_it_wrote_it_down_is_told_as_recorded() {
    let (place, driver) = Place::new();
    let (read, question, given) = answer(&place, "approve");
    let given = Answer { nonce: Some("1".into()), ..given };
    let posted = place.workspace.send(&read, &place.run, &question, given.clone()).unwrap();
    drop(driver);
    place.workspace.heard(&read, &posted, &question, given.clone()).unwrap();
    // The letter lies there still.
    let driver = place.driver();
    let posted = place.workspace.send(&read, &place.run, &question, given.clone()).unwrap();
    let lines = place.lines();
    drop(driver);
    let heard = place.workspace.heard(&read, &posted, &question, given).unwrap();
    assert_eq!(heard, Answered::Recorded(RunStatus::Waiting));
    assert_eq!((place.letters(), place.lines()), (0, lines));
    place.is_whole();
}

#[test]
fn an_answer_that_is_none_is_refused_by_whoever_put_it_and_does_not_stay() {
    let (place, driver) = Place::new();
    let (read, question, given) = answer(&place, "nonsense");
    let posted = place.workspace.send(&read, &place.run, &question, given.clone()).unwrap();
    drop(driver);
    let error = place.workspace.heard(&read, &posted, &question, given).unwrap_err();
    assert_eq!(error.kind, Kind::Refused);
    assert_eq!(place.letters(), 0);
    assert_eq!(place.workspace.read_run("r").unwrap().state.open_questions.len(), 1);
    place.is_whole();
}

#[test]
fn a_cancel_put_after_the_drivers_last_look_is_carried_out_by_whoever_put_it() {
    let (place, driver) = Place::new();
    let posted = place.workspace.send_cancel(&place.run, "ann".to_owned()).unwrap();
    drop(driver);
    let ended = place.workspace.cancelled(&posted, "ann".to_owned(), &mut Silent).unwrap();
    assert_eq!(ended.map(|ended| ended.status), Some(RunStatus::Cancelled));
    assert_eq!((place.letters(), place.status()), (0, RunStatus::Cancelled));
    place.is_whole();
}

#[test]
fn a_letter_that_the_next_driver_took_is_not_carried_out_twice() {
    let (place, driver) = Place::new();
    let posted = place.workspace.send_cancel(&place.run, "ann".to_owned()).unwrap();
    drop(driver);
    // Somebody resumes the run before its writer has looked again, and a letter of somebody else gets its name.
    let next = place.driver();
    posted.withdraw();
    drop(next);
    let other = place.workspace.send_cancel(&place.run, "bob".to_owned()).unwrap();
    assert_eq!(other.name, posted.name);
    assert!(matches!(place.workspace.fate(&posted).unwrap(), Fate::Read(None)));
    assert_eq!((place.letters(), place.status()), (1, RunStatus::Waiting));
}

#[test]
fn a_letter_to_a_run_that_cannot_be_opened_is_taken_back() {
    let (place, driver) = Place::new();
    let posted = place.workspace.send_cancel(&place.run, "ann".to_owned()).unwrap();
    drop(driver);
    let journal = place.run.path(&place.run.journal());
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.replacen("ask", "axk", 1)).unwrap();
    assert_eq!(place.workspace.cancelled(&posted, "ann".to_owned(), &mut Silent).map(drop).unwrap_err().kind, Kind::Integrity);
    assert_eq!(place.letters(), 0);
}
