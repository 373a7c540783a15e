//! One answer of the model: asked for, counted, kept.
//! In: the conversation so far. Out: the answer, or why there is none. Never: a request without what the server takes,
//! a call that is not counted.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    context::{Pack, estimate},
    engine::{Piece, StopLevel, agent::Broken},
    record::{Call, ErrorClass, Failure, FailureKind, ReplyOutcome, Tokens},
};

use super::{
    abilities::ToolWay,
    answer::Answer,
    converse::Talk,
    host,
    wire::{self, CallError, Server},
};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Work,
    Handoff,
}

impl Talk<'_, '_, '_> {
    /// One answer. What the server turns out to lack is left out, and it is asked again.
    pub(super) async fn ask(&mut self, wanted: Wanted, pack: &Pack) -> Result<Answer, Broken> {
        loop {
            if self.task.limits.stop.level() >= StopLevel::Term {
                return Err(Broken::stopped());
            }
            let request = self.request(wanted);
            let began = Instant::now();
            let price = self.work.model.price;
            let reserved = self.work.budget.reserve(&self.task.job.flow, self.prompt_tokens(&request), price);
            let reserved = reserved.map_err(Broken::limited)?;
            // What was said and counted so far stands in its files before the next call: a kill in the middle of it takes nothing.
            self.task.outlet.written().await;
            let called = match self.send(&request).await {
                Ok(called) => called,
                Err(broken) => {
                    // Under way when it was given up: it may be answered, and has to be paid for then.
                    self.count(None, began.elapsed()).await;
                    reserved.settle(None, None);
                    return Err(broken);
                }
            };
            let took = began.elapsed();
            match called {
                Ok(answer) => {
                    let cost_usd = self.count(answer.tokens, took).await;
                    reserved.settle(answer.tokens, cost_usd);
                    self.known_tokens = answer.tokens.map(|tokens| (tokens.total, self.messages.len()));
                    return self.heard(answer, took).await;
                }
                Err(error) => {
                    // It may have been answered, and paid for, although the answer did not arrive.
                    if matches!(error.kind, FailureKind::Io | FailureKind::Timeout) && error.status.is_none() {
                        self.count(None, took).await;
                        reserved.settle(None, None);
                    } else {
                        reserved.release();
                    }
                    if !self.without(wanted, &error, pack).await {
                        let failure = Failure { kind: error.kind, class: error.class, message: error.message, exit_code: None };
                        let retry_after_ms = error.retry_after_ms;
                        return Err(Broken { outcome: ReplyOutcome::Failed(failure), retry_after_ms, limit: None });
                    }
                }
            }
        }
    }

    fn request(&self, wanted: Wanted) -> Value {
        let mut request = json!({"model": self.work.model.name, "messages": self.messages, "stream": false});
        match wanted {
            Wanted::Work if self.has_tools() && self.abilities.tools == ToolWay::Native => {
                request["tools"] = self.toolbox.described().into();
            }
            Wanted::Work => {}
            Wanted::Handoff => {
                if let Some(format) = self.abilities.object.format(&self.work.brief.form()) {
                    request["response_format"] = format;
                }
            }
        }
        request
    }

    /// Sends a request and waits for its answer, for the call's limit, for the end of the step's time, or for a stop.
    async fn send(&self, request: &Value) -> Result<Result<Answer, CallError>, Broken> {
        let wire = match self.wire() {
            Ok(wire) => wire,
            Err(error) => return Ok(Err(error)),
        };
        let mut stop = self.task.limits.stop.clone();
        let deadline = self.task.limits.deadline;
        tokio::select! {
            biased;
            () = stop.reached(StopLevel::Term) => Err(Broken::stopped()),
            answer = wire::call(&wire, request) => Ok(answer.and_then(|json| {
                let bad = |message| CallError::bad_answer(message);
                Answer::read(&json).map_err(bad)
            })),
            () = async { sleep_until(deadline.unwrap_or_else(Instant::now)).await }, if deadline.is_some() => {
                Err(Broken::late(self.task))
            }
            () = sleep(self.server.call_timeout) => Ok(Err(CallError::late(self.server.call_timeout))),
        }
    }

    fn wire(&self) -> Result<Server, CallError> {
        let inner = Arc::clone(&self.server.shared.0);
        inner.server.get_or_init(|| wire::server(&self.server.base_url, self.server.api_key.as_ref())).clone()
    }

    /// Learns from a refusal, if it is about something that can be left out. Returns whether to ask again.
    async fn without(&mut self, wanted: Wanted, error: &CallError, pack: &Pack) -> bool {
        let before = self.abilities;
        match wanted {
            Wanted::Work => {
                let native = self.has_tools() && before.tools == ToolWay::Native;
                // In the middle of a conversation the messages hold calls that such a server cannot have made.
                if !native || self.turn > 0 || !error.lacks(&["tool", "function"]) {
                    return false;
                }
                self.abilities.tools = ToolWay::Text;
            }
            Wanted::Handoff => {
                let refused = error.lacks(&["response_format", "json_schema", "json_object", "schema", "grammar", "guided"])
                    || matches!(error.status, Some(400 | 422 | 501)) && error.kind == FailureKind::Unknown;
                let Some(weaker) = before.object.weaker().filter(|_| refused) else { return false };
                self.abilities.object = weaker;
            }
        }
        self.server.shared.0.known.learn(&self.work.model.name, self.abilities);
        let (lacks, uses) = match wanted {
            Wanted::Work => ("tools", "tools in words"),
            Wanted::Handoff => (before.object.name(), self.abilities.object.name()),
        };
        let said = json!({"event": "server_lacks", "lacks": lacks, "uses": uses, "message": error.message});
        self.transcript.line(said.clone()).await;
        self.log(said).await;
        if wanted == Wanted::Work {
            self.open(pack).await;
        }
        true
    }

    /// Keeps an answer, and looks whether it is one.
    async fn heard(&mut self, answer: Answer, took: Duration) -> Result<Answer, Broken> {
        if let Some(model) = &answer.model {
            self.model.clone_from(model);
        }
        let calls: Vec<Value> =
            answer.calls.iter().map(|call| json!({"id": call.id, "name": call.name, "arguments": call.arguments})).collect();
        let mut line = json!({
            "event": "message", "role": "assistant", "content": answer.text, "finish_reason": answer.finish,
            "usage": answer.tokens, "model": self.model, "duration_ms": ms(took),
        });
        if !calls.is_empty() {
            line["tool_calls"] = calls.into();
        }
        if let Some(refusal) = &answer.refusal {
            line["refusal"] = refusal.as_str().into();
        }
        self.transcript.line(line).await;
        if let Some(refusal) = &answer.refusal {
            let said = crate::redact::cut(refusal, 400).unwrap_or(refusal);
            return Err(Broken::failed(FailureKind::Refused, ErrorClass::Permanent, format!("the model refused: {said}")));
        }
        if answer.finish == "content_filter" && answer.calls.is_empty() {
            let message = "the server's content filter stopped the answer";
            return Err(Broken::failed(FailureKind::Refused, ErrorClass::Permanent, message));
        }
        Ok(answer)
    }

    /// Tokens of a request, at most: what the last answer counted, and an estimate of what was said since.
    fn prompt_tokens(&self, request: &Value) -> u64 {
        match self.known_tokens {
            Some((tokens, messages)) => {
                let since: u64 = self.messages.iter().skip(messages).map(|one| estimate(&one.to_string())).sum();
                tokens + since
            }
            None => estimate(&request.to_string()),
        }
    }

    /// Counts a call, at once: what comes after it may be a kill. Returns its cost, where that is known.
    async fn count(&mut self, tokens: Option<Tokens>, took: Duration) -> Option<f64> {
        let price = self.work.model.price;
        let cost_usd = tokens.zip(price).map(|(tokens, price)| price.cost_usd(tokens.prompt, tokens.completion));
        self.tokens = self.tokens.zip(tokens).map(|(sum, one)| Tokens {
            prompt: sum.prompt + one.prompt,
            completion: sum.completion + one.completion,
            total: sum.total + one.total,
        });
        self.cost_usd = self.cost_usd.zip(cost_usd).map(|(sum, one)| sum + one);
        let job = self.task.job;
        let call = Call {
            flow: job.flow.clone(),
            step_id: job.step.clone(),
            agent_key: self.work.agent.to_string(),
            execution: job.execution,
            attempt: job.attempt,
            engine: self.work.engine.word(),
            provider: host(&self.server.base_url).to_owned(),
            model: self.work.model.name.clone(),
            tokens,
            cost_usd,
            duration_ms: ms(took),
        };
        // Names and figures: if one of them is a secret, the reply will say so.
        if let Ok(call) = self.task.redactor.clean(call) {
            self.task.outlet.send(Piece::Call(call)).await;
        }
        cost_usd
    }

    pub(super) async fn log(&self, event: Value) {
        let job = self.task.job;
        let event = self.task.redactor.json(event);
        self.task.outlet.send(Piece::Log { flow: job.flow.clone(), step: job.step.clone(), event }).await;
    }
}

fn ms(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
