//! What is secret wherever it stands, by its shape: keys and tokens with a telling prefix, private key blocks, JWTs,
//! passwords in URLs and authorization headers. Precision counts: a word that merely looks random is left alone.
//! In: bytes. Out: the same with each shape named. Never: an unbounded look ahead.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::{
    bounds::Before,
    table::{Body, Class, FIRST, PAIRS, PREFIX_BYTES_MAX, SHAPES, Shape, pair},
    values::placeholder,
};

static PREFIXES: LazyLock<AhoCorasick> = LazyLock::new(|| prefixes(AhoCorasickKind::DFA));
/// Slower to search, but there at once: a short run has little text, and would wait longer for the other than for all else.
static PREFIXES_QUICK: LazyLock<AhoCorasick> = LazyLock::new(|| prefixes(AhoCorasickKind::NoncontiguousNFA));

/// Texts up to this size are searched with the automaton that is there at once.
const SHORT_BYTES_MAX: usize = 16 * 1024;

fn prefixes(kind: AhoCorasickKind) -> AhoCorasick {
    AhoCorasick::builder()
        .kind(Some(kind))
        .match_kind(MatchKind::LeftmostFirst)
        .build(SHAPES.iter().map(|shape| shape.prefix))
        .expect("some hundred short prefixes make a small automaton")
}

/// Something in it begins like a shape. Most texts are short and hold nothing of the kind: they are told without an automaton,
/// whose making would cost a short run more than all its searching.
pub(super) fn hinted(bytes: &[u8]) -> bool {
    if bytes.len() > SHORT_BYTES_MAX {
        return PREFIXES.is_match(bytes);
    }
    // Most shapes are told apart by their first byte, without a call that compares.
    let begins = |at: usize| SHAPES.iter().any(|shape| shape.prefix[0] == bytes[at] && bytes[at..].starts_with(shape.prefix));
    let has = |pairs: &[u64; 1024], at: usize| (pairs[at / 64] >> (at % 64)) & 1 == 1;
    bytes
        .windows(3)
        .enumerate()
        .any(|(at, next)| has(&PAIRS[0], pair(next[0], next[1])) && has(&PAIRS[1], pair(next[1], next[2])) && begins(at))
}

/// The shape that a match of the automaton begins.
pub(super) fn shape_of(pattern: usize) -> &'static Shape {
    const ALL: &[Shape] = &SHAPES;
    &ALL[pattern]
}

pub(super) fn automaton(bytes: &[u8]) -> &'static AhoCorasick {
    if bytes.len() <= SHORT_BYTES_MAX { &PREFIXES_QUICK } else { &PREFIXES }
}

#[derive(Debug)]
pub(super) enum Seen {
    No,
    /// More bytes are needed to say.
    Open,
    /// `lead` bytes stay as they are, the placeholder follows, `skip` bytes in all are spent, then `then` is dropped.
    Yes {
        lead: usize,
        skip: usize,
        then: Drop,
    },
}

/// What is dropped after a placeholder, until it ends by itself.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drop {
    #[default]
    Nothing,
    Run(Class),
    /// A key's body, up to its END line; at most so many bytes more.
    Key {
        left: usize,
    },
}

/// A private key of 16384 bits has 13 KiB.
const KEY_BYTES_MAX: usize = 16 * 1024;
const DIGIT_WITHIN: usize = 64;
const THROWN_BYTES_MIN: usize = 8;
/// Between the name of a secret and its value: quotes, a colon or an equals sign, spaces.
const GAP_BYTES_MAX: usize = 8;
const JWT_HEADER_BYTES_MAX: usize = 1024;
const URL_USER_BYTES_MAX: usize = 512;
/// A key's first full line begins this close to its BEGIN line, also after PEM headers and log prefixes.
const KEY_LINE_WITHIN: usize = 320;
const KEY_LINE_BYTES_MIN: usize = 40;

