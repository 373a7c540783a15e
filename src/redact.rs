//! Secrets do not reach the disk: text and bytes pass through here before anybody keeps them.
//! In: what the world said. Out: the same with secret values and secret shapes replaced, as `Clean<T>`.
//! Never: a `Clean<T>` made without looking, a secret kept in a message, a panic on odd bytes.
//!
//! Two passes: first the values that the run knows (also base64, hex, percent and JSON encoded), then shapes that are
//! secret wherever they stand. Each pass works on a stream and holds back only bytes that may still turn out to
//! be a secret, so live output stays live and a secret split over two reads is found.

mod bounds;
mod broken;
mod forms;
mod found;
mod shapes;
mod stream;
mod strings;
mod table;
mod values;

use std::{borrow::Cow, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use bounds::cut;
pub use found::{Found, shapes_in};
pub use stream::StreamRedactor;

/// A value that a `Redactor` has looked at. The ledger takes nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clean<T>(T);

impl<T> Clean<T> {
    pub fn get(&self) -> &T {
        &self.0
    }
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl Default for Clean<Vec<u8>> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl Clean<Vec<u8>> {
    /// The next bytes of the same stream.
    pub fn append(&mut self, next: Self) {
        if self.0.is_empty() {
            self.0 = next.0;
        } else {
            self.0.extend_from_slice(&next.0);
        }
    }
    /// Only the first bytes.
    pub fn truncate(&mut self, bytes: usize) {
        self.0.truncate(bytes);
    }
}

impl Clean<&'static str> {
    /// Text that stands in our own source cannot hold a secret.
    pub const fn literal(text: &'static str) -> Self {
        Self(text)
    }
}

/// Why a secret cannot be hidden. Names the variable, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    #[error(
        "the secret `{name}` has {bytes} bytes; shorter than {} bytes it cannot be told from ordinary text",
        Redactor::VALUE_BYTES_MIN
    )]
    Short { name: String, bytes: usize },
    #[error("the secret `{name}` has {bytes} bytes; more than {} bytes are not looked for", Redactor::VALUE_BYTES_MAX)]
    Long { name: String, bytes: usize },
    #[error("{count} secrets are more than {} in one run", Redactor::VALUES_MAX)]
    Many { count: usize },
}

/// A value that should have been clean, and is not. Names the secret, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Leak {
    #[error("the secret `{0}` was about to be written down")]
    Known(String),
    /// The secret stands where only a closed word or a name may stand, so that no placeholder fits.
    #[error("a secret stands in a place that cannot be redacted: {0}")]
    Unfit(String),
}

/// Knows the secret values of a run. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    values: Option<Arc<values::Values>>,
}

impl Redactor {
    /// Shorter values would redact ordinary words.
    pub const VALUE_BYTES_MIN: usize = 6;
    /// A private key of 16384 bits has 13 KiB.
    pub const VALUE_BYTES_MAX: usize = 16 * 1024;
    /// The search automaton stays small.
    pub const VALUES_MAX: usize = 256;

    /// Knows these (name, value) pairs, besides the shapes it always knows. An empty value is no secret.
    ///
    /// # Errors
    /// A value that is too short or too long to be looked for, by the name of its variable.
    pub fn new(secrets: &[(String, String)]) -> Result<Self, BadSecret> {
        let mut kept = Vec::new();
        for (name, value) in secrets {
            let value = value.trim_matches(['\n', '\r']);
            let bytes = value.len();
            match bytes {
                0 => continue,
                1..Self::VALUE_BYTES_MIN => return Err(BadSecret::Short { name: name.clone(), bytes }),
                Self::VALUE_BYTES_MIN..=Self::VALUE_BYTES_MAX => kept.push((name.as_str(), value)),
                _ => return Err(BadSecret::Long { name: name.clone(), bytes }),
            }
        }
        if kept.len() > Self::VALUES_MAX {
            return Err(BadSecret::Many { count: kept.len() });
        }
        Ok(Self { values: (!kept.is_empty()).then(|| Arc::new(values::Values::new(&kept))) })
    }

    /// Nothing in it looks like a secret, so that it is its own redaction.
    fn innocent(&self, bytes: &[u8]) -> bool {
        !shapes::hinted(bytes) && self.values.as_ref().is_none_or(|values| !values.hinted(bytes))
    }

    /// The text with every secret replaced by `[REDACTED:<name>]`; borrowed when there was none.
    pub fn cow<'t>(&self, text: &'t str) -> Clean<Cow<'t, str>> {
        if self.innocent(text.as_bytes()) {
            return Clean(Cow::Borrowed(text));
        }
        Clean(Cow::Owned(String::from_utf8_lossy(&self.whole(text.as_bytes())).into_owned()))
    }

    /// The text with every secret replaced by `[REDACTED:<name>]`.
    pub fn text(&self, text: &str) -> Clean<String> {
        Clean(self.cow(text).0.into_owned())
    }

    /// Bytes of any kind, with every secret replaced.
    pub fn bytes(&self, bytes: Vec<u8>) -> Clean<Vec<u8>> {
        if self.innocent(&bytes) { Clean(bytes) } else { Clean(self.whole(&bytes)) }
    }

    fn whole(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.stream();
        let mut out = stream.push(bytes).0;
        out.extend(stream.finish().0);
        out
    }

    /// For bytes that come in pieces.
    pub fn stream(&self) -> StreamRedactor {
        StreamRedactor::new(self.values.clone())
    }

    /// All strings of a JSON value, its keys too.
    pub fn json(&self, value: Value) -> Clean<Value> {
        Clean(self.json_in(value))
    }

    fn json_in(&self, value: Value) -> Value {
        match value {
            Value::String(text) => match self.cow(&text).0 {
                Cow::Borrowed(_) => Value::String(text),
                Cow::Owned(clean) => Value::String(clean),
            },
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.json_in(item)).collect()),
            Value::Object(map) => {
                Value::Object(map.into_iter().map(|(key, value)| (self.text(&key).0, self.json_in(value))).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    /// Any plain data, through its JSON. Returned as it is when nothing in it looks like a secret.
    ///
    /// # Errors
    /// A secret in a place where the type takes no placeholder: a closed word, a name, a digest.
    pub fn clean<T: Serialize + DeserializeOwned>(&self, value: T) -> Result<Clean<T>, Leak> {
        let unfit = |error: String| Leak::Unfit(self.text(&error).0);
        // A word of our own looks like no secret, but may be one that somebody has.
        if !strings::any(&value, self.values.is_some(), |text| !self.innocent(text.as_bytes())).map_err(unfit)? {
            return Ok(Clean(value));
        }
        let unfit = |error: serde_json::Error| unfit(error.to_string());
        let json = serde_json::to_value(&value).map_err(unfit)?;
        serde_json::from_value(self.json_in(json)).map(Clean).map_err(unfit)
    }

    /// Takes data that was cleaned on its way in, after looking once more for known values.
    ///
    /// # Errors
    /// A known value is in it: whoever made it forgot to clean.
    pub fn vouch<T: Serialize>(&self, value: T) -> Result<Clean<T>, Leak> {
        if let Some(values) = &self.values {
            let bytes = serde_json::to_vec(&value).map_err(|error| Leak::Unfit(self.text(&error.to_string()).0))?;
            if let Some(name) = values.first(&bytes) {
                return Err(Leak::Known(name.to_owned()));
            }
        }
        Ok(Clean(value))
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
impl<T> Clean<T> {
    /// Tests write what they know to be clean.
    pub(crate) fn for_test(value: T) -> Self {
        Self(value)
    }
}
