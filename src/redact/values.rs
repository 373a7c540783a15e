//! The values that a run knows to be secret, in the forms in which they travel.
//! In: bytes. Out: the same with each occurrence named. Never: a value in a message or in `Debug`.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};

use super::{
    broken::{Broken, Core, Hit},
    forms, table,
};

pub(super) struct Values {
    automaton: AhoCorasick,
    patterns: Vec<Pattern>,
    /// Patterns by their first byte, to find out whether the end of a chunk may begin one.
    by_first: Vec<Vec<u32>>,
    bytes_max: usize,
    broken: Broken,
}

struct Pattern {
    bytes: Vec<u8>,
    name: String,
    /// `None`: a placeholder of ours, which stays as it is.
    placeholder: Option<Vec<u8>>,
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Values({} patterns)", self.patterns.len())
    }
}

pub(super) fn placeholder(name: &str) -> Vec<u8> {
    format!("[REDACTED:{name}]").into_bytes()
}

impl Values {
    pub(super) fn new(secrets: &[(&str, &str)]) -> Self {
        let mut forms: BTreeMap<Vec<u8>, (String, Option<Vec<u8>>)> = BTreeMap::new();
        for (name, value) in secrets {
            for form in forms::of(value) {
                forms.entry(form).or_insert_with(|| ((*name).to_owned(), Some(placeholder(name))));
            }
        }
        // What is redacted stays redacted, also when a value happens to stand inside a placeholder.
        let own = secrets.iter().map(|(name, _)| *name);
        for name in own.chain(table::SHAPES.iter().map(|shape| shape.name)) {
            forms.insert(placeholder(name), (name.to_owned(), None));
        }
        let patterns: Vec<Pattern> =
            forms.into_iter().map(|(bytes, (name, placeholder))| Pattern { bytes, name, placeholder }).collect();
        let total: usize = patterns.iter().map(|pattern| pattern.bytes.len()).sum();
        // A table for every state is fastest; past this size it would be larger than it is worth.
        let kind = (total <= 32 * 1024).then_some(AhoCorasickKind::DFA);
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(kind)
            .build(patterns.iter().map(|pattern| &pattern.bytes))
            .expect("VALUES_MAX and VALUE_BYTES_MAX keep the automaton far below 2^31 states");
        let mut by_first = vec![Vec::new(); 256];
        for (at, pattern) in (0u32..).zip(&patterns) {
            by_first[usize::from(pattern.bytes[0])].push(at);
        }
        let bytes_max = patterns.iter().map(|pattern| pattern.bytes.len()).max().unwrap_or(0);
        let broken = broken_of(secrets, &patterns);
        Self { automaton, patterns, by_first, bytes_max, broken }
    }

    pub(super) fn hinted(&self, bytes: &[u8]) -> bool {
        self.automaton.is_match(bytes) || self.broken.find(bytes, 0, 0).is_some()
    }

    /// The name of the first secret in it.
    pub(super) fn first(&self, bytes: &[u8]) -> Option<&str> {
        let found = self.automaton.find_iter(bytes).map(|found| found.pattern().as_usize());
        let broken = self.broken.find(bytes, 0, 0).map(|hit| hit.pattern);
        found
            .chain(broken)
            .map(|pattern| &self.patterns[pattern])
            .find(|pattern| pattern.placeholder.is_some())
            .map(|pattern| pattern.name.as_str())
    }

    /// Where, at or after `from`, the end of `data` may be the beginning of a pattern.
    fn begins(&self, data: &[u8], from: usize) -> Option<usize> {
        let first = from.max(data.len().saturating_sub(self.bytes_max.saturating_sub(1)));
        (first..data.len()).find(|&at| {
            let rest = &data[at..];
            self.by_first[usize::from(rest[0])].iter().any(|&pattern| {
                let pattern = &self.patterns[pattern as usize].bytes;
                pattern.len() > rest.len() && pattern.starts_with(rest)
            })
        })
    }

    /// Redacts what is certain of `data`; the second is where the uncertain rest begins. `None`: all is certain and clean.
    /// `before`: how long the line of base64 is that goes on with `data`.
    pub(super) fn pass(&self, data: &[u8], before: usize, end: bool) -> Option<(Vec<u8>, usize)> {
        let begins = |from| {
            let at = [self.begins(data, from), self.broken.begins(data, from, before)];
            if end { None } else { at.into_iter().flatten().min() }
        };
        let mut held = begins(0);
        let mut finds = Finds { values: self, data, before, plain: None, broken: None };
        finds.renew(0);
        if held.is_none() && finds.first().is_none() {
            return None;
        }
        let mut out = Vec::with_capacity(data.len());
        let mut done = 0;
        while let Some(found) = finds.first() {
            // A longer secret may begin before this one and end in bytes still to come.
            if held.is_some_and(|held| held <= found.start) {
                break;
            }
            out.extend_from_slice(&data[done..found.start]);
            let pattern = &self.patterns[found.pattern];
            out.extend_from_slice(pattern.placeholder.as_ref().unwrap_or(&pattern.bytes));
            done = found.end;
            finds.renew(done);
            if held.is_some_and(|held| held < done) {
                held = begins(done);
            }
        }
        let held = held.unwrap_or(data.len());
        out.extend_from_slice(&data[done..held]);
        Some((out, held))
    }
}

/// What is found next in one line, and what in several.
struct Finds<'v> {
    values: &'v Values,
    data: &'v [u8],
    before: usize,
    plain: Option<Hit>,
    broken: Option<Hit>,
}

impl Finds<'_> {
    /// Looks on from `from`: for both at first, and then for the one that was passed.
    fn renew(&mut self, from: usize) {
        let passed = |hit: Option<Hit>| from == 0 || hit.is_some_and(|hit| hit.start < from);
        if passed(self.plain) {
            let found = self.values.automaton.find(Input::new(self.data).range(from..));
            self.plain = found.map(|one| Hit { start: one.start(), end: one.end(), pattern: one.pattern().as_usize() });
        }
        if passed(self.broken) {
            self.broken = self.values.broken.find(self.data, from, self.before);
        }
    }

    /// The one that begins first, and the longer of two.
    fn first(&self) -> Option<Hit> {
        [self.plain, self.broken].into_iter().flatten().min_by_key(|hit| (hit.start, Reverse(hit.end)))
    }
}

fn broken_of(secrets: &[(&str, &str)], patterns: &[Pattern]) -> Broken {
    let all: BTreeSet<Vec<u8>> = secrets.iter().flat_map(|(_, value)| forms::cores(value)).collect();
    // Patterns stand in the order of their bytes, and each core is one.
    let core = |bytes: Vec<u8>| {
        let pattern = patterns.binary_search_by(|pattern| pattern.bytes.cmp(&bytes)).ok()?;
        Some(Core { bytes, pattern })
    };
    Broken::new(all.into_iter().filter_map(core).collect())
}
