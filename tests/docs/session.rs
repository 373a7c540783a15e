//! What a reader of a page does, typed into a shell: the directory and exported variables stay from block to block.
//! In: blocks of commands. Out: their exit codes and what they printed. Never: a network beyond this machine, a real wait.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::json;

use super::common::programs;

/// Nobody waits for seconds: a pause in a step is real until the page has killed the program once, then it is none; a pause of the
/// reader lasts until a step has begun to pause.
const SLEEP: &str = r#"#!/bin/sh
set -u
if [ -n "${RUN_ID:-}" ]; then
    : > "$HOME/at-$RUN_ID"
    [ -e "$HOME/gone-$RUN_ID" ] || exec "$REAL_SLEEP" "$1"
    exit 0
fi
n=0
while [ $n -lt 600 ]; do
    for at in "$HOME"/at-*; do
        gone=$HOME/gone-${at##*/at-}
        if [ -e "$at" ] && [ ! -e "$gone" ]; then : > "$gone"; exit 0; fi
    done
    "$REAL_SLEEP" 0.05
    n=$((n + 1))
done
exit 1
"#;

/// Which parts of the checkout a page may use.
const CHECKOUT: &[&str] = &["flows", "agents", "examples", "schemas", "scripts", "Makefile", "stepwise.mk", "docs"];

pub struct Session {
    dir: tempfile::TempDir,
    cwd: PathBuf,
    /// In place of a server that the page names.
    pub server: String,
}

pub struct Typed {
    /// Each command, and the code that it ended with.
    pub ends: Vec<(String, i32)>,
    pub printed: String,
}

impl Session {
    pub fn new(world: &str, server: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("fs-docs-").tempdir().unwrap();
        for name in ["bin", "home", "tmp", "here"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let session = Self { cwd: dir.path().join("here"), dir, server: server.to_owned() };
        symlink(env!("CARGO_BIN_EXE_flow-studio"), session.at("bin/flow-studio")).unwrap();
        // Agent programs as they are when they are logged in: they say that the work is done.
        let says = [
            ("claude", programs::prints(&[programs::init(), programs::result(json!({}))])),
            (
                "codex",
                programs::prints(&programs::codex(
                    &[programs::codex_says(&programs::handoff().to_string())],
                    programs::codex_done(90, 10),
                )),
            ),
        ];
        for (name, events) in says {
            session.program(
                name,
                &format!("#!/bin/sh\n[ \"$1\" = --version ] && {{ echo 9.9.9; exit; }}\ncat > /dev/null\n{events}"),
            );
        }
        session.program("sleep", &SLEEP.replace("$REAL_SLEEP", &real("sleep")));
        match world {
            "empty" => {}
            "init" => drop(session.typed("flow-studio init -q .\n", &["flow-studio init .".to_owned()])),
            "checkout" => session.check_out(),
            other => panic!("there is no world `{other}`"),
        }
        session
    }

    /// The checkout as somebody has it who built it.
    fn check_out(&self) {
        for name in CHECKOUT {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            let done = Command::new("cp").arg("-R").args([&from, &self.cwd]).status().unwrap();
            assert!(done.success(), "{name}");
        }
        fs::create_dir_all(self.cwd.join("target/debug")).unwrap();
        symlink(env!("CARGO_BIN_EXE_flow-studio"), self.cwd.join("target/debug/flow-studio")).unwrap();
        self.program("cargo", "#!/bin/sh\nexit 0\n");
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// A program that comes first on PATH.
    pub fn program(&self, name: &str, text: &str) {
        fs::write(self.at("bin").join(name), text).unwrap();
        fs::set_permissions(self.at("bin").join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.cwd.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Types these commands.
    pub fn run(&mut self, commands: &[String]) -> Typed {
        let mut script = String::new();
        let ends = self.at("home/ends");
        for command in commands {
            script.push_str(command);
            script.push_str("\nprintf '%s\\n' \"$?\" >> \"$HOME/ends\"\n");
            // Nobody types the next line before the kernel has taken a killed process away.
            if command.contains("kill -9") {
                script.push_str("wait\n");
            }
        }
        drop(fs::remove_file(&ends));
        let typed = self.typed(&script, commands);
        if let Ok(cwd) = fs::read_to_string(self.at("home/cwd")) {
            self.cwd = PathBuf::from(cwd.trim_end());
        }
        typed
    }

    fn typed(&self, script: &str, commands: &[String]) -> Typed {
        let home = self.at("home");
        let script =
            script.replace("/tmp/", &format!("{}/", self.at("tmp").display())).replace("http://localhost:11434/v1", &self.server);
        let all = format!("[ -e ~/exported ] && . ~/exported\n{script}pwd > ~/cwd\nexport -p > ~/exported\n");
        let path = format!("{}:{}", self.at("bin").display(), std::env::var("PATH").unwrap_or_default());
        let log = fs::File::create(self.at("home/log")).unwrap();
        let mut shell = Command::new("bash");
        shell.args(["-c", &all]).current_dir(&self.cwd).env_clear().stdin(Stdio::null());
        shell.stdout(log.try_clone().unwrap()).stderr(log);
        shell.env("PATH", path).env("HOME", &home).env("XDG_CONFIG_HOME", home.join("config")).env("TMPDIR", self.at("tmp"));
        shell.env("LANG", "C.UTF-8").env("USER", "ada").env("NO_COLOR", "1");
        for (name, value) in [("NAME", "Ada"), ("EMAIL", "ada@example.org")] {
            shell.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        shell.status().expect("bash");
        let codes = fs::read_to_string(self.at("home/ends")).unwrap_or_default();
        let codes = codes.lines().map(|code| code.parse().expect("a code"));
        Typed {
            ends: commands.iter().cloned().zip(codes).collect(),
            printed: String::from_utf8_lossy(&fs::read(self.at("home/log")).unwrap()).into_owned(),
        }
    }
}

/// The program that a stand-in takes the place of.
fn real(name: &str) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut places = path.split(':').map(|dir| Path::new(dir).join(name));
    places.find(|place| place.is_file()).expect("it is on PATH").display().to_string()
}
