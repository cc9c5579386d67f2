//! From a plain request to plain results: which model, whether it is ready, and its engine.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use engine::{Embedded, Engine, InputError, Request, Response, Timing};

use crate::App;
use crate::dialects::Place;
use crate::error::{ErrorKind, HttpError, RESTART_RETRY};
use crate::middleware::prefix::Prefixed;
use crate::models::{ModelState, Served};
use crate::offload::Effort;
use crate::record::{Method, Record};

/// What a handler needs to answer one request.
pub(crate) struct Call {
    pub(crate) app: App,
    // The model in front of the path, if one was.
    prefixed: Option<Arc<Served>>,
    record: Record,
}

impl FromRequestParts<App> for Call {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let prefixed = parts.extensions.get::<Prefixed>().map(|Prefixed(served)| served.clone());
        // Routes that are not counted have no record; theirs is read by nobody.
        let record = parts.extensions.get().cloned().unwrap_or_else(Record::begin);
        Ok(Self { app: app.clone(), prefixed, record })
    }
}

// How long a model takes to load, about.
const LOADING_RETRY: Duration = Duration::from_secs(1);

/// A model that answers.
pub(crate) struct Model {
    pub(crate) served: Arc<Served>,
    pub(crate) engine: Engine,
}

impl Call {
    /// Returns the model that answers: the one in front of the path, else the one that the request
    /// names, else the first.
    ///
    /// # Errors
    ///
    /// If there is none of this name, or it is not ready.
    pub(crate) fn model(&self, name: Option<&str>) -> Result<Model, HttpError> {
        self.ready(self.served(name)?)
    }

    /// Returns this model, to answer with.
    ///
    /// # Errors
    ///
    /// If it is not ready.
    pub(crate) fn ready(&self, served: &Arc<Served>) -> Result<Model, HttpError> {
        if self.app.is_draining() {
            return Err(shutting_down());
        }
        let engine = ready_engine(served)?.clone();
        Ok(Model { served: Arc::clone(served), engine })
    }

    /// Checks that the model in front of the path is ready, or all are if there is none.
    ///
    /// # Errors
    ///
    /// The first model that is not, or that the server is shutting down.
    pub(crate) fn check_ready(&self) -> Result<(), HttpError> {
        if self.app.is_draining() {
            return Err(shutting_down());
        }
        // A model that failed makes the server as unready as one that loads, though for longer.
        let check = |served: &Arc<Served>| match ready_engine(served) {
            Ok(_) => Ok(()),
            Err(err) => Err(HttpError { kind: ErrorKind::NotReady, ..err }),
        };
        match &self.prefixed {
            Some(served) => check(served),
            None => self.app.models().iter().try_for_each(check),
        }
    }

    fn served(&self, name: Option<&str>) -> Result<&Arc<Served>, HttpError> {
        let models = self.app.models();
        match (&self.prefixed, name) {
            (Some(served), _) => Ok(served),
            (None, None) => models.first().ok_or_else(no_model),
            (None, Some(_)) if models.first().is_none() => Err(no_model()),
            (None, Some(name)) => models.select(name).ok_or_else(|| {
                let message =
                    format!("model `{name}` is not served here; served are {}", models.names());
                HttpError::new(ErrorKind::UnknownModel, message).param("model")
            }),
        }
    }

    /// Embeds all inputs, or fails with the first that cannot be.
    pub(crate) async fn embed(
        &self,
        model: &Model,
        request: Request,
        place: Place,
    ) -> Result<Answer<Embedded>, HttpError> {
        let answer = self.embed_each(model, request, place).await?;
        let effort = Effort::of_walking(answer.results.len());
        self.app.offload().run_if(effort, move || all_or_first_error(answer, place)).await
    }

    /// Embeds each input for itself.
    pub(crate) async fn embed_each(
        &self,
        model: &Model,
        request: Request,
        place: Place,
    ) -> Result<Answer<Result<Embedded, InputError>>, HttpError> {
        let num_inputs = request.inputs.len();
        let method = if place.is_one() { Method::Single } else { Method::Batch };
        self.record.inputs(method, num_inputs);

        let effort = Effort::of_walking(num_inputs);
        let (offload, engine) = (self.app.offload(), model.engine.clone());
        let refused = |err| HttpError::from_embed_error(err, place);
        let submitted = offload.run_if(effort, move || engine.try_submit(request)).await;
        // A client that hangs up drops this future, and with it the inputs that still wait.
        let response = submitted.map_err(refused)?.await.map_err(refused)?;

        let metrics = self.app.metrics().clone();
        let answer = offload
            .run_if(effort, move || {
                let embedded = response.results.iter().flatten();
                metrics.record_input_lengths(embedded.map(|embedded| embedded.num_tokens));
                Answer::from(response)
            })
            .await;
        let Totals { num_embedded, num_truncated, .. } = answer.totals;
        self.record.results(num_embedded, num_truncated, answer.timing);
        Ok(answer)
    }
}

