//! The sink of a run that goes on: every file is written once, as its line comes.
//! In: what `Projection` says, and pieces. Out: files. Failures are counted, the first is kept.
//! Never: a log that lacks a line between two others.

use std::{
    collections::BTreeSet,
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::FileExt as _,
};

use crate::{
    id::Time,
    record::{At, Call, CostLine, Entry, Manifest, Spent, Stream},
};

use super::{
    boot::boot_id,
    dir::Dir,
    lines::pretty,
    logs::Logs,
    lru::Lru,
    place::InRun,
    project::{Event, Latest, Projection, Rendered, Sink, place_of},
    projector::{ProjectError, failed},
    run_dir::RunDir,
    streams::snapshot_execution,
};

pub(super) struct Live {
    projection: Projection,
    writer: Writer,
    projected_seq: u64,
    /// `None`: not looked up yet.
    spent: Option<Spent>,
}

struct Writer {
    paths: RunDir,
    dir: Dir,
    growing: Lru<std::fs::File>,
    logs: Logs,
    failure: Option<ProjectError>,
    /// Logs that lack a line. They get no later one: whoever resumes adds to a log what comes after its end.
    cut_short: BTreeSet<At>,
    /// All logs may be such.
    all_cut_short: bool,
    /// Nobody wrote here before this process: no log ends with half a line of somebody else's.
    first: bool,
}

impl Live {
    pub(super) fn new(run: &RunDir, projection: Projection) -> io::Result<Self> {
        let writer = Writer {
            paths: run.clone(),
            dir: run.dir()?,
            growing: Lru::new(),
            logs: Logs::default(),
            failure: None,
            cut_short: BTreeSet::new(),
            all_cut_short: false,
            first: projection.seq() == 0,
        };
        Ok(Self { projected_seq: projection.seq(), projection, writer, spent: None })
    }

    pub(super) fn entry(&mut self, entry: &Entry) {
        self.projection.apply(entry, &mut self.writer);
        if self.writer.failure.is_none() {
            self.projected_seq = entry.seq;
        }
    }

    pub(super) fn output(&mut self, at: &At, stream: Stream, place: &InRun, bytes: &[u8]) {
        self.writer.append(place, bytes);
        let lines = self.writer.logs.output(at, stream, place.as_str(), bytes);
        self.writer.log(at, &lines);
    }

    pub(super) fn file(&mut self, place: &InRun, bytes: &[u8]) {
        let written = self.writer.dir.write_atomic(place, bytes);
        self.writer.growing.remove(place.as_str());
        self.writer.keep(place.as_str(), written);
    }

    pub(super) fn part(&mut self, place: &InRun, first: bool, bytes: &[u8]) {
        if first { self.file(place, bytes) } else { self.writer.append(place, bytes) }
    }

    /// Which execution left it, its index says; one that never got so far was the last before this one.
    pub(super) fn aside(&mut self, place: &InRun, execution: u32) {
        let of = snapshot_execution(&mut self.writer.dir, place).unwrap_or(execution.saturating_sub(1));
        if of >= execution {
            return;
        }
        let to = place.aside(of);
        match self.writer.dir.rename_dir(place, &to) {
            // There is none, or one stands there already: then this one is written over, and nothing that a receipt tells of.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => {}
            renamed => self.writer.keep(to.as_str(), renamed),
        }
    }

    pub(super) fn log(&mut self, at: &At, ts: Time, event: serde_json::Value) {
        let mut line = serde_json::Map::new();
        line.insert("ts".to_owned(), ts.to_string().into());
        match event {
            serde_json::Value::Object(event) => line.extend(event),
            other => drop(line.insert("event".to_owned(), other)),
        }
        let mut bytes = serde_json::Value::Object(line).to_string().into_bytes();
        bytes.push(b'\n');
        if self.writer.logs.event(at, bytes.len()) {
            self.writer.log(at, &bytes);
        }
    }

    pub(super) fn add_line(&mut self, place: &InRun, bytes: &[u8]) {
        self.writer.add_line(place, bytes);
    }

    pub(super) fn call(&mut self, ts: Time, call: Call) {
        let spent = self.spent.get_or_insert_with(|| super::cost::total(&self.writer.paths));
        spent.add(&call);
        let line = CostLine { ts, call, total: *spent };
        let place = self.writer.paths.cost();
        match super::lines::jsonl(&[line]) {
            Ok(bytes) => self.writer.add_line(&place, &bytes),
            Err(error) => self.writer.keep(place.as_str(), Err(error.into())),
        }
    }

    pub(super) fn manifest(&mut self, mut manifest: Manifest) {
        // What could not be written is written again by whoever resumes.
        manifest.projected_seq = self.projected_seq.min(manifest.journal_seq);
        manifest.boot_id = boot_id().map(str::to_owned);
        let place = self.writer.paths.run_json();
        let written = pretty(&manifest).map_err(io::Error::from).and_then(|bytes| self.writer.dir.write_anyway(&place, &bytes));
        self.writer.keep(place.as_str(), written);
    }

    pub(super) fn fail(&mut self, failure: ProjectError) {
        self.writer.failure = Some(failure);
        self.writer.all_cut_short = true;
        // So that the next one does it again.
        self.projected_seq = 0;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.writer.failure.is_some()
    }

