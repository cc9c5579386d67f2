//! The store of a running server answers as the store itself does.

use std::fmt::Debug;
use std::path::Path;

use index::{
    Filter, Fusion, Include, IndexChange, IndexSpec, Namespace, PageRequest, Precision, Protection,
    Query, Record, Selection, SparseVector, Update,
};
use serde_json::json;
use server::{
    AllowedOrigins, App, ConnectionLimits, Indexes, Metrics, RootTask, Server, ServerConfig,
    TokenIds,
};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::socket::Socket;
use super::*;

const PAYLOAD_LIMIT: usize = 32_000_000;

fn server_config(payload_limit: usize) -> ServerConfig {
    let long = Duration::from_secs(60);
    ServerConfig {
        payload_limit,
        // Who comes through the socket needs none.
        api_keys: vec!["hush".to_owned().into()],
        aws_access_keys: Vec::new(),
        cors_allow_origin: AllowedOrigins::Any,
        root_task: RootTask::ByShape,
        openai_token_ids: TokenIds::Refuse,
        public_url: None,
        num_threads: 1,
        connections: ConnectionLimits {
            max_connections: 8,
            max_header_bytes: 65_536,
            header_read_timeout: long,
            body_read_timeout: long,
            write_timeout: long,
        },
    }
}

fn open_in(dir: &Path) -> Arc<EmbeddedStore> {
    let config = EmbeddedConfig::for_tests();
    Arc::new(EmbeddedStore::open(&dir.join(INDEXES), config).unwrap())
}

/// Runs a server on a data directory, and opens its indexes as a command does.
async fn of_owner(dir: &Path, payload_limit: usize) -> Opened {
    let store = open_in(dir);
    let (local, file) = Socket::listen(dir).unwrap().into_parts();
    let metrics = Metrics::detached().unwrap();
    let config = server_config(payload_limit);
    let (app, _) = App::new(config, Vec::new(), Indexes::embedded(store), None, metrics).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    tokio::spawn(async move {
        let _file = file;
        let forever = std::future::pending();
        Server::new(app).with_local(local).run(listener, forever, Duration::ZERO).await
    });
    Opened::of_owner(OwnerClient::connect(dir).await.unwrap().unwrap())
}

fn name(text: &str) -> IndexName {
    IndexName::try_from(text).unwrap()
}

fn spec() -> IndexSpec {
    let spec = json!({
        "name": "faq", "dimensions": 2, "metric": "cosine", "kind": "dense",
        "sparse_weights": "inverse_document_frequency",
        "tags": {"team": "search"},
        "fingerprint": {
            "model": "org/m", "weight_hash": "7f", "pooling": "mean", "normalized": true,
            "document_prompt": "", "query_prompt": "query: ", "dimensions": 2
        }
    });
    let mut spec: IndexSpec = serde_json::from_value(spec).unwrap();
    spec.tags.insert(jobs::TEXT_FIELD_TAG.to_owned(), "text".to_owned());
    spec
}

fn record(id: &str, values: [f32; 2], year: f64) -> Record {
    let metadata = json!({"year": year, "lang": "en", "tags": ["a", id], "ok": true});
    Record {
        id: id.to_owned(),
        values: values.to_vec(),
        sparse: Some(SparseVector { indices: vec![1, 7], values: vec![0.5, 1.5] }),
        metadata: index::metadata_from_json(&metadata).unwrap(),
    }
}

fn filter(json: serde_json::Value) -> Filter {
    Filter::from_json(&json).unwrap()
}

fn query(sparse: Option<SparseVector>) -> Query {
    Query {
        vector: vec![0.6, 0.8],
        fusion: if sparse.is_some() { Fusion::ReciprocalRank } else { Fusion::Sum },
        sparse,
        top_k: 3,
        filter: Some(filter(json!({"year": {"$gte": 2020}}))),
        include: Include { values: true, metadata: true },
        precision: Precision::Exact,
    }
}

