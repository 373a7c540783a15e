//! Just enough of the Anthropic Messages API and of the OpenAI Responses API for the programs that speak them: streams of
//! events, made of what the model is to say.

#![allow(dead_code, reason = "every test file takes what it needs of this")]

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::llm::Turn;

fn stream(events: &[Value]) -> Turn {
    let mut text = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_owned();
    for event in events {
        text.push_str(&format!("event: {}\ndata: {event}\n\n", event["type"].as_str().expect("a type")));
    }
    Turn::Raw(text.into_bytes())
}

/// An answer of the Messages API: a text, or a call of a tool.
pub fn message(said: &Said) -> Turn {
    let (block, delta, stop) = match said {
        Said::Text(text) => (json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": text}), "end_turn"),
        Said::Call(name, input) => (
            json!({"type": "tool_use", "id": format!("call-{name}"), "name": name, "input": {}}),
            json!({"type": "input_json_delta", "partial_json": input.to_string()}),
            "tool_use",
        ),
    };
    // Answers with one id are taken for one.
    static NUMBER: AtomicUsize = AtomicUsize::new(1);
    let id = format!("msg-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let usage = json!({"input_tokens": 100, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0});
    stream(&[
        json!({"type": "message_start", "message": {"id": id, "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
            "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage}}),
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
        json!({"type": "content_block_delta", "index": 0, "delta": delta}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null}, "usage": {"output_tokens": 20}}),
        json!({"type": "message_stop"}),
    ])
}

/// The same of the Responses API.
pub fn response(said: &Said) -> Turn {
    let item = match said {
        Said::Text(text) => {
            json!({"type": "message", "role": "assistant", "id": "m", "content": [{"type": "output_text", "text": text}]})
        }
        Said::Call(name, input) => {
            json!({"type": "function_call", "id": "f", "call_id": "c", "name": name, "arguments": input.to_string()})
        }
    };
    let usage = json!({"input_tokens": 100, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 120});
    stream(&[
        json!({"type": "response.created", "response": {"id": "r"}}),
        json!({"type": "response.output_item.done", "item": item}),
        json!({"type": "response.completed", "response": {"id": "r", "usage": usage}}),
    ])
}

/// What the model says in one answer.
pub enum Said {
    Text(String),
    Call(&'static str, Value),
}

/// How many answers the model has given in the conversation that a request repeats.
pub fn answers(asked: &Value) -> usize {
    let messages = asked["messages"].as_array().into_iter().flatten().filter(|one| one["role"] == "assistant").count();
    let items = asked["input"].as_array().into_iter().flatten();
    messages + items.filter(|one| one["type"] == "function_call" || one["role"] == "assistant").count()
}
