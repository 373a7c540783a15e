//! What somebody may try who has no business here, and what becomes of it: nothing, with a sentence.

use std::{fs, os::unix::fs::symlink};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

use crate::{
    client::Studio,
    common::{Test, until},
};

const GATE: &str = "steps:\n  - {id: make, run: 'echo whole > \"$ARTIFACTS/who.txt\"; ln -s \"$LEAK\" \"$ARTIFACTS/leak.txt\"', env: {LEAK: '@'}}\n  - {id: gate, needs: [make], ask: {question: 'Go on?', evidence: [artifacts/who.txt, artifacts/leak.txt]}}\n  - {id: after, needs: [gate], run: 'true'}\n";
/// What stands in a file that is none of the studio's business.
const OUTSIDE: &str = "words that stay where they are";

/// A run that waits, files that are not its own, and what looks like a run and is a link to them.
pub struct World {
    test: Test,
    _outside: TempDir,
}

impl std::ops::Deref for World {
    type Target = Test;
    fn deref(&self) -> &Test {
        &self.test
    }
}

pub fn waiting() -> World {
    let outside = tempfile::tempdir().expect("a directory");
    let secret = outside.path().join("journal.jsonl");
    fs::write(&secret, OUTSIDE).expect("a file");
    let test = Test::new().flow("gate", &GATE.replace('@', &secret.display().to_string()));
    test.go(&["run", "gate", "--run-id", "r"]).code(4);
    symlink(outside.path(), test.at("run_base/link")).expect("a link");
    World { test, _outside: outside }
}

pub const QUESTION: &str = "/runs/r/questions/gate-1";
/// Everything that can be looked at.
const LOOKED_AT: &[&str] = &[
    "/",
    "/runs",
    "/runs?flow=gate&status=waiting",
    "/runs/r",
    "/runs/r/step?flow=gate&step=make",
    QUESTION,
    "/api/v1/openapi.json",
    "/api/v1/runs",
    "/api/v1/runs/r",
    "/api/v1/runs/r/steps?step=make",
    "/api/v1/runs/r/files?step=make&what=receipt",
    "/api/v1/runs/r/evidence",
    "/api/v1/runs/r/diagnosis",
    "/api/v1/questions",
    "/api/v1/questions/r/gate-1",
];

#[test]
fn nobody_gets_in_without_the_token_or_under_another_name() {
    let test = waiting();
    let studio = Studio::start(&test);
    let (port, other) = (studio.port.to_string(), Studio::start(&Test::new()));
    let host = format!("127.0.0.1:{port}");
    let foreign = format!("flow_studio_{port}={}", other.cookie.split_once('=').expect("a cookie").1);
    let bearer = format!("Bearer {}", other.token);
    let local = format!("localhost:{port}");
    for path in
        LOOKED_AT.iter().chain(&["/api/v1/events", "/api/v1/runs/r/events", "/nothing", "/runs/r/questions/gate-1/answer"])
    {
        let outcome = |head: &[(&str, &str)]| studio.ask("GET", path, head, None).status;
        assert_eq!(outcome(&[]), 401, "{path}: no token");
        assert_eq!(outcome(&[("Cookie", &foreign)]), 401, "{path}: the cookie of another studio");
        assert_eq!(outcome(&[("Authorization", &bearer)]), 401, "{path}: the token of another studio");
        assert_eq!(outcome(&[("Cookie", &format!("flow_studio_{port}={}", studio.token))]), 401, "{path}: the token as a cookie");
        for name in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1", "127.0.0.1:1", ""] {
            let told = studio.ask("GET", path, &[("Host", name), ("Cookie", &studio.cookie)], None);
            assert_eq!(told.status, 421, "{path}: called {name:?}");
            assert!(told.body.contains(&host), "{}", told.body);
        }
    }
    studio.ask("GET", "/", &[("Host", &local), ("Cookie", &studio.cookie)], None).code(200);
    let refused = studio.ask("GET", "/api/v1/runs", &[], None).code(401);
    assert_eq!(refused.kind(), "application/problem+json");
    assert!(refused.json()["hints"][0].as_str().is_some_and(|hint| hint.contains("serve --link")));
    studio.ask("GET", "/login?token=0", &[], None).code(401);
    studio.ask("GET", "/login", &[], None).code(401);
}

