//! The conversation: answers and tool calls until the work is done, then the handoff.
//! In: packed prompts, a server. Out: what an engine tells of its work. Never: more turns than the step has, a wait that
//! does not end with the step's time or with a stop.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::{
    context::Pack,
    engine::{
        Task,
        agent::{AgentWork, Broken, Ended, Model, Parked, Transcript},
    },
    record::{Draft, ErrorClass, FailureKind, ReplyOutcome, Switch, Tokens},
};

use super::{
    abilities::{Abilities, ToolWay},
    answer::{CALLS_MAX, ToolCall},
    ask::Wanted,
    text_tools,
    tools::{Done, Toolbox},
    voice::Voice,
};

/// The third call in a row with the same arguments is not made.
const SAME_CALL_TOLD: u32 = 3;
/// After so many in a row the model is not listening.
const SAME_CALL_MAX: u32 = 6;
/// Calls with arguments that cannot be read, in one attempt.
const MALFORMED_MAX: u32 = 8;
/// Answers with nothing in them, in a row.
const EMPTY_MAX: u32 = 2;

pub(crate) async fn perform(
    task: &Task<'_>,
    work: &AgentWork,
    voice: Voice<'_>,
    pack: &Pack,
    transcript: &mut Transcript<'_>,
) -> Ended {
    let before = voice.shared().0.parking.take(task.job).unwrap_or_else(Parked::nothing);
    let mut toolbox = Toolbox::new(task, &work.tools.ours);
    toolbox.commands = before.commands;
    let (using, fallbacks) = turn_of(work, before.left.as_ref().map(|(model, _)| model.as_str()));
    let mut talk = Talk {
        task,
        work,
        messages: Vec::new(),
        model: using.name.clone(),
        abilities: abilities(&voice, &using.name),
        using,
        fallbacks,
        switches: before.switches,
        tokens: before.tokens,
        cost_usd: before.cost_usd,
        toolbox,
        transcript,
        voice,
        turn: 0,
        closing: false,
        known_tokens: None,
    };
    if let Some((model, why)) = before.left.filter(|(model, _)| *model != talk.using.name) {
        talk.note_switch(&model, &why).await;
    }
    let done = talk.whole(pack, before.talk).await;
    let (outcome, draft, retry_after_ms, limit) = match done {
        Ok(draft) => (ReplyOutcome::Done, Some(draft), None, None),
        Err(broken) => (broken.outcome, None, broken.retry_after_ms, broken.limit),
    };
    talk.park(&outcome);
    talk.transcript.ended(&outcome).await;
    Ended {
        outcome,
        draft,
        provider: talk.voice.provider().to_owned(),
        model: talk.model,
        tokens: talk.tokens,
        cost_usd: talk.cost_usd,
        switches: talk.switches,
        drift: talk.voice.drift(),
        commands: talk.toolbox.commands,
        tool_versions: BTreeMap::new(),
        retry_after_ms,
        limit,
    }
}

/// Whose turn it is, and who comes after it. The attempt before may have gone further down the list than there were attempts.
fn turn_of(work: &AgentWork, left: Option<&str>) -> (Model, VecDeque<Model>) {
    let mut list: VecDeque<Model> = std::iter::once(&work.model).chain(&work.fallbacks).cloned().collect();
    if let Some(at) = list.iter().position(|model| Some(model.name.as_str()) == left) {
        list.drain(..(at + 1).min(list.len() - 1));
    }
    let using = list.pop_front().unwrap_or_else(|| work.model.clone());
    (using, list)
}

/// What the server is known to lack; a recording tells what it lacked then.
fn abilities(voice: &Voice<'_>, model: &str) -> Abilities {
    match voice {
        Voice::Server(server) => server.shared.0.known.of(model),
        Voice::Tape(tape) => {
            Abilities { tools: if tape.tools_in_words { ToolWay::Text } else { ToolWay::Native }, ..Abilities::default() }
        }
    }
}

