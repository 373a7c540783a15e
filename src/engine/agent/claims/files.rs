//! Files that an agent says it made, changed or removed.
//! In: their names, and what is different after its work. Out: a claim for each that can be judged. Blocks.
//! Never: a time believed where contents were compared.

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, SystemTime},
};

use crate::{
    id::Time,
    measure::Roots,
    record::{ChangeKind, Claim, Draft, FileChange},
};

use super::{
    CLAIMS_MAX,
    prose::{Deed, deeds},
};

/// A file system's clock may lag a little behind the system's.
const LAG: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    deed: Deed,
    /// Relative to the workspace, or `artifacts/…`.
    pub path: String,
}

/// Every file that the draft says something of, each once.
pub(super) fn named(draft: &Draft, workspace: &Path) -> Vec<Named> {
    let produced = draft.summary.evidence.artifacts_produced.iter().map(|path| (Deed::Produced, path.clone()));
    let mut found: Vec<Named> = Vec::new();
    for (deed, path) in produced.chain(deeds(draft)) {
        let path = path.trim();
        let inside = Path::new(path).strip_prefix(workspace).ok().and_then(Path::to_str);
        let path = inside.unwrap_or_else(|| path.trim_start_matches("./")).to_owned();
        if found.len() < CLAIMS_MAX && !found.iter().any(|one| one.path == path) {
            found.push(Named { deed, path });
        }
    }
    found
}

/// What is different after the work.
pub(super) struct Seen {
    pub files: Option<Vec<FileChange>>,
    pub artifacts: Option<BTreeSet<String>>,
    /// Paths that git would see if they changed.
    pub known: BTreeSet<String>,
    /// Nothing of this step ran before in this run.
    pub first: bool,
    /// When the run began.
    pub since: Time,
}

impl Seen {
    /// `None`: it cannot be judged.
    pub(super) fn judge(&self, named: &Named, roots: &Roots) -> Option<Claim> {
        let Named { deed, path } = named;
        let (measured, agrees) = match self.change(path) {
            Some(ChangeKind::Deleted) => ("it was deleted".to_owned(), matches!(deed, Deed::Removed | Deed::Changed)),
            Some(kind) if *deed == Deed::Removed => (format!("it is there, {}", kind.as_str()), false),
            Some(_) => (self.lines(path), true),
            None => self.unchanged(*deed, path, roots)?,
        };
        let word = match deed {
            Deed::Produced => "produced",
            Deed::Created => "created",
            Deed::Changed => "changed",
            Deed::Removed => "removed",
        };
        Some(Claim { claim: format!("{word} `{path}`"), measured, agrees })
    }

    /// How contents differ at a path, or below it.
    fn change(&self, path: &str) -> Option<ChangeKind> {
        if self.artifacts.as_ref().is_some_and(|all| all.iter().any(|one| is_at(one, path))) {
            return Some(ChangeKind::Modified);
        }
        let mut all = self.files.iter().flatten().filter(|file| is_at(&file.path, path));
        let first = all.next()?;
        Some(if first.path == path { first.change } else { ChangeKind::Modified })
    }

    fn lines(&self, path: &str) -> String {
        let file = self.files.iter().flatten().find(|file| file.path == path);
        match file.map(|file| (file.change.as_str(), file.added, file.removed)) {
            Some((kind, Some(added), Some(removed))) => format!("{kind}, {added} lines added, {removed} removed"),
            Some((kind, _, _)) => kind.to_owned(),
            None => "it is other than before the step".to_owned(),
        }
    }

    /// Nothing is known to be different there.
    fn unchanged(&self, deed: Deed, path: &str, roots: &Roots) -> Option<(String, bool)> {
        let there = match roots.look(path) {
            Ok(there) => there,
            // Prose may name what is no file of ours; a list of files, or a new one, may not.
            Err(why) if matches!(deed, Deed::Produced | Deed::Created) => return Some((format!("it {why}"), false)),
            Err(_) => return None,
        };
        let compared = match path.starts_with("artifacts/") {
            true => self.artifacts.is_some(),
            false => self.known.contains(path),
        };
        if compared && self.first {
            return Some(("it is there, and its content is as it was before this step".to_owned(), false));
        }
        if deed != Deed::Produced {
            return None;
        }
        // Earlier tries of this step may have written it, or git does not look at it: its time has to do.
        let since = SystemTime::UNIX_EPOCH + Duration::from_millis(self.since.as_ms().unsigned_abs()) - LAG;
        match roots.find(path).ok().and_then(|real| real.metadata().ok()) {
            Some(meta) if meta.is_file() && meta.modified().is_ok_and(|modified| modified < since) => {
                Some((format!("it has {} bytes, and was last written before this run", there.bytes), false))
            }
            _ => Some((format!("it is there, {} bytes", there.bytes), true)),
        }
    }
}

