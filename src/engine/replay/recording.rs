//! A recording: the transcripts of a run, in its own directory or in one that `record` made of it.
//! In: a directory. Out: what agents said and what their tools told them, by step and execution.
//! Never: a line trusted that is no JSON.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    engine::openai::{Answer, Told, ToolCall},
    id::{AgentKey, FramePath, RunId, Sha256, StepRef},
    record::{EngineWord, ErrorClass, Failure, RecordingIndex},
};

use super::swap::Swap;

/// Of one transcript: more than a run writes in one attempt, and enough for many.
const TRANSCRIPT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Engines that agents are performed by. Transcripts of programs hold what an agent answered, and none of its tools.
const AGENTS: [EngineWord; 5] = [EngineWord::Openai, EngineWord::Replay, EngineWord::Claude, EngineWord::Codex, EngineWord::Cli];

#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error("{path} cannot be read")]
    Io { path: String, source: io::Error },
    #[error("{path} is neither a recording nor the directory of a run")]
    NoRecording { path: String },
    #[error("{path} holds no transcript of an agent")]
    Empty { path: String },
    #[error("{path} is not what {index} says of it", index = RecordingIndex::FILE)]
    Changed { path: String },
    #[error("line {line} of {path} is no line of a transcript")]
    BadLine { path: String, line: usize },
    #[error("there is no transcript of step `{step}` of flow `{flow}` in {path}")]
    NoStep { path: String, flow: FramePath, step: StepRef },
}

/// Where the recorded run stood.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Places {
    /// `[WORKSPACE]` and `[RUN_BASE]` stand for them.
    Named,
    Real {
        workspace: String,
        run_base: String,
    },
}

/// Transcripts, found but not yet read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    dir: PathBuf,
    pub run_id: RunId,
    places: Places,
    /// Of every transcript, by its path below `dir`.
    files: BTreeMap<String, Sha256>,
}

/// What is recorded of one transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summed {
    /// Executions that came to an end.
    pub executions: Vec<u32>,
    pub answers: u64,
}

/// One execution that came to an end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Execution {
    pub number: u32,
    /// One, and one more for each attempt that began anew.
    pub conversations: Vec<Conversation>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Conversation {
    pub system: String,
    pub prompt: String,
    pub tools_in_words: bool,
    /// The program that performed it: it was told once, and its answer was the handoff.
    pub program: Option<EngineWord>,
    pub answers: Vec<Answer>,
    pub results: Vec<Told>,
    /// How it ended, if not with a handoff.
    pub failed: Option<Failure>,
    /// Why it cannot be gone through again.
    pub unusable: Option<String>,
    ended: bool,
}

impl Recording {
    /// Looks what is there. Blocks.
    ///
    /// # Errors
    /// It is no recording, or not what its index says.
    pub fn open(dir: &Path) -> Result<Self, RecordingError> {
        let shown = || dir.display().to_string();
        let no = || RecordingError::NoRecording { path: shown() };
        let json = |name: &str| -> Result<Option<Value>, RecordingError> {
            let path = dir.join(name);
            match fs::read(&path) {
                Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
                Err(source) => Err(RecordingError::Io { path: path.display().to_string(), source }),
            }
        };
        let files = transcripts(dir)?;
        let index: Option<RecordingIndex> = json(RecordingIndex::FILE)?.and_then(|value| serde_json::from_value(value).ok());
        let (run_id, places) = match index {
            Some(index) => {
                let differs = index.transcripts.iter().find(|file| files.get(&file.path) != Some(&file.sha256));
                if let Some(file) = differs {
                    return Err(RecordingError::Changed { path: dir.join(&file.path).display().to_string() });
                }
                (index.run_id, Places::Named)
            }
            None => {
                let run = json("run.json")?.ok_or_else(no)?;
                let word = |key: &str| run.get(key).and_then(Value::as_str);
                let run_id = word("run_id").and_then(|id| RunId::new(id).ok()).ok_or_else(no)?;
                let workspace = word("workspace").ok_or_else(no)?.to_owned();
                let run_base = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()).to_string_lossy().into_owned();
                (run_id, Places::Real { workspace, run_base })
            }
        };
        if files.is_empty() {
            return Err(RecordingError::Empty { path: shown() });
        }
        Ok(Self { dir: dir.to_owned(), run_id, places, files })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn shown(&self) -> String {
        self.dir.display().to_string()
    }

