//! `/docs` and the OpenAPI document.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

use crate::harness::{TestServer, request};

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_nothing_from_elsewhere() {
    let server = TestServer::start().await;
    let reply = server.get("/docs").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    let page = reply.text();
    assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
    assert!(page.contains("api-doc/openapi.json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_document_is_there() {
    let server = TestServer::start().await;
    let document = server.get("/api-doc/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 25, "{} paths", paths.len());
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            let reply = server.send(request_of(method, path)).await;
            // A model or an index that is not there is a 404 as well, which names it.
            let is_there = match reply.status {
                StatusCode::METHOD_NOT_ALLOWED => false,
                StatusCode::NOT_FOUND => {
                    method != "head" && !reply.text().contains("there is no route")
                }
                _ => true,
            };
            assert!(is_there, "{method} {path}: {}", reply.line());
        }
    }
    let report = &document["components"]["schemas"]["EmbedRequest"]["properties"]["report"];
    assert!(report.is_object(), "{document}");
}

// Whatever the names in the path stand for, each gets one.
fn request_of(method: &str, path: &str) -> Request<Body> {
    let parts = path.split('/').map(|part| match part {
        "{model}" => "tiny-bert",
        part if part.starts_with('{') => "b",
        part => part,
    });
    let path = parts.collect::<Vec<_>>().join("/");
    let method: Method = method.to_uppercase().parse().unwrap();
    let mut request = request(method, &path, "{}");
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    request
}
