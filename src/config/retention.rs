//! `[retention]`: how long what kind of file is kept after its run ended.
//! In: two files. Out: days. Never: a period that nobody wrote: what is not named here is kept for ever.

use serde::Deserialize;

use crate::error::{Error, Kind};

/// Days after the end of a run; `None`: for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetentionSettings {
    /// The whole run, journal and receipts too.
    pub runs: Option<u32>,
    pub transcripts: Option<u32>,
    pub logs: Option<u32>,
    pub artifacts: Option<u32>,
    pub snapshots: Option<u32>,
    pub work: Option<u32>,
}

#[derive(Debug, Default, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionFile {
    /// The whole run. `"90d"`, `"0d"` as soon as it ended, or `"forever"`, which it is where nothing is said.
    runs: Option<String>,
    /// Conversations of agents. No kind is kept longer than `runs`.
    transcripts: Option<String>,
    /// Events and the output of commands.
    logs: Option<String>,
    /// What steps made.
    artifacts: Option<String>,
    /// Captured state.
    snapshots: Option<String>,
    /// Directories of steps.
    work: Option<String>,
}

/// A hundred years.
const DAYS_MAX: u32 = 36_500;

impl RetentionFile {
    pub(super) const fn names_any(&self) -> bool {
        self.runs.is_some()
            || self.transcripts.is_some()
            || self.logs.is_some()
            || self.artifacts.is_some()
            || self.snapshots.is_some()
            || self.work.is_some()
    }
}

impl RetentionSettings {
    /// Key by key; `own` wins over `user`.
    ///
    /// # Errors
    /// What is no period; runs that would go before what is in them.
    pub(super) fn load(own: RetentionFile, user: RetentionFile) -> Result<Self, Error> {
        let found = Self {
            runs: days("runs", own.runs.or(user.runs))?,
            transcripts: days("transcripts", own.transcripts.or(user.transcripts))?,
            logs: days("logs", own.logs.or(user.logs))?,
            artifacts: days("artifacts", own.artifacts.or(user.artifacts))?,
            snapshots: days("snapshots", own.snapshots.or(user.snapshots))?,
            work: days("work", own.work.or(user.work))?,
        };
        let parts = [
            ("transcripts", found.transcripts),
            ("logs", found.logs),
            ("artifacts", found.artifacts),
            ("snapshots", found.snapshots),
            ("work", found.work),
        ];
        for (name, part) in parts {
            if let (Some(part), Some(runs)) = (part, found.runs)
                && part > runs
            {
                let message = format!("`retention.{name}` keeps {part} days what `retention.runs` removes after {runs}");
                return Err(Error::new(Kind::Invalid, message).hint(format!("runs = \"{part}d\", or longer")));
            }
        }
        Ok(found)
    }
}

fn days(name: &str, text: Option<String>) -> Result<Option<u32>, Error> {
    let Some(text) = text else { return Ok(None) };
    if text == "forever" {
        return Ok(None);
    }
    let number = text.strip_suffix('d').and_then(|number| number.parse::<u32>().ok()).filter(|days| *days <= DAYS_MAX);
    number.map(Some).ok_or_else(|| {
        Error::new(Kind::Invalid, format!("`retention.{name}` is `{text}`, which is no number of days"))
            .hint(format!("{name} = \"90d\", or \"forever\""))
    })
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    fn load(toml: &str) -> Result<RetentionSettings, Error> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("flow-studio.toml"), toml).unwrap();
        Config::load(dir.path(), &super::super::Flags::default(), []).map(|config| config.retention)
    }

    #[test]
    fn without_a_period_everything_is_kept() {
        assert_eq!(load("").unwrap(), RetentionSettings::default());
        assert_eq!(load("[retention]\nruns = \"forever\"\n").unwrap(), RetentionSettings::default());
    }

    #[test]
    fn every_kind_has_its_period() {
        let all = "[retention]\nruns = \"365d\"\ntranscripts = \"1d\"\nlogs = \"2d\"\nartifacts = \"3d\"\nsnapshots = \"4d\"\nwork = \"0d\"\n";
        let found = load(all).unwrap();
        assert_eq!((found.runs, found.transcripts, found.logs), (Some(365), Some(1), Some(2)));
        assert_eq!((found.artifacts, found.snapshots, found.work), (Some(3), Some(4), Some(0)));
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for bad in ["90", "-1d", "1.5d", "90 d", "d", "", "1y", "99999d"] {
            let error = load(&format!("[retention]\nlogs = \"{bad}\"\n")).unwrap_err();
            assert!(error.message.contains("retention.logs"), "{bad}: {}", error.message);
        }
        assert!(load("[retention]\nreceipts = \"1d\"\n").is_err());
        let error = load("[retention]\nruns = \"1d\"\nlogs = \"2d\"\n").unwrap_err();
        assert!(error.message.contains("retention.logs"), "{}", error.message);
    }
}
