//! Configs of which nothing is made, and why.

use expect_test::{Expect, expect};

use super::{Given, config, wanted};

#[track_caller]
fn check(config: &str, expected: Expect) {
    let refused = wanted(config, Given::default()).unwrap_err();
    expected.assert_eq(&refused.to_string());
}

#[track_caller]
fn check_command(command: &str, expected: Expect) {
    check(&config(command, ""), expected);
}

const GOOD: &str = "text-embeddings-router --model-id a/b";

#[test]
fn other_servers_are_named() {
    check(
        "model_name: a\nrequirements: [torch]",
        expect![
            "this Truss has no docker_server: it runs a model.py; what becomes an endpoint here is one with a docker_server whose start_command runs text-embeddings-router"
        ],
    );
    check(
        "model_name: a\ntrt_llm: {build: {base_model: encoder}}",
        expect![
            "this Truss runs TensorRT-LLM (trt_llm); what becomes an endpoint here is one with a docker_server whose start_command runs text-embeddings-router"
        ],
    );
    check(
        "model_name: a\nbis_llm: {config: {}}\ndocker_server: {start_command: x}",
        expect![
            "this Truss runs Baseten's own engine (bis_llm); what becomes an endpoint here is one with a docker_server whose start_command runs text-embeddings-router"
        ],
    );
    check_command(
        "vllm serve a/b --port 8000",
        expect![
            "this Truss runs vLLM (`vllm`); what becomes an endpoint here is one with a docker_server whose start_command runs text-embeddings-router"
        ],
    );
    check_command(
        "sh -c \"HF_TOKEN=$(cat /secrets/hf) exec vllm serve a/b\"",
        expect![
            "this Truss runs vLLM (`vllm`); what becomes an endpoint here is one with a docker_server whose start_command runs text-embeddings-router"
        ],
    );
    check_command(
        "python3 -m sglang.launch_server --model-path a/b",
        expect![
            "this Truss runs SGLang (`python3 -m sglang.launch_server`); what becomes an endpoint here is one with a docker_server whose start_command runs text-embeddings-router"
        ],
    );
    check_command(
        "/usr/bin/python3 main.py",
        expect![
            "this Truss runs a Python program (`python3`); what becomes an endpoint here is one with a docker_server whose start_command runs text-embeddings-router"
        ],
    );
    check_command(
        "infinity_emb v2 --model-id a/b",
        expect![
            "this Truss runs Infinity (`infinity_emb`); what becomes an endpoint here is one with a docker_server whose start_command runs text-embeddings-router"
        ],
    );
    check_command(
        "bash -c 'cd /app; ./serve.sh | tee log'",
        expect![
            "this Truss runs `tee`; what becomes an endpoint here is one with a docker_server whose start_command runs text-embeddings-router"
        ],
    );
    check_command(
        "sh /entrypoint.sh",
        expect![
            "this Truss runs `sh`; what becomes an endpoint here is one with a docker_server whose start_command runs text-embeddings-router"
        ],
    );
}

#[test]
fn routes_of_other_models_are_named() {
    for route in ["/rerank", "/predict", "/embed_sparse"] {
        let others = format!("  predict_endpoint: {route}");
        let refused = wanted(&config(GOOD, &others), Given::default()).unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("docker_server.predict_endpoint is {route}, and no "))
        );
    }
    let others = "  predict_endpoint: rerank";
    check(
        &config(GOOD, others),
        expect![
            "docker_server.predict_endpoint is `rerank`; it must be a path that begins with `/`, such as /v1/embeddings"
        ],
    );
}

