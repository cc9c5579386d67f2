//! Configs of the shapes that people have, and what is wanted of each.

mod refused;

use std::path::PathBuf;

use expect_test::{Expect, expect};

use super::{Given, Model, Replicas, SecretSource, Wanted, import};
use crate::document::parse;
use crate::error::ImportError;

fn wanted(config: &str, given: Given<'_>) -> Result<Wanted, ImportError> {
    import(parse(PathBuf::from("config.yaml"), config).unwrap(), given)
}

#[track_caller]
fn check(config: &str, expected: Expect) {
    expected.assert_eq(&render(&wanted(config, Given::default()).unwrap()));
}

fn render(wanted: &Wanted) -> String {
    let Wanted { name, model, image, variables, secrets, labels, replicas, notes, left_out } =
        wanted;
    let model = match model {
        Model::Given(model) => model.clone(),
        Model::Hub { repository, revision: None } => repository.clone(),
        Model::Hub { repository, revision: Some(revision) } => format!("{repository}@{revision}"),
    };
    let mut lines = vec![format!("{name} runs {model}")];
    lines.extend(image.url.iter().map(|url| format!("image {url}")));
    lines.extend(image.port.iter().map(|port| format!("port {port}")));
    lines.extend(image.health_route.iter().map(|route| format!("health {route}")));
    lines.extend(variables.iter().map(|(name, value)| format!("{name}={value}")));
    for secret in secrets {
        lines.push(match &secret.source {
            SecretSource::Asked(name) => format!("secret {} is {name}", secret.variable),
            SecretSource::File(value) => format!("secret {} is {value:?}", secret.variable),
        });
    }
    lines.extend(labels.iter().map(|labels| {
        format!("{} {} {}", labels.accelerator, labels.instance_type, labels.instance_size)
    }));
    lines.extend(replicas.iter().map(|Replicas { min, max, to_zero_after }| {
        format!("{min} to {max} replicas, {to_zero_after:?}")
    }));
    lines.extend(notes.iter().map(|note| format!("note: {note}")));
    lines.extend(left_out.iter().map(|part| format!("left out: {}: {}", part.key, part.why)));
    lines.join("\n")
}

/// A config with this for the rest of its docker_server, and these keys beside it.
fn config(command: &str, others: &str) -> String {
    format!("model_name: tiny\ndocker_server:\n  start_command: {command}\n{others}")
}

