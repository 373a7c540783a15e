//! conflict-fix and upstream-sync, on repositories that really disagree.

use std::fs;

use super::bench::Bench;

/// `main` and `other` both change line two of the same file.
fn two_sides(bench: &Bench, ours: &str, theirs: &str) {
    bench.repository();
    bench.file("text", "one\ntwo\nthree\n");
    bench.commit("work", "start");
    bench.git("work", &["branch", "-M", "main"]);
    bench.git("work", &["checkout", "-qb", "other"]);
    bench.file("text", &format!("one\n{theirs}\nthree\n"));
    bench.commit("work", "theirs");
    bench.git("work", &["checkout", "-q", "main"]);
    bench.file("text", &format!("one\n{ours}\nthree\n"));
    bench.commit("work", "ours");
}

#[test]
fn conflict_fix_merges_where_only_blanks_differ() {
    let bench = Bench::new();
    two_sides(&bench, "two  ", "the second");
    bench.run("git merge -q --no-edit other && echo all well").mended_by("conflict-fix");
    assert_eq!(bench.text("text"), "one\nthe second\nthree\n");
    assert_eq!(bench.git("work", &["status", "--porcelain"]), "");
}

#[test]
fn conflict_fix_puts_the_tree_back_and_keeps_what_was_half_merged() {
    let bench = Bench::new();
    two_sides(&bench, "our second", "their second");
    bench.file("notes", "mine, not yet committed\n");
    let head = bench.git("work", &["rev-parse", "HEAD"]);
    let ended = bench.run("git merge -q --no-edit other && echo all well");
    ended.blocked_in("conflict-fix", "both sides changed the same lines of text");
    assert_eq!(bench.git("work", &["rev-parse", "HEAD"]), head);
    assert_eq!(bench.text("text"), "one\nour second\nthree\n");
    assert_eq!(bench.text("notes"), "mine, not yet committed\n");
    let kept = bench.git("work", &["show", "refs/flow-studio/conflict/r-work:text"]);
    assert!(kept.contains("<<<<<<<") && kept.contains("their second"), "{kept}");
}

#[test]
fn conflict_fix_rebases_where_only_blanks_differ() {
    let bench = Bench::new();
    two_sides(&bench, "two  ", "the second");
    bench.run("git rebase -q other && echo all well").mended_by("conflict-fix");
    assert_eq!(bench.text("text"), "one\nthe second\nthree\n");
    assert_eq!(bench.git("work", &["merge-base", "--is-ancestor", "other", "HEAD"]), "");
}

#[test]
fn conflict_fix_takes_a_rebase_back_whole() {
    let bench = Bench::new();
    two_sides(&bench, "our second", "their second");
    let before = (bench.git("work", &["rev-parse", "HEAD"]), bench.git("work", &["symbolic-ref", "HEAD"]));
    bench.run("git rebase -q other && echo all well").blocked_in("conflict-fix", "both sides changed the same lines of text");
    assert_eq!((bench.git("work", &["rev-parse", "HEAD"]), bench.git("work", &["symbolic-ref", "HEAD"])), before);
    assert_eq!(bench.git("work", &["status", "--porcelain"]), "");
}

/// A shared repository, `work` cloned from it, and a commit in it that `work` does not have.
fn shared(bench: &Bench, theirs: (&str, &str), ours: (&str, &str)) {
    bench.git("", &["init", "-q", "--bare", "shared"]);
    fs::remove_dir(bench.at("work")).unwrap();
    for clone in ["work", "elsewhere"] {
        bench.git("", &["clone", "-q", "shared", clone]);
        bench.identity(clone);
        bench.git(clone, &["checkout", "-q", "-B", "main"]);
        if clone == "work" {
            bench.file("text", "start\n");
            bench.commit("work", "start");
            bench.git("work", &["push", "-q", "-u", "origin", "main"]);
        } else {
            bench.git(clone, &["pull", "-q", "origin", "main"]);
        }
    }
    fs::write(bench.at("elsewhere").join(theirs.0), theirs.1).unwrap();
    bench.commit("elsewhere", "theirs");
    bench.git("elsewhere", &["push", "-q", "origin", "main"]);
    bench.file(ours.0, ours.1);
    bench.commit("work", "ours");
}

#[test]
fn upstream_sync_rebases_and_the_push_goes_through() {
    let bench = Bench::new();
    shared(&bench, ("theirs", "1\n"), ("ours", "2\n"));
    bench.run("git push origin main && echo all well").mended_by("upstream-sync");
    assert_eq!(bench.git("shared", &["log", "--format=%s", "main"]), "ours\ntheirs\nstart");
}

#[test]
fn upstream_sync_leaves_the_branch_as_it_was_where_both_sides_differ() {
    let bench = Bench::new();
    shared(&bench, ("text", "theirs\n"), ("text", "ours\n"));
    let head = bench.git("work", &["rev-parse", "HEAD"]);
    let ended = bench.run("git push origin main && echo all well");
    ended.blocked_in("upstream-sync", "both changed text");
    assert_eq!(bench.git("work", &["rev-parse", "HEAD"]), head);
    assert_eq!(bench.git("work", &["status", "--porcelain"]), "");
    assert_eq!(bench.git("shared", &["log", "--format=%s", "main"]), "theirs\nstart");
}

#[test]
fn upstream_sync_does_not_touch_what_is_not_committed() {
    let bench = Bench::new();
    shared(&bench, ("theirs", "1\n"), ("ours", "2\n"));
    bench.file("text", "in the middle of something\n");
    bench.run("git push origin main && echo all well").blocked_in("upstream-sync", "commit or stash them first");
    assert_eq!(bench.text("text"), "in the middle of something\n");
}
