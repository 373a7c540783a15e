//! Reading flows, with all that they name: sub-flows, agents, detours, templates.
//! In: directories and a flow's key. Out: a library ready to be planned, or every mistake in all of its files.
//! Never: a file outside the three directories, a flow that names itself through others, a mistake hidden by another.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use crate::id::{AgentKey, FlowKey};

use super::{
    Diagnostic, Diagnostics, Places, Role, agent,
    check::{self, Check, Missing, Shelf},
    diagnostic::did_you_mean,
    files::{Dir, Files, ReadFile, read_path},
    flow::{Agent, Detour, Flow, Library},
    library, schema,
    text::{DetoursText, FlowText, StepText},
    typed::typed,
    yaml,
};

/// The catalog's file, beside the flows.
pub(super) const DETOURS: &str = "detours.yaml";

/// What the reader of a flow is told by its caller.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Roles that some person has; `None`: do not look.
    pub reviewers: Option<BTreeSet<Role>>,
    /// It defines a run that has begun: rules that came later are not held against it.
    pub frozen: bool,
}

/// What was read, and what is worth a second look in it.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    pub value: T,
    pub warnings: Diagnostics,
}

/// One line of a listing: the name, and the title or what is wrong.
#[derive(Debug, Clone)]
pub struct Listed {
    pub name: String,
    pub outcome: Result<String, Diagnostics>,
}

/// Reads flows and agents from their directories.
#[derive(Debug, Clone)]
pub struct Loader {
    pub(super) files: Files,
    options: LoadOptions,
}

impl Loader {
    /// Templates are looked for in `workspace`, then beside the flows.
    pub fn new(flows_dir: &Path, agents_dir: &Path, workspace: &Path) -> Self {
        let files = Files::Disk { flows: flows_dir.to_owned(), agents: agents_dir.to_owned(), workspace: workspace.to_owned() };
        Self { files, options: LoadOptions::default() }
    }

    /// From a copy that holds what [`Library::files`] gave.
    pub fn frozen(dir: &Path) -> Self {
        let options = LoadOptions { frozen: true, ..LoadOptions::default() };
        Self::new(&dir.join("flows"), &dir.join("agents"), dir).with_options(options)
    }

    /// From memory, by the paths that [`Library::files`] gives: `flows/x.yaml`, `agents/a.md`, `templates/t.hbs`.
    pub fn in_memory<N: Into<String>, B: Into<Vec<u8>>>(files: impl IntoIterator<Item = (N, B)>) -> Self {
        let files = Files::Memory(files.into_iter().map(|(name, bytes)| (name.into(), bytes.into())).collect());
        Self { files, options: LoadOptions::default() }
    }

    #[must_use]
    pub fn with_options(mut self, options: LoadOptions) -> Self {
        self.options = options;
        self
    }

    /// One flow by its key; its sub-flows need only be there.
    ///
    /// # Errors
    /// Every mistake in the flow and in the agents and templates that it names, warnings among them.
    pub fn load_flow(&self, key: &FlowKey) -> Result<Loaded<Arc<Flow>>, Diagnostics> {
        let mut reading = Reading::new(self);
        let flow = reading.flow(key).flow;
        reading.finish(flow.map(Arc::new))
    }

    /// One flow by its file, which may lie anywhere; what it names is looked for in the directories.
    ///
    /// # Errors
    /// As [`Loader::load_flow`].
    pub fn load_file(&self, path: &Path) -> Result<Loaded<Arc<Flow>>, Diagnostics> {
        let mut reading = Reading::new(self);
        let flow = reading.file(path).map(Arc::new);
        reading.finish(flow)
    }

    /// A flow with everything it needs: sub-flows, detours, agents.
    ///
    /// # Errors
    /// Every mistake in all of these files, warnings among them.
    pub fn load_library(&self, key: &FlowKey) -> Result<Loaded<Library>, Diagnostics> {
        let mut reading = Reading::new(self);
        let library = library::assemble(&mut reading, key);
        reading.finish(library)
    }

