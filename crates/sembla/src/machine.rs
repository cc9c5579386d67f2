//! What this process may use of the machine: CPUs and memory, as the affinity mask, the cgroups and
//! the kernel say, and why.
//!
//! Reading is here; what the files mean is in [`cgroup`], which is pure.

mod cgroup;
mod memory;

use std::num::NonZeroUsize;
use std::path::Path;

pub(crate) use cgroup::Limit;
pub(crate) use memory::Memory;

/// The CPUs that this process may use.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cpus {
    /// CPUs in the affinity mask.
    pub(crate) num_in_mask: usize,
    /// The tightest quota of the cgroups around this process, in CPUs.
    pub(crate) quota: Option<Limit<f64>>,
}

/// A number of threads, and why it is that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Threads {
    pub(crate) count: NonZeroUsize,
    /// A clause for logs and `sembla doctor`.
    pub(crate) reason: String,
}

impl Cpus {
    /// Asks the kernel.
    pub(crate) fn detect() -> Self {
        let mask = rustix::thread::sched_getaffinity(None);
        Self {
            // A process always runs on at least one CPU, whatever stops us from reading the mask.
            num_in_mask: mask.map_or(1, |mask| mask.count() as usize).max(1),
            quota: cgroup::cpu_quota(&read_file),
        }
    }

    /// Returns how many compute threads to start, where the settings leave it open.
    ///
    /// A quota is rounded down: threads beyond it are stopped together by the scheduler for the
    /// rest of each period, which costs more than the fraction of a CPU that goes unused.
    pub(crate) fn threads(&self) -> Threads {
        let mask = plural(self.num_in_mask, "CPU");
        let Some(quota) = &self.quota else {
            return Threads {
                count: at_least_one(self.num_in_mask),
                reason: format!("{mask} in the affinity mask, no cgroup quota"),
            };
        };
        // A quota is far below what a usize holds, and never negative.
        let whole = quota.value.floor() as usize;
        Threads {
            count: at_least_one(self.num_in_mask.min(whole)),
            reason: format!(
                "{mask} in the affinity mask, a cgroup quota of {} ({})",
                quota.value,
                quota.file.display()
            ),
        }
    }
}

/// Returns the compute threads: those that were asked for, or those that the machine allows.
pub(crate) fn choose_threads(asked: Option<NonZeroUsize>, source: &str) -> Threads {
    match asked {
        Some(count) => Threads { count, reason: format!("as asked ({source})") },
        None => Cpus::detect().threads(),
    }
}

/// Asks the kernel for the memory that this process may use.
pub(crate) fn detect_memory() -> Memory {
    memory::detect(&read_file)
}

/// Returns the bytes that are free for this user on the file system of `path`, or of its nearest
/// ancestor that exists.
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    // The last ancestor of a relative path is empty and stands for the working folder.
    let here = |path| if path == Path::new("") { Path::new(".") } else { path };
    let mut candidates = path.ancestors().map(here);
    let existing = candidates.find(|candidate| candidate.exists())?;
    let stat = rustix::fs::statvfs(existing).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Lets this process open as many files as it may: each connection is one, and the usual limit for
/// a start is 1,024. Where that is not allowed, the limit stays as it is.
pub(crate) fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    if let Err(err) = raised {
        tracing::debug!(error = %err, "the limit of open files stays as it is");
    }
}

/// Writes a count with its noun: `1 CPU`, `2 CPUs`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn at_least_one(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN)
}

fn read_file(path: &Path) -> Option<String> {
    fs_err::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(num_in_mask: usize, quota: Option<f64>, expected: &str) {
        let quota = quota.map(|value| Limit { value, file: "/sys/fs/cgroup/cpu.max".into() });
        let threads = Cpus { num_in_mask, quota }.threads();
        assert_eq!(format!("{}: {}", threads.count, threads.reason), expected);
    }

    #[test]
    fn the_mask_decides_without_a_quota() {
        check(1, None, "1: 1 CPU in the affinity mask, no cgroup quota");
        check(8, None, "8: 8 CPUs in the affinity mask, no cgroup quota");
    }

    #[test]
    fn the_smaller_of_mask_and_quota_decides() {
        let quota = "(/sys/fs/cgroup/cpu.max)";
        check(
            8,
            Some(2.0),
            &format!("2: 8 CPUs in the affinity mask, a cgroup quota of 2 {quota}"),
        );
        check(
            2,
            Some(6.0),
            &format!("2: 2 CPUs in the affinity mask, a cgroup quota of 6 {quota}"),
        );
    }

    #[test]
    fn a_quota_is_rounded_down_but_never_to_nothing() {
        let quota = "(/sys/fs/cgroup/cpu.max)";
        check(
            8,
            Some(3.5),
            &format!("3: 8 CPUs in the affinity mask, a cgroup quota of 3.5 {quota}"),
        );
        check(
            8,
            Some(0.5),
            &format!("1: 8 CPUs in the affinity mask, a cgroup quota of 0.5 {quota}"),
        );
    }

    #[test]
    fn this_process_has_a_cpu_and_memory() {
        assert!(Cpus::detect().num_in_mask >= 1);
        let memory = detect_memory();
        assert!(memory.total_bytes > 0 && memory.available_bytes <= memory.total_bytes);
    }

    #[test]
    fn free_space_of_a_folder_that_does_not_exist_yet_is_its_parents() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_bytes(&dir.path().join("a/b")).is_some());
        assert!(free_bytes(Path::new("not/there/yet")).is_some());
    }
}
