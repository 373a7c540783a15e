//! Who sent a request, and what they may do.
//! In: what the door found out. Out: a name, or a refusal with a sentence. Never: a right that nobody gave.

use super::problem::Problem;

/// What a request wants to do beyond looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// Answer what waits for a person.
    Review,
    /// Start, resume, retry and cancel runs.
    Operate,
}

/// Whoever sent a request; the door lets nobody in without one.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// `None`: whoever started the studio, by their login name.
    pub name: Option<String>,
}

impl Person {
    /// Whoever has the link: it opens everything.
    pub fn owner() -> Self {
        Self { name: None }
    }

    /// # Errors
    /// They may not, with a sentence.
    pub fn may(&self, right: Right) -> Result<(), Problem> {
        match right {
            Right::Review | Right::Operate => Ok(()),
        }
    }
}
