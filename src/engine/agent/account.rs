//! The one account of a run for tokens, money and calls: reserved before a call, settled after it.
//! In: what was used before, limits, calls. Out: leave to make the next call with so long an answer, or the limit that it
//! would pass.
//! Never: a call that nobody reserved, an unknown use taken for nothing, a step with an account of its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    id::FramePath,
    record::{CallLimits, LimitHit, LimitName, Spent, Tokens},
};

use super::Price;

/// Tokens of an answer without which a call is not worth making.
const ANSWER_TOKENS_MIN: u64 = 1_000;
/// Tokens of an answer under a limit, at most: no model in use refuses to be held to so many.
const ANSWER_TOKENS_MAX: u64 = 16_384;

/// The limits of one flow around a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowLimit {
    pub flow: FramePath,
    pub calls: CallLimits,
}

/// Shared by all steps of a run. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Account(Arc<Mutex<BTreeMap<FramePath, Used>>>);

#[derive(Debug, Clone, Copy, Default)]
struct Used {
    tokens: u64,
    usd_millionths: u64,
    calls: u64,
    unknown: u64,
}

/// What a step's calls draw on.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    pub account: Account,
    /// Of the step's flow and of those around it.
    pub limits: Vec<FlowLimit>,
}

/// How long an answer may be, and whose limit makes it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Room {
    pub tokens_max: u64,
    pub hit: LimitHit,
}

impl Room {
    /// A limit, and not only our own caution, makes it this short.
    pub const fn is_tight(&self) -> bool {
        self.tokens_max < ANSWER_TOKENS_MAX
    }
}

/// Leave to make one call. Dropped before it is settled, the call counts as reserved: it may have been made.
#[derive(Debug)]
pub(crate) struct Reserved {
    account: Account,
    flow: FramePath,
    held: Used,
    /// `None`: no limit counts tokens or money.
    pub room: Option<Room>,
}

impl Account {
    /// With what the run has used before, by flow.
    pub fn new(spent: &BTreeMap<FramePath, Spent>) -> Self {
        let used = |spent: &Spent| Used {
            tokens: spent.tokens.total,
            usd_millionths: millionths(spent.cost_usd),
            calls: spent.calls,
            unknown: spent.unknown,
        };
        Self(Arc::new(Mutex::new(spent.iter().map(|(flow, spent)| (flow.clone(), used(spent))).collect())))
    }
}

impl Budget {
    /// Reserves a call of a step in `flow` whose prompt has so many tokens, at most, and room for its answer: half of what
    /// is left, so that steps side by side have some, too.
    ///
    /// # Errors
    /// The limit that the call would pass, with what is used. Nothing was reserved then.
    pub(crate) fn reserve(&self, flow: &FramePath, prompt_tokens: u64, price: Option<Price>) -> Result<Reserved, LimitHit> {
        let mut used = self.account.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room: Option<Room> = None;
        for limit in &self.limits {
            let sum = below(&used, &limit.flow);
            let hit = |limit_name, used, max| LimitHit { flow: limit.flow.clone(), limit: limit_name, used, max };
            let CallLimits { tokens_max, usd_millionths_max, turns_max, unknown_max } = limit.calls;
            if let Some(max) = turns_max.filter(|max| sum.calls >= *max) {
                return Err(hit(LimitName::Turns, sum.calls, max));
            }
            if let Some(max) = unknown_max.filter(|max| sum.unknown > *max) {
                return Err(hit(LimitName::UnknownCost, sum.unknown, max));
            }
            let tokens = tokens_max
                .map(|max| (max.saturating_sub(sum.tokens.saturating_add(prompt_tokens)), LimitName::Tokens, sum.tokens, max));
            let usd = usd_millionths_max.zip(price).and_then(|(max, price)| {
                let left = max.saturating_sub(sum.usd_millionths + millionths(price.cost_usd(prompt_tokens, 0)));
                Some((price.answer_tokens(left)?, LimitName::Usd, sum.usd_millionths, max))
            });
            for (left, name, used, max) in tokens.into_iter().chain(usd) {
                if left < ANSWER_TOKENS_MIN {
                    return Err(hit(name, used, max));
                }
                let tokens_max = (left / 2).clamp(ANSWER_TOKENS_MIN, ANSWER_TOKENS_MAX);
                if room.as_ref().is_none_or(|room| tokens_max < room.tokens_max) {
                    room = Some(Room { tokens_max, hit: hit(name, used, max) });
                }
            }
        }
        let answer = room.as_ref().map_or(ANSWER_TOKENS_MIN, |room| room.tokens_max);
        let held = Used {
            tokens: prompt_tokens + answer,
            usd_millionths: price.map_or(0, |price| millionths(price.cost_usd(prompt_tokens, answer))),
            calls: 1,
            unknown: 0,
        };
        used.entry(flow.clone()).or_default().exchange(Used::default(), held);
        Ok(Reserved { account: self.account.clone(), flow: flow.clone(), held, room })
    }
}

impl Used {
    fn exchange(&mut self, old: Self, new: Self) {
        let exchanged = |sum: u64, old: u64, new: u64| sum.saturating_add(new).saturating_sub(old);
        self.tokens = exchanged(self.tokens, old.tokens, new.tokens);
        self.usd_millionths = exchanged(self.usd_millionths, old.usd_millionths, new.usd_millionths);
        self.calls = exchanged(self.calls, old.calls, new.calls);
        self.unknown = exchanged(self.unknown, old.unknown, new.unknown);
    }
}

