//! Long texts, a piece at a time.

use std::path::Path;

use proptest::prelude::*;

use super::{PIECE_BYTES, Tokenizer, pieces};
use crate::directory::TokenizerSettings;

fn tokenizer(model: &str) -> Tokenizer {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/models");
    let path = fixtures.join(model).join("tokenizer.json");
    Tokenizer::load(&path, &TokenizerSettings::default()).unwrap()
}

/// What a boundary might come between: marks that join the letter before them, scripts without spaces,
/// other white space, special tokens.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "the",
        "Straße",
        "e\u{301}",
        "\u{301}",
        "見る",
        "[MASK]",
        "<mask>",
        "\t",
        "\u{a0}",
        "\u{3000}",
        "don't",
        "\u{0}",
        "ΣΟΦΟΣ",
        "🚀",
        "x\u{200d}y",
        "1,000.5",
        "",
        "[",
        "MASK]",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn pieces_have_the_tokens_of_the_whole(text in words(), piece_bytes in 0usize..40) {
        for model in ["tiny-bert", "tiny-mpnet"] {
            let tokenizer = tokenizer(model);
            prop_assert!(tokenizer.splits_at_spaces);
            let whole = tokenizer.content_of(std::iter::once(&text[..])).unwrap();
            let cut = tokenizer.content_of(pieces(&text, piece_bytes.max(1))).unwrap();
            prop_assert_eq!(cut, whole);
        }
    }
}

#[test]
fn pieces_are_the_text_and_not_much_longer_than_asked() {
    let text = "some words of é and more ".repeat(20_000);
    let cut: Vec<&str> = pieces(&text, PIECE_BYTES).collect();
    assert_eq!(cut.concat(), text);
    assert!(cut.len() > 5 && cut.iter().all(|piece| piece.len() < PIECE_BYTES + 10));
    assert_eq!(pieces("", PIECE_BYTES).count(), 0);
}
