//! Reading a run: what happened, where it stands, why, and what to do next.
//! In: the journal's entries, folded by the kernel's own `apply`. Out: views that a terminal, a page or a report shows.
//! Never: the journal interpreted a second way, a file written, a clock asked: relative times get `now` as a value.

mod by_word;
mod diagnose;
mod diff;
mod evidence;
mod explain;
mod explain_facts;
mod figures;
mod files;
mod find;
mod form;
mod growing;
mod in_force;
mod load;
mod marks;
mod next;
mod paste;
mod remains;
mod report;
mod report_html;
mod report_parts;
mod retention;
mod rollback;
mod routes;
mod run_html;
mod run_index;
mod runs;
mod saw;
mod standing;
mod status;
mod summary;
mod timeline;
mod view;
mod words;

pub use by_word::MarkedDone;
pub use diagnose::{CAUSES, Cause, Class, Diagnosis, Likely, diagnose};
pub use diff::{Differs, FlowDiffers, RunDiff, Side, StepDiffers, TextDiffers, diff};
pub use evidence::{Freshness, Hotspot, Metric, MetricName, Panel, Source, Verdict, evidence};
pub use explain::{Explanation, Sentence, explain};
pub use files::{ExecutionFiles, FileKind, FilesError, ShownFile, StepFiles, shown_file, step_files};
pub use find::NotInRun;
pub use form::form_fields;
pub use growing::Growing;
pub use in_force::{StepInForce, in_force, in_force_words};
pub use load::{BookError, ViewError, Wanted};
pub use marks::{marks, opened_by};
pub use next::looked_at_again;
pub use paste::{Paste, quoted};
pub use remains::{Machine, Remains};
pub use report::report;
pub use retention::{KindKept, Periods, RunKept, Standing as RunStanding, kept};
pub use rollback::{first_taken_back, left_standing, taken_back_words};
pub use routes::Proposal;
pub use run_html::run_html;
pub use run_index::RunIndex;
pub use runs::{RunFlow, RunLine, RunList};
pub use standing::Standing;
pub use status::{
    ChoiceLine, FailingStep, FlowReport, NextStep, RetryingStep, RunningStep, StatusReport, StepLine, WaitingQuestion,
    flow_status, status,
};
pub use summary::{Health, RunSummary, TrailItem, summary};
pub use timeline::{Window, timeline};
pub use view::{Attempt, Driver, Execution, Moment, RunView, SetAside, StepStory};
pub use words::{count, length, spent_words};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
