//! Registers metrics without the process-wide recorder, so that each server has its own.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::PrometheusRecorder;

/// Registers metrics by name, each with its help, on one recorder.
#[derive(Clone, Copy)]
pub(super) struct Registrar<'a>(pub(super) &'a PrometheusRecorder);

const METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

impl Registrar<'_> {
    pub(super) fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[Label],
    ) -> Counter {
        self.0.describe_counter(KeyName::from_const_str(name), None, help.into());
        self.0.register_counter(&Key::from_parts(name, labels.to_vec()), &METADATA)
    }

    pub(super) fn gauge(&self, name: &'static str, help: &'static str) -> Gauge {
        self.labeled_gauge(name, help, &[])
    }

    pub(super) fn labeled_gauge(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[Label],
    ) -> Gauge {
        self.0.describe_gauge(KeyName::from_const_str(name), None, help.into());
        self.0.register_gauge(&Key::from_parts(name, labels.to_vec()), &METADATA)
    }

    pub(super) fn histogram(&self, name: &'static str, help: &'static str) -> Histogram {
        self.labeled_histogram(name, help, &[])
    }

    pub(super) fn labeled_histogram(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[Label],
    ) -> Histogram {
        self.0.describe_histogram(KeyName::from_const_str(name), None, help.into());
        self.0.register_histogram(&Key::from_parts(name, labels.to_vec()), &METADATA)
    }

    pub(super) fn engine_metrics(&self) {
        let _ = self.histogram("te_batch_next_size", "Inputs in one forward pass");
        let _ = self.histogram("te_batch_next_tokens", "Tokens in one forward pass");
    }

    pub(super) fn build_info(&self) {
        let label = [Label::new("version", env!("CARGO_PKG_VERSION"))];
        self.labeled_gauge("sembla_build_info", "1, with the version as a label", &label).set(1.0);
    }
}
