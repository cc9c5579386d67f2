//! How far two replicas' embeddings of the same texts are apart.

use std::path::Path;

use endpoints::{Drift, RuntimeError};
use hyper::body::Bytes;
use serde_json::json;

use super::http;

/// Short and long, several scripts, digits and marks: what different tokenizers, poolings and prompts
/// treat differently.
const TEXTS: [&str; 8] = [
    "What is Medicare?",
    "The quick brown fox jumps over the lazy dog.",
    "import numpy as np; print(np.arange(10).sum())",
    "El envío llegó tres días tarde y la caja estaba rota.",
    "東京は日本の首都です。",
    "Prices rose by 3.5 % in 2024, after falling for eleven months.",
    "a",
    "A longer text says more than one thing: first that embeddings of the same model agree, then that those of \
     another do not, and last that a hundred tokens are enough to tell a mean of all states from the first of \
     them, which is what differs when somebody changes the pooling of a model and nothing else about it.",
];

const WHAT: &str = "failed to compare two versions";

/// Embeds fixed texts with both.
pub(super) async fn compare(live: &Path, next: &Path) -> Result<Drift, RuntimeError> {
    let (live, next) = tokio::try_join!(embed(live), embed(next))?;
    Ok(between(&live, &next))
}

async fn embed(socket: &Path) -> Result<Vec<Vec<f32>>, RuntimeError> {
    let refused = |reason: String| RuntimeError::Refused { what: WHAT, reason };
    let request = json!({ "inputs": TEXTS, "truncate": true }).to_string();
    let answer = http::post(socket, "/embed", Bytes::from(request)).await;
    let answer = answer.map_err(|error| refused(format!("a replica was asked, and {error}")))?;
    let rows: Vec<Vec<f32>> = serde_json::from_slice(&answer)
        .map_err(|error| refused(format!("a replica answered no embeddings: {error}")))?;
    if rows.len() != TEXTS.len()
        || rows.iter().any(|row| row.is_empty() || row.len() != rows[0].len())
    {
        return Err(refused("a replica did not answer an embedding for each text".to_owned()));
    }
    Ok(rows)
}

fn between(live: &[Vec<f32>], next: &[Vec<f32>]) -> Drift {
    let (live_dimensions, next_dimensions) = (live[0].len(), next[0].len());
    let smallest = || {
        let cosines = live.iter().zip(next).map(|(a, b)| cosine(a, b));
        // What is not a number must not be passed over, as `f32::min` would.
        cosines.fold(
            1.0,
            |least, cosine| if cosine < least || cosine.is_nan() { cosine } else { least },
        )
    };
    let cosine = (live_dimensions == next_dimensions).then(smallest);
    Drift { cosine, live_dimensions, next_dimensions }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drift(live: &[&[f32]], next: &[&[f32]]) -> Drift {
        let rows = |rows: &[&[f32]]| rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
        between(&rows(live), &rows(next))
    }

    #[test]
    fn the_text_that_differs_most_decides() {
        let same = drift(&[&[1.0, 0.0], &[0.0, 2.0]], &[&[3.0, 0.0], &[0.0, 1.0]]);
        assert_eq!(same.cosine, Some(1.0), "lengths do not matter");
        let other = drift(&[&[1.0, 0.0], &[0.0, 1.0]], &[&[1.0, 0.0], &[1.0, 1.0]]);
        assert!((other.cosine.unwrap() - 0.5f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn other_dimensions_have_no_cosine() {
        let drift = drift(&[&[1.0, 0.0]], &[&[1.0]]);
        assert_eq!(drift, Drift { cosine: None, live_dimensions: 2, next_dimensions: 1 });
    }

    #[test]
    fn what_is_no_number_is_never_agreement() {
        let zero = drift(&[&[0.0, 0.0], &[1.0, 0.0]], &[&[1.0, 0.0], &[1.0, 0.0]]);
        assert!(zero.cosine.unwrap().is_nan());
    }
}
