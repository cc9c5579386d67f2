//! The registry of architectures: each row has a tiny model to test with and a row in the documents.

use super::Fault;
use super::tree::Tree;

const REGISTRY: &str = "crates/model/src/arch/mod.rs";
const DOCUMENT: &str = "docs/models.md";
const FIXTURES: &str = "fixtures/models/";

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let rows = rows(tree);
    if rows.is_empty() {
        // Fails rather than passes when the registry moves or changes its shape.
        return vec![Fault::new(REGISTRY, "has no row with `model_types: &[…]`")];
    }
    let mut faults = Vec::new();
    for row in &rows {
        let names = row.join("`, `");
        if !row.iter().any(|model_type| has_fixture(tree, model_type)) {
            let what = format!("`{names}` has no model in {FIXTURES}");
            faults.push(Fault::new(REGISTRY, what));
        }
        if !row.iter().all(|model_type| has_document(tree, model_type)) {
            faults.push(Fault::new(REGISTRY, format!("`{names}` has no row in {DOCUMENT}")));
        }
    }
    faults
}

/// Returns the `model_type` names of each row.
fn rows(tree: &Tree) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (_, tokens) in tree.rust().filter(|(file, _)| file.path == REGISTRY) {
        for row in tokens.strings_after(&["model_types", ":", "&", "["]) {
            rows.push(row.into_iter().map(str::to_owned).collect());
        }
    }
    rows
}

fn has_fixture(tree: &Tree, model_type: &str) -> bool {
    tree.ending("/config.json").filter(|file| file.path.starts_with(FIXTURES)).any(|file| {
        let config: Result<serde_json::Value, _> = serde_json::from_str(&file.text);
        config.is_ok_and(|config| config["model_type"] == model_type)
    })
}

fn has_document(tree: &Tree, model_type: &str) -> bool {
    let name = format!("`{model_type}`");
    let is_row = |line: &str| line.starts_with('|') && line.contains(&name);
    tree.file(DOCUMENT).is_some_and(|file| file.text.lines().any(is_row))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{DOCUMENT, REGISTRY};
    use crate::tidy::tests::check_tree;

    const ROWS: &str = r#"//! Registry.
        const A: &[Architecture] = &[
            Architecture { model_types: &["bert"], title: "BERT" },
            Architecture { model_types: &["roberta", "xlm-roberta"], title: "RoBERTa" },
        ];"#;

    #[test]
    fn a_row_with_a_fixture_and_a_document_is_whole() {
        check_tree(
            super::check,
            &[
                (REGISTRY, ROWS),
                ("fixtures/models/a/config.json", r#"{"model_type": "bert"}"#),
                ("fixtures/models/b/config.json", r#"{"model_type": "xlm-roberta"}"#),
                (DOCUMENT, "| `bert` |\n| `roberta`, `xlm-roberta` |"),
            ],
            expect![""],
        );
    }

    #[test]
    fn a_row_without_them_is_a_fault() {
        check_tree(
            super::check,
            &[
                (REGISTRY, ROWS),
                ("fixtures/models/a/config.json", r#"{"model_type": "bert"}"#),
                (DOCUMENT, "| `bert` |"),
            ],
            expect![[r#"
                crates/model/src/arch/mod.rs: `roberta`, `xlm-roberta` has no model in fixtures/models/
                crates/model/src/arch/mod.rs: `roberta`, `xlm-roberta` has no row in docs/models.md
            "#]],
        );
    }

    #[test]
    fn a_registry_that_cannot_be_read_is_a_fault() {
        check_tree(
            super::check,
            &[(REGISTRY, "//! Moved.")],
            expect![[r#"
            crates/model/src/arch/mod.rs: has no row with `model_types: &[…]`
        "#]],
        );
    }
}
