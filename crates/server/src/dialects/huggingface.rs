//! Hugging Face: `POST` to an endpoint's address, `/pipeline/{task}/{model}`, `/models/{model}`.

use axum::http::StatusCode;
use wire::huggingface::{self, Parameters, PipelineInputs, PipelineRequest};
use wire::inputs::Inputs;
use wire::tei::{EmbedRequest, SimilarityInputs, SimilarityParameters, SimilarityRequest};

use crate::error::{ErrorKind, HttpError};

/// What a request to an endpoint's address asks for, as TEI's route for it would be asked.
#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    Embed(EmbedRequest),
    Similarity(SimilarityRequest),
}

/// Finds the task from the shape of `inputs`. A parameter at the root goes before the same one
/// under `parameters`.
pub(crate) fn task(request: PipelineRequest) -> Task {
    let root = Parameters {
        truncate: request.truncate,
        truncation_direction: request.truncation_direction,
        prompt_name: request.prompt_name,
        normalize: request.normalize,
        dimensions: request.dimensions,
    };
    let parameters = root.or(request.parameters.unwrap_or_default());
    match request.inputs {
        PipelineInputs::Embed(inputs) => Task::embed(inputs, parameters, request.report),
        PipelineInputs::Similarity(inputs) => Task::similarity(inputs, parameters),
    }
}

impl Task {
    pub(super) fn embed(inputs: Inputs, parameters: Parameters, report: Option<bool>) -> Self {
        Self::Embed(EmbedRequest {
            inputs,
            truncate: parameters.truncate,
            truncation_direction: parameters.truncation_direction,
            prompt_name: parameters.prompt_name,
            normalize: parameters.normalize,
            dimensions: parameters.dimensions,
            report,
        })
    }

    pub(super) fn similarity(inputs: SimilarityInputs, parameters: Parameters) -> Self {
        Self::Similarity(SimilarityRequest {
            inputs,
            parameters: Some(SimilarityParameters {
                truncate: parameters.truncate,
                truncation_direction: parameters.truncation_direction,
                prompt_name: parameters.prompt_name,
            }),
        })
    }
}

/// Returns the status of an error.
pub(crate) fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::EmptyInput
        | ErrorKind::BadJson
        | ErrorKind::BadField
        | ErrorKind::Tokenizer
        | ErrorKind::BadHost
        | ErrorKind::WrongTask => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthorized | ErrorKind::BadSignature => StatusCode::UNAUTHORIZED,
        ErrorKind::UnknownModel | ErrorKind::UnknownRoute => StatusCode::NOT_FOUND,
        ErrorKind::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::TooSlow => StatusCode::REQUEST_TIMEOUT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Overloaded => StatusCode::TOO_MANY_REQUESTS,
        // Old clients repeat a 503 without end, so it is for what will pass.
        ErrorKind::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::ContentType | ErrorKind::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::ForeignPage => StatusCode::FORBIDDEN,
        ErrorKind::Index(kind) => kind.status(),
        ErrorKind::Endpoint(kind) => kind.status(),
        ErrorKind::ModelFailed | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Writes an error in the vendor's shape.
pub(crate) fn error_body(error: &HttpError) -> huggingface::ErrorBody {
    huggingface::ErrorBody { error: error.message.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task_of(json: &str) -> Task {
        task(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn the_root_goes_before_parameters() {
        let json = r#"{"inputs":"a","normalize":false,"parameters":{"normalize":true,"dimensions":4},"report":true}"#;
        let Task::Embed(request) = task_of(json) else { panic!("not an embed request") };
        assert_eq!(request.normalize, Some(false));
        assert_eq!(request.dimensions, Some(4));
        assert_eq!(request.report, Some(true));
    }

    #[test]
    fn an_object_is_a_similarity_request() {
        let json = r#"{"inputs":{"source_sentence":"a","sentences":["b"]},"truncate":false}"#;
        let Task::Similarity(request) = task_of(json) else { panic!("not a similarity request") };
        assert_eq!(request.inputs.sentences, ["b"]);
        assert_eq!(request.parameters.unwrap().truncate, Some(false));
    }
}
