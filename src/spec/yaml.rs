//! YAML 1.2 as a tree in which every key and value knows its bytes.
//! In: any bytes. Out: the tree, or what is wrong and where.
//! Never: a panic, a rounded integer, a silently dropped key, more work than the limits below allow.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Tag};

use super::diagnostic::{Diagnostic, Diagnostics};
use super::scalar::plain;
use super::source::{Key, Node, Places, Source, Span, What};

/// A flow of 20 000 steps fits; nobody reviews a larger one.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Deeper than any flow; shallow enough for every recursion that follows.
const DEPTH_MAX: usize = 64;
/// Values in all, those repeated by aliases included.
const NODES_MAX: usize = 400_000;
/// Text in all, that repeated by aliases included: four full files.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A file with more broken values than this has another problem.
const MISTAKES_MAX: usize = 500;

/// Reads YAML text from `bytes`; `file` is the name that messages show.
///
/// # Errors
/// Everything that is wrong with the bytes; the first broken syntax ends the reading.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Places, Diagnostics> {
    let source = text_of(file, bytes)?;
    parse_text(source)
}

/// The bytes as text: UTF-8, no NUL, not too long, without a byte order mark.
pub(super) fn text_of(file: &str, bytes: &[u8]) -> Result<Source, Diagnostics> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(too_big(file, bytes.len() as u64).into());
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let shown = String::from_utf8_lossy(bytes);
            let at = error.valid_up_to();
            let message = format!("byte 0x{:02x} at offset {at} is not UTF-8 text", bytes[at]);
            let diagnostic = Diagnostic::error("not-utf8", message).hint("save the file as UTF-8");
            return Err(Source::new(file, &shown).mark(Span { start: at, end: at + 3 }, diagnostic).into());
        }
    };
    let source = Source::new(file, text.strip_prefix('\u{feff}').unwrap_or(text));
    if let Some(at) = source.text.find('\0') {
        let diagnostic =
            Diagnostic::error("nul-byte", format!("a NUL byte at offset {at}")).hint("remove it; this must be a text file");
        return Err(source.mark(Span { start: at, end: at + 1 }, diagnostic).into());
    }
    Ok(source)
}

pub(super) fn too_big(file: &str, bytes: u64) -> Diagnostic {
    let message = format!("{file} has {bytes} bytes; at most {FILE_BYTES_MAX} (1 MiB) are read");
    Diagnostic::error("file-too-big", message).hint("split it into sub-flows (`flow:` steps)")
}

pub(super) fn parse_text(source: Source) -> Result<Places, Diagnostics> {
    let text = source.text.clone();
    let mut builder = Builder::new(&source);
    let mut options = granit_parser::Options::default();
    options.flow_nesting_limit = DEPTH_MAX + 1;
    options.block_nesting_limit = DEPTH_MAX + 1;
    options.set_emit_comments(false);
    for event in Parser::new_from_str_with_options(&text, options) {
        match event {
            Ok((event, span)) => {
                let bytes = span.byte_range().unwrap_or(0..0);
                let tag = span.tag_span().and_then(|tag| tag.byte_range());
                builder.tag = tag.map(|tag| Span { start: tag.start, end: tag.end });
                let span = Span { start: bytes.start, end: bytes.end.max(bytes.start) };
                if builder.take(event, span).is_err() {
                    break;
                }
            }
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len());
                builder.wrong(Span { start: at, end: at + 1 }, syntax(error.kind()));
                break;
            }
        }
    }
    let Builder { mistakes, root, .. } = builder;
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    match root {
        Some(root) => Ok(Places { source, root: std::sync::Arc::new(root) }),
        None => Err(source.mark(Span::default(), Diagnostic::error("empty-file", "the file says nothing")).into()),
    }
}

