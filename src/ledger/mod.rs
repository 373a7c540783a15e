//! The only door to RUN_BASE: the journal is the truth, all other files are made from it.
//! In: clean lines, pieces of output, whole files, answers of people. Out: the files of design §3, and the entries read back.
//! Never: a write through a symlink, a path made from unchecked text, a value that no redactor has seen, a rule decided.

mod archive;
mod boot;
mod cost;
mod dir;
mod findings;
mod follow;
mod frozen;
mod generations;
mod in_the_way;
mod inbox;
mod inbox_watch;
mod journal;
mod journal_watch;
mod lines;
mod live;
mod lock;
mod log_check;
mod log_lines;
mod logs;
mod lru;
mod made;
mod place;
mod project;
mod projector;
mod prune;
mod queue;
mod reader;
mod recording;
mod retention;
mod run_dir;
mod scent;
mod settle;
mod shelves;
mod stamp;
mod streams;
mod tombstones;
mod unfinished;
mod verify;
mod written_over;

pub use boot::boot_id;
pub use cost::read as spent;
pub use findings::{Finding, FindingKind};
pub use follow::{Follow, Lines};
pub use frozen::{Frozen, FrozenError, Unsynced};
pub use inbox::{Inbox, InboxError, Letter, Message};
pub use inbox_watch::InboxWatch;
pub use journal::{Head, Journal, JournalError};
pub use journal_watch::{JournalWatch, Watched};
pub use lock::{Holder, Lock, LockError};
pub use log_lines::from_the_journal;
pub use made::{Made, unlike};
pub use place::{BadPlace, InRun};
pub use project::{Past, replacement};
pub use projector::{ProjectError, Projector};
pub use prune::{Pruned, Pruning, prune, remove, sweep};
pub use queue::{ORDERS_MAX, Queue, Traces, Turn};
pub use reader::{Reader, Replay, Replayed};
pub use recording::keep as keep_recording;
pub use retention::{Keeper, RetentionError, held, hold, release, removed};
pub use run_dir::{RunDir, RunDirError, RunsDir};
pub use scent::{ScentEntry, ScentTrail};
pub use shelves::{Amount, Shelves, artifacts, shelves};
pub use stamp::Stamp;
pub use tombstones::Tombstones;
pub use unfinished::sweep_unfinished;
pub use verify::{VerifyError, VerifyReport, repair, verify};
pub use written_over::{WrittenOver, written_over};

#[cfg(test)]
mod tests;
