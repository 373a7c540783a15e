//! Runbooks that were pasted through something that took their marks away: numbered titles, no fences.
//! In: text without its marks. Out: the same with headings and fences, and which lines they were guessed for.
//! Never: a file changed that has headings of its own; a guess that is not told.

use std::sync::LazyLock;

use regex::Regex;

use super::shell;

static NUMBERED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(\d{1,2})\. +(\p{Lu}[^|`]{1,68})$").expect("a pattern"));
/// A sentence that ends, and an item that begins, where a line got lost.
static ITEM: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"([.;)!?]) ?- (\p{Lu})").expect("a pattern"));
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[A-Z_][A-Z0-9_]*=\S* +[a-z]").expect("a pattern"));

/// Fewer numbered titles are taken for a list.
const TITLES_MIN: usize = 3;
const TITLE_CHARS_MAX: usize = 90;

pub(super) struct Mended {
    pub text: String,
    /// Of each line, the line it stands at in the file.
    pub lines: Vec<u32>,
    pub guessed: Vec<u32>,
}

pub(super) fn mend(text: &str) -> Mended {
    let source: Vec<&str> = text.lines().collect();
    let titles = titles(&source);
    let marked = source.iter().find(|line| !line.trim().is_empty()).is_none_or(|line| line.starts_with(['#', '-', '<', '`']));
    if marked || titles.len() < TITLES_MIN {
        let lines = (1..=u32::try_from(source.len()).unwrap_or(u32::MAX)).collect();
        return Mended { text: text.to_owned(), lines, guessed: Vec::new() };
    }
    let mut out = Out { text: String::new(), lines: Vec::new(), guessed: Vec::new() };
    let commands: Vec<bool> = commands(&source);
    let (mut open, mut in_table, mut begun) = (false, false, false);
    for (at, line) in source.iter().enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        if commands[at] != open {
            open = commands[at];
            out.line(if open { "\n```sh" } else { "```\n" }, number);
            if open {
                out.guessed.push(number);
            }
        }
        let table = line.starts_with('|');
        if table != in_table {
            out.line("", number);
            in_table = table;
        }
        if open || line.trim().is_empty() || table {
            out.line(line, number);
        } else if !begun {
            out.heading(1, line, number);
        } else if let Some((_, title)) = titles.iter().find(|(of, _)| *of == at) {
            out.heading(2, title, number);
        } else if is_title(line, source.get(at + 1).copied()) {
            out.heading(3, line, number);
        } else {
            for piece in ITEM.replace_all(line, "$1\n- $2").split('\n') {
                out.prose(piece, number);
            }
        }
        begun = true;
    }
    if open {
        out.line("```", u32::try_from(source.len()).unwrap_or(u32::MAX));
    }
    Mended { text: out.text, lines: out.lines, guessed: out.guessed }
}

struct Out {
    text: String,
    lines: Vec<u32>,
    guessed: Vec<u32>,
}

impl Out {
    fn line(&mut self, text: &str, number: u32) {
        for line in text.split('\n') {
            self.text.push_str(line);
            self.text.push('\n');
            self.lines.push(number);
        }
    }

    /// Where code spans were lines of their own, an item goes on with them, or the next one begins with one.
    fn prose(&mut self, piece: &str, number: u32) {
        let piece = piece.trim();
        let last = self.text.trim_end_matches(' ').rsplit('\n').nth(1).unwrap_or_default();
        let (listed, ended) = (last.starts_with(['-', ' ']), last.ends_with(['.', '!', '?', ')']));
        let first = piece.split_whitespace().next().unwrap_or_default();
        if piece.starts_with("- ") {
            self.line(piece, number);
        } else if listed && (shell::is_known(first) || ended && (first.contains('_') || !first.starts_with(char::is_uppercase))) {
            self.line(&format!("- {piece}"), number);
        } else if listed && !ended {
            self.line(&format!("  {piece}"), number);
        } else {
            // A line of its own, unless it goes on a sentence.
            if !self.text.ends_with("\n\n") {
                self.line("", number);
            }
            self.line(piece, number);
        }
    }

    fn heading(&mut self, level: usize, title: &str, number: u32) {
        self.line("", number);
        self.line(&format!("{} {}", "#".repeat(level), title.trim()), number);
        self.line("", number);
        self.guessed.push(number);
    }
}

/// `1. Title`, `2. Title` …, in their order, with something else between them.
fn titles<'t>(source: &[&'t str]) -> Vec<(usize, &'t str)> {
    let mut found: Vec<(usize, &str)> = Vec::new();
    for (at, line) in source.iter().enumerate() {
        let Some(parts) = NUMBERED.captures(line) else { continue };
        let (Some(number), Some(title)) = (parts.get(1), parts.get(2)) else { continue };
        let alone = found.last().is_none_or(|(last, _)| at > last + 1);
        let next = number.as_str().parse() == Ok(found.len() + 1);
        if alone && next && !title.as_str().ends_with(['.', ':', ',', ';']) {
            found.push((at, title.as_str()));
        }
    }
    found
}

/// Short, begins with a capital, does not end like a sentence, and something follows.
fn is_title(line: &str, next: Option<&str>) -> bool {
    let line = line.trim_end();
    let short = line.chars().count() <= TITLE_CHARS_MAX;
    let begins = line.starts_with(char::is_uppercase);
    let ends = line.ends_with(|c: char| c.is_alphanumeric() || c == ')');
    let short_forms = line.replace("e.g. ", "").replace("i.e. ", "");
    let sentence = short_forms.contains(". ") || line.contains('=') || line.contains("**");
    short && begins && ends && !sentence && next.is_some_and(|next| !next.trim().is_empty())
}

/// Lines that are shell, with the comments before and between them.
fn commands(source: &[&str]) -> Vec<bool> {
    let is_command = |line: &str| {
        let first = line.split_whitespace().next().unwrap_or_default();
        let sentence = line.ends_with('.') || line.starts_with(' ') || shell::is_prose(line);
        !sentence && (ASSIGNED.is_match(line) || shell::is_known(first))
    };
    let mut found: Vec<bool> = source.iter().map(|line| is_command(line)).collect();
    let comment = |at: usize| source[at].starts_with("# ");
    for at in (0..source.len()).rev() {
        if comment(at) && found.get(at + 1).copied().unwrap_or(false) {
            found[at] = true;
        }
    }
    for at in 1..source.len() {
        if comment(at) && found[at - 1] {
            found[at] = true;
        }
    }
    found
}
