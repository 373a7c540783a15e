//! Where to go after a step ended: the precedence of design §5 as one table. The first row that matches decides.
//! In: what is seen of the step, nothing else. Out: the decision's kind and the rule that made it.

use crate::{
    record::{DecisionKind, Rule},
    spec::{Halt, OnExhausted, OnFailure},
};

use super::rounds::Stuck;

/// What the table looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The failure's class is fatal.
    pub fatal: bool,
    pub failed: bool,
    pub blocked: bool,
    /// Handoff status VERIFIED.
    pub verified: bool,
    /// `escalate.when` was true (or could not be evaluated), and how far it halts.
    pub escalates: Option<Halt>,
    /// A detour matches and has attempts left.
    pub detour: bool,
    /// It failed because nobody served its engine, as did the calls before it.
    pub unserved: bool,
    pub on_failure: OnFailure,
    /// The step ends a loop; how the loop stands.
    pub ends_loop: Option<LoopSeen>,
    /// The step chooses what comes next; what it chose.
    pub navigates: Option<Chosen>,
    /// Nothing of the flow is left after this step.
    pub last: bool,
}

/// What a navigator answered, held against the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    Step,
    /// A flow that is put in.
    Flow,
    /// The steps of a known fix that are put in.
    Nodes,
    /// No answer, or none of the ways.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopSeen {
    /// The round that just ended, from 1.
    pub iteration: u32,
    pub iterations_max: u32,
    /// VERIFIED, and `until` true where there is one.
    pub satisfied: bool,
    /// `until` gave no answer: nobody knows whether the loop has reached what it is for.
    pub unevaluated: bool,
    pub can_help: Option<bool>,
    /// Another round would be the same again.
    pub stuck: Option<Stuck>,
    /// A HIGH concern or a failed check stands.
    pub standing_high: bool,
    pub on_exhausted: Option<OnExhausted>,
    /// The author wrote that its red stops the flow.
    pub red_stops: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    pub decision: DecisionKind,
    pub rule: Rule,
    /// TERMINATE only after the undos of what was done.
    pub rollback: bool,
}

const fn to(decision: DecisionKind, rule: Rule) -> Route {
    Route { decision, rule, rollback: false }
}

/// The table.
pub fn route(seen: &Seen) -> Route {
    use DecisionKind::{Continue, Detour, Escalate, Terminate};
    if seen.fatal {
        return to(Terminate, Rule::Fatal);
    }
    if seen.escalates == Some(Halt::Run) {
        return to(Escalate, Rule::StopTheLine);
    }
    if seen.failed && seen.detour {
        return to(Detour, Rule::FailedDetour);
    }
    if seen.failed && seen.unserved {
        return to(Escalate, Rule::CircuitOpen);
    }
    // A choice that did not come is asked of a person, who sees the same ways.
    if (seen.failed || seen.blocked) && seen.navigates.is_some() {
        return to(Escalate, Rule::Navigator);
    }
    // The last step of a loop is its judge: its red is a verdict that the loop answers, not a failure of the flow, unless its author
    // wrote that it is one.
    let judged = seen.ends_loop.as_ref().is_some_and(|around| match seen.on_failure {
        OnFailure::Stop => !around.red_stops,
        OnFailure::Continue => true,
        OnFailure::Escalate | OnFailure::Rollback => false,
    });
    if seen.failed && !judged {
        return match seen.on_failure {
            OnFailure::Stop => to(Terminate, Rule::FailedPolicy),
            OnFailure::Rollback => Route { rollback: true, ..to(Terminate, Rule::FailedPolicy) },
            OnFailure::Escalate => to(Escalate, Rule::FailedPolicy),
            OnFailure::Continue if seen.escalates == Some(Halt::Branch) => to(Escalate, Rule::EscalateWhen),
            OnFailure::Continue => to(Continue, Rule::FailedPolicy),
        };
    }
    if seen.blocked {
        return to(Escalate, Rule::Blocked);
    }
    if seen.escalates == Some(Halt::Branch) {
        return to(Escalate, Rule::EscalateWhen);
    }
    if let Some(around) = &seen.ends_loop {
        let exit = loop_exit(around, seen.detour);
        return match exit {
            LoopExit::Verified if seen.last => to(Terminate, Rule::Terminal),
            LoopExit::Verified => to(Continue, Rule::LoopVerified),
            LoopExit::Again => to(DecisionKind::Loop, Rule::LoopAgain),
            LoopExit::Detour => to(Detour, Rule::LoopSameSignature),
            LoopExit::Leave(rule) => to(Continue, rule),
            LoopExit::Ask(rule) => to(Escalate, rule),
            LoopExit::Stop(rule) => to(Terminate, rule),
        };
    }
    match seen.navigates {
        Some(Chosen::Step) => return to(Continue, Rule::Navigator),
        Some(Chosen::Flow) => return to(DecisionKind::InjectFlow, Rule::Navigator),
        Some(Chosen::Nodes) => return to(DecisionKind::InjectNodes, Rule::Navigator),
        Some(Chosen::Nothing) => return to(Escalate, Rule::Navigator),
        None => {}
    }
    match (seen.last, seen.verified) {
        (true, _) => to(Terminate, Rule::Terminal),
        (false, true) => to(Continue, Rule::Verified),
        (false, false) => to(Continue, Rule::UnverifiedForward),
    }
}

/// How a loop is left, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopExit {
    Verified,
    Again,
    Detour,
    /// Go on with what stands, as a warning on the report.
    Leave(Rule),
    Ask(Rule),
    Stop(Rule),
}

/// The exits of a loop, in their order.
pub fn loop_exit(seen: &LoopSeen, detour: bool) -> LoopExit {
    if seen.satisfied {
        LoopExit::Verified
    } else if seen.can_help == Some(false) {
        // With a HIGH concern open, or a condition without an answer, "no further help" is as good as spent.
        if seen.standing_high || seen.unevaluated {
            spent(seen, Rule::LoopNoFurtherHelp)
        } else {
            LoopExit::Leave(Rule::LoopNoFurtherHelp)
        }
    } else if seen.stuck.is_some() {
        if detour { LoopExit::Detour } else { spent(seen, Rule::LoopSameSignature) }
    } else if seen.iteration >= seen.iterations_max {
        spent(seen, Rule::LoopExhausted)
    } else {
        LoopExit::Again
    }
}

fn spent(seen: &LoopSeen, rule: Rule) -> LoopExit {
    match (seen.on_exhausted, seen.standing_high || seen.unevaluated) {
        (Some(OnExhausted::Escalate), _) | (None, true) => LoopExit::Ask(rule),
        (Some(OnExhausted::Continue), _) | (None, false) => LoopExit::Leave(rule),
        (Some(OnExhausted::Stop), _) => LoopExit::Stop(rule),
    }
}
