//! How many tests a verify command counted before, and what it means when they become fewer.
//! In: the figures of an execution, what the run saw before. Out: the earlier count beside the new one; concerns.
//! Never: a count of other work taken for the same: an id means one command in its flow, and items are kept apart.

use std::sync::Arc;

use crate::{
    id::StepId,
    record::{At, Concern, CountBefore, Proof, ReceiptStatus, Status, TestCount, TestFigures},
    spec::Severity,
};

use super::state::{Frame, State};

/// A verify command, by its id; of an instance of `for_each`, with its item.
pub type CountKey = (StepId, Option<Arc<str>>);

/// The most that a verify command counted so far, and when in the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub seq: u64,
    pub most: CountBefore,
}

fn key(at: &At, count: &TestCount) -> CountKey {
    (count.id.clone(), at.step.item().map(Arc::from))
}

/// The figures with the earlier counts beside them.
pub(super) fn beside(state: &State, frame: &Frame, at: &At, figures: &mut TestFigures) {
    for count in &mut figures.by_check {
        let key = key(at, count);
        let own = frame.counts.get(&key);
        // A flow of its own goes on where another flow of the run left off. Sub-flows may be given other work.
        let others = || {
            let roots = state.frames.values().filter(|other| other.parent.is_none() && frame.parent.is_none());
            roots.filter_map(|other| other.counts.get(&key)).max_by_key(|counted| counted.seq)
        };
        count.before = own.or_else(others).map(|counted| counted.most.clone());
    }
}

/// Remembers what an execution counted: the most of it, so that tests that went stay missed until they are back.
pub(super) fn remember(frame: &mut Frame, at: &At, execution: u32, proof: &Proof, seq: u64) {
    let figures = proof.tests.as_ref().and_then(|tests| tests.figures.as_ref());
    for count in figures.into_iter().flat_map(|figures| &figures.by_check) {
        if proof.status == ReceiptStatus::Interrupted {
            continue;
        }
        let most = match &count.before {
            Some(before) if count.fewer() > 0 => before.clone(),
            Some(_) | None => {
                CountBefore { step: at.step.clone(), execution, total: count.total, ran: count.ran(), failed: count.failed }
            }
        };
        frame.counts.insert(key(at, count), Counted { seq, most });
    }
}

/// A concern for each verify command that counts fewer tests than before.
pub(super) fn concerns(proof: &Proof, said: Option<Status>) -> Vec<Concern> {
    let figures = proof.tests.as_ref().and_then(|tests| tests.figures.as_ref());
    let fewer = figures.into_iter().flat_map(|figures| &figures.by_check).filter(|count| count.fewer() > 0);
    fewer
        .filter_map(|count| {
            let before = count.before.as_ref()?;
            let green = count.failed == 0;
            // Said to be good, or red before: then it may be green because they are gone.
            let vanished = green && (said == Some(Status::Verified) || before.failed > 0);
            let since = format!("step {}, execution {}", before.step, before.execution);
            let description = if count.total < before.total {
                format!(
                    "`{}` counts {} tests; it was {} ({since}): {} are gone",
                    count.id,
                    count.total,
                    before.total,
                    before.total - count.total
                )
            } else {
                format!("`{}` ran {} tests; it was {} ({since}), the others are skipped now", count.id, count.ran(), before.ran)
            };
            Some(Concern {
                severity: if vanished { Severity::High } else { Severity::Medium },
                description,
                location: proof.tests.as_ref().and_then(|tests| tests.evidence_path.clone()),
                recommendation: Some("bring them back, or say why they are not needed any more".to_owned()),
            })
        })
        .collect()
}
