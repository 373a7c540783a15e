//! The story of one flow as a part of an HTML file.
//! In: a view, a flow. Out: HTML. Never: text of a step, an agent or a person taken for markup; a second opinion:
//! what the Markdown says is said here by the same functions.

use maud::{Markup, PreEscaped, html};

use crate::{
    kernel::Frame,
    record::{Claim, QuestionStatus},
};

use super::{status::StatusReport, timeline::timeline, view::RunView, words::clean};

/// Everything about one flow below its title, with headings of this depth.
pub(super) fn flow_story(view: &RunView, frame: &Frame, told: &str, stands: &StatusReport, level: usize) -> Markup {
    let (bars, shown) = timeline(view, frame, None);
    html! {
        @if let Some(reason) = &frame.outcome_reason { p { (data(reason)) } }
        @if let Some(goal) = &frame.plan.flow.charter.goal { p { "Goal: " (data(goal)) } }
        (questions(view, frame, stands, level))
        (heading(level, "Timeline"))
        div class="wide" tabindex="0" role="region" aria-label="Timeline" {
            (bars)
            @if shown.from > 0 { p class="dim" { (shown.from) " executions before these are not drawn." } }
        }
        (sections(told, level))
        (claims(view, frame, level))
        (routes(view, frame, level))
    }
}

fn heading(level: usize, title: &str) -> Markup {
    match level {
        0..=2 => html! { h2 { (title) } },
        _ => html! { h3 { (title) } },
    }
}

/// The Markdown's own words, one heading and its lines at a time. It is made by us line by line, so its shape is known:
/// headings, items, tables and sentences.
fn sections(told: &str, level: usize) -> Markup {
    let body = told.split_once("\n- run ").map_or("", |(_, rest)| rest.split_once('\n').map_or("", |(_, rest)| rest));
    let mut lines = body.lines().peekable();
    let mut out = String::new();
    while let Some(line) = lines.next() {
        let part = if let Some(title) = line.strip_prefix("## ") {
            heading(level, title)
        } else if line.starts_with("| ") {
            let mut rows = Vec::new();
            while let Some(row) = lines.next_if(|line| line.starts_with("| ")) {
                rows.push(row);
            }
            html! {
                div class="wide" tabindex="0" role="region" aria-label="Table" { table {
                    tr { @for cell in cells(line) { th { (plain(&cell)) } } }
                    @for row in rows.iter().filter(|row| !row.starts_with("| --- ")) {
                        tr { @for cell in cells(row) { td { (plain(&cell)) } } }
                    }
                } }
            }
        } else if let Some(item) = line.trim_start().strip_prefix("- ") {
            let deep = line.starts_with("  ");
            html! { ul { li class=[deep.then_some("deep")] { (plain(item)) } } }
        } else if line.trim().is_empty() {
            continue;
        } else {
            html! { p { (plain(line)) } }
        };
        out.push_str(&part.into_string());
    }
    PreEscaped(out)
}

