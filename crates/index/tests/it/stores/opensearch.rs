//! OpenSearch, by the documentation of its k-NN plugin, of `_bulk`, of `_search` and of `_delete_by_query`.

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::expect;
use index::{
    Checked, Include, IndexChange, Metric, OpenSearchConfig, OpenSearchStore, Precision,
    Protection, Query, Retry, Selection, StoreError, VectorStore,
};
use serde_json::{Value as Json, json};

use super::fake::{Call, Fake, Refusal, Vendor, only};
use super::score::{cosine, dot, floats, squared_distance};
use crate::conformance::{self, default, filter, first_page, query, record, spec};

/// The documented behaviour of a cluster.
#[derive(Default)]
struct Cluster {
    indexes: BTreeMap<String, Index>,
    /// Documents that each bulk write refuses for now, while there are any left.
    num_rejected: usize,
}

struct Index {
    mappings: Json,
    documents: BTreeMap<String, Json>,
}

impl Vendor for Cluster {
    fn answer(&mut self, call: &Call) -> Result<Json, Refusal> {
        let parts = call.parts();
        let (name, verb) = (parts[0], parts[1..].join("/"));
        match (call.method.as_str(), verb.as_str()) {
            ("PUT", "") => self.create(name, &call.json()),
            ("GET", "_mapping") => {
                let of_all = name.strip_suffix('*');
                let is_asked =
                    |one: &str| of_all.map_or(one == name, |prefix| one.starts_with(prefix));
                let found = self.indexes.iter().filter(|(one, _)| is_asked(one));
                let found: serde_json::Map<_, _> = found
                    .map(|(name, index)| (name.clone(), json!({"mappings": index.mappings})))
                    .collect();
                if found.is_empty() && of_all.is_none() {
                    Err(missing(name))
                } else {
                    Ok(json!(found))
                }
            }
            ("DELETE", "") => match self.indexes.remove(name) {
                Some(_) => Ok(json!({"acknowledged": true})),
                None => Err(missing(name)),
            },
            (method, verb) => {
                let num_rejected = std::mem::take(&mut self.num_rejected);
                let index = self.indexes.get_mut(name).ok_or_else(|| missing(name))?;
                index.answer(method, verb, call, num_rejected)
            }
        }
    }
}

fn missing(name: &str) -> Refusal {
    refusal(404, "index_not_found_exception", &format!("no such index [{name}]"))
}

fn refusal(status: u16, kind: &str, reason: &str) -> Refusal {
    let cause = json!({"type": kind, "reason": reason});
    let error = json!({"root_cause": [cause], "type": kind, "reason": reason});
    Refusal { status, body: json!({"error": error, "status": status}) }
}

impl Cluster {
    fn create(&mut self, name: &str, body: &Json) -> Result<Json, Refusal> {
        only(body, &["settings", "mappings"])?;
        only(&body["mappings"], &["_meta", "dynamic", "dynamic_templates", "properties"])?;
        assert_eq!(body["settings"]["index"]["knn"], true);
        if self.indexes.contains_key(name) {
            return Err(refusal(400, "resource_already_exists_exception", "index already exists"));
        }
        let index = Index { mappings: body["mappings"].clone(), documents: BTreeMap::new() };
        self.indexes.insert(name.to_owned(), index);
        Ok(json!({"acknowledged": true, "shards_acknowledged": true, "index": name}))
    }
}

impl Index {
    fn answer(
        &mut self,
        method: &str,
        verb: &str,
        call: &Call,
        num_rejected: usize,
    ) -> Result<Json, Refusal> {
        let shards = json!({"total": 1, "successful": 1, "skipped": 0, "failed": 0});
        match (method, verb) {
            ("PUT", "_mapping") => {
                only(&call.json(), &["_meta"])?;
                self.mappings["_meta"] = call.json()["_meta"].clone();
                Ok(json!({"acknowledged": true}))
            }
            ("POST", "_bulk") if call.value("refresh") == Some("wait_for") => {
                assert_eq!(call.headers["content-type"], "application/x-ndjson");
                Ok(self.bulk(&call.body, num_rejected))
            }
            ("POST", "_search") => self.search(&call.json()),
            ("POST", "_count") => {
                only(&call.json(), &["query"])?;
                Ok(json!({"count": self.passing(&call.json()["query"])?.len(), "_shards": shards}))
            }
            ("POST", "_delete_by_query") if call.value("refresh") == Some("true") => {
                only(&call.json(), &["query"])?;
                let doomed: Vec<String> =
                    self.passing(&call.json()["query"])?.into_iter().map(|one| one.0).collect();
                doomed.iter().for_each(|id| drop(self.documents.remove(id)));
                Ok(json!({"took": 1, "deleted": doomed.len(), "failures": []}))
            }
            _ => Err(refusal(400, "illegal_argument_exception", verb)),
        }
    }

