//! Slips: what a form brings back to show that it is of a page that we made, and that it was not sent before.
//! In: a form's purpose. Out: a slip; later, whether it is one. Never: a slip that counts twice, more than `SLIPS_MAX` kept.

use std::{collections::VecDeque, sync::Mutex};

use super::token::random;

/// Pages that are open at once, and then some.
const SLIPS_MAX: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Slips(Mutex<VecDeque<(String, String)>>);

impl Slips {
    /// For a form that does `what`. Empty where the system has no luck to give: such a form is refused.
    pub fn give(&self, what: &str) -> String {
        let Ok(slip) = random() else { return String::new() };
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.len() == SLIPS_MAX {
            kept.pop_front();
        }
        kept.push_back((slip.clone(), what.to_owned()));
        slip
    }

    /// Whether it was given for this, and takes it back.
    pub fn take(&self, what: &str, slip: &str) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = kept.iter().position(|(one, purpose)| one == slip && purpose == what && !slip.is_empty());
        found.and_then(|at| kept.remove(at)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_counts_once_and_for_what_it_was_given() {
        let slips = Slips::default();
        let slip = slips.give("answer r/q");
        assert!(!slips.take("answer r/other", &slip) && slips.take("answer r/q", &slip));
        assert!(!slips.take("answer r/q", &slip) && !slips.take("answer r/q", ""));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let slips = Slips::default();
        let first = slips.give("x");
        (0..SLIPS_MAX).for_each(|_| drop(slips.give("x")));
        assert!(!slips.take("x", &first));
    }
}
