//! One look a second at the list of runs, for all who listen. In: a workspace. Out: a mark of the list whenever it is another one.
//! Never: a look while nobody listens, a look that costs more with each run that has ended.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::MissedTickBehavior};

use super::super::server::Studio;

const EVERY: Duration = Duration::from_secs(1);
/// Runs at rest that are looked at each time, in turns. Something may have gone on with one of them.
const AT_REST: usize = 500;

#[derive(Debug, Default)]
pub(in crate::studio) struct List {
    /// `None`: nobody listens.
    mark: Mutex<Option<watch::Sender<String>>>,
}

impl List {
    fn mark(&self) -> MutexGuard<'_, Option<watch::Sender<String>>> {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The mark as it is; empty before the first look.
    pub fn listen(&self, studio: &Studio) -> watch::Receiver<String> {
        let mut mark = self.mark();
        if let Some(mark) = &*mark {
            return mark.subscribe();
        }
        let (sender, receiver) = watch::channel(String::new());
        *mark = Some(sender.clone());
        tokio::spawn(look(studio.clone(), sender));
        receiver
    }
}

async fn look(studio: Studio, mark: watch::Sender<String>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = mark.closed() => {}
        }
        {
            let mut known = studio.hub.list.mark();
            if mark.receiver_count() == 0 {
                *known = None;
                return;
            }
        }
        let read = studio.blocking(|workspace| Ok(workspace.look_at_runs(AT_REST)?));
        if let Ok(found) = read.await {
            mark.send_if_modified(|known| {
                let other = *known != found;
                *known = found;
                other
            });
        }
    }
}
