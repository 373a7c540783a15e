//! What several pages show in the same way: times, states, texts, links.
//! In: values. Out: pieces of HTML. Never: a colour that alone says something.

use axum::http::StatusCode;
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use crate::{
    id::{EscalationId, FramePath, RunId, StepRef, Time},
    inspect::{NextStep, Standing, Window, length},
    record::{Observed, RunStatus},
};

use super::super::problem::Problem;

/// What stands in an address as it is; people read these, and send them to one another.
const IN_AN_ADDRESS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Longer texts are shown up to here.
const TEXT_CHARS_MAX: usize = 200_000;

pub(super) fn enc(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, IN_AN_ADDRESS).to_string()
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

pub(super) fn flow_link(run: &RunId, flow: &FramePath) -> String {
    format!("/runs/{run}?flow={}", enc(flow.as_str()))
}

/// Pages of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Run,
    Evidence,
    Diagnosis,
    Artifacts,
}

pub(super) fn tabs(run: &RunId, here: Tab) -> Markup {
    let all = [
        (Tab::Run, "", "Run"),
        (Tab::Evidence, "/evidence", "Evidence"),
        (Tab::Diagnosis, "/diagnosis", "Diagnosis"),
        (Tab::Artifacts, "/artifacts", "Artifacts"),
    ];
    html! {
        nav class="tabs" aria-label={ "Pages of " (run) } {
            @for (tab, path, name) in all { a href={ (run_link(run)) (path) } aria-current=[(tab == here).then_some("page")] { (name) } }
            a href={ "/compare?b=" (enc(run.as_str())) } { "Compare" }
            a href={ (run_link(run)) "/report" } download { "Download as one file" }
        }
    }
}

/// Which rows of a long list are shown, and the way to the others; nothing where all of them are.
pub(super) fn pager(shown: Window, link: impl Fn(usize) -> String) -> Markup {
    let Window { from, to, all, most } = shown;
    html! {
        @if from > 0 || to < all {
            p {
                "rows " (from + 1) " to " (to) " of " (all)
                @if from > 0 { " · " a rel="prev" href=(link(from.saturating_sub(most))) { "before" } }
                @if to < all { " · " a rel="next" href=(link(to)) { "after" } }
            }
        }
    }
}

/// A heading as deep as what it stands in.
pub(super) fn heading(level: usize, id: &str, inside: &Markup) -> Markup {
    match level {
        0..=2 => html! { h2 id=(id) { (inside) } },
        3 => html! { h3 id=(id) { (inside) } },
        4 => html! { h4 id=(id) { (inside) } },
        5 => html! { h5 id=(id) { (inside) } },
        _ => html! { h6 id=(id) { (inside) } },
    }
}

/// A table that may be wider than the page; it is scrolled by keys too.
pub(super) fn table(name: &str, columns: &[&str], rows: &Markup) -> Markup {
    table_of("", name, columns, rows)
}

/// The same, with a class of its own.
pub(super) fn table_of(class: &str, name: &str, columns: &[&str], rows: &Markup) -> Markup {
    html! {
        div class="wide" tabindex="0" role="region" aria-label=(name) { table class=[(!class.is_empty()).then_some(class)] {
            thead { tr { @for column in columns { th scope="col" { @if column.is_empty() { span class="unseen" { "Verdict" } } @else { (column) } } } } }
            tbody { (rows) }
        } }
    }
}

/// Commands to type, and why.
pub(super) fn next(all: &[NextStep]) -> Markup {
    html! {
        @if !all.is_empty() {
            section aria-labelledby="next" {
                h2 id="next" { "What to do next" }
                ul { @for next in all { li { (next.why) ": " code { (next.command) } } } }
            }
        }
    }
}

/// An address in this studio names a run, and never a path.
pub(super) fn run_id(run: &str) -> Result<RunId, Problem> {
    RunId::new(run).map_err(|bad| Problem::new(StatusCode::NOT_FOUND, bad.to_string()))
}

/// How long ago, with the exact time behind it.
pub(super) fn ago(at: Time, now: Time) -> Markup {
    let ms = now.since(at);
    let words = if ms < 1000 { "just now".to_owned() } else { format!("{} ago", length(ms / 1000 * 1000)) };
    html! { time class="ago" datetime=(at) title=(at) { (words) } }
}

