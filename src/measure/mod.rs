//! What we saw, as against what was claimed: files, output, test figures, the state of the repository.
//! In: paths, bytes of output, reports of tools. Out: checks, figures and digests. Never: a word of the step believed.

mod expect;
mod git;
mod outputs;
mod tools;
mod verdict;

pub use expect::{Watch, exit_check, json_check, text_check};
pub use git::{Marker, git_marker, git_state};
pub use outputs::{Roots, There, Unfit, digest, inputs, outputs};
pub use tools::{Reading, Unread, read};
pub use verdict::{failure_message, merged, report_check};
