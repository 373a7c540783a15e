//! How the released program is linked: at a fixed address, and with its own unwinder.
//! In: what is built, for what, and what the linker has at hand. Out: arguments for the linker.
//! Never: anything that needs a network, or a build that fails for want of what only makes it faster.
//!
//! A program at a random address has every address in its tables written before its first line runs: 25,000 places on 118 pages,
//! each page copied for every process. A library that is found and mapped at the start costs a tenth of a millisecond, and the
//! unwinder is needed by whoever panics (benches/README.md has what both cost a short run). The heap, the stack and the
//! other libraries are at random addresses all the same, and the program's own code holds no `unsafe`.

use std::{env, path::Path, process::Command};

/// Set by whoever packs the program for a distribution that wants its own addresses to be random, too.
const RANDOM_ADDRESS: &str = "FLOW_STUDIO_PIE";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={RANDOM_ADDRESS}");
    let is = |key: &str, value: &str| env::var(key).is_ok_and(|found| found == value);
    let can = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") && is("CARGO_CFG_TARGET_ARCH", "x86_64");
    if !can || !is("PROFILE", "release") {
        return;
    }
    if env::var_os(RANDOM_ADDRESS).is_none() {
        println!("cargo::rustc-link-arg-bin=flow-studio=-no-pie");
    }
    if let Some(dir) = directory_of("libgcc_eh.a") {
        println!("cargo::rustc-link-search=native={dir}");
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Where the linker finds this file; `None` if it does not, or is none that can be asked.
fn directory_of(file: &str) -> Option<String> {
    let linker = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let said = Command::new(linker).arg(format!("-print-file-name={file}")).output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let found = Path::new(said.trim()).canonicalize().ok().filter(|found| found.is_file())?;
    Some(found.parent()?.to_str()?.to_owned())
}
