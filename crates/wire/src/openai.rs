//! The OpenAI API: embeddings, models and the nested error.
//!
//! Unknown fields are ignored, as the vendor does. `prompt_name` and `input_type` are accepted
//! beside the vendor's fields.

use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::floats::{self, Floats, NotFinite};
use crate::inputs::Inputs;

/// Body of `POST /v1/embeddings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingsRequest {
    /// One text, one list of token ids, or a list of those.
    pub input: Inputs,
    /// The served model that answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How embeddings are written; `float` where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding_format: Option<EncodingFormat>,
    /// How many of the first floats to keep; all where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
    /// Who asks. Read by nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Beside the vendor's fields: the model's prompt to put before each text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_name: Option<String>,
    /// Beside the vendor's fields: what the texts are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_type: Option<InputType>,
}

/// How an embedding is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EncodingFormat {
    /// A JSON array.
    Float,
    /// The base64 of little-endian `f32`.
    Base64,
}

/// What texts are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InputType {
    /// Searching.
    Query,
    /// Being found.
    #[serde(alias = "passage")]
    Document,
}

/// Answer of `POST /v1/embeddings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingsResponse {
    /// `list`.
    pub object: String,
    /// One per input, in input order.
    pub data: Vec<EmbeddingObject>,
    /// The model that answered.
    pub model: String,
    /// What it took.
    pub usage: Usage,
}

/// One embedding of a response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingObject {
    /// `embedding`.
    pub object: String,
    /// Its input's place in the request.
    pub index: usize,
    /// The values.
    pub embedding: Embedding,
}

/// The values of an embedding, as `encoding_format` asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a list of numbers or a base64 string")]
pub enum Embedding {
    /// A JSON array.
    Floats(Floats),
    /// The base64 of little-endian `f32`.
    Base64(String),
}

/// Tokens that a request took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Tokens of all inputs, special tokens included.
    pub prompt_tokens: usize,
    /// The same: an embedding has no completion.
    pub total_tokens: usize,
}

/// Appends what stands before the embeddings of an [`EmbeddingsResponse`].
pub fn write_head(out: &mut BytesMut) {
    out.put_slice(br#"{"object":"list","data":["#);
}

/// Appends one [`EmbeddingObject`].
///
/// # Errors
///
/// [`NotFinite`] if a value is a NaN or an infinity.
pub fn write_item(
    out: &mut BytesMut,
    index: usize,
    values: &[f32],
    format: EncodingFormat,
) -> Result<(), NotFinite> {
    out.put_slice(br#"{"object":"embedding","index":"#);
    write_number(out, index);
    out.put_slice(br#","embedding":"#);
    match format {
        EncodingFormat::Float => floats::write_array(out, values)?,
        EncodingFormat::Base64 => {
            out.put_u8(b'"');
            floats::write_base64(out, values)?;
            out.put_u8(b'"');
        }
    }
    out.put_u8(b'}');
    Ok(())
}

/// Appends what stands after the embeddings of an [`EmbeddingsResponse`].
pub fn write_tail(out: &mut BytesMut, model: &str, usage: Usage) {
    out.put_slice(br#"],"model":"#);
    let model = serde_json::to_vec(model).expect("a string is always valid JSON");
    out.put_slice(&model);
    out.put_slice(br#","usage":{"prompt_tokens":"#);
    write_number(out, usage.prompt_tokens);
    out.put_slice(br#","total_tokens":"#);
    write_number(out, usage.total_tokens);
    out.put_slice(b"}}");
}

fn write_number(out: &mut BytesMut, number: usize) {
    out.put_slice(number.to_string().as_bytes());
}

/// Answer of `GET /v1/models`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelList {
    /// `list`.
    pub object: String,
    /// The served models; the first answers where a request names none.
    pub data: Vec<ModelObject>,
}

/// One served model; also the answer of `GET /v1/models/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelObject {
    /// Its name.
    pub id: String,
    /// `model`.
    pub object: String,
    /// When it was added, in seconds since 1970.
    pub created: u64,
    /// Who serves it.
    pub owned_by: String,
}

/// Body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiError)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorObject,
}

/// What the vendor's clients show of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorObject {
    /// What is wrong and what helps.
    pub message: String,
    /// The kind of error.
    #[serde(rename = "type")]
    pub kind: String,
    /// The field at fault.
    pub param: Option<String>,
    /// A word for programs.
    pub code: Option<String>,
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check_response(format: EncodingFormat, expected: Expect) {
        let mut out = BytesMut::new();
        write_head(&mut out);
        write_item(&mut out, 0, &[1.0, -0.5], format).unwrap();
        out.put_u8(b',');
        write_item(&mut out, 1, &[0.0, 0.25], format).unwrap();
        write_tail(&mut out, "a \"quoted\" name", Usage { prompt_tokens: 7, total_tokens: 7 });
        expected.assert_eq(std::str::from_utf8(&out).unwrap());

        let read: EmbeddingsResponse = serde_json::from_slice(&out).unwrap();
        assert_eq!(read.data.iter().map(|item| item.index).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(serde_json::to_vec(&read).unwrap(), out, "structs and pieces differ");
    }

    #[test]
    fn a_response_written_in_pieces_reads_as_a_response() {
        check_response(
            EncodingFormat::Float,
            expect![[
                r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1.0,-0.5]},{"object":"embedding","index":1,"embedding":[0.0,0.25]}],"model":"a \"quoted\" name","usage":{"prompt_tokens":7,"total_tokens":7}}"#
            ]],
        );
        check_response(
            EncodingFormat::Base64,
            expect![[
                r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPwAAAL8="},{"object":"embedding","index":1,"embedding":"AAAAAAAAgD4="}],"model":"a \"quoted\" name","usage":{"prompt_tokens":7,"total_tokens":7}}"#
            ]],
        );
    }

    #[test]
    fn what_the_sdk_sends_is_read() {
        let request: EmbeddingsRequest = serde_json::from_str(
            r#"{"model":"m","input":["a","b"],"encoding_format":"base64","extra":1}"#,
        )
        .unwrap();
        assert_eq!(request.encoding_format, Some(EncodingFormat::Base64));
        expect![[r#"{"input":["a","b"],"model":"m","encoding_format":"base64"}"#]]
            .assert_eq(&serde_json::to_string(&request).unwrap());
    }

    #[test]
    fn a_passage_is_a_document() {
        assert_eq!(serde_json::from_str::<InputType>(r#""passage""#).unwrap(), InputType::Document);
    }

    #[test]
    fn an_error_is_nested_and_keeps_its_nulls() {
        let body = ErrorBody {
            error: ErrorObject {
                message: "m".to_owned(),
                kind: "invalid_request_error".to_owned(),
                param: Some("dimensions".to_owned()),
                code: None,
            },
        };
        expect![[r#"{"error":{"message":"m","type":"invalid_request_error","param":"dimensions","code":null}}"#]]
            .assert_eq(&serde_json::to_string(&body).unwrap());
    }
}
