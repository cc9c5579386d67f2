//! Pinecone: indexes, vectors, records and inference, for clients 2.2.4, 7.3.0 and 10.2.0.

use axum::http::StatusCode;
use wire::pinecone::{ControlError, DataError, ErrorObject};

pub(crate) use super::bad_field;
use crate::endpoint_error::EndpointErrorKind;
use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;

pub(crate) mod control;
pub(crate) mod data;
pub(crate) mod records;

/// What the default namespace is called where clients list namespaces.
pub(crate) const DEFAULT_NAMESPACE: &str = "__default__";

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
        ErrorKind::ForeignPage => StatusCode::FORBIDDEN,
        ErrorKind::UnknownModel | ErrorKind::UnknownRoute => StatusCode::NOT_FOUND,
        ErrorKind::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::TooSlow => StatusCode::REQUEST_TIMEOUT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::ContentType | ErrorKind::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::Overloaded => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Index(kind) => kind.status(),
        ErrorKind::Endpoint(kind) => kind.status(),
        ErrorKind::ModelFailed | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Writes an error in the vendor's shape for the control plane and inference.
pub(crate) fn control_error_body(error: &HttpError) -> ControlError {
    ControlError {
        error: ErrorObject { code: code(error.kind).0.to_owned(), message: error.message.clone() },
        status: status(error.kind).as_u16(),
    }
}

/// Writes an error in the vendor's shape for the data plane.
pub(crate) fn data_error_body(error: &HttpError) -> DataError {
    DataError { code: code(error.kind).1, message: error.message.clone(), details: Vec::new() }
}

/// The vendor's word for an error, and the number that gRPC has for it.
type Code = (&'static str, u8);

const INVALID_ARGUMENT: Code = ("INVALID_ARGUMENT", 3);
const DEADLINE_EXCEEDED: Code = ("DEADLINE_EXCEEDED", 4);
const NOT_FOUND: Code = ("NOT_FOUND", 5);
const ALREADY_EXISTS: Code = ("ALREADY_EXISTS", 6);
const FORBIDDEN: Code = ("FORBIDDEN", 7);
const RESOURCE_EXHAUSTED: Code = ("RESOURCE_EXHAUSTED", 8);
const FAILED_PRECONDITION: Code = ("FAILED_PRECONDITION", 9);
const UNIMPLEMENTED: Code = ("UNIMPLEMENTED", 12);
const INTERNAL: Code = ("INTERNAL", 13);
const UNAVAILABLE: Code = ("UNAVAILABLE", 14);
const UNAUTHENTICATED: Code = ("UNAUTHENTICATED", 16);

fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::EmptyInput
        | ErrorKind::BadJson
        | ErrorKind::BadField
        | ErrorKind::Tokenizer
        | ErrorKind::WrongTask
        | ErrorKind::WrongMethod
        | ErrorKind::TooLarge
        | ErrorKind::BadHost
        | ErrorKind::ContentEncoding
        | ErrorKind::ContentType => INVALID_ARGUMENT,
        ErrorKind::Unauthorized | ErrorKind::BadSignature => UNAUTHENTICATED,
        ErrorKind::ForeignPage => FORBIDDEN,
        ErrorKind::UnknownModel | ErrorKind::UnknownRoute => NOT_FOUND,
        ErrorKind::TooSlow => DEADLINE_EXCEEDED,
        ErrorKind::Overloaded => RESOURCE_EXHAUSTED,
        ErrorKind::NotReady => UNAVAILABLE,
        ErrorKind::ModelFailed | ErrorKind::Internal => INTERNAL,
        ErrorKind::Index(kind) => match kind {
            IndexErrorKind::UnknownIndex | IndexErrorKind::UnknownRecord => NOT_FOUND,
            IndexErrorKind::Exists => ALREADY_EXISTS,
            IndexErrorKind::Protected => FORBIDDEN,
            IndexErrorKind::WrongModel => FAILED_PRECONDITION,
            IndexErrorKind::NoIndexes | IndexErrorKind::Unsupported => UNIMPLEMENTED,
            IndexErrorKind::NoSpace => RESOURCE_EXHAUSTED,
            IndexErrorKind::Unavailable => UNAVAILABLE,
            IndexErrorKind::Failed => INTERNAL,
        },
        ErrorKind::Endpoint(kind) => match kind {
            EndpointErrorKind::UnknownEndpoint | EndpointErrorKind::UnknownKey => NOT_FOUND,
            EndpointErrorKind::Refused => INVALID_ARGUMENT,
            EndpointErrorKind::Forbidden => FORBIDDEN,
            EndpointErrorKind::OverRate => RESOURCE_EXHAUSTED,
            EndpointErrorKind::Paused | EndpointErrorKind::GivenUp => FAILED_PRECONDITION,
            EndpointErrorKind::NoEndpoints => UNIMPLEMENTED,
            EndpointErrorKind::Waking | EndpointErrorKind::Unreachable => UNAVAILABLE,
            EndpointErrorKind::NoSpace => RESOURCE_EXHAUSTED,
            EndpointErrorKind::Failed => INTERNAL,
        },
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn both_planes_say_the_same_in_their_own_shape() {
        let kind = ErrorKind::Index(IndexErrorKind::UnknownIndex);
        let error = HttpError::new(kind, "there is no index `nope`");
        let control = serde_json::to_string(&control_error_body(&error)).unwrap();
        expect![[
            r#"{"error":{"code":"NOT_FOUND","message":"there is no index `nope`"},"status":404}"#
        ]]
        .assert_eq(&control);
        let data = serde_json::to_string(&data_error_body(&error)).unwrap();
        expect![[r#"{"code":5,"message":"there is no index `nope`","details":[]}"#]]
            .assert_eq(&data);
    }
}
