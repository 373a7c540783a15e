//! The table holds together. What each cause is recognised by is shown in tests/diagnose_corpus.rs, on runs on disk.

use std::collections::BTreeSet;

use super::{CAUSES, Class};

#[test]
fn every_cause_has_its_own_name_and_words_and_a_pattern_that_compiles() {
    let mut seen = BTreeSet::new();
    for cause in CAUSES {
        assert!(seen.insert(cause.id), "{} stands there twice", cause.id);
        assert!(cause.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", cause.id);
        for words in [cause.means, cause.remedy] {
            assert!(
                words.starts_with(char::is_uppercase) && !words.ends_with('.') && !words.contains('|'),
                "{}: {words}",
                cause.id
            );
        }
        regex::Regex::new(cause.text().unwrap_or_default()).unwrap();
    }
    assert!(CAUSES.len() >= 40);
}

#[test]
fn every_class_has_causes_and_each_playbook_one_that_decides() {
    for class in Class::ALL {
        assert!(CAUSES.iter().any(|cause| cause.class == *class && !cause.weak), "{}", class.as_str());
    }
}
