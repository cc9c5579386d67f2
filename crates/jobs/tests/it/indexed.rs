//! Rows into an index and out of it: import, export, embedding into it, what is refused.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use expect_test::{Expect, expect};
use index::{
    Checked, EmbeddedConfig, EmbeddedStore, Fingerprint, IndexName, IndexSpec, Metric, Namespace,
    PageRequest, Precision, Protection, Record, SparseWeights, VectorKind,
};
use jobs::{
    Export, Fill, FillError, Filled, Import, ImportSummary, IndexJob, JobError, Overwrite, Parts,
    Present, Progress, TEXT_FIELD_TAG, TextQuery, Trust,
};
use tokio::runtime::Runtime;

use crate::fake::{Fake, Place, chain};

const DIMENSIONS: usize = 16;

/// A data directory with one index, `faq`, of no model yet.
struct Indexed {
    place: Place,
    runtime: Runtime,
    indexes: Checked,
}

impl Indexed {
    fn new(source: &str, content: &str) -> Self {
        Self::with(source, content, SparseWeights::AsSent)
    }

    fn with(source: &str, content: &str, sparse_weights: SparseWeights) -> Self {
        let place = Place::new(source, content);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let dir = place.folder.path().join("indexes");
        let store = EmbeddedStore::open(&dir, EmbeddedConfig::for_tests()).unwrap();
        let indexes = Checked::new(Arc::new(store));
        let indexed = Self { place, runtime, indexes };
        indexed.create("faq", sparse_weights);
        indexed
    }

    fn create(&self, name: &str, sparse_weights: SparseWeights) {
        let spec = IndexSpec {
            name: index_name(name),
            dimensions: DIMENSIONS,
            metric: Metric::Cosine,
            kind: VectorKind::Dense,
            sparse_weights,
            protection: Protection::Disabled,
            tags: [].into(),
            fingerprint: None,
        };
        self.runtime.block_on(self.indexes.create_index(&spec)).unwrap();
    }

    fn fill(&self, name: &str) -> Fill {
        Fill {
            indexes: self.indexes.clone(),
            index: index_name(name),
            namespace: Namespace::default(),
            id_column: None,
            trust: Trust::Check,
            runtime: self.runtime.handle().clone(),
        }
    }

    fn job(&self) -> IndexJob {
        IndexJob {
            source: self.place.job.source.clone(),
            column: Some("text".to_owned()),
            fill: self.fill("faq"),
            present: Present::Keep,
        }
    }

    fn spec(&self, name: &str) -> IndexSpec {
        self.runtime.block_on(self.indexes.describe_index(&index_name(name))).unwrap().spec
    }

    /// Returns all records, by id.
    fn records(&self, name: &str) -> Vec<Record> {
        let (name, namespace) = (index_name(name), Namespace::default());
        let page = PageRequest { prefix: String::new(), limit: 10_000, after: None };
        let ids = self.runtime.block_on(self.indexes.list(&name, &namespace, &page)).unwrap().ids;
        if ids.is_empty() {
            return Vec::new();
        }
        self.runtime.block_on(self.indexes.fetch(&name, &namespace, &ids)).unwrap()
    }

    fn import(&self, fill: Fill) -> Result<ImportSummary, FillError> {
        let job = Import { dataset: self.place.output().to_owned(), fill };
        jobs::import(&job, &mut |_, _| ControlFlow::Continue(()))
    }

    fn export(&self, name: &str) -> Export {
        Export {
            indexes: self.indexes.clone(),
            index: index_name(name),
            namespace: Namespace::default(),
            output: self.place.folder.path().join("exported"),
            overwrite: Overwrite::Refuse,
            id_column: "id".to_owned(),
            embedding_column: "embedding".to_owned(),
            runtime: self.runtime.handle().clone(),
        }
    }
}

fn index_name(name: &str) -> IndexName {
    IndexName::try_from(name).unwrap()
}