/// This pass over a stream.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    held: Vec<u8>,
    drop: Drop,
    /// The last bytes given out; a prefix counts only where a word may begin.
    before: Before,
}

impl Shapes {
    /// In the middle of a shape's body.
    pub(super) fn dropping(drop: Drop) -> Self {
        Self { drop, ..Self::default() }
    }

    pub(super) fn pass(&mut self, chunk: &[u8], end: bool) -> Vec<u8> {
        if self.held.is_empty() && self.drop == Drop::Nothing && !hinted(chunk) && (end || begins(chunk, 0).is_none()) {
            self.before.add(chunk);
            return chunk.to_vec();
        }
        let mut data = std::mem::take(&mut self.held);
        data.extend_from_slice(chunk);
        let mut out = Vec::with_capacity(data.len());
        let mut done = 0;
        loop {
            let Some(bytes) = self.dropped(&data[done..], end) else {
                self.held = data.split_off(done);
                return out;
            };
            done += bytes;
            // The shape goes on in the next chunk.
            if self.drop != Drop::Nothing {
                return out;
            }
            done = self.next(&data, done, end, &mut out);
            if self.drop == Drop::Nothing {
                self.held = data.split_off(done);
                return out;
            }
        }
    }

    /// How much of the data is still body of a shape; `None`: all of it but a few bytes, and perhaps more to come.
    pub(super) fn dropped(&mut self, data: &[u8], end: bool) -> Option<usize> {
        match self.drop {
            Drop::Nothing => Some(0),
            Drop::Run(class) => {
                let bytes = data.iter().position(|byte| !class.has(*byte));
                if bytes.is_some() || end {
                    self.drop = Drop::Nothing;
                }
                // Not ended yet: the whole of it is dropped, and the class goes on in the next chunk.
                Some(bytes.unwrap_or(data.len()))
            }
            Drop::Key { left } => {
                const END: &[u8] = b"-----END ";
                let within = &data[..data.len().min(left)];
                let close = find(within, END).and_then(|at| {
                    find(&data[at + END.len()..data.len().min(at + END.len() + 64)], b"-----")
                        .map(|more| at + END.len() + more + 5)
                });
                if let Some(close) = close {
                    self.drop = Drop::Nothing;
                    return Some(close);
                }
                if end || data.len() >= left + END.len() + 64 {
                    self.drop = Drop::Nothing;
                    return Some(data.len().min(left));
                }
                None
            }
        }
    }

    /// Gives out everything up to the next shape, and its placeholder; returns what is spent. Afterwards `drop` says
    /// whether a shape was met (then the caller goes on) or the data is at its end.
    fn next(&mut self, data: &[u8], mut done: usize, end: bool, out: &mut Vec<u8>) -> usize {
        let mut look = done;
        let held = if end { None } else { begins(data, done) };
        while let Some(found) = automaton(&data[look..]).find(&data[look..]) {
            let start = look + found.start();
            if held.is_some_and(|held| held < start) {
                break;
            }
            let shape = shape_of(found.pattern().as_usize());
            let before = self.before.and(&data[done..start]);
            match shape.seen(&data[start..], &before, end) {
                Seen::No => look = start + 1,
                Seen::Open => {
                    self.give(&data[done..start], out);
                    return start;
                }
                Seen::Yes { lead, skip, then } => {
                    self.give(&data[done..start + lead], out);
                    out.extend_from_slice(&placeholder(shape.name));
                    self.before.add(b"]");
                    done = start + skip;
                    look = done;
                    if then != Drop::Nothing {
                        self.drop = then;
                        return done;
                    }
                }
            }
        }
        let until = if end { data.len() } else { begins(data, done).unwrap_or(data.len()) };
        self.give(&data[done..until], out);
        until
    }

    fn give(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.before.add(bytes);
        out.extend_from_slice(bytes);
    }
}

fn find(data: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(data, needle)
}

