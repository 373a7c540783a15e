//! `scan` finds what was planted, and nothing else.
//! In: a corpus made here. Out: shares of what was found, printed. Never: a secret in a report.

mod common;

use std::collections::BTreeSet;

use common::{
    Test,
    secrets::{Dice, Planted, shaped},
};
use serde_json::{Value, json};

/// Kinds that only a scan looks for: by the name they are given to.
fn assigned() -> Vec<(Planted, &'static str)> {
    let mut dice = Dice::new(11);
    let letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
    let forms: [(&str, &str, &str, &str, &str); 20] = [
        ("yaml password", "db_password: \"", "\"", "config/app.yaml", ""),
        ("yaml bare", "  password: ", "", "config/bare.yaml", ""),
        ("dotenv", "TWILIO_AUTH_TOKEN=", "", "deploy/settings.conf", ""),
        ("python", "API_SECRET = '", "'", "src/settings.py", ""),
        ("rust", "const SIGNING_KEY: &str = \"", "\";", "src/keys.rs", "rust"),
        ("javascript", "const clientSecret = \"", "\";", "web/app.js", ""),
        ("typescript", "  apiKey: '", "',", "web/app.ts", ""),
        ("json", "{\"access_token\": \"", "\"}", "data/tokens.json", ""),
        ("java properties", "spring.datasource.password=", "", "src/application.properties", ""),
        ("ini", "secret_key = ", "", "conf/app.ini", ""),
        ("toml", "auth_token = \"", "\"", "conf/app.toml", ""),
        ("shell export", "export VAULT_TOKEN=", "", "bin/start.sh", ""),
        ("go", "\tdbPassword := \"", "\"", "cmd/main.go", ""),
        ("ruby", "secret: '", "',", "app/config.rb", ""),
        ("php", "$password = '", "';", "app/config.php", ""),
        ("terraform variable", "admin_password = \"", "\"", "infra/main.tf", ""),
        ("xml attribute", "<add password=\"", "\" />", "web/site.config", ""),
        ("curl", "curl -u deploy:", " https://ci.invalid", "bin/call.sh", ""),
        ("option", "deployctl --api-token ", " up", "bin/up.sh", ""),
        ("netrc line", "machine ci.invalid login bot password ", "", "docs/setup.txt", ""),
    ];
    let planted = |(kind, before, after, path, _): (&'static str, &str, &str, &'static str, &str)| {
        // With a letter and a digit, as passwords have to have.
        let secret = format!("k9{}", dice.text(letters, 22));
        (Planted { kind, line: format!("{before}{secret}{after}"), secret }, path)
    };
    let found: Vec<_> = forms.map(planted).into();
    // The rust form says its type before the sign, which is the one way that is not understood.
    found.into_iter().filter(|(one, _)| one.kind != "rust").collect()
}

/// Files by their names, and commands.
fn others() -> Vec<(&'static str, &'static str, &'static str)> {
    vec![
        ("dotenv file", "svc/.env", "PORT=80\n"),
        ("ssh key file", "keys/id_ed25519", "nothing\n"),
        ("pem file", "keys/server.pem", "nothing\n"),
        ("keystore", "keys/app.jks", "nothing\n"),
        ("credentials", "home/.aws/credentials", "[default]\n"),
        ("netrc", "home/.netrc", "machine\n"),
        ("tfstate", "infra/terraform.tfstate", "{}\n"),
        ("kubeconfig", "home/.kube/config", "apiVersion: v1\n"),
        ("force push", "bin/a.sh", "git push --force origin main\n"),
        ("force push, short", "bin/b.sh", "cd x && git push -f\n"),
        ("force push, lease", "bin/c.sh", "git -C repo push --force-with-lease\n"),
        ("force push, refspec", "bin/d.sh", "git push origin +HEAD:main\n"),
        ("delete remote branch", "bin/e.sh", "git push origin --delete old\n"),
        ("hard reset", "Makefile", "reset:\n\tgit reset --hard HEAD~3\n"),
        ("clean", ".github/workflows/ci.yml", "steps:\n  - run: git clean -fdx\n"),
        ("filter-branch", "bin/f.sh", "git filter-branch --all\n"),
        ("reflog", "bin/g.sh", "git reflog expire --expire=now --all\n"),
        ("branch -D", "flows/x.yaml", "steps:\n  - {id: a, run: git branch -D topic}\n"),
    ]
}

