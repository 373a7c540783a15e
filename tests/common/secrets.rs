//! Secrets that nobody has: made when a test runs, from a prefix and letters that a generator gives.
//! In: nothing. Out: kinds, with a line in which each may stand. Never: a whole secret in a file of the repository.

/// One planted secret.
#[derive(Debug, Clone)]
pub struct Planted {
    pub kind: &'static str,
    /// A line as it may stand in a file or in output.
    pub line: String,
    /// What must not be seen.
    pub secret: String,
}

const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &str = "0123456789abcdef";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Letters that look thrown, and are the same in every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    pub fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }
    pub fn text(&mut self, alphabet: &str, count: usize) -> String {
        let all: Vec<char> = alphabet.chars().collect();
        // A digit where many rules want to see one.
        (0..count).map(|at| if at == 3 && alphabet == ALNUM { '7' } else { all[self.next(all.len())] }).collect()
    }
}

/// Kinds that are known by their shape: redaction hides them, and a scan finds them.
pub fn shaped() -> Vec<Planted> {
    let mut dice = Dice::new(7);
    let mut all = Vec::new();
    // kind, prefix, alphabet, how many
    let simple: [(&str, &str, &str, usize); 61] = [
        ("openai", "sk-", ALNUM, 48),
        ("openai project", "sk-proj-", ALNUM, 64),
        ("anthropic", "sk-ant-api03-", ALNUM, 90),
        ("openrouter", "sk-or-v1-", HEX, 64),
        ("groq", "gsk_", ALNUM, 52),
        ("hugging face", "hf_", ALNUM, 34),
        ("nvidia", "nvapi-", ALNUM, 64),
        ("perplexity", "pplx-", ALNUM, 48),
        ("replicate", "r8_", ALNUM, 37),
        ("xai", "xai-", ALNUM, 80),
        ("github", "ghp_", ALNUM, 36),
        ("github app", "ghs_", ALNUM, 36),
        ("github fine", "github_pat_", ALNUM, 82),
        ("gitlab", "glpat-", ALNUM, 20),
        ("gitlab deploy", "gldt-", ALNUM, 20),
        ("bitbucket", "ATBB", ALNUM, 32),
        ("atlassian", "ATATT3", ALNUM, 180),
        ("aws key", "AKIA", UPPER, 16),
        ("google", "AIza", ALNUM, 35),
        ("google oauth", "ya29.", ALNUM, 60),
        ("google client", "GOCSPX-", ALNUM, 28),
        ("alibaba", "LTAI", ALNUM, 20),
        ("digitalocean", "dop_v1_", HEX, 64),
        ("heroku", "HRKU-", ALNUM, 36),
        ("fly", "fo1_", ALNUM, 43),
        ("planetscale", "pscale_tkn_", ALNUM, 43),
        ("supabase", "sbp_", HEX, 40),
        ("databricks", "dapi", HEX, 32),
        ("vault", "hvs.", ALNUM, 90),
        ("pulumi", "pul-", HEX, 40),
        ("doppler", "dp.pt.", ALNUM, 43),
        ("onepassword", "ops_eyJ", ALNUM, 250),
        ("artifactory", "AKCp", ALNUM, 69),
        ("docker", "dckr_pat_", ALNUM, 27),
        ("npm", "npm_", ALNUM, 36),
        ("pypi", "pypi-AgE", ALNUM, 100),
        ("rubygems", "rubygems_", HEX, 48),
        ("postman", "PMAK-", ALNUM, 59),
        ("newrelic", "NRAK-", UPPER, 27),
        ("grafana", "glsa_", ALNUM, 41),
        ("sentry", "sntrys_", ALNUM, 140),
        ("dynatrace", "dt0c01.", ALNUM, 88),
        ("slack bot", "xoxb-", ALNUM, 40),
        ("slack app", "xapp-", ALNUM, 60),
        ("slack webhook", "https://hooks.slack.com/services/", ALNUM, 44),
        ("discord webhook", "https://discord.com/api/webhooks/", ALNUM, 88),
        ("mailgun", "key-", HEX, 32),
        ("brevo", "xkeysib-", ALNUM, 80),
        ("stripe", "sk_live_", ALNUM, 24),
        ("stripe restricted", "rk_live_", ALNUM, 24),
        ("webhook signature", "whsec_", ALNUM, 32),
        ("square", "sq0atp-", ALNUM, 22),
        ("shopify", "shpat_", HEX, 32),
        ("easypost", "EZAK", ALNUM, 54),
        ("figma", "figd_", ALNUM, 40),
        ("typeform", "tfp_", ALNUM, 59),
        ("linear", "lin_api_", ALNUM, 40),
        ("notion", "ntn_", ALNUM, 46),
        ("readme", "rdme_", ALNUM, 70),
        ("prefect", "pnu_", ALNUM, 36),
        ("age", "AGE-SECRET-KEY-1", UPPER, 58),
    ];
    for (kind, prefix, alphabet, count) in simple {
        let body = dice.text(alphabet, count);
        let line = format!("found {prefix}{body} there");
        all.push(Planted { kind, line, secret: body });
    }
    let mut other = |kind: &'static str, before: &str, secret: String, after: &str| {
        all.push(Planted { kind, line: format!("{before}{secret}{after}"), secret });
    };
    other("aws secret", "aws_secret_access_key = ", dice.text(BASE64, 40), "");
    other("azure storage", "DefaultEndpointsProtocol=https;AccountName=one;AccountKey=", dice.text(BASE64, 86), "==;");
    other("azure bus", "Endpoint=sb://one/;SharedAccessKeyName=two;SharedAccessKey=", dice.text(BASE64, 43), "=");
    other("azure signature", "https://one.blob.invalid/x?sv=2024&sig=", dice.text(BASE64, 43), "%3D&se=1");
    other("terraform", &format!("{}.atlasv1.", dice.text(ALNUM, 14)), dice.text(ALNUM, 67), "");
    other("telegram", "bot1234509876:AA", dice.text(ALNUM, 33), "/getMe");
    other("sendgrid", "SG.", format!("{}.{}", dice.text(ALNUM, 22), dice.text(ALNUM, 43)), "");
    other("npmrc", "//registry.invalid/:_authToken=", dice.text(ALNUM, 36), "");
    other("bearer", "Authorization: Bearer ", dice.text(ALNUM, 40), "");
    other("basic", "authorization: Basic ", dice.text(BASE64, 32), "==");
    other("key header", "X-Api-Key: ", dice.text(ALNUM, 32), "");
    other("postgres", "postgres://svc:", dice.text(ALNUM, 18), "@db.invalid:5432/app");
    other("mongodb", "mongodb+srv://svc:", dice.text(ALNUM, 18), "@db.invalid/app");
    other("amqp", "amqp://svc:", dice.text(ALNUM, 18), "@mq.invalid//");
    other("sql server", "Server=db;User Id=sa;Password=", dice.text(ALNUM, 16), ";Encrypt=true");
    other("psql", "PGPASSWORD=", dice.text(ALNUM, 16), " psql -h db");
    let jwt = format!("{}.eyJ{}.{}", dice.text(ALNUM, 24), dice.text(ALNUM, 60), dice.text(ALNUM, 43));
    other("jwt", "cookie eyJ", jwt, "");
    let key: Vec<String> = (0..6).map(|_| dice.text(BASE64, 64)).collect();
    for title in ["RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY"] {
        let kind = if title.starts_with("RSA") {
            "rsa key"
        } else if title.starts_with('O') {
            "ssh key"
        } else {
            "ec key"
        };
        let fence = |word: &str| format!("-----{word} {title}-----");
        let line = format!("{}\n{}\n{}", fence("BEGIN"), key.join("\n"), fence("END"));
        all.push(Planted { kind, line, secret: key[2].clone() });
    }
    all
}