/// Where the end of `data` may be the beginning of a prefix.
fn begins(data: &[u8], from: usize) -> Option<usize> {
    let may = |at: &usize| {
        let rest = &data[*at..];
        FIRST[usize::from(rest[0])]
            && SHAPES.iter().any(|shape| shape.prefix.len() > rest.len() && shape.prefix.starts_with(rest))
    };
    (from.max(data.len().saturating_sub(PREFIX_BYTES_MAX - 1))..data.len()).find(may)
}

impl Shape {
    /// `data` begins with the prefix.
    pub(super) fn seen(&self, data: &[u8], before: &Before, end: bool) -> Seen {
        let rest = &data[self.prefix.len()..];
        let at = self.prefix.len();
        match self.body {
            Body::Run { class, bytes_min, digit } => {
                if !before.begins_a_word() {
                    return Seen::No;
                }
                let window = &rest[..rest.len().min(DIGIT_WITHIN)];
                let bytes = window.iter().take_while(|byte| class.has(**byte)).count();
                let closed = bytes < window.len() || window.len() == DIGIT_WITHIN || end;
                let enough = bytes >= bytes_min && (!digit || is_thrown(&window[..bytes]));
                match (enough, closed) {
                    (true, _) => Seen::Yes { lead: 0, skip: at + bytes, then: Drop::Run(class) },
                    (false, true) => Seen::No,
                    (false, false) => Seen::Open,
                }
            }
            Body::Jwt => {
                if !before.begins_a_word() {
                    return Seen::No;
                }
                let window = &rest[..rest.len().min(JWT_HEADER_BYTES_MAX)];
                let bytes = window.iter().take_while(|byte| Class::WordDash.has(**byte)).count();
                let more = &rest[bytes..];
                const JOINT: &[u8] = b".eyJ";
                if more.len() < JOINT.len() && JOINT.starts_with(more) && bytes < JWT_HEADER_BYTES_MAX && !end {
                    Seen::Open
                } else if (8..JWT_HEADER_BYTES_MAX).contains(&bytes) && more.starts_with(JOINT) {
                    Seen::Yes { lead: 0, skip: at + bytes + JOINT.len(), then: Drop::Run(Class::Jwt) }
                } else {
                    Seen::No
                }
            }
            Body::Exact { class, bytes } => {
                if !before.begins_a_word() {
                    return Seen::No;
                }
                let run = rest.iter().take(bytes + 1).take_while(|byte| Class::WordDash.has(**byte)).count();
                let fits = run == bytes && rest[..bytes].iter().all(|byte| class.has(*byte));
                match (run < rest.len() || end, fits) {
                    (false, _) if run <= bytes => Seen::Open,
                    (_, true) => Seen::Yes { lead: 0, skip: at + bytes, then: Drop::Nothing },
                    (_, false) => Seen::No,
                }
            }
            Body::After { class, bytes_min, of } => {
                if !of.allows(before.last()) {
                    return Seen::No;
                }
                let gap = rest.iter().take(GAP_BYTES_MAX).take_while(|byte| b":= \"'\\".contains(byte)).count();
                let window = &rest[gap..rest.len().min(gap + DIGIT_WITHIN)];
                let bytes = window.iter().take_while(|byte| class.has(**byte)).count();
                if bytes >= bytes_min && window[0].is_ascii_alphanumeric() {
                    Seen::Yes { lead: at + gap, skip: at + gap + bytes, then: Drop::Run(class) }
                } else if bytes < window.len() || window.len() == DIGIT_WITHIN || end {
                    Seen::No
                } else {
                    Seen::Open
                }
            }
            Body::Key => seen_key(rest, at, end),
            Body::Header => seen_header(rest, at, end),
            Body::Url => seen_url(rest, at, end),
        }
    }
}

/// It has a digit, and that among so many letters without a dash as no word of a kebab-case name has.
fn is_thrown(body: &[u8]) -> bool {
    body.split(|byte| !byte.is_ascii_alphanumeric())
        .any(|run| run.len() >= THROWN_BYTES_MIN && run.iter().any(u8::is_ascii_digit))
}

