//! Random operations on the embedded store and on the oracle, which must agree after each. Every other
//! store may not read a namespace whole, so that its searches go through codes; what these find has the
//! oracle's scores, and hardly anything is missed.
//!
//! `SEED=7 cargo test -p index model_based` runs one seed; a failure prints its seed.

mod arbitrary;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use index::{
    EmbeddedConfig, EmbeddedStore, Fusion, IndexChange, IndexName, IndexSpec, MemoryStore, Metric,
    Namespace, PageRequest, Precision, Protection, Query, Record, Selection, SparseWeights, Update,
    VectorKind, VectorStore,
};
use tempfile::TempDir;

use self::arbitrary::{filter, metadata, sparse};
use crate::{Random, count, dense, name, query, setting};

const DIMENSIONS: usize = 5;
/// Operations of one seed.
const STEPS: usize = 60;

#[tokio::test]
async fn the_embedded_store_agrees_with_the_oracle_whatever_is_done() {
    let seeds = match setting("SEED") {
        Some(seed) => vec![seed.parse().unwrap()],
        None => (1..=u64::from(count("store_seeds"))).collect(),
    };
    for seed in seeds {
        let seed_of_failure = NameSeed(seed);
        World::new(seed).await.run().await;
        std::mem::forget(seed_of_failure);
    }
}

/// Prints the seed when a test unwinds.
struct NameSeed(u64);

impl Drop for NameSeed {
    fn drop(&mut self) {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "failed with SEED={}", self.0);
    }
}

struct World {
    seed: u64,
    random: Random,
    dir: TempDir,
    store: Option<EmbeddedStore>,
    oracle: MemoryStore,
    spec: IndexSpec,
    num_snapshots: usize,
    num_approximate: usize,
    /// Of approximate queries: matches as good as the oracle's, and all that there should be.
    recall: (usize, usize),
}

