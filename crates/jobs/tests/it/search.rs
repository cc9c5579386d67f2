//! Reading back: exact search, and folders that cannot be searched.

use expect_test::{Expect, expect};
use jobs::{BoxError, Dataset, Embed, EmbedSpec, Embedded, ReadError};
use serde_json::json;

use crate::fake::{Fake, Place, chain};

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn the_closest_rows_come_best_first_with_their_columns() {
    let mut csv = String::from("id,text,flag\n");
    let texts: Vec<String> = (0..5000).map(|n| format!("text number {n}")).collect();
    for (n, text) in texts.iter().enumerate() {
        csv += &format!("{n},{text},\n");
    }
    let place = Place::new("a.csv", csv);
    let fake = Fake::new(16);
    place.run(&fake).unwrap();
    let dataset = Dataset::open(place.output()).unwrap();
    assert_eq!(dataset.num_rows(), 5000);
    assert_eq!(dataset.columns(), ["id", "text", "flag", "embedding"]);

    let query = fake.embedding("a query");
    let mut expected: Vec<(usize, f64)> =
        texts.iter().map(|text| cosine(&query, &fake.embedding(text))).enumerate().collect();
    expected.sort_by(|a, b| b.1.total_cmp(&a.1));
    let found = dataset.search(&query, 7).unwrap();
    assert_eq!(found.len(), 7);
    for (found, (row, score)) in found.iter().zip(expected) {
        assert_eq!(found.row, row as u64);
        assert!((f64::from(found.score) - score).abs() < 1e-6);
        let values = [("id", json!(row)), ("text", json!(texts[row])), ("flag", json!(null))];
        assert_eq!(found.values, values.map(|(name, value)| (name.to_owned(), value)));
    }
    // The length of the query is nothing to a cosine.
    let doubled: Vec<f32> = query.iter().map(|x| x * 2.0).collect();
    assert_eq!(dataset.search(&doubled, 7).unwrap(), found);
}

