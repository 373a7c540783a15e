//! Handlebars templates: strict, without HTML escaping; values are data and are never rendered again.
//! In: template text and the names it may use; later, their values. Out: text, or the name that is missing.
//! Never: a partial, a file read, a log line, an output without a bound.

use std::sync::{Arc, LazyLock};

use handlebars::{
    Context, Handlebars, JsonRender, Output, Path, PathSeg, RenderContext, RenderErrorReason, Renderable, handlebars_helper,
    template::{HelperTemplate, Parameter, TemplateElement},
};
use serde_json::Value;

use super::names::{Names, Problem, Reads, StepField};

/// Larger texts come from commands, not from templates.
const TEXT_BYTES_MAX: usize = 256 * 1024;
const OUTPUT_BYTES_MAX: usize = 1024 * 1024;
/// Blocks inside blocks; parser and renderer recurse.
const NESTING_MAX: usize = 16;
/// Tags in one template.
const TAGS_MAX: usize = 4000;

/// What a template may call. Nothing here reads anything but its arguments.
pub const HELPERS: &[&str] = &[
    "if", "unless", "each", "with", "lookup", "eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not", "len", "json", "default",
];

/// A compiled template with the text it came from.
#[derive(Clone)]
pub struct Template {
    text: Arc<str>,
    /// `None`: the text has no `{{` and is its own result.
    compiled: Option<Arc<handlebars::Template>>,
    reads: Arc<Reads>,
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Template({:?})", self.text)
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Why a template gave no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column} of the template: {message}")]
pub struct TemplateError {
    /// Both count from 1, inside the template's text.
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl Template {
    /// Compiles `text`, and checks the names that can be seen against `names`.
    ///
    /// # Errors
    /// The syntax error, or all names and helpers that are not known, each with its byte in the text.
    pub fn compile(text: &str, names: &Names) -> Result<Self, Vec<Problem>> {
        // `\{{` is an escape, so a backslash before braces needs the engine too; both hold `{{`.
        if !text.contains("{{") {
            return Ok(Self { text: text.into(), compiled: None, reads: Arc::default() });
        }
        bounded(text).map_err(|problem| vec![problem])?;
        let compiled = handlebars::Template::compile(text).map_err(|error| vec![syntax(text, &error)])?;
        let mut walk = Walk { text, names, reads: Reads::default(), problems: Vec::new(), from: 0, depth: 0, bound: Vec::new() };
        walk.template(&compiled);
        if !walk.problems.is_empty() {
            return Err(walk.problems);
        }
        Ok(Self { text: text.into(), compiled: Some(Arc::new(compiled)), reads: Arc::new(walk.reads) })
    }

    /// `text` as it is, whatever braces it holds.
    pub fn literal(text: &str) -> Self {
        Self { text: text.into(), compiled: None, reads: Arc::default() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Everything it asks for, as far as it can be seen.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// The value itself, where the template is one name and nothing besides.
    pub fn sole<'v>(&self, scope: &'v Value) -> Option<&'v Value> {
        let name = self.text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        name.split('.').try_fold(scope, |value, part| value.as_object()?.get(part).filter(|_| plain(part)))
    }

    /// The text with the values of `scope` filled in. Braces in a value stay braces.
    ///
    /// # Errors
    /// A value that is not there, and an output of more than 1 MiB.
    pub fn render(&self, scope: &Value) -> Result<String, TemplateError> {
        let Some(compiled) = &self.compiled else { return Ok(self.text.to_string()) };
        // A text that was cut ends with a mark that says so; a document that was is not there.
        if let Some(message) = self.reads.cut(|field| field == StepField::Json, |name| scope.get(name)) {
            return Err(TemplateError { line: 1, column: 1, message });
        }
        let context = Context::wraps(scope).map_err(|error| TemplateError { line: 1, column: 1, message: error.to_string() })?;
        let mut output = Bounded(String::new());
        let mut render_context = RenderContext::new(None);
        match compiled.render(&REGISTRY, &context, &mut render_context, &mut output) {
            Ok(()) => Ok(output.0),
            Err(error) => Err(TemplateError {
                line: error.line_no.unwrap_or(1),
                column: error.column_no.unwrap_or(1),
                message: sentence(&error),
            }),
        }
    }
}

handlebars_helper!(json_helper: |value: Json| serde_json::to_string_pretty(value).unwrap_or_default());
handlebars_helper!(default_helper: |value: Json, other: Json| if value.is_null() { other.render() } else { value.render() });

static REGISTRY: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(handlebars::no_escape);
    registry.unregister_helper("log");
    registry.unregister_helper("raw");
    registry.register_helper("json", Box::new(json_helper));
    registry.register_helper("default", Box::new(default_helper));
    registry
});

struct Bounded(String);

impl Output for Bounded {
    fn write(&mut self, part: &str) -> Result<(), std::io::Error> {
        if self.0.len() + part.len() > OUTPUT_BYTES_MAX {
            return Err(std::io::Error::other(format!("the output passes {OUTPUT_BYTES_MAX} bytes")));
        }
        self.0.push_str(part);
        Ok(())
    }
}

