//! The one thread that writes to an index, and its group commit.
//!
//! It takes all writes that wait, carries them out in one transaction, commits once (which is when
//! LMDB syncs), and then answers all of them. If one fails, the transaction is dropped and each is
//! carried out alone, so that only the guilty one fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::batch::{Batch, Committed, Write};
use super::fault::{Fault, Step};
use super::folder;
use super::opened::Core;
use crate::error::StoreError;
use crate::store::Written;

/// Writes that wait, at most: each may hold a batch of vectors in memory.
const MAX_WAITING: usize = 64;
/// Records in one transaction, unless a single write has more: what a caller waits for others.
const MAX_GROUP_RECORDS: usize = 4_096;

/// The thread. Dropping this carries out what waits, and joins it.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Job {
    write: Write,
    answer: oneshot::Sender<Result<Written, StoreError>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(core: Arc<Core>) -> Result<Self, StoreError> {
        let (sender, mut receiver) = mpsc::channel(MAX_WAITING);
        let path = core.environment.path().to_owned();
        let thread = std::thread::Builder::new()
            .name("index-writer".to_owned())
            .spawn(move || {
                while let Some(group) = next_group(&mut receiver) {
                    // A panic drops the transaction and the answers of this group, and no others.
                    let _ = catch_unwind(AssertUnwindSafe(|| write_group(&core, group)));
                }
            })
            .map_err(|source| StoreError::Io { path, source })?;
        Ok(Self { jobs: Some(sender), thread: Some(thread) })
    }

    /// Carries out a write; returns when it is durable.
    pub(super) async fn write(&self, write: Write) -> Result<Written, StoreError> {
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(Job { write, answer }).await.map_err(|_| StoreError::Closed)?;
        // The thread answers everything that it takes, unless it panics.
        answered.await.map_err(|_| StoreError::Crashed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It catches its panics.
            let _ = thread.join();
        }
    }
}

fn next_group(receiver: &mut mpsc::Receiver<Job>) -> Option<Vec<Job>> {
    let mut group = vec![receiver.blocking_recv()?];
    let mut num_records = group[0].write.num_records();
    while num_records < MAX_GROUP_RECORDS {
        let Ok(job) = receiver.try_recv() else { break };
        num_records += job.write.num_records();
        group.push(job);
    }
    Some(group)
}

fn write_group(core: &Core, group: Vec<Job>) {
    if group.len() > 1 {
        let writes = group.iter().map(|job| &job.write).collect::<Vec<_>>();
        if let Ok(written) = commit(core, &writes) {
            for (job, written) in group.into_iter().zip(written) {
                // Nobody waits for it any more; it is written all the same.
                let _ = job.answer.send(Ok(written));
            }
            return;
        }
    }
    for job in group {
        let written = commit(core, &[&job.write]);
        let _ = job.answer.send(written.map(|written| written[0]));
    }
}

/// Carries out writes in one transaction.
fn commit(core: &Core, writes: &[&Write]) -> Result<Vec<Written>, StoreError> {
    let opened = core.environment.opened()?;
    let spec = core.spec();
    let committed = (|| -> Step<(Vec<Written>, Committed)> {
        if core.is_retired() {
            return Err(Fault::Retired);
        }
        let mut batch = Batch::begin(&opened.env, &opened.tables, &spec)?;
        let written = writes.iter().map(|write| batch.apply(write)).collect::<Step<_>>()?;
        Ok((written, batch.commit()?))
    })();
    match committed {
        Ok((written, committed)) => {
            if let Some(new_spec) = committed.new_spec {
                core.set_spec(new_spec);
            }
            if committed.is_last {
                core.set_retired(true);
            }
            core.coded.note_commit();
            Ok(written)
        }
        Err(fault) => {
            drop(opened);
            if fault.is_fatal() {
                core.environment.reopen()?;
            }
            let fault = folder::name_full_disk(core.environment.path(), fault);
            Err(core.environment.error(fault))
        }
    }
}
