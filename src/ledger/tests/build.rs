//! Small runs made of facts, for the tests beside this file.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    id::{EscalationId, FlowKey, FramePath, RunId, Sha256, StepRef, Time},
    ledger::{Frozen, Holder, Journal, Lock, Past, Projector, RunDir, RunsDir},
    record::{
        Answer, At, Channel, Check, CommandRun, Decision, DecisionKind, EngineWord, Entry, Envelope, EnvelopeMeta,
        EnvelopeRouting, ErrorClass, ErrorDetail, Fact, FailureKind, Git, InputNote, LimitName, Manifest, Measured, Mode,
        Outcome, Proof, Question, QuestionKind, QuestionStatus, ReceiptStatus, Rule, RunOptions, RunStatus, Status, Summary,
        WaitReason,
    },
    redact::Clean,
    spec::{Halt, OnTimeout, Severity},
};

pub(super) const FLOW: &str = "build";

pub(super) fn flow() -> FramePath {
    FramePath::new(FLOW).unwrap()
}
pub(super) fn step(name: &str) -> StepRef {
    StepRef::new(name).unwrap()
}
pub(super) fn at(name: &str) -> At {
    At { flow: flow(), step: step(name) }
}
pub(super) fn time(n: u64) -> Time {
    Time::from_ms(1_800_000_000_000).plus(n)
}
pub(super) fn run_id() -> RunId {
    RunId::new("r-1").unwrap()
}
pub(super) fn definition() -> Sha256 {
    Sha256::of(b"definition")
}
pub(super) fn holder() -> Holder {
    Holder { pid: std::process::id(), host: "here".to_owned(), since: time(0) }
}

/// A run directory that goes away with the value.
pub(super) struct Place {
    pub tmp: tempfile::TempDir,
    pub runs: RunsDir,
}

impl Place {
    pub fn new() -> Self {
        let tmp = tempfile::tempdir().unwrap();
        let runs = RunsDir::new(tmp.path().join("run_base"));
        Self { tmp, runs }
    }
    pub fn run(&self) -> RunDir {
        self.runs.open_or_create(&run_id()).unwrap()
    }
}

pub(super) type Line = (InputNote, Vec<Fact>);

pub(super) fn created() -> Line {
    let created = Fact::RunCreated {
        run_id: run_id(),
        workspace: "/w".to_owned(),
        host: "here".to_owned(),
        version: "0.1.0".to_owned(),
        by: "ann".to_owned(),
    };
    let started = Fact::FlowStarted {
        flow: flow(),
        key: FlowKey::new(FLOW).unwrap(),
        definition: definition(),
        generation: 1,
        parent: None,
        params: BTreeMap::new(),
        options: RunOptions::default(),
        git: Some(Git { sha: Some("abc".to_owned()), branch: None, dirty: Some(false) }),
        by: None,
    };
    (InputNote::RunRequested { by: "ann".to_owned() }, vec![created, started])
}

pub(super) fn started(name: &str, execution: u32) -> Line {
    let fact =
        Fact::StepStarted { at: at(name), execution, iteration: Some(execution), timeout_ms: Some(1000), approved_by: None };
    (InputNote::Ticked, vec![fact])
}

pub(super) fn proof(agent: &str, n: u64) -> Proof {
    Proof {
        engine: EngineWord::Shell,
        mode: Mode::Local,
        agent_key: agent.to_owned(),
        provider: None,
        model: None,
        attempt: 1,
        iteration: None,
        started_at: time(n),
        completed_at: time(n + 7),
        status: ReceiptStatus::Succeeded,
        tokens: None,
        cost_usd: None,
        switches: Vec::new(),
        error: None,
        error_detail: None,
        commands: vec![CommandRun {
            run: Some("true".to_owned()),
            cwd: ".".to_owned(),
            exit_code: Some(0),
            duration_ms: 7,
            ..CommandRun::default()
        }],
        inputs: Vec::new(),
        outputs: Vec::new(),
        checks: vec![Check {
            name: "exit".to_owned(),
            passed: true,
            expected: "0".to_owned(),
            actual: "0".to_owned(),
            evidence_path: None,
        }],
        tests: None,
        lint: None,
        security: None,
        coverage: None,
        changes: None,
        claims: Vec::new(),
        transcript_path: None,
        context: None,
        approved_by: None,
        definition_sha256: definition(),
        sandbox: None,
        tool_versions: BTreeMap::new(),
        git: None,
        tree: None,
    }
}

