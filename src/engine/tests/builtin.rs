use super::*;
use crate::{id::SnapshotName, rails::Index, record::FailureKind};

fn name(text: &str) -> SnapshotName {
    SnapshotName::new(text).unwrap()
}

fn snapshot(snapshot: &str, files: &[&str], commands: &[(&str, &str)]) -> Work {
    Work::Snapshot {
        name: name(snapshot),
        files: files.iter().map(|glob| (*glob).to_owned()).collect(),
        commands: commands.iter().map(|(key, run)| (name(key), (*run).to_owned())).collect(),
    }
}

/// Takes a snapshot, and puts the pieces where the ledger would.
async fn take(bed: &mut Bed, work: Work) -> Out {
    bed.job.work = work;
    let out = bed.run().await;
    for (path, bytes) in &out.files {
        let path = bed.job.run_base.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    out
}

fn index(out: &Out, name: &str) -> Index {
    serde_json::from_slice(&out.files[&format!("build/snapshots/{name}/index.json")]).unwrap()
}

fn compare(changed_only: Option<&[&str]>, identical: &[&str], changed: &[&str]) -> Work {
    let owned = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect::<Vec<_>>();
    Work::Compare {
        before: name("pre"),
        after: name("post"),
        changed_only: changed_only.map(owned),
        identical: owned(identical),
        changed: owned(changed),
    }
}

#[tokio::test]
async fn a_snapshot_holds_what_its_globs_and_commands_name() {
    let mut bed = Bed::shell(":");
    for path in ["config/ui.json", "config/deep/a.json", "config/b.txt", "other.json"] {
        bed.file(path, path);
    }
    let out = take(&mut bed, snapshot("pre", &["config/**/*.json"], &[("live", "echo up"), ("quiet", ":")])).await;
    let index = index(out.done(), "pre");
    let paths: Vec<&str> = index.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["config/deep/a.json", "config/ui.json"]);
    assert_eq!(out.files["build/snapshots/pre/files/config/ui.json"], b"config/ui.json");
    assert_eq!(out.files["build/snapshots/pre/commands/live.txt"], b"up\n");
    assert_eq!(out.files["build/snapshots/pre/commands/quiet.txt"], b"");
    assert_eq!(index.commands[0].sha256, crate::id::Sha256::of(b"up\n"));
}

#[tokio::test]
async fn one_star_does_not_cross_directories() {
    let mut bed = Bed::shell(":");
    bed.file("config/ui.json", "1");
    bed.file("config/deep/a.json", "1");
    let out = take(&mut bed, snapshot("pre", &["config/*.json"], &[])).await;
    assert_eq!(index(&out, "pre").files.len(), 1);
}

#[tokio::test]
async fn a_snapshot_hides_secrets_and_still_sees_them_change() {
    let mut bed = Bed::shell(":");
    bed.redactor =
        Redactor::new(&[("OLD".to_owned(), "old-secret".to_owned()), ("NEW".to_owned(), "new-secret".to_owned())]).unwrap();
    bed.file("a.json", "key: old-secret");
    take(&mut bed, snapshot("pre", &["*.json"], &[])).await;
    bed.file("a.json", "key: new-secret");
    let out = take(&mut bed, snapshot("post", &["*.json"], &[])).await;
    assert_eq!(out.files["build/snapshots/post/files/a.json"], b"key: [REDACTED:NEW]");
    assert!(index(&out, "post").files[0].redacted);
    let out = take(&mut bed, compare(None, &["a.json"], &[])).await;
    assert_eq!(
        (out.failure().kind, out.failure().message.as_str()),
        (FailureKind::Compare, "identical: expected a.json is identical, got changed: a.json")
    );
}

#[tokio::test]
async fn a_link_out_of_the_workspace_is_named_and_not_followed() {
    let mut bed = Bed::shell(":");
    let outside = bed.job.run_base.join("outside");
    std::fs::write(&outside, "theirs").unwrap();
    bed.file("in.json", "ours");
    std::os::unix::fs::symlink(&outside, bed.workspace().join("out.json")).unwrap();
    std::os::unix::fs::symlink("/etc", bed.workspace().join("etc")).unwrap();
    let out = take(&mut bed, snapshot("pre", &["*.json", "etc/*"], &[])).await;
    let index = index(out.done(), "pre");
    let paths: Vec<&str> = index.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["in.json", "out.json"]);
    assert!(index.files[1].link.is_some());
    assert!(!out.files.contains_key("build/snapshots/pre/files/out.json"));
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused() {
    let mut bed = Bed::shell(":");
    let file = std::fs::File::create(bed.workspace().join("big")).unwrap();
    file.set_len(crate::rails::FILE_BYTES_MAX + 1).unwrap();
    let out = take(&mut bed, snapshot("pre", &["big"], &[])).await;
    assert_eq!(
        (out.failure().kind, out.failure().message.as_str()),
        (FailureKind::Snapshot, "big has 67108865 bytes; a snapshot takes files up to 67108864")
    );
}

