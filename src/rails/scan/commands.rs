//! Commands that destroy what git holds: forced pushes, and whatever throws work or history away.
//! In: scripts, flows, receipts. Out: the commands and where they stand. Never: prose about them, or a comment.

use std::sync::LazyLock;

use regex::Regex;

static GIT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:^|[\s;&|(`"'$@/:])git((?:\s+(?:-[Cc]\s+\S+|--[a-z-]+(?:=\S+)?))*)\s+([a-z][a-z-]+)([^;&|\n)`"]*)"#)
        .expect("a constant expression")
});

/// A command that must not be there.
pub(super) struct Destructive {
    pub at: usize,
    pub rule: &'static str,
    pub command: String,
}

/// Files that hold commands which are run, or were.
pub(super) fn may_hold(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    const NAMES: [&str; 8] =
        ["Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", "Dockerfile", "Jenkinsfile", "package.json"];
    const ENDS: [&str; 10] = [".sh", ".bash", ".zsh", ".fish", ".mk", ".yml", ".yaml", ".just", ".command", ".bat"];
    NAMES.contains(&name)
        || ENDS.iter().any(|end| name.ends_with(end))
        || path.split('/').any(|part| matches!(part, "receipts" | "hooks" | "llm")) && !name.ends_with(".md")
}

pub(super) fn destructive(text: &str) -> Vec<Destructive> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        if line.trim_start().starts_with('#') || !line.contains("git") {
            continue;
        }
        // In a receipt a script is one line of JSON.
        let spread = line.replace("\\n", "\n ");
        for one in GIT.captures_iter(&spread) {
            let (command, rest) = (&one[2], &one[3]);
            let args: Vec<&str> = rest.split_whitespace().map(|arg| arg.trim_matches(['\'', '\\'])).collect();
            if let Some(rule) = rule(command, &args) {
                found.push(Destructive { at, rule, command: format!("git {command} {}", args.join(" ")) });
            }
        }
    }
    found
}

fn rule(command: &str, args: &[&str]) -> Option<&'static str> {
    let long =
        |name: &str| args.iter().any(|arg| *arg == name || arg.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')));
    let short = |letter: char| {
        args.iter().any(|arg| arg.len() < 6 && arg.starts_with('-') && !arg.starts_with("--") && arg.contains(letter))
    };
    let all = || args.iter().any(|arg| matches!(*arg, "." | ":/" | "*"));
    const LOST: Option<&str> = Some("destructive-git");
    match command {
        "push" if long("--force") || long("--force-with-lease") || short('f') || long("--mirror") => Some("force-push"),
        "push" if args.iter().any(|arg| arg.starts_with('+') && arg.len() > 1) => Some("force-push"),
        "push" if long("--delete") || short('d') || args.iter().any(|arg| arg.starts_with(':') && arg.len() > 1) => LOST,
        "reset" if long("--hard") => LOST,
        "clean" if short('f') || long("--force") => LOST,
        "branch" if short('D') || long("--delete") && long("--force") => LOST,
        "checkout" if long("--force") || short('f') || all() => LOST,
        "restore" if all() && !long("--staged") => LOST,
        "filter-branch" | "filter-repo" => LOST,
        "reflog" if long("expire") || long("delete") => LOST,
        "update-ref" if short('d') => LOST,
        "stash" if long("drop") || long("clear") => LOST,
        "gc" if long("--prune") => LOST,
        _ => None,
    }
}
