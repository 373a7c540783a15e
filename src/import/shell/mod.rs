//! Which shell text only looks. A closed table of programs and flags; whatever is not in it changes something.
//! In: the text of a block. Out: yes or no, and why not. Never: a guess in favour of the text.

mod asks;
mod known;
mod looks;
mod prose;
#[cfg(test)]
mod tests;
mod words;

pub(super) use known::{is_bash, is_command, is_known, looks_for_trouble, needs_terminal, never_ends, only_sets, programs};
pub(super) use prose::is_prose;

/// Why a text is taken for one that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changes(pub String);

const SHOWN_CHARS_MAX: usize = 60;

/// # Errors
/// The first thing in it that is not known to only look.
pub(super) fn observes(text: &str) -> Result<(), Changes> {
    for command in words::commands(text)? {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let Some((program, args)) = words.split_first() else { continue };
        if !looks::only_looks(program, args) {
            let shown: String = words.join(" ").chars().take(SHOWN_CHARS_MAX).collect();
            return Err(Changes(format!("`{shown}` is not known to only look")));
        }
    }
    Ok(())
}