#[tokio::test]
async fn a_command_that_fails_is_no_snapshot() {
    let mut bed = Bed::shell(":");
    let out = take(&mut bed, snapshot("pre", &[], &[("live", "echo no >&2; exit 2")])).await;
    assert_eq!(out.failure().message, "`live`: exit code 2: no");
    assert!(!out.files.contains_key("build/snapshots/pre/index.json"));
}

#[tokio::test]
async fn a_comparison_tells_what_changed_and_holds_what_is_expected() {
    let mut bed = Bed::shell(":");
    let files = ["config/*"];
    bed.file("config/ui.json", "{\n  \"color\": \"red\"\n}\n");
    bed.file("config/old.json", "1");
    bed.file("config/same.json", "1");
    take(&mut bed, snapshot("pre", &files, &[("live", "cat config/ui.json")])).await;
    bed.file("config/ui.json", "{\n  \"color\": \"blue\"\n}\n");
    bed.file("config/new.json", "1");
    std::fs::remove_file(bed.workspace().join("config/old.json")).unwrap();
    take(&mut bed, snapshot("post", &files, &[("live", "cat config/same.json")])).await;

    let out = take(&mut bed, compare(Some(&["config/*", "commands/live"]), &["config/same.json"], &["config/ui.json"])).await;
    out.done();
    let diff = String::from_utf8(out.files["build/artifacts/diff-pre-post.diff"].clone()).unwrap();
    assert!(diff.contains("--- a/config/ui.json\n+++ b/config/ui.json\n"), "{diff}");
    assert!(diff.contains("-  \"color\": \"red\"\n+  \"color\": \"blue\"\n") && diff.contains("/dev/null"), "{diff}");
    let summary: serde_json::Value = serde_json::from_slice(&out.files["build/artifacts/diff-pre-post.json"]).unwrap();
    let kinds: Vec<(&str, &str)> = summary["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (change["path"].as_str().unwrap(), change["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("commands/live", "changed"),
            ("config/new.json", "added"),
            ("config/old.json", "removed"),
            ("config/ui.json", "changed")
        ]
    );

    let out = take(&mut bed, compare(Some(&["config/ui.json"]), &["no-such.json"], &["config/same.json"])).await;
    assert_eq!(
        out.failure().message,
        "changed_only: expected changes only in config/ui.json, got also changed: commands/live, config/new.json, config/old.json; \
         identical: expected no-such.json is identical, got neither snapshot holds it; \
         changed: expected config/same.json has changed, got not changed"
    );
}

#[tokio::test]
async fn a_comparison_without_its_snapshots_is_blocked() {
    let mut bed = Bed::shell(":");
    let out = take(&mut bed, compare(None, &[], &[])).await;
    assert_eq!(
        out.reply.outcome,
        ReplyOutcome::Blocked { missing: vec!["snapshot `pre` was not taken in this flow".to_owned()] }
    );
}

fn render(text: &str, to: &str) -> Work {
    Work::Render { text: text.to_owned(), to: to.to_owned() }
}

#[tokio::test]
async fn what_is_rendered_for_the_run_leaves_as_a_piece() {
    let mut bed = Bed::shell(":").with(|job| job.outputs = vec!["artifacts/log.md".to_owned()]);
    bed.job.work = render("# Log\n", "artifacts/log.md");
    let out = bed.run().await;
    assert_eq!(out.done().files["build/artifacts/log.md"], b"# Log\n");
    assert_eq!(out.reply.outputs.len(), 1);
}

#[tokio::test]
async fn what_is_rendered_for_the_workspace_replaces_the_file() {
    let mut bed = Bed::shell(":");
    bed.file("docs/log.md", "old");
    bed.job.work = render("new", "docs/log.md");
    bed.run().await.done();
    assert_eq!(std::fs::read_to_string(bed.workspace().join("docs/log.md")).unwrap(), "new");
    assert_eq!(std::fs::read_dir(bed.workspace().join("docs")).unwrap().count(), 1);
}

#[tokio::test]
async fn nothing_is_rendered_outside_the_workspace() {
    let mut bed = Bed::shell(":");
    let outside = bed.job.run_base.join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, bed.workspace().join("link")).unwrap();
    for to in ["link/a", "link/deep/a", "../a", "/tmp/a", "a/../../b", ""] {
        bed.job.work = render("x", to);
        assert_eq!(bed.run().await.failure().kind, FailureKind::Io, "{to}");
    }
    assert_eq!(std::fs::read_dir(outside).unwrap().count(), 0);
}
