//! The studio: runs in a browser, started there, and the answers of people who look at them.
//! In: requests, by whoever has a token of this runs directory. Out: pages that read without a script, events as they happen, processes
//! that drive runs and outlive us.
//! Never: a request without a token, a GET that decides, a rule of its own: what a page says the command line says as well.

mod api;
mod assets;
mod desk;
mod door;
mod lists;
mod live;
mod login;
mod names;
mod openapi;
mod operate;
mod pages;
mod patience;
mod people;
mod private;
mod problem;
mod sent;
mod server;
mod slips;
mod token;
mod users;
mod who;

pub use names::Origin;
pub use server::{Options, Ready, link, serve};
pub use users::{User, Users};
