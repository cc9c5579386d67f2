//! The routes of OpenAI's API.

use axum::body::Body;
use axum::http::Response;
use wire::openai::{EmbeddingsRequest, EmbeddingsResponse, EncodingFormat, ModelList, ModelObject};

use super::errors::OpenAiErrors;
use crate::body::JsonBody;
use crate::call::Call;
use crate::dialects;
use crate::dialects::openai::Context;
use crate::error::{ErrorKind, HttpError};
use crate::models::Served;
use crate::path::Names;
use crate::respond::pieces::OpenAiList;
use crate::respond::{self, Pieces};

/// Embeds one text or a list of texts with the model that `model` names.
///
/// Embeddings have length 1. `encoding_format` is `float` or `base64` (of little-endian `f32`).
#[utoipa::path(
    post, path = "/v1/embeddings", tag = "OpenAI",
    request_body = EmbeddingsRequest,
    responses(
        (status = 200, description = "One embedding per input, in input order", body = EmbeddingsResponse),
        OpenAiErrors
    )
)]
pub(crate) async fn create_embeddings(
    call: Call,
    JsonBody(request): JsonBody<EmbeddingsRequest>,
) -> Result<Response<Body>, HttpError> {
    answer_embeddings(&call, request).await
}

/// The same as `/v1/embeddings`.
#[utoipa::path(
    post, path = "/embeddings", tag = "OpenAI",
    request_body = EmbeddingsRequest,
    responses(
        (status = 200, description = "One embedding per input, in input order", body = EmbeddingsResponse),
        OpenAiErrors
    )
)]
pub(crate) async fn create_embeddings_at_root(
    call: Call,
    JsonBody(request): JsonBody<EmbeddingsRequest>,
) -> Result<Response<Body>, HttpError> {
    answer_embeddings(&call, request).await
}

async fn answer_embeddings(
    call: &Call,
    request: EmbeddingsRequest,
) -> Result<Response<Body>, HttpError> {
    let model = call.model(request.model.as_deref())?;
    let format = request.encoding_format.unwrap_or(EncodingFormat::Float);
    let context = Context {
        prompts: &model.engine.spec().prompts,
        auto_truncate: model.served.config.auto_truncate,
        token_ids: call.app.config().openai_token_ids,
    };
    let (request, place) = dialects::openai::embeddings(request, context)?;
    let answer = call.embed(&model, request, place).await?;
    let (name, num_tokens) = (model.served.config.name.clone(), answer.totals.num_tokens);
    let pieces =
        |rows| Box::new(OpenAiList::new(rows, format, name, num_tokens)) as Box<dyn Pieces>;
    respond::embeddings(answer, call.app.offload(), pieces).await
}

/// Lists the served models. The first answers where a request names none.
#[utoipa::path(
    get, path = "/v1/models", tag = "OpenAI",
    responses((status = 200, description = "The served models", body = ModelList), OpenAiErrors)
)]
pub(crate) async fn list_models(call: Call) -> Response<Body> {
    let models = call.app.models().iter();
    let data = models.map(|served| model_object(served, call.app.started())).collect();
    respond::json(&ModelList { object: "list".to_owned(), data })
}

/// Describes one served model, by its name or an alias such as its Hub id.
#[utoipa::path(
    get, path = "/v1/models/{model}", tag = "OpenAI",
    params(("model" = String, Path, description = "Name or alias")),
    responses((status = 200, description = "The model", body = ModelObject), OpenAiErrors)
)]
pub(crate) async fn retrieve_model(
    call: Call,
    Names(name): Names<String>,
) -> Result<Response<Body>, HttpError> {
    describe_model(&call, &name)
}

/// Describes one served model by its Hub id.
#[utoipa::path(
    get, path = "/v1/models/{org}/{name}", tag = "OpenAI",
    params(
        ("org" = String, Path, description = "First part of the Hub id"),
        ("name" = String, Path, description = "Second part of the Hub id")
    ),
    responses((status = 200, description = "The model", body = ModelObject), OpenAiErrors)
)]
pub(crate) async fn retrieve_model_of_org(
    call: Call,
    Names((org, name)): Names<(String, String)>,
) -> Result<Response<Body>, HttpError> {
    describe_model(&call, &format!("{org}/{name}"))
}

fn describe_model(call: &Call, name: &str) -> Result<Response<Body>, HttpError> {
    let models = call.app.models();
    // Unlike `model` in a request, a question about a model is about that very one.
    match models.iter().find(|served| served.answers_to(name)) {
        Some(served) => Ok(respond::json(&model_object(served, call.app.started()))),
        None => {
            let message =
                format!("model `{name}` is not served here; served are {}", models.names());
            Err(HttpError::new(ErrorKind::UnknownModel, message).param("model"))
        }
    }
}

fn model_object(served: &Served, created: u64) -> ModelObject {
    ModelObject {
        id: served.config.name.clone(),
        object: "model".to_owned(),
        created,
        owned_by: "sembla".to_owned(),
    }
}
