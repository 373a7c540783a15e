//! Paragraphs and items.
//! In: words, and the section they stand in. Out: goal, rails, parameters, work. Never: words that are lost.

use super::{
    super::{
        blanks,
        document::Words,
        draft::{Done, Draft, Holds},
        hints,
        names::kebab,
        params,
        sections::{Label, Part, label_of},
        shell,
    },
    Manual, Understanding, commands_in, first_words, forbids,
};

/// Deeper lists are shown as deep as this.
const DEPTH_SHOWN_MAX: usize = 8;

impl Understanding {
    pub(super) fn text(&mut self, words: &Words, lines: (u32, u32)) {
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
            Part::ReadFirst => return text.lines().for_each(|line| self.read_first(line, lines.0)),
            Part::Rails => return self.rail(plain, lines.0),
            Part::Rollback => return self.comment(lines, text, "a rollback in words: it needs a command to be an `undo`"),
            Part::Goal | Part::Params | Part::Done | Part::Reading => return self.comment(lines, text, "for reading"),
        }
        if self.draft.goal.is_none() && self.draft.steps.is_empty() && self.path.len() <= 1 && !plain.ends_with(':') {
            self.draft.goal = Some(plain);
            return;
        }
        self.wait.hear(&plain);
        if let Some(code) = words.codes.first().filter(|_| label_of(&plain) == Label::Expected && !plain.ends_with(':')) {
            return self.expect(code, lines);
        }
        if plain.ends_with(':') {
            self.flush();
            self.leave_label();
            (self.label, self.label_text, self.label_line) = (label_of(&plain), plain, lines.0);
            return;
        }
        if let [code] = words.codes.as_slice()
            && shell::is_command(code)
        {
            self.flush();
            return self.runs(code, lines.0, Some(&plain));
        }
        let introduction = self.path.last().is_none_or(|section| section.whole) && self.draft.steps.is_empty();
        if hints::is_order(&plain) && !introduction {
            return self.manual.push(Manual { line: lines.0, text: plain, codes: commands_in(words), said: true });
        }
        self.remark(lines, text, true);
    }

    pub(super) fn item(&mut self, depth: usize, words: &Words, line: u32) {
        let plain = words.plain();
        if plain.is_empty() {
            return self.comment((line, line), &words.text, "an item without a word");
        }
        self.high |= plain.contains("HIGH");
        match self.part() {
            Part::Params => {
                if !params::from_item(&mut self.draft, words, line) {
                    self.comment((line, line), &plain, "no parameter's name begins it");
                }
            }
            Part::ReadFirst => self.read_first(&words.text, line),
            Part::Rails => self.rail(plain, line),
            Part::Done => self.done(depth, words, plain, line),
            Part::Reading | Part::Role | Part::Goal => self.comment((line, line), &plain, "for reading"),
            Part::Rollback => self.comment((line, line), &plain, "a rollback in words: it needs a command to be an `undo`"),
            Part::Escalate => {
                self.label = Label::Choose;
                self.manual.push(Manual { line, text: plain, codes: commands_in(words), said: false });
            }
            Part::Procedure | Part::Prerequisites => {
                self.wait.hear(&plain);
                if let ([code], true) = (words.codes.as_slice(), self.label != Label::Choose && !begins_with_if(&plain))
                    && shell::is_command(code)
                {
                    self.flush();
                    return self.runs(code, line, Some(&plain));
                }
                let text = format!("{}- {plain}", "  ".repeat(depth.min(DEPTH_SHOWN_MAX)));
                self.manual.push(Manual { line, text, codes: commands_in(words), said: false });
            }
        }
    }

    /// What holds for all that follows: shown to a person before it, and to agents where it forbids something.
    fn rail(&mut self, plain: String, line: u32) {
        if forbids(&plain) {
            self.draft.non_goals.push(plain.clone());
        }
        self.label = Label::Hold;
        self.manual.push(Manual { line, text: format!("- {plain}"), codes: Vec::new(), said: false });
    }

    /// A line of the Definition of Done: measured where it is a command that only looks, else asked.
    fn done(&mut self, depth: usize, words: &Words, plain: String, line: u32) {
        if let Some(Done { holds: Holds::Asked(question), .. }) = self.draft.done.last_mut().filter(|_| depth > 0) {
            question.push_str(&format!("; {plain}"));
            return;
        }
        let id = self.taken.unique(kebab(&first_words(&plain), "done"));
        let when = self.when();
        let looks = |code: &String| {
            let filled = blanks::fill(&mut Draft::default(), code, line);
            filled.left.is_empty() && shell::observes(&filled.text).is_ok() && !shell::never_ends(code)
        };
        let holds = match commands_in(words).as_slice() {
            [code] if looks(code) => {
                self.flush();
                self.runs(code, line, Some(&format!("Check: {}", first_words(&plain))));
                Holds::Passed(self.draft.steps.last().map(|step| step.id.clone()).unwrap_or_default())
            }
            _ => Holds::Asked(plain),
        };
        self.draft.done.push(Done { id, line, when, holds });
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
            self.label = Label::Hold;
            let text = format!("- {}", text.trim().trim_start_matches("- "));
            self.manual.push(Manual { line, text, codes: Vec::new(), said: false });
        }
    }
}

/// A case among others, not an order.
pub(super) fn begins_with_if(plain: &str) -> bool {
    plain.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("if "))
}
