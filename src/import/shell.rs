//! Which shell text only looks. A closed table of programs and flags; whatever is not in it changes something.
//! In: the text of a block. Out: yes or no, and why not. Never: a guess in favour of the text.

/// Why a text is taken for one that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changes(pub String);

/// Programs that are plainly programs, whatever they do.
const KNOWN: &[&str] = &[
    "ansible",
    "apt",
    "apt-get",
    "aws",
    "az",
    "bash",
    "brew",
    "cargo",
    "cat",
    "cd",
    "chmod",
    "chown",
    "cp",
    "crontab",
    "curl",
    "df",
    "diff",
    "dig",
    "docker",
    "du",
    "echo",
    "export",
    "find",
    "gcloud",
    "gh",
    "git",
    "go",
    "grep",
    "head",
    "helm",
    "ip",
    "jq",
    "journalctl",
    "kubectl",
    "kill",
    "ls",
    "make",
    "mkdir",
    "mv",
    "mysql",
    "nc",
    "netstat",
    "node",
    "npm",
    "npx",
    "openssl",
    "pg_dump",
    "ping",
    "pip",
    "podman",
    "printf",
    "ps",
    "psql",
    "python",
    "python3",
    "redis-cli",
    "rm",
    "rsync",
    "scp",
    "sed",
    "service",
    "set",
    "sh",
    "sleep",
    "ss",
    "ssh",
    "stat",
    "sudo",
    "systemctl",
    "tail",
    "tailscale",
    "tar",
    "tee",
    "terraform",
    "test",
    "touch",
    "twilio",
    "uptime",
    "uv",
    "vi",
    "vim",
    "nano",
    "wc",
    "wget",
    "whoami",
    "yarn",
    "zip",
];

/// What the shell itself has; no program on PATH is needed for it.
const OF_THE_SHELL: &[&str] = &["cd", "echo", "export", "printf", "set", "test", "kill", "["];

/// It needs a person at a terminal.
const EDITORS: &[&str] = &["vi", "vim", "nano", "emacs", "less", "more", "top", "htop"];

pub(super) fn is_known(word: &str) -> bool {
    KNOWN.contains(&word) || word.starts_with("./") && word.len() > 2
}

/// Programs that the text begins its commands with, as far as they are known ones.
pub(super) fn programs(text: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for line in text.lines() {
        let words = line.split_whitespace().skip_while(|word| word.contains('=') || *word == "sudo");
        let first = words.take(1).find_map(|word| KNOWN.iter().find(|known| **known == word));
        if let Some(known) = first.filter(|known| !OF_THE_SHELL.contains(known)) {
            found.push(*known);
        }
    }
    found
}

pub(super) fn needs_terminal(text: &str) -> bool {
    text.lines().any(|line| line.split_whitespace().next().is_some_and(|first| EDITORS.contains(&first)))
}

/// It goes on for ever, as `tail -f` does.
pub(super) fn never_ends(text: &str) -> bool {
    text.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let follows = words.iter().any(|word| matches!(*word, "-f" | "-F" | "--follow" | "-w" | "--watch"));
        let follower = words.iter().any(|word| matches!(*word, "logs" | "tail" | "journalctl" | "kubectl"));
        follows && follower || words.iter().any(|word| word.ends_with(":logs")) && words.contains(&"--tail")
    })
}

/// Words of bash that `sh` need not know.
pub(super) fn is_bash(text: &str) -> bool {
    let word = |wanted: &str| text.split_whitespace().any(|word| word == wanted);
    text.contains("<(")
        || text.contains("<<<")
        || text.contains("&>")
        || word("[[")
        || word("source")
        || word("function")
        || text.contains("=(")
}

/// One command, its words taken apart, without its redirections.
type Command = Vec<String>;

/// # Errors
/// The first thing in it that is not known to only look.
pub(super) fn observes(text: &str) -> Result<(), Changes> {
    for command in commands(text)? {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let Some((program, args)) = words.split_first() else { continue };
        if !only_looks(program, args) {
            let shown: String = words.join(" ").chars().take(60).collect();
            return Err(Changes(format!("`{shown}` is not known to only look")));
        }
    }
    Ok(())
}

