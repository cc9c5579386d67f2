//! What a search has to do: which documents, in which order, how many.

use index::Filter;
use wire::opensearch::search::{Bool, Count, Knn, QueryClause, ScriptScore, SearchRequest};

use super::filter::{all, filter, one_field};
use super::mapping::Mapped;
use super::refuse;
use super::source::Chosen;
use super::space::{Scale, Space, of_script};
use crate::error::HttpError;

/// The most hits that can be paged through, as OpenSearch limits it; also the largest `k`.
pub(crate) const MAX_WINDOW: usize = 10_000;
/// Hits where the request does not say how many.
const DEFAULT_SIZE: usize = 10;

/// A search, translated.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) order: Order,
    /// Which documents are looked at; all without one.
    pub(crate) filter: Option<Filter>,
    /// Which of those that were found are hits.
    pub(crate) post_filter: Option<Filter>,
    /// A smaller score is no hit.
    pub(crate) min_score: Option<f32>,
    /// How many of the best hits are left out.
    pub(crate) from: usize,
    /// The most hits after those.
    pub(crate) size: usize,
    pub(crate) source: Chosen,
    /// Whether hits are counted.
    pub(crate) is_counted: bool,
}

/// What makes a document come first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Order {
    /// How near it is, and only so many of the nearest are found; or, without a number, all.
    Nearest { vector: Vec<f32>, space: Space, scale: Scale, k: Option<usize> },
    /// Nothing: all have this score.
    Unordered { score: f32 },
}

/// What the query string may say beside the body, before which it goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Overrides {
    pub(crate) size: Option<usize>,
    pub(crate) from: Option<usize>,
    pub(crate) source: Option<Chosen>,
}

/// Translates a search of an index.
///
/// # Errors
///
/// If it asks for what is not served, or does not fit the index.
pub(crate) fn plan(
    mapped: &Mapped,
    request: SearchRequest,
    overrides: Overrides,
) -> Result<Plan, HttpError> {
    let size = overrides.size.or(request.size).unwrap_or(DEFAULT_SIZE);
    let from = overrides.from.or(request.from).unwrap_or(0);
    if from.saturating_add(size) > MAX_WINDOW {
        let why = format!(
            "`from` and `size` together are at most {MAX_WINDOW}, and these are {from} and {size}"
        );
        return Err(refuse("size", why));
    }
    let mut found = found(mapped, request.query.as_ref())?;
    found.min_score = match (found.min_score, request.min_score) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    };
    let post_filter = request.post_filter.as_ref();
    let is_counted = !matches!(request.track_total_hits, Some(Count::Whether(false)));
    Ok(Plan {
        order: found.order,
        filter: found.filter,
        post_filter: post_filter.map(|post| filter(mapped, post, "post_filter")).transpose()?,
        min_score: found.min_score,
        from,
        size,
        source: overrides.source.unwrap_or_else(|| Chosen::from_body(request.source)),
        is_counted,
    })
}

/// What the query alone says.
struct Found {
    order: Order,
    filter: Option<Filter>,
    min_score: Option<f32>,
}

fn found(mapped: &Mapped, query: Option<&QueryClause>) -> Result<Found, HttpError> {
    match query {
        None => Ok(unordered(1.0, None)),
        Some(QueryClause::Knn(fields)) => {
            nearest(mapped, one_field(fields, "knn", "query.knn")?, None, "query.knn")
        }
        Some(QueryClause::ScriptScore(script)) => scripted(mapped, script),
        Some(QueryClause::Bool(inner)) => match without_knn(inner)? {
            Some((knn, rest)) => {
                let rest = filter(mapped, &QueryClause::Bool(Box::new(rest)), "query")?;
                let knn = one_field(knn, "knn", "query.bool")?;
                nearest(mapped, knn, Some(rest), "query.bool.must.knn")
            }
            None => {
                let is_scored = !inner.must.0.is_empty() || !inner.should.0.is_empty();
                let filter = filter(mapped, &QueryClause::Bool(inner.clone()), "query")?;
                Ok(unordered(if is_scored { 1.0 } else { 0.0 }, Some(filter)))
            }
        },
        Some(other) => Ok(unordered(1.0, Some(filter(mapped, other, "query")?))),
    }
}

