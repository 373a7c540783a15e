//! Which names an expression or a template may use, and which of them it does use.
//! In: what stands around a text in its flow. Out: whether a name is legal, with the one that was meant.
//! Never: a name that is only looked up when the step starts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    diagnostic::{did_you_mean, nearest, one_of},
    expr::CUT,
};

macro_rules! step_fields {
    ($($variant:ident $word:literal $says:literal),+ $(,)?) => {
        /// What can be asked of a step that has ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum StepField { $(#[doc = $says] $variant),+ }

        impl StepField {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
            /// In a few words, for the reference.
            pub fn says(self) -> &'static str {
                match self { $(Self::$variant => $says),+ }
            }
        }
    };
}

step_fields! {
    Status "status" "`VERIFIED`, `UNVERIFIED` or `BLOCKED`.",
    Passed "passed" "Whether it ended well and its contract was met.",
    ExitCode "exit_code" "Of its command; none where no command ran to its end.",
    Stdout "stdout" "What it printed; more than 64 KiB have no value in a condition.",
    Stderr "stderr" "What it printed as errors; likewise.",
    Json "json" "Standard output read as JSON, if it has at most 64 KiB; of a question, the answer with its `values`.",
    Handoff "handoff" "The handoff envelope.",
    Iteration "iteration" "The round of its loop.",
    Skipped "skipped" "Whether it was left out.",
    Choice "choice" "What a person chose.",
    Note "note" "What a person wrote beside it.",
    Error "error" "Why it failed, in a sentence.",
    Measured "measured" "Figures: tests, lint, security, coverage, changes.",
}

/// What has a value when `expect.json` is looked at: the command has ended, and nothing else has happened.
const EARLY: &[StepField] = &[StepField::Passed, StepField::ExitCode, StepField::Stdout, StepField::Stderr, StepField::Json];

/// What stands under `measured`, and whether it is known in `expect.json`.
const FIGURES: &[(&str, bool)] = &[
    ("exit_code", true),
    ("passed", true),
    ("checks", true),
    ("checks_failed", true),
    ("tests", false),
    ("lint", false),
    ("security", false),
    ("coverage", false),
    ("changes", false),
];

/// Where that is known which comes too late for `expect.json`.
const LATER: &str = "it is known in escalate.when, in loop.until and in later steps";

impl StepField {
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.word() == word)
    }
}

/// What a text asks for, as far as it can be seen without running it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// Fields by the step's id.
    pub steps: BTreeMap<String, BTreeSet<StepField>>,
    /// It takes `steps` as a whole, or picks a step by a computed name: any field of any step may be asked for.
    pub steps_dynamic: bool,
    /// Fields of `step`, the one that just ended.
    pub step: BTreeSet<StepField>,
    /// Every top-level name that it uses.
    pub tops: BTreeSet<String>,
}

impl Reads {
    /// Why a field that it names has no value, with the name that it is asked by: what was cut is not shown as the whole.
    /// `values`: those of `steps` and `step`.
    pub(super) fn cut<'v>(
        &self,
        wanted: impl Fn(StepField) -> bool,
        values: impl Fn(&str) -> Option<&'v Value>,
    ) -> Option<String> {
        let why = |name: &str, step: Option<&Value>, fields: &BTreeSet<StepField>| {
            let cut = step?.get(CUT)?;
            let lacking = |field: &StepField| Some((*field, cut.get(field.word())?.as_str()?));
            let (field, why) = fields.iter().filter(|field| wanted(**field)).find_map(lacking)?;
            Some(format!("`{name}.{}` {why}", field.word()))
        };
        let steps = values("steps");
        let named = |(id, fields): (&String, &BTreeSet<StepField>)| why(&path("steps", id), steps?.get(id), fields);
        self.steps.iter().find_map(named).or_else(|| why("step", values("step"), &self.step))
    }
}

/// Why `field` of a step that was picked by a computed name is not there.
pub(super) fn cut_somewhere(field: &str, steps: Option<&Value>) -> Option<String> {
    let mut lacking = steps?.as_object()?.values().filter_map(|step| step.get(CUT)?.get(field)?.as_str());
    lacking.next().map(|why| format!("`{field}` of a step {why}"))
}

/// The names that are legal at one place of a flow.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// `None`: any, because the flow is not known here (detours).
    pub params: Option<Arc<BTreeSet<String>>>,
    pub steps: Arc<BTreeSet<String>>,
    /// Further top-level names: `step`, `measured`, `iteration`, `json`, `run`, `flow`, the name of an item.
    pub others: BTreeSet<String>,
    /// The place is `expect.json`: the step has only just ended.
    pub early: bool,
    /// The flow of a run that has begun: it must load as it did, also where newer rules would refuse it.
    pub frozen: bool,
}

/// A name that is not one, inside a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub code: &'static str,
    pub message: String,
    pub hint: Option<String>,
    /// Byte in the text.
    pub at: usize,
    pub length: usize,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// The names at the top of an expression or a template: where they are known, and what they hold.
pub const TOP_NAMES: &[(&str, &str, &str)] = &[
    ("params", "everywhere", "The run's parameters, by name."),
    ("steps", "everywhere", "The flow's steps, by id; `steps['my-step']` where the id has a hyphen."),
    (
        "step",
        "`escalate.when`, `loop.until`, `expect.json`, a detour's `measured`",
        "The step that has just ended; in `expect.json` its `passed`, `exit_code`, `stdout`, `stderr` and `json`.",
    ),
    (
        "measured",
        "`escalate.when`, `loop.until`, `expect.json`, a detour's `measured`",
        "Its figures; what was not measured is null. In `expect.json` only `passed`, `exit_code`, `checks` and `checks_failed`.",
    ),
    ("iteration", "`escalate.when`, `loop.until`, `expect.json`, a detour's `measured`", "The round of its loop."),
    ("json", "`expect.json`", "Standard output, read as JSON."),
    ("run", "templates", "`run.id`, and `run.by`: who started it."),
    ("flow", "templates", "`flow.key`, `flow.title`, `flow.role`."),
];

