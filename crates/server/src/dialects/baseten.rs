//! Baseten: errors of its management API, of its models and of its GraphQL.

use axum::http::StatusCode;
use wire::baseten::{ErrorBody, GraphQlAnswer, GraphQlError, GraphQlExtensions};

use super::{huggingface, indexes};
use crate::error::{ErrorKind, HttpError};

/// Returns the status of an error of the management API or of a model.
pub(crate) fn status(kind: ErrorKind) -> StatusCode {
    huggingface::status(kind)
}

/// Writes an error of the management API or of a model.
pub(crate) fn error_body(error: &HttpError) -> ErrorBody {
    let message = error.message.clone();
    ErrorBody { code: code(error.kind), error: message.clone(), message }
}

/// Returns the status of an error in GraphQL: an answer like any other, whose text truss shows, unless the same
/// request may succeed later or the server has failed.
pub(crate) fn graphql_status(kind: ErrorKind) -> StatusCode {
    match status(kind) {
        status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) => status,
        status if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => status,
        _ => StatusCode::OK,
    }
}

/// Writes an error in GraphQL.
pub(crate) fn graphql_error_body(error: &HttpError) -> GraphQlAnswer {
    let extensions = GraphQlExtensions { code: code(error.kind) };
    GraphQlAnswer {
        data: None,
        errors: vec![GraphQlError { message: error.message.clone(), extensions }],
    }
}

fn code(kind: ErrorKind) -> String {
    indexes::errors::code(kind).to_ascii_uppercase()
}
