//! What a runbook's blocks mean for a flow.
//! In: a document. Out: a draft. Never: a block that is neither in the flow nor listed as kept.

mod commands;
mod people;
mod prose;
mod tables;

use super::{
    branches::{Branch, branches},
    document::{Block, Document, Kind, Words},
    draft::{DONE_MAX, Draft, HEADINGS_MAX, STEPS_MAX, Step, Verb},
    hints::{self, When},
    mend, names,
    names::{Taken, bare_title, kebab},
    params, read,
    sections::{Label, Part, part_of},
};

const LINE_CHARS_MAX: usize = 300;
const GUESSED_SHOWN_MAX: usize = 20;

struct Section {
    level: u8,
    title: String,
    part: Part,
    when: Option<String>,
    line: u32,
    /// Steps that were there before it.
    steps: usize,
    /// The title of the whole.
    whole: bool,
    /// A step has its title, or a comment above one.
    said: bool,
}

/// Something to be said above the next step.
struct Remark {
    line: u32,
    last: u32,
    text: String,
    /// A paragraph that nothing else was made of.
    prose: bool,
}

/// Something for a person to do, or one of the things to choose from.
struct Manual {
    line: u32,
    text: String,
    codes: Vec<String>,
    /// In a paragraph, which a block of code after it may be the doing of.
    said: bool,
}

struct Understanding {
    draft: Draft,
    taken: Taken,
    path: Vec<Section>,
    /// Work for a person that stands together.
    manual: Vec<Manual>,
    label: Label,
    label_text: String,
    label_line: u32,
    context: Vec<Remark>,
    high: bool,
    wait: When,
    last_run: Option<usize>,
    rollback_from: Option<usize>,
}

/// Reads and understands.
pub(super) fn from_text(text: &str) -> Draft {
    let mended = mend::mend(text);
    let mut document = read::read(&mended.text, &mended.lines);
    document.guessed = mended.guessed;
    understand(&document)
}

fn understand(document: &Document) -> Draft {
    let mut all = Understanding {
        draft: Draft::default(),
        taken: Taken::default(),
        path: Vec::new(),
        manual: Vec::new(),
        label: Label::Work,
        label_text: String::new(),
        label_line: 0,
        context: Vec::new(),
        high: false,
        wait: When::default(),
        last_run: None,
        rollback_from: None,
    };
    if document.blocks.iter().filter(|block| matches!(block.kind, Kind::Heading { .. })).count() > HEADINGS_MAX {
        all.draft.over = Some(("headings", HEADINGS_MAX));
        return all.draft;
    }
    all.draft.kept.extend(hints::told_as_a_log(document));
    // Tables of parameters first: blanks may stand before them.
    for (block, part) in parts(document) {
        if let Kind::Table { head, rows } = &block.kind
            && (part == Some(Part::Params) || params::is_about_params(head))
        {
            for (line, text) in params::from_table(&mut all.draft, head, rows) {
                all.draft.keep((line, line), &text, "a row without a name that can be a parameter's");
            }
        }
    }
    let mut branches = branches(document);
    for (at, block) in document.blocks.iter().enumerate() {
        all.block(block, branches.remove(&at));
        if all.draft.done.len() > DONE_MAX {
            all.draft.over = Some(("lines that say when it is done", DONE_MAX));
        }
        if all.draft.over.is_some() {
            return all.draft;
        }
    }
    all.finish(document)
}

/// Each block with what its section is for.
fn parts(document: &Document) -> Vec<(&Block, Option<Part>)> {
    let mut part = None;
    let mut found = Vec::new();
    for block in &document.blocks {
        if let Kind::Heading { words, .. } = &block.kind {
            part = part_of(&bare_title(&words.plain()));
        }
        found.push((block, part));
    }
    found
}

