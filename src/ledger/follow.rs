//! A journal that somebody else is writing, read line by line as it grows.
//! In: a run. Out: whole lines with their numbers, in order, each once. Never: a line of which a part is missing, a lock taken.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use serde::Deserialize;

use super::{journal::LINE_BYTES_MAX, run_dir::RunDir};

const READ_BYTES: usize = 64 * 1024;

/// Where one reader stands.
#[derive(Debug)]
pub struct Follow {
    file: File,
    /// Everything before was given out.
    at: u64,
    /// Bytes from there on that hold no whole line yet.
    rest: Vec<u8>,
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
        let file = run.dir()?.reader(&run.journal())?;
        Ok(Self { file, at: 0, rest: Vec::new() })
    }

    /// The next lines, at most so many; none: nothing has been written since.
    ///
    /// # Errors
    /// What the file system says, or a line that is longer than any line may be.
    pub fn next(&mut self, lines_max: usize) -> io::Result<Vec<(u64, String)>> {
        let mut lines = Vec::new();
        // Most looks find nothing: one byte tells.
        if self.rest.is_empty() {
            let mut first = [0];
            if self.file.read_at(&mut first, self.at)? == 0 || first == [0] {
                return Ok(lines);
            }
        }
        let mut chunk = vec![0; READ_BYTES];
        loop {
            while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                if lines.len() == lines_max {
                    return Ok(lines);
                }
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                self.at += line.len() as u64;
                let text = String::from_utf8_lossy(&line[..line.len() - 1]).into_owned();
                if let Ok(Number { seq }) = serde_json::from_str(&text) {
                    lines.push((seq, text));
                }
            }
            if self.rest.len() > LINE_BYTES_MAX {
                return Err(io::Error::other("a line of the journal is longer than any line may be"));
            }
            let read = self.file.read_at(&mut chunk, self.at + self.rest.len() as u64)?;
            // Space that is kept for later is filled with zeros.
            let written = chunk[..read].iter().position(|byte| *byte == 0).unwrap_or(read);
            self.rest.extend_from_slice(&chunk[..written]);
            if written == 0 {
                // A line that is not whole yet is read again: it may be cut and written anew.
                self.rest.clear();
                return Ok(lines);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(bytes: &[u8]) -> Follow {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, bytes).unwrap();
        Follow { file, at: 0, rest: Vec::new() }
    }

    #[test]
    fn lines_come_once_and_whole_whatever_the_file_is_cut_into() {
        let text = "{\"seq\":1}\n{\"seq\":2,\"x\":\"é\"}\n{\"seq\":3}\n";
        for cut in 0..=text.len() {
            let mut follow = over(&text.as_bytes()[..cut]);
            let mut seen: Vec<u64> = follow.next(10).unwrap().into_iter().map(|(seq, _)| seq).collect();
            follow.file.write_at(&text.as_bytes()[cut..], cut as u64).unwrap();
            seen.extend(follow.next(10).unwrap().into_iter().map(|(seq, _)| seq));
            assert_eq!(seen, [1, 2, 3], "cut at {cut}");
            assert!(follow.next(10).unwrap().is_empty());
        }
    }

    #[test]
    fn space_kept_for_later_is_no_line_and_is_written_over() {
        let mut follow = over(b"{\"seq\":1}\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(follow.next(10).unwrap().len(), 1);
        follow.file.write_at(b"{\"seq\":2}\n", 10).unwrap();
        assert_eq!(follow.next(10).unwrap(), [(2, "{\"seq\":2}".to_owned())]);
    }

    #[test]
    fn no_more_than_asked_for_are_given_and_the_others_next() {
        let mut follow = over(b"{\"seq\":1}\n{\"seq\":2}\n{\"seq\":3}\n");
        assert_eq!(follow.next(2).unwrap().len(), 2);
        assert_eq!(follow.next(2).unwrap().len(), 1);
    }
}
