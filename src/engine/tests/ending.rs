use super::*;
use crate::{
    engine::{StopLevel, StopSwitch, group},
    record::{ErrorClass, FailureKind},
};

fn pid_in(bed: &Bed, file: &str) -> i32 {
    std::fs::read_to_string(bed.workspace().join(file)).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn a_wrong_exit_code_fails_with_the_last_line() {
    let out = Bed::shell("echo one >&2; echo two >&2; exit 3").run().await;
    assert_eq!((out.failure().kind, out.failure().class), (FailureKind::Exit, ErrorClass::Retriable));
    assert_eq!((out.failure().message.as_str(), out.failure().exit_code), ("exit code 3: two", Some(3)));
}

#[tokio::test]
async fn the_exit_code_that_is_expected_is_success() {
    let bed = Bed::shell("exit 3").with(|job| (job.expect.exit, job.expect.written) = (3, true));
    bed.run().await.done();
    let bed = Bed::shell("exit 0").with(|job| (job.expect.exit, job.expect.written) = (3, true));
    assert_eq!(bed.run().await.failure().exit_code, Some(0));
}

#[tokio::test]
async fn a_command_that_is_not_there_is_permanent() {
    let shell = Bed::shell("no-such-command-here").run().await;
    assert_eq!((shell.failure().kind, shell.failure().class), (FailureKind::Spawn, ErrorClass::Permanent));
    assert!(shell.failure().message.contains("not found"), "{}", shell.failure().message);
    let exec = Bed::exec(&["no-such-command-here"]).run().await;
    assert_eq!(exec.failure().message, "the command did not start: no-such-command-here: command not found");
}

#[tokio::test]
async fn a_missing_workspace_is_named() {
    let out = Bed::shell(":").with(|job| job.workspace = "/no/such/place".into()).run().await;
    assert_eq!(out.failure().message, "the command did not start: the workspace /no/such/place is not a directory");
}

#[tokio::test]
async fn a_signal_is_told_by_name() {
    let out = Bed::shell("kill -KILL $$").run().await;
    assert_eq!((out.failure().kind, out.failure().message.as_str()), (FailureKind::Signal, "ended by signal 9 (KILL)"));
    assert_eq!(out.reply.commands[0].signal, Some(9));
}

#[tokio::test]
async fn a_timeout_keeps_what_was_printed() {
    let out = Bed::shell("echo begun; sleep 100").with(|job| job.timeout_ms = Some(200)).run().await;
    assert_eq!((out.failure().kind, out.failure().class), (FailureKind::Timeout, ErrorClass::Retriable));
    assert_eq!(out.failure().message, "not done after 200ms");
    assert_eq!(out.files["build/logs/work.1.stdout"], b"begun\n");
    assert!(out.reply.completed_at.since(out.reply.started_at) < 2000);
}

#[tokio::test]
async fn who_ignores_term_is_killed_after_the_grace() {
    let bed = Bed::shell("trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done")
        .with(|job| (job.timeout_ms, job.grace_ms) = (Some(150), 150));
    let out = bed.run().await;
    assert_eq!(out.failure().kind, FailureKind::Timeout);
    assert!(!lives(pid_in(&bed, "pid")));
}

#[tokio::test]
async fn the_grace_is_time_to_clean_up() {
    let bed = Bed::shell("sh -c 'trap \"sleep 0.1; echo cleaned > mark; exit 0\" TERM; while :; do sleep 0.02; done'; :")
        .with(|job| job.timeout_ms = Some(150));
    bed.run().await;
    assert!(bed.workspace().join("mark").exists());
}

#[tokio::test]
async fn a_grandchild_that_holds_the_pipe_does_not_hold_the_step() {
    let bed = Bed::shell("sleep 100 & echo $! > pid; echo hello");
    let out = bed.run().await;
    assert_eq!(out.done().stdout(), "hello\n");
    assert!(out.reply.completed_at.since(out.reply.started_at) < 3000);
    assert!(!lives(pid_in(&bed, "pid")));
    assert_eq!(out.logs[0]["event"], "left_running");
}

#[tokio::test]
async fn a_silent_background_process_is_ended_too() {
    let bed = Bed::shell("sleep 100 >/dev/null 2>&1 & echo $! > pid");
    let out = bed.run().await;
    assert_eq!(out.done().logs.len(), 1);
    assert!(!lives(pid_in(&bed, "pid")));
}

#[tokio::test]
async fn who_left_the_group_but_holds_the_pipe_does_not_hold_the_step() {
    let bed = Bed::shell("setsid sh -c 'echo $$ > pid; exec sleep 3' & while [ ! -s pid ]; do :; done; echo hello");
    let out = bed.run().await;
    assert_eq!(out.done().stdout(), "hello\n");
    assert!(out.reply.completed_at.since(out.reply.started_at) < 2500);
}

#[tokio::test]
async fn a_stop_interrupts() {
    let bed = Bed::shell("echo $$ > pid; echo begun; sleep 100");
    let (switch, stop) = StopSwitch::new();
    let pid = bed.workspace().join("pid");
    let stopper = async {
        while !std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) {
            tokio::task::yield_now().await;
        }
        switch.raise(StopLevel::Term);
    };
    let (out, ()) = tokio::join!(bed.run_with(stop), stopper);
    assert!(matches!(out.reply.outcome, ReplyOutcome::Interrupted { .. }));
    assert!(!lives(pid_in(&bed, "pid")));
}

