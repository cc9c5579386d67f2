//! What can be wrong with columns and rows, apart from where.

use std::path::PathBuf;

/// What is wrong with the columns of a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// There is no such column.
    #[error("there is no column `{column}`; the columns are {}", listed(.known))]
    Missing {
        /// The column asked for.
        column: String,
        /// Those there are, in order.
        known: Vec<String>,
    },

    /// Only text can be embedded.
    #[error(
        "column `{column}` holds {got}, and only text can be embedded; choose a column of text"
    )]
    NotText {
        /// The column asked for.
        column: String,
        /// Its type, as the `datasets` library names it.
        got: String,
    },

    /// No column was asked for, and several could be meant.
    #[error("the columns {} hold text; name one", listed(.texts))]
    NotNamed {
        /// Those that hold text, in order.
        texts: Vec<String>,
    },

    /// No column was asked for, and none could be meant.
    #[error(
        "none of the columns {} holds text, and only text can be embedded; give a source with a \
         column of text",
        listed(.known)
    )]
    NoText {
        /// All columns, in order.
        known: Vec<String>,
    },

    /// The column to write is there already.
    #[error(
        "there is a column `{column}` already; rename it, or choose another name for the embeddings"
    )]
    Taken {
        /// The name.
        column: String,
    },

    /// Two columns have the same name.
    #[error("the columns name `{column}` twice; each column needs its own name")]
    Twice {
        /// The name.
        column: String,
    },

    /// A type that neither Parquet nor the `datasets` library can hold.
    #[error(
        "column `{column}` is of type {got}, which a dataset cannot hold; remove or convert it"
    )]
    Unsupported {
        /// The column.
        column: String,
        /// Its Arrow type.
        got: String,
    },
}

/// A place in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, byte {offset} of the file")]
pub struct TextPlace {
    /// 1-based.
    pub line: u64,
    /// 0-based, from the start of the (decompressed) file.
    pub offset: u64,
}

/// What is wrong with one row.
#[derive(Debug, thiserror::Error)]
pub enum RowProblem {
    /// More or fewer fields than the header.
    #[error("line {line} has {got} fields, and the header has {expected}")]
    Ragged {
        /// Where the row begins.
        line: u64,
        /// Columns in the header.
        expected: usize,
        /// Fields in the row.
        got: usize,
    },

    /// A quote is opened and the file ends inside it.
    #[error("a quote is opened in the row that begins on line {line}, and never closed")]
    OpenQuote {
        /// Where the row begins.
        line: u64,
    },

    /// The row is so long that something is likely to be wrong with the file.
    #[error(
        "the row that begins on line {line} is longer than {} MiB; is a quote or a bracket missing?",
        super::MAX_ROW_BYTES >> 20
    )]
    TooLong {
        /// Where the row begins.
        line: u64,
    },

    /// The row is not JSON.
    #[error("the row that begins on line {line} is not valid JSON")]
    Json {
        /// Where the row begins.
        line: u64,
        /// What the parser said. Its line and column count from the row's beginning.
        source: serde_json::Error,
    },

    /// A string escapes half of a surrogate pair, which is no character.
    #[error(
        "the row that begins on line {line} escapes half a character, \\u{half:04x}, which no text \
         can hold; write both halves, or neither"
    )]
    LoneSurrogate {
        /// Where the row begins.
        line: u64,
        /// The half.
        half: u16,
    },

    /// The row is JSON, but not an object.
    #[error("it is {got}; each row must be an object, one a line or all in one array")]
    NotAnObject {
        /// `a number`, `a list` and so on.
        got: &'static str,
    },

    /// One field has values of two types.
    #[error(
        "`{field}` is {got}, and {first} in row {first_row} of {}; a column has one type",
        .first_path.display()
    )]
    MixedTypes {
        /// Path of the field, as in `meta.tags[]`.
        field: String,
        /// What it is in this row.
        got: &'static str,
        /// What it was before.
        first: &'static str,
        /// Where it was so first.
        first_path: PathBuf,
        /// Where it was so first.
        first_row: u64,
    },

    /// An object names a field twice.
    #[error("it names `{field}` twice")]
    DuplicateField {
        /// Path of the field.
        field: String,
    },
}

fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
