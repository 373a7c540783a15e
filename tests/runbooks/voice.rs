//! A workspace from which voice calls are tried, and stand-ins for what lies outside of it.
//! In: files of the stand-ins' world. Out: how the runbook ended, how many calls were placed, what was made. Never: a real telephone, container
//! or tunnel: `voice_world.sh` stands in for docker, tailscale, the provider and the database, and [`Telephony`] for the provider's REST
//! interface, on loopback. The flows are the shipped ones, with shorter waits.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use super::common::{Ran, Test};

pub const FROM: &str = "+15550100001";
pub const TO: &str = "+15550100002";

/// The workspace: its name ends in the number of the checkout.
pub const PLACE: &str = "shop-3";

/// Everything of voice.conf that the provider's stand-in needs, so that no server has to run.
const CONF: &str = "\
public-url = http://127.0.0.1:9
commands = docker tailscale provider
health-local =
health-public =
numbers = provider numbers
webhook = provider webhook
place = provider place
find = provider find
leg = provider leg
log.call = provider call
log.status = provider status
log.events = provider events
";

const OURS: &str = "\
from = +15550100001
to = +15550100002
env-names = SERVICE_KEY
have = database have
make = database make
transcripts = database transcripts
interventions = database interventions
metrics = database metrics
metrics-wanted = transcription enrichment speech-detection
";

pub struct Voice(pub Test);

impl Voice {
    pub fn new() -> Self {
        Self::with(CONF, 4103, "http://127.0.0.1:9/voice/incoming")
    }

