//! A flow checked that nobody runs: a file anywhere, or the draft that `import` made.
//! In: a path, or a text. Out: warnings, or every mistake at once. Never: a file written, a run.

use std::{collections::BTreeMap, path::Path};

use crate::{
    error::Error,
    id::FlowKey,
    spec::{Diagnostics, Library, load::Loader},
};

use super::{Workspace, build, errors::invalid};

impl Workspace {
    /// Checks a flow file that may lie anywhere.
    ///
    /// # Errors
    /// Every mistake at once, each with its place.
    pub fn check_file(&self, path: &Path) -> Result<Diagnostics, Error> {
        let shown = path.display().to_string();
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
