//! Qdrant, by its published schema (`docs/redoc/master/openapi.json`; the field names were held against the
//! models of qdrant-client 1.20.0, which refuse others).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use expect_test::expect;
use index::{
    Checked, Include, IndexChange, Metric, Precision, Protection, QdrantConfig, QdrantStore, Query,
    Retry, Selection, StoreError, VectorStore,
};
use serde_json::{Value as Json, json};

use super::fake::{Call, Fake, Refusal, Vendor, only};
use super::score::{cosine, dot, floats, squared_distance};
use crate::conformance::{self, default, filter, first_page, query, record, spec};

/// The documented behaviour of a server.
#[derive(Default)]
struct Server {
    collections: BTreeMap<String, Collection>,
    /// Requests that are refused first, as by a server that is too busy.
    num_busy: usize,
}

#[derive(Default)]
struct Collection {
    created: Json,
    points: BTreeMap<String, Json>,
    indexed: BTreeSet<String>,
}

impl Vendor for Server {
    fn answer(&mut self, call: &Call) -> Result<Json, Refusal> {
        if self.num_busy > 0 {
            self.num_busy -= 1;
            return Err(Refusal::new(503, "busy"));
        }
        let body = call.json();
        let result = match (call.method.as_str(), &call.parts()[..]) {
            ("GET", ["collections"]) => {
                let names = self.collections.keys().map(|name| json!({ "name": name }));
                json!({ "collections": names.collect::<Vec<_>>() })
            }
            ("PUT", ["collections", name]) => self.create(name, body)?,
            (method, ["collections", name, rest @ ..]) => {
                let missing = || Refusal::new(404, format!("Collection `{name}` doesn't exist!"));
                if (method, rest) == ("DELETE", &[][..]) {
                    json!(self.collections.remove(*name).is_some())
                } else {
                    let collection = self.collections.get_mut(*name).ok_or_else(missing)?;
                    collection.answer(method, &rest.join("/"), call, &body)?
                }
            }
            _ => return Err(Refusal::new(404, "no such route")),
        };
        Ok(json!({"result": result, "status": "ok", "time": 0.001}))
    }
}

impl Server {
    fn create(&mut self, name: &str, body: Json) -> Result<Json, Refusal> {
        only(
            &body,
            &[
                "vectors",
                "shard_number",
                "replication_factor",
                "write_consistency_factor",
                "metadata",
            ],
        )?;
        only(&body["vectors"], &["size", "distance"])?;
        if self.collections.contains_key(name) {
            return Err(Refusal::new(409, format!("Collection `{name}` already exists!")));
        }
        self.collections
            .insert(name.to_owned(), Collection { created: body, ..Collection::default() });
        Ok(json!(true))
    }
}

