//! What we saw, as against what was claimed: files, output, test figures, the state of the repository.
//! In: paths, bytes of output, reports of tools. Out: checks, figures and digests. Never: a word of the step believed.

mod changes;
mod expect;
mod git;
mod outputs;
mod parse;
mod verdict;

pub use changes::{PER_FILE_MAX, change_figures, change_list, changes};
pub use expect::{Ended, Watch, exit_check, json_check, text_check};
pub use git::{Marker, Repository, git_marker, git_state};
pub use outputs::{Roots, There, Unfit, digest, digest_and_head, inputs, outputs};
pub use parse::{Reading, Unread, read};
pub use verdict::{Reported, failure_message, report_check};
