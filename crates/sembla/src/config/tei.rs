//! Flags and variables of text-embeddings-inference that have no counterpart here.
//!
//! A start command that exists must go on working, so `serve` accepts them; and since nothing may
//! be ignored silently, each one given is answered with a line that says why it has no effect.
//! The one whose loss would change embeddings stops the start.

/// One flag and variable without a counterpart.
#[derive(Debug)]
pub(crate) struct Foreign {
    /// Without the hyphens in front; `None` for what is a variable only.
    pub(crate) flag: Option<&'static str>,
    /// The variable.
    pub(crate) variable: &'static str,
    /// Whether the flag is followed by a value.
    pub(crate) takes_value: bool,
    /// What becomes of it.
    pub(crate) fate: Fate,
}

/// What becomes of a flag or variable without a counterpart.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// Accepted, without effect, for this reason.
    NoEffect(&'static str),
    /// Refused, for this reason.
    Refused(&'static str),
    /// Means a value of one of our settings when it is given or true.
    Means(&'static str, &'static str),
    /// Means a value of one of our settings when it has this one; any other has no effect, since
    /// it has none over there either.
    MeansFor { text: &'static str, name: &'static str, value: &'static str },
}

/// Every one, in the order of docs/settings.md.
pub(crate) const FOREIGN: &[Foreign] = &[
    Foreign {
        flag: Some("json-output"),
        variable: "JSON_OUTPUT",
        takes_value: false,
        fate: Fate::Means("log_format", "json"),
    },
    Foreign {
        flag: Some("max-client-batch-size"),
        variable: "MAX_CLIENT_BATCH_SIZE",
        takes_value: true,
        fate: Fate::NoEffect(
            "a request may have any number of inputs; only payload_limit bounds it",
        ),
    },
    Foreign {
        flag: Some("tokenization-workers"),
        variable: "TOKENIZATION_WORKERS",
        takes_value: true,
        fate: Fate::NoEffect("tokenization runs on the compute threads; see threads"),
    },
    Foreign {
        flag: Some("prometheus-port"),
        variable: "PROMETHEUS_PORT",
        takes_value: true,
        fate: Fate::NoEffect("metrics are at /metrics on the server's own port"),
    },
    Foreign {
        flag: Some("otlp-endpoint"),
        variable: "OTLP_ENDPOINT",
        takes_value: true,
        fate: Fate::NoEffect("traces are not exported; logs and /metrics are what there is"),
    },
    Foreign {
        flag: Some("otlp-service-name"),
        variable: "OTLP_SERVICE_NAME",
        takes_value: true,
        fate: Fate::NoEffect("traces are not exported; logs and /metrics are what there is"),
    },
    Foreign {
        flag: Some("disable-spans"),
        variable: "DISABLE_SPANS",
        takes_value: false,
        fate: Fate::NoEffect("a request writes no spans at log_level info"),
    },
    Foreign {
        flag: Some("uds-path"),
        variable: "UDS_PATH",
        takes_value: true,
        fate: Fate::NoEffect("the model runs in this process; there is no backend to reach"),
    },
    Foreign {
        flag: None,
        variable: "RAYON_NUM_THREADS",
        takes_value: true,
        fate: Fate::NoEffect("the compute threads are our own; see threads"),
    },
    Foreign {
        flag: None,
        variable: "USE_FLASH_ATTENTION",
        takes_value: true,
        fate: Fate::NoEffect("there is one attention, over packed sequences"),
    },
    Foreign {
        flag: None,
        variable: "TASK",
        takes_value: true,
        fate: Fate::MeansFor {
            text: "sentence-similarity",
            name: "root_task",
            value: "similarity",
        },
    },
    Foreign {
        flag: Some("dense-path"),
        variable: "DENSE_PATH",
        takes_value: true,
        fate: Fate::Refused(
            "which Dense modules run is what the model's modules.json says; edit it to choose \
             another",
        ),
    },
];
