//! The studio's queue: what was asked for and is not done yet, below `.studio/queue/` beside the runs.
//! In: orders that a redactor has seen. Out: the same, in the order asked; files for what a process says that was started for one.
//! Never: half an order read, an order lost by a power failure once it was acknowledged, two processes at one order.
//!
//! The errors of such a process are written to a file that is locked when it starts. The lock lives as long as the process,
//! whoever started it and whatever becomes of that one: so whether somebody is at an order is asked of the system, and of no number.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
};

use crate::{record::Order, redact::Clean};

use super::{
    dir::{Dir, is_of_the_dead},
    lines::pretty,
    place::InRun,
    run_dir::RunsDir,
};

const QUEUE: &str = ".studio/queue";
/// An order with the parameters of a form.
const ORDER_BYTES_MAX: u64 = 1024 * 1024;
/// What a process says of how it ended.
const SAID_BYTES_MAX: u64 = 1024 * 1024;
/// Nobody waits for so many, and somebody has to read the list.
pub const ORDERS_MAX: usize = 1000;

/// Where one looks for orders, and puts them.
#[derive(Debug, Clone)]
pub struct Queue {
    runs: RunsDir,
}

/// Whoever has it works on the queue; others look, and put orders in.
#[derive(Debug)]
pub struct Turn {
    _file: File,
}

/// Where a process for an order writes to. While it lives, the order is under way.
#[derive(Debug)]
pub struct Traces {
    pub out: File,
    pub log: File,
}

impl Queue {
    pub fn new(runs: &RunsDir) -> Self {
        Self { runs: runs.clone() }
    }

    fn dir(&self) -> io::Result<Dir> {
        Dir::open(self.runs.path())
    }

    fn place(number: u64, kind: &str) -> InRun {
        InRun::of(format!("{QUEUE}/{number:06}.{kind}"))
    }

    /// The right to work on the queue; `None` while another process has it. It goes with its process.
    ///
    /// # Errors
    /// What the file system says.
    pub fn turn(&self) -> io::Result<Option<Turn>> {
        fs::create_dir_all(self.runs.path())?;
        let mut file = self.dir()?.update(&InRun::of(format!("{QUEUE}/turn")))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(format!("{}\n", std::process::id()).as_bytes())?;
        Ok(Some(Turn { _file: file }))
    }

