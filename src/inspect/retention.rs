//! What of a run may go, by its age and its periods, and why it is kept.
//! In: where a run stands, what it holds, periods, what time it is. Out: amounts that are due. Never: a file removed, a run that is not over.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{RunId, Time},
    ledger::{Amount, Shelves},
    record::{Hold, KeptKind, RunStatus},
};

const DAY_MS: u64 = 24 * 3600 * 1000;

/// Days after the end of a run; what has none is kept for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Periods {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<u32>,
    pub kinds: BTreeMap<KeptKind, u32>,
}

/// One run as retention sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunKept {
    pub run_id: RunId,
    /// Absent when the run is damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// When it came to its end; absent while it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_days: Option<u64>,
    pub files: u64,
    pub bytes: u64,
    pub kinds: Vec<KindKept>,
    /// The whole run is due.
    pub run_due: bool,
    pub due_files: u64,
    pub due_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Why nothing of it goes, whatever its age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_because: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KindKept {
    pub kind: KeptKind,
    pub files: u64,
    pub bytes: u64,
    /// Its period is over, and the run is not kept for another reason.
    pub due: bool,
}

/// What is known of a run.
#[derive(Debug, Clone)]
pub struct Standing {
    pub run_id: RunId,
    /// `Err`: why that cannot be said.
    pub status: Result<RunStatus, String>,
    /// The last line of the journal.
    pub updated_at: Option<Time>,
    pub hold: Option<Hold>,
    pub shelves: Shelves,
}

pub fn kept(run: Standing, periods: &Periods, now: Time) -> RunKept {
    let status = run.status.as_ref().ok().copied();
    let over = matches!(status, Some(RunStatus::Succeeded | RunStatus::Failed | RunStatus::Cancelled));
    let ended_at = run.updated_at.filter(|_| over);
    let age = ended_at.map(|ended| now.since(ended));
    let kept_because = match (&run.status, &run.hold) {
        (_, Some(hold)) => Some(format!("held: {hold}")),
        (Err(why), None) => Some(why.clone()),
        (Ok(RunStatus::Waiting), None) => Some("it waits for a person".to_owned()),
        (Ok(RunStatus::Running), None) => Some("it runs".to_owned()),
        (Ok(RunStatus::Interrupted), None) => Some("it was interrupted and can go on: resume or cancel it".to_owned()),
        (Ok(RunStatus::Succeeded | RunStatus::Failed | RunStatus::Cancelled), None) => None,
    };
    // An age that lies in the future (a clock that went back) is 0, so such a run is kept by every period but "0d".
    let past = |days: Option<u32>| match (age, days) {
        (Some(age), Some(days)) => kept_because.is_none() && age >= u64::from(days) * DAY_MS,
        _ => false,
    };
    let run_due = past(periods.runs);
    let kinds: Vec<KindKept> = run
        .shelves
        .kinds
        .iter()
        .map(|(kind, amount)| KindKept {
            kind: *kind,
            files: amount.files,
            bytes: amount.bytes,
            due: run_due || past(periods.kinds.get(kind).copied()),
        })
        .collect();
    let due = if run_due {
        run.shelves.all
    } else {
        let sum = |sum: Amount, one: &KindKept| Amount { files: sum.files + one.files, bytes: sum.bytes + one.bytes };
        kinds.iter().filter(|kind| kind.due).fold(Amount::default(), sum)
    };
    RunKept {
        run_id: run.run_id,
        status,
        ended_at,
        age_days: age.map(|age| age / DAY_MS),
        files: run.shelves.all.files,
        bytes: run.shelves.all.bytes,
        kinds,
        run_due,
        due_files: due.files,
        due_bytes: due.bytes,
        hold: run.hold,
        kept_because,
    }
}

impl RunKept {
    pub fn due_kinds(&self) -> Vec<KeptKind> {
        self.kinds.iter().filter(|kind| kind.due).map(|kind| kind.kind).collect()
    }

    pub fn is_due(&self) -> bool {
        self.run_due || self.kinds.iter().any(|kind| kind.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: i64) -> Time {
        Time::from_ms(days * i64::try_from(DAY_MS).unwrap())
    }

    fn standing(status: RunStatus) -> Standing {
        let kinds = [(KeptKind::Logs, Amount { files: 2, bytes: 20 }), (KeptKind::Artifacts, Amount { files: 1, bytes: 5 })];
        let shelves = Shelves { kinds: kinds.into(), all: Amount { files: 10, bytes: 100 } };
        Standing { run_id: RunId::new("r").unwrap(), status: Ok(status), updated_at: Some(at(100)), hold: None, shelves }
    }

    fn periods(runs: Option<u32>, logs: u32) -> Periods {
        Periods { runs, kinds: [(KeptKind::Logs, logs)].into() }
    }

    #[test]
    fn a_kind_goes_when_its_days_are_over_and_not_before() {
        let of = |now| kept(standing(RunStatus::Failed), &periods(None, 30), now);
        assert!(!of(Time::from_ms(at(130).as_ms() - 1)).is_due());
        let due = of(at(130));
        assert_eq!((due.due_kinds(), due.due_bytes, due.run_due), (vec![KeptKind::Logs], 20, false));
        assert_eq!(due.age_days, Some(30));
    }

    #[test]
    fn a_run_goes_with_all_that_is_in_it() {
        let due = kept(standing(RunStatus::Succeeded), &periods(Some(60), 30), at(160));
        assert_eq!((due.run_due, due.due_bytes, due.due_files), (true, 100, 10));
    }

    #[test]
    fn what_is_not_over_or_held_or_unreadable_never_goes() {
        let nothing = periods(Some(0), 0);
        for status in [RunStatus::Running, RunStatus::Waiting, RunStatus::Interrupted] {
            let one = kept(standing(status), &nothing, at(9999));
            assert!(!one.is_due() && one.kept_because.is_some() && one.due_bytes == 0, "{status}");
        }
        let hold = Some(Hold { reason: "an audit".to_owned(), by: "ada".to_owned(), since: None });
        let held = kept(Standing { hold, ..standing(RunStatus::Succeeded) }, &nothing, at(9999));
        assert!(!held.is_due() && held.kept_because.unwrap().contains("an audit"));
        let broken = Standing { status: Err("it does not parse".to_owned()), ..standing(RunStatus::Succeeded) };
        assert!(!kept(broken, &nothing, at(9999)).is_due());
    }

    #[test]
    fn a_clock_that_went_back_removes_nothing() {
        assert!(!kept(standing(RunStatus::Succeeded), &periods(Some(1), 1), at(1)).is_due());
        assert!(!kept(standing(RunStatus::Succeeded), &Periods::default(), at(99_999)).is_due());
    }
}
