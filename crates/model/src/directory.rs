//! The files of a model directory, and what each of them decides.
//!
//! Nothing is guessed in silence: a module, pooling mode or setting that we do not know is an error
//! that names it, and each assumption is written down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kernels::Pooling;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::LoadError;

/// What a model directory says, apart from its weights.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
    /// `config.json`, for the architecture to read.
    pub(crate) config: Value,
    pub(crate) model_type: String,
    /// In this order, side by side.
    pub(crate) pooling: Vec<Pooling>,
    /// Whether pooling leaves the prompt's tokens out.
    pub(crate) excludes_prompt: bool,
    /// What follows pooling.
    pub(crate) heads: Vec<HeadModule>,
    pub(crate) prompts: BTreeMap<String, String>,
    pub(crate) default_prompt_name: Option<String>,
    /// The most tokens of a sequence, if a file says.
    pub(crate) max_tokens: Option<usize>,
    pub(crate) tokenizer: TokenizerSettings,
    /// What was assumed because no file says, one sentence each.
    pub(crate) assumptions: Vec<String>,
}

/// A module after pooling, in the order of `modules.json`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum HeadModule {
    Dense { directory: PathBuf, config: DenseConfig },
    LayerNorm { directory: PathBuf },
    Normalize,
}

/// `config.json` of a Dense module.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct DenseConfig {
    pub(crate) in_features: usize,
    pub(crate) out_features: usize,
    #[serde(default = "yes")]
    pub(crate) bias: bool,
    /// A class path. Absent means tanh, as in sentence-transformers.
    pub(crate) activation_function: Option<String>,
    #[serde(default)]
    pub(crate) use_residual: bool,
}

