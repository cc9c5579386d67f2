//! What somebody who imports a Truss should know.

/// A part of a Truss without a meaning here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The path of its key, and the flag where it is one.
    pub key: String,
    /// Why it has none.
    pub why: String,
}

/// What there is to say, in the order in which it was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) notes: Vec<String>,
    pub(crate) left_out: Vec<LeftOut>,
}

impl Report {
    /// Points something out.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Says that a part has no meaning here.
    pub(crate) fn leave_out(&mut self, key: impl Into<String>, why: impl Into<String>) {
        self.left_out.push(LeftOut { key: key.into(), why: why.into() });
    }
}
