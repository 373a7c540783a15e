//! Sections of which a run takes one: symptoms, types of change, cases.
//! In: a document. Out: for each heading that begins such a branch, its parameter and value.
//! Never: a section made optional that is not one of several.

use std::collections::BTreeMap;

use super::{
    document::{Document, Kind},
    names::{bare_title, kebab, words},
    sections::part_of,
};

/// The heading (by its block) begins work that is done only for this value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Branch {
    pub param: String,
    pub value: String,
    /// What is chosen between, in the runbook's words.
    pub about: String,
}

struct Heading {
    block: usize,
    level: u8,
    title: String,
    parent: Option<usize>,
}

/// Headings whose children of the same name show that they are alternatives.
const TWINS_MIN: usize = 2;

pub(super) fn branches(document: &Document) -> BTreeMap<usize, Branch> {
    let mut all: Vec<Heading> = Vec::new();
    for (block, one) in document.blocks.iter().enumerate() {
        if let Kind::Heading { level, words } = &one.kind {
            let parent = all.iter().rposition(|before| before.level < *level);
            all.push(Heading { block, level: *level, title: bare_title(&words.plain()), parent });
        }
    }
    let mut found = BTreeMap::new();
    let mut groups: BTreeMap<(Option<usize>, u8), Vec<usize>> = BTreeMap::new();
    for (at, heading) in all.iter().enumerate() {
        groups.entry((heading.parent, heading.level)).or_default().push(at);
    }
    for ((parent, _), members) in groups {
        prefixed(&all, &members, &mut found);
        of_a_kind(&all, parent, &members, &mut found);
        twins(&all, parent, &members, &mut found);
    }
    found
}

/// A title as a value, without what it says in brackets.
pub(super) fn value_of(title: &str) -> String {
    let short = title.split('(').next().unwrap_or_default().trim();
    kebab(if short.is_empty() { title } else { short }, "case")
}

fn add(found: &mut BTreeMap<usize, Branch>, all: &[Heading], at: usize, param: &str, value: &str, about: &str) {
    let branch = Branch { param: param.to_owned(), value: value_of(value), about: about.to_owned() };
    found.entry(all[at].block).or_insert(branch);
}

/// `Symptom: …`, `Case: …`, twice or more.
fn prefixed(all: &[Heading], members: &[usize], found: &mut BTreeMap<usize, Branch>) {
    let mut by: BTreeMap<String, Vec<(usize, &str)>> = BTreeMap::new();
    for at in members {
        if let Some((prefix, rest)) = all[*at].title.split_once(':') {
            let prefix = prefix.trim().to_lowercase();
            if matches!(prefix.as_str(), "symptom" | "case" | "scenario" | "variant" | "option" | "problem" | "alert") {
                by.entry(prefix).or_default().push((*at, rest.trim()));
            }
        }
    }
    for (prefix, ones) in by.into_iter().filter(|(_, ones)| ones.len() > 1) {
        for (at, value) in ones {
            add(found, all, at, &prefix, value, &format!("Which {prefix}"));
        }
    }
}

/// What is chosen between, by a title or a head: `Change types` is a `change-type`.
pub(super) fn kind_of(title: &str) -> Option<String> {
    let words = words(title);
    let (last, rest) = words.split_last()?;
    let one = last.strip_suffix('s').unwrap_or(last);
    matches!(one, "type" | "symptom" | "variant" | "scenario" | "case" | "kind" | "problem" | "alert" | "request")
        .then(|| rest.iter().map(String::as_str).chain([one]).collect::<Vec<_>>().join("-"))
}

/// Children of `Change types`; or, where levels are lost, the sections after an empty one of that name.
fn of_a_kind(all: &[Heading], parent: Option<usize>, members: &[usize], found: &mut BTreeMap<usize, Branch>) {
    let kind = |title: &str| kind_of(title).filter(|_| title.trim_end().to_lowercase().ends_with('s'));
    let mut chosen: Option<(String, Vec<usize>)> =
        parent.and_then(|parent| kind(&all[parent].title)).map(|param| (param, Vec::new()));
    for at in members {
        let empty = all.get(at + 1).is_some_and(|next| next.block == all[*at].block + 1 && next.level == all[*at].level);
        if part_of(&all[*at].title).is_some() {
            if parent.is_none_or(|parent| kind(&all[parent].title).is_none()) {
                break_off(all, chosen.take(), found);
            }
        } else if let (true, Some(param)) = (empty, kind(&all[*at].title)) {
            chosen = Some((param, Vec::new()));
        } else if let Some((_, ones)) = &mut chosen {
            ones.push(*at);
        }
    }
    break_off(all, chosen, found);
}

fn break_off(all: &[Heading], chosen: Option<(String, Vec<usize>)>, found: &mut BTreeMap<usize, Branch>) {
    if let Some((param, ones)) = chosen.filter(|(_, ones)| ones.len() > 1) {
        for at in ones {
            add(found, all, at, &param, &all[at].title, &format!("Which {}", param.replace('-', " ")));
        }
    }
}

/// Sections that each have a part of the same name, like `Common causes`.
fn twins(all: &[Heading], parent: Option<usize>, members: &[usize], found: &mut BTreeMap<usize, Branch>) {
    let children = |of: usize| all.iter().enumerate().filter(move |(_, heading)| heading.parent == Some(of));
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for at in members {
        for (_, child) in children(*at) {
            *count.entry(child.title.to_lowercase()).or_default() += 1;
        }
    }
    if parent.is_none() || !count.values().any(|count| *count >= TWINS_MIN) {
        return;
    }
    for at in members.iter().filter(|at| children(**at).next().is_some() && part_of(&all[**at].title).is_none()) {
        add(found, all, *at, "case", &all[*at].title, "Which case");
    }
}
