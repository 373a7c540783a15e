//! What several pages show in the same way: times, states, texts, links.
//! In: values. Out: pieces of HTML. Never: a colour that alone says something.

use maud::{Markup, html};

use crate::{
    id::{EscalationId, FramePath, RunId, StepRef, Time},
    inspect::{Standing, length},
    record::RunStatus,
};

/// Longer texts are shown up to here.
const TEXT_CHARS_MAX: usize = 200_000;

pub(super) fn enc(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub(super) fn run_link(run: &RunId) -> String {
    format!("/runs/{run}")
}

pub(super) fn step_link(run: &RunId, flow: &FramePath, step: &StepRef) -> String {
    format!("/runs/{run}/step?flow={}&step={}", enc(flow.as_str()), enc(step.as_str()))
}

pub(super) fn question_link(run: &RunId, question: &EscalationId) -> String {
    format!("/runs/{run}/questions/{}", enc(question.as_str()))
}

/// How long ago, with the exact time behind it.
pub(super) fn ago(at: Time, now: Time) -> Markup {
    let ms = now.since(at);
    let words = if ms < 1000 { "just now".to_owned() } else { format!("{} ago", length(ms / 1000 * 1000)) };
    html! { time datetime=(at) title=(at) { (words) } }
}

pub(super) fn run_badge(status: RunStatus) -> Markup {
    let glyph = match status {
        RunStatus::Running => "▸",
        RunStatus::Waiting => "?",
        RunStatus::Succeeded => "✓",
        RunStatus::Failed => "✗",
        RunStatus::Interrupted => "‖",
        RunStatus::Cancelled => "–",
    };
    html! { span class={ "badge " (status.as_str()) } { span aria-hidden="true" { (glyph) } " " (status) } }
}

pub(super) fn standing_badge(standing: Standing) -> Markup {
    let (class, glyph) = match standing {
        Standing::Pending | Standing::Ready => ("dim", "·"),
        Standing::Running | Standing::Retrying | Standing::InFlow | Standing::InDetour => ("running", "▸"),
        Standing::Waiting | Standing::Blocked => ("waiting", "?"),
        Standing::Succeeded => ("succeeded", "✓"),
        Standing::Concerns => ("concerns", "!"),
        Standing::Failed => ("failed", "✗"),
        Standing::Skipped | Standing::Stopped => ("dim", "–"),
    };
    html! { span class={ "badge " (class) } { span aria-hidden="true" { (glyph) } " " (standing) } }
}

/// Text as it is, in lines.
pub(super) fn text(text: &str) -> Markup {
    let end = text.char_indices().nth(TEXT_CHARS_MAX).map_or(text.len(), |(at, _)| at);
    html! {
        pre tabindex="0" { (text[..end]) }
        @if end < text.len() { p class="dim" { "… and " (text.len() - end) " bytes more" } }
    }
}

/// A value as JSON that people read; a text as itself.
pub(super) fn json(value: &serde_json::Value) -> Markup {
    match value {
        serde_json::Value::String(one) => text(one),
        other => text(&serde_json::to_string_pretty(other).unwrap_or_default()),
    }
}
