//! Runs, flows and texts, compared one by one. Only what differs is told.

use std::collections::BTreeSet;

use similar::TextDiff;

use crate::{
    id::{FramePath, Sha256},
    kernel::Frame,
    ledger::{Frozen, RunDir},
    record::Fact,
};

use super::{
    super::{status::flow_status, view::RunView},
    Differs, FlowDiffers, Side, TextDiffers, steps,
};

/// Lines of one diff: what a person reads before opening the files.
const LINES_MAX: usize = 200;

/// A rough diff of large texts is better than a long wait.
const WAIT: std::time::Duration = std::time::Duration::from_secs(2);

pub(super) fn differs(what: impl Into<String>, a: Option<String>, b: Option<String>) -> Option<Differs> {
    (a != b).then(|| Differs { what: what.into(), a, b })
}

pub(super) fn text(what: &str, a: Option<&str>, b: Option<&str>) -> Option<TextDiffers> {
    if a == b {
        return None;
    }
    let (old, new) = (a.unwrap_or_default(), b.unwrap_or_default());
    let name = |side: &str, there: Option<&str>| if there.is_some() { format!("{side}/{what}") } else { "/dev/null".to_owned() };
    let lines = TextDiff::configure().timeout(WAIT).diff_lines(old, new);
    let whole = lines.unified_diff().context_radius(3).header(&name("a", a), &name("b", b)).to_string();
    let cut = whole.lines().count() > LINES_MAX;
    let diff: String = whole.lines().take(LINES_MAX).map(|line| format!("{line}\n")).collect();
    let digest = |text: Option<&str>| text.map(|text| Sha256::of(text.as_bytes()));
    Some(TextDiffers { what: what.to_owned(), a_sha256: digest(a), b_sha256: digest(b), diff, cut })
}

pub(super) fn run(a: &RunView, b: &RunView) -> Vec<Differs> {
    let of = |view: &RunView| {
        let info = view.state.run.as_deref();
        info.map(|info| [info.workspace.to_string(), info.host.to_string(), info.version.to_string()])
    };
    let (a, b) = (of(a), of(b));
    let part = |all: &Option<[String; 3]>, at: usize| all.as_ref().map(|all| all[at].clone());
    ["workspace", "host", "version"]
        .into_iter()
        .enumerate()
        .filter_map(|(at, what)| differs(what, part(&a, at), part(&b, at)))
        .collect()
}

pub(super) fn flows(a: Side<'_>, b: Side<'_>, only: Option<&FramePath>) -> Vec<FlowDiffers> {
    let mut paths: Vec<&FramePath> = a.view.flow_order.iter().collect();
    paths.extend(b.view.flow_order.iter().filter(|path| !a.view.flow_order.contains(path)));
    paths.retain(|path| {
        only.is_none_or(|only| {
            path.as_str().strip_prefix(only.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    });
    paths.into_iter().filter_map(|path| flow(a, b, path)).collect()
}

fn flow(a: Side<'_>, b: Side<'_>, path: &FramePath) -> Option<FlowDiffers> {
    let mut found = FlowDiffers {
        flow_path: path.clone(),
        only_in: None,
        state: Vec::new(),
        params: Vec::new(),
        definition: Vec::new(),
        route: None,
        steps: Vec::new(),
    };
    let (Some(left), Some(right)) = (a.view.state.frame(path), b.view.state.frame(path)) else {
        found.only_in = Some(if a.view.state.frame(path).is_some() { "a" } else { "b" }.to_owned());
        return Some(found);
    };
    let status = |view: &RunView, frame: &Frame| Some(flow_status(view, frame).to_string());
    found.state.extend(differs("status", status(a.view, left), status(b.view, right)));
    found.params = params(left, right);
    if left.definition != right.definition && left.parent.is_none() {
        found.definition = definition(frozen(a.dir, left), frozen(b.dir, right));
    }
    found.route = text("route", Some(&route(a.view, path)), Some(&route(b.view, path)));
    found.steps = steps::steps(a, b, left, right);
    let same = found.state.is_empty()
        && found.params.is_empty()
        && found.definition.is_empty()
        && found.route.is_none()
        && found.steps.is_empty();
    (!same).then_some(found)
}

fn params(a: &Frame, b: &Frame) -> Vec<Differs> {
    let names: BTreeSet<_> = a.params.keys().chain(b.params.keys()).collect();
    let value = |frame: &Frame, name| frame.params.get(name).map(ToString::to_string);
    names.into_iter().filter_map(|name| differs(name.as_str(), value(a, name), value(b, name))).collect()
}

type Files = std::collections::BTreeMap<String, Vec<u8>>;

/// The frozen files of the definition that counts; a refresh stands beside the first.
fn frozen(run: &RunDir, frame: &Frame) -> Files {
    Frozen::of(run, &frame.path, &frame.definition).map(|frozen| frozen.files).unwrap_or_default()
}

fn definition(a: Files, b: Files) -> Vec<TextDiffers> {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let content = |files: &Files, name: &str| files.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    names.into_iter().filter_map(|name| text(name, content(&a, name).as_deref(), content(&b, name).as_deref())).collect()
}

/// One line per decision, in order.
fn route(view: &RunView, flow: &FramePath) -> String {
    let line = |moment: &super::super::view::Moment| match moment.fact.as_ref() {
        Fact::Routed { flow: of, decision } if of == flow => {
            let next: Vec<&str> = decision.next_step_ids.iter().map(crate::id::StepRef::as_str).collect();
            let to = if next.is_empty() { String::new() } else { format!(" → {}", next.join(", ")) };
            Some(format!("{} {} ({}){to}\n", decision.step_id, decision.decision, decision.rule))
        }
        Fact::StepSkipped { at, detail, .. } if at.flow == *flow => Some(format!("{} skipped: {detail}\n", at.step)),
        _ => None,
    };
    view.moments.iter().filter_map(line).collect()
}
