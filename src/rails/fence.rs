//! What a step may not do, held by the kernel of the machine: the fence around its processes.
//! In: what a flow promises of a step, and where it may write. Out: a process that cannot do otherwise, nor can its children.
//! Never: a fence that is half up taken for one, a promise that cannot be kept passed over in silence.

use std::{
    io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use crate::{
    record::Sandbox,
    spec::{Access, Network},
};

#[cfg(target_os = "linux")]
use super::fence_linux as system;

/// What this machine can hold a process to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// Landlock of this version, and seccomp.
    Linux { landlock: u32 },
    /// Nothing; why, for people.
    Missing(String),
}

impl Means {
    /// Looked at once, by trying it on a thread that ends.
    pub fn of_this_machine() -> Self {
        static FOUND: OnceLock<Means> = OnceLock::new();
        FOUND.get_or_init(probe).clone()
    }

    /// Nothing is used, whatever is there.
    pub fn switched_off() -> Self {
        Self::Missing("config says `sandbox = \"none\"`".to_owned())
    }

    /// What stands in a receipt.
    pub fn word(&self) -> String {
        match self {
            Self::Linux { landlock } => format!("landlock {landlock}, seccomp"),
            Self::Missing(_) => "none".to_owned(),
        }
    }
}

#[cfg(target_os = "linux")]
fn probe() -> Means {
    let found = std::thread::scope(|scope| scope.spawn(system::probe).join());
    match found {
        Ok(Ok(landlock)) => Means::Linux { landlock },
        Ok(Err(why)) => Means::Missing(why),
        Err(_) => Means::Missing("the kernel could not be asked".to_owned()),
    }
}

#[cfg(not(target_os = "linux"))]
fn probe() -> Means {
    Means::Missing("this is not Linux, and nothing else is used yet".to_owned())
}

/// What holds for the processes of one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fence {
    /// Directories in which they may write; `None`: anywhere.
    pub writable: Option<Vec<PathBuf>>,
    /// They may have no sockets.
    pub silent: bool,
}

/// What a flow promises of a step, held against what can be kept here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Rail {
    /// Nothing was promised.
    #[default]
    Open,
    Fenced {
        fence: Fence,
        sandbox: Sandbox,
    },
    /// Promised, not enforced, and allowed so by whoever started the run.
    Unenforced {
        sandbox: Sandbox,
    },
}

/// What cannot be promised here; a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{promise}` cannot be enforced on this machine: {why}; --allow-unenforced runs it without")]
pub struct CannotHold {
    promise: String,
    why: String,
}

impl Rail {
    /// `own`: where a step that observes may write. `means` is asked only about a step that promises something.
    ///
    /// # Errors
    /// The machine cannot keep the promise, and nobody allowed to go without.
    pub fn new(
        (access, network): (Access, Network),
        own: impl FnOnce() -> Vec<PathBuf>,
        means: impl FnOnce() -> Means,
        allow_unenforced: bool,
    ) -> Result<Self, CannotHold> {
        let Some(promise) = promised(access, network) else { return Ok(Self::Open) };
        let requested = match (access, network) {
            (Access::Observe, Network::Open) => "observe",
            (Access::Observe, Network::None) => "observe, network none",
            (Access::Change, Network::None | Network::Open) => "change, network none",
        };
        let sandbox = |enforced| Sandbox { requested: requested.to_owned(), enforced };
        let means = means();
        match &means {
            Means::Linux { .. } => Ok(Self::Fenced {
                fence: Fence { writable: (access == Access::Observe).then(own), silent: network == Network::None },
                sandbox: sandbox(means.word()),
            }),
            Means::Missing(_) if allow_unenforced => {
                Ok(Self::Unenforced { sandbox: sandbox("none (--allow-unenforced)".to_owned()) })
            }
            Means::Missing(why) => Err(CannotHold { promise: promise.to_owned(), why: why.clone() }),
        }
    }

    pub fn fence(&self) -> Option<&Fence> {
        match self {
            Self::Fenced { fence, .. } => Some(fence),
            Self::Open | Self::Unenforced { .. } => None,
        }
    }

    /// The step promised to change nothing, whoever sees to it.
    pub fn observes(&self) -> bool {
        self.sandbox().is_some_and(|sandbox| sandbox.requested.starts_with("observe"))
    }

    /// For the receipt.
    pub fn sandbox(&self) -> Option<&Sandbox> {
        match self {
            Self::Open => None,
            Self::Fenced { sandbox, .. } | Self::Unenforced { sandbox } => Some(sandbox),
        }
    }
}

