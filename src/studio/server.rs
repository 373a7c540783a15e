//! The server: connections, routes, and how it ends.
//! In: a workspace, an address. Out: answers until a signal. Never: a blocking call on its threads, a request without a limit.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, StatusCode, Uri},
    middleware,
    response::Response,
    routing::{get, post},
};
use hyper::{
    body::Incoming,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{
    error::{Error, Kind},
    workspace::{AnswerRequest, Answered, Workspace},
};

use super::{
    api, assets,
    desk::{self, Desk},
    door::{Door, Peer, guard},
    lists,
    live::Hub,
    login,
    names::{Names, Origin},
    operate, pages,
    patience::Patient,
    people::People,
    problem::Problem,
    slips::Slips,
    token::Token,
    users::Users,
    who::Guest,
};

const CONNECTIONS_MAX: usize = 4096;
/// Each has a socket, and a journal while it follows a run.
const FILES_MAX: u64 = 2 * CONNECTIONS_MAX as u64 + 256;
/// Threads that read files. More would not read faster, and a thousand readers must not become a thousand threads.
const READERS: usize = 32;
/// Runs that are answered at the same time.
const TURNS: usize = 16;
/// For a request's head; whoever is slower is let go.
const HEAD_WAIT: Duration = Duration::from_secs(10);
/// For the other side to take something of an answer; whoever reads nothing is let go.
const READ_WAIT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub struct Options {
    pub bind: SocketAddr,
    /// Where browsers find it, if not there.
    pub origin: Option<Origin>,
    /// Runs that the studio drives at once.
    pub runs_max: usize,
    /// Runs go on by themselves when their answer comes, and after a kill of what drove them.
    pub goes_on: bool,
}

/// What is told once somebody can come in.
#[derive(Debug)]
pub struct Ready {
    /// Opens the studio on this machine; where it cannot be reached from there, its address.
    pub link: String,
    /// Where users come in by their names.
    pub public: Option<Origin>,
    /// Keys of the directory's settings that do not count, because nobody trusts it.
    pub untrusted: Vec<String>,
}

/// What every request has at hand.
#[derive(Clone)]
pub(super) struct Studio {
    pub workspace: Arc<Workspace>,
    pub door: Arc<Door>,
    pub slips: Arc<Slips>,
    pub hub: Arc<Hub>,
    pub desk: Arc<Desk>,
    /// One answer to a run at a time: whoever comes second hears that it was answered, not that somebody is busy.
    turns: Arc<[Mutex<()>; TURNS]>,
}

impl Studio {
    /// Work that reads files, on a thread that may wait.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Workspace) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (workspace, guest) = (self.workspace.clone(), Guest::here());
        tokio::task::spawn_blocking(move || Guest::takes_along(guest, || work(&workspace))).await.unwrap_or_else(|_| {
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this page could not be made; the run is not touched by that"))
        })
    }
}

impl Studio {
    /// # Errors
    /// What became of an answer that was not taken.
    pub fn answer(&self, workspace: &Workspace, request: &AnswerRequest) -> Result<Answered, Problem> {
        let turn = request.run_id.bytes().map(usize::from).sum::<usize>() % TURNS;
        let _turn = self.turns[turn].lock().unwrap_or_else(PoisonError::into_inner);
        let answered = workspace.answer(request)?;
        self.desk.look();
        Ok(answered)
    }
}

/// As many open files as connections may need, as far as the system lets us.
fn make_room() {
    let now = getrlimit(Resource::Nofile);
    let wanted = now.maximum.map_or(FILES_MAX, |most| most.min(FILES_MAX));
    if now.current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: now.maximum })
    {
        tracing::warn!(%error, "no room for many connections");
    }
}

/// The link that opens the studio of this workspace at an address.
///
/// # Errors
/// There is no token, and none can be made.
pub fn link(workspace: &Workspace, at: SocketAddr) -> Result<String, Error> {
    Ok(link_at(&Token::of(&workspace.config.runs_dir)?, at))
}

/// The owner's link leads through the machine itself; an address of a network is none of it.
fn link_at(token: &Token, at: SocketAddr) -> String {
    match at.ip() {
        ip if ip.is_loopback() => format!("http://{at}/login?token={}", token.shown()),
        ip if ip.is_unspecified() => format!("http://127.0.0.1:{}/login?token={}", at.port(), token.shown()),
        _ => format!("http://{at}/"),
    }
}

