//! An index that both our own dialect and this one use.

use axum::http::{Method, StatusCode};
use expect_test::expect;
use serde_json::{Value, json};

use super::{Pinecone, json_request, with_type};
use crate::harness::{PROMPTED, Reply, TINY, TestServer, config, in_memory};

async fn start() -> Pinecone {
    Pinecone(TestServer::keeping(config(), &[TINY, PROMPTED], in_memory()).await)
}

impl Pinecone {
    /// Sends a request to our own routes of indexes.
    async fn own(&self, method: Method, path: &str, body: Value) -> Reply {
        self.0.send(json_request(method, &format!("/v1/indexes{path}"), &body)).await
    }

    /// Sends a request to our own routes of indexes, and returns the answer of a success.
    async fn own_ok(&self, path: &str, body: Value) -> Value {
        let reply = self.own(Method::POST, path, body).await;
        assert!(reply.status.is_success(), "{}", reply.text());
        reply.json()
    }

    /// Writes records with texts to the default namespace of `docs`.
    async fn upsert_lines(&self, lines: &str) {
        let path = "/pinecone/i/docs/records/namespaces/__default__/upsert";
        let written = self
            .0
            .send(with_type(Method::POST, path, lines.to_owned(), "application/x-ndjson"))
            .await;
        assert_eq!(written.status, StatusCode::CREATED, "{}", written.text());
    }

    async fn describe(&self) -> Value {
        self.control(Method::GET, "/indexes/docs", Value::Null).await.json()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_field_of_texts_that_our_own_dialect_was_told_is_that_of_records() {
    let client = start().await;
    client.own_ok("", json!({ "name": "docs", "model": TINY, "text_field": "body" })).await;
    assert_eq!(client.describe().await["embed"]["field_map"], json!({ "text": "body" }));
    client.upsert_lines(r#"{"_id":"1","body":"a cat sits on a mat"}"#).await;
    let record = json!({ "id": "2", "text": "the train leaves at noon" });
    client.own_ok("/docs/records", json!({ "records": [record] })).await;
    let fetched = client.get("/vectors/fetch?ids=1&ids=2").await;
    assert_eq!(fetched["vectors"]["1"]["metadata"], json!({ "body": "a cat sits on a mat" }));
    assert_eq!(fetched["vectors"]["2"]["metadata"], json!({ "body": "the train leaves at noon" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_field_of_a_field_map_is_that_of_our_own_texts() {
    let client = start().await;
    let embed = json!({ "model": TINY, "field_map": { "text": "body" } });
    let body = json!({ "name": "docs", "cloud": "aws", "region": "us-east-1", "embed": embed });
    let created = client.control(Method::POST, "/indexes/create-for-model", body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
    let record = json!({ "id": "1", "text": "a cat sits on a mat" });
    client.own_ok("/docs/records", json!({ "records": [record] })).await;
    let fetched = client.get("/vectors/fetch?ids=1").await;
    assert_eq!(fetched["vectors"]["1"]["metadata"], json!({ "body": "a cat sits on a mat" }));
    let rebound = json!({ "embed": { "field_map": { "text": "chunk" } } });
    client.control(Method::PATCH, "/indexes/docs", rebound).await;
    let record = json!({ "id": "2", "text": "the train leaves at noon" });
    client.own_ok("/docs/records", json!({ "records": [record] })).await;
    let fetched = client.get("/vectors/fetch?ids=2").await;
    assert_eq!(fetched["vectors"]["2"]["metadata"], json!({ "chunk": "the train leaves at noon" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_callers_tag_of_our_own_dialect_is_the_servers() {
    let client = start().await;
    let tags = json!({ "sembla.text_field": "body" });
    let created = client
        .own(Method::POST, "", json!({ "name": "docs", "dimensions": 3, "tags": tags }))
        .await;
    let message = &created.json()["error"]["message"];
    expect!["`tags`: `sembla.text_field`: names that begin with `sembla.` are the server's"]
        .assert_eq(message.as_str().unwrap());
    client.own_ok("", json!({ "name": "docs", "dimensions": 3 })).await;
    let changed = client.own(Method::PATCH, "/docs", json!({ "tags": tags })).await;
    assert_eq!(changed.json()["error"]["message"], *message);
    let changed = client.own(Method::PATCH, "/docs", json!({ "text_field": "body" })).await;
    assert_eq!(changed.json()["tags"], tags);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_hybrid_index_are_found_by_their_words() {
    let client = start().await;
    client.own_ok("", json!({ "name": "docs", "model": TINY, "hybrid": true })).await;
    let lines = r#"{"_id":"1","text":"the cat sat"}
{"_id":"2","text":"invoice 4711 of may"}
{"_id":"3","text":"the train leaves at noon"}"#;
    client.upsert_lines(lines).await;
    let search = json!({ "text": "4711", "hybrid": true, "top_k": 1, "explain": true });
    let found = client.own_ok("/docs/search", search).await;
    assert_eq!(found["hits"][0]["id"], "2", "{found}");
    // What our own dialect writes of the same text is the same.
    let record = json!({ "id": "4", "text": "invoice 4711 of may" });
    client.own_ok("/docs/records", json!({ "records": [record] })).await;
    let fetched = client.get("/vectors/fetch?ids=2&ids=4").await;
    let (ours, theirs) = (&fetched["vectors"]["4"], &fetched["vectors"]["2"]);
    assert_eq!(theirs["sparseValues"]["indices"].as_array().unwrap().len(), 4);
    for field in ["values", "sparseValues", "metadata"] {
        assert_eq!(theirs[field], ours[field], "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_called_as_it_is_served_whatever_its_folder_was() {
    let client = start().await;
    let served = client.own_ok("", json!({ "name": "docs", "model": TINY })).await;
    assert_eq!(client.describe().await["embed"]["model"], TINY);
    let mut fingerprint = served["fingerprint"].clone();
    fingerprint["model"] = json!("/srv/models/tiny-bert");
    client.own(Method::DELETE, "/docs", Value::Null).await;
    client.own_ok("", json!({ "name": "docs", "fingerprint": fingerprint })).await;
    assert_eq!(client.describe().await["embed"]["model"], TINY);
    assert_eq!(client.describe().await["schema"]["fields"]["text"]["model"], TINY);

    // Of a model that is not served the folder is told no more than the name.
    fingerprint["model"] = json!("/srv/models/other-bert");
    fingerprint["weight_hash"] = json!("7f");
    client.own(Method::DELETE, "/docs", Value::Null).await;
    client.own_ok("", json!({ "name": "docs", "fingerprint": fingerprint })).await;
    assert_eq!(client.describe().await["embed"]["model"], "other-bert");
    let search = json!({ "query": { "inputs": { "text": "a" }, "top_k": 1 } });
    let refused = client.post("/records/namespaces/n/search", search).await;
    expect![[r#"412 {"code":9,"message":"index `docs` was built with model `other-bert`, and served here are tiny-bert, tiny-bert-compact; serve that model, or send vectors","details":[]}"#]].assert_eq(&refused.line());
    let bind = json!({ "embed": { "model": TINY } });
    let refused = client.control(Method::PATCH, "/indexes/docs", bind).await;
    expect![[r#"400 {"error":{"code":"INVALID_ARGUMENT","message":"`embed.model`: the vectors of this index are of model `other-bert`, and those of `tiny-bert` cannot be compared with them; create another index"},"status":400}"#]].assert_eq(&refused.line());
}
