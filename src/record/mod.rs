//! What is written down: pure data and the version of each format.
//! In: nothing. Out: the types of the journal and of every file in RUN_BASE that another tool reads.
//! Never: a file opened, a rule decided, a field flattened or untagged.

mod about;
mod decision;
mod entry;
mod envelope;
mod figures;
mod manifest;
mod options;
mod order;
mod proof;
mod question;
mod reasons;
mod receipt;
mod recording;
mod reply;
mod retention;
mod way;
mod words;

pub use decision::{Decision, IterationOf};
pub use entry::{At, Entry, Fact, InputNote, Item, LimitName, Outcome, Parent};
pub use envelope::{
    Assumption, Concern, Draft, DraftRouting, Envelope, EnvelopeMeta, EnvelopeRouting, Evidence, Measured, Summary,
};
pub use figures::{
    ChangeFigures, ChangeKind, CountBefore, CoverageFigures, Figures, FileChange, FindingFigures, TestCount, TestFigures,
};
pub use manifest::{FlowStatus, Manifest, Observed, OpenQuestion};
pub use options::{ResumeOptions, RunOptions};
pub use order::{Begun, Errand, Order, OrderState, Refusal};
pub use proof::{
    Call, Check, Claim, CommandRun, ContextManifest, ContextPart, CostLine, ErrorDetail, Git, InputFile, OutputFile, Proof,
    RoutingSignal, Sandbox, Spent, Switch, Tokens,
};
pub use question::{
    Answer, Change, Channel, Identity, Option_, Question, QuestionKind, QuestionStatus, Shown, Told, subject_digest,
};
pub use reasons::{SkipReason, StopCause, SupersedeReason, WaitReason};
pub use receipt::{Header, Receipt};
pub use recording::{RecordedFile, RecordingIndex, Replaying};
pub use reply::{CallLimits, Failure, Kept, LimitHit, Reply, ReplyOutcome, Stream};
pub use retention::{Archived, Hold, KeptKind, PrunedFile, RetentionAct, RetentionLine};
pub use way::{Injected, Injection, Way};
pub use words::{DecisionKind, Drift, EngineWord, ErrorClass, FailureKind, Mode, ReceiptStatus, Rule, RunStatus, Status};
