//! The forms in which a value travels: as it is, in JSON, in URLs, in base64 and in hex.
//! In: a value. Out: each form once. Never: a form that says less than the value.

use base64::{Engine as _, engine::general_purpose::GeneralPurpose};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A line of a longer secret is looked for only if it can hardly be ordinary text.
const LINE_BYTES_MIN: usize = 24;

/// What writers of URLs leave as it is, besides letters and digits.
const LEFT_IN_URLS: [&AsciiSet; 5] = [
    NON_ALPHANUMERIC,
    // Most: the unreserved characters.
    &UNRESERVED,
    // `urllib.parse.quote` of Python.
    &UNRESERVED.remove(b'/'),
    // `encodeURIComponent` of JavaScript.
    &UNRESERVED.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*'),
    // Forms of browsers.
    &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_'),
];
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What writers of JSON escape as `\u00XX` though they need not: nobody, Go, Gson of Java, System.Text.Json of .NET.
const ESCAPED_IN_JSON: [&str; 4] = ["", "<>&\u{2028}\u{2029}", "<>&'=\u{2028}\u{2029}", "<>&'\"+`\u{2028}\u{2029}"];

pub(super) fn of(value: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![value.as_bytes().to_vec()];
    json(value, &mut forms);
    urls(value, &mut forms);
    forms.extend(cores(value));
    // A key of several lines is often printed line by line.
    if value.contains('\n') {
        let lines = value.lines().map(str::trim).filter(|line| line.len() >= LINE_BYTES_MIN && !line.starts_with("-----"));
        forms.extend(lines.map(|line| line.as_bytes().to_vec()));
    }
    // JSON in a text of JSON: so it stands in the lines of our own logs, before they are read.
    let within: Vec<Vec<u8>> =
        forms.iter().filter(|form| form.contains(&b'\\') || form.contains(&b'"')).filter_map(|form| escaped(form)).collect();
    forms.extend(within);
    forms.sort();
    forms.dedup();
    forms
}

fn escaped(form: &[u8]) -> Option<Vec<u8>> {
    let json = serde_json::to_string(std::str::from_utf8(form).ok()?).ok()?;
    Some(json.as_bytes()[1..json.len() - 1].to_vec())
}

/// Base64 and hex: what may also be broken into lines.
pub(super) fn cores(value: &str) -> Vec<Vec<u8>> {
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let engines = [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD];
    let mut cores: Vec<Vec<u8>> =
        engines.iter().flat_map(|engine| (0..3).map(|shift| base64_core(engine, value.as_bytes(), shift))).collect();
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    cores.push(hex.to_ascii_uppercase().into_bytes());
    cores.push(hex.into_bytes());
    cores.sort();
    cores.dedup();
    cores
}

/// The characters of the base64 text that this value alone decides, when `shift` bytes stand before it.
fn base64_core(engine: &GeneralPurpose, value: &[u8], shift: usize) -> Vec<u8> {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(value);
    let text = engine.encode(&bytes).into_bytes();
    let from = (shift * 8).div_ceil(6);
    let until = bytes.len() * 8 / 6;
    text[from..until].to_vec()
}

fn urls(value: &str, forms: &mut Vec<Vec<u8>>) {
    for left in LEFT_IN_URLS {
        let upper = utf8_percent_encode(value, left).to_string();
        for form in [upper.replace("%20", "+"), upper] {
            forms.push(lower_hex(&form));
            forms.push(form.into_bytes());
        }
    }
}

/// `%2F` as `%2f`.
fn lower_hex(form: &str) -> Vec<u8> {
    let mut bytes = form.as_bytes().to_vec();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            bytes[at + 1..at + 3].make_ascii_lowercase();
            at += 2;
        }
        at += 1;
    }
    bytes
}

/// As writers of JSON write it: ASCII only or not, `/` escaped (PHP) or not, with more escapes than need be.
fn json(value: &str, forms: &mut Vec<Vec<u8>>) {
    for also in ESCAPED_IN_JSON {
        for (ascii, slash, upper) in (0..8).map(|bits| (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0)) {
            forms.push(Json { also, ascii, slash, upper }.of(value).into_bytes());
        }
    }
}

