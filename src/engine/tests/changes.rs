//! What git is asked, in real repositories.

use super::*;
use crate::record::{ChangeFigures, Figures};

fn git(dir: &Path, args: &[&str]) -> String {
    let done = std::process::Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "-c",
            "init.defaultBranch=main",
            "-c",
            "core.quotePath=false",
        ])
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(done.status.success(), "{args:?}: {done:?}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// A repository with two files, one of them edited and not committed.
fn bed(script: &str) -> Bed {
    let bed = Bed::shell(script).with(|job| job.watched.changes = true);
    git(bed.workspace(), &["init", "-q"]);
    bed.file("a.txt", "one\ntwo\n");
    bed.file("b.txt", "one\n");
    bed.file("d/c.txt", "one\n");
    bed.file(".gitignore", "*.log\n");
    git(bed.workspace(), &["add", "."]);
    git(bed.workspace(), &["commit", "-q", "-m", "one"]);
    bed.file("b.txt", "edited\n");
    bed.file("u.txt", "not added\n");
    bed
}

fn figures(out: &Out) -> &Figures<ChangeFigures> {
    out.reply.changes.as_deref().unwrap()
}

fn told(out: &Out) -> Vec<String> {
    let figures = figures(out).figures.as_ref().unwrap_or_else(|| panic!("{:?}", figures(out)));
    let lines = |file: &crate::record::FileChange| {
        format!("{} {} +{:?} -{:?}", file.change.as_str(), file.path, file.added, file.removed)
            .replace("Some(", "")
            .replace(')', "")
    };
    figures.per_file.iter().map(lines).collect()
}

#[tokio::test]
async fn contents_are_compared_and_neither_times_nor_commits_count() {
    let script = "touch a.txt b.txt u.txt; echo three >> a.txt; rm d/c.txt; echo new > n.txt; echo x > x.log
        git add a.txt; git -c user.name=t -c user.email=t@example.com commit -q -m two; cat u.txt > t; mv t u.txt";
    let bed = bed(script);
    let out = bed.run().await;
    out.done();
    assert_eq!(told(&out), ["modified a.txt +1 -0", "deleted d/c.txt +0 -1", "added n.txt +1 -0"]);
    let sums = figures(&out).figures.as_ref().unwrap();
    assert_eq!((sums.files, sums.added, sums.removed), (3, 2, 1));
}

#[tokio::test]
async fn what_was_changed_before_and_is_changed_again_counts_by_the_difference() {
    let out = bed("echo more >> b.txt; echo more >> u.txt; chmod +x a.txt").run().await;
    assert_eq!(told(&out), ["modified a.txt +0 -0", "modified b.txt +1 -0", "modified u.txt +1 -0"]);
    let back = bed("git checkout -q b.txt; rm u.txt").run().await;
    assert_eq!(told(&back), ["modified b.txt +1 -1", "deleted u.txt +0 -1"]);
}

#[tokio::test]
async fn the_repository_itself_is_not_touched() {
    let bed = bed("echo more >> a.txt; echo new > n.txt");
    let index = std::fs::read(bed.workspace().join(".git/index")).unwrap();
    let objects = git(bed.workspace(), &["count-objects"]);
    bed.run().await.done();
    assert_eq!(index, std::fs::read(bed.workspace().join(".git/index")).unwrap());
    assert_eq!(objects, git(bed.workspace(), &["count-objects"]));
}

#[tokio::test]
async fn no_program_is_run_that_the_repository_names() {
    let bed = bed("echo more >> a.txt; echo '* filter=bad diff=bad' > .gitattributes");
    for (key, value) in [
        ("filter.bad.clean", "touch ran-filter; cat"),
        ("diff.bad.textconv", "touch ran-textconv; cat"),
        ("diff.external", "touch ran-external"),
        ("core.fsmonitor", "touch ran-monitor"),
    ] {
        git(bed.workspace(), &["config", key, value]);
    }
    bed.file(".git/hooks/post-index-change", "#!/bin/sh\ntouch ran-hook\n");
    let hook = bed.workspace().join(".git/hooks/post-index-change");
    std::fs::set_permissions(hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let out = bed.run().await;
    assert_eq!(told(&out), ["added .gitattributes +1 -0", "modified a.txt +1 -0"]);
    let ran = std::fs::read_dir(bed.workspace())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("ran-"));
    assert_eq!(ran.count(), 0);
}

#[tokio::test]
async fn names_may_hold_anything() {
    let out =
        bed("echo 1 > 'a b'; echo 1 > \"$(printf 'new\\nline')\"; echo 1 > \"$(printf 'x\\377')\"; echo 1 > ':!x*'").run().await;
    assert_eq!(told(&out), ["added :!x* +1 -0", "added a b +1 -0", "added new\\nline +1 -0", "added x\\xff +1 -0"]);
}

#[tokio::test]
async fn only_what_lies_below_the_workspace_counts_and_no_run() {
    let bed = bed("echo 1 > inside; echo 2 > ../outside; mkdir -p runs/r1/build; echo 1 > runs/r1/build/journal");
    let bed = bed.with(|job| {
        job.workspace.push("d");
        job.run_base = job.workspace.join("runs/r1");
    });
    std::fs::create_dir_all(&bed.job.run_base).unwrap();
    let out = bed.run().await;
    assert_eq!(told(&out), ["added inside +1 -0"]);
    assert_eq!(figures(&out).reason, None);
    // Runs that git ignores anyway are nothing that it could not read.
    bed.file(".gitignore", "runs/\n");
    let out = bed.with(|job| job.work = Work::Shell { script: "echo 1 > again".to_owned() }).run().await;
    assert_eq!((told(&out), &figures(&out).reason), (vec!["added again +1 -0".to_owned()], &None));
}

#[tokio::test]
async fn where_nothing_can_be_compared_it_says_why() {
    let none = Bed::shell("echo 1 > a").with(|job| job.watched.changes = true);
    let out = none.run().await;
    assert_eq!((figures(&out).measured, figures(&out).reason.as_deref()), (false, Some("the workspace is in no git repository")));
    let bare = bed(":");
    git(bare.workspace(), &["config", "core.bare", "true"]);
    let out = bare.run().await;
    assert!(!figures(&out).measured && figures(&out).reason.as_deref().unwrap().contains("work tree"), "{:?}", figures(&out));
    let lost = bed(":").with(|job| drop(job.env.insert("PATH".to_owned(), "/nowhere".to_owned())));
    assert!(figures(&lost.run().await).reason.as_deref().unwrap().contains("git cannot be started"));
    let broken = bed(":");
    broken.file(".git/index", "no index");
    assert!(figures(&broken.run().await).reason.as_deref().unwrap().starts_with("git: "));
}

#[tokio::test]
async fn a_new_repository_in_it_and_a_first_commit_are_no_hindrance() {
    let bed = Bed::shell("echo 1 > a; git init -q inner; git add a").with(|job| job.watched.changes = true);
    git(bed.workspace(), &["init", "-q"]);
    let out = bed.run().await;
    assert_eq!(told(&out), ["added a +1 -0"]);
    assert!(figures(&out).reason.as_deref().unwrap().contains("without what git cannot read"), "{:?}", figures(&out));
}

#[tokio::test]
async fn many_files_are_listed_in_a_file_of_their_own() {
    let out = bed("i=0; while [ $i -lt 250 ]; do echo $i > f$i; i=$((i+1)); done").run().await;
    let sums = figures(&out).figures.as_ref().unwrap();
    assert_eq!((sums.files, sums.per_file.len()), (250, 200));
    let list = String::from_utf8(out.files[figures(&out).evidence_path.as_ref().unwrap()].clone()).unwrap();
    assert_eq!((list.lines().count(), list.lines().next()), (250, Some("added +1 -0 f0")));
}

#[tokio::test]
async fn a_judge_sees_the_tree_as_it_was_before_its_own_work() {
    let tree = |script: &str| {
        bed(script).with(|job| job.watched = super::super::Watched { tree: true, changes: false, artifacts: false })
    };
    let (one, same, other) = (tree("echo x > x"), tree("true"), tree("true"));
    other.file("a.txt", "other\n");
    let (one, same, other) = (one.run().await.reply.tree, same.run().await.reply.tree, other.run().await.reply.tree);
    assert!(one.is_some() && one == same && one != other);
}
