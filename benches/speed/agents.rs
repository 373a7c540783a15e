//! What the orchestrator adds to the calls of a model: side by side, and one after the other.
//! The floor is the server's own time, as often as it has to be waited for.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    Row,
    bed::{receipts, studio, timed, write_flow},
    shown,
};

const STEPS: u32 = 50;
/// The answer that ends the work, and the handoff.
const CALLS: u32 = 2;

pub fn agents(dir: &Path) -> Vec<Row> {
    let latency = Duration::from_millis(50);
    let jobs = 10;
    let (side_by_side, chain) = (dir.join("wide"), dir.join("chain"));
    flow(&side_by_side, &serve(latency), jobs, "needs: [], ");
    flow(&chain, &serve(Duration::ZERO), 1, "");
    let median = |dir: &Path| {
        let run = |round| timed(studio(dir, &["run", "agents", "--run-id", &format!("a{round}")]));
        let mut times: Vec<Duration> = (0..3).map(run).collect();
        receipts(dir, "a0", "agents", STEPS as usize);
        times.sort();
        times[1]
    };
    let wall = median(&side_by_side);
    let ideal = latency * CALLS * STEPS.div_ceil(jobs);
    let name = format!("{STEPS} agent steps of {CALLS} calls, {} each, jobs {jobs}", shown(latency));
    let each = median(&chain) / (STEPS * CALLS);
    let name_of_each = format!("a call of a model that answers at once, in a chain of {STEPS} agent steps");
    vec![
        Row::against((wall, ideal), name, "≤ 1.2 ×"),
        Row::figure(name_of_each, format!("{:.2} ms", each.as_secs_f64() * 1e3), "≤ 2 ms")
            .beside("step, start and exit counted".to_owned()),
    ]
}

fn flow(dir: &Path, url: &str, jobs: u32, needs: &str) {
    let mut text = format!("flow: agents\njobs: {jobs}\nsteps:\n");
    for at in 0..STEPS {
        let _ = writeln!(text, "  - {{id: s{at}, {needs}agent: worker}}");
    }
    write_flow(dir, "agents", &text);
    fs::create_dir_all(dir.join("agents")).expect("an agents directory");
    fs::write(dir.join("agents/worker.md"), "---\nname: worker\ndescription: does nothing\n---\nDo nothing.\n")
        .expect("an agent");
    let settings = format!("[engines.openai]\nbase_url = \"{url}\"\n[models]\nstandard = [\"m\"]\n");
    fs::write(dir.join("flow-studio.toml"), settings).expect("settings");
}

/// A server of the chat completions API that takes its time. Lives as long as the bench.
fn serve(latency: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream, latency));
        }
    });
    url
}

fn answer(mut stream: TcpStream, latency: Duration) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut length = 0;
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = bytes.trim().parse().ok()?;
            }
        }
        let came = Instant::now();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let wants = String::from_utf8_lossy(&body).contains("\"response_format\"");
        let text = if wants { r#"{\"status\": \"VERIFIED\"}"# } else { "Done." };
        let json = format!(
            r#"{{"model": "m", "choices": [{{"finish_reason": "stop", "message": {{"role": "assistant", "content": "{text}"}}}}], "usage": {{"prompt_tokens": 9, "completion_tokens": 1}}}}"#
        );
        std::thread::sleep(latency.saturating_sub(came.elapsed()));
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", json.len());
        stream.write_all((head + &json).as_bytes()).ok()?;
    }
}
