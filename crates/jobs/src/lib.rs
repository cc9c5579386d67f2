//! A dataset → vectors, from a source to a sink.
//!
//! [`run`] reads rows of a file or folder, embeds the texts of one column with whatever implements
//! [`Embed`], and writes a folder that the Python library `datasets` reads with no code and that
//! [`Dataset`] searches. [`run_into`] writes records of an index instead, [`import`] brings such a folder
//! into an index and [`export`] back; [`text_query`] makes the query of a text.

mod dataset;
mod embed;
mod indexed;
mod job;
mod source;
mod terms;

pub use self::dataset::{
    Dataset, EncoderMismatch, Found, Overwrite, Provenance, ReadError, WriteError,
};
pub use self::embed::{BoxError, Embed, EmbedSpec, Embedded, EngineEmbedder};
pub use self::indexed::{
    AdmitError, Export, ExportError, ExportSummary, Fill, FillError, FingerprintMismatch,
    HybridError, Import, ImportSummary, MAX_SAMPLES, Parts, Present, RESERVED_TAGS, Recall,
    RowFault, TEXT_FIELD_TAG, TextQuery, Trust, admit, check_document_model, check_query_model,
    document_prompt, export, fingerprint, import, is_hybrid, model_fingerprint, query_prompt,
    recall, text_field, text_query, value_to_json,
};
pub use self::job::{
    Filled, IndexJob, Job, JobError, Progress, RowRefusal, Summary, run, run_into,
};
pub use self::source::{ColumnError, RowProblem, SourceError, TextPlace};
pub use self::terms::{document_terms, query_terms};