#[test]
fn a_model_that_the_command_names() {
    check(
        "\
model_name: Paraphrase search
base_image:
  image: registry.example.com/tei/text-embeddings-inference:89-1.9
docker_server:
  start_command: text-embeddings-router --port 7997 --model-id acme/paraphrase-small
    --max-client-batch-size 32 --max-concurrent-requests 40 --max-batch-tokens 32768
  server_port: 7997
  predict_endpoint: /v1/embeddings
  readiness_endpoint: /health
  liveness_endpoint: /health
resources:
  accelerator: L4
  cpu: '1'
  memory: 2Gi
  use_gpu: true
runtime:
  predict_concurrency: 40
environment_variables: {}
secrets: {}
requirements: []
python_version: py311
model_metadata: {}
",
        expect![[r#"
            paraphrase-search runs acme/paraphrase-small
            image registry.example.com/tei/text-embeddings-inference:89-1.9
            port 7997
            health /health
            MAX_BATCH_TOKENS=32768
            MAX_CLIENT_BATCH_SIZE=32
            MAX_CONCURRENT_REQUESTS=40
            PREDICT_ROUTE=/v1/embeddings
            gpu nvidia-l4 x1
            note: a GPU was asked for (nvidia-l4 x1); the endpoint runs on this machine's CPU
            left out: docker_server.start_command --max-client-batch-size: a request may have any number of inputs; its bytes bound it, with --payload-limit
            left out: docker_server.server_port: clients are shown it, but replicas listen on sockets of their own
            left out: resources.cpu: replicas share this machine: `sembla serve` has settings for its threads and what is in memory
            left out: resources.memory: replicas share this machine: `sembla serve` has settings for its threads and what is in memory
            left out: python_version: no container is built here, and no Python runs"#]],
    );
}

#[test]
fn a_model_that_is_cached_before_a_shell_starts_the_server() {
    check(
        r#"
model_name: support-articles
docker_server:
  start_command: bash -c "truss-transfer-cli && exec text-embeddings-router --port 7997
    --model-id /app/model_cache/weights/ --max-batch-tokens 16384 --auto-truncate"
  server_port: 7997
  predict_endpoint: /embed
  readiness_endpoint: /health
  liveness_endpoint: /health
model_cache:
- repo_id: acme/articles-base
  revision: 0a1b2c3
  use_volume: true
  volume_folder: weights
  ignore_patterns: ['*.onnx']
- repo_id: acme/other
  revision: main
  use_volume: true
  volume_folder: other
resources:
  accelerator: H100:2
runtime:
  predict_concurrency: 32
  transport: {kind: http}
  is_websocket_endpoint: false
"#,
        expect![[r#"
            support-articles runs acme/articles-base@0a1b2c3
            port 7997
            health /health
            AUTO_TRUNCATE=true
            MAX_BATCH_TOKENS=16384
            PREDICT_ROUTE=/embed
            gpu nvidia-h100 x2
            note: --model-id is /app/model_cache/weights/, a folder of the container; it is `acme/articles-base`
            note: a GPU was asked for (nvidia-h100 x2); the endpoint runs on this machine's CPU
            note: runtime.predict_concurrency is 32 and --max-concurrent-requests 512 (not given): Baseten sends a replica 32 requests at a time, and never as many as it takes; here a replica takes what the server's max_concurrent_requests says. Write the same number for both
            left out: model_cache[0].ignore_patterns: which files of a repository are fetched is decided here
            left out: docker_server.start_command `truss-transfer-cli`: of the commands in the shell only text-embeddings-router has a meaning here
            left out: model_cache[1].repo_id: nothing reads it: the endpoint runs another model
            left out: docker_server.server_port: clients are shown it, but replicas listen on sockets of their own"#]],
    );
}

#[test]
fn weights_are_mounted_and_fetched_with_a_secret() {
    check(
        "\
model_name: gated
docker_server:
  start_command: sh -c 'HF_TOKEN=$(cat /secrets/reader) text-embeddings-router --model-id ${WHERE}/gated --pooling=cls'
  predict_endpoint: /v1/embeddings/
  readiness_endpoint: /ready
  liveness_endpoint: /live
weights:
- source: hf://acme/gated@v2
  mount_location: /models/gated
  auth: {auth_method: CUSTOM_SECRET, auth_secret_name: reader}
- source: s3://bucket/adapter
  mount_location: /models/adapter
environment_variables:
  WHERE: /models
  NOTHING: null
  FAST: true
secrets:
  reader: null
  billing: null
resources:
  instance_type: L4:4x16
",
        expect![[r#"
            gated runs acme/gated@v2
            health /ready
            FAST=true
            NOTHING=None
            POOLING=cls
            PREDICT_ROUTE=/v1/embeddings
            WHERE=/models
            secret HF_TOKEN is reader
            secret billing is billing
            gpu nvidia-l4 4x16
            note: --model-id is /models/gated, a folder of the container; it is `acme/gated`
            note: a GPU was asked for (nvidia-l4 4x16); the endpoint runs on this machine's CPU
            left out: weights[1].source: only hf:// is fetched here; name a folder with --model
            left out: environment_variables.FAST: kept as a variable of the endpoint, which no replica reads
            left out: environment_variables.NOTHING: kept as a variable of the endpoint, which no replica reads
            left out: environment_variables.WHERE: kept as a variable of the endpoint, which no replica reads
            left out: docker_server.liveness_endpoint: an endpoint has one route for its health, /ready"#]],
    );
}

#[test]
fn a_repository_that_is_cloned_while_the_container_is_built() {
    check(
        "\
model_name: cloned
build_commands:
- git lfs install && git clone --depth 1 -b v1 https://user:hf_x@huggingface.co/acme/cloned.git /data/local-model # once
- apt-get install -y curl
docker_server:
  start_command: text-embeddings-router --model-id /data/local-model --dtype float16
  predict_endpoint: /embed
",
        expect![[r#"
            cloned runs acme/cloned@v1
            PREDICT_ROUTE=/embed
            note: --model-id is /data/local-model, a folder of the container; it is `acme/cloned`
            left out: build_commands[1]: no container is built here
            left out: docker_server.start_command --dtype: `float16` is for accelerators; here weights are widened to float32"#]],
    );
    check(
        &config(
            "text-embeddings-router --model-id /data/local-model",
            "model_metadata: {repo_id: acme/told, example_model_input: {input: text}}",
        ),
        expect![[r#"
            tiny runs acme/told
            note: --model-id is /data/local-model, a folder of the container; it is `acme/told`
            left out: model_metadata.example_model_input: it describes the model to people, and has no place in an endpoint"#]],
    );
    check(
        &config(
            "sh -c 'hf download acme/loaded --revision v3 --local-dir /data/m; text-embeddings-router --model-id /data/m'",
            "",
        ),
        expect![[r#"
            tiny runs acme/loaded@v3
            note: --model-id is /data/m, a folder of the container; it is `acme/loaded`"#]],
    );
}

#[test]
fn settings_come_from_variables_unless_flags_say_otherwise() {
    check(
        "\
model_name: of-variables
base_image: {image: example.com/text-embeddings-inference:1.9, docker_auth: {auth_method: GCP_SERVICE_ACCOUNT_JSON, secret_name: registry}}
docker_server: {no_build: true, server_port: 80, predict_endpoint: /embed}
environment_variables:
  MODEL_ID: acme/small
  REVISION: main
  MAX_BATCH_TOKENS: 4096
  MAX_CLIENT_BATCH_SIZE: 64
  API_KEY: sk-never-shown
  HF_TOKEN: hf-never-shown
  TASK: sentence-similarity
secrets: {hf_access_key: null, registry: null}
",
        expect![[r#"
            of-variables runs acme/small@main
            image example.com/text-embeddings-inference:1.9
            port 80
            MAX_BATCH_TOKENS=4096
            MAX_CLIENT_BATCH_SIZE=64
            PREDICT_ROUTE=/embed
            TASK=sentence-similarity
            secret HF_TOKEN is ***
            note: the value of HF_TOKEN stands in the file for all to read; it becomes a secret here
            left out: environment_variables.API_KEY: an endpoint asks for the keys of the server: its setting api_keys, and those of /api/keys
            left out: environment_variables.MAX_CLIENT_BATCH_SIZE: a request may have any number of inputs; its bytes bound it, with --payload-limit
            left out: docker_server.server_port: clients are shown it, but replicas listen on sockets of their own
            left out: base_image.docker_auth: no container is fetched here
            left out: secrets.registry: no container is fetched here
            left out: secrets.hf_access_key: HF_TOKEN has a value already
            left out: docker_server.no_build: no container is built here, and no Python runs"#]],
    );
    check(
        &config(
            ">-\n    env MAX_BATCH_TOKENS=1 MODEL_ID=acme/a POOLING=cls text-embeddings-router --max-batch-tokens 2 \
             --api-key sk-never-shown --default-prompt 'query: ' --auto-truncate false --new-flag 7 --hostname=::",
            "environment_variables: {MAX_BATCH_TOKENS: 3, POOLING: mean}",
        ),
        expect![[r#"
            tiny runs acme/a
            AUTO_TRUNCATE=false
            DEFAULT_PROMPT=query: 
            MAX_BATCH_TOKENS=2
            POOLING=cls
            left out: docker_server.start_command --api-key: an endpoint asks for the keys of the server: its setting api_keys, and those of /api/keys
            left out: docker_server.start_command --new-flag: text-embeddings-router has no such flag that is known here
            left out: docker_server.start_command --hostname: replicas listen on sockets that the server alone can reach"#]],
    );
}

#[test]
fn the_two_numbers_that_must_be_equal_are_compared() {
    let of = |concurrency: &str, flag: &str| {
        let command = format!("text-embeddings-router --model-id a/b {flag}");
        let wanted = wanted(&config(&command, concurrency), Given::default()).unwrap();
        wanted.notes.join("\n")
    };
    let at_most = "--max-concurrent-requests 40";
    assert_eq!(of("runtime: {predict_concurrency: 40}", at_most), "");
    assert_eq!(of("predict_concurrency: 40", at_most), "");
    assert_eq!(of("", ""), "");
    expect!["runtime.predict_concurrency is 32 and --max-concurrent-requests 40: Baseten sends a replica 32 requests at a time, and never as many as it takes; here a replica takes 40. Write the same number for both"].assert_eq(&of("runtime: {predict_concurrency: 32}", at_most));
    expect!["runtime.predict_concurrency is 64 and --max-concurrent-requests 40: Baseten sends a replica 64 requests at a time, of which it refuses those over 40; here a replica takes 40. Write the same number for both"].assert_eq(&of("runtime: {predict_concurrency: 64}", at_most));
    expect!["runtime.predict_concurrency is 64 and --max-concurrent-requests 512 (not given): Baseten sends a replica 64 requests at a time, and never as many as it takes; here a replica takes what the server's max_concurrent_requests says. Write the same number for both"].assert_eq(&of("runtime: {predict_concurrency: 64}", ""));
    expect!["runtime.predict_concurrency is 1 (not given) and --max-concurrent-requests 40: Baseten sends a replica 1 request at a time, and never as many as it takes; here a replica takes 40. Write the same number for both"].assert_eq(&of("", at_most));
}

#[test]
fn replicas_are_as_many_as_the_file_says() {
    let of = |scaling: &str| {
        let scaling = format!("autoscaling: {scaling}");
        let config = config("text-embeddings-router --model-id a/b", &scaling);
        wanted(&config, Given::default()).unwrap().replicas
    };
    let replicas = |min, max, to_zero_after| Some(Replicas { min, max, to_zero_after });
    assert_eq!(
        of("{min_replica: 0, max_replica: 3, scale_down_delay: 900}"),
        replicas(0, 3, Some(15))
    );
    assert_eq!(of("{min_replica: 0, scale_down_delay: 61}"), replicas(0, 1, Some(2)));
    assert_eq!(of("{min_replica: 2}"), replicas(2, 2, None));
    assert_eq!(of("{max_replica: 4}"), replicas(0, 4, None));
    assert_eq!(of("{scale_down_delay: 61}"), None);
    assert_eq!(of("{}"), None);
}

#[test]
fn what_nobody_knows_is_listed_with_its_path() {
    check(
        &config(
            "text-embeddings-router --model-id a/b",
            "  brand_new: 1\nanother: {a: b}\nresources: {warp: 9, node_count: 2}\n\
             runtime: {health_checks: {startup_threshold_seconds: 9}, streaming_read_timeout: 9, transport: {kind: grpc}, x: 1}\n\
             description: words\nrequirements: [torch]\nlive_reload: false\n\
             autoscaling: {min_replica: 1, concurrency_target: 4, y: 2}\nbase_image: {python_executable_path: /usr/bin/python3, z: 3}",
        ),
        expect![[r#"
            tiny runs a/b
            1 to 1 replicas, None
            left out: base_image.python_executable_path: no container is built here, and no Python runs
            left out: base_image.z: this key is not known here
            left out: resources.node_count: there is this one machine
            left out: resources.warp: this key is not known here
            left out: autoscaling.concurrency_target: replicas are added by the tokens that wait, and by nothing else unless it is asked for
            left out: autoscaling.y: this key is not known here
            left out: runtime.transport.kind: an endpoint answers HTTP requests, and no grpc
            left out: runtime.streaming_read_timeout: embeddings are not streamed
            left out: runtime.health_checks: the server itself decides when a replica is ready, and when it has failed
            left out: runtime.x: this key is not known here
            left out: docker_server.brand_new: this key is not known here
            left out: requirements: no container is built here, and no Python runs
            left out: description: an endpoint has no description
            left out: another: this key is not known here"#]],
    );
}

#[test]
fn a_name_is_made_of_the_model_name_unless_it_is_given() {
    let of = |name: &str, given| {
        let config = format!(
            "model_name: {name}\ndocker_server: {{start_command: text-embeddings-router --model-id a/b}}"
        );
        let given = Given { name: given, ..Given::default() };
        wanted(&config, given).map(|wanted| (wanted.name, wanted.notes.join("\n")))
    };
    assert_eq!(of("MiniLM (v2)", None), Ok(("minilm-v2".to_owned(), String::new())));
    assert_eq!(of("MiniLM", Some("mine")), Ok(("mine".to_owned(), String::new())));
    let long = format!("{}-{}", "n".repeat(31), "m".repeat(32));
    let (name, note) = of(&long, None).unwrap();
    assert_eq!(name, "n".repeat(31));
    expect!["the endpoint is called `…`, since model_name has more than 32 letters; another name is given with --name"].assert_eq(&note.replace(&name, "…"));
    assert!(matches!(of("模型", None), Err(ImportError::NoName { .. })));
    assert!(matches!(of("''", None), Err(ImportError::NoName { .. })));
    assert!(of("''", Some("mine")).is_ok());
}

#[test]
fn a_model_that_is_given_goes_before_the_file() {
    let given = Given { model: Some("./folder"), ..Given::default() };
    let config = config("text-embeddings-router --model-id /data/m --revision v1", "");
    let wanted = wanted(&config, given).unwrap();
    expect![[r#"
        tiny runs ./folder
        left out: --model-id: the model is given with --model
        left out: --revision: the model is given with --model"#]]
    .assert_eq(&render(&wanted));
}
