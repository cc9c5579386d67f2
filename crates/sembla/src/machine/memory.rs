//! The memory that this process may use.

use std::path::Path;

use super::cgroup::{Limit, Read, memory_limit};

/// Memory of the machine, and the limit around this process.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Memory {
    /// Of the machine.
    pub(crate) total_bytes: u64,
    /// What the kernel thinks could be given out without swapping.
    pub(crate) available_bytes: u64,
    /// The tightest limit of the cgroups around this process.
    pub(crate) limit: Option<Limit<u64>>,
}

/// Reads /proc/meminfo and the cgroups.
pub(crate) fn detect(read: Read<'_>) -> Memory {
    let meminfo = read(Path::new("/proc/meminfo")).unwrap_or_default();
    Memory {
        total_bytes: field(&meminfo, "MemTotal").unwrap_or(0),
        available_bytes: field(&meminfo, "MemAvailable").unwrap_or(0),
        limit: memory_limit(read),
    }
}

/// Reads `NAME:   VALUE kB`, in bytes.
fn field(meminfo: &str, name: &str) -> Option<u64> {
    let value = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_table() {
        let meminfo = "MemTotal:       24618312 kB\nMemFree:  1 kB\nMemAvailable:   20000000 kB\n";
        assert_eq!(field(meminfo, "MemTotal"), Some(24_618_312 * 1024));
        assert_eq!(field(meminfo, "MemAvailable"), Some(20_000_000 * 1024));
        assert_eq!(field(meminfo, "Mem"), None);
        assert_eq!(field("MemTotal: many kB", "MemTotal"), None);
    }
}
