//! What happens while somebody looks: the lines of a journal as they are written, and a word when the list of runs is another.
//! In: a run, the last line that was seen. Out: server-sent events whose ids are the journal's own numbers.
//! Never: a line left out or sent twice, a file read for nobody.

use std::{convert::Infallible, sync::OnceLock, time::Duration};

use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use serde::Deserialize;
use tokio::{
    sync::{mpsc, watch},
    time::MissedTickBehavior,
};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    id::{RunId, Sha256},
    ledger::{Follow, RunDir},
};

use super::{problem::Problem, server::Studio};

/// How often a journal is looked at while somebody looks at it.
const EVERY: Duration = Duration::from_millis(200);
/// How often the list of runs is.
const LIST_EVERY: Duration = Duration::from_secs(1);
/// Lines read at a time.
const LINES_AT_ONCE: usize = 256;
/// A longer line is told by its number alone.
const EVENT_BYTES_MAX: usize = 256 * 1024;

/// One clock, and one look at the list of runs, for all who look at the same time.
#[derive(Debug, Default)]
pub(super) struct Hub {
    list: OnceLock<watch::Sender<String>>,
    beat: OnceLock<watch::Sender<u64>>,
}

impl Hub {
    fn beat(&self) -> watch::Receiver<u64> {
        let start = || {
            let (sender, _) = watch::channel(0);
            let own = sender.clone();
            tokio::spawn(async move {
                let mut ticks = tokio::time::interval(EVERY);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    ticks.tick().await;
                    own.send_modify(|beat: &mut u64| *beat += 1);
                }
            });
            sender
        };
        self.beat.get_or_init(start).subscribe()
    }

    /// A digest of the list of runs, and of the queue; looked at while somebody listens.
    fn runs(&self, studio: &Studio) -> watch::Receiver<String> {
        let start = || {
            let (sender, _) = watch::channel(String::new());
            let (own, studio) = (sender.clone(), studio.clone());
            tokio::spawn(async move {
                let mut ticks = tokio::time::interval(LIST_EVERY);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    ticks.tick().await;
                    if own.receiver_count() == 0 {
                        continue;
                    }
                    let read = studio.blocking(|workspace| {
                        let list = (workspace.list_runs()?, workspace.orders()?);
                        Ok(Sha256::of(&serde_json::to_vec(&list).unwrap_or_default()).as_str()[..16].to_owned())
                    });
                    if let Ok(digest) = read.await {
                        own.send_if_modified(|known| std::mem::replace(known, digest.clone()) != digest);
                    }
                }
            });
            sender
        };
        self.list.get_or_init(start).subscribe()
    }
}

#[derive(Deserialize)]
pub(super) struct After {
    /// The last line that is known; what follows is sent.
    #[serde(default)]
    after: u64,
}

/// `Last-Event-ID` wins: it is what a browser says when it comes back.
fn known(headers: &HeaderMap, asked: u64) -> u64 {
    let said = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    said.unwrap_or(asked)
}

/// `GET /api/v1/runs/{run}/events`: each line of the journal, as it stands there.
pub(super) async fn run(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Response {
    let opened = studio.blocking(move |workspace| {
        let id = RunId::new(&run).map_err(|bad| Problem::new(StatusCode::NOT_FOUND, bad.to_string()))?;
        let dir: RunDir = workspace.run_dir(&id)?;
        Follow::open(&dir).map_err(|_| Problem::new(StatusCode::NOT_FOUND, format!("run `{id}` has no journal")))
    });
    let mut follow = match opened.await {
        Ok(follow) => follow,
        Err(problem) => return problem.respond(true),
    };
    let mut seen = known(&headers, after);
    let mut beat = studio.hub.beat();
    let (sender, receiver) = mpsc::channel::<Result<Event, Infallible>>(64);
    tokio::spawn(async move {
        loop {
            let read = tokio::task::spawn_blocking(move || {
                let lines = follow.next(LINES_AT_ONCE);
                (follow, lines)
            });
            let Ok((back, Ok(lines))) = read.await else { return };
            follow = back;
            let more = lines.len() == LINES_AT_ONCE;
            for (seq, line) in lines.into_iter().filter(|(seq, _)| *seq > seen).collect::<Vec<_>>() {
                seen = seq;
                let data = if line.len() > EVENT_BYTES_MAX { format!("{{\"seq\":{seq},\"clipped\":true}}") } else { line };
                if sender.send(Ok(Event::default().id(seq.to_string()).data(data))).await.is_err() {
                    return;
                }
            }
            if !more {
                tokio::select! {
                    () = sender.closed() => return,
                    ticked = beat.changed() => if ticked.is_err() { return },
                }
            }
        }
    });
    Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default()).into_response()
}

/// `GET /api/v1/events`: a word whenever the list of runs is another one.
pub(super) async fn all(State(studio): State<Studio>) -> Response {
    let mut list = studio.hub.runs(&studio);
    list.mark_unchanged();
    let (sender, receiver) = mpsc::channel::<Result<Event, Infallible>>(4);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = sender.closed() => return,
                changed = list.changed() => if changed.is_err() { return },
            }
            let digest = list.borrow_and_update().clone();
            if sender.send(Ok(Event::default().id(digest.clone()).data(digest))).await.is_err() {
                return;
            }
        }
    });
    Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default()).into_response()
}
