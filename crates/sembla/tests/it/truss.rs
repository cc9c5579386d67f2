//! `sembla endpoint import`: a Truss, the endpoint that it becomes, and what is said on the way.

use expect_test::expect;
use serde_json::{Value, json};

use crate::client::ask;
use crate::command::{Ended, Sembla, Served, fixture_models, folder};
use crate::fake_hub::{FakeHub, ID};

/// As people write it for an accelerator, with the weights in a folder of the container.
const CONFIG: &str = r#"
model_name: Tiny search (v1)
base_image:
  image: registry.example.com/text-embeddings-inference:89-1.9
model_metadata:
  repo_id: org/tiny
docker_server:
  start_command: sh -c "HF_TOKEN=$(cat /secrets/hf_access_key) text-embeddings-router --port 7997
    --model-id /data/local-model --max-client-batch-size 32 --max-concurrent-requests 40
    --max-batch-tokens 8192 --api-key sk-shown-to-nobody"
  server_port: 7997
  predict_endpoint: /v1/embeddings
  readiness_endpoint: /health
  liveness_endpoint: /health
resources:
  accelerator: L4
  use_gpu: true
runtime:
  predict_concurrency: 32
secrets:
  hf_access_key: null
requirements: []
next_year: 1
"#;

fn with_config(config: &str) -> Sembla {
    let sembla = Sembla::new();
    fs_err::write(sembla.home().join("config.yaml"), config).unwrap();
    sembla
}

fn import(sembla: &Sembla, args: &[&str]) -> Ended {
    let ended = sembla.run(&[&["endpoint", "import"], args].concat());
    assert!(!format!("{ended:?}").contains("sk-shown-to-nobody"), "{ended:?}");
    ended
}

