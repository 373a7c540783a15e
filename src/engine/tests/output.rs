use super::*;
use crate::record::{FailureKind, Kept};

#[tokio::test]
async fn a_silent_success_leaves_no_file() {
    let out = Bed::shell(":").run().await;
    out.done();
    assert!(out.files.is_empty() && out.logs.is_empty());
    assert_eq!(out.reply.exit_code, Some(0));
    assert_eq!(out.reply.commands[0].stdout_path, None);
}

#[tokio::test]
async fn both_streams_are_kept_in_files_of_their_own() {
    let out = Bed::shell("echo out; echo err >&2").run().await;
    assert_eq!(out.files["build/logs/work.1.stdout"], b"out\n");
    assert_eq!(out.files["build/logs/work.1.stderr"], b"err\n");
    let command = &out.reply.commands[0];
    assert_eq!(command.stdout_sha256, Some(crate::id::Sha256::of(b"out\n")));
    assert_eq!(command.stderr_sha256, Some(crate::id::Sha256::of(b"err\n")));
    assert_eq!((command.stdout_bytes, command.stderr_bytes), (4, 4));
    assert_eq!((out.stdout(), out.reply.stderr_tail.as_str()), ("out\n", "err\n"));
}

#[tokio::test]
async fn a_second_attempt_writes_to_its_own_file() {
    let out = Bed::shell("echo out").with(|job| (job.execution, job.attempt) = (3, 2)).run().await;
    assert_eq!(out.files["build/logs/work.3.2.stdout"], b"out\n");
}

#[tokio::test]
async fn what_looks_like_shell_in_a_parameter_arrives_as_it_is() {
    let evil = "$(touch pwned) `touch pwned` \"'; touch pwned; \n{{x}} $HOME \\";
    let bed = Bed::shell(r#"printf %s "$PARAM_EVIL""#).with(|job| drop(job.env.insert("PARAM_EVIL".to_owned(), evil.to_owned())));
    let out = bed.run().await;
    assert_eq!(out.stdout(), evil);
    assert!(!bed.workspace().join("pwned").exists());
    let bed = Bed::exec(&["printf", "%s", evil]);
    assert_eq!(bed.run().await.stdout(), evil);
    assert!(!bed.workspace().join("pwned").exists());
}

#[tokio::test]
async fn a_step_sees_only_the_environment_it_was_given() {
    let out = Bed::exec(&["env"]).with(|job| drop(job.env.insert("A".to_owned(), "1".to_owned()))).run().await;
    let mut names: Vec<&str> = out.stdout().lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["A", "PATH"]);
}

#[tokio::test]
async fn standard_input_is_empty() {
    let out = Bed::shell("cat; echo done").run().await;
    assert_eq!(out.stdout(), "done\n");
}

#[tokio::test]
async fn odd_bytes_are_kept_as_they_are() {
    let out = Bed::shell(r"printf 'a\377\000b'").run().await;
    assert_eq!(out.files["build/logs/work.1.stdout"], b"a\xff\0b");
    assert_eq!(out.stdout(), "a\u{fffd}\0b");
}

#[tokio::test]
async fn long_output_is_cut_where_it_is_kept_and_whole_in_its_file() {
    let out = Bed::shell("yes ä | head -c 200000").run().await;
    let kept = out.stdout();
    assert!(kept.len() <= Kept::BYTES_MAX);
    assert!(
        kept.ends_with("ä\n[TRUNCATED: 200000 bytes, full at build/logs/work.1.stdout]")
            || kept.ends_with("\n\n[TRUNCATED: 200000 bytes, full at build/logs/work.1.stdout]"),
        "{}",
        &kept[kept.len() - 90..]
    );
    assert_eq!(out.files["build/logs/work.1.stdout"].len(), 200_000);
}

#[tokio::test]
async fn a_secret_in_the_output_reaches_neither_file_nor_reply() {
    let mut bed = Bed::shell("printf 'x hunter2hu'; printf 'nter2 y' ; printf hunter2hunter2 >&2; exit 3");
    bed.redactor = Redactor::new(&[("PW".to_owned(), "hunter2hunter2".to_owned())]).unwrap();
    let out = bed.run().await;
    assert_eq!(out.files["build/logs/work.1.stdout"], b"x [REDACTED:PW] y");
    assert_eq!(out.failure().message, "exit code 3: [REDACTED:PW]");
}

#[tokio::test]
async fn a_failure_that_says_nothing_on_stderr_is_told_by_stdout() {
    let out = Bed::shell("echo the reason; exit 4").run().await;
    assert_eq!(out.failure().kind, FailureKind::Exit);
    assert_eq!(out.failure().message, "exit code 4: the reason");
    assert_eq!(out.reply.stderr_tail, "the reason\n");
}

/// Resident memory of this process in bytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// In a process of its own: what other tests of this one take meanwhile is not counted.
#[cfg(target_os = "linux")]
#[test]
fn a_torrent_of_output_does_not_grow_the_process() {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "engine::tests::output::role_torrent", "--nocapture"]).env("ENGINE_TEST_ROLE", "torrent");
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(String::from_utf8_lossy(&ran.stdout).contains("1 passed"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn role_torrent() {
    if std::env::var_os("ENGINE_TEST_ROLE").is_none() {
        return;
    }
    let bed = Bed::shell("head -c 300000000 /dev/zero");
    let before = resident();
    let (outlet, mut receiver) = Outlet::bounded();
    let (mut peak, mut bytes) = (before, 0u64);
    let drain = async {
        while let Some(piece) = receiver.recv().await {
            if let Piece::Output { bytes: piece, .. } = piece {
                bytes += piece.get().len() as u64;
                peak = peak.max(resident());
            }
        }
    };
    let (reply, ()) = tokio::join!(perform(bed.job.clone(), &bed.redactor, outlet, Stop::never()), drain);
    assert!(peak - before < 32 * 1024 * 1024, "grew by {} bytes", peak - before);
    assert_eq!((bytes, reply.commands[0].stdout_bytes), (crate::engine::OUTPUT_FILE_BYTES_MAX, 300_000_000));
    assert!(reply.commands[0].truncated);
}
