//! A page as the tests read it: its fences, with what their first line says of them.
//!
//! Words behind ```` ```sh ````:
//!   `world=checkout`      begin anew in a copy of the checkout; `empty`: in an empty directory; `init`: in one that `init` made
//!   `exits=3,4`           these commands, in this order, end with another code than 0
//!   `RUN=hello-1`         what stands in place of a word in capitals
//!   `not-run="reason"`    not run, and why; `elsewhere=tests/x.rs`: run by that test
//! A comment `<!-- before: … -->` right above a fence is what a reader has done before. ```` ```text output ```` is compared
//! with what the block above it printed: its lines in this order, `…` for anything. `file=PATH` puts a block there.

use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub struct Fence {
    pub line: usize,
    pub language: String,
    pub words: BTreeMap<String, String>,
    pub text: String,
    pub before: String,
}

impl Fence {
    pub fn says(&self, word: &str) -> Option<&str> {
        self.words.get(word).map(String::as_str)
    }

    /// Code as a reader types it: with names in place of words in capitals.
    pub fn code(&self, text: &str) -> String {
        let capitals = |word: &str| word.chars().all(|c| c.is_ascii_uppercase() || c == '-');
        let put = self.words.iter().filter(|(word, _)| capitals(word));
        put.fold(text.to_owned(), |text, (word, value)| {
            let pattern = regex::Regex::new(&format!(r"(^|[^A-Za-z0-9_$-]){word}($|[^A-Za-z0-9_-])")).unwrap();
            // Twice, because neighbours share the character between them.
            let once = pattern.replace_all(&text, format!("${{1}}{value}${{2}}")).into_owned();
            pattern.replace_all(&once, format!("${{1}}{value}${{2}}")).into_owned()
        })
    }

    /// One command each: a line, with those that it goes on in.
    pub fn commands(&self) -> Vec<String> {
        let mut commands: Vec<String> = Vec::new();
        let mut open = false;
        for line in self.text.lines().filter(|line| !line.trim().is_empty()) {
            match commands.last_mut().filter(|_| open) {
                Some(command) => *command = format!("{command}\n{line}"),
                None => commands.push(line.to_owned()),
            }
            open = line.ends_with('\\');
        }
        commands
    }
}

pub fn fences(text: &str) -> Vec<Fence> {
    let mut found = Vec::new();
    let mut before = String::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if let Some(first) = line.strip_prefix("<!-- before:") {
            before = first.to_owned();
            let mut ended = first.ends_with("-->");
            while !ended {
                let (_, more) = lines.next().expect("the comment ends");
                ended = more.ends_with("-->");
                before = format!("{before}\n{more}");
            }
            before = before.trim_end_matches("-->").trim().to_owned();
        } else if let Some(first) = line.trim_start().strip_prefix("```") {
            let indent = line.len() - line.trim_start().len();
            let (language, words) = words(first);
            let mut text = String::new();
            for (_, line) in lines.by_ref() {
                if line.trim() == "```" {
                    break;
                }
                text.push_str(line.get(indent..).unwrap_or(""));
                text.push('\n');
            }
            found.push(Fence { line: at + 1, language, words, text, before: std::mem::take(&mut before) });
        }
    }
    found
}

fn words(first: &str) -> (String, BTreeMap<String, String>) {
    let (language, rest) = first.split_once(' ').unwrap_or((first, ""));
    let pattern = regex::Regex::new(r#"([A-Za-z-]+)(?:=(?:"([^"]*)"|(\S+)))?"#).unwrap();
    let word = |found: regex::Captures<'_>| {
        let value = found.get(2).or_else(|| found.get(3)).map_or("", |value| value.as_str());
        (found[1].to_owned(), value.to_owned())
    };
    (language.to_owned(), pattern.captures_iter(rest).map(word).collect())
}

/// Code between single backticks, outside of fences.
pub fn spans(text: &str) -> Vec<String> {
    let prose: Vec<&str> = text.split("```").step_by(2).collect();
    let pattern = regex::Regex::new(r"`([^`]+)`").unwrap();
    prose.iter().flat_map(|part| pattern.captures_iter(part).map(|found| found[1].replace('\n', " "))).collect()
}
