//! The source of this program, read as text: files, modules, and the paths that they name.
//! In: `src/`, `tests/`, `benches/`. Out: code without comments, texts and tests. Never: a parser's exactness.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// One file of `src/` that is no test.
pub struct Source {
    /// From the repository's root, with forward slashes.
    pub name: String,
    /// Its module path: `["kernel", "route"]`.
    pub at: Vec<String>,
    /// Its text without comments, texts and test modules.
    pub code: String,
}

impl Source {
    /// The row of the import table.
    pub fn module(&self) -> &str {
        self.at.first().map_or("lib", String::as_str)
    }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for (name, text) in files_below("src") {
        let inner = name.trim_start_matches("src/").trim_end_matches(".rs");
        let mut at: Vec<String> = inner.split('/').map(str::to_owned).collect();
        if at.iter().any(|part| part == "tests" || part.ends_with("_tests") || part == "test_support") {
            continue;
        }
        at.retain(|part| part != "mod" && part != "lib");
        sources.push(Source { name, at, code: code_of(&text) });
    }
    assert!(sources.len() > 50, "the source is read: {} files", sources.len());
    sources
}

pub fn every_rust_file() -> Vec<(String, String)> {
    let mut all = files_below("src");
    for dir in ["tests", "benches", "fuzz/fuzz_targets"] {
        all.extend(files_below(dir));
    }
    all
}

/// Rust files below a directory of the repository, by name.
fn files_below(dir: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root().join(dir), &mut found);
    found.sort();
    let name = |path: &Path| path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
    found.iter().map(|path| (name(path), fs::read_to_string(path).expect("source is UTF-8"))).collect()
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(items) = fs::read_dir(dir) else { return };
    for item in items {
        let path = item.expect("a directory that can be read").path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The text without comments, without what stands between quotes, without items under `#[cfg(test)]`.
pub fn code_of(text: &str) -> String {
    without_tests(&without_texts(text))
}

fn without_texts(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(end) = raw_text(text, at) {
            end
        } else if rest.starts_with('"') {
            quoted(rest.as_bytes())
        } else if rest.starts_with('\'') {
            character(rest)
        } else {
            let one = rest.chars().next().expect("not at the end").len_utf8();
            code.push_str(&rest[..one]);
            at += one;
            continue;
        };
        code.push(' ');
        at += skipped;
    }
    code
}

/// `r"…"`, `r#"…"#`, `br"…"`: its length, if one stands here.
fn raw_text(text: &str, at: usize) -> Option<usize> {
    let before = text[..at].chars().next_back();
    if before.is_some_and(|before| before.is_alphanumeric() || before == '_') {
        return None;
    }
    let rest = &text[at..];
    let inner = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = inner.len() - inner.trim_start_matches('#').len();
    inner[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let opened = rest.len() - inner.len() + hashes + 1;
    rest[opened..].find(&close).map(|end| opened + end + close.len())
}

fn quoted(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// `'x'` and `'\n'`; a lifetime is only its quote.
fn character(rest: &str) -> usize {
    let mut after = rest.char_indices().skip(1);
    match after.next() {
        Some((_, '\\')) => rest[3..].find('\'').map_or(1, |end| end + 4),
        Some((_, _)) if after.next().is_some_and(|(_, close)| close == '\'') => rest[1..].find('\'').map_or(1, |end| end + 2),
        _ => 1,
    }
}

fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(found) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..found]);
        rest = &rest[found..];
        rest = &rest[item(rest)..];
    }
    kept + rest
}

/// The length of an item: to its `;`, or to the brace that closes its first one.
fn item(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, one) in code.char_indices() {
        match one {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

pub fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|one: char| !one.is_alphanumeric() && one != '_').filter(|word| !word.is_empty())
}

/// Whether a path stands in the code as whole words.
pub fn says(code: &str, path: &str) -> bool {
    let word = |one: Option<char>| one.is_some_and(|one| one.is_alphanumeric() || one == '_');
    code.match_indices(path).any(|(at, _)| !word(code[..at].chars().next_back()) && !word(code[at + path.len()..].chars().next()))
}

/// Every path from the crate's root that the code names, `crate::…` and `super::…` alike; sorted.
pub fn crate_paths(code: &str, at: &[String]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (start, _) in code.match_indices("crate::") {
        let before = code[..start].chars().next_back();
        if !before.is_some_and(|before| before.is_alphanumeric() || before == '_' || before == '$') {
            tree(code[start + "crate::".len()..].trim_start(), "", &mut found);
        }
    }
    for (start, _) in code.match_indices("super::") {
        if code[..start].ends_with("super::") || says_before(code, start) {
            continue;
        }
        let mut rest = &code[start..];
        let mut above = at.to_vec();
        while let Some(inner) = rest.strip_prefix("super::") {
            above.pop();
            rest = inner;
        }
        let prefix: String = above.iter().map(|part| format!("{part}::")).collect();
        tree(rest, &prefix, &mut found);
    }
    found.into_iter().collect()
}

fn says_before(code: &str, at: usize) -> bool {
    code[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '_')
}

/// Reads a use tree, or the path of an expression; returns what is left.
fn tree<'c>(code: &'c str, prefix: &str, found: &mut BTreeSet<String>) -> &'c str {
    let code = code.trim_start();
    if let Some(mut inner) = code.strip_prefix('{') {
        loop {
            inner = inner.trim_start();
            if let Some(after) = inner.strip_prefix('}') {
                return after;
            }
            let after = tree(inner, prefix, found).trim_start();
            inner = after.strip_prefix(',').unwrap_or(after);
            if inner.is_empty() || (inner.len() == after.len() && !after.starts_with('}')) {
                return inner;
            }
        }
    }
    let end = code.find(|one: char| !one.is_alphanumeric() && one != '_' && one != '*').unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    if let Some(inner) =
        rest.strip_prefix("::").filter(|inner| inner.starts_with(|one: char| one.is_alphabetic() || "{*_".contains(one)))
    {
        return tree(inner, &format!("{prefix}{name}::"), found);
    }
    if name == "self" {
        found.insert(prefix.trim_end_matches("::").to_owned());
    } else if !name.is_empty() {
        found.insert(format!("{prefix}{name}"));
    }
    let renamed = rest.trim_start();
    match renamed.strip_prefix("as ") {
        Some(after) => after.trim_start().trim_start_matches(|one: char| one.is_alphanumeric() || one == '_'),
        None => rest,
    }
}
