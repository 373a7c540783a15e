//! What a cause is: how it is recognised, what it means, what to do about it.
//! In: a case. Out: what was found of it. Never: a cause that writes.

use super::{
    Class,
    case::{Case, Found},
    failed,
    patterns::Pattern,
};

/// How a cause is recognised.
#[derive(Debug)]
enum Sign {
    /// By an execution that failed.
    Fails(Pattern),
    /// By a look at everything.
    Looks(fn(&Case<'_>) -> Option<Found>),
}

#[derive(Debug)]
pub struct Cause {
    pub id: &'static str,
    pub class: Class,
    /// It is worth knowing, and decides nothing.
    pub weak: bool,
    /// It is told only where no other cause of its class was found.
    pub last_resort: bool,
    /// What it means.
    pub means: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
    sign: Sign,
}

impl Cause {
    pub(super) fn find(&self, case: &Case<'_>) -> Option<Found> {
        match &self.sign {
            Sign::Looks(look) => look(case),
            Sign::Fails(pattern) => failed::by_pattern(case, pattern, self.remedy),
        }
    }

    /// The regular expression that it looks for.
    pub(super) fn text(&self) -> Option<&'static str> {
        match &self.sign {
            Sign::Fails(pattern) => Some(pattern.text),
            Sign::Looks(_) => None,
        }
    }

    pub(super) const fn weak(mut self) -> Self {
        self.weak = true;
        self
    }

    pub(super) const fn last_resort(mut self) -> Self {
        self.last_resort = true;
        self
    }
}

pub(super) const fn looks(
    class: Class,
    id: &'static str,
    look: fn(&Case<'_>) -> Option<Found>,
    means: &'static str,
    remedy: &'static str,
) -> Cause {
    Cause { id, class, weak: false, last_resort: false, means, remedy, sign: Sign::Looks(look) }
}

pub(super) const fn fails(id: &'static str, pattern: Pattern, means: &'static str, remedy: &'static str) -> Cause {
    Cause { id, class: Class::Failed, weak: false, last_resort: false, means, remedy, sign: Sign::Fails(pattern) }
}

pub(super) const fn kinds(kinds: &'static [&'static str]) -> Pattern {
    Pattern { kinds, exits: &[], text: "" }
}

pub(super) const fn text(text: &'static str) -> Pattern {
    Pattern { kinds: &[], exits: &[], text }
}
