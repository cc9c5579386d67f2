//! Help, exit codes, completions and the settings, as a user meets them.

use std::process::Stdio;

use expect_test::expect;

use crate::command::Sembla;

#[test]
fn the_top_level_help_is_short_and_has_an_example() {
    let help = Sembla::new().run(&["--help"]);
    assert_eq!(help.code, 0);
    expect![[r#"
        Text in, vectors out, on your own machines

        Usage: sembla <COMMAND>

        Commands:
          serve        Serve models and indexes over HTTP
          proxy        Let clients with hard-coded hosts reach this machine's server
          embed        Embed a column of a dataset, into a folder or an index
          search       Search an index, or the folder of an embedded dataset
          index        Create, fill, show, copy and measure indexes of vectors
          endpoint     Create, watch, scale, pause and delete endpoints of a running server
          model        Download, list and check models
          doctor       Say what this machine offers, what would be used of it, and why
          config       Show the settings that are in force
          completions  Print the completion script of a shell

        Options:
          -h, --help     Print help
          -V, --version  Print version

        Example: sembla serve --model sentence-transformers/all-MiniLM-L6-v2

        Every setting is also a SEMBLA_… variable and a key of a TOML file; see `sembla config show`.
        Exit codes: 0 done, 1 the answer is no, 2 usage, 3 failed.
    "#]].assert_eq(&help.stdout);
}

#[test]
fn completions_are_scripts_of_the_shell() {
    for (shell, sign) in [
        ("bash", "complete -F _sembla"),
        ("zsh", "#compdef sembla"),
        ("fish", "complete -c sembla"),
    ] {
        let script = Sembla::new().run(&["completions", shell]);
        assert_eq!(script.code, 0);
        assert!(script.stdout.contains(sign), "{shell}");
        assert!(script.stdout.contains("model"), "{shell}");
    }
}

#[test]
fn a_mistake_on_the_command_line_exits_with_2() {
    for args in [&["pull"][..], &["model"], &["model", "pull"], &["config", "show", "--prot", "1"]]
    {
        let ended = Sembla::new().run(args);
        assert_eq!(ended.code, 2, "{args:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{args:?}");
    }
}

#[test]
fn a_setting_that_is_not_allowed_is_one_line_and_exits_with_2() {
    let sembla = Sembla::new().with_env("PORT", "eighty");
    expect![[r#"
        stderr: sembla: `port` is `eighty` (variable PORT), expected a whole number from 0 to 65535
        exit code 2
    "#]]
    .assert_eq(&sembla.transcript(&["config", "show"]));
}

#[test]
fn the_cause_of_a_failure_follows_in_one_chain() {
    expect![[r#"
        stderr: sembla: failed to read the configuration: failed to open file `nowhere.toml`: No such file or directory (os error 2)
        exit code 2
    "#]].assert_eq(&Sembla::new().transcript(&["config", "show", "--config", "nowhere.toml"]));
}

#[test]
fn config_show_prints_every_setting_with_its_source() {
    let sembla = Sembla::new().with_env("API_KEY", "hush").with_env("MAX_BATCH_TOKENS", "8192");
    fs_err::write(sembla.home().join("sembla.toml"), "threads = 3\n").unwrap();
    let shown = sembla.run(&["config", "show", "--config", "sembla.toml", "--hostname", "0.0.0.0"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    expect![[r##"
        # Models
        model = []                                   # default
        # revision is not set
        # served_model_name is not set
        # pooling is not set
        # default_prompt_name is not set
        # default_prompt is not set
        auto_truncate = true                         # default
        dtype = "float32"                            # default

        # Compute
        threads = 3                                  # file sembla.toml
        max_batch_tokens = 8192                      # variable MAX_BATCH_TOKENS
        # max_batch_requests is not set
        max_concurrent_requests = 512                # default
        max_queue_tokens = 262144                    # default

        # Serving
        host = "0.0.0.0"                             # flag --host
        port = 8080                                  # default
        api_key = ["***"]                            # variable API_KEY
        aws_access_key = []                          # default
        payload_limit = 32000000                     # default
        cors_allow_origin = ["*"]                    # default
        openai_accept_token_ids = false              # default
        root_task = "by_shape"                       # default
        max_connections = 4096                       # default
        max_header_bytes = 65536                     # default
        header_read_timeout = 60.0                   # default
        body_read_timeout = 30.0                     # default
        write_timeout = 60.0                         # default
        drain_limit = 30.0                           # default
        # public_url is not set

        # Indexes
        inference_only = false                       # default
        # index_store is not set
        # index_store_key is not set
        max_index_size = 68719476736                 # default
        index_query_time = 0.01                      # default

        # Endpoints
        default_namespace = "me"                     # default
        model_dir = []                               # default
        # s3_endpoint is not set
        s3_bucket = "sembla"                         # default
        replica_memory = "auto"                      # default
        prices = {}                                  # default
        scale_up_timeout = 120.0                     # default
        replica_start_timeout = 600.0                # default
        # scale_up_latency is not set

        # The Hub
        hub_endpoint = "https://huggingface.co"      # default
        hub_cache = "auto"                           # default
        # hub_token is not set
        hub_token_path = "auto"                      # default
        # hub_ca_file is not set
        hub_connect_timeout = 10.0                   # default
        hub_idle_timeout = 30.0                      # default
        hub_retries = 5                              # default
        offline = false                              # default

        # Folders and logs
        data_dir = "auto"                            # default
        log_level = "info"                           # default
        log_format = "text"                          # default
    "##]]
    .assert_eq(&shown.stdout);

    // What it prints is itself a file of settings; a key that was hidden has to be set again.
    let file = shown.stdout.replace("api_key", "# api_key");
    fs_err::write(sembla.home().join("shown.toml"), file).unwrap();
    let again = sembla.run(&["config", "show", "--config", "shown.toml"]);
    assert!(
        again.stdout.contains("threads = 3                                  # file shown.toml")
    );
}

#[test]
fn every_command_has_help_with_an_example() {
    let commands: [&[&str]; 32] = [
        &["serve"],
        &["embed"],
        &["search"],
        &["index", "create"],
        &["index", "list"],
        &["index", "show"],
        &["index", "delete"],
        &["index", "protect"],
        &["index", "bind"],
        &["index", "import"],
        &["index", "export"],
        &["index", "check"],
        &["index", "snapshot"],
        &["index", "restore"],
        &["index", "recall"],
        &["endpoint", "create"],
        &["endpoint", "list"],
        &["endpoint", "show"],
        &["endpoint", "wait"],
        &["endpoint", "logs"],
        &["endpoint", "pause"],
        &["endpoint", "resume"],
        &["endpoint", "scale"],
        &["endpoint", "update"],
        &["endpoint", "delete"],
        &["endpoint", "cost"],
        &["model", "pull"],
        &["model", "list"],
        &["model", "check"],
        &["doctor"],
        &["config", "show"],
        &["completions"],
    ];
    for command in commands {
        let example = format!("Example: sembla {}", command.join(" "));
        for flag in ["-h", "--help"] {
            let help = Sembla::new().run(&[command, &[flag]].concat());
            assert_eq!(help.code, 0, "{command:?}");
            assert!(help.stdout.contains(&example), "{command:?} {flag}: {}", help.stdout);
        }
    }
}

#[test]
fn the_short_help_leaves_rare_settings_to_the_long_one() {
    let help = |flag: &str| Sembla::new().run(&["serve", flag]).stdout;
    let rare = ["--write-timeout", "--hub-retries", "--payload-limit"];
    for setting in rare {
        assert!(!help("-h").contains(setting) && help("--help").contains(setting), "{setting}");
    }
    for setting in ["--model", "--port", "--api-key", "--threads"] {
        assert!(help("-h").contains(setting), "{setting}");
    }
    // The rival's flags work, and are not advertised.
    assert!(!help("--help").contains("--tokenization-workers"));
}

#[test]
fn doctor_says_what_would_be_used() {
    let doctor = Sembla::new().run(&["doctor", "--json", "--threads", "3"]);
    assert_eq!(doctor.code, 0, "{doctor:?}");
    let report: serde_json::Value = serde_json::from_str(&doctor.stdout).unwrap();
    assert_eq!(report["threads"]["count"], 3);
    assert_eq!(report["threads"]["reason"], "as asked (flag --threads)");
    assert!(report["instruction_sets"]["chosen"].is_string());
    assert!(report["memory"]["total_bytes"].as_u64() > Some(0));
    assert_eq!(report["hub"]["token"], "none");
    assert_eq!(report["folders"][0]["exists"], false);
    assert_eq!(report["folders"][1]["used_by"], "nobody");

    let text = Sembla::new().with_env("HF_TOKEN", "hf_hidden").run(&["doctor"]);
    for label in ["instruction set", "threads", "memory", "models of the Hub", "token"] {
        assert!(text.stdout.contains(label), "{label}: {text:?}");
    }
    assert!(!text.stdout.contains("hf_hidden"));
}

#[test]
fn doctor_measures_only_when_asked_to() {
    let peak = |args: &[&str]| {
        let doctor = Sembla::new().run(&[&["doctor", "--json"], args].concat());
        let report: serde_json::Value = serde_json::from_str(&doctor.stdout).unwrap();
        report["fma_peak_flops"].as_f64()
    };
    assert_eq!(peak(&[]), None);
    assert!(peak(&["--measure", "--threads", "1"]) > Some(1e8));
}

#[test]
fn doctor_answers_no_for_a_model_that_cannot_be_loaded() {
    let sembla = Sembla::new();
    fs_err::create_dir_all(sembla.home().join("empty")).unwrap();
    let ended = sembla.run(&["doctor", "--model", "./empty"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stdout.contains("cannot be loaded"), "{ended:?}");
}

#[test]
fn a_reader_that_is_gone_is_no_failure() {
    let sembla = Sembla::new();
    let mut command = sembla.command(&["completions", "bash"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn no_models_in_the_cache_is_a_no() {
    expect![[r#"
        stderr: no models in $HOME/.cache/huggingface/hub
        exit code 1
    "#]]
    .assert_eq(&Sembla::new().transcript(&["model", "list"]));
}