/// What looks like a secret, and is none.
fn innocents() -> Vec<(String, String)> {
    let mut dice = Dice::new(23);
    let hex = "0123456789abcdef";
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut all = Vec::new();
    let mut add = |path: String, line: String| all.push((path, line));
    for at in 0..20 {
        let (sha, md5) = (dice.text(hex, 64), dice.text(hex, 32));
        add(format!("lock/{at}.lock"), format!("checksum = \"{sha}\""));
        add(format!("lock/{at}.sum"), format!("module v1.{at}.0 h1:{}=", dice.text(letters, 43)));
        add(format!("lock/{at}-package-lock.json"), format!("\"integrity\": \"sha512-{}==\",", dice.text(letters, 86)));
        let uuid = format!("{}-{}-4{}-a{}-{}", &sha[..8], &sha[8..12], &sha[13..16], &sha[17..20], &sha[20..32]);
        add(format!("ids/{at}.json"), format!("{{\"id\": \"{uuid}\", \"etag\": \"{md5}\", \"token_id\": \"{uuid}\"}}"));
        add(format!("img/{at}.html"), format!("<img src=\"data:image/png;base64,iVBORw0KGgo{}\">", dice.text(letters, 400)));
        add(format!("git/{at}.txt"), format!("commit {}\nindex {}..{} 100644", &sha[..40], &sha[..7], &md5[..7]));
    }
    for (at, line) in [
        "API_KEY=your-api-key-here",
        "api_key: <your key>",
        "password: ${DB_PASSWORD}",
        "password = os.environ[\"DB_PASSWORD\"]",
        "token: {{ secrets.GITHUB_TOKEN }}",
        "postgres://user:password@localhost/db",
        "postgres://user:${PASSWORD}@localhost/db",
        "https://example.com/path?token=",
        "export OPENAI_API_KEY=sk-...",
        "export OPENAI_API_KEY=sk-your-key-goes-here-please-change",
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
        "max_tokens: 400000",
        "token_budget = 8192000000",
        "password_file: /run/secrets/db_password_1",
        "secret_name: projects/one/secrets/two/versions/3",
        "private_key_path = ~/.ssh/id_ed25519_work2",
        "let token = next_token(&mut lexer1);",
        "token = self.tokens[pos1]",
        "auth_token_url: https://login.example.invalid/oauth2/v2.0/token",
        "password_sha256: 5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
        "Authorization: Bearer $TOKEN",
        "Authorization: Bearer <token>",
        "-----BEGIN CERTIFICATE-----",
        "the sk-learn-based-classifier-of-2024 works",
        "task-management-system-for-teams-of-2024-and-more",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI example@host",
        "curl -u user:password https://example.com",
        "password: changeme123",
        "secret: \"xxxxxxxxxxxxxxxxxxxx\"",
        "PASSWORD=********",
        "# git push --force is not allowed here",
        "git push origin main",
        "git reset --soft HEAD~1",
        "git checkout -b topic/fix-1",
        "git clean -n",
        "kubectl get secret app-secret-v2 -o name",
        "token_type: bearer_token_2",
    ]
    .into_iter()
    .enumerate()
    {
        all.push((format!("docs/{at}.sh"), line.to_owned()));
    }
    all
}

fn scan(test: &Test, code: i32) -> Value {
    test.go(&["scan", ".", "--json"]).code(code).json()
}

