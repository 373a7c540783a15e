//! Many who watch, one who follows: nothing is lost or doubled, and nobody follows for nobody.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    sync::Arc,
    time::Duration,
};

use axum::body::Bytes;
use tokio::sync::mpsc;

use crate::{
    id::RunId,
    ledger::{RunDir, RunsDir},
};

use super::{Hub, WAITING_MAX, tell};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

struct World {
    _base: tempfile::TempDir,
    run: RunDir,
    journal: File,
    hub: Arc<Hub>,
    written: u64,
}

impl World {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let run = RunsDir::new(base.path()).create(&RunId::new("r").unwrap()).unwrap();
        let journal = OpenOptions::new().create(true).append(true).open(run.path(&run.journal())).unwrap();
        Self { _base: base, run, journal, hub: Arc::default(), written: 0 }
    }

    fn write(&mut self, lines: u64, bytes: usize) {
        for _ in 0..lines {
            self.written += 1;
            writeln!(self.journal, "{{\"seq\":{},\"x\":\"{}\"}}", self.written, "x".repeat(bytes)).unwrap();
        }
    }

    fn watch(&self, seen: u64) -> Reader {
        let (sender, events) = mpsc::channel(WAITING_MAX);
        tokio::spawn(tell(self.hub.clone(), self.run.clone(), seen, sender));
        Reader { events, seen }
    }

    async fn nobody_follows(&self) {
        let ended = async {
            while self.hub.followed() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("a follower that nobody listens to ends");
    }
}

struct Reader {
    events: mpsc::Receiver<Result<Bytes, std::convert::Infallible>>,
    seen: u64,
}

impl Reader {
    async fn next(&mut self) -> Option<String> {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("something is told");
        event.map(|Ok(bytes)| String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Reads until it has seen this line; each is the one behind the line before.
    async fn until(&mut self, last: u64) {
        while self.seen < last {
            let told = self.next().await.expect("it is not let go");
            for id in told.lines().filter_map(|line| line.strip_prefix("id: ")) {
                assert_eq!(id.parse(), Ok(self.seen + 1), "one was lost, or told twice");
                self.seen += 1;
            }
        }
        assert_eq!(self.seen, last);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reader_is_told_every_line_once_whenever_they_come_and_however_slow_they_are() {
    let mut world = World::new();
    world.write(1000, 100);
    let mut slow = world.watch(0);
    let mut readers = Vec::new();
    for round in 1..20 {
        // They come in the middle of it, and know all, some or nothing.
        let known = [0, world.written / 2, world.written.saturating_sub(1), world.written][round % 4];
        readers.push(world.watch(known));
        world.write(50, 100 * round);
        if round % 3 == 0 {
            for reader in &mut readers {
                reader.until(world.written).await;
            }
            assert_eq!(world.hub.followed(), 1, "one follows for all");
        }
    }
    // Far more than is kept for anybody.
    world.write(500, 4000);
    for reader in &mut readers {
        reader.until(world.written).await;
    }
    slow.until(world.written).await;
    drop((readers, slow));
    world.nobody_follows().await;
    world.write(1, 10);
    world.watch(world.written - 1).until(world.written).await;
}

#[tokio::test]
async fn a_line_that_comes_while_somebody_joins_is_not_lost_between_file_and_follower() {
    let mut world = World::new();
    for _ in 0..100 {
        let mut reader = world.watch(world.written);
        world.write(1, 10);
        reader.until(world.written).await;
        if world.written.is_multiple_of(3) {
            drop(reader);
            world.nobody_follows().await;
        }
    }
}

#[tokio::test]
async fn whoever_watches_what_is_cut_or_removed_is_let_go() {
    let mut world = World::new();
    world.write(3, 10);
    let mut news = world.hub.join(&world.run);
    assert_eq!(news.recv().await.expect("it says where it stands").last, 3);
    let mut reader = world.watch(0);
    reader.until(3).await;
    drop(news);
    world.journal.set_len(4).unwrap();
    while reader.next().await.is_some() {}
    world.nobody_follows().await;
}

#[tokio::test]
async fn a_line_that_is_no_event_is_told_by_its_number() {
    let mut world = World::new();
    world.write(1, 300 * 1024);
    world.journal.write_all(b"{\"seq\":2,\r\"x\":0}\n").unwrap();
    let mut reader = world.watch(0);
    let mut told = String::new();
    while !told.contains("id: 2") {
        told += &reader.next().await.unwrap();
    }
    let data: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(data, ["{\"seq\":1,\"clipped\":true}", "{\"seq\":2,\"clipped\":true}"]);
}
