//! Small things that a runbook says in passing: who, how long, which lines are commands.
//! In: texts. Out: what they say. Never: a guess where nothing is said.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    document::{Block, Document, Kind},
    draft::Kept,
};

static DATED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\d{4}-\d\d-\d\d").expect("a pattern"));
/// Fewer are a history at the end.
const TIMES_MIN: usize = 4;
static ROLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\brun as (?:the )?([A-Za-z][A-Za-z0-9_-]{1,40})").expect("a pattern"));
static SPAN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)(every )?\b(\d{1,3}) ?(s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b").expect("a pattern"));
static WAIT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\bwait (?:until|for)\b|\bpoll\b|\brepeat until\b|\bretry until\b|\bkeep checking\b").expect("a pattern")
});
static LIMIT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\btime ?out\b|\bat most\b|\bup to\b|\bno longer than\b").expect("a pattern"));
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(\d+)[.)] +\S").expect("a pattern"));

/// A runbook says what is to be done; a file whose headings are times says what was done.
pub(super) fn told_as_a_log(document: &Document) -> Option<Kept> {
    let timed = |block: &&Block| matches!(&block.kind, Kind::Heading { words, .. } if DATED.is_match(&words.text));
    let first = document.blocks.iter().find(timed)?;
    let count = document.blocks.iter().filter(timed).count();
    (count >= TIMES_MIN).then(|| Kept {
        line: first.line,
        last: first.last,
        text: format!("{count} headings begin with a date"),
        why: "a log of what was done, it seems; a flow needs what is to be done".to_owned(),
    })
}

/// An order to a person.
pub(super) fn is_order(text: &str) -> bool {
    const ORDERS: &str = " ask call capture change check click close compare confirm contact copy create delete deploy disable document \
                          edit enable ensure file fix inform inspect log look make monitor notify open page ping post publish \
                          record redeploy remove repeat replace report restart restore review revoke roll rotate run select send \
                          set stop tell test trigger turn update use verify wait watch write ";
    begins_with(text, ORDERS)
}

/// An order that no command is the doing of.
pub(super) fn is_for_people(text: &str) -> bool {
    begins_with(text, " ask call click contact inform notify open page post select tell turn ")
}

fn begins_with(text: &str, words: &str) -> bool {
    let first = text.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    !first.is_empty() && words.contains(&format!(" {} ", first.to_lowercase()))
}

pub(super) fn role(text: &str) -> Option<String> {
    ROLE.captures(text)?.get(1).map(|role| role.as_str().to_owned())
}

pub(super) fn is_shell(lang: &str) -> bool {
    matches!(lang, "sh" | "bash" | "shell" | "zsh" | "console" | "shell-session" | "terminal" | "ksh")
}

/// How long something waits, and how often it looks.
#[derive(Debug, Clone, Default)]
pub(super) struct When {
    waits: bool,
    every: Option<String>,
    span: Option<String>,
    pub timeout: Option<String>,
}

impl When {
    pub fn hear(&mut self, text: &str) {
        let (waits, limits) = (WAIT.is_match(text), LIMIT.is_match(text));
        if !waits && !limits {
            return;
        }
        self.waits |= waits;
        for found in SPAN.captures_iter(text) {
            let unit = found[3].to_ascii_lowercase();
            let length = format!("{}{}", found[2].trim_start_matches('0'), &unit[..1]);
            if length.len() < 2 {
                continue;
            }
            if found.get(1).is_some() {
                self.every = Some(length);
            } else if waits {
                self.span = Some(length);
            } else {
                self.timeout = Some(length);
            }
        }
    }

    pub fn poll(&self) -> Option<(String, String)> {
        let or = |text: &Option<String>, other: &str| text.clone().unwrap_or_else(|| other.to_owned());
        self.waits.then(|| (or(&self.every, "5s"), or(&self.span, "2m")))
    }
}

/// Commands after `$ `, and what they print.
pub(super) fn console(text: &str) -> (String, String) {
    let (mut commands, mut output) = (String::new(), String::new());
    let mut goes_on = false;
    for line in text.lines() {
        let command = line.trim_start().strip_prefix("$ ").or(if goes_on { Some(line) } else { None });
        match command {
            Some(command) => {
                commands.push_str(command);
                commands.push('\n');
                goes_on = command.ends_with('\\');
            }
            None => output.push_str(&format!("{line}\n")),
        }
    }
    if commands.is_empty() { (text.to_owned(), String::new()) } else { (commands, output) }
}

/// A numbered list that somebody put into a block.
pub(super) fn checklist(text: &str) -> Option<Vec<(u32, String)>> {
    let numbered = text.lines().filter(|line| NUMBERED.is_match(line)).count();
    if numbered < 2 || !text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| NUMBERED.is_match(line)) {
        return None;
    }
    let lines = (0..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    Some(lines.map(|(at, line)| (at, line.trim_end().to_owned())).collect())
}

/// Parts of a block that begin with a comment of their own; one part, where a later one may need what an earlier one set.
/// Each with its line from 0, its text and its title.
pub(super) fn groups(text: &str) -> Vec<(u32, String, Option<String>)> {
    let lines: Vec<&str> = text.lines().collect();
    let odd = |line: &str| {
        let word = line.split_whitespace().next().unwrap_or_default();
        line.starts_with([' ', '\t', '}', ')'])
            || line.ends_with('\\')
            || line.contains("<<")
            || line.contains('"') && line.matches('"').count() % 2 == 1
            || line.matches('\'').count() % 2 == 1 && !line.starts_with('#')
            || word.contains('=')
            || matches!(word, "export" | "set" | "if" | "for" | "while" | "case" | "source" | "." | "function" | "alias")
    };
    let titled = |line: &str| {
        line.strip_prefix('#').map(|title| title.trim_matches(['#', ' ']).to_owned()).filter(|title| !title.is_empty())
    };
    let first = lines.iter().find_map(|line| titled(line));
    if lines.iter().any(|line| odd(line)) || lines.iter().skip(1).any(|line| line.starts_with("cd ")) {
        let title = first.filter(|_| lines.first().is_some_and(|line| line.starts_with('#')));
        return vec![(0, text.to_owned(), title)];
    }
    let cd = lines.first().filter(|line| line.starts_with("cd ")).map(|line| format!("{line}\n")).unwrap_or_default();
    let mut all: Vec<(u32, String, Option<String>)> = Vec::new();
    let mut commands = false;
    for (at, line) in (0..).zip(&lines).skip(usize::from(!cd.is_empty())) {
        let title = titled(line);
        if all.is_empty() || title.is_some() && commands {
            all.push((at, cd.clone(), title.clone()));
            commands = false;
        }
        if let Some((_, text, _)) = all.last_mut() {
            text.push_str(&format!("{line}\n"));
        }
        commands |= title.is_none() && !line.trim().is_empty();
    }
    // Comments alone do nothing.
    all.retain(|(_, text, _)| text.lines().any(|line| !line.trim().is_empty() && !line.starts_with('#')));
    if all.is_empty() && !cd.is_empty() { vec![(0, text.to_owned(), None)] } else { all }
}
