//! DOT, for Graphviz and whatever reads it.

use std::fmt::Write as _;

use crate::plan::Plan;

use super::{
    Marks,
    sketch::{Approval, Node, Shape, Sketch, short},
};

const TEXT_CHARS_MAX: usize = 60;

pub fn dot(plan: &Plan, marks: &Marks) -> String {
    let sketch = Sketch::new(plan, marks);
    let mut out = String::from("digraph flow {\n  rankdir=LR;\n");
    let _ = writeln!(out, "  label={}; labelloc=t; fontname=\"sans-serif\";", quoted(&sketch.title));
    out.push_str("  node [fontname=\"sans-serif\", fontsize=11, style=filled, fillcolor=white];\n");
    out.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
    for node in &sketch.nodes {
        let _ = writeln!(out, "  {} [{}];", quoted(&node.id), attributes(node));
    }
    for (from, to) in &sketch.needs {
        let label = sketch.nodes[*to].join.as_deref().map(|join| format!(" [label={}]", quoted(join))).unwrap_or_default();
        let _ = writeln!(out, "  {} -> {}{label};", quoted(&sketch.nodes[*from].id), quoted(&sketch.nodes[*to].id));
    }
    for back in &sketch.loops {
        let (last, first) = (&sketch.nodes[back.last].id, &sketch.nodes[back.first].id);
        let _ = writeln!(
            out,
            "  {} -> {} [label={}, style=dashed, constraint=false];",
            quoted(last),
            quoted(first),
            quoted(&back.label())
        );
    }
    out.push_str("}\n");
    out
}

fn attributes(node: &Node) -> String {
    let mut lines = vec![node.id.clone(), node.verb.clone()];
    lines.extend(node.title.as_deref().map(|title| short(title, TEXT_CHARS_MAX)));
    lines.extend(node.each.clone());
    lines.extend(node.choice.iter().map(|line| short(line, TEXT_CHARS_MAX)));
    lines.extend(node.when.as_deref().map(|when| format!("when {}", short(when, TEXT_CHARS_MAX))));
    lines.extend(node.inside.iter().map(|line| short(line, TEXT_CHARS_MAX)));
    lines.extend(node.approval.map(|approval| match approval {
        Approval::Always => "needs an approval".to_owned(),
        Approval::Sometimes => "may need an approval".to_owned(),
    }));
    let shape = match node.shape {
        Shape::Command => "shape=box",
        Shape::Agent => "shape=box, style=\"rounded,filled\"",
        Shape::Person => "shape=hexagon",
        Shape::SubFlow => "shape=box, peripheries=2",
        Shape::Builtin => "shape=note",
    };
    let color = node.mark.map(|mark| {
        let (fill, border) = mark.colors();
        format!(", fillcolor=\"{fill}\", color=\"{border}\"")
    });
    format!("label={}, {shape}{}", quoted(&lines.join("\n")), color.unwrap_or_default())
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
