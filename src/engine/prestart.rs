//! A shell that is started before its step may begin: it loads itself while the decision to begin is being saved.
//! In: a job that is plain shell text. Out: a process that waits, and does what the step says when it is let in.
//! Never: a word of the step's script read, let alone run, before that. Whoever drops it ends it, and one whose driver is gone ends by
//! itself: what it waits for is the end of a pipe.

use super::{
    Job, Watched, Work,
    process::{self, Command, Gate, Started},
    shell::{SHELL, shell_args},
};

/// Waits for a line on standard input, and has none from then on, as every step. `-e` ends it where no line comes. On the script's own
/// first line, so that what a shell says of a line counts as the script counts.
const WAITS: &str = "read -r _; exec </dev/null; ";

/// Ended if it is dropped.
#[derive(Debug)]
pub struct Prestarted {
    pub(super) started: Started,
    pub(super) gate: Gate,
}

impl Prestarted {
    /// From here on it does what the step says. Whoever waits for it sees it if it is gone.
    pub(super) fn let_in(self) -> Started {
        let _ = self.gate.open();
        self.started
    }
}

impl Job {
    /// Nothing of it has to be looked at before its shell starts, and nothing holds that shell back.
    fn is_plain(&self) -> bool {
        self.inputs.is_empty() && self.watched == Watched::default() && self.rail.fence().is_none()
    }

    /// Starts the shell of a step that begins in a moment. `None`: it is not a step for that, or it cannot be started, and whoever
    /// performs it says why. To be called where an async runtime is entered.
    pub fn prestart(&self) -> Option<Prestarted> {
        let Work::Shell { script } = &self.work else { return None };
        if !self.is_plain() {
            return None;
        }
        let script = format!("{WAITS}{script}");
        let command = Command {
            program: SHELL.as_ref(),
            arg0: "sh",
            args: &shell_args(&script),
            cwd: &self.workspace,
            env: &self.env,
            fence: None,
            stdin: None,
        };
        let (started, gate) = process::start_behind_gate(command).ok()?;
        Some(Prestarted { started, gate })
    }
}
