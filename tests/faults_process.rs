//! Steps that misbehave, and signals to us: nothing is left running, and the run can go on.

mod common;

use common::{Fence, Test, alive, await_word, let_go, until};

fn pid_in(test: &Test, path: &str) -> u32 {
    test.text(path).trim().parse().expect("a process id")
}

/// The step says on `at-it` that it is there, then waits for `gate`.
const HOLD: &str = "
steps:
  - {id: first, run: 'true'}
  - {id: hold, run: 'echo $$ > pid; echo here > at-it; read -r _ < gate', effects: idempotent}
  - {id: after, run: 'echo after >> ran'}
";

fn hold() -> Test {
    Test::new().flow("hold", HOLD).fifo("at-it").fifo("gate")
}

#[test]
fn a_grandchild_that_holds_the_pipe_open_holds_up_nothing_and_is_ended() {
    let test = Test::new().flow(
        "fork",
        "steps:\n  - {id: fork, run: 'sleep 1000 & echo $! > pid; echo done', expect: {stdout: done}}\n  - {id: after, run: 'true'}\n",
    );
    let (fence, live) = Fence::around(&test, &["run", "fork", "--run-id", "r"]);
    live.wait().code(0);
    fence.all_gone();
    assert!(!alive(pid_in(&test, "pid")));
    assert!(test.text("run_base/r/fork/logs/fork.jsonl").contains("left_running"));
}

#[test]
fn a_step_that_ignores_term_is_killed_when_its_time_is_up() {
    let test = Test::new()
        .file("flow-studio.toml", "grace = \"100ms\"\n")
        .flow("deaf", "steps:\n  - {id: deaf, run: 'trap \"\" TERM; echo $$ > pid; echo partial; while :; do sleep 1000; done', timeout: 300ms}\n");
    let (fence, live) = Fence::around(&test, &["run", "deaf", "--run-id", "r"]);
    live.wait().code(1).says("deaf");
    fence.all_gone();
    assert!(!alive(pid_in(&test, "pid")));
    let receipt = test.json("run_base/r/deaf/receipts/deaf-shell.json");
    assert_eq!(
        (receipt["status"].as_str(), receipt["error_detail"]["kind"].as_str()),
        (Some("failed"), Some("timeout")),
        "{receipt:#}"
    );
    assert!(test.text("run_base/r/deaf/timeouts.jsonl").contains("\"deaf\""));
    let kept = test
        .every_file("run_base/r")
        .into_iter()
        .any(|(path, bytes)| path.to_string_lossy().contains("stdout") && bytes.starts_with(b"partial"));
    let logged = test.text("run_base/r/deaf/logs/deaf.jsonl").contains("partial");
    assert!(kept || logged, "partial output is kept");
}

