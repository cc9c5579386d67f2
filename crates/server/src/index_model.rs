//! Which served model the texts of an index are embedded with, and embedding them.

use std::sync::Arc;

use engine::{Embedded, Engine, Input, Normalize, Output, Prompt, Request, Truncation};
use index::{Fingerprint, IndexSpec, Record};
use jobs::{FingerprintMismatch, Trust};

use crate::App;
use crate::call::{Answer, Call, Model};
use crate::dialects::Place;
use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;
use crate::models::{ModelState, Served};

/// What a text is to an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is kept.
    Document,
    /// It is searched for.
    Query,
}

/// The served model of an index.
pub(crate) struct IndexModel {
    model: Model,
    fingerprint: Fingerprint,
}

impl IndexModel {
    /// Finds the served model that an index was built with. Its name may have changed.
    ///
    /// # Errors
    ///
    /// If the index has no model, or it is not served here, or is not ready.
    pub(crate) fn find(call: &Call, spec: &IndexSpec) -> Result<Self, HttpError> {
        let Some(fingerprint) = spec.fingerprint.clone() else { return Err(unbound(spec)) };
        let models = call.app.models();
        if let Some(served) = served(&call.app, &fingerprint) {
            return Ok(Self { model: call.ready(served)?, fingerprint });
        }
        // The one of this name may be it once it is loaded.
        if let Some(served) = models.iter().find(|served| served.answers_to(&fingerprint.model)) {
            let model = call.ready(served)?;
            let difference = difference(&fingerprint, &model.engine).unwrap_or_default();
            return Err(other_model(
                spec,
                &fingerprint,
                &format!("`{}` is served here, whose {difference}", served.config.name),
            ));
        }
        Err(other_model(spec, &fingerprint, &format!("served here are {}", models.names())))
    }

    /// Takes the served model that a search asks for in place of the index's own.
    ///
    /// # Errors
    ///
    /// If it is not served or not ready, or is another than the index was built with and `trust` does
    /// not vouch for it.
    pub(crate) fn asked(
        call: &Call,
        spec: &IndexSpec,
        name: &str,
        trust: Trust,
    ) -> Result<Self, HttpError> {
        let model = call.model(Some(name))?;
        let given = jobs::model_fingerprint(&model.served.config.model_id, &model.engine);
        let fingerprint = match (&spec.fingerprint, trust) {
            (None, Trust::Check) => return Err(unbound(spec)),
            (None, Trust::Force) => given,
            (Some(recorded), Trust::Force) => recorded.clone(),
            (Some(recorded), Trust::Check) => {
                jobs::check_query_model(&spec.name, recorded, &given).map_err(not_the_same)?;
                recorded.clone()
            }
        };
        Ok(Self { model, fingerprint })
    }

    /// Embeds the texts of a place with the prompt that the index has for their role.
    ///
    /// # Errors
    ///
    /// If a text is empty, or the engine refuses.
    pub(crate) async fn embed(
        &self,
        call: &Call,
        texts: Vec<String>,
        role: Role,
        place: Place,
    ) -> Result<Answer<Embedded>, HttpError> {
        let prompt = match role {
            Role::Document => &self.fingerprint.document_prompt,
            Role::Query => &self.fingerprint.query_prompt,
        };
        let auto_truncate = self.model.served.config.auto_truncate;
        let request = Request {
            inputs: texts.into_iter().map(Input::Text).collect(),
            prompt: Prompt::Text(prompt.clone()),
            truncation: if auto_truncate { Truncation::Right } else { Truncation::Refuse },
            output: Output::Dense { normalize: Normalize::AsModel, dimensions: None },
        };
        call.embed(&self.model, request, place).await
    }
}

/// Returns what the model of an index is called here: the name of the served model that it is, else the
/// recorded one, of which only the last part is told where it is a folder of the server.
pub(crate) fn model_name(app: &App, fingerprint: &Fingerprint) -> String {
    match served(app, fingerprint) {
        Some(served) => served.config.name.clone(),
        None => told(&fingerprint.model).to_owned(),
    }
}

// `org/name` is a model of the Hub.
fn told(model: &str) -> &str {
    let is_folder = model.starts_with(['/', '.', '~']) || model.matches('/').count() > 1;
    let parts = model.rsplit('/').find(|part| !part.is_empty());
    parts.filter(|_| is_folder).unwrap_or(model)
}

fn served<'a>(app: &'a App, fingerprint: &Fingerprint) -> Option<&'a Arc<Served>> {
    app.models().iter().find(|served| match served.state() {
        ModelState::Ready(engine) => difference(fingerprint, engine).is_none(),
        ModelState::Loading | ModelState::Failed(_) => false,
    })
}

/// Gives a record the vector of its text and, in an index that keeps words beside vectors, the words.
pub(crate) fn fill(record: &mut Record, spec: &IndexSpec, text: &str, vector: Vec<f32>) {
    record.values = vector;
    if jobs::is_hybrid(spec) && record.sparse.is_none() {
        record.sparse = Some(jobs::document_terms(text));
    }
}

// What makes embeddings of this model incomparable with those of the index: not its name.
fn difference(recorded: &Fingerprint, engine: &Engine) -> Option<String> {
    let given = jobs::model_fingerprint(&recorded.model, engine);
    let rows = [
        ("weights are", &recorded.weight_hash, &given.weight_hash),
        ("pooling is", &recorded.pooling, &given.pooling),
        ("normalization is", &recorded.normalized.to_string(), &given.normalized.to_string()),
        (
            "number of dimensions is",
            &recorded.dimensions.to_string(),
            &given.dimensions.to_string(),
        ),
    ];
    let (what, recorded, given) =
        rows.into_iter().find(|(_, recorded, given)| recorded != given)?;
    Some(format!("{what} {given} and not {recorded}"))
}

fn unbound(spec: &IndexSpec) -> HttpError {
    let message = format!(
        "index `{name}` has no model, since it was filled with vectors from elsewhere; send vectors, \
         or bind the model that they came from: PATCH /v1/indexes/{name} with {{\"model\": NAME}}, \
         or PATCH /pinecone/indexes/{name} with {{\"embed\": {{\"model\": NAME}}}}",
        name = spec.name
    );
    HttpError::new(ErrorKind::Index(IndexErrorKind::WrongModel), message)
}

/// Says that a model is another than that of the index.
pub(crate) fn not_the_same(err: FingerprintMismatch) -> HttpError {
    let remedy = if err.may_be_forced() { "; send \"force\": true if that is meant" } else { "" };
    let message = format!("{err}{remedy}");
    HttpError::new(ErrorKind::Index(IndexErrorKind::WrongModel), message)
}

fn other_model(spec: &IndexSpec, recorded: &Fingerprint, here: &str) -> HttpError {
    let message = format!(
        "index `{}` was built with model `{}`, and {here}; serve that model, or send vectors",
        spec.name,
        told(&recorded.model)
    );
    HttpError::new(ErrorKind::Index(IndexErrorKind::WrongModel), message)
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn of_a_folder_the_last_part_is_told_and_a_name_whole() {
        for (model, expected) in [
            ("/srv/models/tiny-bert", "tiny-bert"),
            ("/srv/models/tiny-bert/", "tiny-bert"),
            ("./tiny-bert", "tiny-bert"),
            ("~/models/tiny-bert", "tiny-bert"),
            ("org/tiny-bert", "org/tiny-bert"),
            ("tiny-bert", "tiny-bert"),
            ("/", "/"),
        ] {
            assert_eq!(told(model), expected);
        }
    }
}