    /// Every flow of the directory with its title.
    pub fn list_flows(&self) -> Vec<Listed> {
        let names = self.files.list(Dir::Flows);
        let flows =
            names.iter().filter_map(|name| name.strip_suffix(".yaml")).filter(|stem| *stem != "detours" && !stem.contains('/'));
        flows
            .map(|stem| {
                let loaded = match FlowKey::new(stem) {
                    Ok(key) => self.load_flow(&key).map(|loaded| loaded.value.title.clone()),
                    Err(wrong) => Err(Diagnostic::error("bad-name", wrong.to_string()).hint("rename the file").into()),
                };
                Listed { name: stem.to_owned(), outcome: loaded }
            })
            .collect()
    }

    /// Every agent of the directory with its description.
    pub fn list_agents(&self) -> Vec<Listed> {
        let names = self.files.list(Dir::Agents);
        let keys: BTreeSet<AgentKey> = names.iter().filter_map(|name| agent::key_of(name)).collect();
        keys.into_iter()
            .map(|key| {
                let outcome = self.load_agent(&key).map(|loaded| loaded.value.description.clone());
                Listed { name: key.to_string(), outcome }
            })
            .collect()
    }

    /// One agent by its key.
    ///
    /// # Errors
    /// Every mistake in its file, or that there is none.
    pub fn load_agent(&self, key: &AgentKey) -> Result<Loaded<Arc<Agent>>, Diagnostics> {
        let mut reading = Reading::new(self);
        match reading.agent(key) {
            Ok(agent) => reading.finish(Some(agent)),
            Err(Missing::Broken) => reading.finish(None),
            Err(Missing::Absent(message, hint)) => Err(Diagnostic::error("unknown-agent", message).maybe_hint(hint).into()),
        }
    }

    /// The catalog of detours beside the flows; empty where there is none.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn load_detours(&self) -> Result<Loaded<Vec<Arc<Detour>>>, Diagnostics> {
        let mut reading = Reading::new(self);
        let detours = reading.detours().map(|(detours, _)| detours);
        reading.finish(detours)
    }
}

/// One reading: what was read so far, so that nothing is read or reported twice.
pub(super) struct Reading<'l> {
    loader: &'l Loader,
    agents: BTreeMap<AgentKey, Option<Arc<Agent>>>,
    templates: BTreeMap<String, Arc<str>>,
    pub(super) found: Diagnostics,
}

/// A flow as far as it could be read.
pub(super) struct ReadFlow {
    pub(super) flow: Option<Flow>,
    /// The flows that it names, even where it is broken otherwise.
    pub(super) names: Vec<FlowKey>,
}

impl<'l> Reading<'l> {
    pub(super) fn new(loader: &'l Loader) -> Self {
        Self { loader, agents: BTreeMap::new(), templates: BTreeMap::new(), found: Diagnostics::default() }
    }

    pub(super) fn finish<T>(self, value: Option<T>) -> Result<Loaded<T>, Diagnostics> {
        let found = self.found.sorted();
        match value {
            Some(value) if !found.has_errors() => Ok(Loaded { value, warnings: found }),
            _ => Err(found),
        }
    }

    pub(super) fn agents(&self) -> BTreeMap<AgentKey, Arc<Agent>> {
        self.agents.iter().filter_map(|(key, agent)| Some((key.clone(), agent.clone()?))).collect()
    }

    pub(super) fn flow(&mut self, key: &FlowKey) -> ReadFlow {
        let nothing = ReadFlow { flow: None, names: Vec::new() };
        match self.loader.files.read(Dir::Flows, &format!("{key}.yaml")) {
            Ok(Some(file)) => self.parsed(key, &file),
            Ok(None) => {
                let (message, hint) = self.no_flow(key);
                self.found.push(Diagnostic::error("unknown-flow", message).maybe_hint(hint));
                nothing
            }
            Err(found) => {
                self.found.extend(found);
                nothing
            }
        }
    }

