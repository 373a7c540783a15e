//! What is on disk is what was written, or nothing is run: a journal that was tampered with, files that are gone,
//! a disk that is full, directories that are not what they should be.

mod common;

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use common::{Fence, Live, THREE, Test, finish, let_go, until, waiting};

fn journal(test: &Test) -> PathBuf {
    test.run_base("r").join("journal.jsonl")
}

/// `verify` names the line; whatever would go on with the run refuses and runs nothing.
#[track_caller]
fn refused_everywhere(test: &Test, line: u64) {
    let report = test.verified(7);
    assert_eq!(report["broken"][0], line, "{report:#}");
    test.go(&["verify", "r"]).code(7);
    test.go(&["verify", "r", "--repair"]).code(7);
    let bytes = fs::read(journal(test)).expect("the journal");
    let refused: &[&[&str]] = &[
        &["resume", "r"],
        &["resume", "r", "--from", "one"],
        &["retry", "r", "--step", "one"],
        &["run", "three", "--run-id", "r"],
        &["run", "three", "--run-id", "r", "--from", "one"],
        &["review", "answer", "r/ask-me-1", "--choose", "approve"],
        &["cancel", "r"],
    ];
    for args in refused {
        let ran = test.go(args).code(7);
        assert!(ran.stderr.contains(&format!("line {line}")), "{args:?} does not name line {line}:\n{}", ran.stderr);
    }
    assert_eq!(test.text("ran"), "one\ntwo\n", "something ran");
    assert_eq!(fs::read(journal(test)).expect("the journal"), bytes, "the journal was changed");
}

fn lines(test: &Test) -> Vec<String> {
    test.text("run_base/r/journal.jsonl").lines().map(str::to_owned).collect()
}

#[test]
fn a_flipped_byte_is_found_and_nothing_is_run() {
    let test = waiting();
    let mut bytes = fs::read(journal(&test)).expect("the journal");
    let text = String::from_utf8(bytes.clone()).expect("text");
    // Line 3, somewhere in its middle, where it stays JSON: `one` → `ona` in a name.
    let start = text.match_indices('\n').nth(1).expect("three lines").0 + 1;
    let at = start + text[start..].find("\"ts\":\"20").expect("a time") + 8;
    bytes[at] ^= 1;
    fs::write(journal(&test), bytes).expect("written");
    let broken = test.verified(7)["broken"][0].as_u64().expect("a line");
    // The line still parses; the next line's `prev` or run.json tells.
    assert!((3..=4).contains(&broken), "line {broken}");
    refused_everywhere(&test, broken);
}

#[test]
fn a_removed_line_is_found_and_nothing_is_run() {
    let test = waiting();
    let mut lines = lines(&test);
    lines.remove(2);
    test.write("run_base/r/journal.jsonl", &(lines.join("\n") + "\n"));
    refused_everywhere(&test, 3);
}

#[test]
fn a_swapped_pair_of_lines_is_found_and_nothing_is_run() {
    let test = waiting();
    let mut lines = lines(&test);
    lines.swap(1, 2);
    test.write("run_base/r/journal.jsonl", &(lines.join("\n") + "\n"));
    refused_everywhere(&test, 2);
}

#[test]
fn a_cut_tail_is_found_and_nothing_is_run() {
    let test = waiting();
    let mut lines = lines(&test);
    lines.truncate(lines.len() - 2);
    let missing = lines.len() as u64 + 1;
    test.write("run_base/r/journal.jsonl", &(lines.join("\n") + "\n"));
    refused_everywhere(&test, missing);
}

#[test]
fn a_journal_that_is_gone_is_no_fresh_start() {
    let test = waiting();
    fs::remove_file(journal(&test)).expect("removed");
    test.go(&["verify", "r"]).code(7).says("there is no journal");
    let refused: &[&[&str]] = &[
        &["resume", "r"],
        &["run", "three", "--run-id", "r"],
        &["retry", "r", "--step", "one"],
        &["cancel", "r"],
        &["review", "answer", "r/ask-me-1", "--choose", "approve"],
    ];
    for args in refused {
        test.go(args).code(7).says("there is no journal");
    }
    assert_eq!(test.text("ran"), "one\ntwo\n", "something ran");
    assert!(!journal(&test).exists());
}

#[test]
fn a_step_that_removes_its_own_run_stops_it() {
    let test = Test::new().flow("saw", "steps:\n  - {id: saw, run: 'while ! rm -rf \"$RUN_BASE\"; do :; done'}\n  - {id: after, run: 'echo after > ran; echo after'}\n  - {id: last, run: 'echo last > ran'}\n");
    let ran = test.go(&["run", "saw", "--run-id", "r"]).code(1);
    assert!(ran.stderr.contains("could not"), "{}", ran.stderr);
    assert_ne!(test.text("ran"), "last\n");
}

