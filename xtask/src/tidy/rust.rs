//! What tokens say: `unsafe` outside the listed files, tests that do not run or must panic, unfinished
//! code, and a file that does not begin with what it is for.
//!
//! Tokens rather than text, so that a comment or a string may name what code may not, and rather than a
//! syntax tree, so that the inside of macros is seen too.

mod lexed;

pub(super) use lexed::Lexed;

use super::Fault;
use super::tree::{File, Tree};

/// The files outside `crates/kernels` that may hold `unsafe`, one for each crate that needs it, and why.
const UNSAFE_FILES: &[(&str, &str)] = &[
    ("crates/index/src/embedded/environment.rs", "opening LMDB"),
    ("crates/model/src/weights.rs", "mapping weight files"),
];

/// The home of `unsafe`: any file here may hold it that says so at its top.
const HOME_OF_UNSAFE: &str = "crates/kernels/src/";

/// What such a file says at its top, in tokens.
const EXPECTATION: [&str; 6] = ["#", "!", "[", "expect", "(", "unsafe_code"];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = stale_rows(tree, UNSAFE_FILES);
    for file in tree.ending(".rs") {
        if !file.text.starts_with("//!") {
            faults.push(Fault::new(&file.path, "does not begin with `//!` and what it is for"));
        }
    }
    for (file, tokens) in tree.rust() {
        for line in tokens.lines_of(&["unsafe"]) {
            if !may_be_unsafe(file, &tokens, UNSAFE_FILES) {
                let what = "`unsafe` outside the files that xtask/src/tidy/rust.rs lists";
                faults.push(at(file, line, what));
            }
        }
        for attribute in ["ignore", "should_panic"] {
            for line in tokens.lines_of(&["#", "[", attribute]) {
                faults.push(at(file, line, format!("`#[{attribute}]` hides what a test shows")));
            }
        }
        for unfinished in ["todo", "unimplemented"] {
            for line in tokens.lines_of(&[unfinished, "!"]) {
                faults.push(at(file, line, format!("`{unfinished}!` is unfinished")));
            }
        }
    }
    faults
}

fn may_be_unsafe(file: &File, tokens: &Lexed, listed: &[(&str, &str)]) -> bool {
    let is_listed = listed.iter().any(|(path, _)| *path == file.path);
    (is_listed || file.path.starts_with(HOME_OF_UNSAFE)) && expects_unsafe(tokens)
}

fn expects_unsafe(tokens: &Lexed) -> bool {
    !tokens.lines_of(&EXPECTATION).is_empty()
}

/// Returns rows that name a file which is gone or no longer needs `unsafe`.
fn stale_rows(tree: &Tree, listed: &[(&str, &str)]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, reason) in listed {
        if !tree.rust().any(|(file, tokens)| file.path == *path && expects_unsafe(&tokens)) {
            let what = format!("is listed as a file with `unsafe` for {reason}, and has none");
            faults.push(Fault::new(path, what));
        }
    }
    faults
}

fn at(file: &File, line: usize, what: impl std::fmt::Display) -> Fault {
    Fault::new(format!("{}:{line}", file.path), what)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{File, Lexed, Tree, may_be_unsafe, stale_rows};
    use crate::tidy::tests::{check_tree, render};

    /// The check without the rows of the table, whose files a tree of a test does not have.
    fn check(tree: &Tree) -> Vec<super::Fault> {
        let is_row = |fault: &super::Fault| fault.what.starts_with("is listed");
        super::check(tree).into_iter().filter(|fault| !is_row(fault)).collect()
    }

    #[test]
    fn what_hides_or_ends_a_test_and_what_is_unfinished_is_a_fault() {
        let text = "use a;\n#[test]\n#[ignore = \"slow\"]\nfn a() {}\n#[should_panic]\nfn b() { todo!() }\n";
        check_tree(
            check,
            &[("crates/a/src/b.rs", text)],
            expect![[r#"
                crates/a/src/b.rs: does not begin with `//!` and what it is for
                crates/a/src/b.rs:3: `#[ignore]` hides what a test shows
                crates/a/src/b.rs:5: `#[should_panic]` hides what a test shows
                crates/a/src/b.rs:6: `todo!` is unfinished
            "#]],
        );
    }

    #[test]
    fn comments_and_strings_may_name_what_code_may_not() {
        let text = "//! No unsafe, no #[ignore].\nconst A: &str = \"unsafe #[ignore] todo!()\"; // unsafe\n";
        check_tree(check, &[("crates/a/src/b.rs", text)], expect![""]);
    }

    #[test]
    fn unsafe_is_a_fault_outside_its_home_and_without_its_reason() {
        let bare = "//! A.\nfn a() { unsafe { b() } }\n";
        let with_reason = "//! A.\n#![expect(\n    unsafe_code)]\nfn a() { unsafe { b() } }\n";
        check_tree(
            check,
            &[
                ("crates/kernels/src/good.rs", with_reason),
                ("crates/kernels/src/bare.rs", bare),
                ("crates/server/src/bad.rs", with_reason),
            ],
            expect![[r#"
                crates/kernels/src/bare.rs:2: `unsafe` outside the files that xtask/src/tidy/rust.rs lists
                crates/server/src/bad.rs:4: `unsafe` outside the files that xtask/src/tidy/rust.rs lists
            "#]],
        );
    }

    #[test]
    fn a_listed_file_may_be_unsafe_and_a_row_without_one_is_stale() {
        let listed = [("crates/a/src/map.rs", "mapping files")];
        let text = "//! A.\n#![expect(unsafe_code)]\n";
        let file = File { path: listed[0].0.into(), text: text.into() };
        assert!(may_be_unsafe(&file, &Lexed::new(text).expect("Rust"), &listed));
        assert!(stale_rows(&Tree::for_tests(&[(listed[0].0, text)]), &listed).is_empty());
        expect![[r#"
            crates/a/src/map.rs: is listed as a file with `unsafe` for mapping files, and has none
        "#]]
        .assert_eq(&render(&stale_rows(&Tree::default(), &listed)));
    }
}
