//! Starting and stopping the server, and what its logs say.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::Signal;

use crate::command::{Sembla, Served, folder};

fn serve(sembla: &Sembla, args: &[&str]) -> Served {
    let model = folder("tiny-bert");
    Served::start(sembla, &[&["serve", "--model", &model, "--port", "0"], args].concat())
}

#[test]
fn a_public_address_without_a_key_serves_models_if_told_to_and_nothing_otherwise() {
    let model = folder("tiny-bert");
    let open = ["serve", "--model", &model, "--port", "0", "--host", "0.0.0.0"];
    let refused = Sembla::new().run(&open);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:?}");
    assert!(refused.stderr.contains("others can reach 0.0.0.0:"), "{refused:?}");
    let served = serve(&Sembla::new(), &["--host", "0.0.0.0", "--inference-only"]);
    let (status, _) = served.ask("/embed", Some(r#"{"inputs": "a"}"#));
    assert_eq!(status, 200);
    let ended = served.stop();
    assert!(
        ended.stderr.contains("no api_key is set and others can reach this address"),
        "{ended:?}"
    );
}

#[test]
fn loopback_and_a_key_need_no_warning() {
    for args in [&[][..], &["--host", "0.0.0.0", "--api-key", "k"]] {
        let ended = serve(&Sembla::new(), args).stop();
        assert!(!ended.stderr.contains("api_key"), "{ended:?}");
        assert_eq!(ended.code, 0);
    }
}

#[test]
fn keys_and_tokens_are_in_no_log() {
    let sembla = Sembla::new().with_env("HF_TOKEN", "hf_hidden").with_env("LOG_LEVEL", "trace");
    let served = serve(&sembla, &["--api-key", "hush-hush", "--json-output"]);
    let (status, _) = served.ask("/embed", Some(r#"{"inputs": "a"}"#));
    assert_eq!(status, 401);
    let ended = served.stop();
    for secret in ["hush-hush", "hf_hidden"] {
        assert!(!ended.stderr.contains(secret) && !ended.stdout.contains(secret), "{secret}");
    }
    // Every line is an object of its own.
    for line in ended.stderr.lines() {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(parsed.is_ok_and(|line| line["level"].is_string()), "{line}");
    }
}

#[test]
fn a_start_command_of_the_rival_works_and_is_told_what_has_no_effect() {
    let sembla = Sembla::new()
        .with_env("HOSTNAME", "3f4e5d6c7b8a")
        .with_env("MODEL_ID", folder("tiny-bert"))
        .with_env("PORT", "0")
        .with_env("MAX_BATCH_TOKENS", "1024");
    let args = ["serve", "--auto-truncate", "true", "--max-client-batch-size", "64"];
    let served = Served::start(&sembla, &args);
    let (status, info) = served.ask("/info", None);
    assert_eq!(status, 200);
    assert!(info.contains(r#""max_batch_tokens":1024"#), "{info}");
    let ended = served.stop();
    assert!(ended.stderr.contains("flag --max-client-batch-size has no effect"), "{ended:?}");
}

#[test]
fn a_model_that_cannot_be_loaded_ends_the_server() {
    let sembla = Sembla::new();
    let dir = sembla.home().join("empty");
    fs_err::create_dir_all(&dir).unwrap();
    let ended = sembla.run(&["serve", "--model", "./empty", "--port", "0"]);
    assert_eq!(ended.code, 3);
    assert!(
        ended.stderr.contains("sembla: failed to load model empty: ./empty has no config.json"),
        "{ended:?}"
    );
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = Sembla::new().run(&["serve", "--model", &folder("tiny-bert"), "--port", &port]);
    assert_eq!(ended.code, 3);
    let expected = format!("sembla: failed to listen on 127.0.0.1, port {port}: ");
    assert!(ended.stderr.contains(&expected), "{ended:?}");
}

/// Opens a request and sends only a part of its body.
fn half_a_request(served: &Served) -> TcpStream {
    let mut stream = TcpStream::connect(served.address()).unwrap();
    let head =
        "POST /embed HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    // The server asks for the body, so the request has begun.
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    stream
}

#[test]
fn requests_that_outlast_the_drain_limit_are_cut_off() {
    let served = serve(&Sembla::new(), &["--drain-limit", "0.2"]);
    let stream = half_a_request(&served);
    let ended = served.stop();
    assert_eq!(ended.code, 0);
    assert!(ended.stderr.contains("requests were cut off by drain_limit"), "{ended:?}");
    drop(stream);
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let mut served = serve(&Sembla::new(), &["--drain-limit", "3600"]);
    let stream = half_a_request(&served);
    served.signal(Signal::TERM);
    served.read_until("stopping");
    served.signal(Signal::INT);
    assert_eq!(served.wait().code, 130);
    drop(stream);
}
