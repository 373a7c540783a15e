//! How steps stand, as a picture of the flow tells it.
//! In: standings. Out: marks. Never: a mark for what is still to come.

use std::collections::BTreeMap;

use crate::{
    id::{StepId, StepRef},
    plan::draw::{Mark, Marks},
};

use super::Standing;

/// Instances of a `for_each` step are drawn as their step.
pub fn marks(standings: &BTreeMap<StepRef, Standing>) -> Marks {
    let whole = standings.iter().filter(|(step, _)| step.item().is_none());
    whole.filter_map(|(step, standing)| Some((StepId::new(step.as_str()).ok()?, mark(*standing)?))).collect()
}

fn mark(standing: Standing) -> Option<Mark> {
    match standing {
        Standing::Pending | Standing::Ready | Standing::Stopped => None,
        Standing::Running | Standing::Retrying | Standing::InFlow | Standing::InDetour => Some(Mark::Running),
        Standing::Waiting | Standing::Blocked => Some(Mark::Waiting),
        Standing::Succeeded => Some(Mark::Succeeded),
        Standing::Concerns => Some(Mark::Concerns),
        Standing::Failed => Some(Mark::Failed),
        Standing::Skipped => Some(Mark::Skipped),
    }
}
