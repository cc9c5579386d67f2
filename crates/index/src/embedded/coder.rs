//! The thread that keeps an index's codes up with its rows.
//!
//! It reads what was committed, in pieces, so that no read transaction lasts; centroids are learned on
//! a thread of their own meanwhile.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::block::FULL_ROWS;
use super::coded::{CodedSpace, CodedSpaces};
use super::fault::Step;
use super::keys;
use super::opened::Core;
use super::view::View;
use crate::codes::Codes;
use crate::error::StoreError;
use crate::record::Namespace;
use crate::spec::Metric;

/// Blocks that are read in one transaction.
const PIECE_BLOCKS: usize = 16;
/// Rows whose mean the others are coded relative to.
const SAMPLE_ROWS: u32 = 1_000;

/// The thread. Dropping this ends it, wherever it is, and joins it.
#[derive(Debug)]
pub(super) struct Coder {
    coded: Arc<CodedSpaces>,
    thread: Option<JoinHandle<()>>,
}

impl Coder {
    /// Starts the thread, which begins with the namespaces that are large already.
    pub(super) fn start(core: Arc<Core>, num_threads: NonZeroUsize) -> Result<Self, StoreError> {
        let coded = Arc::clone(&core.coded);
        let path = core.environment.path().to_owned();
        let thread = std::thread::Builder::new()
            .name("index-coder".to_owned())
            .spawn(move || run(&core, num_threads))
            .map_err(|source| StoreError::Io { path, source })?;
        Ok(Self { coded, thread: Some(thread) })
    }
}

impl Drop for Coder {
    fn drop(&mut self) {
        self.coded.close();
        if let Some(thread) = self.thread.take() {
            // It catches its panics.
            let _ = thread.join();
        }
    }
}

/// Has codes made of all namespaces of an index that are large enough.
pub(super) fn want_large(core: &Core) -> Result<(), StoreError> {
    let dimensions = core.spec().dimensions;
    let spaces = core.environment.read(|txn, tables| tables.spaces(txn))?;
    for (name, space) in spaces {
        if core.coded.is_large(space, dimensions) {
            core.coded.want(&Namespace::new(name), space.id);
        }
    }
    Ok(())
}

fn run(core: &Core, num_threads: NonZeroUsize) {
    // Whoever queries a namespace that is missing here wants it again, and is told what is wrong.
    let _ = want_large(core);
    while let Some(spaces) = core.coded.next() {
        for (namespace, space) in spaces {
            let task = Task { core, namespace: &namespace, id: space.id };
            let done = catch_unwind(AssertUnwindSafe(|| task.run(space, num_threads)));
            if !matches!(done, Ok(Ok(()))) {
                // The same again: nobody misses codes but in the time that queries take.
                core.coded.forget(&namespace, task.id);
            }
        }
    }
}

/// How far a namespace is.
enum Progress {
    More,
    Done,
    /// The namespace is not there any more.
    Gone,
}

struct Task<'a> {
    core: &'a Core,
    namespace: &'a Namespace,
    id: u32,
}

impl Task<'_> {
    fn run(&self, space: CodedSpace, num_threads: NonZeroUsize) -> Result<(), StoreError> {
        let Some(codes) = space.codes.map_or_else(|| self.begin(), |codes| Ok(Some(codes)))? else {
            self.core.coded.forget(self.namespace, self.id);
            return Ok(());
        };
        while !self.core.coded.is_closing() {
            match self.view(|view| append(&view, &codes))?.unwrap_or(Progress::Gone) {
                Progress::More => {}
                Progress::Done => {
                    if !space.is_learning && codes.wants_relearning() {
                        self.learn(codes, num_threads);
                    }
                    break;
                }
                Progress::Gone => {
                    self.core.coded.forget(self.namespace, self.id);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Begins the codes of the namespace; `None` if it is not there.
    fn begin(&self) -> Result<Option<Arc<Codes>>, StoreError> {
        let metric = self.core.spec().metric;
        let codes = self.view(|view| begin(&view, metric))?.map(Arc::new);
        let begun = codes.clone();
        self.core.coded.change(self.namespace, self.id, |space| space.codes = begun);
        Ok(codes)
    }

    /// Looks at the namespace; `None` if it is not there.
    fn view<T>(&self, run: impl FnOnce(View<'_>) -> Step<T>) -> Result<Option<T>, StoreError> {
        let dimensions = self.core.spec().dimensions;
        self.core.environment.read(|txn, tables| {
            let view = View::of(txn, tables, self.namespace, dimensions)?;
            view.filter(|view| view.space.id == self.id).map(run).transpose()
        })
    }

    /// Learns centroids while queries and this thread go on.
    fn learn(&self, codes: Arc<Codes>, num_threads: NonZeroUsize) {
        let (coded, namespace, id) =
            (Arc::clone(&self.core.coded), self.namespace.clone(), self.id);
        coded.change(&namespace, id, |space| space.is_learning = true);
        let learn = move || {
            let _ = catch_unwind(AssertUnwindSafe(|| codes.relearn(num_threads)));
            drop(codes);
            coded.note_learned(&namespace, id);
        };
        let started = std::thread::Builder::new().name("index-learner".to_owned()).spawn(learn);
        if started.is_err() {
            // Tried again after the next write; until then searches read more than they need.
            self.core.coded.change(self.namespace, self.id, |space| space.is_learning = false);
        }
    }
}

fn begin(view: &View<'_>, metric: Metric) -> Step<Codes> {
    let live = view.live()?;
    let mut sample = Vec::new();
    let step = (live.len() as usize).div_ceil(SAMPLE_ROWS as usize).max(1);
    for row in live.iter().step_by(step) {
        sample.extend_from_slice(&view.vector(row)?);
    }
    Ok(Codes::new(metric, view.dimensions, &sample))
}

/// Codes some of the rows that have none yet, and frees codes of blocks that are gone.
fn append(view: &View<'_>, codes: &Codes) -> Step<Progress> {
    for _ in 0..PIECE_BLOCKS {
        let row = codes.num_rows() as u32;
        let Some(block) = view.block_from(row)? else {
            forget(view, codes)?;
            return Ok(Progress::Done);
        };
        let first_row = block.first_row.max(row);
        let at = (first_row - block.first_row) as usize * view.dimensions;
        codes.append(first_row, &block.values[at..]);
    }
    Ok(Progress::More)
}

fn forget(view: &View<'_>, codes: &Codes) -> Step<()> {
    if codes.num_held() as u64 <= view.space.num_held {
        return Ok(());
    }
    let mut next = 0;
    for entry in view.tables.blocks.prefix_iter(view.txn, &view.space.id.to_be_bytes())? {
        let first_row = keys::row_of(entry?.0).unwrap_or(u32::MAX) / FULL_ROWS * FULL_ROWS;
        if next < first_row {
            codes.forget(next..first_row);
        }
        next = first_row.saturating_add(FULL_ROWS);
    }
    Ok(())
}
