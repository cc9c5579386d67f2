//! A Hub that breaks off, damages, stays silent or fails.

use expect_test::expect;

use super::*;

#[test]
fn an_interrupted_download_is_resumed_by_the_next_process() {
    let (hub, sembla) = start();
    hub.spoil("model.safetensors", &[Fault::CutAfter(70_000)]);
    check_pull(
        &hub,
        &sembla,
        "0",
        expect![[r#"
        stderr: downloading org/tiny at 0123456789ab: 5 files, 200.1 kB
        stderr: sembla: failed to download the model `org/tiny`: the download of $HUB/org/tiny/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors broke off at byte 70000: Peer disconnected
        exit code 3
    "#]],
    );
    assert!(!blob_of_weights(&sembla).exists());
    assert!(!repo(&sembla).join("refs/main").exists());

    assert_eq!(sembla.run(&["model", "pull", ID]).code, 0);
    assert_eq!(
        hub.requests("GET /store/model.safetensors from"),
        ["GET /store/model.safetensors from 70000"]
    );
    assert_eq!(fs_err::read(blob_of_weights(&sembla)).unwrap(), weights());
}

#[test]
fn an_interrupted_download_is_resumed_within_one_process() {
    let (hub, sembla) = start();
    hub.spoil("model.safetensors", &[Fault::CutAfter(70_000), Fault::CutAfter(30_000)]);
    check_pull(
        &hub,
        &sembla,
        "1",
        expect![[r#"
        $HOME/.cache/huggingface/hub/models--org--tiny/snapshots/0123456789abcdef0123456789abcdef01234567
        stderr: downloading org/tiny at 0123456789ab: 5 files, 200.1 kB
        stderr: the download of $HUB/org/tiny/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors broke off at byte 70000: Peer disconnected; trying again in 0.5 s
        stderr: the download of $HUB/org/tiny/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors broke off at byte 100000: Peer disconnected; trying again in 0.5 s
        exit code 0
    "#]],
    );
    assert_eq!(
        hub.requests("GET /store/model.safetensors from"),
        ["GET /store/model.safetensors from 70000", "GET /store/model.safetensors from 100000"]
    );
    assert_eq!(fs_err::read(blob_of_weights(&sembla)).unwrap(), weights());
}

#[test]
fn a_server_that_does_not_resume_is_loaded_from_the_start() {
    let (hub, sembla) = start();
    hub.spoil("model.safetensors", &[Fault::CutAfter(70_000), Fault::WholeFile]);
    assert_eq!(sembla.run(&["model", "pull", ID]).code, 0);
    assert_eq!(fs_err::read(blob_of_weights(&sembla)).unwrap(), weights());
}

#[test]
fn a_corrupted_body_is_an_error_and_leaves_no_file() {
    let (hub, sembla) = start();
    hub.spoil("model.safetensors", &[Fault::Corrupt]);
    check_pull(
        &hub,
        &sembla,
        "3",
        expect![[r#"
        stderr: downloading org/tiny at 0123456789ab: 5 files, 200.1 kB
        stderr: sembla: failed to download the model `org/tiny`: $HUB/org/tiny/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors gave a file with the checksum sha256 03ac682bf03a1058bb8157c9d2344583126ad08ebf4f249ba78ee560752c4035, expected sha256 2c4085b1ab9817526311b5a5b04451140dc922067c6922a59a77e1503918357b; try again
        exit code 3
    "#]],
    );
    let blobs = fs_err::read_dir(repo(&sembla).join("blobs")).unwrap();
    let names: Vec<_> = blobs.map(|entry| entry.unwrap().file_name()).collect();
    let hash = etag("model.safetensors", &weights());
    assert!(!names.iter().any(|name| name.to_string_lossy().starts_with(&hash)), "{names:?}");
    assert!(!repo(&sembla).join("snapshots").join(COMMIT).join("model.safetensors").exists());
}

#[test]
fn what_an_earlier_process_left_damaged_is_loaded_anew() {
    let (hub, sembla) = start();
    let incomplete = blob_of_weights(&sembla).with_extension("incomplete");
    fs_err::create_dir_all(incomplete.parent().unwrap()).unwrap();
    fs_err::write(&incomplete, vec![0; 50_000]).unwrap();
    assert_eq!(sembla.run(&["model", "pull", ID, "--hub-retries", "0"]).code, 0);
    assert_eq!(
        hub.requests("GET /store/model.safetensors"),
        ["GET /store/model.safetensors from 50000", "GET /store/model.safetensors"]
    );
    assert_eq!(fs_err::read(blob_of_weights(&sembla)).unwrap(), weights());
}

#[test]
fn a_silent_server_is_given_up() {
    let (hub, sembla) = start();
    let sembla = sembla.with_env("HF_HUB_DOWNLOAD_TIMEOUT", "1");
    hub.spoil("model.safetensors", &[Fault::Silent]);
    check_pull(
        &hub,
        &sembla,
        "0",
        expect![[r#"
        stderr: downloading org/tiny at 0123456789ab: 5 files, 200.1 kB
        stderr: sembla: failed to download the model `org/tiny`: $HUB/org/tiny/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors sent nothing for 1s, as long as hub_idle_timeout allows
        exit code 3
    "#]],
    );
}

#[test]
fn a_server_that_recovers_is_asked_again() {
    let (hub, sembla) = start();
    hub.spoil("model.safetensors", &[Fault::Status(503)]);
    check_pull(
        &hub,
        &sembla,
        "1",
        expect![[r#"
        $HOME/.cache/huggingface/hub/models--org--tiny/snapshots/0123456789abcdef0123456789abcdef01234567
        stderr: downloading org/tiny at 0123456789ab: 5 files, 200.1 kB
        stderr: $HUB/org/tiny/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors answered 503; trying again in 0.5 s
        exit code 0
    "#]],
    );
}
