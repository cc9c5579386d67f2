//! Named, shape-checked reads from safetensors files.
//!
//! The files are mapped, read once and let go: what an encoder keeps is its own packed copy.
#![expect(unsafe_code, reason = "maps weight files")]

use std::collections::HashMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use fs_err::File;
use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata};
use sha2::{Digest, Sha256};

use crate::LoadError;

/// The weights files of one directory, or of one module in it.
pub(crate) struct WeightFiles {
    directory: PathBuf,
    files: Vec<WeightFile>,
    /// Which file has which tensor.
    by_name: HashMap<String, usize>,
}

struct WeightFile {
    path: PathBuf,
    bytes: Mmap,
    metadata: Metadata,
    data_start: usize,
}

#[derive(serde::Deserialize)]
struct ShardIndex {
    weight_map: HashMap<String, String>,
}

impl WeightFiles {
    /// Opens `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
    pub(crate) fn open(directory: &Path) -> Result<Self, LoadError> {
        let single = directory.join("model.safetensors");
        let index = directory.join("model.safetensors.index.json");
        let paths = if single.exists() {
            vec![single]
        } else if index.exists() {
            let index: ShardIndex = crate::directory::read_json(&index)?;
            let mut names: Vec<String> = index.weight_map.into_values().collect();
            names.sort();
            names.dedup();
            names.into_iter().map(|name| directory.join(name)).collect()
        } else {
            return Err(LoadError::MissingFile {
                directory: directory.to_owned(),
                file: "model.safetensors",
                remedy: "weights are read from safetensors files only; convert pytorch_model.bin \
                         with transformers' save_pretrained",
            });
        };
        let files = paths.into_iter().map(WeightFile::open).collect::<Result<Vec<_>, _>>()?;
        let mut by_name = HashMap::new();
        for (number, file) in files.iter().enumerate() {
            by_name.extend(file.metadata.offset_keys().into_iter().map(|name| (name, number)));
        }
        Ok(Self { directory: directory.to_owned(), files, by_name })
    }

    /// Returns the SHA-256 over the bytes of all files, in the order of their names; for a single file
    /// it is what the Hub calls that file's LFS id.
    pub(crate) fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for file in &self.files {
            hash.update(&file.bytes);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Returns the tensors whose names begin with `prefix`.
    pub(crate) fn under(&self, prefix: &str) -> Weights<'_> {
        Weights { files: self, prefix: prefix.to_owned() }
    }
}

impl WeightFile {
    fn open(path: PathBuf) -> Result<Self, LoadError> {
        let read = |source| LoadError::Read { path: path.clone(), source };
        let file = File::open(&path).map_err(read)?;
        // SAFETY: the map is read during loading only. Another process that cuts the file meanwhile
        // ends this one with a bus error, as for every program that maps files.
        let bytes = unsafe { Mmap::map(file.file()) }.map_err(read)?;
        let (header_len, metadata) = SafeTensors::read_metadata(&bytes)
            .map_err(|source| LoadError::DamagedWeights { path: path.clone(), source })?;
        Ok(Self { path, bytes, metadata, data_start: size_of::<u64>() + header_len })
    }
}

/// Tensors below one name.
#[derive(Clone)]
pub(crate) struct Weights<'a> {
    files: &'a WeightFiles,
    prefix: String,
}

impl Weights<'_> {
    /// Returns the tensors below `name` of these.
    pub(crate) fn child(&self, name: impl Display) -> Self {
        Self { files: self.files, prefix: self.full_name(&name.to_string()) }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.files.has(&self.full_name(name))
    }

    /// Returns whether there is any tensor below `name`.
    pub(crate) fn has_below(&self, name: impl Display) -> bool {
        let below = format!("{}.", self.full_name(&name.to_string()));
        self.files.by_name.keys().any(|tensor| tensor.starts_with(&below))
    }

    fn full_name(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}.{name}", self.prefix) }
    }

    /// Reads one tensor as f32, row major.
    ///
    /// # Errors
    ///
    /// If it is missing, has another shape, no floats, or a value that is not finite.
    pub(crate) fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        let name = self.full_name(name);
        let Some(file) = self.files.by_name.get(&name).map(|number| &self.files.files[*number])
        else {
            return Err(LoadError::MissingTensor { name, directory: self.files.directory.clone() });
        };
        let path = || file.path.clone();
        let info = file.metadata.info(&name).expect("the name came from this file's metadata");
        if info.shape != shape {
            let (expected, got) = (shape.to_vec(), info.shape.clone());
            return Err(LoadError::TensorShape { name, path: path(), expected, got });
        }
        // In range: the metadata was checked against the length of the file.
        let (begin, end) = info.data_offsets;
        let bytes = &file.bytes[file.data_start + begin..file.data_start + end];
        let Some(floats) = widen(bytes, info.dtype) else {
            let got = format!("{:?}", info.dtype);
            return Err(LoadError::TensorType { name, path: path(), got });
        };
        match floats.iter().position(|x| !x.is_finite()) {
            Some(index) => Err(LoadError::TensorNotFinite { name, path: path(), index }),
            None => Ok(floats),
        }
    }
}

/// Reads little-endian floats of any width as f32; `None` for other types.
fn widen(bytes: &[u8], dtype: Dtype) -> Option<Vec<f32>> {
    let halves = || bytes.as_chunks().0.iter().copied();
    // No wildcard on the types that we read; the rest, present and future, are refused alike.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list of types is the library's")]
    match dtype {
        Dtype::F32 => Some(bytes.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect()),
        Dtype::F16 => Some(halves().map(|x| f16::from_le_bytes(x).to_f32()).collect()),
        Dtype::BF16 => Some(halves().map(|x| bf16::from_le_bytes(x).to_f32()).collect()),
        _ => None,
    }
}
