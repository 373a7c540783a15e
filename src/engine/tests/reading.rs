//! Our own disk has no room: that is nobody's silence, and cuts nobody's output. No patience at all, so that no clock decides.

use std::{path::Path, pin::pin, time::Duration};

use tokio::{sync::mpsc, task::yield_now, time::Instant};

use crate::engine::{
    Outlet, Piece, Stop,
    process::{Command, End, Limits, Ran, run},
    reading::{Patience, Reading},
    tap::{Sink, Tap, Tapped},
    watchdog::{Bite, Watchdog},
};
use crate::redact::{Clean, Redactor};

const NONE: Patience = Patience { silence: Duration::ZERO, max: Duration::ZERO, after_kill: Duration::ZERO };

/// Runs a script whose first output finds no room, lets it go on to its end, and makes room only when it was seen to be gone.
async fn ends_while_the_disk_stands_still(rest: &str) -> (Ran, Tapped, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("mkfifo gate; echo $$ > pid; echo first; read -r _ < gate; {rest}");
    let env = [("PATH".to_owned(), std::env::var("PATH").unwrap())].into();
    let args = ["-c", &script];
    let command =
        Command { program: Path::new("/bin/sh"), arg0: "sh", args: &args, cwd: dir.path(), env: &env, fence: None, stdin: None };
    let limits = Limits { deadline: None, grace: Duration::ZERO, stop: Stop::never(), patience: NONE };
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(Piece::Part { path: "full".to_owned(), at: 0, bytes: Clean::default() }).unwrap();
    let outlet = Outlet::new(sender);
    let watched = outlet.clone();
    let tap = |name: &str| Tap::new(&Redactor::default(), Sink::Part { path: name.to_owned() }, 0, Vec::new());
    let running = async {
        let (mut out, mut err) = (tap("out"), tap("err"));
        let ran = run(command, &mut out, &mut err, &outlet, &limits, None).await;
        let tapped = out.finish(&outlet).await;
        drop(outlet);
        (ran, tapped)
    };
    let disk = async {
        while !watched.sent_anything() {
            yield_now().await;
        }
        // It waits for room, so it reads nothing: whatever the script prints from here on stays in the pipe.
        std::fs::write(dir.path().join("gate"), "\n").unwrap();
        let pid = std::fs::read_to_string(dir.path().join("pid")).unwrap().trim().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        while rustix::process::test_kill_process(pid).is_ok() {
            yield_now().await;
        }
        drop(watched);
        let mut kept = Vec::new();
        while let Some(piece) = receiver.recv().await {
            let Piece::Part { path, bytes, .. } = piece else { panic!("{piece:?}") };
            kept.extend(bytes.into_inner().into_iter().filter(|_| path == "out"));
        }
        kept
    };
    let ((ran, tapped), kept) = tokio::join!(running, disk);
    (ran, tapped, kept)
}

#[tokio::test]
async fn output_that_waits_for_the_disk_as_its_command_ends_is_not_cut() {
    let (ran, tapped, kept) = ends_while_the_disk_stands_still("head -c 30000 /dev/zero").await;
    assert!(matches!(ran.end, End::Exited(0)), "{ran:?}");
    assert_eq!((kept.len(), tapped.bytes, tapped.truncated), (30_006, 30_006, false));
}

#[tokio::test]
async fn whoever_holds_the_pipe_does_not_keep_the_step_alive_after_such_a_wait() {
    let (ran, _, kept) = ends_while_the_disk_stands_still("head -c 30000 /dev/zero; sleep 1000 & exit 3").await;
    assert!(matches!(ran.end, End::Exited(3)) && ran.left_running, "{ran:?}");
    assert_eq!(kept.len(), 30_006);
}

#[tokio::test]
async fn an_agent_is_not_silent_while_we_wait_for_our_own_disk() {
    let reading = Reading::new(Instant::now());
    let watchdog = Watchdog::new(Duration::ZERO);
    let (room, waits) = tokio::sync::oneshot::channel::<()>();
    let mut hold = pin!(reading.held(waits));
    let once = async || yield_now().await;
    tokio::select! { biased; _ = &mut hold => panic!("there is no room"), () = once() => {} }
    tokio::select! { biased; bite = watchdog.bites(&reading) => panic!("{bite:?}"), () = once() => {} }
    room.send(()).unwrap();
    hold.await.unwrap();
    assert_eq!(watchdog.bites(&reading).await, Bite::Idle);
}

#[tokio::test]
async fn an_agent_that_was_given_up_is_ended_whatever_the_disk_does() {
    let reading = Reading::new(Instant::now());
    let watchdog = Watchdog::new(Duration::from_secs(1000));
    let bite = async {
        watchdog.give_up(Duration::ZERO);
        watchdog.bites(&reading).await
    };
    let held = reading.held(std::future::pending::<()>());
    tokio::select! { biased; () = held => {}, bite = bite => assert_eq!(bite, Bite::GivenUp) }
}

#[tokio::test]
async fn the_wait_for_the_disk_is_not_counted_but_a_flood_is_over_in_its_time() {
    let patience = Patience { silence: Duration::from_secs(1), max: Duration::from_secs(3), after_kill: Duration::ZERO };
    let reading = Reading::new(Instant::now());
    let (begun, start) = (reading.seen(), Instant::now());
    let mut held = Box::pin(reading.held(std::future::pending::<()>()));
    tokio::select! { biased; () = &mut held => {}, () = yield_now() => {} }
    let late = start + Duration::from_secs(100);
    assert_eq!(patience.over(begun, reading.seen(), late, start), None);
    drop(held);
    // It may be read again: the silence begins now.
    let seen = reading.seen();
    assert_eq!(patience.over(begun, seen, late, start), Some(seen.last + patience.silence));
    reading.read(100 * 1024 * 1024);
    let mut flooded = Box::pin(reading.held(std::future::pending::<()>()));
    tokio::select! { biased; () = &mut flooded => {}, () = yield_now() => {} }
    assert!(patience.over(begun, reading.seen(), late, start).is_some_and(|over| over <= start + patience.max));
}
