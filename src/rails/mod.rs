//! What must not happen, or not unseen: processes that are held to what a flow promises of them; captured state before
//! and after, compared; secrets and commands that must not leave, found.
//! In: promises, globs, files. Out: fenced processes, indexes with digests, differences, checks, findings.
//! Never: a byte kept that was not redacted, a link followed out of the workspace, two states called equal that are not.

mod compare;
mod fence;
#[cfg(target_os = "linux")]
mod fence_linux;
mod pointers;
mod scan;
mod snapshot;

pub use compare::{Change, ChangeKind, Comparison, Expected, Unread, compare};
pub use fence::{CannotHold, Fence, Means, Rail, make_places, promised, start, tmp_of, told};
pub use pointers::Differs;
pub use scan::{Allow, BadAllow, DiffError, Finding, NotLookedAt, ScanReport, Scanner, allow_text, assigned_secrets};
pub use snapshot::{CapturedCommand, CapturedFile, FILE_BYTES_MAX, Index, SnapshotError, capture};
