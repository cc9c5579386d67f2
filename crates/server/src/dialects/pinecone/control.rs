//! The control plane: from a vendor's index to ours and back.
//!
//! What only a hosted service has (cloud, region, the field of a record that is the text) is kept in
//! tags of the index under names that no client can give.

use std::collections::BTreeMap;

use index::{Fingerprint, IndexChange, IndexDescription, IndexName, IndexSpec, Protection};
use index::{SparseWeights, VectorKind};
use wire::pinecone::{
    ConfigureIndexRequest, CreateDatabaseRequest, CreateForModelRequest, CreateIndexRequest,
    Database, DatabaseDescription, DatabaseStatus, DeletionProtection, Deployment,
    EmbedDescription, Field, IndexModel, IndexStatus, Metric, Place, PlaceSpec, ReadCapacity,
    ReadCapacityStatus, Schema, VectorType,
};

use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;

const RESERVED_TAGS: &str = "sembla.";
const CLOUD_TAG: &str = "sembla.cloud";
const REGION_TAG: &str = "sembla.region";
const TEXT_FIELD_TAG: &str = "sembla.text_field";

/// Where an index is that was created without a word about it.
const HERE: (&str, &str) = ("aws", "local");
/// The field of a record that is its text where no request said which.
const TEXT_FIELD: &str = "text";
/// The fields of a schema that the routes of vectors mean.
const DENSE_FIELD: &str = "_values";
const SPARSE_FIELD: &str = "_sparse_values";

/// Translates a body of `POST /indexes`.
///
/// # Errors
///
/// If it contradicts itself, or asks for what no index here has.
pub(crate) fn create(request: CreateIndexRequest) -> Result<IndexSpec, HttpError> {
    let vectors = match &request.schema {
        Some(schema) => vectors_of_schema(schema)?,
        None => Vectors {
            dimension: request.dimension,
            metric: request.metric,
            vector_type: request.vector_type.unwrap_or(VectorType::Dense),
        },
    };
    let place = place(request.spec.as_ref(), request.deployment.as_ref());
    let tags = new_tags(request.tags, place.as_ref())?;
    vectors.spec(new_name(request.name)?, request.deletion_protection, tags)
}

/// Translates a body of `POST /indexes/create-for-model` for a model of this fingerprint.
///
/// # Errors
///
/// If it asks for other dimensions than the model's, or names no text field.
pub(crate) fn create_for_model(
    request: CreateForModelRequest,
    fingerprint: Fingerprint,
) -> Result<IndexSpec, HttpError> {
    if let Some(dimension) = request.embed.dimension
        && dimension != fingerprint.dimensions
    {
        let message = format!(
            "`embed.dimension`: model `{}` gives {} dimensions, not {dimension}",
            fingerprint.model, fingerprint.dimensions
        );
        return Err(HttpError::new(ErrorKind::BadField, message).param("embed.dimension"));
    }
    let place = Place { cloud: request.cloud, region: request.region };
    let mut tags = new_tags(request.tags, Some(&place))?;
    tags.insert(TEXT_FIELD_TAG.to_owned(), text_field_of(&request.embed.field_map)?);
    let vectors = Vectors {
        dimension: Some(fingerprint.dimensions),
        metric: request.embed.metric,
        vector_type: VectorType::Dense,
    };
    let spec = vectors.spec(new_name(request.name)?, request.deletion_protection, tags)?;
    Ok(IndexSpec { fingerprint: Some(fingerprint), ..spec })
}

/// Translates a body of `POST /databases`.
///
/// # Errors
///
/// If the name breaks the rules.
pub(crate) fn create_database(request: CreateDatabaseRequest) -> Result<IndexSpec, HttpError> {
    let vectors = Vectors {
        dimension: Some(request.dimension),
        metric: request.metric,
        vector_type: VectorType::Dense,
    };
    vectors.spec(new_name(request.name)?, None, BTreeMap::new())
}

/// Translates a body of `PATCH /indexes/{name}`; a model is bound by whoever knows the served ones.
///
/// # Errors
///
/// If it asks for what no index here has, or for tags that are not the caller's.
pub(crate) fn configure(request: &ConfigureIndexRequest) -> Result<IndexChange, HttpError> {
    let unknown = [
        ("spec", request.spec.is_some()),
        ("deployment", request.deployment.is_some()),
        ("schema", request.schema.is_some()),
    ];
    if let Some((field, _)) = unknown.into_iter().find(|(_, is_there)| *is_there) {
        let message = format!(
            "`{field}`: an index here has no pods, replicas or declared fields to change; all \
             metadata can be filtered on as it is"
        );
        return Err(HttpError::new(ErrorKind::BadField, message).param(field));
    }
    let mut tags = request.tags.clone().unwrap_or_default();
    check_tags(&tags)?;
    if let Some(fields) = request.embed.as_ref().and_then(|embed| embed.field_map.as_ref()) {
        tags.insert(TEXT_FIELD_TAG.to_owned(), text_field_of(fields)?);
    }
    let protection = request.deletion_protection.map(protection);
    Ok(IndexChange { protection, tags, fingerprint: None })
}

