//! A journal that somebody else is writing, read line by line as it grows.
//! In: a run, the last line that is known. Out: whole lines with their numbers, in order, each once.
//! Never: a line of which a part is missing, a lock taken, what lies far before the known line read.

use std::{
    fs::File,
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
};

use serde::Deserialize;

use super::{journal::LINE_BYTES_MAX, run_dir::RunDir};

const READ_BYTES: usize = 64 * 1024;
/// The number stands first in a line, and has at most twenty digits.
const HEAD_BYTES: usize = 64;

/// Where one reader stands.
#[derive(Debug)]
pub struct Follow {
    file: File,
    /// Everything before was given out, or passed over.
    at: u64,
    /// Bytes from there on that were not given out yet.
    rest: Vec<u8>,
    /// Lines up to this number are passed over.
    known: u64,
}

/// What one look found.
#[derive(Debug, Default)]
pub struct Lines {
    pub lines: Vec<(u64, String)>,
    /// There may be more already.
    pub more: bool,
}

#[derive(Deserialize)]
struct Number {
    seq: u64,
}

impl Follow {
    /// From its first line.
    ///
    /// # Errors
    /// There is no journal, or what the file system says.
    pub fn open(run: &RunDir) -> io::Result<Self> {
        Self::after(run, 0)
    }

    /// Behind a line that is known. The place is found by halving, so that it costs the same in a long journal.
    ///
    /// # Errors
    /// As [`Follow::open`].
    pub fn after(run: &RunDir, known: u64) -> io::Result<Self> {
        Self::over(run.dir()?.reader(&run.journal())?, known)
    }

    fn over(file: File, known: u64) -> io::Result<Self> {
        let at = if known == 0 { 0 } else { place(&file, known)? };
        Ok(Self { file, at, rest: Vec::new(), known })
    }

    /// At the end of what is there now, and the number of the last line.
    ///
    /// # Errors
    /// As [`Follow::open`], or a line that is longer than any line may be.
    pub fn at_end(run: &RunDir) -> io::Result<(Self, u64)> {
        let mut follow = Self::after(run, u64::MAX)?;
        let last = follow.pass()?;
        follow.known = last;
        Ok((follow, last))
    }

    /// The next lines: at most so many, and none behind the one that makes it more than so many bytes. None: nothing has been
    /// written since.
    ///
    /// # Errors
    /// What the file system says; the journal was cut or removed; or a line that is longer than any line may be.
    pub fn next(&mut self, lines_max: usize, bytes_max: usize) -> io::Result<Lines> {
        let mut found = Lines::default();
        let mut bytes = 0;
        self.read(|seq, line| {
            if found.lines.len() == lines_max || bytes >= bytes_max {
                found.more = true;
                return false;
            }
            bytes += line.len();
            found.lines.push((seq, String::from_utf8_lossy(line).into_owned()));
            true
        })?;
        Ok(found)
    }

    /// Goes past all lines that are there; the number of the last.
    fn pass(&mut self) -> io::Result<u64> {
        let mut last = 0;
        self.known = 0;
        self.read(|seq, _| {
            last = seq;
            true
        })?;
        Ok(last)
    }

    /// Shows whole lines until one is not taken.
    fn read(&mut self, mut take: impl FnMut(u64, &[u8]) -> bool) -> io::Result<()> {
        // Most looks find nothing: one byte tells.
        if self.rest.is_empty() {
            let mut first = [0];
            if self.file.read_at(&mut first, self.at)? == 0 || first == [0] {
                return self.still_there();
            }
        }
        let mut chunk = vec![0; READ_BYTES];
        loop {
            let mut from = 0;
            let mut all = true;
            while let Some(length) = self.rest[from..].iter().position(|byte| *byte == b'\n') {
                let line = &self.rest[from..from + length];
                if let Some(seq) = number(line).filter(|seq| *seq > self.known)
                    && !take(seq, line)
                {
                    all = false;
                    break;
                }
                from += length + 1;
            }
            self.rest.drain(..from);
            self.at += from as u64;
            if !all {
                return Ok(());
            }
            if self.rest.len() > LINE_BYTES_MAX {
                return Err(io::Error::other("a line of the journal is longer than any line may be"));
            }
            let read = self.file.read_at(&mut chunk, self.at + self.rest.len() as u64)?;
            let written = written(&chunk[..read]);
            self.rest.extend_from_slice(&chunk[..written]);
            if written == 0 {
                // A line that is not whole yet is read again: it may be cut and written anew.
                self.rest = Vec::new();
                return Ok(());
            }
        }
    }

    /// Where nothing is, nothing may have been written, or what was there is gone.
    fn still_there(&self) -> io::Result<()> {
        let about = self.file.metadata()?;
        if about.nlink() == 0 {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the journal was removed"));
        }
        if about.len() < self.at {
            return Err(io::Error::other("the journal was cut: its last lines did not happen"));
        }
        Ok(())
    }
}

/// Space that is kept for later is filled with zeros.
fn written(bytes: &[u8]) -> usize {
    memchr::memchr(0, bytes).unwrap_or(bytes.len())
}

fn number(line: &[u8]) -> Option<u64> {
    // As our own lines begin; any other JSON is read as such.
    head_number(line).or_else(|| serde_json::from_slice::<Number>(line).ok().map(|line| line.seq))
}

