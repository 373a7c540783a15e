//! A draft as the YAML of a flow, in the order of its runbook, with what was not understood as comments.
//! In: a draft. Out: text. Never: a character that YAML would read as something else; a text that templates would fill.

use super::{
    draft::{Ask, Done, Draft, Holds, Param, Run, Step, Verb},
    shell::is_bash,
};

const SHOWN_CHARS_MAX: usize = 200;

/// The file. `key` is the flow's, `source` the name of the runbook.
pub(super) fn write(draft: &Draft, key: &str, source: &str) -> String {
    let mut out = String::from("# yaml-language-server: $schema=../schemas/flow.schema.json\n");
    comment(
        &mut out,
        "",
        &format!(
            "Drafted from {source} by `flow-studio import`. Read it whole before it runs: what changes something asks first,"
        ),
    );
    comment(&mut out, "", "what only looks is held to that. Numbers in comments are lines of the runbook.");
    if draft.params.iter().any(|param| param.in_command) {
        comment(&mut out, "", "Patterns keep a value from being read as a flag by the command that gets it.");
    }
    out.push_str(&format!("flow: {}\ntitle: {}\n", text(key), text(&draft.title)));
    if draft.goal.is_some() || !draft.non_goals.is_empty() {
        out.push_str("charter:\n");
        if let Some(goal) = &draft.goal {
            out.push_str(&format!("  goal: {}\n", text(goal)));
        }
        list(&mut out, "  ", "non_goals", &draft.non_goals);
    }
    if let Some(role) = &draft.role {
        out.push_str(&format!("role: {}\n", text(role)));
    }
    if !draft.params.is_empty() {
        out.push_str("\nparams:\n");
        draft.params.iter().for_each(|param| write_param(&mut out, param));
    }
    if !draft.commands.is_empty() {
        out.push_str(&format!(
            "\nrequires: {{commands: [{}]}}\n",
            draft.commands.iter().map(|one| text(one)).collect::<Vec<_>>().join(", ")
        ));
    }
    list(&mut out, "", "read_first", &draft.read_first);
    if !draft.secrets.is_empty() {
        comment(&mut out, "", "Their values come from the environment, and are redacted wherever they show.");
        out.push_str(&format!("secrets: [{}]\n", draft.secrets.iter().map(|one| text(one)).collect::<Vec<_>>().join(", ")));
    }
    out.push_str("\nsteps:\n");
    for step in &draft.steps {
        write_step(&mut out, step);
    }
    draft.after.iter().for_each(|line| comment(&mut out, "  ", line));
    if !draft.done.is_empty() {
        out.push_str("\ndone:\n");
        draft.done.iter().for_each(|done| write_done(&mut out, done));
    }
    if !draft.kept.is_empty() {
        out.push('\n');
        comment(&mut out, "", "Not part of the flow, by line of the runbook:");
        for kept in &draft.kept {
            comment(&mut out, "", &format!("  {}: {} ({})", lines(kept.line, kept.last), kept.text, kept.why));
        }
    }
    out
}

pub(super) fn lines(line: u32, last: u32) -> String {
    if last > line { format!("{line}-{last}") } else { line.to_string() }
}

fn write_done(out: &mut String, done: &Done) {
    let holds = match &done.holds {
        Holds::Asked(question) => format!("ask: {{question: {}}}", text(&untemplated(question))),
        Holds::Passed(step) => format!("that: \"steps['{step}'].passed\""),
    };
    let when = done.when.as_ref().map(|when| format!(", when: {}", text(when))).unwrap_or_default();
    comment(out, "  ", &format!("Line {}", done.line));
    out.push_str(&format!("  - {{id: {}, {holds}{when}}}\n", text(&done.id)));
}

fn write_param(out: &mut String, param: &Param) {
    let mut parts = vec![format!(
        "type: {}",
        if param.boolean {
            "boolean"
        } else if param.values.is_empty() {
            "string"
        } else {
            "enum"
        }
    )];
    if !param.values.is_empty() {
        parts.push(format!("values: [{}]", param.values.iter().map(|value| text(value)).collect::<Vec<_>>().join(", ")));
    }
    match &param.default {
        Some(default) if param.boolean => parts.push(format!("default: {}", matches!(default.as_str(), "yes" | "true"))),
        Some(default) => parts.push(format!("default: {}", text(default))),
        None if param.required => parts.push("required: true".to_owned()),
        // A command that reads it finds it empty, not missing.
        None if param.in_command && param.values.is_empty() => parts.push("default: \"\"".to_owned()),
        None => {}
    }
    if param.in_command && !param.boolean && param.values.is_empty() {
        parts.push(format!("pattern: \"{}\"", if param.required { "[^-].*" } else { "([^-].*)?" }));
    }
    if !param.description.trim().is_empty() {
        parts.push(format!("description: {}", text(param.description.trim().trim_end_matches(':'))));
    }
    comment(out, "  ", &format!("Line {}", param.line));
    out.push_str(&format!("  {}: {{{}}}\n", text(&param.name), parts.join(", ")));
}