/// What each of many requests comes to, as text.
struct Answers(Vec<String>);

impl Answers {
    fn add(&mut self, answer: Result<impl Debug, StoreError>) {
        self.0.push(match answer {
            Ok(answer) => format!("{answer:?}"),
            Err(err) => format!("failed: {err}"),
        });
    }

    async fn of(store: &Checked) -> Vec<String> {
        let mut answers = Self(Vec::new());
        answers.fill(store).await;
        answers.read(store).await;
        answers.search(store).await;
        answers.delete(store).await;
        answers.0
    }

    async fn fill(&mut self, store: &Checked) {
        let (faq, english) = (name("faq"), Namespace::new("en"));
        self.add(store.describe_index(&faq).await);
        self.add(store.create_index(&spec()).await);
        self.add(store.create_index(&spec()).await);
        let records = vec![
            record("a", [1.0, 0.0], 2019.0),
            record("b/é?", [0.6, 0.8], 2020.5),
            record("c", [0.0, 1.0], 2021.0),
        ];
        self.add(store.upsert(&faq, &english, records).await);
        self.add(store.upsert(&faq, &Namespace::new(""), vec![record("a", [0.1, 0.2], 1.0)]).await);
        let set_metadata = index::metadata_from_json(&json!({"lang": "de"})).unwrap();
        let id = "c".to_owned();
        let update = Update { id, values: Some(vec![0.3, 0.4]), sparse: None, set_metadata };
        self.add(store.update(&faq, &english, update).await);
        let tags = [("team".to_owned(), String::new())].into();
        let change = IndexChange { protection: Some(Protection::Enabled), tags, fingerprint: None };
        self.add(store.configure_index(&faq, &change).await);
    }

    async fn read(&mut self, store: &Checked) {
        let (faq, english) = (name("faq"), Namespace::new("en"));
        self.add(store.list_indexes().await);
        let ids = ["c", "missing", "b/é?"].map(str::to_owned);
        self.add(store.fetch(&faq, &english, &ids).await);
        let page = |prefix: &str, after: Option<&str>| PageRequest {
            prefix: prefix.to_owned(),
            limit: 1,
            after: after.map(str::to_owned),
        };
        self.add(store.list(&faq, &english, &page("", None)).await);
        self.add(store.list(&faq, &english, &page("", Some("a"))).await);
        self.add(store.list(&faq, &english, &page("b/é", None)).await);
        self.add(store.find(&faq, &english, &filter(json!({"lang": "de"})), 5).await);
        self.add(store.stats(&faq, None).await);
        self.add(store.stats(&faq, Some(&filter(json!({"tags": {"$in": ["a"]}})))).await);
    }

    async fn search(&mut self, store: &Checked) {
        let (faq, english) = (name("faq"), Namespace::new("en"));
        let words = SparseVector { indices: vec![7], values: vec![1.0] };
        for query in [query(None), query(Some(words))] {
            let found = store.query(&faq, &english, &query).await;
            let found = found.map(|mut found| {
                found.explain.stages.iter_mut().for_each(|stage| stage.took = Duration::ZERO);
                found
            });
            self.add(found);
        }
        let short = Query { vector: vec![1.0], ..query(None) };
        self.add(store.query(&faq, &english, &short).await);
    }

    async fn delete(&mut self, store: &Checked) {
        let (faq, english) = (name("faq"), Namespace::new("en"));
        self.add(store.delete_index(&faq).await);
        for selection in [
            Selection::Ids(vec!["a".to_owned(), "missing".to_owned()]),
            Selection::Filter(filter(json!({"$not": {"lang": "en"}}))),
            Selection::All,
        ] {
            self.add(store.delete(&faq, &english, &selection).await);
        }
        let protection = Some(Protection::Disabled);
        let change = IndexChange { protection, ..IndexChange::default() };
        self.add(store.configure_index(&faq, &change).await);
        self.add(store.delete_index(&faq).await);
        self.add(store.list_indexes().await);
        self.add(store.delete_index(&faq).await);
    }
}

