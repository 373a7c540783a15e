//! What a line of shell text plainly is: a command, one for a terminal, one that never ends, one for bash.
//! In: text. Out: yes or no, names of programs. Never: a program taken for harmless here; that is another table.

/// Programs that are plainly programs, whatever they do.
const KNOWN: &str = " \
    ansible apt apt-get awk aws az bash brew cargo cat cd chmod chown cmp cp crontab curl cut date df diff dig docker \
    docker-compose du echo egrep export find free gcloud gh git go grep head helm hostname id ip jq journalctl kill kubectl \
    ls lsof make md5sum mkdir mount mv mysql nc netstat node npm npx nslookup openssl pg_dump pg_isready pgrep ping pip \
    pkill podman printf ps psql python python3 redis-cli rm rsync scp sed service set sh sha256sum sleep sort ss ssh stat \
    sudo systemctl tail tailscale tar tee terraform test touch twilio uname uniq uptime uv vault vi vim nano wc wget whoami \
    yarn zip ";

/// What the shell itself has; no program on PATH is needed for it.
const OF_THE_SHELL: &[&str] = &["cd", "echo", "export", "printf", "set", "test", "kill"];

/// It needs a person at a terminal.
const EDITORS: &[&str] = &["vi", "vim", "nano", "emacs", "less", "more", "top", "htop"];

pub fn is_known(word: &str) -> bool {
    named(word).is_some() || word.starts_with("./") && word.len() > 2
}

/// Where the word stands in the table.
fn named(word: &str) -> Option<&'static str> {
    let whole = !word.is_empty() && !word.contains(char::is_whitespace);
    let at = whole.then(|| KNOWN.find(&format!(" {word} "))).flatten()?;
    KNOWN.get(at + 1..=at + word.len())
}

/// A span or a line that is a command: a known program with something after it.
pub fn is_command(text: &str) -> bool {
    let mut words = text.split_whitespace();
    words.next().is_some_and(is_known) && (words.next().is_some() || text.trim().starts_with("./"))
}

/// Programs that the text begins its commands with, as far as they are known ones.
pub fn programs(text: &str) -> Vec<&'static str> {
    let first = |line: &str| line.split_whitespace().find(|word| !word.contains('=') && *word != "sudo").and_then(named);
    text.lines().filter_map(first).filter(|known| !OF_THE_SHELL.contains(known)).collect()
}

/// `NAME=value` and nothing else: a setting for a file, or for commands that are not there.
pub fn only_sets(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let sets = |line: &str| {
        let line = line.strip_prefix("export ").unwrap_or(line).split(" #").next().unwrap_or_default().trim_end();
        line.split_once('=').is_some_and(|(name, value)| {
            let name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty();
            let one_word = !value.contains(' ') || value.starts_with(['"', '\'']);
            name && one_word && !value.contains([';', '&', '|', '`']) && !value.contains("$(")
        })
    };
    lines.clone().next().is_some() && lines.all(sets)
}

pub fn needs_terminal(text: &str) -> bool {
    text.lines().any(|line| line.split_whitespace().find(|word| *word != "sudo").is_some_and(|first| EDITORS.contains(&first)))
}

/// It goes on for ever, as `tail -f` does.
pub fn never_ends(text: &str) -> bool {
    text.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let follows = words.iter().any(|word| matches!(*word, "-f" | "-F" | "--follow" | "-w" | "--watch"));
        let follower = words.iter().any(|word| matches!(*word, "logs" | "tail" | "journalctl" | "kubectl"));
        follows && follower || words.iter().any(|word| word.ends_with(":logs")) && words.contains(&"--tail")
    })
}

/// Its last word is a `grep` for trouble, which fails where there is none.
pub fn looks_for_trouble(text: &str) -> bool {
    let last =
        text.lines().rev().find(|line| !line.trim().is_empty()).and_then(|line| line.rsplit('|').next()).unwrap_or_default();
    let lower = last.trim().to_lowercase();
    lower.starts_with("grep ")
        && ["error", "fail", "exception", "warn", "fatal", "panic", "traceback"].iter().any(|one| lower.contains(one))
}

/// Words of bash that `sh` need not know.
pub fn is_bash(text: &str) -> bool {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).any(|line| {
        let begins = |part: &str| matches!(part.split_whitespace().next(), Some("[[" | "source" | "function"));
        let after = |part: &str| part.split_whitespace().nth(1) == Some("[[");
        ["<(", "<<<", "&>", "=("].iter().any(|sign| line.contains(sign))
            || line.split([';', '&', '|']).any(|part| begins(part) || after(part))
    })
}
