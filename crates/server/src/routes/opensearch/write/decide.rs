//! What writes come to, given the documents that there are.

use std::collections::{BTreeSet, HashMap};

use index::{Checked, InvalidRequest, MetadataError, Record, StoreError};
use serde_json::{Map, Value};
use wire::opensearch::Shards;
use wire::opensearch::bulk::{UpdateBody, WriteResult, Written};

use crate::dialects::opensearch::bulk::{Failure, Kind};
use crate::dialects::opensearch::document;
use crate::dialects::opensearch::mapping::Mapped;
use crate::error::HttpError;

/// An operation with its id, its own or one that was made up.
pub(super) struct Task {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) is_fresh: bool,
    pub(super) body: String,
}

/// What a task does to its document.
enum Change {
    Put { record: Box<Record>, result: WriteResult, version: u64 },
    Delete { version: u64 },
    Nothing(Written),
}

/// What is to be answered for a task.
pub(super) enum Step {
    /// This, if the document is written.
    Write {
        id: String,
        result: WriteResult,
        version: u64,
    },
    Nothing(Result<Written, Failure>),
}

/// What all tasks come to.
pub(super) struct Decided {
    /// One for each task.
    pub(super) steps: Vec<Step>,
    pub(super) puts: Vec<Record>,
    pub(super) deletes: Vec<String>,
}

/// Decides in order: each task sees what those before it did, and of a document only what it is in
/// the end is written.
pub(super) fn decide_all(
    mapped: &Mapped,
    store: &Checked,
    tasks: &[Task],
    mut documents: HashMap<String, Record>,
) -> Decided {
    let mut changed = BTreeSet::new();
    let mut steps = Vec::with_capacity(tasks.len());
    for (position, task) in tasks.iter().enumerate() {
        let change = decide(mapped, store, (position, task), documents.get(&task.id));
        let (result, version) = match change {
            Err(failure) => {
                steps.push(Step::Nothing(Err(failure)));
                continue;
            }
            Ok(Change::Nothing(written)) => {
                steps.push(Step::Nothing(Ok(written)));
                continue;
            }
            Ok(Change::Put { record, result, version }) => {
                documents.insert(task.id.clone(), *record);
                (result, version)
            }
            Ok(Change::Delete { version }) => {
                documents.remove(&task.id);
                (WriteResult::Deleted, version)
            }
        };
        changed.insert(task.id.clone());
        steps.push(Step::Write { id: task.id.clone(), result, version });
    }
    let (mut puts, mut deletes) = (Vec::new(), Vec::new());
    for id in changed {
        match documents.remove(&id) {
            Some(record) => puts.push(record),
            None => deletes.push(id),
        }
    }
    Decided { steps, puts, deletes }
}

// What one task does, given the document that there is.
fn decide(
    mapped: &Mapped,
    store: &Checked,
    (position, task): (usize, &Task),
    present: Option<&Record>,
) -> Result<Change, Failure> {
    let version = present.map_or(0, document::version) + 1;
    let put = |source: &str| {
        let record = document::record(mapped, &task.id, version, source);
        let record = Box::new(record.map_err(Failure::document)?);
        store
            .check_record(&mapped.spec, position, &record)
            .map_err(|err| refused(mapped, &record, err))?;
        let result = if present.is_some() { WriteResult::Updated } else { WriteResult::Created };
        Ok(Change::Put { record, result, version })
    };
    match (task.kind, present) {
        (Kind::Create, Some(record)) => Err(Failure::conflict(&task.id, document::version(record))),
        (Kind::Index | Kind::Create, _) => put(&task.body),
        (Kind::Delete, Some(_)) => Ok(Change::Delete { version }),
        (Kind::Delete, None) => Ok(Change::Nothing(written(WriteResult::NotFound, version, 0))),
        (Kind::Update, _) => match changed(mapped, task, present)? {
            Some(source) => put(&source),
            None => Ok(Change::Nothing(written(WriteResult::Noop, version - 1, 0))),
        },
    }
}

// The document after a change; none if it is the same.
fn changed(
    mapped: &Mapped,
    task: &Task,
    present: Option<&Record>,
) -> Result<Option<String>, Failure> {
    let body: UpdateBody = serde_json::from_str(&task.body)
        .map_err(|err| Failure::document(format!("failed to parse the update: {err}")))?;
    let Some(record) = present else {
        let upsert = body.upsert.or(body.doc.filter(|_| body.doc_as_upsert));
        let upsert = upsert.ok_or_else(|| Failure::missing(&task.id))?;
        return Ok(Some(Value::Object(upsert).to_string()));
    };
    let Some(doc) = body.doc else {
        return Err(Failure::document("an update needs a `doc`; scripts are not run".to_owned()));
    };
    let source = document::source(mapped, record).map_err(Failure::document)?;
    let before: Map<String, Value> = serde_json::from_str(source.get()).map_err(|err| {
        Failure::document(format!("failed to parse the document that there is: {err}"))
    })?;
    let mut after = before.clone();
    merge(&mut after, doc);
    if after == before && body.detect_noop != Some(false) {
        return Ok(None);
    }
    Ok(Some(Value::Object(after).to_string()))
}

// Objects are joined field by field; everything else is replaced.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(inner)), Value::Object(value)) => merge(inner, value),
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
}

// Says it of the document, whose parts all count as metadata here.
fn refused(mapped: &Mapped, record: &Record, err: StoreError) -> Failure {
    if let StoreError::Invalid(InvalidRequest::Metadata {
        source: MetadataError::TooLarge { got, max },
        ..
    }) = &err
    {
        return Failure::document(format!(
            "document [{}] takes {got} bytes, and one of index [{}] at most {max}: its JSON without \
             [{}] ({} bytes) and what filters look at, which is the words of its texts once more; \
             split it into smaller ones",
            record.id,
            mapped.name,
            mapped.vector_field,
            document::source_bytes(&record.metadata)
        ));
    }
    Failure {
        cause: Failure::document(err.to_string()).cause,
        ..Failure::from(&HttpError::from(err))
    }
}

pub(super) fn written(result: WriteResult, version: u64, seq_no: u64) -> Written {
    Written { version, result, shards: Shards::WRITTEN, seq_no, primary_term: 1 }
}