#[test]
fn sigint_once_lets_running_steps_end_and_starts_no_other() {
    let test = hold();
    let live = test.start(&["run", "hold", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    live.signal("INT");
    until("it was noted", || !test.facts("r", "stop_requested").is_empty());
    let_go(&test.at("gate"));
    live.wait().code(130).says("resume r");
    assert_eq!(test.json("run_base/r/hold/receipts/hold-shell.json")["status"], "succeeded");
    assert_eq!(test.text("ran"), "");
    assert_eq!(test.manifest("r")["status"], "interrupted");
    test.go(&["verify", "r"]).code(0);
    test.go(&["resume", "r"]).code(0);
    assert_eq!(test.text("ran"), "after\n");
    assert_eq!(test.facts("r", "step_started").len(), 3, "what had ended is not run again");
}

#[test]
fn sigint_twice_ends_everything_now_and_the_run_can_go_on() {
    let test = hold();
    let (fence, live) = Fence::around(&test, &["run", "hold", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    live.signal("INT");
    until("it was noted", || !test.facts("r", "stop_requested").is_empty());
    live.signal("INT");
    live.wait().code(130);
    fence.all_gone();
    assert!(!alive(pid_in(&test, "pid")));
    let receipt = test.json("run_base/r/hold/receipts/hold-shell.json");
    assert_eq!(receipt["status"], "interrupted", "{receipt:#}");
    test.go(&["verify", "r"]).code(0);
    let again = test.start(&["resume", "r"]);
    await_word(&test.at("at-it"));
    let_go(&test.at("gate"));
    again.wait().code(0);
    assert_eq!(test.text("ran"), "after\n");
}

#[test]
fn sigterm_ends_steps_after_their_grace_and_exits_143() {
    let test = hold().file("flow-studio.toml", "grace = \"100ms\"\n");
    let (fence, live) = Fence::around(&test, &["run", "hold", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    live.signal("TERM");
    live.wait().code(143);
    fence.all_gone();
    assert_eq!(test.json("run_base/r/hold/receipts/hold-shell.json")["status"], "interrupted");
    assert_eq!(test.manifest("r")["status"], "interrupted");
    assert!(test.manifest("r")["pid"].is_null());
}

#[test]
fn a_driver_that_never_has_to_wait_hears_a_signal() {
    let steps: String = (0..8000).map(|n| format!("  - {{id: s{n}, agent: worker}}\n")).collect();
    let test = Test::new()
        .file("agents/worker.md", "---\nname: worker\ndescription: Does nothing\n---\nDo nothing.\n")
        .flow("long", &format!("steps:\n  - {{id: begin, run: 'echo here > at-it'}}\n{steps}"))
        .fifo("at-it");
    let live = test.start(&["run", "long", "--engine", "stub", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    live.signal("INT");
    live.wait().code(130).says("resume r");
}

/// Its driver may have to wait for a disk or a terminal, and then a step on the driver's thread would wait as well.
#[test]
#[cfg(target_os = "linux")]
fn a_step_that_takes_long_gets_a_thread_of_its_own() {
    let test = hold();
    let live = test.start(&["run", "hold", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    let tasks = format!("/proc/{}/task", live.pid());
    until("it has one", || {
        let threads = std::fs::read_dir(&tasks).expect("its threads");
        threads.flatten().any(|task| std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "steps\n"))
    });
    let_go(&test.at("gate"));
    live.wait().code(0);
}

#[test]
fn a_run_that_waits_for_a_person_ends_at_once_when_it_is_told_to() {
    let test = Test::new().flow("ask", "steps:\n  - {id: ask-me, ask: {question: \"Go on?\"}}\n");
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let args: &[&str] = if signal == "INT" {
            &["run", "ask", "--run-id", "r", "--wait-for-human", "--json"]
        } else {
            &["resume", "r", "--wait-for-human", "--json"]
        };
        let asked = test.facts("r", "resumed").len();
        let live = test.start(args);
        until("it waits", || {
            test.at("run_base/r/run.json").is_file()
                && test.manifest("r")["pid"] == live.pid()
                && (signal == "INT" || test.facts("r", "resumed").len() > asked)
                && test.manifest("r")["waiting_for"].as_array().is_some_and(|all| !all.is_empty())
        });
        live.signal(signal);
        let ran = live.wait().code(code);
        assert_eq!(ran.json()["exit_code"], code);
    }
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve"]).code(0);
    test.go(&["resume", "r"]).code(0);
}

#[test]
fn an_interrupted_once_only_step_is_a_question_not_a_repetition() {
    let test = Test::new()
        .file("flow-studio.toml", "grace = \"100ms\"\n")
        .flow("once", "steps:\n  - {id: pay, run: 'echo paid >> ran; echo here > at-it; read -r _ < gate', effects: once}\n")
        .fifo("at-it")
        .fifo("gate");
    let live = test.start(&["run", "once", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    live.signal("TERM");
    live.wait().code(143);
    test.go(&["resume", "r"]).code(4).says("half run");
    test.go(&["resume", "r"]).code(4);
    test.go(&["review", "answer", "r/pay-1", "--choose", "mark-done", "--note", "seen on the account"]).code(0);
    test.go(&["resume", "r"]).code(0);
    assert_eq!(test.text("ran"), "paid\n");
}

#[test]
fn a_terminal_that_went_away_lets_the_run_end_in_order() {
    let test = hold().file("flow-studio.toml", "grace = \"100ms\"\n");
    let (fence, live) = Fence::around(&test, &["run", "hold", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    live.signal("HUP");
    live.wait().code(143);
    fence.all_gone();
    assert_eq!(test.json("run_base/r/hold/receipts/hold-shell.json")["status"], "interrupted");
}

#[test]
fn under_nohup_a_hangup_changes_nothing() {
    let test = hold();
    let live = common::Live::start(test.command_after("trap '' HUP", &["run", "hold", "--run-id", "r"]));
    await_word(&test.at("at-it"));
    live.signal("HUP");
    let_go(&test.at("gate"));
    live.wait().code(0);
}

#[test]
fn whoever_reads_our_words_may_go_away() {
    let test = Test::new()
        .flow("talk", "steps:\n  - {id: one, run: 'echo here > at-it; read -r _ < gate'}\n  - {id: two, run: 'echo two > ran'}\n")
        .fifo("at-it")
        .fifo("gate");
    // Both outputs are pipes that nobody reads any more.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut command = test.command(&["run", "talk", "--run-id", "r", "--json"]);
    let mut child = command.stdout(writer.try_clone().expect("a pipe")).stderr(writer).spawn().expect("it starts");
    drop(command);
    await_word(&test.at("at-it"));
    drop(reader);
    let_go(&test.at("gate"));
    let status = child.wait().expect("our child");
    assert_eq!(status.code(), Some(0));
    assert_eq!(test.text("ran"), "two\n");
}

#[test]
fn a_step_that_leaves_its_group_does_not_hold_up_the_run() {
    if !std::process::Command::new("setsid").arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("not tried: there is no setsid");
        return;
    }
    let test = Test::new().flow("away", "steps:\n  - {id: away, run: 'setsid sh -c \"echo \\$\\$ > pid; echo here > at-it; read -r _ < gate\" & read -r _ < at-it'}\n").fifo("at-it").fifo("gate");
    // A daemon on purpose is beyond us, but the step ends, and so does the run.
    test.go(&["run", "away", "--run-id", "r"]).code(0);
    let_go(&test.at("gate"));
}

#[test]
fn a_time_limit_of_the_flow_leaves_nothing_running() {
    let test = Test::new().file("flow-studio.toml", "grace = \"100ms\"\n").flow(
        "slow",
        "limits: {wall: 300ms}\nsteps:\n  - {id: slow, run: 'sleep 1000', effects: idempotent}\n  - {id: never, run: 'true'}\n",
    );
    let (fence, live) = Fence::around(&test, &["run", "slow", "--run-id", "r"]);
    let ran = live.wait();
    assert!(matches!(ran.code, Some(1 | 5)), "{ran:?}");
    fence.all_gone();
    assert_eq!(test.facts("r", "step_started").len(), 1);
}

/// `nohup` in the step and a group of its own outlive the driver; the second execution must not meet the first.
#[test]
fn what_a_killed_driver_left_running_is_ended_before_its_step_runs_again() {
    let steps = "
steps:
  - {id: hold, run: 'sleep 1000 & echo $! > child.$EXECUTION; echo $$ > pid.$EXECUTION; echo here > at-it; read -r _ < gate', effects: idempotent}
";
    let test = Test::new().flow("hold", steps).fifo("at-it").fifo("gate");
    let live = test.start(&["run", "hold", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    live.kill();
    let first = [pid_in(&test, "pid.1"), pid_in(&test, "child.1")];
    assert!(first.iter().all(|pid| alive(*pid)), "steps outlive a driver that is killed");
    let live = test.start(&["resume", "r"]);
    await_word(&test.at("at-it"));
    assert!(!first.iter().any(|pid| alive(*pid)), "the second execution meets nothing of the first");
    let_go(&test.at("gate"));
    live.wait().code(0).says("`hold` was still running");
}

#[test]
fn a_once_only_step_is_ended_before_a_person_is_asked_about_it() {
    let steps =
        "\nsteps:\n  - {id: pay, run: 'trap \"\" TERM; echo $$ > pid; echo here > at-it; read -r _ < gate', effects: once}\n";
    let test = Test::new().file("flow-studio.toml", "grace = \"50ms\"\n").flow("pay", steps).fifo("at-it").fifo("gate");
    let live = test.start(&["run", "pay", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    live.kill();
    let pid = pid_in(&test, "pid");
    test.go(&["resume", "r"]).code(4).says("`pay` was still running");
    assert!(!alive(pid), "deaf to TERM, but not to KILL");
}

#[test]
fn a_once_only_step_of_a_flow_inside_is_not_repeated_by_a_retry_before_it() {
    let pay = "\nsteps: [{id: pay, run: 'echo paid >> ran; echo here > at-it; read -r _ < gate', effects: once}]\n";
    let test = Test::new()
        .flow("inner", pay)
        .flow("outer", "steps: [{id: a, run: echo a}, {id: s, flow: inner}]")
        .fifo("at-it")
        .fifo("gate");
    let live = test.start(&["run", "outer", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    live.kill();
    test.go(&["resume", "r"]).code(4).says("outer.s.pay-1");
    test.go(&["retry", "r", "--step", "a"]).code(4).says("outer.s.pay-2").says("half run");
    test.go(&["cancel", "r"]);
    test.go(&["run", "outer", "--run-id", "r"]).code(6).says("it was cancelled at").silent_on("once-only steps again");
    test.go(&["run", "outer", "--run-id", "r", "--again"]).code(4).says("outer.s.pay-3").says("half run");
    assert_eq!(test.text("ran"), "paid\n");
    test.verified(0);
}

/// What ran beside each other before the kill is not what starts at once after it.
#[test]
fn a_killed_run_goes_on_with_as_many_steps_at_once_as_are_wanted_now() {
    let step = |id: &str| {
        format!("  - {{id: {id}, needs: [], run: '[ $EXECUTION -gt 1 ] || {{ echo here > at-{id}; read -r _ < gate; }}'}}\n")
    };
    let steps = format!("jobs: 3\nsteps:\n{}{}{}", step("a"), step("b"), step("c"));
    let test = Test::new().flow("three", &steps).fifo("at-a").fifo("at-b").fifo("at-c").fifo("gate");
    let live = test.start(&["run", "three", "--run-id", "r"]);
    for id in ["a", "b", "c"] {
        await_word(&test.at(&format!("at-{id}")));
    }
    live.kill();
    test.go(&["resume", "r", "--jobs", "1"]).code(0);
    let all = test.journal("r").into_iter().flat_map(|line| line["facts"].as_array().cloned().unwrap_or_default());
    let after = all.skip_while(|fact| fact["kind"] != "resumed").filter(|fact| fact["at"]["step"].is_string());
    let kinds: Vec<String> = after.map(|fact| fact["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["step_started", "step_ended"].repeat(3), "one after the other");
}

/// With a session of its own, a process is out of reach of what ends its step's group.
#[test]
fn what_left_its_group_ends_with_a_step_that_is_ended_and_not_with_one_that_ends() {
    if !std::process::Command::new("setsid").arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("not tried: there is no setsid");
        return;
    }
    let away = |more: &str| {
        format!("setsid sh -c \"echo \\$\\$ > pid.$STEP; exec sleep 1000\" & until [ -s pid.$STEP ]; do sleep 0.01; done; {more}")
    };
    let flow = format!(
        "steps:\n  - {{id: daemon, run: '{}'}}\n  - {{id: late, run: '{}', timeout: 500ms}}\n",
        away("true"),
        away("sleep 1000")
    );
    let test = Test::new().file("flow-studio.toml", "grace = \"100ms\"\n").flow("away", &flow);
    test.go(&["run", "away", "--run-id", "r"]).code(1);
    assert!(!alive(pid_in(&test, "pid.late")), "it outlived its step's time");
    let daemon = pid_in(&test, "pid.daemon");
    assert!(alive(daemon), "a service that a step starts is no accident");
    std::process::Command::new("kill").arg(daemon.to_string()).status().expect("kill");

    // Of two flows inside, whose steps have one name and one number, one is ended.
    let inner = |more: &str| format!("steps:\n  - {{id: s, run: '{more}', timeout: 700ms}}\n").replace("$STEP", "$FLOW");
    let test = Test::new()
        .file("flow-studio.toml", "grace = \"100ms\"\n")
        .flow("late", &inner(&away("sleep 1000")))
        .flow("fine", "steps:\n  - {id: s, run: 'until [ -e go ]; do sleep 0.01; done', timeout: 60s}\n")
        .flow("outer", "steps:\n  - {id: x, needs: [], flow: late, on_failure: continue}\n  - {id: y, needs: [], flow: fine}\n  - {id: z, needs: [], run: 'sleep 2; touch go'}\n");
    test.go(&["run", "outer", "--run-id", "r"]);
    assert!(!alive(pid_in(&test, "pid.late")));
    let ended = test.facts("r", "step_ended");
    assert!(ended.iter().any(|fact| fact["at"]["flow"] == "outer.y" && fact["proof"]["status"] == "succeeded"), "{ended:#?}");

    // And with a run that is cancelled.
    let flow = format!("steps:\n  - {{id: hold, run: '{}'}}\n", away("sleep 1000"));
    let test = Test::new().file("flow-studio.toml", "grace = \"100ms\"\n").flow("hold", &flow);
    let live = test.start(&["run", "hold", "--run-id", "r"]);
    until("it runs", || std::fs::read_to_string(test.at("pid.hold")).is_ok_and(|text| text.ends_with('\n')));
    test.go(&["cancel", "r"]).code(0);
    live.wait();
    assert!(!alive(pid_in(&test, "pid.hold")), "it outlived its run");
}