fn syntax(kind: &ErrorKind) -> Diagnostic {
    match kind {
        ErrorKind::RecursionLimitExceeded => too_deep(),
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar => {
            Diagnostic::error("yaml-syntax", "a tab where YAML wants spaces").hint("indent with spaces")
        }
        ErrorKind::UnknownAnchor => Diagnostic::error("yaml-syntax", "this alias names no anchor above it")
            .hint("define it first: `&name value`; or quote a text that starts with `*`"),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidSimpleKey | ErrorKind::SimpleKeyExpected => {
            Diagnostic::error("yaml-syntax", format!("this is not valid YAML: {kind}"))
                .hint("a text that holds `: ` needs quotes; keys of one mapping begin in the same column")
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            Diagnostic::error("yaml-syntax", "this is not valid YAML: a `,` or the closing bracket is expected here")
                .hint("inside { } and [ ], a text that holds a comma, a bracket, a brace or `: ` needs quotes")
        }
        ErrorKind::UnexpectedCharacter { character } if matches!(character, '@' | '`') => {
            Diagnostic::error("yaml-syntax", format!("a text cannot start with `{character}`")).hint("put it in quotes")
        }
        ErrorKind::UnclosedQuotedScalar => {
            Diagnostic::error("yaml-syntax", "this quote is not closed").hint("end the text with the quote it began with")
        }
        kind => Diagnostic::error("yaml-syntax", format!("this is not valid YAML: {kind}"))
            .hint("keys of one mapping begin in the same column"),
    }
}

fn too_deep() -> Diagnostic {
    Diagnostic::error("too-deep", format!("values are nested deeper than {DEPTH_MAX} levels")).hint("flatten it")
}

/// A collection that is still open.
enum Open {
    List(Vec<Node>, Span, usize),
    Map { pairs: Vec<(Key, Node)>, seen: HashMap<String, usize>, key: Option<Key>, span: Span, anchor: usize },
}

struct Builder<'a> {
    source: &'a Source,
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    documents: usize,
    nodes: usize,
    text_bytes: usize,
    /// Where the tag of the event being taken stands.
    tag: Option<Span>,
    mistakes: Diagnostics,
}

/// The reading cannot go on; the mistake is already noted.
struct Stop;

impl<'a> Builder<'a> {
    fn new(source: &'a Source) -> Self {
        Self {
            source,
            open: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            documents: 0,
            nodes: 0,
            text_bytes: 0,
            tag: None,
            mistakes: Diagnostics::default(),
        }
    }

    fn wrong(&mut self, span: Span, diagnostic: Diagnostic) {
        self.mistakes.push(self.source.mark(span, diagnostic));
    }

