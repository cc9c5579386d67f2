//! text-embeddings-inference: `/embed`, `/embed_all`, `/similarity`, `/tokenize`, `/decode`, `/info`.

use axum::http::StatusCode;
use engine::{Engine, Input, Normalize, Output, Prompt, Request};
use wire::tei;

use super::{Place, inputs, truncation};
use crate::config::{ModelConfig, ServerConfig};
use crate::endpoint_error::EndpointErrorKind;
use crate::error::{ErrorKind, HttpError, input_error_kind};

/// Translates a body of `/embed`.
pub(crate) fn embed(request: tei::EmbedRequest, auto_truncate: bool) -> (Request, Place) {
    let (inputs, place) = inputs(request.inputs, "inputs");
    let request = Request {
        inputs,
        prompt: prompt(request.prompt_name),
        truncation: truncation(request.truncate, request.truncation_direction, auto_truncate),
        output: Output::Dense {
            normalize: normalize(request.normalize),
            dimensions: request.dimensions,
        },
    };
    (request, place)
}

/// Translates a body of `/embed_all`.
pub(crate) fn embed_all(request: tei::EmbedAllRequest, auto_truncate: bool) -> (Request, Place) {
    let (inputs, place) = inputs(request.inputs, "inputs");
    let request = Request {
        inputs,
        prompt: prompt(request.prompt_name),
        truncation: truncation(request.truncate, request.truncation_direction, auto_truncate),
        output: Output::Tokens,
    };
    (request, place)
}

/// Translates a body of `/similarity`: the source first, then what it is compared with.
///
/// # Errors
///
/// If there is nothing to compare with, which the engine could not see behind the source.
pub(crate) fn similarity(
    request: tei::SimilarityRequest,
    auto_truncate: bool,
) -> Result<Request, HttpError> {
    let tei::SimilarityInputs { source_sentence, sentences } = request.inputs;
    if sentences.is_empty() {
        let message = "`inputs.sentences`: there is nothing to compare with";
        return Err(HttpError::new(ErrorKind::EmptyInput, message).param("inputs.sentences"));
    }
    let parameters = request.parameters.unwrap_or_default();
    let texts = [source_sentence].into_iter().chain(sentences);
    Ok(Request {
        inputs: texts.map(Input::Text).collect(),
        prompt: prompt(parameters.prompt_name),
        truncation: truncation(parameters.truncate, parameters.truncation_direction, auto_truncate),
        output: Output::Dense { normalize: Normalize::Always, dimensions: None },
    })
}

fn prompt(name: Option<String>) -> Prompt {
    name.map_or(Prompt::Default, Prompt::Named)
}

pub(super) fn normalize(normalize: Option<bool>) -> Normalize {
    if normalize.unwrap_or(true) { Normalize::Always } else { Normalize::Never }
}

