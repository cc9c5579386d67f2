//! Pinecone, by the requests and answers of its own clients 7.3.0 and 10.2.0.

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::expect;
use index::{
    Checked, Filter, Fingerprint, Include, IndexChange, Metric, PineconeConfig, PineconeStore,
    Precision, Query, Selection, StoreError, VectorStore,
};
use serde_json::{Value as Json, json};

use super::fake::{Call, Fake, Refusal, Vendor, only};
use super::score::{cosine, dot, floats, squared_distance};
use crate::conformance::{self, default, filter, first_page, metadata, query, record, spec};

/// The documented behaviour of both planes.
#[derive(Default)]
struct Service {
    indexes: BTreeMap<String, Index>,
}

struct Index {
    model: Json,
    namespaces: BTreeMap<String, BTreeMap<String, Json>>,
    /// Descriptions until it is ready.
    num_waits: usize,
}

impl Vendor for Service {
    fn answer(&mut self, call: &Call) -> Result<Json, Refusal> {
        assert_eq!(call.headers["api-key"], "secret");
        assert_eq!(call.headers["x-pinecone-api-version"], "2025-10");
        match (call.method.as_str(), &call.parts()[..]) {
            ("GET", ["indexes"]) => Ok(
                json!({"indexes": self.indexes.values().map(|index| &index.model).collect::<Vec<_>>()}),
            ),
            ("POST", ["indexes"]) => self.create(call),
            (method, ["indexes", name]) => self.control(method, name, call),
            (_, ["data", name, rest @ ..]) => {
                let index = self
                    .indexes
                    .get_mut(*name)
                    .ok_or_else(|| Refusal::new(404, "no such index"))?;
                index.answer(&call.method, &rest.join("/"), call)
            }
            _ => Err(Refusal::new(404, "no such route")),
        }
    }
}

impl Service {
    fn create(&mut self, call: &Call) -> Result<Json, Refusal> {
        let body = call.json();
        only(
            &body,
            &["name", "dimension", "metric", "vector_type", "spec", "deletion_protection", "tags"],
        )?;
        let name = body["name"].as_str().unwrap();
        if self.indexes.contains_key(name) {
            return Err(Refusal::new(409, "Resource already exists"));
        }
        check_tags(&body["tags"])?;
        let mut model = body.clone();
        model["host"] = json!(format!("http://{}/data/{name}", call.headers["host"]));
        model["status"] = json!({"ready": false, "state": "Initializing"});
        let index = Index { model: model.clone(), namespaces: BTreeMap::new(), num_waits: 2 };
        self.indexes.insert(name.to_owned(), index);
        Ok(model)
    }

    fn control(&mut self, method: &str, name: &str, call: &Call) -> Result<Json, Refusal> {
        let index =
            self.indexes.get_mut(name).ok_or_else(|| Refusal::new(404, "Resource not found"))?;
        match method {
            "GET" => {
                index.num_waits = index.num_waits.saturating_sub(1);
                if index.num_waits == 0 {
                    index.model["status"] = json!({"ready": true, "state": "Ready"});
                }
                Ok(index.model.clone())
            }
            "PATCH" => {
                let body = call.json();
                only(&body, &["deletion_protection", "tags"])?;
                check_tags(&body["tags"])?;
                if let Some(protection) = body.get("deletion_protection") {
                    index.model["deletion_protection"] = protection.clone();
                }
                for (tag, value) in body["tags"].as_object().into_iter().flatten() {
                    match value.as_str().unwrap() {
                        "" => drop(index.model["tags"].as_object_mut().unwrap().remove(tag)),
                        value => index.model["tags"][tag] = json!(value),
                    }
                }
                Ok(index.model.clone())
            }
            "DELETE" if index.model["deletion_protection"] == "enabled" => {
                Err(Refusal::new(403, "Deletion protection is enabled for this index"))
            }
            "DELETE" => {
                self.indexes.remove(name);
                Ok(Json::Null)
            }
            _ => Err(Refusal::new(405, "no such method")),
        }
    }
}

/// At most 20 tags of at most 80 and 120 characters, of some kinds.
fn check_tags(tags: &Json) -> Result<(), Refusal> {
    let tags = tags.as_object().cloned().unwrap_or_default();
    let is_good = |(tag, value): (&String, &Json)| {
        let value = value.as_str().unwrap();
        let of = |text: &str, signs: &str| {
            text.chars().all(|c| c.is_ascii_alphanumeric() || signs.contains(c))
        };
        tag.len() <= 80 && of(tag, "_-") && value.len() <= 120 && of(value, ";@_-.+ ")
    };
    if tags.len() <= 20 && tags.iter().all(is_good) {
        Ok(())
    } else {
        Err(Refusal::new(400, "bad tags"))
    }
}

