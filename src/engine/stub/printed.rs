//! What a scripted step prints, looked at as if a command had printed it.
//! In: one reply of a script, and what the flow expects. Out: checks, the texts that are kept, a command that ended.
//! Never: an expectation judged that the script says nothing about.

use serde_json::Value;

use crate::{
    measure::{self, Ended, Watch},
    record::{Check, CommandRun, Kept},
};

use super::{Asked, Keep, Scripted};

pub(super) fn kept(script: &Scripted, keep: Keep) -> Kept {
    let json = printed_json(script).and_then(Result::ok);
    let stdout = script.stdout.clone().or_else(|| script.json.as_ref().map(Value::to_string)).unwrap_or_default();
    Kept {
        stdout: keep.stdout.then_some(stdout),
        stderr: keep.stderr.then(|| script.stderr.clone().unwrap_or_default()),
        json: json.filter(|_| keep.json),
    }
}

/// Standard output as JSON, or why it is none; `None`: the script prints nothing, so it is taken to print what is expected.
fn printed_json(script: &Scripted) -> Option<Result<Value, String>> {
    let parsed = |text: &String| serde_json::from_str(text).map_err(|error| format!("standard output is not JSON: {error}"));
    script.json.clone().map(Ok).or_else(|| script.stdout.as_ref().map(parsed))
}

/// The command that the script stands for: that it ended, and how much it printed. Which it is, nobody asks.
pub(super) fn command(script: &Scripted, exit_code: i32) -> CommandRun {
    let bytes = |text: &Option<String>| text.as_ref().map_or(0, |text| text.len() as u64);
    CommandRun {
        run: None,
        argv: None,
        cwd: ".".to_owned(),
        exit_code: Some(exit_code),
        signal: None,
        duration_ms: 0,
        stdout_path: None,
        stderr_path: None,
        stdout_sha256: None,
        stderr_sha256: None,
        stdout_bytes: bytes(&script.stdout),
        stderr_bytes: bytes(&script.stderr),
        truncated: false,
    }
}

pub(super) fn checks(script: &Scripted, asked: &Asked<'_>) -> Vec<Check> {
    let expect = asked.expect;
    let mut checks = Vec::new();
    if !script.blocked.is_empty() {
        return checks;
    }
    let exit_code = script.exit.unwrap_or(expect.exit);
    if asked.command && expect.written {
        checks.push(measure::exit_check("exit", expect.exit, Some(exit_code), None));
    }
    for (name, matcher, wanted, text) in [
        ("stdout", &expect.stdout, true, &script.stdout),
        ("not_stdout", &expect.not_stdout, false, &script.stdout),
        ("stderr", &expect.stderr, true, &script.stderr),
    ] {
        if let (Some(matcher), Some(text)) = (matcher, text) {
            let mut watch = Watch::new(matcher);
            watch.push(text.as_bytes());
            checks.push(measure::text_check(name, matcher, wanted, watch.finish(), None));
        }
    }
    if let (Some(expr), Some(json)) = (&expect.json, printed_json(script)) {
        let stdout = script.stdout.clone().or_else(|| json.as_ref().ok().map(Value::to_string)).unwrap_or_default();
        let ended = json.map(|json| Ended {
            exit_code: Some(exit_code),
            json,
            stdout: stdout.into(),
            stderr: Ok(script.stderr.as_deref().unwrap_or_default().into()),
            checks: &checks,
        });
        let check = measure::json_check(expr, asked.scope, ended, None);
        checks.push(check);
    }
    checks
}
