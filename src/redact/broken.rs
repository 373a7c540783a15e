//! Base64 and hex that somebody broke into lines.
//! In: bytes, and how many characters of such text stood right before them. Out: where a known value stands, or may begin.
//! Never: a line of ordinary text held back because its last letters could begin something; a pattern for every column.

/// Writers of base64 and hex break after 76, 72, 64 or 60 characters. In shorter lines nothing is looked for: the end of any line of
/// ordinary text could then begin a value, and would not be shown before the next one.
pub(super) const LINE_CHARS_MIN: usize = 60;

pub(super) struct Broken {
    cores: Vec<Core>,
    /// Cores by their first byte.
    by_first: Vec<Vec<u32>>,
    chars_max: usize,
}

pub(super) struct Core {
    pub bytes: Vec<u8>,
    /// Of the same in one line.
    pub pattern: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub start: usize,
    pub end: usize,
    pub pattern: usize,
}

enum Walk {
    Whole(usize),
    /// The data ends in it.
    Begun,
    Other,
}

/// A line break as it is, or as it stands in JSON, or in JSON within a text of JSON.
#[derive(Debug, PartialEq, Eq)]
enum Break {
    Whole(usize),
    /// The data ends in it.
    Begun,
    None,
}

/// How many characters of base64 or hex stand right before `at`, as far as it matters; `before`: those before the data.
pub(super) fn run(data: &[u8], at: usize, before: usize) -> usize {
    let first = at.saturating_sub(LINE_CHARS_MIN);
    let local = data[first..at].iter().rev().take_while(|byte| of_core(**byte)).count();
    if local == at { (local + before).min(LINE_CHARS_MIN) } else { local }
}