/// Serves until SIGINT or SIGTERM. `ready` is told the link once somebody can follow it.
///
/// # Errors
/// The address cannot be had; or others can reach it, and nobody has a name.
pub fn serve(workspace: Workspace, options: &Options, ready: &mut dyn FnMut(&Ready)) -> Result<(), Error> {
    let (users, files) = (Users::of(&workspace.config.runs_dir), workspace.config.studio_files.clone());
    let people = People::of(users, files)?;
    let named = people.read()?.has_anybody();
    // Before anything listens: a mistake here would be one that others can use.
    if Names::of(options.bind, options.origin.as_ref())?.reach_out() && !named {
        return Err(nobody_has_a_name(options, &workspace));
    }
    make_room();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(READERS)
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::System, "no threads for the studio").because(&error))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(options.bind).await.map_err(|error| {
            Error::new(Kind::System, format!("cannot listen on {}", options.bind))
                .because(&error)
                .hint("flow-studio serve --bind 127.0.0.1:0    # a port that is free")
        })?;
        let at = listener.local_addr().map_err(|error| Error::new(Kind::System, "no address").because(&error))?;
        let token = Token::of(&workspace.config.runs_dir)?;
        // Before anybody is told where we are: what is left of a studio before us is ours, or another one's.
        let turn = workspace.take_turn()?;
        let names = Names::of(at, options.origin.as_ref())?;
        ready(&Ready {
            link: link_at(&token, at),
            public: names.reach_out().then(|| names.first().clone()),
            untrusted: workspace.config.studio.untrusted.clone(),
        });
        let studio = Studio {
            workspace: Arc::new(workspace.keeping_views()),
            door: Arc::new(Door::new(token, names, Arc::new(people), at.port())),
            slips: Arc::default(),
            hub: Arc::default(),
            desk: Arc::new(Desk::new(options.runs_max, options.goes_on)),
            turns: Arc::default(),
        };
        tokio::spawn(desk::work(studio.clone(), turn));
        accept(listener, router(studio)).await
    })
}

fn nobody_has_a_name(options: &Options, workspace: &Workspace) -> Error {
    let place = options.origin.as_ref().map_or_else(|| options.bind.ip().to_string(), ToString::to_string);
    let mut error = Error::new(
        Kind::Refused,
        format!("{place} can be reached from other machines, and nobody may come in from there by name"),
    );
    let settings = workspace.config.studio_files.best().display();
    error =
        error.hint(format!("in {settings}:\n[studio.users]\nada = [\"reviewer\"]    # or viewer, operator; several if wanted"));
    if !workspace.config.studio.untrusted.is_empty() {
        error = error.hint("what ./flow-studio.toml says of that does not count: nobody trusts this directory (docs/studio.md)");
    }
    error.hint("flow-studio users add ada    # prints the link that opens it for her")
}

fn router(studio: Studio) -> Router {
    Router::new()
        .route("/", get(pages::inbox))
        .merge(login::routes())
        .route("/runs", get(pages::runs))
        .route("/runs/{run}", get(pages::run))
        .route("/runs/{run}/step", get(pages::step))
        .route("/runs/{run}/evidence", get(pages::evidence))
        .route("/runs/{run}/diagnosis", get(pages::diagnosis))
        .route("/runs/{run}/artifacts", get(pages::artifacts))
        .route("/runs/{run}/picture", get(pages::picture))
        .route("/runs/{run}/artifacts/raw", get(pages::raw))
        .route("/runs/{run}/report", get(pages::report))
        .route("/compare", get(pages::compare))
        .route("/flows", get(pages::flows))
        .route("/flows/{flow}", get(pages::flow))
        .route("/runs/{run}/questions/{question}", get(pages::question))
        .route("/runs/{run}/questions/{question}/answer", post(pages::answer))
        .merge(api::routes())
        .merge(lists::routes())
        .merge(operate::routes())
        .route("/assets/{name}", get(assets::asset))
        .fallback(nothing)
        .method_not_allowed_fallback(not_so)
        .layer(middleware::from_fn_with_state(studio.clone(), guard))
        .with_state(studio)
}

async fn nothing(uri: Uri, headers: HeaderMap) -> Response {
    Problem::new(StatusCode::NOT_FOUND, "there is no such page").respond(super::problem::wants_json(uri.path(), &headers))
}

async fn not_so(uri: Uri, headers: HeaderMap) -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this page does not do that")
        .respond(super::problem::wants_json(uri.path(), &headers))
}

async fn accept(listener: TcpListener, router: Router) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::new(Kind::System, "no signals").because(&error);
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map_err(failed)?;
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: those that are open may close.
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
        };
        // Whoever finds no room is let go at once.
        let Ok(place) = room.clone().try_acquire_owned() else { continue };
        let service = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            service.call(request)
        });
        tokio::spawn(async move {
            let served = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_WAIT)
                .serve_connection(TokioIo::new(Patient::new(stream, READ_WAIT)), service)
                .await;
            if let Err(error) = served {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
}
