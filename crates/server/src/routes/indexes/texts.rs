//! Records with a text: it is embedded, kept, and in a hybrid index found by its words too.

use index::{IndexSpec, Record, Update};

use crate::call::Call;
use crate::dialects::Place;
use crate::dialects::indexes as dialect;
use crate::error::HttpError;
use crate::index_model::{self, IndexModel, Role};

/// Takes records as sent, and embeds the texts among them.
pub(super) async fn records(
    call: &Call,
    spec: &IndexSpec,
    sent: Vec<wire::indexes::Record>,
) -> Result<Vec<Record>, HttpError> {
    let mut records = Vec::with_capacity(sent.len());
    let (mut texts, mut places) = (Vec::new(), Vec::new());
    for (place, mut record) in sent.into_iter().enumerate() {
        if let Some(text) = record.text.take() {
            if !record.values.is_empty() {
                let message = format!("record `{}` has values too; send one of the two", record.id);
                return Err(dialect::bad_field("text", &message));
            }
            texts.push(text);
            places.push(place);
        }
        let record = dialect::record_from(record)?;
        check_free(&record, spec, places.last() == Some(&place))?;
        records.push(record);
    }
    if texts.is_empty() {
        return Ok(records);
    }
    let model = IndexModel::find(call, spec)?;
    let vectors =
        model.embed(call, texts.clone(), Role::Document, Place::list("records")).await?.results;
    let vectors = vectors.into_iter().map(|embedded| embedded.values);
    for ((place, text), vector) in places.into_iter().zip(texts).zip(vectors) {
        fill(&mut records[place], spec, text, vector);
    }
    Ok(records)
}

/// Checks that a record with a text has no metadata where the text is kept.
fn check_free(record: &Record, spec: &IndexSpec, has_text: bool) -> Result<(), HttpError> {
    let field = text_field(spec);
    if has_text && record.metadata.contains_key(field) {
        let message = format!(
            "record `{}` has a field `{field}`, and that is where its text is kept",
            record.id
        );
        return Err(dialect::bad_field("metadata", &message));
    }
    Ok(())
}

/// Checks that a change of a record does not part its text from what was made of it.
pub(super) fn check_change(spec: &IndexSpec, update: &Update) -> Result<(), HttpError> {
    let field = text_field(spec);
    let leaves_vector = spec.fingerprint.is_some() && update.values.is_none();
    let leaves_words = jobs::is_hybrid(spec) && update.sparse.is_none();
    if !update.set_metadata.contains_key(field) || !(leaves_vector || leaves_words) {
        return Ok(());
    }
    let message = format!(
        "record `{}` is found by the text in its field `{field}`, which an update does not embed anew; \
         upsert the record with its new `text` instead",
        update.id
    );
    Err(dialect::bad_field("set_metadata", &message))
}

fn text_field(spec: &IndexSpec) -> &str {
    jobs::text_field(spec).unwrap_or("text")
}

fn fill(record: &mut Record, spec: &IndexSpec, text: String, vector: Vec<f32>) {
    index_model::fill(record, spec, &text, vector);
    record.metadata.insert(text_field(spec).to_owned(), index::Value::String(text));
}
