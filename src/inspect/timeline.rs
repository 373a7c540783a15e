//! When the steps of a flow ran, as bars side by side.
//! In: a flow of a run, and which of its executions. Out: a picture in a page. Never: more than `BARS_MAX` bars at once.

use maud::{Markup, html};

use crate::{id::Time, kernel::Frame, record::ReceiptStatus};

use super::{by_word::marked_done, report_html::data, view::RunView, words::length};

/// Bars of one picture.
const BARS_MAX: usize = 200;

/// Rows of a list of which not all are shown; those before `from` and from `to` on are on other pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: usize,
    pub to: usize,
    pub all: usize,
    /// Rows of a page.
    pub most: usize,
}

impl Window {
    /// `most` rows of `all`, from the one that was asked for; else the last ones: what somebody looks for is where it stands, or ended.
    pub fn of(all: usize, asked: Option<usize>, most: usize) -> Self {
        let from = asked.filter(|from| *from < all).unwrap_or_else(|| all.saturating_sub(most));
        Self { from, to: (from + most).min(all), all, most }
    }
}

struct Bar {
    name: String,
    from: Time,
    to: Time,
    class: &'static str,
    /// What stands in the place of a length.
    word: Option<String>,
}

/// One bar per execution, in the order in which they started; from the one that is asked for, or the last ones.
#[expect(clippy::cast_precision_loss, reason = "places in a picture")]
pub fn timeline(view: &RunView, frame: &Frame, asked: Option<usize>) -> (Markup, Window) {
    let mut bars = Vec::new();
    for (at, story) in view.steps.iter().filter(|(at, _)| at.flow == frame.path) {
        for one in &story.executions {
            let class = match one.proof().map(|proof| proof.status) {
                Some(ReceiptStatus::Succeeded) => "succeeded",
                Some(ReceiptStatus::Failed) => "failed",
                Some(ReceiptStatus::Interrupted) => "interrupted",
                None if one.lost_at.is_some() => "interrupted",
                None => "running",
            };
            let number = if story.executions.len() > 1 { format!(" #{}", one.number) } else { String::new() };
            let to = one.ended_at().unwrap_or(view.state.now);
            let word = marked_done(view, one).map(|word| data(&word.words()));
            bars.push(Bar { word, name: data(&format!("{}{number}", at.step)), from: one.started_at, to, class });
        }
    }
    bars.sort_by(|a, b| (a.from, a.to, &a.name).cmp(&(b.from, b.to, &b.name)));
    let window = Window::of(bars.len(), asked, BARS_MAX);
    bars.truncate(window.to);
    bars.drain(..window.from);
    let (Some(start), Some(end)) = (bars.iter().map(|bar| bar.from).min(), bars.iter().map(|bar| bar.to).max()) else {
        return (html! { p class="dim" { "Nothing has run." } }, window);
    };
    let span = end.since(start).max(1) as f64;
    let place = |time: Time| 190.0 + 560.0 * time.since(start) as f64 / span;
    let height = 24 * bars.len() + 28;
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" class="gantt" viewBox={ "0 0 880 " (height) } width="880" height=(height) role="img" aria-label="Timeline" {
            line x1="190" y1="20" x2="750" y2="20" {}
            text x="190" y="14" class="dim" { (start) }
            text x="750" y="14" class="dim" text-anchor="end" { "+" (length(end.since(start))) }
            @for (row, bar) in bars.iter().enumerate() {
                @let y = 28 + 24 * row;
                @let short: String = bar.name.chars().take(26).collect();
                text x="182" y=(y + 13) text-anchor="end" { (short) }
                rect class=(bar.class) x={ (format!("{:.1}", place(bar.from))) } y=(y) width={ (format!("{:.1}", (place(bar.to) - place(bar.from)).max(2.0))) } height="16" rx="3" {
                    title { (bar.name) ": " (bar.class) ", " (bar.from) ", " (length(bar.to.since(bar.from))) }
                }
                text x={ (format!("{:.1}", place(bar.to) + 6.0)) } y=(y + 13) class="dim" { (bar.word.clone().unwrap_or_else(|| length(bar.to.since(bar.from)))) }
            }
        }
    };
    (picture, window)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_where_it_was_asked_for_and_else_at_the_end() {
        let rows = |all, asked| {
            let window = Window::of(all, asked, 200);
            (window.from, window.to)
        };
        assert_eq!(rows(0, None), (0, 0));
        assert_eq!(rows(0, Some(3)), (0, 0));
        assert_eq!(rows(200, None), (0, 200));
        assert_eq!(rows(201, None), (1, 201));
        assert_eq!(rows(450, Some(0)), (0, 200));
        assert_eq!(rows(450, Some(400)), (400, 450));
        assert_eq!(rows(450, Some(450)), (250, 450), "a row that is not there");
    }
}
