//! The sections of a report, each a block of Markdown; an empty one is left out.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    id::FramePath,
    kernel::{DoneState, Frame, Slot},
    record::{At, DecisionKind, Question, RunStatus},
    spec::Severity,
};

use super::{
    by_word::counts_by_word,
    figures::{executor, receipt_path, verb_word},
    paste::Paste,
    rollback::undos,
    routes::{choice, proposals},
    standing::Standing,
    status::{flow_status, standing},
    view::{Execution, RunView},
    words::{clean, first_line, length},
};

/// Text of a step or a person inside Markdown: one line, nothing of it markup.
pub(super) fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(&text.split_whitespace().collect::<Vec<_>>().join(" ")).chars() {
        match c {
            '|' | '*' | '`' | '[' | ']' | '\\' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

/// Every step that counts, with its current execution.
fn lines<'a>(view: &'a RunView, frame: &'a Frame) -> impl Iterator<Item = (At, Slot, Standing, Option<&'a Execution>)> {
    view.step_names(frame).into_iter().filter_map(move |step| {
        let slot = frame.slot(&step)?;
        let at = At { flow: frame.path.clone(), step };
        let current = view.current(&at);
        Some((at, slot, standing(view, frame, slot), current))
    })
}

pub(super) fn steps(view: &RunView, frame: &Frame) -> String {
    let undone = undos(view, &frame.path);
    let mut out = "| step | by | state | executions | took | decision |\n| --- | --- | --- | --- | --- | --- |\n".to_owned();
    for (at, slot, standing, current) in lines(view, frame) {
        let by = executor(frame, slot.step).unwrap_or_else(|| verb_word(&frame.plan.step(slot.step).spec.verb).to_owned());
        let all = view.executions(&at);
        let word = counts_by_word(view, &at);
        let took = current.filter(|_| word.is_none()).and_then(Execution::duration_ms).map(length).unwrap_or_default();
        let standing = word.map_or_else(|| standing.to_string(), |word| cell(&word.words()));
        let decision =
            current.and_then(Execution::decision).map(|one| format!("{} ({})", one.decision, one.rule)).unwrap_or_default();
        let round = current.and_then(|one| one.iteration).filter(|round| *round > 1);
        let round = round.map(|round| format!(", round {round}")).unwrap_or_default();
        let undo = undone.get(&at.step).map(|undo| format!(", {}", undo.words())).unwrap_or_default();
        let _ = writeln!(
            out,
            "| {} | {} | {standing}{undo}{round} | {} | {took} | {decision} |",
            cell(at.step.as_str()),
            cell(&by),
            all.len()
        );
    }
    for child in view.children(&frame.path) {
        let _ = writeln!(
            out,
            "\nInside it: `{}`, {} ({} of {} steps), see [its own report](../{}/report.md).",
            child.path,
            flow_status(view, child),
            child.steps.len().saturating_sub(child.unsettled as usize),
            child.steps.len(),
            child.path
        );
    }
    out
}

/// Models that were left for others; a step that meets the same in each round says it once.
pub(super) fn switches(view: &RunView, frame: &Frame) -> String {
    let mut out = String::new();
    for (at, ..) in lines(view, frame) {
        let all = view.executions(&at).iter().filter_map(Execution::proof).flat_map(|proof| &proof.switches);
        for one in all {
            let why = first_line(&one.why);
            let line = format!("- `{}`: {} was left for {}: {}\n", at.step, cell(&one.from), cell(&one.to), cell(&why));
            if !out.contains(&line) {
                out.push_str(&line);
            }
        }
    }
    out
}

pub(super) fn done(view: &RunView, frame: &Frame) -> String {
    let undone = undos(view, &frame.path);
    let mut out = String::new();
    for (at, _, _, current) in lines(view, frame) {
        let Some(handoff) = current.and_then(Execution::handoff) else { continue };
        if !matches!(standing_of(view, frame, &at), Standing::Succeeded | Standing::Concerns) {
            continue;
        }
        let (did, found) = (first_line(&handoff.summary.what_i_did), first_line(&handoff.summary.what_i_found));
        let text = match (did.is_empty(), found.is_empty()) {
            (true, true) => continue,
            (false, true) => cell(&did),
            (true, false) => cell(&found),
            (false, false) => format!("{} — {}", cell(&did), cell(&found)),
        };
        let undo = undone.get(&at.step).map(|undo| format!(" ({} by {})", undo.words(), cell(undo.by.step.as_str())));
        if let Some(word) = counts_by_word(view, &at) {
            let _ = writeln!(out, "- **{}** {}{}", cell(at.step.as_str()), cell(&word.told()), undo.unwrap_or_default());
            continue;
        }
        let _ = writeln!(out, "- **{}** {}: {text}{}", cell(at.step.as_str()), handoff.status, undo.unwrap_or_default());
    }
    for (id, state) in &frame.done {
        let said = match state {
            DoneState::Holds => "holds".to_owned(),
            DoneState::Broken(detail) => format!("does **not** hold: {}", cell(detail)),
            DoneState::Asking(question) => format!("is being asked ({question})"),
        };
        let _ = writeln!(out, "- Definition of Done `{id}` {said}");
    }
    out
}

fn standing_of(view: &RunView, frame: &Frame, at: &At) -> Standing {
    frame.slot(&at.step).map_or(Standing::Pending, |slot| standing(view, frame, slot))
}

pub(super) fn waiting(view: &RunView, frame: &Frame, paste: &Paste) -> String {
    let mut out = String::new();
    for question in view.open_questions().into_iter().filter(|one| within(&one.flow_path, &frame.path)) {
        let to = question.to.iter().map(|role| cell(&role.0)).collect::<Vec<_>>().join(", ");
        let to = if to.is_empty() { "anybody".to_owned() } else { to };
        let _ = writeln!(out, "- **{}** since {}, for {to}: {}", question.id, question.raised_at, cell(&question.question));
        let _ = writeln!(out, "  - why: {}", cell(&question.reason));
        for option in &question.options {
            let command = paste.answer(&view.run_id, &question.id, &option.key);
            let _ = writeln!(out, "  - {} ({}): `{command}`", cell(&option.label), cell(&option.effect));
        }
    }
    if flow_status(view, frame) == RunStatus::Interrupted {
        let stood: Vec<String> =
            view.state.running.keys().filter(|at| within(&at.flow, &frame.path)).map(|at| at.step.to_string()).collect();
        if !stood.is_empty() {
            let _ = writeln!(out, "- interrupted while this ran: {}", cell(&stood.join(", ")));
        }
    }
    out
}

fn within(flow: &FramePath, around: &FramePath) -> bool {
    flow == around || flow.as_str().strip_prefix(around.as_str()).is_some_and(|rest| rest.starts_with('.'))
}

/// Decisions other than going on, and what people answered, in order.
pub(super) fn decided(view: &RunView, frame: &Frame) -> String {
    let mut found: Vec<(crate::id::Time, String)> = Vec::new();
    for (at, _, _, _) in lines(view, frame) {
        for decision in view.executions(&at).iter().flat_map(|one| &one.decisions) {
            let ordinary = decision.decision == DecisionKind::Continue && decision.by == "kernel"
                || decision.rule == crate::record::Rule::Terminal;
            if !ordinary && decision.decision != DecisionKind::ExtendGraph {
                let choice = choice(decision).map(|choice| format!(" ({})", cell(&choice))).unwrap_or_default();
                let by = if decision.by == "kernel" { String::new() } else { format!(", by {}", cell(&decision.by)) };
                let text = format!(
                    "{} after {} (rule {}{by}): {}{choice}",
                    decision.decision,
                    cell(at.step.as_str()),
                    decision.rule,
                    cell(&decision.reason)
                );
                found.push((decision.timestamp, text));
            }
        }
    }
    found.extend(view.answered(&frame.path).into_iter().filter_map(answer));
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(at, text)| format!("- {at} {text}\n")).collect()
}