#[test]
fn what_another_page_sends_is_not_taken() {
    let test = waiting();
    let studio = Studio::start(&test);
    let (slip, digest) = studio.hidden(QUESTION);
    let before = test.journal("r");
    let body = format!("slip={slip}&digest={digest}&choose=approve&sure=yes");
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let cookie = ("Cookie", studio.cookie.as_str());
    let origin = studio.origin();
    let https = origin.replace("http:", "https:");
    for path in [format!("{QUESTION}/answer"), "/api/v1/questions/r/gate-1/answer".to_owned()] {
        for (from, status) in [
            (None, 403),
            (Some("null"), 403),
            (Some("http://evil.example"), 403),
            (Some("http://127.0.0.1:1"), 403),
            (Some("http://127.0.0.1"), 403),
            (Some(https.as_str()), 403),
        ] {
            let head: Vec<(&str, &str)> = [cookie, kind].into_iter().chain(from.map(|from| ("Origin", from))).collect();
            assert_eq!(studio.ask("POST", &path, &head, Some(&body)).status, status, "{path} from {from:?}");
        }
        assert_eq!(studio.ask("POST", &path, &[("Origin", &origin), kind], Some(&body)).status, 401, "{path} without a cookie");
    }
    // A form of another site that is sent as text cannot be an answer of a program either.
    let plain = [cookie, ("Origin", origin.as_str()), ("Content-Type", "text/plain")];
    studio.ask("POST", "/api/v1/questions/r/gate-1/answer", &plain, Some("{}")).code(415);
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let told = studio.ask(method, QUESTION, &[cookie, ("Origin", &origin)], None);
        assert!(matches!(told.status, 404 | 405), "{method}: {}", told.status);
    }
    assert_eq!(test.journal("r"), before);
    // The same, from our own page, is taken: the refusals above had their reason.
    studio.ask("POST", &format!("{QUESTION}/answer"), &[cookie, kind, ("Origin", &origin)], Some(&body)).code(303);
    assert!(test.journal("r").len() > before.len());
}

#[test]
fn looking_decides_nothing() {
    let test = waiting();
    let studio = Studio::start(&test);
    let all = || {
        let mut files = test.every_file("run_base");
        files.sort();
        files
    };
    let before = all();
    for path in LOOKED_AT {
        studio.get(path).code(200);
        studio.ask("HEAD", path, &[("Cookie", &studio.cookie)], None).code(200);
    }
    let (slip, digest) = studio.hidden(QUESTION);
    let words = format!("slip={slip}&digest={digest}&choose=approve&sure=yes");
    for path in [QUESTION, "/api/v1/questions/r/gate-1"] {
        studio.get(&format!("{path}/answer?{words}")).code(405);
        studio.get(&format!("{path}?{words}")).code(200);
    }
    drop(studio.follow("/api/v1/runs/r/events", None).next());
    assert!(all() == before, "a file of a run is another one");
}

#[test]
fn no_path_leads_out_of_a_run() {
    let test = waiting();
    let studio = Studio::start(&test);
    let ups = [
        "..",
        "../../home",
        "%2e%2e",
        "..%2f..%2fhome",
        "%2e%2e%2f%2e%2e%2fhome",
        "%2Fetc",
        "link",
        "..%5c..",
        "r%00",
        "%ff",
        ".",
    ];
    let asked = std::cell::Cell::new(0);
    let look = |path: &str| {
        let told = studio.get(path);
        assert!((400..500).contains(&told.status), "{path}: {}\n{}", told.status, told.body);
        assert!(!told.body.contains(OUTSIDE), "{path}: {}", told.body);
        asked.set(asked.get() + 1);
    };
    for up in ups {
        for rest in ["/step?flow=gate&step=make", "/questions/gate-1"] {
            look(&format!("/runs/{up}{rest}"));
        }
        for rest in ["", "/events", "/steps?step=make", "/files?step=make&what=log", "/evidence", "/diagnosis"] {
            if !(rest.is_empty() && matches!(up, ".." | ".")) {
                look(&format!("/api/v1/runs/{up}{rest}"));
            }
        }
        look(&format!("/api/v1/questions/{up}/gate-1"));
        look(&format!("/runs/r/questions/{up}"));
        look(&format!("/api/v1/questions/r/{up}"));
        look(&format!("/assets/{up}"));
        for query in [format!("step={up}"), format!("flow={up}&step=make"), "step=make&flow=%2e%2e/gate".to_owned()] {
            look(&format!("/runs/r/step?{query}"));
            look(&format!("/api/v1/runs/r/steps?{query}"));
            look(&format!("/api/v1/runs/r/files?{query}&what=log"));
        }
        look(&format!("/api/v1/runs/r/evidence?flow={up}"));
        for door in ["artifacts/raw", "artifacts", "picture"] {
            look(&format!("/runs/{up}/{door}?flow=gate&name=who.txt"));
            look(&format!("/runs/r/{door}?flow=gate&name={up}"));
            look(&format!("/runs/r/{door}?flow={up}&name=who.txt"));
        }
    }
    assert!(asked.get() > 100);
    // A link that a step left, names that are encoded twice, what is of the run and no artifact.
    for name in [
        "leak.txt",
        "%252e%252e%252fjournal.jsonl",
        "../../journal.jsonl",
        "../receipts/make-shell.json",
        "who.txt/",
        "/etc/passwd",
        "",
    ] {
        for door in ["artifacts/raw", "artifacts", "picture"] {
            if !(door == "artifacts" && name.is_empty()) {
                look(&format!("/runs/r/{door}?flow=gate&name={name}"));
            }
        }
    }
    studio.get("/runs/r/artifacts/raw?flow=gate&name=who.txt").code(200).says("whole");
    look("/assets/..%2f..%2fCargo.toml");
    look("/../../etc/passwd");
}

