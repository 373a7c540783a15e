//! What a runbook's blocks mean for a flow.
//! In: a document. Out: a draft. Never: a block that is neither in the flow nor listed as kept.

use super::{
    blanks,
    branches::{Branch, branches},
    document::{Block, Document, Kind, Row, Words},
    draft::{Ask, Done, Draft, Run, Step, Verb},
    hints::{self, When},
    mend, names,
    names::{Taken, bare_title, kebab},
    params, read,
    sections::{Label, Part, label_of, part_of},
    shell,
};

/// A question has at most so many options; 50 are allowed, and one says that none applies.
const OPTIONS_MAX: usize = 40;
const LINE_CHARS_MAX: usize = 300;

struct Section {
    level: u8,
    title: String,
    part: Part,
    when: Option<String>,
}

pub(super) struct Understanding {
    pub draft: Draft,
    taken: Taken,
    path: Vec<Section>,
    /// Work for a person that stands together.
    manual: Vec<(u32, u32, String)>,
    label: Label,
    label_text: String,
    /// Prose that the next step gets as its comment.
    context: Vec<(u32, String)>,
    high: bool,
    wait: When,
    last_run: Option<usize>,
    rollback_from: Option<usize>,
}

pub(super) fn understand(document: &Document) -> Draft {
    let mut all = Understanding {
        draft: Draft::default(),
        taken: Taken::default(),
        path: Vec::new(),
        manual: Vec::new(),
        label: Label::Work,
        label_text: String::new(),
        context: Vec::new(),
        high: false,
        wait: When::default(),
        last_run: None,
        rollback_from: None,
    };
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
    }
    all.flush();
    all.loose();
    if let Some(from) = all.rollback_from {
        for step in all.draft.steps.iter_mut().skip(from) {
            if let Verb::Run(run) = &mut step.verb {
                run.rollback = true;
            }
        }
    }
    for line in &document.guessed {
        all.draft.keep((*line, *line), "taken for a heading or a command", "the file marks none, so it was guessed");
    }
    all.draft
}

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
            Kind::Heading { level, words } => self.heading(*level, &words.plain(), lines, branch),
            Kind::Text(words) => self.text(words, lines),
            Kind::Item { depth, words } => self.item(*depth, words, lines),
            Kind::Code { lang, text, closed } => {
                if !closed {
                    self.draft.keep(lines, text, "its fence is never closed, so it goes to the end of the file");
                }
                self.code(lang, text, lines);
            }
            Kind::Table { head, rows } => self.table(head, rows, lines),
            Kind::Quote(words) => self.comment(lines, &words.text, "a quotation"),
            Kind::Html(text) => self.comment(lines, text, "HTML or front matter"),
        }
    }

    /// Kept in place, and listed.
    fn comment(&mut self, lines: (u32, u32), text: &str, why: &str) {
        self.draft.keep(lines, text, why);
        self.context.push((lines.0, text.trim().to_owned()));
    }

    fn heading(&mut self, level: u8, title: &str, lines: (u32, u32), branch: Option<Branch>) {
        self.flush();
        self.loose();
        while self.path.last().is_some_and(|section| section.level >= level) {
            self.path.pop();
        }
        let title = bare_title(title);
        (self.label, self.label_text, self.last_run, self.high, self.wait) =
            (Label::Work, String::new(), None, false, When::default());
        if self.draft.title.is_empty() && level == 1 {
            self.draft.title = title.clone();
            self.path.push(Section { level, title, part: Part::Procedure, when: None });
            return;
        }
        let above = self.path.last().map_or(Part::Procedure, |section| section.part);
        let part = part_of(&title).unwrap_or(above);
        let when = branch.map(|branch| self.branch(&branch, lines.0));
        let part = if when.is_some() { Part::Procedure } else { part };
        self.path.push(Section { level, title, part, when });
    }

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

    fn text(&mut self, words: &Words, lines: (u32, u32)) {
        let text = words.text.trim();
        let plain = words.plain();
        self.high |= plain.contains("HIGH");
        match self.part() {
            Part::Procedure | Part::Prerequisites | Part::Escalate => {}
            Part::Role => {
                if self.draft.role.is_none() {
                    self.draft.role = hints::role(&plain);
                }
                return self.comment(lines, text, "says who may decide: name roles in `approve: {to: […]}`");
            }
            Part::Goal if self.draft.goal.is_none() => {
                self.draft.goal = Some(plain);
                return;
            }
            Part::ReadFirst => {
                text.lines().for_each(|line| self.read_first(line, lines.0));
                return;
            }
            Part::Rollback => return self.comment(lines, text, "a rollback in words: it needs a command to be an `undo`"),
            Part::Goal | Part::Params | Part::Rails | Part::Done | Part::Reading => {
                return self.comment(lines, text, "for reading");
            }
        }
        if self.draft.goal.is_none() && self.draft.steps.is_empty() && self.path.len() <= 1 && !plain.ends_with(':') {
            self.draft.goal = Some(plain);
            return;
        }
        self.wait.hear(&plain);
        if let Some(code) = words.codes.first().filter(|_| label_of(&plain) == Label::Expected && !plain.ends_with(':')) {
            return self.expect(code, lines);
        }
        if plain.ends_with(':') || plain.len() < 120 && plain.contains("cause") && plain.contains(':') {
            self.flush();
            (self.label, self.label_text) = (label_of(&plain), plain);
            return;
        }
        if let [code] = words.codes.as_slice()
            && is_command(code)
        {
            self.flush();
            return self.runs(code, lines.0, Some(&plain));
        }
        self.context.push((lines.0, text.to_owned()));
        self.draft.keep(lines, text, "prose, as a comment of the next step");
    }

    fn item(&mut self, depth: usize, words: &Words, lines: (u32, u32)) {
        let plain = words.plain();
        self.high |= plain.contains("HIGH");
        match self.part() {
            Part::Params => {
                if !params::from_item(&mut self.draft, words, lines.0) {
                    self.comment(lines, &plain, "no parameter's name begins it");
                }
            }
            Part::ReadFirst => self.read_first(&words.text, lines.0),
            Part::Rails => self.draft.non_goals.push(plain),
            Part::Done => match self.draft.done.last_mut().filter(|_| depth > 0) {
                Some(done) => done.question.push_str(&format!("; {plain}")),
                None => {
                    let id = self.taken.unique(kebab(&first_words(&plain), "done"));
                    self.draft.done.push(Done { id, question: plain, line: lines.0 });
                }
            },
            Part::Reading | Part::Role | Part::Goal => self.comment(lines, &plain, "for reading"),
            Part::Rollback => self.comment(lines, &plain, "a rollback in words: it needs a command to be an `undo`"),
            Part::Escalate => {
                self.label = Label::Choose;
                self.manual.push((lines.0, lines.1, plain));
            }
            Part::Procedure | Part::Prerequisites => {
                self.wait.hear(&plain);
                if let ([code], true) = (words.codes.as_slice(), self.label != Label::Choose)
                    && is_command(code)
                {
                    self.flush();
                    return self.runs(code, lines.0, Some(&plain));
                }
                self.manual.push((lines.0, lines.1, format!("{}- {plain}", "  ".repeat(depth))));
            }
        }
    }

    fn read_first(&mut self, text: &str, line: u32) {
        let first = text.split_whitespace().next().unwrap_or_default().trim_start_matches('-').trim_matches(['`', '*', ',']);
        let odd = |c: char| c.is_control() || matches!(c, '<' | '*' | '~' | '{' | '`' | '$' | '(' | '[' | ':' | '\\');
        let path = first.contains(['/', '.']) && !first.contains(odd) && !first.starts_with('/') && !first.contains("..");
        if path && !first.ends_with(['.', '/']) {
            if !self.draft.read_first.iter().any(|one| one == first) {
                self.draft.read_first.push(first.to_owned());
            }
        } else if !text.trim().is_empty() {
            self.manual.push((line, line, format!("- {}", text.trim().trim_start_matches("- "))));
        }
    }

    fn code(&mut self, lang: &str, text: &str, lines: (u32, u32)) {
        let (lang_shell, console) =
            (hints::is_shell(lang), lang == "console" || lang.starts_with("shell-") || text.trim_start().starts_with("$ "));
        let looks = lang.is_empty() && self.label != Label::Expected && text.lines().any(is_command);
        if self.part() == Part::Reading {
            return self.comment(lines, text, "for reading");
        }
        if self.label == Label::Expected && !lang_shell {
            self.label = Label::Work;
            return self.expect(text, lines);
        }
        if !(lang_shell || looks || console) {
            let list = if lang.is_empty() || lang == "text" { hints::checklist(text) } else { None };
            return match list {
                Some(items) => {
                    self.flush();
                    self.manual.extend(items.into_iter().map(|(at, item)| (lines.0 + at, lines.0 + at, item)));
                    self.flush();
                }
                None => self.comment(lines, text, "a block that is no shell text"),
            };
        }
        self.flush();
        let (text, output) = if console { hints::console(text) } else { (text.to_owned(), String::new()) };
        if self.part() == Part::Rollback {
            return self.undo(&text, lines);
        }
        for (at, group, title) in hints::groups(&text) {
            self.runs(&group, lines.0 + 1 + at, title.as_deref());
        }
        if !output.trim().is_empty() {
            self.expect(&output, lines);
        }
    }

    fn expect(&mut self, text: &str, lines: (u32, u32)) {
        let line = text
            .lines()
            .map(str::trim)
            .find(|line| line.contains(char::is_alphanumeric) && !line.contains(['<', '…']) && !line.contains("..."));
        let last = self.last_run.and_then(|at| self.draft.steps.get_mut(at));
        match (line, last) {
            (Some(line), Some(Step { verb: Verb::Run(run), .. })) if run.stdout.is_none() => {
                let regex = line.starts_with('/') && line.ends_with('/');
                run.stdout = Some(if regex { format!("{line} ").trim_start_matches('/').to_owned() } else { line.to_owned() });
                if text.trim().lines().count() > 1 {
                    self.comment(lines, text, "of this output only its first telling line is expected");
                }
            }
            _ => self.comment(lines, text, "output that no command before it should have"),
        }
    }

    fn runs(&mut self, source: &str, line: u32, title: Option<&str>) {
        let filled = blanks::fill(&mut self.draft, source, line);
        if !filled.left.is_empty() {
            self.draft.keep((line, line), &filled.left.join(", "), "left as it is: a variable is not read there");
        }
        if shell::needs_terminal(&filled.text) {
            self.comment((line, line), source, "needs a person at a terminal");
            self.manual.push((line, line, format!("Do at a terminal: {}", source.trim())));
            return self.flush();
        }
        let title = title.map_or_else(|| self.title(), first_words);
        let changes = shell::observes(&filled.text).err().map(|why| why.0);
        self.draft.commands.extend(shell::programs(&filled.text).into_iter().map(str::to_owned));
        let conditional = std::mem::replace(&mut self.label, Label::Work) == Label::Conditional;
        let mut when = self.when();
        if conditional {
            let only_if = std::mem::take(&mut self.label_text);
            let id = self.step(
                &format!("is needed {title}"),
                line,
                when.clone(),
                Verb::Ask(Ask {
                    question: format!("{only_if}\nIs this needed now?\n{}", source.trim()),
                    options: vec![
                        ("needed".to_owned(), "Needed: go to it".to_owned()),
                        ("not-needed".to_owned(), "Not needed: go past it".to_owned()),
                    ],
                    high: false,
                }),
            );
            let here = format!("steps['{id}'].choice == 'needed'");
            when = Some(when.map_or_else(|| here.clone(), |outer| format!("{outer} && {here}")));
        }
        let endless = shell::never_ends(&filled.text);
        let wait = std::mem::take(&mut self.wait);
        let timeout = if endless { Some("1m".to_owned()) } else { wait.timeout.clone() };
        if endless {
            self.draft.keep((line, line), source, "never ends by itself: it is ended after a minute, and the flow goes on");
        }
        let text = if shell::is_bash(&filled.text) {
            format!("bash -eu /dev/fd/3 3<<'BASH_TEXT_ENDS'\n{}\nBASH_TEXT_ENDS", filled.text.trim_end())
        } else {
            filled.text
        };
        let poll = wait.poll().filter(|_| changes.is_none());
        let run = Run { text, changes, poll, timeout, secrets: filled.secrets, goes_on: endless, ..Run::default() };
        self.step(&title, line, when, Verb::Run(run));
        self.last_run = Some(self.draft.steps.len() - 1);
    }

    fn undo(&mut self, text: &str, lines: (u32, u32)) {
        let filled = blanks::fill(&mut self.draft, text, lines.0 + 1);
        let target = self.draft.steps.iter().rposition(|step| matches!(&step.verb, Verb::Run(run) if run.changes.is_some()));
        match target.and_then(|at| self.draft.steps.get_mut(at).map(|step| (at, step))) {
            Some((at, Step { verb: Verb::Run(run), .. })) => {
                run.undo =
                    Some(run.undo.take().map_or_else(|| filled.text.clone(), |before| format!("{before}\n{}", filled.text)));
                run.secrets.extend(filled.secrets);
                self.rollback_from = Some(self.rollback_from.map_or(at, |before| before.min(at)));
            }
            _ => self.comment(lines, text, "a rollback before which nothing changes"),
        }
    }

    fn table(&mut self, head: &[Words], rows: &[Row], lines: (u32, u32)) {
        let heads: Vec<String> = head.iter().map(|cell| cell.plain().to_lowercase()).collect();
        if self.part() == Part::Params || params::is_about_params(head) {
            return;
        }
        let column = |names: &[&str]| heads.iter().position(|head| names.iter().any(|name| head.contains(name)));
        let shown =
            |row: &Row| row.cells.iter().map(Words::plain).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" → ");
        let whole = || rows.iter().map(shown).collect::<Vec<_>>().join("\n");
        if self.part() == Part::Reading {
            return self.comment(lines, &whole(), "for reading");
        }
        if let Some(at) = column(&["verify", "check with", "how to check"]) {
            self.flush();
            for row in rows {
                let code = row.cells.get(at).and_then(|cell| cell.codes.first()).filter(|code| is_command(code)).cloned();
                match code {
                    Some(code) => {
                        self.flush();
                        let title = row.cells.iter().map(Words::plain).find(|cell| cell.contains(char::is_alphabetic));
                        self.context.push((row.line, shown(row)));
                        self.runs(&code, row.line, title.as_deref());
                        if let Some(Step { verb: Verb::Run(run), .. }) = self.draft.steps.last_mut()
                            && run.changes.is_none()
                            && run.timeout.is_none()
                        {
                            run.poll = Some(("5s".to_owned(), "1m".to_owned()));
                        }
                    }
                    None => self.manual.push((row.line, row.line, format!("- {}", shown(row)))),
                }
            }
            self.flush();
        } else if column(&["fix", "remedy", "resolution", "action", "cause", "revocation"]).is_some() && rows.len() <= OPTIONS_MAX
        {
            self.flush();
            self.label = Label::Choose;
            self.manual.extend(rows.iter().map(|row| (row.line, row.line, shown(row))));
            self.flush();
        } else {
            self.comment(lines, &whole(), "a table that is neither parameters, checks nor causes");
        }
    }

    /// What stands together for a person becomes one question.
    fn flush(&mut self) {
        let items = std::mem::take(&mut self.manual);
        let Some((line, ..)) = items.first() else { return };
        let line = *line;
        let label_text = std::mem::take(&mut self.label_text);
        let label = std::mem::replace(&mut self.label, Label::Work);
        let ifs = items.iter().filter(|(_, _, text)| text.starts_with("- If ")).count() > 1;
        let choose = (label == Label::Choose || ifs) && items.len() <= OPTIONS_MAX;
        let title = self.title();
        let mut question = if label_text.is_empty() { title.clone() } else { format!("{title}. {label_text}") };
        let mut options = Vec::new();
        if choose {
            question.push_str("\nWhich applies? Do what it says, then choose it.");
            let mut taken = Taken::default();
            for (_, _, text) in &items {
                let text = text.trim_start().trim_start_matches("- ");
                options.push((taken.unique(kebab(&first_words(text), "option")), cut(text)));
            }
            options.push((taken.unique("none-of-these".to_owned()), "None of these".to_owned()));
        } else {
            for (_, _, text) in &items {
                question.push_str(&format!("\n{}", text.trim_end()));
            }
            question.push_str("\nApprove when it is done and as it should be.");
        }
        let high = std::mem::take(&mut self.high);
        let name = if label_text.is_empty() { title } else { format!("{title} {}", first_words(&label_text)) };
        let when = self.when();
        self.step(&name, line, when, Verb::Ask(Ask { question, options, high }));
    }

    fn step(&mut self, title: &str, line: u32, when: Option<String>, verb: Verb) -> String {
        let id = self.taken.unique(kebab(title, "step"));
        let comments = std::mem::take(&mut self.context).into_iter().map(|(line, text)| format!("{line}: {text}")).collect();
        self.draft.steps.push(Step { id: id.clone(), title: cut(title.trim_end_matches(':')), line, when, verb, comments });
        id
    }

    /// Comments that no step of their section came for.
    fn loose(&mut self) {
        let label = std::mem::take(&mut self.label_text);
        if !label.is_empty() {
            self.context.push((0, label));
        }
        if let Some(step) = self.draft.steps.last_mut() {
            let _ = &step.id;
        }
    }
}

fn is_command(text: &str) -> bool {
    let mut words = text.trim().split_whitespace();
    words.next().is_some_and(shell::is_known) && (words.next().is_some() || text.trim().starts_with("./"))
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

/// Reads and understands.
pub(super) fn from_text(text: &str) -> Draft {
    let mended = mend::mend(text);
    let mut document = read::read(&mended.text, &mended.lines);
    document.guessed = mended.guessed;
    understand(&document)
}
