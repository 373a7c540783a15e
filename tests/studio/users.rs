//! People with names: who comes in from elsewhere, what each may send, and how somebody is shut out again.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::{Value, json};

use crate::{
    client::{Guest, Studio},
    common::Test,
};

const GATE: &str =
    "steps:\n  - {id: gate, ask: {question: 'Go on?', evidence: [plan.md]}}\n  - {id: after, needs: [gate], run: 'true'}\n";
const QUESTION: &str = "/runs/r/questions/gate-1";
const ANSWER: &str = "/runs/r/questions/gate-1/answer";
/// As the page says it.
const FORM: &str = "/runs/r/questions/gate-1/answer";
const API_ANSWER: &str = "/api/v1/questions/r/gate-1/answer";
const SETTINGS: &str = "home/flow-studio/config.toml";
const ROLES: &str = "[studio.users]\nvic = ['viewer']\nrev = ['reviewer']\nop = ['operator']\n";
const OUTSIDE: &str = "https://studio.example";

fn waiting(settings: &str) -> Test {
    let test = Test::new().file("plan.md", "do this\n").flow("gate", GATE).file(SETTINGS, settings);
    test.go(&["run", "gate", "--run-id", "r"]).code(4);
    test
}

fn link(test: &Test, name: &str) -> String {
    test.go(&["users", "add", name, "--origin", OUTSIDE]).code(0).stdout.trim().to_owned()
}

/// Listens on this machine, and is called by a name of the world: as behind a proxy.
/// It leaves runs alone: what these tests do with them, nobody does beside them.
fn behind_a_proxy(test: &Test) -> Studio {
    Studio::after(test.command(&["serve", "--bind", "127.0.0.1:0", "--no-continue", "--origin", OUTSIDE]))
}

fn approve(guest: &Guest<'_>, choose: &str) -> crate::client::Answer {
    let slip = guest.hidden(QUESTION, FORM, "slip");
    let digest = guest.hidden(QUESTION, FORM, "digest");
    guest.form(ANSWER, &[("slip", &slip), ("digest", &digest), ("choose", choose), ("sure", "yes")])
}

#[test]
fn others_come_in_only_where_somebody_has_a_name() {
    let test = waiting("");
    let refused = |args: &[&str], word: &str| {
        let ran = test.go(&[&["serve"], args].concat()).code(6);
        assert!(ran.stderr.contains(word), "{args:?}: {}", ran.stderr);
    };
    let public = ["--bind", "0.0.0.0:0", "--origin", "http://studio.example:7340"];
    refused(&["--bind", "0.0.0.0:0"], "--origin");
    refused(&["--bind", "[::]:0"], "--origin");
    for args in [&public[..], &["--bind", "127.0.0.1:0", "--origin", OUTSIDE], &["--bind", "192.0.2.1:0"]] {
        refused(args, "flow-studio users add ada");
        refused(args, "[studio.users]");
    }
    // A link without a role, and a role without a link, open nothing.
    let mine = link(&test, "vic");
    refused(&public, "users add");
    test.write(SETTINGS, "[studio.users]\nada = ['reviewer']\n");
    refused(&public, "users add");
    test.write(SETTINGS, ROLES);
    let studio = Studio::after(test.command(&[&["serve"], &public[..]].concat()));
    let vic = studio.guest(&mine.replace(OUTSIDE, "http://studio.example:7340"));
    vic.get("/").code(200);
    // Every address is none: only the names that were said are ours.
    studio.ask("GET", "/", &[("Host", "192.0.2.1:7340"), ("Cookie", &vic.cookie)], None).code(421);
    studio.get("/").code(200);
}

#[test]
fn the_start_says_what_is_reachable_and_that_it_is_not_hidden() {
    let test = waiting(ROLES);
    link(&test, "rev");
    let said = |args: &[&str]| {
        let studio = Studio::after(test.command_after("exec 2>said.txt", &[&["serve", "--bind", "127.0.0.1:0"], args].concat()));
        studio.get("/").code(200);
        test.text("said.txt")
    };
    let plain = said(&["--origin", "http://studio.example:7340"]);
    assert!(plain.contains("this is HTTP") && plain.contains("http://studio.example:7340"), "{plain}");
    let hidden = said(&["--origin", OUTSIDE]);
    assert!(!hidden.contains("this is HTTP") && hidden.contains("works on this machine alone"), "{hidden}");
    let own = said(&[]);
    assert!(own.contains("open this link") && !own.contains("users come in"), "{own}");
}

