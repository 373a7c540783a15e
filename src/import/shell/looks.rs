//! The table of programs that only look, each with the flags under which it does.
//! In: a command. Out: yes or no. Never: yes for what is not named here.

use super::asks::{only_gets, only_reads_git};

/// They have no flag that writes, runs or sends something.
const ALWAYS: &str = " \
    cat head tail grep egrep fgrep ls wc cut tr jq diff cmp stat pwd echo printf whoami id uname uptime df du free ps which test [ \
    true basename dirname realpath sha256sum md5sum dig nslookup netstat sleep cd pgrep nproc lsof pg_isready ";

/// `args` may hold anything; what is not allowed by name is not allowed.
pub fn only_looks(program: &str, args: &[&str]) -> bool {
    match program {
        "ss" => without(args, &["-K", "--kill"]),
        "date" => args.iter().all(|arg| arg.starts_with('+') || matches!(*arg, "-u" | "-Is" | "-R")),
        // Without its second name: what it writes into.
        "uniq" => args.iter().filter(|arg| !arg.starts_with('-')).count() <= 1,
        "sort" => without(args, &["-o", "--output", "-T", "--temporary-directory", "--compress-program"]),
        "find" => args.iter().all(|arg| !["-exec", "-ok", "-del", "-fprint", "-fls"].iter().any(|bad| arg.starts_with(bad))),
        "hostname" => args.iter().all(|arg| matches!(*arg, "-f" | "-s" | "-I" | "-i")),
        "ping" => args.contains(&"-c") && without(args, &["-f"]),
        "set" => args.iter().all(|arg| matches!(*arg, "-e" | "-u" | "-x" | "-eu" | "-ex" | "-eux" | "-o" | "pipefail" | "-euo")),
        "curl" => only_gets(args),
        "git" => only_reads_git(args),
        "docker" | "podman" => docker(args),
        "docker-compose" => compose(args),
        "kubectl" => kubectl(past(args, &["-n", "--namespace", "--context"])),
        "helm" => first(args, &["list", "ls", "status", "history", "version"]),
        "systemctl" => {
            first(args, &["status", "is-active", "is-enabled", "is-failed", "list-units", "list-timers", "show", "cat"])
        }
        "service" => args.len() == 2 && args[1] == "status",
        "journalctl" => without(
            args,
            &[
                "--vacuum-size",
                "--vacuum-time",
                "--vacuum-files",
                "--rotate",
                "--flush",
                "--sync",
                "--relinquish-var",
                "--smart-relinquish-var",
                "--update-catalog",
                "--setup-keys",
                "--cursor-file",
            ],
        ),
        "ip" => {
            args.iter().all(|arg| matches!(*arg, "a" | "addr" | "r" | "route" | "link" | "show" | "list" | "-br" | "-4" | "-6"))
        }
        "tailscale" => first(args, &["status", "ip", "version"]) || matches!(args, ["funnel" | "serve", "status"]),
        "twilio" => args.first().is_some_and(|arg| [":list", ":fetch", ":logs"].iter().any(|end| arg.ends_with(end))),
        "aws" => aws(args),
        "npm" => first(args, &["ls", "list", "view", "outdated"]),
        "redis-cli" => matches!(args, ["ping" | "PING" | "info" | "INFO" | "dbsize" | "DBSIZE"]),
        "gh" => matches!(args, ["run" | "pr" | "issue" | "release" | "workflow", "list" | "view", ..]),
        other => !other.is_empty() && !other.contains(' ') && ALWAYS.contains(&format!(" {other} ")),
    }
}

fn first(args: &[&str], allowed: &[&str]) -> bool {
    args.first().is_some_and(|arg| allowed.contains(arg))
}

/// What follows leading flags that only say where to look, each with its value.
fn past<'a, 's>(mut args: &'a [&'s str], places: &[&str]) -> &'a [&'s str] {
    while let [flag, _, rest @ ..] = args {
        if !places.contains(flag) {
            break;
        }
        args = rest;
    }
    args
}

/// None of these flags, however it is written: whole, with `=`, shortened, in a bundle of short ones, or in a variable.
pub fn without(args: &[&str], bad: &[&str]) -> bool {
    let is = |arg: &str, bad: &str| {
        let name = arg.split('=').next().unwrap_or(arg);
        let shortened = name.len() > 2 && name.starts_with("--") && bad.starts_with(name);
        let letter = bad.strip_prefix('-').filter(|rest| rest.len() == 1);
        let bundled = letter.is_some_and(|letter| arg.starts_with('-') && !arg.starts_with("--") && arg.contains(letter));
        name == bad || shortened || bundled
    };
    args.iter().all(|arg| !bad.iter().any(|bad| is(arg, bad)))
}

fn docker(args: &[&str]) -> bool {
    match args {
        ["compose", rest @ ..] => compose(rest),
        ["stats", rest @ ..] => rest.contains(&"--no-stream"),
        ["container" | "image" | "volume" | "network", verb, ..] => matches!(*verb, "ls" | "list" | "inspect"),
        _ => first(args, &["ps", "images", "logs", "inspect", "version", "info", "port", "top"]),
    }
}

fn compose(args: &[&str]) -> bool {
    first(past(args, &["-f", "--file", "-p", "--project-name"]), &["ps", "logs", "top", "images", "version"])
}

fn kubectl(args: &[&str]) -> bool {
    match args {
        ["config", verb, ..] => matches!(*verb, "current-context" | "get-contexts"),
        ["rollout", verb, ..] => matches!(*verb, "status" | "history"),
        ["cluster-info"] => true,
        _ => first(args, &["get", "describe", "logs", "top", "version", "explain", "api-resources"]) && without(args, &["--raw"]),
    }
}

fn aws(args: &[&str]) -> bool {
    match args {
        ["s3", "ls", ..] => true,
        [service, verb, ..] => !service.starts_with('-') && (verb.starts_with("describe-") || verb.starts_with("list-")),
        _ => false,
    }
}
