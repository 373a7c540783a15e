//! A run by its files alone: one of another program, or one of ours whose journal is lost.
//! In: the list of files. Out: executions and decisions as far as the files tell them. Never: a file that has to be whole.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{id::Time, ledger::RunDir};

use super::{
    DecisionSeen, FileSeen, Foreign,
    disk::small,
    ran::{Order, Ran},
};

pub(super) struct Read {
    pub rans: Vec<Ran>,
    pub decisions: Vec<DecisionSeen>,
    pub foreign: Foreign,
}

pub(super) fn read(run: &RunDir, files: &[FileSeen]) -> Read {
    let mut foreign = Foreign { events: None, flows: Vec::new(), last_event: None, last_kind: None, damaged: Vec::new() };
    let mut rans = Vec::new();
    let mut decisions = Vec::new();
    let mut flows = BTreeSet::new();
    for file in files {
        let parts: Vec<&str> = file.path.split('/').collect();
        match parts.as_slice() {
            [name] if *name == "events.jsonl" => {
                foreign.events = Some(file.path.clone());
                if let Some(line) = small(run, &file.path).and_then(|text| last_line(&text)) {
                    foreign.last_event = ["ts", "timestamp", "time"].iter().find_map(|name| time(line.get(*name)?));
                    let kind = ["kind", "type", "event"].iter().find_map(|name| line.get(*name)?.as_str());
                    foreign.last_kind = kind.map(str::to_owned);
                }
            }
            [flow, "receipts", name] if name.ends_with(".json") => {
                flows.insert((*flow).to_owned());
                match small(run, &file.path).and_then(|text| serde_json::from_str(&text).ok()) {
                    Some(receipt) => rans.push(of_files(run, files, flow, name, receipt)),
                    None => foreign.damaged.push(file.path.clone()),
                }
            }
            [flow, "routing", "decisions.jsonl"] => {
                let text = small(run, &file.path).unwrap_or_default();
                decisions.extend(text.lines().filter_map(|line| decided(flow, &file.path, &serde_json::from_str(line).ok()?)));
            }
            [flow, "llm" | "handoffs" | "handoff" | "logs", _] => {
                flows.insert((*flow).to_owned());
            }
            _ => {}
        }
    }
    foreign.flows = flows.into_iter().collect();
    rans.sort_by(|a, b| (a.ended_at, &a.flow, &a.step, a.execution).cmp(&(b.ended_at, &b.flow, &b.step, b.execution)));
    for (at, ran) in rans.iter_mut().enumerate() {
        ran.order = Order { began: 2 * at, ended: 2 * at + 1 };
    }
    Read { rans, decisions, foreign }
}

fn of_files(run: &RunDir, files: &[FileSeen], flow: &str, name: &str, receipt: Value) -> Ran {
    let word = |field: &str| receipt.get(field).and_then(Value::as_str).map(str::to_owned);
    let stem = name.trim_end_matches(".json");
    // `<step>-<agent>.<n>`: an earlier execution.
    let superseded = stem.rsplit_once('.').is_some_and(|(_, n)| n.parse::<u32>().is_ok());
    let handoff_path = ["handoffs", "handoff"]
        .iter()
        .map(|dir| format!("{flow}/{dir}/{name}"))
        .find(|path| files.iter().any(|file| file.path == *path))
        .unwrap_or_default();
    let handoff = small(run, &handoff_path).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let status = word("status").unwrap_or_default();
    let engine = word("engine").unwrap_or_default();
    Ran {
        flow: flow.to_owned(),
        step: word("step_id").unwrap_or_else(|| stem.to_owned()),
        agent: word("agent_key").unwrap_or_default(),
        execution: receipt.get("execution").and_then(Value::as_u64).unwrap_or(1),
        counts: !superseded,
        failing: !superseded && status == "failed",
        may_change: true,
        speaks: !matches!(engine.as_str(), "shell" | "builtin" | "human"),
        ended_at: time(receipt.get("completed_at").unwrap_or(&Value::Null)),
        order: Order { began: 0, ended: 0 },
        receipt_path: format!("{flow}/receipts/{name}"),
        receipt,
        handoff,
        handoff_path,
    }
}

fn decided(flow: &str, path: &str, line: &Value) -> Option<DecisionSeen> {
    let word = |names: &[&str]| names.iter().find_map(|name| line.get(*name)?.as_str()).unwrap_or_default().to_owned();
    Some(DecisionSeen {
        flow: flow.to_owned(),
        step: word(&["step_id", "step", "from_step"]),
        decision: Some(word(&["decision", "action"])).filter(|decision| !decision.is_empty())?.to_uppercase(),
        rule: word(&["rule"]),
        reason: word(&["reason", "rationale"]),
        path: path.to_owned(),
    })
}

fn last_line(text: &str) -> Option<Value> {
    text.lines().rev().find_map(|line| serde_json::from_str(line).ok())
}

/// Some writers end a time that has an offset with a `Z` besides.
fn time(value: &Value) -> Option<Time> {
    let text = value.as_str()?;
    let text = text
        .strip_suffix("+00:00Z")
        .or_else(|| text.strip_suffix("+00:00"))
        .map_or_else(|| text.to_owned(), |text| format!("{text}Z"));
    text.parse().ok()
}
