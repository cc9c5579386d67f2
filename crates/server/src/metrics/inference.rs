//! Counters and histograms of inference requests, with the names of text-embeddings-inference.

use metrics::{Counter, Histogram, Label};

use super::registrar::Registrar;
use crate::error::ErrorKind;
use crate::record::{Ending, Method, Summary};

/// What is counted per request.
pub(super) struct Requests {
    count: Vec<(Method, Counter)>,
    success: Vec<(Method, Counter)>,
    failure: Vec<(&'static str, Counter)>,
    duration: Histogram,
    tokenization_duration: Histogram,
    queue_duration: Histogram,
    inference_duration: Histogram,
    /// Tokens of one input, after truncation.
    pub(super) input_length: Histogram,
}

impl Requests {
    pub(super) fn register(register: Registrar<'_>) -> Self {
        let by_method = |name, help| {
            Method::ALL
                .map(|method| {
                    let label = [Label::from_static_parts("method", method.label())];
                    (method, register.counter(name, help, &label))
                })
                .to_vec()
        };
        let mut labels: Vec<&'static str> =
            ErrorKind::ALL.iter().map(|kind| kind.failure_label()).collect();
        labels.push(DROPPED);
        labels.sort_unstable();
        labels.dedup();
        let failure = labels.into_iter().map(|err| {
            let label = [Label::from_static_parts("err", err)];
            let help = "Inference requests that failed";
            (err, register.counter("te_request_failure", help, &label))
        });
        Self {
            count: by_method("te_request_count", "Inference requests"),
            success: by_method("te_request_success", "Inference requests that succeeded"),
            failure: failure.collect(),
            duration: register.histogram("te_request_duration", "Seconds for one request"),
            tokenization_duration: register.histogram(
                "te_request_tokenization_duration",
                "Seconds of tokenization, the mean over a request's inputs",
            ),
            queue_duration: register.histogram(
                "te_request_queue_duration",
                "Seconds in the queue, the mean over a request's inputs",
            ),
            inference_duration: register.histogram(
                "te_request_inference_duration",
                "Seconds of inference, the mean over a request's inputs",
            ),
            input_length: register
                .histogram("te_request_input_length", "Tokens of one input, after truncation"),
        }
    }

    pub(super) fn count(&self, summary: &Summary, ending: Ending) {
        add_one(&self.count, summary.method);
        match ending {
            Ending::Success => add_one(&self.success, summary.method),
            Ending::Failure(kind) => add_one(&self.failure, kind.failure_label()),
            Ending::Dropped => add_one(&self.failure, DROPPED),
        }
        if ending != Ending::Success {
            return;
        }
        self.duration.record(summary.elapsed.as_secs_f64());
        if let Some(timing) = summary.timing {
            self.tokenization_duration.record(timing.tokenization.as_secs_f64());
            self.queue_duration.record(timing.queue.as_secs_f64());
            self.inference_duration.record(timing.inference.as_secs_f64());
        }
    }
}

// The client went away before its answer was there.
const DROPPED: &str = "dropped";

fn add_one<L: PartialEq>(counters: &[(L, Counter)], label: L) {
    let found = counters.iter().find(|(of, _)| *of == label);
    let (_, counter) = found.expect("every label is registered at the start");
    counter.increment(1);
}

/// What is counted per input.
pub(super) struct Embeds {
    count: Counter,
    success: Counter,
    duration: Histogram,
    tokenization_duration: Histogram,
    queue_duration: Histogram,
    inference_duration: Histogram,
}

impl Embeds {
    pub(super) fn register(register: Registrar<'_>) -> Self {
        // Counted per input; timed once per request, whose inputs share one way through the engine.
        Self {
            count: register.counter("te_embed_count", "Inputs given to the engine", &[]),
            success: register.counter("te_embed_success", "Inputs embedded", &[]),
            duration: register
                .histogram("te_embed_duration", "Seconds in the engine, once per request"),
            tokenization_duration: register.histogram(
                "te_embed_tokenization_duration",
                "Seconds of tokenization, the mean over a request's inputs",
            ),
            queue_duration: register.histogram(
                "te_embed_queue_duration",
                "Seconds in the queue, the mean over a request's inputs",
            ),
            inference_duration: register.histogram(
                "te_embed_inference_duration",
                "Seconds of inference, the mean over a request's inputs",
            ),
        }
    }

    pub(super) fn count(&self, summary: &Summary) {
        self.count.increment(summary.num_inputs as u64);
        self.success.increment(summary.num_embedded as u64);
        if let Some(timing) = summary.timing {
            self.duration.record(timing.total.as_secs_f64());
            self.tokenization_duration.record(timing.tokenization.as_secs_f64());
            self.queue_duration.record(timing.queue.as_secs_f64());
            self.inference_duration.record(timing.inference.as_secs_f64());
        }
    }
}
