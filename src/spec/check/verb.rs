//! The one verb of a step, and the keys that go with it.
//! In: a `StepText`. Out: its `Verb`. Never: a key taken that the verb does not read.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::id::{ParamName, Sha256};

use super::super::{
    Diagnostic, Names, Part,
    flow::{AgentStep, Scan, Teach, Verb, WithValue},
    schema::VERBS,
    text::{DefaultsText, EngineText, RenderText, ScanText, SnapshotText, StepText, TeachText},
};
use super::{Check, Missing, digest};

/// Which of the closed list a step has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Run,
    Exec,
    Agent,
    Ask,
    Flow,
    Snapshot,
    Compare,
    Render,
    Scan,
}

const KINDS: &[Kind] =
    &[Kind::Run, Kind::Exec, Kind::Agent, Kind::Ask, Kind::Flow, Kind::Snapshot, Kind::Compare, Kind::Render, Kind::Scan];

impl Kind {
    fn word(self) -> &'static str {
        VERBS[self as usize]
    }

    fn is_written(self, text: &StepText) -> bool {
        match self {
            Self::Run => text.run.is_some(),
            Self::Exec => text.exec.is_some(),
            Self::Agent => text.agent.is_some(),
            Self::Ask => text.ask.is_some(),
            Self::Flow => text.flow.is_some(),
            Self::Snapshot => text.snapshot.is_some(),
            Self::Compare => text.compare.is_some(),
            Self::Render => text.render.is_some(),
            Self::Scan => text.scan.is_some(),
        }
    }

    /// Keys beyond those that every step has.
    fn keys(self) -> &'static [&'static str] {
        const COMMAND: &[&str] = &[
            "inputs", "outputs", "expect", "verify", "measure", "access", "network", "effects", "timeout", "retry", "poll",
            "env", "secrets", "undo", "approve",
        ];
        const AGENT: &[&str] = &[
            "inputs",
            "outputs",
            "verify",
            "access",
            "network",
            "effects",
            "timeout",
            "retry",
            "env",
            "secrets",
            "undo",
            "approve",
            "engine",
            "program",
            "model",
            "max_turns",
            "teach",
            "context",
        ];
        match self {
            Self::Run | Self::Exec => COMMAND,
            Self::Agent => AGENT,
            Self::Ask => &["inputs"],
            Self::Flow => &["with", "inputs", "outputs", "verify", "timeout", "undo", "approve"],
            Self::Snapshot => &["inputs", "access", "network", "timeout", "retry", "env", "secrets", "approve"],
            Self::Compare => &["approve"],
            Self::Render => &["inputs", "verify", "undo", "approve"],
            Self::Scan => &["inputs", "timeout", "approve"],
        }
    }

    pub(super) fn takes(self, key: &str) -> bool {
        self.keys().contains(&key)
    }
}