pub(super) struct Talk<'t, 'b, 'w> {
    pub task: &'t Task<'t>,
    pub work: &'t AgentWork,
    pub voice: Voice<'t>,
    pub messages: Vec<Value>,
    /// The one that is asked.
    pub using: Model,
    /// The same, as the server names it.
    pub model: String,
    /// Those that take over, in this order.
    pub fallbacks: VecDeque<Model>,
    pub switches: Vec<Switch>,
    pub tokens: Option<Tokens>,
    pub cost_usd: Option<f64>,
    pub toolbox: Toolbox<'t>,
    pub transcript: &'b mut Transcript<'w>,
    pub abilities: Abilities,
    pub turn: u32,
    /// The handoff was asked for.
    pub closing: bool,
    /// What the server counted for the conversation up to so many messages.
    pub known_tokens: Option<(u64, usize)>,
}

/// A conversation that broke off because the server did not answer.
#[derive(Debug)]
pub(super) struct Broke {
    messages: Vec<Value>,
    turn: u32,
    /// The handoff had been asked for.
    closing: bool,
}

/// The same call, again and again.
#[derive(Default)]
struct Repeats {
    last: Option<(String, String)>,
    times: u32,
}

impl Repeats {
    fn count(&mut self, call: &ToolCall) -> u32 {
        let this = (call.name.clone(), call.arguments.clone());
        self.times = if self.last.as_ref() == Some(&this) { self.times + 1 } else { 1 };
        self.last = Some(this);
        self.times
    }
}

