//! A runbook as a flat row of blocks: headings, texts, items, code, tables, each with the lines that it came from.
//! In: nothing. Out: plain data. Never: a position that is not one of the file that the person has.

/// Text without its marks; code spans keep their backticks, and stand apart as well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub text: String,
    pub codes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// From 1.
    pub line: u32,
    pub last: u32,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Heading {
        level: u8,
        words: Words,
    },
    Text(Words),
    Item {
        /// 0 is the outermost list.
        depth: usize,
        words: Words,
    },
    Code {
        lang: String,
        text: String,
        closed: bool,
        /// Where the text itself begins: below the fence, where there is one.
        first: u32,
    },
    Table {
        head: Vec<Words>,
        rows: Vec<Row>,
    },
    Quote(Words),
    Html(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub line: u32,
    pub cells: Vec<Words>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    pub blocks: Vec<Block>,
    /// Lines that were taken for headings or commands because the file marks none.
    pub guessed: Vec<u32>,
}

impl Words {
    /// Without backticks, on one line.
    pub fn plain(&self) -> String {
        self.text.replace('`', "").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
