//! `validate`: all mistakes of flows, agents and detours at once.

use std::path::PathBuf;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::{Error, Kind},
    id::{AgentKey, FlowKey},
    inspect::count,
    spec::Diagnostics,
};

use super::context::{Context, tell};

#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Names of flows, or files of flows, agents and detours; left out, everything in the flows and agents directories
    pub paths: Vec<PathBuf>,
    /// Warnings are mistakes
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Validation {
    pub checked: Vec<String>,
    pub errors: usize,
    pub warnings: usize,
    pub diagnostics: Diagnostics,
}

pub(super) fn run(args: &ValidateArgs, context: &Context) -> Result<u8, Error> {
    let mut checked = Vec::new();
    let mut found = Diagnostics::default();
    let mut take = |name: String, result: Result<Diagnostics, Error>| -> Result<(), Error> {
        checked.push(name);
        match result {
            Ok(warnings) => found.extend(warnings.iter().cloned()),
            Err(Error { diagnostics: Some(all), .. }) => found.extend(all.iter().cloned()),
            Err(error) => return Err(error),
        }
        Ok(())
    };
    if args.paths.is_empty() {
        let config = &context.workspace.config;
        context.readable(&config.flows_dir).and_then(|()| context.readable(&config.agents_dir))?;
        let (flows, agents) = (context.workspace.loader().list_flows(), context.workspace.loader().list_agents());
        if flows.is_empty() && agents.is_empty() {
            // A build that looks in the wrong place must not be green.
            let error = Error::new(Kind::Usage, format!("no flow is in {}", config.flows_dir.display()));
            return Err(error.hint("flow-studio init, or --flows DIR"));
        }
        for listed in flows {
            let result = match FlowKey::new(&listed.name) {
                Ok(key) => context.workspace.book(&key, false).map(|(_, warnings)| warnings),
                Err(bad) => Err(Error::new(Kind::Invalid, bad.to_string())),
            };
            take(format!("flows/{}.yaml", listed.name), result)?;
        }
        for listed in agents {
            let loaded = AgentKey::new(&listed.name).ok().map(|key| context.workspace.loader().load_agent(&key));
            let result = loaded.map_or(Ok(Diagnostics::default()), |loaded| loaded.map(|agent| agent.warnings));
            take(format!("agents/{}", listed.name), result.map_err(|found| with(&listed.name, found)))?;
        }
        let odd = context.workspace.loader().unnamed_agents();
        if !odd.is_empty() {
            take(config.agents_dir.display().to_string(), Ok(odd))?;
        }
        // Flows bring it along; where there is none, or its name is all that is looked for, it is checked all the same.
        let catalog = config.flows_dir.join("detours.yaml");
        if catalog.is_file() {
            take("flows/detours.yaml".to_owned(), context.workspace.check_file(&catalog))?;
        }
    }
    for path in &args.paths {
        let shown = path.display().to_string();
        let result = match FlowKey::new(&shown) {
            Ok(key) => context.workspace.book(&key, false).map(|(_, warnings)| warnings),
            Err(_) => context.workspace.check_file(path),
        };
        take(shown, result)?;
    }
    // One flow may be read as a part of several.
    let mut seen = std::collections::BTreeSet::new();
    let mut once = Diagnostics::default();
    once.extend(found.iter().filter(|one| seen.insert(format!("{one:?}"))).cloned());
    let mut found = once.sorted();
    if args.strict {
        found = found.strict();
    }
    let errors = found.iter().filter(|one| one.is_error()).count();
    let validation = Validation { checked, errors, warnings: found.len() - errors, diagnostics: found };
    if !validation.diagnostics.is_empty() && !context.json {
        tell(&validation.diagnostics.render(context.color), context.color);
    }
    if context.json || !context.quiet {
        let (files, mistakes) = (count(validation.checked.len(), "file"), count(validation.errors, "mistake"));
        let warnings = count(validation.warnings, "warning");
        context.out(&validation, || format!("{files} checked: {mistakes}, {warnings}"))?;
    }
    Ok(if validation.errors > 0 { Kind::Invalid.exit_code() } else { 0 })
}

fn with(name: &str, found: Diagnostics) -> Error {
    let mut error = Error::new(Kind::Invalid, format!("`{name}` has mistakes"));
    error.diagnostics = Some(found);
    error
}