fn no_model() -> HttpError {
    let message = "this server keeps indexes and serves no model; start it with --model";
    HttpError::new(ErrorKind::UnknownModel, message)
}

/// Returns the error of a server that was told to stop.
pub(crate) fn shutting_down() -> HttpError {
    let message = "the server is shutting down; try again in 5 s";
    HttpError::new(ErrorKind::NotReady, message).retry_after(RESTART_RETRY)
}

fn ready_engine(served: &Served) -> Result<&Engine, HttpError> {
    let name = &served.config.name;
    match served.state() {
        ModelState::Ready(engine) => Ok(engine),
        ModelState::Loading => {
            let message = format!("model `{name}` is still loading; try again in 1 s");
            Err(HttpError::new(ErrorKind::NotReady, message).retry_after(LOADING_RETRY))
        }
        ModelState::Failed(why) => {
            let message = format!("model `{name}` could not be loaded: {why}");
            Err(HttpError::new(ErrorKind::ModelFailed, message))
        }
    }
}

/// The results of a request and what the response's headers say about them.
pub(crate) struct Answer<T> {
    pub(crate) results: Vec<T>,
    pub(crate) totals: Totals,
    pub(crate) timing: Timing,
}

/// Sums over the inputs that were embedded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) num_embedded: usize,
    pub(crate) num_tokens: usize,
    pub(crate) num_chars: usize,
    pub(crate) num_truncated: usize,
    pub(crate) num_floats: usize,
}

impl From<Response> for Answer<Result<Embedded, InputError>> {
    fn from(response: Response) -> Self {
        let Response { results, timing } = response;
        let mut totals = Totals::default();
        for embedded in results.iter().flatten() {
            totals.num_embedded += 1;
            totals.num_tokens += embedded.num_tokens;
            totals.num_chars += embedded.num_chars;
            totals.num_truncated += usize::from(embedded.truncated_from.is_some());
            totals.num_floats += embedded.values.len();
        }
        Self { results, totals, timing }
    }
}

fn all_or_first_error(
    answer: Answer<Result<Embedded, InputError>>,
    place: Place,
) -> Result<Answer<Embedded>, HttpError> {
    let Answer { results, totals, timing } = answer;
    let mut embedded = Vec::with_capacity(results.len());
    for (index, result) in results.into_iter().enumerate() {
        let result = result.map_err(|err| HttpError::from_input_error(&err, place, index))?;
        embedded.push(result);
    }
    Ok(Answer { results: embedded, totals, timing })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded(num_tokens: usize, truncated_from: Option<usize>) -> Embedded {
        Embedded { values: vec![0.0; 4], dimensions: 4, num_tokens, num_chars: 5, truncated_from }
    }

    fn response(results: Vec<Result<Embedded, InputError>>) -> Response {
        Response { results, timing: Timing::default() }
    }

    #[test]
    fn totals_leave_errors_out() {
        let results =
            vec![Ok(embedded(3, None)), Err(InputError::Empty), Ok(embedded(8, Some(20)))];
        let totals = Answer::from(response(results)).totals;
        let expected = Totals {
            num_embedded: 2,
            num_tokens: 11,
            num_chars: 10,
            num_truncated: 1,
            num_floats: 8,
        };
        assert_eq!(totals, expected);
    }

    #[test]
    fn the_first_bad_input_fails_a_plain_request() {
        let results = vec![
            Ok(embedded(3, None)),
            Err(InputError::UnknownId { id: 9, max_id: 5 }),
            Err(InputError::Empty),
        ];
        let answer = Answer::from(response(results));
        let err = all_or_first_error(answer, Place::list("inputs")).err().unwrap();
        assert_eq!(err.kind, ErrorKind::BadField);
        assert_eq!(err.param.as_deref(), Some("inputs[1]"));
    }
}