/// What the clock says here, from which a script counts on.
pub(super) fn clock(now: Time) -> Markup {
    html! { data id="now" value=(now) {} }
}

/// A moment among others of its page: the day is told where it is another than before.
pub(super) fn moment(at: Time, before: Option<Time>) -> Markup {
    let (at, before) = (at.to_string(), before.map(|time| time.to_string()).unwrap_or_default());
    let (day, clock) = at.trim_end_matches('Z').split_once('T').unwrap_or_default();
    html! { time datetime=(at) title=(at) { @if !before.starts_with(day) { (day) " " } (clock) } }
}

/// The events of a run behind a line, after which its pages are read again.
pub(super) fn events(run: &RunId, seq: u64) -> String {
    format!("/api/v1/runs/{run}/events?after={seq}")
}

/// Nothing more will be written by itself.
pub(super) fn ended(status: RunStatus, driven: bool) -> bool {
    match status {
        RunStatus::Succeeded | RunStatus::Failed | RunStatus::Cancelled => !driven,
        RunStatus::Running | RunStatus::Waiting | RunStatus::Interrupted => false,
    }
}

/// A run that only observed is no change that was made.
pub(super) fn observed_badge(status: RunStatus, observed: Option<&Observed>) -> Markup {
    match observed {
        Some(observed) => html! { span class="badge concerns" title=(observed.words()) { (observed.short(status)) } },
        None => run_badge(status),
    }
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

/// A parameter: a text as it is, anything else as JSON.
pub(super) fn value_of(value: &serde_json::Value) -> Markup {
    match value {
        serde_json::Value::String(one) => html! { code { (one) } },
        other => html! { code { (other) } },
    }
}

/// A sentence of ours; what stands between backticks is code.
pub(super) fn sentence(said: &str) -> Markup {
    let parts: Vec<&str> = said.split('`').collect();
    // One that is not closed is a sign like any other.
    let last = if parts.len().is_multiple_of(2) { parts.len() - 2 } else { parts.len() };
    html! {
        @for (at, part) in parts.iter().enumerate().take(last) {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
        @if last < parts.len() { (parts[last..].join("`")) }
    }
}

/// Text as it is, in lines.
pub(super) fn text(text: &str) -> Markup {
    let end = text.char_indices().nth(TEXT_CHARS_MAX).map_or(text.len(), |(at, _)| at);
    html! {
        pre tabindex="0" { (text[..end]) }
        @if end < text.len() { p class="dim" { "… and " (text.len() - end) " bytes more" } }
    }
}

/// A unified difference; what it says by colour stands in its first column too.
pub(super) fn difference(what: &str, all: &str) -> Markup {
    html! {
        pre class="diff" tabindex="0" role="region" aria-label={ "Difference: " (what) } {
            @for line in all.lines() {
                @match line.as_bytes().first() {
                    Some(b'+') => { span class="plus" { (line) } }
                    Some(b'-') => { span class="minus" { (line) } }
                    Some(b'@') => { span class="at" { (line) } }
                    _ => { (line) }
                }
                "\n"
            }
        }
    }
}

/// A value as JSON that people read; a text as itself.
pub(super) fn json(value: &serde_json::Value) -> Markup {
    match value {
        serde_json::Value::String(one) => text(one),
        other => text(&serde_json::to_string_pretty(other).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code() {
        for (said, shown) in [
            ("plain", "plain"),
            ("produced `a<b`; gone", "produced <code>a&lt;b</code>; gone"),
            ("`a` and `b`", "<code>a</code> and <code>b</code>"),
            ("one ` sign", "one ` sign"),
            ("`a` and ` sign", "<code>a</code> and ` sign"),
            ("", ""),
        ] {
            assert_eq!(sentence(said).into_string(), shown, "{said}");
        }
    }

    #[test]
    fn the_day_is_told_where_it_is_another() {
        let at = |text: &str| text.parse::<Time>().unwrap();
        let (noon, later, next) =
            (at("2026-01-02T12:00:00.000Z"), at("2026-01-02T12:00:01.500Z"), at("2026-01-03T00:00:00.000Z"));
        let words = |at, before| moment(at, before).into_string();
        assert!(words(noon, None).contains(">2026-01-02 12:00:00.000<"));
        assert!(
            words(later, Some(noon)).contains(">12:00:01.500<") && words(next, Some(later)).contains(">2026-01-03 00:00:00.000<")
        );
    }
}
