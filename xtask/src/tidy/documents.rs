//! Paths in ARCHITECTURE.md and README.md: each must exist, or the map leads nowhere.

use super::Fault;
use super::tree::{File, Tree};

const MAPS: [&str; 2] = ["ARCHITECTURE.md", "README.md"];

/// Endings that make a word without a folder a file name all the same.
const ENDINGS: [&str; 7] = [".rs", ".py", ".md", ".toml", ".json", ".txt", ".yml"];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for map in MAPS {
        match tree.file(map) {
            Some(map) => check_map(tree, map, &mut faults),
            None => faults.push(Fault::new(map, "does not exist")),
        }
    }
    faults
}

fn check_map(tree: &Tree, map: &File, faults: &mut Vec<Fault>) {
    for (number, line) in map.text.lines().enumerate() {
        // Every second piece stands between backticks.
        let words = line.split('`').skip(1).step_by(2).filter(|word| is_path(tree, word));
        for path in words.chain(links(line)).filter(|path| !exists(tree, path)) {
            let place = format!("{}:{}", map.path, number + 1);
            faults.push(Fault::new(place, format!("`{path}` does not exist")));
        }
    }
}

/// Returns what the links of a line point to in this repository.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains(':'))
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
                ("README.md", "[Here](docs/gone.md), [there](crates/a/src/b.rs#top)."),
                ("crates/a/src/b.rs", "//! B."),
            ],
            expect![[r#"
                ARCHITECTURE.md:1: `crates/a/src/gone.rs` does not exist
                ARCHITECTURE.md:2: `gone.rs` does not exist
                README.md:1: `docs/gone.md` does not exist
            "#]],
        );
    }

    #[test]
    fn routes_code_media_types_and_the_web_are_not_paths() {
        let text =
            "`/v1/embeddings`, `POST /embed`, `a::b`, `application/json`, `try_submit`, `crates/*`";
        check_tree(
            super::check,
            &[
                ("ARCHITECTURE.md", text),
                ("README.md", "[Web](https://example.org/a.md), [section](#how-fast)"),
                ("crates/a.rs", "//! A."),
            ],
            expect![""],
        );
    }

    #[test]
    fn a_tree_without_its_maps_is_a_fault() {
        check_tree(
            super::check,
            &[],
            expect![[r#"
            ARCHITECTURE.md: does not exist
            README.md: does not exist
        "#]],
        );
    }
}