/// The promise in the words of a flow.
pub fn promised(access: Access, network: Network) -> Option<&'static str> {
    match (access, network) {
        (Access::Change, Network::Open) => None,
        (Access::Observe, Network::Open) => Some("access: observe"),
        (Access::Change, Network::None) => Some("network: none"),
        (Access::Observe, Network::None) => Some("access: observe, network: none"),
    }
}

/// A text of a failed step in which the fence may have had a hand, told as a sentence.
pub fn told(fence: &Fence, stderr: &str) -> Option<String> {
    const SIGNS: [&str; 8] = [
        "Permission denied",
        "Operation not permitted",
        "os error 13",
        "os error 1)",
        "EACCES",
        "EPERM",
        "Invalid cross-device",
        "EXDEV",
    ];
    if !SIGNS.iter().any(|sign| stderr.contains(sign)) {
        return None;
    }
    let mut said = Vec::new();
    if fence.writable.is_some() {
        said.push("`access: observe` lets the step write in $STEP_DIR and $TMPDIR, and change nothing else");
    }
    if fence.silent {
        said.push("`network: none` gives it no sockets");
    }
    Some(said.join("; "))
}

/// Where a step that observes keeps what it needs for a while: its TMPDIR.
pub fn tmp_of(step_dir: &Path) -> PathBuf {
    step_dir.join("tmp")
}

/// Makes the places in which a step that observes may write. Blocks.
///
/// # Errors
/// They cannot be made.
pub fn make_places(step_dir: &Path) -> io::Result<()> {
    let tmp = tmp_of(step_dir);
    std::fs::create_dir_all(&tmp)?;
    // The fence would follow a link that an earlier step left here.
    for place in [step_dir, &tmp] {
        if !place.symlink_metadata()?.is_dir() {
            return Err(io::Error::other(format!("{} is a link", place.display())));
        }
    }
    Ok(())
}

/// Calls `start` where the fence stands: whatever process it starts is behind it, with all its children. Without a fence
/// this is a call. Every spawner goes through here.
///
/// The fence holds for the thread that puts it up and for what that thread starts, and cannot be taken down; so a thread
/// of its own does it, and ends.
///
/// # Errors
/// Those of `start`; and when the fence cannot be put up, in which case nothing was started.
pub fn start<T: Send>(fence: Option<&Fence>, start: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    let Some(fence) = fence else { return start() };
    behind(fence, start)
}

#[cfg(target_os = "linux")]
fn behind<T: Send>(fence: &Fence, start: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    let prepared = system::Prepared::new(fence)?;
    std::thread::scope(|scope| {
        let work = move || {
            prepared.put_up()?;
            start()
        };
        let thread = std::thread::Builder::new().name("fence".to_owned()).spawn_scoped(scope, work)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(not(target_os = "linux"))]
fn behind<T: Send>(_: &Fence, _: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "there is no fence on this system"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rail(access: Access, network: Network, means: &Means, allowed: bool) -> Result<Rail, CannotHold> {
        Rail::new((access, network), || vec!["/own".into()], || means.clone(), allowed)
    }

    #[test]
    fn a_promise_is_kept_refused_or_waived_but_never_passed_over() {
        let (able, unable) = (Means::Linux { landlock: 7 }, Means::Missing("it is old".to_owned()));
        for means in [&able, &unable] {
            assert_eq!(rail(Access::Change, Network::Open, means, false), Ok(Rail::Open));
        }
        let kept = rail(Access::Observe, Network::None, &able, true).unwrap();
        assert_eq!(kept.fence(), Some(&Fence { writable: Some(vec!["/own".into()]), silent: true }));
        assert_eq!(kept.sandbox().unwrap().enforced, "landlock 7, seccomp");
        let refused = rail(Access::Observe, Network::Open, &unable, false).unwrap_err().to_string();
        assert!(refused.contains("`access: observe` cannot be enforced") && refused.contains("it is old"), "{refused}");
        let waived = rail(Access::Change, Network::None, &unable, true).unwrap();
        assert!(waived.fence().is_none());
        assert_eq!(waived.sandbox().unwrap().requested, "change, network none");
        assert_eq!(waived.sandbox().unwrap().enforced, "none (--allow-unenforced)");
    }

    #[test]
    fn the_fence_is_not_left_around_whoever_put_it_up() {
        let dir = tempfile::tempdir().unwrap();
        let fence = Fence { writable: Some(Vec::new()), silent: true };
        if matches!(Means::of_this_machine(), Means::Missing(_)) {
            return assert!(start(Some(&fence), || Ok(())).is_err());
        }
        let path = dir.path().join("a");
        assert!(start(Some(&fence), || std::fs::write(&path, "a")).is_err());
        assert!(std::fs::write(&path, "a").is_ok());
        assert!(std::net::UdpSocket::bind("127.0.0.1:0").is_ok());
    }
}
