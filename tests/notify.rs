//! People are told: by a program, and by signed messages to a web address that is really there.

mod common;

use common::{
    Test,
    llm::{Llm, Turn, error},
};
use serde_json::{Value, json};

const ASK: &str =
    "steps:\n  - {id: gate, ask: {question: \"Go on?\", severity: HIGH, to: [ceo]}}\n  - {id: z, run: echo z >> ran}\n";

fn taken() -> Turn {
    Turn::Json { status: 200, headers: Vec::new(), body: json!({}) }
}

/// A workspace whose questions are posted to this server.
fn posting(server: &Llm, more: &str) -> Test {
    let config = format!(
        "[notify]\ndelay = \"1ms\"\n{more}\n[[notify.webhooks]]\nurl = \"{}/private-path\"\nsecret_env = \"HOOK_SECRET\"\n",
        server.url
    );
    Test::new().env("HOOK_SECRET", "a-secret-of-the-hook").flow("ask", ASK).file("flow-studio.toml", &config)
}

fn lines(test: &Test) -> Vec<Value> {
    test.text("run_base/r/notices.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_question_is_told_once_and_signed() {
    let server = Llm::script([taken()]);
    let test = posting(&server, "");
    test.go(&["run", "ask", "--run-id", "r"]).code(4);
    test.go(&["resume", "r"]).code(4);
    let asked = server.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!((asked[0]["id"].as_str(), asked[0]["text"].as_str()), (Some("r/gate-1"), Some("Go on?")));
    assert_eq!((asked[0]["severity"].as_str(), asked[0]["to"][0].as_str()), (Some("HIGH"), Some("ceo")));
    assert!(asked[0]["next"].as_str().unwrap().contains("review show r/gate-1"));
    let head = server.heads()[0].to_lowercase();
    assert!(head.starts_with("post /v1/private-path"), "{head}");
    for name in ["webhook-id: r/gate-1", "webhook-timestamp: 1", "webhook-signature: v1,"] {
        assert!(head.contains(name), "{name}: {head}");
    }
    let kept = lines(&test);
    assert_eq!(
        (kept.len(), kept[0]["delivered"].as_bool(), kept[0]["hook"].as_str()),
        (1, Some(true), Some("webhook:127.0.0.1"))
    );
    // Neither the address nor its key is on the disk.
    for (path, bytes) in test.every_file("run_base") {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains("private-path") && !text.contains("a-secret-of-the-hook"), "{}", path.display());
    }
}

#[test]
fn what_could_not_be_told_is_tried_again_and_then_by_the_next_process() {
    let server = Llm::script([error(503, "busy"), Turn::Drop, error(500, "no"), taken()]);
    let test = posting(&server, "");
    test.go(&["run", "ask", "--run-id", "r"]).code(4);
    assert_eq!(server.asked().len(), 3);
    assert_eq!((lines(&test)[0]["delivered"].as_bool(), lines(&test)[0]["tries"].as_u64()), (Some(false), Some(3)));
    assert!(lines(&test)[0]["error"].as_str().unwrap().contains("answered 500"));
    test.go(&["resume", "r"]).code(4);
    assert_eq!(server.asked().len(), 4);
    // The same notice has the same id, so that whoever gets it twice knows.
    assert!(server.asked().iter().all(|notice| notice["id"] == "r/gate-1"));
    test.go(&["resume", "r"]).code(4);
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn what_a_server_will_never_take_is_not_repeated() {
    let server = Llm::script([error(410, "gone")]);
    let test = posting(&server, "");
    test.go(&["run", "ask", "--run-id", "r"]).code(4);
    assert_eq!((server.asked().len(), lines(&test)[0]["tries"].as_u64()), (1, Some(1)));
}

#[test]
fn a_server_that_hangs_holds_nothing_up_for_long() {
    let server = Llm::answering(|_, _| Turn::Hang);
    let test = posting(&server, "timeout = \"50ms\"\ntries = 2");
    test.go(&["run", "ask", "--run-id", "r"]).code(4);
    assert_eq!(lines(&test)[0]["tries"], 2);
}

#[test]
fn a_program_reads_the_notice_and_a_failing_one_is_said() {
    let config = "[notify]\ndelay = \"1ms\"\non = [\"question\", \"ended\"]\ncommand = [\"sh\", \"page.sh\"]\n";
    let page = "cat > \"$NOTICE_ID.json\" 2>/dev/null || cat >> told.jsonl\necho >> told.jsonl\necho \"$NOTICE_ID $RUN_ID\" >> ids\n[ -e broken ] && { echo 'no pager' >&2; exit 3; }\nexit 0\n";
    let test = Test::new().flow("ask", ASK).file("flow-studio.toml", config).file("page.sh", page);
    test.write("broken", "");
    test.go(&["run", "ask", "--run-id", "r"]).code(4);
    assert!(lines(&test)[0]["error"].as_str().unwrap().ends_with("no pager"), "{:?}", lines(&test));
    std::fs::remove_file(test.at("broken")).unwrap();
    test.go(&["review", "answer", "r/gate-1", "--choose", "approve", "--as", "ceo"]).code(0);
    test.go(&["resume", "r"]).code(0);
    let ids = test.text("ids");
    assert_eq!(ids.lines().last(), Some("r/ask:1:ended r"), "{ids}");
    assert!(test.text("told.jsonl").contains("\"kind\":\"ended\""));
}

#[test]
fn a_hook_that_cannot_work_is_refused_before_anything_starts() {
    let run = |config: &str| Test::new().flow("ask", ASK).file("flow-studio.toml", config).go(&["run", "ask", "--run-id", "r"]);
    run("[notify]\ncommand = []\n").code(3).says("names no program");
    run("[notify]\ntries = 0\n").code(3).says("from 1 to 10");
    run("[[notify.webhooks]]\nurl = \"example.org\"\n").code(3).says("needs one address");
    run("[[notify.webhooks]]\nurl_env = \"NO_SUCH\"\n").code(3).says("NO_SUCH").says("is not set");
    run("[[notify.webhooks]]\nurl = \"http://127.0.0.1:1/\"\nsecret_env = \"NO_SUCH\"\n").code(3).says("NO_SUCH");
    run("[notify]\nonn = []\n").code(3).says("onn");
}