impl Collection {
    fn answer(
        &mut self,
        method: &str,
        verb: &str,
        call: &Call,
        body: &Json,
    ) -> Result<Json, Refusal> {
        let is_waited_for = call.value("wait") == Some("true");
        match (method, verb) {
            ("GET", "") => Ok(
                json!({"status": "green", "config": {"params": {}, "metadata": self.created["metadata"]}}),
            ),
            ("PATCH", "") => {
                only(body, &["metadata"])?;
                for (key, value) in body["metadata"].as_object().unwrap() {
                    self.created["metadata"][key] = value.clone();
                }
                Ok(json!(true))
            }
            ("PUT", "index") => {
                only(body, &["field_name", "field_schema"])?;
                only(&body["field_schema"], &["type", "is_tenant"])?;
                self.indexed.insert(body["field_name"].as_str().unwrap().to_owned());
                Ok(json!({"operation_id": 1, "status": "completed"}))
            }
            ("PUT", "points") if is_waited_for => self.upsert(body),
            ("POST", "points/delete") if is_waited_for => {
                only(body, &["filter"])?;
                let doomed = self.passing(&body["filter"])?;
                doomed.iter().for_each(|id| drop(self.points.remove(id)));
                Ok(json!({"operation_id": 1, "status": "completed"}))
            }
            ("POST", "points") => {
                only(body, &["ids", "with_payload", "with_vector"])?;
                let ids = body["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap());
                Ok(ids
                    .filter_map(|id| self.points.get(id))
                    .map(|point| shown(point, body, None))
                    .collect())
            }
            ("POST", "points/query") => self.query(body),
            ("POST", "points/scroll") => self.scroll(body),
            ("POST", "points/count") => {
                only(body, &["filter", "exact"])?;
                Ok(json!({"count": self.passing(&body["filter"])?.len()}))
            }
            ("POST", "facet") => self.facet(body),
            _ => Err(Refusal::new(404, format!("no such route: {method} {verb}"))),
        }
    }

    fn upsert(&mut self, body: &Json) -> Result<Json, Refusal> {
        only(body, &["points"])?;
        for point in body["points"].as_array().unwrap() {
            only(point, &["id", "vector", "payload"])?;
            let id =
                point["id"].as_str().filter(|id| id.len() == 36 && id.matches('-').count() == 4);
            let id = id.ok_or_else(|| Refusal::new(400, "value is not a valid point ID"))?;
            let mut kept = point.clone();
            if self.created["vectors"]["distance"] == "Cosine" {
                let vector = floats(&point["vector"]);
                let length = dot(&vector, &vector).sqrt();
                kept["vector"] = json!(vector.iter().map(|x| x / length).collect::<Vec<_>>());
            }
            self.points.insert(id.to_owned(), kept);
        }
        Ok(json!({"operation_id": 1, "status": "completed"}))
    }

    fn query(&self, body: &Json) -> Result<Json, Refusal> {
        only(body, &["query", "filter", "params", "limit", "with_payload", "with_vector"])?;
        only(&body["params"], &["exact"])?;
        let wanted = floats(&body["query"]);
        let mut scored = Vec::new();
        for id in self.passing(&body["filter"])? {
            let point = &self.points[&id];
            let vector = floats(&point["vector"]);
            let (score, rank) = match self.created["vectors"]["distance"].as_str().unwrap() {
                "Cosine" => (cosine(&wanted, &vector), -cosine(&wanted, &vector)),
                "Dot" => (dot(&wanted, &vector), -dot(&wanted, &vector)),
                _ => {
                    let distance = squared_distance(&wanted, &vector).sqrt();
                    (distance, distance)
                }
            };
            scored.push((rank, shown(point, body, Some(score))));
        }
        scored.sort_by(|a, b| a.0.total_cmp(&b.0));
        let limit = body["limit"].as_u64().unwrap() as usize;
        Ok(json!({"points": scored.into_iter().take(limit).map(|one| one.1).collect::<Vec<_>>()}))
    }

    fn scroll(&self, body: &Json) -> Result<Json, Refusal> {
        only(body, &["filter", "limit", "offset", "with_payload", "with_vector"])?;
        let from = body["offset"].as_str().unwrap_or_default();
        // Smaller pages than asked for, so that there are several.
        let limit = body["limit"].as_u64().unwrap().min(700) as usize;
        let ids: Vec<String> =
            self.passing(&body["filter"])?.into_iter().filter(|id| id.as_str() >= from).collect();
        let points: Vec<Json> =
            ids.iter().take(limit).map(|id| shown(&self.points[id], body, None)).collect();
        Ok(json!({"points": points, "next_page_offset": ids.get(limit)}))
    }

    fn facet(&self, body: &Json) -> Result<Json, Refusal> {
        only(body, &["key", "limit", "filter", "exact"])?;
        let key = body["key"].as_str().unwrap();
        if !self.indexed.contains(key) {
            return Err(Refusal::new(400, format!("Index required but not found for \"{key}\"")));
        }
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for id in self.passing(&body["filter"])? {
            *counts.entry(self.points[&id]["payload"][key].as_str().unwrap()).or_default() += 1;
        }
        let hits = counts.iter().map(|(value, count)| json!({"value": value, "count": count}));
        Ok(json!({"hits": hits.collect::<Vec<_>>()}))
    }

    fn passing(&self, filter: &Json) -> Result<Vec<String>, Refusal> {
        let mut ids = Vec::new();
        for (id, point) in &self.points {
            if passes(filter, id, &point["payload"])? {
                ids.push(id.clone());
            }
        }
        Ok(ids)
    }
}

/// A point with what was asked for of it.
fn shown(point: &Json, body: &Json, score: Option<f32>) -> Json {
    let mut shown = json!({"id": point["id"], "version": 1});
    if let Some(score) = score {
        shown["score"] = json!(score);
    }
    if body["with_payload"] == true {
        shown["payload"] = point["payload"].clone();
    }
    for field in body["with_payload"].as_array().into_iter().flatten() {
        let field = field.as_str().unwrap();
        shown["payload"][field] = point["payload"][field].clone();
    }
    if body["with_vector"] == true {
        shown["vector"] = point["vector"].clone();
    }
    shown
}

fn passes(filter: &Json, id: &str, payload: &Json) -> Result<bool, Refusal> {
    only(filter, &["must", "should", "must_not"])?;
    let part = |name: &str| -> Result<Vec<bool>, Refusal> {
        let conditions = filter[name].as_array().into_iter().flatten();
        conditions.map(|condition| holds(condition, id, payload)).collect()
    };
    let (must, should, must_not) = (part("must")?, part("should")?, part("must_not")?);
    // A `should` without conditions is as none.
    let any = should.is_empty() || should.contains(&true);
    Ok(any && !must.contains(&false) && !must_not.contains(&true))
}

fn holds(condition: &Json, id: &str, payload: &Json) -> Result<bool, Refusal> {
    if let Some(ids) = condition["has_id"].as_array() {
        only(condition, &["has_id"])?;
        return Ok(ids.iter().any(|one| one == id));
    }
    let Some(key) = condition["key"].as_str() else { return passes(condition, id, payload) };
    only(condition, &["key", "match", "range"])?;
    let Some(value) = at(payload, key)? else { return Ok(false) };
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let wanted = &condition["match"];
    only(wanted, &["value"])?;
    only(&condition["range"], &["gt", "gte", "lt", "lte"])?;
    Ok(items.iter().any(|item| match wanted.get("value") {
        None => item.as_f64().is_some_and(|number| within(number, &condition["range"])),
        Some(value) => value == item,
    }))
}

fn within(number: f64, range: &Json) -> bool {
    let bound = |name: &str, holds: fn(f64, f64) -> bool| {
        range[name].as_f64().is_none_or(|than| holds(number, than))
    };
    bound("gt", |a, b| a > b)
        && bound("gte", |a, b| a >= b)
        && bound("lt", |a, b| a < b)
        && bound("lte", |a, b| a <= b)
}

/// What a path leads to: a plain name, or `metadata."…"`, whose quotes have no escapes.
fn at<'a>(payload: &'a Json, key: &str) -> Result<Option<&'a Json>, Refusal> {
    let Some(quoted) = key.strip_prefix("metadata.\"") else { return Ok(payload.get(key)) };
    match quoted.strip_suffix('"') {
        Some(name) if !name.contains(['"', '\\']) => Ok(payload["metadata"].get(name)),
        _ => Err(Refusal::new(400, format!("`{key}` is no path"))),
    }
}

