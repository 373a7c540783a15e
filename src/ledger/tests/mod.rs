//! The second ring: crash at every byte, change every line, delete every projection.

mod build;
mod disk;
mod frozen;
mod in_the_way;
mod inbox;
mod journal;
mod lock;
mod logs;
mod measure;
mod power;
mod project;
mod projector;
mod random;
mod tamper;
