//! The bytes on their way from the sender to the tar library, counted on both sides of gzip.

use std::cell::{Cell, RefCell};
use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::UnpackError;
use crate::limits::{Limit, Limits};

/// What the readers have seen. They pass an [`io::Error`] on, as they must, and leave here what it means.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    num_packed: Cell<u64>,
    num_unpacked: Cell<u64>,
    stopped: RefCell<Option<UnpackError>>,
}

impl Gauge {
    /// Returns how many bytes of the tar archive were read.
    pub(super) fn num_unpacked(&self) -> u64 {
        self.num_unpacked.get()
    }

    /// Returns why a reader stopped, if it was not the library that did.
    pub(super) fn take_cause(&self) -> Option<UnpackError> {
        self.stopped.take()
    }

    fn stop(&self, cause: UnpackError) -> io::Error {
        self.stopped.replace(Some(cause));
        io::Error::other("stopped")
    }
}

/// Returns the tar archive inside `archive`, whether it is in gzip or not.
pub(super) fn open<'a, R: Read + 'a>(
    archive: R,
    limits: &Limits,
    gauge: &'a Gauge,
) -> Result<Box<dyn Read + 'a>, UnpackError> {
    let packed = Packed { inner: archive, gauge, max_bytes: limits.max_archive_bytes };
    let mut packed = BufReader::with_capacity(64 << 10, packed);
    let mut head = Vec::with_capacity(8);
    let read = (&mut packed).take(8).read_to_end(&mut head);
    read.map_err(|source| gauge.take_cause().unwrap_or(UnpackError::Read { source }))?;
    if let Some(found) = what_else(&head) {
        return Err(UnpackError::NotAnArchive { found });
    }
    let is_gzip = head.starts_with(&[0x1f, 0x8b]);
    let whole = Cursor::new(head).chain(packed);
    let (max_ratio, floor) = (limits.max_ratio, limits.ratio_floor_bytes);
    Ok(if is_gzip {
        let inner = MultiGzDecoder::new(BufReader::with_capacity(64 << 10, whole));
        Box::new(Unpacked { inner, gauge, max_ratio, floor })
    } else {
        Box::new(Unpacked { inner: whole, gauge, max_ratio, floor })
    })
}

/// Returns what bytes are that begin like something else that people send.
fn what_else(head: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 5] = [
        (b"PK\x03\x04", "a zip archive"),
        (b"BZh", "compressed with bzip2"),
        (b"\xfd7zXZ\0", "compressed with xz"),
        (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
        (b"version ", "a pointer of git-lfs, whose file was not fetched"),
    ];
    if head.is_empty() {
        return Some("empty");
    }
    KNOWN.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, found)| *found)
}

/// The archive as it comes in.
struct Packed<'a, R> {
    inner: R,
    gauge: &'a Gauge,
    max_bytes: u64,
}

impl<R: Read> Read for Packed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.inner.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(source) => return Err(self.gauge.stop(UnpackError::Read { source })),
            Ok(read) => read,
        };
        let total = self.gauge.num_packed.get().saturating_add(read as u64);
        self.gauge.num_packed.set(total);
        if total > self.max_bytes {
            return Err(self.gauge.stop(UnpackError::OverLimit {
                limit: Limit::ArchiveBytes,
                allowed: self.max_bytes,
                entry: None,
            }));
        }
        Ok(read)
    }
}

/// The tar archive that comes out of it.
struct Unpacked<'a, R> {
    inner: R,
    gauge: &'a Gauge,
    max_ratio: u64,
    floor: u64,
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let total = self.gauge.num_unpacked.get().saturating_add(read as u64);
        self.gauge.num_unpacked.set(total);
        if total > self.floor && total / self.max_ratio.max(1) > self.gauge.num_packed.get() {
            return Err(self.gauge.stop(UnpackError::OverLimit {
                limit: Limit::Ratio,
                allowed: self.max_ratio,
                entry: None,
            }));
        }
        Ok(read)
    }
}
