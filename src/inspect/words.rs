//! Short words for people: lengths of time, first lines, lists. Pure, the same for every reader.

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
