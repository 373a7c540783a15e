//! Who there is at this moment: the list of users with the roles that settings give them.
//! In: files, looked at again for each request by name. Out: a person for a key. Never: somebody let in as of yesterday.

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
};
use tokio::{
    sync::{mpsc, watch},
    time::MissedTickBehavior,
};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};

use crate::{config::StudioFiles, error::Error, id::Sha256};

use super::{
    problem::Problem,
    users::{Users, key_of_cookie, key_of_token},
    who::{Person, Right},
};

/// How long somebody who was shut out may go on listening to a stream that is open.
const EVERY: Duration = Duration::from_secs(2);

/// Whom the files name, by the digest of their key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Roll(BTreeMap<Sha256, Person>);

impl Roll {
    pub fn by_cookie(&self, cookie: &str) -> Option<(Sha256, Person)> {
        self.0.get_key_value(&key_of_cookie(cookie)).map(|(key, person)| (key.clone(), person.clone()))
    }

    pub fn by_token(&self, token: &str) -> Option<(Sha256, Person)> {
        self.0.get_key_value(&key_of_token(token)).map(|(key, person)| (key.clone(), person.clone()))
    }

    /// Somebody with a key who may at least look.
    pub fn has_anybody(&self) -> bool {
        self.0.values().any(|person| person.has(Right::Look))
    }

    fn still_lets(&self, key: &Sha256) -> bool {
        self.0.get(key).is_some_and(|person| person.has(Right::Look))
    }
}

/// What is seen of a file without reading it; another one means that it was written.
type Stamp = Option<(u64, u64, u64, i64, i64, i64, i64)>;

fn stamp(path: &Path) -> Stamp {
    let meta = std::fs::metadata(path).ok()?;
    let (changed, made) = ((meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec()));
    Some((meta.dev(), meta.ino(), meta.len(), changed.0, changed.1, made.0, made.1))
}

#[derive(Debug)]
pub(super) struct People {
    users: Users,
    files: StudioFiles,
    known: Mutex<(Vec<Stamp>, Arc<Roll>)>,
    told: watch::Sender<Arc<Roll>>,
    watching: OnceLock<()>,
}

impl People {
    /// # Errors
    /// A file cannot be read, or does not say who there is.
    pub fn of(users: Users, files: StudioFiles) -> Result<Self, Error> {
        let people =
            Self { users, files, known: Mutex::default(), told: watch::Sender::new(Arc::default()), watching: OnceLock::new() };
        people.read()?;
        Ok(people)
    }

    /// Blocks: three files are looked at, and read where they changed.
    ///
    /// # Errors
    /// As [`People::of`]. Nobody is let in by a file that was readable once.
    pub fn read(&self) -> Result<Arc<Roll>, Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let list: PathBuf = self.users.path();
        let paths = self.files.paths().chain([list.as_path()]);
        // Taken before the files are read: whatever is written in between is seen the next time.
        let stamps: Vec<Stamp> = paths.map(stamp).collect();
        if known.0 == stamps {
            return Ok(known.1.clone());
        }
        let roll = self.made().map(Arc::new);
        *known = match &roll {
            Ok(roll) => (stamps, roll.clone()),
            Err(_) => (Vec::new(), Arc::default()),
        };
        self.told.send_if_modified(|told| {
            let differs = *told != known.1;
            told.clone_from(&known.1);
            differs
        });
        roll
    }

    fn made(&self) -> Result<Roll, Error> {
        let roles = self.files.read()?.users;
        let users = self.users.all()?.into_iter();
        Ok(Roll(
            users.map(|(name, user)| (user.key, Person::user(&name, roles.get(&name).cloned().unwrap_or_default()))).collect(),
        ))
    }

    /// On a thread that may wait.
    ///
    /// # Errors
    /// A sentence for whoever stands before the door; the files are the owner's business.
    pub async fn now(self: &Arc<Self>) -> Result<Arc<Roll>, Problem> {
        let people = self.clone();
        let read = tokio::task::spawn_blocking(move || people.read()).await;
        let closed = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "who may come in cannot be read at the moment");
        match read {
            Ok(Ok(roll)) => Ok(roll),
            Ok(Err(error)) => {
                tracing::error!(%error, "nobody is let in by name");
                Err(closed())
            }
            Err(_) => Err(closed()),
        }
    }

    /// A stream that ends soon after the one with this key may not look any more.
    pub fn while_let_in(self: &Arc<Self>, key: Sha256, body: Body) -> Body {
        self.watch();
        let mut told = self.told.subscribe();
        // Between the door and here somebody else may have heard of another list.
        if !told.borrow_and_update().still_lets(&key) {
            return Body::empty();
        }
        let mut stream = body.into_data_stream();
        let (sender, receiver) = mpsc::channel::<Result<Bytes, axum::Error>>(1);
        tokio::spawn(async move {
            loop {
                let piece = tokio::select! {
                    () = sender.closed() => return,
                    changed = told.changed() => {
                        if changed.is_err() || !told.borrow_and_update().still_lets(&key) {
                            return;
                        }
                        continue;
                    }
                    piece = stream.next() => piece,
                };
                let Some(piece) = piece else { return };
                if sender.send(piece).await.is_err() {
                    return;
                }
            }
        });
        Body::from_stream(ReceiverStream::new(receiver))
    }

    /// Looks at the files now and then while a stream is open.
    fn watch(self: &Arc<Self>) {
        self.watching.get_or_init(|| {
            let people = self.clone();
            tokio::spawn(async move {
                let mut ticks = tokio::time::interval(EVERY);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    ticks.tick().await;
                    if people.told.receiver_count() > 0 {
                        drop(people.now().await);
                    }
                }
            });
        });
    }
}
