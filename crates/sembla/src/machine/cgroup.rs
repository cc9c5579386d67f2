//! The limits that cgroups set, version 1 and 2.
//!
//! A limit can stand at any level above the process, and the tightest one holds, so every folder
//! from the process's own group up to the mount point is read. The files are read through a
//! function, so that a test is a table of files.
//!
//! # Source
//!
//! The kernel's `Documentation/admin-guide/cgroup-v2.rst` (`cpu.max`, `memory.max`) and
//! `cgroup-v1/memory.rst`, `scheduler/sched-bwc.rst` (`cpu.cfs_quota_us`, `cpu.cfs_period_us`).

use std::path::{Path, PathBuf};

/// Reads a file, if it is there.
pub(crate) type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// A limit and the file that sets it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Limit<T> {
    pub(crate) value: T,
    pub(crate) file: PathBuf,
}

/// Version 1 writes the largest page-aligned number for "no limit"; whatever is near it is none.
const NO_LIMIT_BYTES: u64 = 1 << 60;

/// Returns the tightest CPU quota, in CPUs.
pub(crate) fn cpu_quota(read: Read<'_>) -> Option<Limit<f64>> {
    let version_2 = walk(&groups(read, Version::Two), |dir| {
        let file = dir.join("cpu.max");
        Some(Limit { value: parse_cpu_max(&read(&file)?)?, file })
    });
    let version_1 = walk(&groups(read, Version::One("cpu")), |dir| {
        let file = dir.join("cpu.cfs_quota_us");
        let period = read(&dir.join("cpu.cfs_period_us"))?;
        Some(Limit { value: parse_cfs(&read(&file)?, &period)?, file })
    });
    tightest(version_2.into_iter().chain(version_1))
}

/// Returns the tightest memory limit, in bytes.
pub(crate) fn memory_limit(read: Read<'_>) -> Option<Limit<u64>> {
    let in_file = |name: &'static str| {
        move |dir: &Path| {
            let file = dir.join(name);
            // Version 2 writes `max`, which is no number, for "no limit".
            let value: u64 = read(&file)?.trim().parse().ok()?;
            (value < NO_LIMIT_BYTES).then_some(Limit { value, file })
        }
    };
    let version_2 = walk(&groups(read, Version::Two), in_file("memory.max"));
    let version_1 = walk(&groups(read, Version::One("memory")), in_file("memory.limit_in_bytes"));
    tightest(version_2.into_iter().chain(version_1))
}

