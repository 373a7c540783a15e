//! What we saw, as against what was claimed: files, output, test figures, the state of the repository.
//! In: paths, bytes of output, reports of tools. Out: checks, figures and digests. Never: a word of the step believed.

mod expect;
mod git;

pub use git::{Marker, git_marker, git_state};
pub use expect::{Watch, exit_check, text_check};