    fn bulk(&mut self, body: &str, num_rejected: usize) -> Json {
        assert!(body.ends_with('\n'), "a bulk write ends with a new line");
        let mut lines = body.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        let mut items = Vec::new();
        while let Some(action) = lines.next() {
            let done = json!({"_version": 1, "_seq_no": 1, "_primary_term": 1, "_shards": {"total": 1, "successful": 1, "failed": 0}});
            if let Some(target) = action.get("delete") {
                let was = self.documents.remove(target["_id"].as_str().unwrap());
                let (status, result) =
                    if was.is_some() { (200, "deleted") } else { (404, "not_found") };
                items.push(json!({"delete": merged(&done, json!({"_index": "i", "_id": target["_id"], "status": status, "result": result}))}));
                continue;
            }
            let (id, document) =
                (action["index"]["_id"].as_str().unwrap().to_owned(), lines.next().unwrap());
            assert!(id.len() <= 512);
            let head = json!({"_index": "i", "_id": id});
            if items.len() < num_rejected {
                let error =
                    json!({"type": "es_rejected_execution_exception", "reason": "queue is full"});
                items.push(json!({"index": merged(&head, json!({"status": 429, "error": error}))}));
                continue;
            }
            self.documents.insert(id, document);
            items.push(json!({"index": merged(&merged(&head, done), json!({"status": 201, "result": "created"}))}));
        }
        json!({"took": 1, "errors": num_rejected > 0, "items": items})
    }

    fn search(&self, body: &Json) -> Result<Json, Refusal> {
        only(body, &["query", "size", "sort", "_source", "aggs", "track_total_hits"])?;
        if body["size"].as_u64().unwrap() > 10_000 {
            return Err(refusal(400, "illegal_argument_exception", "Result window is too large"));
        }
        let mut found = self.scored(&body["query"])?;
        if let Some(sort) = body["sort"].as_array() {
            assert_eq!(sort, &vec![json!({"id": "asc"})]);
            found.sort_by(|a, b| a.1["id"].as_str().cmp(&b.1["id"].as_str()));
        } else {
            found.sort_by(|a, b| b.2.total_cmp(&a.2));
        }
        let mut answer = json!({"took": 1, "timed_out": false, "hits": {"max_score": null}});
        if let Some(aggs) = body.get("aggs") {
            answer["aggregations"] = grouped(aggs, &found)?;
        }
        let size = body["size"].as_u64().unwrap() as usize;
        let hits = found.iter().take(size).map(|(id, document, score)| {
            let score = if body.get("sort").is_some() { Json::Null } else { json!(score) };
            json!({"_index": "i", "_id": id, "_score": score, "_source": shown(document, &body["_source"])})
        });
        answer["hits"]["hits"] = hits.collect();
        Ok(answer)
    }

    /// What a query finds, with scores as the plugin makes them.
    fn scored(&self, query: &Json) -> Result<Vec<(&String, &Json, f32)>, Refusal> {
        let with = |passing: Vec<(String, Json)>, score: &dyn Fn(&[f32]) -> f32| {
            let found = passing.into_iter().filter_map(|(id, _)| self.documents.get_key_value(&id));
            found
                .map(|(id, document)| (id, document, score(&floats(&document["vector"]))))
                .collect::<Vec<_>>()
        };
        let space = &self.mappings["properties"]["vector"]["method"]["space_type"];
        if let Some(knn) = query.get("knn").map(|knn| &knn["vector"]) {
            only(knn, &["vector", "k", "filter"])?;
            let wanted = floats(&knn["vector"]);
            let cosine_score = |vector: &[f32]| (1.0 + cosine(&wanted, vector)) / 2.0;
            let score = |vector: &[f32]| {
                plugin_score(space, &wanted, vector).unwrap_or_else(|| cosine_score(vector))
            };
            let mut found = with(self.passing(&knn["filter"])?, &score);
            found.sort_by(|a, b| b.2.total_cmp(&a.2));
            found.truncate(knn["k"].as_u64().unwrap() as usize);
            return Ok(found);
        }
        if let Some(scripted) = query.get("script_score") {
            only(scripted, &["query", "script"])?;
            only(&scripted["script"], &["source", "lang", "params"])?;
            assert_eq!(
                (&scripted["script"]["source"], &scripted["script"]["lang"]),
                (&json!("knn_score"), &json!("knn"))
            );
            let params = &scripted["script"]["params"];
            only(params, &["field", "query_value", "space_type"])?;
            assert_eq!((&params["field"], &params["space_type"]), (&json!("vector"), space));
            let wanted = floats(&params["query_value"]);
            let score = |vector: &[f32]| {
                plugin_score(space, &wanted, vector)
                    .unwrap_or_else(|| 1.0 + cosine(&wanted, vector))
            };
            return Ok(with(self.passing(&scripted["query"])?, &score));
        }
        Ok(with(self.passing(query)?, &|_| 1.0))
    }

