//! What can be run here, and by whom, for every reader: the command line and the studio.
//! In: what a loader listed. Out: names with what they say of themselves. Never: a file left out because it is broken.

use schemars::JsonSchema;
use serde::Serialize;

use crate::spec::load::Listed;

/// `flows --json` and `agents --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Catalog {
    pub directory: String,
    pub entries: Vec<CatalogEntry>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct CatalogEntry {
    pub name: String,
    /// A flow's title, an agent's description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What is wrong with the file; `validate` says where.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mistakes: Vec<String>,
}

impl Catalog {
    pub fn new(directory: String, listed: Vec<Listed>) -> Self {
        let entry = |one: Listed| match one.outcome {
            Ok(title) => CatalogEntry { name: one.name, title: Some(title), mistakes: Vec::new() },
            Err(found) => {
                let mistakes = found.iter().filter(|one| one.is_error()).map(|one| one.message.clone()).collect();
                CatalogEntry { name: one.name, title: None, mistakes }
            }
        };
        Self { directory, entries: listed.into_iter().map(entry).collect() }
    }
}
