//! Carries out writes, each for itself: one that fails stops no other.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _};

use index::{Checked, InvalidRequest, MetadataError, Record, Selection, StoreError};
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, SemaphorePermit};
use wire::opensearch::Shards;
use wire::opensearch::bulk::{UpdateBody, WriteResult, Written};

use super::{lookup, namespace};
use crate::App;
use crate::dialects::opensearch::bulk::{Failure, Kind, Operation};
use crate::dialects::opensearch::document;
use crate::dialects::opensearch::mapping::Mapped;
use crate::error::HttpError;

/// Operations that are one transaction at most, so that no other writer waits long.
const MAX_RUN: usize = 5_000;
/// Indexes that share no turn with each other, mostly.
const NUM_TURNS: usize = 16;

/// Lets one request at a time write to an index: what a write does depends on what is there, and
/// nothing may come between.
#[derive(Debug)]
pub(crate) struct WriteTurns([Semaphore; NUM_TURNS], RandomState);

impl Default for WriteTurns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Semaphore::new(1)), RandomState::new())
    }
}

impl WriteTurns {
    async fn of(&self, index: &str) -> SemaphorePermit<'_> {
        let turn = self.1.hash_one(index) % NUM_TURNS as u64;
        self.0[turn as usize].acquire().await.expect("the semaphores are never closed")
    }
}

/// What became of an operation.
pub(super) struct Done {
    /// The id, also one that was made up.
    pub(super) id: Option<String>,
    pub(super) result: Result<Written, Failure>,
}

/// Carries out operations, those on one document in their order. Returns what became of each.
///
/// # Errors
///
/// If the server keeps no indexes.
pub(super) async fn apply(app: &App, operations: &[Operation]) -> Result<Vec<Done>, HttpError> {
    let store = app.indexes()?;
    let mut by_index: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut done: Vec<Option<Done>> = Vec::new();
    for (position, operation) in operations.iter().enumerate() {
        done.push(None);
        let index = operation.index.as_deref().unwrap_or_default();
        by_index.entry(index).or_default().push(position);
    }
    for (name, positions) in by_index {
        let _turn = app.write_turns().of(name).await;
        let outcomes = match lookup(store, name).await {
            Ok(mapped) => {
                let chosen: Vec<&Operation> = positions.iter().map(|&at| &operations[at]).collect();
                Writer { app, store, mapped }.write(&chosen).await
            }
            Err(err) => positions
                .iter()
                .map(|&at| Done { id: operations[at].id.clone(), result: Err((&err).into()) })
                .collect(),
        };
        for (position, outcome) in positions.into_iter().zip(outcomes) {
            done[position] = Some(outcome);
        }
    }
    Ok(done.into_iter().map(|done| done.expect("every operation has an index")).collect())
}

struct Writer<'a> {
    app: &'a App,
    store: &'a Checked,
    mapped: Mapped,
}

/// An operation with its id, its own or one that was made up.
struct Task {
    kind: Kind,
    id: String,
    is_fresh: bool,
    body: String,
}

/// What is to be done for a task.
enum Step {
    Put { record: Box<Record>, result: WriteResult, version: u64 },
    Delete { id: String, version: u64 },
    Nothing(Result<Written, Failure>),
}

impl Writer<'_> {
    async fn write(&self, operations: &[&Operation]) -> Vec<Done> {
        let mut done = Vec::with_capacity(operations.len());
        let mut run: Vec<Task> = Vec::new();
        let mut ids = HashSet::new();
        for operation in operations {
            let task = Task {
                kind: operation.kind,
                id: operation.id.clone().unwrap_or_else(fresh_id),
                is_fresh: operation.id.is_none(),
                body: operation.body.clone(),
            };
            // A second operation on a document sees what the first one did.
            if run.len() == MAX_RUN || ids.contains(&task.id) {
                done.extend(self.run(std::mem::take(&mut run)).await);
                ids.clear();
            }
            ids.insert(task.id.clone());
            run.push(task);
        }
        done.extend(self.run(run).await);
        done
    }

    // Tasks on different documents, in one transaction for all that are put and one for all that are
    // deleted.
    async fn run(&self, tasks: Vec<Task>) -> Vec<Done> {
        let ids: Vec<String> = tasks.iter().map(|task| task.id.clone()).collect();
        let results = match self.present(&tasks).await {
            Ok(present) => {
                let (mapped, store) = (self.mapped.clone(), self.store.clone());
                let decide = move || decide_all(&mapped, &store, &tasks, &present);
                self.carry_out(self.app.offload().run(decide).await).await
            }
            Err(err) => {
                let failure = Failure::from(&HttpError::from(err));
                vec![Err(failure); ids.len()]
            }
        };
        let done = ids.into_iter().zip(results);
        done.map(|(id, result)| Done { id: Some(id), result }).collect()
    }

    // What there is of the documents that the tasks name.
    async fn present(&self, tasks: &[Task]) -> Result<HashMap<String, Record>, StoreError> {
        let can_be = |task: &&Task| !task.is_fresh && (1..=512).contains(&task.id.len());
        let ids: Vec<String> = tasks.iter().filter(can_be).map(|task| task.id.clone()).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let records = self.store.fetch(&self.mapped.spec.name, &namespace(), &ids).await?;
        Ok(records.into_iter().map(|record| (record.id.clone(), record)).collect())
    }

    async fn carry_out(&self, steps: Vec<Step>) -> Vec<Result<Written, Failure>> {
        let (mut puts, mut deletes) = (Vec::new(), Vec::new());
        let mut planned = Vec::with_capacity(steps.len());
        for step in steps {
            planned.push(match step {
                Step::Put { record, result, version } => {
                    let id = record.id.clone();
                    puts.push(*record);
                    Planned::Write { id, result, version }
                }
                Step::Delete { id, version } => {
                    deletes.push(id.clone());
                    Planned::Write { id, result: WriteResult::Deleted, version }
                }
                Step::Nothing(result) => Planned::Done(result),
            });
        }
        let put = self.put(puts).await;
        let deleted = self.delete(deletes).await;
        let outcome = |planned| match planned {
            Planned::Done(result) => result,
            Planned::Write { id, result: WriteResult::Deleted, version } => {
                deleted.of(&id).map(|lsn| written(WriteResult::Deleted, version, lsn))
            }
            Planned::Write { id, result, version } => {
                put.of(&id).map(|lsn| written(result, version, lsn))
            }
        };
        planned.into_iter().map(outcome).collect()
    }

    async fn put(&self, records: Vec<Record>) -> Batch {
        if records.is_empty() {
            return Batch::Written(0);
        }
        let index = &self.mapped.spec.name;
        self.store.upsert(index, &namespace(), records).await.into()
    }

    async fn delete(&self, ids: Vec<String>) -> Batch {
        if ids.is_empty() {
            return Batch::Written(0);
        }
        let index = &self.mapped.spec.name;
        self.store.delete(index, &namespace(), &Selection::Ids(ids)).await.into()
    }
}

