//! The log of a step, as a process that was killed left it: it gets the events that it lacks.
//! In: events in the journal's order. Out: lines at the log's end. Never: a line that stands in it looked at, or written twice.

use std::io::{self, BufRead as _, BufReader, Write as _};

use super::{At, InRun, Rendered, Settle, clear::Way};

/// How far a log goes: up to a line of the journal, of which it holds so many lines.
#[derive(Clone, Copy)]
pub(super) struct Known {
    seq: u64,
    lines: usize,
}

impl Known {
    fn up_to(seq: u64) -> Self {
        Self { seq, lines: usize::MAX }
    }
}

impl Settle<'_> {
    pub(super) fn add_event(&mut self, seq: u64, at: &At, place: &InRun, render: &dyn Fn() -> Rendered) -> io::Result<()> {
        let mut known = match self.logs.get(at) {
            Some(known) => *known,
            None => {
                let known = match self.log_end(place) {
                    Err(met) if self.clear(place)? == Way::NothingInIt => return Err(met),
                    Err(_) => None,
                    Ok(known) => known,
                };
                let tombstone = self.tombstones.of(place.as_str()).filter(|_| known.is_none());
                known.or(tombstone.map(|one| Known::up_to(one.journal_seq)))
            }
        };
        let mut written = Ok(());
        if known.is_none_or(|known| seq >= known.seq) {
            written = render().map_err(io::Error::from).and_then(|bytes| {
                let rest = match &mut known {
                    Some(known) if known.seq == seq => lines_after(&bytes, &mut known.lines),
                    _ => &bytes,
                };
                if rest.is_empty() { Ok(()) } else { self.dir.append(place)?.write_all(rest) }
            });
        }
        // What lacks a line gets no later one, so that its end says where the next one goes on.
        self.logs.insert(at.clone(), if written.is_ok() { known } else { Some(Known::up_to(u64::MAX)) });
        written
    }

    /// How far a log goes; a torn last line is cut. What stands in it is not compared. `None`: there is no log.
    fn log_end(&mut self, place: &InRun) -> io::Result<Option<Known>> {
        #[derive(serde::Deserialize)]
        struct Numbered {
            seq: Option<u64>,
        }
        let file = match self.dir.writer(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let (mut end, mut whole, mut line) = (Known { seq: 0, lines: 0 }, 0, Vec::new());
        let mut input = BufReader::new(&file);
        while input.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
            whole += line.len() as u64;
            match serde_json::from_slice(&line) {
                Ok(Numbered { seq: Some(seq) }) if seq > end.seq => end = Known { seq, lines: 1 },
                Ok(Numbered { seq: Some(seq) }) if seq == end.seq => end.lines += 1,
                _ => {}
            }
            line.clear();
        }
        if !line.is_empty() {
            file.set_len(whole)?;
        }
        Ok(Some(end))
    }
}

/// What follows the first lines, of which there are so many already.
fn lines_after<'b>(bytes: &'b [u8], there: &mut usize) -> &'b [u8] {
    let mut rest = bytes;
    while *there > 0
        && let Some(end) = rest.iter().position(|byte| *byte == b'\n')
    {
        rest = &rest[end + 1..];
        *there -= 1;
    }
    rest
}
