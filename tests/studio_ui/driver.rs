//! A real Chromium, driven over the WebDriver protocol: JSON over HTTP to `chromedriver`, which speaks to the browser.
//! In: addresses, selectors, keys, scripts. Out: what stands in the page. Never: a profile that another test used, a sleep.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything takes on a busy machine; a page on which something does not come ends the test.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a page is asked to look out by itself, before it is asked again.
const LOOK_MS: u64 = 2_000;
/// The name by which elements are handed to and fro; the protocol has fixed it.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub const TAB: &str = "\u{E004}";
pub const ENTER: &str = "\u{E007}";
pub const SPACE: &str = " ";

/// What the protocol refused, in its own words.
type Refused = String;

/// Ports that are tried for the driver.
const STARTS_MAX: usize = 5;

pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

/// A program by its name, or where a variable says it is.
fn program(variable: &str, name: &str) -> PathBuf {
    let said = std::env::var_os(variable).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = said.or_else(|| std::env::split_paths(&path).map(|dir| dir.join(name)).find(|path| path.is_file()));
    found.unwrap_or_else(|| {
        panic!("{name} is not installed (Debian: apt-get install chromium chromium-driver), or say {variable}=/path")
    })
}

impl Browser {
    pub fn start() -> Self {
        let profile = tempfile::Builder::new().prefix("fs-browser-").tempdir().expect("a temporary directory");
        let (driver, port) = (0..STARTS_MAX).find_map(|_| Self::driver()).expect("a chromedriver that says its port");
        let home = format!("--user-data-dir={}", profile.path().display());
        let mut browser = Self { driver, port, session: String::new(), _profile: profile };
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--window-size=1200,900",
            &home,
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": program("CHROMIUM", "chromium"), "args": args},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": 60_000, "pageLoad": 60_000},
        }}});
        let made = browser.send("POST", "/session", Some(&wanted)).unwrap_or_else(|why| panic!("no browser: {why}"));
        browser.session = made["sessionId"].as_str().expect("a session").to_owned();
        browser
    }

    /// It takes any port of IPv4, and ends where somebody else took the same one of IPv6 meanwhile: `None`.
    fn driver() -> Option<(Child, u16)> {
        let mut driver = Command::new(program("CHROMEDRIVER", "chromedriver"))
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver starts");
        let mut says = BufReader::new(driver.stdout.take().expect("its output")).lines();
        let said = says.find_map(|line| line.ok()?.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        let Some(port) = said else {
            driver.wait().expect("its end");
            return None;
        };
        // It goes on talking; nobody must make it wait.
        std::thread::spawn(move || says.for_each(drop));
        Some((driver, port))
    }

    /// One request, one connection.
    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Refused> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        );
        stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).map_err(|error| error.to_string())? > 0 && line != "\r\n" {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(|_| format!("no length: {line}"))?;
            }
            line.clear();
        }
        let mut bytes = vec![0; length];
        reader.read_exact(&mut bytes).map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let value = answer["value"].clone();
        match value["error"].as_str() {
            Some(kind) => Err(format!("{kind}: {}", value["message"].as_str().unwrap_or_default())),
            None => Ok(value),
        }
    }

    fn try_command(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Refused> {
        self.send(method, &format!("/session/{}{path}", self.session), body)
    }

    #[track_caller]
    fn get_value(&self, path: &str) -> Value {
        self.try_command("GET", path, None).unwrap_or_else(|why| panic!("{path}: {why}"))
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.try_command("POST", path, Some(body)).unwrap_or_else(|why| panic!("{path} {body}: {why}"))
    }

    #[track_caller]
    pub fn open(&self, address: &str) {
        self.post("/url", &json!({"url": address}));
    }

    pub fn address(&self) -> String {
        self.get_value("/url").as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn find(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({"using": "css selector", "value": selector}));
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    /// As a hand does it: what is to be clicked is brought into sight first.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let element = self.find(selector);
        let show = json!({"script": "arguments[0].scrollIntoView({block: 'center'});", "args": [{ELEMENT: element}]});
        self.post("/execute/sync", &show);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    #[track_caller]
    pub fn write(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.post(&format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// Keys as a hand presses them, wherever the focus is.
    #[track_caller]
    pub fn press(&self, keys: &[&str]) {
        let strokes: Vec<Value> =
            keys.iter().flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key}))).collect();
        self.post("/actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]}));
    }

    /// The value of a JavaScript expression in the page.
    #[track_caller]
    pub fn value(&self, expression: &str) -> Value {
        self.run(&format!("return ({expression});"))
    }

    /// The body of a function, run in the page. The page's own policy binds its scripts, not ours.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// The body of a function that hands its result to `done`.
    #[track_caller]
    pub fn run_async(&self, script: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1];\n{script}");
        self.post("/execute/async", &json!({"script": script, "args": []}))
    }

    /// Until an expression holds in the page, also over pages that come and go. The page itself looks out for it.
    #[track_caller]
    pub fn until(&self, holds: &str) {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const holds = () => {{ try {{ return Boolean({holds}); }} catch {{ return false; }} }};
             if (holds()) {{ done(true); return; }}
             const end = (answer) => {{ clearInterval(often); clearTimeout(late); seen.disconnect(); done(answer); }};
             const look = () => {{ if (holds()) end(true); }};
             const seen = new MutationObserver(look);
             seen.observe(document, {{subtree: true, childList: true, attributes: true, characterData: true}});
             const often = setInterval(look, 50);
             const late = setTimeout(() => end(false), {LOOK_MS});"
        );
        let start = Instant::now();
        loop {
            // While a page goes and another comes there is nobody to ask.
            let asked = self.try_command("POST", "/execute/async", Some(&json!({"script": script, "args": []})));
            if asked.as_ref().is_ok_and(|answer| *answer == true) {
                return;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "waited in vain for `{holds}` at {}: {asked:?}\n{}",
                self.address(),
                self.value("document.body.innerText")
            );
        }
    }

    /// A command of the browser's own protocol, for what WebDriver has no word for.
    #[track_caller]
    pub fn chrome(&self, command: &str, params: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": params}))
    }

    pub fn new_tab(&self) -> String {
        let made = self.post("/window/new", &json!({"type": "tab"}));
        made["handle"].as_str().expect("a tab").to_owned()
    }

    pub fn switch_to(&self, tab: &str) {
        self.post("/window", &json!({"handle": tab}));
        // Only a page that is seen is read again.
        self.chrome("Page.bringToFront", &json!({}));
    }

    /// What the browser complained of since it was asked last: scripts that failed, what a policy forbade, what was not found.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({"type": "browser"}));
        let all = log.as_array().cloned().unwrap_or_default();
        let grave = all.iter().filter(|line| matches!(line["level"].as_str(), Some("SEVERE" | "WARNING")));
        grave.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Light or dark; with or without motion.
    pub fn prefers(&self, scheme: &str, motion: &str) {
        let features =
            json!([{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}]);
        self.chrome("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    pub fn as_wide_as(&self, width: u32, height: u32, mobile: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.chrome("Emulation.setDeviceMetricsOverride", &size);
    }

    pub fn scripts(&self, on: bool) {
        self.chrome("Emulation.setScriptExecutionDisabled", &json!({"value": !on}));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser is the driver's child and ends with its session.
        let _ = self.send("DELETE", &format!("/session/{}", self.session), None);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