impl Understanding {
    fn finish(mut self, document: &Document) -> Draft {
        self.close(0);
        self.draft.after = self.remarks();
        let from = self.rollback_from.unwrap_or(usize::MAX);
        for step in self.draft.steps.iter_mut().skip(from) {
            if let Verb::Run(run) = &mut step.verb {
                run.rollback = true;
            }
        }
        if let (Some(first), Some(last)) = (document.guessed.first(), document.guessed.last()) {
            let mut shown: Vec<String> = document.guessed.iter().take(GUESSED_SHOWN_MAX).map(u32::to_string).collect();
            shown.extend((document.guessed.len() > GUESSED_SHOWN_MAX).then(|| "…".to_owned()));
            let text = format!("lines {}", shown.join(" "));
            self.draft.keep((*first, *last), &text, "taken for headings or commands: the file marks none");
        }
        self.draft
    }

    fn part(&self) -> Part {
        self.path.last().map_or(Part::Procedure, |section| section.part)
    }

    fn title(&self) -> String {
        self.path.last().map_or_else(|| "First".to_owned(), |section| section.title.clone())
    }

    fn when(&self) -> Option<String> {
        self.path.iter().rev().find_map(|section| section.when.clone())
    }

    fn block(&mut self, block: &Block, branch: Option<Branch>) {
        let lines = (block.line, block.last);
        match &block.kind {
            Kind::Heading { level, words } => self.heading(*level, &words.plain(), lines.0, branch.as_ref()),
            Kind::Text(words) => self.text(words, lines),
            Kind::Item { depth, words } => self.item(*depth, words, lines.0),
            Kind::Code { lang, text, closed, first } => {
                if !closed {
                    self.draft.keep(lines, text, "its fence is never closed, so it goes to the end of the file");
                }
                self.code(lang, text, lines, *first);
            }
            Kind::Table { head, rows } => self.table(head, rows, lines),
            Kind::Quote(words) => self.comment(lines, &words.text, "a quotation"),
            Kind::Html(text) => {
                let about = text.lines().find_map(|line| line.strip_prefix("description: ")).filter(|_| lines.0 == 1);
                if let (Some(about), None) = (about, &self.draft.goal) {
                    self.draft.goal = Some(about.trim_matches(['"', '\'', ' ']).to_owned()).filter(|text| !text.is_empty());
                }
                self.comment(lines, text, "HTML or front matter");
            }
        }
    }

    /// Kept in place, and listed.
    fn comment(&mut self, lines: (u32, u32), text: &str, why: &str) {
        self.draft.keep(lines, text, why);
        self.remark(lines, text, false);
    }

    fn remark(&mut self, lines: (u32, u32), text: &str, prose: bool) {
        self.context.push(Remark { line: lines.0, last: lines.1, text: text.trim().to_owned(), prose });
    }

    /// What was to be said so far, as the lines of a comment.
    fn remarks(&mut self) -> Vec<String> {
        let said = std::mem::take(&mut self.context);
        for remark in said.iter().filter(|remark| remark.prose) {
            self.draft.keep((remark.line, remark.last), &remark.text, "prose, as a comment where it stands");
        }
        said.into_iter().map(|remark| format!("{}: {}", remark.line, remark.text)).collect()
    }

    fn heading(&mut self, level: u8, title: &str, line: u32, branch: Option<&Branch>) {
        self.close(level);
        while self.path.last().is_some_and(|section| section.level >= level) {
            self.path.pop();
        }
        let title = bare_title(title.trim_end().trim_end_matches(':'));
        let whole = self.draft.title.is_empty() && level == 1;
        if whole {
            self.draft.title = title.clone();
        }
        let above = self.path.last().map_or(Part::Procedure, |section| section.part);
        let when = branch.map(|branch| self.branch(branch, line));
        let part = if whole || when.is_some() { Part::Procedure } else { part_of(&title).unwrap_or(above) };
        let steps = self.draft.steps.len();
        self.path.push(Section { level, title, part, when, line, steps, whole, said: whole });
    }

