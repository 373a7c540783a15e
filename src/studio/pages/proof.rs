//! Receipt and handoff of one execution, for people: what it was, what it said of itself, what was seen.
//! In: the files as they are. Out: pieces of a page, with all of the file behind them. Never: a claim shown as a measure.

use maud::{Markup, html};
use serde_json::Value;

use crate::inspect::{ShownFile, length};

use super::parts::{json, table, text};

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
        @if !claims.is_empty() {
            (table("Claims beside measures", &["It said", "We saw", ""], &html! { @for claim in claims {
                @let (class, says) = match claim["agrees"].as_bool() { Some(true) => ("succeeded", "✓ agrees"), Some(false) => ("failed", "✗ does not agree"), None => ("dim", "not measured") };
                tr { td { (word(&claim["claim"])) } td { (word(&claim["measured"])) } td class=(class) { (says) } }
            } }))
        }
        @if !checks.is_empty() {
            (table("Checks", &["Check", "Expected", "Seen", ""], &html! { @for check in checks {
                @let passed = check["passed"].as_bool() == Some(true);
                tr { th scope="row" { (word(&check["name"])) } td { (word(&check["expected"])) } td { (word(&check["actual"])) }
                    td class=(if passed { "succeeded" } else { "failed" }) { (if passed { "✓ passed" } else { "✗ failed" }) } }
            } }))
        }
        details id="receipt-all" { summary { "All of it" } (json(&shown.content)) }
    }
}

/// What everybody asks of a receipt first.
fn facts(receipt: &Value) -> Markup {
    let said = |key: &str| receipt[key].as_str().filter(|text| !text.is_empty());
    let exits: Vec<String> =
        list(&receipt["commands"]).iter().filter_map(|one| Some(one["exit_code"].as_i64()?.to_string())).collect();
    html! {
        dl {
            @if let Some(status) = said("status") { dt { "Ended" } dd { (status) @if let Some(ms) = receipt["duration_ms"].as_u64() { " after " (length(ms)) } } }
            @if let Some(engine) = said("engine") { dt { "By" } dd { (engine) @if let Some(model) = said("model") { ", " (model) } } }
            @if !exits.is_empty() { dt { "Exit codes" } dd { (exits.join(", ")) } }
            @if let Some(all) = receipt["tokens"]["total"].as_u64().filter(|all| *all > 0) { dt { "Tokens" } dd { (all) } }
            @for (name, value) in receipt["tests"]["figures"].as_object().into_iter().flatten() { dt { "Tests " (name) } dd { (value) } }
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
