//! The steps of one flow in two runs: their receipts, what was measured, what agents were told.

use std::collections::BTreeSet;

use crate::{
    id::StepRef,
    kernel::Frame,
    record::{At, Proof},
    spec::Verb,
};

use super::{
    super::{
        files::{FileKind, shown_file},
        standing::Standing,
        status::standing,
        view::Execution,
        words::first_line,
    },
    Differs, Side, StepDiffers,
    parts::{differs, text},
};

pub(super) fn steps(a: Side<'_>, b: Side<'_>, left: &Frame, right: &Frame) -> Vec<StepDiffers> {
    let mut names = a.view.step_names(left);
    names.extend(b.view.step_names(right).into_iter().filter(|name| !a.view.step_names(left).contains(name)));
    names.into_iter().filter_map(|name| step(a, b, left, right, name)).collect()
}

fn step(a: Side<'_>, b: Side<'_>, left: &Frame, right: &Frame, name: StepRef) -> Option<StepDiffers> {
    let at = At { flow: left.path.clone(), step: name.clone() };
    let of = |side: Side<'_>, part: fn(&Execution) -> Option<String>| side.view.executions(&at).last().and_then(part);
    let both = |what: &str, part: fn(&Execution) -> Option<String>| differs(what, of(a, part), of(b, part));
    let stands = |side: Side<'_>, frame: &Frame| {
        let standing: Option<Standing> = frame.slot(&name).map(|slot| standing(side.view, frame, slot));
        standing.map(|one| one.to_string())
    };
    let ran = |side: Side<'_>| Some(side.view.executions(&at).len()).filter(|ran| *ran > 0).map(|ran| ran.to_string());
    let receipt: Vec<Differs> = [
        differs("stands", stands(a, left), stands(b, right)),
        differs("executions", ran(a), ran(b)),
        both("status", |one| one.proof().map(|proof| proof.status.to_string())),
        both("handoff", |one| one.handoff().map(|handoff| handoff.status.to_string())),
        both("error", |one| one.proof()?.error.as_deref().map(first_line)),
        both("signature", |one| one.proof()?.error_detail.as_ref().map(|detail| detail.signature.clone())),
        both("attempts", |one| one.proof().map(|proof| proof.attempt.to_string())),
        both("engine", |one| one.proof().map(|proof| proof.engine.to_string())),
        both("model", |one| one.proof()?.model.clone()),
        both("definition of the step", |one| one.proof().map(|proof| proof.definition_sha256.to_string())),
    ]
    .into_iter()
    .flatten()
    .collect();
    let measures = measures(last(a, &at), last(b, &at));
    let speaks =
        |frame: &Frame| frame.slot(&name).is_some_and(|slot| matches!(frame.plan.step(slot.step).spec.verb, Verb::Agent(_)));
    let prompt =
        (speaks(left) || speaks(right)).then(|| text("prompt", told(a, &at).as_deref(), told(b, &at).as_deref())).flatten();
    let same = receipt.is_empty() && measures.is_empty() && prompt.is_none();
    (!same).then(|| StepDiffers { step_id: name.clone(), receipt, measures, prompt })
}

fn last<'r>(side: Side<'r>, at: &At) -> Option<&'r Proof> {
    side.view.executions(at).last().and_then(Execution::proof)
}

/// What its agent was told last.
fn told(side: Side<'_>, at: &At) -> Option<String> {
    let shown = shown_file(side.view, side.dir, at, FileKind::Prompt, None).ok()?;
    shown.absent.is_none().then(|| shown.text())
}

fn measures(a: Option<&Proof>, b: Option<&Proof>) -> Vec<Differs> {
    let both = |what: &str, part: fn(&Proof) -> Option<String>| differs(what, a.and_then(part), b.and_then(part));
    let mut found: Vec<Differs> = [
        both("exit code", |proof| proof.commands.first()?.exit_code.map(|code| code.to_string())),
        both("output", |proof| proof.commands.first()?.stdout_sha256.as_ref().map(ToString::to_string)),
        both("tokens", |proof| proof.tokens.map(|tokens| tokens.total.to_string())),
        both("cost", |proof| proof.cost_usd.map(|usd| format!("{usd:.4} USD"))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let checks = |proof: Option<&Proof>| {
        let all = proof.map_or(&[][..], |proof| proof.checks.as_slice());
        all.iter()
            .map(|check| {
                (check.name.clone(), format!("{}, {}", if check.passed { "passed" } else { "failed" }, first_line(&check.actual)))
            })
            .collect::<Vec<_>>()
    };
    found.extend(listed("check", &checks(a), &checks(b)));
    let outputs = |proof: Option<&Proof>| {
        let all = proof.map_or(&[][..], |proof| proof.outputs.as_slice());
        let digest =
            |one: &crate::record::OutputFile| one.sha256.as_ref().map_or_else(|| "not there".to_owned(), ToString::to_string);
        all.iter().map(|one| (one.path.clone(), digest(one))).collect::<Vec<_>>()
    };
    found.extend(listed("output", &outputs(a), &outputs(b)));
    // Whatever a receipt measures besides, by its name: tests, lint, security, changes, coverage.
    let value = |proof: Option<&Proof>, name: &str| {
        let value = serde_json::to_value(proof?).ok()?;
        let measure = value.get(name)?;
        let figures = measure.get("figures").filter(|figures| !figures.is_null()).unwrap_or(measure);
        Some(figures.to_string())
    };
    for name in ["tests", "lint", "security", "coverage", "changes"] {
        found.extend(differs(name, value(a, name), value(b, name)));
    }
    found
}

fn listed(kind: &str, a: &[(String, String)], b: &[(String, String)]) -> Vec<Differs> {
    let names: BTreeSet<&String> = a.iter().chain(b).map(|(name, _)| name).collect();
    let of = |all: &[(String, String)], name: &String| all.iter().find(|(one, _)| one == name).map(|(_, value)| value.clone());
    names.into_iter().filter_map(|name| differs(format!("{kind} {name}"), of(a, name), of(b, name))).collect()
}
