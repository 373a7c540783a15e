//! Names made of titles: ids of steps, parameters, options.
//! In: any text. Out: a kebab-case name, unique where it has to be. Never: an empty one.

use std::collections::BTreeMap;

const NAME_BYTES_MAX: usize = 60;

/// Lower-case words with single hyphens, cut at a word; `fallback` where nothing is left.
pub(super) fn kebab(text: &str, fallback: &str) -> String {
    let mut name = String::new();
    for word in words(text) {
        if !name.is_empty() && name.len() + 1 + word.len() > NAME_BYTES_MAX {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(&word[..word.len().min(NAME_BYTES_MAX)]);
    }
    match name.chars().next() {
        None => fallback.to_owned(),
        Some(first) if first.is_ascii_digit() => format!("{fallback}-{name}"),
        Some(_) => name,
    }
}

/// ASCII words in lower case; `ClientName` is two. Apostrophes do not part.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut lower = false;
    for c in text.chars().filter(|c| !matches!(c, '\'' | '’' | '`')) {
        let inner = c.is_ascii_alphanumeric();
        if !inner || (c.is_ascii_uppercase() && lower) {
            all.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if inner {
            word.push(c.to_ascii_lowercase());
        }
        lower = c.is_ascii_lowercase();
    }
    all.extend((!word.is_empty()).then_some(word));
    all
}

/// Names that were given out, each with the number that its next one gets.
#[derive(Debug, Default)]
pub(super) struct Taken(BTreeMap<String, usize>);

impl Taken {
    pub fn unique(&mut self, name: String) -> String {
        let mut one = name.clone();
        while self.0.contains_key(&one) {
            let next = self.0.entry(name.clone()).or_insert(2);
            one = format!("{name}-{next}");
            *next += 1;
        }
        self.0.insert(one.clone(), 2);
        one
    }
}

/// A title without its number and its `Step 3:`.
pub(super) fn bare_title(title: &str) -> String {
    let title = title.trim();
    let after = title.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = &title[..title.len() - after.len()];
    let counts = after.starts_with([' ', ')']) && (number.len() < 3 || number.contains('.') || after.starts_with(')'));
    let rest = after.trim_start_matches([')', ' ']);
    let title = if counts && !number.is_empty() && !rest.is_empty() { rest } else { title };
    let lower = title.to_ascii_lowercase();
    for lead in ["step ", "phase ", "part "] {
        if let Some(rest) = lower.strip_prefix(lead) {
            let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            let text = after.trim_start_matches([':', ' ', '-', ')', '–', '—']);
            if after.len() < rest.len() && !text.is_empty() {
                return title[title.len() - text.len()..].to_owned();
            }
        }
    }
    title.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_names_that_are_unique_and_never_empty() {
        let mut taken = Taken::default();
        let mut name = |text: &str| taken.unique(kebab(text, "step"));
        assert_eq!(name("Check the API's health"), "check-the-apis-health");
        assert_eq!(name("Check the API’s health!"), "check-the-apis-health-2");
        assert_eq!(name("ClientName"), "client-name");
        assert_eq!(name("日本語"), "step");
        assert_eq!(name("404 first"), "step-404-first");
        assert_eq!(name(&"word ".repeat(40)).len(), 59);
        assert_eq!(name(&"x".repeat(300)).len(), 60);
    }

    #[test]
    fn numbers_and_step_words_are_not_part_of_a_title() {
        for (title, bare) in [
            ("Step 3: Place the call", "Place the call"),
            ("2. Parameters", "Parameters"),
            ("5.1 Restart", "Restart"),
            ("Steps to take", "Steps to take"),
            ("Step 4", "Step 4"),
            ("2024", "2024"),
            ("2031-02-03 Night shift", "2031-02-03 Night shift"),
            ("404 on the login page", "404 on the login page"),
            ("1) Look", "Look"),
            ("Phase 1.2 — Look", "Look"),
        ] {
            assert_eq!(bare_title(title), bare);
        }
    }
}