impl Talk<'_, '_, '_> {
    async fn whole(&mut self, pack: &Pack, before: Option<Broke>) -> Result<Draft, Broken> {
        match before {
            None => self.open(pack).await,
            Some(Broke { messages, turn, closing }) => {
                let said = json!({"event": "resumed", "engine": self.work.engine.word(), "model": self.using.name, "turn": turn});
                self.transcript.line(said).await;
                (self.messages, self.turn, self.closing) = (messages, turn, closing);
            }
        }
        // Whoever only chooses has seen all there is to see.
        let chooses = self.work.brief.choice.is_some();
        if !self.closing && !chooses {
            self.work_on(pack).await?;
        }
        self.hand_off().await
    }

    /// Leaves to the next attempt what it can use. A conversation that broke off goes on; one that went wrong does not.
    fn park(&mut self, outcome: &ReplyOutcome) {
        let ReplyOutcome::Failed(failure) = outcome else { return };
        let talk = (failure.class == ErrorClass::Transient).then(|| Broke {
            messages: std::mem::take(&mut self.messages),
            turn: self.turn,
            closing: self.closing,
        });
        let parked = Parked {
            execution: self.task.job.execution,
            talk,
            tokens: self.tokens,
            cost_usd: self.cost_usd,
            commands: self.toolbox.commands.clone(),
            switches: self.switches.clone(),
            left: Some((self.using.name.clone(), failure.message.clone())),
        };
        self.voice.shared().0.parking.put(self.task.job, parked);
    }

    pub(super) fn has_tools(&self) -> bool {
        !self.work.tools.ours.is_empty()
    }

    /// The first messages. With tools in words, the prompt describes them.
    pub(super) async fn open(&mut self, pack: &Pack) {
        let mut told = pack.clone();
        if self.has_tools() && self.abilities.tools == ToolWay::Text {
            told.prompt = format!("{}\n{}", pack.prompt, text_tools::described(&self.toolbox.described()));
        }
        self.transcript.prompt(self.work, &told).await;
        if told.prompt != pack.prompt {
            self.transcript.line(json!({"event": "tools_in_words"})).await;
        }
        self.messages = vec![json!({"role": "user", "content": told.prompt})];
        if !told.system.trim().is_empty() {
            self.messages.insert(0, json!({"role": "system", "content": told.system}));
        }
    }

    /// Turns until the model answers without a tool call.
    async fn work_on(&mut self, pack: &Pack) -> Result<(), Broken> {
        let (mut repeats, mut malformed, mut empty) = (Repeats::default(), 0, 0);
        while self.turn < self.work.turns_max {
            let answer = self.ask(Wanted::Work, pack).await?;
            self.turn += 1;
            let mut calls = answer.calls.clone();
            if self.abilities.tools == ToolWay::Text && calls.is_empty() && self.has_tools() {
                calls = text_tools::calls(&answer.text);
            }
            self.messages.push(answer.message());
            if calls.is_empty() {
                if answer.text.trim().is_empty() {
                    empty += 1;
                    if empty == EMPTY_MAX {
                        return Err(Broken::failed(
                            FailureKind::BadOutput,
                            ErrorClass::Retriable,
                            format!("the model answered with nothing, {EMPTY_MAX} times in a row"),
                        ));
                    }
                    self.messages.pop();
                    self.tell("Your answer was empty. Go on with your task, or say that you are done.").await;
                    continue;
                }
                if answer.finish == "length" {
                    self.tell("Your answer was cut off, because it was too long. Go on in smaller parts.").await;
                    continue;
                }
                return Ok(());
            }
            empty = 0;
            for (at, call) in calls.iter().enumerate() {
                let result = if at >= CALLS_MAX {
                    format!("error: not made: one answer makes at most {CALLS_MAX} calls")
                } else {
                    self.one_call(call, &mut repeats, &mut malformed).await?
                };
                self.give(call, result).await?;
            }
        }
        let message = format!("the agent used its {} turns and was not done", self.work.turns_max);
        Err(Broken::failed(FailureKind::TurnLimit, ErrorClass::Permanent, message))
    }

    async fn one_call(&mut self, call: &ToolCall, repeats: &mut Repeats, malformed: &mut u32) -> Result<String, Broken> {
        let times = repeats.count(call);
        if times >= SAME_CALL_MAX {
            let message = format!("the agent made the same call of {} {times} times in a row", call.name);
            return Err(Broken::failed(FailureKind::Hung, ErrorClass::Retriable, message));
        }
        if times >= SAME_CALL_TOLD {
            return Ok(format!(
                "error: not made: you made this same call {} times in a row. Do something else, or end your work.",
                times - 1
            ));
        }
        self.log(json!({"event": "tool_call", "tool": call.name, "turn": self.turn})).await;
        // A tool acts on the world: a kill during it has to leave the answer that asked for it, and what that cost.
        self.task.outlet.written().await;
        match self.toolbox.call(&call.name, &call.arguments).await {
            Done::Told(text) => Ok(text),
            Done::Malformed(why) => {
                let why = self.task.redactor.text(&why).into_inner();
                *malformed += 1;
                if *malformed == MALFORMED_MAX {
                    let message = format!("the agent made {malformed} calls that could not be read; the last: {why}");
                    return Err(Broken::failed(FailureKind::BadOutput, ErrorClass::Retriable, message));
                }
                Ok(format!("error: {why}"))
            }
            Done::Stopped if self.task.is_late() => Err(Broken::late(self.task)),
            Done::Stopped => Err(Broken::stopped()),
        }
    }

    /// The result of a call, for the model.
    async fn give(&mut self, call: &ToolCall, result: String) -> Result<(), Broken> {
        let line = json!({"event": "tool_result", "role": "tool", "tool": call.name, "tool_call_id": call.id, "content": result});
        self.transcript.line(line).await;
        let differs = self.voice.hold(&call.name, &result);
        self.messages.push(match self.abilities.tools {
            ToolWay::Native => json!({"role": "tool", "tool_call_id": call.id, "content": result}),
            ToolWay::Text => json!({"role": "user", "content": format!("Result of {}:\n{result}", call.name)}),
        });
        match differs {
            Some(how) => self.drift(how).await,
            None => Ok(()),
        }
    }

    /// Something that we say to the model.
    async fn tell(&mut self, text: &str) {
        self.transcript.line(json!({"event": "message", "role": "user", "content": text})).await;
        self.messages.push(json!({"role": "user", "content": text}));
    }

    /// One more turn for the handoff, and one to repair it.
    async fn hand_off(&mut self) -> Result<Draft, Broken> {
        if !std::mem::replace(&mut self.closing, true) {
            self.tell(&self.work.brief.form().question()).await;
        }
        let mut why = String::new();
        for round in 0..2 {
            if round > 0 {
                self.tell(&self.work.brief.form().repair(&why)).await;
            }
            let answer = self.ask(Wanted::Handoff, &Pack::default()).await?;
            self.messages.push(answer.message());
            match self.work.brief.form().read(&answer.text) {
                Ok(draft) => return Ok(draft),
                Err(wrong) => why = wrong,
            }
        }
        let message = format!("the agent ended without a valid handoff: {why}");
        Err(Broken::failed(FailureKind::BadOutput, ErrorClass::Retriable, message))
    }
}
