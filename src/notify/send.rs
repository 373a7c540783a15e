//! The thread that sends notices, one after the other to each hook, and says what became of them.

use std::{
    collections::BTreeSet,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::JoinHandle,
    time::Duration,
};

use crate::id::Time;

use super::{Delivery, Hooks, Notice, post::post, program::run};

/// What is not sent in this time when a process is about to end is sent by the next one that drives the run.
const FINISH_MAX: Duration = Duration::from_secs(20);

/// One try that did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failed {
    pub message: String,
    /// It may work another time.
    pub again: bool,
}

/// What a notifier needs besides its hooks.
pub struct Around {
    /// Environment of the command.
    pub env: std::collections::BTreeMap<String, String>,
    /// `notice` + `hook` that were delivered before.
    pub sent: BTreeSet<(String, String)>,
    pub now: Box<dyn FnMut() -> Time + Send>,
    /// Keeps what became of a notice.
    pub keep: Box<dyn FnMut(Delivery) + Send>,
}

/// Takes notices and sends them from a thread of its own.
pub struct Notifier {
    queue: Option<Sender<Notice>>,
    thread: Option<JoinHandle<()>>,
    done: Receiver<()>,
}

impl Notifier {
    /// # Errors
    /// The system gives no thread.
    pub fn start(hooks: Hooks, around: Around) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (queue, notices) = channel::<Notice>();
        let (over, done) = channel();
        let thread = std::thread::Builder::new().name("notify".to_owned()).spawn(move || {
            let mut around = around;
            while let Ok(notice) = notices.recv() {
                runtime.block_on(tell(&hooks, &notice, &mut around));
            }
            let _ = over.send(());
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), done })
    }

    /// Returns at once.
    pub fn send(&self, notice: Notice) {
        if let Some(queue) = &self.queue {
            let _ = queue.send(notice);
        }
    }

    /// Waits until everything was sent, or given up; not for ever. False: something is still to be sent.
    pub fn finish(mut self) -> bool {
        self.queue = None;
        match self.done.recv_timeout(FINISH_MAX) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                if let Some(thread) = self.thread.take() {
                    drop(thread.join());
                }
                true
            }
            // The thread ends with the process.
            Err(RecvTimeoutError::Timeout) => false,
        }
    }
}

async fn tell(hooks: &Hooks, notice: &Notice, around: &mut Around) {
    if let Some(argv) = &hooks.command {
        let env = around.env.clone();
        deliver(hooks, notice, "command".to_owned(), around, async |_| {
            run(argv, notice, &env, Duration::from_millis(hooks.timeout_ms)).await
        })
        .await;
    }
    for webhook in &hooks.webhooks {
        deliver(hooks, notice, webhook.name(), around, async |now| {
            post(webhook, notice, now, Duration::from_millis(hooks.timeout_ms)).await
        })
        .await;
    }
}

async fn deliver(
    hooks: &Hooks,
    notice: &Notice,
    hook: String,
    around: &mut Around,
    send: impl AsyncFn(Time) -> Result<(), Failed>,
) {
    let key = (notice.id.clone(), hook.clone());
    if around.sent.contains(&key) {
        return;
    }
    let mut tries = 0;
    let error = loop {
        tries += 1;
        match send((around.now)()).await {
            Ok(()) => break None,
            Err(failed) if failed.again && tries < hooks.tries_max => {
                let delay = hooks.delay_ms.saturating_mul(1 << (tries - 1).min(10));
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            Err(failed) => break Some(failed.message),
        }
    };
    if error.is_none() {
        around.sent.insert(key);
    }
    let timestamp = (around.now)();
    (around.keep)(Delivery { timestamp, notice: notice.id.clone(), hook, delivered: error.is_none(), tries, error });
}
