//! Hugging Face text-embeddings-inference, version 1.9.
//!
//! Unknown fields are ignored, as the vendor's server does. `report` is ours: see [`Report`].

use std::collections::BTreeMap;

use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::floats::{self, Floats, NotFinite};
use crate::inputs::Inputs;

/// Body of `POST /embed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbedRequest {
    /// One text, one list of token ids, or a list of those.
    pub inputs: Inputs,
    /// Whether an input that is too long is cut; `--auto-truncate` decides where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncate: Option<bool>,
    /// The side that is cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncation_direction: Option<TruncationDirection>,
    /// The model's prompt to put before each text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_name: Option<String>,
    /// Whether embeddings are scaled to length 1; true where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<bool>,
    /// How many of the first floats to keep; all where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
    /// Answer with a [`Report`] in which one bad input does not fail the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<bool>,
}

/// The side of an input that truncation cuts off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum TruncationDirection {
    /// The beginning.
    #[serde(alias = "left")]
    Left,
    /// The end.
    #[serde(alias = "right")]
    Right,
}

/// Body of `POST /embed_all`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbedAllRequest {
    /// One text, one list of token ids, or a list of those.
    pub inputs: Inputs,
    /// Whether an input that is too long is cut; `--auto-truncate` decides where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncate: Option<bool>,
    /// The side that is cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncation_direction: Option<TruncationDirection>,
    /// The model's prompt to put before each text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_name: Option<String>,
}

/// Answer of `POST /embed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a list of embeddings or a report")]
pub enum EmbedResponse {
    /// One embedding per input, also for a single text.
    Embeddings(Vec<Floats>),
    /// To a request with `"report": true`.
    Report(Report),
}

/// Answer of `POST /embed_all`: per input, per token, special tokens included.
pub type EmbedAllResponse = Vec<Vec<Floats>>;

/// Answer of `POST /embed` with `"report": true`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// One per input; null where the input has an error.
    pub embeddings: Vec<Option<Floats>>,
    /// One per input, in the same order.
    pub inputs: Vec<InputReport>,
}

/// What became of one input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InputReport {
    /// Tokens that went through the model, special tokens included; null for an error.
    pub tokens: Option<usize>,
    /// The tokens that there were before truncation; null if nothing was cut.
    pub truncated_from: Option<usize>,
    /// Why there is no embedding; null if there is one.
    pub error: Option<InputFault>,
}

/// Why one input has no embedding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InputFault {
    /// What is wrong and what helps.
    pub message: String,
    /// The kind of error.
    pub error_type: ErrorType,
}

/// Appends what stands before the embeddings of a [`Report`].
pub fn write_report_head(out: &mut BytesMut) {
    out.put_slice(br#"{"embeddings":["#);
}

/// Appends one embedding of a [`Report`], or null for an input with an error.
///
/// # Errors
///
/// [`NotFinite`] if a value is a NaN or an infinity.
pub fn write_report_item(out: &mut BytesMut, values: Option<&[f32]>) -> Result<(), NotFinite> {
    match values {
        Some(values) => floats::write_array(out, values),
        None => {
            out.put_slice(b"null");
            Ok(())
        }
    }
}

/// Appends what stands between the embeddings and the inputs of a [`Report`].
pub fn write_report_middle(out: &mut BytesMut) {
    out.put_slice(br#"],"inputs":["#);
}

/// Appends what stands after the inputs of a [`Report`].
pub fn write_report_tail(out: &mut BytesMut) {
    out.put_slice(b"]}");
}

/// Body of `POST /similarity`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SimilarityRequest {
    /// What is compared.
    pub inputs: SimilarityInputs,
    /// How it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<SimilarityParameters>,
}

/// One text and those that it is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SimilarityInputs {
    /// The text that is compared with each of `sentences`.
    pub source_sentence: String,
    /// The texts, each of which gets one score.
    pub sentences: Vec<String>,
}

