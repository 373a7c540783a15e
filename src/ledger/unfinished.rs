//! What a process that was killed had been writing beside its place, and nobody will ever put there.
//! In: a run whose lock is held. Out: these files gone.
//! Never: a link followed or removed, the file of a process that lives, a name that is not exactly ours, what steps keep to themselves.

use std::{
    io,
    time::{Duration, SystemTime},
};

use rustix::fs::FileType;

use super::{
    dir::{Dir, is_of_the_dead},
    lock::Lock,
    place::InRun,
    run_dir::RunDir,
};

/// Names that are looked at. What lies behind them is found by the next one who sweeps.
const NAMES_MAX: u32 = 100_000;
/// Ours lie four deep at the most, but for the files of snapshots.
const DEPTH_MAX: u32 = 16;
/// Letters are put by processes that hold no lock, and may be of another machine: what they write is theirs for so long.
const LETTER_AGE_MIN: Duration = Duration::from_mins(1);

/// How many went.
///
/// # Errors
/// What the file system says.
pub fn sweep_unfinished(run: &RunDir, lock: &Lock) -> io::Result<u64> {
    let mut sweep = Sweep { dir: run.dir()?, inbox: run.inbox(), now: lock.written()?, names_left: NAMES_MAX, gone: 0 };
    sweep.below(None, 0)?;
    Ok(sweep.gone)
}

struct Sweep {
    dir: Dir,
    inbox: InRun,
    /// As the file system that dates the files says: its holder has just written the lock.
    now: SystemTime,
    names_left: u32,
    gone: u64,
}

impl Sweep {
    fn below(&mut self, above: Option<&InRun>, depth: u32) -> io::Result<()> {
        let (names, _) = self.dir.all_names(above)?;
        for name in names {
            self.names_left = self.names_left.saturating_sub(1);
            if self.names_left == 0 {
                return Ok(());
            }
            let Ok(here) = above.map_or_else(|| InRun::new(&name), |above| above.child(&name)) else { continue };
            match self.dir.look(&here) {
                Ok((FileType::RegularFile, _)) if is_of_the_dead(&name) && !self.may_be_a_letter(&here) => {
                    self.dir.remove(&here)?;
                    self.gone += 1;
                }
                // A step's own directory may hold anything, and nothing of ours.
                Ok((FileType::Directory, _)) if depth < DEPTH_MAX && !(depth == 1 && name == "work") => {
                    self.below(Some(&here), depth + 1)?;
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn may_be_a_letter(&mut self, place: &InRun) -> bool {
        if place.split().0 != Some(self.inbox.as_str()) {
            return false;
        }
        let written = self.dir.reader(place).and_then(|file| file.metadata()?.modified());
        written.map_or(true, |at| self.now.duration_since(at).map_or(true, |age| age < LETTER_AGE_MIN))
    }
}
