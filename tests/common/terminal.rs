//! A person at a terminal: the program gets a real pseudo-terminal, and the test reads what it shows and types.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Instant,
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};

use super::PATIENCE;

pub struct Terminal {
    person: File,
    child: Child,
    shown: Receiver<Vec<u8>>,
    /// Everything that was shown and not yet expected.
    unread: String,
    all: String,
}

impl Terminal {
    pub fn start(mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).expect("the terminal is ours");
        unlockpt(&master).expect("it can be opened");
        let name = ptsname(&master, Vec::new()).expect("it has a name");
        let slave: File = rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end").into();
        let end = || Stdio::from(slave.try_clone().expect("a descriptor"));
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("the program starts");
        drop(slave);
        // The command keeps descriptors of the other end, and reading would never end.
        drop(command);
        let person: File = master.into();
        let mut eyes = person.try_clone().expect("a descriptor");
        let (seen, shown) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0_u8; 4096];
            while let Ok(n @ 1..) = eyes.read(&mut buffer) {
                if seen.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { person, child, shown, unread: String::new(), all: String::new() }
    }

    /// Waits until it is shown; what stands before it counts as read.
    pub fn sees(&mut self, text: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.unread.find(text) {
                self.unread.drain(..at + text.len());
                return self;
            }
            match self.shown.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(&bytes),
                Err(why) => panic!("`{text}` was never shown ({why}); shown was:\n{}", self.all),
            }
        }
    }

    pub fn types(&mut self, line: &str) -> &mut Self {
        self.person.write_all(format!("{line}\n").as_bytes()).expect("the terminal takes it");
        self
    }

    /// Its exit code, and everything it has shown.
    pub fn ends(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().expect("it is our child");
        while let Ok(bytes) = self.shown.recv() {
            self.take(&bytes);
        }
        (status.code(), self.all)
    }

    fn take(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).replace('\r', "");
        self.unread.push_str(&text);
        self.all.push_str(&text);
    }
}
