//! Carries out writes, each for itself: one that fails stops no other.

mod decide;

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _};

use index::{Checked, Record, Selection, StoreError};
use tokio::sync::{Semaphore, SemaphorePermit};
use wire::opensearch::bulk::Written;

use self::decide::{Decided, Step, Task, decide_all, written};
use super::{lookup, namespace};
use crate::App;
use crate::dialects::opensearch::bulk::{Failure, Operation};
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

impl Writer<'_> {
    async fn write(&self, operations: &[&Operation]) -> Vec<Done> {
        let mut done = Vec::with_capacity(operations.len());
        let mut run: Vec<Task> = Vec::new();
        for operation in operations {
            let task = Task {
                kind: operation.kind,
                id: operation.id.clone().unwrap_or_else(fresh_id),
                is_fresh: operation.id.is_none(),
                body: operation.body.clone(),
            };
            if run.len() == MAX_RUN {
                done.extend(self.run(std::mem::take(&mut run)).await);
            }
            run.push(task);
        }
        done.extend(self.run(run).await);
        done
    }

    // One transaction for all documents that are there afterwards, and one for all that are not.
    async fn run(&self, tasks: Vec<Task>) -> Vec<Done> {
        let ids: Vec<String> = tasks.iter().map(|task| task.id.clone()).collect();
        let results = match self.present(&tasks).await {
            Ok(present) => {
                let (mapped, store) = (self.mapped.clone(), self.store.clone());
                let decide = move || decide_all(&mapped, &store, &tasks, present);
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
        let ids: BTreeSet<&str> =
            tasks.iter().filter(can_be).map(|task| task.id.as_str()).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
        let records = self.store.fetch(&self.mapped.spec.name, &namespace(), &ids).await?;
        Ok(records.into_iter().map(|record| (record.id.clone(), record)).collect())
    }

    async fn carry_out(&self, decided: Decided) -> Vec<Result<Written, Failure>> {
        let put_ids: HashSet<String> = decided.puts.iter().map(|put| put.id.clone()).collect();
        let put = self.put(decided.puts).await;
        let deleted = self.delete(decided.deletes).await;
        let outcome = |step| match step {
            Step::Nothing(result) => result,
            Step::Write { id, result, version } => {
                // What a document became last says whether what it was before was written, too.
                let batch = if put_ids.contains(&id) { &put } else { &deleted };
                batch.of(&id).map(|lsn| written(result, version, lsn))
            }
        };
        decided.steps.into_iter().map(outcome).collect()
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

// Nobody else's: its parts are hashes with keys that the standard library draws at random.
fn fresh_id() -> String {
    let draw = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", draw(), draw())
}