#[derive(Debug, Clone, Copy)]
enum Version {
    /// With the controller's name: each may have a hierarchy of its own.
    One(&'static str),
    Two,
}

/// Returns the folders of the groups around this process, innermost first.
fn groups(read: Read<'_>, version: Version) -> Vec<PathBuf> {
    let membership = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let mounts = read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
    let Some(group) = membership.lines().find_map(|line| group_path(line, version)) else {
        return Vec::new();
    };
    let Some((root, mount_point)) = mounts.lines().find_map(|line| mount_of(line, version)) else {
        return Vec::new();
    };
    // A container may see the host's path of its group while only that group is mounted: the
    // mount's root is then the part that must be cut off.
    let below = Path::new(group).strip_prefix(root).unwrap_or(Path::new(""));
    let innermost = Path::new(mount_point).join(below);
    let inside = |dir: &&Path| dir.starts_with(mount_point);
    innermost.ancestors().take_while(inside).map(Path::to_path_buf).collect()
}

/// Reads a line of /proc/self/cgroup, `ID:CONTROLLERS:PATH`; version 2 has id 0 and no controllers.
fn group_path(line: &str, version: Version) -> Option<&str> {
    let mut fields = line.splitn(3, ':');
    let (_id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let matches = match version {
        Version::One(controller) => controllers.split(',').any(|name| name == controller),
        Version::Two => controllers.is_empty(),
    };
    // Without its leading slash the path can be joined, and `/` becomes empty.
    matches.then(|| path.trim_start_matches('/'))
}

/// Reads a line of /proc/self/mountinfo and returns the mount's root and mount point.
fn mount_of(line: &str, version: Version) -> Option<(&str, &str)> {
    let (before, after) = line.split_once(" - ")?;
    let mut after = after.split(' ');
    let (kind, _device, options) = (after.next()?, after.next()?, after.next()?);
    let matches = match version {
        Version::One(controller) => {
            kind == "cgroup" && options.split(',').any(|option| option == controller)
        }
        Version::Two => kind == "cgroup2",
    };
    let mut before = before.split(' ').skip(3);
    let (root, mount_point) = (before.next()?, before.next()?);
    matches.then(|| (root.trim_start_matches('/'), mount_point))
}

fn walk<T>(dirs: &[PathBuf], limit_in: impl Fn(&Path) -> Option<Limit<T>>) -> Vec<Limit<T>> {
    dirs.iter().filter_map(|dir| limit_in(dir)).collect()
}

/// Returns the smallest limit; of equals the innermost.
fn tightest<T: PartialOrd>(limits: impl Iterator<Item = Limit<T>>) -> Option<Limit<T>> {
    limits.reduce(|best, limit| if limit.value < best.value { limit } else { best })
}

/// Reads `QUOTA PERIOD`, where the quota may be `max`.
fn parse_cpu_max(text: &str) -> Option<f64> {
    let mut fields = text.split_whitespace();
    ratio(fields.next()?, fields.next()?)
}

/// Reads version 1's two files; a quota of -1 is none.
fn parse_cfs(quota: &str, period: &str) -> Option<f64> {
    ratio(quota.trim(), period.trim())
}

fn ratio(quota: &str, period: &str) -> Option<f64> {
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2_MOUNT: &str =
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
    const V1_MOUNTS: &str = "\
        33 32 0:28 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n\
        34 32 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct";

    /// Prints quota and memory limit for a process that sees these files.
    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &str) {
        let read = |path: &Path| {
            files
                .iter()
                .find(|(name, _)| Path::new(name) == path)
                .map(|(_, text)| (*text).to_owned())
        };
        let quota = cpu_quota(&read).map(|limit| (limit.value, limit.file));
        let memory = memory_limit(&read).map(|limit| (limit.value, limit.file));
        assert_eq!(format!("{quota:?} {memory:?}"), expected);
    }

    #[test]
    fn no_cgroups_are_no_limits() {
        check(&[], "None None");
        check(
            &[("/proc/self/cgroup", "garbage\n0::\n"), ("/proc/self/mountinfo", "x - y")],
            "None None",
        );
    }

    #[test]
    fn version_2_in_a_container_reads_its_root() {
        check(
            &[
                ("/proc/self/cgroup", "0::/\n"),
                ("/proc/self/mountinfo", V2_MOUNT),
                ("/sys/fs/cgroup/cpu.max", "150000 100000\n"),
                ("/sys/fs/cgroup/memory.max", "536870912\n"),
            ],
            r#"Some((1.5, "/sys/fs/cgroup/cpu.max")) Some((536870912, "/sys/fs/cgroup/memory.max"))"#,
        );
    }

    #[test]
    fn the_tightest_of_all_levels_holds() {
        check(
            &[
                ("/proc/self/cgroup", "0::/user.slice/app.scope\n"),
                ("/proc/self/mountinfo", V2_MOUNT),
                ("/sys/fs/cgroup/user.slice/app.scope/cpu.max", "400000 100000"),
                ("/sys/fs/cgroup/user.slice/cpu.max", "200000 100000"),
                ("/sys/fs/cgroup/user.slice/app.scope/memory.max", "max"),
                ("/sys/fs/cgroup/user.slice/memory.max", "1073741824"),
            ],
            r#"Some((2.0, "/sys/fs/cgroup/user.slice/cpu.max")) Some((1073741824, "/sys/fs/cgroup/user.slice/memory.max"))"#,
        );
    }

    #[test]
    fn max_is_no_limit() {
        check(
            &[
                ("/proc/self/cgroup", "0::/\n"),
                ("/proc/self/mountinfo", V2_MOUNT),
                ("/sys/fs/cgroup/cpu.max", "max 100000"),
                ("/sys/fs/cgroup/memory.max", "max"),
            ],
            "None None",
        );
    }

    #[test]
    fn version_1_reads_a_hierarchy_per_controller() {
        check(
            &[
                ("/proc/self/cgroup", "9:memory:/docker/ab\n4:cpu,cpuacct:/docker/ab\n"),
                ("/proc/self/mountinfo", V1_MOUNTS),
                ("/sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_quota_us", "300000"),
                ("/sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_period_us", "100000"),
                ("/sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes", "268435456"),
                ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712"),
            ],
            r#"Some((3.0, "/sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_quota_us")) Some((268435456, "/sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes"))"#,
        );
    }

    #[test]
    fn version_1_without_a_limit_writes_minus_one_and_a_huge_number() {
        check(
            &[
                ("/proc/self/cgroup", "9:memory:/\n4:cpu,cpuacct:/\n"),
                ("/proc/self/mountinfo", V1_MOUNTS),
                ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1"),
                ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000"),
                ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712"),
            ],
            "None None",
        );
    }

    #[test]
    fn a_container_that_sees_the_hosts_path_finds_its_own_mount() {
        let mount = "41 40 0:30 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory";
        check(
            &[
                ("/proc/self/cgroup", "9:memory:/docker/ab\n"),
                ("/proc/self/mountinfo", mount),
                ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1048576"),
            ],
            r#"None Some((1048576, "/sys/fs/cgroup/memory/memory.limit_in_bytes"))"#,
        );
    }

    #[test]
    fn of_both_versions_at_once_the_tighter_holds() {
        let mounts = format!("{V2_MOUNT}\n{V1_MOUNTS}");
        check(
            &[
                ("/proc/self/cgroup", "4:cpu,cpuacct:/\n0::/\n"),
                ("/proc/self/mountinfo", mounts.as_str()),
                ("/sys/fs/cgroup/cpu.max", "500000 100000"),
                ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "100000"),
                ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000"),
            ],
            r#"Some((1.0, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us")) None"#,
        );
    }
}
