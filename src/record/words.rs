//! The closed vocabularies, spelled as they stand on disk (design §2).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $type { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }
        impl $type {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words!(/// A handoff's status.
    Status { Verified = "VERIFIED", Unverified = "UNVERIFIED", Blocked = "BLOCKED" });
words!(/// What the kernel decided after a step.
DecisionKind {
    Continue = "CONTINUE", Loop = "LOOP", Detour = "DETOUR", InjectFlow = "INJECT_FLOW", InjectNodes = "INJECT_NODES",
    ExtendGraph = "EXTEND_GRAPH", Terminate = "TERMINATE", Escalate = "ESCALATE",
});
words!(/// A receipt's status.
    ReceiptStatus { Succeeded = "succeeded", Failed = "failed", Interrupted = "interrupted" });
words!(/// Whether trying again can help.
    ErrorClass { Transient = "transient", Retriable = "retriable", Permanent = "permanent", Fatal = "fatal" });
words!(/// Where a run stands.
RunStatus {
    Running = "running", Waiting = "waiting", Succeeded = "succeeded", Failed = "failed", Interrupted = "interrupted",
    Cancelled = "cancelled",
});
words!(/// What performed a step.
EngineWord {
    Shell = "shell", Openai = "openai", Claude = "claude", Codex = "codex", Cli = "cli", Stub = "stub", Replay = "replay", Builtin = "builtin",
    Human = "human",
});
words!(/// How the engine was reached.
    Mode { Api = "api", Cli = "cli", Local = "local", Stub = "stub", Replay = "replay", Human = "human" });
words!(/// What went wrong, as a closed list; signatures hash it together with the message.
FailureKind {
    Exit = "exit", Signal = "signal", Timeout = "timeout", Spawn = "spawn", Contract = "contract", BadOutput = "bad_output",
    Missing = "missing", Io = "io", Expression = "expression", Template = "template", Rejected = "rejected", Cancelled = "cancelled",
    SubFlow = "sub_flow", Limit = "limit", Snapshot = "snapshot", Compare = "compare", Boundary = "boundary", Integrity = "integrity",
    Auth = "auth", Quota = "quota", Overloaded = "overloaded", TurnLimit = "turn_limit", Budget = "budget", Context = "context",
    Refused = "refused", Outdated = "outdated", PermissionDenied = "permission_denied", Hung = "hung", Crashed = "crashed", Drift = "drift", Unknown = "unknown",
});
words!(/// The rule that made a decision; its name is recorded (design §5, routing precedence).
Rule {
    Fatal = "fatal", StopTheLine = "stop-the-line", FailedDetour = "failed-detour", CircuitOpen = "circuit-open", FailedPolicy = "failed-policy", Blocked = "blocked",
    EscalateWhen = "escalate-when", LoopVerified = "loop-verified", LoopNoFurtherHelp = "loop-no-further-help",
    LoopSameSignature = "loop-same-signature", LoopExhausted = "loop-exhausted", LoopAgain = "loop-again", Navigator = "navigator",
    Verified = "verified", UnverifiedForward = "unverified-forward", Terminal = "terminal", Approval = "approval", Ask = "ask",
    Lost = "lost", Limit = "limit", Answered = "answered", DetourDone = "detour-done", InjectionDone = "injection-done", DetourFailed = "detour-failed", DoneCheck = "done",
    Cancelled = "cancelled", RollbackDone = "rollback", Retry = "retry", PushBack = "push-back", MarkDone = "mark-done",
});
words!(/// What is done where a replay differs from what was recorded.
    Drift { Strict = "strict", Lenient = "lenient" });

#[expect(clippy::derivable_impls, reason = "the macro that spells the words knows no default")]
impl Default for Drift {
    fn default() -> Self {
        Self::Strict
    }
}
