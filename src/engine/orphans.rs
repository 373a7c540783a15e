//! What a driver that was killed left running.
//! In: RUN_BASE, and the executions that were under way. Out: their process groups, ended.
//! Never: a process that does not carry the environment of one of these executions; us, or whoever started us.
//!
//! Nothing is written down while steps run: a process tells by its environment which execution it belongs to, so that
//! a number that was given to somebody else meanwhile is nobody's trap. A step that clears its environment is not found.

use std::{collections::BTreeMap, ffi::OsString, path::Path, time::Duration};

use rustix::process::{Pid, Signal, getpgid, kill_process_group};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System, UpdateKind};
use tokio::time::Instant;

use crate::id::StepRef;

use super::{group::living_of, process::KILL_WAIT};

/// When a group that was told to end is looked at first. Each look is one at all processes of the machine, so the next ones come later
/// and later.
const LOOK_FIRST: Duration = Duration::from_millis(5);
const LOOK_MAX: Duration = Duration::from_millis(100);

/// Ends what is left of these executions of a run: TERM, and KILL once `grace` is over. Returns the steps that had
/// something running. The caller holds the run's lock, so no driver is at work on it.
pub fn end_orphans(run_base: &Path, under_way: &[(StepRef, u32)], grace: Duration) -> Vec<StepRef> {
    if under_way.is_empty() {
        return Vec::new();
    }
    let groups = groups(run_base, under_way);
    for (pid, _) in &groups {
        // Gone by itself in between: as good.
        let _ = kill_process_group(*pid, Signal::TERM);
    }
    if !all_gone(&groups, grace) {
        for (pid, _) in &groups {
            let _ = kill_process_group(*pid, Signal::KILL);
        }
        all_gone(&groups, KILL_WAIT);
    }
    let mut steps: Vec<StepRef> = groups.into_iter().map(|(_, step)| step).collect();
    steps.sort();
    steps.dedup();
    steps
}

/// The same, only looked for: of these executions, those of which a process still runs.
pub fn living(run_base: &Path, under_way: &[(StepRef, u32)]) -> Vec<StepRef> {
    if under_way.is_empty() {
        return Vec::new();
    }
    let mut found = groups(run_base, under_way);
    let living = living_of(found.iter().map(|(group, _)| *group).collect());
    found.retain(|(group, _)| living.contains(group));
    found.into_iter().map(|(_, step)| step).collect()
}

/// What one execution of one step, in one flow of one run, has in its environment, and nothing else has.
#[derive(Debug, Default)]
pub(super) struct Marks(Vec<OsString>);

impl Marks {
    pub(super) fn of(env: &BTreeMap<String, String>) -> Self {
        let entry = |name| env.get(name).map(|value| OsString::from(format!("{name}={value}")));
        Self(["RUN_BASE", "STEP_DIR", "EXECUTION"].into_iter().map(entry).collect::<Option<_>>().unwrap_or_default())
    }

    /// The groups of all that carries them.
    pub(super) fn groups(&self) -> Vec<Pid> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let carries = |environ: &[OsString]| self.0.iter().all(|entry| environ.contains(entry)).then_some(());
        marked(carries).into_iter().map(|(group, ())| group).collect()
    }
}

fn groups(run_base: &Path, under_way: &[(StepRef, u32)]) -> Vec<(Pid, StepRef)> {
    marked(|environ| belongs_to(environ, run_base, under_way).cloned())
}

/// Process groups with a member whose environment says what it is of, but for our own.
fn marked<T>(of: impl Fn(&[OsString]) -> Option<T>) -> Vec<(Pid, T)> {
    let known = ProcessRefreshKind::nothing().with_environ(UpdateKind::Always).without_tasks();
    let mut system = System::new_with_specifics(RefreshKind::nothing());
    system.refresh_processes_specifics(ProcessesToUpdate::All, false, known);
    let ours = ours(&system);
    // Asked only of processes that a driver started: elsewhere a group may lie outside of our namespace.
    let group_of = |pid: sysinfo::Pid| getpgid(Pid::from_raw(i32::try_from(pid.as_u32()).ok()?)).ok();
    let mut spared = Vec::new();
    let mut found: BTreeMap<i32, T> = BTreeMap::new();
    for (pid, process) in system.processes() {
        let Some(step) = of(process.environ()) else { continue };
        let Some(group) = group_of(*pid) else { continue };
        if ours.contains(pid) {
            spared.push(group.as_raw_nonzero().get());
        }
        found.entry(group.as_raw_nonzero().get()).or_insert(step);
    }
    found.retain(|group, _| !spared.contains(group));
    found.into_iter().filter_map(|(group, of)| Some((Pid::from_raw(group)?, of))).collect()
}

/// This process and all above it: one of them may be a step that resumes its own run.
fn ours(system: &System) -> Vec<sysinfo::Pid> {
    let mut next = sysinfo::get_current_pid().ok();
    let mut line = Vec::new();
    while let Some(pid) = next.filter(|pid| !line.contains(pid)) {
        line.push(pid);
        next = system.process(pid).and_then(sysinfo::Process::parent);
    }
    line
}

fn belongs_to<'s>(environ: &[OsString], run_base: &Path, under_way: &'s [(StepRef, u32)]) -> Option<&'s StepRef> {
    let has = |name: &str, value: &std::ffi::OsStr| {
        let mut wanted = OsString::from(format!("{name}="));
        wanted.push(value);
        environ.contains(&wanted)
    };
    if !has("RUN_BASE", run_base.as_os_str()) {
        return None;
    }
    let own = |(step, execution): &&(StepRef, u32)| {
        has("STEP", step.as_str().as_ref()) && has("EXECUTION", execution.to_string().as_ref())
    };
    under_way.iter().find(own).map(|(step, _)| step)
}

#[expect(clippy::disallowed_methods, reason = "these are nobody's children any more: no event tells of their end")]
fn all_gone(groups: &[(Pid, StepRef)], within: Duration) -> bool {
    let mut left: Vec<Pid> = groups.iter().map(|(group, _)| *group).collect();
    // What looking takes is part of the time.
    let (begun, mut look) = (Instant::now(), LOOK_FIRST);
    loop {
        left = living_of(left);
        if left.is_empty() {
            return true;
        }
        let rest = within.saturating_sub(begun.elapsed());
        if rest.is_zero() {
            return false;
        }
        std::thread::sleep(look.min(rest));
        look = (look * 2).min(LOOK_MAX);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;

    use super::*;
    use crate::engine::group::LOOKS;

    #[test]
    fn a_grace_is_as_long_as_it_says_and_few_looks_at_all_processes() {
        let mut child = std::process::Command::new("sleep").arg("100").process_group(0).spawn().unwrap();
        let group = Pid::from_raw(child.id().cast_signed()).unwrap();
        let groups = [(group, StepRef::new("work").unwrap())];
        assert!(!all_gone(&groups, Duration::from_millis(300)));
        assert!(LOOKS.with(std::cell::Cell::get) <= 9);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(all_gone(&groups, Duration::ZERO));
    }
}
