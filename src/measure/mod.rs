//! What we saw, as against what was claimed: files, output, test figures, the state of the repository.
//! In: paths, bytes of output, reports of tools. Out: checks, figures and digests. Never: a word of the step believed.

mod expect;

pub use expect::{Watch, exit_check, text_check};