/// How the texts of a [`SimilarityRequest`] are read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SimilarityParameters {
    /// Whether a text that is too long is cut; `--auto-truncate` decides where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncate: Option<bool>,
    /// The side that is cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncation_direction: Option<TruncationDirection>,
    /// The model's prompt to put before each text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_name: Option<String>,
}

/// Answer of `POST /similarity`: the cosine of the source with each sentence.
pub type SimilarityResponse = Floats;

/// Body of `POST /tokenize`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TokenizeRequest {
    /// One text or several.
    pub inputs: TokenizeInputs,
    /// Whether special tokens are added; true where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add_special_tokens: Option<bool>,
    /// The model's prompt to put before each text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_name: Option<String>,
}

/// One text or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
pub enum TokenizeInputs {
    /// One text.
    Text(String),
    /// Several.
    Batch(Vec<String>),
}

/// Answer of `POST /tokenize`: the tokens of each input.
pub type TokenizeResponse = Vec<Vec<Token>>;

/// One token of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its id in the vocabulary.
    pub id: u32,
    /// Its text in the vocabulary.
    pub text: String,
    /// Whether it is a special token.
    pub special: bool,
    /// Byte offset of its first byte in prompt + text; null for special tokens.
    pub start: Option<usize>,
    /// Byte offset after its last byte in prompt + text; null for special tokens.
    pub stop: Option<usize>,
}

/// Body of `POST /decode`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DecodeRequest {
    /// The ids of one text or of several.
    pub ids: DecodeIds,
    /// Whether special tokens are left out; true where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_special_tokens: Option<bool>,
}

/// The ids of one text or of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a list of token ids or a list of such lists")]
pub enum DecodeIds {
    /// Of one text.
    Ids(Vec<u32>),
    /// Of several.
    Batch(Vec<Vec<u32>>),
}

/// Answer of `POST /decode`.
pub type DecodeResponse = Vec<String>;

/// Answer of `GET /info`: the vendor's fields, then ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Info {
    /// Hub id or directory.
    pub model_id: String,
    /// The revision.
    pub model_sha: Option<String>,
    /// Type of the weights in memory.
    pub model_dtype: String,
    /// The name that answers on `/v1/embeddings`.
    pub served_model_name: String,
    /// What kind of model.
    pub model_type: ModelType,
    /// New requests are refused while this many are inside.
    pub max_concurrent_requests: usize,
    /// The most tokens of one input.
    pub max_input_length: usize,
    /// The most tokens in one forward pass.
    pub max_batch_tokens: usize,
    /// The most inputs in one forward pass; null for no bound.
    pub max_batch_requests: Option<usize>,
    /// The most inputs in one request: as many as fit into the payload limit.
    pub max_client_batch_size: usize,
    /// Whether an input that is too long is cut where the request does not say.
    pub auto_truncate: bool,
    /// Threads that tokenize.
    pub tokenization_workers: usize,
    /// Version of the server.
    pub version: String,
    /// Commit of the server.
    pub sha: Option<String>,
    /// Image of the server.
    pub docker_label: Option<String>,
    /// Ours: floats per embedding.
    pub dimensions: usize,
    /// Ours: the network's key in `config.json`.
    pub architecture: String,
    /// Ours: the prompts that `prompt_name` chooses from.
    pub prompts: BTreeMap<String, String>,
    /// Ours: the prompt that stands where a request names none.
    pub default_prompt_name: Option<String>,
    /// Ours: SHA-256 of the weights.
    pub weight_hash: String,
    /// Ours: new requests are refused while this many tokens wait.
    pub max_queue_tokens: usize,
    /// Ours: the most bytes of one request.
    pub payload_limit_bytes: usize,
}

/// What kind of model a server has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelType {
    /// One embedding per input.
    Embedding {
        /// How token states become one embedding; several are joined by `+`.
        pooling: String,
    },
}

/// Body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TeiError)]
pub struct ErrorBody {
    /// What is wrong and what helps.
    pub error: String,
    /// The kind of error.
    pub error_type: ErrorType,
}

