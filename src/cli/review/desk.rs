//! `review` at a terminal: pick a question, read its packet and its evidence, decide.
//! In: lines that a person types. Out: the same answer that `review answer` gives, bound to the digest that was on the screen.
//! Never: an answer without a question whether it is meant; a key that means two things.

use std::{
    collections::BTreeMap,
    io::{BufRead, Write},
};

use crate::{
    error::{Error, Kind},
    id::RunId,
    record::{Question, QuestionStatus},
    spec::params::Given,
    workspace::{AnswerRequest, Answered, Evidence, Reach, ReadRun, ResumeRequest, Veil},
};

use super::{
    super::{
        context::{Context, harmless},
        progress::Progress,
        render::Paint,
        run::report,
    },
    answer, list, packet,
};

/// Lines of a file that are shown at once; the path stands above them.
const LINES_MAX: usize = 200;
/// Bytes of a file that are read for that.
const BYTES_MAX: usize = 256 * 1024;

/// What to do after a question was looked at.
enum Then {
    /// Back to the list.
    List,
    Leave,
}

struct Desk<'d> {
    context: &'d Context,
    by: Option<&'d str>,
    lines: &'d mut dyn BufRead,
    out: &'d mut dyn Write,
}

pub(super) fn sit(by: Option<&str>, context: &Context) -> Result<u8, Error> {
    let (mut lines, mut out) = (std::io::stdin().lock(), std::io::stdout().lock());
    Desk { context, by, lines: &mut lines, out: &mut out }.sit()
}