fn write_step(out: &mut String, step: &Step) {
    step.comments.iter().for_each(|line| comment(out, "  ", line));
    comment(out, "  ", &format!("Line {}", step.line));
    out.push_str(&format!("  - id: {}\n    title: {}\n", text(&step.id), text(&step.title)));
    if let Some(when) = &step.when {
        out.push_str(&format!("    when: {}\n", text(when)));
    }
    match &step.verb {
        Verb::Run(run) => write_run(out, run),
        Verb::Ask(ask) => write_ask(out, ask),
    }
    out.push('\n');
}

fn write_run(out: &mut String, run: &Run) {
    scalar(out, "    ", "run", &shell_of(&run.text, run.bash));
    match &run.changes {
        None => out.push_str("    access: observe\n"),
        Some(why) => {
            let lines = || run.text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
            let first: String = lines().next().unwrap_or_default().chars().take(SHOWN_CHARS_MAX).collect();
            let question =
                format!("Run this ({}{})? Asked because {why}.", first.trim(), if lines().count() > 1 { " …" } else { "" });
            out.push_str("    access: change\n    effects: once\n");
            out.push_str(&format!("    approve: {{question: {}}}\n", text(&untemplated(&question))));
        }
    }
    if !run.secrets.is_empty() {
        out.push_str(&format!("    secrets: [{}]\n", run.secrets.iter().map(|one| text(one)).collect::<Vec<_>>().join(", ")));
    }
    match &run.stdout {
        Some(stdout) => out.push_str(&format!("    expect: {{stdout: {}}}\n", text(stdout))),
        None => out.push_str("    expect: {exit: 0} # the runbook says no more of what it should print\n"),
    }
    if let Some((every, span)) = &run.poll {
        out.push_str(&format!("    poll: {{every: {every}, for: {span}}}\n"));
    }
    if let Some(timeout) = &run.timeout {
        out.push_str(&format!("    timeout: {timeout}\n"));
    }
    if let Some(undo) = &run.undo {
        scalar(out, "    ", "undo", &shell_of(undo, is_bash(undo)));
    }
    if run.goes_on {
        out.push_str("    on_failure: continue\n");
    } else if run.rollback {
        out.push_str("    on_failure: rollback\n");
    }
}

/// What has words of bash is given to bash, and stays readable.
fn shell_of(text: &str, bash: bool) -> String {
    let text = text.trim_end();
    if !bash {
        return text.to_owned();
    }
    let mut end = "BASH_TEXT_ENDS".to_owned();
    while text.contains(&end) {
        end.push('_');
    }
    format!("bash -eu /dev/fd/3 3<<'{end}'\n{text}\n{end}")
}

fn write_ask(out: &mut String, ask: &Ask) {
    out.push_str("    ask:\n");
    scalar(out, "      ", "question", &untemplated(&ask.question));
    if ask.high {
        out.push_str("      severity: HIGH\n");
    }
    if !ask.options.is_empty() {
        out.push_str("      options:\n");
        for (key, label) in &ask.options {
            out.push_str(&format!("        - {{key: {}, label: {}}}\n", text(key), text(label)));
        }
    }
}

fn list(out: &mut String, indent: &str, key: &str, items: &[String]) {
    if !items.is_empty() {
        out.push_str(&format!("{indent}{key}:\n"));
        items.iter().for_each(|item| out.push_str(&format!("{indent}  - {}\n", text(item))));
    }
}

/// A block where lines can stand as they are, else one quoted line.
fn scalar(out: &mut String, indent: &str, key: &str, value: &str) {
    let value = value.trim_matches('\n');
    let plain = value.chars().all(|c| c == '\n' || !must_escape(c)) && !value.starts_with([' ', '\t']) && !value.is_empty();
    if !plain || !value.contains('\n') {
        out.push_str(&format!("{indent}{key}: {}\n", text(value)));
        return;
    }
    out.push_str(&format!("{indent}{key}: |\n"));
    for line in value.lines() {
        let line = line.trim_end();
        out.push_str(&if line.is_empty() { "\n".to_owned() } else { format!("{indent}  {line}\n") });
    }
}

/// In double quotes, unless it is a word that can be nothing but a text.
fn text(value: &str) -> String {
    let words = ["true", "false", "yes", "no", "null", "on", "off", "y", "n"];
    let plain = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/'))
        && !value.ends_with([' ', '-'])
        && !words.contains(&value.to_ascii_lowercase().as_str());
    if plain {
        return value.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if must_escape(c) => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn must_escape(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
}

/// Questions are templates; a runbook's braces are not meant for them.
fn untemplated(text: &str) -> String {
    let mut text = text.to_owned();
    while text.contains("{{") {
        text = text.replace("{{", "{ {");
    }
    text
}

fn comment(out: &mut String, indent: &str, text: &str) {
    for line in text.lines() {
        let line: String = line.chars().map(|c| if must_escape(c) { ' ' } else { c }).collect();
        out.push_str(format!("{indent}# {}", line.trim_end()).trim_end());
        out.push('\n');
    }
}