#[test]
fn a_link_is_shown_once_and_taken_back() {
    let test = waiting(ROLES);
    let made = test.go(&["users", "add", "rev", "--json"]).code(0).json();
    let (shown, token) = (made["link"].as_str().expect("a link"), made["token"].as_str().expect("a token"));
    assert_eq!(shown, format!("http://127.0.0.1:7340/login?token={token}"));
    assert_eq!((&made["name"], &made["roles"]), (&json!("rev"), &json!(["reviewer"])));
    let list = test.at("run_base/.studio/users");
    assert_eq!(fs::metadata(&list).expect("a list").permissions().mode() & 0o777, 0o600);
    assert!(!test.text("run_base/.studio/users").contains(token));
    assert!(test.go(&["users", "add", "rev"]).code(6).stderr.contains("flow-studio users renew rev"));
    let other = test.go(&["users", "renew", "rev", "--json"]).code(0).json();
    assert!(other["token"] != made["token"]);
    let told = test.go(&["users", "add", "new", "--origin", "https://x.example/"]).code(0);
    assert!(told.stdout.starts_with("https://x.example/login?token="), "{}", told.stdout);
    assert!(told.stderr.contains("no role yet") && told.stderr.contains("\"new\" = [\"reviewer\"]"), "{}", told.stderr);
    let listed = test.go(&["users", "list", "--json"]).code(0).json();
    let line =
        |name: &str| listed["users"].as_array().expect("a list").iter().find(|one| one["name"] == name).expect(name).clone();
    assert!(line("rev")["since"].is_string() && line("vic")["since"].is_null() && line("new")["roles"] == json!([]));
    let text = test.go(&["users", "list"]).code(0).stdout;
    assert!(text.contains("no link") && text.contains("no role") && !text.contains(token), "{text}");
    test.go(&["users", "remove", "rev"]).code(0);
    assert!(test.go(&["users", "remove", "rev"]).code(2).stderr.contains("there are: new"));
    assert!(test.go(&["users", "renew", "rev"]).code(2).stderr.contains("users add rev"));
    for bad in ["", "a b", "agent:x", "-x", "a\r\nSet-Cookie: x", "a\"b", "../x"] {
        test.go(&["users", "add", "--", bad]).code(2);
    }
    for bad in ["studio.example", "https://x/y", "javascript://x", "https://x\r\nSet-Cookie: y"] {
        test.go(&["users", "add", "x", "--origin", bad]).code(2);
    }
    fs::set_permissions(&list, fs::Permissions::from_mode(0o644)).expect("a mode");
    assert!(test.go(&["users", "list"]).code(6).stderr.contains("chmod 600"));
    assert!(test.go(&["serve", "--bind", "127.0.0.1:0"]).code(6).stderr.contains("others can read"));
}

/// What the source of the studio takes a POST for, so that no route is forgotten here.
fn posts() -> BTreeSet<String> {
    fn read(dir: &Path, into: &mut String) {
        for entry in fs::read_dir(dir).expect("the source") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                read(&path, into);
            } else if path.extension().is_some_and(|end| end == "rs") {
                *into += &fs::read_to_string(path).expect("a file");
            }
        }
    }
    let mut source = String::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/studio"), &mut source);
    let mut found = BTreeSet::new();
    for part in source.split(".route(").skip(1) {
        let path = part.split('"').nth(1).expect("a path");
        let act = part.split(".route(").next().and_then(|act| act.split([';', '}']).next()).unwrap_or_default();
        let act = if path.contains('{') { part.split(&format!("{path}\"")).nth(1).unwrap_or_default() } else { act };
        let act = act.split([';', '}']).next().unwrap_or_default().split(".merge(").next().unwrap_or_default();
        if act.contains("post(") {
            found.insert(path.to_owned());
        }
        for other in ["put(", "delete(", "patch(", "any(", "on("] {
            assert!(
                !act.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '(')).any(|word| word == other),
                "{path}: {other}"
            );
        }
    }
    let api: Value = serde_json::from_str(include_str!("../../schemas/openapi.json")).expect("the document");
    let described = api["paths"].as_object().expect("paths").iter().filter(|(_, acts)| acts.get("post").is_some());
    let described: BTreeSet<String> = described.map(|(path, _)| path.clone()).collect();
    let own: BTreeSet<String> = found.iter().filter(|path| path.starts_with("/api/")).cloned().collect();
    assert_eq!(own, described, "what programs can send is what the document says");
    found
}

fn filled(route: &str) -> String {
    let known = [("{run}", "r"), ("{question}", "gate-1"), ("{flow}", "gate")];
    let path = known.iter().fold(route.to_owned(), |path, (name, value)| path.replace(name, value));
    path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/")
}

