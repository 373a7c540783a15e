//! One child process from spawn to the last member of its group.
//! In: a command, who reads its output, limits. Out: how it ended. Never: a thread held up, a process of its group left running, an
//! environment variable that was not given. What left the group is ended where the command is, and left alone where it ended by itself.

use std::{
    collections::BTreeMap,
    io::{PipeWriter, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    pin::{Pin, pin},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, sleep, sleep_until},
};

use crate::rails::{self, Fence};

use super::{
    Outlet, Stop, StopLevel,
    group::Group,
    reading::{Patience, Reading},
    watchdog::{Bite, Watchdog},
};

/// After KILL, the kernel is given so long; a process in uninterruptible sleep takes longer.
pub(super) const KILL_WAIT: Duration = Duration::from_secs(10);
/// How often a group without its leader is looked at, and a wait for our own disk.
const LOOK: Duration = Duration::from_millis(10);
/// Each look is one at all processes of the machine: they come less and less often.
const LOOK_MAX: Duration = Duration::from_millis(100);
/// The default size of a pipe: one read empties it.
const READ_BYTES_MAX: usize = 64 * 1024;
const READ_BYTES_FIRST: usize = 4 * 1024;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Command<'c> {
    /// A path: with it, the standard library takes the fast `posix_spawn`.
    pub program: &'c Path,
    pub arg0: &'c str,
    pub args: &'c [&'c str],
    pub cwd: &'c Path,
    pub env: &'c BTreeMap<String, String>,
    /// What the process, and whatever it starts, is held to.
    pub fence: Option<&'c Fence>,
    /// Written to its standard input, which is then closed; `None`: there is none.
    pub stdin: Option<&'c [u8]>,
}

/// What holds a process back: it reads a line from its standard input first.
#[derive(Debug)]
pub(crate) struct Gate(PipeWriter);

impl Gate {
    /// One byte into a pipe that is empty: nothing to wait for.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn open(mut self) -> std::io::Result<()> {
        self.0.write_all(b"\n")
    }
}

/// Whoever takes in one output stream of a process.
pub(crate) trait Drain {
    fn take(&mut self, bytes: &[u8]);
    /// Hands over what was taken; nothing is read meanwhile. May be dropped at any await without losing a byte.
    fn hand_over(&mut self, outlet: &Outlet) -> impl Future<Output = ()> + Send;
}

#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub deadline: Option<Instant>,
    pub grace: Duration,
    pub stop: Stop,
    pub patience: Patience,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) enum End {
    Exited(i32),
    Signalled(i32),
    /// Its time was up, and we ended it.
    TimedOut,
    /// We were told to end it.
    Stopped,
    /// The watchdog ended it.
    Bitten(Bite),
    /// It does not die.
    Stuck,
    NotStarted(std::io::Error),
}

#[derive(Debug)]
pub(crate) struct Ran {
    pub end: End,
    pub duration: Duration,
    /// Something of its group was still alive after it, and was killed.
    pub left_running: bool,
}

/// Why the process is being ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Not,
    Timeout,
    Stop,
    Bitten(Bite),
}

/// Runs one command to its end and to the end of its group.
pub(crate) async fn run(
    command: Command<'_>,
    out: &mut impl Drain,
    err: &mut impl Drain,
    outlet: &Outlet,
    limits: &Limits,
    watchdog: Option<&Watchdog>,
) -> Ran {
    match start(command) {
        Ok(started) => started.run(command.stdin, out, err, outlet, limits, watchdog).await,
        Err(error) => Ran { end: End::NotStarted(error), duration: Duration::ZERO, left_running: false },
    }
}

/// A process that runs, and whose output nobody reads yet. Its group is killed if it is dropped.
#[derive(Debug)]
pub(crate) struct Started {
    child: tokio::process::Child,
    group: Group,
}

/// Behind its fence, from its first instruction on.
pub(crate) fn start(command: Command<'_>) -> std::io::Result<Started> {
    let stdin = if command.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
    started(command, stdin)
}

