//! The compute threads of this process, shared by all its engines.
//!
//! A worker tokenizes and computes whatever its engines have. With nothing to do, it helps the pass of
//! another worker, so that a single short text uses every core too; and sleeps when there is no
//! pass. These are the only threads that compute.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;

use kernels::{Exec, Isa, Team};
use model::Encoder;

use crate::pass;
use crate::queue::{Queue, Work};

/// The compute threads of this process. Dropping it stops them; requests that are not done end with
/// [`EmbedError::ShuttingDown`](crate::EmbedError::ShuttingDown).
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// An encoder and its queue, as workers see them.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) encoder: Encoder,
    pub(crate) queue: Arc<Queue>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    sources: Mutex<Vec<Weak<Source>>>,
    seats: Vec<Seat>,
    /// Counts events that a worker without work should look at: new work, a pass to help with.
    events: AtomicU64,
    num_asleep: AtomicUsize,
    stopping: AtomicBool,
    sleep: Mutex<()>,
    wake: Condvar,
}

/// One worker's place: the team that others join to help its pass.
#[derive(Debug, Default)]
struct Seat {
    team: Arc<Team>,
    in_pass: AtomicBool,
}

impl Pool {
    /// Starts `num_threads` workers.
    pub fn start(num_threads: NonZeroUsize) -> Self {
        let shared = Arc::new(Shared {
            sources: Mutex::default(),
            seats: (0..num_threads.get()).map(|_| Seat::default()).collect(),
            events: AtomicU64::new(0),
            num_asleep: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
        });
        let threads = (0..num_threads.get())
            .map(|number| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new()
                    .name(format!("sembla-worker-{number}"))
                    .spawn(move || shared.work(number))
                    .expect("the system has room for a thread at start")
            })
            .collect();
        Self { shared, threads }
    }

    /// Returns how many workers there are.
    pub fn num_threads(&self) -> usize {
        self.threads.len()
    }

    pub(crate) fn add(&self, source: &Arc<Source>) -> Arc<Shared> {
        self.shared.lock_sources().push(Arc::downgrade(source));
        Arc::clone(&self.shared)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.announce();
        for thread in self.threads.drain(..) {
            // A worker catches panics of its work; one of its own is a bug that was printed already.
            let _ = thread.join();
        }
        for source in self.shared.lock_sources().iter().filter_map(Weak::upgrade) {
            source.queue.abandon();
        }
    }
}

impl Shared {
    fn lock_sources(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Source>>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells workers without work to look again.
    pub(crate) fn announce(&self) {
        self.events.fetch_add(1, Ordering::SeqCst);
        if self.num_asleep.load(Ordering::SeqCst) > 0 {
            // Taken, so that no worker is between its last look and its sleep.
            drop(self.sleep.lock().unwrap_or_else(PoisonError::into_inner));
            self.wake.notify_all();
        }
    }

    fn work(&self, number: usize) {
        let exec = Exec::new(Isa::best(), Arc::clone(&self.seats[number].team));
        let mut turn = number;
        while !self.stopping.load(Ordering::SeqCst) {
            let seen = self.events.load(Ordering::SeqCst);
            if let Some((source, work)) = self.next_work(&mut turn) {
                self.do_work(&source, work, &exec, &self.seats[number]);
            } else if let Some(seat) = self.seats.iter().find(|seat| seat.is_in_pass()) {
                seat.team.help(|| !seat.is_in_pass() || self.events.load(Ordering::SeqCst) != seen);
            } else {
                self.sleep_unless_later_than(seen);
            }
        }
    }

    /// Asks the engines for work, each first in turn.
    fn next_work(&self, turn: &mut usize) -> Option<(Arc<Source>, Work)> {
        let mut sources = self.lock_sources();
        sources.retain(|source| source.strong_count() > 0);
        let num_sources = sources.len();
        *turn += 1;
        for offset in 0..num_sources {
            let source = sources[(*turn + offset) % num_sources].upgrade();
            let Some(source) = source else { continue };
            if let Some(work) = source.queue.next() {
                return Some((source, work));
            }
        }
        None
    }

    fn do_work(&self, source: &Source, work: Work, exec: &Exec, seat: &Seat) {
        match work {
            Work::Tokenize(piece) => {
                pass::tokenize(&source.encoder, &source.queue, piece);
                self.announce();
            }
            Work::Compute(batch) => {
                seat.in_pass.store(true, Ordering::SeqCst);
                // Whoever sleeps may help.
                self.announce();
                pass::compute(&source.encoder, &source.queue, exec, batch);
                seat.in_pass.store(false, Ordering::SeqCst);
            }
        }
    }

    fn sleep_unless_later_than(&self, seen: u64) {
        let guard = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.num_asleep.fetch_add(1, Ordering::SeqCst);
        let awake = self
            .wake
            .wait_while(guard, |()| self.events.load(Ordering::SeqCst) == seen)
            .unwrap_or_else(PoisonError::into_inner);
        self.num_asleep.fetch_sub(1, Ordering::SeqCst);
        drop(awake);
    }
}

impl Seat {
    fn is_in_pass(&self) -> bool {
        self.in_pass.load(Ordering::SeqCst)
    }
}
