//! From a vendor's JSON to a plain request and back: one file per dialect, no HTTP.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode};
use engine::{Input, Truncation};
use wire::inputs::{Inputs, Item};
use wire::tei::TruncationDirection;

use crate::error::{ErrorKind, HttpError};
use crate::respond::JSON;

pub(crate) mod baseten;
pub(crate) mod control;
pub(crate) mod huggingface;
pub(crate) mod huggingface_endpoints;
pub(crate) mod indexes;
pub(crate) mod openai;
pub(crate) mod opensearch;
pub(crate) mod pinecone;
pub(crate) mod sagemaker;
pub(crate) mod tei;

/// Returns an error about one field.
pub(crate) fn bad_field(field: impl Into<Cow<'static, str>>, problem: &str) -> HttpError {
    let field = field.into();
    HttpError::new(ErrorKind::BadField, format!("`{field}`: {problem}")).param(field)
}

/// Checks that the score of a record is a number that JSON has.
///
/// # Errors
///
/// If it has grown beyond the largest `f32`.
pub(crate) fn check_score(id: &str, score: f32) -> Result<(), HttpError> {
    if score.is_finite() {
        return Ok(());
    }
    let message = format!(
        "the score of record `{id}` is {score}: its vector and the query are too long for 32-bit \
         floats; scale them down"
    );
    Err(HttpError::new(ErrorKind::BadField, message))
}

#[cfg(test)]
mod status_codes;

/// Whose clients call a route, and so whose errors they can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Tei,
    OpenAi,
    HuggingFace,
    /// Our own.
    Sembla,
    /// The control plane and inference.
    Pinecone,
    /// The data plane, whose errors have another shape.
    PineconeData,
    OpenSearch,
    /// SageMaker's runtime.
    Sagemaker,
    /// SageMaker's control plane, in JSON 1.1.
    SagemakerControl,
    /// AWS's form calls, which answer in XML.
    AwsForm,
    /// Baseten's models and its management API.
    Baseten,
    /// What `truss push` talks to.
    GraphQl,
}

impl Dialect {
    /// Returns the dialect of a path, also of one that is no route.
    pub(crate) fn of_path(path: &str) -> Self {
        let mut parts = path.split('/').skip(1);
        match parts.next() {
            Some("pinecone") => match parts.next() {
                Some("i" | "legacy") => Self::PineconeData,
                _ => Self::Pinecone,
            },
            Some("os") => Self::OpenSearch,
            Some("endpoints") => Self::Sagemaker,
            Some("aws") => Self::SagemakerControl,
            Some("b10") => Self::Baseten,
            Some("graphql") => Self::GraphQl,
            // What an address that ends with `/` becomes.
            Some("") if parts.next() == Some("graphql") => Self::GraphQl,
            // As Baseten's below a model, which is no route of OpenAI's.
            Some("v1") => match (parts.next(), parts.nth(1)) {
                (Some("indexes"), _) => Self::Sembla,
                (Some("models"), Some("deployments")) => Self::Baseten,
                _ => Self::OpenAi,
            },
            Some("embeddings") => Self::OpenAi,
            Some("pipeline" | "models" | "v2" | "serve") => Self::HuggingFace,
            Some("api") if parts.next() == Some("whoami-v2") => Self::HuggingFace,
            Some("api") => Self::Sembla,
            _ => Self::Tei,
        }
    }

    /// Returns the status and the body of an error of the request with this id.
    pub(crate) fn render(self, error: &HttpError, request_id: &str) -> (StatusCode, Vec<u8>) {
        let body = match self {
            Self::Tei => serde_json::to_vec(&tei::error_body(error)),
            Self::OpenAi => serde_json::to_vec(&openai::error_body(error)),
            Self::HuggingFace => serde_json::to_vec(&huggingface::error_body(error)),
            Self::Sembla => serde_json::to_vec(&indexes::error_body(error, request_id)),
            Self::Pinecone => serde_json::to_vec(&pinecone::control_error_body(error)),
            Self::PineconeData => serde_json::to_vec(&pinecone::data_error_body(error)),
            Self::OpenSearch => serde_json::to_vec(&opensearch::error_body(error)),
            Self::Sagemaker => serde_json::to_vec(&sagemaker::error_body(error)),
            Self::SagemakerControl => serde_json::to_vec(&sagemaker::control_error_body(error)),
            Self::AwsForm => Ok(sagemaker::form_error_body(error, request_id)),
            Self::Baseten => serde_json::to_vec(&baseten::error_body(error)),
            Self::GraphQl => serde_json::to_vec(&baseten::graphql_error_body(error)),
        };
        let status = match self {
            Self::Tei => tei::status(error.kind),
            Self::OpenAi => openai::status(error.kind),
            Self::HuggingFace => huggingface::status(error.kind),
            Self::Sembla => indexes::status(error.kind),
            Self::Pinecone | Self::PineconeData => pinecone::status(error.kind),
            Self::OpenSearch => opensearch::status(error.kind),
            Self::Sagemaker => sagemaker::status(error.kind),
            Self::SagemakerControl | Self::AwsForm => sagemaker::control_status(error.kind),
            Self::Baseten => baseten::status(error.kind),
            Self::GraphQl => baseten::graphql_status(error.kind),
        };
        (status, body.expect("an error body has string keys only"))
    }

