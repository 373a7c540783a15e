//! What is no file, and stands where the journal has one: told, and put aside by whoever may write.
//! In: the place of a file that could not be looked at. Out: a finding of what is in its way, and whether the place is free now.
//! Never: the same thing told twice, what cannot be derived moved.

use std::io;

use rustix::fs::FileType;

use super::{Finding, FindingKind, InRun, Settle};

/// To the place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    NothingInIt,
    /// Something was in it, and lies elsewhere now.
    Free,
    /// Something is in it, which was told.
    Barred,
}

impl Settle<'_> {
    /// # Errors
    /// What is there cannot be put aside.
    pub(super) fn clear(&mut self, place: &InRun) -> io::Result<Way> {
        self.clear_of(place, FileType::RegularFile)
    }

    fn clear_of(&mut self, place: &InRun, last: FileType) -> io::Result<Way> {
        let Ok(Some(found)) = self.dir.in_the_way_of(place, last) else { return Ok(Way::NothingInIt) };
        let mut finding = Finding::new(found.place.as_str(), FindingKind::Differs, found.to_string(), true);
        if self.write {
            let aside = self.dir.put_aside(&found)?;
            // What is open may lie in what was moved.
            self.handles.clear();
            finding.put_aside = Some(aside.as_str().to_owned());
        }
        self.tell(&found.place, finding);
        Ok(if self.write { Way::Free } else { Way::Barred })
    }

    /// A file, or a directory, of which nothing else is looked at.
    pub(in crate::ledger) fn clear_for(&mut self, place: &InRun, last: FileType) {
        if let Err(error) = self.clear_of(place, last) {
            self.keep(place, error);
        }
    }

    /// Of what the journal cannot make, nothing is moved. Whether something is in the way.
    pub(in crate::ledger) fn tell_in_the_way(&mut self, place: &InRun, last: FileType) -> bool {
        let Ok(Some(found)) = self.dir.in_the_way_of(place, last) else { return false };
        let finding = Finding::new(found.place.as_str(), FindingKind::Differs, found.to_string(), false);
        self.tell(&found.place, finding);
        true
    }

    fn tell(&mut self, place: &InRun, finding: Finding) {
        if self.told.insert(place.clone()) {
            self.findings.add(finding);
        }
    }
}