#[test]
fn equal_scores_come_in_row_order() {
    let place = Place::new("a.txt", "same\nother\nsame\nsame\n");
    let fake = Fake::new(8);
    place.run(&fake).unwrap();
    let found = Dataset::open(place.output()).unwrap().search(&fake.embedding("same"), 2).unwrap();
    assert_eq!(found.iter().map(|found| found.row).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn k_is_bounded_by_the_rows() {
    let place = Place::new("a.txt", "one\ntwo\n");
    let fake = Fake::new(4);
    place.run(&fake).unwrap();
    let dataset = Dataset::open(place.output()).unwrap();
    assert_eq!(dataset.search(&fake.embedding("one"), 100).unwrap().len(), 2);
    assert_eq!(dataset.search(&fake.embedding("one"), 0).unwrap(), []);
}

/// Embeds a text that is a list of numbers as those numbers.
struct Literal(EmbedSpec);

impl Embed for Literal {
    type Pending = Vec<String>;

    fn spec(&self) -> &EmbedSpec {
        &self.0
    }

    fn submit(&self, texts: Vec<String>) -> Result<Vec<String>, BoxError> {
        Ok(texts)
    }

    fn wait(&self, texts: Vec<String>) -> Result<Vec<Result<Embedded, BoxError>>, BoxError> {
        let embed = |text: &String| {
            let embedding = text.split(' ').map(|x| x.parse().unwrap()).collect();
            Ok(Embedded { embedding, num_tokens: 2, truncated_from: None })
        };
        Ok(texts.iter().map(embed).collect())
    }
}

#[test]
fn embeddings_of_any_length_are_compared_by_cosine() {
    let mut spec = Fake::new(2).spec;
    spec.normalized = false;
    let place = Place::new("a.txt", "30 40\n0.5 0\n0 0\n-3 0\n0 1e-20\n");
    place.run(&Literal(spec)).unwrap();
    let found = Dataset::open(place.output()).unwrap().search(&[2.0, 0.0], 5).unwrap();
    let found: Vec<(u64, f32)> =
        found.iter().map(|found| (found.row, (found.score * 1e4).round() / 1e4)).collect();
    assert_eq!(found, [(1, 1.0), (0, 0.6), (2, 0.0), (4, 0.0), (3, -1.0)]);
}

#[test]
fn a_query_must_have_the_dimensions_and_a_direction() {
    let place = Place::new("a.txt", "one\n");
    place.run(&Fake::new(2)).unwrap();
    let dataset = Dataset::open(place.output()).unwrap();
    for query in [vec![], vec![1.0; 3], vec![0.0; 2], vec![f32::NAN, 1.0]] {
        let refused = dataset.search(&query, 1);
        assert!(matches!(refused, Err(ReadError::Query { .. })), "{query:?}: {refused:?}");
    }
}

#[test]
fn another_encoder_is_told_apart() {
    let place = Place::new("a.txt", "one\n");
    let mut given = Fake::new(2).spec;
    place.run(&Fake::new(2)).unwrap();
    let dataset = Dataset::open(place.output()).unwrap();
    given.model = "the same, from another folder".to_owned();
    given.prompt = Some("query: ".to_owned());
    assert_eq!(dataset.provenance().check(&given), Ok(()));
    given.weight_hash = "other".to_owned();
    let mismatch = dataset.provenance().check(&given).unwrap_err();
    expect!["the weights differ: the dataset has abc123, and the model gives other"]
        .assert_eq(&mismatch.to_string());
}

#[track_caller]
fn check_unreadable(spoil: impl FnOnce(&Place), expected: Expect) {
    let place = Place::new("a.txt", "one\n");
    place.run(&Fake::new(2)).unwrap();
    spoil(&place);
    let error = Dataset::open(place.output()).unwrap_err();
    let folder = place.folder.path().to_str().unwrap();
    expected.assert_eq(&chain(&error).replace(folder, "DIR"));
}

#[test]
fn folders_that_are_no_datasets_of_ours_say_what_is_missing() {
    let shard = "data/train-00000-of-00001.parquet";
    check_unreadable(
        |place| fs_err::remove_dir_all(place.output().join("data")).unwrap(),
        expect![
            "DIR/out is not a dataset: it has no data/train-*-of-*.parquet; give the folder that a job wrote"
        ],
    );
    check_unreadable(
        |place| fs_err::remove_file(place.output().join(shard)).unwrap(),
        expect![
            "DIR/out is not a dataset: it has no data/train-*-of-*.parquet; give the folder that a job wrote"
        ],
    );
    check_unreadable(
        |place| {
            let renamed = place.output().join("data/train-00001-of-00002.parquet");
            fs_err::rename(place.output().join(shard), renamed).unwrap();
        },
        expect![
            "DIR/out/data/train-00000-of-00002.parquet is missing: the names of the others say that there are 2 shards"
        ],
    );
    check_unreadable(
        |place| fs_err::write(place.output().join(shard), "PAR1").unwrap(),
        expect![
            "failed to read DIR/out/data/train-00000-of-00001.parquet: EOF: Parquet file too small. Size is 4 but need 8"
        ],
    );
    check_unreadable(
        |place| rewrite(&place.output().join(shard), None),
        expect![
            "DIR/out/data/train-00000-of-00001.parquet does not say how its embeddings were made: its metadata has no key `sembla`, so Sembla did not write it; embed it first"
        ],
    );
    check_unreadable(
        |place| rewrite(&place.output().join(shard), Some(r#"{"format":2}"#)),
        expect![
            "DIR/out/data/train-00000-of-00001.parquet does not say how its embeddings were made: its `sembla` metadata has format 2, and this version knows 1; use a newer Sembla"
        ],
    );
    check_unreadable(
        |place| rewrite(&place.output().join(shard), Some(r#"{"format":1}"#)),
        expect![
            "DIR/out/data/train-00000-of-00001.parquet does not say how its embeddings were made: its `sembla` metadata cannot be read: missing field `version` at line 1 column 12"
        ],
    );
}

/// Writes a shard that says `provenance`.
fn rewrite(path: &std::path::Path, provenance: Option<&str>) {
    use std::sync::Arc;

    use arrow::array::{RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::metadata::KeyValue;
    use parquet::file::properties::WriterProperties;

    let texts: arrow::array::ArrayRef = Arc::new(StringArray::from(vec!["one"]));
    let rows = RecordBatch::try_from_iter([("text", texts)]).unwrap();
    let entries = provenance.map(|text| vec![KeyValue::new("sembla".to_owned(), text.to_owned())]);
    let properties = WriterProperties::builder().set_key_value_metadata(entries).build();
    let file = fs_err::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}
