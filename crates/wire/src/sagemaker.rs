//! Amazon SageMaker: the control plane's JSON 1.1 calls, the body of `POST /invocations`, and errors.
//!
//! What a client may send grows with every release of the vendor's, so unknown fields are kept where the
//! object is shown again, and ignored elsewhere. Moments are seconds since 1970 with a fraction.
//!
//! # Source
//!
//! The service model of botocore 1.44.5, `sagemaker/2017-07-24` and `sagemaker-runtime/2017-05-13`.

mod invocation;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub use self::invocation::{Invocation, InvocationInputs, InvocationItem};

/// Body of `CreateModel`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateModel {
    /// Up to 63 letters, digits and `-`.
    pub model_name: String,
    /// What it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_container: Option<Container>,
    /// The same as a list, of which one can be served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containers: Option<Vec<Container>>,
    /// Shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role_arn: Option<String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Whatever else was sent.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What a model runs in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    /// The address of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Where `model.tar.gz` lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_data_url: Option<String>,
    /// The newer way to say where the model lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_data_source: Option<ModelDataSource>,
    /// Variables, among them `HF_MODEL_ID` and `HF_TASK`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// `SingleModel` or `MultiModel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Whatever else was sent.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Where a model lies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelDataSource {
    /// In a store that speaks S3.
    #[serde(rename = "S3DataSource")]
    pub s3_data_source: S3DataSource,
}

/// Where a model lies in a store that speaks S3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct S3DataSource {
    /// The address of an archive, or of a folder.
    pub s3_uri: String,
    /// `S3Object` or `S3Prefix`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_data_type: Option<String>,
    /// `Gzip` or `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression_type: Option<String>,
    /// Whatever else was sent.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Body of `CreateEndpointConfig`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateEndpointConfig {
    /// Up to 63 letters, digits and `-`.
    pub endpoint_config_name: String,
    /// What traffic is split between.
    pub production_variants: Vec<ProductionVariant>,
    /// Labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Whatever else was sent.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A model, and its share of the traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProductionVariant {
    /// Its name within the endpoint.
    pub variant_name: String,
    /// Which model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_name: Option<String>,
    /// Replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_instance_count: Option<i64>,
    /// What it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Its share, of the sum of all weights; 1 where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_variant_weight: Option<f64>,
    /// Without instances of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serverless_config: Option<ServerlessConfig>,
    /// Between how many instances it may scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_instance_scaling: Option<ManagedInstanceScaling>,
    /// Whatever else was sent.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Without instances of its own: it sleeps when nobody asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServerlessConfig {
    /// Requests at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<i64>,
    /// Whatever else was sent.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Between how many instances a variant may scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ManagedInstanceScaling {
    /// `ENABLED` or `DISABLED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The fewest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_instance_count: Option<i64>,
    /// The most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_instance_count: Option<i64>,
    /// Whatever else was sent.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Body of `CreateEndpoint` and of `UpdateEndpoint`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutEndpoint {
    /// Up to 63 letters, digits and `-`.
    pub endpoint_name: String,
    /// Which configuration.
    pub endpoint_config_name: String,
    /// Labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// Body of `UpdateEndpointWeightsAndCapacities`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateWeights {
    /// Which endpoint.
    pub endpoint_name: String,
    /// What is to be of its variants.
    pub desired_weights_and_capacities: Vec<DesiredWeight>,
}

/// What is to be of a variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DesiredWeight {
    /// Which variant.
    pub variant_name: String,
    /// Its share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_weight: Option<f64>,
    /// Its replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_instance_count: Option<i64>,
}

/// Body of the calls about one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OneModel {
    /// Which.
    pub model_name: String,
}

/// Body of the calls about one configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OneEndpointConfig {
    /// Which.
    pub endpoint_config_name: String,
}

/// Body of the calls about one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OneEndpoint {
    /// Which.
    pub endpoint_name: String,
}

/// Body of the calls about the labels of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagsRequest {
    /// Of what.
    pub resource_arn: String,
    /// Labels to put there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Names of labels to take away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tag_keys: Vec<String>,
}

/// Body of the calls that list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListRequest {
    /// Where the list before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// The most that are listed; 10 where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Part of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_contains: Option<String>,
    /// `Name`, `CreationTime` or `Status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<String>,
    /// `Ascending` or `Descending`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_order: Option<String>,
    /// A status in the vendor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_equals: Option<String>,
}

/// Answer of `DescribeEndpoint`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EndpointDescription {
    /// Its name.
    pub endpoint_name: String,
    /// Its name in the whole world, if there were one.
    pub endpoint_arn: String,
    /// The configuration that it has.
    pub endpoint_config_name: String,
    /// What serves.
    pub production_variants: Vec<VariantSummary>,
    /// In the vendor's words.
    pub endpoint_status: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// Seconds since 1970.
    pub creation_time: f64,
    /// Seconds since 1970.
    pub last_modified_time: f64,
}

/// A variant that serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VariantSummary {
    /// Its name.
    pub variant_name: String,
    /// Its share now.
    pub current_weight: f64,
    /// Its share when all is done.
    pub desired_weight: f64,
    /// Replicas that are ready.
    pub current_instance_count: i64,
    /// Replicas that are wanted.
    pub desired_instance_count: i64,
    /// What it is at, in the vendor's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variant_status: Vec<VariantStatus>,
}

/// What a variant is at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VariantStatus {
    /// In the vendor's words.
    pub status: String,
    /// In ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
}

/// Body of every answer of the runtime that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = SagemakerError)]
pub struct ErrorBody {
    /// What is wrong and what helps.
    pub message: String,
    /// The status of the model's own answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_status_code: Option<u16>,
    /// The model's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_message: Option<String>,
}

/// Body of every answer of the control plane that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlErrorBody {
    /// What it is called.
    #[serde(rename = "__type")]
    pub error_type: String,
    /// What is wrong and what helps.
    pub message: String,
}