/// Kinds of errors. The vendor has the first six; where it answers plain text or nothing, ours say
/// in the same shape what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ErrorType {
    /// The server cannot answer now.
    Unhealthy,
    /// The model failed, or cannot do this.
    Backend,
    /// Too many requests.
    Overloaded,
    /// A field has a value that cannot be used.
    Validation,
    /// The tokenizer failed.
    Tokenizer,
    /// An input is empty.
    Empty,
    /// No key, or an unknown one.
    Unauthorized,
    /// No such route or model.
    NotFound,
    /// The route has other methods.
    MethodNotAllowed,
    /// The body came too slowly.
    Timeout,
    /// The body is larger than the payload limit.
    PayloadTooLarge,
    /// An index has another answer.
    Index,
    /// A defect of the server.
    Internal,
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::inputs::Item;

    #[test]
    fn absent_fields_stay_absent_and_unknown_ones_are_ignored() {
        let request: EmbedRequest =
            serde_json::from_str(r#"{"inputs":"a","options":{"wait_for_model":true}}"#).unwrap();
        assert_eq!(request.inputs, Inputs::Text("a".to_owned()));
        expect![[r#"{"inputs":"a"}"#]].assert_eq(&serde_json::to_string(&request).unwrap());
    }

    #[test]
    fn every_field_of_embed_reads_and_writes() {
        let json = r#"{"inputs":["a",[1]],"truncate":false,"truncation_direction":"Left","prompt_name":"query","normalize":false,"dimensions":8,"report":true}"#;
        let request: EmbedRequest = serde_json::from_str(json).unwrap();
        assert_eq!(
            request.inputs,
            Inputs::Batch(vec![Item::Text("a".to_owned()), Item::Ids(vec![1])])
        );
        assert_eq!(serde_json::to_string(&request).unwrap(), json);
    }

    #[test]
    fn a_direction_may_be_written_small() {
        let read = |json| serde_json::from_str::<TruncationDirection>(json).unwrap();
        assert_eq!(read(r#""left""#), TruncationDirection::Left);
        assert_eq!(read(r#""Right""#), TruncationDirection::Right);
    }

    #[test]
    fn a_report_written_in_pieces_reads_as_a_report() {
        let inputs = [
            InputReport { tokens: Some(3), truncated_from: Some(9), error: None },
            InputReport {
                tokens: None,
                truncated_from: None,
                error: Some(InputFault {
                    message: "the input is empty".to_owned(),
                    error_type: ErrorType::Empty,
                }),
            },
        ];
        let mut out = BytesMut::new();
        write_report_head(&mut out);
        write_report_item(&mut out, Some(&[0.5, -1.0])).unwrap();
        out.put_u8(b',');
        write_report_item(&mut out, None).unwrap();
        write_report_middle(&mut out);
        out.put_slice(&serde_json::to_vec(&inputs[0]).unwrap());
        out.put_u8(b',');
        out.put_slice(&serde_json::to_vec(&inputs[1]).unwrap());
        write_report_tail(&mut out);

        let read: Report = serde_json::from_slice(&out).unwrap();
        let embeddings = vec![Some(Floats::new(vec![0.5, -1.0]).unwrap()), None];
        assert_eq!(read, Report { embeddings, inputs: inputs.to_vec() });
        assert_eq!(serde_json::to_vec(&read).unwrap(), out);
        let answer: EmbedResponse = serde_json::from_slice(&out).unwrap();
        assert_eq!(answer, EmbedResponse::Report(read));
    }

    #[test]
    fn a_special_token_has_null_offsets() {
        let token =
            Token { id: 101, text: "[CLS]".to_owned(), special: true, start: None, stop: None };
        expect![[r#"{"id":101,"text":"[CLS]","special":true,"start":null,"stop":null}"#]]
            .assert_eq(&serde_json::to_string(&token).unwrap());
    }

    #[test]
    fn the_model_type_is_named_by_its_key() {
        let json =
            serde_json::to_string(&ModelType::Embedding { pooling: "mean".to_owned() }).unwrap();
        expect![[r#"{"embedding":{"pooling":"mean"}}"#]].assert_eq(&json);
    }
}
