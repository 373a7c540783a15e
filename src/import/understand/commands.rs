//! Blocks of code: commands, what they print, how they are taken back.
//! In: code. Out: steps, expectations, undos. Never: a command that changes something without a person before it.

use super::{
    super::{
        blanks,
        draft::{Ask, Run, Step, Verb},
        hints,
        sections::{Label, Part},
        shell,
    },
    Manual, Understanding, first_words,
};

/// A block with more of them is not taken apart.
const EDITORS_MAX: usize = 10;

impl Understanding {
    pub(super) fn code(&mut self, lang: &str, text: &str, lines: (u32, u32), first: u32) {
        let console = lang == "console" || lang.starts_with("shell-") || text.trim_start().starts_with("$ ");
        let looks = lang.is_empty()
            && self.label != Label::Expected
            && text.lines().any(|line| shell::is_command(line) && !shell::is_prose(line));
        if self.part() == Part::Reading {
            return self.comment(lines, text, "for reading");
        }
        if self.label == Label::Expected && !hints::is_shell(lang) {
            self.label = Label::Work;
            self.label_text.clear();
            return self.expect(text, lines);
        }
        if !(hints::is_shell(lang) || looks || console) {
            let list = if lang.is_empty() || lang == "text" { hints::checklist(text) } else { None };
            return match list {
                Some(items) => {
                    self.flush();
                    let items =
                        items.into_iter().map(|(at, text)| Manual { line: first + at, text, codes: Vec::new(), said: false });
                    self.manual.extend(items);
                    self.flush();
                }
                None => self.comment(lines, text, "a block that is no shell text"),
            };
        }
        let mut lines_of = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        if lines_of.clone().next().is_none() {
            return self.comment(lines, text, "a block without a command");
        }
        if !console && lines_of.all(shell::is_prose) {
            self.draft.keep(lines, text, "prose in a block of shell text: a person does it");
            let items = text.lines().map(str::trim).filter(|line| !line.is_empty());
            return self.manual.extend(items.map(|text| Manual {
                line: lines.0,
                text: text.to_owned(),
                codes: Vec::new(),
                said: false,
            }));
        }
        if shell::only_sets(text) {
            return self.comment(lines, text, "it only sets variables, which end with their step");
        }
        while let Some(said) = self.manual.pop_if(|item| item.said && !hints::is_for_people(&item.text)) {
            self.remark((said.line, said.line), &said.text, true);
        }
        self.flush();
        let (text, output) = if console { hints::console(text) } else { (text.to_owned(), String::new()) };
        if self.part() == Part::Rollback {
            return self.undo(&text, lines, first);
        }
        for (at, group, title) in hints::groups(&text) {
            self.runs(&group, first + at, title.as_deref());
        }
        // What an example printed will print other numbers next time.
        match output.trim() {
            "" => {}
            fixed if !fixed.contains(|c: char| c.is_ascii_digit()) => self.expect(&output, lines),
            _ => self.comment(lines, &output, "output of an example, with numbers that may be others"),
        }
    }

    pub(super) fn expect(&mut self, text: &str, lines: (u32, u32)) {
        let telling = |line: &&str| {
            let blank = line.contains(['<', '…']) || ["...", "${RUNBOOK_SECRET"].iter().any(|sign| line.contains(sign));
            line.contains(char::is_alphanumeric) && !blank
        };
        let line = text.lines().map(str::trim).find(telling);
        let last = self.last_run.filter(|at| at + 1 == self.draft.steps.len()).and_then(|at| self.draft.steps.get_mut(at));
        match (line, last) {
            (Some(line), Some(Step { verb: Verb::Run(run), .. })) if run.stdout.is_none() => {
                // Between slashes it would be a pattern.
                let pattern = line.len() > 1 && line.starts_with('/') && line.ends_with('/');
                run.stdout = Some(if pattern { line.trim_start_matches('/').to_owned() } else { line.to_owned() });
                if text.trim().lines().count() > 1 {
                    self.comment(lines, text, "of this output only its first telling line is expected");
                }
            }
            _ => self.comment(lines, text, "output that no command before it should have"),
        }
    }

