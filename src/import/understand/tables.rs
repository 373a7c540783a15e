//! Tables: checks, symptoms, causes.
//! In: heads and rows. Out: steps. Never: a table taken for one whose heads say otherwise.

use super::{
    super::{
        branches::{Branch, kind_of, value_of},
        document::{Row, Words},
        draft::{Step, Verb},
        params,
        sections::{Label, Part},
        shell,
    },
    Manual, Understanding, commands_in,
    people::OPTIONS_MAX,
};

const VERIFY: &[&str] = &["verify", "check with", "how to check"];
const COMMAND: &[&str] = &["command", "run this"];
const REMEDY: &[&str] = &["fix", "remedy", "resolution", "action", "cause", "revocation", "what to do", "do this", "how to"];

impl Understanding {
    pub(super) fn table(&mut self, head: &[Words], rows: &[Row], lines: (u32, u32)) {
        let heads: Vec<String> = head.iter().map(|cell| cell.plain().to_lowercase()).collect();
        if self.part() == Part::Params || params::is_about_params(head) {
            return;
        }
        let column = |names: &[&str]| heads.iter().position(|head| names.iter().any(|name| head.contains(name)));
        if self.part() == Part::Reading {
            return self.comment(lines, &whole(rows), "for reading");
        }
        if let Some(at) = column(VERIFY) {
            return self.checks(rows, at, true);
        }
        let kind = heads.first().and_then(|head| kind_of(head));
        if let (Some(at), None) = (column(COMMAND), &kind) {
            return self.checks(rows, at, false);
        }
        let says = |head: &String| REMEDY.iter().chain(COMMAND).any(|name| head.contains(name));
        if !heads.iter().skip(1).any(says) || rows.len() > OPTIONS_MAX {
            return self.comment(lines, &whole(rows), "a table that is neither parameters, checks, symptoms nor causes");
        }
        self.flush();
        match kind {
            // Before anything was looked at, the person who starts the flow knows which it is.
            Some(param) if self.draft.steps.is_empty() || kind_of(&self.title()).is_some() => self.cases(&param, &heads, rows),
            _ => {
                self.label = Label::Choose;
                for row in rows {
                    let codes = row.cells.iter().skip(1).flat_map(commands_in).collect();
                    self.manual.push(Manual { line: row.line, text: shown(row), codes, said: false });
                }
                self.flush();
            }
        }
    }

    /// Each row is a check: its command where it has one, else a person's.
    fn checks(&mut self, rows: &[Row], at: usize, waits: bool) {
        self.flush();
        for row in rows {
            let code = row.cells.get(at).and_then(|cell| commands_in(cell).into_iter().next());
            let Some(code) = code.filter(|code| !shell::needs_terminal(code)) else {
                self.manual.push(Manual { line: row.line, text: format!("- {}", shown(row)), codes: Vec::new(), said: false });
                continue;
            };
            self.flush();
            let title = row.cells.iter().map(Words::plain).find(|cell| cell.contains(char::is_alphabetic));
            self.remark((row.line, row.line), &shown(row), false);
            self.runs(&code, row.line, title.as_deref());
            if let Some(Step { verb: Verb::Run(run), .. }) = self.draft.steps.last_mut()
                && waits
                && run.changes.is_none()
                && run.timeout.is_none()
            {
                run.poll = Some(("5s".to_owned(), "1m".to_owned()));
            }
        }
        self.flush();
    }

    /// Each row is done for one value of a parameter.
    fn cases(&mut self, param: &str, heads: &[String], rows: &[Row]) {
        for row in rows {
            let Some(title) = row.cells.first().map(Words::plain).filter(|title| !title.is_empty()) else {
                self.comment((row.line, row.line), &shown(row), "a row that names no case");
                continue;
            };
            let branch =
                Branch { param: param.to_owned(), value: value_of(&title), about: format!("Which {}", param.replace('-', " ")) };
            let when = self.branch(&branch, row.line);
            self.only_when(when, &title, row.line, |all| {
                for (cell, head) in row.cells.iter().zip(heads).skip(1).filter(|(cell, _)| !cell.plain().is_empty()) {
                    match commands_in(cell).as_slice() {
                        [code] => {
                            all.flush();
                            all.runs(code, row.line, Some(&format!("{title} {head}")));
                        }
                        _ => {
                            let text = format!("- {head}: {}", cell.plain());
                            all.manual.push(Manual { line: row.line, text, codes: Vec::new(), said: false });
                        }
                    }
                }
                all.flush();
            });
        }
    }
}

fn shown(row: &Row) -> String {
    row.cells.iter().map(Words::plain).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" → ")
}

fn whole(rows: &[Row]) -> String {
    rows.iter().map(shown).collect::<Vec<_>>().join("\n")
}
