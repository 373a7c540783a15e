//! Real processes, each promise of this module held once.

mod bench;
mod builtin;
mod changes;
mod contract;
mod ending;
mod output;
mod prestart;
mod reading;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{Job, Keep, Outlet, Piece, Prestarted, Stop, Work, perform, perform_prestarted};
use crate::{
    id::{FlowKey, FramePath, StepRef, Time},
    record::{Failure, Reply, ReplyOutcome},
    redact::Redactor,
    spec::flow::Expect,
};

/// A workspace, a run and one job in them.
pub(crate) struct Bed {
    _dir: tempfile::TempDir,
    pub job: Job,
    pub redactor: Redactor,
}

/// What came out of one `perform`.
pub(super) struct Out {
    pub reply: Reply,
    pub files: BTreeMap<String, Vec<u8>>,
    pub logs: Vec<serde_json::Value>,
}

impl Bed {
    pub(crate) fn new(work: Work) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let workspace = root.join("workspace");
        let run_base = root.join("runs/r1");
        let flow_dir = run_base.join("build");
        std::fs::create_dir_all(&workspace).unwrap();
        std::fs::create_dir_all(flow_dir.join("artifacts")).unwrap();
        let path = std::env::var("PATH").unwrap();
        let job = Job {
            flow: FramePath::from(&FlowKey::new("build").unwrap()),
            step: StepRef::new("work").unwrap(),
            execution: 1,
            attempt: 1,
            started_at: Time::from_ms(1_700_000_000_000),
            work,
            workspace,
            run_base,
            flow_dir,
            env: BTreeMap::from([("PATH".to_owned(), path)]),
            timeout_ms: None,
            grace_ms: 2000,
            scope: crate::spec::expr::Scope::default(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            expect: Expect::default(),
            verify: Vec::new(),
            keep: Keep { stdout: true, stderr: true, json: false },
            watched: super::Watched::default(),
            rail: crate::rails::Rail::Open,
        };
        Self { _dir: dir, job, redactor: Redactor::default() }
    }

    pub(crate) fn shell(script: &str) -> Self {
        Self::new(Work::Shell { script: script.to_owned() })
    }

    pub(super) fn exec(argv: &[&str]) -> Self {
        Self::new(Work::Exec { argv: argv.iter().map(|arg| (*arg).to_owned()).collect() })
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Job)) -> Self {
        change(&mut self.job);
        self
    }

    pub(crate) fn workspace(&self) -> &Path {
        &self.job.workspace
    }

    pub(crate) fn file(&self, path: &str, text: &str) -> PathBuf {
        let path = self.job.workspace.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(super) async fn run(&self) -> Out {
        self.run_with(Stop::never()).await
    }

    pub(super) async fn run_with(&self, stop: Stop) -> Out {
        self.perform(None, stop).await
    }

    pub(super) async fn run_prestarted(&self, prestarted: Option<Prestarted>) -> Out {
        self.perform(prestarted, Stop::never()).await
    }

    async fn perform(&self, prestarted: Option<Prestarted>, stop: Stop) -> Out {
        let (outlet, mut receiver) = Outlet::bounded();
        let gather = async {
            let (mut files, mut logs) = (BTreeMap::<String, Vec<u8>>::new(), Vec::new());
            while let Some(piece) = receiver.recv().await {
                match piece {
                    Piece::Output { path, bytes, .. } => files.entry(path).or_default().extend(bytes.into_inner()),
                    Piece::File { path, bytes } => drop(files.insert(path, bytes.into_inner())),
                    Piece::Part { path, at, bytes } => {
                        let file = files.entry(path).or_default();
                        file.truncate(usize::try_from(at).unwrap());
                        assert_eq!(file.len() as u64, at, "parts come in order");
                        file.extend(bytes.into_inner());
                    }
                    Piece::Barrier(done) | Piece::Written(done) => done.send(()).unwrap(),
                    Piece::Line { path, bytes } => files.entry(path).or_default().extend(bytes.into_inner()),
                    Piece::Call(_) | Piece::Aside { .. } => {}
                    Piece::Log { event, .. } => logs.push(event.into_inner()),
                }
            }
            (files, logs)
        };
        let (reply, (files, logs)) =
            tokio::join!(perform_prestarted(self.job.clone(), prestarted, &self.redactor, outlet, stop), gather);
        Out { reply, files, logs }
    }
}

impl Out {
    pub(super) fn failure(&self) -> &Failure {
        match &self.reply.outcome {
            ReplyOutcome::Failed(failure) => failure,
            other => panic!("expected a failure, got {other:?}"),
        }
    }
    pub(super) fn done(&self) -> &Self {
        assert_eq!(self.reply.outcome, ReplyOutcome::Done, "{:?}", self.reply);
        self
    }
    pub(super) fn stdout(&self) -> &str {
        self.reply.kept.stdout.as_deref().unwrap()
    }
}

/// Whether a process of this id exists and is no zombie.
pub(super) fn lives(pid: i32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X'])),
        Err(_) => false,
    }
}
