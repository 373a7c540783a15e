//! Where the shapes stand in a text: for whoever looks for secrets instead of hiding them. The rules are the same ones.
//! In: bytes. Out: names and places. Never: a place that redaction would leave as it is, or the other way round.

use super::{
    bounds::Before,
    shapes::{Seen, Shapes, automaton, shape_of},
};

/// A secret by its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub name: &'static str,
    pub start: usize,
    pub end: usize,
}

/// Every shape in the text, in its order.
pub fn shapes_in(bytes: &[u8]) -> Vec<Found> {
    let mut all = Vec::new();
    let (mut look, mut done) = (0, 0);
    let search = automaton(bytes);
    while let Some(hit) = search.find(&bytes[look..]) {
        let start = look + hit.start();
        let shape = shape_of(hit.pattern().as_usize());
        // After a placeholder stands its bracket.
        let before = if done > 0 { Before::new(b"]") } else { Before::default() };
        match shape.seen(&bytes[start..], &before.and(&bytes[done..start]), true) {
            Seen::No | Seen::Open => look = start + 1,
            Seen::Yes { lead, skip, then } => {
                let from = start + skip;
                let more = Shapes::dropping(then).dropped(&bytes[from..], true).unwrap_or(0);
                done = from + more;
                look = done;
                all.push(Found { name: shape.name, start: start + lead, end: done });
            }
        }
    }
    all
}
