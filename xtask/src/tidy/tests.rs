//! Every check on this repository, and what the checks' own tests share.

use expect_test::Expect;

use super::packages::Packages;
use super::tree::Tree;
use super::{Fault, faults};

/// Runs one check on a tree that has these files.
#[track_caller]
pub(super) fn check_tree(check: fn(&Tree) -> Vec<Fault>, files: &[(&str, &str)], expected: Expect) {
    expected.assert_eq(&render(&check(&Tree::for_tests(files))));
}

/// Returns faults, one a line.
pub(super) fn render(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

#[test]
fn this_repository_is_tidy() {
    let tree = Tree::load().expect("a git work tree");
    let packages = Packages::load().expect("a cargo workspace");
    let faults = faults(&tree, &packages);
    assert!(faults.is_empty(), "tidy found\n{}", render(&faults));
}