/// Describes an index whose data plane is at `host`.
pub(crate) fn index_model(description: &IndexDescription, host: String) -> IndexModel {
    let spec = &description.spec;
    let (metric, vector_type) = (wire_metric(spec.metric), wire_kind(spec.kind));
    let dimension = (spec.kind == VectorKind::Dense).then_some(spec.dimensions);
    let tag = |tag: &str, default: &str| spec.tags.get(tag).map_or(default, String::as_str).into();
    let place = Place { cloud: tag(CLOUD_TAG, HERE.0), region: tag(REGION_TAG, HERE.1) };
    let ready = || "Ready".to_owned();
    IndexModel {
        name: spec.name.as_str().to_owned(),
        host,
        status: IndexStatus { ready: true, state: ready() },
        deletion_protection: match spec.protection {
            Protection::Enabled => DeletionProtection::Enabled,
            Protection::Disabled => DeletionProtection::Disabled,
        },
        tags: own_tags(spec),
        schema: schema(spec),
        deployment: Deployment {
            deployment_type: "managed".to_owned(),
            cloud: Some(place.cloud.clone()),
            region: Some(place.region.clone()),
        },
        read_capacity: ReadCapacity {
            mode: "OnDemand".to_owned(),
            status: ReadCapacityStatus { state: ready() },
        },
        dimension,
        metric,
        vector_type,
        spec: PlaceSpec { serverless: Some(place) },
        embed: spec.fingerprint.as_ref().map(|fingerprint| EmbedDescription {
            model: fingerprint.model.clone(),
            metric,
            dimension: fingerprint.dimensions,
            vector_type,
            field_map: BTreeMap::from([(TEXT_FIELD.to_owned(), text_field(spec).to_owned())]),
        }),
    }
}

/// Describes an index in the words of 2.x.
pub(crate) fn database(description: &IndexDescription) -> DatabaseDescription {
    let spec = &description.spec;
    DatabaseDescription {
        database: Database {
            name: spec.name.as_str().to_owned(),
            metric: wire_metric(spec.metric),
            dimension: spec.dimensions,
            replicas: 1,
            shards: 1,
            pods: 1,
            pod_type: "p1.x1".to_owned(),
        },
        status: DatabaseStatus { ready: true, state: "Ready".to_owned() },
    }
}

/// Reads the name of an index from a path. One that breaks the rules is a name that no index has.
///
/// # Errors
///
/// If no index can have this name.
pub(crate) fn name(name: &str) -> Result<IndexName, HttpError> {
    IndexName::try_from(name).map_err(|_| {
        let kind = ErrorKind::Index(IndexErrorKind::UnknownIndex);
        HttpError::new(kind, format!("there is no index `{name}`"))
    })
}

/// Returns which field of a record is its text.
pub(crate) fn text_field(spec: &IndexSpec) -> &str {
    spec.tags.get(TEXT_FIELD_TAG).map_or(TEXT_FIELD, String::as_str)
}

/// Translates a metric.
pub(crate) fn wire_metric(metric: index::Metric) -> Metric {
    match metric {
        index::Metric::Cosine => Metric::Cosine,
        index::Metric::DotProduct => Metric::DotProduct,
        index::Metric::Euclidean => Metric::Euclidean,
    }
}

/// Translates what a record has.
pub(crate) fn wire_kind(kind: VectorKind) -> VectorType {
    match kind {
        VectorKind::Dense => VectorType::Dense,
        VectorKind::Sparse => VectorType::Sparse,
    }
}

/// What the records of a new index have.
struct Vectors {
    dimension: Option<usize>,
    metric: Option<Metric>,
    vector_type: VectorType,
}

impl Vectors {
    fn spec(
        self,
        name: IndexName,
        deletion_protection: Option<DeletionProtection>,
        tags: BTreeMap<String, String>,
    ) -> Result<IndexSpec, HttpError> {
        let (kind, default_metric) = match self.vector_type {
            VectorType::Dense => (VectorKind::Dense, Metric::Cosine),
            VectorType::Sparse => (VectorKind::Sparse, Metric::DotProduct),
        };
        if kind == VectorKind::Dense && self.dimension.is_none() {
            let message = "`dimension`: an index of dense vectors needs one";
            return Err(HttpError::new(ErrorKind::BadField, message).param("dimension"));
        }
        let metric = match self.metric.unwrap_or(default_metric) {
            Metric::Cosine => index::Metric::Cosine,
            Metric::DotProduct => index::Metric::DotProduct,
            Metric::Euclidean => index::Metric::Euclidean,
        };
        Ok(IndexSpec {
            name,
            dimensions: self.dimension.unwrap_or(0),
            metric,
            kind,
            sparse_weights: SparseWeights::AsSent,
            protection: deletion_protection.map_or(Protection::Disabled, protection),
            tags,
            fingerprint: None,
        })
    }
}

