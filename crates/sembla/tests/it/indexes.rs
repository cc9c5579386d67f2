//! Who has the data directory, what the others say, and what a server leaves there.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::FileTypeExt as _;

use expect_test::expect;
use rustix::process::Signal;
use serde_json::Value;

use crate::command::{Sembla, Served, folder};

const FAQ: &str = r#"{"name": "faq", "dimensions": 2}"#;
const RECORDS: &str =
    r#"{"records": [{"id": "a", "values": [1, 0]}, {"id": "b", "values": [0, 1]}]}"#;

fn serve(sembla: &Sembla, args: &[&str]) -> Served {
    Served::start(sembla, &[&["serve", "--port", "0"], args].concat())
}

fn post(served: &Served, path: &str, body: &str) -> Value {
    let (status, answer) = served.ask(path, Some(body));
    assert!((200..300).contains(&status), "{path}: {status} {answer}");
    serde_json::from_str(&answer).unwrap()
}

fn fill(served: &Served) {
    post(served, "/v1/indexes", FAQ);
    post(served, "/v1/indexes/faq/records", RECORDS);
}

fn num_records(served: &Served) -> u64 {
    let (status, answer) = served.ask("/v1/indexes/faq", None);
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str::<Value>(&answer).unwrap()["num_records"].as_u64().unwrap()
}