impl Desk<'_> {
    fn sit(&mut self) -> Result<u8, Error> {
        loop {
            let inbox = self.context.workspace.questions(self.by, None)?;
            for run in &inbox.unreadable {
                self.say(&format!("run {run} cannot be read: it may wait too\n"))?;
            }
            if inbox.waiting.is_empty() {
                self.say(&format!("nothing waits for a person{}\n", self.context.workspace.in_runs()))?;
                return Ok(0);
            }
            let (now, paint) = (self.context.workspace.now(), Paint { color: self.context.color });
            for (at, one) in inbox.waiting.iter().enumerate() {
                self.say(&format!("{:>3}  {}", at + 1, list::line(one, now, paint).replacen('\n', "\n     ", 1)))?;
            }
            let Some(typed) = self.ask("\nWhich one? (number; Enter leaves) ")? else { return Ok(0) };
            if typed.is_empty() || typed == "q" {
                return Ok(0);
            }
            let chosen = typed.parse::<usize>().ok().and_then(|at| inbox.waiting.get(at.checked_sub(1)?));
            match chosen {
                None => self.say(&format!("`{typed}` is no number from 1 to {}\n", inbox.waiting.len()))?,
                Some(one) => match self.question(&one.run_id, one.question_id.as_str())? {
                    Then::List => {}
                    Then::Leave => return Ok(0),
                },
            }
        }
    }

    /// One question, until it is answered or left.
    fn question(&mut self, run: &RunId, id: &str) -> Result<Then, Error> {
        let read = self.context.workspace.read_run(run.as_str())?;
        let question = read.question(id)?;
        self.say(&format!("\n{}", packet::text(run, &question, self.context)))?;
        if question.status != QuestionStatus::Open {
            self.say("it is no longer open\n")?;
            return Ok(Then::List);
        }
        let keys: Vec<&str> = question.options.iter().map(|option| option.key.as_str()).collect();
        let evidence = if question.shown.is_empty() { "" } else { " · e evidence" };
        let prompt = format!("\n{} · push-back:STEP{evidence} · b back · q leave\nYour answer? ", keys.join(" · "));
        loop {
            let Some(typed) = self.ask(&prompt)? else { return Ok(Then::Leave) };
            let back =
                typed.strip_prefix("push-back:").is_some_and(|to| question.push_back.iter().any(|step| step.as_str() == to));
            // An option of the flow's own wins over our letters.
            match typed.as_str() {
                key if keys.contains(&key) || back => return self.answer(run, &question, key),
                "" | "b" => return Ok(Then::List),
                "q" => return Ok(Then::Leave),
                "e" if !question.shown.is_empty() => self.evidence(&read, &question)?,
                other => self.say(&format!("`{other}` is no answer to this question\n"))?,
            }
        }
    }

    /// What was shown, and nothing else in its place.
    fn evidence(&mut self, read: &ReadRun, question: &Question) -> Result<(), Error> {
        let workspace = &self.context.workspace;
        let veil = workspace.veil(&read.state)?;
        for shown in &question.shown {
            let path = workspace.evidence(&read.id, &question.flow_path, &shown.path);
            self.say(&format!("\n--- {}\n", self.context.named(&path)))?;
            if let Some(how) = &shown.differs {
                self.say(&format!("(it {how})\n"))?;
            }
            let text = match workspace.evidence_as_shown(&read.id, question, shown, Reach::AsWritten, BYTES_MAX) {
                Evidence::AsShown { head, whole } => match binary(&head, whole) {
                    Some(kind) => {
                        let digest = shown.sha256.as_ref().map(ToString::to_string).unwrap_or_default();
                        format!("({kind}, {whole} bytes, sha256 {digest}; look at it where it lies)\n")
                    }
                    None => beginning(&veil, &head, whole),
                },
                Evidence::Changed(how) => format!(
                    "(it has changed since it was shown ({how}), and is not shown here: an answer will be refused, and the question asked anew)\n"
                ),
                Evidence::Absent(why) | Evidence::Unseen(why) => format!("({why})\n"),
            };
            self.say(&text)?;
        }
        Ok(())
    }

    fn answer(&mut self, run: &RunId, question: &Question, choose: &str) -> Result<Then, Error> {
        let Some(note) = self.ask("A word on why? It reaches the next step. (Enter: none) ")? else { return Ok(Then::Leave) };
        let mut evidence = Vec::new();
        if choose == "mark-done" {
            let Some(path) = self.ask("A file that shows it is done? (Enter: the note has to do) ")? else {
                return Ok(Then::Leave);
            };
            evidence.extend(Some(path).filter(|path| !path.is_empty()).map(|path| self.context.named_here(&path)));
        }
        let mut values = BTreeMap::new();
        if choose != "reject" && !choose.starts_with("push-back:") {
            for (name, field, required) in crate::inspect::form_fields(question) {
                let about = field["description"].as_str().map(|text| format!(" — {text}")).unwrap_or_default();
                let left = if required && field.get("default").is_none() { "" } else { " (Enter: leave it out)" };
                let Some(typed) = self.ask(&format!("{name}{about}{left}: "))? else { return Ok(Then::Leave) };
                if !typed.is_empty() {
                    values.insert(name, Given::Text(typed));
                }
            }
        }
        let digest = question.subject_digest.as_str();
        let who = self.by.unwrap_or(&self.context.workspace.config.user).to_owned();
        let sure = format!("{choose} for {run}/{}, as {who}, digest {}: is that meant? (y/N) ", question.id, &digest[..12]);
        if !matches!(self.ask(&sure)?.as_deref(), Some("y" | "Y" | "yes")) {
            self.say("nothing was answered\n")?;
            return Ok(Then::List);
        }
        let request = AnswerRequest {
            signed_in: false,
            run_id: run.to_string(),
            question: question.id.to_string(),
            choose: choose.to_owned(),
            note: Some(note).filter(|note| !note.is_empty()),
            by: self.by.map(str::to_owned),
            digest: Some(digest.to_owned()),
            evidence,
            values,
        };
        match self.context.workspace.answer(&request) {
            // Said, and the person goes on from the list: the question may be another one by now.
            Err(error) => self.say(&format!("{error}\n"))?,
            Ok(answered) => {
                self.say(&format!("{}\n", answer::text(run.as_str(), answered, self.context)))?;
                if answered == Answered::Recorded(crate::record::RunStatus::Waiting) {
                    self.go_on(run)?;
                }
            }
        }
        Ok(Then::List)
    }

    fn go_on(&mut self, run: &RunId) -> Result<(), Error> {
        if !matches!(self.ask("Go on with the run now? (y/N) ")?.as_deref(), Some("y" | "Y" | "yes")) {
            return Ok(());
        }
        let request = ResumeRequest { run_id: run.to_string(), ..ResumeRequest::default() };
        let mut progress = Progress::new(self.context);
        let ended = self.context.workspace.resume(&request, &mut progress);
        progress.finish();
        match ended {
            Ok(ended) => report(run, &ended, true, self.context).map(drop),
            Err(error) => self.say(&format!("{error}\n")),
        }
    }

    /// One line; `None`: there are no more.
    fn ask(&mut self, prompt: &str) -> Result<Option<String>, Error> {
        self.say(prompt)?;
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(0) => self.say("\n").map(|()| None),
            Ok(_) => Ok(Some(line.trim().to_owned())),
            Err(error) => Err(Error::new(Kind::System, "the terminal cannot be read").because(&error)),
        }
    }

    fn say(&mut self, text: &str) -> Result<(), Error> {
        let text = harmless(text, self.context.color);
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        written.map_err(|error| Error::new(Kind::System, "the terminal cannot be written to").because(&error))
    }
}

/// What a file is that is no text; `None` for text, also where the beginning ends within a letter.
fn binary(head: &[u8], whole: u64) -> Option<&'static str> {
    const KINDS: &[(&[u8], &str)] = &[
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"GIF8", "a GIF picture"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x1f\x8b", "gzip data"),
        (b"\x7fELF", "a program"),
    ];
    let cut = whole > head.len() as u64;
    let text = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(bad) => cut && bad.error_len().is_none(),
    };
    let kind = KINDS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, kind)| *kind);
    match kind {
        Some(kind) => Some(kind),
        None if !text || head.contains(&0) => Some("binary data"),
        None => None,
    }
}

/// The beginning of a file, for reading; what was left out is said.
fn beginning(veil: &Veil, head: &[u8], whole: u64) -> String {
    let cut = whole > head.len() as u64;
    let text = veil.text(&String::from_utf8_lossy(head), cut);
    // Colours in it are not ours: they could hide a line of what is being approved.
    let text = harmless(&text, false);
    let mut shown: String = text.lines().take(LINES_MAX).flat_map(|line| [line, "\n"]).collect();
    if cut || text.lines().count() > LINES_MAX {
        shown.push_str(&format!("(cut here; the whole file has {whole} bytes)\n"));
    }
    shown
}
