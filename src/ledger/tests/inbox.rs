//! Letters from other processes, and what `verify` sees.

use std::{fs, sync::mpsc, time::Duration};

use super::{
    build::{Place, answer, created, ended_with, freeze, holder, manifest, proof, whole_run, write},
    disk::files,
};
use crate::{
    id::{EscalationId, Sha256},
    ledger::{Inbox, InboxWatch, Message, RunDir, verify},
    redact::{Clean, Redactor},
};

fn letter(id: &str) -> Clean<Message> {
    Clean::for_test(Message::answer(EscalationId::new(id).unwrap(), answer()))
}

fn open(run: &RunDir) -> Inbox {
    Inbox::open(run, &Redactor::new(&[("DEPLOY_PW".to_owned(), SECRET.to_owned())]).unwrap()).unwrap()
}

const SECRET: &str = "correcthorse-batterystaple";

#[test]
fn letters_come_in_a_fixed_order_until_they_are_done() {
    let place = Place::new();
    let run = place.run();
    for id in ["b-1", "a-1", "b-1"] {
        Inbox::put(&run, &letter(id)).unwrap();
    }
    Inbox::put(&run, &Clean::for_test(Message::cancel("ann".to_owned(), None))).unwrap();
    let mut inbox = open(&run);
    let names = |inbox: &mut Inbox| inbox.take().unwrap().into_iter().map(|letter| letter.name).collect::<Vec<_>>();
    let all = ["cancel.json", "answer-a-1.json", "answer-b-1.json", "answer-b-1.2.json"];
    assert_eq!(names(&mut inbox), all);
    assert_eq!(names(&mut inbox), [""; 0], "a letter is taken once");
    inbox.done("answer-a-1.json").unwrap();
    inbox.done("answer-a-1.json").unwrap();
    inbox.refuse("cancel.json", "nobody may").unwrap();
    // A process that was killed before `done` sees them again.
    assert_eq!(names(&mut open(&run)), all[2..]);
    assert_eq!(fs::read_to_string(run.base().join("inbox/refused/cancel.json.reason.txt")).unwrap(), "nobody may\n");
}

#[test]
fn what_is_no_letter_is_refused_with_its_reason() {
    let place = Place::new();
    let run = place.run();
    let inbox = run.path(&run.inbox());
    fs::create_dir(&inbox).unwrap();
    let good = serde_json::to_string(letter("x").get()).unwrap();
    fs::write(inbox.join("half.json"), &good[..good.len() / 2]).unwrap();
    fs::write(inbox.join("other.json"), good.replace("inbox/v1", "inbox/v9")).unwrap();
    fs::write(inbox.join("big.json"), " ".repeat(300_000)).unwrap();
    fs::write(inbox.join("note.txt"), "not ours").unwrap();
    fs::write(inbox.join("good.json"), &good).unwrap();
    std::os::unix::fs::symlink(inbox.join("good.json"), inbox.join("link.json")).unwrap();
    let letters = open(&run).take().unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].message, *letter("x").get());
    let refused: Vec<_> = files(&inbox.join("refused")).into_keys().collect();
    let names = ["big", "half", "link", "other"];
    let expected: Vec<_> = names.iter().flat_map(|name| [format!("{name}.json"), format!("{name}.json.reason.txt")]).collect();
    assert_eq!(refused, expected);
    assert!(inbox.join("note.txt").exists());
}

