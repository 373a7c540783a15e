//! Which shapes are secret: what they begin with, what they are called, what follows.
//! In: nothing (this is a table). Out: `SHAPES`. Never: a prefix so short that ordinary words begin with it.

/// Bytes that a body is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Alnum,
    Hex,
    Upper,
    Word,
    WordDash,
    Token,
    Jwt,
    /// What stands in an address without its query's `&`.
    Address,
    /// Up to the next `;`, quote or space.
    Field,
}

impl Class {
    pub(super) fn has(self, byte: u8) -> bool {
        let alnum = byte.is_ascii_alphanumeric();
        match self {
            Self::Alnum => alnum,
            Self::Hex => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
            Self::Upper => alnum && !byte.is_ascii_lowercase(),
            Self::Word => alnum || byte == b'_',
            Self::WordDash => alnum || matches!(byte, b'_' | b'-'),
            Self::Token => alnum || matches!(byte, b'_' | b'-' | b'.' | b'~' | b'+' | b'/' | b'='),
            Self::Jwt => alnum || matches!(byte, b'_' | b'-' | b'.' | b'='),
            Self::Address => alnum || matches!(byte, b'_' | b'-' | b'.' | b'~' | b'+' | b'/' | b'=' | b'%' | b'@'),
            Self::Field => {
                byte.is_ascii_graphic()
                    && !matches!(byte, b';' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'{' | b'}' | b'$' | b'[' | b']' | b'\\')
            }
        }
    }
}

/// What may stand before a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Anything,
    Digit,
}

