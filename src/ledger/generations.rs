//! Which generation of a flow's frozen files holds a definition. The journal names definitions, never numbers: a number is only a place.
//! In: a flow, a definition. Out: the files that define it, or the place where they are kept from now on.
//! Never: a generation counted from what happened; one that a refused refresh left behind is nobody's, and in nobody's way.

use std::{collections::BTreeMap, io};

use crate::{
    id::{FramePath, Sha256},
    redact::Clean,
};

use super::{
    frozen::{Frozen, FrozenError, Lines, Unsynced, failing, read_index},
    run_dir::RunDir,
};

/// The generations of one flow that stand anywhere, as files or as a line, with the definitions that they say they hold.
#[derive(Debug, Default)]
pub(super) struct Generations(BTreeMap<u32, Vec<Sha256>>);

impl Generations {
    /// # Errors
    /// What the file system says.
    pub(super) fn read(run: &RunDir, flow: &FramePath, lines: &Lines) -> Result<Self, FrozenError> {
        let mut all = Self::default();
        for (generation, definition) in lines.of(flow) {
            all.0.entry(generation).or_default().push(definition.clone());
        }
        let above = run.frozen_dir();
        let mut dir = run.dir().map_err(failing("read", &above))?;
        let names = match dir.names(&above) {
            // No generation is in what is no directory.
            Err(_) if dir.is_no_directory(&above) => Vec::new(),
            names => names.map_err(failing("read", &above))?,
        };
        for generation in names.iter().filter_map(|name| numbered(name, flow)) {
            match read_index(run, &run.frozen(flow, generation)) {
                Ok(index) => all.0.entry(generation).or_default().push(index.definition),
                // Whose it was, only its line can say.
                Err(FrozenError::Broken { .. }) => drop(all.0.entry(generation).or_default()),
                // A part of it at most.
                Err(FrozenError::Missing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Those that say they hold a definition.
    pub(super) fn naming(&self, definition: &Sha256) -> Vec<u32> {
        self.0.iter().filter(|(_, held)| held.contains(definition)).map(|(generation, _)| *generation).collect()
    }

    fn free(&self) -> u32 {
        (1..=u32::MAX).find(|generation| !self.0.contains_key(generation)).unwrap_or(u32::MAX)
    }
}

/// `flow` is the first, `flow@2` the second.
fn numbered(name: &str, flow: &FramePath) -> Option<u32> {
    match name.strip_prefix(flow.as_str())? {
        "" => Some(1),
        rest => rest.strip_prefix('@')?.parse().ok().filter(|generation| *generation > 1),
    }
}

impl Frozen {
    /// Keeps a definition, as `write` does: where it is kept already, or in a place that nothing else has.
    ///
    /// # Errors
    /// What the file system says.
    pub fn add(
        run: &RunDir,
        flow: &FramePath,
        definition: &Sha256,
        files: &[(String, Clean<Vec<u8>>)],
    ) -> Result<Unsynced, FrozenError> {
        let all = Generations::read(run, flow, &Lines::read(run)?)?;
        for generation in all.naming(definition) {
            match Self::write(run, flow, generation, definition, files) {
                // It only says so.
                Err(FrozenError::Taken(_)) => {}
                written => return written,
            }
        }
        Self::write(run, flow, all.free(), definition, files)
    }

    /// The files that define a flow as the journal names it, from wherever they are whole.
    ///
    /// # Errors
    /// `Missing`; `Broken` if none of those that say they hold it is whole; or what the file system says.
    pub fn of(run: &RunDir, flow: &FramePath, definition: &Sha256) -> Result<Self, FrozenError> {
        // Nearly every flow has one only.
        let mut first = match Self::read(run, flow, 1) {
            Ok(frozen) if frozen.definition == *definition => return Ok(frozen),
            Ok(_) | Err(FrozenError::Missing(_)) => None,
            Err(error @ FrozenError::Broken { .. }) => Some(error),
            Err(error) => return Err(error),
        };
        let all = Generations::read(run, flow, &Lines::read(run)?)?;
        for generation in all.naming(definition) {
            match Self::read(run, flow, generation) {
                Ok(frozen) if frozen.definition == *definition => return Ok(frozen),
                Ok(_) => {
                    let path = run.frozen(flow, generation).as_str().to_owned();
                    first.get_or_insert(FrozenError::Broken { path, what: "defines another flow than the one that ran" });
                }
                Err(error @ (FrozenError::Missing(_) | FrozenError::Broken { .. })) => drop(first.get_or_insert(error)),
                Err(error) => return Err(error),
            }
        }
        Err(first.unwrap_or_else(|| FrozenError::Missing(run.frozen(flow, 1).as_str().to_owned())))
    }
}

impl From<FrozenError> for io::Error {
    fn from(error: FrozenError) -> Self {
        Self::other(error)
    }
}