    pub(super) fn state(&self) -> Result<(), ProjectError> {
        self.writer.failure.clone().map_or(Ok(()), Err)
    }
}

impl Writer {
    fn keep(&mut self, place: &str, written: io::Result<()>) {
        if let Err(error) = written {
            match &mut self.failure {
                Some(failure) => failure.failures += 1,
                none => *none = Some(failed(place, error)),
            }
        }
    }

    fn append(&mut self, place: &InRun, bytes: &[u8]) {
        let written = self.try_append(place, bytes);
        self.keep(place.as_str(), written);
    }

    fn try_append(&mut self, place: &InRun, bytes: &[u8]) -> io::Result<()> {
        match self.growing.get(place.as_str()) {
            Some(file) => file.write_all(bytes),
            None => self.dir.append(place).and_then(|mut file| {
                let written = file.write_all(bytes);
                self.growing.put(place.as_str(), file);
                written
            }),
        }
    }

    /// The first line that this process adds goes below what another one left, even a line without its end.
    fn add_line(&mut self, place: &InRun, bytes: &[u8]) {
        if self.growing.get(place.as_str()).is_none() && self.torn(place) {
            self.append(place, b"\n");
        }
        self.append(place, bytes);
    }

    fn torn(&mut self, place: &InRun) -> bool {
        let Ok(mut file) = self.dir.reader(place) else { return false };
        let mut last = [0];
        file.seek(io::SeekFrom::End(-1)).is_ok() && file.read_exact(&mut last).is_ok() && last != *b"\n"
    }

    /// A line that a process had no room for, or did not live to end, is none; what is added must not become a part of it.
    fn cut_torn(&mut self, place: &InRun) -> io::Result<()> {
        let file = self.dir.writer(place)?;
        let (mut end, mut chunk) = (file.metadata()?.len(), [0; 4096]);
        while end > 0 {
            let bytes = usize::try_from(end).unwrap_or(usize::MAX).min(chunk.len());
            let from = end - bytes as u64;
            file.read_exact_at(&mut chunk[..bytes], from)?;
            if let Some(at) = chunk[..bytes].iter().rposition(|byte| *byte == b'\n') {
                return file.set_len(from + at as u64 + 1);
            }
            end = from;
        }
        file.set_len(0)
    }

    fn log(&mut self, at: &At, lines: &[u8]) {
        if lines.is_empty() || self.all_cut_short || self.cut_short.contains(at) {
            return;
        }
        let place = self.paths.log(&at.flow, &at.step);
        let torn = !self.first && self.growing.get(place.as_str()).is_none() && self.torn(&place);
        let ready = if torn { self.cut_torn(&place) } else { Ok(()) };
        let written = ready.and_then(|()| self.try_append(&place, lines));
        self.keep_log(at, written);
    }

    fn keep_log(&mut self, at: &At, written: io::Result<()>) {
        if written.is_err() {
            self.cut_short.insert(at.clone());
        }
        self.keep(self.paths.log(&at.flow, &at.step).as_str(), written);
    }
}

impl Sink for Writer {
    fn latest(&mut self, file: Latest<'_>, render: &dyn Fn() -> Rendered) {
        let Latest { kind, at, now, before } = file;
        if let Some(before) = before.filter(|before| before.execution != now.execution || before.agent != now.agent) {
            let (from, to) = (place_of(&self.paths, kind, at, before, false), place_of(&self.paths, kind, at, before, true));
            match self.dir.rename(&from, &to) {
                // Somebody removed it; `verify --repair` makes it anew.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => self.keep(to.as_str(), renamed),
            }
        }
        let place = place_of(&self.paths, kind, at, now, false);
        let written = render().map_err(io::Error::from).and_then(|bytes| self.dir.write(&place, &bytes));
        self.keep(place.as_str(), written);
    }

    fn whole(&mut self, _seq: u64, place: InRun, render: &dyn Fn() -> Rendered) {
        // Atomic: people and other processes read questions while the run goes on.
        let written = render().map_err(io::Error::from).and_then(|bytes| self.dir.write_atomic(&place, &bytes));
        self.keep(place.as_str(), written);
    }

    fn line(&mut self, _seq: u64, place: InRun, render: &dyn Fn() -> Rendered) {
        match render() {
            Ok(bytes) => self.append(&place, &bytes),
            Err(error) => self.keep(place.as_str(), Err(error.into())),
        }
    }

    fn event(&mut self, _seq: u64, at: &At, what: Event, render: &dyn Fn() -> Rendered) {
        let mut lines = match what {
            Event::Started => {
                self.logs.start(at);
                Vec::new()
            }
            Event::Between => Vec::new(),
            Event::Ended => self.logs.end(at),
        };
        match render() {
            Ok(bytes) => lines.extend_from_slice(&bytes),
            Err(error) => self.keep_log(at, Err(error.into())),
        }
        self.log(at, &lines);
        if what == Event::Ended {
            let place = self.paths.log(&at.flow, &at.step);
            self.growing.remove(place.as_str());
        }
    }

    fn problem(&mut self, seq: u64, what: String) {
        self.keep("a projection", Err(io::Error::new(io::ErrorKind::InvalidData, format!("line {seq}: {what}"))));
    }
}
