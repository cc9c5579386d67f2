//! Inference: embedding, and the models that do it.

use axum::body::Body;
use axum::http::Response;
use engine::{Input, Normalize, Output, Prompt, Request, Truncation};
use wire::openai::InputType as TextUse;
use wire::pinecone::{
    EmbedParameters, EmbedRequest, EmbedResponse, InputType, Metric, ModelInfo, ModelList,
    ModelParameter, RerankRequest, Truncate,
};

use super::control::named;
use crate::body::JsonBody;
use crate::call::{Call, Model};
use crate::dialects::Place;
use crate::dialects::openai::prompt_names;
use crate::dialects::pinecone::bad_field;
use crate::error::{ErrorKind, HttpError};
use crate::path::Names;
use crate::query_string::Parameters;
use crate::respond::pieces::PineconeList;
use crate::respond::{self, Pieces};
use crate::routes::errors::PineconeErrors;

/// Embeds texts with the model that `model` names.
#[utoipa::path(
    post, path = "/pinecone/embed", tag = "Pinecone",
    request_body = EmbedRequest,
    responses(
        (status = 200, description = "One embedding per input, in input order", body = EmbedResponse),
        PineconeErrors
    )
)]
pub(crate) async fn embed(
    call: Call,
    JsonBody(request): JsonBody<EmbedRequest>,
) -> Result<Response<Body>, HttpError> {
    let model = call.model(Some(&request.model))?;
    let parameters = request.parameters.unwrap_or_default();
    check_dimension(&model, parameters.dimension)?;
    let request = Request {
        inputs: request.inputs.into_iter().map(|input| Input::Text(input.text)).collect(),
        prompt: prompt(&model, &parameters),
        truncation: match parameters.truncate.unwrap_or(Truncate::End) {
            Truncate::End => Truncation::Right,
            Truncate::Start => Truncation::Left,
            Truncate::None => Truncation::Refuse,
        },
        output: Output::Dense { normalize: Normalize::AsModel, dimensions: parameters.dimension },
    };
    let answer = call.embed(&model, request, Place::list("inputs")).await?;
    let (name, num_tokens) = (model.served.config.name.clone(), answer.totals.num_tokens);
    let pieces = |rows| Box::new(PineconeList::new(rows, name, num_tokens)) as Box<dyn Pieces>;
    respond::embeddings(answer, call.app.offload(), pieces).await
}

// Before the engine, which has another word for it.
fn check_dimension(model: &Model, dimension: Option<usize>) -> Result<(), HttpError> {
    let max = model.engine.spec().dimensions;
    match dimension.filter(|dimension| !(1..=max).contains(dimension)) {
        None => Ok(()),
        Some(got) => {
            let problem = format!("must be from 1 to {max}, and {got} was asked for");
            Err(bad_field("parameters.dimension", &problem))
        }
    }
}

// What a text is for need not have a prompt, since most models treat queries and passages alike.
fn prompt(model: &Model, parameters: &EmbedParameters) -> Prompt {
    let names = match parameters.input_type {
        None => return Prompt::Default,
        Some(InputType::Query) => prompt_names(TextUse::Query),
        Some(InputType::Passage) => prompt_names(TextUse::Document),
    };
    let known = &model.engine.spec().prompts;
    let name = names.iter().find(|name| known.contains_key(**name));
    name.map_or(Prompt::Default, |name| Prompt::Named((*name).to_owned()))
}

/// Answers that no reranker is loaded.
#[utoipa::path(
    post, path = "/pinecone/rerank", tag = "Pinecone",
    request_body = RerankRequest,
    responses(PineconeErrors)
)]
pub(crate) async fn rerank(JsonBody(_): JsonBody<RerankRequest>) -> HttpError {
    let message = "no reranker is loaded; order the documents by how near their embeddings are to that \
                   of the query, both from /pinecone/embed";
    HttpError::new(ErrorKind::WrongTask, message)
}

/// Lists the served models that are ready.
#[utoipa::path(
    get, path = "/pinecone/models", tag = "Pinecone",
    params(
        ("type" = Option<String>, Query, description = "Only `embed` or only `rerank`"),
        ("vector_type" = Option<String>, Query, description = "Only `dense` or only `sparse`")
    ),
    responses((status = 200, description = "The models", body = ModelList), PineconeErrors)
)]
pub(crate) async fn list_models(call: Call, parameters: Parameters) -> Response<Body> {
    let served = call.app.models().iter();
    let ready = served.filter_map(|served| call.ready(served).ok());
    let mut models: Vec<ModelInfo> = ready.map(|model| info(&model)).collect();
    if let Some(kind) = parameters.get("type") {
        models.retain(|model| model.kind == kind);
    }
    if let Some(vector_type) = parameters.get("vector_type") {
        models.retain(|model| model.vector_type == vector_type);
    }
    respond::json(&ModelList { models })
}

/// Describes one served model.
#[utoipa::path(
    get, path = "/pinecone/models/{model}", tag = "Pinecone",
    params(("model" = String, Path, description = "Name or alias of a served model")),
    responses((status = 200, description = "The model", body = ModelInfo), PineconeErrors)
)]
pub(crate) async fn describe_model(
    call: Call,
    Names(name): Names<String>,
) -> Result<Response<Body>, HttpError> {
    let model = call.ready(named(&call.app, &name)?)?;
    Ok(respond::json(&info(&model)))
}

fn info(model: &Model) -> ModelInfo {
    let spec = model.engine.spec();
    let choice = |parameter: &str, allowed: &[&str], default: Option<&str>| ModelParameter {
        parameter: parameter.to_owned(),
        kind: "one_of".to_owned(),
        value_type: "string".to_owned(),
        required: false,
        allowed_values: allowed.iter().map(|&value| value.to_owned()).collect(),
        default: default.map(str::to_owned),
    };
    ModelInfo {
        model: model.served.config.name.clone(),
        short_description: format!("A {} model, served by Sembla.", spec.model_type),
        kind: "embed".to_owned(),
        vector_type: "dense".to_owned(),
        default_dimension: spec.dimensions,
        modality: "text".to_owned(),
        max_sequence_length: spec.max_tokens,
        provider_name: "Sembla".to_owned(),
        supported_metrics: vec![Metric::Cosine, Metric::DotProduct, Metric::Euclidean],
        supported_parameters: vec![
            choice("input_type", &["query", "passage"], None),
            choice("truncate", &["END", "START", "NONE"], Some("END")),
        ],
    }
}
