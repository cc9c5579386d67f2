//! The routes of text-embeddings-inference that embed.

use axum::body::Body;
use axum::http::Response;
use wire::huggingface::PipelineRequest;
use wire::sagemaker::Invocation;
use wire::tei::{EmbedAllRequest, EmbedRequest, EmbedResponse, SimilarityRequest};

use super::errors::TeiErrors;
use super::root_answers::RootAnswers;
use super::tasks;
use crate::body::{AnyJsonBody, JsonBody};
use crate::call::Call;
use crate::config::RootTask;
use crate::dialects;
use crate::dialects::huggingface::Task;
use crate::error::{ErrorKind, HttpError};
use crate::respond::pieces::{Brackets, TokenRows};
use crate::respond::{self, Pieces};

/// Embeds one input or a list of inputs.
///
/// Answers a list of embeddings, also for one input. With `"report": true` the answer is an object
/// that says of each input how many tokens it had, whether it was cut, and why it has no embedding;
/// one bad input then does not fail the others.
#[utoipa::path(
    post, path = "/embed", tag = "text-embeddings-inference",
    request_body = EmbedRequest,
    responses(
        (status = 200, description = "One embedding per input, in input order; or the report that was asked for", body = EmbedResponse),
        TeiErrors
    )
)]
pub(crate) async fn embed(
    call: Call,
    JsonBody(request): JsonBody<EmbedRequest>,
) -> Result<Response<Body>, HttpError> {
    tasks::embed(&call, None, request, Brackets::Nested).await
}

/// Embeds every token of one input or of a list of inputs.
#[utoipa::path(
    post, path = "/embed_all", tag = "text-embeddings-inference",
    request_body = EmbedAllRequest,
    responses(
        (status = 200, description = "Per input, one embedding per token, special tokens included", body = Vec<Vec<Vec<f32>>>),
        TeiErrors
    )
)]
pub(crate) async fn embed_all(
    call: Call,
    JsonBody(request): JsonBody<EmbedAllRequest>,
) -> Result<Response<Body>, HttpError> {
    let model = call.model(None)?;
    let (request, place) = dialects::tei::embed_all(request, model.served.config.auto_truncate);
    let answer = call.embed(&model, request, place).await?;
    let pieces = |inputs| Box::new(TokenRows::new(inputs)) as Box<dyn Pieces>;
    respond::embeddings(answer, call.app.offload(), pieces).await
}

/// Compares one text with others.
#[utoipa::path(
    post, path = "/similarity", tag = "text-embeddings-inference",
    request_body = SimilarityRequest,
    responses(
        (status = 200, description = "The cosine of the source with each sentence", body = Vec<f32>),
        TeiErrors
    )
)]
pub(crate) async fn similarity(
    call: Call,
    JsonBody(request): JsonBody<SimilarityRequest>,
) -> Result<Response<Body>, HttpError> {
    tasks::similarity(&call, None, request).await
}

/// Does what the shape of `inputs` asks for: embeds a text or a list, as `/embed`; compares the
/// texts of an object, as `/similarity`.
///
/// A replica of an endpoint with Hugging Face's own image and the task `sentence-embeddings` answers an
/// object with `embeddings`, flat for one text, and its errors are those of that image.
#[utoipa::path(
    post, path = "/", tag = "text-embeddings-inference",
    request_body = PipelineRequest,
    responses(
        (status = 200, description = "As `/embed` or `/similarity`", body = Vec<Vec<f32>>),
        TeiErrors
    )
)]
pub(crate) async fn root(
    call: Call,
    answers: RootAnswers,
    request: Result<JsonBody<PipelineRequest>, HttpError>,
) -> Response<Body> {
    let task = request.map(|JsonBody(request)| dialects::huggingface::task(request));
    answers.shape(answer_root(&call, &answers, task).await)
}

/// The same as `POST /`, for Amazon SageMaker: the inputs may also stand alone, or in pairs of an instruction
/// and a text.
#[utoipa::path(
    post, path = "/invocations", tag = "text-embeddings-inference",
    request_body = Invocation,
    responses(
        (status = 200, description = "As `/embed` or `/similarity`", body = Vec<Vec<f32>>),
        TeiErrors
    )
)]
pub(crate) async fn invocations(
    call: Call,
    answers: RootAnswers,
    request: Result<AnyJsonBody<Invocation>, HttpError>,
) -> Response<Body> {
    let task = request.map(|AnyJsonBody(request)| dialects::sagemaker::task(request));
    answers.shape(answer_root(&call, &answers, task).await)
}

async fn answer_root(
    call: &Call,
    answers: &RootAnswers,
    task: Result<Task, HttpError>,
) -> Result<Response<Body>, HttpError> {
    match (task?, call.app.config().root_task) {
        (Task::Similarity(request), _) => tasks::similarity(call, None, request).await,
        (Task::Embed(request), RootTask::ByShape) => {
            tasks::embed(call, None, request, answers.brackets()).await
        }
        (Task::Embed(_), RootTask::Similarity) => {
            let message = "`inputs`: this server was started with the task sentence-similarity; \
                           send an object with source_sentence and sentences, or use /embed";
            Err(HttpError::new(ErrorKind::BadField, message).param("inputs"))
        }
    }
}

/// Refuses: reranking needs a reranker.
#[utoipa::path(
    post, path = "/rerank", tag = "text-embeddings-inference",
    responses((status = 424, description = "The served model is an embedding model", body = wire::tei::ErrorBody))
)]
pub(crate) async fn rerank() -> HttpError {
    wrong_task("/rerank", "a reranker")
}

/// Refuses: predicting needs a classifier.
#[utoipa::path(
    post, path = "/predict", tag = "text-embeddings-inference",
    responses((status = 424, description = "The served model is an embedding model", body = wire::tei::ErrorBody))
)]
pub(crate) async fn predict() -> HttpError {
    wrong_task("/predict", "a classifier")
}

/// Refuses: sparse embeddings need a SPLADE model.
#[utoipa::path(
    post, path = "/embed_sparse", tag = "text-embeddings-inference",
    responses((status = 424, description = "The served model is an embedding model", body = wire::tei::ErrorBody))
)]
pub(crate) async fn embed_sparse() -> HttpError {
    wrong_task("/embed_sparse", "a SPLADE model")
}

/// Refuses: Vertex AI's instances are not served.
#[utoipa::path(
    post, path = "/vertex", tag = "text-embeddings-inference",
    responses((status = 424, description = "Not served", body = wire::tei::ErrorBody))
)]
pub(crate) async fn vertex() -> HttpError {
    wrong_task("/vertex", "a server for Vertex AI")
}

fn wrong_task(route: &str, needed: &str) -> HttpError {
    let message = format!(
        "`{route}` needs {needed}, and this server has an embedding model; use /embed, /embed_all \
         or /similarity"
    );
    HttpError::new(ErrorKind::WrongTask, message)
}