#[test]
fn evidence_that_leads_elsewhere_or_would_never_end_is_not_shown() {
    let test = waiting();
    let studio = Studio::start(&test);
    let page = studio.get(QUESTION).code(200).says("whole").says("leads out of the run");
    assert!(!page.body.contains(OUTSIDE), "{}", page.body);
    let place = test.at("run_base/r/gate/artifacts/who.txt");
    fs::remove_file(&place).expect("a file");
    assert!(std::process::Command::new("mkfifo").arg(place).status().expect("mkfifo").success());
    studio.get(QUESTION).code(200).says("it is no file");
}

#[test]
fn what_a_step_laid_down_is_no_page_of_ours() {
    let test = waiting();
    let studio = Studio::start(&test);
    let page = "<!DOCTYPE html><script>alert(1)</script>";
    for name in ["page.html", "draw.svg", "x\"; filename=evil.html", "\u{202e}lmth.exe"] {
        test.write(&format!("run_base/r/gate/artifacts/{name}"), page);
        let coded = form_urlencoded::Serializer::new(String::new()).append_pair("name", name).finish();
        let told = studio.get(&format!("/runs/r/artifacts/raw?flow=gate&{coded}")).code(200);
        assert_eq!(told.body, page);
        assert_eq!(told.kind(), "application/octet-stream", "{name}");
        let said = &told.head["content-disposition"];
        assert!(said.starts_with("attachment; filename=\"") && said.is_ascii() && said.matches('"').count() == 2, "{said}");
        assert_eq!(told.head["content-security-policy"], "default-src 'none'; sandbox");
        assert_eq!(told.head["x-content-type-options"], "nosniff");
        assert_eq!(told.head["cross-origin-resource-policy"], "same-origin");
        assert_eq!(told.head["content-length"], page.len().to_string());
        studio.get(&format!("/runs/r/picture?flow=gate&{coded}")).code(415);
        let shown = studio.get(&format!("/runs/r/artifacts?flow=gate&{coded}")).code(200);
        assert!(!shown.body.contains("<script>alert") && shown.body.contains("Download"), "{}", shown.body);
    }
    studio.ask("HEAD", "/runs/r/artifacts/raw?flow=gate&name=page.html", &[("Cookie", &studio.cookie)], None).code(200);
    assert!(
        std::process::Command::new("mkfifo").arg(test.at("run_base/r/gate/artifacts/pipe")).status().expect("mkfifo").success()
    );
    studio.get("/runs/r/artifacts/raw?flow=gate&name=pipe").code(404).says("no file");
}

#[test]
fn a_thousand_who_only_listen_are_no_burden() {
    const MANY: u64 = 1000;
    let room = getrlimit(Resource::Nofile);
    // Ours, and the children's: the studio is started with little, and helps itself.
    setrlimit(Resource::Nofile, Rlimit { current: room.maximum.map_or(Some(8192), |most| Some(most.min(8192))), ..room })
        .expect("more files");
    let test = waiting();
    let studio = Studio::after(test.command_after("ulimit -Sn 256", &["serve", "--bind", "127.0.0.1:0"]));
    let last = test.journal("r").len() as u64;
    let mut all: Vec<_> = (0..MANY).map(|_| studio.follow(&format!("/api/v1/runs/r/events?after={last}"), None)).collect();
    studio.get("/runs/r").code(200);
    let digest = studio.api("/api/v1/questions/r/gate-1").json()["subject_digest"].clone();
    let answer = serde_json::json!({"choose": "approve", "digest": digest});
    studio.api_post("/api/v1/questions/r/gate-1/answer", &answer).code(200);
    for one in &mut all {
        assert_eq!(one.next().expect("an event").0, (last + 1).to_string());
    }
    drop(all);
    let open = || fs::read_dir(format!("/proc/{}/fd", studio.pid())).map_or(0, Iterator::count);
    until("the studio lets go of whoever left", || open() < 100);
    studio.get("/").code(200);
}
