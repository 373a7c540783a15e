//! What a server answered, read as loosely as servers differ.
//! In: the JSON of one chat completion. Out: text, tool calls, usage, why it ended. Never: a missing field taken for 0.

use serde_json::{Value, json};

use crate::record::Tokens;

/// One answer of the model.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answer {
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub refusal: Option<String>,
    /// `stop`, `tool_calls`, `length`, `content_filter` …
    pub finish: String,
    /// `None`: the server did not say.
    pub tokens: Option<Tokens>,
    pub model: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolCall {
    pub id: String,
    pub name: String,
    /// As the model wrote them: JSON, one hopes.
    pub arguments: String,
}

/// Calls in one answer; the rest is told that it was not made.
pub(super) const CALLS_MAX: usize = 32;

impl Answer {
    /// # Errors
    /// A sentence, when it is no chat completion at all.
    pub fn read(json: &Value) -> Result<Self, String> {
        let choice = json.pointer("/choices/0").ok_or("the server's answer holds no choice")?;
        let message = choice.get("message").ok_or("the server's answer holds no message")?;
        let word = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let calls = message.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let call = |(at, call): (usize, &Value)| {
            let function = call.get("function").unwrap_or(call);
            let arguments = match function.get("arguments") {
                Some(Value::String(text)) => text.clone(),
                // Some servers send the object itself.
                Some(other) => other.to_string(),
                None => String::new(),
            };
            let id = Some(word(call, "id")).filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{at}"));
            ToolCall { id, name: word(function, "name"), arguments }
        };
        Ok(Self {
            text: content(message.get("content")),
            calls: calls.iter().enumerate().map(call).collect(),
            refusal: Some(word(message, "refusal")).filter(|text| !text.is_empty()),
            finish: word(choice, "finish_reason"),
            tokens: json.get("usage").and_then(tokens),
            model: Some(word(json, "model")).filter(|model| !model.is_empty()),
        })
    }

    /// The same, as a message of the conversation that goes on.
    pub fn message(&self) -> Value {
        let mut message = json!({"role": "assistant", "content": self.text});
        if !self.calls.is_empty() {
            let calls: Vec<Value> = self
                .calls
                .iter()
                .map(|call| {
                    let function = json!({"name": call.name, "arguments": call.arguments});
                    json!({"id": call.id, "type": "function", "function": function})
                })
                .collect();
            message["tool_calls"] = calls.into();
        }
        message
    }
}

/// Text, or the text parts of a list.
fn content(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect::<Vec<_>>().join("")
        }
        _ => String::new(),
    }
}

fn tokens(usage: &Value) -> Option<Tokens> {
    let figure = |key: &str| usage.get(key).and_then(Value::as_u64);
    Tokens::counted(figure("prompt_tokens"), figure("completion_tokens"))?.with_total(figure("total_tokens").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_different_servers_are_read_alike() {
        let openai = json!({"model": "m-1", "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
            "choices": [{"finish_reason": "tool_calls", "message": {"content": null, "tool_calls":
                [{"id": "a", "type": "function", "function": {"name": "search", "arguments": "{\"pattern\":\"x\"}"}}]}}]});
        let answer = Answer::read(&openai).unwrap();
        assert_eq!(
            answer.calls,
            [ToolCall { id: "a".to_owned(), name: "search".to_owned(), arguments: "{\"pattern\":\"x\"}".to_owned() }]
        );
        assert_eq!(answer.tokens, Some(Tokens { prompt: 5, completion: 2, total: 7 }));
        let loose = json!({"choices": [{"message": {"content": [{"type": "text", "text": "hi"}], "tool_calls":
                [{"function": {"name": "search", "arguments": {"pattern": "x"}}}]}}]});
        let answer = Answer::read(&loose).unwrap();
        assert_eq!((answer.text.as_str(), answer.tokens), ("hi", None));
        assert_eq!((answer.calls[0].id.as_str(), answer.calls[0].arguments.as_str()), ("call_0", r#"{"pattern":"x"}"#));
        assert!(Answer::read(&json!({"choices": []})).is_err());
    }

    #[test]
    fn half_a_usage_is_no_usage() {
        let json = json!({"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 5}});
        assert_eq!(Answer::read(&json).unwrap().tokens, None);
    }

    #[test]
    fn a_count_that_cannot_be_meant_is_no_usage() {
        let of = |prompt: Value, total: Value| {
            let usage = json!({"prompt_tokens": prompt, "completion_tokens": 2, "total_tokens": total});
            Answer::read(&json!({"choices": [{"message": {"content": "x"}}], "usage": usage})).unwrap().tokens
        };
        assert_eq!(of(json!(5), json!(9)), Some(Tokens { prompt: 5, completion: 2, total: 9 }));
        assert_eq!(of(json!(u64::MAX), json!(9)), None);
        assert_eq!(of(json!(5), json!(u64::MAX)), None);
        assert_eq!(of(json!(-5), json!(-3)), None);
    }
}
