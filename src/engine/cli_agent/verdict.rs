//! Whether a run of a program was good. The whole rule stands here.
//! In: how its process ended, what it said. Out: nothing, or what went wrong. Never: success by exit code alone.

use crate::{
    engine::{
        agent::AgentWork,
        process::{End, Ran},
        watchdog::Bite,
    },
    record::{ErrorClass, FailureKind},
};

use super::{heard::Heard, program::Program, trouble::Trouble};

/// Why a run was not good.
#[derive(Debug)]
pub(super) enum Bad {
    Failed(Trouble, Option<i32>),
    /// On our own wish.
    Stopped,
    /// The step's time is up.
    Late,
    /// It spent what the limits of its flows left it.
    SpentAll,
}

pub(super) fn verdict(program: &Program, work: &AgentWork, ran: &Ran, heard: &Heard, last_line: Option<&str>) -> Result<(), Bad> {
    let name = program.name();
    let failed = |trouble: Trouble| Err(Bad::Failed(trouble, None));
    match &ran.end {
        End::Stopped => Err(Bad::Stopped),
        End::TimedOut => Err(Bad::Late),
        End::NotStarted(error) => failed(Trouble::spawn(format!("{name} did not start: {error}"))),
        End::Stuck => failed(Trouble::new(
            FailureKind::Hung,
            ErrorClass::Permanent,
            format!("{name} does not end, although it was killed; it may wait for a device"),
        )),
        End::Bitten(Bite::Idle) => {
            let idle = crate::spec::Length::from_ms(u64::try_from(program.idle.as_millis()).unwrap_or(u64::MAX));
            failed(Trouble::hung(format!("{name} said nothing for {idle}{}", meanwhile(heard, last_line))))
        }
        End::Bitten(Bite::GivenUp) => failed(match &heard.hopeless {
            Some(trouble) => trouble.clone(),
            None if heard.ended => Trouble::hung(format!("{name} said that it was done, and did not end")),
            None => {
                let message = format!("the agent used its {} turns and was not done", work.turns_max);
                Trouble::new(FailureKind::TurnLimit, ErrorClass::Permanent, message)
            }
        }),
        End::Signalled(signal) => {
            failed(Trouble::crashed(format!("{name} was ended by signal {signal}{}", meanwhile(heard, last_line))))
        }
        End::Exited(code) => exited(program, *code, heard, last_line),
    }
}

fn exited(program: &Program, code: i32, heard: &Heard, last_line: Option<&str>) -> Result<(), Bad> {
    let name = program.name();
    let failed = |trouble: Trouble| Err(Bad::Failed(trouble, Some(code)));
    if heard.spent_all {
        return Err(Bad::SpentAll);
    }
    if let Some(error) = &heard.error {
        return failed(error.clone());
    }
    if code != 0 {
        let said = last_words(heard, last_line).unwrap_or_default();
        if let Some(trouble) = program.unknown_option(said) {
            return failed(trouble);
        }
        let known = |trouble: &Trouble| trouble.kind != FailureKind::Unknown;
        let by_words = Some(Trouble::of_words(said)).filter(known);
        let because = if said.is_empty() { String::new() } else { format!(": {said}") };
        let after = if heard.ended { " although it had said that it was done" } else { "" };
        return failed(match heard.trouble.clone().filter(known).or(by_words) {
            Some(trouble) => trouble,
            None => Trouble::crashed(format!("{name} ended with exit code {code}{after}{because}")),
        });
    }
    if !heard.ended {
        let of = format!("{} of its {} events are known", heard.known, heard.events);
        return failed(Trouble::crashed(format!(
            "{name} ended without a word that its work was done ({of}){}",
            meanwhile(heard, last_line)
        )));
    }
    Ok(())
}

/// Its last line in words: on standard error, unless only the other one says what went wrong.
fn last_words<'w>(heard: &'w Heard, last_line: Option<&'w str>) -> Option<&'w str> {
    let names = |said: &&str| Trouble::of_words(said).kind != FailureKind::Unknown;
    let both = [last_line, heard.words.as_deref()];
    both.into_iter().flatten().find(names).or_else(|| both.into_iter().flatten().next())
}

/// What it had last struggled with, or said in words.
fn meanwhile(heard: &Heard, last_line: Option<&str>) -> String {
    let words = || last_words(heard, last_line).map(|said| format!(": {said}"));
    heard.trouble.as_ref().map(|trouble| format!("; before that: {}", trouble.message)).or_else(words).unwrap_or_default()
}
