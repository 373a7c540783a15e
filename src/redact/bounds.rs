//! Where a word may begin, and where a text may be cut without leaving half a secret.
//! In: what stands before a place. Out: yes or no, a shorter text. Never: the end of an escape taken for a letter of a word.

/// So many bytes before a place say whether a word begins there.
pub(super) const BEFORE_BYTES: usize = 12;

/// The bytes before a place, as far as they matter.
#[derive(Debug, Default, Clone)]
pub(super) struct Before {
    bytes: Vec<u8>,
}

impl Before {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut before = Self::default();
        before.add(bytes);
        before
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(&bytes[bytes.len().saturating_sub(BEFORE_BYTES)..]);
        let more = self.bytes.len().saturating_sub(BEFORE_BYTES);
        self.bytes.drain(..more);
    }

    /// The same, with these bytes after it.
    pub(super) fn and(&self, bytes: &[u8]) -> Self {
        let mut both = self.clone();
        both.add(bytes);
        both
    }

    pub(super) fn last(&self) -> Option<u8> {
        self.bytes.last().copied()
    }

    /// A word may begin here: the start, a sign, or an escape that stands for one, as JSON, addresses and terminals write them.
    pub(super) fn begins_a_word(&self) -> bool {
        let Some(last) = self.last() else { return true };
        if !(last.is_ascii_alphanumeric() || matches!(last, b'_' | b'-')) {
            return true;
        }
        let bytes = self.bytes.as_slice();
        let hex = |count: usize| bytes.len() > count && bytes[bytes.len() - count..].iter().all(u8::is_ascii_hexdigit);
        let at = |back: usize| bytes.len().checked_sub(back).map(|at| bytes[at]);
        let escaped = matches!(last, b'n' | b't' | b'r' | b'b' | b'f') && at(2) == Some(b'\\');
        let percent = hex(2) && at(3) == Some(b'%');
        let coded =
            hex(4) && at(5) == Some(b'u') && at(6) == Some(b'\\') || hex(2) && at(3) == Some(b'x') && at(4) == Some(b'\\');
        let painted = last == b'm' && {
            let inner = bytes[..bytes.len() - 1].iter().rev().skip_while(|byte| byte.is_ascii_digit() || **byte == b';');
            inner.copied().next() == Some(b'[')
        };
        escaped || percent || coded || painted
    }
}

/// The beginning of a text that is cut before anybody redacts it: no word is cut in two, so no secret is. `None`: it is
/// short enough.
pub fn cut(text: &str, chars_max: usize) -> Option<&str> {
    let (end, _) = text.char_indices().nth(chars_max)?;
    Some(text[..end].rfind(char::is_whitespace).map_or("", |space| &text[..space]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_begins_after_signs_and_escapes() {
        for before in
            ["", " ", "=", "\n", "{\"a\":\"x\\n", "a\\t", "%3D", "x%0a", "\\u0022", "\\x1b", "\u{1b}[32m", "\\u001b[0;1m"]
        {
            assert!(Before::new(before.as_bytes()).begins_a_word(), "{before:?}");
        }
        for before in ["a", "n", "task", "12", "a-", "a_", "3D", "u0022", "m", "32m"] {
            assert!(!Before::new(before.as_bytes()).begins_a_word(), "{before:?}");
        }
        assert!(Before::new(b"some text %3").and(b"D").begins_a_word());
    }

    #[test]
    fn a_cut_leaves_whole_words() {
        assert_eq!(cut("one two three", 9), Some("one two"));
        assert_eq!(cut("onetwothree", 5), Some(""));
        assert_eq!(cut("short", 5), None);
    }
}
