//! The words of a text as a sparse vector: the half of BM25 that needs no index.
//!
//! Not for: how rare a word is, which only the index knows
//! ([`index::SparseWeights::InverseDocumentFrequency`]).

use std::collections::BTreeMap;

use index::SparseVector;
use unicode_segmentation::UnicodeSegmentation as _;

/// How soon a word that comes again counts no more.
const K1: f32 = 1.2;
/// How much a long text counts less.
const B: f32 = 0.75;
/// The words of an average text. Fixed, so that a vector depends on its text alone and none has to be
/// made anew when others come: about a paragraph, the size in which texts are embedded. A wrong one
/// only shifts how much [`B`] does.
const AVERAGE_WORDS: f32 = 100.0;
/// The most words of a vector, as many as an index takes. Of a text with more, the heaviest are kept.
const MAX_TERMS: usize = 2_048;

/// Returns the terms of a text that is to be found, each with the weight that BM25 gives it before
/// rarity: `tf·(k1 + 1) / (tf + k1·(1 − b + b·length / average))`.
///
/// Words are those of Unicode's default boundaries with at least one letter or digit, in lower case.
/// A text without any gives an empty vector.
///
/// # Source
///
/// Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, equation
/// 3.15; k1 and b as is usual. The average length is a constant here.
pub fn document_terms(text: &str) -> SparseVector {
    let (counts, num_words) = count(text);
    let length = 1.0 - B + B * num_words as f32 / AVERAGE_WORDS;
    let weight = |tf: f32| tf * (K1 + 1.0) / (tf + K1 * length);
    vector(counts.into_iter().map(|(term, tf)| (term, weight(tf as f32))).collect())
}

/// Returns the terms of a text that is looked for, each with the number of times that it comes.
pub fn query_terms(text: &str) -> SparseVector {
    let (counts, _) = count(text);
    vector(counts.into_iter().map(|(term, tf)| (term, tf as f32)).collect())
}

/// Counts the words of a text, by term, and all together.
fn count(text: &str) -> (BTreeMap<u32, u32>, usize) {
    let mut counts = BTreeMap::new();
    let mut num_words = 0;
    for word in text.unicode_words() {
        *counts.entry(term(&word.to_lowercase())).or_insert(0) += 1;
        num_words += 1;
    }
    (counts, num_words)
}

/// Keeps the heaviest terms; of equal ones those with the smaller number.
fn vector(mut terms: Vec<(u32, f32)>) -> SparseVector {
    if terms.len() > MAX_TERMS {
        terms.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        terms.truncate(MAX_TERMS);
    }
    let (indices, values) = terms.into_iter().unzip();
    SparseVector::sorted(indices, values)
}

/// Returns the number of a word: its 32-bit FNV-1a hash, which is kept in indexes and so never
/// changes. Two words of a vocabulary of 100,000 share one with a chance of 1 in 43,000 each.
///
/// # Source
///
/// Fowler, Noll, Vo and Eastlake, "The FNV Non-Cryptographic Hash Algorithm".
fn term(word: &str) -> u32 {
    word.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(text: &str) -> Vec<u32> {
        document_terms(text).indices
    }

    #[test]
    fn a_word_has_the_published_hash() {
        assert_eq!(term(""), 0x811c_9dc5);
        assert_eq!(term("a"), 0xe40c_292c);
        assert_eq!(term("foobar"), 0xbf9c_f968);
    }

    #[test]
    fn case_and_punctuation_make_no_difference_and_words_do() {
        assert_eq!(terms("Part B, please!"), terms("please part b"));
        assert_ne!(terms("part b"), terms("part a"));
        assert_eq!(terms("… — !"), [0_u32; 0]);
        assert_eq!(terms("ÉCOLE"), terms("école"));
        // No spaces there, so each sign stands for itself.
        assert_eq!(terms("東京").len(), 2);
    }

    #[test]
    fn weights_are_those_of_bm25() {
        // 1 of 1 word: 2.2 / (1 + 1.2 · (0.25 + 0.75 / 100)).
        let one = document_terms("card");
        assert!((one.values[0] - 2.2 / 1.309).abs() < 1e-6, "{one:?}");
        // As long as the average: 2.2 / 2.2 for a word that comes once.
        let average: Vec<String> = (0..100).map(|n| format!("w{n}")).collect();
        assert!(document_terms(&average.join(" ")).values.iter().all(|x| (x - 1.0).abs() < 1e-6));
        // Twice counts more than once and less than twice as much.
        let twice = document_terms("card card").values[0];
        assert!(twice > one.values[0] && twice < 2.0 * one.values[0]);
        assert_eq!(query_terms("card, card").values, [2.0]);
    }

    #[test]
    fn of_a_very_long_text_the_heaviest_terms_are_kept() {
        let words: Vec<String> = (0..3_000).map(|n| format!("w{n}")).collect();
        let text = format!("{} twice twice", words.join(" "));
        let kept = document_terms(&text);
        assert_eq!(kept.indices.len(), MAX_TERMS);
        assert!(kept.indices.contains(&term("twice")));
    }

    proptest! {
        // What an index takes: terms ascending, each once, weights finite and above zero.
        #[test]
        fn any_text_gives_a_vector_that_an_index_takes(text in "\\PC{0,400}") {
            for vector in [document_terms(&text), query_terms(&text)] {
                prop_assert!(vector.indices.is_sorted_by(|a, b| a < b));
                prop_assert_eq!(vector.indices.len(), vector.values.len());
                prop_assert!(vector.values.iter().all(|x| x.is_finite() && *x > 0.0));
            }
        }
    }
}
