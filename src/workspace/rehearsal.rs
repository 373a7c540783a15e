//! `test`: scenario files played in memory, each flow read once.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    engine::{Scenario, ScenarioExpect},
    error::{Error, Kind},
    id::{FlowKey, ParamName},
    plan::Book,
    runner::{Rehearsal, rehearse},
    spec::{
        Diagnostics, Part, Places, did_you_mean,
        params::{self, Given},
    },
};

use super::Workspace;

/// The end of a scenario file's name.
const SUFFIX: &str = ".scenario.yaml";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    Failed,
    /// The scenario, its parameters or its flow have mistakes.
    Invalid,
}

/// One scenario file and what came of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Tested {
    pub file: String,
    pub verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
    /// The scenario says nothing under `expect`: `path` and `ends` of the rehearsal are what would have been true.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub expects_nothing: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Diagnostics>,
    /// The file could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Tested {
    fn invalid(file: String, flow: Option<FlowKey>, found: Diagnostics) -> Self {
        Self {
            file,
            verdict: Verdict::Invalid,
            flow,
            rehearsal: None,
            expects_nothing: false,
            diagnostics: Some(found),
            error: None,
        }
    }
}

impl Workspace {
    /// Plays these scenarios, or all of `flows/tests/`.
    ///
    /// # Errors
    /// There are none.
    pub fn test(&self, files: &[PathBuf]) -> Result<Vec<Tested>, Error> {
        let dir = self.config.flows_dir.join("tests");
        let files = if files.is_empty() { scenarios_in(&dir) } else { files.to_vec() };
        if files.is_empty() {
            let dir = self.shown(&dir);
            return Err(Error::new(Kind::Usage, format!("there is no scenario in {dir}"))
                .hint(format!("write {dir}/NAME{SUFFIX}: which flow, what its steps reply, what is expected")));
        }
        let read = in_parallel(&files, |path| read(path, &self.shown(path)));
        let mut books: BTreeMap<FlowKey, Result<Arc<Book>, Error>> = BTreeMap::new();
        for (scenario, _) in read.iter().filter_map(|one| one.as_ref().ok()) {
            let flow = &scenario.flow;
            books.entry(flow.clone()).or_insert_with(|| self.book(flow, false).map(|(book, _)| book));
        }
        let read: Vec<(&PathBuf, Read)> = files.iter().zip(read).collect();
        Ok(in_parallel(&read, |(path, scenario)| match scenario {
            Ok((scenario, places)) => play(self.shown(path), scenario, places, &books[&scenario.flow]),
            Err(tested) => (**tested).clone(),
        }))
    }
}

impl Workspace {
    /// The scenarios of one flow, played.
    pub fn test_flow(&self, flow: &FlowKey) -> Vec<Tested> {
        let mut files = scenarios_in(&self.config.flows_dir.join("tests"));
        files.retain(|path| read(path, &self.shown(path)).is_ok_and(|(scenario, _)| scenario.flow == *flow));
        if files.is_empty() { Vec::new() } else { self.test(&files).unwrap_or_default() }
    }

    /// A path as a person would type it in the workspace.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

fn scenarios_in(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(SUFFIX)).collect();
    files.sort();
    files
}

/// A scenario and where everything stands in it, or what came of it instead.
type Read = Result<(Scenario, Places), Box<Tested>>;

fn read(path: &Path, shown: &str) -> Read {
    let file = shown.to_owned();
    let odd = || std::io::Error::other("it is not a regular file");
    let plain = path.metadata().and_then(|about| if about.is_file() { Ok(()) } else { Err(odd()) });
    let text = plain.and_then(|()| std::fs::read_to_string(path)).map_err(|error| {
        let error = Some(format!("cannot read {file}: {error}"));
        Box::new(Tested {
            file: file.clone(),
            verdict: Verdict::Invalid,
            flow: None,
            rehearsal: None,
            expects_nothing: false,
            diagnostics: None,
            error,
        })
    })?;
    Scenario::placed(&file, &text).map_err(|found| Box::new(Tested::invalid(file, None, found)))
}

