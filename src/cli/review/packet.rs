//! Everything about one question, as a person should see it before deciding.

use crate::{
    error::Error,
    id::RunId,
    inspect::{Paste, form_fields as fields},
    record::{Answer, Identity, Question, QuestionStatus},
    spec::OnTimeout,
};

use super::{
    super::{
        context::Context,
        render::{ago, until},
    },
    split,
};

pub(super) fn show(id: &str, context: &Context) -> Result<u8, Error> {
    let (run, question) = split(id)?;
    let read = context.workspace.read_run(&run)?;
    let question = read.question(&question)?;
    context.out(&question, || {
        let mut text = text(&read.id, &question, context);
        if question.status == QuestionStatus::Open {
            text += &how_to_answer(&read.id, &question, &context.workspace.paste());
        }
        text
    })?;
    Ok(0)
}

/// The packet itself: what is asked, why, what is shown, what each answer does.
pub(super) fn text(run: &RunId, question: &Question, context: &Context) -> String {
    use std::fmt::Write as _;
    let now = context.workspace.now();
    let found = |path: &str| context.named(&context.workspace.evidence(run, &question.flow_path, path));
    let mut text = format!("{}\n\n", question.question);
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<10} {}", value.trim_end().replace('\n', "\n             "));
    };
    let nth = if question.execution == 0 { String::new() } else { format!(" (execution {})", question.execution) };
    row("run", &format!("{run}, flow {}, step {}{nth}", question.flow_path, question.step_id));
    row("why", &format!("{} — {}", question.rule, question.reason));
    row("severity", &question.severity.to_string());
    if let Some(action) = &question.action {
        row("action", action);
    }
    if !question.to.is_empty() {
        row("may answer", &question.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    }
    for (name, value) in &question.params {
        row("param", &format!("{name} = {value}"));
    }
    for shown in &question.shown {
        let digest = shown.sha256.as_ref().map_or("it is not there", |sha| &sha.as_str()[..12]);
        let how = shown.differs.as_deref().map(|how| format!("\nit {how}")).unwrap_or_default();
        row("evidence", &format!("{}  {digest}{how}", found(&shown.path)));
    }
    for told in &question.told {
        let words = [told.found.as_str(), told.reason.as_str()].into_iter().filter(|words| !words.is_empty());
        row("said", &format!("{} {}: {}", told.step, told.status, words.collect::<Vec<_>>().join("\n")));
    }
    for concern in &question.concerns {
        let place = concern.location.as_deref().map(|at| format!(" ({at})")).unwrap_or_default();
        row("concern", &format!("{} {}{place}", concern.severity, concern.description));
    }
    match question.cost_usd {
        None => row("cost", "not known"),
        // Nothing that costs has run.
        Some(usd) if usd <= 0.0 => {}
        Some(usd) => row("cost", &format!("{usd:.4} USD so far")),
    }
    row("since", &format!("{} ({})", question.raised_at, ago(question.raised_at, now)));
    if let Some(deadline) = question.deadline {
        row("until", &format!("{deadline} ({}), then: {}", until(deadline, now), when_late(question.on_timeout)));
    }
    row("digest", question.subject_digest.as_str());
    match (&question.status, &question.answer) {
        (QuestionStatus::Open, _) => answers(&mut text, question),
        (_, Some(answer)) => row("answered", &answered(answer)),
        (status, None) => row("closed", &format!("{status:?}").to_lowercase()),
    }
    text
}

fn answers(text: &mut String, question: &Question) {
    use std::fmt::Write as _;
    text.push('\n');
    for option in &question.options {
        let effect = if option.effect.is_empty() { String::new() } else { format!(" — {}", option.effect) };
        let _ = writeln!(text, "  {:<10} {}{effect}", option.key, option.label);
    }
    if let Some(first) = question.push_back.first() {
        let all: Vec<&str> = question.push_back.iter().map(crate::id::StepRef::as_str).collect();
        let _ = writeln!(
            text,
            "  push-back:{first}\n             Back to a step before this one, with your note; it and what follows run again\n             (steps: {})",
            all.join(", ")
        );
    }
    for (name, field, required) in fields(question) {
        let kind = field["type"].as_str().unwrap_or("string");
        let choices = field["enum"]
            .as_array()
            .map(|all| format!(" of {}", all.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", ")));
        let about = field["description"].as_str().map(|text| format!(": {text}")).unwrap_or_default();
        let need = match (required, field.get("default")) {
            (_, Some(default)) => format!(" (else {default})"),
            (true, None) => String::new(),
            (false, None) => " (may be left out)".to_owned(),
        };
        let _ = writeln!(text, "  --set {name}=…   {kind}{}{need}{about}", choices.unwrap_or_default());
    }
}

const fn when_late(on_timeout: OnTimeout) -> &'static str {
    match on_timeout {
        OnTimeout::Wait => "it goes on waiting",
        OnTimeout::Fail | OnTimeout::Reject => "it counts as rejected",
        OnTimeout::Escalate => "it is asked again, louder",
        OnTimeout::Approve => "it APPROVES ITSELF, as the flow says",
    }
}

fn answered(answer: &Answer) -> String {
    let how = match answer.identity {
        Identity::Login => "by login name",
        Identity::Named => "by a name that nobody checked",
        Identity::Token => "signed in",
        Identity::Program => "by a program",
    };
    let own = if answer.self_approved { ", who started the run" } else { "" };
    let values: String = answer.values.iter().map(|(name, value)| format!(", {name} = {value}")).collect();
    let note = answer.note.as_deref().map(|note| format!("\n{note}")).unwrap_or_default();
    format!("{}{values} by {}{own} ({how}) at {}{note}", answer.choose, answer.by, answer.at)
}

fn how_to_answer(run: &RunId, question: &Question, paste: &Paste) -> String {
    let keys: Vec<&str> = question.options.iter().map(|option| option.key.as_str()).collect();
    let set: String = fields(question).iter().filter(|one| one.2).map(|(name, ..)| format!(" --set '{name}=…'")).collect();
    format!(
        "\n{}\n{}{set}\n",
        paste.explain(run, &question.flow_path, &question.step_id),
        paste.answer_with_one_of(run, &question.id, &keys)
    )
}
