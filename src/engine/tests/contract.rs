use super::*;
use crate::{
    id::{Sha256, StepId},
    record::FailureKind,
    spec::{
        CountsAs, ParseAs,
        flow::{Matcher, Verify},
    },
};

fn verify(id: &str, run: &str, parse: ParseAs, report: Option<&str>) -> Verify {
    let report = report.map(str::to_owned);
    let (counts_as, warnings_max, coverage_min) = (CountsAs::Lint, None, None);
    Verify { id: StepId::new(id).unwrap(), run: run.to_owned(), parse, report, counts_as, warnings_max, coverage_min }
}

fn expecting(script: &str, change: impl FnOnce(&mut Expect)) -> Bed {
    Bed::shell(script).with(|job| {
        job.expect.written = true;
        change(&mut job.expect);
    })
}

fn holds(text: &str) -> Option<Matcher> {
    Some(Matcher::Holds(text.to_owned()))
}

#[tokio::test]
async fn without_its_inputs_a_step_does_not_begin() {
    let bed = Bed::shell("touch began").with(|job| job.inputs = vec!["here".to_owned(), "artifacts/plan.md".to_owned()]);
    bed.file("here", "x");
    let out = bed.run().await;
    assert_eq!(out.reply.outcome, ReplyOutcome::Blocked { missing: vec!["artifacts/plan.md does not exist".to_owned()] });
    assert!(!bed.workspace().join("began").exists());
}

#[tokio::test]
async fn inputs_are_digested_as_they_were_before_the_work() {
    let bed = Bed::shell("echo changed > here").with(|job| job.inputs = vec!["here".to_owned()]);
    bed.file("here", "x");
    let out = bed.run().await;
    assert_eq!(out.done().reply.inputs[0].sha256, Sha256::of(b"x"));
}

#[tokio::test]
async fn a_promised_file_that_is_not_there_fails_the_step() {
    let bed = Bed::shell("echo one > a").with(|job| job.outputs = vec!["a".to_owned(), "b".to_owned()]);
    let out = bed.run().await;
    assert_eq!(
        (out.failure().kind, out.failure().message.as_str()),
        (FailureKind::Contract, "output b: expected exists, got does not exist")
    );
    assert_eq!((out.reply.outputs[0].bytes, out.reply.outputs[0].exists, out.reply.outputs[1].exists), (4, true, false));
}

#[tokio::test]
async fn every_expectation_is_a_check() {
    let script = r#"echo '{"n": 3}'; echo warn >&2"#;
    let bed = expecting(script, |expect| {
        expect.stdout = holds("\"n\"");
        expect.not_stdout = holds("error");
        expect.stderr = Some(Matcher::Matches(regex::Regex::new("^warn$|^warn\n").unwrap()));
    });
    let out = bed.run().await;
    let names: Vec<&str> = out.done().reply.checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["exit", "stdout", "not_stdout", "stderr"]);
    let bed = expecting(script, |expect| {
        expect.stdout = holds("nothing of the kind");
        expect.not_stdout = holds("{");
    });
    let out = bed.run().await;
    assert_eq!(
        out.failure().message,
        "stdout: expected `nothing of the kind`, which was not found; not_stdout: expected no `{`, which was found"
    );
}

