use proptest::prelude::*;

use super::*;

const KEY_BODY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";

fn known(secrets: &[(&str, &str)]) -> Redactor {
    let secrets: Vec<(String, String)> = secrets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Redactor::new(&secrets).unwrap()
}

fn clean(redactor: &Redactor, text: &str) -> String {
    redactor.text(text).into_inner()
}

/// A token as a provider makes it, put together here so that no scanner takes this file for a leak.
fn token(prefix: &str, bytes: usize) -> String {
    prefix.chars().chain("a1B2c3D4e5F6g7H8i9J0".chars().cycle().take(bytes)).collect()
}

#[test]
fn a_known_value_is_found_in_every_form_it_travels_in() {
    use base64::{
        Engine as _,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    let value = "p@ss/w?rd \"ünd\" more~";
    let redactor = known(&[("PW", value)]);
    assert_eq!(clean(&redactor, &format!("<{value}>")), "<[REDACTED:PW]>");
    for before in ["", "u", "us", "user:"] {
        for text in [STANDARD.encode(format!("{before}{value}")), URL_SAFE_NO_PAD.encode(format!("{before}{value}"))] {
            let out = clean(&redactor, &text);
            assert!(out.contains("[REDACTED:PW]") && out.len() < "[REDACTED:PW]".len() + 12, "{text} became {out}");
        }
    }
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(clean(&redactor, &json), "\"[REDACTED:PW]\"");
    let percent = "p%40ss%2Fw%3Frd%20%22%C3%BCnd%22%20more~";
    assert_eq!(clean(&redactor, percent), "[REDACTED:PW]");
    assert_eq!(
        clean(&redactor, &percent.replace("%2F", "%2f").replace("%C3%BC", "%c3%bc").replace("%3F", "%3f")),
        "[REDACTED:PW]"
    );
}

#[test]
fn the_longest_of_two_values_wins() {
    let redactor = known(&[("A", "secret"), ("B", "secret-longer")]);
    assert_eq!(clean(&redactor, "secret secret-longer secret-long"), "[REDACTED:A] [REDACTED:B] [REDACTED:A]-long");
}

#[test]
fn a_short_value_is_refused_by_name() {
    let error = Redactor::new(&[("PIN".to_owned(), "1234".to_owned())]).unwrap_err();
    assert!(error.to_string().contains("`PIN`") && !error.to_string().contains("1234"));
    assert!(Redactor::new(&[("EMPTY".to_owned(), String::new())]).is_ok());
}

#[test]
fn nobody_prints_a_value() {
    let redactor = known(&[("PW", "hunter2hunter2")]);
    assert!(!format!("{redactor:?} {:?}", redactor.stream()).contains("hunter2"));
}

#[test]
fn shapes_are_found() {
    let redactor = Redactor::default();
    for (text, name) in [
        (token("sk-", 48), "api-key"),
        (token("sk-ant-api03-", 90), "api-key"),
        (token("sk-proj-", 60), "api-key"),
        (token("ghp_", 36), "github-token"),
        (token("ghs_", 36), "github-token"),
        (token("github_pat_", 82), "github-token"),
        (format!("AKIA{}", "ABCD1234EFGH5678"), "aws-key"),
        (token("xoxb-", 40), "slack-token"),
        (token("AIza", 35), "google-key"),
        (token("glpat-", 20), "gitlab-token"),
        (token("npm_", 36), "npm-token"),
        (format!("{}.{}.{}", token("eyJ", 20), token("eyJ", 30), token("", 43)), "jwt"),
    ] {
        assert_eq!(clean(&redactor, &text), format!("[REDACTED:{name}]"));
        assert_eq!(clean(&redactor, &format!("a=\"{text}\", b")), format!("a=\"[REDACTED:{name}]\", b"));
    }
    assert_eq!(clean(&redactor, "Authorization: Bearer abcdef0123"), "Authorization: Bearer [REDACTED:auth-header]");
    assert_eq!(
        clean(&redactor, r#"{"authorization": "Basic dXNlcjpwdw=="}"#),
        r#"{"authorization": "Basic [REDACTED:auth-header]"}"#
    );
    assert_eq!(clean(&redactor, "postgres://user:pw@db/x"), "postgres://user:[REDACTED:url-password]@db/x");
}

#[path = "../../tests/common/secrets.rs"]
mod secrets;

/// Redaction hides what a scan finds, and a scan finds what redaction hides.
#[test]
fn every_kind_is_hidden_and_found_alike() {
    let redactor = Redactor::default();
    for one in secrets::shaped() {
        let out = clean(&redactor, &one.line);
        assert!(!out.contains(&one.secret) && out.contains("[REDACTED:"), "{}: {out}", one.kind);
        let found = shapes_in(one.line.as_bytes());
        let hidden: Vec<&str> = out.match_indices("[REDACTED:").map(|(at, _)| &out[at + 10..]).collect();
        assert_eq!(found.len(), hidden.len(), "{}: {out}", one.kind);
        for (found, hidden) in found.iter().zip(hidden) {
            assert!(hidden.starts_with(found.name), "{}: {out}", one.kind);
        }
    }
    assert_eq!(clean(&redactor, "the sk-learn-based-classifier-of-2024 works"), "the sk-learn-based-classifier-of-2024 works");
    let innocent = "cache-key-d41d8cd98f00b204e9800998ecf8427e 3:AAbbcc 12:AA;Password=;x x-api-key: none";
    assert_eq!(clean(&redactor, innocent), innocent);
}

#[test]
fn a_private_key_block_goes_as_a_whole() {
    let (begin, end) = ("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----");
    let key = format!("{begin}\n{KEY_BODY}\n{KEY_BODY}\nAbCd==\n{end}");
    let redactor = Redactor::default();
    assert_eq!(clean(&redactor, &format!("before\n{key}\nafter")), "before\n[REDACTED:private-key]\nafter");
    assert_eq!(clean(&redactor, &key.replace('\n', "\\n")), "[REDACTED:private-key]");
    // Cut off before its end: nothing of the body stays.
    assert!(!clean(&redactor, &key[..150]).contains("MIIE"));
    // A program that speaks of keys is no key.
    let code = format!("if line == \"{begin}\" {{ return Err(\"no keys here\") }}");
    assert_eq!(clean(&redactor, &code), code);
    let certificate = key.replace("RSA PRIVATE KEY", "CERTIFICATE");
    assert_eq!(clean(&redactor, &certificate), certificate);
}

#[test]
fn ordinary_text_is_left_alone() {
    let text =
        "risk-assessment-of-a-long-kebab-case-name sk-learn sk-some-long-kebab-name-without-digits task-1234567890123456789012
        https://example.com:8080/a@b http://user@host/ git@github.com:a/b.git ghp_short AKIAshort eyJust.text
        authorization: required; Authorization: Bearer $TOKEN; npm_config_registry=x xoxo-xoxo AIzaNot
        a8098c1a-f86e-11da-bd1a-00112444be1e 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
        postgres://user:***@db -----BEGIN PGP MESSAGE-----";
    let redactor = Redactor::default();
    assert_eq!(clean(&redactor, text), text);
    assert!(matches!(redactor.cow("plain").into_inner(), Cow::Borrowed("plain")));
}

#[test]
fn a_known_value_keeps_its_name_inside_a_shape() {
    let redactor = known(&[("DB_PW", "s3cr3t-pw")]);
    let url = "postgres://user:[REDACTED:DB_PW]@db";
    assert_eq!(clean(&redactor, "postgres://user:s3cr3t-pw@db"), url);
    assert_eq!(clean(&redactor, url), url);
    assert_eq!(clean(&redactor, "x://s3cr3t-pw:other@db"), "x://[REDACTED:DB_PW]:[REDACTED:url-password]@db");
}

#[test]
fn json_is_cleaned_in_values_and_keys() {
    let redactor = known(&[("PW", "hunter2\nhunter2")]);
    let value = serde_json::json!({"hunter2\nhunter2": ["x hunter2\nhunter2", 1, null, {"a": true}]});
    let expected = serde_json::json!({"[REDACTED:PW]": ["x [REDACTED:PW]", 1, null, {"a": true}]});
    assert_eq!(*redactor.json(value.clone()).get(), expected);
    assert_eq!(*redactor.clean(value).unwrap().get(), expected);
}

#[test]
fn who_vouches_is_looked_at_once_more() {
    let redactor = known(&[("PW", "hunter2hunter2")]);
    assert!(redactor.vouch(vec!["fine", "[REDACTED:PW]"]).is_ok());
    let leak = redactor.vouch(vec!["x hunter2hunter2"]).unwrap_err();
    assert_eq!(leak.to_string(), "the secret `PW` was about to be written down");
}

#[test]
fn a_secret_where_no_placeholder_fits_is_an_error() {
    let redactor = known(&[("PW", "hunter2hunter2")]);
    let name = crate_free_name("hunter2hunter2");
    assert!(matches!(redactor.clean(name), Err(Leak::Unfit(why)) if !why.contains("hunter2")));
}

/// A secret that is a word of ours stands in what we write, and cannot be replaced there: that is told, not passed over.
#[test]
fn a_closed_word_that_somebody_keeps_secret_is_no_value_that_is_clean() {
    #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
    enum Word {
        Succeeded,
        Holds { quietly: bool },
    }
    for (secret, word) in [("Succeeded", Word::Succeeded), ("quietly", Word::Holds { quietly: true })] {
        let redactor = Redactor::new(&[("WORD".to_owned(), secret.to_owned())]).unwrap();
        assert!(matches!(redactor.clean(word.clone()), Err(Leak::Unfit(_))), "{secret}");
        assert_eq!(Redactor::default().clean(word.clone()).unwrap().into_inner(), word);
    }
}

/// A type that takes only some texts, as names do.
#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Word(String);

impl Clone for Word {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        word.0
    }
}

impl TryFrom<String> for Word {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.contains('[') { Err("no brackets".to_owned()) } else { Ok(Self(text)) }
    }
}

