//! The studio as it is: the real program behind a socket, spoken to byte by byte.
//! Attacks, each with its answer; answers by forms and by programs; events without a gap; the API against its own document.

mod common;

#[path = "studio/answers.rs"]
mod answers;
#[path = "studio/api.rs"]
mod api;
#[path = "studio/attacks.rs"]
mod attacks;
#[path = "studio/client.rs"]
mod client;
#[path = "studio/crowd.rs"]
mod crowd;
#[path = "studio/document.rs"]
mod document;
#[path = "studio/evidence.rs"]
mod evidence;
#[path = "studio/lists.rs"]
mod lists;
#[path = "studio/live.rs"]
mod live;
#[path = "studio/secrets.rs"]
mod secrets;
#[path = "studio/users.rs"]
mod users;
#[path = "studio/wire.rs"]
mod wire;
