//! A file's text with its lines, and the tree of what its YAML says, every key and value with its bytes.
//! In: text. Out: places for anything that is wrong in it. Never: a byte offset outside the text.

use std::sync::Arc;

use serde_json::Value;

use super::diagnostic::{Diagnostic, Place};

/// Bytes of a text, from `start` up to but not including `end`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A text that came from a file.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) file: Arc<str>,
    pub(super) text: Arc<str>,
    /// Offset of each line's first byte.
    lines: Arc<[usize]>,
}

impl Source {
    pub(super) fn new(file: &str, text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1));
        Self { file: file.into(), lines: starts.collect(), text: text.into() }
    }

    fn boundary(&self, mut at: usize) -> usize {
        at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// Counts from 0.
    fn line_at(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    fn line(&self, number: usize) -> &str {
        let start = self.lines.get(number).copied().unwrap_or(self.text.len());
        let end = self.lines.get(number + 1).copied().unwrap_or(self.text.len());
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }

    pub(super) fn place(&self, span: Span) -> Place {
        let start = self.boundary(span.start);
        let end = self.boundary(span.end).max(start);
        let line = self.line_at(start);
        let column = self.text[self.lines[line]..start].chars().count() + 1;
        // Texts are at most a few MiB (bounded where they are read), so these fit; saturating keeps it total.
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place {
            file: self.file.to_string(),
            line: small(line + 1),
            column: small(column),
            offset: small(start),
            length: small(end - start),
        }
    }

    /// `diagnostic` with the place and the line of `span`.
    pub(super) fn mark(&self, span: Span, diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.at(self.place(span), self.line(self.line_at(self.boundary(span.start))))
    }
}

/// A YAML value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) what: What,
    pub(super) span: Span,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Span,
}

impl Node {
    pub(super) fn to_value(&self) -> Value {
        match &self.what {
            What::Null => Value::Null,
            What::Bool(b) => Value::Bool(*b),
            What::Number(n) => Value::Number(n.clone()),
            What::Text(t) => Value::String(t.clone()),
            What::List(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            What::Map(pairs) => Value::Object(pairs.iter().map(|(k, v)| (k.text.clone(), v.to_value())).collect()),
        }
    }

    fn child(&self, name: &str) -> Option<(Option<&Key>, &Self)> {
        match &self.what {
            What::List(items) => items.get(name.parse::<usize>().ok()?).map(|node| (None, node)),
            What::Map(pairs) => pairs.iter().find(|(key, _)| key.text == name).map(|(key, node)| (Some(key), node)),
            What::Null | What::Bool(_) | What::Number(_) | What::Text(_) => None,
        }
    }
}

/// Which part of a mapping's entry is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Key,
    Value,
}

/// Where everything of a loaded file stands, by JSON pointer: `/steps/3/loop/to`.
#[derive(Debug, Clone)]
pub struct Places {
    pub(super) source: Source,
    pub(super) root: Arc<Node>,
}

impl Places {
    /// What the file says, without its places.
    pub fn value(&self) -> Value {
        self.root.to_value()
    }

    /// The place of what the pointer names, or of its nearest ancestor that was written.
    pub fn place(&self, pointer: &str, part: Part) -> Place {
        self.source.place(self.span(pointer, part))
    }

    /// `diagnostic` with the place and source line of what the pointer names, or of its nearest ancestor.
    #[must_use]
    pub fn mark(&self, pointer: &str, part: Part, diagnostic: Diagnostic) -> Diagnostic {
        self.source.mark(self.span(pointer, part), diagnostic)
    }

    /// As [`Places::mark`], for `length` bytes at byte `at` inside the text that the pointer names.
    #[must_use]
    pub fn mark_inside(&self, pointer: &str, at: usize, length: usize, diagnostic: Diagnostic) -> Diagnostic {
        let whole = self.span(pointer, Part::Value);
        let span = self.text_at(pointer).and_then(|text| inside(&self.source.text, whole, text, at, length));
        self.source.mark(span.unwrap_or(whole), diagnostic)
    }

    fn text_at(&self, pointer: &str) -> Option<&str> {
        let mut node = &*self.root;
        for name in names(pointer) {
            node = node.child(&name)?.1;
        }
        match &node.what {
            What::Text(text) => Some(text),
            _ => None,
        }
    }

    fn span(&self, pointer: &str, part: Part) -> Span {
        let mut node = &*self.root;
        let mut span = short(node);
        for name in names(pointer) {
            let Some((key, below)) = node.child(&name) else { return span };
            span = match (part, key) {
                (Part::Key, Some(key)) => key.span,
                // A mapping or list is best shown by the key that opens it.
                (Part::Value, Some(key)) if matches!(below.what, What::Map(_) | What::List(_) | What::Null) => key.span,
                _ => short(below),
            };
            node = below;
        }
        span
    }
}

/// A mapping is shown by its first key: its own span may be many lines.
fn short(node: &Node) -> Span {
    match &node.what {
        What::Map(pairs) => pairs.first().map_or(node.span, |(key, _)| key.span),
        What::List(items) => Span { start: node.span.start, end: items.first().map_or(node.span.end, |_| node.span.start + 1) },
        _ => node.span,
    }
}

fn names(pointer: &str) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
    pointer
        .split('/')
        .skip(1)
        .map(|name| if name.contains('~') { name.replace("~1", "/").replace("~0", "~").into() } else { name.into() })
}

/// A key as one segment of a pointer.
pub(super) fn segment(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Where byte `at` of a scalar's text stands in its source. `None` where escapes or folding make it a guess.
fn inside(source: &str, whole: Span, text: &str, at: usize, length: usize) -> Option<Span> {
    let raw = source.get(whole.start..whole.end)?;
    if let Some(begin) = raw.find(text) {
        let start = whole.start + begin + at.min(text.len());
        return Some(Span { start, end: (start + length).min(whole.end) });
    }
    // A block scalar: the nth line of the text is the nth line below the header, indented.
    let line_number = text.get(..at)?.matches('\n').count();
    let column = at - text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
    let wanted = text.lines().nth(line_number)?;
    let mut offset = whole.start;
    for (number, line) in raw.split_inclusive('\n').enumerate() {
        if number >= line_number && line.trim_end_matches(['\n', '\r']).ends_with(wanted) {
            let indent = line.trim_end_matches(['\n', '\r']).len() - wanted.len();
            let start = offset + indent + column;
            return Some(Span { start, end: (start + length).min(offset + line.len()) });
        }
        offset += line.len();
    }
    None
}
