//! Which files of a model's folder go into its archive.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{LeftOut, PackError, WhyLeftOut};
use crate::name::EntryName;

/// What goes into an archive, by its path there; a folder before what is in it.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) entries: BTreeMap<String, Contents>,
    pub(super) left_out: Vec<LeftOut>,
}

/// What an entry is made of.
#[derive(Debug)]
pub(super) enum Contents {
    Folder,
    File { path: PathBuf, size: u64 },
    Text(String),
}

/// Weights in other formats, at the top of a folder. Shards have numbers before the ending.
const SECOND_WEIGHTS: [(&str, &str); 7] = [
    ("pytorch_model", ".bin"),
    ("pytorch_model", ".bin.index.json"),
    ("tf_model", ".h5"),
    ("tf_model", ".h5.index.json"),
    ("flax_model", ".msgpack"),
    ("flax_model", ".msgpack.index.json"),
    ("rust_model", ".ot"),
];

const SECOND_WEIGHTS_FOLDERS: [&str; 2] = ["onnx", "openvino"];

const ARCHIVES: [&str; 3] = [".tar.gz", ".tgz", ".tar"];

impl Listed {
    /// Lists a folder. Links to files stand for the files, as in the Hub's cache; links to folders are
    /// left out, so that no circle is followed.
    pub(super) fn of(folder: &Path) -> Result<Self, PackError> {
        let has_safetensors = ["model.safetensors", "model.safetensors.index.json"]
            .iter()
            .any(|name| folder.join(name).exists());
        let mut listed = Self::default();
        let mut waiting = vec![(folder.to_owned(), String::new())];
        while let Some((folder, prefix)) = waiting.pop() {
            let read = |source| PackError::Read { path: folder.clone(), source };
            for entry in fs_err::read_dir(&folder).map_err(read)? {
                let entry = entry.map_err(read)?;
                let path = entry.path();
                let name = entry.file_name();
                let name = [prefix.as_bytes(), name.as_encoded_bytes()].concat();
                let name = EntryName::parse(&name)
                    .map_err(|fault| PackError::Name { path: path.clone(), fault })?;
                let name = name.as_str().to_owned();
                if let Some(why) = why_left_out(&name, has_safetensors) {
                    listed.left_out.push(LeftOut { path: name, why });
                    continue;
                }
                let failed = |source| PackError::Read { path: path.clone(), source };
                let is_link = entry.file_type().map_err(failed)?.is_symlink();
                let metadata = fs_err::metadata(&path).map_err(failed)?;
                if metadata.is_file() {
                    let size = metadata.len();
                    listed.entries.insert(name, Contents::File { path, size });
                } else if metadata.is_dir() && !is_link {
                    waiting.push((path, format!("{name}/")));
                    listed.entries.insert(name, Contents::Folder);
                } else {
                    listed.left_out.push(LeftOut { path: name, why: WhyLeftOut::NoFile });
                }
            }
        }
        listed.left_out.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(listed)
    }
}

fn why_left_out(path: &str, has_safetensors: bool) -> Option<WhyLeftOut> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.starts_with('.') {
        return Some(WhyLeftOut::Hidden);
    }
    if path.contains('/') {
        return None;
    }
    if ARCHIVES.iter().any(|ending| name.ends_with(ending)) {
        return Some(WhyLeftOut::Archive);
    }
    let is_second = SECOND_WEIGHTS_FOLDERS.contains(&name)
        || SECOND_WEIGHTS.iter().any(|(stem, ending)| {
            let rest = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(ending));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        });
    (is_second && has_safetensors).then_some(WhyLeftOut::SecondWeights)
}
