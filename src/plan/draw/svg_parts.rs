//! One node of the picture: its box, what is written in it, and its signs.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::{
    Mark,
    layout::{Rect, Size},
    order::float,
    sketch::{Approval, Node, Shape, short},
};

const TITLE_CHARS_MAX: usize = 34;
const WHEN_CHARS_MAX: usize = 38;
const PAD: f64 = 14.0;
const LINE: f64 = 15.0;
const TOP: f64 = 20.0;
const WIDTH_MIN: f64 = 96.0;

struct Line {
    class: &'static str,
    text: String,
}

fn lines(node: &Node) -> Vec<Line> {
    let mut lines = vec![Line { class: "id", text: short(&node.id, 40) }];
    let mut verb = node.verb.clone();
    if let Some(each) = &node.each {
        let _ = write!(verb, " · {each}");
    }
    if node.once {
        verb.push_str(" · once");
    }
    lines.push(Line { class: "verb", text: short(&verb, 40) });
    lines.extend(node.title.as_deref().map(|title| Line { class: "say", text: short(title, TITLE_CHARS_MAX) }));
    lines.extend(node.choice.iter().map(|line| Line { class: "note", text: short(line, WHEN_CHARS_MAX) }));
    lines.extend(node.when.as_deref().map(|when| Line { class: "note", text: format!("when {}", short(when, WHEN_CHARS_MAX)) }));
    lines.extend(node.join.as_deref().map(|join| Line { class: "note", text: format!("joins {join}") }));
    lines.extend(node.inside.iter().map(|line| Line { class: "within", text: format!("↳ {}", short(line, WHEN_CHARS_MAX)) }));
    lines
}

/// No font can be asked how wide its letters are; these widths leave a little room in all usual ones.
fn wide(line: &Line) -> f64 {
    let per_column = if line.class == "id" { 7.9 } else { 6.3 };
    float(line.text.width()) * per_column
}

pub(super) fn size(node: &Node) -> Size {
    let lines = lines(node);
    let text = lines.iter().map(wide).fold(0.0, f64::max);
    let mark = if node.mark.is_some() { 16.0 } else { 0.0 };
    let side = if node.shape == Shape::Person { 14.0 } else { 0.0 };
    let tag = if node.approval.is_some() { TAG_WIDTH + 24.0 } else { 0.0 };
    let width = (text + 2.0 * PAD + mark + 2.0 * side).max(WIDTH_MIN).max(tag);
    Size { width: width.round(), height: TOP + LINE * float(lines.len() - 1) + 11.0 }
}

const TAG_WIDTH: f64 = 58.0;

pub(super) fn node(node: &Node, rect: &Rect) -> String {
    let mark = node.mark.map(|mark| format!(" {}", mark.word())).unwrap_or_default();
    let mut out = format!(r#"<g class="node {}{mark}" transform="translate({:.1} {:.1})">"#, node.shape.word(), rect.x, rect.y);
    let _ = write!(out, "<title>{}</title>", escaped(&hover(node)));
    out.push_str(&shape(node, rect));
    let side = if node.shape == Shape::Person { 14.0 } else { 0.0 };
    for (row, line) in lines(node).iter().enumerate() {
        let y = TOP + LINE * float(row);
        // A space between them, so that they are words of their own for whoever hears them.
        let _ = write!(out, r#"<text class="{}" x="{:.1}" y="{y:.1}">{}</text> "#, line.class, PAD + side, escaped(&line.text));
    }
    if let Some(mark) = node.mark {
        let _ = write!(out, r#"<text class="mark" x="{:.1}" y="{TOP:.1}">{}</text>"#, rect.width - 14.0 - side, mark.glyph());
    }
    if let Some(approval) = node.approval {
        let class = if approval == Approval::Sometimes { " sometimes" } else { "" };
        let _ = write!(
            out,
            r#" <rect class="tag-box{class}" x="12" y="-9" width="{TAG_WIDTH}" height="15" rx="7.5"/><text class="tag{class}" x="{:.1}" y="2">{}</text>"#,
            12.0 + TAG_WIDTH / 2.0,
            approval.word()
        );
    }
    out.push_str("</g>\n");
    out
}

fn shape(node: &Node, rect: &Rect) -> String {
    let (w, h) = (rect.width, rect.height);
    let mut out = String::new();
    if node.each.is_some() {
        // A second sheet behind the first: one per item.
        let _ = write!(out, r#"<rect class="box" x="5" y="5" width="{w}" height="{h}" rx="4"/>"#);
    }
    match node.shape {
        Shape::Command => {
            let _ = write!(out, r#"<rect class="box" width="{w}" height="{h}" rx="4"/>{}"#, stripe(h));
        }
        Shape::Agent => {
            let _ = write!(
                out,
                r#"<rect class="box" width="{w}" height="{h}" rx="16"/><circle class="stripe" cx="7" cy="{:.1}" r="3"/>"#,
                TOP - 4.5
            );
        }
        Shape::Person => {
            let _ = write!(
                out,
                r#"<path class="box" d="M14 0 H{:.1} L{w} {:.1} L{:.1} {h} H14 L0 {:.1} z"/><circle class="stripe" cx="16" cy="{:.1}" r="3"/>"#,
                w - 14.0,
                h / 2.0,
                w - 14.0,
                h / 2.0,
                TOP - 4.5
            );
        }
        Shape::SubFlow => {
            let _ = write!(
                out,
                r#"<rect class="box" width="{w}" height="{h}" rx="4"/><rect class="inner" x="3.5" y="3.5" width="{:.1}" height="{:.1}" rx="2"/><rect class="stripe" x="5" y="8" width="4" height="{:.1}" rx="2"/>"#,
                w - 7.0,
                h - 7.0,
                h - 16.0
            );
        }
        Shape::Builtin => {
            let _ = write!(
                out,
                r#"<path class="box" d="M4 0 H{:.1} L{w} 12 V{:.1} Q{w} {h} {:.1} {h} H4 Q0 {h} 0 {:.1} V4 Q0 0 4 0 z"/>{}"#,
                w - 12.0,
                h - 4.0,
                w - 4.0,
                h - 4.0,
                stripe(h)
            );
        }
    }
    out
}

fn stripe(height: f64) -> String {
    format!(r#"<rect class="stripe" x="4" y="6" width="4" height="{:.1}" rx="2"/>"#, height - 12.0)
}

/// Everything that was cut, in full.
fn hover(node: &Node) -> String {
    let mut text = format!("{} ({})", node.id, node.verb);
    if let Some(title) = &node.title {
        let _ = write!(text, ": {title}");
    }
    for line in &node.choice {
        let _ = write!(text, "\n{line}");
    }
    if let Some(when) = &node.when {
        let _ = write!(text, "\nwhen {when}");
    }
    for line in &node.inside {
        let _ = write!(text, "\n{line}");
    }
    if let Some(mark) = node.mark {
        let _ = write!(text, "\n{}", mark.word());
    }
    text
}

/// What a link to it is called: what is written in it, so that it can be called by that, and where it stands.
pub(super) fn spoken(node: &Node) -> String {
    let mut words: Vec<String> = lines(node).into_iter().map(|line| line.text).collect();
    words.extend(node.approval.map(|approval| approval.word().to_owned()));
    format!("{}: {}", words.join(", "), node.mark.map_or("to come", Mark::word))
}

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML knows no way to write most control characters.
            c if c.is_control() && c != '\n' => {}
            c => out.push(c),
        }
    }
    out
}
