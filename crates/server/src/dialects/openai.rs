//! OpenAI: `/v1/embeddings`.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use engine::{Input, Normalize, Output, Prompt, Request};
use wire::openai::{self, InputType};

use super::{Place, inputs, truncation};
use crate::config::TokenIds;
use crate::endpoint_error::EndpointErrorKind;
use crate::error::{ErrorKind, HttpError};

/// What a translation must know beside the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The prompts of the model that answers.
    pub(crate) prompts: &'a BTreeMap<String, String>,
    pub(crate) auto_truncate: bool,
    pub(crate) token_ids: TokenIds,
}

/// Translates a body of `/v1/embeddings`.
///
/// # Errors
///
/// If it has token ids and they are refused, or names its prompt twice.
pub(crate) fn embeddings(
    request: openai::EmbeddingsRequest,
    context: Context<'_>,
) -> Result<(Request, Place), HttpError> {
    let (inputs, place) = inputs(request.input, "input");
    if context.token_ids == TokenIds::Refuse {
        refuse_ids(&inputs, place)?;
    }
    let request = Request {
        inputs,
        prompt: prompt(request.prompt_name, request.input_type, context.prompts)?,
        truncation: truncation(None, None, context.auto_truncate),
        output: Output::Dense { normalize: Normalize::Always, dimensions: request.dimensions },
    };
    Ok((request, place))
}

fn refuse_ids(inputs: &[Input], place: Place) -> Result<(), HttpError> {
    let Some(index) = inputs.iter().position(|input| matches!(input, Input::Ids(_))) else {
        return Ok(());
    };
    let location = place.locate(index);
    let message = format!(
        "`{location}`: token ids are refused here, because OpenAI's clients take them from another \
         vocabulary than this model's; send text (LangChain: check_embedding_ctx_length=False), or \
         start the server with --openai-accept-token-ids to use ids as they are"
    );
    Err(HttpError::new(ErrorKind::BadField, message).param(location))
}

/// Chooses the prompt. A prompt's name must be known; what a text is for need not have a prompt,
/// since most models treat queries and documents alike.
fn prompt(
    name: Option<String>,
    input_type: Option<InputType>,
    known: &BTreeMap<String, String>,
) -> Result<Prompt, HttpError> {
    match (name, input_type) {
        (Some(_), Some(_)) => {
            let message = "`input_type`: prompt_name is given too; send one of the two";
            Err(HttpError::new(ErrorKind::BadField, message).param("input_type"))
        }
        (Some(name), None) => Ok(Prompt::Named(name)),
        (None, Some(input_type)) => {
            let name = prompt_names(input_type).iter().find(|name| known.contains_key(**name));
            Ok(name.map_or(Prompt::Default, |name| Prompt::Named((*name).to_owned())))
        }
        (None, None) => Ok(Prompt::Default),
    }
}

