//! A shell that waits to be let in is that of the step, and runs nothing before.

use super::*;

fn prestarted(bed: &Bed) -> Prestarted {
    bed.job.prestart().expect("a plain step")
}

/// What a script does with and without a prestart.
async fn both(script: &str) -> [Out; 2] {
    let bed = Bed::shell(script);
    let plain = bed.run().await;
    [plain, bed.run_prestarted(Some(prestarted(&bed))).await]
}

async fn ends_without_having_run(bed: &Bed, pid: i32) {
    while lives(pid) {
        tokio::task::yield_now().await;
    }
    assert!(!bed.workspace().join("ran").exists());
}

#[tokio::test]
async fn it_does_what_the_step_does() {
    let scripts = [
        "echo one; echo two >&2; exit 7",
        "echo \"$0 $# $-\"; echo \"${unset-none}\"",
        "cat; echo end",
        "if read -r line; then echo \"read $line\"; else echo nothing; fi",
        "#!/bin/sh\n# a comment\n\necho first\nnowhere",
        "nowhere",
        "echo \"$none\"",
        "false; echo never",
        "echo a\nif then\n",
        "cat <<X\nin a document\nX\n",
        "(sleep 0) & wait; echo \"$?\"",
        "trap 'echo bye' EXIT; echo hi",
    ];
    for script in scripts {
        let [plain, through] = Box::pin(both(script)).await;
        let told = |out: &Out| {
            let command = &out.reply.commands[0];
            (
                out.reply.outcome.clone(),
                command.exit_code,
                command.run.clone(),
                out.reply.kept.stdout.clone(),
                out.reply.kept.stderr.clone(),
            )
        };
        assert_eq!(told(&through), told(&plain), "{script}");
    }
}

#[tokio::test]
async fn it_runs_nothing_before_it_is_let_in_and_ends_when_it_is_dropped() {
    let bed = Bed::shell("echo ran > ran");
    let waiting = prestarted(&bed);
    let pid = waiting.started.id().unwrap();
    // Another one is let in meanwhile.
    bed.run_prestarted(None).await.done();
    std::fs::remove_file(bed.workspace().join("ran")).unwrap();
    assert!(lives(pid), "it waits");
    drop(waiting);
    ends_without_having_run(&bed, pid).await;
}

#[tokio::test]
async fn it_ends_by_itself_when_whoever_would_let_it_in_is_gone() {
    let bed = Bed::shell("echo ran > ran");
    let Prestarted { started, gate } = prestarted(&bed);
    let pid = started.id().unwrap();
    // As kill -9 leaves it: nobody signals it, its pipe is closed.
    drop(gate);
    ends_without_having_run(&bed, pid).await;
}

#[tokio::test]
async fn only_plain_shell_text_is_started_ahead() {
    assert!(Bed::exec(&["true"]).job.prestart().is_none());
    assert!(Bed::shell(":").with(|job| job.inputs.push("a".to_owned())).job.prestart().is_none());
    assert!(Bed::shell(":").with(|job| job.watched.changes = true).job.prestart().is_none());
    assert!(Bed::shell(":").with(|job| job.workspace = "/nowhere".into()).job.prestart().is_none());
}

#[tokio::test]
async fn its_time_and_its_stop_are_those_of_the_step() {
    let bed = Bed::shell("sleep 60").with(|job| job.timeout_ms = Some(50));
    assert_eq!(bed.run_prestarted(Some(prestarted(&bed))).await.failure().kind, crate::record::FailureKind::Timeout);
}
