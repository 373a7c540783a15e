//! Words that the tests of a driving studio have in common.

use serde_json::{Value, json};

use crate::{
    client::{Answer, Studio},
    common::{Test, let_go, until},
};

/// A step that waits for a word in a pipe of its run's own; which runs came there, and past it, stands in two files.
pub const HELD: &str = "steps:\n  - {id: held, run: 'echo $RUN_ID >> started; read x < go-$RUN_ID; echo $RUN_ID >> done'}\n";

/// Whether nothing is left in the queue but the marks of whoever works on it.
pub fn idle(test: &Test) -> bool {
    let names = std::fs::read_dir(test.at("run_base/.studio/queue")).expect("a studio was here");
    names.flatten().all(|item| item.file_name() == "turn" || item.file_name() == "last")
}

#[track_caller]
pub fn until_idle(test: &Test) {
    until("the queue is empty", || idle(test));
}

#[track_caller]
pub fn until_status(test: &Test, run: &str, status: &str) {
    until(&format!("{run} is {status}"), || {
        let text = test.text(&format!("run_base/{run}/run.json"));
        serde_json::from_str::<Value>(&text).is_ok_and(|manifest| manifest["status"] == status && manifest["pid"].is_null())
    });
}

pub fn lines(test: &Test, path: &str) -> Vec<String> {
    test.text(path).lines().map(str::to_owned).collect()
}

impl Studio {
    /// As people start it, with these arguments.
    pub fn driving(test: &Test, args: &[&str]) -> Self {
        Self::after(test.command(&[&["serve", "--bind", "127.0.0.1:0"], args].concat()))
    }

    /// The slip of the form of a page that is sent to this address.
    pub fn slip_for(&self, page: &str, to: &str) -> String {
        let text = self.get(page).body;
        let form = text.split(&format!("action=\"{to}\"")).nth(1).unwrap_or_else(|| panic!("no form to {to}: {text}"));
        let slip = form.split("name=\"slip\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        slip.unwrap_or_else(|| panic!("no slip: {form}")).to_owned()
    }

    /// As a program that starts a run.
    pub fn run(&self, flow: &str, run: &str) -> Answer {
        self.api_post("/api/v1/runs", &json!({"flow": flow, "run_id": run}))
    }

    pub fn orders(&self) -> Vec<Value> {
        self.api("/api/v1/queue").code(200).json()["orders"].as_array().expect("a list").clone()
    }

    /// Runs in the queue that stand so, in their order.
    pub fn queued(&self, state: &str) -> Vec<String> {
        let orders = self.orders().into_iter().filter(|order| order["state"] == state);
        orders.map(|order| order["run_id"].as_str().expect("a name").to_owned()).collect()
    }

    /// Sends a form of a page with its slip and its box.
    pub fn act(&self, page: &str, to: &str, more: &[(&str, &str)]) -> Answer {
        let slip = self.slip_for(page, to);
        self.form(to, &[&[("slip", slip.as_str()), ("sure", "yes")], more].concat())
    }
}

/// The process that drives a run.
pub fn driver(test: &Test, run: &str) -> u32 {
    let mut pid = 0;
    until(&format!("{run} is driven"), || {
        let text = test.text(&format!("run_base/{run}/.lock"));
        pid = serde_json::from_str::<Value>(&text).ok().and_then(|lock| lock["pid"].as_u64()).unwrap_or(0);
        pid != 0
    });
    u32::try_from(pid).expect("a process id")
}

pub fn kill(pid: u32, signal: &str) {
    let sent = std::process::Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status().expect("kill");
    assert!(sent.success(), "kill -{signal} {pid}");
}

/// A workspace with that flow, and a pipe for each of these runs.
pub fn holding(runs: &[&str]) -> Test {
    runs.iter().fold(Test::new().flow("held", HELD), |test, run| test.fifo(&format!("go-{run}")))
}

/// Lets the run go on that waits there.
pub fn go(test: &Test, run: &str) {
    let_go(&test.at(&format!("go-{run}")));
}
