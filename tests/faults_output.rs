//! A step that prints a lot is no burden, and a secret that it prints is not kept.

mod common;

use common::{Live, Test, await_word, let_go};

#[test]
#[cfg(target_os = "linux")]
fn a_step_that_prints_a_gigabyte_does_not_grow_the_process() {
    const PRINTED: u64 = 1_000_000_000;
    const PEAK_KIB_MAX: u64 = 100 * 1024;
    let flow = format!(
        "steps:\n  - {{id: flood, run: 'head -c {PRINTED} /dev/zero; head -c 50000000 /dev/zero >&2', timeout: 5m}}\n  - {{id: wait, run: 'echo here > at-it; read -r _ < gate'}}\n"
    );
    let test = Test::new().flow("flood", &flow).fifo("at-it").fifo("gate");
    let live = test.start(&["run", "flood", "--run-id", "r"]);
    await_word(&test.at("at-it"));
    let status = std::fs::read_to_string(format!("/proc/{}/status", live.pid())).expect("it runs");
    let_go(&test.at("gate"));
    live.wait().code(0);
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    println!("peak {peak} KiB");
    assert!(peak <= PEAK_KIB_MAX, "peak memory was {peak} KiB");
    let receipt = test.json("run_base/r/flood/receipts/flood-shell.json");
    assert_eq!(receipt["status"], "succeeded");
    let command = &receipt["commands"][0];
    assert_eq!(command["truncated"], true, "{command:#}");
    let kept: usize = test.every_file("run_base/r").iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(kept < 400_000_000, "{kept} bytes were kept");
    test.go(&["verify", "r"]).code(0);
}

#[test]
fn a_million_lines_end_in_order_with_their_last_line_seen() {
    let test = Test::new()
        .flow("lines", "steps:\n  - {id: lines, run: 'seq 1 300000', expect: {stdout: '/300000/', not_stdout: '300001'}}\n");
    test.go(&["run", "lines", "--run-id", "r"]).code(0);
}

const SECRET: &str = "s3cr3t/Value+with=signs&more";
// The same, as it would travel.
const BASE64: &str = "czNjcjN0L1ZhbHVlK3dpdGg9c2lnbnMmbW9yZQ==";
const URL: &str = "s3cr3t%2FValue%2Bwith%3Dsigns%26more";

const LEAKY: &str = r#"
secrets: [API_KEY]
params: {note: {type: string, default: nothing}}
steps:
  - id: says
    secrets: [API_KEY]
    run: |
      echo "plain $API_KEY and twice $API_KEY"
      echo "$API_KEY" >&2
      printf '%s' "$API_KEY" | base64
      printf '%s' "$API_KEY" | sed 's|/|%2F|; s|+|%2B|; s|=|%3D|; s|&|%26|'; echo
      echo "param: $PARAM_NOTE"
    expect: {json: "true || step.passed"}
    on_failure: continue
  - id: splits
    secrets: [API_KEY]
    run: |
      half=${#API_KEY}; half=$((half / 2))
      printf '%s' "$(printf '%s' "$API_KEY" | cut -c1-$half)"
      echo here > at-it; read -r _ < gate
      printf '%s\n' "$(printf '%s' "$API_KEY" | cut -c$((half + 1))-)"
  - id: snap
    snapshot: {name: env, commands: {said: "cat said.txt"}, files: [said.txt]}
  - id: shows
    render: {template: shows.hbs, to: artifacts/shown.md}
  - id: fails
    secrets: [API_KEY]
    run: 'echo "cannot log in with $API_KEY" >&2; exit 3'
    on_failure: escalate
"#;

#[test]
fn a_secret_reaches_no_file_and_no_word_of_ours() {
    let test = Test::new()
        .flow("leaky", LEAKY)
        .file("flows/shows.hbs", "said: {{steps.says.stdout}} and {{params.note}}\n")
        .file("said.txt", &format!("the key is {SECRET}, {BASE64}, {URL}\n"))
        .env("API_KEY", SECRET)
        .fifo("at-it")
        .fifo("gate");
    let note = format!("note={SECRET}");
    let live: Live = test.start(&["run", "leaky", "--run-id", "r", "--param", &note, "-v"]);
    await_word(&test.at("at-it"));
    let_go(&test.at("gate"));
    let ran = live.wait().code(4);
    let shown = test.go(&["review", "show", "r/fails-1"]).code(0);
    let json = test.go(&["review", "show", "r/fails-1", "--json"]).code(0);
    let listed = test.go(&["review", "list", "--json"]).code(0);
    let answered =
        test.go(&["review", "answer", "r/fails-1", "--choose", "skip", "--note", &format!("the key was {SECRET}")]).code(0);
    let resumed = test.go(&["resume", "r"]).code(0);
    let verified = test.go(&["verify", "r"]).code(0);
    let forms: [&[u8]; 4] = [SECRET.as_bytes(), BASE64.trim_end_matches('=').as_bytes(), URL.as_bytes(), b"Value+with=signs"];
    let holds = |bytes: &[u8]| forms.iter().any(|form| memchr::memmem::find(bytes, form).is_some());
    for said in [&ran, &shown, &json, &listed, &answered, &resumed, &verified] {
        assert!(!holds(said.stdout.as_bytes()) && !holds(said.stderr.as_bytes()), "it was said:\n{}{}", said.stdout, said.stderr);
    }
    let found: Vec<_> = test.every_file("run_base").into_iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path).collect();
    assert!(found.is_empty(), "{found:#?}");
    // It did say something, so the look was worth it.
    assert!(test.every_file("run_base").iter().any(|(_, bytes)| memchr::memmem::find(bytes, b"cannot log in with").is_some()));
}

