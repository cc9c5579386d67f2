//! The routes of Hugging Face's hosted inference API: `/pipeline/{task}/{model}`, `/models/{model}`.

use axum::body::Body;
use axum::http::Response;
use wire::huggingface::PipelineRequest;

use super::errors::HuggingFaceErrors;
use super::tasks;
use crate::body::JsonBody;
use crate::call::Call;
use crate::dialects;
use crate::dialects::huggingface::Task;
use crate::error::{ErrorKind, HttpError};
use crate::path::Names;
use crate::respond::pieces::Brackets;

/// Embeds with the model of this name. A list of inputs gives a list of embeddings, one text gives
/// one embedding alone, as the hosted API does.
#[utoipa::path(
    post, path = "/pipeline/feature-extraction/{model}", tag = "Hugging Face",
    params(("model" = String, Path, description = "Name or alias of a served model")),
    request_body = PipelineRequest,
    responses(
        (status = 200, description = "One embedding per input, in input order", body = Vec<Vec<f32>>),
        HuggingFaceErrors
    )
)]
pub(crate) async fn feature_extraction(
    call: Call,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<PipelineRequest>,
) -> Result<Response<Body>, HttpError> {
    answer_embed(&call, &name, request).await
}

/// Embeds with the model of this Hub id.
#[utoipa::path(
    post, path = "/pipeline/feature-extraction/{org}/{name}", tag = "Hugging Face",
    params(
        ("org" = String, Path, description = "First part of the Hub id"),
        ("name" = String, Path, description = "Second part of the Hub id")
    ),
    request_body = PipelineRequest,
    responses(
        (status = 200, description = "One embedding per input, in input order", body = Vec<Vec<f32>>),
        HuggingFaceErrors
    )
)]
pub(crate) async fn feature_extraction_of_org(
    call: Call,
    Names((org, name)): Names<(String, String)>,
    JsonBody(request): JsonBody<PipelineRequest>,
) -> Result<Response<Body>, HttpError> {
    answer_embed(&call, &format!("{org}/{name}"), request).await
}

/// Compares one text with others, with the model of this name.
#[utoipa::path(
    post, path = "/pipeline/sentence-similarity/{model}", tag = "Hugging Face",
    params(("model" = String, Path, description = "Name or alias of a served model")),
    request_body = PipelineRequest,
    responses(
        (status = 200, description = "The cosine of the source with each sentence", body = Vec<f32>),
        HuggingFaceErrors
    )
)]
pub(crate) async fn sentence_similarity(
    call: Call,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<PipelineRequest>,
) -> Result<Response<Body>, HttpError> {
    answer_similarity(&call, &name, request).await
}

/// Compares one text with others, with the model of this Hub id.
#[utoipa::path(
    post, path = "/pipeline/sentence-similarity/{org}/{name}", tag = "Hugging Face",
    params(
        ("org" = String, Path, description = "First part of the Hub id"),
        ("name" = String, Path, description = "Second part of the Hub id")
    ),
    request_body = PipelineRequest,
    responses(
        (status = 200, description = "The cosine of the source with each sentence", body = Vec<f32>),
        HuggingFaceErrors
    )
)]
pub(crate) async fn sentence_similarity_of_org(
    call: Call,
    Names((org, name)): Names<(String, String)>,
    JsonBody(request): JsonBody<PipelineRequest>,
) -> Result<Response<Body>, HttpError> {
    answer_similarity(&call, &format!("{org}/{name}"), request).await
}

/// Does what the shape of `inputs` asks for, with the model of this name.
#[utoipa::path(
    post, path = "/models/{model}", tag = "Hugging Face",
    params(("model" = String, Path, description = "Name or alias of a served model")),
    request_body = PipelineRequest,
    responses(
        (status = 200, description = "Embeddings, or the cosine of the source with each sentence", body = Vec<Vec<f32>>),
        HuggingFaceErrors
    )
)]
pub(crate) async fn run_model(
    call: Call,
    Names(name): Names<String>,
    JsonBody(request): JsonBody<PipelineRequest>,
) -> Result<Response<Body>, HttpError> {
    answer_by_shape(&call, &name, request).await
}

/// Does what the shape of `inputs` asks for, with the model of this Hub id.
#[utoipa::path(
    post, path = "/models/{org}/{name}", tag = "Hugging Face",
    params(
        ("org" = String, Path, description = "First part of the Hub id"),
        ("name" = String, Path, description = "Second part of the Hub id")
    ),
    request_body = PipelineRequest,
    responses(
        (status = 200, description = "Embeddings, or the cosine of the source with each sentence", body = Vec<Vec<f32>>),
        HuggingFaceErrors
    )
)]
pub(crate) async fn run_model_of_org(
    call: Call,
    Names((org, name)): Names<(String, String)>,
    JsonBody(request): JsonBody<PipelineRequest>,
) -> Result<Response<Body>, HttpError> {
    answer_by_shape(&call, &format!("{org}/{name}"), request).await
}

// The path says which task is meant, and another shape of inputs is an error.
async fn answer_embed(
    call: &Call,
    name: &str,
    request: PipelineRequest,
) -> Result<Response<Body>, HttpError> {
    match dialects::huggingface::task(request) {
        Task::Embed(request) => tasks::embed(call, Some(name), request, Brackets::Flat).await,
        Task::Similarity(_) => Err(wrong_shape("a text or a list of texts for this task")),
    }
}

async fn answer_similarity(
    call: &Call,
    name: &str,
    request: PipelineRequest,
) -> Result<Response<Body>, HttpError> {
    match dialects::huggingface::task(request) {
        Task::Similarity(request) => tasks::similarity(call, Some(name), request).await,
        Task::Embed(_) => Err(wrong_shape("an object with source_sentence and sentences")),
    }
}

fn wrong_shape(expected: &str) -> HttpError {
    let message = format!("`inputs`: {expected} is expected");
    HttpError::new(ErrorKind::BadField, message).param("inputs")
}

async fn answer_by_shape(
    call: &Call,
    name: &str,
    request: PipelineRequest,
) -> Result<Response<Body>, HttpError> {
    match dialects::huggingface::task(request) {
        Task::Embed(request) => tasks::embed(call, Some(name), request, Brackets::Flat).await,
        Task::Similarity(request) => tasks::similarity(call, Some(name), request).await,
    }
}
