//! Errors in our own shape: their status, their code and their body.

use axum::http::StatusCode;
use wire::indexes as wire;

use crate::endpoint_error::EndpointErrorKind;
use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;

/// Returns the status of an error.
pub(crate) fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::EmptyInput
        | ErrorKind::BadJson
        | ErrorKind::BadField
        | ErrorKind::BadHost
        | ErrorKind::Tokenizer => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthorized | ErrorKind::BadSignature => StatusCode::UNAUTHORIZED,
        ErrorKind::ForeignPage => StatusCode::FORBIDDEN,
        ErrorKind::UnknownModel | ErrorKind::UnknownRoute => StatusCode::NOT_FOUND,
        ErrorKind::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::TooSlow => StatusCode::REQUEST_TIMEOUT,
        ErrorKind::WrongTask => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::ContentType | ErrorKind::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::Overloaded => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Index(kind) => kind.status(),
        ErrorKind::Endpoint(kind) => kind.status(),
        ErrorKind::ModelFailed | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Writes an error in our own shape. Of a defect it says where to read more, and no more.
pub(crate) fn error_body(error: &HttpError, request_id: &str) -> wire::ErrorBody {
    let is_ours = status(error.kind) == StatusCode::INTERNAL_SERVER_ERROR;
    let message = if is_ours {
        "the server failed on this request; its log says why under this request_id".to_owned()
    } else {
        error.message.clone()
    };
    wire::ErrorBody {
        error: wire::ErrorObject {
            code: code(error.kind).to_owned(),
            message,
            field: error.param.as_ref().map(ToString::to_string),
            request_id: request_id.to_owned(),
        },
    }
}

/// Returns the word that programs know an error by.
pub(crate) fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::EmptyInput => "empty_input",
        ErrorKind::BadJson => "bad_json",
        ErrorKind::BadField => "bad_field",
        ErrorKind::Tokenizer => "tokenizer_failed",
        ErrorKind::Unauthorized | ErrorKind::BadSignature => "unauthorized",
        ErrorKind::ForeignPage => "foreign_page",
        ErrorKind::UnknownModel => "unknown_model",
        ErrorKind::UnknownRoute => "unknown_route",
        ErrorKind::WrongMethod => "wrong_method",
        ErrorKind::TooSlow => "too_slow",
        ErrorKind::WrongTask => "wrong_task",
        ErrorKind::TooLarge => "too_large",
        ErrorKind::ContentType => "content_type",
        ErrorKind::ContentEncoding => "content_encoding",
        ErrorKind::BadHost => "bad_host",
        ErrorKind::Overloaded => "overloaded",
        ErrorKind::NotReady => "not_ready",
        ErrorKind::ModelFailed => "model_failed",
        ErrorKind::Internal => "internal",
        ErrorKind::Index(kind) => match kind {
            IndexErrorKind::NoIndexes => "no_indexes",
            IndexErrorKind::UnknownIndex => "unknown_index",
            IndexErrorKind::UnknownRecord => "unknown_record",
            IndexErrorKind::Exists => "index_exists",
            IndexErrorKind::Protected => "index_protected",
            IndexErrorKind::WrongModel => "wrong_model",
            IndexErrorKind::Unsupported => "unsupported",
            IndexErrorKind::NoSpace => "no_space",
            IndexErrorKind::Unavailable => "unavailable",
            IndexErrorKind::Failed => "failed",
        },
        ErrorKind::Endpoint(kind) => match kind {
            EndpointErrorKind::NoEndpoints => "no_endpoints",
            EndpointErrorKind::UnknownEndpoint => "unknown_endpoint",
            EndpointErrorKind::UnknownKey => "unknown_key",
            EndpointErrorKind::Refused => "refused",
            EndpointErrorKind::Forbidden => "forbidden",
            EndpointErrorKind::OverRate => "over_rate",
            EndpointErrorKind::Paused => "endpoint_paused",
            EndpointErrorKind::GivenUp => "endpoint_failed",
            EndpointErrorKind::Waking => "endpoint_waking",
            EndpointErrorKind::Unreachable => "unreachable",
            EndpointErrorKind::NoSpace => "no_space",
            EndpointErrorKind::Failed => "failed",
        },
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::dialects::bad_field;

    #[test]
    fn a_defect_is_not_explained_to_clients() {
        let error = HttpError::new(ErrorKind::Index(IndexErrorKind::Failed), "/data/x is damaged");
        let body = serde_json::to_string(&error_body(&error, "7f")).unwrap();
        expect![[r#"{"error":{"code":"failed","message":"the server failed on this request; its log says why under this request_id","request_id":"7f"}}"#]]
            .assert_eq(&body);
        let error = bad_field("top_k", "no");
        let body = serde_json::to_string(&error_body(&error, "7f")).unwrap();
        expect![[r#"{"error":{"code":"bad_field","message":"`top_k`: no","field":"top_k","request_id":"7f"}}"#]]
            .assert_eq(&body);
    }
}