fn play(file: String, scenario: &Scenario, places: &Places, book: &Result<Arc<Book>, Error>) -> Tested {
    let flow = Some(scenario.flow.clone());
    let book = match book {
        Ok(book) => book,
        Err(error) => {
            let (diagnostics, error) = (error.diagnostics.clone(), Some(error.message.clone()));
            return Tested { file, verdict: Verdict::Invalid, flow, rehearsal: None, expects_nothing: false, diagnostics, error };
        }
    };
    let given = scenario.params.iter().map(|(name, value)| (name.to_string(), Given::Value(value.clone()))).collect();
    let main = book.library.main_flow();
    let params: Result<BTreeMap<ParamName, serde_json::Value>, _> =
        main.map_or(Ok(BTreeMap::new()), |main| params::resolve(main, &given));
    let params = match params {
        Ok(params) => params,
        Err(found) => return Tested::invalid(file, flow, of_params(&found, scenario, places)),
    };
    let unknown = never_given(book, scenario, places);
    if !unknown.is_empty() {
        return Tested::invalid(file, flow, unknown);
    }
    let rehearsal = rehearse(book, scenario, params);
    let verdict = if rehearsal.differences.is_empty() { Verdict::Ok } else { Verdict::Failed };
    let expects_nothing = scenario.expect == ScenarioExpect::default();
    Tested { file, verdict, flow, rehearsal: Some(rehearsal), expects_nothing, diagnostics: None, error: None }
}

/// What is wrong with the parameters, at those that it names; what is missing, at the flow.
fn of_params(found: &Diagnostics, scenario: &Scenario, places: &Places) -> Diagnostics {
    let marked = found.iter().map(|one| {
        let named = scenario.params.keys().find(|name| one.message.contains(&format!("`{name}`")));
        let pointer = named.map_or_else(|| "/flow".to_owned(), |name| format!("/params/{name}"));
        if one.place.is_some() { one.clone() } else { places.mark(&pointer, Part::Value, one.clone()) }
    });
    marked.collect()
}

/// What would never be given: a reply for a step that nobody has, a choice of one that does not choose.
fn never_given(book: &Book, scenario: &Scenario, places: &Places) -> Diagnostics {
    use crate::spec::Diagnostic;
    let plans = || book.flows.values().chain(book.detours.values().map(|detour| &detour.plan));
    let known = |base: &str| base.starts_with("undo-") || plans().any(|plan| plan.find(base).is_some());
    let mut found = Diagnostics::default();
    let scripted = scenario.steps.keys().map(|step| ("/steps", step));
    let expected = scenario.expect.decisions.keys().map(|step| ("/expect/decisions", step));
    for (around, step) in scripted.chain(expected).filter(|(_, step)| !known(step.base())) {
        let ids: Vec<&str> = plans().flat_map(|plan| plan.steps.iter().map(|planned| planned.spec.id.as_str())).collect();
        let diagnostic = Diagnostic::error("unknown-step", format!("flow `{}` has no step `{step}`", scenario.flow));
        let diagnostic = diagnostic.maybe_hint(did_you_mean(step.base(), ids));
        found.push(places.mark(&format!("{around}/{step}"), Part::Key, diagnostic));
    }
    // So would a choice of a step that does not choose.
    let step_of = |base: &str| plans().find_map(|plan| Some(plan.step(plan.find(base)?).spec.clone()));
    let chooses = |base: &str| step_of(base).is_none_or(|step| step.navigates.is_some());
    for (step, replies) in scenario.steps.iter().filter(|(step, _)| !chooses(step.base())) {
        if replies.iter().any(|reply| reply.next.is_some() || reply.confidence.is_some() || reply.proposal.is_some()) {
            let message =
                format!("`{step}` does not choose: `next`, `confidence` and `proposal` are for a step with `route: navigator`");
            let diagnostic = Diagnostic::error("key-without-effect", message).hint("remove them from its replies");
            found.push(places.mark(&format!("/steps/{step}"), Part::Key, diagnostic));
        }
    }
    found
}

/// In as many threads as there are processors; the results keep their order.
fn in_parallel<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(all.len()).max(1);
    if threads == 1 || all.len() < 16 {
        return all.iter().map(work).collect();
    }
    let part = all.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let running: Vec<_> = all.chunks(part).map(|chunk| scope.spawn(|| chunk.iter().map(&work).collect::<Vec<R>>())).collect();
        let joined = running.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.flatten().collect()
    })
}