/// Takes the text apart at `;`, `&&`, `||`, `|` and line ends; refuses what hides commands or writes.
fn commands(text: &str) -> Result<Vec<Command>, Changes> {
    let no = |what: &str| Err(Changes(what.to_owned()));
    let joined = text.replace("\\\n", " ");
    let harmless = ["2>&1", "2>/dev/null", "2> /dev/null", ">/dev/null", "> /dev/null"];
    let mut all: Vec<Command> = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut rest = joined.as_str();
    let mut quote: Option<char> = None;
    while let Some(c) = rest.chars().next() {
        let ends_word = |word: &mut Option<String>, all: &mut Vec<Command>| {
            if let (Some(word), Some(last)) = (word.take(), all.last_mut()) {
                last.push(word);
            }
        };
        let mut next = c.len_utf8();
        match (quote, c) {
            (_, '`') if quote != Some('\'') => return no("it has a command in backticks"),
            (_, '$') if quote != Some('\'') && rest.starts_with("$(") => return no("it has a command in `$(…)`"),
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '\\') | (None, '\\') => {
                let after = rest[1..].chars().next();
                word.get_or_insert_default().extend(after);
                next += after.map_or(0, char::len_utf8);
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => next = rest.find('\n').unwrap_or(rest.len()),
            (None, '2' | '>') if let Some(known) = harmless.iter().find(|known| word.is_none() && ends_there(rest, known)) => {
                next = known.len();
            }
            (None, '>') => return no("it redirects into a file"),
            (None, '<') => return no("it redirects its input"),
            (None, '(' | ')' | '{' | '}') if word.is_none() => return no("it has a group of commands"),
            (None, '(' | ')') => return no("it has a group of commands"),
            (None, '\n' | ';' | '|' | '&') => {
                ends_word(&mut word, &mut all);
                let two = rest.starts_with("&&") || rest.starts_with("||");
                if c == '&' && !two {
                    return no("it starts something in the background");
                }
                next = if two { 2 } else { 1 };
                all.push(Vec::new());
            }
            (None, c) if c.is_whitespace() => ends_word(&mut word, &mut all),
            (None, c) => word.get_or_insert_default().push(c),
        }
        rest = &rest[next..];
    }
    if quote.is_some() {
        return no("a quote in it is not closed");
    }
    if let (Some(word), Some(last)) = (word, all.last_mut()) {
        last.push(word);
    }
    all.retain(|command| !command.is_empty());
    Ok(all)
}

/// `2>/dev/null`, and nothing more of a name after it.
fn ends_there(rest: &str, known: &str) -> bool {
    rest.strip_prefix(known)
        .is_some_and(|after| !after.starts_with(|c: char| !c.is_whitespace() && !matches!(c, ';' | '|' | ')')))
}

