//! What Truss writes into a config by itself. Its command line sends one that says everything, so that nobody can
//! tell any more what its author wrote.
//!
//! # Source
//!
//! `TrussConfig.to_dict` of truss 0.18.35, of a config with a docker_server and nothing else.

use serde_json::{Map, Value, json};

use crate::document::Document;

impl Document {
    /// Returns the document without what is as Truss has it where nobody says anything.
    #[must_use]
    pub fn without_defaults(self) -> Self {
        let Self { path, keys } = self;
        Self { path, keys: stripped(keys, &defaults()) }
    }
}

fn defaults() -> Value {
    json!({
        "examples_filename": "examples.yaml",
        "data_dir": "data",
        "python_version": "py313",
        "resources": {"cpu": "1", "memory": "2Gi", "use_gpu": false},
        "runtime": {
            "predict_concurrency": 1,
            "streaming_read_timeout": 60,
            "enable_tracing_data": false,
            "enable_debug_logs": false,
            "transport": {"kind": "http"},
            "is_websocket_endpoint": false,
            "remote_ssh": {"enabled": false},
        },
        "build": {"model_server": "TrussServer", "no_cache": false},
        "bdn": {"hotload": {"enabled": false}},
        "input_type": "Any",
        "model_framework": "custom",
        "model_type": "Model",
        "model_module_dir": "model",
        "model_class_filename": "model.py",
        "model_class_name": "Model",
        "bundled_packages_dir": "packages",
        "use_local_src": false,
        "live_reload": false,
        "apply_library_patches": true,
        "spec_version": "2.0",
    })
}

fn stripped(keys: Map<String, Value>, defaults: &Value) -> Map<String, Value> {
    let kept = keys.into_iter().filter_map(|(key, value)| {
        // A secret stands there for its name: its value is always empty.
        if key == "secrets" || key == "environment_variables" {
            return Some((key, value));
        }
        let default = defaults.get(&key).unwrap_or(&Value::Null);
        let value = match value {
            Value::Object(keys) => Value::Object(stripped(keys, default)),
            value @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)) => value,
        };
        (value != *default && !is_empty(&value)).then_some((key, value))
    });
    kept.collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(keys) => keys.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use crate::parse;

    #[test]
    fn what_nobody_wrote_is_gone_and_what_somebody_wrote_stays() {
        let text = json!({
            "model_name": "a", "description": null, "python_version": "py313", "spec_version": "2.0",
            "requirements": [], "system_packages": ["git"],
            "resources": {"cpu": "1", "memory": "4Gi", "use_gpu": false, "accelerator": null},
            "runtime": {"predict_concurrency": 40, "transport": {"kind": "http"},
                "health_checks": {"startup_threshold_seconds": null}},
            "secrets": {"hf_access_key": null}, "environment_variables": {"EMPTY": ""},
            "model_cache": [], "docker_server": {"start_command": "x", "no_build": null},
        });
        let document = parse(PathBuf::from("config.yaml"), &text.to_string()).unwrap();
        let expected = json!({
            "model_name": "a", "system_packages": ["git"], "resources": {"memory": "4Gi"},
            "runtime": {"predict_concurrency": 40}, "secrets": {"hf_access_key": null},
            "environment_variables": {"EMPTY": ""}, "docker_server": {"start_command": "x"},
        });
        assert_eq!(json!(document.without_defaults().keys), expected);
    }
}
