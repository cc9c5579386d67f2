//! What a download leaves in the cache, and what is found there.

use std::path::Path;

use expect_test::expect;

use super::*;

/// Lists a folder, links with their targets.
fn tree(dir: &Path, prefix: &str, lines: &mut Vec<String>) {
    let mut names: Vec<_> = fs_err::read_dir(dir).unwrap().map(|entry| entry.unwrap()).collect();
    names.sort_by_key(|entry| entry.file_name());
    for entry in names {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            tree(&entry.path(), &format!("{name}/"), lines);
        } else if let Ok(target) = fs_err::read_link(entry.path()) {
            lines.push(format!("{name} -> {}", target.display()));
        } else {
            lines.push(name);
        }
    }
}

#[test]
fn a_pull_fills_the_cache_as_the_python_client_does() {
    let (hub, sembla) = start();
    check_pull(
        &hub,
        &sembla,
        "0",
        expect![[r#"
            $HOME/.cache/huggingface/hub/models--org--tiny/snapshots/0123456789abcdef0123456789abcdef01234567
            stderr: downloading org/tiny at 0123456789ab: 5 files, 200.1 kB
            exit code 0
        "#]],
    );
    let mut lines = Vec::new();
    tree(&sembla.hub_cache(), "", &mut lines);
    expect![[r#"
        .locks/models--org--tiny/11dc2133678c5d9124cba0b6e69b959508e4cc31.lock
        .locks/models--org--tiny/29ce5de5c3a1e01745cceae040d79835cfb79dfd.lock
        .locks/models--org--tiny/2c4085b1ab9817526311b5a5b04451140dc922067c6922a59a77e1503918357b.lock
        .locks/models--org--tiny/46332c50668921e90868a1d44a2550bb60ffdb1d.lock
        .locks/models--org--tiny/9e26dfeeb6e641a33dae4961196235bdb965b21b.lock
        .locks/models--org--tiny/fdef94443aef6c464d438c4654540cb4245f8f1e.lock
        CACHEDIR.TAG
        models--org--tiny/.no_exist/0123456789abcdef0123456789abcdef01234567/sentence_bert_config.json
        models--org--tiny/.no_exist/0123456789abcdef0123456789abcdef01234567/tokenizer_config.json
        models--org--tiny/blobs/11dc2133678c5d9124cba0b6e69b959508e4cc31
        models--org--tiny/blobs/29ce5de5c3a1e01745cceae040d79835cfb79dfd
        models--org--tiny/blobs/2c4085b1ab9817526311b5a5b04451140dc922067c6922a59a77e1503918357b
        models--org--tiny/blobs/46332c50668921e90868a1d44a2550bb60ffdb1d
        models--org--tiny/blobs/9e26dfeeb6e641a33dae4961196235bdb965b21b
        models--org--tiny/blobs/fdef94443aef6c464d438c4654540cb4245f8f1e
        models--org--tiny/refs/main
        models--org--tiny/snapshots/0123456789abcdef0123456789abcdef01234567/1_Pooling/config.json -> ../../../blobs/11dc2133678c5d9124cba0b6e69b959508e4cc31
        models--org--tiny/snapshots/0123456789abcdef0123456789abcdef01234567/config.json -> ../../blobs/46332c50668921e90868a1d44a2550bb60ffdb1d
        models--org--tiny/snapshots/0123456789abcdef0123456789abcdef01234567/config_sentence_transformers.json -> ../../blobs/9e26dfeeb6e641a33dae4961196235bdb965b21b
        models--org--tiny/snapshots/0123456789abcdef0123456789abcdef01234567/model.safetensors -> ../../blobs/2c4085b1ab9817526311b5a5b04451140dc922067c6922a59a77e1503918357b
        models--org--tiny/snapshots/0123456789abcdef0123456789abcdef01234567/modules.json -> ../../blobs/29ce5de5c3a1e01745cceae040d79835cfb79dfd
        models--org--tiny/snapshots/0123456789abcdef0123456789abcdef01234567/tokenizer.json -> ../../blobs/fdef94443aef6c464d438c4654540cb4245f8f1e"#]]
    .assert_eq(&lines.join("\n"));
    let snapshot = repo(&sembla).join("snapshots").join(COMMIT);
    assert_eq!(fs_err::read(snapshot.join("model.safetensors")).unwrap(), weights());
    assert_eq!(fs_err::read_to_string(repo(&sembla).join("refs/main")).unwrap(), COMMIT);
}

#[test]
fn a_second_pull_loads_nothing() {
    let (hub, sembla) = start();
    sembla.run(&["model", "pull", ID]);
    let num_loads = hub.requests("GET /store").len();
    let again = sembla.run(&["model", "pull", ID]);
    assert_eq!((again.code, again.stderr.as_str()), (0, ""));
    assert_eq!(hub.requests("GET /store").len(), num_loads);
}

#[test]
fn a_model_in_the_cache_is_found_without_a_request() {
    let (hub, sembla) = start();
    sembla.run(&["model", "pull", ID]);
    let num_requests = hub.requests("").len();
    let check = sembla.run(&["model", "check", ID, "--json"]);
    assert!(check.stdout.contains(COMMIT), "{check:?}");
    assert_eq!(hub.requests("").len(), num_requests);
}

#[test]
fn offline_nothing_is_asked_and_the_way_out_is_named() {
    let (hub, sembla) = start();
    let sembla = sembla.with_env("HF_HUB_OFFLINE", "1");
    check_pull(
        &hub,
        &sembla,
        "0",
        expect![[r#"
            stderr: sembla: the model `org/tiny` at `main` is not in $HOME/.cache/huggingface/hub, and `offline` is set; unset it, or name a directory
            exit code 3
        "#]],
    );
    assert_eq!(hub.requests(""), [""; 0]);
}

#[test]
fn offline_a_partial_model_is_not_taken_for_a_whole_one() {
    let (hub, sembla) = start();
    sembla.run(&["model", "pull", ID]);
    fs_err::remove_file(repo(&sembla).join("snapshots").join(COMMIT).join("tokenizer.json"))
        .unwrap();
    let sembla = sembla.with_env("HF_HUB_OFFLINE", "1");
    check_pull(
        &hub,
        &sembla,
        "0",
        expect![[r#"
            stderr: sembla: the model `org/tiny` at `main` is not in $HOME/.cache/huggingface/hub whole (it lacks tokenizer.json), and `offline` is set; unset it, or name a directory
            exit code 3
        "#]],
    );
}

#[test]
fn offline_what_nobody_asked_for_is_taken_as_absent_and_that_is_said() {
    let (hub, sembla) = start();
    sembla.run(&["model", "pull", ID]);
    // As another program leaves the cache that never asked for tokenizer_config.json.
    fs_err::remove_dir_all(repo(&sembla).join(".no_exist")).unwrap();
    let num_requests = hub.requests("").len();
    let sembla = sembla.with_env("HF_HUB_OFFLINE", "1");
    let checked = sembla.run(&["model", "check", ID]);
    expect![[r#"
        note: tokenizer_config.json of `org/tiny` is not in the cache and is taken as absent, since `offline` is set
        note: sentence_bert_config.json of `org/tiny` is not in the cache and is taken as absent, since `offline` is set
    "#]].assert_eq(&checked.stderr);
    assert_eq!(hub.requests("").len(), num_requests);
}

#[test]
fn what_nobody_asked_for_is_asked_for_when_the_hub_may_be_reached() {
    let (hub, sembla) = start();
    sembla.run(&["model", "pull", ID]);
    let marks = repo(&sembla).join(".no_exist");
    fs_err::remove_dir_all(&marks).unwrap();
    let num_loads = hub.requests("/store/").len();
    sembla.run(&["model", "check", ID]);
    assert!(marks.join(COMMIT).join("tokenizer_config.json").exists());
    assert_eq!(hub.requests("/store/").len(), num_loads);
}

#[test]
fn the_cache_is_listed() {
    let (_hub, sembla) = start();
    sembla.run(&["model", "pull", ID]);
    // A repository that is no model, and one of another architecture.
    let other = sembla.hub_cache().join("models--org--other/snapshots").join(COMMIT);
    fs_err::create_dir_all(&other).unwrap();
    fs_err::write(other.join("config.json"), r#"{"model_type": "t5"}"#).unwrap();
    fs_err::create_dir_all(sembla.hub_cache().join("datasets--org--tiny")).unwrap();
    expect![[r#"
        MODEL      REVISION             SIZE      ARCHITECTURE  LOADABLE
        org/other  0123456789ab         20 B      t5            no: model_type `t5` is not supported; it lacks tokenizer.json and model.safetensors
        org/tiny   main (0123456789ab)  200.3 kB  bert          yes
        exit code 0
    "#]].assert_eq(&sembla.transcript(&["model", "list"]));
    let list = sembla.run(&["model", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(list[1]["id"], ID);
    assert_eq!(list[1]["obstacles"], serde_json::json!([]));
}

#[test]
fn a_pull_waits_for_another_process_that_loads_the_same_file() {
    let (hub, sembla) = start();
    let hash = etag("model.safetensors", &weights());
    let lock = sembla.hub_cache().join(".locks/models--org--tiny").join(format!("{hash}.lock"));
    fs_err::create_dir_all(lock.parent().unwrap()).unwrap();
    let held = std::fs::OpenOptions::new().create(true).append(true).open(lock).unwrap();
    held.lock().unwrap();

    let mut command = sembla.command(&["model", "pull", ID]);
    let mut child = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("waiting for another process that is downloading model.safetensors") {
        let num_bytes = std::io::BufRead::read_line(&mut stderr, &mut seen).unwrap();
        assert!(num_bytes > 0, "ended without waiting: {seen}");
    }
    assert!(!blob_of_weights(&sembla).exists());
    held.unlock().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(fs_err::read(blob_of_weights(&sembla)).unwrap(), weights());
    drop(hub);
}