fn sentence(error: &handlebars::RenderError) -> String {
    match error.reason() {
        RenderErrorReason::MissingVariable(Some(name)) => format!("`{name}` has no value"),
        RenderErrorReason::MissingVariable(None) => "a name has no value".to_owned(),
        RenderErrorReason::IOError(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// Refuses what would make the parser recurse too deep, before it sees it.
fn bounded(text: &str) -> Result<(), Problem> {
    let refuse = |at: usize, message: String| Problem { code: "template-too-big", message, hint: None, at, length: 2 };
    if text.len() > TEXT_BYTES_MAX {
        return Err(refuse(0, format!("the template has {} bytes; at most {TEXT_BYTES_MAX} are read", text.len())));
    }
    let (mut blocks, mut inside) = (0_usize, 0_usize);
    for (count, (at, _)) in text.match_indices("{{").enumerate() {
        let tag = text[at + 2..].trim_start_matches(['{', '~', ' ']);
        match tag.bytes().next() {
            Some(b'#' | b'^') => blocks += 1,
            Some(b'/') => blocks = blocks.saturating_sub(1),
            _ => {}
        }
        let body = tag.split("}}").next().unwrap_or(tag);
        inside = inside.max(body.bytes().filter(|b| matches!(b, b'(' | b'[' | b'{')).count());
        if blocks > NESTING_MAX || inside > NESTING_MAX {
            return Err(refuse(at, format!("blocks are nested deeper than {NESTING_MAX} levels")));
        }
        if count > TAGS_MAX {
            return Err(refuse(at, format!("more than {TAGS_MAX} tags")));
        }
    }
    Ok(())
}

fn syntax(text: &str, error: &handlebars::TemplateError) -> Problem {
    let (line, column) = error.pos().unwrap_or((1, 1));
    let open = text.matches("{{#").count() > text.matches("{{/").count();
    let message = match error.reason() {
        handlebars::TemplateErrorReason::MismatchingClosedHelper(open, close) => {
            format!("`{{{{#{open}}}}}` is closed by `{{{{/{close}}}}}`")
        }
        // The grammar's own report names its rules; nobody knows them.
        _ if open => "a block is not closed".to_owned(),
        _ => "this template cannot be read from here on".to_owned(),
    };
    let hint =
        if open { "close {{#if …}} with {{/if}}, {{#each …}} with {{/each}}" } else { "a literal `{{` is written `\\{{`" };
    Problem { code: "bad-template", message, hint: Some(hint.to_owned()), at: offset(text, line, column), length: 2 }
}

fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    text[start..].char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(at, _)| start + at)
}

/// Goes through the tree: checks names and helpers, and notes what is read.
struct Walk<'a> {
    text: &'a str,
    names: &'a Names,
    reads: Reads,
    problems: Vec<Problem>,
    /// Where the element being looked at begins.
    from: usize,
    /// `each` and `with` blocks around this place: each makes another value the current one.
    depth: usize,
    /// Names that blocks around this place gave: `as |item|`.
    bound: Vec<String>,
}