fn store(fake: &Fake) -> QdrantStore {
    QdrantStore::new(QdrantConfig::local(fake.url()))
}

#[tokio::test]
async fn the_qdrant_store_conforms() {
    let fake = Fake::start(Server::default());
    conformance::check(Checked::new(Arc::new(store(&fake)))).await;
}

#[tokio::test]
async fn what_is_sent_to_qdrant_is_what_its_schema_has() {
    let fake = Fake::start(Server::default());
    let config = QdrantConfig {
        api_key: Some("secret".to_owned()),
        num_shards: Some(6),
        num_replicas: 3,
        ..QdrantConfig::local(fake.url())
    };
    let store = QdrantStore::new(config);
    let asked = spec("docs", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    assert_eq!(fake.headers()["api-key"], "secret");
    store
        .upsert(
            &asked.name,
            &default(),
            vec![record("a", &[3.0, 4.0], &json!({"lang": "en", "n": 1}))],
        )
        .await
        .unwrap();
    let condition = Some(filter(&json!({"lang": {"$ne": "de"}, "n": {"$lte": 2}})));
    let include = Include { values: false, metadata: true };
    let wanted =
        Query { filter: condition, include, precision: Precision::Auto, ..query(&[1.0, 0.0], 1) };
    let found = store.query(&asked.name, &default(), &wanted).await.unwrap();
    assert!((found.matches[0].score - 0.6).abs() < 1e-6);
    store.list(&asked.name, &default(), &first_page(5)).await.unwrap();
    store.stats(&asked.name, None).await.unwrap();
    store.delete(&asked.name, &default(), &Selection::Ids(vec!["a".to_owned()])).await.unwrap();
    let change = IndexChange { protection: Some(Protection::Enabled), ..IndexChange::default() };
    store.configure_index(&asked.name, &change).await.unwrap();
    expect![[r#"
        PUT /collections/sembla-docs
            {"vectors":{"size":2,"distance":"Cosine"},"shard_number":6,"replication_factor":3,"write_consistency_factor":2,"metadata":{"sembla_spec":{"dimensions":2,"fingerprint":null,"kind":"dense","metric":"cosine","name":"docs","protection":"disabled","sparse_weights":"as_sent","tags":{}}}}
        PUT /collections/sembla-docs/index?wait=true
            {"field_name":"sembla_namespace","field_schema":{"type":"keyword","is_tenant":true}}
        GET /collections/sembla-docs
        PUT /collections/sembla-docs/points?wait=true
            {"points":[{"id":"f3f1d864-ef73-54b9-8370-09d80867b0ce","vector":[3.0,4.0],"payload":{"sembla_id":"a","sembla_namespace":"","sembla_fields":["lang","n"],"sembla_length":5.0,"metadata":{"lang":"en","n":1.0}}}]}
        GET /collections/sembla-docs
        POST /collections/sembla-docs/points/query?consistency=majority
            {"query":[1.0,0.0],"filter":{"must":[{"key":"sembla_namespace","match":{"value":""}},{"must":[{"must_not":[{"key":"metadata.\"lang\"","match":{"value":"de"}}]},{"key":"metadata.\"n\"","range":{"lte":2.0}}]}]},"params":{"exact":false},"limit":1,"with_payload":true,"with_vector":false}
        POST /collections/sembla-docs/points/scroll?consistency=majority
            {"filter":{"must":[{"key":"sembla_namespace","match":{"value":""}}]},"limit":10000,"with_payload":["sembla_id"],"with_vector":false}
        POST /collections/sembla-docs/facet?consistency=majority
            {"key":"sembla_namespace","limit":1000000,"filter":{},"exact":true}
        POST /collections/sembla-docs/points/count?consistency=majority
            {"filter":{"must":[{"has_id":["f3f1d864-ef73-54b9-8370-09d80867b0ce"]}]},"exact":true}
        POST /collections/sembla-docs/points/delete?wait=true
            {"filter":{"must":[{"has_id":["f3f1d864-ef73-54b9-8370-09d80867b0ce"]}]}}
        GET /collections/sembla-docs
        PATCH /collections/sembla-docs
            {"metadata":{"sembla_spec":{"dimensions":2,"fingerprint":null,"kind":"dense","metric":"cosine","name":"docs","protection":"enabled","sparse_weights":"as_sent","tags":{}}}}
        GET /collections/sembla-docs
        POST /collections/sembla-docs/points/count?consistency=majority
            {"filter":{},"exact":true}"#]].assert_eq(&fake.transcript());
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again() {
    let fake = Fake::start(Server { num_busy: 3, ..Server::default() });
    let retry = Retry::for_tests();
    let store = QdrantStore::new(QdrantConfig { retry, ..QdrantConfig::local(fake.url()) });
    assert!(store.list_indexes().await.unwrap().is_empty());
    assert_eq!(fake.transcript().lines().count(), 4);
}

#[tokio::test]
async fn a_server_that_stays_busy_leaves_the_ids_that_were_not_written() {
    let busy = Fake::start(Busy::default());
    let retry = Retry::for_tests();
    let store = QdrantStore::new(QdrantConfig { retry, ..QdrantConfig::local(busy.url()) });
    let asked = spec("half", Metric::Euclidean, 2);
    store.create_index(&asked).await.unwrap();
    // Two pieces, of which the second one never gets through.
    let records = conformance::varied(12_000, 2);
    let written = store.upsert(&asked.name, &default(), records.clone()).await;
    let Err(StoreError::Partial { failed_ids, num_records: 12_000, source }) = written else {
        panic!("{written:?}")
    };
    let expected: Vec<&str> = records[10_000..].iter().map(|record| record.id.as_str()).collect();
    assert_eq!(failed_ids, expected);
    assert!(matches!(*source, StoreError::Refused { status: 503, .. }), "{source:?}");
}

/// A server that takes one write of points.
#[derive(Default)]
struct Busy {
    server: Server,
    num_written: usize,
}

impl Vendor for Busy {
    fn answer(&mut self, call: &Call) -> Result<Json, Refusal> {
        if call.method == "PUT" && call.path.ends_with("/points") {
            self.num_written += 1;
            if self.num_written > 1 {
                return Err(Refusal::new(503, "busy"));
            }
        }
        self.server.answer(call)
    }
}
