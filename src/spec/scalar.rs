//! What a plain YAML scalar says, by the YAML 1.2 core schema: `yes`, `on` and `0755` are not what YAML 1.1 made of them.
//! In: the text of a scalar. Out: null, a boolean, a number or a text. Never: a number that is not exactly the one written.

use serde_json::Number;

use super::{diagnostic::Diagnostic, source::What};

type Boxed<T> = Result<T, Box<Diagnostic>>;

pub(super) fn plain(text: &str) -> Boxed<What> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(What::Null),
        "true" | "True" | "TRUE" => return Ok(What::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(What::Bool(false)),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(What::Text(text.to_owned()));
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return integer(text, digits, 10);
    }
    if let Some(hex) = text.strip_prefix("0x").filter(|hex| !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit())) {
        return integer(text, hex, 16);
    }
    if let Some(octal) = text.strip_prefix("0o").filter(|o| !o.is_empty() && o.bytes().all(|b| (b'0'..=b'7').contains(&b))) {
        return integer(text, octal, 8);
    }
    if matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Err(Box::new(Diagnostic::error("number-out-of-range", format!("`{text}` is not a number that a flow can use"))));
    }
    if !is_float(digits) {
        return Ok(What::Text(text.to_owned()));
    }
    match text.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(number) => Ok(What::Number(number)),
        None => Err(Box::new(out_of_range(text))),
    }
}

/// `[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?` or `\.[0-9]+…`, without a regular expression.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole) && digits(part) && !(whole.is_empty() && part.is_empty()) && exponent.is_none_or(|e| !e.is_empty() && digits(e))
}

fn integer(text: &str, digits: &str, radix: u32) -> Boxed<What> {
    let big = u64::from_str_radix(digits, radix).map_err(|_| Box::new(out_of_range(text)))?;
    if !text.starts_with('-') {
        return Ok(What::Number(big.into()));
    }
    match 0_i64.checked_sub_unsigned(big) {
        Some(negative) => Ok(What::Number(negative.into())),
        None => Err(Box::new(out_of_range(text))),
    }
}

fn out_of_range(text: &str) -> Diagnostic {
    let shown: String = text.chars().take(40).collect();
    let dots = if shown.len() < text.len() { "…" } else { "" };
    Diagnostic::error("number-out-of-range", format!("the number {shown}{dots} is too big to be kept exactly"))
        .hint("put it in quotes if it is a text")
}
