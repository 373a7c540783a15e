//! The program: arguments in, exit code out. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    flow_studio::cli::main(std::env::args_os(), std::env::vars_os())
}