#[test]
fn each_role_sends_what_it_may_and_nothing_else_whatever_routes_there_are() {
    let test = waiting(ROLES);
    let links = ["vic", "rev", "op"].map(|name| link(&test, name));
    let studio = behind_a_proxy(&test);
    let [vic, rev, op] = links.each_ref().map(|link| studio.guest(link));
    let routes = posts();
    assert!(
        routes.contains("/runs/{run}/questions/{question}/answer")
            && routes.contains("/api/v1/questions/{run}/{question}/answer")
    );
    let before = test.every_file("run_base");
    for route in routes.iter().filter(|route| !matches!(route.as_str(), "/login" | "/logout")) {
        let path = filled(route);
        let may_not = if route.ends_with("/{question}/answer") { [&vic, &op] } else { [&vic, &rev] };
        for guest in may_not {
            let told = guest.form(&path, &[("choose", "approve"), ("sure", "yes")]).code(403);
            assert!(told.body.contains("that takes the role"), "{route}: {}", told.body);
            let told = guest.api_post(&path, "{}").code(403);
            assert!(told.body.contains("that takes the role"), "{route}: {}", told.body);
        }
        for guest in [&vic, &rev, &op] {
            for from in
                [&[][..], &[("Origin", "null")], &[("Origin", "https://evil.example")], &[("Origin", "http://studio.example")]]
            {
                assert!(guest.post(&path, from, &[]).code(403).body.contains("not sent by a page"), "{route}");
            }
            studio.ask("POST", &path, &[("Host", &guest.host), ("Origin", &guest.origin)], Some("")).code(401);
        }
        for (name, value) in [("X-HTTP-Method-Override", "POST"), ("X-HTTP-Method", "POST"), ("X-Method-Override", "POST")] {
            let told = studio.ask("GET", &path, &[("Host", &rev.host), ("Cookie", &rev.cookie), (name, value)], None);
            assert!(matches!(told.status, 200 | 404 | 405), "{route}: {}", told.status);
        }
    }
    assert!(test.every_file("run_base") == before, "a file of a run is another one");
    // And the page says so, rather than show what would be refused.
    vic.get(QUESTION).code(200).says("that takes the role `reviewer`").says("Sign out");
    assert!(!vic.get(QUESTION).body.contains("name=\"choose\"") && rev.get(QUESTION).body.contains("name=\"choose\""));
    for (page, action) in [("/flows/gate", "/flows/gate/start"), ("/runs/r", "/runs/r/resume"), ("/runs/r", "/runs/r/cancel")] {
        let shown = |guest: &Guest<'_>| guest.get(page).code(200).body.contains(&format!("action=\"{action}\""));
        assert_eq!([&vic, &rev, &op].map(shown), [false, false, true], "{page}: {action}");
    }
    vic.get("/flows/gate").says("that takes the role `operator`");
    // To run without a fence is the owner's to allow: whoever has a link from elsewhere is shown no such box, and may not send it.
    assert!(!op.get("/flows/gate").body.contains("allow_unenforced"));
    assert!(studio.get("/flows/gate").body.contains("allow_unenforced"));
    let unfenced = json!({"flow": "gate", "run_id": "unfenced", "allow_unenforced": true}).to_string();
    op.api_post("/api/v1/runs", &unfenced).code(422).says("only the studio's owner");
    assert!(!test.at("run_base/unfenced").exists());
    assert!(!op.get("/runs/r").body.contains("allow_unenforced"));
    assert!(studio.get("/runs/r").body.contains("allow_unenforced"));
    for (path, body) in [
        ("/api/v1/runs/r/resume", json!({"allow_unenforced": true})),
        ("/api/v1/runs/r/retry", json!({"step": "gate", "allow_unenforced": true})),
    ] {
        op.api_post(path, &body.to_string()).code(422).says("only the studio's owner");
    }
    let me = op.api("/api/v1/me").code(200).json();
    assert_eq!(me, json!({"name": "op", "owner": false, "rights": ["look", "operate"]}));
    assert_eq!(
        studio.api("/api/v1/me").json(),
        json!({"name": "tester", "owner": true, "rights": ["look", "review", "operate"]})
    );
}

