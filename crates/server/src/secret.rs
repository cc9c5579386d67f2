//! An API key that no log can show.

use std::fmt;
use std::hint::black_box;

/// A key that clients must send. Its `Debug` is `***`, and it has no other way into a text.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Returns whether `candidate` is this key, in a time that does not depend on where the two
    /// differ. Their lengths may show.
    pub fn matches(&self, candidate: &[u8]) -> bool {
        let key = self.0.as_bytes();
        if key.len() != candidate.len() {
            return false;
        }
        let mut difference = 0;
        for (a, b) in key.iter().zip(candidate) {
            // Keeps the optimizer from leaving the loop at the first difference.
            difference = black_box(difference | (a ^ b));
        }
        difference == 0
    }
}

impl From<String> for Secret {
    fn from(key: String) -> Self {
        Self(key)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_key_matches() {
        let key = Secret::from("correct horse".to_owned());
        assert!(key.matches(b"correct horse"));
        for wrong in ["", "correct hors", "correct horsf", "Correct horse", "correct horse "] {
            assert!(!key.matches(wrong.as_bytes()), "`{wrong}` passed");
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        assert_eq!(format!("{:?}", Some(Secret::from("hidden".to_owned()))), "Some(***)");
    }
}
