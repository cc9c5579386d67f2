//! Real all-MiniLM-L6-v2 against sentence-transformers, and any other model that somebody has.
//!
//! `SEMBLA_MODELS` names a folder with a model a folder; `make test` sets it. For each of them that
//! has golden vectors in `fixtures/golden`, ids must be equal and embeddings agree.

use std::path::{Path, PathBuf};

use kernels::{Exec, normalize_in_place};
use model::{Cut, LoadOptions, PackedBatch, load};
use serde::de::DeserializeOwned;

/// The bound; the reference agrees with itself to 2.2e-7 between batch sizes.
const TOLERANCE: f32 = 1e-5;

fn json<T: DeserializeOwned>(path: &Path) -> T {
    serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap()
}

fn check(model: &Path, golden: &Path) {
    let encoder = load(model, &LoadOptions::default()).unwrap();
    let texts: Vec<String> = json(&golden.join("texts.json"));
    let ids: Vec<Vec<u32>> = json(&golden.join("ids.json"));
    let bytes = fs_err::read(golden.join("embeddings.f32")).unwrap();
    let expected: Vec<f32> = bytes.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
    let dimensions = encoder.spec().dimensions;
    assert_eq!(expected.len(), texts.len() * dimensions);

    let exec = Exec::single_threaded();
    let sequences: Vec<_> =
        texts.iter().map(|text| encoder.sequence("", text, Cut::Right).unwrap()).collect();
    let mut worst: f32 = 0.0;
    for (begin, chunk) in sequences.chunks(16).enumerate() {
        let batch = PackedBatch::new(chunk);
        let states = encoder.encode(&exec, &batch);
        let mut rows = encoder.pool(&exec, &states, &batch);
        for (number, sequence) in chunk.iter().enumerate() {
            let text = begin * 16 + number;
            assert_eq!(sequence.ids, ids[text], "{:?}", texts[text]);
            normalize_in_place(rows.row_mut(number));
            let expected = &expected[text * dimensions..][..dimensions];
            let differences = rows.row(number).iter().zip(expected).map(|(a, b)| (a - b).abs());
            worst = differences.fold(worst, f32::max);
        }
    }
    assert!(worst <= TOLERANCE, "largest difference {worst}");
}

#[test]
fn real_models_agree_with_sentence_transformers() {
    #[expect(clippy::disallowed_methods, reason = "names the folder of real models for this test")]
    let Ok(models) = std::env::var("SEMBLA_MODELS") else { return };
    let mut checked = 0;
    for golden in fs_err::read_dir(crate::fixtures().join("golden")).unwrap() {
        let golden = golden.unwrap().path();
        let name = golden.file_name().unwrap().to_str().unwrap().to_lowercase();
        let model = fs_err::read_dir(&models).unwrap().map(|entry| entry.unwrap().path()).find(
            |path: &PathBuf| path.to_str().is_some_and(|path| path.to_lowercase().contains(&name)),
        );
        if let Some(model) = model {
            check(&model, &golden);
            checked += 1;
        }
    }
    assert!(checked > 0, "no folder in {models} has golden vectors here");
}
