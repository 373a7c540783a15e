//! Agent files: front matter as Claude Code writes it, and a prompt that is taken literally.
//! In: `critic.md`, `critic.md.hbs` or `critic/SKILL.md`. Out: an `Agent`. Never: braces of a plain `.md` filled in.

use serde_json::Value;

use crate::id::{AgentKey, Sha256};

use super::{
    Diagnostic, Diagnostics, Names, Part, Template,
    files::ReadFile,
    flow::Agent,
    schema,
    source::Span,
    text::{AgentText, ToolsText},
    typed::typed,
    yaml,
};

const OURS: &[&str] = &["name", "description", "tools", "disallowedTools", "model", "maxTurns"];

/// The file names under which an agent may be found.
pub(super) fn file_names(key: &AgentKey) -> [String; 3] {
    [format!("{key}.md"), format!("{key}.md.hbs"), format!("{key}/SKILL.md")]
}

/// The agent's key, from the name of its file below the agents directory.
pub(super) fn key_of(file: &str) -> Option<AgentKey> {
    let stem = file.strip_suffix("/SKILL.md").or_else(|| file.strip_suffix(".md.hbs")).or_else(|| file.strip_suffix(".md"))?;
    AgentKey::new(stem).ok()
}

/// Reads an agent; the second value is warnings.
pub(super) fn read(key: &AgentKey, name: &str, file: &ReadFile) -> Result<(Agent, Diagnostics), Diagnostics> {
    let source = yaml::text_of(&file.shown, &file.bytes)?;
    let text = source.text.clone();
    let Some((front, prompt)) = split(&text) else {
        let diagnostic = Diagnostic::error("no-front-matter", "an agent file begins with front matter between two lines `---`")
            .hint("start the file with\n---\nname: critic\ndescription: Finds what is missing\n---");
        return Err(source.mark(Span { start: 0, end: 3 }, diagnostic).into());
    };
    // The opening `---` is a YAML document start, so places in the front matter are places in the file.
    let places = yaml::parse(&file.shown, front.as_bytes())?;
    let (read, mut found) = typed::<AgentText>(&places, &schema::AGENT);
    let templated = name.ends_with(".md.hbs");
    let prompt = if templated {
        template(&source, prompt, text.len() - prompt.len(), &mut found)
    } else {
        Some(Template::literal(prompt))
    };
    if let Some(written) = read.value.as_ref().and_then(|text| text.name.as_deref()).filter(|written| *written != key.as_str()) {
        let message = format!("the front matter calls this agent `{written}`; flows call it by its file, `{key}`");
        found.push(places.mark(
            "/name",
            Part::Value,
            Diagnostic::warning("agent-not-file", message).hint(format!("write `name: {key}`")),
        ));
    }
    let found: Diagnostics = found.into_iter().collect();
    let (Some(text), Some(prompt)) = (read.value.filter(|_| !found.has_errors()), prompt) else { return Err(found) };
    let other = match places.value() {
        Value::Object(map) => map.into_iter().filter(|(key, _)| !OURS.contains(&key.as_str())).collect(),
        _ => std::collections::BTreeMap::new(),
    };
    let agent = Agent {
        key: key.clone(),
        file: name.to_owned(),
        description: text.description,
        tools: text.tools.map(tools),
        disallowed_tools: text.disallowed_tools.map(tools).unwrap_or_default(),
        model: text.model,
        turns_max: text.max_turns,
        other,
        prompt,
        templated,
        sha256: Sha256::of(source.text.as_bytes()),
        source: source.text.to_string(),
    };
    Ok((agent, found))
}

/// The front matter with both its lines `---`, and the prompt behind it.
fn split(text: &str) -> Option<(&str, &str)> {
    let opening = text.split_inclusive('\n').next().filter(|line| line.trim_end() == "---")?;
    let mut at = opening.len();
    for line in text[at..].split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some((&text[..at], text[at + line.len()..].trim_start_matches(['\n', '\r'])));
        }
        at += line.len();
    }
    None
}

fn template(source: &super::source::Source, prompt: &str, from: usize, found: &mut Vec<Diagnostic>) -> Option<Template> {
    let names = Names::default().with(&["run", "flow", "step", "iteration"]);
    match Template::compile(prompt, &names) {
        Ok(template) => Some(template),
        Err(problems) => {
            for problem in problems {
                let span = Span { start: from + problem.at, end: from + problem.at + problem.length };
                found.push(source.mark(span, Diagnostic::error(problem.code, problem.message).maybe_hint(problem.hint)));
            }
            None
        }
    }
}

fn tools(ToolsText(written): ToolsText) -> Vec<String> {
    let trimmed = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    match written {
        Value::String(text) => text.split(',').filter_map(trimmed).collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).filter_map(trimmed).collect(),
        _ => Vec::new(),
    }
}