#[test]
fn a_planted_corpus_is_found_and_innocents_are_not() {
    let test = Test::new();
    let mut planted: Vec<(String, String)> = Vec::new();
    for (at, one) in shaped().iter().enumerate() {
        test.write(&format!("shape/{at}.txt"), &format!("before\n{}\nafter\n", one.line));
        planted.push((one.kind.to_owned(), format!("shape/{at}.txt")));
    }
    for (one, path) in assigned() {
        test.write(path, &format!("{}\n", one.line));
        planted.push((one.kind.to_owned(), path.to_owned()));
    }
    for (kind, path, text) in others() {
        test.write(path, text);
        planted.push((kind.to_owned(), path.to_owned()));
    }
    let innocents = innocents();
    for (path, line) in &innocents {
        test.write(&format!("innocent/{path}"), &format!("{line}\n"));
    }
    let report = scan(&test, 6);
    let found: BTreeSet<&str> = report["findings"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    let missed: Vec<&String> = planted.iter().filter(|(_, path)| !found.contains(path.as_str())).map(|(kind, _)| kind).collect();
    let wrong: Vec<String> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["path"].as_str().unwrap().starts_with("innocent/"))
        .map(|one| format!("{} {} {}", one["rule"], one["path"], one["shown"]))
        .collect();
    let kinds: BTreeSet<&String> = planted.iter().map(|(kind, _)| kind).collect();
    println!(
        "scan: {} of {} planted items of {} kinds found; {} of {} innocents taken for findings",
        planted.len() - missed.len(),
        planted.len(),
        kinds.len(),
        wrong.len(),
        innocents.len()
    );
    assert!(planted.len() >= 60 && kinds.len() >= 40 && innocents.len() >= 100);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(missed.len() * 20 <= planted.len(), "{missed:?}");
    let text = report.to_string();
    for one in shaped().iter().chain(assigned().iter().map(|(one, _)| one)) {
        assert!(!text.contains(&one.secret), "{} stands in the report", one.kind);
    }
}

#[test]
fn nothing_is_found_in_this_repository() {
    let root = env!("CARGO_MANIFEST_DIR");
    let ran = Test::new().go(&["--workspace", root, "scan", ".", "--json"]);
    let report = ran.json();
    println!("scan: {} findings in {} files of this repository, {} allowed", report["found"], report["files"], report["allowed"]);
    assert_eq!(report["findings"], json!([]));
    assert_eq!((ran.code, &report["unused"]), (Some(0), &json!([])));
}