fn head_number(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(b"{\"seq\":")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    (rest[digits] == b',' || rest[digits] == b'}').then_some(())?;
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

/// Where a line begins that is known, near the first that is not. Lines stand in the order of their numbers.
fn place(file: &File, known: u64) -> io::Result<u64> {
    // Invariant: the line at `low` is known, or it is the first; none that begins at `high` or behind is.
    let (mut low, mut high) = (0, file.metadata()?.len());
    while high - low > READ_BYTES as u64 {
        let middle = low + (high - low) / 2;
        match line_behind(file, middle, high)? {
            Some((begins, number)) if number <= known => low = begins,
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

/// The first line that begins behind `from` and before `until`, with its number.
fn line_behind(file: &File, from: u64, until: u64) -> io::Result<Option<(u64, u64)>> {
    let mut chunk = vec![0; READ_BYTES];
    let mut at = from;
    while at < until {
        let read = file.read_at(&mut chunk, at)?;
        let written = written(&chunk[..read]);
        if let Some(end) = memchr::memchr(b'\n', &chunk[..written]) {
            let begins = at + end as u64 + 1;
            let mut head = [0; HEAD_BYTES];
            let read = file.read_at(&mut head, begins)?;
            return Ok(head_number(&head[..read]).filter(|_| begins < until).map(|number| (begins, number)));
        }
        if written < READ_BYTES {
            break;
        }
        at += written as u64;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUCH: usize = usize::MAX;

    /// A journal, and its reader from the first line; the file stays as long as the first of the two.
    fn over(bytes: &[u8]) -> (tempfile::NamedTempFile, Follow) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut file, bytes).unwrap();
        let follow = Follow::over(file.reopen().unwrap(), 0).unwrap();
        (file, follow)
    }

    fn next(follow: &mut Follow, lines_max: usize) -> Vec<u64> {
        follow.next(lines_max, MUCH).unwrap().lines.into_iter().map(|(seq, _)| seq).collect()
    }

    #[test]
    fn lines_come_once_and_whole_whatever_the_file_is_cut_into() {
        let text = "{\"seq\":1}\n{\"seq\":2,\"x\":\"é\"}\n{ \"x\": 0, \"seq\": 3 }\n";
        for cut in 0..=text.len() {
            let (file, mut follow) = over(&text.as_bytes()[..cut]);
            let mut seen = follow.next(10, MUCH).unwrap().lines;
            file.as_file().write_at(&text.as_bytes()[cut..], cut as u64).unwrap();
            seen.extend(follow.next(10, MUCH).unwrap().lines);
            assert_eq!(seen.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 2, 3], "cut at {cut}");
            assert_eq!(seen[1].1, "{\"seq\":2,\"x\":\"é\"}");
            assert!(next(&mut follow, 10).is_empty());
        }
    }

    #[test]
    fn space_kept_for_later_is_no_line_and_is_written_over() {
        let (file, mut follow) = over(b"{\"seq\":1}\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(next(&mut follow, 10), [1]);
        file.as_file().write_at(b"{\"seq\":2}\n", 10).unwrap();
        assert_eq!(follow.next(10, MUCH).unwrap().lines, [(2, "{\"seq\":2}".to_owned())]);
    }

    #[test]
    fn no_more_than_asked_for_are_given_and_the_others_next() {
        let (_file, mut follow) = over(b"{\"seq\":1}\n{\"seq\":2}\n{\"seq\":3}\n");
        let first = follow.next(2, MUCH).unwrap();
        assert_eq!((first.lines.len(), first.more), (2, true));
        let last = follow.next(2, MUCH).unwrap();
        assert_eq!((last.lines.len(), last.more), (1, false));
        let (_file, mut follow) = over(b"{\"seq\":1}\n{\"seq\":2}\n");
        assert_eq!(follow.next(MUCH, 1).unwrap().lines.len(), 1, "the line that passes the limit is the last");
        assert_eq!(next(&mut follow, 10), [2]);
    }

    #[test]
    fn whoever_knows_a_line_is_shown_what_follows_wherever_it_stands() {
        // Short lines, long ones, and one that is longer than what is read at once.
        let line = |seq: u64| {
            let length = if seq == 700 { 3 * READ_BYTES } else { usize::try_from(seq * 7919 % 900).unwrap() };
            format!("{{\"seq\":{seq},\"x\":\"{}\"}}\n", "x".repeat(length))
        };
        let mut text: String = (1..=1000).map(line).collect();
        text.push_str(&"\0".repeat(2 * READ_BYTES));
        let (file, _) = over(text.as_bytes());
        for known in (0..=1001).step_by(13).chain([1, 699, 700, 701, 999, 1000, u64::MAX]) {
            let mut follow = Follow::over(file.reopen().unwrap(), known).unwrap();
            assert!(known < 100 || follow.at > 0, "{known}: read from the start");
            assert_eq!(next(&mut follow, MUCH), (known.saturating_add(1)..=1000).collect::<Vec<_>>(), "behind {known}");
        }
        let mut follow = Follow::over(file.reopen().unwrap(), u64::MAX).unwrap();
        assert_eq!(follow.pass().unwrap(), 1000);
        file.as_file().write_at(line(1001).as_bytes(), follow.at).unwrap();
        assert_eq!(next(&mut follow, MUCH), [1001], "behind the end, what comes next");
    }

    #[test]
    fn a_journal_that_was_cut_or_removed_is_not_waited_for() {
        let (file, mut follow) = over(b"{\"seq\":1}\n{\"seq\":2}\n");
        assert_eq!(next(&mut follow, 10), [1, 2]);
        file.as_file().set_len(10).unwrap();
        assert!(follow.next(10, MUCH).unwrap_err().to_string().contains("cut"));
        let (file, mut follow) = over(b"{\"seq\":1}\n");
        assert_eq!(next(&mut follow, 10), [1]);
        file.close().unwrap();
        assert!(follow.next(10, MUCH).unwrap_err().to_string().contains("removed"));
    }
}