impl Index {
    fn answer(&mut self, method: &str, verb: &str, call: &Call) -> Result<Json, Refusal> {
        let body = call.json();
        let namespace = call
            .value("namespace")
            .or_else(|| body["namespace"].as_str())
            .unwrap_or_default()
            .to_owned();
        match (method, verb) {
            ("POST", "vectors/upsert") => self.upsert(&body, namespace),
            ("POST", "vectors/update") => self.update(&body, &namespace),
            ("POST", "vectors/delete") => self.delete(&body, &namespace),
            ("GET", "vectors/fetch") => {
                let ids =
                    call.query.iter().filter(|pair| pair.0 == "ids").map(|pair| pair.1.as_str());
                let records = self.namespaces.get(&namespace);
                let found =
                    ids.filter_map(|id| Some((id, records?.get(id)?))).collect::<BTreeMap<_, _>>();
                Ok(json!({"vectors": found, "namespace": namespace, "usage": {"readUnits": 1}}))
            }
            ("GET", "vectors/list") => Ok(self.list(call, &namespace)),
            ("POST", "vectors/fetch_by_metadata") => {
                only(&body, &["filter", "namespace", "limit", "paginationToken"])?;
                let passing = self.passing(&namespace, Some(&body["filter"]))?;
                let from = body["paginationToken"].as_str().unwrap_or_default();
                let limit = body["limit"].as_u64().unwrap().min(700) as usize;
                let mut following = passing.into_iter().filter(|(id, _)| id.as_str() > from);
                let page: BTreeMap<_, _> = following.by_ref().take(limit).collect();
                let last = page.keys().next_back().cloned();
                let mut answer =
                    json!({"vectors": page, "namespace": namespace, "usage": {"readUnits": 1}});
                if let (Some(last), Some(_)) = (last, following.next()) {
                    answer["pagination"] = json!({ "next": last });
                }
                Ok(answer)
            }
            ("POST", "query") => self.query(&body, &namespace),
            ("POST", "describe_index_stats") => {
                only(&body, &[])?;
                let count = |(name, records): (&String, &BTreeMap<String, Json>)| {
                    let name = if name.is_empty() { "__default__" } else { name };
                    (name.to_owned(), json!({"vectorCount": records.len()}))
                };
                let namespaces: serde_json::Map<_, _> = self.namespaces.iter().map(count).collect();
                Ok(json!({"namespaces": namespaces, "indexFullness": 0.0}))
            }
            _ => Err(Refusal::new(404, format!("no such route: {method} {verb}"))),
        }
    }

    fn upsert(&mut self, body: &Json, namespace: String) -> Result<Json, Refusal> {
        only(body, &["vectors", "namespace"])?;
        let vectors = body["vectors"].as_array().unwrap();
        if vectors.len() > 1_000 || body.to_string().len() > 2_100_000 {
            return Err(Refusal::new(400, "the request is too large"));
        }
        let records = self.namespaces.entry(namespace).or_default();
        for vector in vectors {
            only(vector, &["id", "values", "metadata"])?;
            records.insert(vector["id"].as_str().unwrap().to_owned(), vector.clone());
        }
        Ok(json!({"upsertedCount": vectors.len()}))
    }

    fn update(&mut self, body: &Json, namespace: &str) -> Result<Json, Refusal> {
        only(body, &["id", "values", "setMetadata", "namespace"])?;
        let records = self.namespaces.get_mut(namespace);
        let Some(record) =
            records.and_then(|records| records.get_mut(body["id"].as_str().unwrap()))
        else {
            return Ok(json!({}));
        };
        if let Some(values) = body.get("values") {
            record["values"] = values.clone();
        }
        for (field, value) in body["setMetadata"].as_object().into_iter().flatten() {
            record["metadata"][field] = value.clone();
        }
        Ok(json!({}))
    }

    fn delete(&mut self, body: &Json, namespace: &str) -> Result<Json, Refusal> {
        only(body, &["ids", "deleteAll", "filter", "namespace"])?;
        if !self.namespaces.contains_key(namespace) {
            return Err(Refusal::new(404, "Namespace not found"));
        }
        let doomed: Vec<String> = match (body["ids"].as_array(), body.get("filter")) {
            (Some(ids), None) if ids.len() <= 1_000 => {
                ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
            }
            (None, Some(filter)) => self.passing(namespace, Some(filter))?.into_keys().collect(),
            (None, None) if body["deleteAll"] == true => {
                self.passing(namespace, None)?.into_keys().collect()
            }
            _ => return Err(Refusal::new(400, "one of ids, deleteAll and filter")),
        };
        let records = self.namespaces.get_mut(namespace).unwrap();
        doomed.iter().for_each(|id| drop(records.remove(id)));
        if records.is_empty() {
            self.namespaces.remove(namespace);
        }
        Ok(json!({}))
    }