/// What navigators say the flow lacks: a person writes it into the flow, or does not.
pub(super) fn proposed(view: &RunView, frame: &Frame) -> String {
    let line = |one: super::routes::Proposal| {
        format!(
            "- **{}** (execution {}) proposes: {} (`{}`)\n",
            cell(one.step_id.as_str()),
            one.execution,
            cell(&one.text),
            one.path
        )
    };
    proposals(view, frame).into_iter().map(line).collect()
}

fn answer(question: &Question) -> Option<(crate::id::Time, String)> {
    let answer = question.answer.as_ref()?;
    let role = answer.role.as_ref().map(|role| format!(" as {}", cell(&role.0))).unwrap_or_default();
    let own = if answer.self_approved { ", who also started the run," } else { "" };
    let note = answer.note.as_deref().map(|note| format!(", saying: {}", cell(note))).unwrap_or_default();
    let digest: String = answer.subject_digest.as_str().chars().take(12).collect();
    let text = format!(
        "**{}**{role}{own} answered **{}** to \"{}\" ({}, digest {digest}){note}",
        cell(&answer.by),
        cell(&answer.choose),
        cell(&question.question),
        question.id
    );
    Some((answer.at, text))
}

pub(super) fn measured(view: &RunView, frame: &Frame) -> String {
    let mut out = String::new();
    for (at, _, _, current) in lines(view, frame) {
        let Some((execution, proof)) = current.and_then(|one| Some((one, one.proof()?))) else { continue };
        let receipt = receipt_path(view, &at, execution).map(|path| format!(" ([receipt](../{path}))")).unwrap_or_default();
        let mut facts = Vec::new();
        facts.extend(counts_by_word(view, &at).map(|word| format!("not measured: {}", cell(&word.words()))));
        // What an agent ran on its way says nothing of how it ended.
        if let Some(code) = proof.commands.first().filter(|_| proof.model.is_none()).and_then(|command| command.exit_code) {
            facts.push(format!("exit {code}"));
        }
        if !proof.checks.is_empty() {
            let passed = proof.checks.iter().filter(|check| check.passed).count();
            facts.push(format!("{passed} of {} checks passed", proof.checks.len()));
        }
        facts.extend(super::figures::measured_words(proof));
        if !proof.outputs.is_empty() {
            let there = proof.outputs.iter().filter(|output| output.exists).count();
            facts.push(format!("{there} of {} outputs are there", proof.outputs.len()));
        }
        facts.extend(proof.tokens.filter(|tokens| tokens.total > 0).map(|tokens| format!("{} tokens", tokens.total)));
        facts.extend(proof.cost_usd.map(|usd| format!("{usd:.4} USD")));
        if !facts.is_empty() {
            let _ = writeln!(out, "- **{}**: {}{receipt}", cell(at.step.as_str()), facts.join(", "));
        }
        for check in proof.checks.iter().filter(|check| !check.passed) {
            let _ = writeln!(
                out,
                "  - not passed: {}: expected {}, found {}",
                cell(&check.name),
                cell(&check.expected),
                cell(&check.actual)
            );
        }
        for claim in proof.claims.iter().filter(|claim| !claim.agrees) {
            let _ = writeln!(out, "  - claimed \"{}\", measured \"{}\"", cell(&claim.claim), cell(&claim.measured));
        }
    }
    out
}

