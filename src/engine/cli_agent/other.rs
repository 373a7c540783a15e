//! A program that only settings know: `[engines.cli.<name>]`.
//! In: an order; what it prints. Out: arguments; what that says. Never: a field guessed that nobody named.

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::{
    engine::agent::{Tool, Tools},
    id::AgentKey,
    record::{ErrorClass, FailureKind, Tokens},
};

use super::{
    heard::{Heard, usd},
    program::{Line, Order, Other, Program},
    trouble::Trouble,
};

/// How it is told what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptWay {
    Stdin,
    /// The last argument.
    Argument,
}

/// What its standard output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputForm {
    Text,
    Json,
    Jsonl,
}

/// Where things stand in what it prints, as JSON pointers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// Pointer and value of the event that ends the work.
    pub end: Option<(String, String)>,
    pub answer: Option<String>,
    pub session: Option<String>,
    pub error: Option<String>,
    pub model: Option<String>,
    pub prompt_tokens: Option<String>,
    pub completion_tokens: Option<String>,
    pub cost_usd: Option<String>,
}

/// Two measures, as its settings name them: everything, or only reading.
pub(super) fn can_hold(other: &Other, agent: &AgentKey, tools: &Tools) -> Result<(), String> {
    match (&other.observe, tools.only_look()) {
        (None, true) => Err(format!(
            "nothing is known that keeps the program `{}` from writing: name it as engines.cli.{}.observe",
            other.name, other.name
        )),
        (_, false) if tools.ours.len() != Tool::ALL.len() => Err(format!(
            "the program `{}` cannot be kept from single tools, and the agent `{agent}` has only some of those that write",
            other.name
        )),
        (Some(_) | None, _) => Ok(()),
    }
}

pub(super) fn line(other: &Other, program: &Program, order: &Order<'_>) -> Line {
    let mut args = program.args.clone();
    if let Some(observe) = other.observe.as_ref().filter(|_| order.work.tools.only_look()) {
        args.extend(observe.iter().cloned());
    }
    if let (Some(flag), Some(model)) = (&other.model_flag, order.work.model.named()) {
        args.extend([flag.clone(), model.to_owned()]);
    }
    if let (Some(flag), Some(session)) = (&other.resume_flag, order.session) {
        args.extend([flag.clone(), session.to_owned()]);
    }
    let told = match (order.session, order.system.trim()) {
        // It knows who it is.
        (Some(_), _) | (None, "") => order.prompt.to_owned(),
        (None, system) => format!("{system}\n\n{}", order.prompt),
    };
    let stdin = match other.prompt {
        PromptWay::Stdin => told,
        PromptWay::Argument => {
            args.push(told);
            String::new()
        }
    };
    let mut env = BTreeMap::new();
    if let (Some(name), Some(url)) = (&other.base_url_env, &program.base_url) {
        env.insert(name.clone(), url.clone());
    }
    if let Some(key) = &program.key {
        env.insert(key.variable.clone(), key.value.expose_secret().to_owned());
    }
    Line { args, stdin, env }
}

/// One object of its output.
pub(super) fn hear(other: &Other, event: &Value, heard: &mut Heard) {
    let Fields { end, answer, session, error, model, prompt_tokens, completion_tokens, cost_usd } = &other.fields;
    let at = |pointer: &Option<String>| pointer.as_deref().and_then(|pointer| event.pointer(pointer));
    let text = |pointer: &Option<String>| at(pointer).and_then(Value::as_str).map(str::to_owned);
    let known = heard.known;
    heard.known += u64::from(end.is_none() || at(answer).is_some());
    if let Some(found) = text(session) {
        heard.session = Some(found);
    }
    if let Some(found) = text(model) {
        heard.model = Some(found);
    }
    match at(answer) {
        Some(Value::String(said)) => heard.answer.clone_from(said),
        Some(object @ Value::Object(_)) => heard.object = Some(object.clone()),
        Some(_) | None => {}
    }
    let figure = |pointer: &Option<String>| at(pointer).and_then(Value::as_u64);
    if let Some(found) = Tokens::counted(figure(prompt_tokens), figure(completion_tokens)) {
        heard.tokens = Some(found);
    }
    if let Some(found) = usd(at(cost_usd)) {
        heard.cost_usd = Some(found);
    }
    if let Some(said) = at(error).and_then(failed) {
        heard.error = Some(Trouble::of_words(&said));
    }
    if let Some((pointer, value)) = end
        && event.pointer(pointer).is_some_and(|found| found.as_str().map_or_else(|| found.to_string(), str::to_owned) == *value)
    {
        heard.ended = true;
        heard.known = known + 1;
    }
}

/// What a value says where an error stands.
fn failed(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::String(said) => Some(said.clone()).filter(|said| !said.is_empty()),
        Value::Object(map) => match map.get("message").and_then(Value::as_str) {
            Some(said) => Some(said.to_owned()),
            None => (!map.is_empty()).then(|| value.to_string()),
        },
        Value::Array(items) => (!items.is_empty()).then(|| value.to_string()),
        Value::Bool(true) => Some("it reported an error".to_owned()),
        Value::Number(number) => (number.as_f64() != Some(0.0)).then(|| format!("it reported the error {number}")),
    }
}

/// All of its output.
pub(super) fn hear_whole(other: &Other, text: &str, heard: &mut Heard) {
    match other.output {
        OutputForm::Text => {
            heard.answer = text.to_owned();
            heard.ended = true;
        }
        OutputForm::Json => match serde_json::from_str(text.trim()) {
            Ok(object) => {
                hear(other, &object, heard);
                heard.ended = true;
            }
            Err(error) => {
                heard.ended = true;
                let message = format!("its output is not whole, or not JSON: {error}");
                heard.error = Some(Trouble::new(FailureKind::BadOutput, ErrorClass::Retriable, message));
            }
        },
        OutputForm::Jsonl => {}
    }
}
