//! Receipt and handoff of one execution, for people: what it was, what it said of itself, what was seen.
//! In: the files as they are. Out: pieces of a page, with all of the file behind them. Never: a claim shown as a measure.

use maud::{Markup, html};
use serde_json::Value;

use crate::inspect::{ShownFile, length};

use super::{
    artifacts::link,
    parts::{json, sentence, table, text},
};

/// Of a command.
const COMMAND_CHARS_MAX: usize = 200;

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What happened, claims beside measures, checks; then all of it.
pub(super) fn receipt(shown: &ShownFile) -> Markup {
    let claims = shown.content["claims"].as_array().map(Vec::as_slice).unwrap_or_default();
    let checks = shown.content["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    html! {
        @if let Some(error) = shown.content["error"].as_str() { p class="failed" { (error) } }
        (facts(&shown.content))
        (commands(&shown.content))
        @if !claims.is_empty() {
            (table("Claims beside measures", &["It said", "We saw", ""], &html! { @for claim in claims {
                @let (class, says) = match claim["agrees"].as_bool() { Some(true) => ("succeeded", "✓ agrees"), Some(false) => ("failed", "✗ does not agree"), None => ("dim", "not measured") };
                tr { td { (sentence(&word(&claim["claim"]))) } td { (sentence(&word(&claim["measured"]))) } td class=(class) { (says) } }
            } }))
        }
        @if !checks.is_empty() {
            (table("Checks", &["Check", "Expected", "Seen", ""], &html! { @for check in checks {
                @let passed = check["passed"].as_bool() == Some(true);
                tr { th scope="row" { (word(&check["name"])) } td { (word(&check["expected"])) } td { (word(&check["actual"])) }
                    td class=(if passed { "succeeded" } else { "failed" }) { (if passed { "✓ passed" } else { "✗ failed" }) } }
            } }))
        }
        (outputs(shown))
        (changes(&shown.content))
        details id="receipt-all" { summary { "All of it" } (json(&shown.content)) }
    }
}

/// What everybody asks of a receipt first.
fn facts(receipt: &Value) -> Markup {
    let said = |key: &str| receipt[key].as_str().filter(|text| !text.is_empty());
    html! {
        dl {
            @if let Some(status) = said("status") { dt { "Ended" } dd { (status) @if let Some(ms) = receipt["duration_ms"].as_u64().filter(|_| said("engine") != Some("human")) { " after " (length(ms)) @if receipt["attempt"].as_u64() > Some(1) { " (the last attempt)" } } } }
            @if let Some(engine) = said("engine") { dt { "By" } dd { (engine) @if let Some(model) = said("model") { ", " (model) } } }
            @if let Some(all) = receipt["tokens"]["total"].as_u64().filter(|all| *all > 0) {
                dt { "Tokens" } dd { (all) }
                dt { "Cost" } dd { @match receipt["cost_usd"].as_f64() { Some(usd) => { (format!("{usd:.4} USD")) } None => { "not known" } } }
            }
            @for (key, name) in [("tests", "Tests"), ("lint", "Lint"), ("security", "Security"), ("coverage", "Coverage")] {
                @let measured = &receipt[key];
                @if measured.is_object() { dt { (name) } dd { (figures(measured)) } }
            }
        }
    }
}

/// Plain figures in a row; why there are none, where there are none.
fn figures(measured: &Value) -> String {
    let all = measured["figures"].as_object();
    let plain = all.into_iter().flatten().filter(|(_, value)| value.is_number() || value.is_string());
    let said: Vec<String> = plain.map(|(name, value)| format!("{} {}", word(value), name.replace('_', " "))).collect();
    match measured["reason"].as_str() {
        Some(why) if said.is_empty() => format!("not measured: {why}"),
        Some(why) => format!("{}; {why}", said.join(", ")),
        None => said.join(", "),
    }
}

fn commands(receipt: &Value) -> Markup {
    let all = list(&receipt["commands"]);
    html! {
        @if !all.is_empty() {
            (table("Commands", &["Command", "Exit code", "Took"], &html! { @for one in all {
                @let code = one["exit_code"].as_i64();
                tr {
                    td { code { (spelled(one)) } }
                    td class=(if code == Some(0) { "number" } else { "number failed" }) { @match code { Some(0) => { "✓ 0" } Some(other) => { "✗ " (other) } None => { "✗ none: it was ended" } } }
                    td class="number" { (one["duration_ms"].as_u64().map(length).unwrap_or_default()) }
                }
            } }))
        }
    }
}

