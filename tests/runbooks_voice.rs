//! The voice runbooks by the real program: a call that goes all the way, one that stops at each of the twelve points, what is missing, what
//! is made once, what was said and written down, figures, and kills.

mod common;
#[path = "common/kill_each.rs"]
mod kill_each;
#[path = "runbooks/voice.rs"]
mod voice;

use std::sync::Arc;

use common::{Test, until};
use kill_each::{Play, Script, Waiting};
use voice::{FROM, PLACE, TO, Telephony, Voice};

#[test]
fn a_call_goes_all_the_way_over_the_providers_own_interface() {
    let world = Arc::default();
    let telephony = Telephony::start(&world);
    let port = telephony.port;
    let conf = format!(
        "ports = api:{} page:4400\napi-url = http://127.0.0.1:{port}\nalerts-url = http://127.0.0.1:{port}\npublic-url = http://127.0.0.1:{port}\n",
        port - 3
    );
    let desk = Voice::with(&conf, port, "");
    *world.lock().unwrap() = desk.0.at("world");
    desk.run("voice-e2e").code(0);
    let page = desk.page();
    for words in [
        &format!("Directory `{PLACE}`, number 3; ports: api {port}, page 4403."),
        "12 of 12 were seen.",
        "| 1 | The provider has the call | seen | `call CA1` (call) |",
        "| 2 | The other side picks up | seen | `in-progress` (status) |",
        &format!(
            "| 3 | The number with the webhook is rung | seen | `leg CA1-leg asks http://127.0.0.1:{port}/voice/incoming` (events) |"
        ),
        "| 5 | The API gets the question | seen | `voice webhook asked, call CA1-leg` (api) |",
        "- `alert 11200 http://x/y` (in `events`, 1 times): the provider had trouble with the webhook",
        "| 11 | A worker makes text of it | seen | `segment transcribed in 812 ms` (worker) |",
        "- 100 %: We agreed on ten o'clock.",
        "- i1, on message m2: Ask both what ten means to them.",
        "| transcription | 1 | 812.50 | 812.50 |",
        "| enrichment | 0 | not measured | not measured |",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    let asked = telephony.asked.lock().unwrap();
    let posted: Vec<&String> = asked.iter().filter(|line| line.starts_with("POST")).collect();
    assert_eq!(posted.len(), 1, "one call was placed: {asked:?}");
    for part in ["From=%2B15550100001", "To=%2B15550100002", "%3CSay%3EWe+agreed+on+ten"] {
        assert!(posted[0].contains(part), "{part} is not in {}", posted[0]);
    }
    // The token is nowhere; it went to the steps that need it, and on no command line.
    let token = desk.0.text("world/token");
    for (path, bytes) in desk.0.every_file("run_base") {
        assert!(!String::from_utf8_lossy(&bytes).contains(&token), "{}", path.display());
    }
    desk.0.go(&["verify", "v"]).code(0);
    // An account that is refused is missing, with what the provider says.
    drop(asked);
    let refused = desk.0.env("TWILIO_ACCOUNT_SID", "AC-of-nobody");
    refused.go(&["run", "voice-infra", "--run-id", "w", "--workspace", PLACE]).code(4).says("the numbers of the account");
    refused.go(&["review", "show", "w/missing-1"]).code(0);
}

/// Point, component, and a word of what to look at there.
const POINTS: [(&str, &str, &str); 12] = [
    ("placed", "the telephony API", "token"),
    ("connected", "the telephony provider", "busy"),
    ("webhook", "the webhook of the number", "method"),
    ("tunnel", "the tunnel", "port"),
    ("received", "the API", "listens"),
    ("caller", "the data of the caller", "voice-data"),
    ("answer", "the answer of the webhook", "exception"),
    ("stream", "the stream endpoint", "WebSocket"),
    ("engines", "the speech engines", "key"),
    ("audio", "audio processing and the queue", "queue"),
    ("transcript", "the worker", "jobs"),
    ("ended", "the end of the call", "recordings"),
];

#[test]
fn each_point_that_stays_away_names_its_component_and_none_behind_it_is_waited_for() {
    for (at, (point, component, look)) in POINTS.iter().enumerate() {
        let desk = Voice::new().world("away", point);
        desk.run("voice-call").code(0);
        let ran = desk.run("voice-observe").code(1);
        let said = format!("Look at: {component}. There: ");
        let line = ran.stderr.lines().find(|line| line.contains("observe failed")).unwrap_or_default();
        assert!(line.contains(&said) && line.contains(look), "{point}: {}", ran.stderr);
        let started = desk.0.facts("v", "step_started");
        let looked: Vec<&str> = started
            .iter()
            .filter(|fact| fact["at"]["flow"] == "voice-observe")
            .filter_map(|fact| fact["at"]["step"].as_str())
            .collect();
        assert_eq!(looked[1..], POINTS[..=at].iter().map(|point| point.0).collect::<Vec<_>>(), "{point}");
    }
}

#[test]
fn a_point_that_is_late_is_waited_for() {
    let desk = Voice::new().patient("10m").world("away", "connected");
    desk.run("voice-call").code(0);
    let live = desk.0.start(&["run", "voice-observe", "--run-id", "v", "--workspace", PLACE]);
    until("the first look that sees nothing", || !desk.0.facts("v", "attempt_ended").is_empty());
    std::fs::remove_file(desk.0.at("world/away")).unwrap();
    live.wait().code(0).says("connected attempt 1 not yet");
}

#[test]
fn a_point_that_stays_away_fails_the_runbook_with_all_that_the_logs_say() {
    let desk = Voice::new().world("away", "stream").world("api.log", "ERROR Invalid API key for recogniser\n");
    let ran = desk.run("voice-e2e").code(1);
    ran.says("point 8 stays away: The audio stream opens (the log `api` does not say /audio stream open.*CA1-leg/). Look at: the stream endpoint");
    let page = desk.page();
    for words in [
        "7 of 12 were seen.",
        "| 8 | The audio stream opens | stays away |  |",
        "| 9 | Speech engines are ready | not looked at |  |",
        "**Point 8 stays away: The audio stream opens.**",
        "- `ERROR Invalid API key for recogniser` (in `api`, 1 times): a key is wrong or has run out.",
        "| transcription | 0 | not measured | not measured |",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    assert_eq!(desk.calls(), 1);
}

#[test]
fn the_directory_gives_the_ports_and_one_without_a_number_is_refused() {
    let desk = Voice::new();
    desk.run("voice-infra").code(0);
    let said = desk.said("voice-infra", "settings");
    let ports: Vec<_> = said["ports"].as_array().unwrap().iter().map(|port| port["port"].as_u64().unwrap()).collect();
    assert_eq!((said["number"].as_str(), ports), (Some("3"), vec![4103, 4203, 4303, 4403]));
    for (place, number, code) in [("shop-12", "12", 0), ("shop07", "7", 0), ("shop", "", 4), ("shop-100", "", 4)] {
        let desk = Voice::new().conf("tunnel =");
        std::fs::rename(desk.0.at(PLACE), desk.0.at(place)).unwrap();
        desk.run_as("voice-infra", "v", place).code(code);
        if code == 0 {
            assert_eq!(desk.said("voice-infra", "settings")["number"], number, "{place}");
        } else {
            let waits = desk.waits();
            assert!(waits[0].contains(&format!("the directory `{place}` gives no number from 1 to 99")), "{waits:?}");
        }
    }
    // What runs on a port that is not the directory's is said with both.
    let desk = Voice::new().conf("port.page = echo 4401").world("tunnel", "4101");
    desk.run("voice-infra").code(4);
    let waits = desk.waits().remove(0);
    for words in ["port 4403 for page, by the number 3 of this directory; it has 4401", "a tunnel to 127.0.0.1:4103"] {
        assert!(waits.contains(words), "{words}\n{waits}");
    }
}

#[test]
fn all_that_is_missing_is_said_at_once_and_nobody_is_called_before_it_is_there() {
    let desk = Voice::new()
        .world("services", "api running\nworker exited (1)\n")
        .world("numbers", FROM)
        .world("webhook", "http://127.0.0.1:9/other")
        .conf("commands = docker no-such-program");
    std::fs::remove_file(desk.0.at(&format!("{PLACE}/.env"))).unwrap();
    desk.run("voice-e2e").code(4);
    let waits = desk.waits();
    assert_eq!(waits.len(), 1);
    for words in [
        "command `no-such-program` on PATH",
        "a value for SERVICE_KEY in .env",
        "service worker: it is exited (1)",
        "service database: it is not there",
        &format!("number {TO} in the account"),
        "http://127.0.0.1:9/voice/incoming as the webhook",
    ] {
        assert!(waits[0].contains(words), "{words}\n{}", waits[0]);
    }
    // Said to be there, it is looked at again.
    desk.answer("voice-e2e.infra.missing-1", "approve").code(4);
    assert!(desk.waits()[0].contains("service worker"));
    desk.answer("voice-e2e.infra.missing-2", "reject").code(1);
    assert_eq!(desk.calls(), 0);
    // What the environment has to give is looked for before anything starts.
    let desk = Voice::new();
    let mut bare = desk.0.command(&["run", "voice-e2e", "--workspace", PLACE]);
    bare.env_remove("TWILIO_ACCOUNT_SID").env_remove("TWILIO_AUTH_TOKEN");
    let ran = common::finish(bare).code(3);
    ran.says("`TWILIO_ACCOUNT_SID` is not set").says("`TWILIO_AUTH_TOKEN` is not set");
}

#[test]
fn settings_that_nothing_reads_are_named_and_taken_once_they_are_mended() {
    let desk = Voice::new().conf("tunel = x\nno sense\nfrom =\npoints = my-points.tsv\nlog.worker =");
    desk.run("voice-e2e").code(4);
    let waits = desk.waits().remove(0);
    for words in ["there is no setting `tunel`", "not `name = value`", "no value for from", "my-points.tsv: no such file"] {
        assert!(waits.contains(words), "{words}\n{waits}");
    }
    let mended =
        desk.0.text(&format!("{PLACE}/voice.conf")).lines().filter(|line| !line.contains("tunel")).collect::<Vec<_>>().join("\n");
    desk.0.write(&format!("{PLACE}/voice.conf"), &format!("{}\nfrom = {FROM}\npoints =\n", mended.replace("no sense\n", "")));
    desk.answer("settings-1", "retry").code(4);
    let waits = desk.waits().remove(0);
    assert!(waits.contains("point `transcript` looks into `worker`: write `log.worker = "), "{waits}");
    let desk = desk.conf("log.worker = docker compose logs worker");
    desk.answer("settings-2", "retry").code(0);
}

#[test]
fn data_is_made_once_in_its_order_and_a_second_set_up_changes_nothing() {
    let desk = Voice::new().world("database", "partner person\n");
    desk.run("voice-data").code(0);
    let made = desk.0.text("world/database");
    assert_eq!(
        made, "partner person\ncaller person\nassistant person\ngroup id 1, 3 members\nprivate id 2, 2 members\n",
        "what was there is as it was"
    );
    desk.run_as("voice-data", "again", PLACE).code(0);
    assert_eq!(desk.0.text("world/database"), made);
    let decisions = desk.0.text("run_base/again/voice-data/routing/decisions.jsonl");
    assert!(!desk.0.at("run_base/again/voice-data/receipts/make-shell.json").exists(), "nothing was to be made: {decisions}");
    // What is there and wrong is for a person; nothing is made beside it before that.
    let desk = Voice::new().world("database", "group id 1, 2 members\n");
    desk.run("voice-data").code(4);
    assert!(desk.waits()[0].contains("the group of caller, partner and assistant (group): the caller's partner is not found"));
    assert_eq!(desk.0.text("world/database"), "group id 1, 2 members\n");
    let desk = desk.world("database", "group id 1, 3 members\n");
    desk.answer("wrong-1", "approve").code(0);
    assert_eq!(desk.0.text("world/database").matches("group").count(), 1);
}

#[test]
fn what_was_written_down_must_be_what_was_said() {
    let rows: [(&str, &str, i32); 5] = [
        // Case, signs and where it was cut do not count; a word that was not heard does.
        ("m1\ti would like to talk about sunday we\nm2\tAGREED on: ten oclock\n", "", 0),
        ("m1\tI would like to talk about Monday\nm2\tWe agreed on ten o'clock\n", "", 0),
        (
            "m1\tI would like to talk about Sunday\nm2\tThey voted against nine\n",
            "of `We agreed on ten o'clock.` 0 % of the words",
            1,
        ),
        ("m1\tI would like to talk about Sunday\n", "of `We agreed on ten o'clock.` 0 % of the words", 1),
        ("", "nothing was written down of the call. Look at: the worker", 1),
    ];
    for (written, says, code) in rows {
        let desk = Voice::new().world("transcripts", written).world("interventions", "i1\tm1\tAsk again.\n");
        let ran = desk.run("voice-e2e").code(code);
        assert!(ran.stderr.contains(says), "{written}: {}", ran.stderr);
        assert!(desk.page().contains("12 of 12 were seen."), "{written}");
    }
}

#[test]
fn interventions_must_be_there_say_something_and_belong_to_the_call() {
    for (made, says) in [
        ("", "0 interventions, fewer than 1. Look at: the worker"),
        ("i1\tm2\t \n", "intervention i1 is empty"),
        ("i1\tm2\tAsk.\ni2\tm9\tWait.\n", "intervention i2 belongs to m9, which is no message of this call"),
    ] {
        let desk = Voice::new().world("interventions", made);
        desk.run("voice-e2e").code(1).says(says);
    }
}

#[test]
fn figures_are_those_that_were_worked_out_by_hand() {
    let json = |name: &str, ms: String| format!("{{\"at\": 1, \"event\": \"{name}\", \"duration_ms\": {ms}, \"ok\": true}}\n");
    let mut log: Vec<String> = Vec::new();
    // 1 to 100, 1 to 20, 1 to 21 in an order that is not theirs: rank ceil(0.95 n) is 95, 19, 20.
    log.extend((1..=100).map(|n| json("hundred", (n * 37 % 101).to_string())));
    log.extend((1..=20).map(|n| json("twenty", (n * 8 % 21 * 10).to_string())));
    log.extend((1..=21).map(|n| format!("t=7 event=twenty-one duration_ms={} level=info\n", n * 5 % 22)));
    log.extend([json("one", "7.25".to_owned()), json("two", "1e3".to_owned()), json("two", "10".to_owned())]);
    log.extend([json("one", "\"soon\"".to_owned()), "event=one\n".to_owned(), "starting up\n".to_owned()]);
    let desk = Voice::new().world("metrics-before", &log.concat()).conf("metrics-wanted = one nothing");
    desk.run("voice-metrics").code(0);
    let said = desk.said("voice-metrics", "table");
    let row = |name: &str| said["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    for (name, count, mean, p95) in [
        ("hundred", 100, 50.5, 95.0),
        ("twenty", 20, 105.0, 190.0),
        ("twenty-one", 21, 11.0, 20.0),
        ("one", 1, 7.25, 7.25),
        ("two", 2, 505.0, 1000.0),
    ] {
        let row = row(name);
        assert_eq!(
            (row["count"].as_u64(), row["mean_ms"].as_f64(), row["p95_ms"].as_f64()),
            (Some(count), Some(mean), Some(p95)),
            "{name}"
        );
    }
    assert_eq!((said["total"].as_u64(), said["unread"].as_u64()), (Some(144), Some(2)));
    assert_eq!(said["not_measured"], serde_json::json!(["nothing"]));
    let table = desk.0.text("run_base/v/voice-metrics/artifacts/metrics.md");
    assert!(
        table.contains("| hundred | 100 | 50.50 | 95.00 |\n")
            && table.contains("| nothing | 0 | not measured | not measured |\n"),
        "{table}"
    );
}

/// The call and the twelve points, without what comes before and behind them.
const CALL_AND_LOOK: &str = r#"
params: {conf: {type: string, default: voice.conf}}
steps:
  - {id: settings, run: 'sh "$FLOWS/scripts/voice/settings.sh" number public-url from to said place find', expect: {json: has(json.ports)}}
  - {id: call, flow: voice-call}
  - {id: observe, flow: voice-observe}
"#;

/// Calls, what was made, how it ended, what the page says: none of it other because it was killed.
fn end(test: &Test) -> String {
    let page = test.text("run_base/v/voice-e2e/artifacts/voice-e2e.md");
    format!("{} {} {} {page}", test.manifest("v")["status"], test.text("world/calls"), test.text("world/database"))
}

fn killed(flow: &str, script: Script, lost: &'static str, steps: &dyn Fn(&str) -> bool) -> Vec<String> {
    let world = || Voice::new().0.flow("call-and-look", CALL_AND_LOOK);
    let answer = |test: &Test, waiting: &Waiting| {
        // Called or not, `retry` is right: it asks the provider first. A word that it was done is right only where it was.
        let done = lost == "mark-done" && test.at("world/calls").exists();
        let choose = match (waiting.lost, done) {
            (true, true) => "mark-done",
            (true, false) => "retry",
            (false, _) => panic!("nothing but that is asked: {waiting:?}"),
        };
        test.go(&["review", "answer", &waiting.id, "--choose", choose, "--note", "looked"]).code(0);
    };
    let start = ["run", flow, "--run-id", "v", "--workspace", PLACE];
    Play { world: &world, start: &start, run: "v", answer: &answer, end: &end, steps }.killed_in_each_step(script)
}

#[test]
fn killed_in_each_step_before_the_call_it_comes_to_the_same_end() {
    let killed = killed("voice-e2e", Script::Dies, "retry", &before_the_call);
    for step in ["infra/look", "data/before", "data/make"].map(|step| format!("voice-e2e.{step}")) {
        assert!(killed.contains(&step), "{step} is not in {killed:?}");
    }
}

#[test]
fn killed_in_each_step_behind_the_call_it_comes_to_the_same_end() {
    let steps =
        |step: &str| !before_the_call(step) && !step.starts_with("voice-e2e.observe/") && !step.starts_with("voice-e2e.call/");
    let killed = killed("voice-e2e", Script::Dies, "retry", &steps);
    assert!(killed.contains(&"voice-e2e.metrics/table".to_owned()), "{killed:?}");
}

fn before_the_call(step: &str) -> bool {
    ["voice-e2e.infra/", "voice-e2e.data/"].iter().any(|flow| step.starts_with(flow))
}

#[test]
fn killed_while_it_looks_at_a_point_it_looks_again_and_places_no_second_call() {
    let killed = killed("call-and-look", Script::Dies, "retry", &|step| step.starts_with("call-and-look.observe/"));
    assert_eq!(killed.len(), 13, "the settings and twelve points: {killed:?}");
}

#[test]
fn killed_while_it_places_the_call_it_places_it_once_whatever_became_of_it() {
    for script in [Script::LivesOn, Script::Dies] {
        for lost in ["retry", "mark-done"] {
            let killed = killed("call-and-look", script, lost, &|step| step.starts_with("call-and-look.call/"));
            assert_eq!(killed, ["settings", "place", "placed"].map(|step| format!("call-and-look.call/{step}")));
        }
    }
}

#[test]
fn a_call_that_was_placed_without_its_id_being_kept_is_found_and_none_is_made_up() {
    // The provider took it, and the script was gone before it heard so.
    let desk = Voice::new().conf("place = provider place > /dev/null; kill -9 $PPID");
    desk.run("voice-call").code(1);
    assert_eq!(desk.calls(), 1);
    // As long as the provider cannot be asked, nothing is placed.
    let desk = desk.world("out-of-reach", "");
    desk.0.go(&["retry", "v", "--step", "place"]).code(1).says("connection refused");
    assert_eq!(desk.calls(), 1);
    std::fs::remove_file(desk.0.at("world/out-of-reach")).unwrap();
    desk.0.go(&["retry", "v", "--step", "place"]).code(0).says("placed");
    assert_eq!(desk.calls(), 1, "the one that was placed is taken");
    assert_eq!(desk.said("voice-call", "placed")["call"], "CA1");
    // Nobody but the account's own numbers is called, whoever starts this part by itself.
    let desk = Voice::new().world("numbers", FROM);
    desk.run("voice-call").code(1).says(&format!("{TO} is no number of the account"));
    assert_eq!(desk.calls(), 0);
    // Asked for another one when the first is known, a person gets another one.
    let desk = Voice::new();
    desk.run("voice-call").code(0);
    desk.0.go(&["retry", "v", "--step", "place"]).code(0);
    assert_eq!(desk.calls(), 2);
}
