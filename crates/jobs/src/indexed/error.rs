//! Why rows did not become records, or records rows.

use arrow::error::ArrowError;
use index::StoreError;

use super::FingerprintMismatch;
use crate::dataset::{ReadError, WriteError};

/// Vectors that may not stand beside those of an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmitError {
    /// They are another model's.
    #[error(transparent)]
    Mismatch(#[from] FingerprintMismatch),
    /// The index holds vectors of which nobody knows the model.
    #[error(
        "index `{index}` holds vectors of an unknown model ({num_records} of them), so those of {given} may not fit; if they are of one model, bind it first with `sembla index bind {index} --model MODEL`"
    )]
    UnknownThere {
        /// The index.
        index: String,
        /// What it holds.
        num_records: u64,
        /// The model of the new vectors.
        given: String,
    },
    /// The model of the new vectors is not known.
    #[error(
        "index `{index}` was built with {recorded}, and the dataset does not say which model its vectors are of"
    )]
    UnknownHere {
        /// The index.
        index: String,
        /// Its model.
        recorded: String,
    },
}

/// Rows that did not, or not all, become records of an index.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// The dataset could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A column has values of a type that has no form in JSON, and so none in metadata.
    #[error("failed to read the rows")]
    Decode(#[source] ArrowError),
    /// The vectors may not stand there. Nothing was written.
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// The vectors are of another length than those of the index.
    #[error("the embeddings of {model} have {got} dimensions, and index `{index}` has {expected}")]
    Dimensions {
        /// The index.
        index: String,
        /// Its dimensions.
        expected: usize,
        /// What made the vectors.
        model: String,
        /// Theirs.
        got: usize,
    },
    /// The index needs texts, and there are none.
    #[error(
        "index `{index}` is hybrid and takes the words of each text, and the dataset has no column `{column}` of texts"
    )]
    NoTexts {
        /// The index.
        index: String,
        /// The column that should be there.
        column: String,
    },
    /// There is no such column for ids.
    #[error("there is no column `{column}` to take ids from; there are {}", .known.join(", "))]
    NoIdColumn {
        /// As asked for.
        column: String,
        /// The columns that there are.
        known: Vec<String>,
    },
    /// A column would be lost, since the texts are kept under its name.
    #[error(
        "index `{index}` keeps texts in the metadata field `{field}`, so the texts of column `{column}` would take the place of column `{field}`; rename or remove that column"
    )]
    TextField {
        /// The index.
        index: String,
        /// The field, and the name of another column.
        field: String,
        /// The column of texts.
        column: String,
    },
    /// A row cannot be a record. Nothing was written.
    #[error("row {row} cannot be a record: {fault}")]
    Row {
        /// From 1.
        row: u64,
        /// Why.
        fault: RowFault,
    },
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store refused some records, or went away. The records before these are written.
    #[error(
        "{num_failed} records were not written, from `{first_id}` to `{last_id}`; {num_written} before them were; run again to write the rest"
    )]
    NotWritten {
        /// The first id that was not written.
        first_id: String,
        /// The last id that was not written.
        last_id: String,
        /// How many.
        num_failed: usize,
        /// Records written before.
        num_written: u64,
        /// Why.
        source: Box<StoreError>,
    },
    /// The caller asked to stop. What was written stays.
    #[error(
        "stopped; {num_written} records were written and stay, and running again writes the rest"
    )]
    Stopped {
        /// Records written.
        num_written: u64,
    },
}

/// Why one row cannot be a record.
#[derive(Debug, thiserror::Error)]
pub enum RowFault {
    /// No text or whole number to take for an id.
    #[error("column `{column}` has {found} there, and an id is a text or a whole number")]
    NoId {
        /// The column.
        column: String,
        /// What it has.
        found: String,
    },
    /// Another row has the same id, and one of them would be lost.
    #[error("id `{id}` of column `{column}` comes a second time; ids are unique")]
    DuplicateId {
        /// The column.
        column: String,
        /// The id.
        id: String,
    },
    /// An id of no length that an index takes.
    #[error("its id has {got} bytes, and an id has 1 to {max}")]
    IdLength {
        /// Its bytes.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// The index does not take it.
    #[error(transparent)]
    Refused(Box<StoreError>),
}

/// An index that was not exported. Nothing is left under the output's name.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The dataset could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// There is nothing to write.
    #[error("{} of index `{index}` holds no records; {}", place(.namespace), list(.others))]
    Empty {
        /// The index.
        index: String,
        /// The namespace asked for.
        namespace: String,
        /// Namespaces that hold any.
        others: Vec<String>,
    },
    /// Sparse vectors that were not made of texts have no place in a dataset.
    #[error(
        "record `{id}` has a sparse vector that was not made from its text, and a dataset has no column for it; take a snapshot instead"
    )]
    Sparse {
        /// The first such record.
        id: String,
    },
    /// A metadata field has the name of a column that the export makes.
    #[error(
        "a metadata field is called `{column}`, as the export's column of {what}; choose another with {flag}"
    )]
    Column {
        /// The name.
        column: String,
        /// What the export's column holds.
        what: &'static str,
        /// How to choose another.
        flag: &'static str,
    },
    /// Records were written meanwhile that do not fit the columns found.
    #[error("field `{field}` of record `{id}` has changed since the export began; export again")]
    Changed {
        /// The field.
        field: String,
        /// The record.
        id: String,
    },
    /// The caller asked to stop.
    #[error("stopped; nothing was written")]
    Stopped,
}

fn place(namespace: &str) -> String {
    match namespace {
        "" => "the default namespace".to_owned(),
        name => format!("namespace `{name}`"),
    }
}

fn list(namespaces: &[String]) -> String {
    let names: Vec<String> = namespaces.iter().map(|name| place(name)).collect();
    match names.as_slice() {
        [] => "nor does any other".to_owned(),
        names => format!("there are some in {}", names.join(", ")),
    }
}