pub(super) fn envelope(name: &str, agent: &str, execution: u32) -> Envelope {
    Envelope {
        schema: Envelope::SCHEMA.to_owned(),
        meta: EnvelopeMeta {
            run_id: run_id(),
            flow_key: FlowKey::new(FLOW).unwrap(),
            step_id: step(name),
            agent_key: agent.to_owned(),
            execution,
            iteration: None,
            timestamp: time(7),
        },
        status: Status::Verified,
        summary: Summary { what_i_did: "ran `true`".to_owned(), ..Summary::default() },
        concerns: Vec::new(),
        assumptions: Vec::new(),
        routing: EnvelopeRouting {
            confidence: None,
            proposal: None,
            recommendation: DecisionKind::Continue,
            next_step_suggestion: None,
            can_further_iteration_help: None,
            failure_signature: None,
            reason: "all expectations met".to_owned(),
        },
        measured: Measured::default(),
    }
}

pub(super) fn decision(name: &str, agent: &str, execution: u32, kind: DecisionKind) -> Decision {
    Decision {
        candidates: Vec::new(),
        confidence: None,
        injected: None,
        timestamp: time(8),
        run_id: run_id(),
        flow_key: FlowKey::new(FLOW).unwrap(),
        step_id: step(name),
        agent_key: agent.to_owned(),
        execution,
        decision: kind,
        next_step_ids: vec![step("next")],
        rule: Rule::Verified,
        reason: "verified".to_owned(),
        iteration: None,
        signature: None,
        detour_id: None,
        escalation_id: None,
        forensic_summary: BTreeMap::from([("exit_code".to_owned(), 0.into())]),
        by: "kernel".to_owned(),
    }
}

pub(super) fn ended(name: &str, execution: u32) -> Line {
    ended_with(name, execution, proof("shell", 10), DecisionKind::Continue)
}

pub(super) fn ended_with(name: &str, execution: u32, proof: Proof, kind: DecisionKind) -> Line {
    let agent = proof.agent_key.clone();
    let handoff = Arc::new(envelope(name, &agent, execution));
    let facts = vec![
        Fact::StepEnded { at: at(name), execution, proof: Arc::new(proof), handoff, kept: None },
        Fact::Routed { flow: flow(), decision: Arc::new(decision(name, &agent, execution, kind)) },
    ];
    (InputNote::Replied { at: at(name), execution, attempt: 1 }, facts)
}

pub(super) fn lost(name: &str, execution: u32) -> Line {
    let fact = Fact::StepLost {
        at: at(name),
        execution,
        started_at: time(1),
        attempt: 1,
        engine: EngineWord::Shell,
        mode: Mode::Local,
        agent_key: "shell".to_owned(),
        definition: definition(),
    };
    (InputNote::Lost, vec![fact])
}

pub(super) fn question(id: &str, name: &str) -> Question {
    Question {
        schema: Question::SCHEMA.to_owned(),
        id: EscalationId::new(id).unwrap(),
        run_id: run_id(),
        flow_key: FlowKey::new(FLOW).unwrap(),
        flow_path: flow(),
        step_id: step(name),
        execution: 1,
        kind: QuestionKind::Approval,
        severity: Severity::High,
        rule: Rule::Approval,
        reason: "approve".to_owned(),
        question: "Go?".to_owned(),
        options: Vec::new(),
        to: Vec::new(),
        action: None,
        shown: Vec::new(),
        told: Vec::new(),
        concerns: Vec::new(),
        push_back: Vec::new(),
        answer_schema: None,
        params: BTreeMap::new(),
        step_sha256: definition(),
        subject_digest: definition(),
        cost_usd: Some(0.1 + 0.2),
        raised_at: time(5),
        deadline: None,
        on_timeout: OnTimeout::default(),
        halt: Halt::Branch,
        status: QuestionStatus::Open,
        answer: None,
        replaced_by: None,
    }
}

pub(super) fn answer() -> Answer {
    Answer { note: Some("fine".to_owned()), ..Answer::new("approve", "ann", Channel::Cli, time(6), definition()) }
}

pub(super) fn completed() -> Line {
    let facts = vec![
        Fact::FlowCompleted { flow: flow(), outcome: Outcome::Succeeded, reason: "done".to_owned(), warnings: Vec::new() },
        Fact::RunRested { status: RunStatus::Succeeded },
    ];
    (InputNote::Rested, facts)
}

