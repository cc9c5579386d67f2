//! Why a folder was not packed.

use std::io;
use std::path::PathBuf;

use crate::name::NameFault;

/// A folder that was not packed, or not to its end. What was written is no archive.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A file or folder cannot be read, or a link leads nowhere.
    #[error("failed to read {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A file has another length than when packing began.
    #[error("{} changed while it was packed; pack it again", .path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },

    /// A name that no archive may have, so that nobody could unpack it.
    #[error("{} cannot be packed: {fault}; rename it", .path.display())]
    Name {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        fault: NameFault,
    },

    /// There is a file where the handler's folder has to be.
    #[error("{} is a file, and the handler needs a folder of that name; rename it", .path.display())]
    CodeIsAFile {
        /// The file.
        path: PathBuf,
    },

    /// The model does something that the generated handler would not.
    #[error("{} asks for {what} `{value}`, for which no handler is generated; give a handler of your own", .path.display())]
    NoHandler {
        /// The settings file.
        path: PathBuf,
        /// The kind of thing.
        what: &'static str,
        /// The thing.
        value: String,
    },

    /// A settings file is not what it should be.
    #[error("failed to parse {}", .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },

    /// The archive could not be written.
    #[error("failed to write the archive")]
    Write {
        /// Why.
        source: io::Error,
    },
}