// The names that `encode_query` and `encode_document` of sentence-transformers try, in their order.
pub(crate) fn prompt_names(input_type: InputType) -> &'static [&'static str] {
    match input_type {
        InputType::Query => &["query"],
        InputType::Document => &["document", "passage", "corpus"],
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
        ErrorKind::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::ContentType | ErrorKind::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::ForeignPage => StatusCode::FORBIDDEN,
        ErrorKind::Index(kind) => kind.status(),
        ErrorKind::Endpoint(kind) => kind.status(),
        ErrorKind::ModelFailed | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Writes an error in the vendor's shape.
pub(crate) fn error_body(error: &HttpError) -> openai::ErrorBody {
    let (kind, code) = kind_and_code(error.kind);
    openai::ErrorBody {
        error: openai::ErrorObject {
            message: error.message.clone(),
            kind: kind.to_owned(),
            param: error.param.as_ref().map(|param| field_of(param).to_owned()),
            code: code.map(str::to_owned),
        },
    }
}

// The vendor names the field alone; where in it is said by the message.
fn field_of(location: &str) -> &str {
    location.split(['[', '.']).next().unwrap_or(location)
}

fn kind_and_code(kind: ErrorKind) -> (&'static str, Option<&'static str>) {
    match kind {
        ErrorKind::EmptyInput | ErrorKind::BadJson | ErrorKind::BadField => {
            ("invalid_request_error", None)
        }
        ErrorKind::Tokenizer => ("invalid_request_error", Some("tokenizer_error")),
        ErrorKind::WrongTask => ("invalid_request_error", Some("wrong_model_type")),
        ErrorKind::Unauthorized | ErrorKind::BadSignature => {
            ("invalid_request_error", Some("invalid_api_key"))
        }
        ErrorKind::UnknownModel => ("invalid_request_error", Some("model_not_found")),
        ErrorKind::UnknownRoute => ("invalid_request_error", Some("unknown_url")),
        ErrorKind::WrongMethod => ("invalid_request_error", Some("method_not_allowed")),
        ErrorKind::TooLarge => ("invalid_request_error", Some("request_too_large")),
        ErrorKind::TooSlow => ("invalid_request_error", Some("request_timeout")),
        ErrorKind::Overloaded => ("rate_limit_error", Some("rate_limit_exceeded")),
        ErrorKind::NotReady => ("server_error", Some("model_not_ready")),
        ErrorKind::ModelFailed => ("server_error", Some("model_failed")),
        ErrorKind::ContentEncoding => ("invalid_request_error", Some("content_encoding")),
        ErrorKind::BadHost => ("invalid_request_error", Some("bad_host")),
        ErrorKind::ContentType => ("invalid_request_error", Some("content_type")),
        ErrorKind::ForeignPage => ("invalid_request_error", Some("foreign_page")),
        ErrorKind::Index(_) => ("invalid_request_error", Some("index_error")),
        ErrorKind::Endpoint(EndpointErrorKind::OverRate) => {
            ("rate_limit_error", Some("rate_limit_exceeded"))
        }
        ErrorKind::Endpoint(_) => ("invalid_request_error", Some("endpoint_error")),
        ErrorKind::Internal => ("server_error", None),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn translate(json: &str, token_ids: TokenIds) -> Result<(Request, Place), HttpError> {
        let prompts = ["query", "passage"].map(|name| (name.to_owned(), format!("{name}: ")));
        let prompts = BTreeMap::from(prompts);
        let context = Context { prompts: &prompts, auto_truncate: true, token_ids };
        embeddings(serde_json::from_str(json).unwrap(), context)
    }

    fn prompt_of(json: &str) -> Prompt {
        translate(json, TokenIds::Refuse).unwrap().0.prompt
    }

    #[test]
    fn token_ids_are_refused_unless_the_operator_allows_them() {
        for json in [r#"{"input":[5]}"#, r#"{"input":[[5],[6]]}"#] {
            let err = translate(json, TokenIds::Refuse).unwrap_err();
            assert_eq!(err.kind, ErrorKind::BadField);
            assert!(err.message.contains("check_embedding_ctx_length=False"), "{}", err.message);
            assert!(translate(json, TokenIds::Accept).is_ok());
        }
        let err = translate(r#"{"input":["a",[5]]}"#, TokenIds::Refuse).unwrap_err();
        assert_eq!(err.param.as_deref(), Some("input[1]"));
    }

    #[test]
    fn an_input_type_takes_the_prompt_that_the_model_has() {
        let passage = Prompt::Named("passage".to_owned());
        assert_eq!(prompt_of(r#"{"input":"a","input_type":"document"}"#), passage);
        assert_eq!(
            prompt_of(r#"{"input":"a","input_type":"query"}"#),
            Prompt::Named("query".to_owned())
        );
        assert_eq!(prompt_of(r#"{"input":"a"}"#), Prompt::Default);
        let none = prompt(None, Some(InputType::Query), &BTreeMap::new()).unwrap();
        assert_eq!(none, Prompt::Default, "a model without prompts treats all texts alike");
    }

    #[test]
    fn a_prompt_name_is_kept_for_the_engine_to_judge() {
        assert_eq!(
            prompt_of(r#"{"input":"a","prompt_name":"nothing"}"#),
            Prompt::Named("nothing".to_owned())
        );
    }

    #[test]
    fn two_ways_to_name_a_prompt_are_refused() {
        let json = r#"{"input":"a","prompt_name":"query","input_type":"query"}"#;
        let err = translate(json, TokenIds::Refuse).unwrap_err();
        assert_eq!(err.param.as_deref(), Some("input_type"));
    }

    #[test]
    fn an_error_names_the_field_in_param_and_the_place_in_the_message() {
        let error = HttpError::new(ErrorKind::EmptyInput, "`input[2]`: the input is empty")
            .param("input[2]");
        let body = serde_json::to_string(&error_body(&error)).unwrap();
        expect![[r#"{"error":{"message":"`input[2]`: the input is empty","type":"invalid_request_error","param":"input","code":null}}"#]]
            .assert_eq(&body);
    }
}
