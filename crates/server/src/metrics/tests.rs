//! What the page shows after which events.

use engine::Timing;

use super::*;
use crate::error::ErrorKind;
use crate::record::Method;

fn summary(method: Method) -> Summary {
    Summary {
        method,
        num_inputs: 3,
        num_embedded: 2,
        num_truncated: 1,
        timing: Some(Timing { total: Duration::from_millis(4), ..Timing::default() }),
        elapsed: Duration::from_millis(5),
    }
}

fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find(|line| line.starts_with(&format!("{series} ")));
    let line = line.unwrap_or_else(|| panic!("no {series} in\n{page}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn every_name_is_there_with_help_before_the_first_request() {
    let page = Metrics::detached().unwrap().render(std::iter::empty());
    for name in [
        "te_request_count",
        "te_request_success",
        "te_request_failure",
        "te_request_duration",
        "te_request_tokenization_duration",
        "te_request_queue_duration",
        "te_request_inference_duration",
        "te_request_input_length",
        "te_embed_count",
        "te_embed_success",
        "te_embed_duration",
        "te_embed_tokenization_duration",
        "te_embed_queue_duration",
        "te_embed_inference_duration",
        "te_batch_next_size",
        "te_batch_next_tokens",
    ] {
        assert!(page.contains(&format!("# HELP {name} ")), "no help for {name} in\n{page}");
    }
    assert_eq!(value(&page, "te_request_failure{err=\"overloaded\"}"), 0.0);
    assert_eq!(value(&page, "te_request_duration_bucket{le=\"0.000015\"}"), 0.0);
    assert_eq!(value(&page, "te_batch_next_tokens_bucket{le=\"131072\"}"), 0.0);
}

#[test]
fn successes_and_failures_add_up_to_requests() {
    let metrics = Metrics::detached().unwrap();
    metrics.count_inference(&summary(Method::Batch), Ending::Success);
    metrics.count_inference(&summary(Method::Single), Ending::Failure(ErrorKind::Overloaded));
    metrics.count_inference(&summary(Method::Unknown), Ending::Dropped);

    let page = metrics.render(std::iter::empty());
    assert_eq!(value(&page, "te_request_count{method=\"batch\"}"), 1.0);
    assert_eq!(value(&page, "te_request_count{method=\"single\"}"), 1.0);
    assert_eq!(value(&page, "te_request_count{method=\"unknown\"}"), 1.0);
    assert_eq!(value(&page, "te_request_success{method=\"batch\"}"), 1.0);
    assert_eq!(value(&page, "te_request_success{method=\"single\"}"), 0.0);
    assert_eq!(value(&page, "te_request_failure{err=\"overloaded\"}"), 1.0);
    assert_eq!(value(&page, "te_request_failure{err=\"dropped\"}"), 1.0);
    assert_eq!(value(&page, "te_request_duration_count"), 1.0);
    assert_eq!(value(&page, "te_embed_count"), 9.0);
    assert_eq!(value(&page, "te_embed_success"), 6.0);
    assert_eq!(value(&page, "sembla_truncated_inputs_total"), 3.0);
}

#[test]
fn the_load_of_each_model_is_shown_at_the_time_of_asking() {
    let metrics = Metrics::detached().unwrap();
    let load = Load { queued_tokens: 40, num_requests: 2, tokens_per_second: 1e3 };
    let page = metrics.render([("a", load)].into_iter());
    assert_eq!(value(&page, "te_queue_size{model=\"a\"}"), 2.0);
    assert_eq!(value(&page, "sembla_queue_tokens{model=\"a\"}"), 40.0);
}

#[test]
fn a_request_is_in_flight_until_its_guard_is_dropped() {
    let metrics = Metrics::detached().unwrap();
    let guard = metrics.in_flight();
    assert_eq!(value(&metrics.render(std::iter::empty()), "sembla_requests_in_flight"), 1.0);
    drop(guard);
    assert_eq!(value(&metrics.render(std::iter::empty()), "sembla_requests_in_flight"), 0.0);
}
