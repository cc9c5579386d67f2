//! Namespaces of the data plane, in snake case as the vendor has them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Pagination;

/// Answer of `GET /namespaces`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeNamespaceList)]
pub struct NamespaceList {
    /// By name.
    pub namespaces: Vec<NamespaceDescription>,
    /// Where the next page begins, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
    /// Those of all pages.
    pub total_count: usize,
}

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PineconeNamespaceDescription)]
pub struct NamespaceDescription {
    /// Its name; `__default__` for the default one.
    pub name: String,
    /// Its records.
    pub record_count: u64,
}