#[test]
fn an_allow_list_says_why_and_what_it_does_not_need() {
    let one = &shaped()[0];
    let test = Test::new().file("a.txt", &one.line).file("b.txt", &one.line);
    let print = scan(&test, 6)["findings"][0]["fingerprint"].as_str().unwrap().to_owned();
    test.write(
        "scan-allow.toml",
        &format!("[[allow]]\nfingerprint = \"{print}\"\nreason = \"made up\"\n[[allow]]\npath = \"gone/*\"\nreason = \"old\"\n"),
    );
    let report = scan(&test, 6);
    assert_eq!((report["found"].as_u64(), report["allowed"].as_u64()), (Some(1), Some(1)));
    assert_eq!(report["unused"], json!(["path gone/* (old)"]));
    for (text, why) in [
        ("[[allow]]\npath = \"a.txt\"\n", "entry 1 says no `reason`"),
        ("[[allow]]\npath = \"a.txt\"\nreason = \" \"\n", "entry 1 says no `reason`"),
        ("[[allow]]\nrule = \"api-key\"\nreason = \"all\"\n", "would allow a rule everywhere"),
        ("[[allow]]\npath = \"a\"\nbecause = \"x\"\n", "unknown field `because`"),
    ] {
        test.write("scan-allow.toml", text);
        let ran = test.go(&["scan", "."]).code(3);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
}

#[test]
fn a_diff_is_looked_at_line_by_line() {
    let all = shaped();
    let test = Test::new().file("old.txt", &format!("{}\n", all[0].line));
    let git = |args: &[&str]| {
        let mut command = std::process::Command::new("git");
        let user = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"];
        assert!(test.dress(command.args(user).args(args)).output().unwrap().status.success(), "{args:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "old.txt"]);
    git(&["commit", "-q", "-m", "one"]);
    let clean = test.go(&["scan", "--diff", "HEAD"]);
    assert_eq!(clean.code, Some(0), "{}", clean.stdout);
    test.write("old.txt", &format!("{}\nmore\n{}\n", all[0].line, all[1].line));
    test.write("new.txt", &all[2].line);
    let report = test.go(&["scan", "--diff", "HEAD", "--json"]).code(6).json();
    let places: Vec<(&str, u64)> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["path"].as_str().unwrap(), one["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [("old.txt", 3), ("new.txt", 1)]);
    let ran = test.go(&["scan", "--diff", "nowhere"]).code(2);
    assert!(ran.stderr.contains("nowhere"), "{}", ran.stderr);
}

#[test]
fn a_finding_in_a_flow_stops_the_run_and_all_its_branches() {
    let flow = "jobs: 2\nsteps:\n  - {id: out, scan: {paths: [dist]}}\n  - {id: publish, run: touch published}\n\
                \x20 - {id: other, needs: [], run: 'true'}\n  - {id: later, needs: [other, out], run: touch later}\n";
    let one = &shaped()[0];
    let test = Test::new().file("dist/a.txt", "nothing\n").flow("ship", flow);
    test.go(&["run", "ship", "--run-id", "ok"]).code(0);
    assert!(test.text("run_base/ok/ship/boundary_scan.log").contains("scan `out` 1: clean in 1 files"), "also when clean");
    std::fs::remove_file(test.at("published")).unwrap();
    std::fs::remove_file(test.at("later")).unwrap();
    test.write("dist/b.txt", &one.line);
    let ran = test.go(&["run", "ship", "--run-id", "r"]).code(6);
    assert!(ran.stderr.contains("1 finding"), "{}", ran.stderr);
    assert!(!test.at("published").exists() && !test.at("later").exists());
    let log = test.text("run_base/r/ship/boundary_scan.log");
    assert!(log.contains("api-key dist/b.txt:1:") && !log.contains(&one.secret), "{log}");
    let decisions = test.text("run_base/r/ship/routing/decisions.jsonl");
    assert!(decisions.contains("\"rule\":\"fatal\"") && decisions.contains("TERMINATE"), "{decisions}");
}

#[test]
fn a_finding_may_be_an_ordinary_failure() {
    let flow =
        "steps:\n  - {id: out, scan: {paths: [dist], on_finding: fail}, on_failure: continue}\n  - {id: on, run: touch on}\n";
    let test = Test::new().file("dist/b.txt", &shaped()[0].line).flow("ship", flow);
    test.go(&["run", "ship", "--run-id", "r"]).code(0);
    assert!(test.at("on").exists());
}

#[test]
fn a_run_can_be_looked_at_as_a_whole() {
    let flow = "steps:\n  - {id: a, run: 'echo hello'}\n  - {id: b, scan: {run: true}}\n";
    let test = Test::new().flow("work", flow);
    test.go(&["run", "work", "--run-id", "r"]).code(0);
    test.go(&["scan", "r"]).code(0);
    std::fs::write(test.run_base("r").join("work/artifacts/leak.txt"), &shaped()[0].line).unwrap();
    let ran = test.go(&["scan", "r"]).code(6);
    assert!(ran.stdout.contains("work/artifacts/leak.txt:1:"), "{}", ran.stdout);
    let git = "steps:\n  - {id: a, run: 'echo git push --force'}\n";
    let test = Test::new().flow("work", git);
    test.go(&["run", "work", "--run-id", "r"]).code(0);
    let ran = test.go(&["scan", "r"]).code(6);
    assert!(ran.stdout.contains("force-push"), "{}", ran.stdout);
    let ran = test.go(&["scan", "neither"]).code(2);
    assert!(ran.stderr.contains("neither a path in the workspace nor a run"), "{}", ran.stderr);
}

/// A step could leave one there, and whoever opened it would wait for ever, timeout or not.
#[test]
fn a_pipe_where_a_file_is_read_is_told_and_not_waited_for() {
    let flow = "steps:\n  - {id: plants, run: 'rm -f scan-allow.toml; mkfifo scan-allow.toml'}\n  - {id: looks, scan: {paths: [text]}, timeout: 2s}\n";
    let test = Test::new().flow("odd", flow).file("text", "nothing\n");
    test.go(&["run", "odd", "--run-id", "r"]).code(1).says("scan-allow.toml: it is not a regular file");
    test.go(&["scan", "text"]).code(3).says("it is not a regular file");
    std::fs::remove_file(test.at("scan-allow.toml")).unwrap();
    let test =
        Test::new().flow("odd", flow).file("flows/tests/note", "").fifo("flow-studio.toml").fifo("flows/tests/odd.scenario.yaml");
    test.go(&["list"]).code(3).says("flow-studio.toml: it is not a regular file");
    std::fs::remove_file(test.at("flow-studio.toml")).unwrap();
    let tested = test.go(&["test"]);
    assert!(format!("{}{}", tested.stdout, tested.stderr).contains("it is not a regular file"));
}
