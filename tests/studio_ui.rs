//! The studio in a real browser, as people use it: with a mouse, with keys, on a phone, without a script, in the dark.
//! `make test-ui` installs or names what it needs and runs this; without the feature `ui-tests` it is not built.

mod common;

#[path = "studio/client.rs"]
#[allow(dead_code, reason = "of what the other tests of the studio ask of it, a browser does most by itself")]
mod client;
#[path = "studio_ui/driver.rs"]
mod driver;
#[path = "studio_ui/export.rs"]
mod export;
#[path = "studio_ui/following.rs"]
mod following;
#[path = "studio_ui/keys.rs"]
mod keys;
#[path = "studio_ui/long.rs"]
mod long;
#[path = "studio_ui/looks.rs"]
mod looks;
#[path = "studio_ui/people.rs"]
mod people;
#[path = "studio_ui/pictures.rs"]
mod pictures;
#[path = "studio_ui/restart.rs"]
mod restart;
#[path = "studio_ui/tabs.rs"]
mod tabs;
#[path = "studio_ui/world.rs"]
mod world;
