//! The processes of one command: its group, and those that left it for a group or a session of their own.
//! In: the leader, and its environment. Out: signals, and whether anything is alive.
//! Never: a group signalled after its number may have gone to somebody else, a process that left a command which ended by itself.

use std::{collections::BTreeMap, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::time::{Instant, sleep};

use super::orphans::Marks;

/// After its leader ended and it was killed, a group is waited for so long.
pub(super) const GONE_MAX: Duration = Duration::from_secs(1);
/// How often it is looked whether something that was killed has begun yet another session.
const ROUNDS_MAX: u32 = 5;

/// Kills the group if whoever waits for it goes away.
#[derive(Debug)]
pub(super) struct Group {
    pub leader: Option<Pid>,
    marks: Marks,
    /// What had left the group when it was told to end.
    away: Vec<Pid>,
}

impl Group {
    pub(super) fn new(leader: Option<Pid>, env: &BTreeMap<String, String>) -> Self {
        Self { leader, marks: Marks::of(env), away: Vec::new() }
    }

    pub(super) fn signal(&self, signal: Signal) -> bool {
        self.leader.is_some_and(|pid| kill_process_group(pid, signal).is_ok())
    }

    /// The command is to end, and with it what has left its group.
    pub(super) fn end(&mut self, signal: Signal) {
        // Looked for first: what is told to end may start something in its last moment, and that is found below.
        self.away = self.marks.groups().into_iter().filter(|group| Some(*group) != self.leader).collect();
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

    pub(super) fn alive(&self) -> bool {
        self.exists() && self.leader.is_some_and(has_living)
    }

    /// The group, or what left it before it was told to end.
    pub(super) fn any_alive(&self) -> bool {
        self.alive() || self.away.iter().any(|group| has_living(*group))
    }

    /// What left the group of a command that was ended does not outlive it.
    pub(super) async fn kill_away(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let groups: Vec<Pid> = self.marks.groups().into_iter().filter(|group| has_living(*group)).collect();
            if groups.is_empty() {
                return;
            }
            for group in &groups {
                let _ = kill_process_group(*group, Signal::KILL);
            }
            let gone_max = Instant::now() + GONE_MAX;
            while groups.iter().any(|group| has_living(*group)) && Instant::now() < gone_max {
                sleep(Duration::from_millis(1)).await;
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Whether a process of this group is more than a zombie. Orphans stay zombies until init looks at them, which in a
/// container can take seconds. Asked only when a group outlived its leader.
#[cfg(target_os = "linux")]
pub(super) fn has_living(group: Pid) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return true };
    processes.flatten().any(|process| {
        let Ok(stat) = std::fs::read_to_string(process.path().join("stat")) else { return false };
        // `pid (name) state parent group …`; the name may hold anything.
        let mut fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ');
        let dead = matches!(fields.next(), None | Some("Z" | "X"));
        !dead && fields.nth(1).and_then(|field| field.parse().ok()) == Some(group.as_raw_nonzero().get())
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn has_living(group: Pid) -> bool {
    test_kill_process_group(group).is_ok()
}
