//! Names that say nothing: a file, folder or module for whatever is left over grows without end.

use super::Fault;
use super::tree::Tree;

const SAY_NOTHING: [&str; 6] = ["common", "utils", "helpers", "core", "types", "misc"];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for path in tree.paths() {
        let Some((stems, "rs" | "py")) = path.rsplit_once('.') else { continue };
        if let Some(name) = stems.split('/').find(|stem| SAY_NOTHING.contains(stem)) {
            faults.push(Fault::new(path, format!("`{name}` does not say what is in it")));
        }
    }
    for (file, tokens) in tree.rust() {
        for name in tokens.after(&["mod"]) {
            if SAY_NOTHING.contains(&name) {
                faults.push(Fault::new(
                    &file.path,
                    format!("`mod {name}` does not say what is in it"),
                ));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::tidy::tests::check_tree;

    #[test]
    fn a_name_that_says_nothing_is_a_fault_wherever_it_stands() {
        check_tree(
            super::check,
            &[
                ("crates/utils/src/lib.rs", "//! Odds."),
                ("crates/a/src/helpers.rs", "//! Ends."),
                ("crates/a/src/b.rs", "//! B.\nmod types { }"),
                ("fixtures/common.py", ""),
            ],
            expect![[r#"
                crates/utils/src/lib.rs: `utils` does not say what is in it
                crates/a/src/helpers.rs: `helpers` does not say what is in it
                fixtures/common.py: `common` does not say what is in it
                crates/a/src/b.rs: `mod types` does not say what is in it
            "#]],
        );
    }

    #[test]
    fn a_name_that_only_contains_such_a_word_is_none() {
        check_tree(
            super::check,
            &[("crates/a/src/score.rs", "//! Core types.\nmod coretypes;")],
            expect![""],
        );
    }
}
