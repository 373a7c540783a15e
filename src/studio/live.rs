//! What happens while somebody looks: the lines of a journal as they are written, and a word when the list of runs is another.
//! In: a run, the last line that was seen. Out: server-sent events whose ids are the journal's own numbers.
//! Never: a line left out or sent twice, a file read for nobody, more kept for a slow reader than a few pieces.

mod hub;
mod list;
#[cfg(test)]
mod tests;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc,
    },
    time::MissedTickBehavior,
};
use tokio_stream::wrappers::ReceiverStream;

use crate::ledger::{Follow, RunDir};

use super::{api::name, problem::Problem, server::Studio};

pub(super) use hub::Hub;
use hub::Piece;

/// Pieces that wait for one reader.
const WAITING_MAX: usize = 2;
/// How long one that takes nothing is kept; it comes back with the last id it had.
const TAKEN_WITHIN: Duration = Duration::from_mins(1);
/// A word for whoever stands between, so that they know the connection lives.
const WORD_EVERY: Duration = Duration::from_secs(15);
const WORD: Bytes = Bytes::from_static(b":\n\n");

type Sender = mpsc::Sender<Result<Bytes, Infallible>>;

/// The reader has gone, or takes nothing any more; or there is nothing more to tell.
struct Over;

async fn send(sender: &Sender, bytes: Bytes) -> Result<(), Over> {
    sender.send_timeout(Ok(bytes), TAKEN_WITHIN).await.map_err(|_| Over)
}

fn stream(receiver: mpsc::Receiver<Result<Bytes, Infallible>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    (kind, Body::from_stream(ReceiverStream::new(receiver))).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    /// The last line that is known; what follows is sent.
    #[serde(default)]
    after: u64,
}

/// `Last-Event-ID` wins: it is what a browser says when it comes back.
fn said(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id").and_then(|id| id.to_str().ok())
}

/// `GET /api/v1/runs/{run}/events`: each line of the journal, as it stands there.
pub(super) async fn run(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Response {
    let opened = studio.blocking(move |workspace| {
        let id = name(&run)?;
        let dir: RunDir = workspace.run_dir(&id)?;
        Follow::open(&dir).map_err(|_| Problem::new(StatusCode::NOT_FOUND, format!("run `{id}` has no journal")))?;
        Ok(dir)
    });
    let dir = match opened.await {
        Ok(dir) => dir,
        Err(problem) => return problem.respond(true),
    };
    let seen = said(&headers).and_then(|id| id.parse().ok()).unwrap_or(after);
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    tokio::spawn(tell(studio.hub.clone(), dir, seen, sender));
    stream(receiver)
}

/// First what was missed, from the file; then what comes, from the one who follows it for all.
async fn tell(hub: Arc<Hub>, dir: RunDir, seen: u64, sender: Sender) {
    let mut news = hub.join(&dir);
    drop(going_on(&dir, seen, &mut news, &sender).await);
}

async fn going_on(dir: &RunDir, mut seen: u64, news: &mut broadcast::Receiver<Piece>, sender: &Sender) -> Result<(), Over> {
    let mut words = tokio::time::interval(WORD_EVERY);
    words.set_missed_tick_behavior(MissedTickBehavior::Delay);
    seen = missed(dir, seen, sender).await?;
    loop {
        let told = tokio::select! {
            () = sender.closed() => return Err(Over),
            _ = words.tick() => {
                send(sender, WORD).await?;
                continue;
            }
            told = news.recv() => told,
        };
        seen = match told {
            Ok(piece) if piece.last <= seen => seen,
            Ok(piece) if piece.first == seen + 1 => {
                send(sender, piece.events).await?;
                piece.last
            }
            // A part of it is known, or what is before it is not; or this reader is too far behind.
            Ok(_) | Err(RecvError::Lagged(_)) => missed(dir, seen, sender).await?,
            Err(RecvError::Closed) => return Err(Over),
        };
    }
}

/// What stands in the file behind a line; the last line that was sent.
async fn missed(dir: &RunDir, mut seen: u64, sender: &Sender) -> Result<u64, Over> {
    let dir = dir.clone();
    let mut follow = tokio::task::spawn_blocking(move || Follow::after(&dir, seen)).await.map_err(|_| Over)?.map_err(|_| Over)?;
    loop {
        let read = tokio::task::spawn_blocking(move || {
            let found = hub::piece(&mut follow);
            (follow, found)
        });
        let Ok((back, Ok((found, more)))) = read.await else { return Err(Over) };
        follow = back;
        if let Some(piece) = found {
            send(sender, piece.events).await?;
            seen = piece.last;
        }
        if !more {
            return Ok(seen);
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AfterMark {
    /// The mark of the list that is known; left out, the list as it is now.
    after: Option<String>,
}

/// `GET /api/v1/events`: a word whenever the list of runs is another one than the one that is known.
pub(super) async fn all(
    State(studio): State<Studio>,
    Query(AfterMark { after }): Query<AfterMark>,
    headers: HeaderMap,
) -> Response {
    let mut known = said(&headers).map(str::to_owned).or(after);
    let mut list = studio.hub.list.listen(&studio);
    list.mark_changed();
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        let mut words = tokio::time::interval(WORD_EVERY);
        words.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = sender.closed() => return,
                _ = words.tick() => {
                    if send(&sender, WORD).await.is_err() {
                        return;
                    }
                    continue;
                }
                changed = list.changed() => if changed.is_err() { return },
            }
            let mark = list.borrow_and_update().clone();
            // Empty: nobody has looked yet.
            if mark.is_empty() || known.as_ref() == Some(&mark) {
                continue;
            }
            let news = known.replace(mark.clone()).is_some();
            let event = Bytes::from(format!("id: {mark}\ndata: {mark}\n\n"));
            if news && send(&sender, event).await.is_err() {
                return;
            }
        }
    });
    stream(receiver)
}
