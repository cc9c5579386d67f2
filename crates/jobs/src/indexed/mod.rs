//! Datasets and indexes: rows → records, records → rows, and texts → queries.

mod error;
mod export;
mod fill;
mod fingerprint;
mod import;
mod json;
mod query;
mod recall;
mod rows;
mod sink;

pub use self::error::{AdmitError, ExportError, FillError, RowFault};
pub use self::export::{Export, ExportSummary, export};
pub use self::fill::{Fill, Present, Trust, admit};
pub use self::fingerprint::{
    FingerprintMismatch, check_document_model, check_query_model, document_prompt, fingerprint,
    model_fingerprint, query_prompt,
};
pub use self::import::{Import, ImportSummary, import};
pub use self::json::value_to_json;
pub use self::query::{
    HybridError, Parts, RESERVED_TAGS, TEXT_FIELD_TAG, TextQuery, is_hybrid, text_field, text_query,
};
pub use self::recall::{MAX_SAMPLES, Recall, recall};

pub(crate) use self::rows::RowsError;
pub(crate) use self::sink::{Admitted, IndexSink};
