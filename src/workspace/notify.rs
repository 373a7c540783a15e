//! Whoever should hear of it is told: what is raised or ends while a run is driven, and what an earlier process did not get told.

use std::{collections::BTreeSet, io, sync::Arc};

use secrecy::ExposeSecret as _;

use crate::{
    config::{Config, NotifySettings},
    error::{Error, Kind},
    id::RunId,
    inspect::Paste,
    kernel::State,
    ledger::RunDir,
    notify::{Around, Delivery, Hooks, Notice, Notifier, Webhook},
    record::{Entry, Fact},
    redact::Redactor,
    runner::{Clock, Observer},
};

/// Lines of `notices.jsonl` that are read: one per question and hook.
const NOTICES_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The hooks that the settings name.
///
/// # Errors
/// A variable that should hold an address or a key is not set: better said now than when somebody should be woken.
pub(super) fn hooks(settings: &NotifySettings) -> Result<Hooks, Error> {
    let unset = |name: &String| {
        Error::new(Kind::Invalid, format!("`notify` needs the environment variable {name}, and it is not set"))
            .hint(format!("export {name}=…, or remove the webhook from flow-studio.toml"))
    };
    let mut webhooks = Vec::new();
    for hook in &settings.webhooks {
        let url = hook.url.as_ref().map_err(unset)?.clone();
        let secret = hook.secret.as_ref().map(|secret| secret.as_ref().map_err(unset)).transpose()?.cloned();
        webhooks.push(Webhook { url, secret });
    }
    Ok(Hooks {
        command: settings.command.clone(),
        webhooks,
        ended: settings.ended,
        tries_max: settings.tries_max,
        delay_ms: settings.delay_ms,
        timeout_ms: settings.timeout_ms,
    })
}

/// Keys and private addresses of hooks: secrets of every run.
pub(super) fn keys(config: &Config) -> Vec<(String, String)> {
    let hooks = config.notify.webhooks.iter().enumerate();
    let found = hooks.flat_map(|(at, hook)| {
        let url = hook.url.as_ref().ok().map(|url| (format!("notify-url-{at}"), url.expose_secret().to_owned()));
        let secret = hook.secret.as_ref().and_then(|secret| secret.as_ref().ok());
        let secret = secret.map(|secret| (format!("notify-secret-{at}"), secret.expose_secret().to_owned()));
        [url, secret].into_iter().flatten()
    });
    found.filter(|(_, value)| value.len() >= Redactor::VALUE_BYTES_MIN).collect()
}

/// Sees what another observer sees, and tells people of it.
pub(super) struct Telling<'o> {
    inner: &'o mut dyn Observer,
    notifier: Option<Notifier>,
    ended: bool,
    run: RunId,
    paste: Paste,
}

impl<'o> Telling<'o> {
    /// Begins with the questions that stand open and that nobody was told of.
    ///
    /// # Errors
    /// The system gives no thread, or what was told before cannot be read.
    pub fn start(
        config: &Config,
        run: &RunDir,
        state: &State,
        redactor: Redactor,
        paste: Paste,
        inner: &'o mut dyn Observer,
    ) -> Result<Self, Error> {
        let hooks = hooks(&config.notify)?;
        let id = run.id().clone();
        let ended = hooks.ended;
        if hooks.is_empty() {
            return Ok(Self { inner, notifier: None, ended, run: id, paste });
        }
        let system = |error: io::Error| Error::new(Kind::System, "nobody could be told of what waits").because(&error);
        let (dir, mut clock) = (run.clone(), Clock::after(state.now));
        let around = Around {
            env: config.step_env.clone(),
            sent: delivered(run).map_err(system)?,
            now: Box::new(move || clock.now()),
            keep: Box::new(move |delivery: Delivery| {
                let Ok(mut line) = serde_json::to_vec(&delivery) else { return };
                line.push(b'\n');
                // A line that is lost is told again.
                drop(dir.append(&dir.notices(), &redactor.bytes(line)));
            }),
        };
        let notifier = Notifier::start(hooks, around).map_err(system)?;
        for question in state.open_questions.iter().filter_map(|id| state.questions.get(id)) {
            notifier.send(Notice::question(question, paste.review(&id, &question.id)));
        }
        Ok(Self { inner, notifier: Some(notifier), ended, run: id, paste })
    }

    /// Waits for what is still to be told.
    pub fn finish(self) {
        if self.notifier.is_some_and(|notifier| !notifier.finish()) {
            self.inner.word("not everybody could be told yet; the next `resume` tries again");
        }
    }
}

impl Observer for Telling<'_> {
    fn entry(&mut self, state: &State, entry: &Arc<Entry>) {
        self.inner.entry(state, entry);
        let Some(notifier) = &self.notifier else { return };
        for fact in &entry.facts {
            match fact {
                Fact::EscalationRaised { question } => {
                    notifier.send(Notice::question(question, self.paste.review(&self.run, &question.id)));
                }
                Fact::FlowCompleted { flow, outcome, reason, .. } if self.ended && flow.depth() == 0 => {
                    let generation = state.frame(flow).map_or(1, |frame| frame.generation);
                    let next = self.paste.report(&self.run);
                    notifier.send(Notice::ended(&self.run, flow, generation, *outcome, reason, entry.ts, next));
                }
                _ => {}
            }
        }
    }
    fn tick(&mut self, state: &State) {
        self.inner.tick(state);
    }
    fn word(&mut self, text: &str) {
        self.inner.word(text);
    }
    fn hears(&self) -> bool {
        self.inner.hears()
    }
}

/// What was delivered before, by notice and hook.
fn delivered(run: &RunDir) -> io::Result<BTreeSet<(String, String)>> {
    let bytes = match run.read(&run.notices(), NOTICES_BYTES_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        other => other?,
    };
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Delivery>(line).ok());
    Ok(lines.filter(|line| line.delivered).map(|line| (line.notice, line.hook)).collect())
}