#[test]
fn a_command_that_cannot_be_told_says_why() {
    check_command(
        "''",
        expect![
            "docker_server.start_command is missing, so that nobody can tell what the image runs"
        ],
    );
    check_command(
        "null",
        expect![
            "docker_server.start_command is missing, so that nobody can tell what the image runs"
        ],
    );
    check_command(
        "text-embeddings-router --model-id 'a",
        expect!["docker_server.start_command has a quote that is never closed"],
    );
    check_command(
        "sh -c \"text-embeddings-router --model-id $WHICH\"",
        expect![
            "docker_server.start_command needs $WHICH, whose value is not in config.yaml; write the value instead"
        ],
    );
    check_command(
        "sh -c 'text-embeddings-router --model-id $(ls /data)'",
        expect![
            "docker_server.start_command needs $(ls /data), whose value is not in config.yaml; write the value instead"
        ],
    );
    check_command(
        "sh -c 'text-embeddings-router --model-id a/b \"'",
        expect![[r#"docker_server.start_command has no closing `"`"#]],
    );
    check_command(
        "sh -c 'text-embeddings-router --model-id a/b & text-embeddings-router'",
        expect!["docker_server.start_command starts two servers; an endpoint has one"],
    );
    check_command(
        "text-embeddings-router --model-id a/b stray",
        expect![
            "docker_server.start_command has a word that belongs to no flag of text-embeddings-router"
        ],
    );
    check_command(
        "text-embeddings-router --model-id",
        expect!["docker_server.start_command has --model-id without a value"],
    );
    check_command(
        "text-embeddings-router --model-id $MODEL",
        expect![
            "--model-id is `$MODEL`, and nothing but a shell puts values into it: write the value, or run the command in `sh -c`; say which model it is with --model"
        ],
    );
    let nested = (0..6)
        .fold("x".to_owned(), |inner, _| format!("sh -c {}", shlex::try_quote(&inner).unwrap()));
    check(
        &config(&format!("{nested:?}"), ""),
        expect!["docker_server.start_command has shells in shells in shells"],
    );
    check(
        &config(&"a".repeat(70_000), ""),
        expect!["docker_server.start_command is over 65536 bytes"],
    );
}

#[test]
fn a_model_that_cannot_be_told_asks_for_it() {
    check_command(
        "text-embeddings-router --port 80",
        expect!["start_command has no --model-id; say which model it is with --model"],
    );
    check_command(
        "text-embeddings-router --model-id /data/m",
        expect![
            "--model-id is /data/m, a folder of the container, and neither weights, model_cache, build_commands nor model_metadata.repo_id names the repository in it; say which model it is with --model"
        ],
    );
    check(
        &config(
            "text-embeddings-router --model-id /data/m",
            "model_cache: [{repo_id: a/b, volume_folder: b}, {repo_id: a/c, volume_folder: c}]",
        ),
        expect![
            "--model-id is /data/m, a folder of the container, and any of `a/b`, `a/c` may be in it; say which model it is with --model"
        ],
    );
}

#[test]
fn values_are_named_by_their_paths() {
    check(
        "model_name: [a]\ndocker_server: {start_command: x}",
        expect!["model_name must be a text, and is a list"],
    );
    check(
        "docker_server: text-embeddings-router",
        expect!["there is no model_name in the file; say what to call the endpoint with --name"],
    );
    check(
        "model_name: a\ndocker_server: {start_command: [a, b]}",
        expect!["docker_server.start_command must be a text, and is a list"],
    );
    check(
        &config(GOOD, "  server_port: 7997x"),
        expect!["docker_server.server_port must be a whole number from 0, and is a text"],
    );
    check(
        &config(GOOD, "  server_port: -1"),
        expect!["docker_server.server_port is `-1`; it must be a whole number from 0"],
    );
    check(
        &config(GOOD, "  server_port: 70000"),
        expect!["docker_server.server_port is `70000`; it must be a port, from 1 to 65535"],
    );
    check(
        &config(GOOD, "runtime: {predict_concurrency: -40}"),
        expect!["runtime.predict_concurrency is `-40`; it must be a whole number from 0"],
    );
    check(
        &config(GOOD, "runtime: {predict_concurrency: 1.5}"),
        expect!["runtime.predict_concurrency is `1.5`; it must be a whole number from 0"],
    );
    check(&config(GOOD, "runtime: []"), expect!["runtime must be keys with values, and is a list"]);
}

#[test]
fn values_of_hardware_and_weights_are_named_by_their_paths() {
    check(
        &config(GOOD, "resources: {accelerator: 'L4:0'}"),
        expect![
            "resources.accelerator is `L4:0`; it must be the name of an accelerator, with a number behind `:` for several, such as L4 or L4:2"
        ],
    );
    check(
        &config(GOOD, "resources: {accelerator: [L4]}"),
        expect!["resources.accelerator must be a text, and is a list"],
    );
    check(
        &config(GOOD, "resources: {use_gpu: sometimes}"),
        expect!["resources.use_gpu must be true or false, and is a text"],
    );
    check(
        &config(GOOD, "environment_variables: {A: {b: c}}"),
        expect!["environment_variables.A must be a text, and is keys with values"],
    );
    check(
        &config(GOOD, "secrets: [hf_access_key]"),
        expect!["secrets must be keys with values, and is a list"],
    );
    check(
        &config(GOOD, "weights: [hf://a/b]"),
        expect!["weights[0] must be keys with values, and is a text"],
    );
    check(
        &config(GOOD, "model_cache: [{repo_id: [a]}]"),
        expect!["model_cache[0].repo_id must be a text, and is a list"],
    );
    check(
        &config(GOOD, "build_commands: git clone"),
        expect!["build_commands must be a list, and is a text"],
    );
    check(
        &config(GOOD, "autoscaling: {min_replica: 3, max_replica: 2}"),
        expect![
            "autoscaling.max_replica is `2`; it must be a whole number from 1 that is not below min_replica"
        ],
    );
}

#[test]
fn values_of_flags_are_named_by_their_flags() {
    check_command(
        "text-embeddings-router --model-id a/b --max-batch-tokens -5",
        expect![
            "docker_server.start_command --max-batch-tokens is `-5`; it must be a whole number from 1"
        ],
    );
    check_command(
        "text-embeddings-router --model-id a/b --max-concurrent-requests 0",
        expect![
            "docker_server.start_command --max-concurrent-requests is `0`; it must be a whole number from 1"
        ],
    );
    check_command(
        "text-embeddings-router --model-id a/b --auto-truncate=maybe",
        expect!["docker_server.start_command --auto-truncate is `maybe`; it must be true or false"],
    );
    check_command(
        "text-embeddings-router --model-id a/b --port 99999",
        expect!["--port is `99999`; it must be a port, from 1 to 65535"],
    );
}

#[test]
fn no_error_shows_a_secret() {
    for command in [
        "text-embeddings-router --model-id a/b --api-key sk-1 sk-2",
        "text-embeddings-router --model-id a/b --apikey sk-1 sk-2",
        "text-embeddings-router --model-id /data/m --hf-token=sk-1",
    ] {
        let config = config(command, "secrets: {a: sk-3}");
        let refused = wanted(&config, Given::default()).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("sk-"), "{refused:?}");
    }
}

#[test]
fn variables_in_variables_are_bounded() {
    let grow = "A=$A$A$A$A$A$A$A$A$A$A; ".repeat(12);
    check_command(
        &format!("sh -c 'A=xxxxxxxxxx; {grow}{GOOD} --dtype $A'"),
        expect![
            "docker_server.start_command needs a value of over 4096 bytes, whose value is not in config.yaml; write the value instead"
        ],
    );
}
