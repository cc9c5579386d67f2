//! From an index of ours to the vendor's descriptions of it.

use std::collections::BTreeMap;

use index::{IndexDescription, Protection, VectorKind};
use wire::pinecone::{
    Database, DatabaseDescription, DatabaseStatus, DeletionProtection, Deployment,
    EmbedDescription, IndexModel, IndexStatus, Metric, PlaceSpec, ReadCapacity, ReadCapacityStatus,
    VectorType,
};

use super::{schema, tags};

/// Describes an index whose data plane is at `host`, and whose model is called `model` here.
pub(crate) fn index_model(
    description: &IndexDescription,
    host: String,
    model: Option<String>,
) -> IndexModel {
    let spec = &description.spec;
    let (metric, vector_type) = (metric(spec.metric), vector_type(spec.kind));
    let dimension = (spec.kind == VectorKind::Dense).then_some(spec.dimensions);
    let place = tags::place(spec);
    let own_tags = tags::own(spec);
    let ready = || "Ready".to_owned();
    IndexModel {
        name: spec.name.as_str().to_owned(),
        host,
        status: IndexStatus { ready: true, state: ready() },
        deletion_protection: match spec.protection {
            Protection::Enabled => DeletionProtection::Enabled,
            Protection::Disabled => DeletionProtection::Disabled,
        },
        tags: (!own_tags.is_empty()).then_some(own_tags),
        schema: schema::of_index(spec, model.as_deref()),
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
        spec: PlaceSpec { serverless: Some(place), pod: None },
        embed: model.map(|model| EmbedDescription {
            model,
            metric,
            dimension: spec.dimensions,
            vector_type,
            field_map: BTreeMap::from([(
                tags::TEXT_FIELD.to_owned(),
                tags::text_field(spec).to_owned(),
            )]),
        }),
    }
}

/// Describes an index in the words of 2.x.
pub(crate) fn database(description: &IndexDescription) -> DatabaseDescription {
    let spec = &description.spec;
    DatabaseDescription {
        database: Database {
            name: spec.name.as_str().to_owned(),
            metric: metric(spec.metric),
            dimension: spec.dimensions,
            replicas: 1,
            shards: 1,
            pods: 1,
            pod_type: "p1.x1".to_owned(),
        },
        status: DatabaseStatus { ready: true, state: "Ready".to_owned() },
    }
}

/// Translates a metric.
pub(crate) fn metric(metric: index::Metric) -> Metric {
    match metric {
        index::Metric::Cosine => Metric::Cosine,
        index::Metric::DotProduct => Metric::DotProduct,
        index::Metric::Euclidean => Metric::Euclidean,
    }
}

/// Translates what a record has.
pub(crate) fn vector_type(kind: VectorKind) -> VectorType {
    match kind {
        VectorKind::Dense => VectorType::Dense,
        VectorKind::Sparse => VectorType::Sparse,
    }
}
