//! What a run holds, by kind: how many files, how many bytes.
//! In: a run's directory. Out: amounts, and the items themselves for whoever removes them. Never: a link followed, a file opened.

use std::{collections::BTreeMap, io};

use rustix::fs::FileType;

use crate::{id::FramePath, record::KeptKind};

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
#[derive(Debug)]
pub(super) struct Walk {
    pub items: Vec<Item>,
    /// No more items are looked for.
    most: usize,
    /// Names that no path of ours can hold: they stay, unless the whole run goes.
    pub odd: u64,
}

/// Directories within directories. Steps make what they like; deeper ones go only with their run.
const DEPTH_MAX: u32 = 64;

impl Walk {
    pub(super) fn of(dir: &mut Dir, place: Option<&InRun>) -> io::Result<Self> {
        Self::at_most(dir, place, usize::MAX)
    }

    fn at_most(dir: &mut Dir, place: Option<&InRun>, most: usize) -> io::Result<Self> {
        let mut walk = Self { items: Vec::new(), most, odd: 0 };
        walk.below(dir, place, 0)?;
        Ok(walk)
    }

    fn below(&mut self, dir: &mut Dir, place: Option<&InRun>, depth: u32) -> io::Result<()> {
        let (names, odd) = dir.all_names(place)?;
        self.odd += odd;
        for name in names {
            if self.items.len() >= self.most {
                return Ok(());
            }
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

/// Files that a flow's steps laid down as artifacts, by name, with their bytes: at most so many. Links are not files.
///
/// # Errors
/// What the file system says.
pub fn artifacts(run: &RunDir, flow: &FramePath, most: usize) -> io::Result<Vec<(String, u64)>> {
    let above = run.artifacts(flow);
    let walk = match Walk::at_most(&mut run.dir()?, Some(&above), most) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let files = walk.items.into_iter().filter(|item| item.what == What::File);
    let name = |item: &Item| item.place.as_str()[above.as_str().len()..].trim_start_matches('/').to_owned();
    Ok(files.map(|item| (name(&item), item.bytes)).collect())
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