/// The table. `args` may hold anything; what is not allowed by name is not allowed.
fn only_looks(program: &str, args: &[&str]) -> bool {
    let without = |bad: &[&str]| {
        args.iter().all(|arg| !bad.iter().any(|bad| arg == bad || arg.starts_with(&format!("{bad}=")) || short(arg, bad)))
    };
    let first = |allowed: &[&str]| args.first().is_some_and(|arg| allowed.contains(arg));
    match program {
        "cat" | "head" | "grep" | "egrep" | "fgrep" | "ls" | "wc" | "cut" | "tr" | "jq" | "diff" | "cmp" | "stat" | "pwd"
        | "echo" | "printf" | "whoami" | "id" | "uname" | "uptime" | "df" | "du" | "free" | "ps" | "which" | "test" | "["
        | "true" | "basename" | "dirname" | "realpath" | "sha256sum" | "md5sum" | "dig" | "nslookup" | "netstat" | "sleep"
        | "cd" | "pgrep" | "nproc" | "lsof" => true,
        "ss" => without(&["-K", "--kill"]),
        "tail" => true,
        "date" => args.iter().all(|arg| arg.starts_with('+') || matches!(*arg, "-u" | "-Is" | "-R")),
        // Without its second name: what it writes into.
        "uniq" => args.iter().filter(|arg| !arg.starts_with('-')).count() <= 1,
        "sort" => without(&["-o", "--output", "--compress-program"]) && args.iter().all(|arg| !arg.starts_with("--o")),
        "find" => args.iter().all(|arg| !["-exec", "-ok", "-del", "-fprint", "-fls"].iter().any(|bad| arg.starts_with(bad))),
        "hostname" => args.is_empty() || args.iter().all(|arg| matches!(*arg, "-f" | "-s" | "-I" | "-i")),
        "ping" => args.contains(&"-c") && without(&["-f"]),
        "set" => args.iter().all(|arg| matches!(*arg, "-e" | "-u" | "-x" | "-eu" | "-ex" | "-eux" | "-o" | "pipefail" | "-euo")),
        "curl" => only_gets(args),
        "git" => only_reads_git(args),
        "docker" | "podman" => match args.first().copied() {
            Some("compose") => args.get(1).is_some_and(|arg| matches!(*arg, "ps" | "logs" | "top" | "images" | "version")),
            Some("stats") => args.contains(&"--no-stream"),
            Some("container" | "image" | "volume" | "network") => {
                args.get(1).is_some_and(|arg| matches!(*arg, "ls" | "list" | "inspect"))
            }
            _ => first(&["ps", "images", "logs", "inspect", "version", "info", "port", "top"]),
        },
        "docker-compose" => first(&["ps", "logs", "top", "images", "version"]),
        "kubectl" => match args.first().copied() {
            Some("config") => args.get(1).is_some_and(|arg| matches!(*arg, "current-context" | "get-contexts")),
            Some("rollout") => args.get(1).is_some_and(|arg| matches!(*arg, "status" | "history")),
            _ => {
                first(&["get", "describe", "logs", "top", "version", "explain", "cluster-info", "api-resources"])
                    && without(&["--raw"])
            }
        },
        "helm" => first(&["list", "ls", "status", "history", "version"]),
        "systemctl" => first(&["status", "is-active", "is-enabled", "is-failed", "list-units", "list-timers", "show", "cat"]),
        "service" => args.len() == 2 && args[1] == "status",
        "journalctl" => args.iter().all(|arg| {
            !["--vacuum", "--rotate", "--flush", "--sync", "--relinquish", "--smart", "--update", "--setup", "--cursor-file"]
                .iter()
                .any(|bad| arg.starts_with(bad))
        }),
        "ip" => {
            args.iter().all(|arg| matches!(*arg, "a" | "addr" | "r" | "route" | "link" | "show" | "list" | "-br" | "-4" | "-6"))
        }
        "tailscale" => first(&["status", "ip", "version"]) || matches!(args, ["funnel" | "serve", "status", ..]),
        "twilio" => args.first().is_some_and(|arg| arg.ends_with(":list") || arg.ends_with(":fetch")),
        "aws" => {
            let verb = args.iter().filter(|arg| !arg.starts_with('-')).nth(1);
            !args.first().is_some_and(|arg| arg.starts_with('-'))
                && verb.is_some_and(|verb| verb.starts_with("describe-") || verb.starts_with("list-"))
        }
        "npm" => first(&["ls", "list", "view", "outdated"]),
        "redis-cli" => matches!(args, ["ping" | "PING" | "info" | "INFO" | "dbsize" | "DBSIZE"]),
        "gh" => matches!(args, ["run" | "pr" | "issue" | "release" | "workflow", "list" | "view", ..]),
        _ => false,
    }
}

/// `-o` in `-so`: short flags that were written as one.
fn short(arg: &str, bad: &str) -> bool {
    let letter = bad.strip_prefix('-').filter(|rest| rest.len() == 1);
    letter.is_some_and(|letter| arg.starts_with('-') && !arg.starts_with("--") && arg.contains(letter))
}