impl World {
    async fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        // By turns, so that a few seeds see all kinds.
        let spec = spec(seed as usize);
        random.next();
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir.path().join("data"), seed);
        let oracle = MemoryStore::new();
        store.create_index(&spec).await.unwrap();
        oracle.create_index(&spec).await.unwrap();
        let store = Some(store);
        let (num_snapshots, num_approximate, recall) = (0, 0, (0, 0));
        Self { seed, random, dir, store, oracle, spec, num_snapshots, num_approximate, recall }
    }

    async fn run(mut self) {
        for step in 0..STEPS {
            if self.random.chance(3) {
                self.store().prepare(&self.spec.name).await.unwrap();
            }
            match self.random.below(20) {
                0..9 => self.upsert().await,
                9..12 => self.update().await,
                12..16 => self.delete().await,
                16 => self.reopen(),
                17 => self.snapshot_and_restore().await,
                18 => self.configure().await,
                _ => self.compare_all(&self.spec.name).await,
            }
            self.compare_stats(&self.spec.name.clone()).await;
            for _ in 0..3 {
                self.compare_queries().await;
            }
            if step % 20 == 19 {
                self.compare_all(&self.spec.name).await;
                self.check().await;
            }
        }
        if is_coded(self.seed) && self.spec.kind == VectorKind::Dense {
            let (found, wanted) = self.recall;
            assert!(self.num_approximate > 20, "{} queries", self.num_approximate);
            assert!(100 * found >= 97 * wanted, "{found} of {wanted} found");
        }
    }

    fn store(&self) -> &EmbeddedStore {
        self.store.as_ref().unwrap()
    }

    fn namespace(&mut self) -> Namespace {
        Namespace::new(["", "a", "ab"][self.random.below(3)])
    }

    fn id(&mut self) -> String {
        format!("{}{}", ["", "x", "doc#"][self.random.below(3)], self.random.below(1_500))
    }

    async fn upsert(&mut self) {
        let len = match self.random.below(8) {
            0 => 1_100,
            1 => 200,
            _ => 1 + self.random.below(20),
        };
        let ids: BTreeSet<String> = (0..len).map(|_| self.id()).collect();
        let records: Vec<Record> = ids.into_iter().map(|id| self.record(id)).collect();
        let namespace = self.namespace();
        let got = self.store().upsert(&self.spec.name, &namespace, records.clone()).await.unwrap();
        let expected = self.oracle.upsert(&self.spec.name, &namespace, records).await.unwrap();
        assert_eq!(got, expected);
    }

    async fn update(&mut self) {
        let record = {
            let id = self.id();
            self.record(id)
        };
        let has_values = self.spec.dimensions > 0 && self.random.chance(2);
        let update = Update {
            id: record.id,
            values: has_values.then_some(record.values),
            sparse: if self.random.chance(2) { record.sparse } else { None },
            set_metadata: record.metadata,
        };
        let namespace = self.namespace();
        let got = self.store().update(&self.spec.name, &namespace, update.clone()).await.unwrap();
        let expected = self.oracle.update(&self.spec.name, &namespace, update).await.unwrap();
        assert_eq!(got, expected);
    }

    async fn delete(&mut self) {
        let selection = match self.random.below(8) {
            0 => Selection::All,
            1..4 => Selection::Filter(filter(&mut self.random, 3)),
            _ => {
                let len = 1 + self.random.below(600);
                Selection::Ids((0..len).map(|_| self.id()).collect())
            }
        };
        let namespace = self.namespace();
        let got = self.store().delete(&self.spec.name, &namespace, &selection).await.unwrap();
        let expected = self.oracle.delete(&self.spec.name, &namespace, &selection).await.unwrap();
        assert_eq!(got, expected, "{selection:?}");
    }

    fn reopen(&mut self) {
        // The first must be closed before the second may open.
        self.store = None;
        self.store = Some(open(&self.dir.path().join("data"), self.seed));
    }

    async fn configure(&mut self) {
        let change = IndexChange {
            protection: Some([Protection::Enabled, Protection::Disabled][self.random.below(2)]),
            tags: BTreeMap::from([(
                "a".to_owned(),
                ["", "b", "c"][self.random.below(3)].to_owned(),
            )]),
            fingerprint: None,
        };
        let got = self.store().configure_index(&self.spec.name, &change).await.unwrap();
        let expected = self.oracle.configure_index(&self.spec.name, &change).await.unwrap();
        assert_eq!(got, expected);
    }

    async fn snapshot_and_restore(&mut self) {
        self.num_snapshots += 1;
        let to: PathBuf = self.dir.path().join(format!("snapshot-{}", self.num_snapshots));
        self.store().snapshot(&self.spec.name, &to).await.unwrap();
        let copy = name("copy");
        self.store().restore(&to, &copy).await.unwrap();
        let got = self.store().describe_index(&copy).await.unwrap();
        let mut expected = self.oracle.describe_index(&self.spec.name).await.unwrap();
        expected.spec.name = copy.clone();
        assert_eq!(got, expected);
        self.compare_stats(&copy).await;
        self.compare_all(&copy).await;
        // A copy is protected as the index was.
        let protection = Some(Protection::Disabled);
        let change = IndexChange { protection, ..IndexChange::default() };
        self.store().configure_index(&copy, &change).await.unwrap();
        self.store().delete_index(&copy).await.unwrap();
    }

    async fn check(&self) {
        let found = self.store().check(&self.spec.name).await.unwrap();
        assert_eq!(found.problems, Vec::<String>::new());
        let description = self.store().describe_index(&self.spec.name).await.unwrap();
        assert_eq!(found.num_records, description.num_records);
    }

    async fn compare_stats(&mut self, got: &IndexName) {
        let filter = self.random.chance(2).then(|| filter(&mut self.random, 3));
        let got = self.store().stats(got, filter.as_ref()).await.unwrap();
        let expected = self.oracle.stats(&self.spec.name, filter.as_ref()).await.unwrap();
        assert_eq!(got, expected, "{filter:?}");
    }

    /// Compares all ids, page by page, and all records.
    async fn compare_all(&self, got: &IndexName) {
        for namespace in ["", "a", "ab"].map(Namespace::new) {
            let mut page = PageRequest { prefix: String::new(), limit: 700, after: None };
            loop {
                let ids = self.store().list(got, &namespace, &page).await.unwrap();
                let expected = self.oracle.list(&self.spec.name, &namespace, &page).await.unwrap();
                assert_eq!(ids, expected);
                let records = self.store().fetch(got, &namespace, &ids.ids).await.unwrap();
                let expected = self.oracle.fetch(&self.spec.name, &namespace, &ids.ids).await;
                assert_eq!(records, expected.unwrap());
                match ids.next {
                    None => break,
                    next => page.after = next,
                }
            }
            let page = PageRequest { prefix: "x1".to_owned(), limit: 50, after: None };
            let ids = self.store().list(got, &namespace, &page).await.unwrap();
            let expected = self.oracle.list(&self.spec.name, &namespace, &page).await.unwrap();
            assert_eq!(ids, expected);
        }
    }

    /// Runs several queries at once, which may share a pass, and compares each with the oracle.
    async fn compare_queries(&mut self) {
        let namespace = self.namespace();
        let queries: Vec<Query> = (0..3).map(|_| self.query()).collect();
        let index = &self.spec.name.clone();
        let store = self.store();
        let (a, b, c) = tokio::join!(
            store.query(index, &namespace, &queries[0]),
            store.query(index, &namespace, &queries[1]),
            store.query(index, &namespace, &queries[2]),
        );
        for (query, got) in queries.iter().zip([a, b, c]) {
            self.compare_query(&namespace, query, got.unwrap()).await;
        }
        if let Some(filter) = &queries[0].filter {
            let mut got = self.store().find(index, &namespace, filter, 5_000).await.unwrap();
            got.sort();
            let expected = self.oracle.find(index, &namespace, filter, 5_000).await.unwrap();
            assert_eq!(got, expected, "{filter:?}");
        }
    }

    async fn compare_query(
        &mut self,
        namespace: &Namespace,
        query: &Query,
        got: index::QueryResult,
    ) {
        let index = &self.spec.name.clone();
        let expected = self.oracle.query(index, namespace, query).await.unwrap();
        assert_eq!(got.lsn, expected.lsn);
        assert_eq!(got.matches.len(), expected.matches.len(), "{query:?}");
        let is_fused = query.fusion == Fusion::ReciprocalRank;
        let is_approximate = got.explain.stages.iter().any(|stage| !stage.is_exact);
        assert!(!is_approximate || query.precision == Precision::Auto);
        if is_approximate {
            self.count(query, &got.matches, &expected.matches);
        }
        let in_order = if is_approximate { &[] } else { &got.matches[..] };
        for (got, expected) in in_order.iter().zip(&expected.matches) {
            // Two of nearly the same score may stand in either order, which moves each by a rank.
            let tolerance = if is_fused { 6e-4 } else { 2e-5 * (1.0 + expected.score.abs()) };
            let difference = (got.score - expected.score).abs();
            assert!(difference <= tolerance, "{got:?} {expected:?} {query:?}");
        }
        // Which ids have these scores is only open where scores are equal: the oracle gives each id
        // the same score when it is asked for everything.
        let all = Query { top_k: 10_000, ..query.clone() };
        let all = self.oracle.query(index, namespace, &all).await.unwrap().matches;
        let by_id: BTreeMap<&str, &index::Match> =
            all.iter().map(|found| (found.id.as_str(), found)).collect();
        for found in &got.matches {
            let expected = by_id[found.id.as_str()];
            assert_eq!(found.metadata, expected.metadata);
            assert_eq!(found.values, expected.values);
            assert_eq!(found.sparse, expected.sparse);
            if !is_fused {
                let tolerance = 2e-5 * (1.0 + expected.score.abs());
                assert!((found.score - expected.score).abs() <= tolerance);
            }
        }
    }

    /// Counts how many matches of an approximate query are as near as the oracle's.
    fn count(&mut self, query: &Query, got: &[index::Match], expected: &[index::Match]) {
        self.num_approximate += 1;
        // A fused score depends on the ranks of others.
        if query.fusion == Fusion::ReciprocalRank {
            return;
        }
        let Some(last) = expected.last() else { return };
        let farthest = f64::from(last.score);
        let is_near = |found: &&index::Match| match self.spec.metric {
            Metric::Euclidean => f64::from(found.score) <= farthest + 1e-4,
            Metric::Cosine | Metric::DotProduct => f64::from(found.score) >= farthest - 1e-4,
        };
        self.recall.0 += got.iter().filter(is_near).count();
        self.recall.1 += expected.len();
    }

    fn query(&mut self) -> Query {
        let vector = self.random.floats(self.spec.dimensions);
        let mut query = query(&vector, [1, 10, 200, 3_000][self.random.below(4)]);
        if may_have_sparse(&self.spec)
            && (self.spec.kind == VectorKind::Sparse || self.random.chance(2))
        {
            query.sparse = Some(sparse(&mut self.random));
            if self.spec.kind == VectorKind::Dense && self.random.chance(2) {
                query.fusion = Fusion::ReciprocalRank;
            }
        }
        query.filter = self.random.chance(2).then(|| filter(&mut self.random, 3));
        query.precision = [Precision::Auto, Precision::Exact][usize::from(self.random.chance(4))];
        query
    }

    fn record(&mut self, id: String) -> Record {
        let random = &mut self.random;
        let has_sparse = match self.spec.kind {
            VectorKind::Sparse => true,
            VectorKind::Dense => may_have_sparse(&self.spec) && random.chance(2),
        };
        Record {
            id,
            values: random.floats(self.spec.dimensions),
            sparse: has_sparse.then(|| sparse(random)),
            metadata: metadata(random),
        }
    }
}

/// Whether a world's store may never read a namespace whole: by turns with the kinds of [`spec`].
fn is_coded(seed: u64) -> bool {
    seed % 10 < 5
}

fn open(dir: &Path, seed: u64) -> EmbeddedStore {
    let mut config = EmbeddedConfig::for_tests();
    if is_coded(seed) {
        config.query_time = Duration::ZERO;
    }
    EmbeddedStore::open(dir, config).unwrap()
}

fn spec(at: usize) -> IndexSpec {
    let mut spec = dense("model", DIMENSIONS, Metric::Cosine);
    match at % 5 {
        0 => {}
        1 => spec.metric = Metric::DotProduct,
        2 => spec.metric = Metric::Euclidean,
        3 => spec.sparse_weights = SparseWeights::InverseDocumentFrequency,
        _ => {
            (spec.kind, spec.metric, spec.dimensions) = (VectorKind::Sparse, Metric::DotProduct, 0);
        }
    }
    spec
}

fn may_have_sparse(spec: &IndexSpec) -> bool {
    spec.metric == Metric::DotProduct
        || spec.sparse_weights == SparseWeights::InverseDocumentFrequency
}
