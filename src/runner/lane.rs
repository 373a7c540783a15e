//! An async runtime for steps, with one thread: that of whoever waits for them, as long as nothing else is to be done there, and
//! then one of its own.
//! In: tasks. Out: nothing; they say themselves how they ended. Never: a task that stands still while its thread does other work.

use std::{io, pin::Pin, sync::mpsc, thread::JoinHandle, time::Duration};

use tokio::{
    runtime::{Handle, Runtime},
    sync::oneshot,
};

/// Dropping a task kills the process group it owns; a second is plenty for that.
const CLOSING: Duration = Duration::from_secs(1);

/// Boxed: the runtime moves a task each time its stage changes.
pub(super) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) struct Lane {
    tasks: Handle,
    seat: Seat,
    /// Begin when somebody waits: handed to a runtime that stands still, each would cost a call of the system to wake it.
    new: Vec<Task>,
}

enum Seat {
    /// Runs while somebody waits in [`Lane::wait`].
    Here(Runtime),
    /// Runs always. Dropping `open` ends it.
    There { open: oneshot::Sender<()>, thread: JoinHandle<()> },
}

impl Lane {
    /// A lane on the caller's thread.
    ///
    /// # Errors
    /// When the system gives no descriptors.
    pub fn here() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(16).enable_all().build()?;
        Ok(Self { tasks: runtime.handle().clone(), seat: Seat::Here(runtime), new: Vec::new() })
    }

    /// A lane on a thread of its own.
    ///
    /// # Errors
    /// When the system gives no descriptors, or no thread.
    pub fn there() -> io::Result<Self> {
        let mut lane = Self::here()?;
        lane.leave()?;
        Ok(lane)
    }

    pub fn tasks(&self) -> &Handle {
        &self.tasks
    }

    pub fn start(&mut self, task: Task) {
        match self.seat {
            Seat::Here(_) => self.new.push(task),
            Seat::There { .. } => drop(self.tasks.spawn(task)),
        }
    }

    pub fn is_here(&self) -> bool {
        matches!(self.seat, Seat::Here(_))
    }

    /// Moves to a thread of its own, with all its tasks; it never comes back.
    ///
    /// # Errors
    /// When the system gives no thread: it stays where it is.
    pub fn leave(&mut self) -> io::Result<()> {
        if !self.is_here() {
            return Ok(());
        }
        let (open, closed) = oneshot::channel::<()>();
        let (give, take) = mpsc::sync_channel::<Runtime>(1);
        let thread = std::thread::Builder::new().name("steps".to_owned()).spawn(move || {
            if let Ok(runtime) = take.recv() {
                // Nothing is ever sent.
                let _ = runtime.block_on(closed);
                runtime.shutdown_timeout(CLOSING);
            }
        })?;
        if let Seat::Here(runtime) = std::mem::replace(&mut self.seat, Seat::There { open, thread }) {
            // The thread is there, and waits for it.
            let _ = give.send(runtime);
        }
        for task in std::mem::take(&mut self.new) {
            self.start(task);
        }
        Ok(())
    }

    /// Lets the tasks run on this thread until `end` is ready; `None`, at once, if they have a thread of their own.
    pub fn wait<T>(&mut self, end: impl Future<Output = T>) -> Option<T> {
        let Seat::Here(runtime) = &self.seat else { return None };
        let new = std::mem::take(&mut self.new);
        Some(runtime.block_on(async {
            new.into_iter().for_each(|task| drop(tokio::spawn(task)));
            end.await
        }))
    }

    /// Ends what runs, and waits for that.
    pub fn close(self) {
        match self.seat {
            Seat::Here(runtime) => runtime.shutdown_timeout(CLOSING),
            Seat::There { open, thread } => {
                drop(open);
                // A panic was told by whoever panicked.
                drop(thread.join());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::channel,
        thread::{self, ThreadId},
    };

    use super::*;

    /// A task that reports the thread it runs on each time it is asked to, and the means to ask.
    fn told(lane: &Lane) -> (tokio::sync::mpsc::UnboundedSender<()>, mpsc::Receiver<ThreadId>) {
        let (ask, mut asked) = tokio::sync::mpsc::unbounded_channel();
        let (tell, told) = channel();
        lane.tasks().spawn(async move {
            while asked.recv().await.is_some() {
                tell.send(thread::current().id()).unwrap();
            }
        });
        (ask, told)
    }

    #[test]
    fn a_task_that_nobody_waited_for_begins_when_the_lane_leaves() {
        let mut lane = Lane::here().unwrap();
        let (tell, told) = channel();
        let speaks =
            |tell: mpsc::Sender<ThreadId>| -> Task { Box::pin(async move { tell.send(thread::current().id()).unwrap() }) };
        lane.start(speaks(tell.clone()));
        lane.wait(tokio::task::yield_now()).unwrap();
        assert_eq!(told.try_recv().unwrap(), thread::current().id());

        lane.start(speaks(tell.clone()));
        lane.leave().unwrap();
        let there = told.recv().unwrap();
        assert_ne!(there, thread::current().id());
        lane.start(speaks(tell));
        assert_eq!(told.recv().unwrap(), there, "there it needs nobody");
        lane.close();
    }

    #[test]
    fn tasks_run_here_only_while_somebody_waits_and_go_along_when_it_leaves() {
        let mut lane = Lane::here().unwrap();
        let (ask, told) = told(&lane);
        ask.send(()).unwrap();
        assert!(told.try_recv().is_err(), "nobody waits, so nothing runs");
        lane.wait(tokio::task::yield_now()).unwrap();
        lane.wait(tokio::task::yield_now()).unwrap();
        assert_eq!(told.try_recv().unwrap(), thread::current().id());

        lane.leave().unwrap();
        assert!(!lane.is_here());
        ask.send(()).unwrap();
        let first = told.recv().unwrap();
        assert_ne!(first, thread::current().id(), "it runs although nobody waits");
        assert!(lane.wait(std::future::ready(())).is_none());
        lane.leave().unwrap();
        ask.send(()).unwrap();
        assert_eq!(told.recv().unwrap(), first, "it left once");
        lane.close();
        assert!(ask.send(()).is_err(), "what ran was ended");
    }
}
