//! Models that are not there, or not for everyone.

use expect_test::expect;

use super::*;

#[test]
fn a_model_that_is_not_there_names_the_hub_and_the_token() {
    let hub = FakeHub::start(&[]);
    let sembla = client(&hub);
    let text = sembla.transcript(&["model", "pull", "org/other"]);
    expect![[r#"
        stderr: sembla: failed to download the model `org/other`: $HUB has no model `org/other` that may be read; if it is private or gated, set HF_TOKEN, or log in with `hf auth login`
        exit code 3
    "#]].assert_eq(&text.replace(&hub.endpoint(), "$HUB"));
}

#[test]
fn a_revision_that_is_not_there_is_named() {
    let (hub, sembla) = start();
    let text = sembla.transcript(&["model", "pull", "org/tiny@v9"]);
    expect![[r#"
        stderr: sembla: failed to download the model `org/tiny`: the model `org/tiny` at $HUB has no revision `v9`
        exit code 3
    "#]].assert_eq(&text.replace(&hub.endpoint(), "$HUB"));
}

#[test]
fn a_hidden_and_a_gated_model_say_what_to_do() {
    let hub = FakeHub::refusing(401, "");
    check_pull(
        &hub,
        &client(&hub),
        "0",
        expect![[r#"
        stderr: sembla: failed to download the model `org/tiny`: $HUB has no model `org/tiny` that may be read; if it is private or gated, set HF_TOKEN, or log in with `hf auth login`
        exit code 3
    "#]],
    );
    let hub = FakeHub::refusing(403, "GatedRepo");
    let sembla = client(&hub).with_env("HF_TOKEN", "hf_secret");
    check_pull(
        &hub,
        &sembla,
        "0",
        expect![[r#"
            stderr: sembla: failed to download the model `org/tiny`: the model `org/tiny` is gated: accept its terms at $HUB/org/tiny with the account whose token is sent
            exit code 3
        "#]],
    );
    assert!(hub.requests("api").iter().all(|line| line.ends_with(" as hf_secret")));
}

#[test]
fn the_token_that_a_login_left_is_sent() {
    let (hub, sembla) = start();
    let token = sembla.home().join(".cache/huggingface/token");
    fs_err::create_dir_all(token.parent().unwrap()).unwrap();
    fs_err::write(token, "hf_from_login\n").unwrap();
    assert_eq!(sembla.run(&["model", "pull", ID]).code, 0);
    assert!(hub.requests("HEAD").iter().all(|line| line.ends_with(" as hf_from_login")));
    // The token is for the Hub, and not for the store that it sends clients to.
    assert_eq!(hub.requests("/store/"), ["GET /store/model.safetensors"]);
}

#[test]
fn the_token_is_in_no_log() {
    let (hub, sembla) = start();
    let sembla = sembla.with_env("HF_TOKEN", "hf_hidden").with_env("SEMBLA_LOG_LEVEL", "trace");
    let pulled = sembla.run(&["model", "pull", ID]);
    assert_eq!(pulled.code, 0);
    assert!(!hub.requests("as hf_hidden").is_empty());
    assert!(!pulled.stderr.contains("hf_hidden"), "{}", pulled.stderr);
}

#[test]
fn a_model_without_safetensors_is_refused_before_anything_large_is_loaded() {
    let hub = FakeHub::start(&[("config.json", b"{}"), ("pytorch_model.bin", b"pickle")]);
    check_pull(
        &hub,
        &client(&hub),
        "0",
        expect![[r#"
        stderr: sembla: failed to download the model `org/tiny`: the model `org/tiny` lacks tokenizer.json and model.safetensors; only models with safetensors weights and a tokenizer.json can be loaded
        exit code 3
    "#]],
    );
    assert_eq!(hub.requests("resolve"), [""; 0]);
}

#[test]
fn an_unreachable_hub_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let sembla = Sembla::new().with_env("HF_ENDPOINT", endpoint.clone());
    let text = sembla.transcript(&["model", "pull", ID, "--hub-retries", "0"]);
    expect![[r#"
        stderr: sembla: failed to download the model `org/tiny`: failed to reach $HUB/api/models/org/tiny/revision/main: io: Connection refused (os error 111)
        exit code 3
    "#]].assert_eq(&text.replace(&endpoint, "$HUB"));
}