/// What files beside `tokenizer.json` say about it. `None` leaves it as it is.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct TokenizerSettings {
    pub(crate) lowercase: Option<bool>,
    pub(crate) strip_accents: Option<bool>,
    pub(crate) split_chinese_chars: Option<bool>,
    /// `do_lower_case` of sentence-transformers: all text is lowercased before anything else.
    pub(crate) lowercase_first: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    class: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SentenceBertConfig {
    max_seq_length: Option<usize>,
    do_lower_case: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SentenceTransformersConfig {
    prompts: BTreeMap<String, String>,
    default_prompt_name: Option<String>,
    model_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TokenizerConfig {
    tokenizer_class: Option<String>,
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: Option<bool>,
    /// A float where nobody set it: 1e30.
    model_max_length: Option<f64>,
}

/// `1_Pooling/config.json`, in the form of before 5.4 and in the compact one since.
#[derive(Debug, Deserialize)]
struct PoolingConfig {
    pooling_mode: Option<OneOrMany>,
    #[serde(default = "yes")]
    include_prompt: bool,
    #[serde(flatten)]
    flags: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Published names: in the compact form, as a flag before 5.4, and ours. The order is that in which
/// sentence-transformers concatenates flags.
const POOLINGS: [(&str, &str, Pooling); 6] = [
    ("cls", "pooling_mode_cls_token", Pooling::Cls),
    ("max", "pooling_mode_max_tokens", Pooling::Max),
    ("mean", "pooling_mode_mean_tokens", Pooling::Mean),
    ("mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", Pooling::MeanSqrtLen),
    ("weightedmean", "pooling_mode_weightedmean_tokens", Pooling::WeightedMean),
    ("lasttoken", "pooling_mode_lasttoken", Pooling::LastToken),
];

const SUPPORTED_MODULES: &str = "Transformer, Pooling, Dense, LayerNorm, Normalize";

impl Directory {
    /// Reads every settings file.
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let config_path = path.join("config.json");
        if !config_path.exists() {
            return Err(LoadError::MissingFile {
                directory: path.to_owned(),
                file: "config.json",
                remedy: "name the folder of a sentence-transformers or transformers model",
            });
        }
        let config: Value = read_json(&config_path)?;
        let model_type = config["model_type"].as_str().unwrap_or_default().to_owned();
        let mut directory = Self {
            path: path.to_owned(),
            config,
            model_type,
            pooling: Vec::new(),
            excludes_prompt: false,
            heads: Vec::new(),
            prompts: BTreeMap::new(),
            default_prompt_name: None,
            max_tokens: None,
            tokenizer: TokenizerSettings::default(),
            assumptions: Vec::new(),
        };
        match read_optional_json::<Vec<Module>>(&path.join("modules.json"))? {
            Some(modules) => {
                directory.read_modules(&modules)?;
                directory.read_prompts()?;
            }
            None => directory.assume_plain(),
        }
        directory.read_tokenizer_settings()?;
        Ok(directory)
    }

    /// A directory without `modules.json` is read as sentence-transformers reads it.
    fn assume_plain(&mut self) {
        self.pooling = vec![Pooling::Mean];
        self.assumptions.push(
            "there is no modules.json, so embeddings are the mean over all tokens, not normalized"
                .to_owned(),
        );
    }

    fn read_modules(&mut self, modules: &[Module]) -> Result<(), LoadError> {
        let mut pooled = false;
        for module in modules {
            let directory = self.path.join(&module.path);
            // Old and new package paths end in the same class names.
            let class = module.class.rsplit('.').next().unwrap_or_default();
            match class {
                "Transformer" if !pooled => {}
                "Pooling" if !pooled => {
                    self.read_pooling(&directory.join("config.json"))?;
                    pooled = true;
                }
                "Dense" if pooled => {
                    let config = read_json(&directory.join("config.json"))?;
                    self.heads.push(HeadModule::Dense { directory, config });
                }
                "LayerNorm" if pooled => self.heads.push(HeadModule::LayerNorm { directory }),
                "Normalize" if pooled => self.heads.push(HeadModule::Normalize),
                _ => {
                    return Err(LoadError::Unsupported {
                        path: self.path.join("modules.json"),
                        what: "module",
                        value: module.class.clone(),
                        supported: format!("{SUPPORTED_MODULES}, in this order"),
                    });
                }
            }
        }
        if !pooled {
            return Err(LoadError::Unsupported {
                path: self.path.join("modules.json"),
                what: "a model without the module",
                value: "Pooling".to_owned(),
                supported: format!("{SUPPORTED_MODULES}, in this order"),
            });
        }
        Ok(())
    }

    fn read_pooling(&mut self, path: &Path) -> Result<(), LoadError> {
        let config: PoolingConfig = read_json(path)?;
        self.excludes_prompt = !config.include_prompt;
        let unsupported = |value: String| LoadError::Unsupported {
            path: path.to_owned(),
            what: "pooling mode",
            value,
            supported: POOLINGS.map(|(compact, ..)| compact).join(", "),
        };
        let names = match config.pooling_mode {
            Some(OneOrMany::One(name)) => vec![name],
            Some(OneOrMany::Many(names)) => names,
            None => {
                let is_set = |flag: &str| config.flags.get(flag) == Some(&Value::Bool(true));
                if let Some(flag) = config.flags.keys().find(|flag| {
                    flag.starts_with("pooling_mode_")
                        && is_set(flag)
                        && !POOLINGS.iter().any(|(_, known, _)| known == flag)
                }) {
                    return Err(unsupported(flag.clone()));
                }
                POOLINGS
                    .iter()
                    .filter(|(_, flag, _)| is_set(flag))
                    .map(|(compact, ..)| (*compact).to_owned())
                    .collect()
            }
        };
        for name in names {
            let known = POOLINGS.iter().find(|(compact, ..)| *compact == name);
            self.pooling.push(known.ok_or_else(|| unsupported(name))?.2);
        }
        if self.pooling.is_empty() {
            self.pooling.push(Pooling::Mean);
            self.assumptions
                .push(format!("{} sets no pooling mode, so it is mean", path.display()));
        }
        Ok(())
    }

    fn read_prompts(&mut self) -> Result<(), LoadError> {
        let path = self.path.join("config_sentence_transformers.json");
        let config: SentenceTransformersConfig = read_optional_json(&path)?.unwrap_or_default();
        if let Some(kind) = config.model_type.filter(|kind| kind != "SentenceTransformer") {
            return Err(LoadError::Unsupported {
                path,
                what: "model_type",
                value: kind,
                supported: "SentenceTransformer".to_owned(),
            });
        }
        self.prompts = config.prompts;
        self.default_prompt_name = config.default_prompt_name;
        if let Some(name) = &self.default_prompt_name
            && !self.prompts.contains_key(name)
        {
            let known = self.prompts.keys().cloned().collect();
            return Err(LoadError::UnknownPrompt { name: name.clone(), known });
        }
        Ok(())
    }

    fn read_tokenizer_settings(&mut self) -> Result<(), LoadError> {
        let path = self.path.join("sentence_bert_config.json");
        let sentence: SentenceBertConfig = read_optional_json(&path)?.unwrap_or_default();
        let path = self.path.join("tokenizer_config.json");
        let tokenizer: TokenizerConfig = read_optional_json(&path)?.unwrap_or_default();

        // Where the class is generic, transformers takes tokenizer.json as it is.
        let class = tokenizer.tokenizer_class.as_deref().unwrap_or_default();
        if class.starts_with("Bert") || class.starts_with("MPNet") {
            self.tokenizer.lowercase = tokenizer.do_lower_case;
            self.tokenizer.strip_accents = tokenizer.strip_accents;
            self.tokenizer.split_chinese_chars = tokenizer.tokenize_chinese_chars;
        }
        self.tokenizer.lowercase_first = sentence.do_lower_case;
        // An unset length is 1e30 in Python; nothing that long is a length.
        let by_tokenizer = tokenizer
            .model_max_length
            .filter(|length| (1.0..1e9).contains(length))
            .map(|length| length as usize);
        self.max_tokens = sentence.max_seq_length.or(by_tokenizer);
        Ok(())
    }
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, LoadError> {
    let text =
        fs_err::read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&text)
        .map_err(|source| LoadError::Parse { path: path.to_owned(), source })
}

fn read_optional_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, LoadError> {
    if path.exists() { read_json(path).map(Some) } else { Ok(None) }
}
