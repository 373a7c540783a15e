//! `init`, `doctor`.
use clap::Args;
use crate::error::{Error, Kind};
use super::context::Context;
#[derive(Debug, Args)]
pub struct InitArgs { pub dir: Option<std::path::PathBuf> }
#[derive(Debug, Args)]
pub struct DoctorArgs {}
pub(super) fn run(_a: &InitArgs, _c: &Context) -> Result<u8, Error> { Err(Error::new(Kind::Usage, "later")) }
pub(super) fn doctor(_a: &DoctorArgs, _c: &Context) -> Result<u8, Error> { Err(Error::new(Kind::Usage, "later")) }