#[test]
fn a_dry_run_shows_the_endpoint_and_what_is_left_out_without_a_server() {
    let sembla = with_config(CONFIG);
    let text = sembla.transcript(&["endpoint", "import", "config.yaml", "--dry-run"]);
    expect![[r#"
        endpoint tiny-search-v1 would be
          model     org/tiny
          image     registry.example.com/text-embeddings-inference:89-1.9
          health    /health
          variable  MAX_BATCH_TOKENS=8192
          variable  MAX_CLIENT_BATCH_SIZE=32
          variable  MAX_CONCURRENT_REQUESTS=40
          variable  PREDICT_ROUTE=/v1/embeddings
          secret    HF_TOKEN, which takes --secret hf_access_key=VALUE
          replicas  always 1
          instance  nvidia-l4 x1, gpu
          note      --model-id is /data/local-model, a folder of the container; it is `org/tiny`
          note      a GPU was asked for (nvidia-l4 x1); the endpoint runs on this machine's CPU
          note      runtime.predict_concurrency is 32 and --max-concurrent-requests 40: Baseten sends a replica 32 requests at a time, and never as many as it takes; here a replica takes 40. Write the same number for both
        has no meaning here:
          docker_server.start_command --max-client-batch-size  a request may have any number of inputs; its bytes bound it, with --payload-limit
          docker_server.start_command --api-key                an endpoint asks for the keys of the server: its setting api_keys, and those of /api/keys
          docker_server.server_port                            clients are shown it, but replicas listen on sockets of their own
          next_year                                            this key is not known here
        exit code 0
    "#]].assert_eq(&text);
    let shown = import(&sembla, &[".", "--dry-run", "--json"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let model = &shown["request"]["model"];
    assert_eq!(model["repository"], "org/tiny");
    assert_eq!(model["env"]["PREDICT_ROUTE"], "/v1/embeddings");
    assert_eq!(model["secrets"], json!({"HF_TOKEN": "***"}));
    assert_eq!(model["image"]["custom"]["healthRoute"], "/health");
    assert_eq!(shown["request"]["compute"]["instanceType"], "nvidia-l4");
    let keys = shown["left_out"].as_array().unwrap().iter().map(|part| &part["key"]);
    assert!(keys.clone().any(|key| key == "next_year"), "{shown}");
    assert!(!sembla.data_dir().exists());
}

#[test]
fn a_truss_becomes_an_endpoint_that_answers() {
    let tiny = fixture_models().join("tiny-bert");
    let names = [
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "modules.json",
        "1_Pooling/config.json",
    ];
    let files: Vec<_> = names
        .iter()
        .filter_map(|name| Some((*name, fs_err::read(tiny.join(name)).ok()?)))
        .collect();
    let files: Vec<_> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    let hub = FakeHub::start(&files);
    let sembla = with_config(CONFIG).with_env("HF_ENDPOINT", hub.endpoint());
    let served = Served::start(&sembla, &["serve", "--port", "0"]);
    let made = import(&sembla, &["config.yaml", "--secret", "hf_access_key=hf_given", "--wait"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.stdout.starts_with("me/tiny-search-v1\n"), "{made:?}");
    for said in ["predict_concurrency is 32", "next_year", "a GPU was asked for (nvidia-l4 x1)"] {
        assert!(made.stderr.contains(said), "{said}: {made:?}");
    }
    assert!(!format!("{made:?}").contains("hf_given"), "{made:?}");
    assert!(hub.requests(ID).iter().any(|line| line.ends_with(" as hf_given")));
    let path = "/serve/me/tiny-search-v1/v1/embeddings";
    let (status, answer) = ask(&served, "POST", path, Some(&json!({"input": "text string"})));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["data"][0]["embedding"].as_array().map(Vec::len), Some(32), "{answer}");
    let again = import(&sembla, &["config.yaml", "--secret", "hf_access_key=hf_given"]);
    assert_eq!(again.code, 3, "{again:?}");
    assert!(again.stderr.contains("there is an endpoint `me/tiny-search-v1` already"), "{again:?}");
}

#[test]
fn a_folder_and_a_name_go_before_the_file() {
    let sembla = with_config(CONFIG);
    let _served = Served::start(&sembla, &["serve", "--port", "0"]);
    let model = folder("tiny-bert");
    let args = ["config.yaml", "--name", "mine", "--model", &model, "--secret", "hf_access_key="];
    let made = import(&sembla, &[&args[..], &["--json", "--wait"]].concat());
    assert_eq!(made.code, 0, "{made:?}");
    let shown: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(shown["name"], "mine");
    assert_eq!(shown["model"]["repository"], model);
    assert_eq!(shown["model"]["env"]["MAX_BATCH_TOKENS"], "8192");
    assert_eq!(shown["status"]["state"], "running");
}

#[test]
fn what_is_no_truss_of_ours_is_refused_before_anybody_is_asked() {
    let check = |config: &str, args: &[&str], code: i32, expected: &str| {
        let sembla = with_config(config);
        let ended = import(&sembla, &[&["config.yaml"], args].concat());
        assert_eq!(ended.code, code, "{ended:?}");
        assert_eq!(ended.stderr.lines().next().unwrap_or_default(), expected);
    };
    check(
        CONFIG,
        &[],
        2,
        "sembla: the file names the secret `hf_access_key`, and nobody is at a terminal to be asked; give it \
         with --secret NAME=VALUE, or leave it out with --secret NAME=",
    );
    check(
        "model_name: a\nrequirements: [torch]",
        &["--dry-run"],
        2,
        "sembla: this Truss has no docker_server: it runs a model.py; what becomes an endpoint here is one with \
         a docker_server whose start_command runs text-embeddings-router",
    );
    check(
        "model_name: a\ndocker_server: {start_command: text-embeddings-router --model-id a b}",
        &["--dry-run"],
        2,
        "sembla: docker_server.start_command has a word that belongs to no flag of text-embeddings-router",
    );
    check(
        "model_name: a\ndocker_server: {start_command: text-embeddings-router --model-id 'a*b'}",
        &["--dry-run"],
        2,
        "sembla: `a*b` is neither a directory nor a Hub id, which is NAMESPACE/NAME of letters, digits, `-`, \
         `_` and `.`",
    );
    check(
        "a: [",
        &["--dry-run"],
        2,
        "sembla: config.yaml cannot be read as YAML: unclosed bracket '[' at line 1, column 4",
    );
    let none = import(&Sembla::new(), &["nowhere.yaml", "--dry-run"]);
    assert_eq!(none.code, 3, "{none:?}");
}
