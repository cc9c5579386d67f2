//! Shards.

use std::ops::ControlFlow;
use std::path::Path;

use super::*;
use crate::dataset::{Dataset, Overwrite};
use crate::embed::EmbedSpec;

fn provenance() -> Provenance {
    let encoder = EmbedSpec {
        model: "some/model".to_owned(),
        weight_hash: "abc123".to_owned(),
        pooling: vec!["cls".to_owned()],
        prompt_name: None,
        prompt: None,
        query_prompt: None,
        normalized: true,
        dimensions: 2,
        max_tokens: 8,
    };
    Provenance::new("text", "embedding", encoder)
}

fn source(path: &Path) -> Source {
    let columns = crate::source::Columns { text: Some("text"), embedding: Some("embedding") };
    Source::open(path, columns, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Writes `num_rows` rows, one a batch, in shards of `shard_bytes`. Row `n` looks in one of four
/// directions, by `n % 4`.
fn write(folder: &Path, num_rows: usize, shard_bytes: u64) -> std::path::PathBuf {
    let (file, output) = (folder.join("a.txt"), folder.join("out"));
    let lines: String = (0..num_rows).map(|n| format!("line {n}\n")).collect();
    fs_err::write(&file, lines).unwrap();
    let source = source(&file);
    let staging = Staging::begin(&output, Overwrite::Refuse).unwrap();
    let mut sink = Sink::new(staging, Columns::from(&source), provenance(), shard_bytes).unwrap();
    let batch = source.batches().next().unwrap().unwrap().rows;
    for n in 0..num_rows {
        let direction = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]][n % 4];
        sink.write(&batch.slice(n, 1), direction.to_vec()).unwrap();
    }
    sink.finish("a.txt", &Summary::default()).unwrap();
    output
}

#[test]
fn shards_end_at_the_bound_and_their_names_say_how_many_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let output = write(folder.path(), 3, 1);
    let mut names: Vec<String> = fs_err::read_dir(output.join("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [0, 1, 2].map(|index| format!("train-0000{index}-of-00003.parquet"));
    assert_eq!(names, expected);
    assert_eq!(Dataset::open(&output).unwrap().num_rows(), 3);
}

#[test]
fn a_search_is_exact_over_shards_and_keeps_ties_in_row_order() {
    for shard_bytes in [1, SHARD_BYTES] {
        let folder = tempfile::tempdir().unwrap();
        let output = write(folder.path(), 11, shard_bytes);
        let found = Dataset::open(&output).unwrap().search(&[0.0, 3.0], 5).unwrap();
        let found = found.into_iter().map(|found| (found.row, found.score, found.values));
        let text = |n| vec![("text".to_owned(), format!("line {n}").into())];
        let expected = [(1, 1.0), (5, 1.0), (9, 1.0), (0, 0.0), (2, 0.0)];
        let expected = expected.map(|(row, score)| (row, score, text(row)));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_shard_of_another_dataset_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let output = write(folder.path(), 2, 1);
    let other = tempfile::tempdir().unwrap();
    let stray = write(other.path(), 2, 1).join("data/train-00001-of-00002.parquet");
    // The same provenance and columns: as far as anybody can tell, the same dataset.
    let shard = output.join("data/train-00001-of-00002.parquet");
    fs_err::copy(&stray, &shard).unwrap();
    assert!(Dataset::open(&output).is_ok());

    let mut provenance = provenance();
    provenance.encoder.pooling = vec!["mean".to_owned()];
    let third = tempfile::tempdir().unwrap();
    let file = third.path().join("a.txt");
    fs_err::write(&file, "line\n").unwrap();
    let source = source(&file);
    let staging = Staging::begin(&third.path().join("out"), Overwrite::Refuse).unwrap();
    let mut sink = Sink::new(staging, Columns::from(&source), provenance, 1).unwrap();
    let batch = source.batches().next().unwrap().unwrap().rows;
    sink.write(&batch, vec![1.0, 0.0]).unwrap();
    sink.finish("a.txt", &Summary::default()).unwrap();
    let stray = third.path().join("out/data/train-00000-of-00001.parquet");
    fs_err::copy(&stray, &shard).unwrap();
    let error = Dataset::open(&output).unwrap_err().to_string();
    assert!(error.ends_with("its embeddings were made in another way"), "{error}");
}