/// A step after its record was handed over.
enum Planned {
    Write { id: String, result: WriteResult, version: u64 },
    Done(Result<Written, Failure>),
}

/// What became of one call of the store.
enum Batch {
    /// All was written, with this number.
    Written(u64),
    /// These were not.
    Partial(HashSet<String>, Failure),
    /// Nothing was.
    Failed(Failure),
}

impl Batch {
    fn of(&self, id: &str) -> Result<u64, Failure> {
        match self {
            Self::Written(lsn) => Ok(*lsn),
            Self::Partial(failed, failure) if failed.contains(id) => Err(failure.clone()),
            Self::Partial(..) => Ok(0),
            Self::Failed(failure) => Err(failure.clone()),
        }
    }
}

impl From<Result<index::Written, StoreError>> for Batch {
    fn from(result: Result<index::Written, StoreError>) -> Self {
        match result {
            Ok(written) => Self::Written(written.lsn),
            Err(StoreError::Partial { failed_ids, source, .. }) => {
                let failed = failed_ids.into_iter().collect();
                Self::Partial(failed, Failure::from(&HttpError::from(*source)))
            }
            Err(err) => Self::Failed(Failure::from(&HttpError::from(err))),
        }
    }
}

fn decide_all(
    mapped: &Mapped,
    store: &Checked,
    tasks: &[Task],
    present: &HashMap<String, Record>,
) -> Vec<Step> {
    let decide = |(position, task): (usize, &Task)| {
        let step = decide(mapped, task, present.get(&task.id))?;
        if let Step::Put { record, .. } = &step {
            store
                .check_record(&mapped.spec, position, record)
                .map_err(|err| refused(mapped, record, err))?;
        }
        Ok(step)
    };
    let steps = tasks.iter().enumerate().map(decide);
    steps.map(|step| step.unwrap_or_else(|failure| Step::Nothing(Err(failure)))).collect()
}

// What one task comes to, given the document that there is.
fn decide(mapped: &Mapped, task: &Task, present: Option<&Record>) -> Result<Step, Failure> {
    let version = present.map_or(0, document::version) + 1;
    let put = |source: &str| {
        let record = document::record(mapped, &task.id, version, source);
        let record = Box::new(record.map_err(Failure::document)?);
        let result = if present.is_some() { WriteResult::Updated } else { WriteResult::Created };
        Ok(Step::Put { record, result, version })
    };
    match (task.kind, present) {
        (Kind::Create, Some(record)) => Err(Failure::conflict(&task.id, document::version(record))),
        (Kind::Index | Kind::Create, _) => put(&task.body),
        (Kind::Delete, Some(_)) => Ok(Step::Delete { id: task.id.clone(), version }),
        (Kind::Delete, None) => Ok(Step::Nothing(Ok(written(WriteResult::NotFound, version, 0)))),
        (Kind::Update, _) => match changed(mapped, task, present)? {
            Some(source) => put(&source),
            None => Ok(Step::Nothing(Ok(written(WriteResult::Noop, version - 1, 0)))),
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

fn written(result: WriteResult, version: u64, seq_no: u64) -> Written {
    Written { version, result, shards: Shards::WRITTEN, seq_no, primary_term: 1 }
}

// Nobody else's: its parts are hashes with keys that the standard library draws at random.
fn fresh_id() -> String {
    let draw = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", draw(), draw())
}