    fn list(&self, call: &Call, namespace: &str) -> Json {
        let (prefix, from) = (
            call.value("prefix").unwrap_or_default(),
            call.value("paginationToken").unwrap_or_default(),
        );
        let limit: usize = call.value("limit").unwrap().parse().unwrap();
        let records = self.namespaces.get(namespace).into_iter().flatten();
        let mut ids =
            records.map(|(id, _)| id).filter(|id| id.starts_with(prefix) && id.as_str() > from);
        let page: Vec<&String> = ids.by_ref().take(limit).collect();
        let vectors: Vec<Json> = page.iter().map(|id| json!({ "id": id })).collect();
        let mut answer =
            json!({"vectors": vectors, "namespace": namespace, "usage": {"readUnits": 1}});
        if let (Some(last), Some(_)) = (page.last(), ids.next()) {
            answer["pagination"] = json!({ "next": last });
        }
        answer
    }

    fn query(&self, body: &Json, namespace: &str) -> Result<Json, Refusal> {
        only(body, &["topK", "vector", "namespace", "filter", "includeValues", "includeMetadata"])?;
        let wanted = floats(&body["vector"]);
        let mut scored = Vec::new();
        for (id, record) in self.passing(namespace, body.get("filter"))? {
            let values = floats(&record["values"]);
            let (score, rank) = match self.model["metric"].as_str().unwrap() {
                "cosine" => (cosine(&wanted, &values), -cosine(&wanted, &values)),
                "dotproduct" => (dot(&wanted, &values), -dot(&wanted, &values)),
                _ => (squared_distance(&wanted, &values), squared_distance(&wanted, &values)),
            };
            let mut found = json!({"id": id, "score": score});
            if body["includeValues"] == true {
                found["values"] = record["values"].clone();
            }
            if body["includeMetadata"] == true && record.get("metadata").is_some() {
                found["metadata"] = record["metadata"].clone();
            }
            scored.push((rank, found));
        }
        scored.sort_by(|a, b| a.0.total_cmp(&b.0));
        let top_k = body["topK"].as_u64().unwrap() as usize;
        let matches: Vec<Json> = scored.into_iter().take(top_k).map(|one| one.1).collect();
        Ok(json!({"matches": matches, "namespace": namespace, "usage": {"readUnits": 1}}))
    }

    fn passing(
        &self,
        namespace: &str,
        filter: Option<&Json>,
    ) -> Result<BTreeMap<String, Json>, Refusal> {
        if filter.is_some_and(|filter| filter.to_string().contains("$not")) {
            return Err(Refusal::new(400, "$not is not a valid operator"));
        }
        let filter = filter.map(|filter| Filter::from_json(filter).unwrap());
        let passes = |record: &Json| {
            let fields = record.get("metadata").map(metadata).unwrap_or_default();
            filter.as_ref().is_none_or(|filter| filter.matches(&fields))
        };
        let records = self.namespaces.get(namespace).into_iter().flatten();
        Ok(records
            .filter(|(_, record)| passes(record))
            .map(|(id, record)| (id.clone(), record.clone()))
            .collect())
    }
}

fn store(fake: &Fake) -> PineconeStore {
    PineconeStore::new(PineconeConfig { url: fake.url(), ..PineconeConfig::hosted("secret") })
}

#[tokio::test]
async fn the_pinecone_store_conforms() {
    let fake = Fake::start(Service::default());
    conformance::check(Checked::new(Arc::new(store(&fake)))).await;
}

