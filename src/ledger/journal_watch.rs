//! Says that a journal may have grown. A hint only: whoever is woken looks with `Follow::next`.
//! In: runs and what to call. Out: a call after each change, from one watcher of the system for all runs.
//! Never: a promise that every change is told: some file systems are silent, so whoever listens looks now and then as well.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use notify::Watcher as _;

use super::run_dir::RunDir;

type Wake = Arc<dyn Fn() + Send + Sync>;
type Places = Arc<Mutex<HashMap<PathBuf, Wake>>>;

/// Of a whole process: the system lends few watchers, and each can look at many files.
pub struct JournalWatch {
    places: Places,
    /// `None`: the system has none for us.
    watcher: Option<Mutex<notify::RecommendedWatcher>>,
}

/// One journal is watched as long as this lives.
pub struct Watched {
    watch: Arc<JournalWatch>,
    place: PathBuf,
    wake: Wake,
    /// The system said that it will tell.
    pub told: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for JournalWatch {
    fn default() -> Self {
        let places = Places::default();
        let known = places.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is an event too.
            let Ok(event) = event else { return };
            if event.kind.is_access() {
                return;
            }
            let woken: Vec<Wake> = {
                let places = lock(&known);
                event.paths.iter().filter_map(|path| places.get(path).cloned()).collect()
            };
            woken.iter().for_each(|wake| wake());
        });
        Self { places, watcher: watcher.ok().map(Mutex::new) }
    }
}

impl JournalWatch {
    /// Calls `wake` from another thread, sometimes for nothing. Of two that watch one run only the second is woken. Blocks for a moment.
    pub fn watch(self: &Arc<Self>, run: &RunDir, wake: impl Fn() + Send + Sync + 'static) -> Watched {
        let place = run.path(&run.journal());
        let wake: Wake = Arc::new(wake);
        lock(&self.places).insert(place.clone(), wake.clone());
        let watch = |watcher: &Mutex<notify::RecommendedWatcher>| {
            lock(watcher).watch(&place, notify::RecursiveMode::NonRecursive).is_ok()
        };
        let told = self.watcher.as_ref().is_some_and(watch);
        Watched { watch: self.clone(), place, wake, told }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let ours = {
            let mut places = lock(&self.watch.places);
            let ours = places.get(&self.place).is_some_and(|wake| Arc::ptr_eq(wake, &self.wake));
            if ours {
                places.remove(&self.place);
            }
            ours
        };
        if let Some(watcher) = self.watch.watcher.as_ref().filter(|_| ours) {
            // The file may be gone, and its watch with it.
            drop(lock(watcher).unwatch(&self.place));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::mpsc, time::Duration};

    use super::*;
    use crate::{id::RunId, ledger::RunsDir};

    /// Longer than the system ever takes.
    const PATIENCE: Duration = Duration::from_mins(1);

    #[test]
    fn a_journal_that_grows_wakes_its_reader_and_no_other() {
        let base = tempfile::tempdir().unwrap();
        let runs = RunsDir::new(base.path());
        let [one, two] = ["one", "two"].map(|id| {
            let run = runs.create(&RunId::new(id).unwrap()).unwrap();
            fs::write(run.path(&run.journal()), "").unwrap();
            run
        });
        let watch = Arc::new(JournalWatch::default());
        let (tell, told) = mpsc::channel();
        let other = tell.clone();
        let first = watch.watch(&one, move || tell.send(1).unwrap_or_default());
        let second = watch.watch(&two, move || other.send(2).unwrap_or_default());
        if !(first.told && second.told) {
            return;
        }
        fs::write(one.path(&one.journal()), "{}\n").unwrap();
        assert_eq!(told.recv_timeout(PATIENCE), Ok(1));
        fs::write(two.path(&two.journal()), "{}\n").unwrap();
        assert_eq!(told.iter().find(|who| *who == 2), Some(2));
        let (tell, told) = mpsc::channel();
        let third = watch.watch(&one, move || tell.send(3).unwrap_or_default());
        drop((first, second));
        fs::write(one.path(&one.journal()), "{}\n{}\n").unwrap();
        assert_eq!(told.recv_timeout(PATIENCE), Ok(3), "whoever came later is woken when the first has gone");
        drop(third);
        assert!(lock(&watch.places).is_empty());
    }
}
