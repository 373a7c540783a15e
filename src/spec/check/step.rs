//! One step: what it waits for, what it must leave behind, how it behaves.
//! In: a `StepText` and the flow's defaults. Out: the checked `Step`, if nothing about it is wrong.
//! Never: a name of another step resolved (see `references`), a default applied where the verb does not read it.

use super::super::{
    Access, Diagnostic, Effects, Length, Measure, Names, OnFailure, Part,
    diagnostic::did_you_mean,
    flow::{Expect, ForEach, Join, Loop, Needs, Poll, Retry, Step},
    text::{CharterText, DefaultsText, ExpectText, JoinText, LoopText, PollText, RetryText, StepText},
};
use super::{Check, digest, verb::Kind};

/// Where a step stands: what it may name, and what its flow says for all.
pub(super) struct Around<'a> {
    pub(super) names: &'a Names,
    pub(super) defaults: &'a DefaultsText,
    pub(super) secrets: &'a [String],
    /// The step above, for `needs` that is left out.
    pub(super) above: Option<&'a crate::id::StepId>,
    /// What the flow must not become; a detour has none.
    pub(super) charter: &'a CharterText,
    /// The detour's own `verify` proves its steps.
    pub(super) proved: bool,
}

/// Wait before the second try, and at most.
const RETRY_DELAY_MS: u64 = 1_000;
const RETRY_DELAY_MS_MAX: u64 = 60_000;

