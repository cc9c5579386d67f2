//! What is packed, and that it comes out again as it was.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use artifact::handler::{self, PoolsBy};
use artifact::{HandlerFrom, Limits, PackError, Packed};
use expect_test::expect;
use proptest::prelude::*;

use crate::yard::{Yard, listing};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, contents) in files {
        let path = folder.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, contents).unwrap();
    }
    folder
}

fn pack(folder: &Path, handler: Option<&str>) -> (Packed, Vec<u8>) {
    let mut archive = Vec::new();
    let packed = artifact::pack(folder, &mut archive, handler).unwrap();
    (packed, archive)
}

fn unpack(archive: &[u8]) -> Yard {
    let yard = Yard::new();
    yard.unpack(archive, &Limits::for_tests()).unwrap();
    yard
}

#[test]
fn a_model_is_packed_without_what_it_has_twice() {
    let folder = folder(&[
        ("config.json", "{}"),
        ("model.safetensors", "weights"),
        ("pytorch_model.bin", "weights"),
        ("pytorch_model-00001-of-00002.bin", "weights"),
        ("pytorch_model.bin.index.json", "{}"),
        ("tf_model.h5", "weights"),
        ("flax_model.msgpack", "weights"),
        ("rust_model.ot", "weights"),
        ("onnx/model.onnx", "weights"),
        ("openvino/openvino_model.xml", "weights"),
        ("1_Pooling/config.json", "{}"),
        ("1_Pooling/pytorch_model.bin", "not at the top"),
        (".git/HEAD", "ref"),
        (".gitattributes", "lfs"),
        ("1_Pooling/.DS_Store", "mac"),
        ("model.tar.gz", "an earlier one"),
        ("code/requirements.txt", "torch"),
        ("code/inference.py", "pass"),
    ]);
    std::os::unix::fs::symlink("1_Pooling", folder.path().join("again")).unwrap();
    let (packed, archive) = pack(folder.path(), None);
    let left_out = packed.left_out.iter().map(|left| format!("{}: {}", left.path, left.why));
    expect![[r#"
        .git: hidden
        .gitattributes: hidden
        1_Pooling/.DS_Store: hidden
        again: neither a file nor a folder
        flax_model.msgpack: the weights are there as safetensors
        model.tar.gz: an archive
        onnx: the weights are there as safetensors
        openvino: the weights are there as safetensors
        pytorch_model-00001-of-00002.bin: the weights are there as safetensors
        pytorch_model.bin: the weights are there as safetensors
        pytorch_model.bin.index.json: the weights are there as safetensors
        rust_model.ot: the weights are there as safetensors
        tf_model.h5: the weights are there as safetensors"#]]
    .assert_eq(&left_out.collect::<Vec<_>>().join("\n"));
    assert_eq!((packed.num_files, packed.num_bytes), (6, 34));
    assert_eq!(packed.handler, HandlerFrom::Folder);
    expect![[r#"
        1_Pooling/ 755
        1_Pooling/config.json "{}" 644
        1_Pooling/pytorch_model.bin "not at the top" 644
        code/ 755
        code/inference.py "pass" 644
        code/requirements.txt "torch" 644
        config.json "{}" 644
        model.safetensors "weights" 644"#]]
    .assert_eq(&listing(&unpack(&archive).destination()));
}

#[test]
fn weights_in_another_format_are_packed_where_they_are_the_only_ones() {
    let folder = folder(&[("pytorch_model.bin", "weights"), ("onnx/model.onnx", "weights")]);
    assert_eq!(pack(folder.path(), None).0.left_out, []);
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let files = [("b/c.json", "{}"), ("a.json", "{}"), ("model.safetensors", "weights")];
    let (first, second) = (folder(&files), folder(&files));
    let path = second.path().join("a.json");
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs_err::set_permissions(&path, permissions).unwrap();
    let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
    file.file().set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(pack(first.path(), None).1, pack(second.path(), None).1);
}

#[test]
fn links_to_files_stand_for_the_files_as_in_the_cache_of_the_hub() {
    let cache = folder(&[("blobs/abc", "weights")]);
    let snapshot = cache.path().join("snapshots/main");
    fs_err::create_dir_all(&snapshot).unwrap();
    std::os::unix::fs::symlink("../../blobs/abc", snapshot.join("model.safetensors")).unwrap();
    let archive = pack(&snapshot, Some("pass")).1;
    expect![[r#"
        code/ 755
        code/inference.py "pass" 644
        model.safetensors "weights" 644"#]]
    .assert_eq(&listing(&unpack(&archive).destination()));
    std::os::unix::fs::symlink("nowhere", snapshot.join("tokenizer.json")).unwrap();
    let error = artifact::pack(&snapshot, io::sink(), None).unwrap_err();
    assert!(matches!(error, PackError::Read { path, .. } if path.ends_with("tokenizer.json")));
}

#[test]
fn a_given_handler_takes_the_place_of_the_folders() {
    let model = folder(&[("code/inference.py", "theirs")]);
    let (packed, archive) = pack(model.path(), Some("ours"));
    assert_eq!((packed.handler, packed.num_files), (HandlerFrom::Caller, 1));
    let yard = unpack(&archive);
    assert_eq!(fs_err::read(yard.destination().join("code/inference.py")).unwrap(), b"ours");
    let model = folder(&[("code", "a file")]);
    let error = artifact::pack(model.path(), io::sink(), None).unwrap_err();
    assert!(matches!(error, PackError::CodeIsAFile { .. }), "{error}");
}

/// Returns the handler that is generated for a model with these settings.
fn generated(files: &[(&str, &str)]) -> Result<String, PackError> {
    let model = folder(files);
    let mut archive = Vec::new();
    let packed = artifact::pack(model.path(), &mut archive, None)?;
    assert_eq!(packed.handler, HandlerFrom::Generated);
    let yard = unpack(&archive);
    Ok(fs_err::read_to_string(yard.destination().join("code/inference.py")).unwrap())
}

const MODULES: &str = r#"[
    {"type": "sentence_transformers.models.Transformer", "path": ""},
    {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
    {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"}
]"#;

#[test]
fn a_generated_handler_does_what_the_settings_say() {
    let text = generated(&[
        ("modules.json", MODULES),
        (
            "1_Pooling/config.json",
            r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}"#,
        ),
        ("sentence_bert_config.json", r#"{"max_seq_length": 256}"#),
    ]);
    let text = text.unwrap();
    expect![[r#"
        """Replies with one embedding for each text of a request.

        Generated by Sembla from the model's settings. It takes a text, a list of texts, or either under the
        key "inputs".
        """

        import torch
        from transformers import AutoModel, AutoTokenizer


        def model_fn(model_dir):
            device = "cuda" if torch.cuda.is_available() else "cpu"
            model = AutoModel.from_pretrained(model_dir).to(device)
            return model.eval(), AutoTokenizer.from_pretrained(model_dir)


        def predict_fn(data, loaded):
            model, tokenizer = loaded
            texts = data["inputs"] if isinstance(data, dict) else data
            texts = [texts] if isinstance(texts, str) else texts
            batch = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
            batch = batch.to(model.device)
            with torch.no_grad():
                states = model(**batch)[0]
            mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
            embeddings = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            embeddings = torch.nn.functional.normalize(embeddings, p=2, dim=1)
            return {"vector_embedding": embeddings.tolist()}
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_generated_handler_says_to_its_reader_what_the_settings_say() {
    let check = |files: &[(&str, &str)], pools_by, normalizes| {
        let read = handler::read(&generated(files).unwrap()).unwrap();
        assert_eq!(read.reply_key.as_deref(), Some("vector_embedding"));
        assert_eq!((read.pools_by, read.normalizes), (pools_by, normalizes));
    };
    let pooling = |config| [("modules.json", MODULES), ("1_Pooling/config.json", config)];
    check(&[], PoolsBy::Mean, false);
    check(&pooling("{}"), PoolsBy::Mean, true);
    check(&pooling(r#"{"pooling_mode": "cls"}"#), PoolsBy::Cls, true);
    check(&pooling(r#"{"pooling_mode_cls_token": true}"#), PoolsBy::Cls, true);
    check(&pooling(r#"{"pooling_mode_max_tokens": true}"#), PoolsBy::Max, true);
}

#[test]
fn no_handler_is_generated_that_would_make_other_vectors() {
    let refused = |files: &[(&str, &str)]| {
        let error = generated(files).unwrap_err();
        let PackError::NoHandler { what, value, .. } = error else { panic!("{error}") };
        format!("{what} {value}")
    };
    let pooling = |config| [("modules.json", MODULES), ("1_Pooling/config.json", config)];
    expect!["the pooling pooling_mode_lasttoken"]
        .assert_eq(&refused(&pooling(r#"{"pooling_mode_lasttoken": true}"#)));
    expect!["several poolings at once, pooling_mode_cls_token, pooling_mode_mean_tokens"]
        .assert_eq(&refused(&pooling(
            r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}"#,
        )));
    expect!["several poolings at once, "]
        .assert_eq(&refused(&pooling(r#"{"pooling_mode": ["cls", "mean"]}"#)));
    expect!["the module sentence_transformers.models.Dense"].assert_eq(&refused(&[(
        "modules.json",
        r#"[{"type": "sentence_transformers.models.Dense"}]"#,
    )]));
    let error = generated(&[("modules.json", "[")]).unwrap_err();
    assert!(matches!(error, PackError::Parse { .. }), "{error}");
}

#[test]
fn names_that_nobody_could_unpack_are_refused() {
    for name in ["a\\b", "a\nb", "C:"] {
        let model = folder(&[(name, "")]);
        let error = artifact::pack(model.path(), io::sink(), None).unwrap_err();
        assert!(matches!(error, PackError::Name { .. }), "{error}");
    }
}

#[test]
fn a_writer_that_fails_is_told_from_a_file_that_does() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let model = folder(&[("a", "b")]);
    let error = artifact::pack(model.path(), Full, None).unwrap_err();
    assert!(matches!(error, PackError::Write { .. }), "{error}");
    let error = artifact::pack(&model.path().join("nowhere"), io::sink(), None).unwrap_err();
    assert!(matches!(error, PackError::Read { .. }), "{error}");
}

/// Files and empty folders, in folders of short and of very long names.
fn any_tree() -> impl Strategy<Value = BTreeMap<String, Option<Vec<u8>>>> {
    let part = prop::sample::select(vec!["a", "b", "é", "x y", "...z", "1_Pooling"])
        .prop_map(|part| format!("n{part}"));
    let long = "[a-z]{90,120}";
    let part = prop_oneof![4 => part, 1 => long];
    let path = prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
    let contents = prop::option::weighted(0.8, prop::collection::vec(any::<u8>(), 0..2000));
    prop::collection::btree_map(path, contents, 0..8)
}

proptest! {
    // Each case syncs every file to the disk.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_packed_comes_out_as_it_was(tree in any_tree()) {
        let model = folder(&[("code/inference.py", "pass")]);
        for (path, contents) in &tree {
            let path = model.path().join(path);
            // Two paths may want one name; the first has it.
            match contents {
                Some(contents) => {
                    let _ = fs_err::create_dir_all(path.parent().unwrap());
                    let _ = fs_err::write(&path, contents);
                }
                None => {
                    let _ = fs_err::create_dir_all(&path);
                }
            }
        }
        let (packed, archive) = pack(model.path(), None);
        prop_assert_eq!(&packed.left_out, &[]);
        let yard = unpack(&archive);
        prop_assert_eq!(contents_of(&yard.destination()), contents_of(model.path()));
        prop_assert_eq!(pack(&yard.destination(), None).1, archive);
    }
}

/// Returns every file and folder below one, with the bytes of files.
fn contents_of(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs_err::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                waiting.push(path);
                found.insert(name, None);
            } else {
                found.insert(name, Some(fs_err::read(path).unwrap()));
            }
        }
    }
    found
}