    /// A section ends where the next of this level begins. One that is nothing but prose is work for a person.
    fn close(&mut self, next: u8) {
        self.flush();
        self.leave_label();
        (self.label, self.last_run, self.high, self.wait) = (Label::Work, None, false, When::default());
        let Some(section) = self.path.last() else { return };
        let (line, from) = (section.line, section.line);
        let leaf = section.level >= next && !section.whole && section.part == Part::Procedure;
        if !leaf || self.draft.steps.len() > section.steps {
            return;
        }
        if self.context.iter().any(|remark| remark.prose && remark.line >= from) {
            self.ask_for_prose(line);
        }
    }

    /// A line with a colon after which nothing came that it could be about.
    fn leave_label(&mut self) {
        let label = std::mem::take(&mut self.label_text);
        if !label.is_empty() {
            self.remark((self.label_line, self.label_line), &label, true);
        }
    }

    /// The section's own prose, for whoever is asked in it.
    fn own_prose(&mut self) -> String {
        let from = self.path.last().map_or(0, |section| section.line);
        let (own, rest) = std::mem::take(&mut self.context).into_iter().partition(|one| one.prose && one.line >= from);
        self.context = rest;
        let own: Vec<Remark> = own;
        own.iter().map(|one| format!("\n{}", one.text)).collect()
    }

    /// The condition of work that is done for one value of a parameter, which has that value from now on.
    fn branch(&mut self, branch: &Branch, line: u32) -> String {
        let same = |name: &str| {
            let of = names::words(name);
            names::words(&branch.param).iter().all(|word| of.contains(word))
        };
        if !self.draft.params.iter().any(|param| same(&param.name)) {
            self.draft.param(&branch.param, &branch.about, line);
        }
        let Some(param) = self.draft.params.iter_mut().find(|param| same(&param.name)) else { return "true".to_owned() };
        if !param.values.contains(&branch.value) {
            param.values.push(branch.value.clone());
        }
        (param.boolean, param.default) = (false, None);
        format!("params['{}'] == '{}'", param.name, branch.value)
    }

    /// Titles of sections that this step is the first of, and does not have itself.
    fn headings(&mut self, title: &str) -> Vec<String> {
        let mut found = Vec::new();
        for section in &mut self.path {
            let new = !std::mem::replace(&mut section.said, true) && !title.contains(&section.title);
            found.extend(new.then(|| format!("{}: {}", section.line, section.title)));
        }
        found
    }

    fn step(&mut self, title: &str, line: u32, when: Option<String>, verb: Verb) -> String {
        let id = self.taken.unique(kebab(title, "step"));
        if self.draft.steps.len() >= STEPS_MAX {
            self.draft.over = Some(("steps", STEPS_MAX));
            return id;
        }
        let mut comments = self.headings(title);
        comments.extend(self.remarks());
        self.draft.steps.push(Step { id: id.clone(), title: cut(title.trim_end_matches(':')), line, when, verb, comments });
        id
    }
}

/// The first sentence, for names.
fn first_words(text: &str) -> String {
    let text = text.replace('`', "");
    let end = [" — ", " – ", " → ", ". ", ": ", "("]
        .iter()
        .filter_map(|sign| text.find(sign))
        .filter(|at| *at > 3)
        .min()
        .unwrap_or(text.len());
    text[..end].split_whitespace().take(10).collect::<Vec<_>>().join(" ")
}

fn cut(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(LINE_CHARS_MAX).collect()
}

/// Words that forbid something.
fn forbids(text: &str) -> bool {
    let text = text.to_lowercase();
    ["never ", "do not ", "don't ", "don’t ", "no ", "avoid "].iter().any(|word| text.starts_with(word))
        || ["must not ", "may not ", " never "].iter().any(|word| text.contains(word))
}

/// Code spans that are commands.
fn commands_in(words: &Words) -> Vec<String> {
    words.codes.iter().filter(|code| super::shell::is_command(code)).cloned().collect()
}
