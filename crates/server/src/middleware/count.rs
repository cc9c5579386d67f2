//! Counts each inference request once, at its end: as a success, as a failure, or as dropped by its
//! client.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::middleware::Next;

use crate::App;
use crate::error::{ErrorKind, HttpError};
use crate::metrics::Metrics;
use crate::record::{Ending, Record};

/// Gives the handlers a [`Record`] to fill in and counts what it holds in the end.
pub(crate) async fn count_inference(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let record = Record::begin();
    request.extensions_mut().insert(record.clone());
    let counting = Counting { metrics: app.metrics().clone(), record, ending: Ending::Dropped };
    let response = next.run(request).await;
    counting.finish(match response.extensions().get::<HttpError>() {
        Some(err) => Ending::Failure(err.kind),
        None => Ending::Success,
    });
    response
}

// Counts when it is dropped, which is also what happens when the client goes away.
struct Counting {
    metrics: Metrics,
    record: Record,
    ending: Ending,
}

impl Counting {
    fn finish(mut self, ending: Ending) {
        self.ending = ending;
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.ending = Ending::Failure(ErrorKind::Internal);
        }
        self.metrics.count_inference(&self.record.summary(), self.ending);
    }
}