    /// All orders, in the order asked. What is no order is passed over, and said.
    ///
    /// # Errors
    /// What the file system says.
    pub fn orders(&self) -> io::Result<Vec<Order>> {
        let mut dir = match self.dir() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut orders = Vec::new();
        for name in dir.names(&InRun::of(QUEUE.to_owned()))? {
            let Some(number) = number_of(&name, "json") else { continue };
            match dir.read(&Self::place(number, "json"), ORDER_BYTES_MAX) {
                Ok(bytes) => match serde_json::from_slice::<Order>(&bytes) {
                    Ok(order) if order.schema == Order::SCHEMA && order.number == number => orders.push(order),
                    Ok(_) => tracing::warn!(%name, "an order of another format"),
                    Err(error) => tracing::warn!(%name, %error, "no order"),
                },
                // It was done while we looked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        orders.sort_by_key(|order| order.number);
        Ok(orders)
    }

    /// One order, as it stands now.
    ///
    /// # Errors
    /// What the file system says.
    pub fn order(&self, number: u64) -> io::Result<Option<Order>> {
        Ok(self.orders()?.into_iter().find(|order| order.number == number))
    }

    /// Puts an order behind all that were ever there: its number is given here, and no other order gets it. What it hands over to the
    /// process, as a file, stands there first.
    ///
    /// # Errors
    /// What the file system says.
    pub fn put(&self, order: &Clean<Order>, params: Option<&Clean<Vec<u8>>>) -> io::Result<Order> {
        fs::create_dir_all(self.runs.path())?;
        let mut dir = self.dir()?;
        // Held while the number is found: whoever asks at the same time comes next.
        let mut last = dir.update(&InRun::of(format!("{QUEUE}/last")))?;
        last.lock()?;
        let mut text = String::new();
        last.read_to_string(&mut text)?;
        let names = dir.names(&InRun::of(QUEUE.to_owned()))?;
        let there = names.iter().filter_map(|name| name.split('.').next()?.parse::<u64>().ok()).max();
        let number = there.max(text.trim().parse().ok()).unwrap_or(0) + 1;
        last.rewind()?;
        last.write_all(format!("{number}\n").as_bytes())?;
        last.sync_all()?;
        let mut order = order.get().clone();
        order.number = number;
        if let Some(params) = params {
            dir.put_over(&Self::place(number, "params"), params.get())?;
        }
        dir.put_over(&Self::place(number, "json"), &pretty(&order)?)?;
        Ok(order)
    }

    /// The order as it stands now.
    ///
    /// # Errors
    /// What the file system says.
    pub fn update(&self, order: &Clean<Order>) -> io::Result<()> {
        self.dir()?.put_over(&Self::place(order.get().number, "json"), &pretty(order.get())?)
    }

    /// The file with the parameters of an order, for the process that is started for it.
    pub fn params(&self, number: u64) -> std::path::PathBuf {
        self.runs.path().join(Self::place(number, "params").as_str())
    }

    /// It is done: nothing of it stays.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self, number: u64) -> io::Result<()> {
        let mut dir = self.dir()?;
        for kind in ["json", "params", "out", "log"] {
            match dir.remove(&Self::place(number, kind)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// What is left of orders that were being written or removed when somebody was killed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sweep(&self, _turn: &Turn) -> io::Result<()> {
        let mut dir = self.dir()?;
        let names = dir.names(&InRun::of(QUEUE.to_owned()))?;
        for name in names.iter().filter(|name| is_of_the_dead(name)) {
            dir.remove(&InRun::of(format!("{QUEUE}/{name}")))?;
        }
        let whole = |number: u64| names.iter().any(|name| number_of(name, "json") == Some(number));
        let left = names.iter().filter_map(|name| number_of(name, "log").or_else(|| number_of(name, "out")));
        for number in left.filter(|number| !whole(*number)) {
            if !self.is_under_way(number)? {
                self.remove(number)?;
            }
        }
        self.sweep_params(&mut dir)
    }

    /// An order's parameters come before the order. While nobody puts one, those without an order are of somebody who was killed.
    fn sweep_params(&self, dir: &mut Dir) -> io::Result<()> {
        let last = dir.update(&InRun::of(format!("{QUEUE}/last")))?;
        last.lock()?;
        let names = dir.names(&InRun::of(QUEUE.to_owned()))?;
        let whole = |number: u64| names.iter().any(|name| number_of(name, "json") == Some(number));
        for number in names.iter().filter_map(|name| number_of(name, "params")).filter(|number| !whole(*number)) {
            dir.remove(&Self::place(number, "params"))?;
        }
        Ok(())
    }

    /// The right to do something about an order, with the files for a process that is about to be started for it. `None`: somebody
    /// else has it, or there is a process. What the order is now is read after this.
    ///
    /// # Errors
    /// What the file system says.
    pub fn claim(&self, number: u64) -> io::Result<Option<Traces>> {
        let mut dir = self.dir()?;
        let log = dir.update(&Self::place(number, "log"))?;
        match log.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        log.set_len(0)?;
        let out = dir.create(&Self::place(number, "out"))?;
        Ok(Some(Traces { out, log }))
    }

    /// Whether a process that was started for it lives.
    ///
    /// # Errors
    /// What the file system says.
    pub fn is_under_way(&self, number: u64) -> io::Result<bool> {
        let log = match self.dir()?.reader(&Self::place(number, "log")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        match log.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The one object with which the last process for an order ended, if it came so far; and what it complained of.
    pub fn said(&self, number: u64) -> (Option<serde_json::Value>, String) {
        let read = |kind: &str| {
            let mut bytes = Vec::new();
            let file = self.dir().and_then(|mut dir| dir.reader(&Self::place(number, kind))).ok()?;
            file.take(SAID_BYTES_MAX).read_to_end(&mut bytes).ok()?;
            Some(bytes)
        };
        let object = read("out").and_then(|bytes| serde_json::from_slice(&bytes).ok());
        (object, String::from_utf8_lossy(&read("log").unwrap_or_default()).trim().to_owned())
    }
}

fn number_of(name: &str, kind: &str) -> Option<u64> {
    name.strip_suffix(kind)?.strip_suffix('.')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{RunId, Time},
        record::{Errand, OrderState},
    };

    fn order(run: &str) -> Clean<Order> {
        Clean::for_test(Order {
            schema: Order::SCHEMA.to_owned(),
            number: 0,
            run_id: RunId::new(run).unwrap(),
            by: "ada".to_owned(),
            at: Time::from_ms(1),
            workspace: "/somewhere".to_owned(),
            errand: Errand::Continue,
            state: OrderState::Waiting,
            tries: 0,
            taken: false,
        })
    }

    fn queue() -> (tempfile::TempDir, Queue) {
        let dir = tempfile::tempdir().unwrap();
        let queue = Queue::new(&RunsDir::new(dir.path().join("runs")));
        (dir, queue)
    }

    #[test]
    fn orders_come_back_in_the_order_asked_and_are_gone_when_they_are_done() {
        let (_dir, queue) = queue();
        assert!(queue.orders().unwrap().is_empty(), "a directory that is not there holds none");
        let all: Vec<u64> = (0..12).map(|at| queue.put(&order(&format!("r-{at}")), None).unwrap().number).collect();
        assert_eq!(queue.orders().unwrap().iter().map(|one| one.number).collect::<Vec<_>>(), all);
        queue.remove(all[3]).unwrap();
        assert_eq!(queue.orders().unwrap().len(), 11);
        all.iter().for_each(|number| queue.remove(*number).unwrap());
        assert!(queue.put(&order("r"), None).unwrap().number > all[11], "no number is given twice");
    }

    #[test]
    fn those_who_ask_at_once_have_a_place_each() {
        let (_dir, queue) = queue();
        let numbers: std::collections::BTreeSet<u64> = std::thread::scope(|scope| {
            let each: Vec<_> = (0..8)
                .map(|at| {
                    let queue = &queue;
                    scope.spawn(move || {
                        (0..8)
                            .map(|n| {
                                queue.put(&order(&format!("r-{at}-{n}")), Some(&Clean::for_test(b"{}".to_vec()))).unwrap().number
                            })
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            each.into_iter().flat_map(|one| one.join().unwrap()).collect()
        });
        assert_eq!((numbers.len(), queue.orders().unwrap().len()), (64, 64));
    }

    #[test]
    fn an_order_is_under_way_as_long_as_somebody_holds_its_log() {
        let (_dir, queue) = queue();
        let number = queue.put(&order("r"), None).unwrap().number;
        let turn = queue.turn().unwrap().expect("nobody else is there");
        assert!(queue.turn().unwrap().is_none(), "one works on the queue");
        assert!(!queue.is_under_way(number).unwrap());
        let traces = queue.claim(number).unwrap().expect("nobody is at it");
        let heir = traces.log.try_clone().unwrap();
        drop(traces);
        assert!(queue.is_under_way(number).unwrap(), "as a process that we started and left behind");
        assert!(queue.claim(number).unwrap().is_none());
        drop(heir);
        assert!(!queue.is_under_way(number).unwrap());
        drop(turn);
        assert!(queue.turn().unwrap().is_some());
    }

    #[test]
    fn what_is_no_order_is_passed_over_and_traces_without_an_order_are_swept() {
        let (_dir, queue) = queue();
        let number = queue.put(&order("r"), None).unwrap().number;
        let turn = queue.turn().unwrap().unwrap();
        queue.claim(number).unwrap();
        let at = |name: &str| queue.runs.path().join(QUEUE).join(name);
        fs::write(at("000009.json"), "{").unwrap();
        fs::write(at("odd.json"), "{}").unwrap();
        assert_eq!(queue.orders().unwrap().len(), 1);
        fs::remove_file(at("000001.json")).unwrap();
        // Half written, by a process that was killed and by one that lives.
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let halves = [gone.id(), std::process::id()].map(|pid| at(&format!(".000007.json.{pid}-ThreadId(5).tmp")));
        halves.iter().for_each(|half| fs::write(half, "{").unwrap());
        let with_params = queue.put(&order("r"), Some(&Clean::for_test(b"{}".to_vec()))).unwrap().number;
        fs::write(at("000099.params"), "{}").unwrap();
        queue.sweep(&turn).unwrap();
        assert!(queue.params(with_params).exists() && !at("000099.params").exists());
        assert!(!at("000001.log").exists() && !at("000001.out").exists());
        assert_eq!(halves.map(|half| half.exists()), [false, true]);
    }
}
