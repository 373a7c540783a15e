//! What the studio is asked to do with runs: checked when it is asked, kept in the queue, carried out by a process of its own.
//! In: wishes of people, answers that nobody has carried out yet. Out: orders on disk; for each, the command line that does it.
//! Never: a run started twice, a run lost, a secret in the queue, a process believed to live because a file says so.

mod ask;
mod begin;
mod due;
mod join;
mod settle;

use std::io;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    id::{RunId, Time},
    ledger::{Queue, Turn},
    record::{Errand, Order, OrderState, Refusal},
    redact::{Clean, Redactor},
};

use super::Workspace;

pub use ask::{Declined, Mistake, StartRequest, jobs_asked};
pub use begin::{Beginning, Call};
pub use due::{Due, Known};
pub use settle::Settled;

/// Refusals that are kept to be read. Older ones make room.
const REFUSALS_MAX: usize = 100;

/// The queue as it is shown: `GET /api/v1/queue`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrderList {
    /// Those for which a process was started come first, then those that wait, each in the order asked.
    pub orders: Vec<OrderLine>,
}

/// One order.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OrderLine {
    pub number: u64,
    pub run_id: RunId,
    pub what: OrderWhat,
    /// What is started, or the flow or step of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    pub by: String,
    pub at: Time,
    pub state: OrderStanding,
    /// How many are taken before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u32>,
    /// Why nothing came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OrderWhat {
    Start,
    Resume,
    Retry,
    /// Nobody asked: the answer came, or the time.
    Continue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OrderStanding {
    /// It waits for a place.
    Waiting,
    /// A process was started for it.
    Begun,
    /// Nothing came of it.
    Refused,
}

impl OrderLine {
    /// An order that has begun, and that nobody finds in the queue any more.
    pub fn begun(order: &Order) -> Self {
        Self { state: OrderStanding::Begun, before: None, ..Self::of(order, None) }
    }

    fn of(order: &Order, before: Option<u32>) -> Self {
        let (what, flow, step) = match &order.errand {
            Errand::Start { flow, .. } => (OrderWhat::Start, Some(flow.to_string()), None),
            Errand::Resume { flow, from, .. } => {
                (OrderWhat::Resume, flow.as_ref().map(ToString::to_string), from.as_ref().map(ToString::to_string))
            }
            Errand::Retry { flow, step, .. } => {
                (OrderWhat::Retry, flow.as_ref().map(ToString::to_string), Some(step.to_string()))
            }
            Errand::Continue => (OrderWhat::Continue, None, None),
        };
        let (state, refused) = match &order.state {
            OrderState::Waiting => (OrderStanding::Waiting, None),
            OrderState::Begun(_) => (OrderStanding::Begun, None),
            OrderState::Refused(why) => (OrderStanding::Refused, Some(why.clone())),
        };
        let Order { number, run_id, by, at, .. } = order.clone();
        Self { number, run_id, what, flow, step, by, at, state, before, refused }
    }
}

impl Workspace {
    pub(super) fn queue(&self) -> Queue {
        Queue::new(&self.runs)
    }

