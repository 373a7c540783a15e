//! Properties over histories that nobody thought of.

use std::{collections::BTreeMap, fs, sync::Arc};

use proptest::prelude::*;

use super::{
    build::{
        Line, Place, answer, completed, created, ended_with, freeze, holder, lost, manifest, past, proof, question, started, time,
    },
    disk::files,
};
use crate::{
    id::EscalationId,
    ledger::{Journal, Lock, Projector, Reader, repair, verify},
    record::{Assumption, DecisionKind, Entry, Fact, InputNote},
    redact::Clean,
};

#[derive(Debug, Clone)]
enum Did {
    Start(u8),
    End { step: u8, agent: u8, text: String, cost: f64, kind: u8 },
    Lose(u8),
    Raise(u8),
    Answer(u8),
    Rest,
}

fn did() -> impl Strategy<Value = Did> {
    prop_oneof![
        (0..3u8).prop_map(Did::Start),
        (0..3u8, 0..2u8, any::<String>(), any::<f64>().prop_filter("finite", |cost| cost.is_finite()), 0..3u8)
            .prop_map(|(step, agent, text, cost, kind)| Did::End { step, agent, text, cost, kind }),
        (0..3u8).prop_map(Did::Lose),
        (0..3u8).prop_map(Did::Raise),
        (0..3u8).prop_map(Did::Answer),
        Just(Did::Rest),
    ]
}

/// Executions only rise, as the kernel makes them.
fn lines(all: &[Did]) -> Vec<Line> {
    let (mut lines, mut execution, mut questions) = (vec![created()], 0, 0);
    let name = |step: &u8| ["a", "b", "c[x_1]"][usize::from(*step)];
    let id = |n: u32| EscalationId::new(&format!("q-{n}")).unwrap();
    for did in all {
        lines.push(match did {
            Did::Start(step) => {
                execution += 1;
                started(name(step), execution)
            }
            Did::End { step, agent, text, cost, kind } => {
                execution += 1;
                let mut proof = proof(["shell", "critic"][usize::from(*agent)], u64::from(execution));
                proof.error = Some(text.clone());
                proof.cost_usd = Some(*cost);
                let kind = [DecisionKind::Continue, DecisionKind::Loop, DecisionKind::Escalate][usize::from(*kind)];
                let mut line = ended_with(name(step), execution, proof, kind);
                if let Fact::StepEnded { handoff, .. } = &mut line.1[0]
                    && text.len() % 2 == 1
                {
                    let assumption = text.clone();
                    Arc::make_mut(handoff).assumptions.push(Assumption {
                        assumption,
                        why: String::new(),
                        impact_if_wrong: String::new(),
                    });
                }
                line
            }
            Did::Lose(step) => {
                execution += 1;
                lost(name(step), execution)
            }
            Did::Raise(step) => {
                questions += 1;
                let question = Box::new(question(id(questions).as_str(), name(step)));
                (InputNote::Ticked, vec![Fact::EscalationRaised { question }])
            }
            Did::Answer(back) => {
                let id = id(questions.saturating_sub(u32::from(*back)).max(1));
                (InputNote::Answered { id: id.clone() }, vec![Fact::EscalationAnswered { id, answer: answer() }])
            }
            Did::Rest => completed(),
        });
    }
    lines
}

fn derived(place: &Place) -> BTreeMap<String, Vec<u8>> {
    files(place.run().base()).into_iter().filter(|(name, _)| name.starts_with("build/")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_is_read_back_and_rebuilt(all in prop::collection::vec(did(), 1..30), group in 1..5usize, cut in any::<prop::sample::Index>(), covered in any::<prop::sample::Index>()) {
        let place = Place::new();
        let run = place.run();
        freeze(&run);
        let lock = Lock::take(&run, &holder()).unwrap();
        let mut journal = Journal::create(&run, &lock).unwrap();
        let mut written: Vec<Arc<Entry>> = Vec::new();
        for some in lines(&all).chunks(group) {
            for line in some {
                written.push(journal.push(time(written.len() as u64), Clean::for_test(line.clone())).unwrap());
            }
            journal.commit().unwrap();
        }
        drop(journal);
        let read: Vec<_> = Reader::open(&run).unwrap().collect::<Result<_, _>>().unwrap();
        prop_assert!(read.iter().eq(written.iter().map(Arc::as_ref)));

        let projector = Projector::start(&run).unwrap();
        written.iter().for_each(|entry| projector.send(entry.clone()));
        projector.finish().unwrap();
        let whole = derived(&place);

        // Deleted, then rebuilt.
        fs::remove_dir_all(run.base().join("build")).unwrap_or_default();
        repair(&run, &lock).unwrap();
        prop_assert_eq!(&derived(&place), &whole);

        // Killed somewhere, with run.json somewhere before, then resumed.
        fs::remove_dir_all(run.base().join("build")).unwrap_or_default();
        let killed = cut.index(written.len() + 1);
        let covered = covered.index(killed + 1);
        let projector = Projector::start(&run).unwrap();
        for entry in &written[..killed] {
            projector.send(entry.clone());
            if entry.seq == covered as u64 {
                projector.manifest(manifest(entry));
            }
        }
        projector.finish().unwrap();
        Projector::resume(&run, past(&run)).unwrap().finish().unwrap();
        prop_assert_eq!(&derived(&place), &whole);
        drop(lock);
        let mut findings = verify(&run).unwrap().findings;
        findings.retain(|finding| finding.path != "run.json");
        prop_assert_eq!(findings, []);
    }
}
