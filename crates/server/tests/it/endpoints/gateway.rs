//! The gateway: waiting for replicas, finding another one, streaming, giving up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::world::{World, wanted};
use crate::harness::{Reply, exchange, request};

const BORU: &str = "/serve/me/boru";

async fn scale_to_zero(world: &World) {
    world.post_ok("/v2/endpoint/me/boru/scale-to-zero", &Value::Null).await;
    // A request that comes before its replica is told to stop keeps it.
    let waiting = async {
        while !world.control.replicas("me", "boru").await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("its replica ends");
}

fn with_patience(world: &World, seconds: &str) -> axum::http::Request<Body> {
    let mut request = world.request(Method::POST, BORU, &json!({"inputs": "a"}));
    request.headers_mut().insert("x-scale-up-timeout", seconds.parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_a_replica_and_its_answer_comes_back() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    let mut sent = world.request(Method::PATCH, "/serve/me/boru/v1/x%2Fy?a=b", &json!({"n": 1}));
    let headers = sent.headers_mut();
    headers.insert("authorization", "Bearer hush".parse().unwrap());
    headers.insert("content-type", "text/csv".parse().unwrap());
    headers.insert("connection", "close".parse().unwrap());
    let reply = world.server.send(sent).await;
    assert_eq!(reply.status, StatusCode::OK);
    let echoed = reply.json();
    assert_eq!(echoed["uri"], "/v1/x%2Fy?a=b");
    assert_eq!(echoed["method"], "PATCH");
    assert_eq!(echoed["authorization"], Value::Null);
    assert_eq!(echoed["connection"], Value::Null);
    assert_eq!(echoed["content_type"], "text/csv");
    assert_eq!((&echoed["length"], &echoed["num_bytes"]), (&json!("7"), &json!(7)));
    assert_eq!(reply.header("x-mine"), "kept");
    assert_eq!(reply.header("x-compute-tokens"), "7");
    assert_eq!(reply.header("keep-alive"), "");
    let origins = reply.headers.get_all("access-control-allow-origin").iter();
    assert_eq!(origins.collect::<Vec<_>>(), ["*"], "the gateway speaks for itself");
    let missing = world.post("/serve/me/boru/missing", &json!({})).await;
    assert_eq!(missing.line(), "404 no");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_image_and_the_task_decide_the_shape_of_answers() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    assert_eq!(world.post(BORU, &json!({})).await.json()["answers"], "lists");
    world.deploy("toolkit", |sent| sent["model"]["image"] = json!({"huggingface": {}})).await;
    assert_eq!(world.post("/serve/me/toolkit", &json!({})).await.json()["answers"], "toolkit");
    // The task is no part of a replica: a change of it shows at once.
    let task = json!({"model": {"task": "feature-extraction"}});
    let updated = world.put("/v2/endpoint/me/toolkit", &task).await.json();
    assert_eq!(updated["status"]["state"], "running");
    assert_eq!(world.post("/serve/me/toolkit", &json!({})).await.json()["answers"], "lists");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_sent_to_another_replica_when_one_dies_on_it() {
    let world = World::start().await;
    let two = json!({"minReplica": 2, "maxReplica": 2});
    world.deploy("boru", |sent| sent["compute"]["scaling"] = two).await;
    world.until_shown("boru", |shown| shown["status"]["readyReplica"] == 2).await;
    // A connection is kept, and then the replica is gone.
    world.post(BORU, &json!({})).await;
    world.runtime.let_die(1);
    let reply = world.post("/serve/me/boru/die", &json!({"inputs": "a"})).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.line());
    assert_eq!(reply.json()["num_bytes"], 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_a_new_replica_when_the_only_one_dies_on_it() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    world.runtime.let_die(1);
    let reply = world.post("/serve/me/boru/die", &json!({"inputs": "a"})).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.line());
    assert_eq!(reply.json()["launch"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_sees_that_a_replica_was_killed_under_load() {
    let world = Arc::new(World::start().await);
    let two = json!({"minReplica": 2, "maxReplica": 2});
    world.deploy("boru", |sent| sent["compute"]["scaling"] = two).await;
    world.until_shown("boru", |shown| shown["status"]["readyReplica"] == 2).await;
    let mut clients = JoinSet::new();
    for client in 0..16 {
        let world = Arc::clone(&world);
        clients.spawn(async move {
            for round in 0..20 {
                // Once, in the midst of it, a request takes its replica with it.
                let kills = (client, round) == (7, 10);
                if kills {
                    world.runtime.let_die(1);
                }
                let path = if kills { "/serve/me/boru/die" } else { BORU };
                let reply = world.post(path, &json!({"inputs": "a"})).await;
                assert_eq!(reply.status, StatusCode::OK, "{}", reply.line());
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    assert_eq!(world.until("boru", "running").await["status"]["state"], "running");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_kills_two_replicas_is_given_up() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    world.runtime.let_die(2);
    let reply = world.post("/serve/me/boru/die", &json!({})).await;
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{}", reply.line());
    assert!(reply.json()["error"].as_str().unwrap().contains("no replica"));
    world.until("boru", "running").await;
    assert_eq!(world.post(BORU, &json!({})).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_streamed_whole() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    for num_bytes in [7_000_000, 9_000_000] {
        let reply = world.server.post(BORU, vec![b'a'; num_bytes]).await;
        assert_eq!(reply.json()["num_bytes"], num_bytes, "{}", reply.line());
        assert_eq!(reply.json()["length"], num_bytes.to_string());
    }
    // Of unknown length: its first part is kept, and the rest follows.
    for num_chunks in [2, 40] {
        let chunks = vec!["40000\r\n".to_owned() + &"a".repeat(0x40000) + "\r\n"; num_chunks];
        let head = "POST /serve/me/boru HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
        let raw = format!("{head}{}0\r\n\r\n", chunks.concat());
        let answer = world.server.raw(raw.as_bytes()).await;
        assert!(answer.contains(&format!("\"num_bytes\":{}", num_chunks * 0x40000)), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_streamed() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    let connection = world.server.connect().await;
    let sent = request(Method::POST, "/serve/me/boru/halves", "{}");
    let mut body = exchange(connection, sent).await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(&first[..], b"first");
    world.runtime.behaviour().halves.add_permits(1);
    assert_eq!(&body.collect().await.unwrap().to_bytes()[..], b"second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_takes_its_request_back() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    let connection = world.server.connect().await;
    let sent = request(Method::POST, "/serve/me/boru/hang", "{}");
    let client = tokio::spawn(exchange(connection, sent));
    world.runtime.behaviour().hanging.notified().await;
    client.abort();
    let gone = world.runtime.behaviour().dropped.notified();
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("the replica never knew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_a_sleeping_endpoint_is_held_and_wakes_it() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    scale_to_zero(&world).await;
    let reply = world.post(BORU, &json!({"inputs": "a"})).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.line());
    assert_eq!(reply.json()["launch"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_patience_is_told_when_to_come_back_and_wakes_it_all_the_same() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    scale_to_zero(&world).await;
    let began = Instant::now();
    let reply = world.server.send(with_patience(&world, "0")).await;
    assert!(began.elapsed() < Duration::from_secs(20), "it was held");
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.line());
    assert!(reply.header("retry-after").parse::<u64>().unwrap() >= 1);
    let error = reply.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("no replica is ready yet"), "{error}");
    assert!(error.contains("pending") || error.contains("initializing"), "{error}");
    world.until("boru", "running").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_as_long_as_it_says() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    scale_to_zero(&world).await;
    world.runtime.hold_starts();
    let began = Instant::now();
    let reply = world.server.send(with_patience(&world, "1")).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(began.elapsed() >= Duration::from_secs(1));
    let reply = world.server.send(with_patience(&world, "soon")).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.line());
    world.runtime.release_starts();
    let reply = world.server.send(with_patience(&world, "60")).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_and_failed_are_refused_at_once_and_told_apart() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    world.post_ok("/v2/endpoint/me/boru/pause", &Value::Null).await;
    let paused = world.post(BORU, &json!({})).await;
    assert_eq!(paused.status, StatusCode::CONFLICT);
    let error = paused.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("`me/boru` is paused: me paused it at 20"), "{error}");

    let mut broken = wanted("broken");
    broken["model"]["repository"] = json!("broken/x");
    world.post_ok("/v2/endpoint/me", &broken).await;
    let failed = world.post("/serve/me/broken", &json!({})).await;
    assert_eq!(failed.status, StatusCode::FAILED_DEPENDENCY, "{}", failed.line());
    assert!(failed.text().contains("no weights"), "{}", failed.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_their_tokens_are_counted_and_probes_are_not() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    for _ in 0..3 {
        assert_eq!(world.post(BORU, &json!({"inputs": "a"})).await.status, StatusCode::OK);
    }
    world.get(BORU).await;
    let cost = async || -> Value { cost_of(world.get("/api/endpoints/me/boru/cost").await) };
    let waiting = async {
        while cost().await["requests"] != 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("never written down");
    let cost = cost().await;
    assert_eq!(cost["tokens"], 21);
    assert_eq!(cost["replica_minutes"], 1);
    assert_eq!(cost["cost"], json!({"millionths": 21_667, "shown": "$0.021667"}));
    assert_eq!(cost["price_per_hour"]["shown"], "$1.30");
}

fn cost_of(reply: Reply) -> Value {
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.line());
    reply.json()
}