    fn passing(&self, query: &Json) -> Result<Vec<(String, Json)>, Refusal> {
        let mut found = Vec::new();
        let mut check = |id: &String, document: &Json| {
            if passes(query, document)? {
                found.push((id.clone(), document.clone()));
            }
            Ok(())
        };
        // Thousands of ids are looked up, not searched for.
        match list(&query["bool"]["filter"])
            .iter()
            .find_map(|clause| clause["ids"]["values"].as_array())
        {
            Some(ids) => {
                let ids =
                    ids.iter().filter_map(|id| self.documents.get_key_value(id.as_str().unwrap()));
                ids.collect::<BTreeMap<_, _>>()
                    .into_iter()
                    .try_for_each(|(id, one)| check(id, one))?;
            }
            None => self.documents.iter().try_for_each(|(id, one)| check(id, one))?,
        }
        Ok(found)
    }
}

/// The scores that both kinds of search share; none of cosine, where they differ.
fn plugin_score(space: &Json, wanted: &[f32], vector: &[f32]) -> Option<f32> {
    match space.as_str().unwrap() {
        "l2" => Some(1.0 / (1.0 + squared_distance(wanted, vector))),
        "innerproduct" => {
            let dot = dot(wanted, vector);
            Some(if dot >= 0.0 { dot + 1.0 } else { 1.0 / (1.0 - dot) })
        }
        "cosinesimil" => None,
        other => panic!("{other} is no space"),
    }
}

fn merged(a: &Json, b: Json) -> Json {
    let mut both = a.clone();
    for (key, value) in b.as_object().unwrap() {
        both[key] = value.clone();
    }
    both
}

fn shown(document: &Json, source: &Json) -> Json {
    let fields = list(&source["includes"]).iter().map(|field| field.as_str().unwrap());
    let shown = fields.map(|field| (field.to_owned(), document[field].clone()));
    Json::Object(shown.collect())
}

/// Pages of two groups each, so that there are several.
fn grouped(aggs: &Json, found: &[(&String, &Json, f32)]) -> Result<Json, Refusal> {
    let composite = &aggs["namespaces"]["composite"];
    only(composite, &["size", "sources", "after"])?;
    assert_eq!(composite["sources"], json!([{"namespace": {"terms": {"field": "namespace"}}}]));
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, document, _) in found {
        *counts.entry(document["namespace"].as_str().unwrap()).or_default() += 1;
    }
    let after = composite["after"]["namespace"].as_str();
    let page: Vec<_> = counts
        .into_iter()
        .filter(|(name, _)| after.is_none_or(|after| *name > after))
        .take(2)
        .collect();
    let buckets =
        page.iter().map(|(name, count)| json!({"key": {"namespace": name}, "doc_count": count}));
    let mut groups = json!({"buckets": buckets.collect::<Vec<_>>()});
    if let Some((last, _)) = page.last() {
        groups["after_key"] = json!({ "namespace": last });
    }
    Ok(json!({ "namespaces": groups }))
}

