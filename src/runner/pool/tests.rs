//! Whose thread a step runs on, with real processes.

use super::*;
use crate::{
    engine::tests::Bed,
    id::RunId,
    ledger::{RunDir, RunsDir},
};

/// No test waits so long, unless it fails.
const LONG: Duration = Duration::from_mins(1);

fn pool(dir: &tempfile::TempDir) -> (Pool, RunDir) {
    let run = RunsDir::new(dir.path().join("runs")).create(&RunId::new("r").unwrap()).unwrap();
    let projector = Arc::new(Projector::start(&run).unwrap());
    (Pool::start(projector, Redactor::default(), false).unwrap(), run)
}

fn at(step: &str) -> At {
    At { flow: crate::id::FramePath::new("build").unwrap(), step: crate::id::StepRef::new(step).unwrap() }
}

fn start(pool: &mut Pool, bed: &Bed, step: &str) {
    let at = at(step);
    pool.start_job(at.clone(), Job { step: at.step, ..bed.job.clone() }, None);
}

/// The step that the event ends.
fn ended(pool: &mut Pool, event: Option<Event>) -> String {
    let Some(Event::Reply { at, execution, attempt, reply }) = event else { panic!("no reply: {event:?}") };
    assert!(matches!(reply.outcome, ReplyOutcome::Done), "{reply:?}");
    pool.ended(&at, execution, attempt);
    at.step.to_string()
}

/// Ends when something is written to the pipe.
fn gate(bed: &Bed) -> std::path::PathBuf {
    let gate = bed.workspace().join("gate");
    rustix::fs::mknodat(rustix::fs::CWD, &gate, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    gate
}

#[test]
fn one_step_after_the_other_needs_no_thread() {
    let dir = tempfile::tempdir().unwrap();
    let (mut pool, _run) = pool(&dir);
    let bed = Bed::shell("echo here");
    for step in ["a", "b", "c"] {
        start(&mut pool, &bed, step);
        let event = pool.wait(LONG);
        assert_eq!(ended(&mut pool, event), step);
        pool.leave_alone();
    }
    assert!(pool.lanes[0].is_here() && pool.lanes.len() == 1);
}

#[test]
fn a_step_goes_on_while_its_driver_does_something_else() {
    let dir = tempfile::tempdir().unwrap();
    let (mut pool, _run) = pool(&dir);
    let bed = Bed::shell("read -r line < gate");
    let gate = gate(&bed);
    start(&mut pool, &bed, "a");
    pool.teller().tell(Event::Inbox);
    assert!(matches!(pool.wait(LONG), Some(Event::Inbox)));
    pool.leave_alone();
    assert!(!pool.lanes[0].is_here());
    // From here on nobody waits in the pool.
    std::fs::write(gate, "go\n").unwrap();
    let event = pool.told.recv_timeout(LONG).ok();
    assert_eq!(ended(&mut pool, event), "a");

    let ends = Bed::shell(":");
    start(&mut pool, &ends, "b");
    let event = pool.wait(LONG);
    assert_eq!(ended(&mut pool, event), "b", "it is waited for as before");
}

#[test]
fn two_steps_at_once_have_threads_from_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (mut pool, _run) = pool(&dir);
    let (waits, ends) = (Bed::shell("read -r line < gate"), Bed::shell(":"));
    let gate = gate(&waits);
    start(&mut pool, &waits, "a");
    assert!(pool.lanes[0].is_here());
    start(&mut pool, &ends, "b");
    assert!(!pool.lanes[0].is_here());
    let event = pool.told.recv_timeout(LONG).ok();
    assert_eq!(ended(&mut pool, event), "b");
    std::fs::write(gate, "go\n").unwrap();
    let event = pool.told.recv_timeout(LONG).ok();
    assert_eq!(ended(&mut pool, event), "a");
}

#[test]
fn a_driver_that_never_waits_hears_what_is_told_on_its_thread() {
    let dir = tempfile::tempdir().unwrap();
    let (mut pool, _run) = pool(&dir);
    let teller = pool.teller();
    pool.lanes[0].tasks().spawn(async move { teller.tell(Event::Signal(StopCause::Sigint)) });
    assert!(pool.told().is_none());
    pool.listen();
    assert!(matches!(pool.told(), Some(Event::Signal(StopCause::Sigint))));
}