    fn file(&mut self, path: &Path) -> Option<Flow> {
        let stem = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".yaml"));
        let key = match stem.map(FlowKey::new) {
            Some(Ok(key)) => key,
            Some(Err(wrong)) => {
                self.found.push(Diagnostic::error("bad-name", format!("{}: {wrong}", path.display())).hint("rename the file"));
                return None;
            }
            None => {
                let message = format!("{} is not a flow file", path.display());
                self.found.push(Diagnostic::error("bad-name", message).hint("flow files end in .yaml"));
                return None;
            }
        };
        match read_path(path) {
            Ok(Some(file)) => self.parsed(&key, &file).flow,
            Ok(None) => {
                self.found.push(Diagnostic::error("unknown-flow", format!("{} is not there", path.display())));
                None
            }
            Err(found) => {
                self.found.extend(found);
                None
            }
        }
    }

    fn parsed(&mut self, key: &FlowKey, file: &ReadFile) -> ReadFlow {
        let Some(places) = self.tree(file) else { return ReadFlow { flow: None, names: Vec::new() } };
        let (text, found) = typed::<FlowText>(&places, &schema::FLOW);
        let broken = !found.is_empty();
        self.found.extend(found);
        let Some(value) = &text.value else { return ReadFlow { flow: None, names: Vec::new() } };
        let mut check = Check::new(&places, self);
        let flow = check::flow(&mut check, key, value);
        let findings = check.into_findings();
        self.found.extend(text.sifted(findings));
        let injected = |step: &StepText| step.inject.iter().flat_map(|inject| inject.flows.clone()).collect::<Vec<_>>();
        let mut names: Vec<FlowKey> =
            value.steps.iter().flat_map(|step| step.flow.clone().into_iter().chain(injected(step))).collect();
        names.retain(|name| self.loader.files.exists(Dir::Flows, &format!("{name}.yaml")));
        ReadFlow { flow: flow.filter(|_| !broken), names }
    }

    fn tree(&mut self, file: &ReadFile) -> Option<Places> {
        match yaml::parse(&file.shown, &file.bytes) {
            Ok(places) => Some(places),
            Err(found) => {
                self.found.extend(found);
                None
            }
        }
    }

    /// The catalog and its text; `None` where anything is wrong with it.
    pub(super) fn detours(&mut self) -> Option<(Vec<Arc<Detour>>, Option<String>)> {
        match self.loader.files.read(Dir::Flows, DETOURS) {
            Ok(Some(file)) => self.catalog(&file),
            Ok(None) => Some((Vec::new(), None)),
            Err(found) => {
                self.found.extend(found);
                None
            }
        }
    }

    pub(super) fn catalog(&mut self, file: &ReadFile) -> Option<(Vec<Arc<Detour>>, Option<String>)> {
        let places = self.tree(file)?;
        let (text, found) = typed::<DetoursText>(&places, &schema::DETOURS);
        let broken = !found.is_empty();
        self.found.extend(found);
        let mut check = Check::new(&places, self);
        let detours = check::detours(&mut check, text.value.as_ref()?);
        let findings = check.into_findings();
        self.found.extend(text.sifted(findings));
        let detours = detours.filter(|_| !broken)?.into_iter().map(Arc::new).collect();
        Some((detours, Some(places.source.text.to_string())))
    }

    fn no_flow(&self, key: &FlowKey) -> (String, Option<String>) {
        let files = &self.loader.files;
        let message = format!("there is no flow `{key}`: {}/{key}.yaml is not there", files.shown(Dir::Flows));
        if files.exists(Dir::Flows, &format!("{key}.yml")) {
            return (message, Some(format!("rename {key}.yml to {key}.yaml")));
        }
        let names = files.list(Dir::Flows);
        let stems: Vec<&str> =
            names.iter().filter_map(|name| name.strip_suffix(".yaml")).filter(|stem| *stem != "detours").collect();
        let hint = did_you_mean(key.as_str(), stems.iter().copied()).or_else(|| match stems.len() {
            0 => Some(format!("{} holds no flows; give another directory with --flows", files.shown(Dir::Flows))),
            _ => Some(format!("the flows are {}", super::diagnostic::one_of(stems))),
        });
        (message, hint)
    }
}