fn passes(query: &Json, document: &Json) -> Result<bool, Refusal> {
    let (kind, body) =
        query.as_object().and_then(|query| query.iter().next()).expect("a query has one clause");
    assert_eq!(query.as_object().unwrap().len(), 1);
    let field = || body.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "match_all" => Ok(true),
        // Looked up before, where there are any.
        "ids" => Ok(!list(&body["values"]).is_empty()),
        "term" => Ok(list(&document[field().0]).contains(field().1)),
        "terms" => {
            let wanted = list(field().1);
            Ok(list(&document[field().0]).iter().any(|value| wanted.contains(value)))
        }
        "range" => {
            let (path, bounds) = field();
            only(bounds, &["gt", "gte", "lt", "lte"])?;
            let value = path.split('.').try_fold(document, |at, name| at.get(name));
            Ok(value.is_some_and(|value| {
                bounds.as_object().unwrap().iter().all(|(name, than)| within(value, name, than))
            }))
        }
        "bool" => {
            only(body, &["filter", "should", "must_not", "minimum_should_match"])?;
            let part = |name: &str| -> Result<Vec<bool>, Refusal> {
                list(&body[name]).iter().map(|clause| passes(clause, document)).collect()
            };
            let (filter, should, must_not) = (part("filter")?, part("should")?, part("must_not")?);
            let wanted = body["minimum_should_match"].as_u64().unwrap_or(0) as usize;
            let num_should = should.iter().filter(|holds| **holds).count();
            Ok(!filter.contains(&false) && !must_not.contains(&true) && num_should >= wanted)
        }
        other => Err(refusal(400, "parsing_exception", &format!("unknown query [{other}]"))),
    }
}

fn within(value: &Json, bound: &str, than: &Json) -> bool {
    let order = match (value, than) {
        (Json::String(a), Json::String(b)) => a.cmp(b),
        (a, b) => a.as_f64().unwrap().total_cmp(&b.as_f64().unwrap()),
    };
    match bound {
        "gt" => order.is_gt(),
        "gte" => order.is_ge(),
        "lt" => order.is_lt(),
        _ => order.is_le(),
    }
}

/// One item or a list, as most places take both.
fn list(json: &Json) -> &[Json] {
    match json.as_array() {
        Some(items) => items,
        None if json.is_null() => &[],
        None => std::slice::from_ref(json),
    }
}

fn store(fake: &Fake) -> OpenSearchStore {
    let retry = Retry::for_tests();
    OpenSearchStore::new(OpenSearchConfig { retry, ..OpenSearchConfig::local(fake.url()) })
}

#[tokio::test]
async fn the_opensearch_store_conforms() {
    let fake = Fake::start(Cluster::default());
    conformance::check(Checked::new(Arc::new(store(&fake)))).await;
}

