//! The loop brake: what one round of a microloop left, and whether the next one has a chance.
//! In: the judge's result of this round, what the rounds before left. Out: why the loop is stuck, or nothing.
//! Never: words of an agent taken for progress: only whether its findings are others, and fewer.

use std::{collections::BTreeSet, fmt, sync::Arc};

use imbl::Vector;

use crate::{id::Sha256, record::Concern, spec::Severity};

use super::{ended::loop_signature, state::StepResult};

/// Rounds that are looked back on: a tree that returns after two is one that oscillates.
const KEPT: usize = 2;
/// Findings that a decision names; the envelope has them all.
const NAMED_MAX: usize = 20;

/// What a round left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// Of the failure, and the figures that a signature leaves out.
    pub signature: Option<Arc<str>>,
    pub figures: Option<Arc<str>>,
    /// Over the set of findings, however they are ordered; `None`: the judge named none, or failed.
    pub findings: Option<Sha256>,
    pub count: u32,
    pub high: u32,
    /// Of the work tree, where it was measured.
    pub tree: Option<Sha256>,
}

/// Why another round would be the same again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    SameFailure,
    SameFindings { count: u32 },
    MoreFindings { before: u32, count: u32 },
    Oscillates,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameFailure => f.write_str("failed as the round before, with the same figures"),
            Self::SameFindings { count: 1 } => f.write_str("found the same as the round before"),
            Self::SameFindings { count } => write!(f, "found the same {count} things as the round before"),
            Self::MoreFindings { before, count } => {
                write!(f, "found more than the round before ({count} after {before}), and none of the HIGH ones less")
            }
            Self::Oscillates => f.write_str("left the work tree as it was two rounds ago"),
        }
    }
}

impl Round {
    pub(super) fn of(result: &StepResult) -> Self {
        let concerns: &[Concern] = result.handoff.as_deref().map_or(&[], |handoff| &handoff.concerns);
        // A failed judge has its signature; what it was promised and did not get says nothing of findings.
        let set: BTreeSet<String> = if result.passed { concerns.iter().map(finding).collect() } else { BTreeSet::new() };
        let count = u32::try_from(set.len()).unwrap_or(u32::MAX);
        let all = set.into_iter().collect::<Vec<_>>().join("\n");
        Self {
            signature: loop_signature(result).as_deref().map(Arc::from),
            figures: result.figures().as_deref().map(Arc::from),
            findings: (count > 0).then(|| Sha256::of(all.as_bytes())),
            count,
            high: result.high_concerns,
            tree: result.tree.clone(),
        }
    }

    /// Held against the rounds before, the last one first.
    pub(super) fn stuck(&self, before: &Vector<Self>) -> Option<Stuck> {
        let last = before.front()?;
        if self.signature.is_some() && self.signature == last.signature && self.figures == last.figures {
            return Some(Stuck::SameFailure);
        }
        let two_ago = before.get(1).and_then(|round| round.tree.as_ref());
        // A tree that did not change at all may only say that the work is done elsewhere.
        if self.tree.is_some() && last.tree.is_some() && self.tree.as_ref() == two_ago && self.tree != last.tree {
            return Some(Stuck::Oscillates);
        }
        if self.findings.is_some() && self.findings == last.findings {
            return Some(Stuck::SameFindings { count: self.count });
        }
        // Fewer HIGH ones are progress, whatever else came to light.
        let more = last.findings.is_some() && self.count > last.count && self.high >= last.high;
        more.then_some(Stuck::MoreFindings { before: last.count, count: self.count })
    }

    pub(super) fn then(self, before: &Vector<Self>) -> Vector<Self> {
        let mut rounds = before.clone();
        rounds.push_front(self);
        rounds.truncate(KEPT);
        rounds
    }
}

/// The same finding in another round: lines move, words stay.
fn finding(concern: &Concern) -> String {
    let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let place = concern.location.as_deref().unwrap_or_default();
    let place = place.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, ':' | '-' | ','));
    format!("{}\u{1f}{}\u{1f}{}", concern.severity, folded(place), folded(&concern.description))
}

/// The findings that stand open when a loop is left, worst first, a line each.
pub(super) fn open_findings(result: &StepResult) -> Vec<String> {
    let concerns: &[Concern] = result.handoff.as_deref().map_or(&[], |handoff| &handoff.concerns);
    let mut sorted: Vec<&Concern> = concerns.iter().collect();
    sorted.sort_by_key(|concern| match concern.severity {
        Severity::High => 0,
        Severity::Medium => 1,
        Severity::Low => 2,
    });
    let line = |concern: &&Concern| {
        let place = concern.location.as_deref().map(|place| format!("{place}: ")).unwrap_or_default();
        format!("{} {place}{}", concern.severity, concern.description)
    };
    sorted.iter().take(NAMED_MAX).map(line).collect()
}
