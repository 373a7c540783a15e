//! How many tokens a text has: counted where the program was built with the model's own tokenizer (feature `tiktoken`, models of
//! OpenAI), and everywhere else an estimate that holds for every tokenizer in use, and is called one.
//! In: text. Out: a figure; real counts stay below an estimate: prose and code have two thirds of it, digests nearly all.
//! Never: text taken for a tokenizer's own signs.

/// How the tokens of a model are counted.
#[derive(Clone, Copy)]
pub struct Tokenizer(#[cfg(feature = "tiktoken")] Option<&'static tiktoken_rs::CoreBPE>);

impl Tokenizer {
    /// From above, for any model.
    pub const ESTIMATED: Self = Self(
        #[cfg(feature = "tiktoken")]
        None,
    );

    /// As this model's tokenizer does, if we have it. The first one of a kind takes half a second to load.
    #[cfg(feature = "tiktoken")]
    pub fn of(model: &str) -> Self {
        use tiktoken_rs::tokenizer::{Tokenizer as Known, get_tokenizer};
        // A fine-tuned one has the tokenizer of what it was made from.
        let base = model.strip_prefix("ft:").map_or(model, |rest| rest.split(':').next().unwrap_or(rest));
        Self(get_tokenizer(base).and_then(|known| match known {
            // Its vocabulary is that of o200k_base; only signs that no text is taken for are more.
            Known::O200kBase | Known::O200kHarmony => Some(tiktoken_rs::o200k_base_singleton()),
            Known::Cl100kBase => Some(tiktoken_rs::cl100k_base_singleton()),
            // Of models that hold no conversation.
            Known::P50kBase | Known::R50kBase | Known::P50kEdit | Known::Gpt2 => None,
        }))
    }
    /// Of any model: this program was built without tokenizers.
    #[cfg(not(feature = "tiktoken"))]
    pub fn of(_model: &str) -> Self {
        Self::ESTIMATED
    }

    pub fn are_estimated(self) -> bool {
        #[cfg(feature = "tiktoken")]
        return self.0.is_none();
        #[cfg(not(feature = "tiktoken"))]
        true
    }

    pub fn count(self, text: &str) -> u64 {
        #[cfg(feature = "tiktoken")]
        if let Some(tokenizer) = self.0 {
            return tokenizer.count_ordinary(text) as u64;
        }
        estimate(text)
    }

    /// The longest beginning that has at most so many tokens, cut at the end of a line where one is near.
    pub(super) fn beginning(self, text: &str, tokens_max: u64) -> &str {
        if self.count(text) <= tokens_max {
            return text;
        }
        let (mut fits, mut passes) = (0, text.len());
        while passes - fits > 1 {
            let middle = text.floor_char_boundary(fits.midpoint(passes));
            if middle <= fits {
                break;
            }
            if self.count(&text[..middle]) <= tokens_max { fits = middle } else { passes = middle }
        }
        let cut = &text[..fits];
        match cut.rfind('\n') {
            // Less than half of it for a clean end would be a bad trade.
            Some(line) if line * 2 > fits => &cut[..=line],
            _ => cut,
        }
    }
}

/// An upper estimate. Tokenizers cut texts into words, numbers, signs and spaces, and these into what they know: of a common
/// word all, of a digest a letter or two.
pub fn estimate(text: &str) -> u64 {
    let mut thirds = 0;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = Kind::of(first);
        let end = rest.find(|letter| Kind::of(letter) != kind).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        thirds += kind.thirds(run);
        rest = after;
    }
    thirds.div_ceil(3)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Space,
    Sign,
    Control,
    Other,
}

impl Kind {
    fn of(letter: char) -> Self {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' => Self::Word,
            ' ' | '\t' | '\r' | '\n' => Self::Space,
            letter if letter.is_ascii_control() => Self::Control,
            letter if letter.is_ascii() => Self::Sign,
            _ => Self::Other,
        }
    }

    /// Thirds of a token that a run of this kind has, at most.
    fn thirds(self, run: &str) -> u64 {
        let bytes = run.len() as u64;
        match self {
            Self::Word => word(run.as_bytes()),
            // One belongs to the word after it.
            Self::Space if run == " " => 0,
            Self::Space => 3,
            Self::Sign => 2 * bytes + 1,
            Self::Control => 3 * bytes,
            Self::Other => run.chars().map(|letter| [0, 0, 6, 8, 9][letter.len_utf8()]).sum(),
        }
    }
}

