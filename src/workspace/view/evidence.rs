//! What a question shows, as it was when it was asked.
//! In: one of the files that a question shows. Out: its beginning, if all of it still has the digest that was shown, or why there is nothing.
//! Never: bytes that were not hashed; a file that a link leads to out of the run and its workspace; a wait for a pipe.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Component, Path},
};

use crate::{
    id::RunId,
    measure::{There, digest_and_head},
    record::{Question, Shown},
};

use super::super::Workspace;

/// Hashed before something of it is shown: a tenth of a second. The kernel hashes all of any file when an answer comes.
const CHECKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Whether a path that says itself that it leads elsewhere is followed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A page may be somebody else's.
    Inside,
    /// At a terminal: who sits there can read it anyway.
    AsWritten,
}

/// A file that a question shows.
#[derive(Debug)]
pub enum Evidence {
    /// All of it has the digest that was shown, and so have these first bytes of it.
    AsShown { head: Vec<u8>, whole: u64 },
    /// It is another than the one that was shown: an answer is refused, and the question asked anew.
    Changed(String),
    /// There was nothing to show, and there is none now.
    Absent(String),
    /// It cannot be said whether it is the one that was shown.
    Unseen(String),
}

impl Workspace {
    /// A file that a question shows; of a run that cannot be read, those of the workspace are looked for here.
    pub fn evidence_as_shown(
        &self,
        run: &RunId,
        question: &Question,
        shown: &Shown,
        reach: Reach,
        head_bytes_max: usize,
    ) -> Evidence {
        let opened = self.open_evidence(run, question, &shown.path, reach);
        let Some(sha256) = &shown.sha256 else {
            return match opened {
                Ok(_) => Evidence::Changed("it was not there, and is there now".to_owned()),
                Err(Closed::Gone) => Evidence::Absent("it is not there".to_owned()),
                Err(Closed::Other(why) | Closed::Kept(why)) => Evidence::Absent(why),
            };
        };
        let (file, bytes) = match opened {
            Ok(opened) => opened,
            Err(Closed::Gone) => return Evidence::Changed("it is not there any longer".to_owned()),
            Err(Closed::Other(why)) => return Evidence::Changed(why),
            Err(Closed::Kept(why)) => return Evidence::Unseen(why),
        };
        let then = shown.bytes.unwrap_or(bytes);
        if then != bytes {
            return Evidence::Changed(format!("it had {then} bytes, and has {bytes}"));
        }
        if then > CHECKED_BYTES_MAX {
            return Evidence::Unseen(format!("it has {bytes} bytes, too large to be checked here; look at it where it lies"));
        }
        // One that grows meanwhile is another one, however much it grows.
        match digest_and_head(file.take(then + 1), head_bytes_max) {
            Ok((There { sha256: now, bytes }, head)) if now == *sha256 => Evidence::AsShown { head, whole: bytes },
            Ok(_) => Evidence::Changed("its content is another".to_owned()),
            Err(error) => Evidence::Unseen(error.to_string()),
        }
    }

    fn open_evidence(&self, run: &RunId, question: &Question, path: &str, reach: Reach) -> Result<(File, u64), Closed> {
        let place = self.evidence(run, &question.flow_path, path);
        // A pipe would keep us waiting, and a link may lead to what is not of this run.
        let real = place.canonicalize()?;
        let homes = [self.runs.path().join(run.as_str()), self.workspace_of_run(run)];
        if !homes.iter().filter_map(|home| home.canonicalize().ok()).any(|home| real.starts_with(home)) {
            let plain = Path::new(path);
            let says_so = plain.is_absolute() || plain.components().any(|part| part == Component::ParentDir);
            let why = "it leads out of the run and its workspace, and is not shown here".to_owned();
            match (says_so, reach) {
                (true, Reach::AsWritten) => {}
                (true, Reach::Inside) => return Err(Closed::Kept(why)),
                (false, _) => return Err(Closed::Other(why)),
            }
        }
        let no_file = || Closed::Other("it is no file".to_owned());
        if !real.metadata()?.is_file() {
            return Err(no_file());
        }
        let file = File::open(real)?;
        let about = file.metadata()?;
        if about.is_file() { Ok((file, about.len())) } else { Err(no_file()) }
    }
}

/// Why a file is not opened.
enum Closed {
    Gone,
    /// To the kernel, too, it is none that can be shown.
    Other(String),
    /// It is shown, but not by us.
    Kept(String),
}

impl From<io::Error> for Closed {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Gone,
            _ => Self::Kept(error.to_string()),
        }
    }
}