/// A row without its outer bars, split at bars that are not escaped.
fn cells(row: &str) -> Vec<String> {
    let (mut found, mut cell, mut escaped) = (Vec::new(), String::new(), false);
    for c in row.trim_matches(|c| c == ' ').trim_start_matches('|').chars() {
        match c {
            '|' if !escaped => found.push(std::mem::take(&mut cell).trim().to_owned()),
            c => cell.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    found
}

/// Text of the Markdown, with bold and code as what they are; everything else is text.
fn plain(text: &str) -> Markup {
    let mut out = String::new();
    let (mut bold, mut code) = (false, false);
    let mut chars = text.chars().peekable();
    let push = |out: &mut String, c: char| match c {
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '&' => out.push_str("&amp;"),
        '"' => out.push_str("&quot;"),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            out.extend(c.escape_unicode());
        }
        c => out.push(c),
    };
    while let Some(c) = chars.next() {
        match c {
            '\\' if !code && chars.peek().is_some_and(|next| "|*`[]\\".contains(*next)) => {
                if let Some(next) = chars.next() {
                    push(&mut out, next);
                }
            }
            '`' => {
                out.push_str(if code { "</code>" } else { "<code>" });
                code = !code;
            }
            '*' if !code && chars.peek() == Some(&'*') => {
                chars.next();
                out.push_str(if bold { "</strong>" } else { "<strong>" });
                bold = !bold;
            }
            // A link of ours: the page may lie anywhere, so it names the file and does not lead to it.
            '[' if !code => {
                let label: String = chars.by_ref().take_while(|c| *c != ']').collect();
                let path: String = if chars.next_if_eq(&'(').is_some() {
                    chars.by_ref().take_while(|c| *c != ')').collect()
                } else {
                    String::new()
                };
                label.chars().for_each(|c| push(&mut out, c));
                out.push_str(" <code>");
                path.trim_start_matches("../").chars().for_each(|c| push(&mut out, c));
                out.push_str("</code>");
            }
            // `cell` wrote these for us; they are what they stand for.
            '&' if !code => {
                let ahead: String = chars.clone().take(4).collect();
                let known = ["lt;", "amp;"].into_iter().find(|name| ahead.starts_with(name));
                out.push('&');
                out.push_str(known.unwrap_or("amp;"));
                for _ in known.unwrap_or_default().chars() {
                    chars.next();
                }
            }
            c => push(&mut out, c),
        }
    }
    if code {
        out.push_str("</code>");
    }
    if bold {
        out.push_str("</strong>");
    }
    PreEscaped(out)
}

/// Text that is data, also where it would turn the rest of the line around.
pub(super) fn data(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
    clean(text).chars().map(|c| if turns(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// Every decision, going on too, in order: where it went, by which rule, who said so.
fn routes(view: &RunView, frame: &Frame, level: usize) -> Markup {
    let here = view.steps.iter().filter(|(at, _)| at.flow == frame.path);
    let mut all: Vec<_> = here.flat_map(|(_, story)| &story.executions).flat_map(|one| &one.decisions).collect();
    all.sort_by_key(|one| one.timestamp);
    html! {
        @if !all.is_empty() {
            (heading(level, "Every decision"))
            div class="wide" tabindex="0" role="region" aria-label="Table" { table {
                tr { th { "after" } th { "decision" } th { "next" } th { "rule" } th { "why" } th { "by" } }
                @for one in all {
                    tr {
                        td { (data(one.step_id.as_str())) } td { (one.decision) }
                        td { (data(&one.next_step_ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))) }
                        td { (one.rule) } td { (data(&one.reason)) } td { (data(&one.by)) }
                    }
                }
            } }
        }
    }
}

/// What steps said of themselves, beside what was seen.
fn claims(view: &RunView, frame: &Frame, level: usize) -> Markup {
    let mut all: Vec<(String, Claim)> = Vec::new();
    for (at, story) in view.steps.iter().filter(|(at, _)| at.flow == frame.path) {
        let Some(proof) = story.executions.last().and_then(super::view::Execution::proof) else { continue };
        all.extend(proof.claims.iter().map(|claim| (at.step.to_string(), claim.clone())));
    }
    html! {
        @if !all.is_empty() {
            (heading(level, "Claims beside measures"))
            div class="wide" tabindex="0" role="region" aria-label="Table" { table {
                tr { th { "step" } th { "said" } th { "measured" } th { "" } }
                @for (step, claim) in all {
                    @let word = if claim.agrees { "agrees" } else { "disagrees" };
                    tr { td { (data(&step)) } td { (data(&claim.claim)) } td { (data(&claim.measured)) } td class=(word) { (word) } }
                }
            } }
        }
    }
}

/// Every question, with who answered it and when; open ones with what can be typed.
fn questions(view: &RunView, frame: &Frame, stands: &StatusReport, level: usize) -> Markup {
    let mut all: Vec<_> = view.state.questions.values().filter(|one| one.flow_path == frame.path).collect();
    all.sort_by(|a, b| (a.raised_at, &a.id).cmp(&(b.raised_at, &b.id)));
    html! {
        @if !all.is_empty() {
            (heading(level, "Questions and answers"))
            @for one in all {
                div class="question" {
                    p { strong { (data(&one.question)) } }
                    p class="dim" { (one.id) ", since " (one.raised_at) ", " (one.severity) ": " (data(&one.reason)) }
                    @if !one.shown.is_empty() {
                        p { "Shown: " @for shown in &one.shown { code { (data(&shown.path)) } " " } }
                    }
                    @match (&one.answer, one.status) {
                        (Some(answer), _) => {
                            p {
                                strong { (data(&answer.by)) } " answered " strong { (data(&answer.choose)) } " at " (answer.at)
                                @if answer.self_approved { ", who also started the run" }
                                @if let Some(note) = &answer.note { ", saying: " (data(note)) }
                            }
                        }
                        (None, QuestionStatus::Open | QuestionStatus::Answered) => {
                            @for waiting in stands.questions.iter().filter(|waiting| waiting.id == one.id) {
                                ul { @for choice in &waiting.choices {
                                    li { (data(&choice.label)) " (" (data(&choice.effect)) "): " code { (data(&choice.command)) } }
                                } }
                            }
                        }
                        (None, QuestionStatus::Voided) => { p { "It was voided: what was shown had changed." } }
                        (None, QuestionStatus::Expired) => { p { "Its time was up." } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_the_markdown_is_text_whatever_it_says() {
        let cell = super::super::report_parts::cell;
        for text in ["<script>x</script>", "</style>", "a & b", "&lt;b&gt;", "**not bold**", "`tick", "a|b\\|c", "\\&lt;"] {
            let shown = plain(&cell(text)).into_string();
            let back = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
            assert_eq!(back, text, "{shown}");
            assert!(!shown.contains('<'), "{shown}");
        }
        assert_eq!(plain("**a** `b<c`").into_string(), "<strong>a</strong> <code>b&lt;c</code>");
        assert_eq!(plain("[receipt](../x/a<.json)").into_string(), "receipt <code>x/a&lt;.json</code>");
        assert_eq!(plain("a\u{202e}b").into_string(), "a\\u{202e}b");
        assert_eq!(cells("| a | b\\|c |"), ["a", "b\\|c"]);
    }
}
