//! Something to embed with that needs no model, and what tests do with it.

use std::cell::Cell;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Float32Type;
use jobs::{BoxError, Embed, EmbedSpec, Embedded, Job, JobError, Overwrite, Summary};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

/// Makes embeddings from a text's bytes.
pub(crate) struct Fake {
    pub(crate) spec: EmbedSpec,
    /// How many texts were submitted so far.
    pub(crate) num_submitted: Cell<usize>,
}

impl Fake {
    pub(crate) fn new(dimensions: usize) -> Self {
        let spec = EmbedSpec {
            model: "some/model".to_owned(),
            weight_hash: "abc123".to_owned(),
            pooling: vec!["mean".to_owned()],
            prompt_name: Some("document".to_owned()),
            prompt: Some("passage: ".to_owned()),
            query_prompt: None,
            normalized: true,
            dimensions,
            max_tokens: 8,
        };
        Self { spec, num_submitted: Cell::new(0) }
    }

    /// Returns a vector of length 1 that no other text has.
    pub(crate) fn embedding(&self, text: &str) -> Vec<f32> {
        let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let vector: Vec<f32> = (0..self.spec.dimensions).map(|_| next()).collect();
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.into_iter().map(|x| x / norm).collect()
    }
}

impl Embed for Fake {
    type Pending = Vec<String>;

    fn spec(&self) -> &EmbedSpec {
        &self.spec
    }

    fn submit(&self, texts: Vec<String>) -> Result<Vec<String>, BoxError> {
        self.num_submitted.set(self.num_submitted.get() + texts.len());
        Ok(texts)
    }

    fn wait(&self, texts: Vec<String>) -> Result<Vec<Result<Embedded, BoxError>>, BoxError> {
        let embed = |text: String| {
            let num_words = text.split_whitespace().count();
            Ok(Embedded {
                embedding: self.embedding(&text),
                num_tokens: num_words.min(self.spec.max_tokens),
                truncated_from: (num_words > self.spec.max_tokens).then_some(num_words),
            })
        };
        Ok(texts.into_iter().map(embed).collect())
    }
}

/// A source in a folder of its own, and a place for the output.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) job: Job,
}

impl Place {
    pub(crate) fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join(name);
        fs_err::write(&source, content).unwrap();
        let job = job(source, folder.path().join("out"));
        Self { folder, job }
    }

    pub(crate) fn output(&self) -> &Path {
        &self.job.output
    }

    pub(crate) fn run(&self, embed: &impl Embed) -> Result<Summary, JobError> {
        jobs::run(&self.job, embed, &mut |_| ControlFlow::Continue(()))
    }

    /// Opens the only shard of the output.
    pub(crate) fn reader(&self) -> ParquetRecordBatchReaderBuilder<std::fs::File> {
        let path = self.output().join("data/train-00000-of-00001.parquet");
        let file = fs_err::File::open(path).unwrap();
        ParquetRecordBatchReaderBuilder::try_new(file.into_parts().0).unwrap()
    }

    /// Reads the only shard of the output.
    pub(crate) fn read(&self) -> RecordBatch {
        let reader = self.reader();
        let schema = reader.schema().clone();
        let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        concat_batches(&schema, &batches).unwrap()
    }

    /// Returns the names in the folder beside the source, hidden ones too.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }
}

pub(crate) fn job(source: PathBuf, output: PathBuf) -> Job {
    Job {
        source,
        column: Some("text".to_owned()),
        embedding_column: "embedding".to_owned(),
        output,
        overwrite: Overwrite::Refuse,
    }
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Returns the embedding of one row.
pub(crate) fn embedding(rows: &RecordBatch, row: usize) -> Vec<f32> {
    let list = rows.column_by_name("embedding").unwrap().as_fixed_size_list().value(row);
    list.as_primitive::<Float32Type>().values().to_vec()
}

/// Joins an error and its sources as the binary prints them.
pub(crate) fn chain(error: &dyn Error) -> String {
    match error.source() {
        None => error.to_string(),
        Some(source) => format!("{error}: {}", chain(source)),
    }
}
