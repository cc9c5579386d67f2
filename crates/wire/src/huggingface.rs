//! Hugging Face's inference API: what `InferenceClient` posts to an endpoint's address, and the
//! hosted API's `/pipeline/{task}/{model}` and `/models/{model}`.
//!
//! Parameters stand at the root (`feature_extraction` of `huggingface_hub`) or under `parameters`
//! (`sentence_similarity`, and the documented form of the hosted API). Unknown fields are ignored,
//! among them `options`, with which clients of the hosted API ask it to wait for a model.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::inputs::{Inputs, InputsVisitor};
use crate::tei::{SimilarityInputs, TruncationDirection};

/// Body of `POST` to an endpoint's address; also TEI's `/embed` and `/similarity` in one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PipelineRequest {
    /// What to embed, or what to compare.
    pub inputs: PipelineInputs,
    /// Parameters at the root.
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
    /// Answer with a [`Report`](crate::tei::Report), as on `/embed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<bool>,
    /// The same parameters again, each used where the root does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
}

/// Parameters of a task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Parameters {
    /// Whether an input that is too long is cut; `--auto-truncate` decides where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncate: Option<bool>,
    /// The side that is cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncation_direction: Option<TruncationDirection>,
    /// The model's prompt to put before each text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_name: Option<String>,
    /// Whether embeddings are scaled to length 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<bool>,
    /// How many of the first floats to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
}

impl Parameters {
    /// Takes from `other` what is absent here.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            truncate: self.truncate.or(other.truncate),
            truncation_direction: self.truncation_direction.or(other.truncation_direction),
            prompt_name: self.prompt_name.or(other.prompt_name),
            normalize: self.normalize.or(other.normalize),
            dimensions: self.dimensions.or(other.dimensions),
        }
    }
}

/// The shape of `inputs` says which task is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum PipelineInputs {
    /// Feature extraction.
    Embed(Inputs),
    /// Sentence similarity.
    Similarity(SimilarityInputs),
}

impl<'de> Deserialize<'de> for PipelineInputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PipelineInputsVisitor)
    }
}

struct PipelineInputsVisitor;

impl<'de> Visitor<'de> for PipelineInputsVisitor {
    type Value = PipelineInputs;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        InputsVisitor.expecting(formatter)?;
        formatter.write_str(", or an object with source_sentence and sentences")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PipelineInputs, E> {
        InputsVisitor.visit_str(text).map(PipelineInputs::Embed)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<PipelineInputs, E> {
        InputsVisitor.visit_string(text).map(PipelineInputs::Embed)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<PipelineInputs, A::Error> {
        InputsVisitor.visit_seq(items).map(PipelineInputs::Embed)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<PipelineInputs, A::Error> {
        SimilarityInputs::deserialize(MapAccessDeserializer::new(fields))
            .map(PipelineInputs::Similarity)
    }
}

/// Body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = HuggingFaceError)]
pub struct ErrorBody {
    /// What is wrong and what helps.
    pub error: String,
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Expect) {
        match serde_json::from_str::<PipelineRequest>(json) {
            Ok(request) => expected.assert_eq(&format!("{:?}", request.inputs)),
            Err(err) => expected.assert_eq(&format!("error: {err}")),
        }
    }

    #[test]
    fn the_shape_of_inputs_says_which_task_is_meant() {
        check(
            r#"{"inputs":["a","b"],"options":{"wait_for_model":true,"use_cache":true}}"#,
            expect![[r#"Embed(Batch([Text("a"), Text("b")]))"#]],
        );
        check(
            r#"{"inputs":{"source_sentence":"a","sentences":["b"]},"parameters":{}}"#,
            expect![[r#"Similarity(SimilarityInputs { source_sentence: "a", sentences: ["b"] })"#]],
        );
    }

    #[test]
    fn a_wrong_shape_says_what_was_expected() {
        check(
            r#"{"inputs":1}"#,
            expect![[
                r#"error: invalid type: integer `1`, expected a string, a list of token ids, or a list of those, or an object with source_sentence and sentences at line 1 column 11"#
            ]],
        );
        check(
            r#"{"inputs":{"sentences":[]}}"#,
            expect![[r#"error: missing field `source_sentence` at line 1 column 26"#]],
        );
        check("{}", expect![[r#"error: missing field `inputs` at line 1 column 2"#]]);
    }

    #[test]
    fn parameters_are_read_at_the_root_and_below() {
        let json = r#"{"inputs":"a","truncate":true,"normalize":false,"parameters":{"normalize":true,"dimensions":4}}"#;
        let request: PipelineRequest = serde_json::from_str(json).unwrap();
        assert_eq!(request.normalize, Some(false));
        assert_eq!(request.parameters.as_ref().unwrap().dimensions, Some(4));
        assert_eq!(serde_json::to_string(&request).unwrap(), json);
    }
}
