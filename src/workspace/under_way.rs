//! Calls of models that were under way when the driver of a run was killed: they may be answered, and have to be paid for.
//! In: the steps that were running, their conversations, the calls that are counted. Out: one more counted call for each of
//! them, without figures. Never: a figure made up, a call counted twice, however often the next driver is killed.

use std::io;

use serde_json::Value;

use crate::{
    kernel::{Frame, Running},
    ledger::RunDir,
    record::{At, Call, CostLine, EngineWord},
    redact::Redactor,
    runner::{Clock, Observer, Opened},
    spec::{Verb, flow::AgentStep},
};

/// More than an attempt writes; of more, nothing is said.
const TRANSCRIPT_BYTES_MAX: u64 = 256 * 1024 * 1024;
const COST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Counts them, before anything looks at what the run has used.
///
/// # Errors
/// A conversation or the list of calls is there and cannot be read.
pub(super) fn count(opened: &Opened, redactor: &Redactor, observer: &mut dyn Observer) -> io::Result<()> {
    let mut counted = false;
    for (at, running) in &opened.state.running {
        let Some((frame, agent)) = opened.state.frame(&at.flow).and_then(|frame| Some((frame, agent(frame, at)?))) else {
            continue;
        };
        let Some(call) = under_way(&opened.run, at, running, agent, frame.engine_of(agent))? else { continue };
        let (step, model) = (&at.step, &call.model);
        observer.word(&format!(
            "`{step}` had asked `{model}` when its driver was killed: the call is counted, and its cost is not known"
        ));
        // Names alone: what is a secret among them was none when it was asked.
        if let Ok(call) = redactor.clean(call.clone()) {
            opened.projector.call(Clock::after(opened.state.now).now(), call);
            counted = true;
        }
    }
    // Whoever resumes writes what was not written while it looks for processes; only what is read next is waited for.
    if counted { opened.projector.flush().map_err(io::Error::other) } else { Ok(()) }
}

fn agent<'f>(frame: &'f Frame, at: &At) -> Option<&'f AgentStep> {
    match &frame.plan.step(frame.slot(&at.step)?.step).spec.verb {
        Verb::Agent(agent) => Some(agent),
        Verb::Run { .. }
        | Verb::Exec { .. }
        | Verb::Ask(_)
        | Verb::Flow { .. }
        | Verb::Snapshot { .. }
        | Verb::Compare { .. }
        | Verb::Render { .. }
        | Verb::Scan(_) => None,
    }
}

fn under_way(run: &RunDir, at: &At, running: &Running, agent: &AgentStep, engine: EngineWord) -> io::Result<Option<Call>> {
    // The others call nobody.
    if !matches!(engine, EngineWord::Openai | EngineWord::Claude | EngineWord::Codex | EngineWord::Cli) {
        return Ok(None);
    }
    let said = lines(run.read(&run.transcript(&at.flow, &at.step, &agent.agent, engine), TRANSCRIPT_BYTES_MAX))?;
    let this = |line: &&Value| line["execution"] == running.execution && line["attempt"] == running.attempt;
    let said: Vec<&Value> = said.iter().filter(this).collect();
    if !is_asked(&said) {
        return Ok(None);
    }
    let counted = lines(run.read(&run.cost(), COST_BYTES_MAX))?;
    let counted: Vec<Call> =
        counted.into_iter().filter_map(|line| Some(serde_json::from_value::<CostLine>(line).ok()?.call)).collect();
    let of_step = |call: &&Call| call.flow == at.flow && call.step_id == at.step && call.engine == engine;
    let before = counted.iter().rfind(of_step);
    let answers = said.iter().filter(|line| is_answer(line)).count();
    let now =
        counted.iter().filter(of_step).filter(|call| call.execution == running.execution && call.attempt == running.attempt);
    if now.count() > answers {
        return Ok(None);
    }
    let model = said.iter().rev().find_map(|line| line["model"].as_str()).unwrap_or_default().to_owned();
    Ok(Some(Call {
        flow: at.flow.clone(),
        step_id: at.step.clone(),
        agent_key: agent.agent.to_string(),
        execution: running.execution,
        attempt: running.attempt,
        engine,
        provider: before.map_or_else(|| engine.to_string(), |call| call.provider.clone()),
        model,
        tokens: None,
        cost_usd: None,
        duration_ms: 0,
    }))
}

/// It is the model's turn: something was said to it, and all that it asked for was given.
fn is_asked(said: &[&Value]) -> bool {
    let Some(last) = said.last() else { return false };
    let waits = !is_answer(last) && !matches!(last["event"].as_str(), Some("started" | "done" | "failed" | "interrupted"));
    let since = said.iter().rev().take_while(|line| !is_answer(line)).filter(|line| line["event"] == "tool_result").count();
    let wanted = said.iter().rev().find(|line| is_answer(line)).and_then(|line| line["tool_calls"].as_array().map(Vec::len));
    waits && since >= wanted.unwrap_or_default()
}

fn is_answer(line: &Value) -> bool {
    line["event"] == "message" && line["role"] == "assistant"
}

/// Whole lines of a file that may not be there.
fn lines(bytes: io::Result<Vec<u8>>) -> io::Result<Vec<Value>> {
    match bytes {
        Ok(bytes) => Ok(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_model_is_asked_when_all_that_it_wanted_was_given() {
        let asked = |said: &[Value]| is_asked(&said.iter().collect::<Vec<_>>());
        let (prompt, end) = (json!({"event": "prompt"}), json!({"event": "failed"}));
        let answer = json!({"event": "message", "role": "assistant", "tool_calls": [{}, {}]});
        let given = json!({"event": "tool_result", "role": "tool"});
        assert!(!asked(&[]) && !asked(&[json!({"event": "started"})]) && asked(std::slice::from_ref(&prompt)));
        assert!(!asked(&[prompt.clone(), answer.clone()]) && !asked(&[prompt.clone(), answer.clone(), given.clone()]));
        assert!(asked(&[prompt.clone(), answer.clone(), given.clone(), given.clone()]) && !asked(&[prompt, end]));
        let told = json!({"event": "message", "role": "user"});
        assert!(asked(&[json!({"event": "message", "role": "assistant"}), told]));
    }
}