fn seen_key(rest: &[u8], at: usize, end: bool) -> Seen {
    let words =
        rest.iter().take(48).take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b' ').count();
    let title = &rest[..words];
    let line = &rest[words..];
    if words == rest.len() && words < 48 || b"-----".starts_with(&line[..line.len().min(5)]) && line.len() < 5 {
        return if end { Seen::No } else { Seen::Open };
    }
    if !(title.ends_with(b"PRIVATE KEY") || title.ends_with(b"PRIVATE KEY BLOCK")) || !line.starts_with(b"-----") {
        return Seen::No;
    }
    let window = &line[5..line.len().min(5 + KEY_LINE_WITHIN)];
    let (mut run, mut best) = (0, 0);
    for byte in window {
        run = if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/') { run + 1 } else { 0 };
        best = best.max(run);
    }
    if best >= KEY_LINE_BYTES_MIN {
        Seen::Yes { lead: 0, skip: at + words + 5, then: Drop::Key { left: KEY_BYTES_MAX } }
    } else if window.len() == KEY_LINE_WITHIN || end {
        Seen::No
    } else {
        Seen::Open
    }
}

/// `Authorization: Bearer …`, also as JSON or as an option.
fn seen_header(rest: &[u8], at: usize, end: bool) -> Seen {
    let open = if end { Seen::No } else { Seen::Open };
    let mut pos = 0;
    let mut separators = 0;
    loop {
        match rest.get(pos) {
            None => return open,
            Some(b':' | b'=') => separators += 1,
            Some(b'"' | b'\'' | b' ' | b'\\') => {}
            Some(_) => break,
        }
        pos += 1;
        if pos > 8 {
            return Seen::No;
        }
    }
    if separators != 1 {
        return Seen::No;
    }
    let word = rest[pos..].iter().take(8).take_while(|byte| byte.is_ascii_alphabetic()).count();
    if pos + word == rest.len() && word < 8 {
        return open;
    }
    let scheme = &rest[pos..pos + word];
    if ![&b"bearer"[..], b"basic", b"token"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) || rest[pos + word] != b' ' {
        return Seen::No;
    }
    let start = pos + word + 1;
    let token = rest[start..].iter().take(8).take_while(|byte| Class::Token.has(**byte)).count();
    match token {
        8.. => Seen::Yes { lead: at + start, skip: at + start + token, then: Drop::Run(Class::Token) },
        _ if start + token == rest.len() => open,
        _ => Seen::No,
    }
}

/// `://user:password@`: the password.
fn seen_url(rest: &[u8], at: usize, end: bool) -> Seen {
    const OURS: &[u8] = b"[REDACTED:";
    let mut colon = None;
    let mut pos = 0;
    while pos < rest.len().min(URL_USER_BYTES_MAX) {
        if rest[pos..].starts_with(OURS) {
            // A placeholder is one word, whatever stands in it.
            match rest[pos..].iter().position(|byte| *byte == b']') {
                Some(close) => pos += close + 1,
                None => return if end || rest.len() > URL_USER_BYTES_MAX { Seen::No } else { Seen::Open },
            }
            continue;
        }
        match rest[pos] {
            b':' if colon.is_none() => colon = Some(pos),
            b'@' => {
                let Some(colon) = colon else { return Seen::No };
                let password = &rest[colon + 1..pos];
                let told = password.iter().all(|byte| *byte == b'*') || password.starts_with(OURS) && password.ends_with(b"]");
                return if told { Seen::No } else { Seen::Yes { lead: at + colon + 1, skip: at + pos, then: Drop::Nothing } };
            }
            b'/' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\' | 0..=b' ' => return Seen::No,
            _ => {}
        }
        pos += 1;
    }
    if end || rest.len() >= URL_USER_BYTES_MAX { Seen::No } else { Seen::Open }
}
