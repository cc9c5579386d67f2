//! Whether a folder has what a model needs, before anything tries to load it.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::handler::HANDLER_PATH;
use crate::name::{EntryName, shown};

/// The most bytes of a list of shards that are read. That of a model with 10,000 tensors has one.
const MAX_INDEX_BYTES: u64 = 16 << 20;

/// How a file begins that git-lfs should have replaced.
const LFS_POINTER: &[u8] = b"version https://git-lfs";

/// A folder with everything that a model needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRoot {
    path: PathBuf,
    /// The files of weights, relative to the folder.
    pub weights: Vec<PathBuf>,
    /// Whether there is a handler at [`HANDLER_PATH`].
    pub has_handler: bool,
}

/// A folder that lacks something.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Files are missing. All of them are listed.
    #[error("the model lacks {}", .missing.iter().map(Missing::to_string).collect::<Vec<_>>().join("; "))]
    Incomplete {
        /// Which.
        missing: Vec<Missing>,
    },

    /// A file is unreadable.
    #[error("failed to read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// The list of shards is not one.
    #[error("{} is no list of shards; get it again", .path.display())]
    Index {
        /// The file.
        path: PathBuf,
    },
}

/// A file that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its path in the folder.
    pub file: String,
    /// What to do.
    pub remedy: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.file, self.remedy)
    }
}

const FETCH: &str = "only its git-lfs pointer is there: run `git lfs pull` before packing";
const PACK_INSIDE: &str =
    "pack the files of the model's folder, with `tar czf model.tar.gz *` inside it";
const CONVERT: &str = "there are weights in another format: convert them with `python3 -c \"from \
     transformers import AutoModel; AutoModel.from_pretrained('.').save_pretrained('.')\"`, or for \
     TensorFlow and Flax with `from_tf=True` or `from_flax=True`";
const ADD_SHARD: &str = "model.safetensors.index.json lists it: get it and pack again";
const MAKE_TOKENIZER: &str = "write it with `python3 -c \"from transformers import AutoTokenizer; \
     AutoTokenizer.from_pretrained('.').save_pretrained('.')\"`";

const OTHER_WEIGHTS: [&str; 5] = [
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "tf_model.h5",
    "flax_model.msgpack",
    "rust_model.ot",
];

const OTHER_TOKENIZERS: [&str; 5] =
    ["tokenizer_config.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model"];

impl PackageRoot {
    /// Checks a folder: config.json, model.safetensors or all of its shards, and tokenizer.json.
    ///
    /// # Errors
    ///
    /// [`PackageError::Incomplete`] lists all that is missing, each with what to do.
    pub fn check(path: &Path) -> Result<Self, PackageError> {
        let mut missing = Vec::new();
        require(path, "config.json", PACK_INSIDE, &mut missing)?;
        let weights = check_weights(path, &mut missing)?;
        let has_other = OTHER_TOKENIZERS.iter().any(|name| path.join(name).is_file());
        let remedy = if has_other { MAKE_TOKENIZER } else { PACK_INSIDE };
        require(path, "tokenizer.json", remedy, &mut missing)?;
        if !missing.is_empty() {
            return Err(PackageError::Incomplete { missing });
        }
        let has_handler = path.join(HANDLER_PATH).is_file();
        Ok(Self { path: path.to_owned(), weights, has_handler })
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn check_weights(path: &Path, missing: &mut Vec<Missing>) -> Result<Vec<PathBuf>, PackageError> {
    const SINGLE: &str = "model.safetensors";
    let index = path.join("model.safetensors.index.json");
    if !path.join(SINGLE).is_file() && index.is_file() {
        let shards = read_shards(&index)?;
        for shard in &shards {
            require(path, shard, ADD_SHARD, missing)?;
        }
        return Ok(shards.into_iter().map(PathBuf::from).collect());
    }
    let has_other = OTHER_WEIGHTS.iter().any(|name| path.join(name).is_file());
    require(path, SINGLE, if has_other { CONVERT } else { PACK_INSIDE }, missing)?;
    Ok(vec![PathBuf::from(SINGLE)])
}

/// Returns the names in a list of shards, which must be plain: the list may come from anybody.
fn read_shards(index: &Path) -> Result<BTreeSet<String>, PackageError> {
    let failed = |source| PackageError::Read { path: index.to_owned(), source };
    let malformed = || PackageError::Index { path: index.to_owned() };
    let mut bytes = Vec::new();
    let file = fs_err::File::open(index).map_err(failed)?;
    file.take(MAX_INDEX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_INDEX_BYTES {
        return Err(malformed());
    }
    let json: Value = serde_json::from_slice(&bytes).map_err(|_| malformed())?;
    let names = json["weight_map"].as_object().ok_or_else(malformed)?;
    let mut shards = BTreeSet::new();
    for name in names.values() {
        let name = name.as_str().ok_or_else(malformed)?;
        let is_plain = EntryName::parse(name.as_bytes())
            .is_ok_and(|parsed| parsed.as_str() == name && parsed.depth() == 1);
        if !is_plain {
            return Err(malformed());
        }
        shards.insert(name.to_owned());
    }
    if shards.is_empty() { Err(malformed()) } else { Ok(shards) }
}

/// Notes a file that is not there, or only as git-lfs's pointer to it.
fn require(
    folder: &Path,
    file: &str,
    remedy: &'static str,
    missing: &mut Vec<Missing>,
) -> Result<(), PackageError> {
    let path = folder.join(file);
    let remedy = if !path.is_file() {
        remedy
    } else if begins_with(&path, LFS_POINTER)? {
        FETCH
    } else {
        return Ok(());
    };
    missing.push(Missing { file: shown(file.as_bytes()), remedy });
    Ok(())
}

fn begins_with(path: &Path, beginning: &[u8]) -> Result<bool, PackageError> {
    let mut head = Vec::new();
    let read = fs_err::File::open(path)
        .and_then(|file| file.take(beginning.len() as u64).read_to_end(&mut head));
    read.map_err(|source| PackageError::Read { path: path.to_owned(), source })?;
    Ok(head == beginning)
}