    /// The right to work on the queue; `None` while another process has it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn take_turn(&self) -> Result<Option<Turn>, Error> {
        let queue = self.queue();
        let turn = queue.turn().map_err(|error| broken("lock", &error))?;
        if let Some(turn) = &turn {
            queue.sweep(turn).map_err(|error| broken("write", &error))?;
        }
        Ok(turn)
    }

    /// What waits, what is under way, and what was refused.
    ///
    /// # Errors
    /// The queue cannot be read.
    pub fn orders(&self) -> Result<OrderList, Error> {
        let all = self.queue().orders().map_err(|error| broken("read", &error))?;
        let of = |wanted: fn(&OrderState) -> bool| all.iter().filter(move |order| wanted(&order.state));
        let mut orders: Vec<OrderLine> =
            of(|state| matches!(state, OrderState::Begun(_))).map(|order| OrderLine::of(order, None)).collect();
        let waiting = of(|state| *state == OrderState::Waiting);
        orders.extend(waiting.zip(0..).map(|(order, before)| OrderLine::of(order, Some(before))));
        orders.extend(of(|state| matches!(state, OrderState::Refused(_))).map(|order| OrderLine::of(order, None)));
        Ok(OrderList { orders })
    }

    /// What is asked of this run and not done yet, or was refused last.
    ///
    /// # Errors
    /// The queue cannot be read.
    pub fn orders_of(&self, run: &RunId) -> Result<Vec<OrderLine>, Error> {
        Ok(self.orders()?.orders.into_iter().filter(|order| order.run_id == *run).collect())
    }

    /// Takes an order back that has not begun, or a refusal off the list. Where it is somebody else's, that one can read who did it.
    ///
    /// # Errors
    /// There is none of this number, or a process is at it.
    pub fn withdraw(&self, number: u64, by: &str) -> Result<OrderLine, Error> {
        let queue = self.queue();
        let gone = || Error::new(Kind::Usage, format!("there is no order {number} in the queue")).hint("it may be done");
        let there = |number| queue.order(number).map_err(|error| broken("read", &error));
        there(number)?.ok_or_else(gone)?;
        let claim = queue.claim(number).map_err(|error| broken("read", &error))?;
        // Read once more, now that nobody else can begin with it.
        let order = there(number)?.ok_or_else(gone)?;
        if claim.is_none() || matches!(order.state, OrderState::Begun(_)) {
            let run = &order.run_id;
            return Err(Error::new(Kind::Refused, format!("order {number} has begun: run `{run}` is under way"))
                .hint(format!("flow-studio cancel {run}")));
        }
        if order.state == OrderState::Waiting && order.by != by {
            let why = Error::new(Kind::Refused, format!("{by} took it back before it began"));
            return Ok(OrderLine::of(&self.refuse(order, &why)?, None));
        }
        queue.remove(number).map_err(|error| broken("write", &error))?;
        Ok(OrderLine::of(&order, None))
    }

    /// Takes back all that waits for a run. Whether there was anything, and whether there is a run.
    ///
    /// # Errors
    /// The queue cannot be read or written.
    pub fn withdraw_all(&self, run: &RunId, by: &str) -> Result<(bool, bool), Error> {
        let mut any = false;
        for line in self.orders_of(run)?.into_iter().filter(|line| line.state == OrderStanding::Waiting) {
            match self.withdraw(line.number, by) {
                Ok(_) => any = true,
                // It has begun, or is done.
                Err(error) if matches!(error.kind, Kind::Refused | Kind::Usage) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((any, self.runs.open(run).is_ok_and(|run| run.has_journal())))
    }

    /// Puts an order behind the others. Of the refusals of its run none is of interest any more.
    fn put(&self, order: Order, redactor: &Redactor) -> Result<Order, Error> {
        let queue = self.queue();
        let clean = redactor.clean(order).map_err(|leak| Error::new(Kind::Refused, leak.to_string()))?;
        let given = match &clean.get().errand {
            Errand::Start { params, .. } if !params.is_empty() => Some(params),
            Errand::Retry { set, .. } if !set.is_empty() => Some(set),
            Errand::Start { .. } | Errand::Retry { .. } | Errand::Resume { .. } | Errand::Continue => None,
        };
        let params = given.map(|params| {
            // Read as YAML, which takes a few characters only as escapes.
            let text = serde_json::to_string(params).unwrap_or_default();
            let text = ['\u{7f}', '\u{fffe}', '\u{ffff}']
                .iter()
                .fold(text, |text, odd| text.replace(*odd, &format!("\\u{:04x}", u32::from(*odd))));
            redactor.bytes(text.into_bytes())
        });
        let put = queue.put(&clean, params.as_ref()).map_err(|error| broken("write", &error))?;
        let all = queue.orders().map_err(|error| broken("read", &error))?;
        let refused: Vec<&Order> = all.iter().filter(|order| matches!(order.state, OrderState::Refused(_))).collect();
        let old = refused.len().saturating_sub(REFUSALS_MAX);
        for (at, one) in refused.iter().enumerate() {
            if at < old || one.run_id == put.run_id {
                queue.remove(one.number).map_err(|error| broken("write", &error))?;
            }
        }
        Ok(put)
    }

    /// An order as it is from now on. What stands in it was clean before.
    fn changed(&self, order: Order) -> Result<Order, Error> {
        let clean: Clean<Order> = Redactor::default().clean(order).map_err(|leak| Error::new(Kind::Refused, leak.to_string()))?;
        self.queue().update(&clean).map_err(|error| broken("write", &error))?;
        Ok(clean.into_inner())
    }
}

fn broken(act: &str, error: &io::Error) -> Error {
    Error::new(Kind::System, format!("could not {act} the studio's queue")).because(error)
}
