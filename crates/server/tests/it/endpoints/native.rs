//! Our own routes: keys, and estimates.

use axum::http::{Method, StatusCode};
use expect_test::expect;
use serde_json::{Value, json};

use super::world::{World, wanted};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_rotated_and_revoked() {
    let mut world = World::start().await;
    let request = json!({"name": "first", "scopes": ["admin"]});
    let made = world.post("/api/keys", &request).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let made = made.json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    // From the first key on all must be known.
    let refused = world.get("/api/keys").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.line());
    world.key = Some(secret.clone());
    let keys = world.get("/api/keys").await;
    assert_eq!(keys.json()["keys"][0]["name"], "first");
    assert!(!keys.text().contains(&secret));

    let second = world.post_ok("/api/keys", &json!({"name": "second", "scopes": ["read"]})).await;
    let path = format!("/api/keys/{}", second["id"]);
    let rotated = world.post_ok(&format!("{path}/rotate"), &Value::Null).await;
    assert_ne!(rotated["secret"], second["secret"]);
    assert!(rotated["rotated_at"].is_string());
    let is_known = async |key: &Value| {
        let mut request = world.request(Method::GET, "/v2/endpoint/me", &Value::Null);
        let value = format!("Bearer {}", key["secret"].as_str().unwrap()).parse().unwrap();
        request.headers_mut().insert("authorization", value);
        world.server.send(request).await.status == StatusCode::OK
    };
    assert!(is_known(&rotated).await && !is_known(&second).await);
    assert_eq!(world.call(Method::DELETE, &path, &Value::Null).await.status, StatusCode::OK);
    assert!(!is_known(&rotated).await);
    assert_eq!(world.call(Method::DELETE, &path, &Value::Null).await.status, StatusCode::NOT_FOUND);

    // Without the last one anybody may do anything, which must be meant.
    let last = format!("/api/keys/{}", made["id"]);
    let kept = world.call(Method::DELETE, &last, &Value::Null).await;
    assert_eq!(kept.status, StatusCode::BAD_REQUEST, "{}", kept.line());
    assert!(kept.text().contains("key 1 is the last one"), "{}", kept.line());
    let open = format!("{last}?open=true");
    assert_eq!(world.call(Method::DELETE, &open, &Value::Null).await.status, StatusCode::OK);
    world.key = None;
    assert_eq!(world.get("/api/keys").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_could_do_nothing_is_refused() {
    let world = World::start().await;
    for (request, error) in [
        (json!({"name": "k", "scopes": []}), "a key needs a scope"),
        (json!({"name": "k", "scopes": ["all"]}), "one of admin, invoke and read"),
        (json!({"name": "", "scopes": ["read"]}), "1 to 128 characters"),
        (json!({"name": "k", "scopes": ["read"], "namespace": "../x"}), "cannot be a namespace"),
        (
            json!({"name": "k", "scopes": ["read"], "tokens_per_minute": 0}),
            "tokens_per_minute is 0",
        ),
        (json!({"name": "k", "scopes": ["read"], "expires": 1}), "unknown field `expires`"),
    ] {
        let reply = world.post("/api/keys", &request).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.line());
        assert!(
            reply.json()["error"]["message"].as_str().unwrap().contains(error),
            "{}",
            reply.line()
        );
    }
    assert_eq!(world.get("/api/keys").await.json(), json!({"keys": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_estimated_before_it_is_created() {
    let world = World::start().await;
    let mut sent = wanted("boru");
    sent["compute"]["scaling"] = json!({"minReplica": 0, "maxReplica": 2});
    let estimate = world.post_ok("/api/endpoints/me/estimate?hours=10", &sent).await;
    expect![[r#"{"hours":10,"least":{"millionths":0,"shown":"$0.00"},"most":{"millionths":26000000,"shown":"$26.00"},"replica_hour":{"millionths":1300000,"shown":"$1.30"}}"#]]
        .assert_eq(&estimate.to_string());
    assert_eq!(world.get("/v2/endpoint/me").await.json(), json!({"items": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_and_a_time_to_live_are_shown_again_and_taken_away() {
    let world = World::start().await;
    let shown = world
        .deploy("boru", |sent| {
            sent["compute"]["budget"] = json!(2.5);
            sent["compute"]["timeToLive"] = json!(90);
        })
        .await;
    assert_eq!(shown["compute"]["budget"], 2.5);
    let cost = world.get("/api/endpoints/me/boru/cost").await.json();
    assert_eq!(cost["budget"]["shown"], "$2.50");
    let total = world.get("/api/endpoints/me/boru/cost?rows=false").await.json();
    assert_eq!((&total["budget"], &total["rows"]), (&cost["budget"], &json!([])));
    let none = json!({"compute": {"budget": null, "timeToLive": null}});
    let shown = world.put("/v2/endpoint/me/boru", &none).await.json();
    assert_eq!(shown["compute"].get("budget"), None);
    let bad = json!({"compute": {"budget": -1}});
    let refused = world.put("/v2/endpoint/me/boru", &bad).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}
