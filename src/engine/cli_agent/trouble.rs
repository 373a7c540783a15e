//! What went wrong with a program, as one of the closed list of failures.
//! In: statuses, words of events, last lines. Out: kind, class and a sentence. Never: a guess called anything but unknown.

use crate::record::{ErrorClass, Failure, FailureKind};

/// How much of a program's words stands in a message.
const MESSAGE_CHARS_MAX: usize = 400;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub kind: FailureKind,
    pub class: ErrorClass,
    pub message: String,
}

impl Trouble {
    pub fn new(kind: FailureKind, class: ErrorClass, message: impl AsRef<str>) -> Self {
        Self { kind, class, message: clipped(message.as_ref()) }
    }
    pub fn spawn(message: impl AsRef<str>) -> Self {
        Self::new(FailureKind::Spawn, ErrorClass::Permanent, message)
    }
    pub fn crashed(message: impl AsRef<str>) -> Self {
        Self::new(FailureKind::Crashed, ErrorClass::Retriable, message)
    }
    pub fn hung(message: impl AsRef<str>) -> Self {
        Self::new(FailureKind::Hung, ErrorClass::Retriable, message)
    }

    /// By an HTTP status, and by the words where the status leaves it open.
    pub fn of_status(status: u16, message: &str) -> Self {
        use ErrorClass::{Permanent, Transient};
        use FailureKind as Kind;
        let said = Self::of_words(message);
        let (kind, class) = match status {
            401 => (Kind::Auth, Permanent),
            402 => (Kind::Quota, Permanent),
            400 | 413 | 422 if said.kind == Kind::Context => (Kind::Context, Permanent),
            403 if said.kind == Kind::Auth => (Kind::Auth, Permanent),
            403 => (Kind::PermissionDenied, Permanent),
            429 if said.kind == Kind::Quota && said.class == Permanent => (Kind::Quota, Permanent),
            429 => (Kind::Quota, Transient),
            408 | 409 | 425 | 500..=599 => (Kind::Overloaded, Transient),
            _ => (Kind::Unknown, Permanent),
        };
        Self::new(kind, class, message)
    }

    /// By the words alone.
    pub fn of_words(message: &str) -> Self {
        use ErrorClass::{Permanent, Retriable, Transient};
        use FailureKind as Kind;
        let lower = message.to_lowercase();
        let holds = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let numbers = || lower.split(|letter: char| !letter.is_ascii_alphanumeric());
        let status = |wanted: &[&str]| numbers().any(|word| wanted.contains(&word));
        let (kind, class) =
            if holds(&["context window", "context length", "context_length", "prompt is too long", "input is too long"]) {
                (Kind::Context, Permanent)
            } else if holds(&["credit balance", "billing", "usage limit", "insufficient_quota", "exceeded your current quota"]) {
                (Kind::Quota, Permanent)
            } else if status(&["401"])
                || holds(&["unauthorized", "invalid api key", "incorrect api key", "not logged in", "/login", "authentication"])
            {
                (Kind::Auth, Permanent)
            } else if status(&["429"]) || holds(&["rate limit", "rate_limit", "too many requests"]) {
                (Kind::Quota, Transient)
            } else if status(&["500", "502", "503", "504", "529"]) || holds(&["overloaded", "at capacity", "server_error"]) {
                (Kind::Overloaded, Transient)
            } else if status(&["403"]) || holds(&["forbidden", "permission denied", "not permitted"]) {
                (Kind::PermissionDenied, Permanent)
            } else if holds(&["usage policy", "content filter", "content_filter", "refus"]) {
                (Kind::Refused, Permanent)
            } else if holds(&["connection", "stream disconnected", "timed out", "error sending request", "econnrefused"]) {
                (Kind::Io, Transient)
            } else {
                (Kind::Unknown, Retriable)
            };
        Self::new(kind, class, message)
    }

    pub fn failure(self, exit_code: Option<i32>) -> Failure {
        Failure { kind: self.kind, class: self.class, message: self.message, exit_code }
    }
}

fn clipped(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_programs_say_what_it_is() {
        use ErrorClass::{Permanent, Retriable, Transient};
        for (said, kind, class) in [
            ("unexpected status 401 Unauthorized: Incorrect API key provided", FailureKind::Auth, Permanent),
            ("Invalid API key · Fix external API key", FailureKind::Auth, Permanent),
            ("Invalid API key · Please run /login", FailureKind::Auth, Permanent),
            ("exceeded retry limit, last status: 429 Too Many Requests", FailureKind::Quota, Transient),
            ("You've hit your usage limit. Try again later.", FailureKind::Quota, Permanent),
            ("Credit balance is too low", FailureKind::Quota, Permanent),
            ("API Error: 529 Overloaded", FailureKind::Overloaded, Transient),
            ("Prompt is too long", FailureKind::Context, Permanent),
            ("Codex ran out of room in the model's context window", FailureKind::Context, Permanent),
            ("stream disconnected before completion", FailureKind::Io, Transient),
            ("unexpected status 403 Forbidden", FailureKind::PermissionDenied, Permanent),
            ("line 4290 of 401k", FailureKind::Unknown, Retriable),
        ] {
            let trouble = Trouble::of_words(said);
            assert_eq!((trouble.kind, trouble.class), (kind, class), "{said}");
        }
    }

    #[test]
    fn a_status_wins_over_words() {
        assert_eq!(Trouble::of_status(429, "API Error: Request rejected (429)").class, ErrorClass::Transient);
        assert_eq!(Trouble::of_status(400, "prompt is too long: 210000 tokens").kind, FailureKind::Context);
        assert_eq!(Trouble::of_status(404, "no model").kind, FailureKind::Unknown);
    }
}
