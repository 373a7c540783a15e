//! What stands where something of the run belongs, and is none: a directory, a link, a pipe; a file where a directory belongs.
//! In: the place of a file. Out: what is in the way of it; for whoever may write, the place free, and where that lies now.
//! Never: a link followed, anything removed, another thing's name taken.

use std::{fmt, io};

use rustix::{
    fs::{FileType, RenameFlags},
    io::Errno,
};

use super::{dir::Dir, place::InRun};

/// Things of one name that were put aside.
const ASIDE_MAX: u32 = 1000;
/// Of a name, what its new one begins with: with the ending it is a name still.
const STEM_BYTES_MAX: usize = 200;

/// The file's own place, or that of a directory above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InTheWay {
    pub place: InRun,
    what: &'static str,
}

impl fmt::Display for InTheWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} stands in its place", self.what)
    }
}

impl Dir {
    /// `None`: a file is there, or nothing.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn in_the_way(&mut self, place: &InRun) -> io::Result<Option<InTheWay>> {
        self.in_the_way_of(place, FileType::RegularFile)
    }

    /// The same for the place of a file, or of a directory.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn in_the_way_of(&mut self, place: &InRun, last: FileType) -> io::Result<Option<InTheWay>> {
        let text = place.as_str();
        let ends = text.match_indices('/').map(|(at, _)| at).chain([text.len()]);
        for end in ends {
            let here = InRun::of(text[..end].to_owned());
            let belongs = if end == text.len() { last } else { FileType::Directory };
            match self.look(&here) {
                Ok((there, _)) if there == belongs => {}
                Ok((there, _)) => return Ok(Some(InTheWay { place: here, what: words(there) })),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Something of which nothing can be read is there, and no file: as good as none, for whoever reads.
    pub(super) fn is_no_file(&mut self, place: &InRun) -> bool {
        matches!(self.in_the_way(place), Ok(Some(_)))
    }

    pub(super) fn is_no_directory(&mut self, place: &InRun) -> bool {
        matches!(self.in_the_way_of(place, FileType::Directory), Ok(Some(_)))
    }

    /// Gives what is in the way another name beside its own; a link is moved itself.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn put_aside(&mut self, found: &InTheWay) -> io::Result<InRun> {
        let (above, name) = found.place.split();
        let stem = &name[..(0..=name.len().min(STEM_BYTES_MAX)).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0)];
        let mut aside = Err(io::Error::from(io::ErrorKind::AlreadyExists));
        for n in 1..=ASIDE_MAX {
            let name = if n == 1 { format!("{stem}.set-aside") } else { format!("{stem}.set-aside-{n}") };
            let to = InRun::of(above.map_or_else(|| name.clone(), |above| format!("{above}/{name}")));
            match self.rename_if_absent(&found.place, &to) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                renamed => {
                    aside = renamed.map(|()| to);
                    break;
                }
            }
        }
        aside
    }

    /// Puts aside what keeps a file from being written at this place. Whether there was anything.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn clear(&mut self, place: &InRun) -> io::Result<bool> {
        let found = self.in_the_way(place)?;
        found.as_ref().map_or(Ok(false), |found| self.put_aside(found).map(|_| true))
    }

    /// As `write_atomic`, in place of whatever stands there.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn write_anyway(&mut self, place: &InRun, bytes: &[u8]) -> io::Result<()> {
        match self.write_atomic(place, bytes) {
            Err(_) if self.clear(place)? => self.write_atomic(place, bytes),
            written => written,
        }
    }

    fn rename_if_absent(&mut self, from: &InRun, to: &InRun) -> io::Result<()> {
        let ((above, from_name), (_, to_name)) = (from.split(), to.split());
        match self.rename_at(above, from_name, to_name, RenameFlags::NOREPLACE) {
            // A file system that cannot promise it: the holder of the lock is alone.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => match self.look(to) {
                Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.rename_dir(from, to),
                Err(error) => Err(error),
            },
            renamed => Ok(renamed?),
        }
    }
}

fn words(there: FileType) -> &'static str {
    match there {
        FileType::RegularFile => "a file",
        FileType::Directory => "a directory",
        FileType::Symlink => "a link",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => "a device",
    }
}