impl Walk<'_> {
    fn template(&mut self, template: &handlebars::Template) {
        for (at, element) in template.elements.iter().enumerate() {
            if let Some(place) = template.mapping.get(at) {
                self.from = offset(self.text, place.0, place.1);
            }
            match element {
                TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
                TemplateElement::Expression(helper) | TemplateElement::HtmlExpression(helper) => self.expression(helper),
                TemplateElement::HelperBlock(helper) => self.block(helper),
                _ => self.problem(
                    "bad-template",
                    "partials and decorators are not read",
                    Some("write the text out".to_owned()),
                    "{{",
                ),
            }
        }
    }

    fn expression(&mut self, helper: &HelperTemplate) {
        if helper.params.is_empty() && helper.hash.is_empty() {
            self.parameter(&helper.name);
        } else {
            self.call(helper);
        }
    }

    fn call(&mut self, helper: &HelperTemplate) {
        if let Some(name) = helper.name.as_name() {
            self.helper(name);
            self.enough(name, helper.params.len());
        }
        helper.params.iter().chain(helper.hash.values()).for_each(|parameter| self.parameter(parameter));
    }

    fn helper(&mut self, name: &str) {
        if !HELPERS.contains(&name) {
            let hint = super::diagnostic::did_you_mean(name, HELPERS.iter().copied())
                .unwrap_or_else(|| format!("known: {}", HELPERS.join(", ")));
            self.problem("unknown-helper", &format!("there is no template helper `{name}`"), Some(hint), name);
        }
    }

    /// What a helper lacks would be missed only when the text is needed.
    fn enough(&mut self, name: &str, given: usize) {
        let least = match name {
            "lookup" | "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "default" => 2,
            _ => 1,
        };
        if given < least && HELPERS.contains(&name) && !self.names.frozen {
            let message = format!("`{name}` needs {least} {}", if least == 1 { "value" } else { "values" });
            let example = if name == "default" { "params.note \"none\"" } else { "params.count 3" };
            let hint = (least == 2).then(|| format!("write it like `{{{{{name} {example}}}}}`"));
            self.problem("bad-template", &message, hint, name);
        }
    }

    fn block(&mut self, helper: &HelperTemplate) {
        self.call(helper);
        let opens = helper.name.as_name().is_some_and(|name| matches!(name, "each" | "with"));
        let before = self.bound.len();
        match &helper.block_param {
            Some(handlebars::template::BlockParam::Single(Parameter::Name(one))) => self.bound.push(one.clone()),
            Some(handlebars::template::BlockParam::Pair((Parameter::Name(one), Parameter::Name(two)))) => {
                self.bound.extend([one.clone(), two.clone()]);
            }
            _ => {}
        }
        self.depth += usize::from(opens);
        if let Some(template) = &helper.template {
            self.template(template);
        }
        self.depth -= usize::from(opens);
        self.bound.truncate(before);
        if let Some(template) = &helper.inverse {
            self.template(template);
        }
    }

    fn parameter(&mut self, parameter: &Parameter) {
        match parameter {
            Parameter::Path(path) => self.path(path),
            Parameter::Name(name) => match Path::parse(name) {
                Ok(path) => self.path(&path),
                Err(_) => self.problem("bad-template", &format!("`{name}` is not a path"), None, name),
            },
            Parameter::Subexpression(sub) => {
                if sub.params().is_none_or(Vec::is_empty) && !sub.is_helper() {
                    return;
                }
                self.helper(sub.name());
                self.enough(sub.name(), sub.params().map_or(0, Vec::len));
                let params = sub.params().into_iter().flatten();
                params
                    .chain(sub.hash().into_iter().flat_map(|hash| hash.values()))
                    .for_each(|parameter| self.parameter(parameter));
            }
            _ => {}
        }
    }

    fn path(&mut self, path: &Path) {
        let Path::Relative((segments, _)) = path else { return };
        let (mut names, mut up, mut root) = (Vec::new(), 0, false);
        for segment in segments {
            match segment {
                PathSeg::Named(name) => names.push(name.as_str()),
                PathSeg::Ruled(rule) => match format!("{rule:?}").as_str() {
                    "path_up" => up += 1,
                    "path_root" => root = true,
                    _ => {}
                },
                _ => {}
            }
        }
        let Some(top) = names.first().copied().filter(|name| *name != "this") else {
            // `{{this}}` at the top is everything.
            self.reads.steps_dynamic |= self.depth == 0;
            return;
        };
        if self.bound.iter().any(|bound| bound == top) && !root {
            return;
        }
        if root || up >= self.depth {
            self.known(&names);
        } else if self.depth > 0 && up == 0 && self.names.top(top).is_ok() {
            let hint = Some(format!("inside each and with, write `@root.{}`", names.join(".")));
            self.problem("unknown-name", &format!("`{top}` here is a field of the current item"), hint, top);
        }
    }

    fn known(&mut self, names: &[&str]) {
        let checked = match names {
            ["params", name, ..] => self.names.param(name).map_err(|wrong| ("unknown-param", wrong, *name)),
            ["steps"] => {
                self.reads.steps_dynamic = true;
                Ok(())
            }
            ["steps", id] => self.step(id, &[]),
            ["steps", id, rest @ ..] => self.step(id, rest),
            [top, word, ..] if self.names.top(top).is_ok() => {
                self.names.about(top, word).map_err(|wrong| ("unknown-field", wrong, *word))
            }
            [top, ..] => self.names.top(top).map_err(|wrong| ("unknown-name", wrong, *top)),
            [] => Ok(()),
        };
        match checked {
            Ok(()) => {
                self.reads.tops.extend(names.first().map(|top| (*top).to_owned()));
            }
            Err((code, (message, hint), word)) => {
                // A template writes hyphens as they are.
                let hint = hint.map(|hint| hint.replace("['", ".").replace("']", ""));
                self.problem(code, &message, hint, word);
            }
        }
    }

    #[allow(clippy::type_complexity, reason = "the three parts of a problem, taken apart by its only caller")]
    fn step<'n>(&mut self, id: &'n str, rest: &[&'n str]) -> Result<(), (&'static str, (String, Option<String>), &'n str)> {
        self.names.step(id).map_err(|wrong| ("unknown-step", wrong, id))?;
        let fields = self.reads.steps.entry(id.to_owned()).or_default();
        match rest.first() {
            None => fields.extend(StepField::ALL),
            Some(word) => {
                fields.insert(Names::field(word).map_err(|wrong| ("unknown-field", wrong, *word))?);
            }
        }
        Ok(())
    }

    fn problem(&mut self, code: &'static str, message: &str, hint: Option<String>, word: &str) {
        let from = self.from.min(self.text.len());
        let at = super::expr::word_at(&self.text[from..], word).map_or(from, |at| from + at);
        self.problems.push(Problem { code, message: message.to_owned(), hint, at, length: word.len() });
    }
}

#[cfg(test)]
mod tests;
