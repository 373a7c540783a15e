//! What must not happen unseen: captured state before and after, compared.
//! In: globs, captured files. Out: indexes with digests, differences, checks. Never: a byte kept that was not redacted,
//! a link followed out of the workspace, two states called equal that are not.

mod compare;
mod snapshot;

pub use compare::{Change, ChangeKind, Comparison, Expected, Unread, compare};
pub use snapshot::{CapturedCommand, CapturedFile, FILE_BYTES_MAX, Index, SnapshotError, capture};
