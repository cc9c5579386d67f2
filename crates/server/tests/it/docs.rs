//! `/docs` and the OpenAPI document.

use axum::http::StatusCode;

use crate::harness::TestServer;

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
        let path =
            path.replace("{org}", "a").replace("{name}", "b").replace("{model}", "tiny-bert");
        for method in methods.as_object().unwrap().keys() {
            let reply = match method.as_str() {
                "get" => server.get(&path).await,
                "post" => server.post(&path, "{}").await,
                other => panic!("{path} has the method {other}"),
            };
            let unknown = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
            // A model that is not served is a 404 as well.
            let is_there = !unknown.contains(&reply.status) || reply.text().contains("`a/b`");
            assert!(is_there, "{method} {path}: {}", reply.line());
        }
    }
    let report = &document["components"]["schemas"]["EmbedRequest"]["properties"]["report"];
    assert!(report.is_object(), "{document}");
}
