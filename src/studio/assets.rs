//! The files of the pages, in the program: a style sheet, a script, nothing from elsewhere.
//! In: a name. Out: its bytes. Never: a file of the machine.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};

use crate::plan::draw::svg_style;

const STYLE: &str = include_str!("assets/studio.css");
const ICON: &str = include_str!("assets/icon.svg");
const SCRIPT: &str = include_str!("assets/studio.js");

/// With the style of the pictures that `graph` draws, so that they look alike everywhere.
static WHOLE_STYLE: LazyLock<String> = LazyLock::new(|| format!("{}\n{STYLE}", svg_style()));

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "studio.css" => ("text/css; charset=utf-8", WHOLE_STYLE.as_str()),
        "icon.svg" => ("image/svg+xml", ICON),
        "studio.js" => ("text/javascript; charset=utf-8", SCRIPT),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// `--ink:#1c2430` and so on, as they stand in a part of the style sheet.
    fn palette(css: &str) -> BTreeMap<&str, [f64; 3]> {
        let pairs = css.split([';', '{', '}']).filter_map(|one| one.trim().strip_prefix("--")?.split_once(":#"));
        pairs.map(|(name, hex)| (name, color(hex))).collect()
    }

    fn color(hex: &str) -> [f64; 3] {
        let whole: String = if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex.to_owned() };
        [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&whole[at..at + 2], 16).unwrap()) / 255.0)
    }

    /// As WCAG 2 counts it.
    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let light = |color: [f64; 3]| {
            let [r, g, b] = color.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (light(a), light(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_text_can_be_read_on_its_ground_in_light_and_in_dark() {
        let parts = STYLE.split_once("@media(prefers-color-scheme:dark)").expect("a dark palette");
        let (dark, _) = parts.1.split_once("}}").unwrap();
        for (name, all) in [("light", palette(parts.0)), ("dark", palette(dark))] {
            assert_eq!(all.len(), 12, "{name}: {all:?}");
            for ground in ["page", "card", "sunk"] {
                for ink in ["ink", "dim", "good", "bad", "warn", "go", "ask"] {
                    let ratio = contrast(all[ink], all[ground]);
                    assert!(ratio >= 4.5, "{name}: {ink} on {ground} is {ratio:.2}");
                }
                assert!(contrast(all["focus"], all[ground]) >= 3.0, "{name}: focus on {ground}");
            }
        }
        assert!(contrast(color("fff"), color("1d4ed8")) >= 4.5 && STYLE.contains("color:#fff;background:#1d4ed8"));
    }

    /// The value of a property in the last rule of this selector.
    fn said<'c>(css: &'c str, selector: &str, property: &str) -> Option<&'c str> {
        let rules = css
            .split('}')
            .filter_map(|rule| rule.rsplit_once('{').map(|(head, body)| (head.rsplit('{').next().unwrap_or(head), body)));
        let bodies = rules.filter(|(head, _)| head.split(',').any(|one| one.trim() == selector)).map(|(_, body)| body);
        let mut found = bodies.flat_map(|body| body.split(';')).filter_map(|pair| pair.trim().split_once(':'));
        found.rfind(|(name, _)| *name == property).map(|(_, value)| value.trim_start_matches('#'))
    }

    #[test]
    fn every_word_of_a_picture_can_be_read_in_light_and_in_dark() {
        let style = svg_style();
        let (light, dark) = style.split_once("@media(prefers-color-scheme:dark)").unwrap();
        for (name, css) in [("light", light.to_owned()), ("dark", format!("{light}{dark}"))] {
            let color_of = |selector: &str, property: &str| {
                color(said(&css, selector, property).unwrap_or_else(|| panic!("{name}: {selector} {property}")))
            };
            for mark in ["running", "waiting", "succeeded", "concerns", "failed", "skipped"] {
                let ground = color_of(&format!(".{mark} .box"), "fill");
                for text in [".id", ".verb", ".say", ".note", ".within"] {
                    let dimmed = format!(".{mark} {text}");
                    let ink = said(&css, &dimmed, "fill").map_or_else(|| color_of(text, "fill"), color);
                    assert!(contrast(ink, ground) >= 4.5, "{name}: {text} on {mark} is {:.2}", contrast(ink, ground));
                }
                let sign = contrast(color_of(&format!(".{mark} .mark"), "fill"), ground);
                assert!(sign >= 4.5, "{name}: the sign of {mark} is {sign:.2}");
            }
            let (label, halo) = (color_of(".back-label", "fill"), color_of(".halo", "fill"));
            assert!(contrast(label, halo) >= 4.5, "{name}: rounds of a loop");
        }
    }
}