fn crate_free_name(text: &str) -> Word {
    Word(text.to_owned())
}

fn in_pieces(redactor: &Redactor, bytes: &[u8], cuts: impl Iterator<Item = usize>) -> Vec<u8> {
    let mut stream = redactor.stream();
    let (mut out, mut from) = (Vec::new(), 0);
    for cut in cuts {
        out.extend(stream.push(&bytes[from..cut]).into_inner());
        from = cut;
    }
    out.extend(stream.push(&bytes[from..]).into_inner());
    out.extend(stream.finish().into_inner());
    out
}

/// Texts with something in them: secrets, pieces of secrets, prefixes, ordinary words.
fn texts() -> impl Strategy<Value = String> {
    let key = format!("-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n{KEY_BODY}\n-----END PRIVATE KEY-----");
    let jwt = format!("{}.{}.{}", token("eyJ", 20), token("eyJ", 30), token("", 43));
    let parts: Vec<String> = [
        "hunter2hunter2",
        "hunter2",
        "abcabcabd",
        "abcabc",
        "abc",
        " ",
        "\n",
        "=",
        "\"",
        "x",
        "é",
        "-----END ",
        "-----",
        "sk-",
        "eyJ",
        "://",
        "user:",
        "pw",
        "@",
        "/",
        "Authorization: ",
        "Bearer ",
        "Basic ",
        "uthorization",
        "[REDACTED:A]",
        "[REDACTED:jwt]",
        "aHVudGVyMmh1bnRlcjI",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxaHVudGVyMmh1",
        "bnRlcjI",
        "\r\n",
        "\\n",
        "postgres://user:pw@db",
        "AKIAABCD1234EFGH5678",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([token("sk-", 40), token("ghp_", 36), token("npm_", 36), token("", 12), key.clone(), key[..120].to_owned(), jwt])
    // Every byte is cut at: short ones, or this takes long.
    .chain(secrets::shaped().into_iter().map(|one| one.line).filter(|line| line.len() < 75))
    .collect();
    proptest::collection::vec(proptest::sample::select(parts), 0..10).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn however_it_is_cut_the_result_is_the_same(text in texts()) {
        let redactor = known(&[("A", "hunter2hunter2"), ("B", "abcabcabd"), ("C", "abcabc")]);
        let whole = clean(&redactor, &text);
        prop_assert_eq!(&in_pieces(&redactor, text.as_bytes(), 1..text.len()), whole.as_bytes(), "byte by byte");
        for cut in 0..text.len() {
            prop_assert_eq!(&in_pieces(&redactor, text.as_bytes(), [cut].into_iter()), whole.as_bytes(), "cut at {}", cut);
        }
    }

    #[test]
    fn a_scan_finds_what_redaction_hides(text in texts()) {
        let redactor = Redactor::default();
        prop_assert_eq!(shapes_in(text.as_bytes()).is_empty(), clean(&redactor, &text) == text);
    }

    #[test]
    fn twice_is_once(text in texts()) {
        let redactor = known(&[("A", "hunter2hunter2"), ("B", "abcabcabd"), ("C", "abcabc")]);
        let once = clean(&redactor, &text);
        prop_assert_eq!(clean(&redactor, &once), once);
    }

    #[test]
    fn no_known_value_stays(text in texts()) {
        let redactor = known(&[("A", "hunter2hunter2"), ("B", "abcabcabd")]);
        let out = clean(&redactor, &text);
        prop_assert!(!out.contains("hunter2hunter2") && !out.contains("abcabcabd"));
    }

    #[test]
    fn odd_bytes_do_not_disturb(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let redactor = known(&[("A", "hunter2hunter2")]);
        let whole = redactor.bytes(bytes.clone()).into_inner();
        prop_assert_eq!(in_pieces(&redactor, &bytes, 1..bytes.len().max(1)), whole);
    }
}

#[test]
fn a_line_is_not_held_back() {
    let redactor = known(&[("A", "hunter2hunter2")]);
    let mut stream = redactor.stream();
    assert_eq!(stream.push(b"a line\n").into_inner(), b"a line\n");
    assert_eq!(stream.push(b"then hunt").into_inner(), b"then ");
    assert_eq!(stream.push(b"ing\n").into_inner(), b"hunting\n");
}

#[test]
fn a_short_text_is_told_as_the_automaton_tells_it() {
    let texts = table::SHAPES.iter().flat_map(|shape| {
        let prefix = shape.prefix;
        let around = [b" x ".as_slice(), prefix, b" y"].concat();
        [prefix.to_vec(), around, prefix[1..].to_vec(), prefix[..prefix.len() - 1].to_vec()]
    });
    for text in texts.chain([Vec::new(), b"s".to_vec(), vec![0; 300], b"started the server with its settings".to_vec()]) {
        assert_eq!(shapes::hinted(&text), shapes::automaton(&text).is_match(&text), "{}", String::from_utf8_lossy(&text));
    }
}
