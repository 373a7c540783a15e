//! What stands together for a person becomes one question.
//! In: items. Out: a step that asks, and steps for what is chosen. Never: an answer of our own.

use super::{
    super::{
        draft::{Ask, Verb},
        names::{Taken, kebab},
        sections::{Label, Part},
        shell,
    },
    Manual, Section, Understanding, cut, first_words,
    prose::begins_with_if,
};

/// A question has at most so many options; 50 are allowed, and one says that none applies.
pub(super) const OPTIONS_MAX: usize = 40;

/// Nobody reads a longer one before they answer.
const QUESTION_CHARS_MAX: usize = 10_000;

impl Understanding {
    pub(super) fn flush(&mut self) {
        let items = std::mem::take(&mut self.manual);
        let Some(line) = items.first().map(|item| item.line) else { return };
        let label_text = std::mem::take(&mut self.label_text);
        let label = std::mem::replace(&mut self.label, Label::Work);
        let title = self.title();
        let question = if label_text.is_empty() { title.clone() } else { format!("{title}. {label_text}") };
        let name = if label_text.is_empty() { title } else { format!("{title} {}", first_words(&label_text)) };
        let is_case = |item: &Manual| begins_with_if(bare(&item.text));
        if label == Label::Choose && items.len() <= OPTIONS_MAX {
            return self.choose(&items, &name, question, line);
        }
        // What is found first decides which of the cases it is.
        let first = items.iter().position(is_case).unwrap_or(items.len());
        let (before, cases) = items.split_at(first);
        if cases.iter().filter(|item| is_case(item)).count() > 1 && cases.len() <= OPTIONS_MAX {
            if !before.is_empty() {
                self.work(before, &name, &question, label);
            }
            return self.choose(cases, &name, question, cases[0].line);
        }
        self.work(&items, &name, &question, label);
    }

    fn work(&mut self, items: &[Manual], name: &str, question: &str, label: Label) {
        let line = items.first().map_or(1, |item| item.line);
        let all = items.iter().map(|item| format!("\n{}", item.text.trim_end())).collect::<String>();
        let end = match label {
            Label::Hold => "Approve when you have read it; it holds for all that follows.",
            Label::Expected | Label::Conditional | Label::Choose | Label::Work => "Approve when it is done and as it should be.",
        };
        self.asks(name, line, format!("{question}{all}\n{end}"), Vec::new());
    }

    /// One of them applies; what it says to run, is run then.
    fn choose(&mut self, items: &[Manual], name: &str, question: String, line: u32) {
        let mut taken = Taken::default();
        let mut options: Vec<(String, String)> = Vec::new();
        for item in items {
            let text = bare(&item.text);
            options.push((taken.unique(kebab(&first_words(text), "option")), cut(text)));
        }
        let keys: Vec<String> = options.iter().map(|(key, _)| key.clone()).collect();
        options.push((taken.unique("none-of-these".to_owned()), "None of these".to_owned()));
        let outer = self.when();
        let end = if items.iter().any(|item| runnable(item).is_some()) {
            "\nWhich applies? Its command comes next; what has none, do before you choose it."
        } else {
            "\nWhich applies? Do what it says, then choose it."
        };
        let id = self.asks(name, line, format!("{question}{end}"), options);
        for (item, key) in items.iter().zip(keys) {
            if let Some(code) = runnable(item) {
                let here = format!("steps['{id}'].choice == '{key}'");
                let when = outer.as_ref().map_or_else(|| here.clone(), |outer| format!("{outer} && {here}"));
                self.only_when(when, &first_words(bare(&item.text)), item.line, |all| all.runs(code, item.line, None));
            }
        }
    }

    /// As in a section of its own, which is there only then.
    pub(super) fn only_when(&mut self, when: String, title: &str, line: u32, work: impl FnOnce(&mut Self)) {
        let steps = self.draft.steps.len();
        let (title, when) = (title.to_owned(), Some(when));
        self.path.push(Section { level: u8::MAX, title, part: Part::Procedure, when, line, steps, whole: false, said: true });
        work(self);
        self.path.pop();
    }

    /// A section that is nothing but prose.
    pub(super) fn ask_for_prose(&mut self, line: u32) {
        let title = self.title();
        self.asks(&title, line, format!("{title}\nApprove when it is done and as it should be."), Vec::new());
    }

    fn asks(&mut self, name: &str, line: u32, question: String, options: Vec<(String, String)>) -> String {
        let high = std::mem::take(&mut self.high);
        let when = self.when();
        let (head, rest) = question.split_once('\n').unwrap_or((&question, ""));
        let question = format!("{head}{}\n{rest}", self.own_prose());
        let question = match question.char_indices().nth(QUESTION_CHARS_MAX) {
            Some((end, _)) => format!("{}\n… The rest stands in the runbook, from line {line} on.", &question[..end]),
            None => question,
        };
        self.step(name, line, when, Verb::Ask(Ask { question, options, high }))
    }
}

fn bare(text: &str) -> &str {
    text.trim_start().trim_start_matches("- ")
}

/// The command that an option is about, where there is exactly one.
fn runnable(item: &Manual) -> Option<&str> {
    match item.codes.as_slice() {
        [code] if !shell::needs_terminal(code) => Some(code),
        _ => None,
    }
}
