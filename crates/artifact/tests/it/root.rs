//! What a model's folder lacks, and what to do about it.

use artifact::{PackageError, PackageRoot};
use expect_test::{Expect, expect};

fn model(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, contents) in files {
        fs_err::write(folder.path().join(name), contents).unwrap();
    }
    folder
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: Expect) {
    let folder = model(files);
    let text = match PackageRoot::check(folder.path()) {
        Ok(root) => format!("{:?}, handler: {}", root.weights, root.has_handler),
        Err(error) => error.to_string().replace(folder.path().to_str().unwrap(), ""),
    };
    expected.assert_eq(&text);
}

#[test]
fn a_whole_model_is_taken() {
    let whole = [("config.json", "{}"), ("model.safetensors", "w"), ("tokenizer.json", "{}")];
    check(&whole, expect![[r#"["model.safetensors"], handler: false"#]]);
    let folder = model(&whole);
    fs_err::create_dir(folder.path().join("code")).unwrap();
    fs_err::write(folder.path().join("code/inference.py"), "pass").unwrap();
    let root = PackageRoot::check(folder.path()).unwrap();
    assert!(root.has_handler);
    assert_eq!(root.path(), folder.path());
}

#[test]
fn all_that_is_missing_is_listed_with_a_remedy() {
    check(
        &[],
        expect![
            "the model lacks config.json (pack the files of the model's folder, with `tar czf model.tar.gz *` inside it); model.safetensors (pack the files of the model's folder, with `tar czf model.tar.gz *` inside it); tokenizer.json (pack the files of the model's folder, with `tar czf model.tar.gz *` inside it)"
        ],
    );
    check(
        &[("config.json", "{}"), ("pytorch_model.bin", "w"), ("vocab.txt", "a")],
        expect![[
            r#"the model lacks model.safetensors (there are weights in another format: convert them with `python3 -c "from transformers import AutoModel; AutoModel.from_pretrained('.').save_pretrained('.')"`, or for TensorFlow and Flax with `from_tf=True` or `from_flax=True`); tokenizer.json (write it with `python3 -c "from transformers import AutoTokenizer; AutoTokenizer.from_pretrained('.').save_pretrained('.')"`)"#
        ]],
    );
}

#[test]
fn a_pointer_of_git_lfs_is_no_file() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n";
    check(
        &[("config.json", "{}"), ("model.safetensors", pointer), ("tokenizer.json", "{}")],
        expect![
            "the model lacks model.safetensors (only its git-lfs pointer is there: run `git lfs pull` before packing)"
        ],
    );
}

#[test]
fn shards_are_looked_for_one_by_one() {
    let files = [("config.json", "{}"), ("tokenizer.json", "{}"), ("model-1.safetensors", "w")];
    let with_index =
        |index| [files.as_slice(), &[("model.safetensors.index.json", index)]].concat();
    check(
        &with_index(r#"{"weight_map": {"a": "model-1.safetensors", "b": "model-1.safetensors"}}"#),
        expect![[r#"["model-1.safetensors"], handler: false"#]],
    );
    check(
        &with_index(r#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#),
        expect![
            "the model lacks model-2.safetensors (model.safetensors.index.json lists it: get it and pack again)"
        ],
    );
    for index in [
        "",
        "{}",
        r#"{"weight_map": {}}"#,
        r#"{"weight_map": {"a": "../../etc/passwd"}}"#,
        r#"{"weight_map": {"a": "/etc/passwd"}}"#,
        r#"{"weight_map": {"a": 1}}"#,
    ] {
        let folder = model(&with_index(index));
        let error = PackageRoot::check(folder.path()).unwrap_err();
        assert!(matches!(error, PackageError::Index { .. }), "{index}: {error}");
    }
}
