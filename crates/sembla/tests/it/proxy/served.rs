//! The proxy before the real server, with a model of a few kilobytes.

use super::process::{Proxied, ask_in, post};
use crate::command::{Sembla, Served, folder};

fn serve(sembla: &Sembla) -> Served {
    let model = folder("tiny-bert");
    Served::start(sembla, &["serve", "--model", &model, "--port", "0"])
}

#[test]
fn what_is_asked_of_openai_and_of_the_hub_is_answered_here() {
    let sembla = Sembla::new();
    let served = serve(&sembla);
    let proxy = Proxied::start(&sembla, &format!("http://{}", served.address()), &[]);
    let (_, direct) = served.ask("/embed", Some(r#"{"inputs": "What is Medicare?"}"#));
    let direct: serde_json::Value = serde_json::from_str(&direct).unwrap();

    let mut tunnel = proxy.tunnel("api.openai.com");
    let body = r#"{"model": "any", "input": "What is Medicare?"}"#;
    let answer = ask_in(&mut tunnel, &post("api.openai.com", "/v1/embeddings", body));
    assert_eq!(answer.status, 200, "{answer:?}");
    let openai: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(openai["data"][0]["embedding"], direct[0]);

    let host = "api-inference.huggingface.co";
    let body = r#"{"inputs": ["What is Medicare?"]}"#;
    let path = "/pipeline/feature-extraction/tiny-bert";
    let answer = ask_in(&mut proxy.tunnel(host), &post(host, path, body));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&answer.body).unwrap(), direct);
}

#[test]
fn an_index_made_on_pinecones_host_has_an_address_here_and_takes_vectors_of_2_x() {
    let sembla = Sembla::new();
    let served = serve(&sembla);
    let proxy = Proxied::start(&sembla, &format!("http://{}", served.address()), &[]);
    let body = r#"{"name": "faq", "dimension": 2, "metric": "cosine",
                   "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}}"#;
    let host = "api.pinecone.io";
    let answer = ask_in(&mut proxy.tunnel(host), &post(host, "/indexes", body));
    assert_eq!(answer.status, 201, "{answer:?}");
    let index: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(index["host"], format!("http://{}/pinecone/i/faq", served.address()));

    let host = "faq-a1b2c3d.svc.us-east1-gcp.pinecone.io";
    let mut tunnel = proxy.tunnel(host);
    let body = r#"{"vectors": [{"id": "a", "values": [1.0, 0.0]}]}"#;
    let answer = ask_in(&mut tunnel, &post(host, "/vectors/upsert", body));
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = r#"{"topK": 1, "vector": [1.0, 0.0]}"#;
    let answer = ask_in(&mut tunnel, &post(host, "/query", body));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains(r#""id":"a""#), "{answer:?}");

    let host = "controller.us-east1-gcp.pinecone.io";
    let request = format!("GET /databases HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let answer = ask_in(&mut proxy.tunnel(host), &request);
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"["faq"]"#));
}

#[test]
fn a_page_of_another_site_is_still_known_behind_the_proxy() {
    let sembla = Sembla::new();
    let served = serve(&sembla);
    let proxy = Proxied::start(&sembla, &format!("http://{}", served.address()), &[]);
    let request = post("api.pinecone.io", "/indexes", "{}")
        .replace("Authorization: Bearer a-token", "Origin: https://evil.example");
    let answer = ask_in(&mut proxy.tunnel("api.pinecone.io"), &request);
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.body.contains("evil.example"), "{answer:?}");
}

#[test]
fn the_server_is_found_through_the_settings_that_both_read() {
    let sembla = Sembla::new().with_env("SEMBLA_HOST", "0.0.0.0").with_env("SEMBLA_PORT", "4321");
    let mut proxy = Proxied::start_alone(&sembla);
    proxy.read_until("server=http://127.0.0.1:4321");
}