    /// Of all transcripts, with their names.
    pub fn digest(&self) -> Sha256 {
        let lines: String = self.files.iter().map(|(path, digest)| format!("{digest} {path}\n")).collect();
        Sha256::of(lines.as_bytes())
    }

    /// Paths of all transcripts below the directory.
    pub fn transcripts(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    fn path_of(&self, flow: &FramePath, step: &StepRef, agent: &AgentKey) -> Result<String, RecordingError> {
        let path = |engine: EngineWord| format!("{flow}/llm/{step}-{agent}-{engine}.jsonl");
        AGENTS
            .iter()
            .map(|engine| path(*engine))
            .find(|path| self.files.contains_key(path))
            .ok_or_else(|| RecordingError::NoStep { path: self.shown(), flow: flow.clone(), step: step.clone() })
    }

    /// The program that performed the step, then or in the run that was replayed then. Blocks.
    pub(super) fn program(&self, flow: &FramePath, step: &StepRef, agent: &AgentKey) -> Option<EngineWord> {
        let lines = self.lines(&self.path_of(flow, step, agent).ok()?).ok()?;
        lines.iter().find_map(program)
    }

    /// What of a step came to an end, in the words of a run that stands at `places` (workspace, run). Blocks.
    pub(super) fn executions(
        &self,
        flow: &FramePath,
        step: &StepRef,
        agent: &AgentKey,
        places: &(PathBuf, PathBuf),
    ) -> Result<Vec<Execution>, RecordingError> {
        let path = self.path_of(flow, step, agent)?;
        let now = (places.0.to_string_lossy().into_owned(), places.1.to_string_lossy().into_owned());
        let swap = match &self.places {
            Places::Named => {
                Swap::new([(RecordingIndex::WORKSPACE.to_owned(), now.0), (RecordingIndex::RUN_BASE.to_owned(), now.1)])
            }
            Places::Real { workspace, run_base } => Swap::new([(workspace.clone(), now.0), (run_base.clone(), now.1)]),
        };
        let lines = self.lines(&path)?;
        Ok(read(lines.into_iter().map(|line| swap.json(line))))
    }

    /// Lines of a transcript of executions that came to an end, with `[WORKSPACE]` and `[RUN_BASE]` for the places of the run;
    /// and what they hold. Blocks.
    ///
    /// # Errors
    /// It cannot be read, or is no transcript.
    pub fn portable(&self, path: &str) -> Result<(Vec<Value>, Summed), RecordingError> {
        let swap = match &self.places {
            Places::Named => Swap::default(),
            Places::Real { workspace, run_base } => Swap::new([
                (workspace.clone(), RecordingIndex::WORKSPACE.to_owned()),
                (run_base.clone(), RecordingIndex::RUN_BASE.to_owned()),
            ]),
        };
        let lines = self.lines(path)?;
        let ended = read(lines.iter().cloned());
        let executions: Vec<u32> = ended.iter().map(|one| one.number).collect();
        let answers = ended.iter().flat_map(|one| &one.conversations).map(|talk| talk.answers.len() as u64).sum();
        let kept = lines.into_iter().filter(|line| executions.contains(&number(line))).map(|line| swap.json(line));
        Ok((kept.collect(), Summed { executions, answers }))
    }

    fn lines(&self, path: &str) -> Result<Vec<Value>, RecordingError> {
        let bytes = whole(&self.dir.join(path))?;
        let text = String::from_utf8_lossy(&bytes);
        let bad = |line| RecordingError::BadLine { path: self.dir.join(path).display().to_string(), line };
        // A tail without its newline never happened.
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).enumerate();
        lines.map(|(at, line)| serde_json::from_str(line).map_err(|_| bad(at + 1))).collect()
    }
}

fn whole(path: &Path) -> Result<Vec<u8>, RecordingError> {
    let error = |source| RecordingError::Io { path: path.display().to_string(), source };
    if fs::metadata(path).map_err(error)?.len() > TRANSCRIPT_BYTES_MAX {
        return Err(error(io::Error::other(format!("it has more than {TRANSCRIPT_BYTES_MAX} bytes"))));
    }
    fs::read(path).map_err(error)
}

/// `<flow>/llm/*.jsonl`, with digests.
fn transcripts(dir: &Path) -> Result<BTreeMap<String, Sha256>, RecordingError> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(dir).min_depth(3).max_depth(3).sort_by_file_name().into_iter().flatten() {
        let path = entry.path();
        let in_llm = path.parent().and_then(Path::file_name).is_some_and(|name| name == "llm");
        if in_llm && entry.file_type().is_file() && path.extension().is_some_and(|ext| ext == "jsonl") {
            let name = path.strip_prefix(dir).unwrap_or(path).to_string_lossy().into_owned();
            found.insert(name, Sha256::of(&whole(path)?));
        }
    }
    Ok(found)
}

