//! One follower for each run that is watched, shared by all who watch it.
//! In: a run. Out: its new lines, made ready to be sent once for all. Never: a follower that nobody listens to, a journal in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use tokio::sync::{Notify, broadcast};

use crate::{
    id::RunId,
    ledger::{Follow, JournalWatch, RunDir},
};

use super::list::List;

/// How often a journal is looked at where the system does not tell us that it has grown.
const POLL: Duration = Duration::from_millis(200);
/// … and where it says that it does: other machines write to some file systems, and nobody hears of that.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks at a journal that grows: what comes in between is sent together.
const PAUSE: Duration = Duration::from_millis(10);
/// Lines that are sent together.
const LINES_MAX: usize = 256;
/// … and their bytes; one line more makes it more.
const BYTES_MAX: usize = 64 * 1024;
/// A longer line is told by its number alone.
const EVENT_BYTES_MAX: usize = 256 * 1024;
/// Pieces that wait for the slowest watcher. Whoever is further behind reads the file.
const PIECES_MAX: usize = 8;

/// Lines that follow each other, as events.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub first: u64,
    pub last: u64,
    pub events: Bytes,
}

impl Piece {
    /// None, and the number of the last line that is there.
    fn nothing(last: u64) -> Self {
        Self { first: last.saturating_add(1), last, events: Bytes::new() }
    }

    fn of(lines: &[(u64, String)]) -> Option<Self> {
        let (first, last) = (lines.first()?.0, lines.last()?.0);
        let mut text = String::with_capacity(lines.iter().map(|(_, line)| line.len() + 40).sum());
        for (seq, line) in lines {
            // A carriage return would end a line of the stream; our own lines hold none.
            if line.len() > EVENT_BYTES_MAX || line.contains('\r') {
                text.push_str(&format!("id: {seq}\ndata: {{\"seq\":{seq},\"clipped\":true}}\n\n"));
            } else {
                text.push_str(&format!("id: {seq}\ndata: {line}\n\n"));
            }
        }
        Some(Self { first, last, events: Bytes::from(text) })
    }
}

/// The next lines of a journal as one piece, and whether there may be more already.
pub(super) fn piece(follow: &mut Follow) -> std::io::Result<(Option<Piece>, bool)> {
    let found = follow.next(LINES_MAX, BYTES_MAX)?;
    Ok((Piece::of(&found.lines), found.more))
}

type Tails = HashMap<RunId, broadcast::Sender<Piece>>;

#[derive(Default)]
pub(in crate::studio) struct Hub {
    tails: Mutex<Tails>,
    watch: OnceLock<Arc<JournalWatch>>,
    pub(super) list: List,
}

impl Hub {
    fn tails(&self) -> std::sync::MutexGuard<'_, Tails> {
        self.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever joins reads the file up to its end then, and goes on with what comes here. The first piece of a new follower says
    /// where it stands, so that no line falls between the two.
    pub(super) fn join(self: &Arc<Self>, run: &RunDir) -> broadcast::Receiver<Piece> {
        let mut tails = self.tails();
        if let Some(tail) = tails.get(run.id()) {
            return tail.subscribe();
        }
        let (tail, receiver) = broadcast::channel(PIECES_MAX);
        tails.insert(run.id().clone(), tail.clone());
        tokio::spawn(follow(self.clone(), run.clone(), tail));
        receiver
    }

    /// Whether nobody listens; then the next to join starts a follower of their own.
    fn leave(&self, run: &RunId, tail: &broadcast::Sender<Piece>, at_once: bool) -> bool {
        let mut tails = self.tails();
        let ends = at_once || tail.receiver_count() == 0;
        if ends && tails.get(run).is_some_and(|known| known.same_channel(tail)) {
            tails.remove(run);
        }
        ends
    }

    /// Runs that are followed.
    #[cfg(test)]
    pub(super) fn followed(&self) -> usize {
        self.tails().len()
    }
}

/// Until nobody listens any more, or there is nothing to follow: then whoever listens is let go, with the number to come back with.
async fn follow(hub: Arc<Hub>, run: RunDir, tail: broadcast::Sender<Piece>) {
    let woken = Arc::new(Notify::new());
    let (own, dir, wake) = (hub.clone(), run.clone(), woken.clone());
    let begun = tokio::task::spawn_blocking(move || {
        let watch = own.watch.get_or_init(Arc::default).clone();
        let watched = watch.watch(&dir, move || wake.notify_one());
        Follow::at_end(&dir).map(|(follow, last)| (watched, follow, last))
    });
    if let Ok(Ok((watched, mut follow, mut last))) = begun.await {
        let wait = if watched.told { LOOK } else { POLL };
        // Nobody may listen at any moment; then there is nobody to tell.
        let _ = tail.send(Piece::nothing(last));
        loop {
            let read = tokio::task::spawn_blocking(move || {
                let found = piece(&mut follow);
                (follow, found)
            });
            let Ok((back, Ok((found, more)))) = read.await else { break };
            follow = back;
            let grown = found.is_some();
            if let Some(found) = found {
                // A line in the place of another: the journal was cut and written anew.
                if found.first != last + 1 {
                    break;
                }
                last = found.last;
                let _ = tail.send(found);
            }
            if more {
                continue;
            }
            if grown {
                tokio::time::sleep(PAUSE).await;
            }
            tokio::select! {
                () = woken.notified() => {}
                () = tail.closed() => {}
                () = tokio::time::sleep(wait) => {}
            }
            if hub.leave(run.id(), &tail, false) {
                break;
            }
        }
        // Asks the watcher's thread.
        drop(tokio::task::spawn_blocking(move || drop(watched)).await);
    }
    hub.leave(run.id(), &tail, true);
}