struct Json {
    also: &'static str,
    ascii: bool,
    slash: bool,
    upper: bool,
}

impl Json {
    fn of(&self, value: &str) -> String {
        let mut out = String::with_capacity(value.len());
        for one in value.chars() {
            match one {
                _ if self.also.contains(one) => self.unit(one, &mut out),
                '"' | '\\' => out.extend(['\\', one]),
                '/' if self.slash => out.push_str("\\/"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\0'..' ' => self.unit(one, &mut out),
                '\u{7f}'.. if self.ascii => self.unit(one, &mut out),
                _ => out.push(one),
            }
        }
        out
    }

    /// `\u00e4`; two of them beyond the first plane.
    fn unit(&self, one: char, out: &mut String) {
        for unit in one.encode_utf16(&mut [0; 2]) {
            out.push_str(&if self.upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Redactor;

    /// Each as the program named wrote it: its value is `a/b&<c> "ä😀'+=~(z`.
    const WRITTEN: [(&str, &str); 14] = [
        ("as it is", r#"a/b&<c> "ä😀'+=~(z"#),
        ("serde_json", r#"a/b&<c> \"ä😀'+=~(z"#),
        ("Go", r#"a/b\u0026\u003cc\u003e \"ä😀'+=~(z"#),
        ("PHP", r#"a\/b&<c> \"\u00e4\ud83d\ude00'+=~(z"#),
        ("PHP, unescaped unicode", r#"a\/b&<c> \"ä😀'+=~(z"#),
        ("Python", r#"a/b&<c> \"\u00e4\ud83d\ude00'+=~(z"#),
        ("ASCII, upper case", r#"a/b&<c> \"\u00E4\uD83D\uDE00'+=~(z"#),
        ("System.Text.Json", r"a/b\u0026\u003Cc\u003E \u0022\u00E4\uD83D\uDE00\u0027\u002B=~(z"),
        ("Python in JSON", r#"a/b&<c> \\\"\\u00e4\\ud83d\\ude00'+=~(z"#),
        ("urllib.parse.quote", "a/b%26%3Cc%3E%20%22%C3%A4%F0%9F%98%80%27%2B%3D~%28z"),
        ("quote_plus in lower case", "a%2fb%26%3cc%3e+%22%c3%a4%f0%9f%98%80%27%2b%3d~%28z"),
        ("encodeURIComponent", "a%2Fb%26%3Cc%3E%20%22%C3%A4%F0%9F%98%80'%2B%3D~(z"),
        ("hex", "612f62263c633e2022c3a4f09f9880272b3d7e287a"),
        ("HEX", "612F62263C633E2022C3A4F09F9880272B3D7E287A"),
    ];

    #[test]
    fn a_value_is_found_as_other_programs_write_it_also_in_two_pieces() {
        let redactor = Redactor::new(&[("PW".to_owned(), WRITTEN[0].1.to_owned())]).unwrap();
        for (by, form) in WRITTEN {
            let text = format!("<{form}>");
            for cut in 0..=text.len() {
                let mut stream = redactor.stream();
                let mut out = stream.push(&text.as_bytes()[..cut]).into_inner();
                out.extend(stream.push(&text.as_bytes()[cut..]).into_inner());
                out.extend(stream.finish().into_inner());
                assert_eq!(String::from_utf8_lossy(&out), "<[REDACTED:PW]>", "{by}, cut at {cut}");
            }
        }
    }

    #[test]
    fn a_text_that_holds_json_with_a_value_is_cleaned_in_its_place() {
        let redactor = Redactor::new(&[("PW".to_owned(), "p\"w\"äöü".to_owned())]).unwrap();
        for text in [r#"{"pw":"p\"w\"äöü"}"#, r#"{"pw":"p\"w\"\u00e4\u00f6\u00fc"}"#] {
            let clean = redactor.clean(vec![text.to_owned()]).unwrap().into_inner();
            assert_eq!(clean, [r#"{"pw":"[REDACTED:PW]"}"#]);
        }
    }
}
