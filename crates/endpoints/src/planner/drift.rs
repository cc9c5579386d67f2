//! How far a new version may be from the one that it replaces.

use std::fmt;

use crate::spec::Spec;

/// How far the answers of two versions to the same texts are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// The smallest cosine over all texts; `None` where the dimensions differ.
    pub cosine: Option<f32>,
    /// The length of the serving version's embeddings.
    pub live_dimensions: usize,
    /// The length of the new version's embeddings.
    pub next_dimensions: usize,
}

/// How far a comparison is.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Check {
    /// Nobody has asked for one.
    #[default]
    Open,
    /// It runs.
    Running,
    /// It is done.
    Done(Drift),
    /// It could not be made; it may be tried again.
    Broken(String),
}

impl fmt::Display for Drift {
    /// Says it as what the last update did.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cosine, live_dimensions, next_dimensions } = self;
        match cosine {
            Some(cosine) => write!(
                formatter,
                "the last update was compared with the version before: the smallest cosine of their \
                 embeddings is {cosine:.4}"
            ),
            None => write!(
                formatter,
                "the last update changed the embeddings from {live_dimensions} to {next_dimensions} \
                 dimensions"
            ),
        }
    }
}

/// Decides whether a new version may take over.
///
/// Whoever keeps the model and gets other vectors would mix two kinds in one index without knowing:
/// that is held up. Whoever asks for another model, or another length, wants other vectors: that is
/// only reported.
pub(super) fn judge(drift: &Drift, live: &Spec, next: &Spec, least: f32) -> Result<(), String> {
    if !live.is_same_model(next) || drift.live_dimensions != drift.next_dimensions {
        return Ok(());
    }
    match drift.cosine {
        // Not a number is not enough either.
        Some(cosine) if cosine >= least => Ok(()),
        Some(cosine) => Err(format!(
            "its embeddings differ from those of the version that serves: the cosine is {cosine:.4}, at least {least} was expected of the same model"
        )),
        None => Err("its embeddings could not be compared with those that are served".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Drift, judge};
    use crate::spec::Spec;

    fn passes(cosine: Option<f32>, dimensions: (usize, usize), next: &str) -> bool {
        let drift = Drift { cosine, live_dimensions: dimensions.0, next_dimensions: dimensions.1 };
        judge(&drift, &Spec::for_tests("a/b"), &Spec::for_tests(next), 0.99).is_ok()
    }

    #[test]
    fn only_the_same_model_must_agree() {
        assert!(passes(Some(0.9999), (384, 384), "a/b"));
        assert!(!passes(Some(0.5), (384, 384), "a/b"));
        assert!(!passes(Some(f32::NAN), (384, 384), "a/b"));
        assert!(!passes(None, (384, 384), "a/b"));
        assert!(passes(Some(0.1), (384, 384), "c/d"), "another model was asked for");
        assert!(passes(None, (384, 768), "a/b"), "another length was asked for");
    }
}
