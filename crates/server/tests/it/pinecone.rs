//! The Pinecone dialect over HTTP: what its clients send, and what they get back.

mod bad_input;
mod control;
mod data;
mod filters;
mod legacy;
mod schema;
mod shared;
mod strict;
mod text;
mod web;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Reply, TINY, TestServer, config, in_memory, request};

/// A server that keeps indexes, as a client of Pinecone sees it.
struct Pinecone(TestServer);

impl Pinecone {
    /// Starts without any index.
    async fn start() -> Self {
        Self(TestServer::keeping(config(), &[TINY], in_memory()).await)
    }

    /// Starts with the index `docs` of three dimensions.
    async fn with_docs(metric: &str) -> Self {
        let client = Self::start().await;
        let spec = json!({ "serverless": { "cloud": "aws", "region": "us-east-1" } });
        let body = json!({ "name": "docs", "dimension": 3, "metric": metric, "spec": spec });
        let created = client.control(Method::POST, "/indexes", body).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
        client
    }

    /// Sends a request to the control plane.
    async fn control(&self, method: Method, path: &str, body: Value) -> Reply {
        self.0.send(json_request(method, &format!("/pinecone{path}"), &body)).await
    }

    /// Posts to the data plane of `docs`.
    async fn post(&self, path: &str, body: Value) -> Reply {
        self.0.send(json_request(Method::POST, &format!("/pinecone/i/docs{path}"), &body)).await
    }

    /// Posts a body as it is to the data plane of `docs`.
    async fn post_text(&self, path: &str, body: &str) -> Reply {
        let path = format!("/pinecone/i/docs{path}");
        self.0.send(with_type(Method::POST, &path, body.to_owned(), "application/json")).await
    }

    /// Posts to the data plane of `docs`, and returns the answer of a success.
    async fn ok(&self, path: &str, body: Value) -> Value {
        let reply = self.post(path, body).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        reply.json()
    }

    /// Gets from the data plane of `docs`, and returns the answer of a success.
    async fn get(&self, path: &str) -> Value {
        let reply = self.0.get(&format!("/pinecone/i/docs{path}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        reply.json()
    }

    /// Writes records with one axis each, so that their scores are easy to foresee.
    async fn upsert_axes(&self) {
        let vectors = json!([
            { "id": "x", "values": [1, 0, 0], "metadata": { "lang": "en", "year": 2020 } },
            { "id": "y", "values": [0, 1, 0], "metadata": { "lang": "de", "year": 2021 } },
            { "id": "z", "values": [0, 0, 1] },
        ]);
        let answer = self.ok("/vectors/upsert", json!({ "vectors": vectors })).await;
        assert_eq!(answer, json!({ "upsertedCount": 3 }));
    }

    /// Returns all ids of a namespace.
    async fn ids(&self, namespace: &str) -> Vec<String> {
        ids(&self.get(&format!("/vectors/list?limit=1000&namespace={namespace}")).await["vectors"])
    }
}

fn json_request(method: Method, path: &str, body: &Value) -> Request<Body> {
    if body.is_null() {
        return request(method, path, "");
    }
    with_type(method, path, body.to_string(), "application/json")
}

fn with_type(method: Method, path: &str, body: String, content_type: &str) -> Request<Body> {
    let mut request = request(method, path, body);
    request.headers_mut().insert("content-type", content_type.parse().unwrap());
    request
}

/// Returns the ids of a list of records or matches.
fn ids(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap();
    list.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}
