//! Claude Code: `claude -p --output-format stream-json`.
//! In: an order; its events. Out: arguments; what they say. Never: hooks, servers, settings or memory of the workspace: they
//! would run, or send the key elsewhere, without a word.

use serde_json::Value;

use crate::{
    engine::agent::Tool,
    record::{ErrorClass, FailureKind, Tokens},
    spec::Access,
};

use super::{
    heard::{Heard, text, usd},
    program::{Line, Order, Program, words},
    trouble::Trouble,
};

/// Tools that change nothing; an observer gets no others.
const READS: [&str; 7] = ["Read", "Glob", "Grep", "LS", "NotebookRead", "WebFetch", "WebSearch"];
/// What it does about these again and again does not help.
const HOPELESS: [&str; 6] =
    ["authentication_failed", "oauth_org_not_allowed", "account_on_hold", "billing_error", "model_not_found", "invalid_request"];
/// Its first retry may be about a moment; the second is about the same as all that follow.
const RETRIES_MIN: u64 = 2;

pub(super) fn line(program: &Program, order: &Order<'_>) -> std::io::Result<Line> {
    let work = order.work;
    let mut args = words(["-p", "--output-format", "stream-json", "--verbose"]);
    // Without these three, settings of the workspace run hooks and servers, and may name the address that gets the key.
    args.extend(words(["--safe-mode", "--setting-sources", "user", "--strict-mcp-config"]));
    let mut flag = |name: &str, value: String| args.extend([name.to_owned(), value]);
    flag("--permission-mode", if work.access == Access::Observe { "dontAsk" } else { "acceptEdits" }.to_owned());
    let allowed = allowed(order);
    let bare: Vec<&str> = allowed.iter().map(|rule| rule.split('(').next().unwrap_or_default()).collect();
    flag("--tools", bare.join(","));
    if !allowed.is_empty() {
        flag("--allowedTools", allowed.join(","));
    }
    if !work.tools.disallowed.is_empty() {
        flag("--disallowedTools", work.tools.disallowed.iter().map(|name| in_its_words(name)).collect::<Vec<_>>().join(","));
    }
    flag("--max-turns", work.turns_max.to_string());
    if let Some(model) = work.model.named() {
        flag("--model", model.to_owned());
    }
    if let Some(usd) = order.usd_max {
        flag("--max-budget-usd", format!("{usd:.6}"));
    }
    if !order.system.trim().is_empty() {
        // In a file: arguments can be read by everybody on the machine.
        let path = order.scratch.join("system.md");
        std::fs::write(&path, order.system)?;
        flag("--append-system-prompt-file", path.to_string_lossy().into_owned());
    }
    flag("--json-schema", schema(work.brief.form().schema()).to_string());
    for dir in order.writable {
        flag("--add-dir", dir.to_string_lossy().into_owned());
    }
    if let Some(session) = order.session {
        flag("--resume", session.to_owned());
    }
    args.extend(program.args.iter().cloned());
    let mut env = std::collections::BTreeMap::from([
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC".to_owned(), "1".to_owned()),
        ("DISABLE_AUTOUPDATER".to_owned(), "1".to_owned()),
    ]);
    if let Some(url) = &program.base_url {
        env.insert("ANTHROPIC_BASE_URL".to_owned(), url.clone());
    }
    if let Some(key) = &program.key {
        env.insert("ANTHROPIC_API_KEY".to_owned(), secrecy::ExposeSecret::expose_secret(&key.value).to_owned());
    }
    Ok(Line { args, stdin: order.prompt.to_owned(), env })
}

/// The tools of the agent, in its words and with their rules.
fn allowed(order: &Order<'_>) -> Vec<String> {
    let tools = &order.work.tools;
    let mut found: Vec<String> = match &tools.written {
        None => Tool::ALL.into_iter().map(|tool| tool.in_claude().to_owned()).collect(),
        Some(names) => names.iter().map(|name| in_its_words(name)).collect(),
    };
    if order.work.access == Access::Observe {
        found.retain(|rule| READS.contains(&rule.split('(').next().unwrap_or_default()));
    }
    found.sort();
    found.dedup();
    found
}

fn in_its_words(name: &str) -> String {
    Tool::named(name).map_or_else(|| name.to_owned(), |tool| tool.in_claude().to_owned())
}

/// With a `$schema` of 2020-12 it drops the whole schema without a word.
fn schema(mut schema: Value) -> Value {
    if let Value::Object(map) = &mut schema {
        map.remove("$schema");
    }
    schema
}

pub(super) fn hear(event: &Value, heard: &mut Heard) {
    if let Some(session) = text(event, "session_id") {
        heard.session = Some(session.to_owned());
    }
    match (text(event, "type"), text(event, "subtype")) {
        (Some("system"), Some("init")) => heard.model = text(event, "model").map(str::to_owned),
        (Some("system"), Some("api_retry")) => retry(event, heard),
        (Some("assistant"), _) => assistant(event, heard),
        (Some("user"), _) => user(event, heard),
        (Some("result"), subtype) => result(event, subtype.unwrap_or_default(), heard),
        _ => return,
    }
    heard.known += 1;
}

