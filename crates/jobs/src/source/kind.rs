//! Which files make a source, and what kind they are of. Names decide, not contents.

use std::path::{Path, PathBuf};

use super::SourceError;

/// As error messages list them.
pub(super) const KNOWN_EXTENSIONS: &str =
    ".csv, .tsv, .jsonl, .ndjson, .json, .txt (each also with .gz) or .parquet";

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Comma-separated, with a header.
    Csv,
    /// Tab-separated, with a header.
    Tsv,
    /// JSON, an object a line.
    JsonLines,
    /// An array of objects, or an object a line.
    Json,
    /// A row a line.
    Text,
    /// Apache Parquet.
    Parquet,
}

impl Kind {
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let (name, zipped) = match name.strip_suffix(".gz") {
            Some(name) => (name, true),
            None => (name.as_str(), false),
        };
        match name.rsplit_once('.')?.1 {
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "json" => Some(Self::Json),
            "txt" => Some(Self::Text),
            "parquet" if !zipped => Some(Self::Parquet),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::JsonLines => "jsonl",
            Self::Json => "json",
            Self::Text => "txt",
            Self::Parquet => "parquet",
        }
    }
}

/// Returns the files behind `path`, in order of name, and their one kind.
///
/// A folder's own files count, or, where it has a folder `data` as datasets on the Hub and our own
/// output have, that folder's. Hidden files, READMEs and licences are passed over; any other file
/// that we do not know is an error, because rows may be in it.
pub(super) fn files_of(path: &Path) -> Result<(Vec<PathBuf>, Kind), SourceError> {
    let metadata = fs_err::metadata(path).map_err(|source| SourceError::read(path, source))?;
    if !metadata.is_dir() {
        if !metadata.is_file() {
            return Err(SourceError::NotAFile { path: path.to_owned() });
        }
        let unknown = || SourceError::UnknownKind { path: path.to_owned() };
        return Ok((vec![path.to_owned()], Kind::of(path).ok_or_else(unknown)?));
    }
    let data = path.join("data");
    let files = if data.is_dir() { list_split(&data)? } else { list(path)? };
    let kind = one_kind(path, &files)?;
    Ok((files, kind))
}

/// The files of a `data` folder, which must all be of one split: `train-00000-of-00002.parquet` and
/// `test-00000-of-00001.parquet` are two datasets, not one.
fn list_split(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let files = list(folder)?;
    let Some((first, others)) = files.split_first() else { return Ok(files) };
    for file in others {
        if let (Some(one), Some(other)) = (split_of(first), split_of(file))
            && one != other
        {
            return Err(SourceError::Mixed {
                first: first.clone(),
                second: file.clone(),
                difference: format!(
                    "they are of the splits `{one}` and `{other}`, so put the files of one split \
                     into a folder of its own"
                ),
            });
        }
    }
    Ok(files)
}

/// `train` of `train-00000-of-00002.parquet`.
fn split_of(file: &Path) -> Option<&str> {
    let (name, _extension) = file.file_name()?.to_str()?.split_once('.')?;
    let (rest, num_shards) = name.rsplit_once("-of-")?;
    let (split, shard) = rest.rsplit_once('-')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(shard) && is_number(num_shards)).then_some(split)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let failed = |source| SourceError::read(folder, source);
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !is_passed_over(&entry.file_name().to_string_lossy()) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn is_passed_over(name: &str) -> bool {
    let card = ["readme", "readme.md", "readme.txt", "license", "license.md", "license.txt"];
    name.starts_with(['.', '_']) || card.contains(&name.to_ascii_lowercase().as_str())
}

fn one_kind(folder: &Path, files: &[PathBuf]) -> Result<Kind, SourceError> {
    let mut found: Option<(&PathBuf, Kind)> = None;
    for file in files {
        let kind = Kind::of(file).filter(|_| !file.is_dir());
        let kind = kind.ok_or_else(|| SourceError::UnknownKind { path: file.clone() })?;
        match found {
            None => found = Some((file, kind)),
            Some((_, first_kind)) if first_kind == kind => {}
            Some((first, first_kind)) => {
                return Err(SourceError::Mixed {
                    first: first.clone(),
                    second: file.clone(),
                    difference: format!(
                        "one is {} and the other {}",
                        first_kind.name(),
                        kind.name()
                    ),
                });
            }
        }
    }
    match found {
        Some((_, kind)) => Ok(kind),
        None => Err(SourceError::NoFiles { path: folder.to_owned() }),
    }
}
