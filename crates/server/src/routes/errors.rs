//! The errors of each dialect, for the OpenAPI document, and answers outside of all routes.

use axum::http::{Method, Uri};
use utoipa::{IntoResponses, OpenApi};
use wire::{baseten, huggingface, indexes, openai, opensearch, pinecone, sagemaker, tei};

use crate::app::App;
use crate::error::{ErrorKind, HttpError};

/// The shapes of errors. What `IntoResponses` refers to is not put into the document by itself.
#[derive(OpenApi)]
#[openapi(components(schemas(
    baseten::ErrorBody,
    pinecone::ControlError,
    pinecone::ErrorObject,
    pinecone::DataError,
    indexes::ErrorBody,
    tei::ErrorBody,
    openai::ErrorBody,
    huggingface::ErrorBody,
    sagemaker::ErrorBody,
    opensearch::ErrorBody,
    opensearch::ErrorObject,
    opensearch::Cause
)))]
pub(crate) struct ErrorShapes;

/// What a route of text-embeddings-inference answers in place of a result.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that middleware::shape writes")]
pub(crate) enum TeiErrors {
    #[response(status = 400, description = "An input is empty, or the body is not JSON")]
    BadRequest(tei::ErrorBody),
    #[response(status = 401, description = "No API key, or an unknown one")]
    Unauthorized(tei::ErrorBody),
    #[response(status = 413, description = "The body is larger than the payload limit")]
    TooLarge(tei::ErrorBody),
    #[response(status = 415, description = "The body is compressed")]
    ContentEncoding(tei::ErrorBody),
    #[response(status = 422, description = "A field has a value that cannot be used")]
    BadField(tei::ErrorBody),
    #[response(status = 424, description = "The model failed, or is of another kind")]
    Failed(tei::ErrorBody),
    #[response(status = 429, description = "Too much work is waiting; see Retry-After")]
    Overloaded(tei::ErrorBody),
    #[response(status = 503, description = "Not ready yet, or no longer; see Retry-After")]
    NotReady(tei::ErrorBody),
}

/// What a route of OpenAI answers in place of a result.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that middleware::shape writes")]
pub(crate) enum OpenAiErrors {
    #[response(status = 400, description = "A field has a value that cannot be used")]
    BadRequest(openai::ErrorBody),
    #[response(status = 401, description = "No API key, or an unknown one")]
    Unauthorized(openai::ErrorBody),
    #[response(status = 404, description = "Several models are served, and none has this name")]
    UnknownModel(openai::ErrorBody),
    #[response(status = 413, description = "The body is larger than the payload limit")]
    TooLarge(openai::ErrorBody),
    #[response(status = 415, description = "The body is compressed")]
    ContentEncoding(openai::ErrorBody),
    #[response(status = 429, description = "Too much work is waiting; see Retry-After")]
    Overloaded(openai::ErrorBody),
    #[response(status = 500, description = "The model failed")]
    Failed(openai::ErrorBody),
    #[response(status = 503, description = "Not ready yet, or no longer; see Retry-After")]
    NotReady(openai::ErrorBody),
}

/// What a route of Hugging Face's hosted API answers in place of a result.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that middleware::shape writes")]
pub(crate) enum HuggingFaceErrors {
    #[response(status = 400, description = "A field has a value that cannot be used")]
    BadRequest(huggingface::ErrorBody),
    #[response(status = 401, description = "No API key, or an unknown one")]
    Unauthorized(huggingface::ErrorBody),
    #[response(status = 404, description = "Several models are served, and none has this name")]
    UnknownModel(huggingface::ErrorBody),
    #[response(status = 413, description = "The body is larger than the payload limit")]
    TooLarge(huggingface::ErrorBody),
    #[response(status = 415, description = "The body is compressed")]
    ContentEncoding(huggingface::ErrorBody),
    #[response(status = 429, description = "Too much work is waiting; see Retry-After")]
    Overloaded(huggingface::ErrorBody),
    #[response(status = 500, description = "The model failed")]
    Failed(huggingface::ErrorBody),
    #[response(status = 503, description = "Not ready yet, or no longer; see Retry-After")]
    NotReady(huggingface::ErrorBody),
}

/// What a route of Hugging Face's Inference Endpoints answers in place of a result.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that middleware::shape writes")]
pub(crate) enum EndpointErrors {
    #[response(status = 400, description = "What is asked for cannot be; the message says why")]
    BadRequest(huggingface::ErrorBody),
    #[response(status = 401, description = "No API key, or an unknown one")]
    Unauthorized(huggingface::ErrorBody),
    #[response(status = 403, description = "The key may not, or another site's page asks")]
    Forbidden(huggingface::ErrorBody),
    #[response(status = 404, description = "No such endpoint")]
    NotFound(huggingface::ErrorBody),
    #[response(status = 413, description = "The body is larger than the payload limit")]
    TooLarge(huggingface::ErrorBody),
    #[response(status = 415, description = "The body is compressed, or not said to be JSON")]
    ContentType(huggingface::ErrorBody),
    #[response(status = 500, description = "The control plane failed; see the log")]
    Failed(huggingface::ErrorBody),
    #[response(status = 501, description = "The server is no control plane")]
    NoEndpoints(huggingface::ErrorBody),
}