impl Of {
    pub(super) fn allows(self, before: Option<u8>) -> bool {
        match self {
            Self::Anything => true,
            Self::Digit => before.is_some_and(|byte| byte.is_ascii_digit()),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Body {
    /// At least so many characters of a class; `digit`: one of the first 64 is a digit, as in no kebab-case word.
    Run {
        class: Class,
        bytes_min: usize,
        digit: bool,
    },
    /// So many characters of a class, and then the word ends.
    Exact {
        class: Class,
        bytes: usize,
    },
    /// A value behind its name: the name stays, quotes and signs between them too.
    After {
        class: Class,
        bytes_min: usize,
        of: Of,
    },
    Jwt,
    Key,
    Header,
    Url,
}

pub(super) struct Shape {
    pub(super) prefix: &'static [u8],
    pub(super) name: &'static str,
    pub(super) body: Body,
}

const fn run(prefix: &'static str, name: &'static str, class: Class, bytes_min: usize, digit: bool) -> Shape {
    Shape { prefix: prefix.as_bytes(), name, body: Body::Run { class, bytes_min, digit } }
}

const fn after(prefix: &'static str, name: &'static str, class: Class, bytes_min: usize) -> Shape {
    Shape { prefix: prefix.as_bytes(), name, body: Body::After { class, bytes_min, of: Of::Anything } }
}

const fn exact(prefix: &'static str, name: &'static str, class: Class, bytes: usize) -> Shape {
    Shape { prefix: prefix.as_bytes(), name, body: Body::Exact { class, bytes } }
}

const fn other(prefix: &'static str, name: &'static str, body: Body) -> Shape {
    Shape { prefix: prefix.as_bytes(), name, body }
}

use Class::{Address, Alnum, Field, Hex, Jwt, Token, Upper, Word, WordDash};

pub(super) const SHAPES: [Shape; 113] = [
    // Models.
    run("sk-", "api-key", WordDash, 20, true),
    run("gsk_", "groq-key", Alnum, 40, false),
    run("hf_", "huggingface-token", Alnum, 30, false),
    run("nvapi-", "nvidia-key", WordDash, 40, true),
    run("pplx-", "perplexity-key", Alnum, 40, true),
    run("r8_", "replicate-token", Alnum, 37, true),
    run("xai-", "xai-key", Alnum, 60, true),
    // Where code lives.
    run("ghp_", "github-token", Alnum, 36, false),
    run("gho_", "github-token", Alnum, 36, false),
    run("ghu_", "github-token", Alnum, 36, false),
    run("ghs_", "github-token", Alnum, 36, false),
    run("ghr_", "github-token", Alnum, 36, false),
    run("github_pat_", "github-token", Word, 40, false),
    run("glpat-", "gitlab-token", WordDash, 20, false),
    run("gldt-", "gitlab-token", WordDash, 20, true),
    run("glrt-", "gitlab-token", WordDash, 20, true),
    run("glptt-", "gitlab-token", WordDash, 20, true),
    run("glcbt-", "gitlab-token", WordDash, 20, true),
    run("glsoat-", "gitlab-token", WordDash, 20, true),
    run("ATBB", "bitbucket-token", Alnum, 28, true),
    run("ATATT3", "atlassian-token", Token, 40, true),
    // Clouds.
    run("AKIA", "aws-key", Upper, 16, false),
    run("ASIA", "aws-key", Upper, 16, true),
    after("secret_access_key", "aws-secret", Token, 40),
    after("SECRET_ACCESS_KEY", "aws-secret", Token, 40),
    after("ecretAccessKey", "aws-secret", Token, 40),
    run("AIza", "google-key", WordDash, 35, false),
    run("ya29.", "google-token", WordDash, 30, true),
    run("GOCSPX-", "google-secret", WordDash, 24, false),
    after("AccountKey=", "azure-key", Token, 40),
    after("SharedAccessKey=", "azure-key", Token, 40),
    after("&sig=", "azure-signature", Address, 40),
    run("LTAI", "alibaba-key", Alnum, 16, true),
    run("dop_v1_", "digitalocean-token", Alnum, 64, false),
    run("doo_v1_", "digitalocean-token", Alnum, 64, false),
    run("dor_v1_", "digitalocean-token", Alnum, 64, false),
    run("HRKU-", "heroku-key", WordDash, 36, true),
    run("fo1_", "fly-token", WordDash, 40, true),
    run("fm2_", "fly-token", Token, 60, true),
    run("pscale_tkn_", "planetscale-token", WordDash, 32, true),
    run("pscale_pw_", "planetscale-token", WordDash, 32, true),
    run("sbp_", "supabase-token", Alnum, 40, true),
    exact("dapi", "databricks-token", Hex, 32),
    // What holds, builds and watches it.
    run("hvs.", "vault-token", WordDash, 24, true),
    run("hvb.", "vault-token", WordDash, 60, true),
    after(".atlasv1.", "terraform-token", WordDash, 40),
    run("pul-", "pulumi-token", Hex, 40, true),
    run("dp.pt.", "doppler-token", Alnum, 40, true),
    run("dp.ct.", "doppler-token", Alnum, 40, true),
    run("dp.sa.", "doppler-token", Alnum, 40, true),
    run("ops_eyJ", "onepassword-token", Token, 60, true),
    run("AKCp", "artifactory-key", Alnum, 60, true),
    run("dckr_pat_", "docker-token", WordDash, 20, false),
    run("dckr_oat_", "docker-token", WordDash, 20, false),
    run("npm_", "npm-token", Alnum, 36, false),
    after("_authToken=", "npm-token", Token, 16),
    run("pypi-AgE", "pypi-token", WordDash, 50, true),
    run("rubygems_", "rubygems-key", Hex, 48, false),
    run("PMAK-", "postman-key", WordDash, 40, true),
    run("NRAK-", "newrelic-key", Upper, 27, false),
    run("glsa_", "grafana-token", Word, 40, true),
    run("glc_eyJ", "grafana-token", Token, 32, true),
    run("sntrys_", "sentry-token", Token, 60, true),
    run("sntryu_", "sentry-token", Hex, 64, false),
    run("dt0c01.", "dynatrace-token", Jwt, 60, true),
    // What talks to people, and takes their money.
    run("xoxa-", "slack-token", WordDash, 10, true),
    run("xoxb-", "slack-token", WordDash, 10, true),
    run("xoxe-", "slack-token", WordDash, 10, true),
    run("xoxp-", "slack-token", WordDash, 10, true),
    run("xoxr-", "slack-token", WordDash, 10, true),
    run("xoxs-", "slack-token", WordDash, 10, true),
    run("xapp-", "slack-token", WordDash, 20, true),
    after("hooks.slack.com/services/", "slack-webhook", Token, 20),
    after("discord.com/api/webhooks/", "discord-webhook", Token, 60),
    after("discordapp.com/api/webhooks/", "discord-webhook", Token, 60),
    after("webhook.office.com/webhookb2/", "teams-webhook", Address, 60),
    other(":AA", "telegram-token", Body::After { class: WordDash, bytes_min: 32, of: Of::Digit }),
    run("SG.", "sendgrid-key", Jwt, 60, true),
    exact("key-", "mailgun-key", Hex, 32),
    run("xkeysib-", "brevo-key", WordDash, 60, true),
    run("sk_live_", "stripe-key", Alnum, 20, false),
    run("sk_test_", "stripe-key", Alnum, 20, false),
    run("rk_live_", "stripe-key", Alnum, 20, false),
    run("rk_test_", "stripe-key", Alnum, 20, false),
    run("whsec_", "webhook-secret", Token, 24, true),
    run("sq0atp-", "square-token", WordDash, 22, false),
    run("sq0csp-", "square-token", WordDash, 40, false),
    run("shpat_", "shopify-token", Hex, 32, false),
    run("shpss_", "shopify-token", Hex, 32, false),
    run("shpca_", "shopify-token", Hex, 32, false),
    run("shppa_", "shopify-token", Hex, 32, false),
    run("EZAK", "easypost-key", Alnum, 50, true),
    run("figd_", "figma-token", WordDash, 40, true),
    run("tfp_", "typeform-token", WordDash, 40, true),
    run("lin_api_", "linear-key", Alnum, 40, false),
    run("ntn_", "notion-token", Alnum, 40, true),
    run("rdme_", "readme-key", Alnum, 60, true),
    run("pnu_", "prefect-key", Alnum, 36, true),
    // Whoever makes them.
    other("-----BEGIN ", "private-key", Body::Key),
    run("AGE-SECRET-KEY-1", "age-key", Upper, 58, false),
    other("eyJ", "jwt", Body::Jwt),
    other("uthorization", "auth-header", Body::Header),
    after("x-api-key", "auth-header", WordDash, 16),
    after("X-Api-Key", "auth-header", WordDash, 16),
    after("X-API-Key", "auth-header", WordDash, 16),
    after("X-API-KEY", "auth-header", WordDash, 16),
    other("://", "url-password", Body::Url),
    after(";Password=", "db-password", Field, 4),
    after(";password=", "db-password", Field, 4),
    after(";Pwd=", "db-password", Field, 4),
    after(";PWD=", "db-password", Field, 4),
    after(";pwd=", "db-password", Field, 4),
    after("PGPASSWORD=", "db-password", Field, 4),
];

/// How much of a stream's end may be the beginning of a prefix.
pub(super) const PREFIX_BYTES_MAX: usize = {
    let (mut at, mut most) = (0, 0);
    while at < SHAPES.len() {
        if SHAPES[at].prefix.len() > most {
            most = SHAPES[at].prefix.len();
        }
        at += 1;
    }
    most
};

/// The place of two bytes among all pairs.
pub(super) const fn pair(first: u8, second: u8) -> usize {
    (first as usize) << 8 | second as usize
}

/// The pairs of bytes that some prefix has at its beginning, and those that it has one further on, a bit each.
pub(super) static PAIRS: [[u64; 1024]; 2] = [pairs(0), pairs(1)];

const fn pairs(from: usize) -> [u64; 1024] {
    let (mut at, mut pairs) = (0, [0u64; 1024]);
    while at < SHAPES.len() {
        let prefix = SHAPES[at].prefix;
        assert!(prefix.len() > 2, "two bytes would be found everywhere");
        let place = pair(prefix[from], prefix[from + 1]);
        pairs[place / 64] |= 1 << (place % 64);
        at += 1;
    }
    pairs
}

/// The bytes with which some prefix begins.
pub(super) const FIRST: [bool; 256] = {
    let (mut at, mut first) = (0, [false; 256]);
    while at < SHAPES.len() {
        first[SHAPES[at].prefix[0] as usize] = true;
        at += 1;
    }
    first
};
