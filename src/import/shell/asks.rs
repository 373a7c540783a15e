//! Requests that only ask: of `curl`, and of `git`.
//! In: their arguments. Out: yes or no. Never: yes for a flag that is not named here (curl), or a verb that is not (git).

use super::looks::without;

const ALONE: &[&str] = &[
    "--silent",
    "--fail",
    "--show-error",
    "--location",
    "--head",
    "--include",
    "--insecure",
    "--compressed",
    "--verbose",
    "--fail-with-body",
    "--retry-connrefused",
    "-4",
    "-6",
];
const WITH_VALUE: &[&str] =
    &["-m", "--max-time", "--connect-timeout", "--retry", "--retry-delay", "-u", "--user", "-H", "--header", "--resolve", "-A"];

/// A request that asks: every flag is one of these, and it goes where it says.
pub fn only_gets(args: &[&str]) -> bool {
    let mut left = args.iter();
    while let Some(arg) = left.next() {
        let bundle = |arg: &str| arg.len() > 1 && arg[1..].chars().all(|c| "sSfLiIvk".contains(c));
        let fine = match *arg {
            "-X" | "--request" => matches!(left.next(), Some(&("GET" | "HEAD"))),
            "-o" | "--output" => matches!(left.next(), Some(&"/dev/null")),
            "-w" | "--write-out" => left.next().is_some_and(|value| !value.contains("output{") && !value.starts_with('@')),
            arg if ALONE.contains(&arg) => true,
            arg if WITH_VALUE.contains(&arg) => left.next().is_some_and(|value| !value.starts_with('@')),
            arg if arg.starts_with("--") => false,
            arg if arg.starts_with('-') => bundle(arg),
            address => is_web(address),
        };
        if !fine {
            return false;
        }
    }
    true
}

/// Over other protocols a request may be an order; in a variable it may be one of those, or a flag.
fn is_web(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    lower.starts_with("http://")
        || lower.starts_with("https://")
        || lower.starts_with(|c: char| c.is_ascii_alphanumeric()) && !lower.contains("://")
}

/// Flags that make git write a file or run a program.
const GIT_BAD: &[&str] = &["--output", "--ext-diff", "--textconv", "--exec", "--upload-pack", "--open-files-in-pager", "-O"];

pub fn only_reads_git(args: &[&str]) -> bool {
    let mut args = args;
    while let ["-C", _, rest @ ..] | ["--no-pager", rest @ ..] = args {
        args = rest;
    }
    let Some((verb, rest)) = args.split_first() else { return false };
    if !without(rest, GIT_BAD) {
        return false;
    }
    match *verb {
        "status" | "log" | "diff" | "show" | "rev-parse" | "ls-files" | "describe" | "blame" | "shortlog" | "rev-list" => true,
        "ls-remote" => rest.iter().all(|arg| !arg.contains("::")),
        "branch" => rest.iter().all(|arg| matches!(*arg, "-a" | "-r" | "-v" | "-vv" | "--list" | "--show-current" | "--all")),
        "tag" => {
            rest.is_empty() || matches!(rest, ["-l" | "--list", names @ ..] if names.iter().all(|name| !name.starts_with('-')))
        }
        "remote" => rest.is_empty() || rest == ["-v"],
        "stash" => rest == ["list"],
        _ => false,
    }
}
