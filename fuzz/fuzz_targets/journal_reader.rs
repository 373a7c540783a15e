//! Whatever journal.jsonl holds, reading it ends with whole lines, a torn tail or a broken line with its number: no
//! panic, no hang, and never a line whose chain does not hold. `verify` must survive it as well.

#![no_main]

use std::{path::PathBuf, sync::OnceLock};

use flow_studio::{
    id::{RunId, Sha256},
    ledger::{self, JournalError, Reader, RunDir, RunsDir},
};
use libfuzzer_sys::fuzz_target;

struct Place {
    run: RunDir,
    journal: PathBuf,
}

/// In memory where there is such a place; one directory per process, so that several may run.
fn place() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let shm = PathBuf::from("/dev/shm");
        let base = if shm.is_dir() { shm } else { std::env::temp_dir() };
        let runs = RunsDir::new(base.join(format!("flow-studio-fuzz-{}", std::process::id())));
        let id = RunId::new("r").expect("a name");
        let run = runs.open_or_create(&id).expect("a directory");
        let journal = run.path(&run.journal());
        Place { run, journal }
    })
}

/// A chain that is whole at first: `prev` of each line is put right, so that more than the first line is looked at.
fn chained(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(data.len() + 256);
    let mut prev = Sha256::from_raw(&[0; 32]);
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line).replace("PREV", prev.as_str());
        prev = Sha256::of(text.trim_end_matches('\n').as_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

fuzz_target!(|data: &[u8]| {
    let place = place();
    let bytes = if data.first() == Some(&b'!') { data[1..].to_vec() } else { chained(data) };
    std::fs::write(&place.journal, &bytes).expect("written");
    let mut reader = Reader::open(&place.run).expect("it is there");
    let mut lines = 0;
    for entry in &mut reader {
        match entry {
            Ok(entry) => {
                lines += 1;
                assert_eq!(entry.seq, lines);
            }
            Err(JournalError::Broken { line, .. }) => assert_eq!(line, lines + 1),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(reader.replayed().bytes <= bytes.len() as u64);
    let _ = ledger::verify(&place.run);
});