/// Returns the cosine of the first of `embeddings` with each of the others.
///
/// Sums in `f64`, so that a text compared with itself gives 1 to the last digit that is shown.
pub(crate) fn similarities(embeddings: &[engine::Embedded]) -> Vec<f32> {
    let Some((source, others)) = embeddings.split_first() else { return Vec::new() };
    let source_square = dot(&source.values, &source.values);
    let mut cosines = Vec::with_capacity(others.len());
    for other in others {
        let lengths = (source_square * dot(&other.values, &other.values)).sqrt();
        let cosine = dot(&source.values, &other.values) / lengths;
        // A vector of length 0 has no direction, and is like no other.
        cosines.push(if lengths > 0.0 { cosine as f32 } else { 0.0 });
    }
    cosines
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Describes one input of a report.
pub(crate) fn input_report(
    result: &Result<engine::Embedded, engine::InputError>,
) -> tei::InputReport {
    match result {
        Ok(embedded) => tei::InputReport {
            tokens: Some(embedded.num_tokens),
            truncated_from: embedded.truncated_from,
            error: None,
        },
        Err(err) => {
            let fault = tei::InputFault {
                message: err.to_string(),
                error_type: error_type(input_error_kind(err)),
            };
            tei::InputReport { tokens: None, truncated_from: None, error: Some(fault) }
        }
    }
}

/// Describes a token for `/tokenize`.
pub(crate) fn token(token: model::Token) -> tei::Token {
    let (start, stop) = token.span.unzip();
    tei::Token { id: token.id, text: token.text, special: token.special, start, stop }
}

/// Describes the server and one of its models.
pub(crate) fn info(server: &ServerConfig, model: &ModelConfig, engine: &Engine) -> tei::Info {
    let (spec, limits) = (engine.spec(), engine.config());
    let pooling: Vec<&str> = spec.pooling.iter().map(|pooling| pooling.name()).collect();
    tei::Info {
        model_id: model.model_id.clone(),
        model_sha: model.revision.clone(),
        model_dtype: "float32".to_owned(),
        served_model_name: model.name.clone(),
        model_type: tei::ModelType::Embedding { pooling: pooling.join("+") },
        max_concurrent_requests: limits.max_concurrent_requests,
        max_input_length: spec.max_tokens,
        max_batch_tokens: limits.max_batch_tokens,
        max_batch_requests: limits.max_batch_requests,
        max_client_batch_size: max_inputs(server.payload_limit),
        auto_truncate: model.auto_truncate,
        tokenization_workers: server.num_threads,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sha: None,
        docker_label: None,
        dimensions: spec.dimensions,
        architecture: spec.model_type.clone(),
        prompts: spec.prompts.clone(),
        default_prompt_name: spec.default_prompt_name.clone(),
        weight_hash: spec.weight_hash.clone(),
        max_queue_tokens: limits.max_queue_tokens,
        payload_limit_bytes: server.payload_limit,
    }
}

// The shortest input, `"a",`, has four bytes.
fn max_inputs(payload_limit: usize) -> usize {
    payload_limit / 4
}

/// Returns the status of an error. Those that the vendor has are as it has them.
pub(crate) fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::EmptyInput | ErrorKind::BadJson | ErrorKind::BadHost => StatusCode::BAD_REQUEST,
        ErrorKind::BadField | ErrorKind::Tokenizer => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::WrongTask | ErrorKind::ModelFailed => StatusCode::FAILED_DEPENDENCY,
        ErrorKind::Overloaded => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Unauthorized | ErrorKind::BadSignature => StatusCode::UNAUTHORIZED,
        ErrorKind::UnknownModel | ErrorKind::UnknownRoute => StatusCode::NOT_FOUND,
        ErrorKind::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::TooSlow => StatusCode::REQUEST_TIMEOUT,
        ErrorKind::ContentType | ErrorKind::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::ForeignPage => StatusCode::FORBIDDEN,
        ErrorKind::Index(kind) => kind.status(),
        ErrorKind::Endpoint(kind) => kind.status(),
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Writes an error in the vendor's shape.
pub(crate) fn error_body(error: &HttpError) -> tei::ErrorBody {
    tei::ErrorBody { error: error.message.clone(), error_type: error_type(error.kind) }
}

// What calls these routes through a gateway, or with a key that may not.
fn endpoint_error_type(kind: EndpointErrorKind) -> tei::ErrorType {
    match kind {
        EndpointErrorKind::UnknownEndpoint | EndpointErrorKind::UnknownKey => {
            tei::ErrorType::NotFound
        }
        EndpointErrorKind::Refused => tei::ErrorType::Validation,
        EndpointErrorKind::Forbidden => tei::ErrorType::Unauthorized,
        EndpointErrorKind::OverRate => tei::ErrorType::Overloaded,
        EndpointErrorKind::NoEndpoints
        | EndpointErrorKind::Paused
        | EndpointErrorKind::Waking
        | EndpointErrorKind::Unreachable => tei::ErrorType::Unhealthy,
        EndpointErrorKind::GivenUp => tei::ErrorType::Backend,
        EndpointErrorKind::NoSpace | EndpointErrorKind::Failed => tei::ErrorType::Internal,
    }
}

fn error_type(kind: ErrorKind) -> tei::ErrorType {
    match kind {
        ErrorKind::EmptyInput => tei::ErrorType::Empty,
        ErrorKind::BadJson | ErrorKind::BadField => tei::ErrorType::Validation,
        ErrorKind::Tokenizer => tei::ErrorType::Tokenizer,
        ErrorKind::WrongTask | ErrorKind::ModelFailed => tei::ErrorType::Backend,
        ErrorKind::Overloaded => tei::ErrorType::Overloaded,
        ErrorKind::NotReady => tei::ErrorType::Unhealthy,
        ErrorKind::Unauthorized | ErrorKind::BadSignature => tei::ErrorType::Unauthorized,
        ErrorKind::UnknownModel | ErrorKind::UnknownRoute => tei::ErrorType::NotFound,
        ErrorKind::WrongMethod => tei::ErrorType::MethodNotAllowed,
        ErrorKind::TooLarge => tei::ErrorType::PayloadTooLarge,
        ErrorKind::TooSlow => tei::ErrorType::Timeout,
        ErrorKind::ContentType
        | ErrorKind::ContentEncoding
        | ErrorKind::BadHost
        | ErrorKind::ForeignPage => tei::ErrorType::Validation,
        ErrorKind::Index(_) => tei::ErrorType::Index,
        ErrorKind::Endpoint(kind) => endpoint_error_type(kind),
        ErrorKind::Internal => tei::ErrorType::Internal,
    }
}

#[cfg(test)]
mod tests {
    use engine::{Embedded, InputError, Truncation};
    use expect_test::expect;

    use super::*;

    fn read<T: serde::de::DeserializeOwned>(json: &str) -> T {
        serde_json::from_str(json).unwrap()
    }

    fn embedded(values: &[f32]) -> Embedded {
        Embedded {
            values: values.to_vec(),
            dimensions: values.len(),
            num_tokens: 3,
            num_chars: 5,
            truncated_from: None,
        }
    }

    #[test]
    fn embed_has_the_vendors_defaults() {
        let (request, place) = embed(read(r#"{"inputs":"a"}"#), true);
        assert_eq!(request.inputs, [Input::Text("a".to_owned())]);
        assert_eq!(request.prompt, Prompt::Default);
        assert_eq!(request.truncation, Truncation::Right);
        let dense = Output::Dense { normalize: Normalize::Always, dimensions: None };
        assert_eq!(request.output, dense);
        assert!(place.is_one());
    }

    #[test]
    fn embed_does_as_the_request_says() {
        let json = r#"{"inputs":["a",[7]],"truncate":false,"prompt_name":"query","normalize":false,"dimensions":0}"#;
        let (request, place) = embed(read(json), true);
        assert_eq!(request.inputs, [Input::Text("a".to_owned()), Input::Ids(vec![7])]);
        assert_eq!(request.prompt, Prompt::Named("query".to_owned()));
        assert_eq!(request.truncation, Truncation::Refuse);
        let dense = Output::Dense { normalize: Normalize::Never, dimensions: Some(0) };
        assert_eq!(request.output, dense, "the engine, not the dialect, judges dimensions");
        assert_eq!(place, Place::list("inputs"));
    }

    #[test]
    fn similarity_puts_the_source_first() {
        let json = r#"{"inputs":{"source_sentence":"a","sentences":["b","c"]},"parameters":{"truncate":false}}"#;
        let request = similarity(read(json), true).unwrap();
        let texts = ["a", "b", "c"].map(|text| Input::Text(text.to_owned()));
        assert_eq!(request.inputs, texts);
        assert_eq!(request.truncation, Truncation::Refuse);
    }

    #[test]
    fn similarity_with_nothing_is_refused() {
        let json = r#"{"inputs":{"source_sentence":"a","sentences":[]}}"#;
        let err = similarity(read(json), true).unwrap_err();
        assert_eq!(err.kind, ErrorKind::EmptyInput);
    }

    #[test]
    fn cosines_are_of_the_first_with_the_others() {
        let rows = [[0.3, 0.4], [0.6, 0.8], [-0.8, 0.6], [-0.3, -0.4], [0.0, 0.0]];
        let embeddings = rows.map(|row| embedded(&row));
        assert_eq!(similarities(&embeddings), [1.0, 0.0, -1.0, 0.0]);
        assert_eq!(similarities(&[]), [0.0; 0]);
    }

    #[test]
    fn a_report_has_either_tokens_or_an_error() {
        let ok = input_report(&Ok(Embedded { truncated_from: Some(9), ..embedded(&[1.0]) }));
        expect![[r#"{"tokens":3,"truncated_from":9,"error":null}"#]]
            .assert_eq(&serde_json::to_string(&ok).unwrap());
        let err = input_report(&Err(InputError::Empty));
        expect![[r#"{"tokens":null,"truncated_from":null,"error":{"message":"the input is empty","error_type":"Empty"}}"#]]
            .assert_eq(&serde_json::to_string(&err).unwrap());
    }
}
