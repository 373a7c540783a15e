//! What holds for every flow in every world. The state's own invariants (`audit`) are checked after every line.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestCaseError, TestRunner},
};

use crate::{
    id::FramePath,
    record::{At, Fact, Parent, QuestionKind, ReceiptStatus, Rule},
    spec::Effects,
};

use super::{
    Play,
    random::{Tape, happen, play, settle, unasked},
};

/// Things that happen in one run, at most.
const EVENTS_MAX: usize = 120;

/// Of each seed: enough to find most of what was ever found here, in seconds; PROPTEST_CASES asks for more.
const CASES: u32 = 48;

/// The same worlds in every run, so that `make test` says the same twice. Any other number looks at other worlds:
/// PROPTEST_RNG_SEED asks for one.
const SEEDS: [u64; 4] = [2, 7, 31, 108];

/// Every property holds for random tapes of these lengths, from each of the seeds.
fn held(tape_max: usize, property: impl Fn(&[u8]) -> Result<(), TestCaseError>) {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { CASES };
    let asked = std::env::var_os("PROPTEST_RNG_SEED").is_some();
    let seeds = if asked { vec![default.rng_seed] } else { SEEDS.map(RngSeed::Fixed).to_vec() };
    for rng_seed in seeds {
        let config =
            ProptestConfig { cases, max_shrink_iters: 3_000, failure_persistence: None, rng_seed, ..ProptestConfig::default() };
        let tape = prop::collection::vec(any::<u8>(), 0..tape_max);
        let found = TestRunner::new(config).run(&tape, |bytes| property(&bytes));
        found.unwrap_or_else(|failed| panic!("seed {rng_seed:?}: {failed}"));
    }
}

fn lived(bytes: &[u8], audited: bool) -> Option<Play> {
    let mut tape = Tape::new(bytes);
    let mut play = play(&mut tape)?;
    play.audited = audited;
    let book = play.book("main");
    play.request("main", book);
    for _ in 0..EVENTS_MAX {
        if tape.is_over() {
            break;
        }
        happen(&mut play, &mut tape);
    }
    Some(play)
}

fn granted(play: &Play) -> u32 {
    let rounds = play.facts().filter(|fact| match fact {
        Fact::EscalationAnswered { id, answer } => {
            answer.choose == "retry" && play.state.questions[id].kind == QuestionKind::LoopExhausted
        }
        _ => false,
    });
    u32::try_from(rounds.count()).unwrap()
}

/// Once-only executions that succeeded, and that another definition of the flow alone let run again.
fn repeated(play: &Play) -> Vec<String> {
    let (mut done, mut kept) = (BTreeSet::new(), BTreeSet::new());
    let mut broken = Vec::new();
    // A step, an item of it, or something inside: what a person or a loop sends round again.
    let covers = |flow: &FramePath, step: &str, at: &At| {
        let own = at.flow == *flow && (at.step.as_str() == step || at.step.base() == step);
        own || at
            .flow
            .as_str()
            .strip_prefix(&format!("{flow}.{step}"))
            .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    for fact in play.facts() {
        if let Fact::StepStarted { at, .. } = fact {
            broken.extend(kept.contains(at).then(|| at.to_string()));
        }
        let mut may = |again: &dyn Fn(&At) -> bool| {
            done.retain(|at| !again(at));
            kept.retain(|at| !again(at));
        };
        match fact {
            Fact::StepEnded { at, proof, .. } if proof.status == ReceiptStatus::Succeeded => {
                let step = play.state.frame(&at.flow).and_then(|frame| Some(frame.plan.step(frame.plan.find(at.step.base())?)));
                if step.is_some_and(|step| step.spec.effects == Effects::Once) {
                    done.insert(at.clone());
                }
            }
            Fact::DefinitionRefreshed { .. } => kept = done.clone(),
            Fact::StepStarted { at, .. } => {
                may(&|one| one == at);
            }
            Fact::EscalationAnswered { id, .. } => {
                let asked = &play.state.questions[id];
                may(&|at| covers(&asked.flow_path, asked.step_id.as_str(), at));
            }
            Fact::Superseded { flow, steps, .. } | Fact::Reopened { flow, dependents: steps, .. } => {
                may(&|at| steps.iter().any(|step| covers(flow, step.as_str(), at)));
            }
            Fact::Routed { flow, decision } if matches!(decision.rule, Rule::DetourDone | Rule::InjectionDone) => {
                may(&|at| covers(flow, decision.step_id.as_str(), at));
            }
            Fact::LoopAgain { at: end, .. } => {
                let frame = &play.state.frames[&end.flow];
                let body = frame.plan.loops.iter().flat_map(|around| &around.body).map(|step| &frame.plan.step(*step).spec.id);
                let body: Vec<_> = body.collect();
                may(&|at| body.iter().any(|step| covers(&end.flow, step.as_str(), at)));
            }
            Fact::FlowStarted { flow, parent, .. } => match parent {
                Some(Parent::Rollback { of, .. } | Parent::Undo { of, .. }) => {
                    may(&|at| at.flow.as_str().starts_with(of.as_str()));
                }
                Some(Parent::Injected { .. } | Parent::Detour { .. }) | None => may(&|at| at.flow == *flow),
                Some(Parent::SubFlow { .. }) => {}
            },
            _ => {}
        }
    }
    broken
}

/// A receipt is named for its execution: no number is given twice.
fn numbers_twice(play: &Play) -> Vec<String> {
    let mut last: BTreeMap<&At, u32> = BTreeMap::new();
    let mut twice = Vec::new();
    for fact in play.facts() {
        if let Fact::StepStarted { at, execution, .. } = fact
            && last.insert(at, *execution).is_some_and(|before| before >= *execution)
        {
            twice.push(format!("{at} {execution}"));
        }
    }
    twice
}

/// Whatever happened, the run can be brought to an end; nothing that was lost was repeated unasked on the way.
#[test]
fn a_run_can_always_move_and_replays_to_the_same() {
    held(500, |bytes| {
        let Some(mut play) = lived(bytes, true) else { return Ok(()) };
        prop_assert_eq!(unasked(&play), Vec::<String>::new());
        settle(&mut play);
        prop_assert_eq!(unasked(&play), Vec::<String>::new());
        prop_assert_eq!(repeated(&play), Vec::<String>::new());
        prop_assert_eq!(numbers_twice(&play), Vec::<String>::new());
        Ok(())
    });
}

#[test]
fn a_loop_never_goes_round_more_often_than_allowed() {
    held(500, |bytes| {
        let Some(play) = lived(bytes, false) else { return Ok(()) };
        let granted = granted(&play);
        for fact in play.facts() {
            if let Fact::LoopAgain { at, iteration } = fact {
                let frame = &play.state.frames[&at.flow];
                let max = frame.plan.loops.iter().map(|one| one.iterations_max).max().unwrap_or(0);
                prop_assert!(*iteration <= max + granted, "{at} in round {iteration} of {max}");
            }
        }
        Ok(())
    });
}

/// Two runs of the same tape are one run: no clock, no luck, no order of hashing.
#[test]
fn the_same_world_gives_the_same_journal() {
    held(300, |bytes| {
        let (Some(one), Some(two)) = (lived(bytes, false), lived(bytes, false)) else { return Ok(()) };
        prop_assert_eq!(&one.entries, &two.entries);
        Ok(())
    });
}
