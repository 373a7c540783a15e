//! Columns that line up whatever is written in them.

use unicode_width::UnicodeWidthStr as _;

use super::paint::{Ink, Paint};

/// Rows of cells; the last cell of a row is never padded.
pub struct Table {
    paint: Paint,
    indent: &'static str,
    rows: Vec<Vec<(String, Ink)>>,
}

/// Space between columns.
const GAP: usize = 2;

impl Table {
    pub fn new(paint: Paint, indent: &'static str) -> Self {
        Self { paint, indent, rows: Vec::new() }
    }

    pub fn head(mut self, names: &[&str]) -> Self {
        self.rows.push(names.iter().map(|name| ((*name).to_owned(), Ink::Faint)).collect());
        self
    }

    pub fn row<const N: usize>(&mut self, cells: [(String, Ink); N]) {
        self.rows.push(cells.into_iter().map(|(text, ink)| (shown(&text), ink)).collect());
    }

    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let last_of = |row: &[(String, Ink)]| row.iter().rposition(|(text, _)| !text.is_empty()).unwrap_or(0);
        let cells =
            |column: usize| self.rows.iter().filter_map(move |row| Some((row.get(column)?.0.width(), last_of(row) > column)));
        // What ends its line may reach over the columns behind it.
        let widths: Vec<usize> = (0..columns)
            .map(|column| cells(column).filter(|(_, followed)| *followed).map(|(width, _)| width).max().unwrap_or(0))
            .collect();
        let used: Vec<bool> = (0..columns).map(|column| cells(column).any(|(width, _)| width > 0)).collect();
        let mut out = String::new();
        for row in &self.rows {
            let last = last_of(row);
            out.push_str(self.indent);
            // A column in which nothing stands takes no room.
            for (column, (text, ink)) in row.iter().enumerate().take(last + 1).filter(|(column, _)| used[*column]) {
                out.push_str(&self.paint.ink(*ink, text));
                if column < last {
                    out.push_str(&" ".repeat(widths[column] - text.width() + GAP));
                }
            }
            out.push('\n');
        }
        out
    }
}

/// One line, without what a terminal would act on.
fn shown(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).collect()
}

/// Text in lines of at most `width` columns, each after `indent`; a word that is longer stands alone.
pub fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let mut out = String::new();
    for paragraph in text.trim_end().lines() {
        let mut line = String::new();
        for word in shown(paragraph).split(' ') {
            if !line.is_empty() && line.width() + 1 + word.width() > width {
                out.push_str(&format!("{indent}{line}\n"));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        out.push_str(&format!("{indent}{line}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_what_is_seen() {
        let mut table = Table::new(Paint { color: false }, "").head(&["NAME", "SAYS"]);
        table.row([("日本".to_owned(), Ink::Plain), ("wide".to_owned(), Ink::Plain)]);
        table.row([("e\u{301}".to_owned(), Ink::Good), ("accent\x1b[31m\nline".to_owned(), Ink::Plain)]);
        assert_eq!(table.render(), "NAME  SAYS\n日本  wide\ne\u{301}     accent[31m line\n");
    }

    #[test]
    fn text_wraps_between_words() {
        assert_eq!(wrapped("one two three\nfour", "  ", 7), "  one two\n  three\n  four\n");
    }
}
