//! What more than one dialect asks for: embedding, and comparing one text with others.

use axum::body::Body;
use axum::http::Response;
use engine::Embedded;
use wire::tei::{EmbedRequest, SimilarityRequest};

use crate::call::{Answer, Call};
use crate::dialects;
use crate::dialects::Place;
use crate::error::HttpError;
use crate::offload::Effort;
use crate::respond::pieces::{Brackets, Report, Rows};
use crate::respond::{self, Pieces};

/// Embeds with the model called `name`. `single` says how the embedding of one text stands in the
/// answer; those of a list are nested.
pub(super) async fn embed(
    call: &Call,
    name: Option<&str>,
    request: EmbedRequest,
    single: Brackets,
) -> Result<Response<Body>, HttpError> {
    let model = call.model(name)?;
    let wants_report = request.report == Some(true);
    let (request, place) = dialects::tei::embed(request, model.served.config.auto_truncate);
    if wants_report {
        let answer = call.embed_each(&model, request, place).await?;
        let pieces = |results| Box::new(Report::new(results)) as Box<dyn Pieces>;
        return respond::embeddings(answer, call.app.offload(), pieces).await;
    }
    let answer = call.embed(&model, request, place).await?;
    let brackets = if place.is_one() { single } else { single.of_a_list() };
    let pieces = |rows| Box::new(Rows::new(rows, brackets)) as Box<dyn Pieces>;
    respond::embeddings(answer, call.app.offload(), pieces).await
}

/// Compares one text with others, with the model called `name`.
pub(super) async fn similarity(
    call: &Call,
    name: Option<&str>,
    request: SimilarityRequest,
) -> Result<Response<Body>, HttpError> {
    let model = call.model(name)?;
    let request = dialects::tei::similarity(request, model.served.config.auto_truncate)?;
    let answer = call.embed(&model, request, Place::SIMILARITY).await?;
    let offload = call.app.offload();
    let effort = Effort::of_writing(answer.totals.num_floats);
    let cosines = offload.run_if(effort, move || cosines(answer)).await;
    let pieces = |rows| Box::new(Rows::new(rows, Brackets::Flat)) as Box<dyn Pieces>;
    respond::embeddings(cosines, offload, pieces).await
}

// One row of cosines in place of the embeddings; what they took stays.
fn cosines(answer: Answer<Embedded>) -> Answer<Embedded> {
    let Answer { results, mut totals, timing } = answer;
    let values = dialects::tei::similarities(&results);
    totals.num_floats = values.len();
    let row = Embedded {
        dimensions: values.len(),
        values,
        num_tokens: totals.num_tokens,
        num_chars: totals.num_chars,
        truncated_from: None,
    };
    Answer { results: vec![row], totals, timing }
}
