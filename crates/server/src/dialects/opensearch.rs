//! OpenSearch: what tutorial 4's `OpenSearchVectorSearch` needs, over our indexes.
//!
//! | OpenSearch | here |
//! | --- | --- |
//! | index | an index whose tag `opensearch` has the name and the mapping (`mapping`) |
//! | document | a record: its JSON in one field of the metadata, what filters look at beside it (`document`, `flatten`) |
//! | `knn`, `script_score` | a query, or an exact scan where the store has no such metric (`plan`, `space`) |
//! | other clauses | a filter on metadata (`filter`) |
//!
//! A filter beside `knn` chooses documents before the nearest are looked for, whichever form it has, so
//! that `k` of those that pass are found. There are no text scores: a query without a vector gives every
//! hit 1, or 0 if it is a `bool` of conditions alone.

pub(crate) mod bulk;
pub(crate) mod document;
pub(crate) mod filter;
mod flatten;
pub(crate) mod mapping;
pub(crate) mod plan;
pub(crate) mod source;
pub(crate) mod space;

use axum::http::StatusCode;
use wire::opensearch::{Cause, ErrorBody, ErrorObject};

use crate::endpoint_error::EndpointErrorKind;
use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;

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
        ErrorKind::ContentType => StatusCode::NOT_ACCEPTABLE,
        ErrorKind::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::ForeignPage => StatusCode::FORBIDDEN,
        ErrorKind::Overloaded => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::ModelFailed | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        // The one that OpenSearch has another status for.
        ErrorKind::Index(IndexErrorKind::Exists) => StatusCode::BAD_REQUEST,
        ErrorKind::Index(kind) => kind.status(),
        ErrorKind::Endpoint(kind) => kind.status(),
    }
}

/// Returns the vendor's word for an error.
pub(crate) fn error_type(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::EmptyInput
        | ErrorKind::BadField
        | ErrorKind::Tokenizer
        | ErrorKind::UnknownModel
        | ErrorKind::WrongTask
        | ErrorKind::BadHost
        | ErrorKind::UnknownRoute
        | ErrorKind::WrongMethod => "illegal_argument_exception",
        ErrorKind::BadJson => "parse_exception",
        ErrorKind::Unauthorized | ErrorKind::BadSignature | ErrorKind::ForeignPage => {
            "security_exception"
        }
        ErrorKind::ContentType | ErrorKind::ContentEncoding => "media_type_header_exception",
        ErrorKind::TooSlow => "timeout_exception",
        ErrorKind::TooLarge => "content_too_long_exception",
        ErrorKind::Overloaded => "rejected_execution_exception",
        ErrorKind::NotReady => "node_closed_exception",
        ErrorKind::ModelFailed | ErrorKind::Internal => "exception",
        ErrorKind::Index(kind) => index_error_type(kind),
        ErrorKind::Endpoint(kind) => endpoint_error_type(kind),
    }
}

fn index_error_type(kind: IndexErrorKind) -> &'static str {
    match kind {
        IndexErrorKind::NoIndexes | IndexErrorKind::Unavailable => {
            "no_shard_available_action_exception"
        }
        IndexErrorKind::UnknownIndex => "index_not_found_exception",
        IndexErrorKind::UnknownRecord => "resource_not_found_exception",
        IndexErrorKind::Exists => "resource_already_exists_exception",
        IndexErrorKind::Protected | IndexErrorKind::NoSpace => "cluster_block_exception",
        IndexErrorKind::WrongModel | IndexErrorKind::Unsupported => "illegal_argument_exception",
        IndexErrorKind::Failed => "exception",
    }
}

fn endpoint_error_type(kind: EndpointErrorKind) -> &'static str {
    match kind {
        EndpointErrorKind::UnknownEndpoint | EndpointErrorKind::UnknownKey => {
            "resource_not_found_exception"
        }
        EndpointErrorKind::Refused => "illegal_argument_exception",
        EndpointErrorKind::Forbidden => "security_exception",
        EndpointErrorKind::OverRate => "rejected_execution_exception",
        EndpointErrorKind::NoEndpoints
        | EndpointErrorKind::Paused
        | EndpointErrorKind::GivenUp
        | EndpointErrorKind::Waking
        | EndpointErrorKind::Unreachable => "no_shard_available_action_exception",
        EndpointErrorKind::NoSpace => "cluster_block_exception",
        EndpointErrorKind::Failed => "exception",
    }
}

/// Writes an error in the vendor's shape.
pub(crate) fn error_body(error: &HttpError) -> ErrorBody {
    let cause = Cause { kind: error_type(error.kind).to_owned(), reason: error.message.clone() };
    body_of(status(error.kind), cause)
}

/// Writes an error that is about one document in the vendor's shape.
pub(crate) fn body_of(status: StatusCode, cause: Cause) -> ErrorBody {
    let Cause { kind, reason } = cause.clone();
    let error = ErrorObject { root_cause: vec![cause], kind, reason };
    ErrorBody { error, status: status.as_u16() }
}

/// Refuses a field, or what stands in it.
fn refuse(field: &str, why: impl std::fmt::Display) -> HttpError {
    HttpError::new(ErrorKind::BadField, format!("`{field}`: {why}")).param(field.to_owned())
}
