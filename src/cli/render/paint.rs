//! Colours, where they are wanted; every colour stands beside a word that says the same.

use crate::{
    inspect::Standing,
    record::{Observed, RunStatus},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
    Care,
    Person,
    Busy,
}

#[derive(Debug, Clone, Copy)]
pub struct Paint {
    pub color: bool,
}

impl Paint {
    pub fn ink(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Plain => return text.to_owned(),
            Ink::Strong => "1",
            Ink::Faint => "2",
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Care => "33",
            Ink::Person => "35",
            Ink::Busy => "36",
        };
        if self.color && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A run that only observed is no change that was made.
pub fn status_words(status: RunStatus, observed: Option<&Observed>) -> String {
    observed.map_or_else(|| status.to_string(), |one| one.short(status))
}

pub fn run_ink(status: RunStatus) -> Ink {
    match status {
        RunStatus::Running => Ink::Busy,
        RunStatus::Waiting => Ink::Person,
        RunStatus::Succeeded => Ink::Good,
        RunStatus::Failed => Ink::Bad,
        RunStatus::Interrupted | RunStatus::Cancelled => Ink::Care,
    }
}

pub fn standing_ink(standing: Standing) -> Ink {
    match standing {
        Standing::Pending | Standing::Ready | Standing::Skipped | Standing::Stopped => Ink::Faint,
        Standing::Running | Standing::Retrying | Standing::InFlow | Standing::InDetour => Ink::Busy,
        Standing::Waiting | Standing::Blocked => Ink::Person,
        Standing::Succeeded => Ink::Good,
        Standing::Concerns => Ink::Care,
        Standing::Failed => Ink::Bad,
    }
}

pub fn standing_mark(standing: Standing) -> &'static str {
    match standing {
        Standing::Pending | Standing::Ready => "·",
        Standing::Running | Standing::InFlow | Standing::InDetour => "▸",
        Standing::Retrying => "↻",
        Standing::Waiting | Standing::Blocked => "?",
        Standing::Succeeded => "✓",
        Standing::Concerns => "•",
        Standing::Failed => "✗",
        Standing::Skipped | Standing::Stopped => "-",
    }
}
