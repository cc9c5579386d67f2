//! Each way in which a directory can be damaged or ask for too much ends in an error that names the
//! file, the thing and the remedy.

use std::error::Error;
use std::path::Path;

use expect_test::{Expect, expect};
use model::{LoadOptions, load};
use serde_json::Value;
use tempfile::TempDir;

/// A copy of a fixture that a test may damage.
struct Copy(TempDir);

impl Copy {
    fn of(model: &str) -> Self {
        let copy = Self(TempDir::new().unwrap());
        copy_tree(&crate::fixtures().join("models").join(model), copy.0.path());
        copy
    }

    fn remove(self, file: &str) -> Self {
        fs_err::remove_file(self.0.path().join(file)).unwrap();
        self
    }

    fn write(self, file: &str, text: &str) -> Self {
        fs_err::write(self.0.path().join(file), text).unwrap();
        self
    }

    fn edit(self, file: &str, change: impl FnOnce(&mut Value)) -> Self {
        let mut json =
            serde_json::from_slice(&fs_err::read(self.0.path().join(file)).unwrap()).unwrap();
        change(&mut json);
        self.write(file, &json.to_string())
    }

    fn edit_bytes(self, file: &str, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let path = self.0.path().join(file);
        let mut bytes = fs_err::read(&path).unwrap();
        change(&mut bytes);
        fs_err::write(path, bytes).unwrap();
        self
    }