/// A run with a loop, a changed agent, a question of every fate, a timeout, a lost step.
pub(super) fn story() -> Vec<Line> {
    let mut timed_out = proof("shell", 20);
    timed_out.status = ReceiptStatus::Failed;
    timed_out.error = Some("took longer than 1 s".to_owned());
    timed_out.cost_usd = Some(0.1 + 0.2);
    timed_out.error_detail = Some(ErrorDetail {
        kind: FailureKind::Timeout,
        class: ErrorClass::Transient,
        signature: "s".to_owned(),
        exit_code: None,
    });
    let raise = |id: &str| (InputNote::Ticked, vec![Fact::EscalationRaised { question: Box::new(question(id, "gate")) }]);
    let id = |id: &str| EscalationId::new(id).unwrap();
    let retry = Fact::AttemptEnded {
        at: at("a"),
        execution: 1,
        attempt: 1,
        why: WaitReason::Retry,
        due: time(30),
        error: "again".to_owned(),
        signature: "s".to_owned(),
        failure: None,
    };
    vec![
        created(),
        started("a", 1),
        (InputNote::Ticked, vec![retry, Fact::AttemptStarted { at: at("a"), execution: 1, attempt: 2 }]),
        ended("a", 1),
        started("b", 2),
        started("c", 3),
        ended_with("b", 2, timed_out, DecisionKind::Escalate),
        ended_with("c", 3, proof("code-critic", 30), DecisionKind::Loop),
        started("a", 4),
        raise("gate-1"),
        (InputNote::Answered { id: id("gate-1") }, vec![Fact::EscalationAnswered { id: id("gate-1"), answer: answer() }]),
        raise("gate-2"),
        (
            InputNote::Ticked,
            vec![
                Fact::EscalationVoided { id: id("gate-2"), why: "changed".to_owned() },
                Fact::EscalationRaised { question: Box::new(question("gate-3", "gate")) },
            ],
        ),
        (InputNote::Ticked, vec![Fact::EscalationExpired { id: id("gate-3") }]),
        lost("a", 4),
        started("a", 5),
        ended_with("a", 5, proof("human", 40), DecisionKind::Continue),
        (InputNote::Ticked, vec![Fact::LimitReached { flow: flow(), limit: LimitName::Wall, used: 5, max: 4 }]),
        started("c", 6),
        ended_with("c", 6, proof("code-critic", 50), DecisionKind::Continue),
        completed(),
    ]
}

/// Writes lines to a new journal, a few with each commit.
pub(super) fn write(run: &RunDir, lines: Vec<Line>) -> Vec<Arc<Entry>> {
    let lock = Lock::take(run, &holder()).unwrap();
    let mut journal = Journal::create(run, &lock).unwrap();
    let mut entries = Vec::new();
    for (n, line) in lines.into_iter().enumerate() {
        entries.push(journal.push(time(n as u64), Clean::for_test(line)).unwrap());
        if n % 8 == 0 {
            journal.commit().unwrap();
        }
    }
    journal.commit().unwrap();
    entries
}

pub(super) fn freeze(run: &RunDir) {
    let files = [("flow.yaml".to_owned(), Clean::for_test(b"flow: build\n".to_vec()))];
    drop(Frozen::write(run, &flow(), 1, &definition(), &files).unwrap());
}

pub(super) fn manifest(entry: &Entry) -> Manifest {
    Manifest {
        schema: Manifest::SCHEMA.to_owned(),
        run_id: run_id(),
        status: RunStatus::Running,
        created_at: time(0),
        updated_at: entry.ts,
        workspace: "/w".to_owned(),
        host: "here".to_owned(),
        version: "0.1.0".to_owned(),
        started_by: "ann".to_owned(),
        pid: None,
        journal_seq: entry.seq,
        journal_head: digest_of(entry),
        projected_seq: 0,
        boot_id: None,
        flows: Vec::new(),
        running: Vec::new(),
        waiting_for: Vec::new(),
        answered: None,
    }
}

pub(super) fn digest_of(entry: &Entry) -> Sha256 {
    Sha256::of(&serde_json::to_vec(entry).unwrap())
}

/// Journal, projections, frozen files and run.json, as an undisturbed run leaves them.
pub(super) fn whole_run(place: &Place) -> (RunDir, Vec<Arc<Entry>>) {
    let run = place.run();
    freeze(&run);
    let entries = write(&run, story());
    let projector = Projector::start(&run).unwrap();
    for entry in &entries {
        projector.send(entry.clone());
    }
    projector.manifest(manifest(entries.last().unwrap()));
    projector.finish().unwrap();
    (run, entries)
}

pub(super) fn past(run: &RunDir) -> Past {
    let mut past = Past::new(run);
    for entry in crate::ledger::Reader::open(run).unwrap() {
        past.note(&entry.unwrap());
    }
    past
}
