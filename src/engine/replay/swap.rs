//! Paths of one machine for those of another, in texts that name them.
//! In: text and pairs of paths. Out: the text with one for the other. Never: a part of a longer name taken for a path.

use serde_json::Value;

/// Pairs of what stands there and what takes its place, the longest first: a run may lie in its workspace.
#[derive(Debug, Clone, Default)]
pub(super) struct Swap(Vec<(String, String)>);

impl Swap {
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        // One letter, `/`, stands everywhere.
        let mut pairs: Vec<_> = pairs.into_iter().filter(|(from, _)| from.len() > 1).collect();
        pairs.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        Self(pairs)
    }

    pub fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (from, to)| if text.contains(from) { one(&text, from, to) } else { text })
    }

    /// Every text in it.
    pub fn json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.text(&text).into(),
            Value::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Value::Object(map) => map.into_iter().map(|(key, value)| (key, self.json(value))).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }
}

fn one(text: &str, from: &str, to: &str) -> String {
    let named = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    let mut swapped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        swapped.push_str(before);
        let inside = swapped.chars().next_back().is_some_and(named) || after.chars().next().is_some_and(named);
        swapped.push_str(if inside { from } else { to });
        rest = after;
    }
    swapped.push_str(rest);
    swapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_swapped_and_a_longer_name_is_not() {
        let swap = Swap::new([("/a/w".to_owned(), "[W]".to_owned()), ("/a/w/runs/r".to_owned(), "[R]".to_owned())]);
        assert_eq!(swap.text("cd /a/w && cat /a/w/x \"/a/w/runs/r/f\""), "cd [W] && cat [W]/x \"[R]/f\"");
        assert_eq!(swap.text("/a/ww /b/a/w /a/w-2 /a/w."), "/a/ww /b/a/w /a/w-2 [W].");
        assert_eq!(Swap::new([("/".to_owned(), "x".to_owned())]).text("a/b"), "a/b");
        assert_eq!(swap.json(serde_json::json!({"k": ["/a/w", 1]})), serde_json::json!({"k": ["[W]", 1]}));
    }
}