#[test]
fn who_answered_is_whoever_signed_in() {
    for by_form in [true, false] {
        let test = waiting(ROLES);
        let rev = link(&test, "rev");
        let studio = behind_a_proxy(&test);
        let rev = studio.guest(&rev);
        if by_form {
            approve(&rev, "approve").code(303);
        } else {
            let digest = rev.api("/api/v1/questions/r/gate-1").json()["subject_digest"].clone();
            rev.api_post(API_ANSWER, &json!({"choose": "approve", "digest": digest}).to_string()).code(200);
        }
        let answer = test.facts("r", "escalation_answered")[0]["answer"].clone();
        assert_eq!((&answer["by"], &answer["identity"], &answer["channel"]), (&json!("rev"), &json!("token"), &json!("http")));
        assert_ne!(answer["self_approved"], json!(true));
        rev.get(QUESTION).code(200).says("by rev");
        test.go(&["resume", "r"]).code(0);
        test.verified(0);
    }
}

#[test]
fn a_form_is_for_whom_it_was_made() {
    let test = waiting("[studio.users]\nrev = ['reviewer']\nbo = ['reviewer']\n");
    let links = ["rev", "bo"].map(|name| link(&test, name));
    let studio = behind_a_proxy(&test);
    let [rev, bo] = links.each_ref().map(|link| studio.guest(link));
    let (slip, digest) = (rev.hidden(QUESTION, FORM, "slip"), rev.hidden(QUESTION, FORM, "digest"));
    let form = [("slip", slip.as_str()), ("digest", &digest), ("choose", "approve"), ("sure", "yes")];
    bo.form(ANSWER, &form).code(409);
    rev.form(ANSWER, &form).code(303);
}

/// The right to answer is the studio's; whether the answer counts is the question's, as on the command line.
#[test]
fn a_reviewer_answers_what_is_asked_of_their_role_and_not_their_own_run() {
    let settings = "self-approval = false\nreviewers = { ceo = ['rev', 'tester'] }\n[studio.users]\nrev = ['reviewer']\nbo = ['reviewer']\ntester = ['reviewer']\n";
    let gate = GATE.replace("evidence: [plan.md]", "evidence: [plan.md], to: [ceo]");
    let test = Test::new().file("plan.md", "do this\n").flow("gate", &gate).file(SETTINGS, settings);
    test.go(&["run", "gate", "--run-id", "r"]).code(4);
    let links = ["rev", "bo", "tester"].map(|name| link(&test, name));
    let studio = behind_a_proxy(&test);
    let [rev, bo, tester] = links.each_ref().map(|link| studio.guest(link));
    approve(&bo, "approve").code(409).says("ceo");
    approve(&tester, "approve").code(409).says("started the flow");
    assert!(test.facts("r", "escalation_answered").is_empty());
    approve(&rev, "approve").code(303);
    let refused = test.facts("r", "answer_refused");
    assert_eq!(refused.iter().map(|one| &one["answer"]["by"]).collect::<Vec<_>>(), ["bo", "tester"]);
}

#[test]
fn whoever_is_taken_off_the_list_is_out_with_the_next_click() {
    let test = waiting(ROLES);
    let links = ["vic", "rev", "op"].map(|name| link(&test, name));
    let studio = behind_a_proxy(&test);
    let [vic, rev, op] = links.each_ref().map(|link| studio.guest(link));
    let mut streams = [vic.follow("/api/v1/runs/r/events"), rev.follow("/api/v1/runs/r/events"), op.follow("/api/v1/events")];
    streams[0].next().expect("an event");
    streams[1].next().expect("an event");
    test.go(&["users", "remove", "vic"]).code(0);
    vic.get("/").code(401).says("flow-studio users add NAME");
    vic.api("/api/v1/runs").code(401);
    rev.get("/").code(200);
    let other = test.go(&["users", "renew", "op", "--origin", OUTSIDE]).code(0).stdout;
    op.get("/").code(401);
    studio.guest(other.trim()).get("/").code(200);
    // What was open ends by itself.
    while streams[0].next().is_some() {}
    while streams[2].next().is_some() {}
    // A role that is taken away.
    test.write(SETTINGS, &ROLES.replace("rev = ['reviewer']", "rev = []"));
    rev.get("/").code(403).says("that takes the role `viewer`");
    while streams[1].next().is_some() {}
    test.write(SETTINGS, &ROLES.replace("rev = ['reviewer']", "rev = ['viewer']"));
    rev.get("/").code(200);
    rev.form(ANSWER, &[]).code(403);
    // Settings that say nothing let nobody in, and are nobody else's business.
    test.write(SETTINGS, "[studio.users]\nrev = 'everything'\n");
    let told = rev.get("/").code(503);
    assert!(!told.body.contains("config.toml"), "{}", told.body);
    studio.get("/").code(200);
    test.write(SETTINGS, ROLES);
    rev.get(QUESTION).code(200).says("name=\"choose\"");
}