fn word(run: &[u8]) -> u64 {
    let length = run.len() as u64;
    if run.iter().all(u8::is_ascii_digit) {
        // Numbers go by three digits.
        return 3 * length.div_ceil(3);
    }
    let differ = |pair: &&[u8]| {
        pair[0].is_ascii_lowercase() != pair[1].is_ascii_lowercase() || pair[0].is_ascii_digit() != pair[1].is_ascii_digit()
    };
    // Letters and digits in turns, as in digests and keys: nothing in it is known.
    let turns = run.windows(2).filter(differ).count() as u64;
    if turns * 4 > length { 2 * length + 3 } else { length.max(3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_not_below_what_tokenizers_count() {
        // Counts of o200k_base.
        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let lines = (0..20).map(|line| format!("{line},{},{}\n", line * 7, line * 13)).collect::<String>();
        for (text, counted) in [
            ("Hello, world!", 4),
            ("fn main() { println!(\"hi\"); }", 9),
            ("日本語のテキスト", 6),
            ("", 0),
            (digest, 43),
            (lines.as_str(), 120),
            ("\u{1b}[0m\u{1b}[1;32mok\u{1b}[0m", 14),
            ("{\"a\":[1,2,{\"b\":null,\"c\":\"x\"}],\"d\":1.5}", 23),
            ("😀🎉", 3),
        ] {
            assert!(estimate(text) >= counted, "{text}: {} < {counted}", estimate(text));
            assert!(estimate(text) <= 4 * counted, "{text}: {} > 4 * {counted}", estimate(text));
        }
    }

    #[test]
    fn a_beginning_fits_and_ends_with_a_line() {
        let text = "one two three\nfour five six\nseven eight nine\n";
        let beginning = |text, tokens_max| Tokenizer::ESTIMATED.beginning(text, tokens_max);
        let cut = beginning(text, 11);
        assert_eq!(cut, "one two three\nfour five six\n");
        assert!(estimate(cut) <= 11);
        assert_eq!(beginning(text, 1000), text);
        assert_eq!(beginning("ééé", 3), "é");
        assert_eq!(beginning(text, 0), "");
        let long = "x1y2z3 😀 ".repeat(500);
        for tokens_max in [0, 1, 7, 100, 1999] {
            assert!(estimate(Tokenizer::ESTIMATED.beginning(&long, tokens_max)) <= tokens_max);
        }
    }

    #[test]
    #[cfg(not(feature = "tiktoken"))]
    fn without_tokenizers_everything_is_estimated() {
        assert!(Tokenizer::of("gpt-4o").are_estimated());
    }

    #[test]
    #[cfg(feature = "tiktoken")]
    fn models_of_openai_are_counted_and_others_are_estimated() {
        for (model, counted) in [
            ("gpt-4o", Some(1)),
            ("gpt-5-codex", Some(1)),
            ("ft:gpt-4o-mini:acme::id", Some(1)),
            ("gpt-4", Some(2)),
            ("llama-3.1-8b", None),
            ("text-davinci-003", None),
            ("claude-x", None),
        ] {
            let tokens = Tokenizer::of(model);
            // One sign of o200k_base, two of cl100k_base.
            let count = (!tokens.are_estimated()).then(|| tokens.count(" délicieux") - tokens.count(" d") + 1);
            assert_eq!(count.is_some(), counted.is_some(), "{model}: {count:?}");
        }
        let tokens = Tokenizer::of("gpt-4o");
        assert_eq!((tokens.count("Hello, world!"), tokens.count("日本語のテキスト")), (4, 6));
        // The sign that ends a text is text here.
        assert!(tokens.count("<|endoftext|>") > 1);
        let long = "one two three 9f86d081 日本 😀\n".repeat(300);
        assert!(tokens.count(&long) <= estimate(&long));
        for tokens_max in [0, 1, 7, 100, 1999] {
            let cut = tokens.beginning(&long, tokens_max);
            assert!(tokens.count(cut) <= tokens_max && long.starts_with(cut));
        }
    }
}
