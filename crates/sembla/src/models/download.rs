//! From the Hub into the cache: one model's files, resumed, verified, and put in place whole.
//!
//! A blob is loaded as `ETAG.incomplete` under a lock that other processes (and the Hub's Python
//! client) respect, verified, and only then renamed. The branch is written last, so a look-up by
//! branch never finds a model of which a file is missing.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cache::{Cache, RepoCache};
use super::hub::{Hub, HubError, Listing, RemoteFile};
use super::needed::{MODULES, Module, lacks, optional, parse_modules, select};
use super::partial::Partial;
use super::reference::HubId;
use super::whole;

/// What happens during a download, for whoever shows it.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The files are known. Those that are in the cache already are not counted.
    Started { commit: &'a str, num_files: usize, num_bytes: u64 },
    /// So many bytes more are there, loaded or found from an earlier try.
    Advanced { num_bytes: u64 },
    /// So many bytes fewer are there: they have to be loaded again.
    FellBack { num_bytes: u64 },
    /// Another process holds the lock of this file.
    Waiting { path: &'a str },
    /// The Hub failed, and is asked again after this time.
    Retrying { err: &'a HubError, pause: Duration },
}

/// One download.
pub(crate) struct Download<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) cache: &'a Cache,
    pub(crate) id: &'a HubId,
    /// How many times in a row a failure may be answered by asking again.
    pub(crate) num_retries: u32,
    pub(crate) report: &'a mut dyn FnMut(Event<'_>),
    /// Waits before a retry.
    pub(crate) pause: &'a dyn Fn(Duration),
}

/// A file and where it is going.
struct Target {
    file: RemoteFile,
    blob: PathBuf,
    link: PathBuf,
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

// The content that the specification of cache folders asks for, so that backups leave it out.
const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";

impl Download<'_> {
    /// Downloads what is missing of `revision` and returns its commit.
    ///
    /// # Errors
    ///
    /// [`HubError`]. What was loaded until then is kept and resumed by the next try, except bytes
    /// with a wrong checksum.
    pub(crate) fn run(&mut self, revision: &str) -> Result<String, HubError> {
        let Listing { commit, files } = self.retry(|hub, id| hub.list(id, revision))?;
        let repo = self.cache.repo(self.id);
        let modules = self.modules(&repo, &commit, &files)?;
        let lacking = lacks(&files, &modules);
        if !lacking.is_empty() {
            return Err(HubError::NotAnEncoder { id: self.id.clone(), lacking });
        }
        self.load_all(&repo, &commit, &select(&files, &modules))?;
        for file in optional(&modules) {
            if !files.contains(&file) {
                whole::write(&repo.absence(&commit, &file), "")?;
            }
        }
        if revision != commit {
            whole::write(&repo.reference(revision), &commit)?;
        }
        Ok(commit)
    }

    /// Loads modules.json, which says in which folders files are wanted, and reads it.
    fn modules(
        &mut self,
        repo: &RepoCache,
        commit: &str,
        files: &[String],
    ) -> Result<Vec<Module>, HubError> {
        if !files.iter().any(|file| file == MODULES) {
            return Ok(Vec::new());
        }
        let link = repo.snapshot(commit).join(MODULES);
        if !link.exists() {
            let target = self.target(repo, commit, MODULES)?;
            let mut silent = |_: Event<'_>| {};
            let mut quiet = Download { report: &mut silent, ..self.reborrow() };
            quiet.load(repo, &target)?;
        }
        let text = fs_err::read_to_string(&link).map_err(HubError::Write)?;
        parse_modules(&text).map_err(|source| HubError::Modules { id: self.id.clone(), source })
    }

