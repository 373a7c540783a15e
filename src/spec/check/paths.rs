//! Paths that people write: relative, inside, and the same on every machine.
//! In: the text of a path. Out: a finding, or nothing. Never: a look at the disk.

use std::collections::BTreeSet;

use super::super::{Diagnostic, Part};
use super::Check;

impl Check<'_> {
    /// A path relative to the workspace or RUN_BASE, taken as it is written.
    pub(super) fn path(&mut self, pointer: &str, path: &str) {
        if self.place_of_path(pointer, path) && path.contains("{{") {
            let diagnostic =
                Diagnostic::error("not-a-template", format!("`{path}` is taken as it is: paths are not templates here"));
            self.say(pointer, Part::Value, diagnostic.hint("write a fixed path"));
        }
    }

    pub(super) fn paths(&mut self, pointer: &str, paths: &[String]) {
        let mut seen = BTreeSet::new();
        for (at, path) in paths.iter().enumerate() {
            if self.full() {
                return;
            }
            let below = format!("{pointer}/{at}");
            self.path(&below, path);
            if !seen.insert(path) {
                let diagnostic = Diagnostic::error("duplicate-path", format!("`{path}` is already in this list"));
                self.say(&below, Part::Value, diagnostic.hint("keep one of the two"));
            }
        }
    }

    /// As [`Check::path`], for a path that may be a template: only what is written can be judged here.
    pub(super) fn place_of_path(&mut self, pointer: &str, path: &str) -> bool {
        let wrong = if path.trim().is_empty() {
            Some("a path is missing here".to_owned())
        } else if path.contains('\0') {
            Some("a path cannot hold a NUL character".to_owned())
        } else if path.contains('\\') {
            Some(format!("`{}` holds a backslash", path.escape_debug()))
        } else if path.starts_with('/') || path.starts_with('~') {
            Some(format!("`{path}` starts outside the workspace"))
        } else if path.split('/').any(|part| part == "..") {
            Some(format!("`{path}` leads out of the workspace"))
        } else {
            None
        };
        let Some(message) = wrong else { return true };
        let diagnostic = Diagnostic::error("path-leaves-the-workspace", message);
        self.say(pointer, Part::Value, diagnostic.hint("write a path below the workspace, with forward slashes: docs/plan.md"));
        false
    }
}
