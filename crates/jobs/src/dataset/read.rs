//! A dataset folder that Sembla wrote, opened for reading.

use std::io;
use std::path::{Path, PathBuf};

use arrow::datatypes::{DataType, SchemaRef};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};

use super::ReadError;
use super::provenance::{FORMAT, PROVENANCE_KEY, Provenance};

/// An opened dataset. Holds the footers of its shards, no rows.
#[derive(Debug)]
pub struct Dataset {
    provenance: Provenance,
    shards: Vec<Shard>,
}

/// One Parquet file.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) path: PathBuf,
    metadata: ArrowReaderMetadata,
}

impl Dataset {
    /// Opens the folder that a job wrote.
    ///
    /// # Errors
    ///
    /// If shards are missing or damaged, or do not say how their embeddings were made.
    pub fn open(folder: &Path) -> Result<Self, ReadError> {
        let mut shards = Vec::new();
        let mut first: Option<Provenance> = None;
        for path in shard_paths(folder)? {
            let shard = Shard::open(path)?;
            let provenance = shard.provenance()?;
            match &first {
                None => first = Some(provenance),
                Some(first) => check_same(&shards[0], first, &shard, &provenance)?,
            }
            shards.push(shard);
        }
        let no_shards = || ReadError::NoShards { path: folder.to_owned() };
        Ok(Self { provenance: first.ok_or_else(no_shards)?, shards })
    }

    /// Returns how the embeddings were made.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Returns the names of all columns, in order.
    pub fn columns(&self) -> Vec<&str> {
        let schema = self.shards.first().map(Shard::schema);
        schema
            .iter()
            .flat_map(|schema| schema.fields())
            .map(|field| field.name().as_str())
            .collect()
    }

    /// Returns the number of rows.
    pub fn num_rows(&self) -> u64 {
        self.shards.iter().map(Shard::num_rows).sum()
    }

    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }
}

impl Shard {
    fn open(path: PathBuf) -> Result<Self, ReadError> {
        let file = fs_err::File::open(&path).map_err(|error| ReadError::io(&path, error))?;
        match ArrowReaderMetadata::load(&file.into_parts().0, Default::default()) {
            Ok(metadata) => Ok(Self { path, metadata }),
            Err(error) => Err(ReadError::parquet(&path, error)),
        }
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    pub(super) fn num_rows(&self) -> u64 {
        self.metadata.metadata().row_groups().iter().map(|group| group.num_rows() as u64).sum()
    }

    /// Starts reading rows.
    pub(super) fn reader(
        &self,
    ) -> Result<ParquetRecordBatchReaderBuilder<std::fs::File>, ReadError> {
        let file =
            fs_err::File::open(&self.path).map_err(|error| ReadError::io(&self.path, error))?;
        let metadata = self.metadata.clone();
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file.into_parts().0, metadata))
    }

    fn provenance(&self) -> Result<Provenance, ReadError> {
        let path = &self.path;
        let Some(text) = self.schema().metadata().get(PROVENANCE_KEY) else {
            let reason =
                "its metadata has no key `sembla`, so Sembla did not write it; embed it first";
            return Err(ReadError::no_provenance(path, reason));
        };
        check_format(path, text)?;
        let provenance: Provenance =
            serde_json::from_str(text).map_err(|error| ReadError::provenance(path, &error))?;
        let dimensions = provenance.encoder.dimensions;
        match self.schema().field_with_name(&provenance.embedding_column).map(|f| f.data_type()) {
            Ok(DataType::FixedSizeList(item, length))
                if item.data_type() == &DataType::Float32
                    && usize::try_from(*length) == Ok(dimensions) =>
            {
                Ok(provenance)
            }
            _ => {
                let column = &provenance.embedding_column;
                let reason = format!("there is no column `{column}` of {dimensions} float32");
                Err(ReadError::no_provenance(path, reason))
            }
        }
    }
}

/// Looks at the format alone, since a later one may lack any field that we know.
fn check_format(path: &Path, text: &str) -> Result<(), ReadError> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } =
        serde_json::from_str(text).map_err(|error| ReadError::provenance(path, &error))?;
    if format <= FORMAT {
        return Ok(());
    }
    let reason =
        format!("its `sembla` metadata has format {format}, and this version knows {FORMAT}");
    Err(ReadError::no_provenance(path, reason + "; use a newer Sembla"))
}

fn check_same(
    first: &Shard,
    expected: &Provenance,
    shard: &Shard,
    provenance: &Provenance,
) -> Result<(), ReadError> {
    let difference = if provenance != expected {
        "its embeddings were made in another way"
    } else if shard.schema().fields() != first.schema().fields() {
        "its columns differ"
    } else {
        return Ok(());
    };
    Err(ReadError::Foreign { path: shard.path.clone(), first: first.path.clone(), difference })
}

/// Returns the paths of all shards, in order.
fn shard_paths(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    fs_err::metadata(folder).map_err(|error| ReadError::io(folder, error))?;
    let data = folder.join("data");
    let entries = match fs_err::read_dir(&data) {
        Ok(entries) => entries,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Err(ReadError::NoShards { path: folder.to_owned() });
        }
        Err(error) => return Err(ReadError::io(&data, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| ReadError::io(&data, error))?;
        found.extend(entry.file_name().to_str().and_then(num_shards_of));
    }
    let Some(&num_shards) = found.iter().max() else {
        return Err(ReadError::NoShards { path: folder.to_owned() });
    };
    let name = |index| data.join(format!("train-{index:05}-of-{num_shards:05}.parquet"));
    let paths: Vec<PathBuf> = (0..num_shards).map(name).collect();
    match paths.iter().find(|path| !path.exists()) {
        Some(path) => Err(ReadError::MissingShard { path: path.clone(), num_shards }),
        None => Ok(paths),
    }
}

/// 2, of `train-00001-of-00002.parquet`.
fn num_shards_of(name: &str) -> Option<usize> {
    let (index, num_shards) =
        name.strip_prefix("train-")?.strip_suffix(".parquet")?.split_once("-of-")?;
    let number = |text: &str| text.parse::<usize>().ok().filter(|_| text.len() >= 5);
    number(index)?;
    number(num_shards)
}