    fn reborrow(&mut self) -> Download<'_> {
        Download {
            hub: self.hub,
            cache: self.cache,
            id: self.id,
            num_retries: self.num_retries,
            report: &mut *self.report,
            pause: self.pause,
        }
    }

    fn load_all(&mut self, repo: &RepoCache, commit: &str, paths: &[&str]) -> Result<(), HubError> {
        let mut targets = Vec::with_capacity(paths.len());
        for path in paths {
            if !repo.snapshot(commit).join(path).exists() {
                targets.push(self.target(repo, commit, path)?);
            }
        }
        let num_bytes = targets.iter().map(|target| target.file.num_bytes).sum();
        (self.report)(Event::Started { commit, num_files: targets.len(), num_bytes });
        for target in &targets {
            self.load(repo, target)?;
        }
        Ok(())
    }

    fn target(&mut self, repo: &RepoCache, commit: &str, path: &str) -> Result<Target, HubError> {
        let file = self.retry(|hub, id| hub.stat(id, commit, path))?;
        let blob = repo.blob(file.digest.hex());
        Ok(Target { blob, link: repo.snapshot(commit).join(path), file })
    }

    /// Loads one blob, unless it is there, and links to it.
    fn load(&mut self, repo: &RepoCache, target: &Target) -> Result<(), HubError> {
        let tag = self.cache.root().join("CACHEDIR.TAG");
        if !tag.exists() {
            whole::write(&tag, CACHE_TAG)?;
        }
        let _lock = self.lock(&repo.lock(target.file.digest.hex()), &target.file.path)?;
        if target.blob.exists() {
            (self.report)(Event::Advanced { num_bytes: target.file.num_bytes });
        } else {
            let incomplete = target.blob.with_extension("incomplete");
            self.fill(&target.file, &incomplete)?;
            fs_err::rename(&incomplete, &target.blob).map_err(HubError::Write)?;
        }
        whole::link(&target.blob, &target.link)
    }

    /// Takes the lock of a blob, which the returned file holds until it is dropped.
    fn lock(&mut self, path: &Path, shown: &str) -> Result<fs_err::File, HubError> {
        let failed = |err: io::Error| {
            let message = format!("failed to lock {}: {err}", path.display());
            HubError::Write(io::Error::new(err.kind(), message))
        };
        whole::create_parent(path)?;
        let file = fs_err::OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(HubError::Write)?;
        match file.file().try_lock() {
            Ok(()) => Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => {
                (self.report)(Event::Waiting { path: shown });
                file.file().lock().map_err(failed)?;
                Ok(file)
            }
            Err(std::fs::TryLockError::Error(err)) => Err(failed(err)),
        }
    }

    /// Fills `incomplete` with the whole file, going on from what it holds, until the checksum is
    /// right.
    fn fill(&mut self, file: &RemoteFile, incomplete: &Path) -> Result<(), HubError> {
        let mut partial = Partial::open(incomplete, file)?;
        let mut found_bytes = partial.num_bytes;
        (self.report)(Event::Advanced { num_bytes: found_bytes });
        let mut num_failures = 0;
        loop {
            let before = partial.num_bytes;
            let err = match self.extend(file, &mut partial) {
                Ok(()) => match partial.verify(file) {
                    Ok(()) => return Ok(()),
                    Err(err) => err,
                },
                Err(err) => err,
            };
            if matches!(err, HubError::Checksum { .. }) {
                (self.report)(Event::FellBack { num_bytes: partial.num_bytes });
                partial.restart(file)?;
                // What an earlier process left may have been the damaged part; what this one
                // loaded itself will not get better.
                if found_bytes == 0 {
                    fs_err::remove_file(incomplete).map_err(HubError::Write)?;
                    return Err(err);
                }
                found_bytes = 0;
                continue;
            }
            num_failures = if partial.num_bytes > before { 1 } else { num_failures + 1 };
            self.pause_or_fail(err, num_failures)?;
        }
    }

    /// Appends what is missing to `partial`.
    fn extend(&mut self, file: &RemoteFile, partial: &mut Partial) -> Result<(), HubError> {
        if partial.num_bytes == file.num_bytes {
            return Ok(());
        }
        let mut body = self.hub.open(self.id, file, partial.num_bytes)?;
        if body.offset != partial.num_bytes {
            // The server does not resume.
            (self.report)(Event::FellBack { num_bytes: partial.num_bytes });
            partial.restart(file)?;
        }
        let mut buffer = vec![0; 1 << 16];
        loop {
            let broken_off =
                |offset, source| HubError::BrokenOff { url: file.url.clone(), offset, source };
            match body.reader.read(&mut buffer) {
                Ok(0) if partial.num_bytes < file.num_bytes => {
                    let source = io::Error::from(io::ErrorKind::UnexpectedEof);
                    return Err(broken_off(partial.num_bytes, source));
                }
                Ok(0) => return Ok(()),
                Ok(num_bytes) => {
                    partial.append(&buffer[..num_bytes])?;
                    (self.report)(Event::Advanced { num_bytes: num_bytes as u64 });
                }
                Err(source) => return Err(broken_off(partial.num_bytes, source)),
            }
        }
    }

    fn retry<T>(
        &mut self,
        ask: impl Fn(&Hub, &HubId) -> Result<T, HubError>,
    ) -> Result<T, HubError> {
        let mut num_failures = 0;
        loop {
            match ask(self.hub, self.id) {
                Ok(answer) => return Ok(answer),
                Err(err) => {
                    num_failures += 1;
                    self.pause_or_fail(err, num_failures)?;
                }
            }
        }
    }

    fn pause_or_fail(&mut self, err: HubError, num_failures: u32) -> Result<(), HubError> {
        if !err.is_retryable() || num_failures > self.num_retries {
            return Err(err);
        }
        let pause = pause_after(num_failures);
        (self.report)(Event::Retrying { err: &err, pause });
        (self.pause)(pause);
        Ok(())
    }
}

/// Doubles with every failure in a row.
fn pause_after(num_failures: u32) -> Duration {
    let doublings = num_failures.saturating_sub(1).min(16);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let pauses: Vec<u128> = (1..=8).map(|n| pause_after(n).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(pause_after(u32::MAX), LONGEST_PAUSE);
    }
}
