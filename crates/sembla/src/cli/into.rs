//! The flags of commands that write into an index, and what they say when it does not take it.

use index::{Fingerprint, IndexDescription, IndexName, Namespace, StoreError};
use jobs::{AdmitError, Fill, FillError, Trust};

use super::bound;
use super::index::Choices;
use super::indexes::Indexes;
use super::outcome::UsageError;
use crate::progress::say;

const FORCE: &str = "write the vectors all the same with --force";

/// Where in an index rows go, and how.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Into an index")]
pub(crate) struct IntoIndex {
    /// Create the index if it is not there
    #[arg(long)]
    create: bool,

    /// Keep the words of texts too in an index that is created, so that searches go by meaning and
    /// by words
    #[arg(long, requires = "create")]
    hybrid: bool,

    /// The namespace
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    namespace: String,

    /// The column of ids; else rows are numbered from 0
    #[arg(long, value_name = "NAME")]
    id_column: Option<String>,

    /// Write vectors even if the index was built with another model
    #[arg(long)]
    force: bool,
}

impl IntoIndex {
    /// Returns the flags that are given, for a command that goes elsewhere.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let flags = [
            ("--create", self.create),
            ("--hybrid", self.hybrid),
            ("--namespace", !self.namespace.is_empty()),
            ("--id-column", self.id_column.is_some()),
            ("--force", self.force),
        ];
        flags.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
    }

    /// Returns the index, or nothing if it is to be created.
    ///
    /// # Errors
    ///
    /// If it is not there and not to be created.
    pub(crate) fn find(
        &self,
        indexes: &Indexes,
        name: &IndexName,
    ) -> anyhow::Result<Option<IndexDescription>> {
        match indexes.wait(indexes.checked().describe_index(name)) {
            Err(StoreError::IndexNotFound { .. }) if self.create => Ok(None),
            Err(StoreError::IndexNotFound { .. }) => {
                let why = indexes.not_found(name)?;
                Err(anyhow::anyhow!("{why}, or add --create"))
            }
            Ok(there) if self.hybrid && !jobs::is_hybrid(&there.spec) => Err(UsageError(format!(
                "index `{name}` is there already and keeps no words; leave out --hybrid, or create \
                 another index"
            ))
            .into()),
            described => Ok(Some(described?)),
        }
    }

    /// Makes sure that the index is there.
    ///
    /// # Errors
    ///
    /// If it is not there and not to be created.
    pub(crate) fn ensure(
        &self,
        indexes: &Indexes,
        name: &IndexName,
        model: Option<Fingerprint>,
        dimensions: usize,
    ) -> anyhow::Result<()> {
        if self.find(indexes, name)?.is_none() {
            let spec = Choices::of(self.hybrid, dimensions).spec(name.clone(), model)?;
            indexes.wait(indexes.checked().create_index(&spec))?;
            say(&format!("note: created index `{name}` with {dimensions} dimensions"));
        }
        Ok(())
    }

    /// Returns where rows go.
    pub(crate) fn fill(&self, indexes: &Indexes, name: IndexName) -> Fill {
        Fill {
            indexes: indexes.checked().clone(),
            index: name,
            namespace: Namespace::new(self.namespace.clone()),
            id_column: self.id_column.clone(),
            trust: if self.force { Trust::Force } else { Trust::Check },
            runtime: indexes.handle(),
        }
    }
}

/// Names the flag where the job can only say what is wrong.
pub(crate) fn with_remedy(err: FillError) -> anyhow::Error {
    if let FillError::Admit(AdmitError::Mismatch(mismatch)) = &err {
        return bound::refused(mismatch, FORCE);
    }
    if let FillError::Admit(AdmitError::UnknownHere { .. }) = err {
        return anyhow::anyhow!("{err}; {FORCE}");
    }
    err.into()
}

/// Says which columns are not in the index.
pub(crate) fn note_left_out(columns: &[String]) {
    if !columns.is_empty() {
        say(&format!(
            "note: metadata cannot hold these columns, which were left out: {}",
            columns.join(", ")
        ));
    }
}

/// Says where rows went.
pub(crate) fn place(fill: &Fill) -> String {
    match fill.namespace.as_str() {
        "" => format!("index {}", fill.index),
        namespace => format!("namespace {namespace} of index {}", fill.index),
    }
}