    #[track_caller]
    fn check(self, expected: Expect) {
        let error = load(self.0.path(), &LoadOptions::default()).expect_err("it was loaded");
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        let directory = self.0.path().display().to_string();
        expected.assert_eq(&message.replace(&directory, "DIR"));
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs_err::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn a_directory_without_config_is_no_model() {
    Copy::of("tiny-bert").remove("config.json").check(expect![
        "DIR has no config.json; name the folder of a sentence-transformers or transformers model"
    ]);
}

#[test]
fn a_missing_tokenizer_is_named() {
    Copy::of("tiny-bert").remove("tokenizer.json").check(expect!["DIR has no tokenizer.json; the tokenizer is read from this file only; make it with transformers' AutoTokenizer.from_pretrained(…).save_pretrained(…)"]);
}

#[test]
fn missing_weights_are_named() {
    Copy::of("tiny-bert").remove("model.safetensors").check(expect!["DIR has no model.safetensors; weights are read from safetensors files only; convert pytorch_model.bin with transformers' save_pretrained"]);
}

#[test]
fn a_missing_shard_is_named() {
    let copy = Copy::of("tiny-bert-compact");
    copy.remove("model-00002-of-00003.safetensors").check(expect!["failed to read DIR/model-00002-of-00003.safetensors: failed to open file `DIR/model-00002-of-00003.safetensors`: No such file or directory (os error 2)"]);
}

#[test]
fn truncated_weights_are_named() {
    Copy::of("tiny-bert")
        .edit_bytes("model.safetensors", |bytes| bytes.truncate(bytes.len() / 2))
        .check(expect!["failed to read the header of DIR/model.safetensors; the file may be incomplete, get it again: incomplete metadata, file not fully covered"]);
    Copy::of("tiny-bert").write("model.safetensors", "").check(expect!["failed to read the header of DIR/model.safetensors; the file may be incomplete, get it again: header too small"]);
}

#[test]
fn weights_that_are_no_safetensors_file_are_named() {
    Copy::of("tiny-bert").write("model.safetensors", "version https://git-lfs").check(expect!["failed to read the header of DIR/model.safetensors; the file may be incomplete, get it again: header too large"]);
}

#[test]
fn a_tensor_of_the_wrong_shape_is_named() {
    Copy::of("tiny-bert")
        .edit("config.json", |config| config["intermediate_size"] = 63.into())
        .check(expect!["tensor `encoder.layer.0.intermediate.dense.weight` in DIR/model.safetensors has shape [64, 32], expected [63, 32]"]);
}

#[test]
fn a_missing_tensor_is_named() {
    Copy::of("tiny-bert")
        .edit("config.json", |config| config["num_hidden_layers"] = 3.into())
        .check(expect![
            "tensor `encoder.layer.2.attention.self.query.weight` not found in the weights of DIR"
        ]);
}

#[test]
fn a_weight_that_is_no_number_is_named() {
    Copy::of("tiny-bert")
        .edit_bytes("model.safetensors", |bytes| {
            let header_end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let header: Value = serde_json::from_slice(&bytes[8..header_end]).unwrap();
            let tensor = &header["encoder.layer.1.intermediate.dense.bias"]["data_offsets"];
            let at = header_end + tensor[0].as_u64().unwrap() as usize + 5 * 4;
            bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        })
        .check(expect!["tensor `encoder.layer.1.intermediate.dense.bias` in DIR/model.safetensors has a value that is not finite at index 5; get the file again"]);
}

#[test]
fn an_unknown_model_type_is_named_with_the_known_ones() {
    Copy::of("tiny-bert")
        .edit("config.json", |config| config["model_type"] = "mamba".into())
        .check(expect!["DIR/config.json asks for model_type `mamba`, which is not supported; supported: bert, mpnet"]);
}

#[test]
fn a_missing_config_field_is_named() {
    Copy::of("tiny-bert")
        .edit("config.json", |config| drop(config.as_object_mut().unwrap().remove("hidden_size")))
        .check(expect!["failed to parse DIR/config.json: missing field `hidden_size`"]);
}

#[test]
fn broken_json_is_named_with_its_place() {
    Copy::of("tiny-bert").write("modules.json", "[{]").check(expect![
        "failed to parse DIR/modules.json: key must be a string at line 1 column 3"
    ]);
}

#[test]
fn a_tokenizer_that_the_library_does_not_know_is_named() {
    Copy::of("tiny-bert").write("tokenizer.json", "{}").check(expect![
        "failed to understand DIR/tokenizer.json: Model missing. at line 1 column 2"
    ]);
}

#[test]
fn an_unknown_activation_is_named_with_the_known_ones() {
    Copy::of("tiny-bert")
        .edit("config.json", |config| config["hidden_act"] = "mish".into())
        .check(expect!["DIR/config.json asks for hidden_act `mish`, which is not supported; supported: gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, quick_gelu, relu, silu, tanh"]);
}

#[test]
fn relative_positions_are_refused() {
    Copy::of("tiny-bert")
        .edit("config.json", |config| config["position_embedding_type"] = "relative_key".into())
        .check(expect!["DIR/config.json asks for position_embedding_type `relative_key`, which is not supported; supported: absolute"]);
}

#[test]
fn an_unknown_module_is_named_with_the_known_ones() {
    Copy::of("tiny-bert")
        .edit("modules.json", |modules| modules[2]["type"] = "my.package.Magic".into())
        .check(expect!["DIR/modules.json asks for module `my.package.Magic`, which is not supported; supported: Transformer, Pooling, Dense, LayerNorm, Normalize, in this order"]);
}

#[test]
fn a_model_without_pooling_is_refused() {
    Copy::of("tiny-bert")
        .edit("modules.json", |modules| modules.as_array_mut().unwrap().truncate(1))
        .check(expect!["DIR/modules.json asks for a model without the module `Pooling`, which is not supported; supported: Transformer, Pooling, Dense, LayerNorm, Normalize, in this order"]);
}

#[test]
fn an_unknown_pooling_mode_is_named_in_both_forms() {
    Copy::of("tiny-bert")
        .edit("1_Pooling/config.json", |config| config["pooling_mode_median_tokens"] = true.into())
        .check(expect!["DIR/1_Pooling/config.json asks for pooling mode `pooling_mode_median_tokens`, which is not supported; supported: cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken"]);
    Copy::of("tiny-bert-compact")
        .edit("1_Pooling/config.json", |config| config["pooling_mode"] = "median".into())
        .check(expect!["DIR/1_Pooling/config.json asks for pooling mode `median`, which is not supported; supported: cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken"]);
}

#[test]
fn a_default_prompt_that_does_not_exist_is_named() {
    Copy::of("tiny-bert-compact")
        .edit("config_sentence_transformers.json", |config| {
            config["default_prompt_name"] = "nope".into();
        })
        .check(expect!["prompt `nope` is not among the model's prompts: document, query"]);
}

#[test]
fn a_dense_module_of_another_width_is_named() {
    Copy::of("tiny-bert-compact")
        .edit("2_Dense/config.json", |config| config["in_features"] = 47.into())
        .check(expect!["DIR/2_Dense/config.json asks for in_features `47`, which is not supported; supported: 48, the width of what comes before"]);
}

#[test]
fn heads_that_do_not_share_the_hidden_size_are_refused() {
    Copy::of("tiny-bert")
        .edit("config.json", |config| config["num_attention_heads"] = 5.into())
        .check(expect!["DIR/config.json asks for num_attention_heads `5`, which is not supported; supported: divisors of hidden_size, 32"]);
    Copy::of("tiny-bert")
        .edit("config.json", |config| config["num_attention_heads"] = 0.into())
        .check(expect!["DIR/config.json asks for num_attention_heads `0`, which is not supported; supported: divisors of hidden_size, 32"]);
}

#[test]
fn a_length_that_leaves_no_room_for_text_is_refused() {
    Copy::of("tiny-bert")
        .edit("sentence_bert_config.json", |config| config["max_seq_length"] = 2.into())
        .check(expect!["DIR asks for a length in tokens of `2`, which is not supported; supported: more than the 2 special tokens of every sequence"]);
}

#[test]
fn blocks_that_config_does_not_count_are_not_left_out() {
    for num in [0, 1] {
        Copy::of("tiny-bert")
            .edit("config.json", |config| config["num_hidden_layers"] = num.into())
            .check(if num == 0 { expect!["DIR/config.json asks for num_hidden_layers `0`, which is not supported; supported: as many as the weights have, at least 1"] } else { expect!["DIR/config.json asks for num_hidden_layers `1`, which is not supported; supported: as many as the weights have, at least 1"] });
    }
}
