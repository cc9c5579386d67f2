//! The stores from outside.
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod conformance;
mod durability;
mod embedded;
mod model_based;
mod servers;
mod stores;

use std::path::Path;

use index::{
    EmbeddedConfig, EmbeddedStore, Fusion, Include, IndexName, IndexSpec, Metadata, Metric,
    Namespace, Precision, Protection, Query, Record, SparseWeights, VectorKind,
};

/// How often a long test loops: `tests/scale.toml` has the counts for CI and for a soak.
fn count(name: &str) -> u32 {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scale.toml");
    let table: toml::Table = fs_err::read_to_string(path).unwrap().parse().unwrap();
    let scale = setting("SEMBLA_TEST_SCALE").unwrap_or_else(|| "small".to_owned());
    table[name][&scale].as_integer().unwrap().try_into().unwrap()
}

/// What whoever runs the tests says about all of them.
fn setting(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "it is about the run, not about the store")]
    std::env::var(name).ok()
}

fn open(dir: &Path) -> EmbeddedStore {
    EmbeddedStore::open(dir, EmbeddedConfig::for_tests()).unwrap()
}

fn name(name: &str) -> IndexName {
    IndexName::try_from(name).unwrap()
}

fn namespace() -> Namespace {
    Namespace::default()
}

fn dense(name: &str, dimensions: usize, metric: Metric) -> IndexSpec {
    IndexSpec {
        name: self::name(name),
        dimensions,
        metric,
        kind: VectorKind::Dense,
        sparse_weights: SparseWeights::AsSent,
        protection: Protection::Disabled,
        tags: Default::default(),
        fingerprint: None,
    }
}

fn record(id: impl Into<String>, values: &[f32]) -> Record {
    Record { id: id.into(), values: values.to_vec(), sparse: None, metadata: Metadata::new() }
}

fn query(vector: &[f32], top_k: usize) -> Query {
    Query {
        vector: vector.to_vec(),
        sparse: None,
        fusion: Fusion::Sum,
        top_k,
        filter: None,
        include: Include { values: true, metadata: true },
        precision: Precision::Exact,
    }
}

/// Numbers that a seed decides.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    /// From -1 to 1.
    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn floats(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.float()).collect()
    }
}
