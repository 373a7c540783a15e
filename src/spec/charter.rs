//! What a charter forbids that a machine can see: flows and detours that a non-goal names.
//! In: a charter and a name. Out: the non-goal. Never: a sentence understood; what it means is for agents and people.

use super::text::CharterText;

/// How a non-goal speaks of a flow or a detour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excluded<'a> {
    /// In backticks, or with nothing beside it: it is out.
    ByName(&'a str),
    /// The word stands among others, and may mean something else.
    Perhaps(&'a str),
}

impl CharterText {
    /// The non-goal that keeps this flow or detour out.
    pub fn excludes(&self, name: &str) -> Option<&str> {
        self.speaks_of(name).and_then(|found| match found {
            Excluded::ByName(text) => Some(text),
            Excluded::Perhaps(_) => None,
        })
    }

    /// The first non-goal that holds the name, those that exclude it before the others.
    pub fn speaks_of(&self, name: &str) -> Option<Excluded<'_>> {
        let texts = || self.non_goals.iter().map(String::as_str);
        let quoted = format!("`{name}`");
        let named = |text: &&str| text.contains(&quoted) || text.trim().trim_end_matches('.').eq_ignore_ascii_case(name);
        texts().find(named).map(Excluded::ByName).or_else(|| texts().find(|text| has_word(text, name)).map(Excluded::Perhaps))
    }
}

/// A hyphen is part of a word: `fix` does not stand in `lint-fix`.
fn has_word(text: &str, name: &str) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || c == '-')).any(|word| word.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_backticks_or_alone_is_out_and_a_word_among_others_may_be() {
        let charter = |text: &str| CharterText { non_goals: vec!["speed".to_owned(), text.to_owned()], ..CharterText::default() };
        for text in ["no `hotfix` on a Friday", "hotfix", "Hotfix."] {
            assert_eq!(charter(text).excludes("hotfix"), Some(text));
        }
        let text = "no hotfix today";
        assert_eq!(charter(text).speaks_of("hotfix"), Some(Excluded::Perhaps(text)));
        assert_eq!((charter(text).excludes("hotfix"), charter("a pre-hotfix state").speaks_of("hotfix")), (None, None));
    }
}
