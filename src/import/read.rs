//! Markdown as a row of blocks; the parser is pulldown-cmark's.
//! In: text, and where its lines stand in the file. Out: a document. Never: a construct passed over without a block.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::document::{Block, Document, Kind, Row, Words};

/// Reads `text`; `lines[n]` is the line of the file that its nth line came from.
pub(super) fn read(text: &str, lines: &[u32]) -> Document {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut reading = Reading::new(text, lines);
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        reading.take(event, range);
    }
    reading.document
}

struct Reading<'t> {
    text: &'t str,
    lines: &'t [u32],
    /// Where each line begins.
    starts: Vec<usize>,
    document: Document,
    words: Words,
    /// Depth of lists, and of what else has texts of its own.
    lists: usize,
    quotes: usize,
    /// The item that is open and has not got its text yet.
    fresh_item: Option<Range<usize>>,
    code: Option<(String, bool, usize)>,
    table: Option<(Range<usize>, Vec<Words>, Vec<Row>)>,
    row: Vec<Words>,
    metadata: bool,
}

impl<'t> Reading<'t> {
    fn new(text: &'t str, lines: &'t [u32]) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self {
            text,
            lines,
            starts,
            document: Document::default(),
            words: Words::default(),
            lists: 0,
            quotes: 0,
            fresh_item: None,
            code: None,
            table: None,
            row: Vec::new(),
            metadata: false,
        }
    }

    fn line(&self, at: usize) -> u32 {
        let index = self.starts.partition_point(|start| *start <= at).saturating_sub(1);
        self.lines.get(index).or(self.lines.last()).copied().unwrap_or(1)
    }

    fn push(&mut self, range: &Range<usize>, kind: Kind) {
        let end = range.start + self.text[range.clone()].trim_end().len();
        let (line, last) = (self.line(range.start), self.line(end.saturating_sub(1).max(range.start)));
        self.document.blocks.push(Block { line, last, kind });
    }

    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag, range),
            Event::Text(text) => self.words.text.push_str(&text),
            Event::Code(code) => {
                self.words.text.push_str(&format!("`{code}`"));
                self.words.codes.push(code.into_string());
            }
            Event::FootnoteReference(name) => self.words.text.push_str(&format!("[^{name}]")),
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::InlineHtml(text) => {
                self.words.text.push_str(&text);
            }
            Event::Html(text) => self.words.text.push_str(&text),
            Event::SoftBreak | Event::HardBreak => self.words.text.push('\n'),
            Event::Rule => {}
            Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::List(_) => {
                self.tight_item();
                self.lists += 1;
            }
            Tag::Item => {
                self.words = Words::default();
                self.fresh_item = Some(range);
            }
            Tag::CodeBlock(kind) => {
                self.tight_item();
                let source = self.text[range.clone()].trim_end();
                let below = source.find('\n').map_or(range.start, |at| range.start + at + 1);
                let (lang, closed, first) = match kind {
                    CodeBlockKind::Indented => (String::new(), true, range.start),
                    CodeBlockKind::Fenced(lang) => {
                        let fence = source.rsplit('\n').next().unwrap_or_default().trim_start_matches(['>', ' ', '\t']);
                        let closed = source.contains('\n') && (fence.starts_with("```") || fence.starts_with("~~~"));
                        (lang.split_whitespace().next().unwrap_or_default().to_ascii_lowercase(), closed, below)
                    }
                };
                self.code = Some((lang, closed, first));
                self.words = Words::default();
            }
            Tag::Table(_) => {
                self.tight_item();
                self.table = Some((range, Vec::new(), Vec::new()));
            }
            Tag::TableHead | Tag::TableRow => self.row = Vec::new(),
            Tag::TableCell | Tag::Heading { .. } | Tag::HtmlBlock => self.words = Words::default(),
            Tag::Paragraph if self.fresh_item.is_none() => self.words = Words::default(),
            Tag::BlockQuote(_) => {
                self.tight_item();
                self.quotes += 1;
            }
            Tag::MetadataBlock(_) => {
                self.metadata = true;
                self.words = Words::default();
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Heading(level) => {
                let words = std::mem::take(&mut self.words);
                self.push(&range, Kind::Heading { level: level as u8, words });
            }
            TagEnd::Paragraph => {
                if self.fresh_item.is_some() {
                    self.item(range.end);
                } else {
                    let words = std::mem::take(&mut self.words);
                    self.push(&range, if self.quotes > 0 { Kind::Quote(words) } else { Kind::Text(words) });
                }
            }
            TagEnd::Item => self.tight_item(),
            TagEnd::List(_) => self.lists = self.lists.saturating_sub(1),
            TagEnd::BlockQuote(_) => self.quotes = self.quotes.saturating_sub(1),
            TagEnd::CodeBlock => {
                let text = std::mem::take(&mut self.words).text;
                if let Some((lang, closed, first)) = self.code.take() {
                    let first = self.line(first);
                    self.push(&range, Kind::Code { lang, text, closed, first });
                }
            }
            TagEnd::TableCell => {
                let words = std::mem::take(&mut self.words);
                self.row.push(words);
            }
            TagEnd::TableHead => {
                if let Some((_, head, _)) = &mut self.table {
                    *head = std::mem::take(&mut self.row);
                }
            }
            TagEnd::TableRow => {
                let row = Row { line: self.line(range.start), cells: std::mem::take(&mut self.row) };
                if let Some((_, _, rows)) = &mut self.table {
                    rows.push(row);
                }
            }
            TagEnd::Table => {
                if let Some((range, head, rows)) = self.table.take() {
                    self.push(&range, Kind::Table { head, rows });
                }
            }
            TagEnd::HtmlBlock => {
                let text = std::mem::take(&mut self.words).text;
                self.push(&range, Kind::Html(text));
            }
            TagEnd::MetadataBlock(_) => {
                // What a page's generator is told; the heading says the rest.
                self.metadata = false;
                let text = std::mem::take(&mut self.words).text;
                self.push(&range, Kind::Html(text));
            }
            _ => {}
        }
    }

    /// The text of an item that has no paragraph of its own ends where the next block begins.
    fn tight_item(&mut self) {
        if let Some(range) = &self.fresh_item {
            let end = range.end;
            self.item(end);
        }
    }

    fn item(&mut self, _end: usize) {
        let Some(range) = self.fresh_item.take() else { return };
        let words = std::mem::take(&mut self.words);
        if words.text.trim().is_empty() {
            return;
        }
        let depth = self.lists.saturating_sub(1);
        let (line, more) = (self.line(range.start), words.text.trim_end().matches('\n').count());
        let last = line + u32::try_from(more).unwrap_or(0);
        self.document.blocks.push(Block { line, last, kind: Kind::Item { depth, words } });
    }
}