#[tokio::test]
async fn every_answer_through_the_socket_is_that_of_the_store() {
    let (near, far) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let here = Opened::of_store(open_in(near.path()));
    let there = of_owner(far.path(), PAYLOAD_LIMIT).await;
    let expected = Answers::of(&here.checked).await;
    let got = Answers::of(&there.checked).await;
    assert_eq!(expected.len(), got.len());
    for (expected, got) in expected.iter().zip(&got) {
        assert_eq!(got, expected);
    }
}

#[tokio::test]
async fn a_batch_goes_in_pieces_that_the_server_takes() {
    let dir = TempDir::new().unwrap();
    let opened = of_owner(dir.path(), 2_000).await;
    opened.checked.create_index(&spec()).await.unwrap();
    let records = (0..100).map(|i| record(&format!("{i}"), [0.1, 0.2], 2020.0)).collect();
    let everything = Namespace::new("");
    let written = opened.checked.upsert(&name("faq"), &everything, records).await.unwrap();
    assert_eq!(written.num_records, 100);
    let there = opened.checked.describe_index(&name("faq")).await.unwrap();
    assert_eq!(there.num_records, 100);

    // One record cannot be cut.
    let mut large = record("large", [0.1, 0.2], 2020.0);
    large.metadata.insert("text".to_owned(), index::Value::String("x".repeat(3_000)));
    let refused = opened.checked.upsert(&name("faq"), &everything, vec![large]).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("answered 413") && refused.contains("--payload-limit"), "{refused}");
}

#[tokio::test]
async fn a_piece_that_fails_names_what_was_not_written() {
    let dir = TempDir::new().unwrap();
    let opened = of_owner(dir.path(), 2_000).await;
    opened.checked.create_index(&spec()).await.unwrap();
    let mut records: Vec<Record> =
        (0..10).map(|i| record(&format!("{i}"), [0.1, 0.2], 2020.0)).collect();
    records[8].metadata.insert("text".to_owned(), index::Value::String("x".repeat(3_000)));
    let failed = opened.checked.upsert(&name("faq"), &Namespace::new(""), records).await;
    let Err(StoreError::Partial { failed_ids, num_records: 10, .. }) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!(failed_ids, ["8", "9"]);
    assert_eq!(opened.checked.describe_index(&name("faq")).await.unwrap().num_records, 8);
}

#[tokio::test]
async fn copies_and_checks_go_through_the_socket_too() {
    let dir = TempDir::new().unwrap();
    let opened = of_owner(dir.path(), PAYLOAD_LIMIT).await;
    opened.checked.create_index(&spec()).await.unwrap();
    let records = vec![record("a", [0.1, 0.2], 2020.0)];
    opened.checked.upsert(&name("faq"), &Namespace::new(""), records).await.unwrap();
    let copy = dir.path().join("copy");
    opened.snapshot(&name("faq"), &copy).await.unwrap();
    let restored = opened.restore(&copy, &name("again")).await.unwrap();
    assert_eq!((restored.spec.name.as_str(), restored.num_records), ("again", 1));
    let report = opened.check(&name("again")).await.unwrap();
    assert_eq!((report.num_records, report.problems), (1, Vec::new()));
}

#[tokio::test]
async fn a_holder_is_a_server_only_if_it_listens() {
    let dir = TempDir::new().unwrap();
    assert_eq!(holder(dir.path()).await.unwrap(), Holder::Nobody);
    let pid = Some(std::process::id());
    {
        let _store = open_in(dir.path());
        assert_eq!(holder(dir.path()).await.unwrap(), Holder::Other { pid });
        let _socket = Socket::listen(dir.path()).unwrap();
        assert_eq!(holder(dir.path()).await.unwrap(), Holder::Server { pid });
    }
    assert_eq!(holder(dir.path()).await.unwrap(), Holder::Nobody);
}