const fn of_core(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

impl Broken {
    pub fn new(cores: Vec<Core>) -> Self {
        let mut by_first = vec![Vec::new(); 256];
        for (at, core) in (0u32..).zip(&cores) {
            by_first[usize::from(core.bytes[0])].push(at);
        }
        let chars_max = cores.iter().map(|core| core.bytes.len()).max().unwrap_or(0);
        Self { cores, by_first, chars_max }
    }

    /// The first at or after `from`, and of those that begin there the longest.
    pub fn find(&self, data: &[u8], from: usize, before: usize) -> Option<Hit> {
        self.starts(data, from, before).find_map(|start| {
            let hits = self.of_first(data[start]).filter_map(|core| match walk(&core.bytes, &data[start..]) {
                Walk::Whole(bytes) => Some(Hit { start, end: start + bytes, pattern: core.pattern }),
                Walk::Begun | Walk::Other => None,
            });
            hits.max_by_key(|hit| hit.end)
        })
    }

    /// Where, at or after `from`, one may begin that ends in bytes still to come.
    pub fn begins(&self, data: &[u8], from: usize, before: usize) -> Option<usize> {
        self.starts(data, from, before)
            .find(|&start| self.of_first(data[start]).any(|core| matches!(walk(&core.bytes, &data[start..]), Walk::Begun)))
    }

    fn of_first(&self, first: u8) -> impl Iterator<Item = &Core> {
        self.by_first[usize::from(first)].iter().map(|&at| &self.cores[at as usize])
    }

    /// Places before the end of a long line from where something may go on in the next.
    fn starts(&self, data: &[u8], from: usize, before: usize) -> impl Iterator<Item = usize> {
        let breaks = memchr::memchr3_iter(b'\n', b'\r', b'\\', &data[from..]).map(move |at| from + at);
        let long = breaks.filter(move |&at| run(data, at, before) >= LINE_CHARS_MIN && line_break(&data[at..]) != Break::None);
        long.flat_map(move |at| {
            let most = at - from.max(at.saturating_sub(self.chars_max));
            let local = data[..at].iter().rev().take(most).take_while(|byte| of_core(**byte)).count();
            at - local..at
        })
    }
}

/// Whether `core` stands at the beginning of `data`, in more lines than one; how long the first is was looked at.
fn walk(core: &[u8], data: &[u8]) -> Walk {
    let (mut at, mut piece, mut lines) = (0, 0, 1);
    for (nth, wanted) in core.iter().enumerate() {
        if nth > 0 {
            match line_break(&data[at..]) {
                Break::Whole(_) | Break::Begun if lines > 1 && piece < LINE_CHARS_MIN => return Walk::Other,
                Break::Whole(bytes) => (at, piece, lines) = (at + bytes, 0, lines + 1),
                Break::Begun => return Walk::Begun,
                Break::None => {}
            }
        }
        match data.get(at) {
            None => return Walk::Begun,
            Some(byte) if byte == wanted => (at, piece) = (at + 1, piece + 1),
            Some(_) => return Walk::Other,
        }
    }
    if lines > 1 { Walk::Whole(at) } else { Walk::Other }
}

fn line_break(data: &[u8]) -> Break {
    match data {
        [b'\n', ..] => Break::Whole(1),
        [b'\r', b'\n', ..] => Break::Whole(2),
        [b'\r'] => Break::Begun,
        [b'\\', ..] => {
            let slashes = |from: usize| data[from..].iter().take(2).take_while(|byte| **byte == b'\\').count();
            let letter = slashes(0);
            match data.get(letter) {
                None => Break::Begun,
                Some(b'n') => Break::Whole(letter + 1),
                Some(b'r') => {
                    let more = slashes(letter + 1);
                    match (more, data.get(letter + 1 + more)) {
                        (_, None) => Break::Begun,
                        (1.., Some(b'n')) => Break::Whole(letter + more + 2),
                        _ => Break::None,
                    }
                }
                Some(_) => Break::None,
            }
        }
        _ => Break::None,
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::super::Redactor;

    const VALUE: &str = "correct-horse+battery/staple";

    fn redactor() -> Redactor {
        Redactor::new(&[("PW".to_owned(), VALUE.to_owned())]).unwrap()
    }

    fn lines(text: &str, width: usize, end: &str) -> String {
        let lines: Vec<&str> = text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
        lines.join(end)
    }

    /// Behind so many bytes, and before some more.
    fn encoded(before: usize, value: &str) -> String {
        STANDARD.encode(format!("{}{value}{}", "=".repeat(before), "=".repeat(70)))
    }

    /// What is left of the text around the value, without its line breaks.
    fn left(clean: &str) -> usize {
        let breaks = ["[REDACTED:PW]", "\\\\r", "\\\\n", "\\r", "\\n", "\r", "\n"];
        breaks.iter().fold(clean.to_owned(), |text, one| text.replace(one, "")).len()
    }

    fn chars_of(before: usize, value: &str) -> usize {
        let shift = before % 3;
        (shift + value.len()) * 8 / 6 - (shift * 8).div_ceil(6)
    }

    #[test]
    fn base64_in_lines_is_found_at_every_column_and_alignment() {
        let long = VALUE.repeat(8);
        for value in [VALUE, &long] {
            let redactor = Redactor::new(&[("PW".to_owned(), value.to_owned())]).unwrap();
            for (width, end) in [(64, "\n"), (64, "\r\n"), (76, "\n"), (76, "\r\n"), (76, "\\n"), (64, "\\r\\n"), (76, "\\\\n")] {
                for before in 0..120 {
                    let text = encoded(before, value);
                    let clean = redactor.text(&lines(&text, width, end)).into_inner();
                    assert!(clean.contains("[REDACTED:PW]"), "{before} bytes before, {width} wide, {end:?}: {clean}");
                    assert_eq!(left(&clean), text.len() - chars_of(before, value), "{before}, {width}, {end:?}: {clean}");
                }
            }
        }
        let hex: String = VALUE.bytes().map(|byte| format!("{byte:02x}")).collect();
        let dump = format!("{}\n{}\n", format!("{}{hex}", "0".repeat(50)).split_at(60).0, hex.split_at(10).1);
        assert_eq!(redactor().text(&dump).into_inner(), format!("{}[REDACTED:PW]\n", "0".repeat(50)));
    }

    #[test]
    fn base64_in_lines_is_found_however_it_is_cut() {
        let (redactor, long) = (redactor(), VALUE.repeat(6));
        let long_redactor = Redactor::new(&[("PW".to_owned(), long.clone())]).unwrap();
        for (redactor, value) in [(&redactor, VALUE), (&long_redactor, &long)] {
            for (before, width, end) in [(30, 64, "\n"), (31, 64, "\r\n"), (41, 76, "\n"), (44, 76, "\r\n"), (33, 64, "\\r\\n")] {
                let text = lines(&encoded(before, value), width, end);
                let whole = redactor.text(&text).into_inner();
                assert!(whole.contains("[REDACTED:PW]"));
                let pieces = |cuts: &[usize]| {
                    let (mut stream, mut out, mut from) = (redactor.stream(), Vec::new(), 0);
                    for &cut in cuts.iter().chain(&[text.len()]) {
                        out.extend(stream.push(&text.as_bytes()[from..cut]).into_inner());
                        from = cut;
                    }
                    out.extend(stream.finish().into_inner());
                    String::from_utf8(out).unwrap()
                };
                for cut in 0..text.len() {
                    assert_eq!(pieces(&[cut]), whole, "cut at {cut}");
                }
                assert_eq!(pieces(&(0..text.len()).collect::<Vec<_>>()), whole, "byte by byte");
            }
        }
    }

    #[test]
    fn a_record_with_base64_in_lines_is_no_innocent() {
        let text = lines(&encoded(40, VALUE), 64, "\n");
        let clean = redactor().clean(vec![text.clone()]).unwrap().into_inner();
        assert!(clean[0].contains("[REDACTED:PW]"), "{clean:?}");
        assert!(redactor().vouch(text).is_err());
    }

    /// Its last letters begin the value in base64, and it is too short to be a line of that.
    #[test]
    fn a_line_of_ordinary_text_is_not_held_back() {
        let mut stream = redactor().stream();
        assert_eq!(stream.push(b"ready: Y29y\n").into_inner(), b"ready: Y29y\n");
    }
}