/// The same for a command that has no input of its own and waits for a line.
pub(crate) fn start_behind_gate(command: Command<'_>) -> std::io::Result<(Started, Gate)> {
    let (reader, writer) = std::io::pipe()?;
    Ok((started(command, reader.into())?, Gate(writer)))
}

fn started(command: Command<'_>, stdin: Stdio) -> std::io::Result<Started> {
    let child = spawn(command, stdin)?;
    let group = Group::new(child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())), command.env);
    Ok(Started { child, group })
}

impl Started {
    #[cfg(test)]
    pub(crate) fn id(&self) -> Option<i32> {
        self.child.id().map(u32::cast_signed)
    }

    /// To its end and to the end of its group. `text` is written to its standard input, if it has one.
    pub(crate) async fn run(
        self,
        text: Option<&[u8]>,
        out: &mut impl Drain,
        err: &mut impl Drain,
        outlet: &Outlet,
        limits: &Limits,
        watchdog: Option<&Watchdog>,
    ) -> Ran {
        let start = Instant::now();
        let Self { mut child, mut group } = self;
        let (Some(mut stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
            unreachable!("both pipes were asked for, and are taken once")
        };
        let reading = Reading::new(start);
        let mut stdin = child.stdin.take();
        let feed = async {
            // Whoever does not read what it is told has its reasons; how it ends says the rest.
            if let (Some(pipe), Some(text)) = (&mut stdin, text) {
                let _ = pipe.write_all(text).await;
            }
            drop(stdin);
        };
        let mut pump = pin!(async {
            tokio::join!(feed, pump(&mut stdout, out, outlet, &reading), pump(&mut stderr, err, outlet, &reading));
        });
        let mut pumped = false;

        let mut stop = limits.stop.clone();
        let mut ending = Ending::Not;
        let mut wanted = StopLevel::Term;
        let mut alarm = limits.deadline;
        let status = loop {
            tokio::select! {
                biased;
                status = child.wait() => break Some(status),
                () = &mut pump, if !pumped => pumped = true,
                () = stop.reached(wanted), if wanted != StopLevel::Run => {
                    let kill = stop.level() == StopLevel::Kill;
                    if ending == Ending::Not {
                        ending = Ending::Stop;
                    }
                    group.end(if kill { Signal::KILL } else { Signal::TERM }).await;
                    alarm = Some(Instant::now() + if kill { KILL_WAIT } else { limits.grace });
                    wanted = if kill { StopLevel::Run } else { StopLevel::Kill };
                }
                bite = bites(watchdog, &reading), if ending == Ending::Not => {
                    ending = Ending::Bitten(bite);
                    group.end(Signal::TERM).await;
                    alarm = Some(Instant::now() + limits.grace);
                    wanted = StopLevel::Kill;
                }
                () = until(alarm) => match ending {
                    Ending::Not => {
                        ending = Ending::Timeout;
                        group.end(Signal::TERM).await;
                        alarm = Some(Instant::now() + limits.grace);
                        wanted = StopLevel::Kill;
                    }
                    Ending::Timeout | Ending::Stop | Ending::Bitten(_) if wanted == StopLevel::Kill => {
                        group.end(Signal::KILL).await;
                        alarm = Some(Instant::now() + KILL_WAIT);
                        wanted = StopLevel::Run;
                    }
                    Ending::Timeout | Ending::Stop | Ending::Bitten(_) => break None,
                },
            }
        };
        let duration = start.elapsed();
        // Looked at right after the leader was reaped. While a member lives, nobody else can get the group's number; if
        // none lives, the group is never signalled again.
        if !group.exists() {
            group.leader = None;
        }
        // Told to end, the members have the rest of their grace, as their leader had.
        if ending != Ending::Not {
            let mut look = LOOK;
            while wanted == StopLevel::Kill && group.any_alive().await && alarm.is_some_and(|alarm| Instant::now() < alarm) {
                tokio::select! {
                    biased;
                    () = stop.reached(StopLevel::Kill) => break,
                    () = &mut pump, if !pumped => pumped = true,
                    () = sleep(look) => look = (look * 2).min(LOOK_MAX),
                }
            }
        }
        if !pumped && ending == Ending::Not {
            pumped = drained(pump.as_mut(), &reading, &stop, limits.patience).await;
        }
        let left_running = group.alive().await;
        group.signal(Signal::KILL);
        if left_running {
            group.gone().await;
        }
        group.leader = None;
        // One that ended by itself may have left something on purpose; of one that was ended, nothing goes on.
        if ending != Ending::Not {
            group.kill_away().await;
        }
        // What was still in the pipes when the last writer died. A process that left the group may hold them open.
        if !pumped {
            let max = limits.patience.after_kill;
            drained(pump, &reading, &stop, Patience { silence: max, max, ..limits.patience }).await;
        }
        let end = match (ending, status) {
            (_, None) => End::Stuck,
            (Ending::Timeout, Some(_)) => End::TimedOut,
            (Ending::Stop, Some(_)) => End::Stopped,
            (Ending::Bitten(bite), Some(_)) => End::Bitten(bite),
            (Ending::Not, Some(Err(error))) => End::NotStarted(error),
            (Ending::Not, Some(Ok(status))) => match (status.code(), status.signal()) {
                (Some(code), _) => End::Exited(code),
                (None, signal) => End::Signalled(signal.unwrap_or(0)),
            },
        };
        Ran { end, duration, left_running: left_running && ending == Ending::Not }
    }
}

/// Reads to the end of a pipe.
async fn pump(pipe: &mut (impl AsyncRead + Unpin + Send), drain: &mut impl Drain, outlet: &Outlet, reading: &Reading) {
    let mut buffer = Vec::with_capacity(READ_BYTES_FIRST);
    loop {
        reading.held(drain.hand_over(outlet)).await;
        buffer.clear();
        // An error on a pipe that we hold is its end.
        let Ok(bytes @ 1..) = pipe.read_buf(&mut buffer).await else { return };
        reading.read(bytes);
        drain.take(&buffer);
        if bytes == buffer.capacity() && bytes < READ_BYTES_MAX {
            buffer = Vec::with_capacity(READ_BYTES_MAX);
        }
    }
}

/// Reads on after the leader's end. Whether the pipes' end was reached.
async fn drained(mut pump: Pin<&mut impl Future<Output = ()>>, reading: &Reading, stop: &Stop, patience: Patience) -> bool {
    let (start, begun) = (Instant::now(), reading.seen());
    loop {
        // What is there is read first; whether it is over is said by how that went.
        tokio::select! {
            biased;
            () = pump.as_mut() => return true,
            () = std::future::ready(()) => {}
        }
        let now = Instant::now();
        // Whoever is in a hurry does not wait for a disk either.
        let over = match stop.level() {
            StopLevel::Kill => Some(start + patience.max),
            StopLevel::Run | StopLevel::Term => patience.over(begun, reading.seen(), now, start),
        };
        if over.is_some_and(|over| over <= now) {
            return false;
        }
        tokio::select! {
            biased;
            () = pump.as_mut() => return true,
            () = sleep_until(over.unwrap_or(now + LOOK)) => {}
        }
    }
}

async fn bites(watchdog: Option<&Watchdog>, reading: &Reading) -> Bite {
    match watchdog {
        Some(watchdog) => watchdog.bites(reading).await,
        None => std::future::pending().await,
    }
}

fn spawn(command: Command<'_>, stdin: Stdio) -> std::io::Result<tokio::process::Child> {
    // A fence is put up on a thread that knows nothing of the runtime.
    let runtime = tokio::runtime::Handle::current();
    rails::start(command.fence, || {
        let _entered = runtime.enter();
        tokio::process::Command::new(command.program)
            .arg0(command.arg0)
            .args(command.args)
            .env_clear()
            .envs(command.env)
            .current_dir(command.cwd)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
    })
}

async fn until(alarm: Option<Instant>) {
    match alarm {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
