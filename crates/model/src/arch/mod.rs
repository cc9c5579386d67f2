//! The published networks that we compute: one registry row and one file each.
//!
//! A file says what differs (the fields of `config.json`, the names of tensors, which blocks come in
//! which order); `layers` says how it is computed.

mod bert;
mod mpnet;

use kernels::{Exec, Isa, Matrix};

use crate::LoadError;
use crate::directory::Directory;
use crate::encoder::PackedBatch;
use crate::weights::{WeightFiles, Weights};

/// A loaded network: packed ids in, token states out. Immutable, so that all workers share it.
pub(crate) trait Network: Send + Sync {
    /// Returns the states of all tokens, `[num_tokens, hidden_size]`.
    fn forward(&self, exec: &Exec, batch: &PackedBatch) -> Matrix;
    /// Returns the most tokens that a sequence can have, special tokens included.
    fn max_tokens(&self) -> usize;
    fn hidden_size(&self) -> usize;
    /// Returns how many ids have an embedding: all below this.
    fn vocab_size(&self) -> usize;
    /// Returns the number of weights in linear layers.
    fn num_linear_weights(&self) -> usize;
}

/// One row of the registry.
pub struct Architecture {
    /// The keys in `config.json` that choose it.
    pub model_types: &'static [&'static str],
    /// What people call it.
    pub title: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    load: LoadNetwork,
}

type LoadNetwork = fn(&Directory, &WeightFiles, Isa) -> Result<Box<dyn Network>, LoadError>;

/// All networks that we compute.
pub(crate) const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        model_types: &["bert"],
        title: "BERT",
        paper: "https://arxiv.org/abs/1810.04805",
        load: bert::load,
    },
    Architecture {
        model_types: &["mpnet"],
        title: "MPNet",
        paper: "https://arxiv.org/abs/2004.09297",
        load: mpnet::load,
    },
];

/// Returns the registry.
pub fn architectures() -> &'static [Architecture] {
    ARCHITECTURES
}

impl std::fmt::Debug for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Architecture {:?}", self.model_types)
    }
}

/// Finds the row of a directory's `model_type`.
pub(crate) fn find(directory: &Directory) -> Result<&'static Architecture, LoadError> {
    let model_type = directory.model_type.as_str();
    ARCHITECTURES.iter().find(|row| row.model_types.contains(&model_type)).ok_or_else(|| {
        LoadError::Unsupported {
            path: directory.path.join("config.json"),
            what: "model_type",
            value: model_type.to_owned(),
            supported: ARCHITECTURES
                .iter()
                .flat_map(|row| row.model_types)
                .copied()
                .collect::<Vec<_>>()
                .join(", "),
        }
    })
}

impl Architecture {
    pub(crate) fn load(
        &self,
        directory: &Directory,
        files: &WeightFiles,
        isa: Isa,
    ) -> Result<Box<dyn Network>, LoadError> {
        (self.load)(directory, files, isa)
    }
}

/// Reads the fields of `config.json` that an architecture names.
fn config<T: serde::de::DeserializeOwned>(directory: &Directory) -> Result<T, LoadError> {
    serde_json::from_value(directory.config.clone())
        .map_err(|source| LoadError::Parse { path: directory.path.join("config.json"), source })
}

/// Refuses a field of `config.json` whose value would change the forward pass in a way that we do
/// not compute.
fn refuse(
    directory: &Directory,
    what: &'static str,
    value: Option<String>,
    supported: &str,
) -> Result<(), LoadError> {
    match value {
        Some(value) if value != supported => Err(LoadError::Unsupported {
            path: directory.path.join("config.json"),
            what,
            value,
            supported: supported.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Refuses heads that do not share the hidden size evenly.
fn check_heads(
    directory: &Directory,
    num_heads: usize,
    hidden_size: usize,
) -> Result<(), LoadError> {
    if num_heads > 0 && hidden_size.is_multiple_of(num_heads) {
        return Ok(());
    }
    Err(LoadError::Unsupported {
        path: directory.path.join("config.json"),
        what: "num_attention_heads",
        value: num_heads.to_string(),
        supported: format!("divisors of hidden_size, {hidden_size}"),
    })
}

/// Refuses weights with more blocks than `config.json` says: leaving some out gives other vectors.
fn check_blocks(
    directory: &Directory,
    blocks: &Weights<'_>,
    num_blocks: usize,
) -> Result<(), LoadError> {
    if num_blocks > 0 && !blocks.has_below(num_blocks) {
        return Ok(());
    }
    Err(LoadError::Unsupported {
        path: directory.path.join("config.json"),
        what: "num_hidden_layers",
        value: num_blocks.to_string(),
        supported: "as many as the weights have, at least 1".to_owned(),
    })
}

/// Returns the network's own tensors: checkpoints that were saved with a head (a masked language
/// model, say) have them below the name of the base model.
fn base<'a>(files: &'a WeightFiles, name: &str) -> Weights<'a> {
    let below = files.has(&format!("{name}.embeddings.word_embeddings.weight"));
    files.under(if below { name } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_architecture_has_a_fixture() {
        for row in ARCHITECTURES {
            let fixture = crate::parity::fixture(&format!("tiny-{}", row.model_types[0]));
            assert!(fixture.join("reference/embeddings.f32").exists(), "{row:?}");
        }
    }
}