/// Legal names with a purpose, for the hint where they are not legal.
const ELSEWHERE: &[(&str, &str)] = &[
    ("step", "`step` is known only in escalate.when, loop.until, expect.json and a detour's measured"),
    ("measured", "`measured` is known only in escalate.when, loop.until, expect.json and a detour's measured"),
    ("iteration", "`iteration` is known only in escalate.when, loop.until, expect.json and a detour's measured"),
    ("json", "`json` is known only in expect.json; elsewhere write steps.<id>.json"),
    ("env", "environment values are not visible here; hand them in as params"),
    ("secrets", "secrets are never visible here; they reach only the steps that name them"),
    ("run", "`run` is known only in templates"),
    ("flow", "`flow` is known only in templates"),
];

impl Names {
    #[must_use]
    pub fn with(mut self, others: &[&str]) -> Self {
        self.others.extend(others.iter().map(|name| (*name).to_owned()));
        self
    }

    /// Checks a top-level name; `Err` is message and hint.
    pub(super) fn top(&self, name: &str) -> Result<(), (String, Option<String>)> {
        if matches!(name, "params" | "steps") || self.others.contains(name) {
            return Ok(());
        }
        let known = || ["params", "steps"].into_iter().chain(self.others.iter().map(String::as_str));
        let hint = ELSEWHERE
            .iter()
            .find(|(elsewhere, _)| *elsewhere == name)
            .map(|(_, why)| (*why).to_owned())
            .or_else(|| self.param_or_step(name))
            .or_else(|| did_you_mean(name, known()))
            .or_else(|| Some(format!("known here: {}", one_of(known()))));
        Err((format!("the name `{name}` is not known here"), hint))
    }

    /// People write `client` for `params.client`.
    fn param_or_step(&self, name: &str) -> Option<String> {
        if self.params.as_ref().is_some_and(|params| params.contains(name)) {
            return Some(format!("did you mean `{}`?", path("params", name)));
        }
        self.steps.contains(name).then(|| format!("did you mean `{}`?", path("steps", name)))
    }

    /// Checks what stands under `run` and `flow`.
    pub(super) fn about(&self, top: &str, word: &str) -> Result<(), (String, Option<String>)> {
        let known: &[&str] = match top {
            "run" => &["id", "by"],
            "flow" => &["key", "title", "role"],
            _ => return Ok(()),
        };
        if self.frozen || known.contains(&word) {
            return Ok(());
        }
        Err((format!("`{top}` has no `{word}`"), Some(format!("known: {}", known.join(", ")))))
    }

    pub(super) fn param(&self, name: &str) -> Result<(), (String, Option<String>)> {
        let Some(params) = &self.params else { return Ok(()) };
        if params.contains(name) {
            return Ok(());
        }
        let hint = match nearest(name, params.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean `{}`?", path("params", meant)),
            None if params.is_empty() => "this flow declares no `params`".to_owned(),
            None => format!("the flow declares {}", one_of(params.iter().map(String::as_str))),
        };
        Err((format!("the flow has no parameter `{name}`"), Some(hint)))
    }

    pub(super) fn step(&self, id: &str) -> Result<(), (String, Option<String>)> {
        if self.steps.contains(id) {
            return Ok(());
        }
        let known = || self.steps.iter().map(String::as_str);
        let hint = match nearest(id, known()) {
            Some(meant) => format!("did you mean `{}`?", path("steps", meant)),
            None if self.steps.is_empty() => "no step can be named here".to_owned(),
            None => format!("the steps are {}", one_of(known())),
        };
        Err((format!("there is no step `{id}`"), Some(hint)))
    }

    /// Checks a field of `step`.
    pub(super) fn own_field(&self, word: &str) -> Result<StepField, (String, Option<String>)> {
        let field = Self::field(word)?;
        if !self.early || self.frozen || EARLY.contains(&field) {
            return Ok(field);
        }
        let hint = if field == StepField::Iteration { "write `iteration`" } else { LATER };
        Err((format!("`step.{word}` has no value yet in expect.json"), Some(hint.to_owned())))
    }

    /// Checks what stands under `measured`.
    pub(super) fn figure(&self, word: &str) -> Result<(), (String, Option<String>)> {
        match FIGURES.iter().find(|(known, _)| *known == word) {
            _ if self.frozen => Ok(()),
            Some((_, early)) if *early || !self.early => Ok(()),
            Some(_) => Err((format!("`measured.{word}` has no value yet in expect.json"), Some(LATER.to_owned()))),
            None => {
                let words = || FIGURES.iter().map(|(known, _)| *known);
                let hint =
                    did_you_mean(word, words()).unwrap_or_else(|| format!("known: {}", words().collect::<Vec<_>>().join(", ")));
                Err((format!("nothing is measured as `{word}`"), Some(hint)))
            }
        }
    }

    pub(super) fn field(word: &str) -> Result<StepField, (String, Option<String>)> {
        StepField::from_word(word).ok_or_else(|| {
            let words = || StepField::ALL.iter().map(|field| field.word());
            let hint =
                did_you_mean(word, words()).unwrap_or_else(|| format!("known: {}", words().collect::<Vec<_>>().join(", ")));
            (format!("a step has no `{word}`"), Some(hint))
        })
    }
}

/// `steps.build`, or `steps['unit-tests']` where a hyphen would be a minus.
fn path(top: &str, name: &str) -> String {
    if name.contains('-') { format!("{top}['{name}']") } else { format!("{top}.{name}") }
}
