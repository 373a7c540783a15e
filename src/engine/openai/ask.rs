//! One answer of the model: asked for, counted, kept.
//! In: the conversation so far. Out: the answer, or why there is none. Never: a request without what the server takes,
//! a call that is not counted.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    context::{Pack, estimate},
    engine::{
        Piece, StopLevel,
        agent::{Broken, OpenAi, Room},
    },
    record::{Call, ErrorClass, Failure, FailureKind, ReplyOutcome, Tokens},
};

use super::{
    abilities::{LengthWay, ToolWay},
    answer::Answer,
    converse::Talk,
    voice::Voice,
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
            if let Voice::Tape(tape) = &mut self.voice {
                if self.task.is_late() {
                    return Err(Broken::late(self.task));
                }
                let answer =
                    tape.next().map_err(|failure| Broken { outcome: ReplyOutcome::Failed(failure), ..Broken::stopped() })?;
                return self.heard(answer, Duration::ZERO).await;
            }
            if let Some(why) = self.voice.shared().0.known.absent(&self.using.name) {
                // Nobody asks twice for what is not there, unless it is all that there is.
                let _ = self.next_model(&why).await;
            }
            let mut request = self.request(wanted);
            let began = Instant::now();
            let reserved = self.work.budget.reserve(&self.task.job.flow, self.prompt_tokens(&request), self.using.price);
            let reserved = reserved.map_err(Broken::limited)?;
            let room = reserved.room.clone();
            let key = self.abilities.length.key(self.voice.provider());
            if let (Some(key), Some(room)) = (key, &room) {
                request[key] = room.tokens_max.into();
            }
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
                    let answer = self.heard(answer, took).await?;
                    if let Some(room) = room.filter(|_| key.is_some()) {
                        self.within(&room, &answer, wanted).await?;
                    }
                    return Ok(answer);
                }
                Err(error) => {
                    // It may have been answered, and paid for, although the answer did not arrive.
                    if matches!(error.kind, FailureKind::Io | FailureKind::Timeout) && error.status.is_none() {
                        self.count(None, took).await;
                        reserved.settle(None, None);
                    } else {
                        reserved.release();
                    }
                    if error.no_model {
                        self.voice.shared().0.known.learn_absent(&self.using.name, &error.message);
                        if self.next_model(&error.message).await {
                            continue;
                        }
                    }
                    let capped = room.is_some() && key.is_some();
                    if !self.without(wanted, &error, pack, capped).await {
                        let failure = Failure { kind: error.kind, class: error.class, message: error.message, exit_code: None };
                        let retry_after_ms = error.retry_after_ms;
                        return Err(Broken { outcome: ReplyOutcome::Failed(failure), retry_after_ms, limit: None });
                    }
                }
            }
        }
    }

    /// Looks whether an answer kept to the room that it had.
    async fn within(&mut self, room: &Room, answer: &Answer, wanted: Wanted) -> Result<(), Broken> {
        let is_longer = answer.tokens.is_some_and(|tokens| tokens.completion > room.tokens_max);
        if is_longer && self.abilities.length != LengthWay::None {
            self.abilities.length = LengthWay::None;
            self.learn("a bound on the length of answers", "none", "it wrote more than it was asked to").await;
        }
        // Half a handoff is none, and the next try would have less room still.
        if wanted == Wanted::Handoff && answer.finish == "length" && room.is_tight() {
            return Err(Broken::limited(room.hit.clone()));
        }
        Ok(())
    }

    fn request(&self, wanted: Wanted) -> Value {
        let mut request = json!({"model": self.using.name, "messages": self.messages, "stream": false});
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
        let Voice::Server(server) = &self.voice else { unreachable!("a recording is asked nothing") };
        let wire = match wire(server) {
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
            () = sleep(server.call_timeout) => Ok(Err(CallError::late(server.call_timeout))),
        }
    }

    /// Remembers what the server was found to lack, and says it.
    async fn learn(&mut self, lacks: &str, uses: &str, message: &str) {
        self.voice.shared().0.known.learn(&self.using.name, self.abilities);
        let said = json!({"event": "server_lacks", "lacks": lacks, "uses": uses, "message": message});
        self.transcript.line(said.clone()).await;
        self.log(said).await;
    }

    /// Learns from a refusal, if it is about something that can be left out. Returns whether to ask again.
    async fn without(&mut self, wanted: Wanted, error: &CallError, pack: &Pack, capped: bool) -> bool {
        let before = self.abilities;
        if capped && error.is_about_length() {
            // A prompt that only fits without so long an answer needs no other word for its length.
            let weaker = if error.kind == FailureKind::Context { LengthWay::None } else { before.length.weaker() };
            self.abilities.length = weaker;
            let provider = self.voice.provider().to_owned();
            let name = |way: LengthWay| way.key(&provider).unwrap_or("no bound on the length of answers");
            self.learn(name(before.length), name(weaker), &error.message).await;
            return true;
        }
        match wanted {
            Wanted::Work => {
                let native = self.has_tools() && before.tools == ToolWay::Native;
                // In the middle of a conversation the messages hold calls that such a server cannot have made.
                if !native || self.turn > 0 || !error.lacks(&["tool", "function"]) {
                    return false;
                }
                self.abilities.tools = ToolWay::Text;
                self.learn("tools", "tools in words", &error.message).await;
                self.open(pack).await;
            }
            Wanted::Handoff => {
                let refused = error.lacks(&["response_format", "json_schema", "json_object", "schema", "grammar", "guided"])
                    || matches!(error.status, Some(400 | 422 | 501)) && error.kind == FailureKind::Unknown;
                let Some(weaker) = before.object.weaker().filter(|_| refused) else { return false };
                self.abilities.object = weaker;
                self.learn(before.object.name(), weaker.name(), &error.message).await;
            }
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
        let cost_usd = tokens.zip(self.using.price).map(|(tokens, price)| price.cost_usd(tokens.prompt, tokens.completion));
        self.tokens = self.tokens.zip(tokens).map(|(sum, one)| sum.plus(one));
        self.cost_usd = self.cost_usd.zip(cost_usd).map(|(sum, one)| sum + one);
        let job = self.task.job;
        let call = Call {
            flow: job.flow.clone(),
            step_id: job.step.clone(),
            agent_key: self.work.agent.to_string(),
            execution: job.execution,
            attempt: job.attempt,
            engine: self.work.engine.word(),
            provider: self.voice.provider().to_owned(),
            model: self.using.name.clone(),
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

fn wire(server: &OpenAi) -> Result<Server, CallError> {
    let inner = Arc::clone(&server.shared.0);
    inner.server.get_or_init(|| wire::server(&server.base_url, server.api_key.as_ref())).clone()
}
