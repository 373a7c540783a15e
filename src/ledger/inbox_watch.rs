//! Says that the inbox may hold something new. A hint only: whoever is woken looks with `Inbox::take`.
//! In: a run and what to call. Out: a call after each change, at the latest one poll later.
//! Never: a change missed for good because the watcher of the system was silent or not to be had.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use notify::Watcher as _;

use super::run_dir::RunDir;

/// How long a letter waits at most when the system tells us nothing. A person does not notice it, and a directory
/// that is nearly always empty is quickly listed.
const POLL: Duration = Duration::from_millis(500);

/// Watches as long as it lives.
pub struct InboxWatch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _watcher: Option<notify::RecommendedWatcher>,
}

impl InboxWatch {
    /// Calls `wake` from other threads, sometimes for nothing.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(run: &RunDir, wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Self> {
        let inbox = run.path(&run.inbox());
        // Made here so that there is something to watch; if it cannot be made, polling goes on.
        drop(run.dir().and_then(|mut dir| dir.make(&run.inbox())));
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(wake);
        let watcher = watcher(&inbox, wake.clone());
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("inbox".to_owned()).spawn(move || {
            let mut seen = listing(&inbox);
            while stopped.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
                let now = listing(&inbox);
                if now != seen {
                    seen = now;
                    wake();
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread), _watcher: watcher })
    }
}

fn watcher(inbox: &Path, wake: Arc<dyn Fn() + Send + Sync>) -> Option<notify::RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading the inbox is an event too; answering it would never end.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            wake();
        }
    })
    .ok()?;
    watcher.watch(inbox, notify::RecursiveMode::NonRecursive).ok()?;
    Some(watcher)
}

fn listing(inbox: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(inbox).into_iter().flatten().flatten().map(|item| item.path()).collect();
    names.sort();
    names
}

impl Drop for InboxWatch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
