//! Values that are given to a name which says what they are: `db_password = "…"`. Names and entropy decide, so these rules
//! are for looking, not for redaction: there a mistake would change what a run wrote.
//! In: text of a file. Out: where the values stand. Never: a placeholder, a variable, a digest.

use std::sync::LazyLock;

use regex::Regex;

static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)(?P<key>[a-z0-9_.\-]{0,60}(?:secret|token|passw(?:or)?d|passphrase|pwd|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key|signing[_-]?key|encryption[_-]?key|account[_-]?key|credentials?)[a-z0-9_.\-]{0,30})(?:\\?["'])?[ \t]*(?::=|=>|[:=])[ \t]*(?:\\?"(?P<double>[^"\\\s]{8,300})\\?"|'(?P<single>[^'\s]{8,300})'|(?P<bare>[^\s"'`,;(){}\[\]<>]{8,300}))"#,
    )
    .expect("a constant expression")
});

/// `curl -u name:password`, `mysql -ppassword`, `machine … password …`, `password` behind an option.
static SPOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)(?:\bcurl\b[^\n]*?\s(?:-u|--user)[ =]?["']?[a-z0-9_.@\-]+:(?P<a>[^\s"'@]{8,200})|--(?:[a-z]+-)?(?:password|token|secret|api-key)[ =]["']?(?P<b>[^\s"']{8,200})|\blogin\s+\S+\s+password\s+(?P<c>\S{8,200}))"#,
    )
    .expect("a constant expression")
});

/// Shannon's, in bits per character. A word of a language has less than 3; a token of 20 random characters more than 3.5.
const ENTROPY_MIN: f64 = 3.0;
const BYTES_MIN: usize = 10;

/// Where values stand that look like secrets.
pub(super) fn values(path: &str, text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let code = is_code(path);
    for one in ASSIGNED.captures_iter(text) {
        let key = one.name("key").map(|key| key.as_str()).unwrap_or_default();
        let quoted = one.name("double").or_else(|| one.name("single"));
        // In a program, what is not quoted is an expression.
        let Some(value) = quoted.or_else(|| one.name("bare").filter(|_| !code)) else { continue };
        if !is_about_a_secret(key) && is_random(value.as_str()) {
            found.push((value.start(), value.end()));
        }
    }
    for one in SPOKEN.captures_iter(text) {
        let value = one.name("a").or_else(|| one.name("b")).or_else(|| one.name("c"));
        found.extend(value.filter(|value| is_random(value.as_str())).map(|value| (value.start(), value.end())));
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn is_code(path: &str) -> bool {
    const CODE: [&str; 24] = [
        "rs", "py", "js", "ts", "jsx", "tsx", "go", "java", "kt", "rb", "c", "h", "cc", "cpp", "hpp", "cs", "php", "swift",
        "scala", "hbs", "html", "vue", "md", "sql",
    ];
    path.rsplit_once('.').is_some_and(|(_, ext)| CODE.contains(&ext))
}

/// The key names something that belongs to a secret, not the secret: its digest, its file, how many of them.
fn is_about_a_secret(key: &str) -> bool {
    const ABOUT: [&str; 33] = [
        "id",
        "sha",
        "hash",
        "digest",
        "checksum",
        "fingerprint",
        "path",
        "file",
        "url",
        "uri",
        "endpoint",
        "env",
        "name",
        "type",
        "kind",
        "count",
        "max",
        "min",
        "limit",
        "budget",
        "length",
        "size",
        "prompt",
        "completion",
        "tokenizer",
        "public",
        "pattern",
        "regex",
        "field",
        "label",
        "version",
        "ttl",
        "expires",
    ];
    let key = key.to_ascii_lowercase();
    // `sha256` is about `sha`.
    let words = key.split(|c: char| !c.is_ascii_alphanumeric()).map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()));
    words.into_iter().any(|word| ABOUT.contains(&word) || word.strip_suffix('s').is_some_and(|one| ABOUT.contains(&one)))
        || key.ends_with("tokens")
        || key.ends_with("path")
        || key.ends_with("file")
        || key.ends_with("url")
        || key.ends_with("name")
}

fn is_random(value: &str) -> bool {
    let letters = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    let digits = value.bytes().any(|byte| byte.is_ascii_digit());
    value.len() >= BYTES_MIN
        && letters
        && digits
        && value.is_ascii()
        && !is_placeholder(value)
        && !is_reference(value)
        && entropy(value) >= ENTROPY_MIN
}

/// It leads to a value instead of being one: a path, an address, a member, a call, a template.
fn is_reference(value: &str) -> bool {
    let dotted =
        value.contains('.') && value.split('.').all(|part| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    let path = value.starts_with('/') || value.starts_with("./") || value.starts_with("~/") || value.contains("::");
    let steps = value.split('/').count();
    let words = steps > 2 && value.split('/').all(|part| part.len() < 20);
    value.contains("://")
        || dotted
        || path
        || words
        || value.contains("()")
        || value.starts_with("arn:")
        || value.starts_with("sha256:")
        || value.starts_with("sha512-")
        || value.starts_with("sha256-")
        || value.starts_with("projects/")
}

/// What stands in documents where a secret would.
pub(super) fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 27] = [
        "example",
        "changeme",
        "change-me",
        "change_me",
        "your",
        "dummy",
        "placeholder",
        "redacted",
        "sample",
        "fake",
        "xxxx",
        "****",
        "....",
        "insert",
        "replace",
        "foobar",
        "<",
        "${",
        "$(",
        "{{",
        "%(",
        "0123456789",
        "1234567",
        "abcdef",
        "deadbeef",
        "00000000",
        "notreal",
    ];
    const WHOLE: [&str; 14] = [
        "password", "passwd", "pass", "pwd", "secret", "token", "key", "user", "pw", "hunter2", "postgres", "root", "admin",
        "test",
    ];
    let low = value.to_ascii_lowercase();
    let varied = {
        let mut seen = [false; 256];
        value.bytes().for_each(|byte| seen[usize::from(byte)] = true);
        seen.iter().filter(|one| **one).count()
    };
    WORDS.iter().any(|word| low.contains(word))
        || WHOLE.contains(&low.as_str())
        || varied <= 3
        || value.starts_with('$')
        || value.contains('…')
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred bytes at most")]
fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    value.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let all = value.len() as f64;
    counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / all).map(|share| -share * share.log2()).sum()
}
