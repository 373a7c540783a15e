//! What somebody may do to a connection: say too much, too little, nothing, or two things at once.

use std::{
    fs,
    io::{Read as _, Write as _},
};

use crate::{
    attacks::{QUESTION, waiting},
    client::{Studio, read},
    common::until,
};

#[test]
fn a_body_that_is_too_large_is_not_read() {
    let test = waiting();
    let studio = Studio::start(&test);
    let path = format!("{QUESTION}/answer");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: {}\r\nOrigin: {}\r\nConnection: close\r\n",
        studio.port,
        studio.cookie,
        studio.origin()
    );
    let mut stream = studio.connect();
    write!(stream, "{head}Content-Length: 100000000\r\n\r\n").expect("it listens");
    read(stream).code(413).says("more than");
    let mut stream = studio.connect();
    write!(stream, "{head}Transfer-Encoding: chunked\r\n\r\n").expect("it listens");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..5 {
        stream.write_all(chunk.as_bytes()).expect("it listens");
    }
    read(stream).code(413).says("more than");
    // Where nobody is let in yet, there is a limit too.
    let login = studio.ask("POST", "/login", &[("Origin", &studio.origin())], Some(&"x".repeat(300 * 1024)));
    assert_eq!(login.status, 413);
    let mut stream = studio.connect();
    // Its head has an end as well.
    drop(write!(stream, "GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nX: {}\r\n\r\n", studio.port, "x".repeat(1 << 20)));
    let told = read(stream);
    assert!(matches!(told.status, 0 | 400..500), "{}", told.status);
    studio.get("/").code(200);
}

#[test]
fn whoever_is_slow_is_let_go() {
    let test = waiting();
    let studio = Studio::start(&test);
    let mut slow = studio.connect();
    write!(slow, "GET / HTTP/1.1\r\nHost: 127.0").expect("it listens");
    let mut slower = studio.connect();
    let head = format!("Host: 127.0.0.1:{}\r\nCookie: {}\r\nOrigin: {}", studio.port, studio.cookie, studio.origin());
    write!(slower, "POST {QUESTION}/answer HTTP/1.1\r\n{head}\r\nConnection: close\r\nContent-Length: 10\r\n\r\nslip")
        .expect("it listens");
    let silent = studio.connect();
    // More than a connection holds that nobody reads from.
    let large = fs::File::create(test.at("run_base/r/gate/artifacts/large.bin")).expect("a file");
    large.set_len(256 * 1024 * 1024).expect("room");
    let mut deaf = studio.connect();
    write!(
        deaf,
        "GET /runs/r/artifacts/raw?flow=gate&name=large.bin HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: {}\r\n\r\n",
        studio.port, studio.cookie
    )
    .expect("it listens");
    let begun = fs::File::open(test.at("run_base/r/gate/artifacts/large.bin")).expect("a file");
    let open = || {
        let all = fs::read_dir(format!("/proc/{}/fd", studio.pid())).expect("Linux");
        all.filter_map(|one| fs::read_link(one.ok()?.path()).ok()).filter(|to| to.ends_with("large.bin")).count()
    };
    until("it begins to answer", || open() == 1);
    drop(begun);
    studio.get("/").code(200);
    assert!(matches!(read(slow).status, 0 | 408));
    read(slower).code(408).says("did not come");
    assert_eq!(read(silent).status, 0);
    until("whoever reads nothing is let go", || open() == 0);
    let mut rest = Vec::new();
    // What the connection held, and an end: not all of it.
    drop(deaf.read_to_end(&mut rest));
    assert!(rest.len() < 256 * 1024 * 1024, "{}", rest.len());
}

/// A proxy may read a request otherwise than we do. What it would take for the rest of one is never another one here.
#[test]
fn no_request_hides_in_another() {
    let test = waiting();
    let studio = Studio::start(&test);
    let before = test.journal("r");
    let digest = studio.api("/api/v1/questions/r/gate-1").json()["subject_digest"].clone();
    let body = serde_json::json!({"choose": "approve", "digest": digest}).to_string();
    let host = format!("Host: 127.0.0.1:{}\r\n", studio.port);
    let bearer = format!("Authorization: Bearer {}\r\n", studio.token);
    let hidden = format!(
        "POST /api/v1/questions/r/gate-1/answer HTTP/1.1\r\n{host}{bearer}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let post = format!("POST /login HTTP/1.1\r\n{host}Origin: {}\r\n", studio.origin());
    let long = 5 + hidden.len();
    for head in [
        format!("{post}Content-Length: 0\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len()),
        format!("{post}Content-Length: 0, {}\r\n\r\n{hidden}", hidden.len()),
        format!("{post}Content-Length: {long}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{post}Transfer-Encoding: chunked\r\nContent-Length: {long}\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{post}Content-Length: +0\r\n\r\n{hidden}"),
        format!("{post}Content-Length: -1\r\n\r\n{hidden}"),
        format!("{post}X: y\r\n Content-Length: 0\r\nContent-Length: {}x\r\n\r\n{hidden}", hidden.len()),
    ] {
        let mut stream = studio.connect();
        stream.write_all(head.as_bytes()).expect("it listens");
        let mut told = Vec::new();
        if let Err(error) = stream.read_to_end(&mut told) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
        }
        let told = String::from_utf8_lossy(&told);
        assert!(told.matches("HTTP/1.1 ").count() <= 1 && !told.contains(" 200 "), "{head}\n---\n{told}");
    }
    assert!(test.journal("r") == before);
    // By itself it is one, so that the refusals above had their reason.
    let mut stream = studio.connect();
    stream.write_all(hidden.replace("HTTP/1.1\r\n", "HTTP/1.1\r\nConnection: close\r\n").as_bytes()).expect("it listens");
    read(stream).code(200);
}
