//! The table of causes. Its order is the order in which they are believed: what is more telling stands first.
//! In: a case. Out: each cause that the evidence shows. Never: two causes with one id, a cause without a remedy.
//! docs/diagnose.md holds the same table; a test holds the two together.

use super::{
    Class,
    case::{Case, Found},
    failed,
    patterns::Pattern,
    security, stuck, stuck_asks, unowned, waiting, wrong,
};

/// How a cause is recognised.
#[derive(Debug)]
enum Sign {
    /// By an execution that failed.
    Fails(Pattern),
    /// By a look at everything.
    Looks(fn(&Case<'_>) -> Option<Found>),
}

#[derive(Debug)]
pub struct Cause {
    pub id: &'static str,
    pub class: Class,
    /// It is worth knowing, and decides nothing.
    pub weak: bool,
    /// It is told only where no other cause of its class was found.
    pub last_resort: bool,
    /// What it means.
    pub means: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
    sign: Sign,
}

impl Cause {
    pub(super) fn find(&self, case: &Case<'_>) -> Option<Found> {
        match &self.sign {
            Sign::Looks(look) => look(case),
            Sign::Fails(pattern) => failed::by_pattern(case, pattern, self.remedy),
        }
    }

    /// The regular expression that it looks for.
    pub(super) fn text(&self) -> Option<&'static str> {
        match &self.sign {
            Sign::Fails(pattern) => Some(pattern.text),
            Sign::Looks(_) => None,
        }
    }

    const fn weak(mut self) -> Self {
        self.weak = true;
        self
    }

    const fn last_resort(mut self) -> Self {
        self.last_resort = true;
        self
    }
}

const fn looks(
    class: Class,
    id: &'static str,
    means: &'static str,
    remedy: &'static str,
    look: fn(&Case<'_>) -> Option<Found>,
) -> Cause {
    Cause { id, class, weak: false, last_resort: false, means, remedy, sign: Sign::Looks(look) }
}

const fn fails(id: &'static str, means: &'static str, remedy: &'static str, pattern: Pattern) -> Cause {
    Cause { id, class: Failed, weak: false, last_resort: false, means, remedy, sign: Sign::Fails(pattern) }
}

const fn kinds(kinds: &'static [&'static str]) -> Pattern {
    Pattern { kinds, exits: &[], text: "" }
}

const fn text(text: &'static str) -> Pattern {
    Pattern { kinds: &[], exits: &[], text }
}

use Class::{Failed, Healthy, Security, Stuck, Waiting, WrongOutput};

pub static CAUSES: &[Cause] = &[
    // Whether the record can be believed.
    looks(
        Security,
        "journal-gone",
        "The run has files, and the journal that would prove them is not there",
        "Restore journal.jsonl from a copy; without it nothing of this run counts as proof",
        security::journal_gone,
    ),
    looks(
        Security,
        "journal-of-another-run",
        "The files were copied here from another run",
        "Look at the run that they belong to; this directory proves nothing",
        security::of_another_run,
    ),
    looks(
        Security,
        "journal-cut",
        "The journal ends before the line that run.json names: its tail was taken away",
        "Restore journal.jsonl from a copy; find out who can write to the runs directory",
        security::journal_cut,
    ),
    looks(
        Security,
        "journal-changed",
        "A line of the journal is not what was written",
        "Restore journal.jsonl from a copy; find out who can write to the runs directory",
        security::journal_changed,
    ),
    looks(
        Security,
        "definition-changed",
        "The frozen flow is not the one that ran, or not there",
        "Restore frozen/ from a copy; the run cannot go on without it",
        security::definition_changed,
    ),
    looks(
        Security,
        "receipt-forged",
        "A receipt, handoff or question stands there that the journal knows nothing of",
        "Believe the journal; put the file aside, and find out who wrote it",
        security::receipt_forged,
    ),
    looks(
        Security,
        "receipt-changed",
        "A receipt, handoff, decision or question was changed after it was written",
        "Compare it with what verify --repair makes from the journal",
        security::receipt_changed,
    ),
    looks(
        Security,
        "output-log-changed",
        "What a command printed was changed after its digest was taken",
        "Do not quote it; run the step again if its output matters",
        security::output_changed,
    ),
    // Whether something is out.
    looks(
        Security,
        "secret-in-file",
        "A file of the run holds text with the shape of a secret",
        "Rotate the secret first, then remove it from the file and from what was made of it; see docs/diagnose.md",
        security::secret,
    ),
    looks(
        Security,
        "boundary-findings",
        "A scan of what leaves this machine found something",
        "Read each finding; rotate what is out before anything else",
        security::scan_findings,
    ),
    looks(
        Security,
        "boundary-violation",
        "The run was stopped because something would have crossed its boundary",
        "Read what was stopped; run again only when the step no longer does it",
        security::boundary,
    ),
    // Why it failed.
    looks(
        Failed,
        "cancelled",
        "A person stopped the run for good",
        "Run the step again if that was a mistake",
        failed::cancelled,
    ),
    looks(
        Failed,
        "question-expired",
        "Nobody answered in time, and the flow said what happens then",
        "Ask again: run the step again, and see that somebody is there",
        failed::expired,
    ),
    fails(
        "rejected",
        "A person was asked, and said no",
        "Read the note of the answer; change what was asked about, then run it again",
        kinds(&["rejected"]),
    ),
    looks(
        Failed,
        "aborted",
        "A person was asked how to go on, and stopped the flow",
        "Read the note of the answer; after the cause is gone, run the step again",
        failed::aborted,
    ),
    looks(
        Failed,
        "rollback-failed",
        "The flow failed, and taking back what it had done failed too",
        "Look at what stands now by hand before anything runs again",
        failed::rollback_failed,
    ),
    looks(
        Failed,
        "not-done",
        "All steps ended, and the Definition of Done does not hold",
        "Do what is missing, then run the step that makes it true",
        failed::not_done,
    ),
    fails("timeout", "The step took longer than it may", "Give it more time, or make it do less", kinds(&["timeout"])),
    fails(
        "hung",
        "The engine stopped answering in the middle of its work",
        "Run it again; look at the end of its conversation first",
        kinds(&["hung"]),
    ),
    fails(
        "bad-envelope",
        "The agent ended without a handoff that fits its schema",
        "Read the end of its conversation; say in its teaching note what it must hand over",
        Pattern { kinds: &["bad_output"], exits: &[], text: "ValidationError|schema validation failed" },
    ),
    fails(
        "engine-auth",
        "The engine does not accept the key",
        "Set the key that the engine needs, then run it again",
        kinds(&["auth"]),
    ),
    fails("engine-quota", "The account of the engine is used up", "Raise the quota, or use another engine", kinds(&["quota"])),
    fails(
        "engine-overloaded",
        "The engine was too busy, also after all retries",
        "Wait, then run it again, or use another engine",
        kinds(&["overloaded"]),
    ),
    fails(
        "turn-limit",
        "The agent used all its turns and was not done",
        "Make its task smaller, or raise max_turns",
        kinds(&["turn_limit"]),
    ),
    fails(
        "budget",
        "The next call would have passed a limit of tokens or money",
        "Raise the limit, or make the step do less",
        kinds(&["budget"]),
    ),
    fails(
        "context-too-big",
        "What the agent was to read does not fit into its model",
        "Include less, or use a model with a larger window",
        kinds(&["context"]),
    ),
    fails(
        "model-refused",
        "The model declined to do it",
        "Read why; say it differently, or let a person do it",
        kinds(&["refused"]),
    ),
    fails(
        "drift",
        "A comparison found changes that were not meant",
        "Read the difference; decide whether the change or the expectation is wrong",
        kinds(&["compare"]),
    ),
    fails(
        "snapshot-failed",
        "What was to be captured is not there",
        "See that the files and commands of the snapshot exist here",
        kinds(&["snapshot"]),
    ),
    fails(
        "template-failed",
        "A template names a value that is not there",
        "Give the value, or mend the template",
        kinds(&["template"]),
    ),
    fails(
        "condition-failed",
        "A condition of the flow could not be evaluated",
        "Mend the expression, or see that the step it reads has run",
        kinds(&["expression"]),
    ),
    fails(
        "missing-module",
        "A module that the program imports is not installed",
        "Install it, or add it to what the project depends on",
        text(
            r"(?i)ModuleNotFoundError|No module named|Cannot find module|can't find crate|unresolved import|no required module provides package|could not find gem|ImportError",
        ),
    ),
    fails(
        "missing-command",
        "A program that the step calls is not installed",
        "Install it, or see that it is on PATH; name it under requires.commands",
        Pattern { kinds: &["spawn"], exits: &[127], text: r"(?i)command not found|: not found$|executable file not found" },
    ),
    fails(
        "disk-full",
        "There is no room left on a disk",
        "Make room, then run it again",
        text(r"(?i)No space left on device|disk quota exceeded|ENOSPC"),
    ),
    fails(
        "out-of-memory",
        "The step used more memory than there is",
        "Give it more memory, or make it do less at once",
        Pattern {
            kinds: &[],
            exits: &[137],
            text: r"(?i)out of memory|cannot allocate memory|MemoryError|heap out of memory|signal 9\b|SIGKILL",
        },
    ),
    fails(
        "killed",
        "A signal ended the step",
        "Find out who sent it; run it again",
        Pattern { kinds: &["signal", "crashed"], exits: &[134, 139, 143], text: r"(?i)segmentation fault|core dumped" },
    ),
    looks(
        Failed,
        "loop-stopped",
        "Author and critic used their rounds, and the flow says to stop then",
        "Read the findings that stand; mend them, or raise the loop's max",
        failed::loop_stopped,
    ),
    looks(
        Failed,
        "tests-failed",
        "Tests ran, and some failed",
        "Mend what the tests show, then run the step again",
        failed::tests,
    ),
    looks(
        Failed,
        "no-tests-ran",
        "The tests were to run, and none did",
        "See that the command finds the tests",
        failed::no_tests,
    ),
    looks(
        Failed,
        "lint-failed",
        "A linter or a scanner reported errors",
        "Mend what it names, or take the known fix",
        failed::lint,
    ),
    looks(
        Failed,
        "output-missing",
        "The step ended, and a file that it promised is not there",
        "See where it wrote to; paths are relative to the workspace, or begin with artifacts/",
        failed::output_missing,
    ),
    fails(
        "merge-conflict",
        "Two changes touch the same lines",
        "Merge by hand, then run it again",
        text(r"(?m)CONFLICT \(|^<<<<<<< |Automatic merge failed|needs merge"),
    ),
    fails(
        "port-in-use",
        "Another process listens on the port",
        "End the other process, or use another port",
        text(r"(?i)address already in use|EADDRINUSE|port is already allocated"),
    ),
    fails(
        "network",
        "Another machine did not answer",
        "See that it can be reached from here, then run it again",
        text(
            r"(?i)connection refused|could not resolve host|temporary failure in name resolution|network is unreachable|connection (?:reset|timed out)|ECONNREFUSED|ENOTFOUND",
        ),
    ),
    fails(
        "permission-denied",
        "The step may not touch what it needs",
        "Give it the right, or do it another way",
        Pattern {
            kinds: &["permission_denied"],
            exits: &[126],
            text: r"(?i)permission denied|operation not permitted|EACCES|read-only file system",
        },
    ),
    fails(
        "missing-file",
        "A file that the step reads is not there",
        "Look at the step that should have made it; declare it under inputs",
        Pattern {
            kinds: &["missing"],
            exits: &[],
            text: r"(?i)FileNotFoundError|No such file or directory|ENOENT|cannot open .* for reading",
        },
    ),
    fails(
        "same-failure-again",
        "It failed alike in every attempt",
        "Trying again does not help: mend the cause",
        Pattern { kinds: &[], exits: &[], text: r"same (?:failure|signature) (?:twice|again)" },
    ),
    looks(
        Failed,
        "detour-failed",
        "A known fix was tried and did not help",
        "Read what the fix did; mend it by hand",
        failed::detour,
    ),
    looks(
        Failed,
        "expectation-unmet",
        "The command ended well, and what it printed or left is not what was expected",
        "Compare what was expected with what was found",
        failed::expectation,
    ),
    fails("io", "The machine did not let the step read or write", "Read the error; look at disk and permissions", kinds(&["io"])),
    looks(
        Failed,
        "exit-code",
        "A command ended with an error that nothing here recognises",
        "Read what it printed",
        failed::exit_code,
    )
    .last_resort(),
    looks(Failed, "failed-otherwise", "It failed, and no receipt says more", "Read the story of the run", failed::otherwise)
        .last_resort(),
    // Why it does not go on.
    looks(
        Stuck,
        "never-started",
        "The directory holds nothing of a run: whoever made it was stopped at once",
        "Start the flow",
        stuck::never_started,
    ),
    looks(Stuck, "unreadable", "The run cannot be read", "Give yourself the right to read it", stuck::unreadable),
    looks(
        Stuck,
        "orphans-alive",
        "The process that drove the run is gone, and what it started still runs",
        "Resume the run: it ends them first",
        stuck::orphans,
    ),
    looks(
        Stuck,
        "answer-not-taken",
        "An answer lies in the inbox, and nobody drives the run to take it",
        "Resume the run: it takes the answer",
        stuck_asks::not_taken,
    ),
    looks(Stuck, "answered-not-resumed", "Everything was answered, and nobody went on", "Resume the run", stuck_asks::answered),
    looks(
        Stuck,
        "deadline-passed",
        "A question's time is over, and nobody drives the run to act on it",
        "Resume the run: it does what the flow says of a late answer",
        stuck_asks::deadline,
    ),
    looks(
        Stuck,
        "answer-refused",
        "Somebody answered, and the answer was refused",
        "Read why, and answer again",
        stuck_asks::refused,
    ),
    looks(Stuck, "input-arrived", "What a blocked step lacked is there now", "Answer retry", stuck_asks::arrived),
    looks(
        Stuck,
        "blocked",
        "A step lacks what it needs",
        "Provide it, or mend the step before; then answer retry",
        stuck_asks::blocked,
    ),
    looks(
        Stuck,
        "may-have-half-run",
        "A once-only step did not end, and must not be repeated unasked",
        "Look at what it did, then answer retry or mark-done",
        stuck_asks::lost,
    ),
    looks(
        Stuck,
        "loop-same-finding",
        "The critic finds the same again: another round would not help",
        "Mend the finding by hand, or send the author back with a note",
        stuck_asks::loop_same,
    ),
    looks(
        Stuck,
        "loop-no-further-help",
        "The critic says that another round would not help, and a HIGH concern is open",
        "Decide on the concern",
        stuck_asks::loop_no_help,
    ),
    looks(
        Stuck,
        "loop-exhausted",
        "Author and critic used all their rounds",
        "Read the findings that stand; grant a round, or decide on them",
        stuck_asks::loop_spent,
    ),
    looks(Stuck, "limit-reached", "A limit of the flow is used up", "Raise it, or stop the flow", stuck_asks::limit),
    looks(
        Stuck,
        "engine-unreachable",
        "Calls to an engine failed so often in a row that a person is asked",
        "See that the engine can be reached, then answer retry",
        stuck_asks::engine,
    ),
    looks(
        Stuck,
        "engine-paused",
        "Calls to an engine failed, and it is left alone for a while",
        "Wait, or see that the engine can be reached",
        stuck::breaker,
    ),
    looks(
        Stuck,
        "no-legal-way",
        "Who was to choose the next step named none that may come",
        "Choose for it",
        stuck_asks::navigator,
    ),
    looks(
        Stuck,
        "over-its-time",
        "A step runs longer than it may, and was not ended",
        "Cancel the run; the process that drives it does not keep its time",
        stuck::over_time,
    ),
    looks(
        Stuck,
        "poll-not-met",
        "A step asks again and again, and the answer is not there yet",
        "Wait for its window to end, or look at what it asks",
        stuck::poll,
    ),
    looks(
        Stuck,
        "between-attempts",
        "An attempt failed, and the next one waits for its time",
        "Wait, or mend what the attempt says",
        stuck::retry,
    ),
    looks(
        Stuck,
        "silent-step",
        "A step without a time limit has run for long, and nothing was written",
        "Look at what it prints; give it a timeout",
        stuck::silent,
    ),
    looks(
        Stuck,
        "driver-idle",
        "A process drives the run and does nothing",
        "Stop that process, then resume the run",
        stuck::idle,
    ),
    looks(
        Stuck,
        "handoff-unfinished",
        "The process was gone while an agent was at work: it left no handoff",
        "Read the end of its conversation, then resume",
        stuck::agent_gone,
    ),
    looks(
        Stuck,
        "driver-gone",
        "The process that drove the run is gone in the middle of a step",
        "Resume the run",
        stuck::driver_gone,
    ),
    looks(Stuck, "told-to-stop", "The run was told to stop, and can go on", "Resume the run", stuck::told),
    looks(
        Stuck,
        "left-out",
        "Nothing more was allowed to start: --until or --only named a step",
        "Resume the run",
        stuck::left_out,
    ),
    looks(
        Stuck,
        "stopped-between-steps",
        "The process that drove the run is gone between two steps",
        "Resume the run",
        stuck::between_steps,
    ),
    looks(
        Stuck,
        "blocked-handoff",
        "A step says that it is BLOCKED, and nothing came after it",
        "Provide what it lacks, or mend the step before",
        unowned::blocked,
    ),
    looks(
        Stuck,
        "escalation-unanswered",
        "The routing asked for a person, and nothing came after it",
        "Decide, write it down where the program looks for it, and go on",
        unowned::escalated,
    ),
    looks(
        Stuck,
        "loops-without-end",
        "The routing went round again and again",
        "Read what the critic finds; change the task or the limit",
        unowned::looping,
    ),
    looks(
        Stuck,
        "crashed-before-receipt",
        "A step left a conversation or a log, and no receipt",
        "Read the end of it for the error",
        unowned::no_receipt,
    ),
    looks(
        Stuck,
        "receipts-damaged",
        "Files that should be receipts cannot be read",
        "Make them again, or run their steps again",
        unowned::damaged,
    ),
    looks(
        Stuck,
        "events-stop",
        "The log of events stops before the end of the run",
        "Look at the step that was last",
        unowned::events_stop,
    ),
    looks(
        Stuck,
        "torn-line",
        "The last line of the journal was not finished: it never happened",
        "Nothing: the next resume cuts it",
        stuck::torn,
    )
    .weak(),
    looks(
        Stuck,
        "manifest-missing",
        "run.json is not there or cannot be read; the journal tells what it would",
        "Resume or repair makes it again",
        stuck::manifest,
    )
    .weak(),
    // Who is waited for.
    looks(
        Waiting,
        "evidence-changed",
        "What a question shows is not what it was: an answer would be refused, and asked anew",
        "Look at what changed before you answer",
        waiting::evidence_changed,
    ),
    looks(
        Waiting,
        "line-stopped",
        "A finding stopped everything until a person decides",
        "Decide on it first: nothing else starts",
        waiting::line,
    ),
    looks(Waiting, "approval", "A step waits for an approval", "Read what would be done, then answer", waiting::approval),
    looks(
        Waiting,
        "failure-decision",
        "A step failed, and a person decides how to go on",
        "Read why it failed, then answer",
        waiting::failure,
    ),
    looks(
        Waiting,
        "escalation",
        "The flow asks a person because of what a step found",
        "Read what was found, then answer",
        waiting::escalation,
    ),
    looks(
        Waiting,
        "sign-off",
        "All steps ended, and the Definition of Done asks a person",
        "Look at what was made, then answer",
        waiting::done,
    ),
    looks(Waiting, "question", "The flow asks a person", "Answer it", waiting::ask),
    // Whether what it says of itself is true.
    looks(
        WrongOutput,
        "output-gone",
        "A file that was measured then is not there now",
        "Run the step that made it again",
        wrong::output_gone,
    ),
    looks(
        WrongOutput,
        "output-changed",
        "An artifact is not the one that was measured",
        "Run the step that made it again, and find out who changed it",
        wrong::output_changed,
    ),
    looks(
        WrongOutput,
        "receipts-missing",
        "Files that the journal can make are not there",
        "Make them again",
        wrong::receipts_missing,
    ),
    looks(
        WrongOutput,
        "hollow-tests",
        "Tests are green, and none ran",
        "See that the command finds the tests; expect a number of them",
        wrong::hollow,
    ),
    looks(
        WrongOutput,
        "tests-vanished",
        "Tests that failed did not pass: they are gone",
        "Look at what was removed, and by which step",
        wrong::vanished,
    ),
    looks(
        WrongOutput,
        "coverage-gamed",
        "Coverage rose while tests or assertions fell",
        "Read the tests that were changed; try them with a broken program",
        wrong::coverage,
    ),
    looks(
        WrongOutput,
        "red-counts-as-good",
        "Something measured is red, and its step counts as good",
        "Let the flow fail on it",
        wrong::red_good,
    ),
    looks(
        WrongOutput,
        "claim-contradicted",
        "An agent says what was not seen",
        "Believe the measure; send the author back with it",
        wrong::claims,
    ),
    looks(
        WrongOutput,
        "verified-with-high",
        "A step says VERIFIED with a HIGH concern",
        "Decide on the concern",
        wrong::verified_high,
    ),
    looks(
        WrongOutput,
        "loop-left-open",
        "A loop was left although its critic was not satisfied",
        "Read the findings that stand",
        wrong::loop_left,
    ),
    looks(
        WrongOutput,
        "measure-stale",
        "Something was changed after it was measured",
        "Measure again: run the measuring step once more",
        wrong::stale,
    ),
    looks(
        WrongOutput,
        "decision-turned-over",
        "A later step decided against an earlier decision without saying so",
        "Read both; run again from the one that is wrong",
        wrong::turned_over,
    ),
    looks(
        WrongOutput,
        "teaching-cut",
        "The teaching note or a handoff did not fit into what the agent was told",
        "Raise the context budget, or include less",
        wrong::teaching_cut,
    ),
    looks(
        WrongOutput,
        "unproven",
        "An agent says VERIFIED, and nothing measured what it did",
        "Give the step outputs, expectations or a verify command",
        wrong::unproven,
    ),
    looks(
        WrongOutput,
        "input-changed",
        "A step read another file than the one that an earlier step made",
        "Find out what wrote it in between; run again from there",
        wrong::input_changed,
    ),
    looks(
        WrongOutput,
        "failure-stands",
        "A step failed, and the flow went on as it says it may",
        "Read the warning; decide whether that is good enough",
        wrong::standing,
    )
    .weak(),
    looks(
        WrongOutput,
        "done-by-hand",
        "A person skipped a step, or said that it was done",
        "Look at the evidence that was named",
        wrong::by_hand,
    )
    .weak(),
    looks(
        WrongOutput,
        "done-by-script",
        "A script answered in place of an agent: its work was not done",
        "Run it again with a real engine",
        wrong::stub,
    )
    .weak(),
    looks(
        WrongOutput,
        "flow-changed-since",
        "The flow is another today than when it ran",
        "Run it again, if what changed matters",
        wrong::drifted,
    )
    .weak(),
    looks(
        WrongOutput,
        "params-changed",
        "Parameters were changed while it ran: early steps saw other values",
        "Run again from the first step that reads them",
        wrong::params,
    )
    .weak(),
    looks(
        WrongOutput,
        "assumptions-open",
        "Steps assumed something that nobody has confirmed",
        "Confirm or refute each; run again from the step whose assumption is wrong",
        wrong::assumptions,
    )
    .weak(),
    looks(
        WrongOutput,
        "context-cut",
        "Some of what an agent was to read was left out",
        "Raise the context budget, or include less",
        wrong::context_cut,
    )
    .weak(),
    looks(
        WrongOutput,
        "output-truncated",
        "A command printed more than was kept",
        "Let it print less, or write a file",
        wrong::truncated,
    )
    .weak(),
    // Nothing is wrong.
    looks(Healthy, "under-way", "It is running", "Wait", wrong::running),
    looks(Healthy, "done", "It ended, and nothing contradicts it", "Read what was done", wrong::done),
];
