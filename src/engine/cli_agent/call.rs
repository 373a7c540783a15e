//! One run of a program: started, listened to, counted, judged.
//! In: an order. Out: what was heard, or why it was no good. Never: a run that nobody reserved, one that is not counted.

use serde_json::json;

use crate::{
    engine::{
        Piece,
        agent::Broken,
        process::{self, Command, End, Ran},
        shell::find_program,
        tap::{Sink, Tap},
        watchdog::Watchdog,
    },
    record::{Call, Stream, Tokens},
};

use super::{
    converse::Talk,
    heard::Heard,
    lines::{LINE_CHARS_MAX, Lines},
    program::Order,
    trouble::Trouble,
    verdict::{Bad, verdict},
};

impl Talk<'_, '_, '_> {
    /// Lets the program run once. `id`: which run of the attempt it is, for its files' names.
    pub(super) async fn call(&mut self, id: &str, prompt: &str) -> Result<Heard, Broken> {
        let work = self.work;
        let nearest = work.budget.nearest_usd();
        let usd_max = nearest.as_ref().map(|hit| usd(hit.max.saturating_sub(hit.used)));
        if let Some(hit) = nearest.filter(|hit| hit.used >= hit.max) {
            return Err(Broken::limited(hit));
        }
        let estimate = crate::context::estimate(self.system) + crate::context::estimate(prompt);
        let reserved = work.budget.reserve(&self.task.job.flow, estimate, work.model.price).map_err(Broken::limited)?;
        // A kill in the middle of it takes nothing that was said and counted before.
        self.task.outlet.written().await;
        let (ran, heard, last_line) = self.run(id, prompt, usd_max).await;
        let tokens = self.fresh(&heard);
        let price = work.model.price;
        let priced = tokens.zip(price).map(|(tokens, price)| price.cost_usd(tokens.prompt, tokens.completion));
        let cost_usd = heard.cost_usd.or(priced);
        if let Some(model) = &heard.model {
            self.model.clone_from(model);
        }
        if matches!(ran.end, End::NotStarted(_)) {
            reserved.release();
        } else {
            self.count(tokens, cost_usd, &ran).await;
            reserved.settle(tokens, cost_usd);
        }
        self.session.id = heard.session.clone().or_else(|| self.session.id.take());
        self.commands.extend(heard.commands.iter().cloned());
        self.answered |= heard.turns > 0;
        let exit_code = if let End::Exited(code) = ran.end { Some(code) } else { None };
        let said = json!({
            "event": "message", "role": "assistant", "content": heard.handoff(), "usage": tokens, "cost_usd": cost_usd,
            "model": self.model, "exit_code": exit_code, "turns": heard.turns,
        });
        self.transcript.line(said).await;
        match verdict(self.program, work, &ran, &heard, last_line.as_deref()) {
            Ok(()) => Ok(heard),
            Err(Bad::Stopped) => Err(Broken::stopped()),
            Err(Bad::Late) => Err(Broken::late(self.task)),
            Err(Bad::Failed(trouble, exit_code)) => Err(Broken::of(trouble.failure(exit_code))),
            Err(Bad::SpentAll) => Err(match work.budget.nearest_usd() {
                Some(hit) => Broken::limited(hit),
                None => Broken::of(heard.error.unwrap_or_else(|| Trouble::crashed("it spent its money")).failure(exit_code)),
            }),
        }
    }

    async fn run(&mut self, id: &str, prompt: &str, usd_max: Option<f64>) -> (Ran, Heard, Option<String>) {
        let (task, job, program) = (self.task, self.task.job, self.program);
        let not_started = |error| Ran { end: End::NotStarted(error), duration: std::time::Duration::ZERO, left_running: false };
        let scratch = match tempfile::Builder::new().prefix("flow-studio-").tempdir() {
            Ok(scratch) => scratch,
            Err(error) => return (not_started(error), Heard::default(), None),
        };
        let order = Order {
            work: self.work,
            system: self.system,
            prompt,
            session: self.session.id.as_deref(),
            scratch: scratch.path(),
            writable: &self.writable,
            usd_max,
        };
        let found = find_program(&program.command, &job.workspace, job.env.get("PATH").map(String::as_str));
        let (path, line) = match found.and_then(|path| Ok((path, program.line(&order)?))) {
            Ok(found) => found,
            Err(error) => return (not_started(error), Heard::default(), None),
        };
        let mut env = job.env.clone();
        env.extend(line.env);
        let args: Vec<&str> = line.args.iter().map(String::as_str).collect();
        let stdin = Some(line.stdin.as_bytes());
        let command =
            Command { program: &path, arg0: &program.command, args: &args, cwd: &job.workspace, env: &env, stdin, fence: None };
        let watchdog = Watchdog::new(program.idle);
        let sink = Sink::Stream {
            flow: job.flow.clone(),
            step: job.step.clone(),
            stream: Stream::Stderr,
            path: task.output_path(Some(id), Stream::Stderr),
        };
        let mut err = Tap::new(task.redactor, sink, 0, Vec::new());
        let mut out = Lines::new(program, self.transcript, &watchdog, self.work.turns_max);
        let ran = process::run(command, &mut out, &mut err, task.outlet, &task.limits, Some(&watchdog)).await;
        let heard = out.finish(task.outlet).await;
        let stderr = err.finish(task.outlet).await;
        if ran.left_running {
            let message = "the program ended, but processes that it started had not; they were killed";
            self.log(json!({"event": "left_running", "message": message})).await;
        }
        let tail = stderr.tail_text();
        let last = tail.lines().rev().map(str::trim).find(|line| !line.is_empty());
        let last_line = last.map(|line| line.chars().take(LINE_CHARS_MAX).collect());
        (ran, heard, last_line)
    }

    /// What this run used. Some programs count the whole session; what was counted before is taken off.
    fn fresh(&mut self, heard: &Heard) -> Option<Tokens> {
        if !self.program.counts_sessions() {
            return heard.tokens;
        }
        let before = std::mem::replace(&mut self.session.counted, heard.tokens);
        let (now, before) = (heard.tokens?, before?);
        Tokens::counted(now.prompt.checked_sub(before.prompt), now.completion.checked_sub(before.completion))
    }

    /// Counts the run, at once: what comes after it may be a kill.
    async fn count(&mut self, tokens: Option<Tokens>, cost_usd: Option<f64>, ran: &Ran) {
        self.tokens = self.tokens.zip(tokens).map(|(sum, one)| sum.plus(one));
        self.cost_usd = self.cost_usd.zip(cost_usd).map(|(sum, one)| sum + one);
        let job = self.task.job;
        let call = Call {
            flow: job.flow.clone(),
            step_id: job.step.clone(),
            agent_key: self.work.agent.to_string(),
            execution: job.execution,
            attempt: job.attempt,
            engine: self.program.word(),
            provider: self.program.provider(),
            model: self.model.clone(),
            tokens,
            cost_usd,
            duration_ms: u64::try_from(ran.duration.as_millis()).unwrap_or(u64::MAX),
        };
        // Names and figures: if one of them is a secret, the reply will say so.
        if let Ok(call) = self.task.redactor.clean(call) {
            self.task.outlet.send(Piece::Call(call)).await;
        }
    }

    pub(super) async fn log(&self, event: serde_json::Value) {
        let job = self.task.job;
        let event = self.task.redactor.json(event);
        self.task.outlet.send(Piece::Log { flow: job.flow.clone(), step: job.step.clone(), event }).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "no limit has 2^52 millionths")]
fn usd(millionths: u64) -> f64 {
    millionths as f64 / 1_000_000.0
}
