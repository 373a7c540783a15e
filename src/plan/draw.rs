//! A flow's plan as a picture: Mermaid for Markdown, DOT for tools, SVG for pages and reports.
//! In: a plan, and how its steps stand if it is drawn for a run. Out: text, the same for the same plan.
//! Never: a file asked for, a text of the flow taken for markup.

mod dot;
mod layout;
mod mermaid;
mod order;
mod sketch;
mod svg;
mod svg_parts;

use std::collections::BTreeMap;

pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::{svg, svg_part, svg_style};

use crate::id::StepId;

/// How a step stands, as far as a picture tells it. A step without a mark is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    Running,
    Waiting,
    Succeeded,
    /// It ended with something open, and the flow went on.
    Concerns,
    Failed,
    Skipped,
}

pub type Marks = BTreeMap<StepId, Mark>;

impl Mark {
    pub(super) const ALL: [Self; 6] =
        [Self::Running, Self::Waiting, Self::Succeeded, Self::Concerns, Self::Failed, Self::Skipped];

    /// The class in SVG and Mermaid.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Concerns => "concerns",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// So that colour is not the only sign.
    pub(super) fn glyph(self) -> &'static str {
        match self {
            Self::Running => "▸",
            Self::Waiting => "?",
            Self::Succeeded => "✓",
            Self::Concerns => "!",
            Self::Failed => "✗",
            Self::Skipped => "–",
        }
    }

    /// Fill and border, for pictures without a style of their own.
    pub(super) fn colors(self) -> (&'static str, &'static str) {
        match self {
            Self::Running => ("#dbeafe", "#2563eb"),
            Self::Waiting => ("#f3e8ff", "#9333ea"),
            Self::Succeeded => ("#dcfce7", "#16a34a"),
            Self::Concerns => ("#fef3c7", "#d97706"),
            Self::Failed => ("#fee2e2", "#dc2626"),
            Self::Skipped => ("#f1f5f9", "#94a3b8"),
        }
    }
}

#[cfg(test)]
mod tests;
