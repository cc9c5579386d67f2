//! What is not passed on, and that the answer says why.

use std::time::{Duration, Instant};

use super::fake_server::{FakeServer, fine, nobody};
use super::process::{Proxied, ask_in, post};
use crate::command::Sembla;

// Names that cannot be resolved take far longer where there is no network, and nothing must be looked up.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn a_tunnel_to_another_host_is_refused_at_once_with_the_reason_in_the_status() {
    let proxy = Proxied::start(&Sembla::new(), &nobody(), &[]);
    for host in ["storage.googleapis.com", "pypi.org", "127.0.0.1", "[::1]"] {
        let began = Instant::now();
        let answer = proxy.ask(&format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n"));
        assert_eq!(answer.status, 502);
        assert_eq!(answer.reason, format!("sembla proxy does not serve {host}"));
        assert!(
            answer.error().contains("it serves api.endpoints.huggingface.cloud,"),
            "{answer:?}"
        );
        assert!(began.elapsed() < AT_ONCE, "{host}");
    }
}

#[test]
fn a_plain_request_to_another_host_is_too() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    for url in ["http://pypi.org/simple", "http://127.0.0.1:1/", "http://api.openai.com:8080/v1"] {
        let answer = proxy.ask(&format!("GET {url} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(answer.status, 502, "{url}");
    }
    assert!(server.is_idle());
}

#[test]
fn a_port_that_is_not_that_of_https_is_refused() {
    let proxy = Proxied::start(&Sembla::new(), &nobody(), &[]);
    let answer = proxy.ask("CONNECT api.openai.com:22 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(answer.status, 502);
    assert!(answer.error().contains("on port 443 only, not on 22"), "{answer:?}");
}

#[test]
fn a_path_that_the_server_has_nothing_for_is_refused_by_name_of_the_host() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let mut tunnel = proxy.tunnel("huggingface.co");
    let answer = ask_in(&mut tunnel, &post("huggingface.co", "/api/models/org/name", "{}"));
    assert_eq!(answer.status, 502);
    assert!(answer.error().contains("nothing for this path of huggingface.co"), "{answer:?}");
    // The tunnel goes on.
    let answer = ask_in(&mut tunnel, &post("huggingface.co", "/api/whoami-v2", "{}"));
    assert_eq!(answer.status, 200);
    assert!(server.next().has("POST /api/whoami-v2 HTTP/1.1"));
}

#[test]
fn a_page_that_calls_the_proxy_as_a_server_gets_nothing_through() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    for host in ["evil.example:8090", "api.openai.com", "127.0.0.1:8090"] {
        let answer = proxy.ask(&post(host, "/v1/embeddings", "{}"));
        assert_eq!(answer.status, 400);
        assert!(answer.error().contains("this is sembla proxy"), "{answer:?}");
    }
    assert!(server.is_idle());
}

#[test]
fn without_a_server_the_answer_says_how_to_start_one() {
    let url = nobody();
    let proxy = Proxied::start(&Sembla::new(), &url, &[]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    for _ in 0..2 {
        let answer = ask_in(&mut tunnel, &post("api.openai.com", "/v1/embeddings", "{}"));
        assert_eq!(answer.status, 502);
        let error = answer.error_message();
        assert!(
            error.contains(&format!("no server answers at {url}; start one with `sembla serve"))
        );
    }
    let request = "GET http://api.openai.com/v1/models HTTP/1.1\r\nHost: api.openai.com\r\n\r\n";
    assert_eq!(proxy.ask(request).status, 502);
}

#[test]
fn without_a_store_s3_is_refused_at_once_and_the_answer_names_the_flag() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    for host in ["s3.us-east-1.amazonaws.com", "a-bucket.s3.us-east-1.amazonaws.com"] {
        let answer = ask_in(&mut proxy.tunnel(host), &post(host, "/key", "{}"));
        // Not 502, which AWS's clients ask for again and again.
        assert_eq!(answer.status, 501);
        assert_eq!(answer.header("content-type"), Some("text/xml"));
        assert!(answer.body.starts_with("<ErrorResponse><Error><Code>"), "{answer:?}");
        assert!(answer.body.contains("sembla proxy --s3-endpoint http://HOST:PORT"), "{answer:?}");
    }
    assert!(server.is_idle());
}

