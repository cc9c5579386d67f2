//! API keys, and the browser's rules.

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode};
use expect_test::expect;
use server::{AllowedOrigins, ServerConfig};

use crate::harness::{Reply, TINY, TestServer, config, with_keys};

async fn post_with(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::post(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::from(r#"{"inputs":"a","input":"a"}"#)).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_only_open_routes_answer_without_it() {
    let server = TestServer::with(with_keys(&["first", "second"]), &[TINY]).await;
    for path in
        ["/", "/health", "/ping", "/live", "/ready", "/metrics", "/docs", "/api-doc/openapi.json"]
    {
        assert_eq!(server.get(path).await.status, StatusCode::OK, "{path}");
    }
    for path in ["/info", "/v1/models", "/v1/models/tiny-bert"] {
        assert_eq!(server.get(path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in ["/", "/embed", "/embed_all", "/similarity", "/tokenize", "/decode"] {
        let reply = server.post(path, "{}").await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_known_key_is_let_in() {
    let server = TestServer::with(with_keys(&["first", "second"]), &[TINY]).await;
    for (name, value) in [
        ("authorization", "Bearer first"),
        ("authorization", "Api-Key second"),
        ("api-key", "second"),
    ] {
        let reply = post_with(&server, "/embed", &[(name, value)]).await;
        assert_eq!(reply.status, StatusCode::OK, "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_the_shape_of_its_dialect_and_does_not_show_the_key() {
    let server = TestServer::with(with_keys(&["first"]), &[TINY]).await;
    let wrong = [("authorization", "Bearer guess")];
    let reply = post_with(&server, "/embed", &wrong).await;
    expect![[r#"401 {"error":"the API key is not known","error_type":"Unauthorized"}"#]]
        .assert_eq(&reply.line());
    let reply = post_with(&server, "/v1/embeddings", &wrong).await;
    expect![[r#"401 {"error":{"message":"the API key is not known","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#]].assert_eq(&reply.line());
    let reply = post_with(&server, "/models/tiny-bert", &[]).await;
    expect![[r#"401 {"error":"an API key is needed; send it as `Authorization: Bearer KEY`"}"#]]
        .assert_eq(&reply.line());
}

async fn preflight(server: &TestServer, origin: &str) -> Reply {
    let request = Request::options("/v1/embeddings")
        .header("host", "localhost")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,x-stainless-os");
    server.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_may_send_its_key_and_read_our_headers() {
    let server = TestServer::with(with_keys(&["first"]), &[TINY]).await;
    let reply = preflight(&server, "https://example.com").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    let allowed = reply.header("access-control-allow-headers");
    assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{allowed}");

    let headers = [("origin", "https://example.com"), ("authorization", "Bearer first")];
    let reply = post_with(&server, "/embed", &headers).await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    let exposed = reply.header("access-control-expose-headers");
    for name in ["x-compute-tokens", "x-truncated-inputs", "x-request-id", "retry-after"] {
        assert!(exposed.contains(name), "{name} is not in {exposed}");
    }
    let refused = post_with(&server, "/embed", &headers[..1]).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.header("access-control-allow-origin"), "*", "a page must see the error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_origins_lets_no_other_page_in() {
    let list = vec![HeaderValue::from_static("https://example.com")];
    let config = ServerConfig { cors_allow_origin: AllowedOrigins::List(list), ..config() };
    let server = TestServer::with(config, &[TINY]).await;
    let reply = preflight(&server, "https://example.com").await;
    assert_eq!(reply.header("access-control-allow-origin"), "https://example.com");
    let reply = preflight(&server, "https://example.org").await;
    assert_eq!(reply.header("access-control-allow-origin"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_keeps_its_id_or_gets_one() {
    let server = TestServer::start().await;
    let reply = post_with(&server, "/embed", &[("x-request-id", "mine-1")]).await;
    assert_eq!(reply.header("x-request-id"), "mine-1");
    let first = server.get("/nothing").await.header("x-request-id").to_owned();
    let second = server.get("/nothing").await.header("x-request-id").to_owned();
    assert_eq!(first.len(), 16);
    assert_ne!(first, second);
}