fn run(job: &IndexJob, fake: &Fake) -> Result<Filled, JobError> {
    jobs::run_into(job, fake, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn embedded_rows_are_records_with_their_text_columns_and_vectors() {
    let indexed = Indexed::new("a.csv", "text,year\nHow do I get a card?,2020\nWhere?,\n");
    let fake = Fake::new(DIMENSIONS);
    let filled = run(&indexed.job(), &fake).unwrap();
    assert_eq!((filled.summary.num_rows, filled.summary.num_kept), (2, 0));
    let records = indexed.records("faq");
    assert_eq!(records[0].id, "0");
    assert_eq!(records[0].values, fake.embedding("How do I get a card?"));
    assert_eq!(
        serde_json::json!(records[0].metadata),
        serde_json::json!({"text": "How do I get a card?", "year": 2020.0})
    );
    assert_eq!(serde_json::json!(records[1].metadata), serde_json::json!({"text": "Where?"}));
    let spec = indexed.spec("faq");
    assert_eq!(spec.fingerprint, jobs::fingerprint(&fake.spec), "the index now knows its model");
    assert_eq!(spec.tags[TEXT_FIELD_TAG], "text");
}

#[test]
fn a_job_that_was_stopped_goes_on_without_a_duplicate_or_a_gap() {
    let rows: String = (0..6_000).map(|n| format!("some text {n}\n")).collect();
    let indexed = Indexed::new("a.txt", &rows);
    let fake = Fake::new(DIMENSIONS);
    let stopped = jobs::run_into(&indexed.job(), &fake, &mut |progress| {
        let is_late = matches!(progress, Progress::Embedding { num_rows: 4_000.., .. });
        if is_late { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let Err(JobError::Fill(FillError::Stopped { num_written })) = stopped else {
        panic!("{stopped:?}");
    };
    assert_eq!(indexed.records("faq").len() as u64, num_written);
    assert!((1..6_000).contains(&num_written), "{num_written}");

    let again = Fake::new(DIMENSIONS);
    let filled = run(&indexed.job(), &again).unwrap();
    assert_eq!((filled.summary.num_rows, filled.summary.num_kept), (6_000, num_written));
    assert_eq!(again.num_submitted.get() as u64, 6_000 - num_written);
    let records = indexed.records("faq");
    assert_eq!(records.len(), 6_000);
    for record in records {
        let text = format!("some text {}", record.id);
        assert_eq!(record.values, fake.embedding(&text), "record {}", record.id);
    }
}

#[test]
fn rows_that_changed_are_embedded_again_and_others_are_not() {
    let indexed = Indexed::new("a.csv", "text,year\none,1\ntwo,2\nthree,3\n");
    run(&indexed.job(), &Fake::new(DIMENSIONS)).unwrap();
    fs_err::write(&indexed.job().source, "text,year\none,1\ntwo,7\nother,3\n").unwrap();
    let fake = Fake::new(DIMENSIONS);
    let filled = run(&indexed.job(), &fake).unwrap();
    assert_eq!((filled.summary.num_kept, fake.num_submitted.get()), (1, 2));
    assert_eq!(indexed.records("faq")[2].values, fake.embedding("other"));

    let all = IndexJob { present: Present::Rewrite, ..indexed.job() };
    assert_eq!(run(&all, &fake).unwrap().summary.num_kept, 0);
}

#[track_caller]
fn check_refused(content: &str, change: impl FnOnce(&mut IndexJob), expected: Expect) {
    let indexed = Indexed::new("a.csv", content);
    let mut job = indexed.job();
    change(&mut job);
    let fake = Fake::new(DIMENSIONS);
    let refused = run(&job, &fake).unwrap_err();
    let folder = indexed.place.folder.path().to_str().unwrap();
    expected.assert_eq(&chain(&refused).replace(folder, "DIR"));
    assert_eq!(fake.num_submitted.get(), 0, "nothing was embedded");
    assert_eq!(indexed.records("faq"), []);
    assert_eq!(indexed.spec("faq").fingerprint, None, "another model may still be chosen");
}

#[test]
fn a_row_that_no_index_takes_is_named_before_any_is_embedded() {
    let by_key = |job: &mut IndexJob| job.fill.id_column = Some("key".to_owned());
    check_refused(
        "key,text\na,one\na,two\n",
        by_key,
        expect![
            "row 2 of DIR/a.csv cannot be embedded: it cannot be a record: id `a` of column `key` comes a second time; ids are unique"
        ],
    );
    check_refused(
        "key,text\na,one\n,two\n",
        by_key,
        expect![
            "row 2 of DIR/a.csv cannot be embedded: it cannot be a record: column `key` has null there, and an id is a text or a whole number"
        ],
    );
    let long = format!("key,text\na,one\n{},two\n", "x".repeat(513));
    check_refused(
        &long,
        by_key,
        expect![
            "row 2 of DIR/a.csv cannot be embedded: it cannot be a record: its id has 513 bytes, and an id has 1 to 512"
        ],
    );
    let large = format!("text,more\none,\ntwo,{}\n", "x".repeat(41_000));
    check_refused(
        &large,
        |_| {},
        expect![
            "row 2 of DIR/a.csv cannot be embedded: it cannot be a record: record `1`: metadata has 41024 bytes as JSON, and a record takes at most 40960"
        ],
    );
    check_refused(
        "text\none\n",
        by_key,
        expect!["there is no column `key` to take ids from; there are text"],
    );
}

#[test]
fn vectors_of_another_model_are_refused_unless_forced() {
    let indexed = Indexed::new("a.txt", "one\ntwo\n");
    run(&indexed.job(), &Fake::new(DIMENSIONS)).unwrap();
    let mut other = Fake::new(DIMENSIONS);
    other.spec.model = "other/model".to_owned();
    other.spec.weight_hash = "def456".to_owned();
    let refused = run(&indexed.job(), &other).unwrap_err();
    expect!["index `faq` was built with some/model, not with other/model: the weights differ (abc123 there, def456 here)"].assert_eq(&chain(&refused));
    let mut forced = indexed.job();
    forced.fill.trust = Trust::Force;
    assert_eq!(run(&forced, &other).unwrap().summary.num_kept, 0, "all is embedded anew");
    let recorded = indexed.spec("faq").fingerprint.unwrap();
    assert_eq!(recorded.model, "some/model", "what was bound stays");
}

#[test]
fn an_index_of_bare_vectors_takes_no_others_until_a_model_is_bound() {
    let indexed = Indexed::new("a.txt", "one\n");
    let bare = Record { id: "x".to_owned(), values: vec![0.5; DIMENSIONS], ..Record::default() };
    let (name, namespace) = (index_name("faq"), Namespace::default());
    indexed.runtime.block_on(indexed.indexes.upsert(&name, &namespace, vec![bare])).unwrap();
    let refused = run(&indexed.job(), &Fake::new(DIMENSIONS)).unwrap_err();
    expect!["index `faq` holds vectors of an unknown model (1 of them), so those of some/model may not fit; if they are of one model, bind it first with `sembla index bind faq --model MODEL`"].assert_eq(&chain(&refused));
}

#[test]
fn embeddings_of_other_dimensions_are_refused() {
    let indexed = Indexed::new("a.txt", "one\n");
    let refused = run(&indexed.job(), &Fake::new(8)).unwrap_err();
    expect!["the embeddings of some/model have 8 dimensions, and index `faq` has 16"]
        .assert_eq(&chain(&refused));
}

#[test]
fn an_exported_index_is_the_same_once_it_is_imported() {
    let content = "key,text,year,share,ok\nb,one card,1,0.5,true\na,two,2,1,\nc,three,,,false\n";
    let indexed = Indexed::with("a.csv", content, SparseWeights::InverseDocumentFrequency);
    let mut job = indexed.job();
    job.fill.id_column = Some("key".to_owned());
    run(&job, &Fake::new(DIMENSIONS)).unwrap();
    let export = indexed.export("faq");
    let done = jobs::export(&export, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((done.num_records, done.mixed), (3, Vec::new()));

    indexed.create("again", SparseWeights::InverseDocumentFrequency);
    let mut fill = indexed.fill("again");
    fill.id_column = Some("id".to_owned());
    let import = Import { dataset: export.output.clone(), fill };
    let imported = jobs::import(&import, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert_eq!(imported, ImportSummary { num_records: 3, left_out: Vec::new() });
    assert_eq!(indexed.records("again"), indexed.records("faq"));
    let (there, here) = (indexed.spec("faq"), indexed.spec("again"));
    assert_eq!((here.fingerprint, here.tags), (there.fingerprint, there.tags));
    assert!(indexed.records("again")[0].sparse.is_some());
}

#[test]
fn a_dataset_is_imported_row_by_row() {
    let indexed = Indexed::new("a.csv", "text,nothing\none,\ntwo,\n");
    let fake = Fake::new(DIMENSIONS);
    indexed.place.run(&fake).unwrap();
    let done = indexed.import(indexed.fill("faq")).unwrap();
    assert_eq!(done, ImportSummary { num_records: 2, left_out: Vec::new() });
    let records = indexed.records("faq");
    assert_eq!(records[1].values, fake.embedding("two"));
    // Again, and nothing is there twice.
    indexed.import(indexed.fill("faq")).unwrap();
    assert_eq!(indexed.records("faq"), records);
}

#[test]
fn an_export_says_what_it_cannot_write() {
    let indexed = Indexed::new("a.csv", "text,id\none,7\n");
    let export = indexed.export("faq");
    let refuse = |export: &Export| {
        let refused = jobs::export(export, &mut |_| ControlFlow::Continue(())).unwrap_err();
        assert!(!export.output.exists());
        refused.to_string()
    };
    expect!["the default namespace of index `faq` holds no records; nor does any other"]
        .assert_eq(&refuse(&export));
    run(&indexed.job(), &Fake::new(DIMENSIONS)).unwrap();
    expect!["a metadata field is called `id`, as the export's column of ids; choose another with --id-column"].assert_eq(&refuse(&export));
    let elsewhere = Export { id_column: "key".to_owned(), ..export };
    assert!(jobs::export(&elsewhere, &mut |_| ControlFlow::Break(())).is_err());
    assert!(!elsewhere.output.exists());
    assert!(jobs::export(&elsewhere, &mut |_| ControlFlow::Continue(())).is_ok());
}

#[test]
fn words_and_meaning_are_fused_by_rank_and_each_says_what_it_gave() {
    let content = "alpha beta\nbeta gamma\nzeppelin over alpha\n";
    let indexed = Indexed::with("a.txt", content, SparseWeights::InverseDocumentFrequency);
    let fake = Fake::new(DIMENSIONS);
    run(&indexed.job(), &fake).unwrap();
    let spec = indexed.spec("faq");
    let ask = |text: &str, parts| {
        let wanted = TextQuery { top_k: 3, filter: None, precision: Precision::Auto, parts };
        let query = jobs::text_query(&spec, text, fake.embedding("beta gamma"), wanted).unwrap();
        let namespace = Namespace::default();
        let asked = indexed.indexes.query(&spec.name, &namespace, &query);
        indexed.runtime.block_on(asked).unwrap()
    };
    let fused = ask("a Zeppelin", Parts::All);
    let best = |id: &str| fused.matches.iter().find(|hit| hit.id == id).unwrap();
    let by_words: Vec<_> = best("2").stages.iter().map(|it| (it.stage, it.rank)).collect();
    assert_eq!(by_words.last(), Some(&("sparse", 1)));
    assert!(best("1").stages.iter().any(|it| (it.stage, it.rank) == ("dense", 1)));
    let expected = best("2").stages.iter().map(|it| 1.0 / (60.0 + it.rank as f32)).sum::<f32>();
    assert!((best("2").score - expected).abs() < 1e-6);

    let dense = ask("a Zeppelin", Parts::Dense);
    assert_eq!(dense.matches[0].id, "1");
    assert!(dense.matches[0].stages.is_empty());
}

#[test]
fn recall_is_measured_on_the_vectors_that_are_there() {
    let rows: String = (0..500).map(|n| format!("some text {n}\n")).collect();
    let indexed = Indexed::new("a.txt", &rows);
    run(&indexed.job(), &Fake::new(DIMENSIONS)).unwrap();
    let (name, namespace) = (index_name("faq"), Namespace::default());
    let measure = |namespace: &Namespace| {
        let measured = jobs::recall(&indexed.indexes, &name, namespace, 10, 20);
        indexed.runtime.block_on(measured).unwrap()
    };
    let measured = measure(&namespace);
    assert_eq!((measured.num_queries, measured.top_k), (20, 10));
    assert!(measured.recall > 0.95, "{measured:?}");
    assert_eq!(measure(&Namespace::new("nothing here")).num_queries, 0);
}

#[test]
fn a_bound_model_is_what_a_dataset_must_be_of() {
    let indexed = Indexed::new("a.txt", "one\n");
    let fake = Fake::new(DIMENSIONS);
    indexed.place.run(&fake).unwrap();
    let recorded: Fingerprint = jobs::fingerprint(&fake.spec).unwrap();
    let other = Fingerprint { model: "b".into(), pooling: "cls".into(), ..recorded };
    let change = index::IndexChange { fingerprint: Some(other), ..Default::default() };
    let name = index_name("faq");
    indexed.runtime.block_on(indexed.indexes.configure_index(&name, &change)).unwrap();
    let refused = indexed.import(indexed.fill("faq")).unwrap_err();
    expect!["index `faq` was built with b, not with some/model: the pooling modes differ (cls there, mean here)"].assert_eq(&refused.to_string());
    let forced = Fill { trust: Trust::Force, ..indexed.fill("faq") };
    assert_eq!(indexed.import(forced).unwrap().num_records, 1);
    let missing = Import { dataset: PathBuf::from("nowhere"), fill: indexed.fill("faq") };
    assert!(jobs::import(&missing, &mut |_, _| ControlFlow::Continue(())).is_err());
}
