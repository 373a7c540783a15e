//! Which model an agent gets, and what it costs.
//! In: a tier or a name, as flows and agents write it. Out: a name and its price. Never: a price guessed.

use std::collections::BTreeMap;

use super::{Model, Price};

/// The tier of an agent that names none.
const TIER: &str = "standard";

/// OpenAI's models by tier, for whoever has set none.
const TIERS: &[(&str, &[&str])] = &[("fast", &["gpt-5-mini"]), ("standard", &["gpt-5"]), ("strong", &["gpt-5"])];

/// OpenAI's list prices for standard processing in US dollars per million tokens, cached input not told apart. Settings win
/// over them. docs/reference.md says from when they are.
const PRICES: &[(&str, f64, f64)] = &[
    ("gpt-4.1", 2.0, 8.0),
    ("gpt-4.1-mini", 0.4, 1.6),
    ("gpt-4.1-nano", 0.1, 0.4),
    ("gpt-4o", 2.5, 10.0),
    ("gpt-4o-mini", 0.15, 0.6),
    ("gpt-5", 1.25, 10.0),
    ("gpt-5-mini", 0.25, 2.0),
    ("gpt-5-nano", 0.05, 0.4),
    ("gpt-5.1", 1.25, 10.0),
    ("gpt-5.4", 2.5, 15.0),
    ("gpt-5.4-mini", 0.75, 4.5),
    ("gpt-5.4-nano", 0.2, 1.25),
    ("gpt-5.5", 5.0, 30.0),
    ("o3", 2.0, 8.0),
    ("o4-mini", 1.1, 4.4),
];

/// Tiers and prices of a run.
#[derive(Debug, Clone, Default)]
pub struct Models {
    /// As settings name them.
    pub tiers: BTreeMap<String, Vec<String>>,
    pub prices: BTreeMap<String, Price>,
    /// The server is OpenAI's own: its models and its list prices are known.
    pub shipped: bool,
}

impl Models {
    /// The names to try for a word of a flow or an agent, the first preferred. `None`: a tier that has no model here.
    /// Claude Code's words for sizes are tiers; `inherit` is no word.
    pub fn names(&self, word: Option<&str>) -> Option<Vec<String>> {
        let word = word.filter(|word| *word != "inherit").unwrap_or(TIER);
        let tier = match word {
            "fast" | "haiku" => "fast",
            "standard" | "sonnet" => "standard",
            "strong" | "opus" => "strong",
            name => return Some(vec![name.to_owned()]),
        };
        if let Some(names) = self.tiers.get(tier) {
            return Some(names.clone());
        }
        // One tier is enough for a server with one model.
        if !self.shipped {
            return self.tiers.get(TIER).or_else(|| self.tiers.values().next()).cloned();
        }
        let shipped = TIERS.iter().find(|(name, _)| *name == tier);
        shipped.map(|(_, names)| names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// The models for an attempt, counted from 1, the first preferred: each failed attempt gives the next name its turn, and
    /// those after it take over where the server does not have it.
    pub fn choose(&self, word: Option<&str>, attempt: u32) -> Option<Vec<Model>> {
        let names = self.names(word)?;
        let at = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX).min(names.len().checked_sub(1)?);
        Some(names[at..].iter().map(|name| Model { price: self.price(name), name: name.clone() }).collect())
    }

    /// `None`: not known.
    pub fn price(&self, name: &str) -> Option<Price> {
        if let Some(price) = self.prices.get(name) {
            return Some(*price);
        }
        // `gpt-5-2025-08-07` is a `gpt-5`.
        let is = |listed: &str| name.strip_prefix(listed).is_some_and(|rest| rest.is_empty() || rest.starts_with("-20"));
        let listed = PRICES.iter().find(|(listed, ..)| self.shipped && is(listed))?;
        Some(Price { input_usd: listed.1, output_usd: listed.2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(models: &Models, word: Option<&str>) -> Vec<String> {
        models.names(word).unwrap_or_default()
    }

    #[test]
    fn a_tier_is_a_name_and_a_name_is_itself() {
        let openai = Models { shipped: true, ..Models::default() };
        assert_eq!(names(&openai, Some("haiku")), ["gpt-5-mini"]);
        assert_eq!(names(&openai, Some("inherit")), ["gpt-5"]);
        assert_eq!(names(&openai, Some("gpt-4o")), ["gpt-4o"]);
        let local = Models { tiers: [("standard".to_owned(), vec!["qwen".to_owned()])].into(), ..Models::default() };
        assert_eq!((names(&local, None), names(&local, Some("opus"))), (vec!["qwen".to_owned()], vec!["qwen".to_owned()]));
        assert_eq!(Models::default().names(None), None);
    }

    #[test]
    fn a_failed_attempt_gives_the_next_model_its_turn() {
        let models = Models { tiers: [("fast".to_owned(), vec!["a".to_owned(), "b".to_owned()])].into(), ..Models::default() };
        let name = |attempt| models.choose(Some("fast"), attempt).unwrap().remove(0).name;
        assert_eq!((name(1), name(2), name(9)), ("a".to_owned(), "b".to_owned(), "b".to_owned()));
    }

    #[test]
    fn a_price_is_known_or_it_is_not() {
        let price =
            |models: &Models, name: &str| models.choose(Some(name), 1).unwrap().remove(0).price.map(|price| price.input_usd);
        let openai = Models { shipped: true, ..Models::default() };
        assert_eq!(price(&openai, "gpt-5-mini-2025-08-07"), Some(0.25));
        assert_eq!((price(&openai, "gpt-5-pro"), price(&openai, "qwen")), (None, None));
        // Another server may call anything `gpt-4o`.
        assert_eq!(price(&Models::default(), "gpt-4o"), None);
        let own = Models { prices: [("qwen".to_owned(), Price { input_usd: 0.1, output_usd: 0.2 })].into(), ..Models::default() };
        assert_eq!(price(&own, "qwen"), Some(0.1));
    }
}