fn unordered(score: f32, filter: Option<Filter>) -> Found {
    Found { order: Order::Unordered { score }, filter, min_score: None }
}

fn nearest(
    mapped: &Mapped,
    (field, knn): (&str, &Knn),
    beside: Option<Filter>,
    place: &str,
) -> Result<Found, HttpError> {
    check_vector(mapped, field, &knn.vector, place)?;
    if !(1..=MAX_WINDOW).contains(&knn.k) {
        return Err(refuse(
            &format!("{place}.k"),
            format!("k is 1 to {MAX_WINDOW}, not {}", knn.k),
        ));
    }
    let within = match &knn.filter {
        Some(clauses) => all(mapped, &clauses.0, &format!("{place}.filter"))?,
        None => None,
    };
    let filter = match (within, beside) {
        (Some(a), Some(b)) => Some(Filter::And(vec![a, b])),
        (a, b) => a.or(b),
    };
    let order = Order::Nearest {
        vector: knn.vector.clone(),
        space: mapped.space,
        scale: Scale::Knn,
        k: Some(knn.k),
    };
    Ok(Found { order, filter, min_score: None })
}

fn scripted(mapped: &Mapped, script: &ScriptScore) -> Result<Found, HttpError> {
    let space = of_script(&script.script, &mapped.vector_field)?;
    let vector = &script.script.params.query_value;
    let place = "query.script_score.script.params.query_value";
    check_vector(mapped, &mapped.vector_field, vector, place)?;
    if space == Space::Cosine && vector.iter().all(|x| *x == 0.0) {
        return Err(refuse(place, "a vector of zeros has no direction and so no cosine"));
    }
    let order = Order::Nearest { vector: vector.clone(), space, scale: Scale::Script, k: None };
    let filter = filter(mapped, &script.query, "query.script_score.query")?;
    Ok(Found { order, filter: Some(filter), min_score: script.min_score })
}

fn check_vector(
    mapped: &Mapped,
    field: &str,
    vector: &[f32],
    place: &str,
) -> Result<(), HttpError> {
    if field != mapped.vector_field {
        let why = format!(
            "`{field}` is no field of vectors; index [{}] has `{}`",
            mapped.name, mapped.vector_field
        );
        return Err(refuse(place, why));
    }
    if vector.len() != mapped.spec.dimensions {
        let why = format!(
            "the query vector has {} dimensions, and field `{field}` has {}",
            vector.len(),
            mapped.spec.dimensions
        );
        return Err(refuse(place, why));
    }
    match vector.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(position) => {
            let why = format!("number {position} of the query vector is too large for 32 bits");
            Err(refuse(place, why))
        }
    }
}

type KnnFields = std::collections::BTreeMap<String, Knn>;

// Takes the one `knn` out of `must` or `should`, where it decides the order; what stays decides which
// documents count. In `should` it would let others in behind the nearest, with the score 0, and
// those are never among the best: they are left out.
fn without_knn(inner: &Bool) -> Result<Option<(&KnnFields, Bool)>, HttpError> {
    let is_knn = |clause: &&QueryClause| matches!(clause, QueryClause::Knn(_));
    let clauses = || inner.must.0.iter().chain(&inner.should.0);
    let Some(QueryClause::Knn(fields)) = clauses().find(is_knn) else { return Ok(None) };
    if clauses().filter(is_knn).count() > 1 {
        return Err(refuse("query.bool", "one `knn` is served in a query, and this has several"));
    }
    let mut rest = inner.clone();
    rest.must.0.retain(|clause| !is_knn(&clause));
    rest.should.0.retain(|clause| !is_knn(&clause));
    if !rest.must.0.is_empty() || !rest.should.0.is_empty() {
        return Err(refuse(
            "query.bool",
            "beside `knn`, put conditions into `filter` or `must_not`: in `must` and `should` they would \
             add to the score, and only vectors are scored here",
        ));
    }
    rest.minimum_should_match = None;
    Ok(Some((fields, rest)))
}

#[cfg(test)]
mod tests;
