//! Slips: what a form brings back to show that it is of a page that we made, and that it was not sent before.
//! In: a form's purpose. Out: a slip; later, whether it is one. Never: a slip that counts twice; memory for a slip that is not used.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use hmac::{Hmac, KeyInit as _, Mac as _};

use super::private::random;

/// Forms that were sent are remembered, up to so many; when there are more, pages older than the first of them are of no use.
const USED_MAX: usize = 4096;

/// A slip is a number and its seal, so that a page which is read again and again costs nothing.
#[derive(Debug)]
pub(super) struct Slips {
    /// Of this start. Empty where the system has no luck to give: then no slip is good.
    key: String,
    next: AtomicU64,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    /// No slip with a number below counts any more.
    floor: u64,
    numbers: BTreeSet<u64>,
}

impl Default for Slips {
    fn default() -> Self {
        Self { key: random().unwrap_or_default(), next: AtomicU64::new(1), used: Mutex::default() }
    }
}

impl Slips {
    /// For a form that does `what`.
    pub fn give(&self, what: &str) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let seal: String = self.seal(number, what).finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{number}-{seal}")
    }

    /// Whether it was given for this and not yet taken; from now on it is.
    pub fn take(&self, what: &str, slip: &str) -> bool {
        self.number(what, slip).is_some_and(|number| {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            if number < used.floor || !used.numbers.insert(number) {
                return false;
            }
            if used.numbers.len() > USED_MAX
                && let Some(first) = used.numbers.pop_first()
            {
                used.floor = first + 1;
            }
            true
        })
    }

    fn number(&self, what: &str, slip: &str) -> Option<u64> {
        let (number, seal) = slip.split_once('-')?;
        let number = number.parse().ok().filter(|_| !self.key.is_empty())?;
        let pairs = seal.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        let seal: Vec<u8> = pairs.collect::<Option<_>>()?;
        self.seal(number, what).verify_slice(&seal).ok().map(|()| number)
    }

    fn seal(&self, number: u64, what: &str) -> Hmac<sha2::Sha256> {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(self.key.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(format!("{number}\n{what}").as_bytes());
        mac
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
        let (number, seal) = slip.split_once('-').unwrap();
        let next = format!("{}-{seal}", number.parse::<u64>().unwrap() + 1);
        for made_up in [next.as_str(), "1-", "1", "-", "x-00", "1-é", &seal[2..], &slip.to_uppercase()] {
            assert!(!slips.take("answer r/q", made_up), "{made_up}");
        }
        assert!(!Slips::default().take("answer r/q", &slips.give("answer r/q")), "each start has its own");
    }

    #[test]
    fn pages_that_are_read_again_and_again_push_no_other_out() {
        let slips = Slips::default();
        let first = slips.give("x");
        (0..4 * USED_MAX).for_each(|_| drop(slips.give("y")));
        assert!(slips.take("x", &first));
    }

    #[test]
    fn what_is_forgotten_does_not_count_again() {
        let slips = Slips::default();
        let first = slips.give("x");
        assert!(slips.take("x", &first));
        for _ in 0..=USED_MAX {
            assert!(slips.take("y", &slips.give("y")));
        }
        assert!(slips.used.lock().unwrap().numbers.len() <= USED_MAX);
        assert!(!slips.take("x", &first));
    }
}
