//! Dependencies that no file of their package names.

use std::collections::BTreeSet;

use super::Fault;
use super::packages::Packages;
use super::tree::Tree;

pub(super) fn check(tree: &Tree, packages: &Packages) -> Vec<Fault> {
    let mut faults = Vec::new();
    for package in &packages.members {
        let folder = folder(&package.name);
        let files = tree.rust().filter(|(file, _)| file.path.starts_with(&folder));
        let named: BTreeSet<String> = files.flat_map(|(_, tokens)| tokens.into_words()).collect();
        for dependency in &package.dependencies {
            let name = dependency.rename.as_ref().unwrap_or(&dependency.name).replace('-', "_");
            if !named.contains(&name) {
                faults
                    .push(Fault::new(&package.name, format!("does not use `{}`", dependency.name)));
            }
        }
    }
    faults
}

fn folder(package: &str) -> String {
    if package == "xtask" { "xtask/".to_owned() } else { format!("crates/{package}/") }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::tidy::packages::Packages;
    use crate::tidy::tests::render;
    use crate::tidy::tree::Tree;

    #[test]
    fn a_dependency_that_is_only_spoken_of_is_a_fault() {
        let tree = Tree::for_tests(&[
            ("crates/a/src/lib.rs", "//! Unlike serde_json.\nuse fs_err as fs;"),
            ("crates/b/src/lib.rs", "//! Another's use does not count.\nuse serde_json::json;"),
        ]);
        let packages = Packages::for_tests(&[("a", &["fs-err", "serde_json"])]);
        expect!["a: does not use `serde_json`\n"]
            .assert_eq(&render(&super::check(&tree, &packages)));
    }
}
