//! Questions to people: as a step, before a step, after a step, and at the end of a flow.
//! In: `AskText`, `ApproveText`, `EscalateText`. Out: the checked question. Never: a silent approval by time.

use super::super::{
    Diagnostic, Length, Names, OnTimeout, Part, Role,
    flow::{Ask, Choice, Escalate, is_yes},
    text::{ApproveText, AskText, EscalateText},
};
use super::Check;

impl Check<'_> {
    pub(super) fn ask(&mut self, pointer: &str, text: &AskText, names: &Names) -> Option<Ask> {
        self.roles(&format!("{pointer}/to"), &text.to);
        self.timing(pointer, text.expires, text.on_timeout);
        if text.question.trim().is_empty() {
            let diagnostic = Diagnostic::error("empty-text", "the question is empty").hint("write what the person must decide");
            self.say(&format!("{pointer}/question"), Part::Value, diagnostic);
        }
        let question = self.template(&format!("{pointer}/question"), &text.question, names);
        let mut options: Vec<Choice> = Vec::new();
        for (at, option) in text.options.iter().enumerate() {
            let key = option.key.to_string();
            if options.iter().any(|other| other.key == key) {
                let diagnostic = Diagnostic::error("duplicate-option", format!("the option `{key}` is already there"));
                self.say(&format!("{pointer}/options/{at}/key"), Part::Value, diagnostic.hint("give each option its own key"));
            }
            let label = option.label.clone().unwrap_or_else(|| key.clone());
            options.push(Choice { key, label, effect: option.effect.clone().unwrap_or_default() });
        }
        self.form(&format!("{pointer}/form"), &text.form);
        if !text.form.is_empty() && text.on_timeout == Some(OnTimeout::Approve) {
            let diagnostic = Diagnostic::error("approves-by-timeout", "time cannot fill in a form");
            let hint = "write `on_timeout: reject`, `fail` or `escalate`";
            self.say(&format!("{pointer}/on_timeout"), Part::Key, diagnostic.hint(hint));
        }
        self.answers_by_time(pointer, text);
        let evidence = self.evidence(&format!("{pointer}/evidence"), &text.evidence, names);
        Some(Ask {
            when: None,
            to: text.to.clone(),
            question: question?,
            options,
            form: text.form.clone(),
            evidence,
            severity: text.severity.unwrap_or_default(),
            expires_ms: text.expires.map(Length::as_ms),
            on_timeout: text.on_timeout.unwrap_or_default(),
        })
    }

    /// A line of the Definition of Done holds by a yes, so one of the answers must be one.
    pub(super) fn has_a_yes(&mut self, pointer: &str, text: &AskText) {
        let lacks = !text.options.is_empty() && !text.options.iter().any(|option| is_yes(option.key.as_str()));
        // A run that has begun goes on; there no answer is taken for a yes.
        if lacks && !self.shelf.is_frozen() {
            let diagnostic = Diagnostic::error("no-yes", "none of these answers is a yes, so this could never be done");
            let hint =
                "give one the key `approve` or `yes`; any other answer is a no. Or ask in a step, and test its answer here";
            self.say(pointer, Part::Key, diagnostic.hint(hint));
        }
    }

    /// An answer that time gives must be one that the question has.
    fn answers_by_time(&mut self, pointer: &str, text: &AskText) {
        let lacks = !text.options.is_empty() && !text.options.iter().any(|option| option.key.as_str() == "approve");
        if text.on_timeout == Some(OnTimeout::Approve) && lacks && !self.shelf.is_frozen() {
            let keys = text.options.iter().map(|option| option.key.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("`approve` is no answer to this question; its answers are {keys}");
            let hint = "write `on_timeout: fail` or `escalate`, or give the option that time chooses the key `approve`";
            self.say(&format!("{pointer}/on_timeout"), Part::Key, Diagnostic::error("approves-by-timeout", message).hint(hint));
        }
    }

    /// `title`: what the question is about, where the flow does not word it.
    pub(super) fn approve(&mut self, pointer: &str, text: &ApproveText, title: &str, names: &Names) -> Option<Ask> {
        self.roles(&format!("{pointer}/to"), &text.to);
        self.timing(pointer, text.expires, text.on_timeout);
        let when = match &text.when {
            Some(when) => Some(self.condition(&format!("{pointer}/when"), when, names)?),
            None => None,
        };
        let evidence = self.evidence(&format!("{pointer}/evidence"), &text.evidence, &names.clone().with(&["run", "flow"]));
        let question = match &text.question {
            Some(question) => self.template(&format!("{pointer}/question"), question, &names.clone().with(&["run", "flow"]))?,
            None => super::super::Template::literal(&format!("May {title} run?")),
        };
        Some(Ask {
            when,
            to: text.to.clone(),
            question,
            options: Vec::new(),
            form: std::collections::BTreeMap::new(),
            evidence,
            severity: super::super::Severity::default(),
            expires_ms: text.expires.map(Length::as_ms),
            on_timeout: text.on_timeout.unwrap_or_default(),
        })
    }

    pub(super) fn escalate(&mut self, pointer: &str, text: &EscalateText, ended: &Names) -> Option<Escalate> {
        self.roles(&format!("{pointer}/to"), &text.to);
        let when = self.condition(&format!("{pointer}/when"), &text.when, ended);
        let question = match &text.question {
            Some(question) => {
                Some(self.template(&format!("{pointer}/question"), question, &ended.clone().with(&["run", "flow"]))?)
            }
            None => None,
        };
        Some(Escalate {
            when: when?,
            severity: text.severity.unwrap_or_default(),
            question,
            to: text.to.clone(),
            halt: text.halt.unwrap_or_default(),
        })
    }

    fn evidence(&mut self, pointer: &str, paths: &[String], names: &Names) -> Vec<super::super::Template> {
        for (at, path) in paths.iter().enumerate() {
            self.place_of_path(&format!("{pointer}/{at}"), path);
        }
        self.templates(pointer, paths, names)
    }

    /// A time limit and what it does belong together.
    fn timing(&mut self, pointer: &str, expires: Option<Length>, on_timeout: Option<OnTimeout>) {
        match (expires, on_timeout) {
            (None, None) => {}
            (None, Some(OnTimeout::Approve)) => {
                let diagnostic = Diagnostic::error(
                    "approves-by-timeout",
                    "`on_timeout: approve` without `expires` would approve at a time nobody wrote down",
                );
                self.say(
                    &format!("{pointer}/on_timeout"),
                    Part::Key,
                    diagnostic.hint("write `expires:` beside it, or remove it: then the question waits"),
                );
            }
            (None, Some(_)) => {
                let diagnostic = Diagnostic::error("key-without-effect", "`on_timeout` does nothing without `expires`");
                self.say(
                    &format!("{pointer}/on_timeout"),
                    Part::Key,
                    diagnostic.hint("write `expires: 4h` beside it, or remove it"),
                );
            }
            (Some(_), None) => {
                let diagnostic = Diagnostic::error("key-without-effect", "`expires` does nothing without `on_timeout`");
                self.say(
                    &format!("{pointer}/expires"),
                    Part::Key,
                    diagnostic.hint("write `on_timeout: escalate`, `fail` or `reject` beside it, or remove it"),
                );
            }
            (Some(expires), Some(OnTimeout::Approve)) => {
                let message = format!("after {expires} without an answer this approves itself, and nobody will have looked");
                let diagnostic = Diagnostic::warning("approves-by-timeout", message);
                self.say(
                    &format!("{pointer}/on_timeout"),
                    Part::Key,
                    diagnostic.hint("`on_timeout: escalate` asks again, louder"),
                );
            }
            (Some(_), Some(OnTimeout::Wait | OnTimeout::Fail | OnTimeout::Reject | OnTimeout::Escalate)) => {}
        }
    }

    pub(super) fn roles(&mut self, pointer: &str, roles: &[Role]) {
        for (at, role) in roles.iter().enumerate() {
            let below = format!("{pointer}/{at}");
            if role.0.trim().is_empty() {
                let diagnostic = Diagnostic::error("empty-text", "a role needs a name")
                    .hint("write the role as it stands in flow-studio.toml");
                self.say(&below, Part::Value, diagnostic);
                continue;
            }
            if let Some(diagnostic) = self.shelf.reviewers().and_then(|known| nobody(known, role)) {
                self.say(&below, Part::Value, diagnostic);
            }
        }
    }
}

fn nobody(known: &std::collections::BTreeSet<Role>, role: &Role) -> Option<Diagnostic> {
    if known.contains(role) {
        return None;
    }
    let hint = super::super::diagnostic::did_you_mean(&role.0, known.iter().map(|role| role.0.as_str()))
        .unwrap_or_else(|| format!("add `{role} = [\"…\"]` under [reviewers] in flow-studio.toml"));
    Some(Diagnostic::warning("role-without-reviewer", format!("nobody has the role `{role}`, so nobody may answer")).hint(hint))
}