#[test]
fn a_flow_with_a_secret_written_in_it_is_not_started() {
    let flow = format!("secrets: [API_KEY]\nsteps:\n  - {{id: one, run: 'curl -H \"X-Key: {SECRET}\" localhost'}}\n");
    let test = Test::new().flow("careless", &flow).env("API_KEY", SECRET);
    test.go(&["run", "careless", "--run-id", "r"]).code(3).says("careless.yaml").says("environment");
    assert!(!test.at("run_base").exists(), "nothing was written");
}

#[test]
fn a_secret_reaches_only_the_steps_that_name_it() {
    let flow = "secrets: [API_KEY]\nsteps:\n  - {id: has, secrets: [API_KEY], run: 'test -n \"${API_KEY:-}\"'}\n  - {id: lacks, run: 'test -z \"${API_KEY:-}\"; test -z \"${OTHER:-}\"'}\n";
    let test = Test::new().flow("reach", flow).env("API_KEY", SECRET).env("OTHER", "not for steps");
    test.go(&["run", "reach", "--run-id", "r"]).code(0);
}

#[test]
fn a_step_sees_the_files_of_all_that_was_decided_before_it() {
    let look = |before: &str| {
        let files = ["receipts", "handoffs"].map(|kind| format!("test -s \"$RUN_BASE/look/{kind}/{before}-shell.json\""));
        format!("{} && grep -q {before} \"$RUN_BASE/look/routing/decisions.jsonl\"", files.join(" && "))
    };
    let mut flow = "jobs: 4\nsteps:\n  - {id: s0, run: ':'}\n".to_owned();
    for n in 1..8 {
        flow += &format!("  - {{id: s{n}, run: '{}'}}\n", look(&format!("s{}", n - 1)));
    }
    // Several at once, and one after them.
    for n in 0..4 {
        flow += &format!("  - {{id: p{n}, needs: [s7], run: '{}'}}\n", look("s7"));
    }
    let all = ["p0", "p1", "p2", "p3"].map(look).join(" && ");
    flow += &format!("  - {{id: last, needs: [p0, p1, p2, p3], run: '{all}'}}\n");
    let test = Test::new().flow("look", &flow);
    // Where processors are short, whoever writes later comes too late.
    let runs: Vec<Live> = (0..8).map(|n| test.start(&["run", "look", "--run-id", &format!("r{n}")])).collect();
    runs.into_iter().for_each(|run| drop(run.wait().code(0)));
}
