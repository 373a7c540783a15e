//! `report.md`, written when a run rests, and `report --html`: one file with the whole story in it, and nothing in it that a step, an agent or a person wrote is markup.

mod common;

use common::{Ran, Test, waiting};

trait Tells {
    /// On standard output.
    fn tells(self, text: &str) -> Self;
}

impl Tells for Ran {
    #[track_caller]
    fn tells(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "`{text}` is not in:\n{}\n{}", self.stdout, self.stderr);
        self
    }
}

const HOSTILE: &str = "</title></style><script>alert(1)</script>\u{202e}<img src=x onerror=alert(2)>";

fn hostile() -> Test {
    let flow = format!(
        "flow: x\ntitle: {title}\nparams: {{who: {{type: string, default: {who}}}}}\nsteps:\n  - id: bad\n    run: printf '%s\\n' \"$EVIL\" >&2; exit 1\n    env: {{EVIL: {evil}}}\n    on_failure: continue\n  - id: ask\n    ask: {{question: {evil}}}\n",
        title = serde_json::to_string(&HOSTILE.replace('\u{202e}', "")).unwrap(),
        who = serde_json::to_string("`</code><script>alert(3)</script>").unwrap(),
        evil = serde_json::to_string(HOSTILE).unwrap(),
    );
    let test = Test::new().file("flows/x.yaml", &flow);
    test.go(&["run", "x", "--run-id", "r"]).code(4);
    test
}

#[test]
fn nothing_that_somebody_wrote_is_markup() {
    let test = hostile();
    test.go(&["report", "r", "--html", "--out", "open.html"]).code(0).tells("open.html");
    let note = "<b onclick=x>fine</b></div><script>alert(4)</script>";
    let list = test.go(&["review", "list", "--json"]).json();
    let shown = list.to_string();
    let id = shown.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let id = if id.contains('/') { id } else { format!("r/{id}") };
    test.go(&["review", "answer", &id, "--choose", "approve", "--note", note]);
    test.go(&["report", "r", "--html", "--out", "done.html"]).code(0);
    for file in ["open.html", "done.html"] {
        let page = test.text(file);
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"), "{file}");
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b onclick"), "{file}");
        assert!(page.contains("&lt;script&gt;"), "{file}: what was written is shown as text");
        assert!(!page.contains('\u{202e}'), "{file}: a mark that turns text around is shown as what it is");
        // One style, and nobody closed it early.
        assert_eq!((page.matches("<style>").count(), page.matches("</style>").count()), (1, 1), "{file}");
        assert_eq!(page.matches("</title>").count(), page.matches("<title>").count(), "{file}");
    }
}

#[test]
fn a_report_needs_nothing_from_elsewhere() {
    let page = {
        let test = hostile();
        test.go(&["report", "r", "--html"]).code(0).stdout
    };
    for word in ["<link", "@import", "url(http", "src=", "href=\"http"] {
        assert!(!page.replace("src=x", "").contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'") && page.contains("prefers-color-scheme:dark") && page.contains("@media print"));
}

#[test]
fn it_tells_what_the_markdown_tells() {
    let test = hostile();
    let told = test.go(&["report", "r"]).code(0).stdout;
    let page = test.go(&["report", "r", "--html"]).code(0).stdout;
    for heading in told.lines().filter_map(|line| line.strip_prefix("## ")) {
        assert!(page.contains(&format!("<h3>{heading}</h3>")), "{heading}");
    }
    assert!(page.contains("receipt <code>x/receipts/bad-shell.json</code>"));
    for word in
        ["Evidence", "Timeline", "Every decision", "Questions and answers", "failed-policy", "class=\"gantt\"", "flow-graph"]
    {
        assert!(page.contains(word), "{word}");
    }
}

#[test]
fn it_has_every_flow_of_the_run_or_the_one_that_is_asked_for() {
    let test = Test::new()
        .flow("outer", "steps: [{id: call, flow: inner}, {id: more, run: ':'}]\n")
        .flow("inner", "steps: [{id: one, run: ':'}]\n")
        .flow("other", "steps: [{id: two, run: ':'}]\n");
    test.go(&["run", "outer", "--run-id", "r"]).code(0);
    test.go(&["run", "other", "--run-id", "r"]).code(0);
    let flows = |args: &[&str]| {
        let page = test.go(args).code(0).stdout;
        assert_eq!(
            page.matches("id=\"g").count(),
            2 * page.matches("<h2 id=\"flow-").count(),
            "arrows of their own for each picture"
        );
        ["outer", "outer.call", "other"].map(|flow| page.contains(&format!("<h2 id=\"flow-{flow}\">")))
    };
    assert_eq!(flows(&["report", "r", "--html"]), [true, true, true]);
    assert_eq!(flows(&["report", "r", "--html", "--flow", "outer"]), [true, true, false]);
    assert_eq!(flows(&["report", "r", "--html", "--flow", "other"]), [false, false, true]);
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_with_a_hint() {
    let test = hostile();
    test.go(&["report", "r", "--html", "--out", "no/such/dir/r.html"]).code(1).says("cannot write").says("--out FILE");
}

/// Whoever opens the directory reads the story there, as far as it goes.
#[test]
fn the_story_lies_in_the_run_whenever_it_rests() {
    let test = waiting();
    let told = |test: &Test| test.text("run_base/r/three/report.md");
    assert_eq!(told(&test), test.go(&["report", "r"]).code(0).stdout);
    assert!(told(&test).contains("waiting"), "{}", told(&test));
    test.go(&["review", "answer", "r/ask-me-1", "--choose", "approve", "--note", "as agreed"]).code(0);
    assert!(told(&test).contains("as agreed"), "{}", told(&test));
    test.go(&["resume", "r"]).code(0);
    assert_eq!(told(&test), test.go(&["report", "r"]).code(0).stdout);
    test.go(&["verify", "r"]).code(0);

    // What stands in its place is put aside.
    std::fs::remove_file(test.at("run_base/r/three/report.md")).unwrap();
    test.write("run_base/r/three/report.md/in-the-way", "");
    test.go(&["retry", "r", "--step", "three"]).code(0);
    assert_eq!(told(&test), test.go(&["report", "r"]).code(0).stdout);
    assert!(test.at("run_base/r/three/report.md.set-aside/in-the-way").exists());
}

/// Nobody reads a story of so many steps from end to end; `report` tells it to whoever asks.
#[test]
fn a_run_of_very_many_steps_is_told_when_asked() {
    let steps: String = (0..501).map(|at| format!("  - {{id: s{at}, agent: a}}\n")).collect();
    let test = Test::new()
        .flow("long", &format!("steps:\n{steps}"))
        .file("agents/a.md", "---\nname: a\ndescription: Does it.\n---\nWork.\n");
    test.go(&["run", "long", "--run-id", "r", "--engine", "stub"]).code(0);
    assert!(!test.at("run_base/r/long/report.md").exists());
    assert!(test.go(&["report", "r"]).code(0).stdout.contains("s500"));
    test.go(&["verify", "r", "--repair"]).code(0);
    assert!(test.text("run_base/r/long/report.md").contains("s500"));
}
