//! Paths in ARCHITECTURE.md: each must exist, or the map leads nowhere.

use super::Fault;
use super::tree::Tree;

const MAP: &str = "ARCHITECTURE.md";

/// Endings that make a word without a folder a file name all the same.
const ENDINGS: [&str; 7] = [".rs", ".py", ".md", ".toml", ".json", ".txt", ".yml"];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let Some(map) = tree.file(MAP) else {
        return vec![Fault::new(MAP, "does not exist")];
    };
    let mut faults = Vec::new();
    for (number, line) in map.text.lines().enumerate() {
        // Every second piece stands between backticks.
        for word in line.split('`').skip(1).step_by(2) {
            if is_path(tree, word) && !exists(tree, word) {
                faults.push(Fault::new(
                    format!("{MAP}:{}", number + 1),
                    format!("`{word}` does not exist"),
                ));
            }
        }
    }
    faults
}

/// Returns whether a word is meant as a path: it begins with a folder of the repository, or it has a
/// file's ending. Routes begin with `/`.
fn is_path(tree: &Tree, word: &str) -> bool {
    let is_one_word = !word.contains([' ', '*', '<', '{', '(', ':']) && !word.starts_with('/');
    let first = word.split('/').next().unwrap_or_default();
    let in_folder = word.contains('/') && tree.has(first);
    is_one_word && (in_folder || ENDINGS.iter().any(|ending| word.ends_with(ending)))
}

/// Returns whether the path exists from the root, or ends some path: a section about a crate may write
/// `batcher.rs`. Files of a model directory are not in the repository's root, but its fixtures have them.
fn exists(tree: &Tree, word: &str) -> bool {
    let ending = format!("/{}", word.trim_start_matches('/'));
    tree.has(word) || tree.paths().any(|path| path.ends_with(&ending))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::tidy::tests::check_tree;

    #[test]
    fn a_path_that_leads_nowhere_is_a_fault() {
        check_tree(
            super::check,
            &[
                (
                    "ARCHITECTURE.md",
                    "See `crates/a`, `b.rs`, `crates/a/src/gone.rs`,\nand `gone.rs`.",
                ),
                ("crates/a/src/b.rs", "//! B."),
            ],
            expect![[r#"
                ARCHITECTURE.md:1: `crates/a/src/gone.rs` does not exist
                ARCHITECTURE.md:2: `gone.rs` does not exist
            "#]],
        );
    }

    #[test]
    fn routes_code_and_media_types_are_not_paths() {
        let text =
            "`/v1/embeddings`, `POST /embed`, `a::b`, `application/json`, `try_submit`, `crates/*`";
        check_tree(
            super::check,
            &[("ARCHITECTURE.md", text), ("crates/a.rs", "//! A.")],
            expect![""],
        );
    }

    #[test]
    fn a_tree_without_a_map_is_a_fault() {
        check_tree(super::check, &[], expect!["ARCHITECTURE.md: does not exist\n"]);
    }
}
