//! What `verify --repair` makes anew and the ledger alone cannot: `run.json`, which tells of the kernel's state.
//! In: a run whose files are as its journal says. Out: its `run.json`. Never: one that is there and this run's, replaced.

use crate::{
    error::{Error, Kind},
    ledger::{Head, Lock, RunDir, boot_id},
    redact::Redactor,
    runner,
};

use super::Workspace;

impl Workspace {
    /// Writes `run.json` where it is missing, does not parse or is another run's.
    ///
    /// # Errors
    /// The run cannot be read, or the file not be written.
    pub fn mend_manifest(&self, run: &RunDir, head: &Head, _lock: &Lock) -> Result<(), Error> {
        let id = run.id();
        let failed =
            |error: &std::io::Error| Error::new(Kind::System, format!("run.json of `{id}` cannot be mended")).because(error);
        if run.manifest().map_err(|error| failed(&error))?.is_some_and(|manifest| manifest.run_id == *id) {
            return Ok(());
        }
        let (view, _) = self.view(id.as_str())?;
        let Some(mut manifest) = runner::manifest(&view.state, head, None) else { return Ok(()) };
        // Whoever mends it holds the lock, and drives nothing.
        manifest.answered = view.moments.last().and_then(|last| view.state.waits_to_be_resumed(&last.input)).cloned();
        // The repair before this wrote all other files.
        manifest.projected_seq = head.seq;
        manifest.boot_id = boot_id().map(str::to_owned);
        let mut bytes = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(&error.into()))?;
        bytes.push(b'\n');
        // Made from the journal, which is clean; shapes are looked for once more all the same.
        run.write(&run.run_json(), &Redactor::default().bytes(bytes)).map_err(|error| failed(&error))
    }
}