fn number(line: &Value) -> u32 {
    line.get("execution").and_then(Value::as_u64).and_then(|number| number.try_into().ok()).unwrap_or_default()
}

/// The executions that came to an end, in order.
fn read(lines: impl Iterator<Item = Value>) -> Vec<Execution> {
    let mut all: BTreeMap<u32, Execution> = BTreeMap::new();
    for line in lines {
        let number = number(&line);
        all.entry(number).or_insert_with(|| Execution { number, conversations: Vec::new() }).take(&line);
    }
    all.into_values().filter(|one| one.conversations.last().is_some_and(|talk| talk.ended)).collect()
}

/// The first line of a conversation names its engine; that of a replay says later whose words it says again.
fn program(line: &Value) -> Option<EngineWord> {
    let named = || serde_json::from_value(line.get("engine")?.clone()).ok();
    let own = |engine: &EngineWord| matches!(engine, EngineWord::Claude | EngineWord::Codex | EngineWord::Cli);
    match word(line, "event").as_str() {
        "started" | "told_once" => named().filter(own),
        _ => None,
    }
}

fn word(line: &Value, key: &str) -> String {
    line.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Execution {
    fn take(&mut self, line: &Value) {
        let event = word(line, "event");
        if event == "started" {
            // What was begun again before anything was answered is the same conversation, told in another way.
            if self.conversations.last().is_some_and(|talk| talk.answers.is_empty() && !talk.ended) {
                self.conversations.pop();
            }
            self.conversations.push(Conversation::default());
        }
        let Some(talk) = self.conversations.last_mut() else { return };
        talk.program = talk.program.or_else(|| program(line));
        match (event.as_str(), word(line, "role").as_str()) {
            ("prompt", "system") => talk.system = word(line, "content"),
            ("prompt", _) => talk.prompt = word(line, "content"),
            ("tools_in_words", _) => {
                talk.tools_in_words = true;
                // Their description was put behind the prompt, because the server had no place of its own for it.
                talk.prompt.truncate(talk.prompt.rfind("\n## Tools\n").unwrap_or(talk.prompt.len()));
            }
            ("message", "assistant") => talk.answers.push(answer(line)),
            ("tool_result", _) => talk.results.push(Told { tool: word(line, "tool"), text: word(line, "content") }),
            ("resumed", _) => (talk.ended, talk.failed) = (false, None),
            ("done", _) => talk.ended = true,
            ("failed", _) => (talk.ended, talk.failed) = (true, failure(line)),
            ("capped", _) => talk.unusable = Some("its transcript was full before it ended".to_owned()),
            _ => {}
        }
        let answered = event == "message" || event == "prompt";
        if answered && line.get("clipped").is_some() {
            talk.unusable = Some("a text in it was too long to be kept whole".to_owned());
        }
    }
}

impl Conversation {
    /// What would be done with a mark where a secret was.
    pub fn blacked_out(&self) -> Option<String> {
        let call = self.answers.iter().flat_map(|answer| &answer.calls).find(|call| call.arguments.contains("[REDACTED:"))?;
        Some(format!("{} was recorded with a secret blacked out, and is called with the mark in its place", call.name))
    }
}

fn answer(line: &Value) -> Answer {
    let calls = line.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let call = |call: &Value| ToolCall { id: word(call, "id"), name: word(call, "name"), arguments: word(call, "arguments") };
    Answer {
        text: word(line, "content"),
        calls: calls.iter().map(call).collect(),
        refusal: Some(word(line, "refusal")).filter(|text| !text.is_empty()),
        finish: word(line, "finish_reason"),
        tokens: None,
        model: Some(word(line, "model")).filter(|model| !model.is_empty()),
    }
}

fn failure(line: &Value) -> Option<Failure> {
    let kind = serde_json::from_value(line.get("kind")?.clone()).ok()?;
    let class = line.get("class").and_then(|class| serde_json::from_value(class.clone()).ok());
    // Nothing is asked of a server again: waiting for it would help nobody.
    let class = class.filter(|class| *class != ErrorClass::Transient).unwrap_or(ErrorClass::Permanent);
    Some(Failure { kind, class, message: word(line, "message"), exit_code: None })
}
