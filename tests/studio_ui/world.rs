//! What a browser looks at: a workspace, a studio over it, a browser that was let in, and runs that wait where a test wants them to.
//! In: flows. Out: pages. Never: a run that outlives its test, a wait for anything but what the page shows.

use std::path::PathBuf;

use crate::{
    client::Studio,
    common::{Live, Test, let_go},
    driver::Browser,
};

/// A step that waits for a word in `hold`, a question about what it wrote, and a step behind it.
pub const RELEASE: &str = r#"charter: {goal: A version that people can install}
params:
  version: {type: string, required: true, pattern: '[0-9.]+', description: The number it gets}
steps:
  - id: notes
    title: Write down what is new
    run: |
      read -r word < hold
      echo "told to $word"
      mkdir -p "$ARTIFACTS"; printf '# What is new\n\n- Links that expire.\n' | tee NOTES.md > "$ARTIFACTS/notes.md"
  - id: gate
    title: Bring it out?
    ask: {question: "Bring {{params.version}} out?", evidence: [NOTES.md], severity: HIGH}
  - id: ship
    title: Put it where people find it
    run: read -r word < hold; echo shipped
"#;

pub struct World {
    pub test: Test,
    studio: Option<Studio>,
    port: u16,
    pub browser: Browser,
}

impl World {
    /// Over a studio that leaves runs as they are.
    pub fn of(test: Test) -> Self {
        let studio = Studio::start(&test);
        Self::over(test, studio)
    }

    /// Over a studio that starts runs, and goes on with those that are answered.
    pub fn driving() -> Self {
        let test = Test::new().flow("release", RELEASE).fifo("hold");
        let studio = Studio::after(test.command(&["serve", "--bind", "127.0.0.1:0"]));
        Self::over(test, studio)
    }

    fn over(test: Test, studio: Studio) -> Self {
        let (port, token) = (studio.port, studio.token.clone());
        let world = Self { browser: Browser::start(), studio: Some(studio), port, test };
        world.browser.open(&world.at(&format!("/login?token={token}")));
        world
    }

    /// As a machine that fails would.
    pub fn kill_studio(&mut self) {
        self.studio.take().expect("it was there").kill();
    }

    /// Where it was before.
    pub fn start_studio_again(&mut self) {
        self.studio = Some(Studio::again(&self.test, self.port));
    }

    pub fn release() -> Self {
        Self::of(Test::new().flow("release", RELEASE).fifo("hold"))
    }

    pub fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A page of the studio, with a sign by which it is known again: a page that was loaded anew has none.
    pub fn open(&self, path: &str) -> &Browser {
        self.browser.open(&self.at(path));
        self.browser.run("window.same = true;");
        &self.browser
    }

    /// Until an expression holds in a page that was not loaded anew.
    #[track_caller]
    pub fn live(&self, holds: &str) {
        self.browser.until(&format!("window.same && ({holds})"));
    }

    /// The step that waits for a word gets one.
    pub fn word(&self) {
        let_go(&self.test.at("hold"));
    }

    pub fn start(&self, args: &[&str]) -> Live {
        self.test.start(args)
    }

    /// A run of the flow above that has begun; its first step waits for a word.
    pub fn begun(&self, run: &str) -> Live {
        let process = self.start(&["run", "release", "--run-id", run, "--param", "version=1.4.0"]);
        self.open("/runs");
        self.live(&format!("document.getElementById('run-{run}')?.innerText.includes('running')"));
        process
    }

    /// A run that has stopped at its question.
    pub fn waiting(&self, run: &str) {
        let process = self.start(&["run", "release", "--run-id", run, "--param", "version=1.4.0"]);
        self.word();
        process.wait().code(4);
    }
}

impl Drop for World {
    /// Runs are processes of their own, and would go on.
    fn drop(&mut self) {
        for run in std::fs::read_dir(self.test.at("run_base")).into_iter().flatten().flatten() {
            if run.path().join("journal.jsonl").is_file() {
                let _ = self.test.command(&["--quiet", "cancel", &run.file_name().to_string_lossy()]).output();
            }
        }
    }
}

/// A file that `make test-ui` puts into `.tools`.
pub fn tool(path: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".tools/ui").join(path);
    assert!(path.exists(), "{} is not there: make test-ui installs it", path.display());
    path
}
