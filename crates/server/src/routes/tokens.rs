//! The routes of text-embeddings-inference that do not run the model: `/tokenize`, `/decode`,
//! `/info`.

use axum::body::Body;
use axum::http::Response;
use engine::{EmbedError, Engine, InputError};
use model::SpecialTokens;
use wire::tei::{
    DecodeIds, DecodeRequest, DecodeResponse, Info, Token, TokenizeInputs, TokenizeRequest,
    TokenizeResponse,
};

use super::errors::TeiErrors;
use crate::body::JsonBody;
use crate::call::Call;
use crate::dialects;
use crate::dialects::Place;
use crate::error::{ErrorKind, HttpError};
use crate::offload::Effort;
use crate::respond;

/// Splits one text or several into tokens.
#[utoipa::path(
    post, path = "/tokenize", tag = "text-embeddings-inference",
    request_body = TokenizeRequest,
    responses((status = 200, description = "The tokens of each text", body = Vec<Vec<Token>>), TeiErrors)
)]
pub(crate) async fn tokenize(
    call: Call,
    JsonBody(request): JsonBody<TokenizeRequest>,
) -> Result<Response<Body>, HttpError> {
    let engine = call.model(None)?.engine;
    let (texts, place) = match request.inputs {
        TokenizeInputs::Text(text) => (vec![text], Place::one("inputs")),
        TokenizeInputs::Batch(texts) => (texts, Place::list("inputs")),
    };
    let prompt = prompt_text(&engine, request.prompt_name)?;
    let special = special_tokens(request.add_special_tokens.unwrap_or(true));
    let effort = Effort::of_tokenizing(texts.iter().map(String::len).sum());
    let job = Tokenizing { engine, texts, place, prompt, special };
    call.app.offload().run_if(effort, move || Ok(respond::json(&job.run()?))).await
}

struct Tokenizing {
    engine: Engine,
    texts: Vec<String>,
    place: Place,
    prompt: String,
    special: SpecialTokens,
}

impl Tokenizing {
    fn run(self) -> Result<TokenizeResponse, HttpError> {
        if self.texts.is_empty() {
            return Err(HttpError::new(ErrorKind::EmptyInput, "`inputs`: there are none"));
        }
        let mut response = Vec::with_capacity(self.texts.len());
        for (index, text) in self.texts.iter().enumerate() {
            response.push(self.tokens(index, text)?);
        }
        Ok(response)
    }

    fn tokens(&self, index: usize, text: &str) -> Result<Vec<Token>, HttpError> {
        let wrong = |err| HttpError::from_input_error(&err, self.place, index);
        if text.is_empty() {
            return Err(wrong(InputError::Empty));
        }
        let tokens = self.engine.tokenizer().tokens(&self.prompt, text, self.special);
        let tokens = tokens.map_err(|err| wrong(err.into()))?;
        Ok(tokens.into_iter().map(dialects::tei::token).collect())
    }
}

/// Joins token ids to texts.
#[utoipa::path(
    post, path = "/decode", tag = "text-embeddings-inference",
    request_body = DecodeRequest,
    responses((status = 200, description = "One text per list of ids", body = Vec<String>), TeiErrors)
)]
pub(crate) async fn decode(
    call: Call,
    JsonBody(request): JsonBody<DecodeRequest>,
) -> Result<Response<Body>, HttpError> {
    let engine = call.model(None)?.engine;
    let (lists, place) = match request.ids {
        DecodeIds::Ids(ids) => (vec![ids], Place::one("ids")),
        DecodeIds::Batch(lists) => (lists, Place::list("ids")),
    };
    let special = special_tokens(!request.skip_special_tokens.unwrap_or(true));
    let effort = Effort::of_tokenizing(lists.iter().map(Vec::len).sum());
    let job = Decoding { engine, lists, place, special };
    call.app.offload().run_if(effort, move || Ok(respond::json(&job.run()?))).await
}

struct Decoding {
    engine: Engine,
    lists: Vec<Vec<u32>>,
    place: Place,
    special: SpecialTokens,
}

impl Decoding {
    fn run(self) -> Result<DecodeResponse, HttpError> {
        let mut response = Vec::with_capacity(self.lists.len());
        for (index, ids) in self.lists.iter().enumerate() {
            response.push(self.text(index, ids)?);
        }
        Ok(response)
    }

    fn text(&self, index: usize, ids: &[u32]) -> Result<String, HttpError> {
        let wrong = |err| HttpError::from_input_error(&err, self.place, index);
        if ids.is_empty() {
            return Err(wrong(InputError::Empty));
        }
        let text = self.engine.tokenizer().decode(ids, self.special);
        text.map_err(|err| wrong(err.into()))
    }
}

fn special_tokens(with: bool) -> SpecialTokens {
    if with { SpecialTokens::With } else { SpecialTokens::Without }
}

// The prompt of a request, else the default, as it would stand before an embedded text.
fn prompt_text(engine: &Engine, name: Option<String>) -> Result<String, HttpError> {
    let spec = engine.spec();
    let Some(name) = name else { return Ok(spec.default_prompt.clone().unwrap_or_default()) };
    spec.prompts.get(&name).cloned().ok_or_else(|| {
        let known = spec.prompts.keys().cloned().collect();
        let err = EmbedError::UnknownPrompt { name, known };
        HttpError::from_embed_error(err, Place::one("inputs"))
    })
}

/// Describes the server and its model.
#[utoipa::path(
    get, path = "/info", tag = "text-embeddings-inference",
    responses((status = 200, description = "The vendor's fields, then ours", body = Info), TeiErrors)
)]
pub(crate) async fn info(call: Call) -> Result<Response<Body>, HttpError> {
    let model = call.model(None)?;
    let info = dialects::tei::info(call.app.config(), &model.served.config, &model.engine);
    Ok(respond::json(&info))
}
