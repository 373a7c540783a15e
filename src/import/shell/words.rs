//! Shell text taken apart into commands and their words, as `sh` would.
//! In: text. Out: commands without their redirections into nothing. Never: a text that hides a command, writes, or whose
//! words are only known once it runs.

use super::Changes;

/// One command, its words taken apart.
pub type Command = Vec<String>;

/// Redirections that keep nothing.
const HARMLESS: &[&str] = &["2>&1", "2>/dev/null", "2> /dev/null", ">/dev/null", "> /dev/null"];

/// Variables that are one word whatever happens, also without quotes.
const ONE_WORD: &[&str] = &["$?", "$HOME", "$PWD", "$RUN_BASE", "$RUN_ID", "$STEP_DIR", "$ARTIFACTS", "$FLOW", "$STEP"];

#[derive(Default)]
struct Reading {
    all: Vec<Command>,
    command: Command,
    word: Option<String>,
}

impl Reading {
    fn word(&mut self) -> &mut String {
        self.word.get_or_insert_default()
    }

    fn end_word(&mut self) {
        self.command.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        let command = std::mem::take(&mut self.command);
        self.all.extend((!command.is_empty()).then_some(command));
    }
}

/// Takes the text apart at `;`, `&&`, `||`, `|` and line ends.
///
/// # Errors
/// What in it hides commands, writes, or may be anything once it runs.
pub fn commands(text: &str) -> Result<Vec<Command>, Changes> {
    let no = |what: &str| Err(Changes(what.to_owned()));
    let mut found = Reading::default();
    let mut rest = text;
    let mut quote: Option<char> = None;
    while let Some(c) = rest.chars().next() {
        let mut next = c.len_utf8();
        match (quote, c) {
            (Some('"') | None, '`') => return no("it has a command in backticks"),
            (Some('"') | None, '$') if rest.starts_with("$(") => return no("it has a command in `$(…)`"),
            (Some(open), c) if c == open => quote = None,
            // A line that goes on: neither sign is there for the shell.
            (Some('"') | None, '\\') if rest.starts_with("\\\n") => next = 2,
            (Some('"') | None, '\\') => {
                let after = rest[1..].chars().next();
                found.word().extend(after);
                next += after.map_or(0, char::len_utf8);
            }
            (Some(_), c) => found.word().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                found.word();
            }
            (None, '#') if found.word.is_none() => next = rest.find('\n').unwrap_or(rest.len()),
            (None, '2' | '>') if let Some(known) = harmless(rest).filter(|_| found.word.is_none()) => next = known.len(),
            (None, '>') => return no("it redirects into a file"),
            (None, '<') => return no("it redirects its input"),
            (None, '(' | ')') => return no("it has a group of commands"),
            (None, '{' | '}') if found.word.is_none() => return no("it has a group of commands"),
            (None, '$') => match ONE_WORD.iter().find(|name| is_variable(rest, name)) {
                Some(name) => {
                    found.word().push_str(name);
                    next = name.len();
                }
                None => return no("it has a variable without quotes, which can be more than one word"),
            },
            (None, '\n' | ';' | '|' | '&') => {
                found.end_command();
                let two = rest.starts_with("&&") || rest.starts_with("||");
                if c == '&' && !two {
                    return no("it starts something in the background");
                }
                next = if two { 2 } else { 1 };
            }
            (None, ' ' | '\t') => found.end_word(),
            (None, c) => found.word().push(c),
        }
        rest = &rest[next..];
    }
    if quote.is_some() {
        return no("a quote in it is not closed");
    }
    found.end_command();
    Ok(found.all)
}

/// `2>/dev/null`, and nothing more of a name after it.
fn harmless(rest: &str) -> Option<&'static str> {
    let ends = |after: &str| !after.starts_with(|c: char| !c.is_whitespace() && !matches!(c, ';' | '|' | ')'));
    HARMLESS.iter().copied().find(|known| rest.strip_prefix(known).is_some_and(ends))
}

/// `$HOME`, and not `$HOMELESS`.
fn is_variable(rest: &str, name: &str) -> bool {
    rest.strip_prefix(name).is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}