/// Returns why a server keeps no indexes, in its own words.
fn why_none(served: &Served) -> String {
    let (status, answer) = served.ask("/v1/indexes", None);
    assert_eq!(status, 501, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["error"]["code"], "no_indexes");
    answer["error"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn without_a_model_indexes_alone_are_served() {
    let sembla = Sembla::new();
    let served = serve(&sembla, &[]);
    assert_eq!(served.ask("/health", None).0, 200);
    fill(&served);
    let found = post(&served, "/v1/indexes/faq/search", r#"{"vector": [0.1, 0.9], "top_k": 1}"#);
    assert_eq!(found["hits"][0]["id"], "b");
    let (status, answer) = served.ask("/embed", Some(r#"{"inputs": "a"}"#));
    expect![[r#"404 {"error":"this server keeps indexes and serves no model; start it with --model","error_type":"NotFound"}"#]]
        .assert_eq(&format!("{status} {answer}"));
    assert_eq!(served.stop().code, 0);
}

#[test]
fn a_second_server_on_one_data_directory_serves_inference_only_and_says_so() {
    let sembla = Sembla::new();
    let first = serve(&sembla, &[]);
    let model = folder("tiny-bert");
    let second = serve(&sembla, &["--model", &model]);
    let why = why_none(&second).replace(&sembla.home().display().to_string(), "$HOME");
    expect!["this server keeps no indexes, because $HOME/.local/share/sembla/indexes is in use by process PID; stop it, or give this one another data directory"]
        .assert_eq(&why.replace(&first.pid().to_string(), "PID"));
    assert_eq!(second.ask("/embed", Some(r#"{"inputs": "a"}"#)).0, 200);
    // The first is none the wiser, and the second leaves its socket alone.
    let ended = second.stop();
    assert!(
        ended.stderr.contains("another process has the data directory: inference only is served"),
        "{ended:?}"
    );
    fill(&first);
    assert_eq!(num_records(&first), 2);
    assert!(sembla.data_dir().join("sembla.sock").exists());
}

#[test]
fn a_second_server_without_a_model_has_nothing_to_serve() {
    let sembla = Sembla::new();
    let first = serve(&sembla, &[]);
    let ended = sembla.run(&["serve", "--port", "0"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    let last = ended.stderr.lines().last().unwrap();
    let expected = format!("indexes is in use by process {}; stop it", first.pid());
    assert!(
        last.starts_with("sembla: there is nothing to serve: no model is given (name one with ")
            && last.contains(&expected),
        "{last}"
    );
}

#[test]
fn a_killed_server_leaves_the_directory_to_the_next_at_once() {
    let sembla = Sembla::new();
    let served = serve(&sembla, &[]);
    fill(&served);
    served.signal(Signal::KILL);
    served.wait();
    let socket = sembla.data_dir().join("sembla.sock");
    assert!(fs_err::metadata(&socket).unwrap().file_type().is_socket(), "a kill removes nothing");
    let next = serve(&sembla, &[]);
    assert_eq!(num_records(&next), 2);
    let ended = next.stop();
    assert!(!ended.stderr.contains("WARN"), "{ended:?}");
    assert!(!socket.exists());
}

#[test]
fn a_server_that_stops_finishes_the_writes_it_has_and_closes_the_directory() {
    let sembla = Sembla::new();
    let mut served = serve(&sembla, &[]);
    post(&served, "/v1/indexes", FAQ);
    let mut stream = TcpStream::connect(served.address()).unwrap();
    let head = format!(
        "POST /v1/indexes/faq/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        RECORDS.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The server asks for the body, so the request has begun.
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    served.signal(Signal::TERM);
    served.read_until("stopping");
    stream.write_all(RECORDS.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let ended = served.wait();
    assert_eq!(ended.code, 0);
    assert!(ended.stderr.contains("the data directory is closed"), "{ended:?}");
    assert_eq!(num_records(&serve(&sembla, &[])), 2);
}

#[test]
fn inference_only_leaves_the_data_directory_alone() {
    let sembla = Sembla::new();
    let model = folder("tiny-bert");
    let served = serve(&sembla, &["--model", &model, "--inference-only"]);
    expect!["this server keeps no indexes, because it was started with --inference-only"]
        .assert_eq(&why_none(&served));
    assert!(!sembla.data_dir().exists());
    let ended = sembla.run(&["serve", "--port", "0", "--inference-only"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    expect!["sembla: there is nothing to serve: no model is given (name one with --model DIR or --model ORG/NAME), and no indexes are kept because it was started with --inference-only"]
        .assert_eq(ended.stderr.lines().last().unwrap());
}

#[test]
fn indexes_are_not_for_everybody() {
    let sembla = Sembla::new();
    let ended = sembla.run(&["serve", "--port", "0", "--host", "0.0.0.0"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    let why = "and no key is set: set one with --api-key, listen on 127.0.0.1, or serve models alone to \
               everybody with --inference-only";
    assert!(ended.stderr.contains(why), "{ended:?}");
    assert!(!sembla.data_dir().exists());
    let keyed = serve(&sembla, &["--host", "0.0.0.0", "--api-key", "k"]);
    assert_eq!(keyed.ask("/v1/indexes", None).0, 401);
}

#[test]
fn a_data_directory_that_cannot_be_one_stops_the_start() {
    let sembla = Sembla::new();
    fs_err::write(sembla.home().join("file"), "").unwrap();
    expect![[r#"
        stderr: sembla: file cannot be the data directory; give a folder that can be written with --data-dir, or serve models alone with --inference-only: Not a directory (os error 20)
        exit code 3
    "#]]
    .assert_eq(&sembla.transcript(&["serve", "--port", "0", "--data-dir", "file"]));
    // The kernel's own folders are read-only for everybody.
    let ended = sembla.run(&["serve", "--port", "0", "--data-dir", "/sys/sembla"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(
        ended.stderr.starts_with("sembla: /sys/sembla cannot be the data directory; give a folder"),
        "{ended:?}"
    );
}

#[test]
fn a_data_directory_may_have_a_long_path() {
    let sembla = Sembla::new();
    let dir = sembla.home().join("d".repeat(120)).join("e".repeat(120));
    let served = serve(&sembla, &["--data-dir", dir.to_str().unwrap()]);
    fill(&served);
    assert!(dir.join("sembla.sock").exists());
    assert_eq!(served.stop().code, 0);
}

#[test]
fn doctor_says_who_has_the_data_directory() {
    let sembla = Sembla::new();
    let used_by = || {
        let ended = sembla.run(&["doctor", "--json"]);
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        report["folders"][1]["used_by"].as_str().unwrap().to_owned()
    };
    assert_eq!(used_by(), "nobody");
    let served = serve(&sembla, &[]);
    assert_eq!(used_by(), format!("the server of process {}", served.pid()));
    served.signal(Signal::KILL);
    served.wait();
    assert_eq!(used_by(), "nobody");
}

#[test]
fn queries_and_writes_are_counted_by_index() {
    let sembla = Sembla::new();
    let served = serve(&sembla, &[]);
    fill(&served);
    post(&served, "/v1/indexes/faq/search", r#"{"vector": [0.1, 0.9]}"#);
    post(&served, "/v1/indexes/faq/delete", r#"{"ids": ["a"]}"#);
    let (_, page) = served.ask("/metrics", None);
    for line in [
        r#"sembla_index_queries_total{index="faq"} 1"#,
        r#"sembla_index_query_duration_count{index="faq"} 1"#,
        r#"sembla_index_upserted_records_total{index="faq"} 2"#,
        r#"sembla_index_deleted_records_total{index="faq"} 1"#,
        r#"sembla_index_records{index="faq"} 1"#,
    ] {
        assert!(page.lines().any(|there| there == line), "no {line} in\n{page}");
    }
}
