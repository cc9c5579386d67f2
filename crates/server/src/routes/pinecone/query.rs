//! Queries of the data plane.

use axum::body::Body;
use axum::http::Response;
use index::{Namespace, Query, QueryResult, SparseVector};
use wire::pinecone::{QueryRequest, QueryResponse};

use super::on_index::{OnIndex, with_seen_lsn};
use crate::body::JsonBody;
use crate::dialects::pinecone::data::{self, Near};
use crate::error::HttpError;
use crate::offload::Effort;
use crate::respond::pieces::Matches;
use crate::respond::{self, Pieces};
use crate::routes::errors::PineconeDataErrors;

/// Finds the records nearest to a vector or to a record. A record that is not there is near to none.
#[utoipa::path(
    post, path = "/query", tag = "Pinecone",
    params(("index" = String, Path, description = "Name of an index")),
    request_body = QueryRequest,
    responses((status = 200, description = "Best first", body = QueryResponse), PineconeDataErrors)
)]
pub(crate) async fn query(
    index: OnIndex,
    JsonBody(mut request): JsonBody<QueryRequest>,
) -> Result<Response<Body>, HttpError> {
    let (namespace, called) = data::namespace(request.namespace.take());
    let query = data::query(&request)?;
    let near = data::near(&mut request)?;
    let Some((vector, sparse)) = vector_of(&index, &namespace, near).await? else {
        return answer(&index, QueryResult::default(), called).await;
    };
    let query = Query { vector, sparse, ..query };
    let found = index.store.query(&index.name, &namespace, &query).await;
    let found = found.map_err(|err| data::query_error(err, "vector"))?;
    answer(&index, found, called).await
}

/// Returns what a query is near to, or `None` if that is a record that is not there.
pub(super) async fn vector_of(
    index: &OnIndex,
    namespace: &Namespace,
    near: Near,
) -> Result<Option<(Vec<f32>, Option<SparseVector>)>, HttpError> {
    let id = match near {
        Near::Vector(vector, sparse) => return Ok(Some((vector, sparse))),
        Near::Id(id) => id,
    };
    let records = index.store.fetch(&index.name, namespace, &[id]).await?;
    Ok(records.into_iter().next().map(|record| (record.values, record.sparse)))
}

async fn answer(
    index: &OnIndex,
    found: QueryResult,
    namespace: String,
) -> Result<Response<Body>, HttpError> {
    data::check_scores(&found.matches)?;
    let num_floats = found.matches.iter().map(|found| found.values.len() + 1).sum();
    let lsn = found.lsn;
    let pieces = Box::new(Matches::new(found.matches, namespace)) as Box<dyn Pieces>;
    let offload = index.call.app.offload();
    let response = respond::write(pieces, Effort::of_writing(num_floats), offload).await?;
    Ok(with_seen_lsn(response, lsn))
}