fn retry(event: &Value, heard: &mut Heard) {
    let word = text(event, "error").unwrap_or("unknown");
    let status = event.get("error_status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let message = match status {
        Some(status) => format!("the service answers {status} ({word})"),
        None => format!("the service cannot be reached ({word})"),
    };
    let trouble = match status {
        Some(status) => Trouble::of_status(status, &message),
        None => Trouble::new(FailureKind::Io, ErrorClass::Transient, &message),
    };
    if HOPELESS.contains(&word) && event.get("attempt").and_then(Value::as_u64).is_some_and(|times| times >= RETRIES_MIN) {
        let trouble = Trouble { class: ErrorClass::Permanent, ..trouble.clone() };
        heard.hopeless.get_or_insert(trouble);
    }
    heard.trouble = Some(trouble);
}

fn parts(event: &Value) -> impl Iterator<Item = &Value> {
    event.pointer("/message/content").and_then(Value::as_array).into_iter().flatten()
}

fn assistant(event: &Value, heard: &mut Heard) {
    // What another agent says, whom it asked, is not its answer.
    let own = event.get("parent_tool_use_id").is_none_or(Value::is_null);
    if own && text(event, "error").is_none() {
        heard.turn(event.pointer("/message/id").and_then(Value::as_str));
        heard.trouble = None;
    }
    for part in parts(event) {
        match text(part, "type") {
            Some("text") if own => heard.answer = text(part, "text").unwrap_or_default().to_owned(),
            Some("tool_use") if text(part, "name") == Some("Bash") => {
                let command = part.pointer("/input/command").and_then(Value::as_str).unwrap_or_default();
                heard.command_began(text(part, "id").unwrap_or_default(), command);
            }
            _ => {}
        }
    }
}

fn user(event: &Value, heard: &mut Heard) {
    for part in parts(event).filter(|part| text(part, "type") == Some("tool_result")) {
        let failed = part.get("is_error").and_then(Value::as_bool).unwrap_or_default();
        let said = match part.get("content") {
            Some(Value::String(said)) => said.as_str(),
            Some(other) => other.pointer("/0/text").and_then(Value::as_str).unwrap_or_default(),
            None => "",
        };
        let code = said.strip_prefix("Exit code ").and_then(|rest| rest.lines().next()?.trim().parse().ok());
        // An error without an exit code is the word of a rule: it was not run.
        heard.command_ended(text(part, "tool_use_id").unwrap_or_default(), if failed { code } else { Some(0) });
    }
}

fn result(event: &Value, subtype: &str, heard: &mut Heard) {
    heard.ended = true;
    if let Some(said) = text(event, "result") {
        heard.answer = said.to_owned();
    }
    heard.object = event.get("structured_output").filter(|value| value.is_object()).cloned();
    heard.cost_usd = usd(event.get("total_cost_usd"));
    heard.tokens = used(event);
    let failed = event.get("is_error").and_then(Value::as_bool).unwrap_or_default();
    let said = || {
        let errors = event.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let errors = errors.collect::<Vec<_>>().join("; ");
        let said = text(event, "result").map(str::to_owned).filter(|said| !said.trim().is_empty()).unwrap_or(errors);
        if said.is_empty() { format!("it ended as {subtype} without a reason") } else { said }
    };
    let status = event.get("api_error_status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let permanent = |kind, message: String| Some(Trouble::new(kind, ErrorClass::Permanent, message));
    heard.error = match subtype {
        "error_max_turns" => permanent(FailureKind::TurnLimit, said()),
        "error_max_budget_usd" => {
            heard.spent_all = true;
            permanent(FailureKind::Budget, said())
        }
        "error_max_structured_output_retries" => Some(Trouble::new(FailureKind::BadOutput, ErrorClass::Retriable, said())),
        _ if text(event, "stop_reason") == Some("refusal") => permanent(FailureKind::Refused, said()),
        "success" if !failed => None,
        _ => Some(match status {
            Some(status) => Trouble::of_status(status, &said()),
            None => Trouble::of_words(&said()),
        }),
    };
    let denials = event.get("permission_denials").and_then(Value::as_array).map_or(0, Vec::len);
    if denials > 0
        && let Some(error) = heard.error.as_mut().filter(|error| error.kind == FailureKind::Unknown)
    {
        (error.kind, error.class) = (FailureKind::PermissionDenied, ErrorClass::Permanent);
    }
}

/// By model where it says so: a run that spent its money says 0 in its sums.
fn used(event: &Value) -> Option<Tokens> {
    if let Some(models) = event.get("modelUsage").and_then(Value::as_object) {
        return models.values().try_fold(Tokens::default(), |sum, one| {
            let input = inputs(one, ["inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"]);
            Some(sum.plus(Tokens::counted(input, figure(one, "outputTokens"))?))
        });
    }
    let usage = event.get("usage")?;
    let input = inputs(usage, ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]);
    Tokens::counted(input, figure(usage, "output_tokens"))
}

fn figure(of: &Value, key: &str) -> Option<u64> {
    of.get(key).and_then(Value::as_u64)
}