/// Warnings of the flow, and the concerns and assumptions that nobody has taken away.
pub(super) fn open_points(view: &RunView, frame: &Frame) -> String {
    let mut out = String::new();
    for warning in &frame.warnings {
        let _ = writeln!(out, "- warning: {}", cell(warning));
    }
    let mut concerns: BTreeMap<std::cmp::Reverse<Severity>, Vec<String>> = BTreeMap::new();
    let mut assumptions = String::new();
    for (at, _, _, current) in lines(view, frame) {
        let Some(handoff) = current.and_then(Execution::handoff) else { continue };
        for concern in &handoff.concerns {
            let place = concern.location.as_deref().map(|place| format!(" ({})", cell(place))).unwrap_or_default();
            let advice = concern.recommendation.as_deref().map(|advice| format!("; {}", cell(advice))).unwrap_or_default();
            let text =
                format!("{} from {}: {}{place}{advice}", concern.severity, cell(at.step.as_str()), cell(&concern.description));
            concerns.entry(std::cmp::Reverse(concern.severity)).or_default().push(text);
        }
        for one in &handoff.assumptions {
            let wrong = if one.impact_if_wrong.is_empty() {
                String::new()
            } else {
                format!("; if wrong: {}", cell(&one.impact_if_wrong))
            };
            let _ = writeln!(assumptions, "- assumed by {}: {}{wrong}", cell(at.step.as_str()), cell(&one.assumption));
        }
    }
    for text in concerns.into_values().flatten() {
        let _ = writeln!(out, "- {text}");
    }
    out + &assumptions
}

pub(super) fn artifacts(view: &RunView, frame: &Frame) -> String {
    let undone = undos(view, &frame.path);
    // The last step that wrote a path is the one whose digest counts.
    let mut files: BTreeMap<&str, (&crate::record::OutputFile, String)> = BTreeMap::new();
    for (at, _, _, current) in lines(view, frame) {
        let Some(proof) = current.and_then(Execution::proof) else { continue };
        for output in proof.outputs.iter().filter(|output| output.exists) {
            let undo = undone.get(&at.step).map(|undo| format!(", {}", undo.words())).unwrap_or_default();
            files.insert(&output.path, (output, format!("{}{undo}", at.step)));
        }
    }
    if files.is_empty() {
        return String::new();
    }
    let mut out = "| file | from | bytes | sha256 |\n| --- | --- | --- | --- |\n".to_owned();
    for (path, (output, step)) in files {
        let digest = output.sha256.as_ref().map(|digest| format!("`{digest}`")).unwrap_or_default();
        let _ = writeln!(out, "| {} | {} | {} | {digest} |", cell(path), cell(&step), output.bytes);
    }
    out
}
