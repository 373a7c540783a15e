//! The commands that prove a step, and how what they report is read.
//! In: `verify` as written. Out: `Verify`s. Never: a threshold on figures that the report does not have.

use super::super::{About, Diagnostic, ParseAs, Part, flow::Verify, text::VerifyText};
use super::Check;

impl Check<'_> {
    pub(super) fn verify(&mut self, pointer: &str, texts: &[VerifyText]) -> Vec<Verify> {
        let mut all: Vec<Verify> = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            let below = format!("{pointer}/{at}");
            if all.iter().any(|other| other.id == text.id) {
                let diagnostic = Diagnostic::error("duplicate-id", format!("the check `{}` is already there", text.id));
                self.say(&format!("{below}/id"), Part::Value, diagnostic.hint("give each check its own id"));
            }
            self.shell(&format!("{below}/run"), &text.run);
            if let Some(report) = &text.report {
                self.path(&format!("{below}/report"), report);
            }
            let parse = text.parse.unwrap_or_default();
            self.figures_keys(&below, text, parse);
            all.push(Verify {
                id: text.id.clone(),
                run: text.run.clone(),
                parse,
                report: text.report.clone(),
                counts_as: text.counts_as.unwrap_or_default(),
                warnings_max: text.max_warnings,
                coverage_min: text.min_coverage,
            });
        }
        all
    }

    /// Keys that only some reports have a use for.
    fn figures_keys(&mut self, below: &str, text: &VerifyText, parse: ParseAs) {
        let about = parse.about();
        let findings = "add `parse: eslint` (or ruff, clippy, sarif)";
        let keys = [
            ("report", text.report.is_some(), about != About::Nothing, "add `parse: junit` (or another report that is read)"),
            ("counts_as", text.counts_as.is_some(), about == About::Findings, findings),
            ("max_warnings", text.max_warnings.is_some(), about == About::Findings, findings),
            (
                "min_coverage",
                text.min_coverage.is_some(),
                about == About::Coverage,
                "add `parse: lcov` (or cobertura, llvm-cov, istanbul)",
            ),
        ];
        for (key, written, read, hint) in keys {
            if written && !read {
                let message = match about {
                    About::Nothing => format!("`{key}` is not read without `parse`"),
                    About::Tests => format!("`{key}` is not read here: this report counts tests"),
                    About::Findings => format!("`{key}` is not read here: this report lists findings"),
                    About::Coverage => format!("`{key}` is not read here: this report is about coverage"),
                };
                let diagnostic = Diagnostic::error("key-without-effect", message);
                self.say(&format!("{below}/{key}"), Part::Key, diagnostic.hint(hint));
            }
        }
    }
}