#[test]
fn a_line_that_is_no_json_is_found_and_nothing_is_run() {
    let test = waiting();
    let mut lines = lines(&test);
    lines[1] = "{\"seq\":2,".to_owned();
    test.write("run_base/r/journal.jsonl", &(lines.join("\n") + "\n"));
    refused_everywhere(&test, 2);
}

#[test]
fn a_torn_tail_never_happened_and_the_run_goes_on() {
    let test = waiting();
    let mut text = test.text("run_base/r/journal.jsonl");
    text.push_str("{\"seq\":99,\"ts\":\"20");
    test.write("run_base/r/journal.jsonl", &text);
    let report = test.verified(0);
    assert_eq!(report["torn_bytes"], 18);
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(0);
    assert_eq!(test.text("ran"), "one\ntwo\nthree\n");
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn deleted_and_changed_projections_are_made_anew_byte_for_byte() {
    let test = waiting();
    let ours = |path: &PathBuf| {
        let text = path.to_string_lossy();
        ["/receipts/", "/handoffs/", "/routing/", "/escalations/"].iter().any(|part| text.contains(part))
            || text.ends_with("scent_trail.json")
    };
    let before: Vec<_> = test.every_file("run_base/r").into_iter().filter(|(path, _)| ours(path)).collect();
    assert!(before.len() >= 7, "{before:?}");
    for (n, (path, _)) in before.iter().enumerate() {
        if n % 3 == 2 { fs::write(path, "{}").expect("written") } else { fs::remove_file(path).expect("removed") }
    }
    let report = test.verified(7);
    assert!(report["broken"].is_null());
    assert!(report["findings"].as_array().is_some_and(|found| found.len() >= before.len() - 1), "{report:#}");
    test.go(&["verify", "r", "--repair"]).code(0);
    test.go(&["verify", "r"]).code(0);
    for (path, bytes) in before {
        let now = fs::read(&path).unwrap_or_default();
        assert_eq!(String::from_utf8_lossy(&now), String::from_utf8_lossy(&bytes), "{}", path.display());
    }
}

#[test]
fn a_run_without_run_json_is_still_a_run() {
    let test = waiting();
    fs::remove_file(test.run_base("r").join("run.json")).expect("removed");
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(0);
    test.go(&["verify", "r"]).code(0);
}

/// Wide enough that its journal passes 16 KiB before it is done.
fn long_flow() -> String {
    let steps = (1..=40).map(|n| format!("  - {{id: s{n}, run: 'echo s{n} >> \"$RUN_BASE/../../ran\"'}}\n"));
    format!("steps:\n{}", steps.collect::<String>())
}

#[test]
fn a_limit_on_file_size_stops_the_run_loudly_and_it_goes_on_when_there_is_room() {
    let test = Test::new().flow("long", &long_flow());
    // Blocks of 512 bytes: 24 KiB.
    let (fence, live) = Fence::around_after(&test, "ulimit -f 48", &["run", "long", "--run-id", "r"]);
    let ran = live.wait();
    fence.all_gone();
    let ran = ran.code(1).says("its journal could not be written").says("resume r");
    assert!(ran.stdout.is_empty());
    let did = test.text("ran").lines().count();
    assert!((1..40).contains(&did), "{did} steps ran");
    assert!(test.verified(0)["broken"].is_null());
    test.go(&["resume", "r"]).code(0);
    test.go(&["verify", "r"]).code(0);
    let mut ran: Vec<String> = test.text("ran").lines().map(str::to_owned).collect();
    let all: Vec<String> = (1..=40).map(|n| format!("s{n}")).collect();
    // The step whose end could not be written is the only one that may run again.
    assert!(ran.len() <= 41, "{ran:?}");
    ran.dedup();
    assert_eq!(ran, all);
}

#[test]
fn a_stop_in_the_middle_leaves_nothing_running() {
    let hold = "  - {id: hold, needs: [], run: 'echo $$ > pid; exec 8> held; read -r _ < gate', effects: idempotent}\n";
    let first = "  - {id: s0, needs: [], run: 'while ! test -e held; do :; done'}\n";
    let test =
        Test::new().flow("long", &long_flow().replace("steps:\n", &format!("jobs: 2\nsteps:\n{hold}{first}"))).fifo("gate");
    let (fence, live) = Fence::around_after(&test, "ulimit -f 48", &["run", "long", "--run-id", "r"]);
    live.wait().code(1).says("its journal could not be written");
    fence.all_gone();
    assert!(!common::alive(test.text("pid").trim().parse().expect("a process id")));
    let live = test.start(&["resume", "r"]);
    let_go(&test.at("gate"));
    live.wait().code(0).says("hold");
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn an_answer_that_cannot_be_written_is_not_given() {
    let test = waiting();
    let size = fs::metadata(journal(&test)).expect("the journal").len();
    let mut padded =
        test.command_after(&format!("ulimit -f {}", size / 512), &["review", "answer", "r/ask-me-1", "--choose", "approve"]);
    padded.stdin(std::process::Stdio::null());
    finish(padded).code(1);
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(0);
    test.go(&["verify", "r"]).code(0);
}

/// A small file system of our own; nothing where that is not allowed.
struct Small<'t>(&'t Test);

impl<'t> Small<'t> {
    fn mount(test: &'t Test, kib: u32) -> Option<Self> {
        fs::create_dir_all(test.at("small")).expect("small/");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"])
            .arg(test.at("small"))
            .output();
        mounted.is_ok_and(|done| done.status.success()).then_some(Self(test))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.at("small")).output();
    }
}

