//! Short words for people: lengths of time, first lines, lists. Pure, the same for every reader.

use crate::record::Spent;

/// A length of time in at most two units: `840 ms`, `12.3 s`, `4 min 5 s`, `2 h 3 min`, `3 d 4 h`.
pub fn length(ms: u64) -> String {
    let seconds = ms / 1000;
    let two = |high: u64, unit: &str, low: u64, below: &str| {
        if low == 0 { format!("{high} {unit}") } else { format!("{high} {unit} {low} {below}") }
    };
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => {
            let tenth = (ms % 1000) / 100;
            if tenth == 0 { format!("{seconds} s") } else { format!("{seconds}.{tenth} s") }
        }
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// What calls of models used: `6 calls, 660 tokens, 0.0120 USD`. What is not known is said, and is not 0.
pub fn spent_words(spent: &Spent) -> String {
    let mut text =
        format!("{}, {} tokens", count(usize::try_from(spent.calls).unwrap_or(usize::MAX), "call"), spent.tokens.total);
    if spent.unknown == spent.calls {
        text.push_str(", cost not known");
    } else {
        text.push_str(&format!(", {:.4} USD", spent.cost_usd));
        if spent.unknown > 0 {
            text.push_str(&format!(
                " and {} of unknown cost",
                count(usize::try_from(spent.unknown).unwrap_or(usize::MAX), "call")
            ));
        }
    }
    text
}

/// The first line, without what a terminal would act on.
pub(super) fn first_line(text: &str) -> String {
    clean(text.trim().lines().next().unwrap_or_default())
}

/// Control characters taken out, so that a text from a step cannot move the reader's cursor.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect()
}

pub(super) fn listed<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// `1 step`, `3 steps`.
pub fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}