    pub(super) fn runs(&mut self, source: &str, line: u32, title: Option<&str>) {
        if self.draft.over.is_some() {
            return;
        }
        if shell::needs_terminal(source) {
            return self.at_terminal(source, line, title);
        }
        let filled = blanks::fill(&mut self.draft, source, line);
        if !filled.left.is_empty() {
            let last = line + u32::try_from(source.trim_end().matches('\n').count()).unwrap_or(0);
            self.draft.keep((line, last), &filled.left.join(", "), "left as it is: a variable is not read there");
        }
        let title = title.map_or_else(|| self.title(), first_words);
        let changes = shell::observes(&filled.text).err().map(|why| why.0);
        self.draft.commands.extend(shell::programs(&filled.text).into_iter().map(str::to_owned));
        let conditional = std::mem::replace(&mut self.label, Label::Work) == Label::Conditional;
        let label = std::mem::take(&mut self.label_text);
        let when = if conditional { Some(self.needed(&label, source, line, &title)) } else { self.when() };
        if !conditional && !label.is_empty() {
            self.remark((self.label_line, self.label_line), &label, false);
        }
        let endless = shell::never_ends(&filled.text);
        let wait = std::mem::take(&mut self.wait);
        let timeout = if endless { Some("1m".to_owned()) } else { wait.timeout.clone() };
        if endless {
            self.draft.keep((line, line), source, "never ends by itself: it is ended after a minute, and the flow goes on");
        }
        let trouble = changes.is_none() && shell::looks_for_trouble(&filled.text);
        if trouble {
            self.remark((line, line), "`grep` fails where it finds nothing; then all is well, and the flow goes on.", false);
        }
        let poll = wait.poll().filter(|_| changes.is_none());
        let bash = shell::is_bash(&filled.text);
        let run = Run {
            text: filled.text,
            bash,
            changes,
            poll,
            timeout,
            secrets: filled.secrets,
            goes_on: endless || trouble,
            ..Run::default()
        };
        self.step(&title, line, when, Verb::Run(run));
        self.last_run = Some(self.draft.steps.len() - 1);
    }

    /// An editor is a person's; what stands before and after it is run, in the directory that it is in by then.
    fn at_terminal(&mut self, source: &str, line: u32, title: Option<&str>) {
        let lines: Vec<&str> = source.lines().collect();
        let at = lines.iter().position(|one| shell::needs_terminal(one)).unwrap_or(0);
        let editors = lines.iter().filter(|one| shell::needs_terminal(one)).count();
        let apart = editors <= EDITORS_MAX && !source.contains("<<") && !lines.iter().any(|one| one.ends_with('\\'));
        let (before, after) = if apart { (&lines[..at], &lines[at + 1..]) } else { (&lines[..0], &lines[..0]) };
        let does = |part: &[&str]| part.iter().any(|one| !one.trim().is_empty() && !one.trim_start().starts_with('#'));
        let number = |at: usize| line + u32::try_from(at).unwrap_or(0);
        if does(before) && !before.iter().all(|one| one.starts_with("cd ") || one.starts_with('#')) {
            self.runs(&before.join("\n"), line, title);
        }
        let there = if apart { lines[at] } else { source };
        self.draft.keep((number(at), number(at)), there, "needs a person at a terminal");
        let text = format!("Do at a terminal: {}", there.trim());
        self.manual.push(Manual { line: number(at), text, codes: Vec::new(), said: false });
        self.flush();
        if does(after) {
            let moves: Vec<&str> = before.iter().copied().filter(|one| one.starts_with("cd ")).collect();
            self.runs(&[&moves, after].concat().join("\n"), number(at + 1), None);
        }
    }

    /// A decision point: the command is for a case that may not be there.
    fn needed(&mut self, case: &str, source: &str, line: u32, title: &str) -> String {
        let outer = self.when();
        let options = [("needed", "Needed: go to it"), ("not-needed", "Not needed: go past it")];
        let ask = Ask {
            question: format!("{case}\nIs this needed now?\n{}", source.trim()),
            options: options.map(|(key, label)| (key.to_owned(), label.to_owned())).into(),
            high: false,
        };
        let id = self.step(&format!("Is it needed: {title}"), line, outer.clone(), Verb::Ask(ask));
        let here = format!("steps['{id}'].choice == 'needed'");
        outer.map_or_else(|| here.clone(), |outer| format!("{outer} && {here}"))
    }

    fn undo(&mut self, text: &str, lines: (u32, u32), first: u32) {
        let filled = blanks::fill(&mut self.draft, text, first);
        let targets = self.to_take_back();
        if targets.is_empty() {
            return self.comment(lines, text, "a rollback before which nothing changes");
        }
        for at in targets {
            if let Some(Step { verb: Verb::Run(run), .. }) = self.draft.steps.get_mut(at) {
                let before = run.undo.take().map(|before| format!("{before}\n")).unwrap_or_default();
                run.undo = Some(format!("{before}{}", filled.text));
                run.secrets.extend(filled.secrets.clone());
            }
            self.rollback_from = Some(self.rollback_from.map_or(at, |before| before.min(at)));
        }
    }

    /// The first step that changes something in any case; where each is for one case only, the first of each.
    fn to_take_back(&self) -> Vec<usize> {
        let changing = || {
            self.draft.steps.iter().enumerate().filter(|(_, step)| matches!(&step.verb, Verb::Run(run) if run.changes.is_some()))
        };
        if let Some((at, _)) = changing().find(|(_, step)| step.when.is_none()) {
            return vec![at];
        }
        let mut cases = std::collections::BTreeSet::new();
        changing().filter(|(_, step)| cases.insert(step.when.clone())).map(|(at, _)| at).collect()
    }
}
