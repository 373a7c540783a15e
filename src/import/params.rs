//! Tables and lists of parameters.
//! In: a table's head and rows, or an item. Out: parameters. Never: a table taken for one whose columns say otherwise.

use super::{
    document::{Row, Words},
    draft::{Draft, PARAMS_MAX, Param},
    names::words,
};

const WORDS_MAX: usize = 6;

/// The columns of a table by what they hold.
pub(super) fn is_about_params(head: &[Words]) -> bool {
    let first = head.first().map(|cell| cell.plain().to_lowercase()).unwrap_or_default();
    matches!(first.as_str(), "parameter" | "param" | "name" | "variable" | "input" | "argument" | "field" | "placeholder")
        && head.len() > 1
        && head[1..].iter().any(|cell| {
            let cell = cell.plain().to_lowercase();
            ["why", "description", "meaning", "required", "default", "value", "example", "purpose", "what"]
                .iter()
                .any(|word| cell.contains(word))
        })
}

/// One parameter per row; rows without a name are returned.
pub(super) fn from_table(draft: &mut Draft, head: &[Words], rows: &[Row]) -> Vec<(u32, String)> {
    let mut odd = Vec::new();
    let heads: Vec<String> = head.iter().map(|cell| cell.plain().to_lowercase()).collect();
    let column =
        |names: &[&str]| heads.iter().skip(1).position(|head| names.iter().any(|name| head.contains(name))).map(|at| at + 1);
    let (required, default, values) =
        (column(&["required", "mandatory"]), column(&["default"]), column(&["values", "allowed", "choices"]));
    let about = column(&["description", "why", "meaning", "purpose", "what", "notes"]);
    for row in rows {
        let cell = |at: Option<usize>| at.and_then(|at| row.cells.get(at)).map(Words::plain).unwrap_or_default();
        let title = cell(Some(0));
        let Some(name) = name_of(&title) else {
            odd.push((row.line, row.cells.iter().map(Words::plain).collect::<Vec<_>>().join(" | ")));
            continue;
        };
        let told = if about.is_some() { cell(about) } else { String::new() };
        let description = if words(&title).join("-") == name { told } else { format!("{title}: {told}") };
        let choices: Vec<String> = cell(values)
            .split([',', '|', '/'])
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty() && !value.contains("..") && value.to_lowercase() != "any")
            .collect();
        let given = Some(cell(default)).filter(|text| {
            !text.contains("${RUNBOOK_SECRET")
                && !text.is_empty()
                && !matches!(text.to_lowercase().as_str(), "-" | "—" | "none" | "n/a")
        });
        let lower = format!("{title} {}", cell(required)).to_lowercase();
        let optional = ["optional", "if available", "if any", " no"].iter().any(|word| lower.contains(word)) || given.is_some();
        let yes_no = title.ends_with('?')
            || choices.iter().all(|one| matches!(one.as_str(), "yes" | "no" | "true" | "false")) && !choices.is_empty();
        let values = if choices.len() > 1 && !yes_no { choices } else { Vec::new() };
        let default = given.filter(|text| values.is_empty() || values.contains(text));
        add(
            draft,
            Param {
                name,
                required: !optional,
                default,
                values,
                boolean: yes_no,
                description,
                line: row.line,
                declared: true,
                ..Param::default()
            },
        );
    }
    odd
}

/// `**name**: what it is`, `name — what it is`.
pub(super) fn from_item(draft: &mut Draft, item: &Words, line: u32) -> bool {
    let text = item.plain();
    let parts = [": ", " — ", " – ", " - "].iter().filter_map(|sign| text.split_once(sign)).min_by_key(|(name, _)| name.len());
    let (title, about) = parts.unwrap_or((&text, ""));
    let Some(name) = name_of(title) else { return false };
    let optional = text.to_lowercase().contains("optional");
    let description = if words(title).join("-") == name { about.to_owned() } else { text.clone() };
    add(draft, Param { name, required: !optional, description, line, declared: true, ..Param::default() });
    true
}

/// A second row of the same name says more of the first one, and nothing else.
fn add(draft: &mut Draft, param: Param) {
    let full = draft.params.len() >= PARAMS_MAX;
    match draft.params.iter_mut().find(|one| one.name == param.name) {
        Some(one) => one.description = format!("{}; {}", one.description, param.description),
        None if full => draft.over = Some(("parameters", PARAMS_MAX)),
        None => draft.params.push(param),
    }
}

fn name_of(title: &str) -> Option<String> {
    let mut plain = String::new();
    let mut depth = 0_u32;
    for c in title.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    let words = words(&plain);
    let name = words.iter().take(WORDS_MAX).cloned().collect::<Vec<_>>().join("-");
    let fits = name.len() <= 60 && name.starts_with(|c: char| c.is_ascii_lowercase());
    fits.then_some(name)
}
