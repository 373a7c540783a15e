//! Between a run's files and whoever looks at them: shapes of secrets, and the values that the run's frozen flows declare.
//! In: text of a file. Out: the same with each secret named. Never: a value that we could have known, the end of a cut text that may be
//! the beginning of a secret.

use crate::{
    error::{Error, Kind},
    inspect::{RunView, ShownFile},
    kernel::State,
    redact::Redactor,
};

use super::super::{Workspace, agents, notify};

/// What is shown of a run goes through one.
pub struct Veil(Redactor);

impl Workspace {
    /// Knows the values that flows of this run declare, as far as they stand in our own environment, and the keys of our settings.
    ///
    /// # Errors
    /// They cannot be looked for: one is too long, or there are too many. Nothing is shown then.
    pub fn veil(&self, state: &State) -> Result<Veil, Error> {
        let declared = state.books().flat_map(|book| agents::secrets(&self.config, &book.library));
        // A run with so short a value is not started: it is of another time, and would black out ordinary words.
        let declared = declared.filter(|(_, value)| value.trim_matches(['\n', '\r']).len() >= Redactor::VALUE_BYTES_MIN);
        let mut known: Vec<(String, String)> = declared.collect();
        known.extend(agents::keys(&self.config));
        known.extend(notify::keys(&self.config));
        known.sort();
        known.dedup();
        let redactor = Redactor::new(&known).map_err(|bad| {
            Error::new(Kind::Invalid, "nothing of this run is shown: its secrets could not be blacked out").because(&bad)
        })?;
        Ok(Veil(redactor))
    }

    /// For a run that was read whole.
    ///
    /// # Errors
    /// As [`Workspace::veil`].
    pub fn veil_of(&self, view: &RunView) -> Result<Veil, Error> {
        self.veil(&view.state)
    }
}

impl Veil {
    /// Of a text that was `cut`, the last bytes stay away where they may begin a secret: half of one is not found.
    pub fn text(&self, text: &str, cut: bool) -> String {
        if !cut {
            return self.0.text(text).into_inner();
        }
        let certain = self.0.stream().push(text.as_bytes()).into_inner();
        String::from_utf8_lossy(&certain).into_owned()
    }

    /// A receipt, a log, a transcript: it passed the door when it was written, and what was no secret then may be one by now.
    pub fn file(&self, file: ShownFile) -> ShownFile {
        ShownFile { content: self.0.json(file.content).into_inner(), ..file }
    }
}
