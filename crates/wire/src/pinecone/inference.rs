//! Inference: `/embed`, `/rerank` and `/models` of the control plane's host.

use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::floats::{self, Floats, NotFinite};
use crate::{object, word};

/// Body of `POST /embed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeEmbedRequest)]
pub struct EmbedRequest {
    /// The served model that answers.
    pub model: String,
    /// Any number.
    #[serde(deserialize_with = "object::list")]
    pub inputs: Vec<EmbedInput>,
    /// How.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object::option")]
    pub parameters: Option<EmbedParameters>,
}

/// One text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeEmbedInput)]
pub struct EmbedInput {
    /// The text.
    pub text: String,
}

/// How texts are embedded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeEmbedParameters)]
pub struct EmbedParameters {
    /// What they are for.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word::option")]
    pub input_type: Option<InputType>,
    /// What becomes of a text that is too long; `END` where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "word::option")]
    pub truncate: Option<Truncate>,
    /// How many of the first floats to keep; all where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<usize>,
}

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PineconeInputType)]
pub enum InputType {
    /// Searching.
    Query,
    /// Being found.
    Passage,
}

/// What becomes of a text that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = PineconeTruncate)]
pub enum Truncate {
    /// Its end is cut off.
    End,
    /// Its beginning is cut off.
    Start,
    /// It is an error.
    None,
}

/// Answer of `POST /embed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeEmbedResponse)]
pub struct EmbedResponse {
    /// The model that answered.
    pub model: String,
    /// `dense`.
    pub vector_type: String,
    /// One per input, in input order.
    pub data: Vec<Embedding>,
    /// What it took.
    pub usage: EmbedUsage,
}

/// One embedding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeEmbedding)]
pub struct Embedding {
    /// The values.
    pub values: Floats,
    /// `dense`.
    pub vector_type: String,
}

/// What embedding took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeEmbedUsage)]
pub struct EmbedUsage {
    /// Tokens of all inputs, special tokens included.
    pub total_tokens: usize,
}

/// Appends what stands before the embeddings of an [`EmbedResponse`].
pub fn write_embed_head(out: &mut BytesMut, model: &str) {
    out.put_slice(br#"{"model":"#);
    let model = serde_json::to_vec(model).expect("a string is always valid JSON");
    out.put_slice(&model);
    out.put_slice(br#","vector_type":"dense","data":["#);
}

/// Appends one [`Embedding`].
///
/// # Errors
///
/// [`NotFinite`] if a value is a NaN or an infinity.
pub fn write_embed_item(out: &mut BytesMut, values: &[f32]) -> Result<(), NotFinite> {
    out.put_slice(br#"{"values":"#);
    floats::write_array(out, values)?;
    out.put_slice(br#","vector_type":"dense"}"#);
    Ok(())
}

/// Appends what stands after the embeddings of an [`EmbedResponse`].
pub fn write_embed_tail(out: &mut BytesMut, usage: EmbedUsage) {
    out.put_slice(br#"],"usage":"#);
    let usage = serde_json::to_vec(&usage).expect("a count is always valid JSON");
    out.put_slice(&usage);
    out.put_u8(b'}');
}

/// Body of `POST /rerank`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeRerankRequest)]
pub struct RerankRequest {
    /// The model that would answer.
    pub model: String,
    /// What documents are compared with.
    pub query: String,
    /// Texts, or objects with fields.
    #[schema(value_type = Vec<Object>)]
    pub documents: Vec<serde_json::Value>,
}

/// Answer of `GET /models`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeModelList)]
pub struct ModelList {
    /// The served models that are ready.
    pub models: Vec<ModelInfo>,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeModelInfo)]
pub struct ModelInfo {
    /// Its name.
    pub model: String,
    /// A sentence.
    pub short_description: String,
    /// `embed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `dense`.
    pub vector_type: String,
    /// Floats of an embedding.
    pub default_dimension: usize,
    /// `text`.
    pub modality: String,
    /// The most tokens of an input.
    pub max_sequence_length: usize,
    /// Who made it.
    pub provider_name: String,
    /// How near two embeddings are.
    pub supported_metrics: Vec<super::Metric>,
    /// What `parameters` may have.
    pub supported_parameters: Vec<ModelParameter>,
}

/// Something that `parameters` may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeModelParameter)]
pub struct ModelParameter {
    /// Its name.
    pub parameter: String,
    /// `one_of`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `string`.
    pub value_type: String,
    /// Whether it must be there.
    pub required: bool,
    /// What it may be.
    pub allowed_values: Vec<String>,
    /// What it is where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_piece_by_piece_is_the_response() {
        let usage = EmbedUsage { total_tokens: 7 };
        let mut out = BytesMut::new();
        write_embed_head(&mut out, "a\"b");
        write_embed_item(&mut out, &[0.1, 1.0]).unwrap();
        out.put_u8(b',');
        write_embed_item(&mut out, &[]).unwrap();
        write_embed_tail(&mut out, usage);
        let embedding = |values| Embedding {
            values: Floats::new(values).unwrap(),
            vector_type: "dense".to_owned(),
        };
        let expected = EmbedResponse {
            model: "a\"b".to_owned(),
            vector_type: "dense".to_owned(),
            data: vec![embedding(vec![0.1, 1.0]), embedding(vec![])],
            usage,
        };
        assert_eq!(out, serde_json::to_vec(&expected).unwrap());
    }
}