#[test]
fn a_full_disk_stops_the_run_loudly_and_it_goes_on_when_there_is_room() {
    let test = Test::new().flow("long", &long_flow().replace("$RUN_BASE/../../ran", "$HOME/ran"));
    let Some(_small) = Small::mount(&test, 4096) else {
        eprintln!("not tried: this machine lets us mount nothing");
        return;
    };
    fs::write(test.at("small/ballast"), vec![1; 3900 * 1024]).expect("room for the ballast");
    let (fence, live) = Fence::around(&test, &["run", "long", "--run-id", "r", "--runs", "small"]);
    let ran = live.wait();
    fence.all_gone();
    ran.code(1).says("resume r");
    let did = test.text("home/ran").lines().count();
    assert!(did < 40, "{did} steps ran");
    fs::remove_file(test.at("small/ballast")).expect("there is room again");
    test.go(&["resume", "r", "--runs", "small"]).code(0);
    test.go(&["verify", "r", "--repair", "--runs", "small"]).code(0);
    test.go(&["verify", "r", "--runs", "small"]).code(0);
    let mut ran: Vec<String> = test.text("home/ran").lines().map(str::to_owned).collect();
    ran.dedup();
    assert_eq!(ran, (1..=40).map(|n| format!("s{n}")).collect::<Vec<_>>());
}

#[test]
fn a_second_process_is_refused_with_the_pid_of_the_first() {
    let test = Test::new().flow("hold", "steps:\n  - {id: wait, run: 'read -r _ < \"$RUN_BASE/../../gate\"'}\n").fifo("gate");
    let live = test.start(&["run", "hold", "--run-id", "r"]);
    until("the step runs", || !test.facts("r", "step_started").is_empty());
    let pid = format!("pid {}", live.pid());
    let refused: &[&[&str]] =
        &[&["resume", "r"], &["run", "hold", "--run-id", "r"], &["retry", "r", "--step", "wait"], &["verify", "r", "--repair"]];
    for args in refused {
        test.go(args).code(6).says(&pid);
    }
    // Looking is allowed.
    let report = test.go(&["verify", "r", "--json"]).json()["report"].clone();
    assert_eq!(report["driven_by_pid"], live.pid());
    let_go(&test.at("gate"));
    live.wait().code(0);
    assert_eq!(test.facts("r", "step_started").len(), 1);
}

