//! Which files of a repository an encoder needs: of those that the Hub lists, and of those that are
//! in the cache.
//!
//! A repository also holds the same weights for other programs (ONNX, OpenVINO, TensorFlow); none
//! of those are wanted.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use serde::Deserialize;

/// The file that says which modules a sentence-transformers model has.
pub(crate) const MODULES: &str = "modules.json";

const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
const PROMPTS: &str = "config_sentence_transformers.json";
const LENGTHS: &str = "sentence_bert_config.json";

/// One entry of modules.json, as far as files go.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Module {
    /// The folder; empty for the repository's own.
    path: String,
    /// A Python class, of which only the last part is looked at.
    #[serde(rename = "type")]
    class: String,
}

/// Reads modules.json.
///
/// # Errors
///
/// If it is not a list of modules.
pub(crate) fn parse_modules(text: &str) -> Result<Vec<Module>, serde_json::Error> {
    serde_json::from_str(text)
}

impl Module {
    fn is(&self, name: &str) -> bool {
        self.class.rsplit('.').next() == Some(name)
    }

    fn folder(&self) -> &str {
        self.path.trim_matches('/')
    }
}

/// Returns the files of a listing that an encoder needs, in the listing's order.
///
/// `modules` are those of its modules.json; none for a plain transformers model.
pub(crate) fn select<'a>(listing: &'a [String], modules: &[Module]) -> Vec<&'a str> {
    let folders: BTreeSet<&str> = modules.iter().map(Module::folder).chain([""]).collect();
    let has_whole_weights = |folder: &str| listing.contains(&join(folder, WEIGHTS));
    let wanted = |path: &&str| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        stays_inside(path)
            && folders.contains(folder)
            && (is_wanted_name(name) || (is_shard(name) && !has_whole_weights(folder)))
    };
    listing.iter().map(String::as_str).filter(wanted).collect()
}

/// Returns the modules of a model directory; none if it does not say, or what it says cannot be read.
pub(crate) fn modules_in(dir: &Path) -> Vec<Module> {
    let text = fs_err::read_to_string(dir.join(MODULES)).ok();
    text.and_then(|text| parse_modules(&text).ok()).unwrap_or_default()
}

/// Returns the file that says which network a model has.
pub(crate) fn network_settings(modules: &[Module]) -> String {
    join(transformer_folder(modules), CONFIG)
}

/// Lists the files of a model directory and of the folders in it, where its modules are.
pub(crate) fn list_files(dir: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for name in names_in(dir) {
        let path = dir.join(&name);
        if path.is_dir() {
            files.extend(names_in(&path).into_iter().map(|inner| join(&name, &inner)));
        } else {
            files.push(name);
        }
    }
    files.sort();
    files
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Names what a repository lacks to be an encoder, before anything large is downloaded.
pub(crate) fn lacks(listing: &[String], modules: &[Module]) -> Vec<String> {
    let folder = transformer_folder(modules);
    let has = |name: &str| listing.contains(&join(folder, name));
    let mut lacking = Vec::new();
    for name in [CONFIG, TOKENIZER] {
        if !has(name) {
            lacking.push(join(folder, name));
        }
    }
    if !has(WEIGHTS) && !has(INDEX) {
        lacking.push(join(folder, WEIGHTS));
    }
    lacking
}

/// Returns the files that a model may have or not: whether it has them must be known, since each
/// changes the embeddings.
pub(crate) fn optional(modules: &[Module]) -> Vec<String> {
    let folder = transformer_folder(modules);
    let mut files = vec![MODULES.to_owned(), join(folder, TOKENIZER_CONFIG)];
    if !modules.is_empty() {
        files.extend([PROMPTS.to_owned(), join(folder, LENGTHS)]);
    }
    files
}

/// What a snapshot in the cache lacks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Gaps {
    /// Without these there is no encoder.
    pub(crate) missing: Vec<String>,
    /// Nobody asked for these yet, so the model may have them.
    pub(crate) unknown: Vec<String>,
}

/// Compares a snapshot with what an encoder needs. `is_known_absent` says of a file whether the
/// model is known not to have it.
pub(crate) fn gaps(snapshot: &Path, is_known_absent: &dyn Fn(&str) -> bool) -> Gaps {
    let exists = |file: &str| snapshot.join(file).is_file();
    let read = |file: &str| fs_err::read_to_string(snapshot.join(file)).ok();
    let modules = modules_in(snapshot);

    let mut gaps = Gaps::default();
    let folder = transformer_folder(&modules);
    let mut required = vec![join(folder, CONFIG), join(folder, TOKENIZER)];
    match read(&join(folder, INDEX)) {
        Some(index) if !exists(&join(folder, WEIGHTS)) => {
            required.extend(shards(&index).iter().map(|shard| join(folder, shard)));
        }
        _ => required.push(join(folder, WEIGHTS)),
    }
    for module in &modules {
        if !module.is("Transformer") && !module.is("Normalize") {
            required.push(join(module.folder(), CONFIG));
        }
        let has_weights = module.is("Dense") || module.is("LayerNorm");
        if has_weights && !exists(&join(module.folder(), "pytorch_model.bin")) {
            required.push(join(module.folder(), WEIGHTS));
        }
    }
    gaps.missing.extend(required.into_iter().filter(|file| !exists(file)));
    let is_unknown = |file: &String| !exists(file) && !is_known_absent(file);
    gaps.unknown.extend(optional(&modules).into_iter().filter(is_unknown));
    gaps
}