#[tokio::test]
async fn what_is_sent_to_pinecone_is_what_its_clients_send() {
    let fake = Fake::start(Service::default());
    let store = store(&fake);
    let asked = spec("docs", Metric::Cosine, 2);
    store.create_index(&asked).await.unwrap();
    store
        .upsert(&asked.name, &default(), vec![record("a", &[3.0, 4.0], &json!({"lang": "en"}))])
        .await
        .unwrap();
    let condition = Some(filter(&json!({"lang": {"$ne": "de"}})));
    let include = Include { values: false, metadata: true };
    let wanted = Query { filter: condition, include, ..query(&[1.0, 0.0], 1) };
    store.query(&asked.name, &default(), &wanted).await.unwrap();
    store.fetch(&asked.name, &default(), &["a".to_owned(), "ü&".to_owned()]).await.unwrap();
    store.list(&asked.name, &default(), &first_page(5)).await.unwrap();
    store.find(&asked.name, &default(), &filter(&json!({"lang": "en"})), 5).await.unwrap();
    store.delete(&asked.name, &default(), &Selection::Ids(vec!["a".to_owned()])).await.unwrap();
    store.delete(&asked.name, &default(), &Selection::All).await.unwrap();
    store.delete_index(&asked.name).await.unwrap();
    expect![[r#"
        POST /indexes
            {"name":"docs","dimension":2,"metric":"cosine","vector_type":"dense","spec":{"serverless":{"cloud":"aws","region":"us-east-1"}},"deletion_protection":"disabled"}
        GET /indexes/docs
        GET /indexes/docs
        GET /indexes/docs
        POST /data/docs/vectors/upsert
            {"vectors":[{"id":"a","values":[3.0,4.0],"metadata":{"lang":"en"}}],"namespace":""}
        POST /data/docs/query
            {"topK":1,"vector":[1.0,0.0],"namespace":"","filter":{"lang":{"$ne":"de"}},"includeValues":false,"includeMetadata":true}
        GET /data/docs/vectors/fetch?namespace=&ids=a&ids=ü&
        GET /data/docs/vectors/list?namespace=&prefix=&limit=100
        POST /data/docs/vectors/fetch_by_metadata
            {"filter":{"lang":{"$eq":"en"}},"namespace":"","limit":5}
        POST /data/docs/vectors/delete
            {"ids":["a"],"namespace":""}
        POST /data/docs/vectors/delete
            {"deleteAll":true,"namespace":""}
        GET /indexes/docs
        DELETE /indexes/docs
        GET /indexes/docs"#]].assert_eq(&fake.transcript());
}

#[tokio::test]
async fn a_fingerprint_lies_in_tags_and_can_be_replaced() {
    let fake = Fake::start(Service::default());
    let checked = Checked::new(Arc::new(store(&fake)));
    let asked = spec("tagged", Metric::Cosine, 2);
    checked.create_index(&asked).await.unwrap();
    for model in
        ["a model with a name so long that its tags are many more than those of the next", "short"]
    {
        let fingerprint = Fingerprint {
            model: model.repeat(4),
            weight_hash: "0123456789abcdef".repeat(4),
            pooling: "mean".to_owned(),
            normalized: true,
            document_prompt: "passage: ".to_owned(),
            query_prompt: "query: ".to_owned(),
            dimensions: 2,
        };
        let change =
            IndexChange { fingerprint: Some(fingerprint.clone()), ..IndexChange::default() };
        let changed = checked.configure_index(&asked.name, &change).await.unwrap();
        assert_eq!(changed.spec.fingerprint, Some(fingerprint));
        assert!(changed.spec.tags.is_empty());
    }
}

#[tokio::test]
async fn a_tag_whose_name_the_service_does_not_take_comes_back_all_the_same() {
    let fake = Fake::start(Service::default());
    let checked = Checked::new(Arc::new(store(&fake)));
    let mut asked = spec("tagged", Metric::Cosine, 2);
    asked.tags = [("team", "search"), ("sembla.text_field", "text of a record")]
        .map(|(tag, value)| (tag.to_owned(), value.to_owned()))
        .into();
    assert_eq!(checked.create_index(&asked).await.unwrap().spec.tags, asked.tags);
    let tags = [("sembla.text_field".to_owned(), "body".to_owned())].into();
    let change = IndexChange { tags, ..IndexChange::default() };
    let changed = checked.configure_index(&asked.name, &change).await.unwrap();
    assert_eq!(changed.spec.tags["sembla.text_field"], "body");
}

#[tokio::test]
async fn what_pinecone_cannot_do_is_refused() {
    let fake = Fake::start(Service::default());
    let checked = Checked::new(Arc::new(store(&fake)));
    let asked = spec("refused", Metric::Cosine, 2);
    checked.create_index(&asked).await.unwrap();
    let exact = Query { precision: Precision::Exact, ..query(&[1.0, 0.0], 1) };
    let negated = filter(&json!({"a": {"$not": {"$gt": 1}}}));
    let refusals = [
        checked.query(&asked.name, &default(), &exact).await.map(drop),
        checked.find(&asked.name, &default(), &negated, 1).await.map(drop),
    ];
    for refusal in refusals {
        assert!(
            matches!(refusal, Err(StoreError::Unsupported { store: "pinecone", .. })),
            "{refusal:?}"
        );
    }
}

#[tokio::test]
async fn an_index_that_was_made_anew_elsewhere_is_found_again() {
    let fake = Fake::start(Service::default());
    let (ours, theirs) = (store(&fake), store(&fake));
    let asked = spec("anew", Metric::Cosine, 2);
    ours.create_index(&asked).await.unwrap();
    ours.upsert(&asked.name, &default(), vec![record("a", &[3.0, 4.0], &json!({}))]).await.unwrap();
    theirs.delete_index(&asked.name).await.unwrap();
    let gone = ours.stats(&asked.name, None).await;
    assert!(matches!(gone, Err(StoreError::IndexNotFound { .. })), "{gone:?}");
    theirs.create_index(&asked).await.unwrap();
    assert_eq!(ours.stats(&asked.name, None).await.unwrap().num_records(), 0);
}