impl Shelf for Reading<'_> {
    fn agent(&mut self, key: &AgentKey) -> Result<Arc<Agent>, Missing> {
        if let Some(known) = self.agents.get(key) {
            return known.clone().ok_or(Missing::Broken);
        }
        let files = &self.loader.files;
        let names: Vec<String> = agent::file_names(key).into_iter().filter(|name| files.exists(Dir::Agents, name)).collect();
        let Some(name) = names.first() else {
            let message = format!("there is no agent `{key}`: {}/{key}.md is not there", files.shown(Dir::Agents));
            let listed = files.list(Dir::Agents);
            let keys: Vec<AgentKey> = listed.iter().filter_map(|name| agent::key_of(name)).collect();
            let known = || keys.iter().map(AgentKey::as_str);
            let hint = did_you_mean(key.as_str(), known())
                .or_else(|| (!keys.is_empty()).then(|| format!("the agents are {}", super::diagnostic::one_of(known()))));
            return Err(Missing::Absent(message, hint));
        };
        if let Some(other) = names.get(1) {
            let message = format!("the agent `{key}` is there twice: {name} and {other} in {}", files.shown(Dir::Agents));
            return Err(Missing::Absent(message, Some("remove one of the two".to_owned())));
        }
        let read = match files.read(Dir::Agents, name) {
            Ok(Some(file)) => agent::read(key, name, &file),
            Ok(None) => Err(Diagnostic::error("unreadable-file", format!("{name} is gone")).into()),
            Err(found) => Err(found),
        };
        let agent = match read {
            Ok((agent, warnings)) => {
                self.found.extend(warnings);
                Some(Arc::new(agent))
            }
            Err(found) => {
                self.found.extend(found);
                None
            }
        };
        self.agents.insert(key.clone(), agent.clone());
        agent.ok_or(Missing::Broken)
    }

    fn has_flow(&mut self, key: &FlowKey) -> Result<(), Missing> {
        if self.loader.files.exists(Dir::Flows, &format!("{key}.yaml")) {
            return Ok(());
        }
        let (message, hint) = self.no_flow(key);
        Err(Missing::Absent(message, hint))
    }

    fn template(&mut self, path: &str) -> Result<Arc<str>, Missing> {
        if let Some(known) = self.templates.get(path) {
            return Ok(known.clone());
        }
        let files = &self.loader.files;
        let read = files.read(Dir::Workspace, path).and_then(|file| match file {
            Some(file) => Ok(Some(file)),
            None => files.read(Dir::Flows, path),
        });
        let file = match read {
            Ok(Some(file)) => file,
            Ok(None) => {
                let message =
                    format!("there is no template `{path}` in {} or {}", files.shown(Dir::Workspace), files.shown(Dir::Flows));
                return Err(Missing::Absent(
                    message,
                    Some("write its path from the workspace: flows/templates/changelog.md.hbs".to_owned()),
                ));
            }
            Err(found) => {
                self.found.extend(found);
                return Err(Missing::Broken);
            }
        };
        let source = yaml::text_of(&file.shown, &file.bytes).map_err(|found| {
            self.found.extend(found);
            Missing::Broken
        })?;
        self.templates.insert(path.to_owned(), source.text.clone());
        Ok(source.text)
    }

    fn reviewers(&self) -> Option<&BTreeSet<Role>> {
        self.loader.options.reviewers.as_ref()
    }

    fn is_frozen(&self) -> bool {
        self.loader.options.frozen
    }
}
