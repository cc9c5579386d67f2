//! The OpenSearch dialect over HTTP: what opensearch-py and LangChain send, and what they get back.

mod documents;
mod indices;
mod scores;
mod search;
mod spoiled;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Reply, TINY, TestServer, config, in_memory, request};

/// A server that keeps indexes, as a client of OpenSearch sees it.
struct OpenSearch(TestServer);

impl OpenSearch {
    /// Starts without any index.
    async fn start() -> Self {
        Self(TestServer::keeping(config(), &[TINY], in_memory()).await)
    }

    /// Starts with the index `docs`, whose field `v` has vectors of two dimensions.
    async fn with_docs(space: &str) -> Self {
        let client = Self::start().await;
        client.create("docs", space).await;
        client
    }

    /// Starts with `docs` in the space `l2` and these documents, whose ids count from 1.
    async fn filled(documents: &[Value]) -> Self {
        let client = Self::with_docs("l2").await;
        client.fill(documents).await;
        client
    }

    async fn create(&self, name: &str, space: &str) {
        let v = json!({"type": "knn_vector", "dimension": 2, "method": {"name": "hnsw", "space_type": space}});
        let reply =
            self.put(&format!("/{name}"), json!({"mappings": {"properties": {"v": v}}})).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    }

    async fn fill(&self, documents: &[Value]) {
        let mut lines = String::new();
        for (position, document) in documents.iter().enumerate() {
            let action = json!({"index": {"_index": "docs", "_id": (position + 1).to_string()}});
            lines += &format!("{action}\n{document}\n");
        }
        let reply = self.bulk("/_bulk", lines).await;
        assert_eq!(reply.json()["errors"], json!(false), "{}", reply.text());
    }

    async fn get(&self, path: &str) -> Reply {
        self.0.send(request(Method::GET, &format!("/os{path}"), "")).await
    }

    async fn head(&self, path: &str) -> Reply {
        self.0.send(request(Method::HEAD, &format!("/os{path}"), "")).await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.0.send(request(Method::DELETE, &format!("/os{path}"), "")).await
    }

    async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PUT, path, body.to_string(), "application/json").await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.post_text(path, body.to_string()).await
    }

    /// Posts what may be no JSON.
    async fn post_text(&self, path: &str, body: impl Into<Body>) -> Reply {
        self.send(Method::POST, path, body, "application/json").await
    }

    /// Posts lines.
    async fn bulk(&self, path: &str, lines: impl Into<Body>) -> Reply {
        self.send(Method::POST, path, lines, "application/x-ndjson").await
    }

    async fn send(&self, method: Method, path: &str, body: impl Into<Body>, kind: &str) -> Reply {
        self.0.send(with_type(method, &format!("/os{path}"), body, kind)).await
    }

    /// Sends a request to the other dialect that knows indexes.
    async fn pinecone(&self, method: Method, path: &str, body: Value) -> Reply {
        let path = format!("/pinecone{path}");
        self.0.send(with_type(method, &path, body.to_string(), "application/json")).await
    }

    /// Searches `docs`, which succeeds.
    async fn search(&self, body: Value) -> Value {
        let reply = self.post("/docs/_search", body).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        reply.json()
    }

    /// Searches `docs` and returns the ids of the hits, with spaces between.
    async fn ids(&self, body: Value) -> String {
        ids(&self.search(body).await)
    }

    /// Searches `docs`, which fails, and returns the status and the reason.
    async fn refusal(&self, body: Value) -> String {
        reason(&self.post("/docs/_search", body).await)
    }
}

fn with_type(method: Method, path: &str, body: impl Into<Body>, kind: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    request.header("content-type", kind).body(body.into()).unwrap()
}

/// Returns the ids of hits, best first, with spaces between.
fn ids(answer: &Value) -> String {
    let hits = answer["hits"]["hits"].as_array().unwrap();
    hits.iter().map(|hit| hit["_id"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

/// Returns the status, the type and the reason of an error, after checking its shape.
fn reason(reply: &Reply) -> String {
    let body = reply.json();
    let status = reply.status.as_u16();
    assert_eq!(body["status"], json!(status), "{body}");
    assert_eq!(body["error"]["root_cause"][0]["reason"], body["error"]["reason"], "{body}");
    let text = |name: &str| body["error"][name].as_str().unwrap().to_owned();
    format!("{status} {}: {}", text("type"), text("reason"))
}

/// The nearest to `[1, 0]`.
fn knn(k: usize) -> Value {
    json!({"knn": {"v": {"vector": [1.0, 0.0], "k": k}}})
}