#[test]
fn a_directory_without_a_journal_holds_nothing_to_resume() {
    let test = Test::new().flow("three", THREE);
    fs::create_dir_all(test.run_base("r")).expect("a directory");
    for args in [&["resume", "r"][..], &["retry", "r", "--step", "one"], &["cancel", "r"]] {
        let ran = test.go(args);
        assert!(matches!(ran.code, Some(2 | 6)), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains("nothing was ever started"), "{}", ran.stderr);
    }
    // A kill between making the directory and the first line must not make the name unusable.
    test.go(&["run", "three", "--run-id", "r"]).code(4);
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn a_run_directory_that_is_a_symlink_is_not_entered() {
    let test = waiting();
    fs::rename(test.run_base("r"), test.at("elsewhere")).expect("moved");
    std::os::unix::fs::symlink(test.at("elsewhere"), test.run_base("r")).expect("a symlink");
    for args in [
        &["resume", "r"][..],
        &["run", "three", "--run-id", "r"],
        &["cancel", "r"],
        &["review", "answer", "r/ask-me-1", "--choose", "approve"],
        &["verify", "r"],
    ] {
        let ran = test.go(args);
        assert!(matches!(ran.code, Some(1 | 2 | 6)), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains("symlink"), "{args:?}: {}", ran.stderr);
    }
    assert_eq!(test.text("ran"), "one\ntwo\n");
}

#[test]
fn a_symlink_planted_in_a_run_is_not_followed() {
    let test = waiting();
    let secret = test.at("precious");
    fs::write(&secret, "precious").expect("written");
    fs::create_dir_all(test.run_base("r").join("inbox")).expect("inbox/");
    std::os::unix::fs::symlink(&secret, test.run_base("r").join("inbox/answer-ask-me-1.json")).expect("a symlink");
    fs::remove_file(test.run_base("r").join("run.json")).expect("removed");
    std::os::unix::fs::symlink(&secret, test.run_base("r").join("run.json")).expect("a symlink");
    let _ = test.go(&["resume", "r"]);
    assert_eq!(test.text("precious"), "precious");
}

#[test]
fn runs_are_made_where_there_was_no_directory() {
    let test = Test::new().flow("ok", "steps:\n  - {id: one, run: 'true'}\n");
    test.go(&["run", "ok", "--run-id", "r", "--runs", "a/b/c"]).code(0);
    assert!(test.at("a/b/c/r/run.json").is_file());
    test.go(&["review", "list", "--runs", "not/there"]).code(0);
    test.go(&["resume", "r", "--runs", "not/there"]).code(2);
}

#[test]
fn a_file_in_place_of_the_runs_directory_is_named() {
    let test = Test::new().flow("ok", "steps:\n  - {id: one, run: 'true'}\n").file("run_base", "");
    test.go(&["run", "ok", "--run-id", "r"]).code(1).says("run_base");
}

/// Root may write anywhere, so these are tried as somebody else where root runs the tests.
fn nobody() -> Option<&'static str> {
    rustix::process::getuid().is_root().then_some("setpriv --reuid=65534 --regid=65534 --clear-groups")
}

fn as_nobody(test: &Test, args: &[&str]) -> Option<Live> {
    let Some(become_) = nobody() else { return Some(test.start(args)) };
    let works = std::process::Command::new("sh").args(["-c", &format!("{become_} {} --version", common::BIN)]).output();
    if !works.is_ok_and(|done| done.status.success()) {
        eprintln!("not tried: root cannot become somebody else here");
        return None;
    }
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", &format!("exec {become_} \"$0\" \"$@\""), common::BIN]).args(args);
    test.dress(&mut command);
    Some(Live::start(command))
}

fn mode(test: &Test, path: &str, mode: u32) {
    fs::set_permissions(test.at(path), fs::Permissions::from_mode(mode)).expect("the mode is set");
}

#[test]
fn a_runs_directory_that_cannot_be_written_is_named() {
    let test = Test::new().flow("ok", "steps:\n  - {id: one, run: 'touch \"$RUN_BASE/../../ran\"'}\n");
    fs::create_dir_all(test.at("run_base")).expect("run_base/");
    mode(&test, "run_base", 0o555);
    mode(&test, ".", 0o755);
    if let Some(live) = as_nobody(&test, &["run", "ok", "--run-id", "r"]) {
        live.wait().code(1).says("run_base").says("ermission denied");
    }
    mode(&test, "run_base", 0o755);
    assert!(!test.at("ran").exists());
}

#[test]
fn a_run_directory_that_was_made_read_only_is_named_and_nothing_is_run() {
    let test = waiting();
    mode(&test, ".", 0o755);
    let mut all: Vec<PathBuf> = test.every_file("run_base/r").into_iter().map(|(path, _)| path).collect();
    all.push(test.run_base("r"));
    for path in &all {
        let mode = if path.is_dir() { 0o555 } else { 0o444 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode is set");
    }
    if let Some(live) = as_nobody(&test, &["resume", "r", "--from", "one"]) {
        live.wait().code(1).says("ermission denied");
    }
    if let Some(live) = as_nobody(&test, &["review", "answer", "r/ask-me-1", "--choose", "approve"]) {
        live.wait().code(1).says("ermission denied");
    }
    fs::set_permissions(test.run_base("r"), fs::Permissions::from_mode(0o755)).expect("the mode is set");
    assert_eq!(test.text("ran"), "one\ntwo\n");
}
