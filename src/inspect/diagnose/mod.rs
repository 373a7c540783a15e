//! What is wrong with a run, why, and what to type next: the playbooks walked as a decision tree over what is on disk.
//! In: what is left of a run, and its evidence panel. Out: `Diagnosis`: the class, the causes in order, the trail, the commands.
//! Never: a cause without a file that shows it, a run changed by looking at it.

mod case;
mod causes;
mod failed;
mod patterns;
mod rank;
mod security;
mod stuck;
mod stuck_asks;
mod table;
mod unowned;
mod waiting;
mod wrong;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{RunId, Time},
    record::{Observed, RunStatus},
};

use super::{evidence::Verdict, paste::Paste, remains::Remains, status::NextStep, summary::TrailItem};

pub use causes::Cause;
pub use table::CAUSES;

/// Which playbook applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A secret may be out, or what stands here is not what was written.
    Security,
    /// It ended with an error.
    Failed,
    /// It does not go on, and no error says so.
    Stuck,
    /// A person is asked, and everything waits as it should.
    Waiting,
    /// It ended well by its own account, and its evidence does not bear that out.
    WrongOutput,
    Healthy,
}

impl Class {
    pub const ALL: &'static [Self] =
        &[Self::Security, Self::Failed, Self::Stuck, Self::Waiting, Self::WrongOutput, Self::Healthy];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Failed => "failed",
            Self::Stuck => "stuck",
            Self::Waiting => "waiting",
            Self::WrongOutput => "wrong-output",
            Self::Healthy => "healthy",
        }
    }
}

/// One cause that the evidence points to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Likely {
    /// As in docs/diagnose.md.
    pub id: String,
    pub class: Class,
    /// What was found here.
    pub says: String,
    /// What to do about it.
    pub remedy: String,
    /// Where it stands.
    pub trail: Vec<TrailItem>,
    pub next: Vec<NextStep>,
}

/// `diagnose --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    #[schemars(extend("const" = "flow-studio/diagnose/v1"))]
    pub schema: String,
    pub run_id: RunId,
    pub class: Class,
    /// Where the run stands by its own account; absent where nothing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// It only observed, and what it passed over is not done; absent of any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// What the evidence panel says of it.
    pub evidence: Verdict,
    /// When it was looked at: relative times count from here.
    pub at: Time,
    /// One sentence.
    pub headline: String,
    /// What was looked at, in order, and what stood there.
    pub trail: Vec<TrailItem>,
    /// The most likely cause first.
    pub causes: Vec<Likely>,
    /// What to type next, the most useful first.
    pub next: Vec<NextStep>,
}

impl Diagnosis {
    pub const SCHEMA: &'static str = "flow-studio/diagnose/v1";
}

/// Walks the playbooks.
pub fn diagnose(remains: &Remains, paste: &Paste) -> Diagnosis {
    rank::diagnose(remains, paste)
}

#[cfg(test)]
mod tests;