#[test]
fn a_user_of_one_studio_is_nobody_in_another() {
    let (test, other) = (waiting(ROLES), waiting(ROLES));
    let theirs = link(&other, "rev");
    link(&test, "rev");
    let (studio, elsewhere) = (behind_a_proxy(&test), behind_a_proxy(&other));
    let guest = elsewhere.guest(&theirs);
    let key = guest.cookie.split_once('=').expect("a cookie").1;
    let cookie = format!("__Host-flow_studio_{}={key}", studio.port);
    studio.ask("GET", "/", &[("Host", "studio.example"), ("Cookie", &cookie)], None).code(401);
    let bearer = format!("Bearer {}", guest.token);
    studio.ask("GET", "/api/v1/runs", &[("Host", "studio.example"), ("Authorization", &bearer)], None).code(401);
    studio.ask("GET", &format!("/login?token={}", guest.token), &[("Host", "studio.example")], None).code(401);
}

#[test]
fn a_link_puts_no_name_on_whoever_follows_it_and_signing_out_takes_it_off() {
    let test = waiting(ROLES);
    let mine = link(&test, "rev");
    let studio = behind_a_proxy(&test);
    let path = mine.trim_start_matches(OUTSIDE);
    let shown = studio.ask("GET", path, &[("Host", "studio.example")], None).code(200).says("Sign in as rev");
    assert!(!shown.head.contains_key("set-cookie"));
    let rev = studio.guest(&mine);
    for from in [&[][..], &[("Origin", "https://evil.example")]] {
        rev.post("/login", from, &[("token", &rev.token)]).code(403);
    }
    // A proxy that calls us by our address makes nobody local.
    let address = format!("127.0.0.1:{}", studio.port);
    let told =
        studio.ask("POST", "/login", &[("Host", &address), ("Origin", OUTSIDE)], Some(&format!("token={}", rev.token))).code(403);
    assert!(told.body.contains("a proxy has to pass Host on"), "{}", told.body);
    rev.form("/login", &[("token", "0")]).code(401);
    rev.form("/login", &[]).code(401);
    let kept = &rev.form("/login", &[("token", &rev.token)]).code(303).head["set-cookie"];
    assert!(kept.starts_with(&format!("__Host-flow_studio_{}=", studio.port)), "{kept}");
    for word in ["; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(kept.contains(word), "{kept}");
    }
    rev.form("/logout", &[("leave", "0")]).code(409);
    rev.post("/logout", &[], &[("leave", &rev.hidden("/", "/logout", "leave"))]).code(403);
    studio.ask("GET", "/logout", &[("Host", "studio.example"), ("Cookie", &rev.cookie)], None).code(405);
    let out = rev.form("/logout", &[("leave", &rev.hidden("/", "/logout", "leave"))]).code(200).says("signed out");
    assert!(out.head["set-cookie"].contains("Max-Age=0"), "{:?}", out.head);
    // The owner's browser forgets as well.
    studio.get("/").code(200).says("name=\"leave\"");
    // The owner's link is of this machine, whatever a proxy makes of the name.
    let own = format!("/login?token={}", studio.token);
    studio.ask("GET", &own, &[("Host", "studio.example")], None).code(403).says("on its own machine only");
    let local = format!("127.0.0.1:{}", studio.port);
    studio.ask("GET", &own, &[("Host", &local), ("X-Forwarded-For", "192.0.2.1")], None).code(403);
    studio.ask("GET", &own, &[("Host", &local)], None).code(303);
}

#[test]
fn a_directory_that_nobody_trusts_gives_nobody_a_role() {
    let test = waiting("");
    test.write("flow-studio.toml", "[studio]\norigin = 'https://studio.example'\nusers = { eve = ['reviewer'] }\n");
    let told = test.go(&["users", "add", "eve"]).code(6);
    assert!(told.stderr.contains("studio.origin, studio.users") && told.stderr.contains("FLOW_STUDIO_TRUST"), "{}", told.stderr);
    let told = test.go(&["serve", "--bind", "127.0.0.1:0", "--origin", OUTSIDE]).code(6);
    assert!(told.stderr.contains("nobody trusts this directory"), "{}", told.stderr);
    // What it says has no weight for the owner either: the studio is of this machine alone.
    Studio::start(&test).get("/").code(200);
    let trusted = test.root().display().to_string();
    let test = test.env("FLOW_STUDIO_TRUST", &trusted);
    let mine = test.go(&["users", "add", "eve"]).code(0).stdout;
    assert!(mine.starts_with("https://studio.example/login?token="), "{mine}");
    Studio::start(&test).guest(mine.trim()).get("/").code(200);
}