#[tokio::test]
async fn a_kill_does_not_wait_for_the_grace() {
    let bed = Bed::shell("trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done").with(|job| job.grace_ms = 60_000);
    let (switch, stop) = StopSwitch::new();
    let pid = bed.workspace().join("pid");
    let stopper = async {
        while !std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) {
            tokio::task::yield_now().await;
        }
        switch.raise(StopLevel::Term);
        tokio::task::yield_now().await;
        switch.raise(StopLevel::Kill);
    };
    let (out, ()) = tokio::join!(bed.run_with(stop), stopper);
    assert!(matches!(out.reply.outcome, ReplyOutcome::Interrupted { .. }));
    assert!(out.reply.completed_at.since(out.reply.started_at) < 30_000);
    assert!(!lives(pid_in(&bed, "pid")));
}

#[tokio::test]
async fn a_dropped_step_leaves_nothing_running() {
    let bed = Bed::shell("sleep 100 & echo $! > pid; echo ready; wait");
    let (outlet, mut receiver) = Outlet::bounded();
    let work = perform(bed.job.clone(), &bed.redactor, outlet, Stop::never());
    tokio::select! {
        _ = work => unreachable!("it sleeps"),
        _ = receiver.recv() => {}
    }
    let pid = pid_in(&bed, "pid");
    while lives(pid) {
        tokio::task::yield_now().await;
    }
}

/// As the runner marks what it starts.
fn marked(job: &mut Job) {
    let marks = [("RUN_BASE", job.workspace.display().to_string()), ("STEP_DIR", "work".into()), ("EXECUTION", "1".into())];
    job.env.extend(marks.map(|(name, value)| (name.to_owned(), value)));
}

#[tokio::test]
async fn what_is_searched_for_among_all_processes_holds_up_no_other_step() {
    let looks = || group::LOOKS.with(std::cell::Cell::get);
    let bed = Bed::shell(
        "for n in 1 2 3; do setsid sh -c \"echo \\$\\$ > pid$n; trap '' TERM; while :; do sleep 1; done\" & done; wait",
    )
    .with(|job| (job.timeout_ms, job.grace_ms) = (Some(300), 50))
    .with(marked);
    let before = looks();
    assert_eq!(bed.run().await.failure().kind, FailureKind::Timeout);
    // Other steps run on this thread.
    assert_eq!(looks(), before);
    let pids: Vec<i32> = (1..=3).map(|n| pid_in(&bed, &format!("pid{n}"))).collect();
    assert!(pids.iter().all(|pid| !lives(*pid)), "{pids:?}");

    let groups: Vec<_> = pids.into_iter().filter_map(rustix::process::Pid::from_raw).collect();
    assert!(group::living_of(groups).is_empty());
    assert_eq!(looks(), before + 1, "one look tells of all of them");
}
