//! Which signals stop a run, and which must not stop us.
//! In: what the process that started us chose to ignore. Out: signals with what they ask for.

use std::io::Read as _;

use rustix::process::{Resource, Signal, getrlimit};
use tokio::signal::unix::{SignalKind, signal};

use crate::record::StopCause;

/// A terminal that goes away (HUP) asks for what TERM asks for: an orderly end, with nothing left running. Whatever was
/// ignored when we were started stays ignored: `nohup`, or the INT of a shell's background job.
pub(super) fn stopping() -> impl Iterator<Item = (SignalKind, StopCause)> {
    let ignored = ignored();
    [(Signal::INT, StopCause::Sigint), (Signal::TERM, StopCause::Sigterm), (Signal::HUP, StopCause::Sigterm)]
        .into_iter()
        .filter(move |(signal, _)| ignored & (1 << (signal.as_raw() - 1)) == 0)
        .map(|(signal, cause)| (SignalKind::from_raw(signal.as_raw()), cause))
}

/// One bit per signal. Only Linux tells.
fn ignored() -> u64 {
    // It says that it is empty: without room for it, it would be read in dozens of small pieces.
    let mut bytes = Vec::with_capacity(4096);
    if std::fs::File::open("/proc/self/status").and_then(|mut file| file.read_to_end(&mut bytes)).is_err() {
        return 0;
    }
    let status = String::from_utf8_lossy(&bytes);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// A write beyond the limit on file sizes (`ulimit -f`), if there is one, fails like any other from now on, instead of ending us in
/// the middle of it. Processes that we start are not concerned.
///
/// # Errors
/// When the system takes no handler.
pub fn survive_size_limit() -> std::io::Result<()> {
    if getrlimit(Resource::Fsize).current.is_none() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    // The handler stays when the stream goes: tokio never restores what was before.
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}
