//! Layers, aliases and messages of the configuration.

use expect_test::{Expect, expect, expect_file};

use super::layers::File;
use super::table::Command;
use super::*;

/// What one case gives: flags as `(setting, values)`, variables, and the text of a file.
#[derive(Default)]
struct Case<'a> {
    flags: &'a [(&'static str, &'a [&'a str])],
    env: &'a [(&'a str, &'a str)],
    file: &'a str,
}

fn load_case(command: Command, case: &Case<'_>) -> Result<(Config, Layers), ConfigError> {
    let settings = case.flags.iter().map(|(name, values)| {
        (*name, values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
    });
    let given = Given { settings: settings.collect(), ..Given::default() };
    let mut env: Env =
        case.env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    env.entry("HOME".to_owned()).or_insert("/home/ada".to_owned());
    let file = File { path: "sembla.toml".into(), text: case.file.to_owned() };
    check(command, &given, &env, (!case.file.is_empty()).then_some(&file))
}

/// Loads for `serve` and prints the named settings, the notes, or the error.
#[track_caller]
fn check_serve(names: &[&str], case: &Case<'_>, expected: Expect) {
    check_command(Command::Serve, names, case, expected);
}

#[track_caller]
fn check_command(command: Command, names: &[&str], case: &Case<'_>, expected: Expect) {
    let text = match load_case(command, case) {
        Ok((_, layers)) => {
            let shown = render(&layers);
            let wanted = |line: &&str| {
                let name = line.trim_start_matches("# ");
                names.iter().any(|wanted| name.starts_with(&format!("{wanted} ")))
                    || line.contains("has no effect")
            };
            let lines: Vec<String> = shown
                .lines()
                .filter(wanted)
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            lines.join("\n")
        }
        Err(err) => err.to_string(),
    };
    expected.assert_eq(&text);
}

#[test]
fn the_default_stands_where_nothing_else_does() {
    check_serve(
        &["port", "pooling", "threads"],
        &Case::default(),
        expect![[r#"
            # pooling is not set
            threads = "auto" # default
            port = 8080 # default"#]],
    );
}

#[test]
fn a_flag_beats_a_variable_beats_the_alias_beats_the_file_beats_the_default() {
    let all = Case {
        flags: &[("port", &["1"])],
        env: &[("SEMBLA_PORT", "2"), ("PORT", "3")],
        file: "port = 4",
    };
    check_serve(&["port"], &all, expect!["port = 1 # flag --port"]);
    let no_flag = Case { flags: &[], ..all };
    check_serve(&["port"], &no_flag, expect!["port = 2 # variable SEMBLA_PORT"]);
    let alias = Case { env: &[("PORT", "3")], ..no_flag };
    check_serve(&["port"], &alias, expect!["port = 3 # variable PORT"]);
    let file = Case { env: &[("SEMBLA_PORT", " ")], ..alias };
    check_serve(&["port"], &file, expect!["port = 4 # file sembla.toml"]);
}

#[test]
fn names_of_the_rival_are_read_by_serve_only() {
    let env = Case {
        env: &[("PORT", "not a port"), ("API_KEY", "k"), ("HF_TOKEN", "hf_x")],
        ..Case::default()
    };
    check_command(
        Command::Embed,
        &["port", "api_key", "hub_token"],
        &env,
        expect![[r#"
            port = 8080 # default
            api_key = [] # default
            hub_token = "***" # variable HF_TOKEN"#]],
    );
    check_serve(
        &["port"],
        &env,
        expect!["`port` is `not a port` (variable PORT), expected a whole number from 0 to 65535"],
    );
}

#[test]
fn hostname_is_not_an_alias() {
    let docker = Case { env: &[("HOSTNAME", "3f4e5d6c7b8a")], ..Case::default() };
    check_serve(&["host"], &docker, expect![[r#"host = "127.0.0.1" # default"#]]);
}

#[test]
fn an_error_names_the_setting_the_value_its_source_and_what_is_allowed() {
    check_serve(
        &[],
        &Case { file: "payload_limit = 'huge'", ..Case::default() },
        expect![[
            r#"`payload_limit` is `"huge"` (file sembla.toml), expected a number of bytes from 1 to 1099511627776, such as 500000, 32MB or 16MiB"#
        ]],
    );
    check_serve(
        &[],
        &Case { env: &[("DTYPE", "float16")], ..Case::default() },
        expect!["`dtype` is `float16` (variable DTYPE), expected `float32`"],
    );
    check_serve(
        &[],
        &Case { flags: &[("pooling", &["splade"])], ..Case::default() },
        expect![
            "`pooling` is `splade` (flag --pooling), expected one of cls, mean, max, mean_sqrt_len, weighted_mean, last_token"
        ],
    );
}

#[test]
fn a_variable_that_kubernetes_made_says_so() {
    check_serve(
        &[],
        &Case { env: &[("SEMBLA_PORT", "tcp://10.0.0.7:80")], ..Case::default() },
        expect![
            "`port` is `tcp://10.0.0.7:80` (variable SEMBLA_PORT), expected a whole number from 0 to 65535; Kubernetes sets such a variable for a service of the same name: rename the service, or set enableServiceLinks: false in the pod"
        ],
    );
}

#[test]
fn a_secret_is_shown_nowhere() {
    let case = Case {
        flags: &[("api_key", &["first,with comma", "second"])],
        env: &[("HF_TOKEN", "hf_private")],
        ..Case::default()
    };
    check_serve(
        &["api_key", "hub_token"],
        &case,
        expect![[r#"
            api_key = ["***", "***"] # flag --api-key
            hub_token = "***" # variable HF_TOKEN"#]],
    );
    check_serve(
        &[],
        &Case { env: &[("SEMBLA_API_KEY", "hush,,hush")], ..Case::default() },
        expect![
            "`api_key` is `***` (variable SEMBLA_API_KEY), expected texts that are not empty, separated by commas"
        ],
    );
    let (config, _) = load_case(Command::Serve, &case).unwrap();
    assert!(!format!("{config:?}").contains("second"));
    assert_eq!(config.serve.api_keys[0].reveal(), "first,with comma");
}

#[test]
fn the_file_may_have_known_keys_only() {
    check_serve(
        &[],
        &Case { file: "prot = 80", ..Case::default() },
        expect![
            "the key `prot` in sembla.toml is not a setting; `sembla config show` lists the settings"
        ],
    );
    check_serve(
        &[],
        &Case { file: "port = ", ..Case::default() },
        expect![
            "failed to parse the configuration file sembla.toml at line 1: string values must be quoted, expected literal string"
        ],
    );
}

#[test]
fn what_has_no_effect_is_said() {
    check_serve(
        &["log_format"],
        &Case {
            env: &[
                ("MAX_CLIENT_BATCH_SIZE", "64"),
                ("JSON_OUTPUT", "true"),
                ("PROMETHEUS_PORT", "9000"),
                ("SEMBLA_PROT", "80"),
            ],
            ..Case::default()
        },
        expect![[r#"
            log_format = "json" # variable JSON_OUTPUT
            # variable SEMBLA_PROT has no effect: no setting has this name
            # variable MAX_CLIENT_BATCH_SIZE has no effect: a request may have any number of inputs; only payload_limit bounds it
            # variable PROMETHEUS_PORT has no effect: metrics are at /metrics on the server's own port"#]],
    );
}

#[test]
fn our_own_name_beats_what_a_foreign_one_means() {
    check_serve(
        &["log_format"],
        &Case { env: &[("JSON_OUTPUT", "1"), ("SEMBLA_LOG_FORMAT", "text")], ..Case::default() },
        expect![[r#"log_format = "text" # variable SEMBLA_LOG_FORMAT"#]],
    );
    check_serve(
        &["log_format"],
        &Case { env: &[("JSON_OUTPUT", "off")], ..Case::default() },
        expect![[r#"log_format = "text" # default"#]],
    );
}

#[test]
fn what_would_change_embeddings_is_refused() {
    check_serve(
        &[],
        &Case { env: &[("DENSE_PATH", "3_Dense")], ..Case::default() },
        expect![
            "variable DENSE_PATH is not supported: which Dense modules run is what the model's modules.json says; edit it to choose another"
        ],
    );
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    check_serve(
        &[],
        &Case {
            flags: &[("default_prompt", &["query: "])],
            file: "default_prompt_name = 'query'",
            ..Case::default()
        },
        expect![
            "`default_prompt` and `default_prompt_name` are both set (flag --default-prompt, file sembla.toml); set one"
        ],
    );
    check_serve(
        &[],
        &Case { flags: &[("model", &["a", "b"]), ("revision", &["v1"])], ..Case::default() },
        expect!["`revision` is set (flag --revision) with 2 models; write MODEL@REVISION instead"],
    );
    check_serve(
        &[],
        &Case { file: "max_queue_tokens = 1000", ..Case::default() },
        expect![
            "`max_queue_tokens` is 1000 (file sembla.toml), expected at least `max_batch_tokens`, which is 16384"
        ],
    );
}

#[test]
fn folders_are_where_the_hubs_clients_look() {
    let folders = |env: &[(&str, &str)]| {
        let (config, _) = load_case(Command::Model, &Case { env, ..Case::default() }).unwrap();
        let paths = [&config.hub.cache_dir, &config.hub.token_path, &config.data_dir];
        paths.map(|path| path.as_ref().map_or("unknown".to_owned(), |p| p.display().to_string()))
    };
    assert_eq!(
        folders(&[]),
        [
            "/home/ada/.cache/huggingface/hub",
            "/home/ada/.cache/huggingface/token",
            "/home/ada/.local/share/sembla"
        ]
    );
    assert_eq!(
        folders(&[("HF_HOME", "~/hf"), ("XDG_DATA_HOME", "/data")]),
        ["/home/ada/hf/hub", "/home/ada/hf/token", "/data/sembla"]
    );
    assert_eq!(
        folders(&[
            ("HF_HOME", "/hf"),
            ("HUGGINGFACE_HUB_CACHE", "/data"),
            ("XDG_CACHE_HOME", "/x")
        ]),
        ["/data", "/hf/token", "/home/ada/.local/share/sembla"]
    );
}

#[test]
fn without_a_home_only_what_is_named_is_known() {
    let env = &[("HOME", ""), ("SEMBLA_HUB_CACHE", "/hub")];
    let (config, _) = load_case(Command::Model, &Case { env, ..Case::default() }).unwrap();
    assert_eq!(config.hub.cache_dir.as_deref(), Some(std::path::Path::new("/hub")));
    assert_eq!((config.hub.token_path, config.data_dir), (None, None));
}

#[test]
fn units_become_types() {
    let case = Case {
        flags: &[("threads", &["3"]), ("payload_limit", &["2MB"]), ("drain_limit", &["0.5"])],
        file: "hub_endpoint = 'http://mirror/'\npooling = 'last-token'",
        ..Case::default()
    };
    let (config, _) = load_case(Command::Serve, &case).unwrap();
    assert_eq!(config.threads.map(std::num::NonZeroUsize::get), Some(3));
    assert_eq!(config.serve.payload_limit_bytes, 2_000_000);
    assert_eq!(config.serve.drain_limit, std::time::Duration::from_millis(500));
    assert_eq!(config.hub.endpoint, "http://mirror");
    assert_eq!(config.models.load.pooling, Some(model::Pooling::LastToken));
}

#[test]
fn every_pooling_that_may_be_named_exists() {
    for name in super::table::POOLINGS {
        assert!(super::pooling_named(name).is_some(), "{name}");
    }
}

#[test]
fn no_name_is_used_twice() {
    let mut names: Vec<String> = Vec::new();
    for setting in SETTINGS {
        names.push(setting.flag());
        names.push(setting.variable());
        let aliases = [setting.aliases.flags, setting.aliases.serving_env, setting.aliases.env];
        names.extend(aliases.concat().iter().map(|name| (*name).to_owned()));
    }
    for foreign in FOREIGN {
        names.extend(foreign.flag.map(str::to_owned));
        names.push(foreign.variable.to_owned());
    }
    let num_names = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), num_names);
}

#[test]
fn every_default_belongs_to_a_setting() {
    for key in default_table().keys() {
        assert!(super::table::find(key).is_some(), "config/default.toml has the key `{key}`");
    }
}

#[test]
fn the_page_of_settings_is_fresh() {
    expect_file!["../../../../docs/settings.md"].assert_eq(&docs::settings_page());
}

#[test]
fn a_file_that_is_no_toml_is_named_by_its_line_and_its_secrets_are_not_shown() {
    check_serve(
        &[],
        &Case { file: "port = 1\napi_key = s3cret\n", ..Case::default() },
        expect![
            "failed to parse the configuration file sembla.toml at line 2: string values must be quoted, expected literal string"
        ],
    );
}