#[tokio::test]
async fn what_is_sent_to_opensearch_is_what_its_documentation_has() {
    let fake = Fake::start(Cluster::default());
    let config = OpenSearchConfig {
        login: Some(("admin".to_owned(), "secret".to_owned())),
        num_shards: Some(3),
        num_replicas: Some(2),
        ..OpenSearchConfig::local(fake.url())
    };
    let store = OpenSearchStore::new(config);
    let asked = spec("docs", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    assert_eq!(fake.headers()["authorization"], "Basic YWRtaW46c2VjcmV0");
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
    for precision in [Precision::Auto, Precision::Exact] {
        let wanted =
            Query { filter: condition.clone(), include, precision, ..query(&[1.0, 0.0], 1) };
        let found = store.query(&asked.name, &default(), &wanted).await.unwrap();
        assert!((found.matches[0].score - 0.6).abs() < 1e-6);
    }
    store.list(&asked.name, &default(), &first_page(5)).await.unwrap();
    store.stats(&asked.name, None).await.unwrap();
    store.delete(&asked.name, &default(), &Selection::Ids(vec!["a".to_owned()])).await.unwrap();
    store.delete(&asked.name, &default(), &Selection::All).await.unwrap();
    let change = IndexChange { protection: Some(Protection::Enabled), ..IndexChange::default() };
    store.configure_index(&asked.name, &change).await.unwrap();
    expect![[r#"
        PUT /sembla-docs
            {"settings":{"index":{"knn":true,"mapping.total_fields.limit":10000,"number_of_replicas":2,"number_of_shards":3}},"mappings":{"properties":{"id":{"type":"keyword"},"metadata":{"type":"object","enabled":false},"namespace":{"type":"keyword"},"numbers":{"type":"object","dynamic":"true"},"terms":{"type":"keyword"},"vector":{"type":"knn_vector","dimension":2,"method":{"space_type":"cosinesimil","engine":"lucene","name":"hnsw"}}},"_meta":{"sembla_spec":{"dimensions":2,"fingerprint":null,"kind":"dense","metric":"cosine","name":"docs","protection":"disabled","sparse_weights":"as_sent","tags":{}}},"dynamic":"strict","dynamic_templates":[{"numbers":{"mapping":{"type":"double"},"path_match":"numbers.*"}}]}}
        GET /sembla-docs/_mapping
        POST /sembla-docs/_bulk?refresh=wait_for
            {"index":{"_id":"022a6979e6dab7aa5ae4c3e5e45f7e977112a7e63593820dbec1ec738a24f93c"}}
            {"namespace":"","id":"a","vector":[3.0,4.0],"terms":["[\"lang\"]","[\"lang\",\"en\"]","[\"n\"]","[\"n\",1.0]"],"numbers":{"n_n":1.0},"metadata":{"lang":"en","n":1.0}}
        GET /sembla-docs/_mapping
        POST /sembla-docs/_search
            {"query":{"knn":{"vector":{"vector":[1.0,0.0],"k":1,"filter":{"bool":{"filter":[{"term":{"namespace":""}},{"bool":{"filter":[{"bool":{"must_not":{"term":{"terms":"[\"lang\",\"de\"]"}}}},{"range":{"numbers.n_n":{"lte":2.0}}}]}}]}}}}},"size":1,"_source":{"includes":["id","metadata"]},"track_total_hits":false}
        GET /sembla-docs/_mapping
        POST /sembla-docs/_search
            {"query":{"script_score":{"query":{"bool":{"filter":[{"term":{"namespace":""}},{"bool":{"filter":[{"bool":{"must_not":{"term":{"terms":"[\"lang\",\"de\"]"}}}},{"range":{"numbers.n_n":{"lte":2.0}}}]}}]}},"script":{"source":"knn_score","lang":"knn","params":{"field":"vector","query_value":[1.0,0.0],"space_type":"cosinesimil"}}}},"size":1,"_source":{"includes":["id","metadata"]},"track_total_hits":false}
        POST /sembla-docs/_search
            {"query":{"bool":{"filter":[{"term":{"namespace":""}},{"range":{"id":{"gte":""}}}]}},"size":6,"sort":[{"id":"asc"}],"_source":{"includes":"id"},"track_total_hits":false}
        POST /sembla-docs/_search
            {"query":{"match_all":{}},"size":0,"_source":{"includes":"id"},"aggs":{"namespaces":{"composite":{"size":1000,"sources":[{"namespace":{"terms":{"field":"namespace"}}}]}}},"track_total_hits":false}
        POST /sembla-docs/_search
            {"query":{"match_all":{}},"size":0,"_source":{"includes":"id"},"aggs":{"namespaces":{"composite":{"size":1000,"sources":[{"namespace":{"terms":{"field":"namespace"}}}],"after":{"namespace":""}}}},"track_total_hits":false}
        POST /sembla-docs/_bulk?refresh=wait_for
            {"delete":{"_id":"022a6979e6dab7aa5ae4c3e5e45f7e977112a7e63593820dbec1ec738a24f93c"}}
        POST /sembla-docs/_delete_by_query?refresh=true&conflicts=proceed
            {"query":{"term":{"namespace":""}}}
        GET /sembla-docs/_mapping
        PUT /sembla-docs/_mapping
            {"_meta":{"sembla_spec":{"dimensions":2,"fingerprint":null,"kind":"dense","metric":"cosine","name":"docs","protection":"enabled","sparse_weights":"as_sent","tags":{}}}}
        GET /sembla-docs/_mapping
        POST /sembla-docs/_count
            {"query":{"match_all":{}}}"#]].assert_eq(&fake.transcript());
}

#[tokio::test]
async fn documents_that_a_node_was_too_busy_for_are_sent_again() {
    let fake = Fake::start(Cluster { num_rejected: 3, ..Cluster::default() });
    let store = store(&fake);
    let asked = spec("busy", Metric::Cosine, 4);
    store.create_index(&asked).await.unwrap();
    let written = store.upsert(&asked.name, &default(), conformance::varied(10, 4)).await.unwrap();
    assert_eq!(written.num_records, 10);
    assert_eq!(store.describe_index(&asked.name).await.unwrap().num_records, 10);
}

#[tokio::test]
async fn an_index_that_is_not_ours_is_named() {
    let fake = Fake::start(Cluster::default());
    let store = store(&fake);
    let asked = spec("theirs", Metric::Cosine, 4);
    store.create_index(&asked).await.unwrap();
    let body = json!({"_meta": {}}).to_string();
    ureq::put(format!("{}/sembla-theirs/_mapping", fake.url())).send(body).unwrap();
    let err = store.describe_index(&asked.name).await.unwrap_err();
    assert!(matches!(err, StoreError::Refused { .. }), "{err:?}");
    assert_eq!(
        err.to_string(),
        "the opensearch store answered 200: index `sembla-theirs` without the spec of ours in its mapping"
    );
}