impl Check<'_> {
    pub(super) fn step(&mut self, pointer: &str, text: &StepText, around: &Around<'_>) -> Option<Step> {
        let before = self.errors();
        let for_each = self.for_each(pointer, text, around.names);
        let item = text.for_each.as_ref().map(|_| text.r#as.as_deref().unwrap_or("item"));
        let names = item.map_or_else(|| around.names.clone(), |item| around.names.clone().with(&[item]));
        let ended = names.clone().with(&["step", "measured", "iteration"]);

        let when = text.when.as_ref().and_then(|when| self.condition(&format!("{pointer}/when"), when, around.names));
        let needs = self.needs(pointer, text, around.above);
        self.paths(&format!("{pointer}/inputs"), &text.inputs);
        self.paths(&format!("{pointer}/outputs"), &text.outputs);
        let expect = self.expect(&format!("{pointer}/expect"), text.expect.as_deref(), &ended);
        let verify = self.verify(&format!("{pointer}/verify"), &text.verify);
        let retry = self.retry(pointer, text, around.defaults);
        let poll = self.poll(pointer, text, text.poll.as_ref());
        self.env(pointer, text, around.secrets);
        if let Some(undo) = &text.undo {
            self.shell(&format!("{pointer}/undo"), undo);
        }
        let escalate = text.escalate.as_ref().and_then(|text| self.escalate(&format!("{pointer}/escalate"), text, &ended));
        let title = text.title.clone().unwrap_or_else(|| format!("`{}`", text.id));
        let approve = text.approve.as_ref().and_then(|text| self.approve(&format!("{pointer}/approve"), text, &title, &names));
        let red_stops = text.on_failure == Some(OnFailure::Stop);
        let ends_loop = text.r#loop.as_ref().and_then(|text| self.ends_loop(&format!("{pointer}/loop"), text, &ended));
        let ends_loop = ends_loop.map(|around| Loop { red_stops, ..around });
        let navigates = self.route(pointer, text, around.charter);

        let kind = self.kind(pointer, text)?;
        let (verb, reads) = self.verb(kind, pointer, text, around.defaults, &names)?;
        let takes = |key: &str| kind.takes(key);
        // What is right for one step is not for a whole flow of them: that has one only if it is written on its step.
        let times_out = takes("timeout") && kind != Kind::Flow;
        let access = text.access.or(around.defaults.access.filter(|_| takes("access"))).unwrap_or_default();
        self.access(pointer, text, access);
        if !around.proved {
            self.expectation(pointer, kind, text);
        }
        if self.errors() > before {
            return None;
        }
        let written = serde_json::to_vec(text).unwrap_or_default();
        Some(Step {
            id: text.id.clone(),
            title: text.title.clone(),
            needs,
            when,
            for_each,
            verb,
            inputs: text.inputs.clone(),
            outputs: text.outputs.clone(),
            expect,
            verify,
            measures_changes: text.measure.contains(&Measure::Changes),
            access,
            network: text.network.or(around.defaults.network.filter(|_| takes("network"))).unwrap_or_default(),
            effects: text.effects.unwrap_or_default(),
            timeout_ms: text.timeout.or(around.defaults.timeout.filter(|_| times_out)).map(Length::as_ms),
            retry: if takes("retry") { retry } else { Retry { attempts_max: 1, ..retry } },
            poll,
            env: text.env.clone(),
            secrets: text.secrets.clone(),
            undo: text.undo.clone(),
            // A choice that does not come is asked of a person, whatever the flow says for failures.
            on_failure: text.on_failure.or(around.defaults.on_failure.filter(|_| text.route.is_none())).unwrap_or_default(),
            escalate,
            approve,
            ends_loop,
            navigates,
            sha256: match reads {
                Some(sha256) => digest(&[&written, sha256.as_str().as_bytes()]),
                None => digest(&[&written]),
            },
        })
    }

    fn errors(&self) -> usize {
        self.found.iter().filter(|finding| finding.diagnostic.is_error()).count()
    }

    fn for_each(&mut self, pointer: &str, text: &StepText, names: &Names) -> Option<ForEach> {
        if text.for_each.is_none() && text.r#as.is_some() {
            let diagnostic = Diagnostic::error("key-without-effect", "`as` names the item of a `for_each`, and there is none");
            self.say(&format!("{pointer}/as"), Part::Key, diagnostic.hint("add `for_each: params.places`, or remove it"));
        }
        let list = self.list(&format!("{pointer}/for_each"), text.for_each.as_ref()?, names);
        let name = text.r#as.clone().unwrap_or_else(|| "item".to_owned());
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        const TAKEN: &[&str] = &[
            "params",
            "steps",
            "step",
            "measured",
            "iteration",
            "json",
            "run",
            "flow",
            "this",
            "true",
            "false",
            "null",
            "in",
            "if",
            "each",
            "with",
            "unless",
            "lookup",
            "eq",
            "ne",
            "gt",
            "gte",
            "lt",
            "lte",
            "and",
            "or",
            "not",
            "len",
            "default",
            "has",
            "all",
            "exists",
            "map",
            "filter",
        ];
        if !plain || name.len() > 40 || TAKEN.contains(&name.as_str()) {
            let shown: String = name.chars().take(40).collect();
            let diagnostic = Diagnostic::error("bad-name", format!("`{shown}` cannot name an item"));
            self.say(
                &format!("{pointer}/as"),
                Part::Value,
                diagnostic.hint("use a-z, 0-9 and `_`, and no word that means something else: place, file, host"),
            );
            return None;
        }
        Some(ForEach { list: list?, name })
    }

    fn needs(&mut self, pointer: &str, text: &StepText, above: Option<&crate::id::StepId>) -> Needs {
        let implied = text.needs.is_none();
        let steps = text.needs.clone().unwrap_or_else(|| above.into_iter().cloned().collect());
        if text.needs_skipped.is_some() && implied {
            let diagnostic = Diagnostic::error(
                "key-without-effect",
                "`needs_skipped` does nothing without `needs`: the step above may be skipped anyway",
            );
            self.say(&format!("{pointer}/needs_skipped"), Part::Key, diagnostic.hint("remove it"));
        }
        let join = match &text.join {
            None => Join::All,
            Some(JoinText(written)) => self.join(&format!("{pointer}/join"), written, text.needs.as_deref().map(<[_]>::len)),
        };
        Needs { steps, implied, skipped_ok: implied || text.needs_skipped.is_some(), join }
    }

    fn join(&mut self, pointer: &str, written: &serde_json::Value, needs: Option<usize>) -> Join {
        let Some(needs) = needs.filter(|needs| *needs > 0) else {
            let diagnostic = Diagnostic::error("key-without-effect", "`join` does nothing without `needs`");
            self.say(pointer, Part::Key, diagnostic.hint("name the steps that come together: `needs: [one, other]`"));
            return Join::All;
        };
        match (written.as_str(), written.as_u64()) {
            (Some("any"), _) => Join::AtLeast(1),
            (_, Some(count)) if count > needs as u64 => {
                let diagnostic = Diagnostic::error(
                    "join-too-big",
                    format!("`join: {count}` waits for more steps than `needs` names ({needs})"),
                );
                self.say(pointer, Part::Value, diagnostic.hint(format!("write a number up to {needs}, `all` or `any`")));
                Join::All
            }
            (_, Some(count)) => Join::AtLeast(u32::try_from(count).unwrap_or(u32::MAX)),
            _ => Join::All,
        }
    }

    fn expect(&mut self, pointer: &str, text: Option<&ExpectText>, ended: &Names) -> Expect {
        let Some(text) = text else { return Expect::default() };
        if *text == ExpectText::default() {
            let diagnostic = Diagnostic::error("key-without-effect", "`expect` expects nothing");
            self.say(pointer, Part::Key, diagnostic.hint("write `expect: {stdout: \"status=ok\"}`, or remove it"));
        }
        let mut matcher =
            |key: &str, text: &Option<String>| text.as_ref().and_then(|text| self.matcher(&format!("{pointer}/{key}"), text));
        let (stdout, not_stdout, stderr) =
            (matcher("stdout", &text.stdout), matcher("not_stdout", &text.not_stdout), matcher("stderr", &text.stderr));
        let names = Names { early: true, ..ended.clone().with(&["json"]) };
        let json = text.json.as_ref().and_then(|text| self.condition(&format!("{pointer}/json"), text, &names));
        Expect { exit: text.exit.unwrap_or(0), stdout, not_stdout, stderr, json, written: true }
    }

    fn retry(&mut self, pointer: &str, text: &StepText, defaults: &DefaultsText) -> Retry {
        let once = text.effects == Some(Effects::Once);
        let written = text.retry.clone().unwrap_or_default();
        if once && written.attempts.is_some_and(|attempts| attempts > 1) {
            let diagnostic =
                Diagnostic::error("once-with-retry", "`effects: once` must not run twice, and `retry` would run it again");
            self.say(
                &format!("{pointer}/retry"),
                Part::Key,
                diagnostic.hint("remove one of the two; a lost run of it is asked about"),
            );
        }
        self.delays(&format!("{pointer}/retry"), text.retry.as_ref());
        let default = if once { RetryText::default() } else { defaults.retry.clone().unwrap_or_default() };
        let ms = |own: Option<Length>, shared: Option<Length>, other: u64| own.or(shared).map_or(other, Length::as_ms);
        let delay_ms = ms(written.delay, default.delay, RETRY_DELAY_MS);
        Retry {
            attempts_max: written.attempts.or(default.attempts).unwrap_or(1),
            delay_ms,
            delay_ms_max: ms(written.max_delay, default.max_delay, RETRY_DELAY_MS_MAX).max(delay_ms),
            written: text.retry.is_some(),
        }
    }

    pub(super) fn delays(&mut self, pointer: &str, text: Option<&RetryText>) {
        let Some(RetryText { attempts, delay, max_delay }) = text else { return };
        if let (Some(delay), Some(most)) = (delay, max_delay)
            && most < delay
        {
            let diagnostic = Diagnostic::error("bad-length", format!("`max_delay: {most}` is shorter than `delay: {delay}`"));
            self.say(&format!("{pointer}/max_delay"), Part::Value, diagnostic.hint("make it longer, or remove it"));
        }
        if attempts.is_none_or(|attempts| attempts == 1) && (delay.is_some() || max_delay.is_some()) {
            let diagnostic = Diagnostic::error("key-without-effect", "a delay does nothing without `attempts` above 1");
            self.say(pointer, Part::Key, diagnostic.hint("add `attempts: 3`"));
        }
    }

    fn poll(&mut self, pointer: &str, step: &StepText, text: Option<&PollText>) -> Option<Poll> {
        let PollText { every, r#for } = text?;
        if every > r#for {
            let diagnostic =
                Diagnostic::error("bad-length", format!("`every: {every}` is longer than `for: {for}`, so there is one try"));
            self.say(&format!("{pointer}/poll/every"), Part::Value, diagnostic.hint("make `for` several times as long"));
        }
        if step.expect.is_none() && step.verify.is_empty() {
            let diagnostic = Diagnostic::error("poll-without-expect", "`poll` does not know what it waits for");
            self.say(
                &format!("{pointer}/poll"),
                Part::Key,
                diagnostic.hint("add what must hold: `expect: {exit: 0}` or `expect: {stdout: \"status=ok\"}`"),
            );
        }
        if step.effects == Some(Effects::Once) && !self.shelf.is_frozen() {
            let diagnostic =
                Diagnostic::error("once-with-poll", "`effects: once` must not run twice, and `poll` runs it until it holds");
            self.say(
                &format!("{pointer}/poll"),
                Part::Key,
                diagnostic.hint("let this step do it, and the next one wait for it: move `poll` and its `expect` there"),
            );
        }
        Some(Poll { every_ms: every.as_ms(), for_ms: r#for.as_ms() })
    }

    fn env(&mut self, pointer: &str, text: &StepText, declared: &[String]) {
        for name in text.env.keys() {
            let below = format!("{pointer}/env/{}", super::super::source::segment(name));
            self.env_name(&below, Part::Key, name);
            // By some of these a process that a killed driver left behind is known again.
            const OURS: &[&str] =
                &["RUN_BASE", "RUN_ID", "FLOW", "STEP", "STEP_DIR", "ARTIFACTS", "EXECUTION", "ITERATION", "ITEM", "NOTE"];
            if OURS.contains(&name.as_str()) || name.starts_with("PARAM_") || name.starts_with("FAILED_") {
                let diagnostic = Diagnostic::error("reserved-name", format!("`{name}` is set by the runner"));
                self.say(&below, Part::Key, diagnostic.hint("choose another name"));
            }
        }
        for (at, name) in text.secrets.iter().enumerate() {
            if !declared.contains(name) {
                let hint = did_you_mean(name, declared.iter().map(String::as_str))
                    .unwrap_or_else(|| format!("add it to the flow: `secrets: [{name}]`, so that its value is redacted"));
                let diagnostic = Diagnostic::error("undeclared-secret", format!("the flow does not declare the secret `{name}`"));
                self.say(&format!("{pointer}/secrets/{at}"), Part::Value, diagnostic.hint(hint));
            }
            if text.env.contains_key(name) {
                let diagnostic = Diagnostic::error("secret-in-env", format!("`{name}` is a secret and is also written in `env`"));
                self.say(
                    &format!("{pointer}/env/{}", super::super::source::segment(name)),
                    Part::Key,
                    diagnostic.hint("remove it from `env`; never write a secret's value into a flow"),
                );
            }
        }
    }

    pub(super) fn env_name(&mut self, pointer: &str, part: Part, name: &str) {
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !plain || name.len() > 200 {
            let shown: String = name.chars().take(60).collect();
            let diagnostic = Diagnostic::error("bad-name", format!("`{shown}` is not the name of an environment variable"));
            self.say(pointer, part, diagnostic.hint("use letters, digits and `_`, without `$`"));
        }
    }

    fn ends_loop(&mut self, pointer: &str, text: &LoopText, ended: &Names) -> Option<Loop> {
        let until = match &text.until {
            Some(until) => Some(self.condition(&format!("{pointer}/until"), until, ended)?),
            None => None,
        };
        Some(Loop { to: text.to.clone(), iterations_max: text.max, until, on_exhausted: text.on_exhausted, red_stops: false })
    }

    /// A step that observes leaves nothing in the workspace, so it cannot promise to.
    fn access(&mut self, pointer: &str, text: &StepText, access: Access) {
        if access == Access::Change {
            return;
        }
        let outside = |path: &&String| !path.starts_with("artifacts/");
        if let Some(at) = text.outputs.iter().position(|path| outside(&path)) {
            let message = format!("`{}` observes, so it cannot leave `{}` in the workspace", text.id, text.outputs[at]);
            let hint = "let it write below `artifacts/`, or remove `access: observe`";
            self.say(&format!("{pointer}/outputs/{at}"), Part::Value, Diagnostic::error("observer-writes", message).hint(hint));
        }
        if text.undo.is_some() {
            let message = format!("`{}` observes, so there is nothing to undo", text.id);
            let diagnostic = Diagnostic::error("observer-writes", message);
            self.say(&format!("{pointer}/undo"), Part::Key, diagnostic.hint("remove `undo`, or `access: observe`"));
        }
    }

    /// A command that proves nothing beyond its exit code.
    fn expectation(&mut self, pointer: &str, kind: Kind, text: &StepText) {
        if kind == Kind::Run && text.expect.is_none() && text.verify.is_empty() && text.outputs.is_empty() {
            let message = format!("`{}` expects nothing beyond exit 0", text.id);
            let diagnostic = Diagnostic::warning("no-expectation", message);
            self.say(
                &format!("{pointer}/run"),
                Part::Key,
                diagnostic.hint("say what proves it: `outputs: […]`, `expect: {stdout: \"…\"}` or `verify: […]`"),
            );
        }
    }
}
