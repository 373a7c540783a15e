//! Reachability over a flow's graph: ancestors, descendants, and the body between two steps.

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, Reversed};

/// A step's place in its flow file, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct StepIx(pub u32);

impl StepIx {
    pub fn at(self) -> usize {
        self.0 as usize
    }
    pub(super) fn of(at: usize) -> Self {
        Self(u32::try_from(at).expect("the loader takes at most 20,000 steps"))
    }
}

pub(super) type Graph = DiGraph<StepIx, ()>;

/// The steps that come after `from` on some path, `from` included, in file order.
pub(super) fn descendants(graph: &Graph, from: StepIx) -> Vec<StepIx> {
    let mut found = Vec::new();
    let mut walk = Dfs::new(graph, NodeIndex::new(from.at()));
    while let Some(node) = walk.next(graph) {
        found.push(graph[node]);
    }
    found.sort_unstable();
    found
}

/// The steps that come before `to` on some path, `to` included, in file order.
pub(super) fn ancestors(graph: &Graph, to: StepIx) -> Vec<StepIx> {
    let reversed = Reversed(graph);
    let mut found = Vec::new();
    let mut walk = Dfs::new(reversed, NodeIndex::new(to.at()));
    while let Some(node) = walk.next(reversed) {
        found.push(graph[node]);
    }
    found.sort_unstable();
    found
}

/// All steps on a path from `first` to `last`, both included; empty when there is no such path.
pub(super) fn between(graph: &Graph, first: StepIx, last: StepIx) -> Vec<StepIx> {
    let before = ancestors(graph, last);
    descendants(graph, first).into_iter().filter(|step| before.binary_search(step).is_ok()).collect()
}
