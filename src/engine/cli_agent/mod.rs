//! Agent programs on this machine: Claude Code, Codex, and what settings describe.
//! In: `AgentWork`, the packed prompts, a program. Out: what the agent did and said, each run of the program counted.
//! Never: an open standard input, a process of its group left running, success taken from an exit code alone: a run is good
//! when it exited with 0, said that its work ended, reported no error and left a handoff that is valid.

mod call;
mod claude;
mod codex;
mod converse;
mod heard;
mod lines;
mod other;
mod program;
mod trouble;
mod verdict;
mod version;

pub(crate) use converse::perform;
pub use other::{Fields, OutputForm, PromptWay};
pub use program::{ApiKey, Dialect, Other, Program, Shared};
