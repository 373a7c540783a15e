//! `review`: what waits for a person, everything about one question, and answers.
//! In: the inbox of every run, and a person's word. Out: a list, a packet, what became of an answer. Never: an answer guessed.

mod answer;
mod desk;
mod list;
mod packet;

use std::{io::IsTerminal as _, path::PathBuf};

use clap::{Args, Subcommand};

use crate::error::{Error, Kind};

use super::{
    args::{given, pair},
    context::Context,
};

#[derive(Debug, Args)]
pub struct ReviewArgs {
    #[command(subcommand)]
    pub what: Option<What>,
    /// Only what this person may answer [default: everything]
    #[arg(long = "as", value_name = "NAME")]
    pub by: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum What {
    /// Every open question of every run, the most severe first, then the oldest
    List {
        /// Only what this person may answer
        #[arg(long = "as", value_name = "NAME")]
        by: Option<String>,
        /// Only questions of this run
        #[arg(long, value_name = "RUN")]
        run: Option<String>,
    },
    /// Everything about one question
    Show {
        /// RUN/QUESTION, as `list` shows it
        id: String,
    },
    /// Answer a question
    Answer {
        /// RUN/QUESTION, as `list` shows it
        id: String,
        /// One of its options, or push-back:STEP
        #[arg(long, value_name = "KEY")]
        choose: String,
        /// A word on why; it reaches the step that comes next
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// Who answers [default: the login name]
        #[arg(long = "as", value_name = "NAME")]
        by: Option<String>,
        /// The digest that you have seen; another one is refused
        #[arg(long, value_name = "SHA256")]
        digest: Option<String>,
        /// A file that proves a `mark-done`; may be repeated
        #[arg(long, value_name = "PATH")]
        evidence: Vec<String>,
        /// A value that the question's form asks for; may be repeated
        #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
        set: Vec<(String, String)>,
        /// Values for the form from a YAML or JSON file
        #[arg(long, value_name = "FILE")]
        values: Option<PathBuf>,
    },
}

pub(super) fn run(args: &ReviewArgs, context: &Context) -> Result<u8, Error> {
    match &args.what {
        None if context.asks && std::io::stdout().is_terminal() => desk::sit(args.by.as_deref(), context),
        None => list::run(args.by.as_deref(), None, context),
        Some(What::List { by, run }) => list::run(by.as_deref().or(args.by.as_deref()), run.as_deref(), context),
        Some(What::Show { id }) => packet::show(id, context),
        Some(What::Answer { id, choose, note, by, digest, evidence, set, values }) => {
            let (run_id, question) = split(id)?;
            let request = crate::workspace::AnswerRequest {
                signed_in: false,
                run_id,
                question,
                choose: choose.clone(),
                note: note.clone(),
                by: by.clone().or_else(|| args.by.clone()),
                digest: digest.clone(),
                evidence: evidence.iter().map(|path| context.named_here(path)).collect(),
                values: given(set, values.as_ref())?,
            };
            answer::run(&request, context)
        }
    }
}

fn split(id: &str) -> Result<(String, String), Error> {
    let (run, question) = id
        .split_once('/')
        .ok_or_else(|| Error::new(Kind::Usage, format!("`{id}` is not RUN/QUESTION")).hint("flow-studio review list"))?;
    Ok((run.to_owned(), question.to_owned()))
}
