//! Keys, scopes, namespaces and rates.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{World, wanted};
use crate::harness::with_keys;

const OPERATOR: &str = "the operator's own";

async fn keyed() -> World {
    let mut world = World::with(with_keys(&[OPERATOR])).await;
    world.key = Some(OPERATOR.to_owned());
    world
}

impl World {
    async fn make_key(&self, request: Value) -> String {
        let made = self.post_ok("/api/keys", &request).await;
        made["secret"].as_str().unwrap().to_owned()
    }

    async fn status_with(&self, key: Option<&str>, method: Method, path: &str) -> u16 {
        let mut request = self.request(method, path, &Value::Null);
        let headers = request.headers_mut();
        headers.remove("authorization");
        if let Some(key) = key {
            headers.insert("authorization", format!("Bearer {key}").parse().unwrap());
        }
        self.server.send(request).await.status.as_u16()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_any_token_is_accepted_for_every_type() {
    let world = World::start().await;
    for (name, access) in
        [("a", "public"), ("b", "protected"), ("c", "authenticated"), ("d", "private")]
    {
        let shown = world.deploy(name, |sent| sent["type"] = json!(access)).await;
        assert_eq!(shown["type"], access);
        let path = format!("/serve/me/{name}");
        assert_eq!(world.status_with(Some("anything"), Method::POST, &path).await, 200);
    }
    assert_eq!(world.status_with(Some("hf_x"), Method::GET, "/v2/endpoint/me").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_type_decides_who_may_ask() {
    let world = keyed().await;
    for (name, access) in [("open", "public"), ("known", "protected"), ("mine", "private")] {
        world.deploy(name, |sent| sent["type"] = json!(access)).await;
    }
    let of =
        |namespace: &str| json!({"name": namespace, "scopes": ["invoke"], "namespace": namespace});
    let (me, other) = (world.make_key(of("me")).await, world.make_key(of("other")).await);
    let reader = world.make_key(json!({"name": "r", "scopes": ["read"]})).await;
    let rows = [
        ("open", [200, 200, 200, 200, 200]),
        ("known", [401, 401, 403, 200, 200]),
        ("mine", [401, 401, 403, 404, 200]),
        // As if it were private: nobody learns which endpoints there are.
        ("nothing", [401, 401, 404, 404, 404]),
    ];
    for (name, statuses) in rows {
        let keys = [None, Some("wrong"), Some(&reader[..]), Some(&other[..]), Some(&me[..])];
        for (key, status) in keys.into_iter().zip(statuses) {
            let path = format!("/serve/me/{name}");
            let got = world.status_with(key, Method::POST, &path).await;
            assert_eq!(got, status, "{name} with {:?}", key.map(|key| &key[..3]));
        }
    }
    let path = "/serve/me/mine";
    assert_eq!(world.status_with(Some(OPERATOR), Method::POST, path).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_needs_its_scope_and_a_namespace_cannot_see_anothers() {
    let world = keyed().await;
    world.deploy("boru", |_| {}).await;
    let key = |scope: &str, namespace: &str| json!({"name": "k", "scopes": [scope], "namespace": namespace});
    let reader = world.make_key(key("read", "me")).await;
    let invoker = world.make_key(key("invoke", "me")).await;
    let other = world.make_key(key("admin", "other")).await;
    for (key, method, path, status) in [
        (None, Method::GET, "/v2/endpoint/me", 401),
        (Some(&reader), Method::GET, "/v2/endpoint/me", 200),
        (Some(&reader), Method::GET, "/v2/endpoint/me/boru/logs", 200),
        (Some(&reader), Method::POST, "/v2/endpoint/me/boru/pause", 403),
        (Some(&reader), Method::GET, "/api/keys", 403),
        (Some(&invoker), Method::GET, "/v2/endpoint/me/boru", 403),
        (Some(&other), Method::GET, "/v2/endpoint/other", 200),
        (Some(&other), Method::GET, "/v2/endpoint/me", 403),
        (Some(&other), Method::GET, "/v2/endpoint/me/boru", 403),
        (Some(&other), Method::GET, "/v2/endpoint/me/nothing", 403),
        (Some(&other), Method::DELETE, "/v2/endpoint/me/boru", 403),
        (Some(&other), Method::GET, "/api/endpoints/me/boru/cost", 403),
        // Bound to a namespace, and this is about none.
        (Some(&other), Method::POST, "/embed", 403),
    ] {
        let got = world.status_with(key.map(String::as_str), method.clone(), path).await;
        assert_eq!(got, status, "{method} {path}");
    }
    let mut theirs = world;
    theirs.key = Some(other);
    let who = theirs.get("/api/whoami-v2").await.json();
    assert_eq!((&who["name"], &who["orgs"]), (&json!("other"), &json!([])));
    theirs.post_ok("/v2/endpoint/other", &wanted("boru")).await;
    let paused = theirs.post_ok("/v2/endpoint/other/boru/pause", &Value::Null).await;
    assert_eq!(paused["status"]["updatedBy"]["name"], "k");
    theirs.key = Some(OPERATOR.to_owned());
    let list = theirs.get("/v2/endpoint/me").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_over_its_rate_is_told_when_to_come_back() {
    let world = keyed().await;
    world.deploy("boru", |_| {}).await;
    let limited = json!({"name": "slow", "scopes": ["invoke"], "tokens_per_minute": 60});
    let limited = world.make_key(limited).await;
    let request = || {
        let mut request = world.request(Method::POST, "/serve/me/boru", &json!("a".repeat(300)));
        let value = format!("Bearer {limited}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
        request
    };
    assert_eq!(world.server.send(request()).await.status, StatusCode::OK);
    let refused = world.server.send(request()).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.line());
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 1);
    assert!(refused.json()["error"].as_str().unwrap().contains("60 tokens per minute"));
    // A probe has no tokens.
    assert_eq!(world.status_with(Some(&limited), Method::GET, "/serve/me/boru").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_shows_a_key() {
    let world = keyed().await;
    world.deploy("boru", |_| {}).await;
    let secret = "sk-sembla-0000000000000000000000000000000000";
    for path in ["/serve/me/nothing", "/v2/endpoint/me", "/api/keys", "/embed"] {
        let mut request = world.request(Method::POST, path, &json!({}));
        let value = format!("Bearer {secret}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
        let reply = world.server.send(request).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(reply.header("www-authenticate"), "Bearer", "{path}");
        assert!(!reply.text().contains(secret), "{}", reply.text());
    }
}
