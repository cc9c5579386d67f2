//! Why an archive was not unpacked. Nothing of it remains in any of these cases.

use std::io;
use std::path::PathBuf;

use crate::limits::Limit;
use crate::name::NameFault;

/// An archive that was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The bytes are no tar archive, compressed or not. The sender must send something else.
    #[error(
        "this is {found}, not a tar archive or one in gzip; make it with `tar czf model.tar.gz *`"
    )]
    NotAnArchive {
        /// What it looks like.
        found: &'static str,
    },

    /// It ends too early or is broken inside. Sending it again may help.
    #[error("the archive is damaged or cut off{}; make and send it again", .after.as_ref().map(|name| format!(" after `{name}`")).unwrap_or_default())]
    Damaged {
        /// The last entry whose header was whole.
        after: Option<String>,
        /// What the decoder says.
        source: io::Error,
    },

    /// An entry is of a kind that is never taken. The sender must make another archive.
    #[error("the archive has an entry `{entry}` that is refused: {reason}")]
    Refused {
        /// Its name, fit to be shown.
        entry: String,
        /// Why.
        reason: Refusal,
    },

    /// The archive holds more than it may.
    #[error("the archive has more than {allowed} {limit}{}; {}", .entry.as_ref().map(|name| format!(", with `{name}`")).unwrap_or_default(), .limit.remedy())]
    OverLimit {
        /// Which limit.
        limit: Limit,
        /// Its value.
        allowed: u64,
        /// The entry that goes over it, fit to be shown, where it is one's doing.
        entry: Option<String>,
    },

    /// Something is at the destination already; it was not touched.
    #[error("{} exists already; remove it or choose another destination", .path.display())]
    Exists {
        /// The destination.
        path: PathBuf,
    },

    /// The archive could not be read from where it comes: a file, or a connection that broke.
    #[error("failed to read the archive")]
    Read {
        /// Why.
        source: io::Error,
    },

    /// The files could not be written: no room, no permission, or no such parent folder.
    #[error("failed to write {}", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Why an entry is never taken, whatever the limits are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its name leads somewhere else, or nowhere.
    #[error(transparent)]
    Name(#[from] NameFault),

    /// It is a symbolic or a hard link, wherever it points.
    #[error(
        "it is a {kind} to `{target}`; pack what links point to, with \
         `tar --dereference --hard-dereference`"
    )]
    Link {
        /// Which kind.
        kind: &'static str,
        /// What it points to, fit to be shown.
        target: String,
    },

    /// It is a device, a pipe or another thing that no model has.
    #[error("it is {kind}; only files and folders are taken")]
    Special {
        /// Which kind.
        kind: &'static str,
    },

    /// It has holes, whose size nothing in the archive bears out.
    #[error("it is a sparse file; pack it without `--sparse`")]
    Sparse,

    /// A file of this name came before.
    #[error("another entry has the same name")]
    Duplicate,

    /// It is a file where a folder is, or lies in a folder that is a file.
    #[error("`{path}` is both a file and a folder")]
    FileAndFolder {
        /// What is both.
        path: String,
    },

    /// What the headers before it say is too long, broken, or said twice.
    #[error("its headers {0}")]
    Headers(&'static str),
}
