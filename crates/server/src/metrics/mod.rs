//! What `/metrics` shows: the names, labels and buckets of text-embeddings-inference, all of them
//! from the start, and a few of ours.
//!
//! Ours begin with `sembla_`. `te_batch_next_size` and `te_batch_next_tokens` are recorded by the
//! engine; here they get their buckets and help.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::Load;
use metrics::{Counter, Gauge, Label};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use crate::record::{Ending, Summary};

mod indexes;
mod inference;
mod registrar;
#[cfg(test)]
mod tests;

pub(crate) use indexes::{CountedStore, records_page};
use inference::{Embeds, Requests};
use registrar::Registrar;

/// The metrics of a server.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
    requests: Requests,
    embeds: Embeds,
    in_flight: Gauge,
    /// Registered with the first answer that it counts.
    served: OnceLock<Counter>,
    truncated_inputs: Counter,
}

/// Why metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The process already records metrics somewhere else.
    #[error("failed to install the metrics recorder")]
    Taken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The buckets of a histogram are not in order.
    #[error("failed to build the metrics recorder")]
    Build(#[from] BuildError),
}

/// How often samples must be folded into buckets, or they pile up.
pub(crate) const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

impl Metrics {
    /// Sets up metrics that the engines of this process record into as well.
    ///
    /// # Errors
    ///
    /// [`MetricsError::Taken`] if this was done before in this process.
    pub fn install() -> Result<Self, MetricsError> {
        let metrics = Self::detached()?;
        metrics::set_global_recorder(Arc::clone(&metrics.0.recorder))
            .map_err(|err| MetricsError::Taken(err.to_string().into()))?;
        Ok(metrics)
    }

    /// Sets up metrics that only one server records into, for several servers in one process.
    ///
    /// # Errors
    ///
    /// [`MetricsError::Build`] if the buckets are not in order.
    pub fn detached() -> Result<Self, MetricsError> {
        // As text-embeddings-inference: 35 steps of ×1.5 from 15 µs, and powers of two.
        let durations: Vec<f64> = (0..35).map(|step| 15e-6 * 1.5_f64.powi(step)).collect();
        let sizes: Vec<f64> = (0..=17).map(|power| f64::from(1 << power)).collect();
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_duration".to_owned()), &durations)?
            .set_buckets(&sizes)?
            .build_recorder();
        let register = Registrar(&recorder);
        register.engine_metrics();
        register.build_info();
        let inner = Inner {
            requests: Requests::register(register),
            embeds: Embeds::register(register),
            in_flight: register.gauge(
                "sembla_requests_in_flight",
                "Requests of any route that are being answered",
            ),
            served: OnceLock::new(),
            truncated_inputs: register.counter(
                "sembla_truncated_inputs_total",
                "Inputs that were cut to the length that the model takes",
                &[],
            ),
            handle: recorder.handle(),
            recorder: Arc::new(recorder),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Counts one inference request at its end, once.
    pub(crate) fn count_inference(&self, summary: &Summary, ending: Ending) {
        self.0.requests.count(summary, ending);
        self.0.embeds.count(summary);
        self.0.truncated_inputs.increment(summary.num_truncated as u64);
    }

    /// Records the lengths of inputs that went through the model.
    pub(crate) fn record_input_lengths(&self, lengths: impl Iterator<Item = usize>) {
        for length in lengths {
            self.0.requests.input_length.record(length as f64);
        }
    }

    /// Counts the answer of any route, once.
    pub(crate) fn count_response(&self, method: &str, route: &str, status: u16) {
        let labels = [
            Label::new("method", method.to_owned()),
            Label::new("route", route.to_owned()),
            Label::new("status", status.to_string()),
        ];
        self.responses(&labels).increment(1);
    }

    /// Counts an answer of an endpoint that is a success. The same as [`count_response`](Self::count_response), for the
    /// one series that grows with every request of the gateway.
    pub(crate) fn count_served(&self, route: &'static str) {
        let counter = self.0.served.get_or_init(|| {
            let labels = [("method", "POST"), ("route", route), ("status", "200")];
            self.responses(&labels.map(|(name, value)| Label::new(name, value)))
        });
        counter.increment(1);
    }

    fn responses(&self, labels: &[Label]) -> Counter {
        let what = "Answers by route and status";
        Registrar(&self.0.recorder).counter("sembla_http_requests_total", what, labels)
    }

    /// Counts a request as being answered until the guard is dropped.
    pub(crate) fn in_flight(&self) -> InFlight {
        self.0.in_flight.increment(1.0);
        InFlight(self.0.in_flight.clone())
    }

    /// Shows everything, with the load of each model at this moment.
    pub(crate) fn render<'a>(&self, loads: impl Iterator<Item = (&'a str, Load)>) -> String {
        let register = Registrar(&self.0.recorder);
        for (model, load) in loads {
            let label = [Label::new("model", model.to_owned())];
            for (name, help, value) in [
                ("te_queue_size", "Requests inside the engine", load.num_requests as f64),
                ("sembla_queue_tokens", "Tokens that wait", load.queued_tokens as f64),
                ("sembla_tokens_per_second", "Tokens computed per second", load.tokens_per_second),
            ] {
                register.labeled_gauge(name, help, &label).set(value);
            }
        }
        self.0.handle.render()
    }

    /// Folds samples into buckets.
    pub(crate) fn run_upkeep(&self) {
        self.0.handle.run_upkeep();
    }
}

/// One request that is being answered.
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}
