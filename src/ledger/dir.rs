//! Files below one directory, reached name by name through open directories.
//! In: an `InRun` and bytes. Out: files and directories.
//! Never: a symlink followed below the directory, a wait on a pipe that somebody put there.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
    sync::Arc,
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, RenameFlags},
    io::Errno,
    process::{Pid, test_kill_process},
};

use super::{lru::Lru, place::InRun};

const DIR: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// `NONBLOCK` does nothing to a file and keeps a planted pipe from blocking us.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::ROTH);
const DIR_MODE: Mode = Mode::RWXU.union(Mode::RGRP).union(Mode::XGRP).union(Mode::ROTH).union(Mode::XOTH);

pub(super) struct Dir {
    root: Arc<OwnedFd>,
    open: Lru<Arc<OwnedFd>>,
}

impl Dir {
    /// Opens the directory; one that is itself a symlink is refused.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let root = rustix::fs::open(path, DIR, Mode::empty())?;
        Ok(Self { root: Arc::new(root), open: Lru::new() })
    }

    /// The open directory at `place`, made if it is not there and `make` says so.
    fn dir(&mut self, place: Option<&str>, make: bool) -> io::Result<Arc<OwnedFd>> {
        let Some(place) = place else { return Ok(self.root.clone()) };
        if let Some(held) = self.open.get(place) {
            return Ok(held.clone());
        }
        let (above, name) = match place.rsplit_once('/') {
            Some((above, name)) => (Some(above), name),
            None => (None, place),
        };
        let above = self.dir(above, make)?;
        let here = match rustix::fs::openat(&above, name, DIR, Mode::empty()) {
            Err(Errno::NOENT) if make => {
                match rustix::fs::mkdirat(&above, name, DIR_MODE) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                rustix::fs::openat(&above, name, DIR, Mode::empty())?
            }
            other => other?,
        };
        let here = Arc::new(here);
        self.open.put(place, here.clone());
        Ok(here)
    }

    fn open_at(&mut self, place: &InRun, flags: OFlags, make: bool) -> io::Result<File> {
        let (dir, name) = place.split();
        let flags = flags | FILE;
        let open = |dir: Arc<OwnedFd>| rustix::fs::openat(dir.as_fd(), name, flags, FILE_MODE);
        match open(self.dir(dir, make)?) {
            // The directory was removed behind our back: look again, once.
            Err(Errno::NOENT) if make && dir.is_some() => {
                self.open.clear();
                Ok(open(self.dir(dir, make)?)?.into())
            }
            other => Ok(other?.into()),
        }
    }

    pub(super) fn make(&mut self, place: &InRun) -> io::Result<()> {
        self.dir(Some(place.as_str()), true).map(drop)
    }

    /// An empty file, or the file made empty.
    pub(super) fn create(&mut self, place: &InRun) -> io::Result<File> {
        self.open_at(place, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC, true)
    }

    /// A file that must not have been there.
    pub(super) fn create_new(&mut self, place: &InRun) -> io::Result<File> {
        self.open_at(place, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, true)
    }

    pub(super) fn append(&mut self, place: &InRun) -> io::Result<File> {
        self.open_at(place, OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND, true)
    }

    /// For reading and writing, made if it is not there, never made empty.
    pub(super) fn update(&mut self, place: &InRun) -> io::Result<File> {
        self.open_at(place, OFlags::RDWR | OFlags::CREATE, true)
    }

    /// For reading and writing; it must be there, and a file.
    pub(super) fn writer(&mut self, place: &InRun) -> io::Result<File> {
        let file = self.open_at(place, OFlags::RDWR, false)?;
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file")) }
    }

    /// Of a directory or a pipe nothing is read, and nothing waited for.
    pub(super) fn reader(&mut self, place: &InRun) -> io::Result<File> {
        self.sized(place).map(|(file, _)| file)
    }

    fn sized(&mut self, place: &InRun) -> io::Result<(File, u64)> {
        let file = self.open_at(place, OFlags::RDONLY, false)?;
        let about = file.metadata()?;
        if about.is_file() { Ok((file, about.len())) } else { Err(io::Error::other("it is no file")) }
    }

    /// The whole file; one larger than `bytes_max` is an error.
    pub(super) fn read(&mut self, place: &InRun, bytes_max: u64) -> io::Result<Vec<u8>> {
        /// Whoever reads into this sees the file's end without more room.
        const BYTES_SPARE: usize = 64;
        let (file, bytes) = self.sized(place)?;
        let whole = usize::try_from(bytes.min(bytes_max)).unwrap_or_default();
        let mut bytes = Vec::with_capacity(whole + BYTES_SPARE);
        file.take(bytes_max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {bytes_max} bytes")));
        }
        Ok(bytes)
    }

    pub(super) fn write(&mut self, place: &InRun, bytes: &[u8]) -> io::Result<()> {
        self.create(place)?.write_all(bytes)
    }

    /// Readers see the old content or the new, never a part. Not synced.
    pub(super) fn write_atomic(&mut self, place: &InRun, bytes: &[u8]) -> io::Result<()> {
        let tmp = self.write_tmp(place, bytes)?;
        self.rename(&tmp, place).inspect_err(|_| drop(self.remove(&tmp)))
    }

    /// Every directory above these places, once: with them synced, the names survive a power failure.
    pub(super) fn above(&mut self, places: &[InRun]) -> io::Result<Vec<File>> {
        let mut dirs = BTreeSet::new();
        for place in places {
            let mut above = place.split().0;
            while let Some(dir) = above {
                dirs.insert(dir);
                above = dir.rsplit_once('/').map(|(above, _)| above);
            }
        }
        let mut files = vec![File::from(self.root.try_clone()?)];
        for dir in dirs {
            files.push(File::from(self.dir(Some(dir), false)?.try_clone()?));
        }
        Ok(files)
    }

    /// Puts the file at `place` unless one is there: of several writers one wins.
    pub(super) fn write_if_absent(&mut self, place: &InRun, bytes: &[u8]) -> io::Result<()> {
        let tmp = self.write_tmp(place, bytes)?;
        let (dir, name) = place.split();
        let dir = self.dir(dir, false)?;
        let tmp_name = tmp.split().1;
        let put = match rustix::fs::linkat(&dir, tmp_name, &dir, name, AtFlags::empty()) {
            // A file system that gives a file one name only.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => {
                match rustix::fs::renameat_with(&dir, tmp_name, &dir, name, RenameFlags::NOREPLACE) {
                    Ok(()) => return Ok(()),
                    failed => failed,
                }
            }
            linked => linked,
        };
        self.remove(&tmp)?;
        Ok(put?)
    }

    /// The new content in place of the old; on the disk, whole, when this returns.
    pub(super) fn put_over(&mut self, place: &InRun, bytes: &[u8]) -> io::Result<()> {
        let tmp = self.write_tmp(place, bytes)?;
        let put = self.writer(&tmp).and_then(|file| file.sync_all()).and_then(|()| self.rename(&tmp, place));
        put.inspect_err(|_| drop(self.remove(&tmp)))?;
        self.sync_above(place)
    }

    fn sync_above(&mut self, place: &InRun) -> io::Result<()> {
        self.above(std::slice::from_ref(place))?.iter().try_for_each(File::sync_all)
    }

    /// Where it may be written before it takes its place. The name says who writes it: see [`is_of_the_dead`].
    pub(super) fn beside(&self, place: &InRun) -> InRun {
        let (dir, name) = place.split();
        let name: String = name.chars().take(100).collect();
        let name = format!(".{name}.{}-{:?}.tmp", std::process::id(), std::thread::current().id());
        InRun::of(dir.map_or_else(|| name.clone(), |dir| format!("{dir}/{name}")))
    }

    fn write_tmp(&mut self, place: &InRun, bytes: &[u8]) -> io::Result<InRun> {
        let tmp = self.beside(place);
        self.write(&tmp, bytes).inspect_err(|_| drop(self.remove(&tmp)))?;
        Ok(tmp)
    }

    pub(super) fn rename(&mut self, from: &InRun, to: &InRun) -> io::Result<()> {
        let ((from_dir, from), (to_dir, to)) = (from.split(), to.split());
        let (from_dir, to_dir) = (self.dir(from_dir, false)?, self.dir(to_dir, true)?);
        Ok(rustix::fs::renameat(&from_dir, from, &to_dir, to)?)
    }

    /// Within a directory, and by these rules.
    pub(super) fn rename_at(&mut self, above: Option<&str>, from: &str, to: &str, flags: RenameFlags) -> Result<(), Errno> {
        let above = self.dir(above, false).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        rustix::fs::renameat_with(&above, from, &above, to, flags)?;
        // Directories that are open lie elsewhere now.
        self.open.clear();
        Ok(())
    }

    /// A directory with all that is in it.
    pub(super) fn rename_dir(&mut self, from: &InRun, to: &InRun) -> io::Result<()> {
        self.rename(from, to)?;
        // Those that are open lie elsewhere now.
        self.open.clear();
        Ok(())
    }

    pub(super) fn remove(&mut self, place: &InRun) -> io::Result<()> {
        let (dir, name) = place.split();
        let dir = self.dir(dir, false)?;
        Ok(rustix::fs::unlinkat(&dir, name, AtFlags::empty())?)
    }

    /// A directory with nothing in it.
    pub(super) fn remove_dir(&mut self, place: &InRun) -> io::Result<()> {
        let (dir, name) = place.split();
        let dir = self.dir(dir, false)?;
        Ok(rustix::fs::unlinkat(&dir, name, AtFlags::REMOVEDIR)?)
    }

    /// What stands there, a link as a link, and its bytes.
    pub(super) fn look(&mut self, place: &InRun) -> io::Result<(FileType, u64)> {
        let (dir, name) = place.split();
        let dir = self.dir(dir, false)?;
        let stat = rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok((FileType::from_raw_mode(stat.st_mode), u64::try_from(stat.st_size).unwrap_or(0)))
    }

    /// What a link names, which nobody follows.
    pub(super) fn target(&mut self, place: &InRun) -> io::Result<Vec<u8>> {
        let (dir, name) = place.split();
        let dir = self.dir(dir, false)?;
        Ok(rustix::fs::readlinkat(&dir, name, Vec::new())?.into_bytes())
    }

    /// Names in RUN_BASE itself, or in a directory below; sorted, and how many names are no text.
    pub(super) fn all_names(&mut self, place: Option<&InRun>) -> io::Result<(Vec<String>, u64)> {
        let dir = self.dir(place.map(InRun::as_str), false)?;
        let (mut names, mut odd) = (Vec::new(), 0);
        for item in rustix::fs::Dir::read_from(&dir)? {
            match item?.file_name().to_str() {
                Ok("." | "..") => {}
                Ok(name) => names.push(name.to_owned()),
                Err(_) => odd += 1,
            }
        }
        names.sort();
        Ok((names, odd))
    }

    /// Names in a directory, sorted; none if it is not there.
    pub(super) fn names(&mut self, place: &InRun) -> io::Result<Vec<String>> {
        let dir = match self.dir(Some(place.as_str()), false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = Vec::new();
        for item in rustix::fs::Dir::read_from(&dir)? {
            let item = item?;
            if let Ok(name) = item.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Whether a name is of a file that was being written beside its place by a process that is no more. A number that another process
/// has by now keeps the file a while longer.
pub(super) fn is_of_the_dead(name: &str) -> bool {
    let writer = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp")).and_then(|name| name.rsplit('.').next());
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i32>().ok()).flatten();
    let numbers = writer.and_then(|writer| writer.strip_suffix(')')?.split_once("-ThreadId("));
    let pid = numbers.filter(|(_, thread)| number(thread).is_some()).and_then(|(pid, _)| Pid::from_raw(number(pid)?));
    pid.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}