    /// Settings beside those of the service, the port of its API, and the webhook that the number has.
    pub fn with(conf: &str, port: u16, webhook: &str) -> Self {
        let test = Test::new();
        let token = ["token-of", "the-account"].join("-");
        for name in ["docker", "tailscale", "provider", "database"] {
            test.write(&format!("bin/{name}"), include_str!("voice_world.sh"));
            fs::set_permissions(test.at(&format!("bin/{name}")), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let files = [
            ("services", "api running\nworker running\ndatabase running\nqueue running\n".to_owned()),
            ("numbers", format!("{FROM}\n{TO}\n")),
            ("webhook", format!("{webhook}\n")),
            ("tunnel", format!("{port}\n")),
            ("token", token.clone()),
            ("transcripts", "m1\tI would like to talk about Sunday.\nm2\tWe agreed on ten o'clock\n".to_owned()),
            ("interventions", "i1\tm2\tAsk both what ten means to them.\n".to_owned()),
            ("metrics-before", "{\"event\": \"transcription\", \"duration_ms\": 99999}\n".to_owned()),
            ("metrics", "{\"event\": \"transcription\", \"duration_ms\": 812.5}\n".to_owned()),
        ];
        for (name, text) in files {
            test.write(&format!("world/{name}"), &text);
        }
        test.write(&format!("{PLACE}/voice.conf"), &format!("{conf}{OURS}"));
        test.write(&format!("{PLACE}/.env"), "SERVICE_KEY=\"set\"\n");
        test.write(&format!("{PLACE}/voice-said.txt"), "I would like to talk about Sunday.\nWe agreed on ten o'clock.\n");
        waits(&test, "50ms");
        let path = format!("{}:{}", test.at("bin").display(), std::env::var("PATH").unwrap());
        let flows = test.at("flows").display().to_string();
        let test = test.env("PATH", &path).env("FLOW_STUDIO_FLOWS", &flows);
        Self(test.env("TWILIO_ACCOUNT_SID", "AC-of-a-test").env("TWILIO_AUTH_TOKEN", &token))
    }

    pub fn world(self, name: &str, text: &str) -> Self {
        self.0.write(&format!("world/{name}"), text);
        self
    }

    /// More lines of voice.conf; the last one of a name counts.
    pub fn conf(self, lines: &str) -> Self {
        let path = format!("{PLACE}/voice.conf");
        let before = self.0.text(&path);
        self.0.write(&path, &format!("{before}{lines}\n"));
        self
    }

    /// Polls go on for so long.
    pub fn patient(self, length: &str) -> Self {
        waits(&self.0, length);
        self
    }

    pub fn run(&self, flow: &str) -> Ran {
        self.run_as(flow, "v", PLACE)
    }

    pub fn run_as(&self, flow: &str, run: &str, place: &str) -> Ran {
        self.0.go(&["run", flow, "--run-id", run, "--workspace", place])
    }

    pub fn answer(&self, question: &str, choose: &str) -> Ran {
        self.0.go(&["review", "answer", &format!("v/{question}"), "--choose", choose, "--note", "looked"]).code(0);
        self.0.go(&["resume", "v"])
    }

    pub fn waits(&self) -> Vec<String> {
        let inbox = self.0.go(&["review", "list", "--run", "v", "--json"]).code(0).json();
        inbox["waiting"].as_array().unwrap().iter().map(|one| one["question"].as_str().unwrap().to_owned()).collect()
    }

    pub fn calls(&self) -> usize {
        self.0.text("world/calls").lines().count()
    }

    pub fn page(&self) -> String {
        self.0.text("run_base/v/voice-e2e/artifacts/voice-e2e.md")
    }

    /// What a step printed as JSON, by the path of its flow.
    pub fn said(&self, flow: &str, step: &str) -> serde_json::Value {
        self.0.json(&format!("run_base/v/{flow}/logs/{step}.1.stdout"))
    }
}

/// The shipped flows of a voice call, with polls that go on for so long.
fn waits(test: &Test, length: &str) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let polls = regex::Regex::new(r"poll: \{every: \w+, for: \w+\}").unwrap();
    for dir in ["", "data", "scripts", "scripts/voice", "templates"] {
        for item in fs::read_dir(shipped.join(dir)).unwrap().flatten().filter(|item| item.file_type().unwrap().is_file()) {
            let name = item.file_name().into_string().unwrap();
            if !name.contains("voice") && !dir.contains("voice") && name != "json.sh" {
                continue;
            }
            let text = fs::read_to_string(item.path()).unwrap();
            let path = PathBuf::from("flows").join(dir).join(name);
            test.write(path.to_str().unwrap(), &polls.replace_all(&text, format!("poll: {{every: 5ms, for: {length}}}")));
        }
    }
}

/// The REST interface of the provider, and the health of the service, on one port. It takes one account, keeps what it was asked, and
/// a call that is posted is placed in the stand-ins' world.
pub struct Telephony {
    pub port: u16,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Telephony {
    /// `world`: where calls are kept. It can be named later.
    pub fn start(world: &Arc<Mutex<PathBuf>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (world, heard) = (world.clone(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let world = world.lock().unwrap().clone();
                if let Some((line, body)) = answer(&stream, port, &world) {
                    heard.lock().unwrap().push(format!("{line} {body}"));
                }
            }
        });
        Self { port, asked }
    }
}

fn answer(mut stream: &TcpStream, port: u16, world: &Path) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let (mut length, mut allowed) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim_end();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(": ")?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => allowed = value.starts_with("Basic "),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    let line = line.trim_end().to_owned();
    let path = line.split(' ').nth(1)?.to_owned();
    let below = path.strip_prefix("/2010-04-01/Accounts/AC-of-a-test/").filter(|_| allowed);
    // Two calls for each: the one that was placed, and the leg that came in; the newest first.
    let pair = |id: &str| {
        let one = |id: String, direction: &str| {
            format!(
                r#"{{"sid": "{id}", "direction": "{direction}", "status": "in-progress", "subresource_uris": {{"events": "/\"x"}}}}"#
            )
        };
        (one(format!("{id}-leg"), "inbound"), one(id.to_owned(), "outbound-api"))
    };
    let (old, (leg, call)) = (pair("CA0"), pair("CA1"));
    let placed = world.join("calls").exists();
    let url = format!("http://127.0.0.1:{port}/voice/incoming");
    let (status, json) = match below.map(|below| below.split('?').next().unwrap_or("")) {
        Some("IncomingPhoneNumbers.json") => (
            200,
            format!(
                r#"{{"incoming_phone_numbers": [{{"phone_number": "{TO}", "voice_url": "{url}", "capabilities": {{"sms": true}}}}{}]}}"#,
                if path.contains("PhoneNumber=") { String::new() } else { format!(r#", {{"phone_number": "{FROM}", "voice_url": ""}}"#) }
            ),
        ),
        Some("Calls.json") if line.starts_with("POST") => {
            fs::write(world.join("calls"), "CA1\n").ok()?;
            (201, call)
        }
        Some("Calls.json") if placed => (200, format!(r#"{{"calls": [{leg}, {call}, {}, {}]}}"#, old.0, old.1)),
        Some("Calls.json") => (200, format!(r#"{{"calls": [{}, {}]}}"#, old.0, old.1)),
        Some("Calls/CA1.json") if placed => (200, call),
        _ if path.starts_with("/v1/Alerts") && allowed => (
            200,
            r#"{"alerts": [{"resource_sid": "CA1-leg", "error_code": "11200", "request_url": "http://x/y", "alert_text": "a=\"b\""}]}"#.to_owned(),
        ),
        _ if path == "/health" => (200, "{}".to_owned()),
        _ => (401, r#"{"code": 20003, "message": "Authenticate"}"#.to_owned()),
    };
    write!(stream, "HTTP/1.1 {status} -\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{json}", json.len()).ok()?;
    Some((line, body))
}
