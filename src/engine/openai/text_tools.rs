//! Tools for servers that have none: described in words, called by a fenced block.
//! In: descriptions; an answer. Out: text for the prompt; the calls in the answer.

use serde_json::Value;

use super::answer::ToolCall;

/// What the prompt says of the tools.
pub(super) fn described(tools: &[Value]) -> String {
    let mut text = "## Tools\nTo use a tool, answer with nothing but one block like this, and wait for its result:\n```tool\n\
                    {\"name\": \"read_file\", \"arguments\": {\"path\": \"README.md\"}}\n```\nThere are:\n"
        .to_owned();
    for tool in tools {
        let function = tool.get("function").unwrap_or(tool);
        text.push_str("- ");
        text.push_str(&function.to_string());
        text.push('\n');
    }
    text
}

/// The calls that an answer makes.
pub(super) fn calls(answer: &str) -> Vec<ToolCall> {
    let blocks = answer.split("```tool").skip(1).filter_map(|rest| rest.split("```").next());
    let call = |(at, block): (usize, &str)| {
        let json: Value = serde_json::from_str(block.trim()).unwrap_or(Value::Null);
        let name = json.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        // What is no JSON is kept, so that the model is told what is wrong with it.
        let arguments = json.get("arguments").map_or_else(|| block.trim().to_owned(), Value::to_string);
        ToolCall { id: format!("call_{at}"), name, arguments }
    };
    blocks.enumerate().map(call).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_a_call() {
        let found = calls("I look.\n```tool\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"a\"}}\n```\n");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].arguments.as_str()), ("read_file", r#"{"path":"a"}"#));
        assert!(calls("```json\n{}\n```").is_empty());
        assert_eq!(calls("```tool\nnonsense\n```")[0].arguments, "nonsense");
    }
}
