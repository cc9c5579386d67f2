//! Bodies that nobody means well with: whatever is sent is answered in the dialect's shape, without a
//! panic, and the server goes on.

use axum::http::{Method, StatusCode};
use expect_test::expect;
use serde_json::{Value, json};

use super::{OpenSearch, knn, reason};

/// Sends bodies to every route that reads one, and looks at what comes back.
async fn check_all(client: &OpenSearch, body: &str) {
    for (method, path) in [
        (Method::PUT, "/fresh"),
        (Method::POST, "/docs/_search"),
        (Method::POST, "/docs/_count"),
        (Method::POST, "/_bulk"),
        (Method::POST, "/docs/_bulk"),
        (Method::PUT, "/docs/_doc/1"),
        (Method::POST, "/docs/_doc"),
        (Method::PUT, "/docs/_create/1"),
        (Method::POST, "/docs/_update/1"),
    ] {
        let reply = client.send(method, path, body.to_owned(), "application/json").await;
        let start: String = body.chars().take(40).collect();
        assert!(reply.status.is_client_error(), "{path} {start}: {}", reply.line());
        assert!(reason(&reply).contains("_exception: "), "{path} {start}: {}", reply.line());
    }
}

#[tokio::test]
async fn no_body_brings_the_server_down() {
    let client = OpenSearch::with_docs("l2").await;
    for body in [
        "nonsense".to_owned(),
        "{".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        "0".to_owned(),
        "\"text\"".to_owned(),
        "\u{0}".to_owned(),
        "{\"query\": 1}".to_owned(),
        "[".repeat(200_000),
        "{\"query\":".repeat(100_000),
        format!("{{\"query\":{}", "{\"bool\":{\"must\":".repeat(100_000)),
        format!("{{\"v\":{}", "[".repeat(100_000)),
    ] {
        check_all(&client, &body).await;
    }
    assert_eq!(client.ids(json!({"query": knn(1)})).await, "");
}

#[tokio::test]
async fn a_query_has_limits_of_depth_and_length() {
    let client = OpenSearch::with_docs("l2").await;
    let nested = |depth: usize| {
        let before = r#"{"bool":{"must":"#.repeat(depth);
        format!(r#"{{"query":{before}{{"match_all":{{}}}}{}}}"#, "}}".repeat(depth))
    };
    let reply = client.post_text("/docs/_search", nested(20)).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    expect!["400 illegal_argument_exception: `query.bool.must.bool.must.bool.must.bool.must.bool.must.bool.must.bool.must.bool.must.bool.must.bool…`: clauses are nested more than 32 deep"].assert_eq(&reason(&client.post_text("/docs/_search", nested(40)).await));
    let reply = client.post_text("/docs/_search", nested(1_000)).await;
    assert!(reason(&reply).contains("nested more than"), "{}", reply.text());

    let many: Vec<Value> = (0..10_001).map(Value::from).collect();
    let terms = json!({"query": {"terms": {"metadata.page": many}}});
    expect![
        "400 illegal_argument_exception: `query`: the query has more than 10000 clauses and values"
    ]
    .assert_eq(&client.refusal(terms).await);
    let clauses: Vec<Value> = (0..10_001).map(|page| json!({"term": {"page": page}})).collect();
    expect!["400 illegal_argument_exception: `query.bool.should`: the query has more than 10000 clauses and values"].assert_eq(&client.refusal(json!({"query": {"bool": {"should": clauses}}})).await);
}

#[tokio::test]
async fn a_wide_document_is_refused_and_a_wide_bulk_is_not() {
    let client = OpenSearch::with_docs("l2").await;
    let mut document: serde_json::Map<String, Value> =
        (0..1_001).map(|number| (format!("field-{number}"), json!(number))).collect();
    document.insert("v".to_owned(), json!([1, 0]));
    expect!["400 mapper_parsing_exception: the document has more than 1000 fields"]
        .assert_eq(&reason(&client.put("/docs/_doc/1", Value::Object(document)).await));
    let lines: String = (0..6_000)
        .map(|number| format!("{{\"index\":{{\"_id\":\"{number}\"}}}}\n{{\"v\":[1,{number}]}}\n"))
        .collect();
    let answer = client.bulk("/docs/_bulk", lines).await.json();
    assert_eq!(answer["errors"], json!(false));
    assert_eq!(client.get("/docs/_count").await.json()["count"], json!(6_000));
}

#[tokio::test]
async fn the_path_may_have_anything() {
    let client = OpenSearch::with_docs("l2").await;
    for path in [
        "/%ff",
        "/%00",
        "/a%2Fb",
        "/..",
        "/%2e%2e/x",
        "/_all",
        "/*",
        "/docs/_doc/%ff",
        "/docs/_search?%ff=1",
        "/docs/_search?size=-1",
        "/docs/_search?size=99999999999999999999",
    ] {
        let reply = client.get(path).await;
        assert!(reply.status.is_client_error(), "{path}: {}", reply.line());
    }
    let long = format!("/{}", "x".repeat(3_000));
    let refused = reason(&client.get(&long).await);
    assert!(refused.ends_with("a name has 1 to 255 bytes"), "{refused}");
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let client = OpenSearch::with_docs("l2").await;
    let form =
        client.send(Method::POST, "/_bulk", "a=b", "application/x-www-form-urlencoded").await;
    assert!(reason(&form).starts_with("406 media_type_header_exception: "), "{}", form.text());
}
