//! What a replica is told, and what it is not.

use expect_test::{Expect, expect};

use super::*;
use crate::replicas::tests::{config, model, spec};

fn with(variables: &[(&str, &str)]) -> Spec {
    let mut spec = spec(&model("tiny-bert"));
    let rows = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    spec.image.variables.0.extend(rows);
    spec.settings = endpoints::Settings::from_variables(&spec.image.variables).unwrap();
    spec
}

fn flag(spec: &Spec, name: &str) -> Option<String> {
    let flags = config(Program::this().unwrap()).flags(spec).unwrap();
    flags.into_iter().find(|(found, _)| *found == name).map(|(_, value)| value)
}

#[track_caller]
fn check_refused(spec: &Spec, expected: Expect) {
    let error = config(Program::this().unwrap()).check(spec).unwrap_err();
    expected.assert_eq(&error.to_string());
}

#[test]
fn an_image_decides_what_is_its_own() {
    let spec = with(&[("MAX_BATCH_TOKENS", "777"), ("MAX_CONCURRENT_REQUESTS", "9")]);
    assert_eq!(flag(&spec, "max_batch_tokens").as_deref(), Some("777"));
    assert_eq!(flag(&spec, "max_concurrent_requests").as_deref(), Some("9"));
    let plain = with(&[]);
    assert_eq!(flag(&plain, "max_batch_tokens").as_deref(), Some("16384"));
    // A batch that is larger than our queue gets a queue.
    let large = with(&[("MAX_BATCH_TOKENS", "1000000")]);
    assert_eq!(flag(&large, "max_queue_tokens").as_deref(), Some("1000000"));
    config(Program::this().unwrap()).check(&large).unwrap();
}

#[test]
fn the_environment_has_nothing_of_ours_but_the_way_to_the_hub() {
    let mut config = config(Program::this().unwrap());
    let ours = [
        ("HOME", "/home/ada"),
        ("SEMBLA_API_KEY", "hush"),
        ("SEMBLA_INDEX_STORE_KEY", "hush"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
        ("SEMBLA_CONFIG", "sembla.toml"),
        ("HF_TOKEN", "the owner's"),
    ];
    config.env = ours.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    config.hub.token = Some(Secret::new("the owner's".to_owned()));
    let environment = config.environment(&with(&[]));
    let names: Vec<&str> = environment.keys().map(String::as_str).collect();
    expect![[r#"
        [
            "HOME",
            "SEMBLA_HUB_CONNECT_TIMEOUT",
            "SEMBLA_HUB_ENDPOINT",
            "SEMBLA_HUB_IDLE_TIMEOUT",
            "SEMBLA_HUB_RETRIES",
            "SEMBLA_HUB_TOKEN",
            "SEMBLA_OFFLINE",
        ]
    "#]]
    .assert_debug_eq(&names);
    assert!(!environment.values().any(|value| value == "hush"));
}

#[test]
fn an_image_may_bring_a_token_and_no_place_to_send_ours_to() {
    let mut config = config(Program::this().unwrap());
    config.hub.token = Some(Secret::new("the owner's".to_owned()));
    let spec = with(&[
        ("HF_TOKEN", "the client's"),
        ("HF_ENDPOINT", "http://elsewhere.example"),
        ("HF_HUB_CACHE", "/etc"),
        ("API_KEY", "locked"),
        ("PORT", "1"),
        ("LD_PRELOAD", "evil.so"),
        ("POOLING", "cls"),
    ]);
    let environment = config.environment(&spec);
    assert_eq!(environment["SEMBLA_HUB_TOKEN"], "the client's");
    assert_eq!(environment["SEMBLA_HUB_ENDPOINT"], config.hub.endpoint);
    assert_eq!(environment["POOLING"], "cls");
    for name in ["HF_ENDPOINT", "HF_HUB_CACHE", "API_KEY", "PORT", "LD_PRELOAD", "MODEL_ID"] {
        assert!(!environment.contains_key(name), "{name}");
    }
}

#[test]
fn a_variable_that_no_replica_would_start_with_is_named_before_any_does() {
    check_refused(
        &with(&[("DTYPE", "float16")]),
        expect!["`dtype` is `float16` (variable DTYPE), expected `float32`"],
    );
    check_refused(
        &with(&[("DENSE_PATH", "3_Dense")]),
        expect![
            "variable DENSE_PATH is not supported: which Dense modules run is what the model's modules.json says; edit it to choose another"
        ],
    );
    check_refused(
        &spec("/no/such/folder"),
        expect!["there is no model directory at /no/such/folder"],
    );
}

#[test]
fn a_revision_is_one_of_the_repository() {
    let mut hub = spec("org/name");
    hub.model.revision = Some("v1".to_owned());
    assert_eq!(flag(&hub, "revision").as_deref(), Some("v1"));
    assert_eq!(flag(&hub, "model").as_deref(), Some("org/name"));
    hub.image.variables.0.insert("MODEL_ID".to_owned(), "other/name".to_owned());
    assert_eq!(
        (flag(&hub, "model").as_deref(), flag(&hub, "revision")),
        (Some("other/name"), None)
    );
    hub.image.variables.0.insert("REVISION".to_owned(), "v2".to_owned());
    assert_eq!(flag(&hub, "revision").as_deref(), Some("v2"));
}

#[test]
fn a_token_is_in_no_argument() {
    let mut config = config(Program::this().unwrap());
    config.hub.token = Some(Secret::new("hidden".to_owned()));
    let command = config.command(&with(&[("HF_TOKEN", "hidden")]), Path::new("/run/1")).unwrap();
    assert!(!command.as_std().get_args().any(|arg| arg.to_string_lossy().contains("hidden")));
    assert!(!format!("{config:?}").contains("hidden"));
}
