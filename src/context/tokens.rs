//! How many tokens a text has, at most: an estimate that holds for every tokenizer in use, and is called one.
//! In: text. Out: a figure that real counts stay below: prose and code have two thirds of it, digests nearly all.

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

/// The longest beginning that has at most so many tokens, cut at the end of a line where one is near.
pub(super) fn beginning(text: &str, tokens_max: u64) -> &str {
    if estimate(text) <= tokens_max {
        return text;
    }
    let (mut fits, mut passes) = (0, text.len());
    while passes - fits > 1 {
        let middle = text.floor_char_boundary(fits.midpoint(passes));
        if middle <= fits {
            break;
        }
        if estimate(&text[..middle]) <= tokens_max { fits = middle } else { passes = middle }
    }
    let cut = &text[..fits];
    match cut.rfind('\n') {
        // Less than half of it for a clean end would be a bad trade.
        Some(line) if line * 2 > fits => &cut[..=line],
        _ => cut,
    }
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
        let cut = beginning(text, 11);
        assert_eq!(cut, "one two three\nfour five six\n");
        assert!(estimate(cut) <= 11);
        assert_eq!(beginning(text, 1000), text);
        assert_eq!(beginning("ééé", 3), "é");
        assert_eq!(beginning(text, 0), "");
        let long = "x1y2z3 😀 ".repeat(500);
        for tokens_max in [0, 1, 7, 100, 1999] {
            assert!(estimate(beginning(&long, tokens_max)) <= tokens_max);
        }
    }
}