fn transformer_folder(modules: &[Module]) -> &str {
    modules.iter().find(|module| module.is("Transformer")).map_or("", Module::folder)
}

fn shards(index: &str) -> BTreeSet<String> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    // A damaged index names no shards; loading the model then says what is wrong with it.
    let index: Option<Index> = serde_json::from_str(index).ok();
    index.map(|index| index.weight_map.into_values().collect()).unwrap_or_default()
}

fn is_wanted_name(name: &str) -> bool {
    let is_tokenizer = name.starts_with("tokenizer") && name.ends_with(".json");
    // Older models have sentence_roberta_config.json and the like.
    let is_lengths = name.starts_with("sentence_") && name.ends_with("_config.json");
    let exact = [CONFIG, MODULES, PROMPTS, WEIGHTS, "special_tokens_map.json"];
    is_tokenizer || is_lengths || exact.contains(&name)
}

fn is_shard(name: &str) -> bool {
    name == INDEX || (name.starts_with("model-") && name.ends_with(".safetensors"))
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Whether a path from the Hub stays inside the folder that it is put into.
fn stays_inside(path: &str) -> bool {
    !path.contains('\\')
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINILM: &str = r#"[
        {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
        {"idx": 3, "path": "3_Normalize", "type": "sentence_transformers.models.Normalize"}
    ]"#;

    fn listing(files: &[&str]) -> Vec<String> {
        files.iter().map(|file| (*file).to_owned()).collect()
    }

    #[test]
    fn other_programs_weights_are_left_out() {
        let listing = listing(&[
            ".gitattributes",
            "1_Pooling/config.json",
            "2_Dense/config.json",
            "2_Dense/model.safetensors",
            "2_Dense/pytorch_model.bin",
            "README.md",
            "config.json",
            "config_sentence_transformers.json",
            "model.safetensors",
            "modules.json",
            "onnx/config.json",
            "onnx/model.onnx",
            "openvino/openvino_model.xml",
            "pytorch_model.bin",
            "sentence_bert_config.json",
            "special_tokens_map.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "train_script.py",
            "vocab.txt",
        ]);
        let modules = parse_modules(MINILM).unwrap();
        assert_eq!(
            select(&listing, &modules),
            [
                "1_Pooling/config.json",
                "2_Dense/config.json",
                "2_Dense/model.safetensors",
                "config.json",
                "config_sentence_transformers.json",
                "model.safetensors",
                "modules.json",
                "sentence_bert_config.json",
                "special_tokens_map.json",
                "tokenizer.json",
                "tokenizer_config.json",
            ]
        );
        assert!(lacks(&listing, &modules).is_empty());
    }

    #[test]
    fn shards_are_wanted_where_there_is_no_whole() {
        let shards =
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", INDEX];
        assert_eq!(select(&listing(&shards), &[]), shards);
        let both = [&shards[..], &[WEIGHTS]].concat();
        assert_eq!(select(&listing(&both), &[]), [WEIGHTS]);
    }

    #[test]
    fn a_listing_cannot_lead_out_of_the_folder() {
        let modules = parse_modules(
            r#"[{"path": "../../etc", "type": "x.Pooling"}, {"path": "a\\..", "type": "x.Pooling"}]"#,
        )
        .unwrap();
        let listing = listing(&["../../etc/config.json", "/config.json", "a\\../config.json"]);
        assert_eq!(select(&listing, &modules), [""; 0]);
    }

    #[test]
    fn a_repository_without_safetensors_or_tokenizer_says_so() {
        let old = listing(&["config.json", "pytorch_model.bin", "vocab.txt"]);
        assert_eq!(lacks(&old, &[]), ["tokenizer.json", "model.safetensors"]);
    }

    #[test]
    fn a_snapshot_is_compared_with_its_own_modules() {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = dir.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        let nothing_known = |_: &str| false;
        assert_eq!(
            gaps(dir.path(), &nothing_known),
            Gaps {
                missing: listing(&["config.json", "tokenizer.json", "model.safetensors"]),
                unknown: listing(&["modules.json", "tokenizer_config.json"]),
            }
        );
        for file in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
            write(file, "{}");
        }
        write(INDEX, r#"{"weight_map": {"a": "model-1.safetensors", "b": "model-1.safetensors"}}"#);
        write(MODULES, MINILM);
        let known = |file: &str| file == PROMPTS;
        assert_eq!(
            gaps(dir.path(), &known),
            Gaps {
                missing: listing(&[
                    "model-1.safetensors",
                    "1_Pooling/config.json",
                    "2_Dense/config.json",
                    "2_Dense/model.safetensors",
                ]),
                unknown: listing(&["sentence_bert_config.json"]),
            }
        );
    }
}
