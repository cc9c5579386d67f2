//! A text that must not reach a log, an error or a terminal.

use std::fmt;

use serde::Deserialize;

/// What stands in place of a secret wherever one would be printed.
pub(crate) const HIDDEN: &str = "***";

/// A key or token. `Debug` prints `***`; only [`Secret::reveal`] gives the text.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// Takes a text that is to be kept from sight.
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the text itself, for the one place that needs it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_hides_the_text() {
        assert_eq!(format!("{:?}", Some(Secret::new("hf_abc".to_owned()))), "Some(***)");
    }
}
