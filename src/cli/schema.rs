//! `schema`: the JSON Schemas of what people write and of what a run leaves on disk, made from the Rust types.

use clap::{Args, ValueEnum};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::{
    engine::Scenario,
    error::Error,
    record::{Decision, Entry, Envelope, Manifest, Question, Receipt, RecordingIndex, RetentionLine},
    spec,
};

use super::context::{Context, print_json};

#[derive(Debug, Args)]
pub struct SchemaArgs {
    #[arg(value_enum)]
    pub what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// flows/<flow>.yaml
    Flow,
    /// Front matter of agents/<agent>.md
    Agent,
    /// flows/detours.yaml
    Detours,
    /// flows/tests/<name>.scenario.yaml
    Scenario,
    /// flow-studio.toml
    Config,
    /// receipts/<step>-<agent>.json
    Receipt,
    /// handoffs/<step>-<agent>.json
    Handoff,
    /// A line of routing/decisions.jsonl
    Decision,
    /// A line of journal.jsonl
    Event,
    /// run.json
    Run,
    /// escalations/<id>.json
    Escalation,
    /// recording.json, which `record` makes
    Recording,
    /// A line of retention.jsonl
    Retention,
}

pub(super) fn run(args: &SchemaArgs, _context: &Context) -> Result<u8, Error> {
    print_json(&schema(args.what))?;
    Ok(0)
}

pub(super) fn schema(what: What) -> Value {
    match what {
        What::Flow => spec::schema::flow(),
        What::Agent => spec::schema::agent(),
        What::Detours => spec::schema::detours(),
        What::Scenario => schema_of::<Scenario>(SchemaSettings::draft2020_12(), "scenario", "Scenario"),
        What::Config => named(crate::config::schema(), "config", "Settings"),
        What::Receipt => written::<Receipt>("receipt", "Receipt"),
        What::Handoff => written::<Envelope>("handoff", "Handoff envelope"),
        What::Decision => written::<Decision>("decision", "Routing decision"),
        What::Event => written::<Entry>("event", "Journal line"),
        What::Run => written::<Manifest>("run", "Run manifest"),
        What::Escalation => written::<Question>("escalation", "Escalation"),
        What::Recording => written::<RecordingIndex>("recording", "Index of a recording"),
        What::Retention => written::<RetentionLine>("retention", "Line of retention.jsonl"),
    }
}

/// The schema of what we write: a field that may be left out is not required.
pub(super) fn written<T: JsonSchema>(name: &str, title: &str) -> Value {
    schema_of::<T>(SchemaSettings::draft2020_12().for_serialize(), name, title)
}

fn schema_of<T: JsonSchema>(settings: SchemaSettings, name: &str, title: &str) -> Value {
    named(settings.into_generator().into_root_schema_for::<T>().to_value(), name, title)
}

fn named(mut schema: Value, name: &str, title: &str) -> Value {
    if let Value::Object(root) = &mut schema {
        root.insert("$id".to_owned(), json!(format!("{}{name}", spec::schema::ID)));
        root.insert("title".to_owned(), json!(title));
    }
    schema
}

#[cfg(test)]
mod tests;