/// A command as it was written, up to where nobody reads on.
fn spelled(command: &Value) -> String {
    let words = || list(&command["argv"]).iter().map(word).collect::<Vec<_>>().join(" ");
    let whole = command["run"].as_str().map_or_else(words, str::to_owned);
    let short: String = whole.trim().chars().take(COMMAND_CHARS_MAX).collect();
    if short.len() < whole.trim().len() { format!("{short} …") } else { short }
}

/// Declared outputs as they were found; those among the artifacts can be looked at.
fn outputs(shown: &ShownFile) -> Markup {
    let all = list(&shown.content["outputs"]);
    html! {
        @if !all.is_empty() {
            (table("Outputs", &["Output", "Size", "sha256"], &html! { @for one in all {
                @let path = one["path"].as_str().unwrap_or_default();
                tr {
                    th scope="row" {
                        @match path.strip_prefix("artifacts/") {
                            Some(name) => { a href=(link(&shown.run_id, &shown.flow_path, name)) { (path) } }
                            None => { code { (path) } }
                        }
                    }
                    @if one["exists"].as_bool() == Some(true) { td class="number" { (one["bytes"].as_u64().unwrap_or_default()) " bytes" } td { @if let Some(digest) = one["sha256"].as_str() { code { (digest.get(..12).unwrap_or(digest)) } } } }
                    @else { td class="failed" { "✗ not there" } td {} }
                }
            } }))
        }
    }
}

/// Files that it changed, as far as the receipt names them.
fn changes(receipt: &Value) -> Markup {
    let files = list(&receipt["changes"]["figures"]["per_file"]);
    let lines = |one: &Value, key: &str| one[key].as_u64().map(|lines| lines.to_string()).unwrap_or_default();
    html! {
        @if !files.is_empty() {
            (table("Changed files", &["Changed file", "How", "Lines added", "Lines removed"], &html! { @for one in files {
                tr { th scope="row" { code { (word(&one["path"])) } } td { (word(&one["change"])) } td class="number" { (lines(one, "added")) } td class="number" { (lines(one, "removed")) } }
            } }))
        }
    }
}

/// What an agent was told, part by part, and what was cut.
pub(super) fn manifest(context: &Value) -> Markup {
    let parts = list(&context["parts"]);
    let most = context["budget_tokens"].as_u64().unwrap_or_default();
    html! {
        @if !parts.is_empty() {
            p class="dim" {
                (context["tokens"].as_u64().unwrap_or_default()) " of " (most) " tokens"
                @if context["estimated"].as_bool() == Some(true) { ", estimated" }
            }
            (table("Parts of the prompt", &["Part", "All of it", "Tokens", "Cut"], &html! { @for part in parts {
                @let cut = part["cut_tokens"].as_u64().unwrap_or_default();
                tr {
                    th scope="row" { (word(&part["part"])) }
                    td { @if let Some(path) = part["path"].as_str() { code { (path) } } }
                    td class="number" { (part["tokens"].as_u64().unwrap_or_default()) }
                    td class=(if cut > 0 { "number concerns" } else { "number" }) { (cut) }
                }
            } }))
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What it said of itself; what it leaves open.
pub(super) fn handoff(shown: &ShownFile) -> Markup {
    let (all, summary) = (&shown.content, &shown.content["summary"]);
    let said = |key: &str| summary[key].as_str().filter(|text| !text.is_empty());
    html! {
        p { b { (word(&all["status"])) } @if let Some(from) = all["measured"]["downgraded_from"].as_str() { span class="failed" { " it said " (from) ", and that is not what was seen" } } }
        @for why in list(&all["measured"]["reasons"]) { p class="failed" { (word(why)) } }
        @if let Some(did) = said("what_i_did") { p class="dim" { "What it did" } (text(did)) }
        @if let Some(found) = said("what_i_found") { p class="dim" { "What it found" } (text(found)) }
        @if !list(&all["concerns"]).is_empty() {
            p class="dim" { "What it leaves open" }
            ul { @for one in list(&all["concerns"]) { li { b { (word(&one["severity"])) } " " (word(&one["description"])) @if let Some(at) = one["location"].as_str() { " (" (at) ")" } } } }
        }
        details id="handoff-all" { summary { "All of it" } (json(all)) }
    }
}