/// What it read: the first has to be there, and the others are beside it, or nothing.
fn inputs(of: &Value, [read, cached, kept]: [&str; 3]) -> Option<u64> {
    let beside = |key| figure(of, key).unwrap_or_default();
    Some(figure(of, read)?.saturating_add(beside(cached)).saturating_add(beside(kept)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(events: &[Value]) -> Heard {
        let mut heard = Heard::default();
        events.iter().for_each(|event| hear(event, &mut heard));
        heard
    }

    fn result(more: Value) -> Value {
        let mut event = json!({"type": "result", "subtype": "success", "is_error": false, "session_id": "s"});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    }

    #[test]
    fn success_with_an_error_flag_is_a_failure() {
        let heard = after(&[result(json!({"is_error": true, "api_error_status": 429, "result": "slow down"}))]);
        assert!(heard.ended);
        let error = heard.error.unwrap();
        assert_eq!((error.kind, error.class), (FailureKind::Quota, ErrorClass::Transient));
    }

    #[test]
    fn every_bad_end_has_its_kind() {
        for (event, kind) in [
            (
                json!({"subtype": "error_max_turns", "is_error": true, "errors": ["Reached maximum number of turns (1)"]}),
                FailureKind::TurnLimit,
            ),
            (json!({"subtype": "error_max_budget_usd", "is_error": true}), FailureKind::Budget),
            (json!({"subtype": "error_max_structured_output_retries"}), FailureKind::BadOutput),
            (json!({"stop_reason": "refusal", "result": "I will not."}), FailureKind::Refused),
            (json!({"is_error": true, "api_error_status": 401, "result": "Invalid API key"}), FailureKind::Auth),
            (json!({"is_error": true, "api_error_status": 529, "result": "Overloaded"}), FailureKind::Overloaded),
            (json!({"is_error": true, "api_error_status": 400, "result": "prompt is too long"}), FailureKind::Context),
            (json!({"subtype": "error_during_execution", "permission_denials": [{}]}), FailureKind::PermissionDenied),
            (json!({"subtype": "error_of_tomorrow"}), FailureKind::Unknown),
        ] {
            assert_eq!(after(&[result(event.clone())]).error.map(|error| error.kind), Some(kind), "{event}");
        }
    }

    #[test]
    fn tokens_are_counted_by_model_and_what_is_not_said_is_not_known() {
        let usage = json!({"usage": {"input_tokens": 0, "output_tokens": 0},
            "modelUsage": {"a": {"inputTokens": 10, "outputTokens": 2, "cacheReadInputTokens": 5, "cacheCreationInputTokens": 1},
                           "b": {"inputTokens": 1, "outputTokens": 1}}});
        assert_eq!(after(&[result(usage)]).tokens, Some(Tokens { prompt: 17, completion: 3, total: 20 }));
        assert_eq!(after(&[result(json!({}))]).tokens, None);
        assert_eq!(after(&[result(json!({"usage": {"input_tokens": 5}}))]).tokens, None);
        let cached = json!({"usage": {"input_tokens": u64::MAX, "cache_read_input_tokens": 9, "output_tokens": 1}});
        assert_eq!(after(&[result(cached)]).tokens, None, "a count that cannot be meant");
        for (said, usd) in [(json!(-7.0), None), (json!(1e300), None), (json!("1"), None), (json!(0.5), Some(0.5))] {
            assert_eq!(after(&[result(json!({"total_cost_usd": said}))]).cost_usd, usd);
        }
    }

    #[test]
    fn a_key_that_is_refused_again_is_hopeless() {
        let retry = |attempt: u64, error: &str, status: u64| json!({"type": "system", "subtype": "api_retry", "attempt": attempt, "error": error, "error_status": status});
        assert!(after(&[retry(1, "authentication_failed", 401)]).hopeless.is_none());
        let heard = after(&[retry(1, "authentication_failed", 401), retry(2, "authentication_failed", 401)]);
        assert_eq!(heard.hopeless.map(|trouble| trouble.kind), Some(FailureKind::Auth));
        assert!(after(&[retry(9, "overloaded", 529)]).hopeless.is_none());
    }

    #[test]
    fn what_it_ran_is_told_with_its_exit_code() {
        let call = |id: &str, command: &str| json!({"type": "assistant", "message": {"id": id, "content": [{"type": "tool_use", "id": id, "name": "Bash", "input": {"command": command}}]}});
        let said = |id: &str, is_error: bool, content: Value| json!({"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": id, "is_error": is_error, "content": content}]}});
        let heard = after(&[
            call("1", "make"),
            said("1", true, json!("Exit code 2\nno rule")),
            call("2", "ls"),
            said("2", false, json!([{"type": "text", "text": "a"}])),
            call("3", "rm x"),
            said("3", true, json!("This command requires approval")),
            json!({"type": "of_tomorrow"}),
        ]);
        let ran: Vec<_> = heard.commands.iter().map(|one| (one.run.as_deref().unwrap(), one.exit_code)).collect();
        assert_eq!(ran, [("make", Some(2)), ("ls", Some(0))]);
        assert_eq!((heard.turns, heard.known), (3, 6));
    }
}
