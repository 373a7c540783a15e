//! `test`: flows against scripts, in memory.
use super::context::Context;
use crate::{
    error::{Error, Kind},
    workspace::RunRequest,
};
use clap::Args;
#[derive(Debug, Args)]
pub struct TestArgs {
    pub files: Vec<std::path::PathBuf>,
}
pub(super) fn run(_args: &TestArgs, _context: &Context) -> Result<u8, Error> {
    Err(Error::new(Kind::Usage, "later"))
}
pub(super) fn dry_run(_request: &RunRequest, _context: &Context) -> Result<u8, Error> {
    Err(Error::new(Kind::Usage, "later"))
}