/// A request that asks: every flag is one of these.
fn only_gets(args: &[&str]) -> bool {
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
    const WITH_VALUE: &[&str] = &[
        "-m",
        "--max-time",
        "--connect-timeout",
        "--retry",
        "--retry-delay",
        "-u",
        "--user",
        "-H",
        "--header",
        "--resolve",
        "-A",
    ];
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
            _ => true,
        };
        if !fine {
            return false;
        }
    }
    true
}

fn only_reads_git(args: &[&str]) -> bool {
    let bad = ["--output", "--ext-diff", "--textconv", "--exec", "--upload-pack", "-O", "--open-files"];
    let mut args = args;
    while let ["-C", _, rest @ ..] = args {
        args = rest;
    }
    if args.iter().any(|arg| bad.iter().any(|bad| arg.starts_with(bad))) {
        return false;
    }
    let Some((verb, rest)) = args.split_first() else { return false };
    match *verb {
        "status" | "log" | "diff" | "show" | "rev-parse" | "ls-files" | "describe" | "blame" | "shortlog" | "rev-list"
        | "ls-remote" => true,
        "branch" => rest.iter().all(|arg| matches!(*arg, "-a" | "-r" | "-v" | "-vv" | "--list" | "--show-current" | "--all")),
        "tag" => rest.is_empty() || rest.first().is_some_and(|arg| matches!(*arg, "-l" | "--list")),
        "remote" => rest.is_empty() || rest == ["-v"],
        "stash" => rest == ["list"],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_is_known_by_name_and_flags() {
        for text in [
            "docker compose ps",
            "cd /srv/app\ndocker logs api --since 2m 2>&1 | grep -i error",
            "curl -sf https://shop.invalid/health | jq '.status'",
            "git -C repo log --oneline -5 && git status",
            "grep \"a > b\" notes.txt; wc -l notes.txt 2>/dev/null",
            "# what is there?\nls -la \"$PARAM_DIR\"",
            "kubectl get pods -n shop \\\n  -o wide",
        ] {
            assert_eq!(observes(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn whatever_else_there_is_changes_something() {
        for text in [
            "rm -rf build",
            "sudo ls",
            "ls > list.txt",
            "cat a >> b",
            "cat x | sh",
            "curl -d a=1 https://a.invalid",
            "curl -X POST https://a.invalid",
            "curl -so /etc/passwd https://a.invalid",
            "curl -K rules https://a.invalid",
            "echo `rm x`",
            "echo $(rm x)",
            "echo \"$(rm x)\"",
            "ls & rm x",
            "find . -delete",
            "find . -exec rm {} +",
            "sort -o a b",
            "sort -uo a b",
            "uniq a b",
            "git push",
            "git diff --output=x",
            "git -c core.pager=x log",
            "git branch -D main",
            "docker compose up -d",
            "docker exec api ls",
            "kubectl get --raw /x",
            "kubectl delete pod x",
            "frobnicate --dry-run",
            "PATH=. ls",
            "FOO=1",
            "(ls)",
            "{ ls; }",
            "diff <(ls) b",
            "cat <<E\nE",
            "xargs rm",
            "tee x",
            "date -s now",
            "awk 1",
            "sed -i x y",
            "ls 2>/dev/nullx",
            "ls 2>log",
            "journalctl --vacuum-time=1s",
            "echo 'open",
            "source x",
            ". x",
            "if true; then ls; fi",
            "curl -w '%output{x}' https://a.invalid",
            "systemctl restart nginx",
            "service nginx restart",
            "aws s3api get-object x",
            "tailscale funnel 80",
            "env",
            "ls\\\n; rm x",
            "ls |& tee x",
            "command rm x",
            "\\rm x",
            "ss -K",
            "ip link set eth0 down",
        ] {
            assert!(observes(text).is_err(), "{text}");
        }
    }
}
