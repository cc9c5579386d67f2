//! Who may call: keys, and the rules of web pages.

use axum::http::{Method, StatusCode};
use expect_test::expect;
use serde_json::{Value, json};

use super::{Pinecone, json_request, with_type};
use crate::harness::{TINY, TestServer, in_memory, request, with_keys};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_needed_once_there_is_one() {
    let client = Pinecone(TestServer::keeping(with_keys(&["right"]), &[TINY], in_memory()).await);
    for (key, status) in [("wrong", 401), ("right", 200)] {
        let mut request = request(Method::GET, "/pinecone/indexes", "");
        request.headers_mut().insert("api-key", key.parse().unwrap());
        assert_eq!(client.0.send(request).await.status.as_u16(), status, "{key}");
    }
    let control = client.control(Method::GET, "/indexes", Value::Null).await;
    expect![[r#"401 {"error":{"code":"UNAUTHENTICATED","message":"an API key is needed; send it as `Authorization: Bearer KEY`"},"status":401}"#]].assert_eq(&control.line());
    expect![[r#"401 {"code":16,"message":"an API key is needed; send it as `Authorization: Bearer KEY`","details":[]}"#]].assert_eq(&client.post("/query", json!({})).await.line());
    let embed = client.control(Method::POST, "/embed", json!({})).await;
    assert_eq!(embed.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_any_is_accepted() {
    let client = Pinecone::with_docs("cosine").await;
    let mut request = request(Method::GET, "/pinecone/indexes", "");
    request.headers_mut().insert("api-key", "pclocal".parse().unwrap());
    assert_eq!(client.0.send(request).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_another_site_reaches_an_index() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    let all = json!({ "deleteAll": true });
    let path = "/pinecone/i/docs/vectors/delete";
    let mut foreign = json_request(Method::POST, path, &all);
    foreign.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    expect![[r#"403 {"code":7,"message":"Origin is `https://evil.example`, another site's page; name it with --cors-allow-origin, or start the server with --api-key and let the page send the key","details":[]}"#]].assert_eq(&client.0.send(foreign).await.line());
    let form = with_type(Method::POST, path, all.to_string(), "text/plain");
    expect![[r#"415 {"code":3,"message":"Content-Type is `text/plain`; send `application/json`, or `application/x-ndjson` for records by line, so that no form of a web page passes for a request","details":[]}"#]].assert_eq(&client.0.send(form).await.line());
    let mut rebound = json_request(Method::POST, path, &all);
    rebound.headers_mut().insert("host", "evil.example:8080".parse().unwrap());
    expect![[r#"403 {"code":7,"message":"Host is `evil.example:8080`, a name that any web page may point at this server; call it by its IP address or as localhost, or start it with --api-key or --public-url","details":[]}"#]].assert_eq(&client.0.send(rebound).await.line());
    assert_eq!(client.ids("").await, ["x", "y", "z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn inference_is_counted_and_what_is_kept_is_not() {
    let client = Pinecone::with_docs("cosine").await;
    client.upsert_axes().await;
    client.control(Method::GET, "/models", Value::Null).await;
    assert_eq!(client.0.metric("te_embed_count").await, 0.0);
    let body = json!({ "model": TINY, "inputs": [{ "text": "a" }] });
    client.control(Method::POST, "/embed", body).await;
    client.0.until_metric("te_embed_success", 1.0).await;
}
