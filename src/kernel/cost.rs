//! What a run has cost so far, as far as it is known.
//! In: the proof of each execution that ended. Out: a sum, or that it is not known. Never: an unknown cost taken for nothing.

use crate::record::Proof;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    usd_millionths: u64,
    /// Something used tokens, and nobody knows their price.
    unknown: bool,
}

impl Cost {
    pub(super) fn add(&mut self, proof: &Proof) {
        match proof.cost_usd {
            Some(usd) => self.usd_millionths = self.usd_millionths.saturating_add(millionths(usd)),
            None => self.unknown |= proof.tokens.is_some_and(|tokens| tokens.total > 0),
        }
    }

    /// US dollars; 0 where nothing that costs has run. `None`: not known.
    #[expect(clippy::cast_precision_loss, reason = "no run costs 2^52 millionths of a dollar")]
    pub fn known(self) -> Option<f64> {
        (!self.unknown).then_some(self.usd_millionths as f64 / 1_000_000.0)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and no cost is less than 0")]
fn millionths(usd: f64) -> u64 {
    (usd * 1_000_000.0).round() as u64
}