#[test]
fn what_is_kept_of_a_letter_that_was_refused_is_clean() {
    let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H8");
    let place = Place::new();
    let run = place.run();
    let inbox = run.path(&run.inbox());
    fs::create_dir(&inbox).unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(inbox.join(name), bytes).unwrap();
    put("value.json", format!(r#"{{"kind":"answer","note":"use {SECRET}","note":"or {token}","{SECRET}":1}}"#).as_bytes());
    put("half.json", format!(r#"{{"kind":"answer","note":"{SECRET} and {token}"#).as_bytes());
    put("unknown.json", format!(r#"{{"kind":"{SECRET}"}}"#).as_bytes());
    put("bytes.json", &[b"before ", SECRET.as_bytes(), b" \0", SECRET.as_bytes(), b"\xff"].concat());
    let wide: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect();
    put("wide.json", &wide);
    let beside_the_end = format!("{}{SECRET}{}", "x".repeat(262_144 - 9), "y".repeat(90_000));
    put("large.json", beside_the_end.as_bytes());
    put(&format!("{token}.json"), b"{}");
    put("turned-down.json", serde_json::to_string(&Message::cancel(token.clone(), Some(SECRET.to_owned()))).unwrap().as_bytes());
    let mut letters = open(&run);
    assert_eq!(letters.take().unwrap().len(), 1);
    letters.refuse("turned-down.json", &format!("{SECRET} may not")).unwrap();
    let kept = files(&inbox);
    for (name, bytes) in &kept {
        let text = String::from_utf8_lossy(bytes);
        let clean = |secret: &str| !text.contains(&secret[..9]) && !name.contains(secret);
        assert!(clean(SECRET) && clean(&token) && !bytes.windows(18).any(|part| part == &wide[..18]), "{name}: {text}");
    }
    assert_eq!(kept.len(), 2 * 8, "{:?}", kept.keys());
    let text = |name: &str| String::from_utf8_lossy(&kept[&format!("refused/{name}")]).into_owned();
    assert_eq!(text("bytes.json"), "before [REDACTED:DEPLOY_PW] ");
    assert!(
        text("half.json").starts_with(r#"{"kind":"answer","note":"[REDACTED:DEPLOY_PW] and [REDACTED"#),
        "{}",
        text("half.json")
    );
    assert_eq!(text("turned-down.json.reason.txt"), "[REDACTED:DEPLOY_PW] may not\n");
    assert!(text("large.json").len() > 200_000);
}

#[test]
fn writers_at_the_same_time_lose_no_letter() {
    let place = Place::new();
    let run = place.run();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..5).for_each(|_| drop(Inbox::put(&run, &letter("x")).unwrap())));
        }
    });
    assert_eq!(open(&run).take().unwrap().len(), 40);
    assert!(files(&run.path(&run.inbox())).keys().all(|name| !name.ends_with(".tmp")));
}

#[test]
fn a_letter_wakes_who_waits() {
    let place = Place::new();
    let run = place.run();
    let (wake, woken) = mpsc::channel();
    let _watch = InboxWatch::start(&run, move || wake.send(()).unwrap_or_default()).unwrap();
    Inbox::put(&run, &letter("x")).unwrap();
    woken.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(open(&run).take().unwrap().len(), 1);
}

#[test]
fn verify_sees_changed_frozen_files_streams_and_snapshots() {
    let place = Place::new();
    let run = place.run();
    freeze(&run);
    let mut with_stdout = proof("shell", 10);
    with_stdout.commands[0].stdout_path = Some("build/logs/a.1.stdout".to_owned());
    with_stdout.commands[0].stdout_sha256 = Some(Sha256::of(b"hello\n"));
    let lines = vec![created(), ended_with("a", 1, with_stdout, crate::record::DecisionKind::Continue)];
    let entries = write(&run, lines);
    let projector = crate::ledger::Projector::start(&run).unwrap();
    entries.iter().for_each(|entry| projector.send(entry.clone()));
    let file = |path: &str, text: &str| projector.file(path, Clean::for_test(text.as_bytes().to_vec())).unwrap();
    file("build/logs/a.1.stdout", "hello\n");
    file("build/snapshots/pre/files/live", "x");
    let index = serde_json::json!({"files": [{"path": "live", "stored_sha256": Sha256::of(b"x")}]});
    file("build/snapshots/pre/index.json", &index.to_string());
    projector.manifest(manifest(entries.last().unwrap()));
    projector.flush().unwrap();
    let report = verify(&run).unwrap();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!((report.streams, report.frozen_files), (2, 1));
    for path in ["build/logs/a.1.stdout", "build/snapshots/pre/files/live", "frozen/build/flow.yaml"] {
        let before = fs::read(run.base().join(path)).unwrap();
        fs::write(run.base().join(path), "changed").unwrap();
        let report = verify(&run).unwrap();
        assert_eq!(report.findings.len(), 1, "{path}: {report:?}");
        assert!(path.starts_with(&report.findings[0].path));
        fs::write(run.base().join(path), before).unwrap();
    }
}

#[test]
fn a_run_goes_whole_unless_it_is_held() {
    use crate::{
        id::{Sha256, Time},
        ledger::{Keeper, Lock, Pruning, RetentionError, held, hold, release, remove, removed},
        record::Hold,
    };
    let place = Place::new();
    let (run, _) = whole_run(&place);
    let keeper = Keeper::wait(&place.runs).unwrap();
    let (now, by, head) = (Time::from_ms(0), Clean::for_test("ada".to_owned()), Sha256::of(b""));
    let how = Pruning { by: &by, at: now, archive: None, head: (1, &head) };
    let audit = Hold { reason: "an audit".to_owned(), by: "ada".to_owned(), since: Some(now) };
    hold(&run, &Clean::for_test(audit.clone()), now, &keeper).unwrap();
    assert_eq!(held(&run).unwrap().unwrap(), audit);
    let refused = remove(&run, how, Lock::take(&run, &holder()).unwrap(), &keeper);
    assert!(matches!(refused, Err(RetentionError::Held(note)) if note == audit));
    assert_eq!(release(&run, &by, now, &keeper).unwrap(), Some(audit));
    remove(&run, how, Lock::take(&run, &holder()).unwrap(), &keeper).unwrap();
    assert!(place.runs.list().unwrap().is_empty());
    assert_eq!(removed(&place.runs, run.id()).unwrap().by, "ada");
}

/// A note that somebody wrote by hand, or that was damaged.
#[test]
fn a_hold_that_cannot_be_read_holds_all_the_same() {
    let place = Place::new();
    let run = place.run();
    fs::write(run.path(&run.hold()), "because I say so").unwrap();
    assert_eq!(crate::ledger::held(&run).unwrap().unwrap().reason, "because I say so");
}
