//! The program: arguments in, exit code out. Everything else is in the library.

use std::process::ExitCode;

/// Entries are made on one thread and freed on another, all through a run: the system's allocator locks for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    flow_studio::cli::main(std::env::args_os(), std::env::vars_os())
}
