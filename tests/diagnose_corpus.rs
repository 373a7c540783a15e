//! `diagnose` on broken run directories: the right cause first, for every cause of the table, and nothing changed by looking.

#[path = "diagnose/bed.rs"]
mod bed;
mod common;
#[path = "diagnose/failed.rs"]
mod failed;
#[path = "diagnose/panel.rs"]
mod panel;
#[path = "diagnose/stuck.rs"]
mod stuck;
#[path = "diagnose/wrong.rs"]
mod wrong;

use std::{collections::BTreeSet, sync::Mutex};

use flow_studio::inspect::{CAUSES, Class};

use bed::{Bed, Case};

/// What cannot be made: an end that leaves nothing, kept for runs of later versions.
const WITHOUT_A_RUN: &[&str] = &["failed-otherwise"];

fn cases() -> Vec<Case> {
    [failed::cases(), stuck::cases(), wrong::cases()].into_iter().flatten().collect()
}

#[test]
fn the_right_cause_comes_first_in_a_corpus_of_broken_runs() {
    let all = cases();
    let next = Mutex::new(all.iter());
    let wrong = Mutex::new(Vec::new());
    let only = std::env::var("ONLY").ok();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some((expected, make)) = next.lock().expect("no panic").next() else { return };
                    if only.as_deref().is_some_and(|only| only != *expected) {
                        continue;
                    }
                    if let Some(mistake) = mistake(expected, *make) {
                        wrong.lock().expect("no panic").push(mistake);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    let right = all.len() - wrong.len();
    println!("the right cause first in {right} of {} run directories", all.len());
    assert!(all.len() >= 40);
    // The target is 95 in a hundred; what is known is held to all of them.
    assert!(wrong.is_empty(), "{right} of {}\n{}", all.len(), wrong.join("\n"));
}

fn mistake(expected: &str, make: fn() -> Bed) -> Option<String> {
    let Ok((told, bed)) = std::panic::catch_unwind(|| {
        let bed = make();
        (bed.told().0, bed)
    }) else {
        return Some(format!("{expected}: no run could be made or looked at"));
    };
    drop(bed);
    let class = CAUSES.iter().find(|cause| cause.id == expected).map(|cause| (cause.class, cause.weak));
    let first = told.causes.first().map_or("nothing", |cause| cause.id.as_str());
    // A cause that decides nothing leaves the run what it is.
    let fits = match class {
        Some((_, true)) => told.class == Class::Healthy,
        Some((class, false)) => told.class == class,
        None => false,
    };
    let commands = told.next.iter().all(|next| !next.command.contains('\n'));
    let right = first == expected && fits && commands && !told.trail.is_empty() && !told.next.is_empty();
    let ids: Vec<&str> = told.causes.iter().map(|cause| cause.id.as_str()).collect();
    (!right).then(|| format!("{expected}: {} {} ({}): {}", told.class.as_str(), first, ids.join(" "), told.headline))
}

#[test]
fn every_cause_has_a_run_that_shows_it() {
    let shown: BTreeSet<&str> = cases().into_iter().map(|(id, _)| id).collect();
    let known: BTreeSet<&str> = CAUSES.iter().map(|cause| cause.id).collect();
    assert_eq!(known.len(), CAUSES.len(), "two causes have one id");
    assert!(shown.is_subset(&known), "{:?}", shown.difference(&known));
    let bare: Vec<&&str> = known.difference(&shown).filter(|id| !WITHOUT_A_RUN.contains(*id)).collect();
    assert!(bare.is_empty(), "no run shows {bare:?}");
}