/// Keys that only some verbs read, with whether they are written. Everything else a step can have, every step reads.
fn special(text: &StepText) -> [(&'static str, bool); 22] {
    [
        ("with", text.with.is_some()),
        ("inputs", !text.inputs.is_empty()),
        ("outputs", !text.outputs.is_empty()),
        ("expect", text.expect.is_some()),
        ("verify", !text.verify.is_empty()),
        ("measure", !text.measure.is_empty()),
        ("access", text.access.is_some()),
        ("network", text.network.is_some()),
        ("effects", text.effects.is_some()),
        ("timeout", text.timeout.is_some()),
        ("retry", text.retry.is_some()),
        ("poll", text.poll.is_some()),
        ("env", !text.env.is_empty()),
        ("secrets", !text.secrets.is_empty()),
        ("undo", text.undo.is_some()),
        ("approve", text.approve.is_some()),
        ("engine", text.engine.is_some()),
        ("program", text.program.is_some()),
        ("model", text.model.is_some()),
        ("max_turns", text.max_turns.is_some()),
        ("teach", text.teach.is_some()),
        ("context", text.context.is_some()),
    ]
}

impl Check<'_> {
    /// Exactly one verb, and no key that it does not read.
    pub(super) fn kind(&mut self, pointer: &str, text: &StepText) -> Option<Kind> {
        let written: Vec<Kind> = KINDS.iter().copied().filter(|kind| kind.is_written(text)).collect();
        let [kind] = written.as_slice() else {
            self.verbs(pointer, text, &written);
            return None;
        };
        for (key, is_written) in special(text) {
            if is_written && !kind.takes(key) {
                let message = format!("`{key}` means nothing here: `{}` steps do not read it", kind.word());
                let readers: Vec<&str> = KINDS.iter().filter(|other| other.takes(key)).map(|other| other.word()).collect();
                let hint = format!("remove it; it is read on {}", super::super::diagnostic::one_of(readers));
                self.say(&format!("{pointer}/{key}"), Part::Key, Diagnostic::error("key-without-effect", message).hint(hint));
            }
        }
        Some(*kind)
    }

    fn verbs(&mut self, pointer: &str, text: &StepText, written: &[Kind]) {
        let place = |kind: &Kind| self.places.place(&format!("{pointer}/{}", kind.word()), Part::Key);
        let Some(second) = written.get(1) else {
            let hint = format!("give it one of {}", VERBS[..VERBS.len() - 1].join(", "));
            let message = format!("the step `{}` has no verb, so it does nothing", text.id);
            return self.say(&format!("{pointer}/id"), Part::Value, Diagnostic::error("no-verb", message).hint(hint));
        };
        let all: Vec<String> = written.iter().map(|kind| format!("`{}` (line {})", kind.word(), place(kind).line)).collect();
        let message = format!("the step `{}` has {} verbs: {}", text.id, written.len(), all.join(" and "));
        let diagnostic = Diagnostic::error("two-verbs", message).hint("a step does one thing: make two steps of it");
        self.say(&format!("{pointer}/{}", second.word()), Part::Key, diagnostic);
    }

    /// The verb and the digest of what it reads besides the flow.
    pub(super) fn verb(
        &mut self,
        kind: Kind,
        pointer: &str,
        text: &StepText,
        defaults: &DefaultsText,
        names: &Names,
    ) -> Option<(Verb, Option<Sha256>)> {
        let below = format!("{pointer}/{}", kind.word());
        let filled = names.clone().with(&["run", "flow", "iteration"]);
        let verb = match kind {
            Kind::Run => {
                let script = text.run.clone()?;
                self.shell(&below, &script);
                Verb::Run { script }
            }
            Kind::Exec => {
                let argv = text.exec.as_deref()?;
                if argv.first().is_none_or(|program| program.trim().is_empty()) {
                    let diagnostic = Diagnostic::error("empty-text", "there is no program to execute");
                    self.say(&below, Part::Key, diagnostic.hint("write `exec: [program, argument]`"));
                }
                let made = self.templates(&below, argv, &filled);
                (made.len() == argv.len()).then_some(Verb::Exec { argv: made })?
            }
            Kind::Agent => return self.agent(&below, pointer, text, defaults, &filled),
            Kind::Ask => Verb::Ask(self.ask(&below, text.ask.as_ref()?, &filled)?),
            Kind::Flow => self.sub_flow(&below, pointer, text, &filled)?,
            Kind::Snapshot => self.snapshot(&below, text.snapshot.as_ref()?),
            Kind::Compare => {
                let compare = text.compare.as_ref()?;
                let expect = &compare.expect;
                self.paths(&format!("{below}/expect/changed_only"), expect.changed_only.as_deref().unwrap_or_default());
                self.paths(&format!("{below}/expect/identical"), &expect.identical);
                self.paths(&format!("{below}/expect/changed"), &expect.changed);
                Verb::Compare {
                    before: compare.before.clone(),
                    after: compare.after.clone(),
                    changed_only: expect.changed_only.clone(),
                    identical: expect.identical.clone(),
                    changed: expect.changed.clone(),
                }
            }
            Kind::Render => return self.render(&below, text.render.as_ref()?, &filled),
            Kind::Scan => Verb::Scan(self.scan(&below, text.scan.as_ref()?)?),
        };
        Some((verb, None))
    }

    fn absent(&mut self, pointer: &str, code: &'static str, missing: Missing) {
        if let Missing::Absent(message, hint) = missing {
            self.say(pointer, Part::Value, Diagnostic::error(code, message).maybe_hint(hint));
        }
    }

    fn agent(
        &mut self,
        below: &str,
        pointer: &str,
        text: &StepText,
        defaults: &DefaultsText,
        names: &Names,
    ) -> Option<(Verb, Option<Sha256>)> {
        let key = text.agent.clone()?;
        let teach = self.teach(&format!("{pointer}/teach"), text.teach.as_deref(), names);
        let context = text.context.clone().unwrap_or_default();
        self.paths(&format!("{pointer}/context/include"), &context.include);
        let agent = match self.shelf.agent(&key) {
            Ok(agent) => agent,
            Err(missing) => {
                self.absent(below, "unknown-agent", missing);
                return None;
            }
        };
        let engine = text.engine.or(defaults.engine).unwrap_or(EngineText::Openai);
        if text.program.is_some() && engine != EngineText::Cli {
            let message = "`program` says which program of `engine: cli` is meant; this step has another engine";
            let hint = "remove it, or write `engine: cli`";
            let diagnostic = Diagnostic::error("key-without-effect", message).hint(hint);
            self.say(&format!("{pointer}/program"), Part::Key, diagnostic);
        }
        let step = AgentStep {
            agent: key,
            engine,
            program: text.program.clone(),
            model: text.model.clone().or_else(|| defaults.model.clone()),
            max_turns: text.max_turns,
            teach,
            context: *context,
            agent_sha256: agent.sha256.clone(),
        };
        Some((Verb::Agent(step), Some(agent.sha256.clone())))
    }

    fn teach(&mut self, pointer: &str, text: Option<&TeachText>, names: &Names) -> Teach {
        let Some(text) = text else { return Teach::default() };
        let mut list = |key: &str, texts: &[String]| self.templates(&format!("{pointer}/{key}"), texts, names);
        let (inputs, outputs) = (list("inputs", &text.inputs), list("outputs", &text.outputs));
        let (behavior, success) = (list("behavior", &text.behavior), list("success", &text.success));
        let when_stuck = list("when_stuck", &text.when_stuck);
        let objective = text.objective.as_ref().and_then(|text| self.template(&format!("{pointer}/objective"), text, names));
        Teach { objective, inputs, outputs, behavior, success, when_stuck }
    }

    fn sub_flow(&mut self, below: &str, pointer: &str, text: &StepText, names: &Names) -> Option<Verb> {
        let flow = text.flow.clone()?;
        if let Err(missing) = self.shelf.has_flow(&flow) {
            self.absent(below, "unknown-flow", missing);
        }
        let mut with: BTreeMap<ParamName, WithValue> = BTreeMap::new();
        for (name, value) in text.with.iter().flatten() {
            let value = match value {
                Value::String(text) => WithValue::Template(self.template(&format!("{pointer}/with/{name}"), text, names)?),
                other => WithValue::Value(other.clone()),
            };
            with.insert(name.clone(), value);
        }
        Some(Verb::Flow { flow, with })
    }

    fn snapshot(&mut self, below: &str, text: &SnapshotText) -> Verb {
        self.paths(&format!("{below}/files"), &text.files);
        for (name, script) in &text.commands {
            self.shell(&format!("{below}/commands/{name}"), script);
        }
        if text.files.is_empty() && text.commands.is_empty() {
            let diagnostic = Diagnostic::error("empty-snapshot", format!("the snapshot `{}` keeps nothing", text.name));
            self.say(below, Part::Key, diagnostic.hint("add `files: [config/*.json]` or `commands: {live: \"cat live.json\"}`"));
        }
        Verb::Snapshot { name: text.name.clone(), files: text.files.clone(), commands: text.commands.clone() }
    }

    fn scan(&mut self, below: &str, text: &ScanText) -> Option<Scan> {
        self.paths(&format!("{below}/paths"), &text.paths);
        if let Some(allow) = &text.allow {
            self.path(&format!("{below}/allow"), allow);
        }
        if text.paths.is_empty() && text.diff.is_none() && !text.run {
            let diagnostic = Diagnostic::error("empty-scan", "the scan looks at nothing");
            self.say(below, Part::Key, diagnostic.hint("add `paths: [src]`, `diff: origin/main` or `run: true`"));
        }
        // A revision is handed to git as an argument.
        if let Some(rev) = text.diff.as_deref().filter(|rev| rev.trim().is_empty() || rev.starts_with('-')) {
            let diagnostic = Diagnostic::error("bad-revision", format!("`{rev}` is not a revision of git"));
            self.say(&format!("{below}/diff"), Part::Value, diagnostic.hint("write it like `HEAD`, `origin/main` or `v1.2`"));
            return None;
        }
        let ScanText { paths, diff, run, allow, on_finding } = text.clone();
        Some(Scan { paths, diff, run, allow, on_finding })
    }

    fn render(&mut self, below: &str, text: &RenderText, names: &Names) -> Option<(Verb, Option<Sha256>)> {
        self.path(&format!("{below}/to"), &text.to);
        let pointer = format!("{below}/template");
        if !self.place_of_path(&pointer, &text.template) {
            return None;
        }
        let source = match self.shelf.template(&text.template) {
            Ok(source) => source,
            Err(missing) => {
                self.absent(&pointer, "unknown-template", missing);
                return None;
            }
        };
        let template = match super::Template::compile(&source, names) {
            Ok(template) => template,
            Err(problems) => {
                self.template_file(&pointer, &text.template, &source, problems);
                return None;
            }
        };
        let verb = Verb::Render { path: text.template.clone(), template, to: text.to.clone() };
        Some((verb, Some(digest(&[source.as_bytes()]))))
    }

    /// Mistakes in a template file are shown in that file.
    fn template_file(&mut self, pointer: &str, file: &str, source: &str, problems: Vec<super::Problem>) {
        let source = super::super::source::Source::new(file, source);
        for problem in problems {
            let span = super::super::source::Span { start: problem.at, end: problem.at + problem.length };
            let diagnostic = Diagnostic::error(problem.code, problem.message).maybe_hint(problem.hint);
            self.keep(pointer, source.mark(span, diagnostic));
        }
    }
}
