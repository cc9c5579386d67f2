//! Threads that share the work of one forward pass, for as long as they have nothing better to do.
//!
//! A pass runs on the thread that began it. Any other thread may come and [help](Team::help): from
//! then on the pass hands out the parts of each operation instead of running them all. With nobody
//! helping, an operation costs nothing extra. This crate starts no threads; callers lend theirs.
#![expect(
    unsafe_code,
    reason = "lends a closure on one thread's stack to others, and waits for them"
)]

use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};

type Part<'a> = &'a (dyn Fn(usize) + Sync);

/// The meeting place of one pass and its helpers.
#[derive(Debug, Default)]
pub struct Team {
    /// Threads in `help`. Zero means that nothing needs to be shared.
    helpers: AtomicUsize,
    /// Whether `job` may be entered.
    open: AtomicBool,
    /// Helpers that look at `job` or work on it. `job` changes only while this is 0 and `open` is false.
    inside: AtomicUsize,
    job: UnsafeCell<Option<Job>>,
    next_part: AtomicUsize,
    panicked: AtomicBool,
}

#[derive(Debug)]
struct Job {
    part: *const (dyn Fn(usize) + Sync),
    num_parts: usize,
}

// SAFETY: `job` is written by the one thread in `run` while no helper is inside, and read by helpers
// only between entering and leaving; the closure it points to is `Sync`.
unsafe impl Sync for Team {}
// SAFETY: the pointer in `job` is dead outside of `run`.
unsafe impl Send for Team {}

impl Team {
    /// Calls `part` with each number below `num_parts`, once each, in no particular order, on this
    /// thread and on those that help. Returns when all are done.
    ///
    /// Only the thread whose pass this is may call it, never from within a part.
    ///
    /// # Panics
    ///
    /// If a part panics, here or on a helper.
    pub(crate) fn run(&self, num_parts: usize, part: Part<'_>) {
        if num_parts <= 1 || self.helpers.load(SeqCst) == 0 {
            (0..num_parts).for_each(part);
            return;
        }
        // Closes the job and waits for the helpers inside, also when a part panics here: the
        // closure lives on this stack.
        let _close = CloseOnDrop(self);
        // SAFETY: erases the lifetime only; no helper touches the closure after `_close` is dropped.
        let part_for_all: *const (dyn Fn(usize) + Sync) =
            unsafe { std::mem::transmute::<Part<'_>, Part<'static>>(part) };
        // SAFETY: `open` is false and nobody is inside (the last `run` waited for that), so that no
        // other thread looks at `job`.
        unsafe { *self.job.get() = Some(Job { part: part_for_all, num_parts }) };
        self.next_part.store(0, SeqCst);
        self.open.store(true, SeqCst);
        loop {
            let number = self.next_part.fetch_add(1, SeqCst);
            if number >= num_parts {
                break;
            }
            part(number);
        }
    }

    /// Works on the parts of the pass until `leave` says so; asked between parts.
    pub fn help(&self, leave: impl Fn() -> bool) {
        self.helpers.fetch_add(1, SeqCst);
        let mut patience = Patience::default();
        while !leave() {
            if self.help_once() {
                patience = Patience::default();
            }
            patience.wait();
        }
        self.helpers.fetch_sub(1, SeqCst);
    }

    /// Returns whether there was a job.
    fn help_once(&self) -> bool {
        if !self.open.load(SeqCst) {
            return false;
        }
        self.inside.fetch_add(1, SeqCst);
        // Asked again after entering: if the job was closed meanwhile, its owner may not have seen
        // us inside.
        if self.open.load(SeqCst) {
            // SAFETY: we are inside and the job was open after we entered, so that its owner waits
            // for us before it changes `job` or returns.
            let job = unsafe { &*self.job.get() };
            if let Some(job) = job {
                self.work_on(job);
            }
        }
        self.inside.fetch_sub(1, SeqCst);
        true
    }

    fn work_on(&self, job: &Job) {
        loop {
            let number = self.next_part.fetch_add(1, SeqCst);
            if number >= job.num_parts {
                return;
            }
            // SAFETY: the owner waits for us, so the closure is alive.
            let part = unsafe { &*job.part };
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| part(number)));
            if outcome.is_err() {
                self.panicked.store(true, SeqCst);
            }
        }
    }
}

/// Waits by spinning, which is all that a healthy pass needs (operations follow each other within
/// microseconds), and by giving the core away when it takes longer: whoever is waited for may not be
/// running.
#[derive(Default)]
struct Patience(u32);

impl Patience {
    fn wait(&mut self) {
        /// Some 50 µs.
        const SPINS: u32 = 2_000;
        if self.0 < SPINS {
            self.0 += 1;
            spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

struct CloseOnDrop<'a>(&'a Team);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.open.store(false, SeqCst);
        let mut patience = Patience::default();
        while self.0.inside.load(SeqCst) != 0 {
            patience.wait();
        }
        let panicked = self.0.panicked.swap(false, SeqCst);
        if panicked && !std::thread::panicking() {
            panic!("a helper panicked in its part of an operation");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_helpers(num_helpers: usize, work: impl FnOnce(&Team)) {
        let team = Team::default();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..num_helpers {
                scope.spawn(|| team.help(|| done.load(SeqCst)));
            }
            while team.helpers.load(SeqCst) < num_helpers {
                std::thread::yield_now();
            }
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&team)));
            done.store(true, SeqCst);
            if let Err(panic) = outcome {
                std::panic::resume_unwind(panic);
            }
        });
    }

    #[test]
    fn every_part_runs_once_with_any_number_of_helpers() {
        for num_helpers in 0..4 {
            with_helpers(num_helpers, |team| {
                for num_parts in (0..200).chain([5000]) {
                    let counts: Vec<AtomicUsize> =
                        (0..num_parts).map(|_| AtomicUsize::new(0)).collect();
                    team.run(num_parts, &|part| {
                        counts[part].fetch_add(1, SeqCst);
                    });
                    assert!(counts.iter().all(|count| count.load(SeqCst) == 1));
                }
            });
        }
    }

    #[test]
    fn a_panic_in_any_part_reaches_the_owner_and_the_team_goes_on() {
        with_helpers(2, |team| {
            for bad in 0..50 {
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    team.run(50, &|part| assert!(part != bad, "planted"));
                }));
                assert!(outcome.is_err());
                let sum = AtomicUsize::new(0);
                team.run(10, &|part| {
                    sum.fetch_add(part, SeqCst);
                });
                assert_eq!(sum.load(SeqCst), 45);
            }
        });
    }
}
