//! What is written: files, types, metadata, order.

use std::ops::ControlFlow;

use arrow::array::AsArray;
use expect_test::expect;
use jobs::{Dataset, Progress};
use parquet::basic::{Compression, Encoding};
use proptest::prelude::*;

use crate::fake::{Fake, Place, embedding, names};

fn without_version(text: &str) -> String {
    text.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

const NESTED: &str = r#"{"id":1,"text":"one two","meta":{"b":true,"a":["x"]},"none":null}
{"id":2,"text":"one two three four five six seven eight nine","meta":null,"none":null}
"#;

#[test]
fn a_dataset_is_a_card_and_shards() {
    let place = Place::new("a.jsonl", NESTED);
    let summary = place.run(&Fake::new(3)).unwrap();
    assert_eq!((summary.num_rows, summary.num_tokens, summary.num_truncated), (2, 10, 1));
    assert_eq!(place.names(), ["a.jsonl", "out"]);
    assert_eq!(names(place.output()), ["README.md", "data"]);
    assert_eq!(names(&place.output().join("data")), ["train-00000-of-00001.parquet"]);
}

#[test]
fn the_only_column_of_text_is_embedded_and_said_without_a_name() {
    let mut place = Place::new("a.csv", "id,question,share\n1,x,0.5\n2,y z,\n");
    place.job.column = None;
    let mut opened = Vec::new();
    let fake = Fake::new(3);
    jobs::run(&place.job, &fake, &mut |progress| {
        if let Progress::Opened { column, total_rows } = progress {
            opened.push((column.to_owned(), total_rows, fake.num_submitted.get()));
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(opened, [("question".to_owned(), 2, 0)], "once, and before anything is embedded");
    assert_eq!(embedding(&place.read(), 1), fake.embedding("y z"));
    assert_eq!(Dataset::open(place.output()).unwrap().provenance().column, "question");
}

#[test]
fn every_column_is_kept_with_its_type_and_the_embedding_comes_last() {
    let place = Place::new("a.jsonl", NESTED);
    place.run(&Fake::new(3)).unwrap();
    let schema = place.read().schema();
    let columns = schema.fields().iter().map(|f| format!("{}: {}\n", f.name(), f.data_type()));
    expect![[r#"
        id: Int64
        text: Utf8
        meta: Struct("b": Boolean, "a": List(Utf8))
        none: Null
        embedding: FixedSizeList(3 x non-null Float32)
    "#]]
    .assert_eq(&columns.collect::<String>());
}

#[test]
fn the_metadata_is_what_the_datasets_library_writes() {
    let place = Place::new("a.jsonl", NESTED);
    place.run(&Fake::new(3)).unwrap();
    let schema = place.read().schema();
    expect![[r#"{"info":{"features":{"id":{"dtype":"int64","_type":"Value"},"text":{"dtype":"string","_type":"Value"},"meta":{"b":{"dtype":"bool","_type":"Value"},"a":{"feature":{"dtype":"string","_type":"Value"},"_type":"List"}},"none":{"dtype":"null","_type":"Value"},"embedding":{"feature":{"dtype":"float32","_type":"Value"},"length":3,"_type":"List"}}}}"#]]
    .assert_eq(&schema.metadata()["huggingface"]);
    expect![[r#"{"format":1,"version":"VERSION","column":"text","embedding_column":"embedding","encoder":{"model":"some/model","weight_hash":"abc123","pooling":["mean"],"prompt_name":"document","prompt":"passage: ","normalized":true,"dimensions":3,"max_tokens":8}}"#]]
    .assert_eq(&without_version(&schema.metadata()["sembla"]));
}

#[test]
fn embeddings_are_split_into_byte_streams_without_dictionary_or_statistics() {
    let place = Place::new("a.jsonl", NESTED);
    place.run(&Fake::new(3)).unwrap();
    let reader = place.reader();
    let column = reader.metadata().row_group(0).columns().last().unwrap();
    let encodings: Vec<Encoding> = column.encodings().collect();
    assert!(encodings.contains(&Encoding::BYTE_STREAM_SPLIT), "{encodings:?}");
    assert!(column.dictionary_page_offset().is_none());
    assert!(column.statistics().is_none());
    assert!(matches!(column.compression(), Compression::ZSTD(_)));
}

#[test]
fn the_card_has_front_matter_and_provenance() {
    let place = Place::new("a.jsonl", NESTED);
    place.run(&Fake::new(3)).unwrap();
    let card = fs_err::read_to_string(place.output().join("README.md")).unwrap();
    let stable =
        |line: &str| !["num_bytes", "size:", "Seconds"].iter().any(|word| line.contains(word));
    let card: String =
        card.lines().filter(|line| stable(line)).map(|line| format!("{line}\n")).collect();
    expect![[r#"
        ---
        dataset_info:
          features:
          - name: id
            dtype: int64
          - name: text
            dtype: string
          - name: meta
            struct:
            - name: b
              dtype: bool
            - name: a
              list: string
          - name: none
            dtype: "null"
          - name: embedding
            list: float32
            length: 3
          splits:
          - name: train
            num_examples: 2
        configs:
        - config_name: default
          data_files:
          - split: train
            path: data/train-*
        ---

        # Embeddings of `text`

        Written by Sembla VERSION. The same facts about the model stand, for machines,
        under the key `sembla` in the metadata of each Parquet file.

        ## Provenance

        - Source: `a.jsonl`
        - Column: `text`
        - Embeddings: `embedding`, 3 dimensions
        - Model: `some/model`
        - Weights: SHA-256 `abc123`
        - Pooling: mean
        - Prompt: `document` = ` passage:  `
        - Normalization: each embedding has length 1
        - Max tokens: 8
        - Rows: 2
        - Truncated rows: 1
        - Tokens: 10
    "#]]
    .assert_eq(&without_version(&card));
}

#[test]
fn another_name_for_the_embeddings_is_used_everywhere() {
    let mut place = Place::new("a.csv", "text,embedding\nx,y\n");
    place.job.embedding_column = "minilm".to_owned();
    place.run(&Fake::new(2)).unwrap();
    let dataset = Dataset::open(place.output()).unwrap();
    assert_eq!(dataset.columns(), ["text", "embedding", "minilm"]);
    assert_eq!(dataset.provenance().embedding_column, "minilm");
}

#[test]
fn a_dataset_of_ours_is_a_source() {
    let place = Place::new("a.jsonl", NESTED);
    place.run(&Fake::new(3)).unwrap();
    let mut again = Place::new("unused.txt", "");
    again.job.source = place.output().to_owned();
    again.job.embedding_column = "second".to_owned();
    let summary = again.run(&Fake::new(2)).unwrap();
    assert_eq!(summary.num_rows, 2);
    let dataset = Dataset::open(again.output()).unwrap();
    assert_eq!(dataset.columns(), ["id", "text", "meta", "none", "embedding", "second"]);
    let (first, second) = (place.read(), again.read());
    for name in ["id", "text", "meta", "none", "embedding"] {
        assert_eq!(first.column_by_name(name), second.column_by_name(name), "{name}");
    }
}

#[test]
fn progress_grows_to_the_end() {
    let place = Place::new("a.txt", "some text\n".repeat(5000));
    let mut seen = Vec::new();
    let mut last_tokens = (0, 0);
    jobs::run(&place.job, &Fake::new(2), &mut |progress| {
        seen.push(match progress {
            Progress::Scanning { num_rows } => (0, num_rows, None),
            Progress::Opened { total_rows, .. } => (1, 0, Some(total_rows)),
            Progress::Checking { num_rows, total_rows } => (2, num_rows, Some(total_rows)),
            Progress::Embedding { num_rows, total_rows, num_tokens, num_truncated } => {
                last_tokens = (num_tokens, num_truncated);
                (3, num_rows, Some(total_rows))
            }
        });
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(seen[..2], [(0, 4096, None), (1, 0, Some(5000))]);
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(seen.contains(&(2, 5000, Some(5000))), "{seen:?}");
    assert_eq!(seen.last(), Some(&(3, 5000, Some(5000))));
    assert_eq!(last_tokens, (10_000, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    // Texts are sorted by length inside, over several windows and pieces; rows never are.
    #[test]
    fn each_row_has_the_embedding_of_its_own_text(
        lengths in proptest::collection::vec(1usize..3000, 1..50),
        repeats in 1usize..120,
    ) {
        let mut texts = Vec::new();
        for repeat in 0..repeats {
            for (index, length) in lengths.iter().enumerate() {
                let head = format!("{repeat} {index} ");
                texts.push(format!("{head}{}", "x".repeat(*length / (repeat + 1))));
            }
        }
        let place = Place::new("a.txt", texts.join("\n"));
        let fake = Fake::new(2);
        let summary = place.run(&fake).unwrap();
        prop_assert_eq!(summary.num_rows, texts.len() as u64);
        prop_assert_eq!(fake.num_submitted.get(), texts.len());
        let rows = place.read();
        prop_assert_eq!(rows.num_rows(), texts.len());
        let column = rows.column_by_name("text").unwrap().as_string::<i32>();
        for (row, text) in texts.iter().enumerate() {
            prop_assert_eq!(column.value(row), text);
            prop_assert_eq!(embedding(&rows, row), fake.embedding(text));
        }
    }
}
