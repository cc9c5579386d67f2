//! The tiny models of `fixtures/models` against what transformers and sentence-transformers make of
//! them.

use std::path::{Path, PathBuf};

use kernels::{Exec, Pooling, normalize_in_place};
use serde::de::DeserializeOwned;

use crate::{Cut, Encoder, LoadOptions, PackedBatch, Sequence, load};

/// Rounding of two f32 forward passes over two layers, for values up to about 5.
const TOLERANCE: f32 = 1e-5;

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/models").join(name)
}

fn json<T: DeserializeOwned>(model: &str, file: &str) -> T {
    let path = fixture(model).join("reference").join(file);
    serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap()
}

fn floats(model: &str, file: &str) -> Vec<f32> {
    let bytes = fs_err::read(fixture(model).join("reference").join(file)).unwrap();
    bytes.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect()
}

fn load_with_pooling(model: &str, pooling: Option<Pooling>) -> Encoder {
    load(&fixture(model), &LoadOptions { pooling, ..LoadOptions::default() }).unwrap()
}

fn sequences(encoder: &Encoder, model: &str, prompt: &str) -> Vec<Sequence> {
    let texts: Vec<String> = json(model, "texts.json");
    texts.iter().map(|text| encoder.sequence(prompt, text, Cut::Right).unwrap()).collect()
}

/// Embeds all sequences in one packed batch.
fn embed(encoder: &Encoder, sequences: &[Sequence], normalize: bool) -> Vec<f32> {
    let exec = Exec::single_threaded();
    let batch = PackedBatch::new(sequences);
    let states = encoder.encode(&exec, &batch);
    let mut rows = encoder.pool(&exec, &states, &batch);
    if normalize {
        (0..rows.num_rows()).for_each(|row| normalize_in_place(rows.row_mut(row)));
    }
    rows.rows(0..rows.num_rows()).to_vec()
}

#[track_caller]
fn assert_close(got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len());
    let worst = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= TOLERANCE, "largest difference {worst}");
}

/// Ids, and the embeddings as the model's own modules make them.
#[track_caller]
fn check(model: &str) {
    let encoder = load_with_pooling(model, None);
    let sequences = sequences(&encoder, model, "");
    let ids: Vec<Vec<u32>> = json(model, "ids.json");
    for (sequence, ids) in sequences.iter().zip(&ids) {
        assert_eq!(&sequence.ids, ids);
    }
    let got = embed(&encoder, &sequences, encoder.spec().normalizes);
    assert_close(&got, &floats(model, "embeddings.f32"));
}

#[test]
fn bert_agrees_with_the_reference() {
    check("tiny-bert");
}

#[test]
fn half_precision_weights_agree_with_the_reference() {
    check("tiny-bert-f16");
}

#[test]
fn the_compact_layout_with_a_dense_module_and_shards_agrees_with_the_reference() {
    check("tiny-bert-compact");
}

#[test]
fn a_plain_directory_agrees_with_the_reference() {
    check("tiny-bert-plain");
}

#[test]
fn mpnet_agrees_with_the_reference() {
    check("tiny-mpnet");
}

#[test]
fn prompts_stand_before_the_text() {
    let encoder = load_with_pooling("tiny-bert-compact", None);
    assert_eq!(encoder.spec().default_prompt.as_deref(), Some("query: "));
    for name in ["query", "document"] {
        let prompt = &encoder.spec().prompts[name];
        let sequences = sequences(&encoder, "tiny-bert-compact", prompt);
        let ids: Vec<Vec<u32>> = json("tiny-bert-compact", &format!("ids-{name}.json"));
        assert!(sequences.iter().map(|sequence| &sequence.ids).eq(&ids));
        let expected = floats("tiny-bert-compact", &format!("embeddings-{name}.f32"));
        assert_close(&embed(&encoder, &sequences, false), &expected);
    }
}

const POOLINGS: [Pooling; 6] = [
    Pooling::Cls,
    Pooling::Max,
    Pooling::Mean,
    Pooling::MeanSqrtLen,
    Pooling::WeightedMean,
    Pooling::LastToken,
];

#[test]
fn every_pooling_agrees_with_the_reference() {
    for pooling in POOLINGS {
        let encoder = load_with_pooling("tiny-bert", Some(pooling));
        let got = embed(&encoder, &sequences(&encoder, "tiny-bert", ""), false);
        assert_close(&got, &floats("tiny-bert", &format!("pooling-{}.f32", pooling.name())));
    }
}

#[test]
fn poolings_side_by_side_agree_with_the_reference() {
    let encoder = load_with_pooling("tiny-bert", None);
    let sequences = sequences(&encoder, "tiny-bert", "");
    let exec = Exec::single_threaded();
    let batch = PackedBatch::new(&sequences);
    let states = encoder.encode(&exec, &batch);
    let pooled = exec.pool(&states, batch.offsets(), &vec![0; sequences.len()], &POOLINGS);
    assert_close(pooled.rows(0..pooled.num_rows()), &floats("tiny-bert", "pooling-all.f32"));
}

#[test]
fn a_prompt_that_the_model_excludes_is_not_pooled() {
    for pooling in POOLINGS {
        let mut encoder = load_with_pooling("tiny-bert", Some(pooling));
        encoder.exclude_prompt_for_test();
        let got = embed(&encoder, &sequences(&encoder, "tiny-bert", "query: "), false);
        let expected = floats("tiny-bert", &format!("prompt-excluded-{}.f32", pooling.name()));
        assert_close(&got, &expected);
    }
}

#[derive(serde::Deserialize)]
struct TokenRows {
    text: usize,
    rows: usize,
}

#[test]
fn token_states_agree_with_the_reference() {
    let encoder = load_with_pooling("tiny-bert", None);
    let sequences = sequences(&encoder, "tiny-bert", "");
    let chosen: Vec<TokenRows> = json("tiny-bert", "tokens.json");
    let batch = PackedBatch::new(chosen.iter().map(|chosen| &sequences[chosen.text]));
    let states = encoder.encode(&Exec::single_threaded(), &batch);
    assert!(
        batch.offsets().iter().map(|rows| rows.len()).eq(chosen.iter().map(|chosen| chosen.rows))
    );
    assert_close(states.rows(0..states.num_rows()), &floats("tiny-bert", "tokens.f32"));
}

#[test]
fn a_sequence_gives_the_same_bits_in_any_company() {
    for model in ["tiny-bert", "tiny-bert-compact", "tiny-bert-plain", "tiny-mpnet"] {
        let encoder = load_with_pooling(model, None);
        let sequences = sequences(&encoder, model, "");
        let together = embed(&encoder, &sequences, true);
        let dimensions = encoder.spec().dimensions;
        for (number, sequence) in sequences.iter().enumerate() {
            let alone = embed(&encoder, std::slice::from_ref(sequence), true);
            assert_eq!(together[number * dimensions..][..dimensions], alone);
        }
    }
}
