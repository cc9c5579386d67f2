//! SageMaker: what `/invocations` asks for, and errors in the words that botocore turns into exceptions.

use axum::http::StatusCode;
use wire::inputs::{Inputs, Item};
use wire::sagemaker::{self, Invocation, InvocationInputs, InvocationItem};

use super::huggingface::Task;
use crate::endpoint_error::EndpointErrorKind;
use crate::error::{ErrorKind, HttpError};

/// Returns what a request to `/invocations` asks for, as text-embeddings-inference's route for it would be
/// asked. An instruction stands before its text as it is, as models that were trained with them have it.
pub(crate) fn task(invocation: Invocation) -> Task {
    let Invocation { inputs, parameters } = invocation;
    let inputs = match inputs {
        InvocationInputs::One(text) => Inputs::Text(text),
        InvocationInputs::Ids(ids) => Inputs::Ids(ids),
        InvocationInputs::List(items) => Inputs::Batch(items.into_iter().map(item).collect()),
        InvocationInputs::Similarity(inputs) => return Task::similarity(inputs, parameters),
    };
    Task::embed(inputs, parameters, None)
}

fn item(item: InvocationItem) -> Item {
    match item {
        InvocationItem::Text(text) => Item::Text(text),
        InvocationItem::Ids(ids) => Item::Ids(ids),
        InvocationItem::Instructed(instruction, text) => Item::Text(instruction + &text),
    }
}

/// What an answer of the model that is no success is called.
pub(crate) const MODEL_ERROR: &str = "ModelError";

/// Returns the status of an error of the runtime.
pub(crate) fn status(kind: ErrorKind) -> StatusCode {
    named(kind).0
}

/// Returns what an error of the runtime is called.
pub(crate) fn error_type(kind: ErrorKind) -> &'static str {
    named(kind).1
}

// Clients repeat ServiceUnavailable, InternalFailure and ThrottlingException by themselves.
fn named(kind: ErrorKind) -> (StatusCode, &'static str) {
    match kind {
        ErrorKind::EmptyInput
        | ErrorKind::BadJson
        | ErrorKind::BadField
        | ErrorKind::Tokenizer
        | ErrorKind::BadHost
        | ErrorKind::WrongTask
        | ErrorKind::UnknownModel
        | ErrorKind::UnknownRoute
        | ErrorKind::WrongMethod
        | ErrorKind::TooSlow
        | ErrorKind::ContentType
        | ErrorKind::ContentEncoding
        | ErrorKind::Index(_) => (StatusCode::BAD_REQUEST, "ValidationError"),
        ErrorKind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "ValidationError"),
        ErrorKind::Unauthorized => (StatusCode::FORBIDDEN, "UnrecognizedClientException"),
        ErrorKind::BadSignature => (StatusCode::FORBIDDEN, "InvalidSignatureException"),
        ErrorKind::ForeignPage => (StatusCode::FORBIDDEN, "AccessDeniedException"),
        ErrorKind::Overloaded | ErrorKind::NotReady => {
            (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable")
        }
        ErrorKind::ModelFailed | ErrorKind::Internal => {
            (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure")
        }
        ErrorKind::Endpoint(kind) => of_endpoint(kind),
    }
}

fn of_endpoint(kind: EndpointErrorKind) -> (StatusCode, &'static str) {
    match kind {
        EndpointErrorKind::NoEndpoints
        | EndpointErrorKind::UnknownEndpoint
        | EndpointErrorKind::UnknownKey
        | EndpointErrorKind::Refused
        | EndpointErrorKind::Paused
        | EndpointErrorKind::GivenUp => (StatusCode::BAD_REQUEST, "ValidationError"),
        EndpointErrorKind::Forbidden => (StatusCode::FORBIDDEN, "AccessDeniedException"),
        EndpointErrorKind::OverRate => (StatusCode::TOO_MANY_REQUESTS, "ThrottlingException"),
        EndpointErrorKind::Waking => (StatusCode::TOO_MANY_REQUESTS, "ModelNotReadyException"),
        EndpointErrorKind::Unreachable => (DEPENDENCY_FAILED, "InternalDependencyException"),
        EndpointErrorKind::NoSpace | EndpointErrorKind::Failed => {
            (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure")
        }
    }
}

/// The vendor's own.
const DEPENDENCY_FAILED: StatusCode = match StatusCode::from_u16(530) {
    Ok(status) => status,
    Err(_) => panic!("530 is a status"),
};

/// Returns the status of an error of the control plane.
pub(crate) fn control_status(kind: ErrorKind) -> StatusCode {
    match status(kind) {
        StatusCode::PAYLOAD_TOO_LARGE => StatusCode::BAD_REQUEST,
        status => status,
    }
}

/// Returns what an error of the control plane is called.
pub(crate) fn control_error_type(kind: ErrorKind) -> &'static str {
    match (kind, error_type(kind)) {
        (ErrorKind::UnknownRoute, _) => "UnknownOperationException",
        (ErrorKind::BadJson, _) => "SerializationException",
        (_, "ValidationError") => "ValidationException",
        (_, error_type) => error_type,
    }
}

/// Writes an error of the runtime.
pub(crate) fn error_body(error: &HttpError) -> sagemaker::ErrorBody {
    let message = error.message.clone();
    sagemaker::ErrorBody { message, original_status_code: None, original_message: None }
}

/// Writes an error of the control plane.
pub(crate) fn control_error_body(error: &HttpError) -> sagemaker::ControlErrorBody {
    let error_type = control_error_type(error.kind).to_owned();
    sagemaker::ControlErrorBody { error_type, message: error.message.clone() }
}

/// Writes an error of a form call, in XML.
pub(crate) fn form_error_body(error: &HttpError, request_id: &str) -> Vec<u8> {
    let who = if control_status(error.kind).is_server_error() { "Receiver" } else { "Sender" };
    let body = format!(
        "<ErrorResponse><Error><Type>{who}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{}</RequestId></ErrorResponse>",
        control_error_type(error.kind),
        escaped(&error.message),
        escaped(request_id)
    );
    body.into_bytes()
}

/// Makes a text one of XML.
pub(crate) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}
