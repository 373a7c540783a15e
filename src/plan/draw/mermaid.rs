//! Mermaid, as Markdown viewers draw it.

use std::fmt::Write as _;

use crate::plan::Plan;

use super::{
    Mark, Marks,
    sketch::{Approval, Node, Shape, Sketch, short},
};

const TEXT_CHARS_MAX: usize = 60;

pub fn mermaid(plan: &Plan, marks: &Marks) -> String {
    let sketch = Sketch::new(plan, marks);
    let mut out = String::from("flowchart LR\n");
    for (at, node) in sketch.nodes.iter().enumerate() {
        let _ = writeln!(out, "  {}", shaped(at, node));
    }
    for (from, to) in &sketch.needs {
        let join = sketch.nodes[*to].join.as_deref().map(|join| format!("|{join}|")).unwrap_or_default();
        let _ = writeln!(out, "  s{from} -->{join} s{to}");
    }
    for back in &sketch.loops {
        let _ = writeln!(out, "  s{} -.->|\"{}\"| s{}", back.last, back.label(), back.first);
    }
    for mark in Mark::ALL {
        let marked = sketch.nodes.iter().enumerate().filter(|(_, node)| node.mark == Some(mark));
        let marked: Vec<String> = marked.map(|(at, _)| format!("s{at}")).collect();
        if !marked.is_empty() {
            let (fill, border) = mark.colors();
            let _ = writeln!(out, "  classDef {} fill:{fill},stroke:{border},color:#0f172a", mark.word());
            let _ = writeln!(out, "  class {} {}", marked.join(","), mark.word());
        }
    }
    out
}

fn shaped(at: usize, node: &Node) -> String {
    let mut lines = vec![format!("<b>{}</b>", escaped(&node.id)), escaped(&node.verb)];
    lines.extend(node.title.as_deref().map(|title| escaped(&short(title, TEXT_CHARS_MAX))));
    lines.extend(node.each.as_deref().map(escaped));
    lines.extend(node.choice.iter().map(|line| escaped(&short(line, TEXT_CHARS_MAX))));
    lines.extend(node.when.as_deref().map(|when| format!("when {}", escaped(&short(when, TEXT_CHARS_MAX)))));
    lines.extend(node.inside.iter().map(|line| escaped(&short(line, TEXT_CHARS_MAX))));
    lines.extend(node.approval.map(|approval| match approval {
        Approval::Always => "needs an approval".to_owned(),
        Approval::Sometimes => "may need an approval".to_owned(),
    }));
    lines.extend(node.mark.map(|mark| format!("{} {}", mark.glyph(), mark.word())));
    let text = lines.join("<br/>");
    match node.shape {
        Shape::Command => format!("s{at}[\"{text}\"]"),
        Shape::Agent => format!("s{at}([\"{text}\"])"),
        Shape::Person => format!("s{at}{{{{\"{text}\"}}}}"),
        Shape::SubFlow => format!("s{at}[[\"{text}\"]]"),
        Shape::Builtin => format!("s{at}[/\"{text}\"/]"),
    }
}

/// Mermaid reads entities by number, `#34;`, and everything else as markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | ',' | ':' | '/' | '…' | '=' | '?' | '!' | '+') {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}
