//! What the records of an index have: in the words of 7.3.0 a dimension, a metric and a type of vector, in
//! those of 10.2.0 a schema.

use std::collections::BTreeMap;

use index::{IndexSpec, VectorKind};
use wire::pinecone::{CreateIndexRequest, Field, Metric, Schema, VectorType};

use super::tags::{self, text_field};
use super::{bad_field, describe};
use crate::error::HttpError;

/// The fields of a schema that the routes of vectors mean.
const DENSE_FIELD: &str = "_values";
const SPARSE_FIELD: &str = "_sparse_values";

/// What the records of a new index have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vectors {
    pub(super) dimension: Option<usize>,
    pub(super) metric: Option<Metric>,
    pub(super) vector_type: VectorType,
    /// Whether sparse ones beside dense ones are declared. An index with the metric dotproduct takes them
    /// in any case.
    pub(super) declares_sparse: bool,
}

impl Vectors {
    /// Returns what a body of `POST /indexes` says, in either words or both.
    ///
    /// # Errors
    ///
    /// If it contradicts itself, or asks for what no index here has.
    pub(super) fn of(request: &CreateIndexRequest) -> Result<Self, HttpError> {
        let Some(schema) = &request.schema else {
            return Ok(Self {
                dimension: request.dimension,
                metric: request.metric,
                vector_type: request.vector_type.unwrap_or(VectorType::Dense),
                declares_sparse: false,
            });
        };
        let declared = of_schema(schema)?;
        let wants_other = [
            ("dimension", request.dimension.is_some_and(|it| declared.dimension != Some(it))),
            ("metric", request.metric.is_some_and(|it| declared.metric() != it)),
            ("vector_type", request.vector_type.is_some_and(|it| declared.vector_type != it)),
        ];
        match wants_other.into_iter().find(|(_, is_other)| *is_other) {
            None => Ok(declared),
            Some((field, _)) => {
                let problem =
                    "`schema` says otherwise; leave this out, since the schema says it all";
                Err(bad_field(field, problem))
            }
        }
    }

    /// Says that records have dense vectors.
    pub(super) fn dense(dimension: usize, metric: Option<Metric>) -> Self {
        let (dimension, vector_type) = (Some(dimension), VectorType::Dense);
        Self { dimension, metric, vector_type, declares_sparse: false }
    }

    /// Returns how near two vectors are, also where nobody said it.
    pub(super) fn metric(&self) -> Metric {
        self.metric.unwrap_or(match self.vector_type {
            VectorType::Dense => Metric::Cosine,
            VectorType::Sparse => Metric::DotProduct,
        })
    }
}

fn of_schema(schema: &Schema) -> Result<Vectors, HttpError> {
    let mut dense = None;
    let mut is_sparse = false;
    for (name, field) in &schema.fields {
        match (name.as_str(), field) {
            (DENSE_FIELD, Field::DenseVector { dimension, metric }) => {
                dense = Some(Vectors::dense(*dimension, *metric));
            }
            (SPARSE_FIELD, Field::SparseVector {}) => is_sparse = true,
            _ => {
                let problem = format!(
                    "an index here has `{DENSE_FIELD}` of type dense_vector, `{SPARSE_FIELD}` of type \
                     sparse_vector, and metadata that needs no declaration; for text use \
                     create-for-model"
                );
                return Err(bad_field(format!("schema.fields.{name}"), &problem));
            }
        }
    }
    match (dense, is_sparse) {
        (Some(dense), true) if dense.metric() != Metric::DotProduct => {
            let problem = format!(
                "sparse vectors stand only beside dense ones whose metric is dotproduct; give \
                 `{DENSE_FIELD}` that metric, or leave this out"
            );
            Err(bad_field(format!("schema.fields.{SPARSE_FIELD}"), &problem))
        }
        (Some(dense), declares_sparse) => Ok(Vectors { declares_sparse, ..dense }),
        (None, true) => Ok(Vectors {
            dimension: None,
            metric: None,
            vector_type: VectorType::Sparse,
            declares_sparse: true,
        }),
        (None, false) => {
            let problem = format!("`{DENSE_FIELD}` or `{SPARSE_FIELD}` is needed");
            Err(bad_field("schema.fields", &problem))
        }
    }
}

/// Describes what the records of an index have; `model` is what its model is called.
pub(super) fn of_index(spec: &IndexSpec, model: Option<&str>) -> Schema {
    let metric = Some(describe::metric(spec.metric));
    let dense = match model {
        None => (DENSE_FIELD.to_owned(), Field::DenseVector { dimension: spec.dimensions, metric }),
        Some(model) => {
            let model = model.to_owned();
            (text_field(spec).to_owned(), Field::SemanticText { model, metric })
        }
    };
    let sparse = (SPARSE_FIELD.to_owned(), Field::SparseVector {});
    Schema {
        fields: match spec.kind {
            VectorKind::Sparse => BTreeMap::from([sparse]),
            VectorKind::Dense if tags::declares_sparse(spec) => BTreeMap::from([dense, sparse]),
            VectorKind::Dense => BTreeMap::from([dense]),
        },
    }
}