/// What a route of SageMaker's answers in place of a result.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that middleware::shape writes")]
pub(crate) enum SagemakerErrors {
    #[response(status = 400, description = "What is asked for cannot be; the message says why")]
    Validation(sagemaker::ErrorBody),
    #[response(
        status = 403,
        description = "No signature or key, or one that is not known or not right"
    )]
    Unauthorized(sagemaker::ErrorBody),
    #[response(status = 413, description = "The body is larger than the payload limit")]
    TooLarge(sagemaker::ErrorBody),
    #[response(status = 424, description = "The model answered with an error, which is repeated")]
    Model(sagemaker::ErrorBody),
    #[response(
        status = 429,
        description = "No replica is ready yet, or the key has used up its tokens"
    )]
    NotReady(sagemaker::ErrorBody),
    #[response(status = 500, description = "The server failed; see the log")]
    Internal(sagemaker::ErrorBody),
    #[response(status = 503, description = "Too much to do; try again")]
    Unavailable(sagemaker::ErrorBody),
    #[response(status = 530, description = "No replica answered")]
    Unreachable(sagemaker::ErrorBody),
}

/// What a route of Baseten's answers in place of a result.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that middleware::shape writes")]
pub(crate) enum BasetenErrors {
    #[response(status = 400, description = "A field has a value that cannot be used")]
    BadRequest(baseten::ErrorBody),
    #[response(status = 401, description = "No API key, or an unknown one")]
    Unauthorized(baseten::ErrorBody),
    #[response(status = 403, description = "The key lacks a scope")]
    Forbidden(baseten::ErrorBody),
    #[response(status = 404, description = "There is no such model, deployment or environment")]
    Unknown(baseten::ErrorBody),
    #[response(status = 503, description = "No replica is ready yet; see Retry-After")]
    NotReady(baseten::ErrorBody),
}

/// What our own routes of the control plane answer in place of a result.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that middleware::shape writes")]
pub(crate) enum ControlErrors {
    #[response(status = 400, description = "A field has a value that cannot be used")]
    BadRequest(indexes::ErrorBody),
    #[response(status = 401, description = "No API key, or an unknown one")]
    Unauthorized(indexes::ErrorBody),
    #[response(status = 403, description = "The key may not, or another site's page asks")]
    Forbidden(indexes::ErrorBody),
    #[response(status = 404, description = "No such key")]
    NotFound(indexes::ErrorBody),
    #[response(status = 413, description = "The body is larger than the payload limit")]
    TooLarge(indexes::ErrorBody),
    #[response(status = 415, description = "The body is compressed, or not said to be JSON")]
    ContentType(indexes::ErrorBody),
    #[response(status = 500, description = "The control plane failed; see the log")]
    Failed(indexes::ErrorBody),
    #[response(status = 501, description = "The server is no control plane")]
    NoEndpoints(indexes::ErrorBody),
}

/// What the gateway answers in place of a replica.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that middleware::shape writes")]
pub(crate) enum GatewayErrors {
    #[response(status = 400, description = "`X-Scale-Up-Timeout` is no number")]
    BadRequest(huggingface::ErrorBody),
    #[response(status = 401, description = "No API key, or an unknown one")]
    Unauthorized(huggingface::ErrorBody),
    #[response(status = 403, description = "The key may not ask endpoints")]
    Forbidden(huggingface::ErrorBody),
    #[response(status = 404, description = "No such endpoint")]
    NotFound(huggingface::ErrorBody),
    #[response(status = 409, description = "The endpoint is paused; the message says by whom")]
    Paused(huggingface::ErrorBody),
    #[response(status = 413, description = "The body is larger than the payload limit")]
    TooLarge(huggingface::ErrorBody),
    #[response(status = 424, description = "The endpoint has failed; the message says why")]
    GivenUp(huggingface::ErrorBody),
    #[response(status = 429, description = "The key is over its tokens; see Retry-After")]
    OverRate(huggingface::ErrorBody),
    #[response(status = 501, description = "The server is no control plane")]
    NoEndpoints(huggingface::ErrorBody),
    #[response(status = 502, description = "No replica answered")]
    Unreachable(huggingface::ErrorBody),
    #[response(status = 503, description = "No replica is ready yet; see Retry-After")]
    Waking(huggingface::ErrorBody),
}

