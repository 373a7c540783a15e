//! What a person sees while a run is driven: a live list of steps on a terminal, plain lines elsewhere.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    id::{FramePath, Time},
    inspect::MarkedDone,
    kernel::State,
    record::{At, DecisionKind, Entry, Fact, ReceiptStatus, Rule, SkipReason, WaitReason},
    runner::Observer,
};

use super::context::{Context, harmless, tell};

/// Steps shown at once; more run than fit a screen only in very wide flows.
const LIVE_MAX: usize = 20;

pub(super) struct Progress {
    quiet: bool,
    color: bool,
    live: Option<MultiProgress>,
    bars: BTreeMap<At, ProgressBar>,
    started: BTreeMap<At, Time>,
}

impl Progress {
    pub fn new(context: &Context) -> Self {
        let live =
            (context.terminal && !context.quiet).then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8)));
        Self { quiet: context.quiet, color: context.color, live, bars: BTreeMap::new(), started: BTreeMap::new() }
    }

    pub fn finish(&mut self) {
        for bar in std::mem::take(&mut self.bars).into_values() {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.live {
            _ if self.quiet => {}
            // A terminal that cannot be written to is nobody's terminal.
            Some(live) => drop(live.println(harmless(text, self.color))),
            None => tell(&format!("{text}\n"), self.color),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn name(at: &At) -> String {
        if at.flow.depth() == 0 { at.step.to_string() } else { format!("{}/{}", below(&at.flow), at.step) }
    }

    fn begin(&mut self, at: &At, now: Time) {
        self.started.entry(at.clone()).or_insert(now);
        let Some(live) = &self.live else { return };
        if self.bars.len() >= LIVE_MAX {
            return;
        }
        let style = ProgressStyle::with_template("  {spinner} {msg}  {elapsed}").expect("a constant template");
        let bar = live.add(ProgressBar::new_spinner().with_style(style).with_message(Self::name(at)));
        bar.enable_steady_tick(Duration::from_millis(125));
        self.bars.insert(at.clone(), bar);
    }

    fn end(&mut self, at: &At) {
        if let Some(bar) = self.bars.remove(at) {
            bar.finish_and_clear();
        }
    }
}

/// `flow.step.detour` without its first part.
fn below(flow: &FramePath) -> &str {
    flow.as_str().split_once('.').map_or("", |(_, rest)| rest)
}

fn took(ms: u64) -> String {
    match ms {
        0..=999 => format!("{ms} ms"),
        1_000..=9_999 => format!("{}.{:02} s", ms / 1000, ms % 1000 / 10),
        10_000..=119_999 => format!("{} s", ms / 1000),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

impl Observer for Progress {
    fn entry(&mut self, state: &State, entry: &Arc<Entry>) {
        if self.quiet {
            return;
        }
        for fact in &entry.facts {
            self.fact(state, entry, fact);
        }
    }

    fn word(&mut self, text: &str) {
        self.line(text);
    }

    fn hears(&self) -> bool {
        !self.quiet
    }
}

impl Progress {
    fn fact(&mut self, state: &State, entry: &Entry, fact: &Fact) {
        match fact {
            Fact::FlowStarted { flow, key, .. } if flow.depth() == 0 => {
                let title = state.frame(flow).map(|frame| frame.plan.flow.title.clone()).unwrap_or_default();
                let run = state.run.as_ref().map(|run| run.id.to_string()).unwrap_or_default();
                self.line(&format!("{} — {title} (run {run})", self.paint("1", key.as_str())));
            }
            Fact::StepStarted { at, .. } => self.begin(at, entry.ts),
            Fact::StepEnded { at, proof, handoff, .. } => {
                self.end(at);
                let (mark, code) = match proof.status {
                    ReceiptStatus::Succeeded if handoff.status == crate::record::Status::Verified => ("✓", "32"),
                    ReceiptStatus::Succeeded => ("•", "33"),
                    ReceiptStatus::Failed => ("✗", "31"),
                    ReceiptStatus::Interrupted => ("!", "33"),
                };
                let round = proof.iteration.map(|n| format!(", round {n}")).unwrap_or_default();
                // From the start of the execution, as `status` and the report count it.
                let began = self.started.remove(at).unwrap_or(proof.started_at);
                let word = MarkedDone::of(state, fact);
                let time = word.map_or_else(|| took(proof.completed_at.since(began)), |word| word.words());
                self.line(&format!("{} {}  {time}{round}", self.paint(code, mark), Self::name(at)));
                if let Some(error) = proof.error.as_deref().and_then(|error| error.lines().next()) {
                    self.line(&format!("    {error}"));
                }
            }
            Fact::StepSkipped { at, why, detail } => {
                let why = match why {
                    SkipReason::Scope => "skipped: left out".to_owned(),
                    // What it would have done is told at the end, of all of them.
                    SkipReason::ObserveOnly => "passed over".to_owned(),
                    _ => format!("skipped: {detail}"),
                };
                self.line(&format!("{} {}  {why}", self.paint("2", "-"), Self::name(at)));
            }
            Fact::AttemptEnded { at, attempt, why, due, error, .. } => {
                self.end(at);
                let what = if *why == WaitReason::Poll { "not yet" } else { "failed" };
                let wait = took(due.since(entry.ts));
                self.line(&format!("  {} attempt {attempt} {what} ({error}); again in {wait}", Self::name(at)));
            }
            Fact::AttemptStarted { at, .. } => self.begin(at, entry.ts),
            Fact::Routed { decision, .. } => match (decision.decision, decision.rule) {
                (DecisionKind::Continue, Rule::Verified | Rule::LoopVerified) | (DecisionKind::Terminate, Rule::Terminal) => {}
                (kind, rule) => self.line(&format!("    {} {} ({rule}): {}", self.paint("36", "→"), kind, decision.reason)),
            },
            Fact::EscalationRaised { question } => {
                self.line(&format!("{} {}  {}", self.paint("35", "?"), question.id, question.question));
            }
            Fact::EscalationAnswered { id, answer } => {
                let note = answer.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
                self.line(&format!("{} {id}  {} by {}{note}", self.paint("35", "!"), answer.choose, answer.by));
            }
            Fact::EngineFailed { engine, failures, until: Some(until) } => {
                let pause = until.as_ms().saturating_sub(entry.ts.as_ms()) / 1000;
                self.line(&format!("! {engine}  failed {failures} times in a row: {pause} s of pause"));
            }
            Fact::StepLost { at, .. } => self.line(&format!("! {}  was lost with its process", Self::name(at))),
            _ => {}
        }
    }
}
