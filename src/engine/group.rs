//! The processes of one command: its group, and those that left it for a group or a session of their own.
//! In: the leader, and its environment. Out: signals, and whether anything is alive.
//! Never: a group signalled after its number may have gone to somebody else, a process that left a command which ended by itself, the
//! table of all processes read on the thread that other steps run on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

use super::orphans::Marks;

/// After its leader ended and it was killed, a group is waited for so long.
pub(super) const GONE_MAX: Duration = Duration::from_secs(1);
/// A process whose environment the system does not give, as one that waits for a disk, holds up no signal for longer than this.
const SEARCH_MAX: Duration = Duration::from_secs(5);
/// How often it is looked whether something that was killed has begun yet another session.
const ROUNDS_MAX: u32 = 5;
/// When it is looked first whether what was killed is gone; then later and later.
const LOOK_FIRST: Duration = Duration::from_millis(1);
const LOOK_MAX: Duration = Duration::from_millis(50);

/// Kills the group if whoever waits for it goes away.
#[derive(Debug)]
pub(super) struct Group {
    pub leader: Option<Pid>,
    marks: Arc<Marks>,
    /// What had left the group when it was told to end.
    away: Vec<Pid>,
}

impl Group {
    pub(super) fn new(leader: Option<Pid>, env: &BTreeMap<String, String>) -> Self {
        Self { leader, marks: Arc::new(Marks::of(env)), away: Vec::new() }
    }

    pub(super) fn signal(&self, signal: Signal) -> bool {
        self.leader.is_some_and(|pid| kill_process_group(pid, signal).is_ok())
    }

    /// The command is to end, and with it what has left its group.
    pub(super) async fn end(&mut self, signal: Signal) {
        // What is killed does nothing any more: nothing is to be found before.
        if signal == Signal::KILL {
            self.signal(signal);
        }
        // Looked for first: what is told to end may start something in its last moment, and that is found below.
        self.away = self.found().await;
        self.away.retain(|group| Some(*group) != self.leader);
        self.signal(signal);
        for group in &self.away {
            // Gone by itself in between: as good.
            let _ = kill_process_group(*group, signal);
        }
    }

    /// Has members, if only dead ones that nobody has waited for.
    pub(super) fn exists(&self) -> bool {
        self.leader.is_some_and(|pid| test_kill_process_group(pid).is_ok())
    }

    pub(super) async fn alive(&self) -> bool {
        !alive_of(self.leader.into_iter().collect()).await.is_empty()
    }

    /// The group, or what left it before it was told to end.
    pub(super) async fn any_alive(&self) -> bool {
        !alive_of(self.leader.into_iter().chain(self.away.iter().copied()).collect()).await.is_empty()
    }

    /// Waits until the group is gone, but not for long.
    pub(super) async fn gone(&self) {
        all_gone(self.leader.into_iter().collect()).await;
    }

    /// What left the group of a command that was ended does not outlive it.
    pub(super) async fn kill_away(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let groups = alive_of(self.found().await).await;
            if groups.is_empty() {
                return;
            }
            for group in &groups {
                let _ = kill_process_group(*group, Signal::KILL);
            }
            all_gone(groups).await;
        }
    }

    /// The groups of all that has the environment of this command.
    async fn found(&self) -> Vec<Pid> {
        let marks = self.marks.clone();
        let search = timeout(SEARCH_MAX, aside(move || marks.groups()));
        search.await.unwrap_or_else(|_| {
            tracing::warn!("the search for what left a command's group takes too long");
            Vec::new()
        })
    }
}

async fn all_gone(mut groups: Vec<Pid>) {
    let (gone_max, mut look) = (Instant::now() + GONE_MAX, LOOK_FIRST);
    loop {
        groups = alive_of(groups).await;
        if groups.is_empty() || Instant::now() >= gone_max {
            return;
        }
        sleep(look).await;
        look = (look * 2).min(LOOK_MAX);
    }
}

async fn alive_of(mut groups: Vec<Pid>) -> Vec<Pid> {
    groups.retain(|group| test_kill_process_group(*group).is_ok());
    // Mostly all are gone, and there is nothing to ask.
    if groups.is_empty() { groups } else { aside(move || living_of(groups.clone())).await }
}

/// Reads what the system says of all its processes, which takes the longer the more there are, on a thread of its own. Where a step
/// left no room for one more, it is read here: what is to be ended is ended all the same.
async fn aside<T: Send + 'static>(look: impl Fn() -> T + Clone + Send + 'static) -> T {
    let (tell, told) = oneshot::channel();
    let there = look.clone();
    let thread = std::thread::Builder::new().name("processes".to_owned());
    match thread.spawn(move || drop(tell.send(there()))) {
        Ok(_) => told.await.unwrap_or_else(|_| look()),
        Err(_) => look(),
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Those of the groups in which a process is more than a zombie. Orphans stay zombies until init looks at them, which in a
/// container can take seconds. All are asked for at once: it is one look at every process there is.
#[cfg(target_os = "linux")]
pub(super) fn living_of(mut groups: Vec<Pid>) -> Vec<Pid> {
    #[cfg(test)]
    LOOKS.with(|looks| looks.set(looks.get() + 1));
    let Ok(processes) = std::fs::read_dir("/proc") else { return groups };
    let of = |process: std::io::Result<std::fs::DirEntry>| {
        let name = process.ok()?.file_name();
        // `meminfo` and its like are no processes.
        let pid: u32 = name.to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // `pid (name) state parent group …`; the name may hold anything.
        let mut fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ');
        let dead = matches!(fields.next(), None | Some("Z" | "X"));
        fields.nth(1).filter(|_| !dead)?.parse::<i32>().ok()
    };
    let living: BTreeSet<i32> = processes.filter_map(of).collect();
    groups.retain(|group| living.contains(&group.as_raw_nonzero().get()));
    groups
}

#[cfg(not(target_os = "linux"))]
pub(super) fn living_of(mut groups: Vec<Pid>) -> Vec<Pid> {
    groups.retain(|group| test_kill_process_group(*group).is_ok());
    groups
}

#[cfg(test)]
thread_local! {
    /// How often this thread looked at all processes.
    pub(super) static LOOKS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}