impl Budget {
    /// The limit of money that is nearest, with what is used of it.
    pub(crate) fn nearest_usd(&self) -> Option<LimitHit> {
        let used = self.account.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hits = self.limits.iter().filter_map(|limit| {
            let max = limit.calls.usd_millionths_max?;
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
            calls: 1,
            unknown: u64::from(tokens.is_none() || cost_usd.is_none()),
        };
        self.replace(real);
    }

    /// The call was refused before it cost anything.
    pub fn release(mut self) {
        self.replace(Used::default());
    }

    fn replace(&mut self, real: Used) {
        let mut used = self.account.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.entry(self.flow.clone()).or_default().exchange(self.held, real);
        self.held = real;
    }
}

/// What a flow and those below it used.
fn below(used: &BTreeMap<FramePath, Used>, flow: &FramePath) -> Used {
    let inside =
        |path: &FramePath| path.as_str().strip_prefix(flow.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let mut sum = Used::default();
    used.iter().filter(|(path, _)| inside(path)).for_each(|(_, one)| sum.exchange(Used::default(), *one));
    sum
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

    fn budget(calls: CallLimits) -> Budget {
        Budget { account: Account::default(), limits: vec![FlowLimit { flow: path("build"), calls }] }
    }

    fn of_tokens(max: u64) -> Budget {
        budget(CallLimits { tokens_max: Some(max), ..CallLimits::default() })
    }

    fn tokens(total: u64) -> Option<Tokens> {
        Some(Tokens { prompt: total, completion: 0, total })
    }

    fn refused(budget: &Budget, prompt_tokens: u64, price: Option<Price>) -> (LimitName, u64, u64) {
        let hit = budget.reserve(&path("build"), prompt_tokens, price).map(|_| ()).unwrap_err();
        (hit.limit, hit.used, hit.max)
    }

    #[test]
    fn what_is_reserved_cannot_be_reserved_twice() {
        let budget = of_tokens(3_000);
        let first = budget.reserve(&path("build"), 900, None).unwrap();
        assert_eq!(first.room.as_ref().unwrap().tokens_max, 1_050);
        assert_eq!(refused(&budget, 900, None), (LimitName::Tokens, 1_950, 3_000));
        first.settle(tokens(500), None);
        budget.reserve(&path("build"), 900, None).unwrap().release();
        // A call that broke off may have been made.
        drop(budget.reserve(&path("build"), 1_000, None).unwrap());
        assert!(budget.reserve(&path("build"), 0, None).is_err());
    }

    #[test]
    fn however_long_the_answers_are_their_sum_stays_below_the_limit() {
        for side_by_side in 1..7 {
            let budget = of_tokens(100_000);
            let mut used = 0;
            loop {
                let calls = (0..side_by_side).map_while(|_| budget.reserve(&path("build"), 700, None).ok());
                let calls: Vec<Reserved> = calls.collect();
                if calls.is_empty() {
                    break;
                }
                for call in calls {
                    // The whole prompt, and all of the answer that it was given room for.
                    let total = 700 + call.room.as_ref().unwrap().tokens_max;
                    used += total;
                    call.settle(tokens(total), None);
                }
            }
            assert!((98_000..=100_000).contains(&used), "{side_by_side} at once: {used}");
        }
    }

    #[test]
    fn without_a_limit_an_answer_may_be_as_long_as_the_model_likes() {
        let turns = CallLimits { turns_max: Some(9), ..CallLimits::default() };
        for budget in [Budget::default(), budget(turns)] {
            assert_eq!(budget.reserve(&path("build"), 900, None).unwrap().room, None);
        }
    }

    #[test]
    fn sub_flows_draw_from_the_flow_around_them_and_others_do_not() {
        let budget = of_tokens(2_500);
        budget.reserve(&path("build.inner"), 500, None).unwrap().settle(tokens(1_400), None);
        assert!(budget.reserve(&path("build"), 200, None).is_err());
        let spent = BTreeMap::from([(path("builder"), Spent { tokens: tokens(9_000).unwrap(), ..Spent::default() })]);
        let other = Budget { account: Account::new(&spent), ..budget };
        assert!(other.reserve(&path("build"), 200, None).is_ok());
    }

    #[test]
    fn money_is_a_limit_as_well() {
        let spent = BTreeMap::from([(path("build"), Spent { cost_usd: 0.008, ..Spent::default() })]);
        let limits = CallLimits { usd_millionths_max: Some(10_000), ..CallLimits::default() };
        let budget = Budget { account: Account::new(&spent), ..budget(limits) };
        let price = Some(Price { input_usd: 1.0, output_usd: 2.0 });
        assert_eq!(refused(&budget, 1_000, price), (LimitName::Usd, 8_000, 10_000));
        // 0.002 USD are left: 0.0001 for the prompt, and half of the rest for the answer, at two millionths a token.
        let cheap = Some(Price { input_usd: 1.0, output_usd: 0.5 });
        assert_eq!(budget.reserve(&path("build"), 100, cheap).unwrap().room.unwrap().tokens_max, 1_900);
    }

    #[test]
    fn calls_are_counted_whatever_they_cost() {
        let budget = budget(CallLimits { turns_max: Some(2), ..CallLimits::default() });
        budget.reserve(&path("build"), 1, None).unwrap().release();
        budget.reserve(&path("build"), 1, None).unwrap().settle(None, None);
        drop(budget.reserve(&path("build"), 1, None).unwrap());
        assert_eq!(refused(&budget, 1, None), (LimitName::Turns, 2, 2));
    }

    #[test]
    fn a_call_of_unknown_cost_is_the_last_where_the_flow_says_so() {
        let stops = budget(CallLimits { unknown_max: Some(0), ..CallLimits::default() });
        stops.reserve(&path("build"), 1, None).unwrap().settle(tokens(5), Some(0.1));
        stops.reserve(&path("build"), 1, None).unwrap().settle(tokens(5), None);
        assert_eq!(refused(&stops, 1, None), (LimitName::UnknownCost, 1, 0));
    }
}
