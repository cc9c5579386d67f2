//! A text that nobody is shown.

use std::fmt;

/// A text that nobody is shown: `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Sensitive(String);

impl Sensitive {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the text, for the request that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}
