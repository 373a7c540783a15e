//! What a program has said of itself so far, in one run.
//! In: its events, as each dialect reads them. Out: answer, figures, commands, troubles. Never: an unknown event taken for
//! anything, a missing figure taken for 0.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::record::{CommandRun, Tokens};

use super::trouble::Trouble;

/// Commands that are kept of one run.
const COMMANDS_MAX: usize = 500;
/// No one run of a program costs more.
const USD_MAX: f64 = 1_000_000.0;

#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The session that can be gone on with.
    pub session: Option<String>,
    pub model: Option<String>,
    /// It said that its work has ended, well or not.
    pub ended: bool,
    /// Why it ended badly, in its own last word.
    pub error: Option<Trouble>,
    /// Something that may yet pass: a retry, a warning.
    pub trouble: Option<Trouble>,
    /// No retry of its own will help; it need not go on.
    pub hopeless: Option<Trouble>,
    /// The last that it said.
    pub answer: String,
    /// Its last line that was no event: a program that cannot begin says so in words.
    pub words: Option<String>,
    /// An object by the schema that it was given.
    pub object: Option<Value>,
    pub tokens: Option<Tokens>,
    pub cost_usd: Option<f64>,
    pub commands: Vec<CommandRun>,
    /// Answers of the model, or what comes nearest to them.
    pub turns: u32,
    /// It stopped at the money that it was given.
    pub spent_all: bool,
    /// Events that we know, and all.
    pub known: u64,
    pub events: u64,
    /// Commands under way, by the id of their call.
    pending: BTreeMap<String, String>,
    /// The answer that was counted last.
    last_turn: Option<String>,
}

impl Heard {
    /// An answer of the model; some come in several events.
    pub fn turn(&mut self, id: Option<&str>) {
        if id.is_none() || self.last_turn.as_deref() != id {
            self.turns += 1;
            self.last_turn = id.map(str::to_owned);
        }
    }

    pub fn command_began(&mut self, id: &str, text: &str) {
        if self.pending.len() < COMMANDS_MAX {
            self.pending.insert(id.to_owned(), text.to_owned());
        }
    }

    /// `None`: it was not run after all.
    pub fn command_ended(&mut self, id: &str, exit_code: Option<i32>) {
        let Some(text) = self.pending.remove(id) else { return };
        if let Some(code) = exit_code {
            self.command(&text, Some(code));
        }
    }

    pub fn command(&mut self, text: &str, exit_code: Option<i32>) {
        if self.commands.len() < COMMANDS_MAX {
            self.commands.push(CommandRun {
                run: Some(text.to_owned()),
                cwd: ".".to_owned(),
                exit_code,
                ..CommandRun::default()
            });
        }
    }

    /// The text that holds the handoff. Without the nulls that a strict schema asks for where something is absent.
    pub fn handoff(&self) -> String {
        // What says a thing twice is left as it is, and refused by whoever reads it: neither of the two is picked here.
        let own = || serde_json::from_str(self.answer.trim()).ok().map(|Once(value)| value);
        match self.object.clone().or_else(own) {
            Some(mut value @ Value::Object(_)) => {
                without_nulls(&mut value);
                value.to_string()
            }
            Some(_) | None => self.answer.clone(),
        }
    }
}

/// A value in which no key is said twice.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OnceVisitor).map(Self)
    }
}

struct OnceVisitor;

impl<'de> Visitor<'de> for OnceVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut found = Vec::new();
        while let Some(Once(item)) = items.next_element()? {
            found.push(item);
        }
        Ok(found.into())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let mut found = Map::new();
        while let Some((key, Once(value))) = pairs.next_entry::<String, Once>()? {
            if found.insert(key, value).is_some() {
                return Err(Error::custom("a key is said twice"));
            }
        }
        Ok(found.into())
    }
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Text at a key.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// What it says that it cost. `None`: nothing, or what cannot be meant; a sum that such a figure made smaller would let the
/// next run pass the limit.
pub(super) fn usd(said: Option<&Value>) -> Option<f64> {
    said.and_then(Value::as_f64).filter(|usd| (0.0..=USD_MAX).contains(usd))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_null_is_absent() {
        let heard = Heard {
            answer: r#"{"status":"VERIFIED","routing":{"reason":null},"concerns":[{"location":null}]}"#.into(),
            ..Heard::default()
        };
        assert_eq!(heard.handoff(), r#"{"status":"VERIFIED","routing":{},"concerns":[{}]}"#);
        let twice = r#"{"status":"UNVERIFIED","routing":{"reason":null},"status":"VERIFIED"}"#;
        assert_eq!(Heard { answer: twice.into(), ..Heard::default() }.handoff(), twice, "neither is picked");
        let words = Heard { answer: "I am done: null".into(), ..Heard::default() };
        assert_eq!(words.handoff(), "I am done: null");
    }

    #[test]
    fn one_answer_in_several_events_is_one_turn() {
        let mut heard = Heard::default();
        for id in [Some("a"), Some("a"), Some("b"), None, None] {
            heard.turn(id);
        }
        assert_eq!(heard.turns, 4);
    }

    #[test]
    fn a_command_that_was_denied_was_not_run() {
        let mut heard = Heard::default();
        heard.command_began("1", "make");
        heard.command_began("2", "rm -r .");
        heard.command_ended("2", None);
        heard.command_ended("1", Some(2));
        heard.command_ended("9", Some(0));
        assert_eq!(heard.commands.len(), 1);
        assert_eq!((heard.commands[0].run.as_deref(), heard.commands[0].exit_code), (Some("make"), Some(2)));
    }
}