fn vectors_of_schema(schema: &Schema) -> Result<Vectors, HttpError> {
    let mut dense = None;
    let mut is_sparse = false;
    for (name, field) in &schema.fields {
        match (name.as_str(), field) {
            (DENSE_FIELD, Field::DenseVector { dimension, metric }) => {
                dense = Some((*dimension, *metric));
            }
            (SPARSE_FIELD, Field::SparseVector {}) => is_sparse = true,
            _ => {
                let message = format!(
                    "`schema.fields.{name}`: an index here has `{DENSE_FIELD}` of type \
                     dense_vector, `{SPARSE_FIELD}` of type sparse_vector, and metadata that needs \
                     no declaration; for text use create-for-model"
                );
                return Err(HttpError::new(ErrorKind::BadField, message).param("schema"));
            }
        }
    }
    match (dense, is_sparse) {
        (Some((dimension, metric)), _) => {
            let vector_type = VectorType::Dense;
            Ok(Vectors { dimension: Some(dimension), metric, vector_type })
        }
        (None, true) => {
            Ok(Vectors { dimension: None, metric: None, vector_type: VectorType::Sparse })
        }
        (None, false) => {
            let message = format!("`schema.fields`: `{DENSE_FIELD}` or `{SPARSE_FIELD}` is needed");
            Err(HttpError::new(ErrorKind::BadField, message).param("schema"))
        }
    }
}

fn schema(spec: &IndexSpec) -> Schema {
    let metric = Some(wire_metric(spec.metric));
    let field = match (spec.kind, &spec.fingerprint) {
        (VectorKind::Sparse, _) => (SPARSE_FIELD.to_owned(), Field::SparseVector {}),
        (VectorKind::Dense, None) => {
            (DENSE_FIELD.to_owned(), Field::DenseVector { dimension: spec.dimensions, metric })
        }
        (VectorKind::Dense, Some(fingerprint)) => {
            let model = fingerprint.model.clone();
            (text_field(spec).to_owned(), Field::SemanticText { model, metric })
        }
    };
    Schema { fields: BTreeMap::from([field]) }
}

fn place(spec: Option<&PlaceSpec>, deployment: Option<&Deployment>) -> Option<Place> {
    if let Some(place) = spec.and_then(|spec| spec.serverless.clone()) {
        return Some(place);
    }
    let deployment = deployment?;
    Some(Place { cloud: deployment.cloud.clone()?, region: deployment.region.clone()? })
}

fn new_tags(
    tags: Option<BTreeMap<String, String>>,
    place: Option<&Place>,
) -> Result<BTreeMap<String, String>, HttpError> {
    let mut tags = tags.unwrap_or_default();
    check_tags(&tags)?;
    if let Some(place) = place {
        tags.insert(CLOUD_TAG.to_owned(), place.cloud.clone());
        tags.insert(REGION_TAG.to_owned(), place.region.clone());
    }
    Ok(tags)
}

fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), HttpError> {
    let Some(tag) = tags.keys().find(|tag| tag.starts_with(RESERVED_TAGS)) else { return Ok(()) };
    let message = format!("`tags.{tag}`: names that begin with `{RESERVED_TAGS}` are the server's");
    Err(HttpError::new(ErrorKind::BadField, message).param("tags"))
}

fn own_tags(spec: &IndexSpec) -> Option<BTreeMap<String, String>> {
    let own = spec.tags.iter().filter(|(tag, _)| !tag.starts_with(RESERVED_TAGS));
    let own: BTreeMap<String, String> =
        own.map(|(tag, value)| (tag.clone(), value.clone())).collect();
    (!own.is_empty()).then_some(own)
}

fn text_field_of(field_map: &BTreeMap<String, String>) -> Result<String, HttpError> {
    let [(kind, field)] = &field_map.iter().collect::<Vec<_>>()[..] else {
        return Err(wrong_field_map());
    };
    if *kind != TEXT_FIELD || field.is_empty() {
        return Err(wrong_field_map());
    }
    Ok((*field).clone())
}

fn wrong_field_map() -> HttpError {
    let message = "`embed.field_map`: must be {\"text\": FIELD}, where FIELD is the field of a \
                   record that is embedded";
    HttpError::new(ErrorKind::BadField, message).param("embed.field_map")
}

// The path of another route, which an index of this name would hide behind.
const NO_NAME: &str = "create-for-model";

fn new_name(name: String) -> Result<IndexName, HttpError> {
    if name == NO_NAME {
        let message = format!("`name`: `{NO_NAME}` is a route; take another name");
        return Err(HttpError::new(ErrorKind::BadField, message).param("name"));
    }
    Ok(IndexName::try_from(name)?)
}

fn protection(wanted: DeletionProtection) -> Protection {
    match wanted {
        DeletionProtection::Enabled => Protection::Enabled,
        DeletionProtection::Disabled => Protection::Disabled,
    }
}
