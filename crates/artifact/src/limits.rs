//! How much an archive may hold.

use std::fmt;

/// How much an archive may hold. Each is the most that is still taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the archive as it comes in.
    pub max_archive_bytes: u64,
    /// Bytes of all files together.
    pub max_bytes: u64,
    /// Files and folders.
    pub max_files: u64,
    /// Bytes of one name.
    pub max_path_bytes: usize,
    /// Parts of one name.
    pub max_depth: usize,
    /// Bytes that come out for each byte that goes in.
    pub max_ratio: u64,
    /// The ratio is not judged before so many bytes came out: a small file of zeros is no bomb.
    pub ratio_floor_bytes: u64,
}

impl Limits {
    /// Returns limits that a tiny model keeps, for tests.
    pub fn for_tests() -> Self {
        Self {
            max_archive_bytes: 256 << 20,
            max_bytes: 256 << 20,
            max_files: 1000,
            max_path_bytes: 512,
            max_depth: 16,
            max_ratio: 100,
            ratio_floor_bytes: 64 << 20,
        }
    }
}

/// One of the [`Limits`], named by its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `max_archive_bytes`.
    ArchiveBytes,
    /// `max_bytes`.
    Bytes,
    /// `max_files`.
    Files,
    /// `max_path_bytes`.
    PathBytes,
    /// `max_depth`.
    Depth,
    /// `max_ratio`.
    Ratio,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ArchiveBytes => "bytes packed (max_archive_bytes)",
            Self::Bytes => "bytes unpacked (max_bytes)",
            Self::Files => "files and folders (max_files)",
            Self::PathBytes => "bytes in a name (max_path_bytes)",
            Self::Depth => "folders deep (max_depth)",
            Self::Ratio => "bytes unpacked for each byte packed (max_ratio)",
        })
    }
}

impl Limit {
    /// Returns what to do about an archive that is over the limit.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::ArchiveBytes | Self::Bytes => {
                "leave out what the model does not need, such as weights in a second format, or raise \
                 the limit"
            }
            Self::Files | Self::PathBytes | Self::Depth => {
                "pack the model's own files only, or raise the limit"
            }
            Self::Ratio => {
                "weights do not shrink so far; pack without compression if they are real"
            }
        }
    }
}
