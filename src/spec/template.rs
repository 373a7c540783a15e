//! Handlebars templates: strict, without HTML escaping; values are data and are never rendered again.
//! In: template text when the flow is loaded. Out: text, or the name that is missing.

use std::sync::Arc;

/// A compiled template with the text it came from.
#[derive(Clone)]
pub struct Template {
    text: Arc<str>,
    /// `None`: the text has no `{{` and is its own result.
    compiled: Option<Arc<handlebars::Template>>,
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Template({:?})", self.text)
    }
}

impl Template {
    pub fn text(&self) -> &str {
        &self.text
    }
}
