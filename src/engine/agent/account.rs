//! The one account of a run for tokens and money: reserved before a call, settled after it.
//! In: what was used before, limits, calls. Out: leave to make the next call, or the limit that it would pass.
//! Never: a call that nobody reserved, an unknown use taken for nothing, a step with an account of its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    id::FramePath,
    record::{LimitHit, LimitName, Spent, Tokens},
};

use super::Price;

/// Tokens of an answer that are reserved before it is known how long it is.
const ANSWER_TOKENS: u64 = 1_000;

/// The limits of one flow around a step; `None` is no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowLimit {
    pub flow: FramePath,
    pub tokens_max: Option<u64>,
    pub usd_millionths_max: Option<u64>,
}

/// Shared by all steps of a run. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Account(Arc<Mutex<BTreeMap<FramePath, Used>>>);

#[derive(Debug, Clone, Copy, Default)]
struct Used {
    tokens: u64,
    usd_millionths: u64,
}

/// What a step's calls draw on.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    pub account: Account,
    /// Of the step's flow and of those around it.
    pub limits: Vec<FlowLimit>,
}

/// Leave to make one call. Dropped before it is settled, the call counts as reserved: it may have been made.
#[derive(Debug)]
pub(crate) struct Reserved {
    account: Account,
    flow: FramePath,
    held: Used,
}

impl Account {
    /// With what the run has used before, by flow.
    pub fn new(spent: &BTreeMap<FramePath, Spent>) -> Self {
        let used = |spent: &Spent| Used { tokens: spent.tokens.total, usd_millionths: millionths(spent.cost_usd) };
        Self(Arc::new(Mutex::new(spent.iter().map(|(flow, spent)| (flow.clone(), used(spent))).collect())))
    }
}

impl Budget {
    /// Reserves a call of a step in `flow` whose prompt has so many tokens, at most.
    ///
    /// # Errors
    /// The limit that the call would pass, with what is used. Nothing was reserved then.
    pub(crate) fn reserve(&self, flow: &FramePath, prompt_tokens: u64, price: Option<Price>) -> Result<Reserved, LimitHit> {
        let tokens = prompt_tokens + ANSWER_TOKENS;
        let usd_millionths = price.map_or(0, |price| millionths(price.cost_usd(prompt_tokens, ANSWER_TOKENS)));
        let mut used = self.account.0.lock().unwrap_or_else(PoisonError::into_inner);
        for limit in &self.limits {
            let sum = below(&used, &limit.flow);
            let tokens_hit = limit.tokens_max.filter(|max| sum.tokens + tokens > *max);
            let usd_hit = limit.usd_millionths_max.filter(|max| sum.usd_millionths + usd_millionths > *max);
            let hit = tokens_hit.map(|max| (LimitName::Tokens, sum.tokens, max));
            if let Some((limit_name, used, max)) = hit.or_else(|| usd_hit.map(|max| (LimitName::Usd, sum.usd_millionths, max))) {
                return Err(LimitHit { flow: limit.flow.clone(), limit: limit_name, used, max });
            }
        }
        let own = used.entry(flow.clone()).or_default();
        own.tokens += tokens;
        own.usd_millionths += usd_millionths;
        let held = Used { tokens, usd_millionths };
        Ok(Reserved { account: self.account.clone(), flow: flow.clone(), held })
    }
}

impl Budget {
    /// The limit of money that is nearest, with what is used of it.
    pub(crate) fn nearest_usd(&self) -> Option<LimitHit> {
        let used = self.account.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hits = self.limits.iter().filter_map(|limit| {
            let max = limit.usd_millionths_max?;
            Some(LimitHit {
                flow: limit.flow.clone(),
                limit: LimitName::Usd,
                used: below(&used, &limit.flow).usd_millionths,
                max,
            })
        });
        hits.min_by_key(|hit| hit.max.saturating_sub(hit.used))
    }
}

impl Reserved {
    /// The call was made, and this is what it used; what is not known stays as it was reserved.
    pub fn settle(mut self, tokens: Option<Tokens>, cost_usd: Option<f64>) {
        let real = Used {
            tokens: tokens.map_or(self.held.tokens, |tokens| tokens.total),
            usd_millionths: cost_usd.map_or(self.held.usd_millionths, millionths),
        };
        self.replace(real);
    }

    /// The call was refused before it cost anything.
    pub fn release(mut self) {
        self.replace(Used::default());
    }

    fn replace(&mut self, real: Used) {
        let mut used = self.account.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = used.entry(self.flow.clone()).or_default();
        own.tokens = (own.tokens + real.tokens).saturating_sub(self.held.tokens);
        own.usd_millionths = (own.usd_millionths + real.usd_millionths).saturating_sub(self.held.usd_millionths);
        self.held = real;
    }
}

/// What a flow and those below it used.
fn below(used: &BTreeMap<FramePath, Used>, flow: &FramePath) -> Used {
    let inside =
        |path: &FramePath| path.as_str().strip_prefix(flow.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    used.iter().filter(|(path, _)| inside(path)).fold(Used::default(), |sum, (_, one)| Used {
        tokens: sum.tokens + one.tokens,
        usd_millionths: sum.usd_millionths + one.usd_millionths,
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and no cost is less than 0")]
fn millionths(usd: f64) -> u64 {
    (usd * 1_000_000.0).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> FramePath {
        FramePath::new(name).unwrap()
    }

    fn budget(tokens_max: u64) -> Budget {
        let limits = vec![FlowLimit { flow: path("build"), tokens_max: Some(tokens_max), usd_millionths_max: None }];
        Budget { account: Account::default(), limits }
    }

    fn tokens(total: u64) -> Option<Tokens> {
        Some(Tokens { prompt: total, completion: 0, total })
    }

    #[test]
    fn what_is_reserved_cannot_be_reserved_twice() {
        let budget = budget(3_000);
        let first = budget.reserve(&path("build"), 900, None).unwrap();
        let hit = budget.reserve(&path("build"), 900, None).map(|_| ()).unwrap_err();
        assert_eq!((hit.limit, hit.used, hit.max), (LimitName::Tokens, 1_900, 3_000));
        first.settle(tokens(500), None);
        budget.reserve(&path("build"), 900, None).unwrap().release();
        // A call that broke off may have been made.
        drop(budget.reserve(&path("build"), 1_000, None).unwrap());
        assert!(budget.reserve(&path("build"), 0, None).is_err());
    }

    #[test]
    fn sub_flows_draw_from_the_flow_around_them_and_others_do_not() {
        let budget = budget(2_500);
        budget.reserve(&path("build.inner"), 500, None).unwrap().settle(tokens(1_400), None);
        assert!(budget.reserve(&path("build"), 200, None).is_err());
        let spent = BTreeMap::from([(path("builder"), Spent { tokens: tokens(9_000).unwrap(), ..Spent::default() })]);
        let other = Budget { account: Account::new(&spent), ..budget };
        assert!(other.reserve(&path("build"), 200, None).is_ok());
    }

    #[test]
    fn money_is_a_limit_as_well() {
        let limits = vec![FlowLimit { flow: path("build"), tokens_max: None, usd_millionths_max: Some(10_000) }];
        let spent = BTreeMap::from([(path("build"), Spent { cost_usd: 0.008, ..Spent::default() })]);
        let budget = Budget { account: Account::new(&spent), limits };
        let price = Some(Price { input_usd: 1.0, output_usd: 2.0 });
        let hit = budget.reserve(&path("build"), 1_000, price).map(|_| ()).unwrap_err();
        assert_eq!((hit.limit, hit.used, hit.max), (LimitName::Usd, 8_000, 10_000));
    }
}
