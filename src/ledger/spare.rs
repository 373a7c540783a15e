//! Files that have no name yet, made while there is time: to give one its content and its name costs a third of what a new file does.
//! In: an open directory. Out: a file in it, whole as soon as it has a name. Never: a trace of one that was not used.

use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::{AsRawFd as _, OwnedFd},
};

use rustix::fs::{AtFlags, CWD, OFlags};

use super::{dir::FILE_MODE, place::InRun};

/// A step leaves two files at its end; more steps than a few have them made by a thread that has time.
const SPARE_MAX: usize = 8;

#[derive(Default)]
pub(super) struct Spare {
    /// By directory.
    files: Vec<(InRun, File)>,
    /// The file system knows no file without a name.
    cannot: bool,
}

impl Spare {
    /// One more for a directory, if that can be.
    pub(super) fn make(&mut self, dir: &InRun, open: &OwnedFd) {
        if self.cannot || self.files.len() >= SPARE_MAX {
            return;
        }
        match unnamed(open) {
            Ok(file) => self.files.push((dir.clone(), file)),
            Err(error) => {
                tracing::debug!(%error, "no file without a name");
                self.cannot = true;
            }
        }
    }

    pub(super) fn take(&mut self, dir: &str) -> Option<File> {
        let at = self.files.iter().position(|(of, _)| of.as_str() == dir)?;
        Some(self.files.swap_remove(at).1)
    }
}

#[cfg(target_os = "linux")]
fn unnamed(dir: &OwnedFd) -> io::Result<File> {
    Ok(rustix::fs::openat(dir, ".", OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC, FILE_MODE)?.into())
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_dir: &OwnedFd) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// A file has that name, or what the file system says; then there is no new one.
pub(super) fn put(mut file: &File, bytes: &[u8], dir: &OwnedFd, name: &str) -> io::Result<()> {
    file.write_all(bytes)?;
    // The way that asks for no privilege.
    Ok(rustix::fs::linkat(CWD, format!("/proc/self/fd/{}", file.as_raw_fd()), dir, name, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    };

    use super::super::dir::Dir;
    use super::*;

    fn place(text: &str) -> InRun {
        InRun::of(text.to_owned())
    }

    #[test]
    fn a_file_that_was_expected_is_like_any_other_and_one_that_did_not_come_leaves_nothing() {
        let base = tempfile::tempdir().unwrap();
        let mut dir = Dir::open(base.path()).unwrap();
        (0..3).for_each(|_| dir.expect(&place("flow/receipts")));
        let names = || fs::read_dir(base.path().join("flow/receipts")).unwrap().count();
        assert_eq!(names(), 0, "nobody sees it before it is whole");
        dir.write_expected(&place("flow/receipts/a.json"), b"first").unwrap();
        dir.write(&place("flow/receipts/b.json"), b"second").unwrap();
        let at = |name: &str| base.path().join("flow/receipts").join(name);
        assert_eq!(fs::read(at("a.json")).unwrap(), b"first");
        let (ours, usual) = (fs::metadata(at("a.json")).unwrap(), fs::metadata(at("b.json")).unwrap());
        assert_eq!((ours.permissions().mode(), ours.nlink()), (usual.permissions().mode(), 1));
        drop(dir);
        assert_eq!(names(), 2);
    }

    #[test]
    fn whatever_stands_in_the_way_is_met_as_without_it() {
        let base = tempfile::tempdir().unwrap();
        let mut dir = Dir::open(base.path()).unwrap();
        let at = |name: &str| base.path().join("receipts").join(name);
        let mut write = |name: &str| {
            dir.expect(&place("receipts"));
            dir.write_expected(&place(&format!("receipts/{name}")), b"new")
        };
        write("a.json").unwrap();
        fs::write(at("there.json"), "an older and longer one").unwrap();
        write("there.json").unwrap();
        assert_eq!(fs::read(at("there.json")).unwrap(), b"new");

        fs::write(base.path().join("elsewhere"), "mine").unwrap();
        symlink(base.path().join("elsewhere"), at("link.json")).unwrap();
        assert!(write("link.json").is_err(), "no link is followed");
        assert_eq!(fs::read(base.path().join("elsewhere")).unwrap(), b"mine");

        dir.expect(&place("receipts"));
        fs::remove_dir_all(base.path().join("receipts")).unwrap();
        dir.write_expected(&place("receipts/b.json"), b"anew").unwrap();
        assert_eq!(fs::read(at("b.json")).unwrap(), b"anew", "a directory that was removed is made again");
    }

    #[test]
    fn only_a_few_are_kept() {
        let base = tempfile::tempdir().unwrap();
        let open = OwnedFd::from(File::open(base.path()).unwrap());
        let mut spare = Spare::default();
        (0..3 * SPARE_MAX).for_each(|_| spare.make(&place("receipts"), &open));
        assert!(spare.take("handoffs").is_none());
        let taken = std::iter::from_fn(|| spare.take("receipts")).count();
        assert!(taken == SPARE_MAX || spare.cannot, "{taken}");
    }
}
