//! How many tokens a text has, at most: an estimate that holds for every tokenizer in use, and is called one.

/// An upper estimate. English prose has about four bytes a token, code three; what is not ASCII is taken for two
/// tokens a character.
pub fn estimate(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    let other = text.chars().filter(|letter| !letter.is_ascii()).count();
    (ascii.div_ceil(3) + 2 * other) as u64
}

/// The longest beginning that has at most so many tokens, cut at the end of a line where one is near.
pub(super) fn beginning(text: &str, tokens_max: u64) -> &str {
    if estimate(text) <= tokens_max {
        return text;
    }
    // Thirds of a token, so that no letter is lost to rounding.
    let mut thirds = tokens_max.saturating_mul(3);
    let mut end = 0;
    for (at, letter) in text.char_indices() {
        let costs = if letter.is_ascii() { 1 } else { 6 };
        if thirds < costs {
            break;
        }
        thirds -= costs;
        end = at + letter.len_utf8();
    }
    let cut = &text[..end];
    match cut.rfind('\n') {
        // Less than half of it for a clean end would be a bad trade.
        Some(line) if line * 2 > end => &cut[..=line],
        _ => cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_not_below_what_tokenizers_count() {
        // Counts of o200k_base.
        for (text, counted) in [("Hello, world!", 4), ("fn main() { println!(\"hi\"); }", 10), ("日本語のテキスト", 6), ("", 0)]
        {
            assert!(estimate(text) >= counted, "{text}: {} < {counted}", estimate(text));
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
    }
}
