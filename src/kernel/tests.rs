//! The kernel, played in memory: scripted replies in, the path and the decisions out.
//! Every line of every play is also held against the invariants of `audit`.

mod again;
mod answers;
mod approvals;
mod audit;
mod breaker;
mod detours;
mod doubts;
mod fan_out;
mod flows;
mod joins;
mod limits;
mod loops;
mod matrix;
mod navigator;
mod observing;
mod outputs;
mod overtime;
mod play;
mod policies;
mod properties;
mod random;
mod recovery;
mod refresh;
mod refresh_keeps;
mod retries;
mod rollback;
mod rollback_asked;
mod routing;
mod say;
mod stopping;
mod trail;

use play::Play;
use say::{Say, blocked, fails, fatal, flaky, high, interrupted, ok, permanent, transient, unverified, verified};
