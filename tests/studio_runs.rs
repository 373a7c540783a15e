//! The studio drives runs: real servers, real processes, killed where it hurts.
//! Starts by forms and programs; the queue; answers that let a run go on; what is left after a kill.

mod common;

#[path = "studio_runs/acts.rs"]
mod acts;
#[path = "studio_runs/answers.rs"]
mod answers;
#[path = "studio/client.rs"]
#[allow(dead_code, reason = "shared with the other tests of the studio")]
mod client;
#[path = "studio/document.rs"]
mod document;
#[path = "studio_pages/html.rs"]
#[allow(dead_code, reason = "shared with the tests of the pages")]
mod html;
#[path = "studio_runs/kills.rs"]
mod kills;
#[path = "studio_runs/queue.rs"]
mod queue;
#[path = "studio_runs/refusals.rs"]
mod refusals;
#[path = "studio_runs/start.rs"]
mod start;
#[path = "studio_runs/world.rs"]
mod world;