    /// Returns what an error is called in the header that AWS's clients read.
    pub(crate) fn error_type(self, kind: ErrorKind) -> Option<&'static str> {
        match self {
            Self::Sagemaker => Some(sagemaker::error_type(kind)),
            Self::SagemakerControl | Self::AwsForm => Some(sagemaker::control_error_type(kind)),
            Self::Tei
            | Self::OpenAi
            | Self::HuggingFace
            | Self::Sembla
            | Self::Pinecone
            | Self::PineconeData
            | Self::OpenSearch
            | Self::Baseten
            | Self::GraphQl => None,
        }
    }

    /// Returns what the body of an error is.
    pub(crate) fn content_type(self) -> HeaderValue {
        if self == Self::AwsForm { HeaderValue::from_static("text/xml") } else { JSON }
    }
}

/// How an error calls the inputs of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    field: &'static str,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    One,
    List,
    Similarity,
}

impl Place {
    /// The field holds one input.
    pub(crate) const fn one(field: &'static str) -> Self {
        Self { field, form: Form::One }
    }

    /// The field holds a list.
    pub(crate) const fn list(field: &'static str) -> Self {
        Self { field, form: Form::List }
    }

    /// Input 0 is the source, and the others are what it is compared with.
    pub(crate) const SIMILARITY: Self = Self { field: "inputs", form: Form::Similarity };

    /// Returns the field of the inputs.
    pub(crate) fn field(self) -> &'static str {
        self.field
    }

    /// Returns whether the request has one input and not a list.
    pub(crate) fn is_one(self) -> bool {
        self.form == Form::One
    }

    /// Returns where input `index` stands in the request.
    pub(crate) fn locate(self, index: usize) -> Cow<'static, str> {
        match (self.form, index) {
            (Form::One, _) => Cow::Borrowed(self.field),
            (Form::List, _) => Cow::Owned(format!("{}[{index}]", self.field)),
            (Form::Similarity, 0) => Cow::Owned(format!("{}.source_sentence", self.field)),
            (Form::Similarity, _) => Cow::Owned(format!("{}.sentences[{}]", self.field, index - 1)),
        }
    }
}

/// Translates the inputs of a request, which stand in `field`.
fn inputs(inputs: Inputs, field: &'static str) -> (Vec<Input>, Place) {
    match inputs {
        Inputs::Text(text) => (vec![Input::Text(text)], Place::one(field)),
        Inputs::Ids(ids) => (vec![Input::Ids(ids)], Place::one(field)),
        Inputs::Batch(items) => (items.into_iter().map(input).collect(), Place::list(field)),
    }
}

fn input(item: Item) -> Input {
    match item {
        Item::Text(text) => Input::Text(text),
        Item::Ids(ids) => Input::Ids(ids),
    }
}

/// Decides what happens to long inputs: as the request says, else as the operator does.
fn truncation(
    truncate: Option<bool>,
    direction: Option<TruncationDirection>,
    auto_truncate: bool,
) -> Truncation {
    match (truncate.unwrap_or(auto_truncate), direction) {
        (false, _) => Truncation::Refuse,
        (true, Some(TruncationDirection::Left)) => Truncation::Left,
        (true, Some(TruncationDirection::Right) | None) => Truncation::Right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_dialect_of_its_first_part() {
        for (path, dialect) in [
            ("/embed", Dialect::Tei),
            ("/", Dialect::Tei),
            ("/nothing/here", Dialect::Tei),
            ("/v1/embeddings", Dialect::OpenAi),
            ("/v1/nothing", Dialect::OpenAi),
            ("/v1/indexes", Dialect::Sembla),
            ("/v1/indexes/a/search", Dialect::Sembla),
            ("/embeddings", Dialect::OpenAi),
            ("/pipeline/feature-extraction/a", Dialect::HuggingFace),
            ("/models/org/name", Dialect::HuggingFace),
            ("/v2/endpoint/me/boru", Dialect::HuggingFace),
            ("/serve/me/boru/embed", Dialect::HuggingFace),
            ("/api/whoami-v2", Dialect::HuggingFace),
            ("/api/keys/7", Dialect::Sembla),
            ("/pinecone/indexes/a", Dialect::Pinecone),
            ("/pinecone/embed", Dialect::Pinecone),
            ("/pinecone/i/a/query", Dialect::PineconeData),
            ("/pinecone/legacy/a/query", Dialect::PineconeData),
            ("/os/a/_search", Dialect::OpenSearch),
            ("/endpoints/a/invocations", Dialect::Sagemaker),
            ("/aws", Dialect::SagemakerControl),
            ("/b10/model-a/production/predict", Dialect::Baseten),
            ("/b10/v1/models", Dialect::Baseten),
            ("/v1/models/a/deployments/b", Dialect::Baseten),
            ("/v1/models/a/b", Dialect::OpenAi),
            ("/graphql/", Dialect::GraphQl),
            ("//graphql/", Dialect::GraphQl),
        ] {
            assert_eq!(Dialect::of_path(path), dialect, "{path}");
        }
    }

    #[test]
    fn an_input_is_located_as_the_client_wrote_it() {
        assert_eq!(Place::one("input").locate(0), "input");
        assert_eq!(Place::list("input").locate(7), "input[7]");
        assert_eq!(Place::SIMILARITY.locate(0), "inputs.source_sentence");
        assert_eq!(Place::SIMILARITY.locate(1), "inputs.sentences[0]");
    }

    #[test]
    fn the_request_decides_about_truncation_before_the_operator() {
        let left = Some(TruncationDirection::Left);
        assert_eq!(truncation(None, None, true), Truncation::Right);
        assert_eq!(truncation(None, left, false), Truncation::Refuse);
        assert_eq!(truncation(Some(true), left, false), Truncation::Left);
        assert_eq!(truncation(Some(false), None, true), Truncation::Refuse);
    }
}
