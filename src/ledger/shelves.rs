//! What a run holds, by kind: how many files, how many bytes.
//! In: a run's directory. Out: amounts, and the items themselves for whoever removes them. Never: a link followed, a file opened.

use std::{collections::BTreeMap, io};

use rustix::fs::FileType;

use crate::record::KeptKind;

use super::{dir::Dir, place::InRun, run_dir::RunDir};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    pub files: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shelves {
    pub kinds: BTreeMap<KeptKind, Amount>,
    /// The whole run.
    pub all: Amount,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    File,
    Link,
    Directory,
    /// A pipe or a socket that a step left.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub place: InRun,
    pub what: What,
    pub bytes: u64,
}

/// Everything below a place, each directory behind what is in it.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub items: Vec<Item>,
    /// Names that no path of ours can hold: they stay, unless the whole run goes.
    pub odd: u64,
}

/// Directories within directories. Steps make what they like; deeper ones go only with their run.
const DEPTH_MAX: u32 = 64;

impl Walk {
    pub(super) fn of(dir: &mut Dir, place: Option<&InRun>) -> io::Result<Self> {
        let mut walk = Self::default();
        walk.below(dir, place, 0)?;
        Ok(walk)
    }

    fn below(&mut self, dir: &mut Dir, place: Option<&InRun>, depth: u32) -> io::Result<()> {
        let (names, odd) = dir.all_names(place)?;
        self.odd += odd;
        for name in names {
            let Ok(here) = place.map_or_else(|| InRun::new(&name), |above| above.child(&name)) else {
                self.odd += 1;
                continue;
            };
            let (kind, bytes) = match dir.look(&here) {
                // It went while we looked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            let what = match kind {
                FileType::RegularFile => What::File,
                FileType::Symlink => What::Link,
                FileType::Directory if depth >= DEPTH_MAX => {
                    self.odd += 1;
                    continue;
                }
                FileType::Directory => {
                    self.below(dir, Some(&here), depth + 1)?;
                    What::Directory
                }
                FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => {
                    What::Other
                }
            };
            self.items.push(Item { place: here, what, bytes: if what == What::Directory { 0 } else { bytes } });
        }
        Ok(())
    }
}

/// # Errors
/// What the file system says.
pub fn shelves(run: &RunDir) -> io::Result<Shelves> {
    let walk = Walk::of(&mut run.dir()?, None)?;
    let mut found = Shelves::default();
    for item in walk.items.iter().filter(|item| item.what != What::Directory) {
        let of_kind = KeptKind::of(item.place.as_str()).map(|kind| found.kinds.entry(kind).or_default());
        for amount in of_kind.into_iter().chain([&mut found.all]) {
            amount.files += 1;
            amount.bytes += item.bytes;
        }
    }
    Ok(found)
}
