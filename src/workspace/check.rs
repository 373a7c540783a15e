//! A flow checked that nobody runs: a file anywhere, or the draft that `import` made.
//! In: a path, or a text. Out: warnings, or every mistake at once. Never: a file written, a run.

use std::{collections::BTreeMap, path::Path};

use crate::{
    error::{Error, Kind},
    id::FlowKey,
    spec::{Diagnostics, FileIs, Library, load::Loader},
};

use super::{Workspace, build, errors::invalid};

/// Of a flow's file that is shown.
const FLOW_BYTES_MAX: u64 = 1024 * 1024;

impl Workspace {
    /// Checks a file that may lie anywhere: a flow, the catalog of detours or an agent, by its name; a scenario is played by `test`.
    ///
    /// # Errors
    /// Every mistake at once, each with its place.
    pub fn check_file(&self, path: &Path) -> Result<Diagnostics, Error> {
        let shown = path.display().to_string();
        match FileIs::named(path) {
            FileIs::Flow => {}
            FileIs::Detours => return self.loader().check_detours(path).map_err(|found| invalid(&shown, found)),
            FileIs::Agent => return self.loader().check_agent(path).map_err(|found| invalid(&shown, found)),
        }
        let loaded = self.loader().load_file(path).map_err(|found| invalid(&shown, found))?;
        let library = Library {
            flows: [(loaded.value.key.clone(), loaded.value.clone())].into(),
            main: loaded.value.key.clone(),
            detours: Vec::new(),
            detours_source: None,
            agents: BTreeMap::new(),
        };
        build(&library).map_err(|found| invalid(&shown, found))?;
        Ok(loaded.warnings)
    }

    /// A flow's file as it is, whole or broken; the beginning of one that is larger than any flow.
    ///
    /// # Errors
    /// There is no such file, or it cannot be read.
    pub fn flow_text(&self, key: &FlowKey) -> Result<String, Error> {
        let path = self.config.flows_dir.join(format!("{key}.yaml"));
        let failed = |error: std::io::Error| {
            Error::new(Kind::Usage, format!("there is no flow `{key}`")).because(&error).hint("flow-studio flows")
        };
        // Looked at first: opening a pipe that somebody put there would wait for ever.
        if !std::fs::metadata(&path).map_err(failed)?.is_file() {
            return Err(failed(std::io::Error::other("it is no file")));
        }
        let file = std::fs::File::open(&path).map_err(failed)?;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(file, FLOW_BYTES_MAX), &mut bytes).map_err(failed)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Checks the text of a flow that is in no file yet.
    ///
    /// # Errors
    /// Every mistake at once, each with its place.
    pub fn check_text(&self, key: &FlowKey, yaml: &str) -> Result<Diagnostics, Error> {
        let files = [(format!("flows/{key}.yaml"), yaml)];
        let loaded = Loader::in_memory(files).load_library(key).map_err(|found| invalid(key.as_str(), found))?;
        build(&loaded.value).map_err(|found| invalid(key.as_str(), found))?;
        Ok(loaded.warnings)
    }
}