#[tokio::test]
async fn an_expression_sees_the_json_that_was_printed() {
    let names = crate::spec::Names { others: ["json".to_owned(), "step".to_owned()].into(), ..Default::default() };
    let expr = crate::spec::Expr::compile("json.n > 2 && step.exit_code == 0", &names).unwrap();
    let json = |script: &str| expecting(script, |expect| expect.json = Some(expr.clone())).with(|job| job.keep.json = true);
    let out = json(r#"echo '{"n": 3}'"#).run().await;
    assert_eq!(out.done().reply.kept.json, Some(serde_json::json!({"n": 3})));
    assert!(json(r#"echo '{"n": 1}'"#).run().await.failure().message.contains("got false"));
    assert!(json("echo no").run().await.failure().message.contains("standard output is not JSON"));
}

#[tokio::test]
async fn verify_runs_after_the_work_and_decides() {
    let bed = Bed::shell("echo 1 > made").with(|job| {
        job.verify = vec![
            verify("made", "cat made", ParseAs::Exit, None),
            verify("unit", "echo 'test result: FAILED. 3 passed; 1 failed; 0 ignored'; exit 101", ParseAs::CargoTest, None),
        ];
    });
    let out = bed.run().await;
    assert_eq!(out.reply.commands.len(), 3);
    assert_eq!(out.files["build/logs/work.1.made.stdout"], b"1\n");
    assert_eq!(
        out.failure().message,
        "verify unit: expected exit 0, got exit 101; verify unit: tests: expected tests ran, none failed, got 3 passed, 1 failed, 0 skipped"
    );
    assert_eq!(out.reply.tests.as_ref().unwrap().figures.as_ref().unwrap().total, 4);
}

#[tokio::test]
async fn a_report_from_yesterday_is_no_measure() {
    let bed = Bed::shell(":").with(|job| job.verify = vec![verify("unit", ":", ParseAs::Junit, Some("report.xml"))]);
    bed.file("report.xml", "<testsuite><testcase name='a'/></testsuite>");
    let out = bed.run().await;
    assert!(out.failure().message.contains("older than the command"), "{}", out.failure().message);
    assert!(!out.reply.tests.as_ref().unwrap().measured);
    let write = "echo \"<testsuite><testcase name='b'/><testcase name='c'/></testsuite>\" > report.xml";
    let bed = Bed::shell(":").with(|job| job.verify = vec![verify("unit", write, ParseAs::Junit, Some("report.xml"))]);
    assert_eq!(bed.run().await.done().reply.tests.as_ref().unwrap().figures.as_ref().unwrap().passed, 2);
}

#[tokio::test]
async fn a_failed_step_is_not_verified() {
    let bed = Bed::shell("exit 1").with(|job| job.verify = vec![verify("unit", "touch ran", ParseAs::Exit, None)]);
    bed.run().await.failure();
    assert!(!bed.workspace().join("ran").exists());
}

#[tokio::test]
async fn verify_has_what_is_left_of_the_steps_time() {
    let bed = Bed::shell(":").with(|job| {
        job.timeout_ms = Some(200);
        job.verify = vec![verify("slow", "sleep 100", ParseAs::Exit, None)];
    });
    assert_eq!(bed.run().await.failure().kind, FailureKind::Timeout);
}

fn early(text: &str) -> Result<crate::spec::Expr, String> {
    let names = crate::spec::Names { early: true, ..Default::default() };
    let compiled = crate::spec::Expr::compile(text, &names.with(&["step", "measured", "iteration", "json"]));
    compiled.map_err(|problems| problems[0].to_string())
}

#[tokio::test]
async fn an_expectation_of_json_sees_the_same_of_a_command_and_of_a_script() {
    let scripts = [
        ("{\"n\": 3}", "warned", 0),
        ("{\"n\": 3}", "warned", 4),
        ("{\"n\": 3}", "warned", 69),
        ("not json", "", 0),
        ("", "", 0),
    ];
    let exprs = [
        "json.n == 3 && step.json.n == 3",
        "step.passed && measured.passed && measured.checks == 2 && measured.checks_failed == []",
        "step.exit_code == 4 && measured.exit_code == 4",
        "step.stdout.contains('n') && step.stderr == 'warned'",
    ];
    for (stdout, stderr, exit) in scripts {
        for expr in exprs {
            let expect = Expect { stdout: holds("n"), json: Some(early(expr).unwrap()), written: true, ..Expect::default() };
            let script = format!("printf '%s' '{stdout}'; printf '%s' '{stderr}' >&2; exit {exit}");
            let ran = Bed::shell(&script).with(|job| job.expect = expect.clone()).run().await.reply;
            let scenario = crate::engine::Scenario::parse(&format!(
                "flow: f\nsteps: {{work: [{{exit: {exit}, stdout: '{stdout}', stderr: '{stderr}'}}]}}"
            ));
            let step = StepRef::new("work").unwrap();
            let (started_at, scope, keep) = (Time::from_ms(0), crate::spec::expr::Scope::new(), Keep::default());
            let asked = crate::engine::Asked {
                step: &step,
                execution: 1,
                started_at,
                expect: &expect,
                command: true,
                scope: &scope,
                keep,
            };
            let scripted = scenario.unwrap().reply(asked);
            let seen = |reply: &Reply| {
                let checks: Vec<_> =
                    reply.checks.iter().map(|check| (check.name.clone(), check.passed, check.actual.clone())).collect();
                (checks, reply.exit_code, reply.commands[0].exit_code, format!("{:?}", reply.outcome))
            };
            assert_eq!(seen(&ran), seen(&scripted), "{expr} on {stdout:?} {exit}");
        }
    }
}

#[tokio::test]
async fn an_expectation_of_json_sees_all_of_a_long_output() {
    let pad = "printf '{\"pad\": \"%0200000d\", \"last\": \"end\"}' 1; head -c 70000 /dev/zero >&2";
    let json = early("json.last == 'end' && step.stdout.endsWith('}') && size(step.stderr) == 70000").unwrap();
    let out = expecting(pad, |expect| expect.json = Some(json)).with(|job| job.keep.json = true).run().await;
    // Later steps do not have it.
    assert_eq!(out.done().reply.kept.json, None);
    let huge = expecting("printf '\"%01200000d\"' 1", |expect| expect.json = Some(early("json != ''").unwrap())).run().await;
    assert!(huge.failure().message.contains("standard output has 1200002 bytes; JSON is read up to 1048576"));
    let json = early("step.stderr == ''").unwrap();
    let noise = expecting("echo 1; head -c 1200000 /dev/zero >&2", |expect| expect.json = Some(json)).run().await;
    assert!(noise.failure().message.contains("`step.stderr` has no value"), "{}", noise.failure().message);
}

#[test]
fn what_is_known_only_later_is_refused_in_an_expectation_of_json() {
    for (text, says) in [
        ("step.status == 'VERIFIED'", "`step.status` has no value yet in expect.json (it is known in escalate.when"),
        ("step.handoff.status == ''", "`step.handoff` has no value yet"),
        ("step.iteration > 1", "(write `iteration`)"),
        ("measured.tests.failed == 0", "`measured.tests` has no value yet in expect.json"),
        ("measured.test.failed == 0", "nothing is measured as `test` (did you mean `tests`?)"),
    ] {
        let said = early(text).unwrap_err();
        assert!(said.contains(says), "{said}");
    }
    let later = crate::spec::Names::default().with(&["step", "measured"]);
    for text in ["measured.tests.failed == 0 && step.status == ''", "measured.checks_failed == []"] {
        assert!(crate::spec::Expr::compile(text, &later).is_ok());
    }
}
