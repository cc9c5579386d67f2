//! Hugging Face's control plane, as its clients insist on it.

use axum::http::{Method, StatusCode};
use expect_test::expect;
use serde_json::{Value, json};

use super::world::{World, wanted};

const BORU: &str = "/v2/endpoint/me/boru";

#[tokio::test(flavor = "multi_thread")]
async fn a_client_learns_its_namespace() {
    let world = World::start().await;
    let who = world.get("/api/whoami-v2").await.json();
    assert_eq!((&who["type"], &who["name"]), (&json!("user"), &json!("me")));
    assert_eq!(who["orgs"], json!([]));
    let mut sent = wanted("boru");
    sent["type"] = json!("protected");
    world.post_ok("/v2/endpoint/ITESM", &sent).await;
    assert_eq!(world.get("/api/whoami-v2").await.json()["orgs"][0]["name"], "ITESM");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_comes_up_and_shows_what_was_sent() {
    let world = World::start().await;
    world.runtime.hold_starts();
    let created = world.post("/v2/endpoint/me", &wanted("boru")).await;
    assert_eq!(created.status, StatusCode::ACCEPTED);
    let created = created.json();
    let state = created["status"]["state"].as_str().unwrap();
    assert!(["pending", "initializing"].contains(&state), "{state}");
    assert_eq!(created["status"]["url"], Value::Null);
    assert_eq!(created["healthRoute"], "/healthy");
    assert_eq!(created["type"], "public");
    for field in ["repository", "framework", "revision", "task"] {
        assert_eq!(created["model"][field], wanted("boru")["model"][field], "{field}");
    }
    assert_eq!(created["compute"], wanted("boru")["compute"]);
    let at = created["status"]["createdAt"].as_str().unwrap();
    assert!(at.len() == 24 && at.as_bytes()[19] == b'.' && at.ends_with('Z'), "{at}");
    assert!(created["status"]["updatedAt"].is_string());

    world.until("boru", "initializing").await;
    assert_eq!(world.get(BORU).await.json()["status"]["url"], Value::Null);
    world.runtime.release_starts();
    let shown = world.until("boru", "running").await;
    assert_eq!(shown["status"]["url"], "http://localhost/serve/me/boru");
    assert_eq!(shown["status"]["readyReplica"], 1);
    for path in ["/serve/me/boru", "/serve/me/boru/", "/serve/me/boru/healthy"] {
        assert_eq!(world.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(world.get("/serve/me/boru/healthy").await.json()["uri"], "/health");
    let list = world.get("/v2/endpoint/me").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["name"], "boru");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_one_sentence() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    let refused = async |change: fn(&mut Value)| {
        let mut sent = wanted("other");
        change(&mut sent);
        let reply = world.post("/v2/endpoint/me", &sent).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.line());
        reply.json()["error"].as_str().unwrap().to_owned()
    };
    let taken = refused(|sent| sent["name"] = json!("boru")).await;
    expect!["there is an endpoint `me/boru` already; choose another name or delete it"]
        .assert_eq(&taken);
    assert!(
        refused(|sent| sent["name"] = json!("Bo_ru")).await.contains("cannot name an endpoint")
    );
    let bounds = refused(|sent| sent["compute"]["scaling"]["minReplica"] = json!(2)).await;
    expect!["min_replica 2 is over max_replica 1; lower the one or raise the other"]
        .assert_eq(&bounds);
    let images = refused(|sent| sent["model"]["image"]["tei"] = json!({})).await;
    assert!(images.contains("image has `custom` and `tei`"), "{images}");
    assert!(refused(|sent| sent["model"]["image"] = json!({"vLLM": {}})).await.contains("`vLLM`"));
    let missing = refused(|sent| sent["model"]["repository"] = json!("missing/x")).await;
    assert!(missing.contains("there is no such repository"), "{missing}");
    assert_eq!(world.get("/v2/endpoint/me").await.json()["items"].as_array().unwrap().len(), 1);
    let unknown = world.get("/v2/endpoint/me/other").await;
    expect![[r#"404 {"error":"there is no endpoint `me/other`"}"#]].assert_eq(&unknown.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_scaling_restarts_nothing_and_keeps_its_neighbours() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    let sparse = json!({"compute": {"instanceSize": "x2", "scaling": {"maxReplica": 2}}});
    let updated = world.put(BORU, &sparse).await.json();
    assert_eq!(updated["status"]["state"], "running");
    assert_eq!(
        updated["compute"]["scaling"],
        json!({"maxReplica": 2, "minReplica": 1, "scaleToZeroTimeout": null})
    );
    // As 0.20.3 sends it.
    let nulls = json!({"compute": {"accelerator": null, "instanceSize": null, "instanceType": null,
        "scaling": {"maxReplica": 3, "minReplica": null}}});
    let updated = world.put(BORU, &nulls).await.json();
    assert_eq!(updated["compute"]["instanceSize"], "x2");
    assert_eq!(updated["compute"]["scaling"]["maxReplica"], 3);
    assert_eq!(updated["compute"]["scaling"]["minReplica"], 1);
    assert_eq!(world.post("/serve/me/boru", &json!({})).await.json()["launch"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_model_is_updating_in_its_own_answer() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    world.runtime.hold_starts();
    let updated = world.put(BORU, &json!({"model": {"repository": "c/d"}})).await.json();
    assert_eq!(updated["status"]["state"], "updating");
    assert_eq!(updated["status"]["url"], "http://localhost/serve/me/boru");
    assert_eq!(world.post("/serve/me/boru", &json!({})).await.json()["launch"], 1);
    world.runtime.release_starts();
    world.until("boru", "running").await;
    assert_eq!(world.post("/serve/me/boru", &json!({})).await.json()["launch"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_model_does_not_inherit_a_revision() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    for (model, revision) in [
        (json!({"task": "sentence-similarity"}), json!("7302")),
        (json!({"repository": "a/b"}), json!("7302")),
        (json!({"repository": "c/d", "revision": "v2"}), json!("v2")),
        // As clients say that they mean no revision.
        (json!({"repository": "e/f", "revision": null}), Value::Null),
        (json!({"revision": "v3"}), json!("v3")),
        (json!({"repository": "a/b"}), Value::Null),
    ] {
        let updated = world.put(BORU, &json!({"model": model})).await.json();
        assert_eq!(updated["model"]["revision"], revision, "{updated}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_cannot_be_leaves_everything_as_it_was() {
    let world = World::start().await;
    let before = world.deploy("boru", |_| {}).await;
    for sent in [
        json!({"name": "other"}),
        json!({"compute": {"scaling": {"minReplica": 9}}}),
        json!({"compute": "large"}),
        json!({"model": {"repository": "missing/x"}}),
    ] {
        let reply = world.put(BORU, &sent).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{sent}: {}", reply.line());
        assert!(reply.json()["error"].is_string());
    }
    assert_eq!(world.get(BORU).await.json(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn pausing_resuming_and_sleeping_show_in_their_own_answers() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    let resumed = world.post(&format!("{BORU}/resume"), &Value::Null).await;
    assert_eq!(resumed.status, StatusCode::BAD_REQUEST);
    assert!(resumed.text().contains("already running"), "{}", resumed.text());

    let paused = world.post_ok(&format!("{BORU}/pause"), &Value::Null).await;
    assert_eq!(paused["status"]["state"], "paused");
    assert_eq!(paused["status"]["url"], Value::Null);
    assert_eq!(paused["status"]["updatedBy"]["name"], "me");
    let asleep = world.post(&format!("{BORU}/scale-to-zero"), &Value::Null).await;
    assert_eq!(asleep.status, StatusCode::BAD_REQUEST, "{}", asleep.line());

    world.runtime.hold_starts();
    let resumed = world.post_ok(&format!("{BORU}/resume"), &Value::Null).await;
    assert_eq!(resumed["status"]["url"], Value::Null);
    world.runtime.release_starts();
    world.until("boru", "running").await;

    let asleep = world.post_ok(&format!("{BORU}/scale-to-zero"), &Value::Null).await;
    assert_eq!(asleep["status"]["state"], "scaledToZero");
    assert_eq!(asleep["status"]["url"], "http://localhost/serve/me/boru");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_endpoint_is_gone_at_once() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    let deleted = world.call(Method::DELETE, BORU, &Value::Null).await;
    assert!(deleted.status.is_success());
    assert_eq!(world.get("/v2/endpoint/me").await.json(), json!({"items": []}));
    for reply in [
        world.get(BORU).await,
        world.call(Method::DELETE, BORU, &Value::Null).await,
        world.post("/serve/me/boru", &json!({})).await,
    ] {
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        assert!(reply.json()["error"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_to_see_is_shown() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    let hardware = world.get("/v2/provider/me").await.json();
    let computes = hardware["vendors"][0]["regions"][0]["computes"].as_array().unwrap();
    let priced = computes.iter().find(|row| row["instanceType"] == "nvidia-a10g").unwrap();
    assert_eq!((&priced["pricePerHour"], &priced["instanceSize"]), (&json!(1.3), &json!("x1")));
    let logs = world.get(&format!("{BORU}/logs?tail=1&line_max_length=3")).await.json();
    expect![[r#"{"items":[{"level":null,"line":"rea","replica_id":"boru-1-0","stream":"stderr","timestamp":null}]}"#]]
        .assert_eq(&logs.to_string());
    let others = world.get(&format!("{BORU}/logs?replica=boru-9-9")).await.json();
    assert_eq!(others, json!({"items": []}));
    let replicas = world.get(&format!("{BORU}/replica")).await.json();
    let expected =
        json!({"items": [{"id": "boru-1-0", "status": {"stage": "running", "live": true}}]});
    assert_eq!(replicas, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_variables_reach_the_replica_and_secrets_are_never_shown() {
    let world = World::start().await;
    let shown = world
        .deploy("boru", |sent| {
            sent["model"]["secrets"] = json!({"HF_TOKEN": "hush"});
            sent["model"]["env"] = json!({"MAX_CONCURRENT_REQUESTS": "7"});
        })
        .await;
    assert!(!shown.to_string().contains("hush"), "{shown}");
    assert_eq!(shown["model"]["env"], json!({"MAX_CONCURRENT_REQUESTS": "7"}));
    // A change of something else keeps them.
    world.put(BORU, &json!({"compute": {"scaling": {"maxReplica": 2}}})).await;
    let spec = world.control.get("me", "boru").unwrap().record.body.spec.clone();
    assert_eq!(spec.image.variables.0["HF_TOKEN"], "hush");
    assert_eq!(spec.settings.max_batch_tokens.map(u32::from), Some(10_240));
    assert_eq!(spec.settings.max_concurrent_requests.map(u32::from), Some(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_cannot_drive_the_control_plane() {
    let world = World::start().await;
    let mut form = world.request(Method::POST, "/v2/endpoint/me", &wanted("boru"));
    form.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(world.server.send(form).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let mut page = world.request(Method::POST, "/v2/endpoint/me", &wanted("boru"));
    page.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(world.server.send(page).await.status, StatusCode::FORBIDDEN);
    let mut rebound = world.request(Method::GET, "/api/keys", &Value::Null);
    rebound.headers_mut().insert("host", "evil.example".parse().unwrap());
    assert_eq!(world.server.send(rebound).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_no_control_plane_says_so() {
    let server = crate::harness::TestServer::start().await;
    let reply = server.get("/v2/endpoint/me").await;
    expect![[r#"501 {"error":"this server is no control plane and has no endpoints; start `sembla serve` with a data directory of its own, and without --inference-only"}"#]]
        .assert_eq(&reply.line());
    assert_eq!(server.post("/serve/me/boru", "{}").await.status, StatusCode::NOT_IMPLEMENTED);
}