fn is_at(file: &str, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    file == path || file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(dir: &Path) -> Roots {
        Roots { workspace: dir.to_owned(), run_base: dir.join("run"), flow_dir: dir.join("run/flow") }
    }

    fn told(seen: &Seen, roots: &Roots, claims: &[(Deed, &str)]) -> Vec<Option<(bool, String)>> {
        let judge = |(deed, path): &(Deed, &str)| seen.judge(&Named { deed: *deed, path: (*path).to_owned() }, roots);
        claims.iter().map(judge).map(|claim| claim.map(|claim| (claim.agrees, claim.measured))).collect()
    }

    fn some(agrees: bool, measured: &str) -> Option<(bool, String)> {
        Some((agrees, measured.to_owned()))
    }

    #[test]
    fn without_a_repository_a_file_is_judged_by_whether_it_is_there_and_when_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("new.py"), "x = 1\n").unwrap();
        std::fs::write(dir.path().join("old.py"), "x = 1\n").unwrap();
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        std::fs::File::options().write(true).open(dir.path().join("old.py")).unwrap().set_modified(old).unwrap();
        let seen = Seen { files: None, artifacts: None, known: BTreeSet::new(), first: true, since: Time::from_ms(2_000_000) };
        let claims = [
            (Deed::Produced, "new.py"),
            (Deed::Produced, "old.py"),
            (Deed::Produced, "none.py"),
            (Deed::Changed, "new.py"),
            (Deed::Changed, "none.py"),
        ];
        let expected = [
            some(true, "it is there, 6 bytes"),
            some(false, "it has 6 bytes, and was last written before this run"),
            some(false, "it does not exist"),
            None,
            None,
        ];
        assert_eq!(told(&seen, &roots(dir.path()), &claims), expected);
    }

    #[test]
    fn with_one_a_touch_is_no_change_and_earlier_work_of_the_step_is_no_lie() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["touched.py", "changed.py", "ignored.log"] {
            std::fs::write(dir.path().join(name), "x = 1\n").unwrap();
        }
        let file = |path: &str, change| FileChange { path: path.to_owned(), change, added: Some(3), removed: Some(1) };
        let files = vec![
            file("changed.py", ChangeKind::Modified),
            file("gone.py", ChangeKind::Deleted),
            file("src/a.py", ChangeKind::Added),
        ];
        let known = ["touched.py", "changed.py", "src/a.py"].map(str::to_owned).into();
        let seen = Seen { files: Some(files), artifacts: Some(BTreeSet::new()), known, first: true, since: Time::from_ms(0) };
        let claims = [
            (Deed::Produced, "touched.py"),
            (Deed::Changed, "touched.py"),
            (Deed::Changed, "changed.py"),
            (Deed::Produced, "src"),
            (Deed::Removed, "gone.py"),
            (Deed::Produced, "gone.py"),
            (Deed::Removed, "changed.py"),
            (Deed::Produced, "ignored.log"),
            (Deed::Created, "none.py"),
        ];
        let same = "it is there, and its content is as it was before this step";
        let expected = [
            some(false, same),
            some(false, same),
            some(true, "modified, 3 lines added, 1 removed"),
            some(true, "it is other than before the step"),
            some(true, "it was deleted"),
            some(false, "it was deleted"),
            some(false, "it is there, modified"),
            some(true, "it is there, 6 bytes"),
            some(false, "it does not exist"),
        ];
        assert_eq!(told(&seen, &roots(dir.path()), &claims), expected);
        let again = Seen { first: false, ..seen };
        assert_eq!(told(&again, &roots(dir.path()), &claims[..2]), [some(true, "it is there, 6 bytes"), None]);
    }
}
