//! A flow's text made into checked values: every name resolved, every expression compiled, every key accounted for.
//! In: `FlowText` and `DetoursText`, places, and the files they name. Out: `Flow` and `Detour`, and every finding.
//! Never: a key accepted and ignored; a default filled in elsewhere; the graph judged (that is `plan`).

mod ask;
mod flow;
mod params;
mod paths;
mod references;
mod route;
mod step;
mod verb;
mod verify;

use std::{collections::BTreeSet, sync::Arc};

use crate::id::{AgentKey, FlowKey, Sha256};

use super::{
    Diagnostic, Expr, Names, Part, Places, Role, Template,
    flow::{Agent, Matcher},
    names::Problem,
};

pub(super) use flow::{detours, flow};
pub(super) use params::{value_fits, whole};

/// More mistakes than these are not looked for, more warnings not kept: each mistake may look through all names for the
/// one that was meant.
pub(super) const FINDINGS_MAX: usize = 300;

/// A compiled regular expression; a larger one takes longer to build than a flow should take to load.
pub(super) const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// What a check may ask about the rest of the library.
pub(super) trait Shelf {
    fn agent(&mut self, key: &AgentKey) -> Result<Arc<Agent>, Missing>;
    fn has_flow(&mut self, key: &FlowKey) -> Result<(), Missing>;
    fn template(&mut self, path: &str) -> Result<Arc<str>, Missing>;
    /// Roles that some person has; `None`: not known here.
    fn reviewers(&self) -> Option<&BTreeSet<Role>>;
    /// It is the definition of a run that has begun: what was allowed then is not an error now.
    fn is_frozen(&self) -> bool;
}

/// Why a file that a flow names is not there.
pub(super) enum Missing {
    /// Message and hint.
    Absent(String, Option<String>),
    /// It is there and broken; its own mistakes are reported where they stand.
    Broken,
}

/// Something found, by JSON pointer.
pub(super) struct Finding {
    pub(super) pointer: String,
    pub(super) diagnostic: Diagnostic,
}

/// The state of one check: where things stand, what was found so far, whom to ask.
pub(super) struct Check<'a> {
    places: &'a Places,
    shelf: &'a mut dyn Shelf,
    found: Vec<Finding>,
    errors: usize,
    warnings: usize,
}

impl<'a> Check<'a> {
    pub(super) fn new(places: &'a Places, shelf: &'a mut dyn Shelf) -> Self {
        Self { places, shelf, found: Vec::new(), errors: 0, warnings: 0 }
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.found
    }

    /// Enough mistakes to stop reading. Never for warnings: a flow with mistakes does not run, one with warnings does, whole.
    fn full(&self) -> bool {
        self.errors >= FINDINGS_MAX
    }

    fn say(&mut self, pointer: &str, part: Part, diagnostic: Diagnostic) {
        let diagnostic = self.places.mark(pointer, part, diagnostic);
        self.keep(pointer, diagnostic);
    }

    fn keep(&mut self, pointer: &str, diagnostic: Diagnostic) {
        let count = if diagnostic.is_error() { &mut self.errors } else { &mut self.warnings };
        *count += 1;
        if *count <= FINDINGS_MAX {
            self.found.push(Finding { pointer: pointer.to_owned(), diagnostic });
        }
    }

    fn problems(&mut self, pointer: &str, problems: Vec<Problem>) {
        for Problem { code, message, hint, at, length } in problems {
            let diagnostic = Diagnostic::error(code, message).maybe_hint(hint);
            let diagnostic = self.places.mark_inside(pointer, at, length, diagnostic);
            self.keep(pointer, diagnostic);
        }
    }

    /// An expression that may be constant: the list of a `for_each`.
    fn list(&mut self, pointer: &str, text: &str, names: &Names) -> Option<Expr> {
        match Expr::compile(text, names) {
            Ok(expr) => Some(expr),
            Err(problems) => {
                self.problems(pointer, problems);
                None
            }
        }
    }

    /// A condition: one that names nothing is a mistake.
    fn condition(&mut self, pointer: &str, text: &str, names: &Names) -> Option<Expr> {
        let expr = self.list(pointer, text, names)?;
        if expr.is_constant() {
            let diagnostic =
                Diagnostic::error("constant-condition", format!("`{}` names nothing, so it is always the same", text.trim()))
                    .hint("name what it depends on (params.…, steps.…), or remove it");
            self.say(pointer, Part::Value, diagnostic);
            return None;
        }
        Some(expr)
    }

    fn template(&mut self, pointer: &str, text: &str, names: &Names) -> Option<Template> {
        match Template::compile(text, names) {
            Ok(template) => Some(template),
            Err(problems) => {
                self.problems(pointer, problems);
                None
            }
        }
    }

    fn templates(&mut self, pointer: &str, texts: &[String], names: &Names) -> Vec<Template> {
        texts.iter().enumerate().filter_map(|(at, text)| self.template(&format!("{pointer}/{at}"), text, names)).collect()
    }

    /// A regular expression as it is written.
    fn regex(&mut self, pointer: &str, text: &str) -> Option<regex::Regex> {
        match regex_of(text) {
            Ok(regex) => Some(regex),
            Err(why) => {
                let diagnostic = Diagnostic::error("bad-regex", format!("this regular expression cannot be read: {why}"));
                self.say(
                    pointer,
                    Part::Value,
                    diagnostic.hint("a literal `(`, `[`, `{`, `*`, `+`, `?` or `\\` needs `\\` before it"),
                );
                None
            }
        }
    }

    /// `/…/` is a regular expression, anything else is itself.
    fn matcher(&mut self, pointer: &str, text: &str) -> Option<Matcher> {
        match text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|inner| !inner.is_empty()) {
            Some(inner) => self.regex(pointer, inner).map(Matcher::Matches),
            None if text.is_empty() => {
                let diagnostic = Diagnostic::error("empty-text", "an empty text is found everywhere");
                self.say(pointer, Part::Value, diagnostic.hint("write what must be found, or remove the key"));
                None
            }
            None => Some(Matcher::Holds(text.to_owned())),
        }
    }

    /// Shell text is never templated: braces in it are most likely a mistake.
    fn shell(&mut self, pointer: &str, text: &str) {
        if text.trim().is_empty() {
            let diagnostic = Diagnostic::error("empty-text", "there is no shell text here");
            return self.say(pointer, Part::Value, diagnostic.hint("write the command"));
        }
        if let Some(at) = text.match_indices("{{").map(|(at, _)| at).find(|at| !is_go_template(&text[*at..])) {
            let diagnostic =
                Diagnostic::warning("braces-in-shell", "shell text is not a template: `{{` reaches the shell as it is")
                    .hint("parameters are there as $PARAM_<NAME>; to fill in values, use `exec`");
            let diagnostic = self.places.mark_inside(pointer, at, 2, diagnostic);
            self.keep(pointer, diagnostic);
        }
    }
}

/// A regular expression, or why it is none, in short.
fn regex_of(text: &str) -> Result<regex::Regex, String> {
    regex::RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).build().map_err(|error| {
        let text = error.to_string();
        text.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or(&text).to_owned()
    })
}

/// `{{.Names}}`, `{{range .Items}}`: for a program that has templates of its own; a field of it begins with a dot.
fn is_go_template(text: &str) -> bool {
    let inner = text.split("}}").next().unwrap_or_default();
    inner.trim_start_matches(['{', '-']).split_whitespace().any(|word| word.trim_start_matches('(').starts_with('.'))
}

fn digest(parts: &[&[u8]]) -> Sha256 {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(part);
        bytes.push(0);
    }
    Sha256::of(&bytes)
}
