//! The shell around the kernel: waits for one input, decides, saves, applies, and makes it so. It has no rules of its own.
//! In: a run that was opened, and the first inputs. Out: the run, driven until it rests.
//! Never: an order carried out before the line that allows it is synced, a wait without a bound, a decision.

mod agents;
mod brief;
mod choice;
mod clock;
mod drive;
mod evidence;
mod inbox;
mod lane;
mod manifest;
mod observer;
mod perform;
mod pool;
mod recover;
mod rehearse;
mod signals;

pub use agents::{Agents, Programmed, Programs};
pub use clock::Clock;
pub use drive::{Drive, DriveError, Ended, Setup};
pub use evidence::{evidence_path, look, look_at};
pub use manifest::manifest;
pub use observer::{Observer, Silent};
pub use perform::Scene;
pub use recover::{Books, OpenError, Opened, create, note, open};
pub use rehearse::{Rehearsal, Waiting, rehearse};
pub use signals::survive_size_limit;
