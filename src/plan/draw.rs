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
mod svg_style;

use std::collections::BTreeMap;

pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::{Part, svg, svg_part};
pub use svg_style::svg_style;

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

/// What a picture of a run shows beside the plan.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    pub steps: BTreeMap<StepId, Mark>,
    /// The round that a loop is in, by the step that ends it.
    pub rounds: BTreeMap<StepId, u32>,
    /// What ran inside a step, a line each: known fixes, what was put in, sub-flows.
    pub inside: BTreeMap<StepId, Vec<String>>,
}

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

    /// Of its sign, which has to be read upon the fill.
    pub(super) fn ink(self) -> &'static str {
        match self {
            Self::Running => "#1d4ed8",
            Self::Waiting => "#7e22ce",
            Self::Succeeded => "#166534",
            Self::Concerns => "#92400e",
            Self::Failed => "#b91c1c",
            Self::Skipped => "#475569",
        }
    }
}

#[cfg(test)]
mod tests;
