//! Links the released program at a fixed address.
//! In: what is built, and for what. Out: one argument for the linker.
//! Never: anything that needs a network or another program.
//!
//! A program at a random address has every address in its tables written before its first line runs: 25,000 places on 118 pages,
//! each page copied for every process (benches/README.md has what that costs a short run). The heap, the stack and the
//! libraries are at random addresses all the same, and the program's own code holds no `unsafe`.

use std::env;

/// Set by whoever packs the program for a distribution that wants its own addresses to be random, too.
const RANDOM_ADDRESS: &str = "FLOW_STUDIO_PIE";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={RANDOM_ADDRESS}");
    let is = |key: &str, value: &str| env::var(key).is_ok_and(|found| found == value);
    let can = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") && is("CARGO_CFG_TARGET_ARCH", "x86_64");
    if can && is("PROFILE", "release") && env::var_os(RANDOM_ADDRESS).is_none() {
        println!("cargo::rustc-link-arg-bin=flow-studio=-no-pie");
    }
}