    fn stop(&mut self, span: Span, diagnostic: Diagnostic) -> Result<(), Stop> {
        self.wrong(span, diagnostic);
        Err(Stop)
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let more = Diagnostic::error("many-documents", "a second YAML document starts here");
                    return self.stop(span, more.hint("one file, one document: remove the `---`"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => self.scalar(text.into_owned(), style, anchor, tag.as_deref(), span),
            Event::SequenceStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", span)?;
                self.start(Open::List(Vec::new(), span, anchor), span)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", span)?;
                self.start(Open::Map { pairs: Vec::new(), seen: HashMap::new(), key: None, span, anchor }, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(id) => self.alias(id, span),
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Anchor(..) | Event::UnresolvedAlias(_) => Ok(()),
            #[allow(unreachable_patterns, reason = "the parser has comment events only with one of its features")]
            _ => Ok(()),
        }
    }

    fn collection_tag(&mut self, tag: Option<&Tag>, wanted: &str, span: Span) -> Result<(), Stop> {
        match tag {
            Some(tag) if tag.core_suffix() != Some(wanted) => self.stop(self.tag.unwrap_or(span), unknown_tag(tag)),
            _ => Ok(()),
        }
    }

    fn start(&mut self, open: Open, span: Span) -> Result<(), Stop> {
        if self.open.len() >= DEPTH_MAX {
            return self.stop(span, too_deep());
        }
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return self.stop(span, Diagnostic::error("bad-key", "a key must be a text, not a list or a mapping"));
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Stop> {
        let (node, anchor) = match self.open.pop() {
            Some(Open::List(items, from, anchor)) => {
                (Node { what: What::List(items), span: Span { start: from.start, end: span.end.max(from.end) } }, anchor)
            }
            Some(Open::Map { pairs, span: from, anchor, .. }) => {
                (Node { what: What::Map(pairs), span: Span { start: from.start, end: span.end.max(from.end) } }, anchor)
            }
            None => return Ok(()),
        };
        self.put(node, anchor)
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, anchor: usize, tag: Option<&Tag>, span: Span) -> Result<(), Stop> {
        self.text_bytes += text.len();
        if matches!(self.open.last(), Some(Open::Map { key: None, .. })) {
            return self.key(text, style, span);
        }
        let what = match resolve(&text, style, tag) {
            Ok(what) => what,
            Err(diagnostic) => {
                let span = self.tag.filter(|_| diagnostic.code == "unknown-tag").unwrap_or(span);
                self.wrong(span, *diagnostic);
                What::Null
            }
        };
        self.put(Node { what, span }, anchor)
    }

    fn key(&mut self, text: String, style: ScalarStyle, span: Span) -> Result<(), Stop> {
        if text == "<<" && style == ScalarStyle::Plain {
            let merge = Diagnostic::error("merge-key", "merge keys (`<<`) are not read");
            return self.stop(span, merge.hint("write the keys out, or put them under `defaults`"));
        }
        if self.mistakes.len() > MISTAKES_MAX {
            return Err(Stop);
        }
        let source = self.source;
        let mut double = None;
        if let Some(Open::Map { pairs, seen, key, .. }) = self.open.last_mut() {
            if let Some(first) = seen.get(&text) {
                let line = source.place(pairs[*first].0.span).line;
                double = Some(
                    Diagnostic::error("duplicate-key", format!("the key `{text}` is already written in line {line}"))
                        .hint("keep one of the two"),
                );
            } else {
                seen.insert(text.clone(), pairs.len());
            }
            *key = Some(Key { text, span });
        }
        if let Some(double) = double {
            self.wrong(span, double);
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Stop> {
        if matches!(self.open.last(), Some(Open::Map { key: None, .. })) {
            return self.stop(span, Diagnostic::error("bad-key", "a key must be a text, not an alias"));
        }
        let Some(node) = self.anchors.get(&id) else {
            return self.stop(span, Diagnostic::error("alias-loop", "this alias stands inside what it repeats"));
        };
        // Measured before it is copied: a bomb is refused, not built.
        let (nodes, bytes, depth) = size(node);
        self.text_bytes = self.text_bytes.saturating_add(bytes);
        if self.nodes.saturating_add(nodes) > NODES_MAX || self.text_bytes > TEXT_BYTES_MAX || self.open.len() + depth > DEPTH_MAX
        {
            let bomb = Diagnostic::error("alias-bomb", "aliases repeat so much that the file would become too big");
            return self.stop(span, bomb.hint("write the values out"));
        }
        let copy = Node { what: node.what.clone(), span };
        self.nodes += nodes;
        self.put(copy, 0)
    }

    fn put(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > NODES_MAX || self.text_bytes > TEXT_BYTES_MAX {
            let many = format!("more than {NODES_MAX} values");
            return self.stop(node.span, Diagnostic::error("too-many-values", many).hint("split the file into sub-flows"));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
            let (nodes, bytes, _) = size(&node);
            self.nodes += nodes;
            self.text_bytes += bytes;
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(items, ..)) => items.push(node),
            Some(Open::Map { pairs, key, .. }) => {
                if let Some(key) = key.take() {
                    pairs.push((key, node));
                }
            }
        }
        Ok(())
    }
}

/// Nodes, bytes of text, and depth.
fn size(node: &Node) -> (usize, usize, usize) {
    let below: Vec<(usize, usize, usize)> = match &node.what {
        What::List(items) => items.iter().map(size).collect(),
        What::Map(pairs) => pairs
            .iter()
            .map(|(key, node)| {
                let (n, b, d) = size(node);
                (n, b + key.text.len(), d)
            })
            .collect(),
        What::Text(text) => return (1, text.len(), 0),
        What::Null | What::Bool(_) | What::Number(_) => return (1, 0, 0),
    };
    below.into_iter().fold((1, 0, 1), |(n, b, d), (n1, b1, d1)| (n + n1, b + b1, d.max(d1 + 1)))
}

fn unknown_tag(tag: &Tag) -> Diagnostic {
    Diagnostic::error("unknown-tag", format!("the tag `{}` means nothing here", tag.original()))
        .hint("remove it, or quote the text")
}

/// What a scalar says: quotes and tags make it a text.
fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<What, Box<Diagnostic>> {
    match tag.map(|tag| (tag, tag.core_suffix())) {
        Some((_, Some("str"))) => return Ok(What::Text(text.to_owned())),
        Some((_, Some("int" | "float" | "bool" | "null"))) => return plain(text),
        Some((tag, _)) if tag.original() != "!" => return Err(Box::new(unknown_tag(tag))),
        Some(_) => return Ok(What::Text(text.to_owned())),
        None => {}
    }
    if style == ScalarStyle::Plain { plain(text) } else { Ok(What::Text(text.to_owned())) }
}