#[test]
fn a_store_that_is_not_there_is_not_taken_for_the_server() {
    let server = FakeServer::start(fine);
    let store = nobody();
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &["--s3-endpoint", &store]);
    let host = "s3.amazonaws.com";
    let answer = ask_in(&mut proxy.tunnel(host), &post(host, "/bucket/key", "{}"));
    assert_eq!(answer.status, 502);
    assert!(answer.body.contains(&format!("no store answers at {store};")), "{answer:?}");
    assert!(server.is_idle());
}

#[test]
fn clients_of_aws_find_the_reason_where_they_look_for_it() {
    let url = nobody();
    let proxy = Proxied::start(&Sembla::new(), &url, &[]);
    let host = "api.sagemaker.us-east-1.amazonaws.com";
    let answer = ask_in(&mut proxy.tunnel(host), &post(host, "/", "{}"));
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let message = body["message"].as_str().unwrap();
    assert!(message.contains(&format!("no server answers at {url}")), "{answer:?}");
    let host = "sts.amazonaws.com";
    let answer = ask_in(&mut proxy.tunnel(host), &post(host, "/", "Action=GetCallerIdentity"));
    assert!(answer.body.contains(&format!("<Message>no server answers at {url}")), "{answer:?}");
}

#[test]
fn a_server_that_hangs_up_is_a_502_and_the_next_request_is_tried_anew() {
    let server = FakeServer::start(|_| false);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let mut tunnel = proxy.tunnel("api.openai.com");
    for connection in 0..2 {
        let answer = ask_in(&mut tunnel, &post("api.openai.com", "/v1/embeddings", "{}"));
        assert_eq!(answer.status, 502);
        let error = answer.error_message();
        assert!(error.contains("ended the connection without an answer"), "{error}");
        assert_eq!(server.next().connection, connection, "a request is sent once");
    }
}

#[test]
fn an_address_that_others_reach_must_be_meant() {
    let ended = Sembla::new().run(&["proxy", "--listen", "0.0.0.0:8090"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("0.0.0.0:8090 can be reached by other machines"), "{ended:?}");
    assert!(ended.stderr.contains("--open-to-others"), "{ended:?}");
    let sembla = Sembla::new();
    let open = ["--listen", "0.0.0.0:0", "--open-to-others"];
    let mut proxy = Proxied::start_with(&sembla, &nobody(), &open);
    assert!(proxy.address().starts_with("127.0.0.1:"), "{:?}", proxy.lines);
    proxy.read_until("other machines can reach this address");
}

#[test]
fn mistakes_in_the_arguments_are_named() {
    for (args, expected) in [
        (&["--server", "https://a:1"][..], "speaks plain HTTP"),
        (&["--s3-endpoint", "https://a:1"], "`s3_endpoint`: `https://a:1` begins with https"),
        (&["--s3-endpoint", "http://a:1/b"], "`s3_endpoint`: `http://a:1/b` is no address"),
        (&["--server", "127.0.0.1:8080"], "give one such as http://127.0.0.1:8080"),
        (&["--listen", "8090"], "expected an IP address and a port"),
    ] {
        let ended = Sembla::new().run(&[&["proxy"], args].concat());
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.stderr.contains(expected), "{ended:?}");
    }
    let any_port = Sembla::new().with_env("SEMBLA_PORT", "0");
    let ended = any_port.run(&["proxy", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("name the one that it printed with --server"), "{ended:?}");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Sembla::new().run(&["proxy", "--listen", &address]);
    assert_eq!(ended.code, 3);
    let expected = format!("sembla: failed to listen on {address}; name another");
    assert!(ended.stderr.contains(&expected), "{ended:?}");
}