/// What a route of our own answers in place of a result.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that middleware::shape writes")]
pub(crate) enum SemblaErrors {
    #[response(status = 400, description = "A field has a value that cannot be used")]
    BadRequest(indexes::ErrorBody),
    #[response(status = 401, description = "No API key, or an unknown one")]
    Unauthorized(indexes::ErrorBody),
    #[response(status = 403, description = "The index is protected, or another site's page asks")]
    Forbidden(indexes::ErrorBody),
    #[response(status = 404, description = "No such index")]
    NotFound(indexes::ErrorBody),
    #[response(status = 409, description = "There is an index of this name already")]
    Exists(indexes::ErrorBody),
    #[response(status = 412, description = "The index's model is not bound or not served here")]
    WrongModel(indexes::ErrorBody),
    #[response(status = 413, description = "The body is larger than the payload limit")]
    TooLarge(indexes::ErrorBody),
    #[response(status = 415, description = "The body is compressed, or not said to be JSON")]
    ContentType(indexes::ErrorBody),
    #[response(status = 429, description = "Too much work is waiting; see Retry-After")]
    Overloaded(indexes::ErrorBody),
    #[response(status = 500, description = "The store or the model failed; see the log")]
    Failed(indexes::ErrorBody),
    #[response(
        status = 501,
        description = "The server keeps no indexes, or its store cannot do this"
    )]
    Unsupported(indexes::ErrorBody),
    #[response(status = 503, description = "Not now; see Retry-After")]
    NotReady(indexes::ErrorBody),
    #[response(status = 507, description = "The disk is full, and nothing of the request was kept")]
    NoSpace(indexes::ErrorBody),
}

/// What a route of Pinecone's control plane answers in place of a result.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that middleware::shape writes")]
pub(crate) enum PineconeErrors {
    #[response(status = 400, description = "A field has a value that cannot be used")]
    BadRequest(pinecone::ControlError),
    #[response(status = 401, description = "No API key, or an unknown one")]
    Unauthorized(pinecone::ControlError),
    #[response(status = 403, description = "The index is protected, or another site's page asks")]
    Forbidden(pinecone::ControlError),
    #[response(status = 404, description = "No index or model has this name")]
    NotFound(pinecone::ControlError),
    #[response(status = 409, description = "An index has this name already")]
    Exists(pinecone::ControlError),
    #[response(status = 413, description = "The body is larger than the payload limit")]
    TooLarge(pinecone::ControlError),
    #[response(status = 415, description = "The body is compressed, or not said to be JSON")]
    ContentType(pinecone::ControlError),
    #[response(status = 501, description = "The server keeps no indexes; the message says why")]
    NoIndexes(pinecone::ControlError),
    #[response(status = 507, description = "The disk is full, and nothing of the request was kept")]
    NoSpace(pinecone::ControlError),
}

/// What a route of Pinecone's data plane answers in place of a result.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that middleware::shape writes")]
pub(crate) enum PineconeDataErrors {
    #[response(status = 400, description = "A field has a value that cannot be used")]
    BadRequest(pinecone::DataError),
    #[response(status = 401, description = "No API key, or an unknown one")]
    Unauthorized(pinecone::DataError),
    #[response(status = 403, description = "Another site's page asks")]
    Forbidden(pinecone::DataError),
    #[response(status = 404, description = "No index or namespace has this name")]
    NotFound(pinecone::DataError),
    #[response(status = 412, description = "The index's model is not bound or not served here")]
    WrongModel(pinecone::DataError),
    #[response(status = 413, description = "The body is larger than the payload limit")]
    TooLarge(pinecone::DataError),
    #[response(status = 415, description = "The body is compressed, or not said to be JSON")]
    ContentType(pinecone::DataError),
    #[response(status = 501, description = "The server keeps no indexes; the message says why")]
    NoIndexes(pinecone::DataError),
    #[response(status = 503, description = "Not now; see Retry-After")]
    Unavailable(pinecone::DataError),
    #[response(status = 507, description = "The disk is full, and nothing of the request was kept")]
    NoSpace(pinecone::DataError),
}

/// Routes that are not about one model.
const OF_NO_MODEL: [&str; 6] = ["/pinecone/", "/os/", "/v1/indexes", "/v2/", "/api/", "/serve/"];

/// Answers a path that is no route.
pub(crate) async fn unknown_route(
    axum::extract::State(app): axum::extract::State<App>,
    method: Method,
    uri: Uri,
) -> HttpError {
    let path = uri.path();
    let mut message = format!("there is no route {method} {path}; see /docs for the routes");
    if !OF_NO_MODEL.iter().any(|prefix| path.starts_with(prefix)) {
        let names = app.models().names();
        message +=
            &format!(", each of which may stand behind the name of a served model ({names})");
    }
    HttpError::new(ErrorKind::UnknownRoute, message)
}

/// Answers a method that a route does not have. The header `Allow` says which it has.
pub(crate) async fn wrong_method(method: Method, uri: Uri) -> HttpError {
    let message = format!("{} cannot be asked with {method}; see the header Allow", uri.path());
    HttpError::new(ErrorKind::WrongMethod, message)
}
