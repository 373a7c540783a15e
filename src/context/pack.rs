//! The two prompts of an agent step, within a budget of tokens.
//! In: a brief, the texts of the files that it names, how the work is to end. Out: the prompts and a manifest.
//! Never: the teaching note cut, a cut without a mark that says where all of it can be read.

use crate::record::{ContextManifest, ContextPart};

use super::{
    brief::Brief,
    prompt::{self, Section},
    tokens::Tokenizer,
};

/// What both prompts may have together when the flow says nothing: room for the work remains in the smallest windows
/// that are of use (32k).
pub const BUDGET_TOKENS: u32 = 16_000;
/// Less than this of a text tells nothing.
const PART_TOKENS_MIN: u64 = 48;
/// What a mark of a cut has at most, besides its path.
const MARK_TOKENS: u64 = 25;

/// A file that the brief names, or why it cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileText {
    /// As the flow writes it.
    pub path: String,
    /// Its text, or at least its beginning.
    pub text: Result<String, String>,
    /// The whole file's size.
    pub bytes: u64,
}

/// What is sent, exactly.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pack {
    pub system: String,
    pub prompt: String,
    pub manifest: ContextManifest,
}

/// In which order parts give way: the last class first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Teaching note, charter, task, what a person said: never cut.
    Kept,
    /// What the step before handed over, and what the last round was found wanting.
    Handoff,
    /// Files and lists of files.
    Artifact,
    /// What lies further back.
    History,
}

/// Packs a brief. `files`: the texts of its `read_first`, `include` and `inputs`; `artifacts`: what lies in the flow's
/// artifacts, a line each; `ending`: how this engine wants the work to end; `tokens`: how its model counts.
pub fn pack(brief: &Brief, files: &[FileText], artifacts: &[String], ending: &str, tokens: Tokenizer) -> Pack {
    let budget = u64::from(brief.budget_tokens.unwrap_or(BUDGET_TOKENS));
    let sections = prompt::sections(brief, files, artifacts, ending);
    let told = fit(&sections, tokens.count(&brief.body), budget, tokens);
    let mut parts = vec![ContextPart {
        part: format!("agent {}", brief.agent),
        path: None,
        tokens: tokens.count(&brief.body),
        cut_tokens: 0,
    }];
    let mut prompt = String::new();
    for (section, body) in sections.iter().zip(&told) {
        if !prompt.is_empty() {
            prompt.push('\n');
        }
        prompt.push_str(&section.heading);
        prompt.push('\n');
        prompt.push_str(&body.text);
        if !body.text.ends_with('\n') {
            prompt.push('\n');
        }
        parts.push(ContextPart {
            part: section.name.clone(),
            path: section.path.clone(),
            tokens: tokens.count(&section.heading) + tokens.count(&body.text),
            cut_tokens: body.cut_tokens,
        });
    }
    let all = tokens.count(&brief.body) + tokens.count(&prompt);
    let manifest = ContextManifest { budget_tokens: budget, tokens: all, estimated: tokens.are_estimated(), parts };
    Pack { system: brief.body.clone(), prompt, manifest }
}

struct Told {
    text: String,
    cut_tokens: u64,
}

/// Gives every section its share: kept ones all they need, then class by class, in order, what is left.
fn fit(sections: &[Section], system_tokens: u64, budget: u64, tokens: Tokenizer) -> Vec<Told> {
    let heading = |section: &Section| tokens.count(&section.heading) + 1;
    let fixed: u64 = sections.iter().filter(|one| one.class == Class::Kept).map(|one| tokens.count(&one.frame(&one.body))).sum();
    let headings: u64 = sections.iter().map(heading).sum();
    // Every section that may be cut keeps room for its mark, until its turn comes.
    let marks: u64 = sections.iter().filter(|one| one.class != Class::Kept).map(|one| mark_tokens(one, tokens)).sum();
    let mut left = budget.saturating_sub(system_tokens + fixed + headings + marks);
    let mut told: Vec<Option<Told>> = sections.iter().map(|_| None).collect();
    for class in [Class::Kept, Class::Handoff, Class::Artifact, Class::History] {
        for (at, section) in sections.iter().enumerate().filter(|(_, section)| section.class == class) {
            let whole = section.frame(&section.body);
            let needs = tokens.count(&whole);
            if class == Class::Kept {
                told[at] = Some(Told { text: whole, cut_tokens: 0 });
                continue;
            }
            left += mark_tokens(section, tokens);
            if needs <= left {
                left -= needs;
                told[at] = Some(Told { text: whole, cut_tokens: 0 });
            } else {
                let one = cut(section, left, tokens);
                left = left.saturating_sub(tokens.count(&one.text));
                told[at] = Some(one);
            }
        }
    }
    told.into_iter().map(|told| told.expect("every class was gone through")).collect()
}

fn mark_tokens(section: &Section, tokens: Tokenizer) -> u64 {
    MARK_TOKENS + section.path.as_deref().map_or(0, |path| tokens.count(path))
}

/// As much of a section as fits, with the mark that says how much is missing and where it stands.
fn cut(section: &Section, tokens_max: u64, tokens: Tokenizer) -> Told {
    let all = section.body.len();
    let place = section.path.as_deref().map_or_else(String::new, |path| format!(", full at {path}"));
    let room = tokens_max.saturating_sub(mark_tokens(section, tokens) + tokens.count(&section.frame("")));
    let kept = if room < PART_TOKENS_MIN { "" } else { tokens.beginning(&section.body, room) };
    let mark = format!("[TRUNCATED: {} of {all} bytes left out{place}]\n", all - kept.len());
    let text = if kept.is_empty() { mark } else { section.frame(kept) + &mark };
    let cut_tokens = tokens.count(&section.body).saturating_sub(tokens.count(kept));
    Told { text, cut_tokens }
}

#[cfg(test)]
#[path = "pack_tests.rs"]
mod tests;
