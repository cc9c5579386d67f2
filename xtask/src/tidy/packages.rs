//! What cargo says of the workspace and of what it is built from.

use std::collections::BTreeSet;

use anyhow::Context;
use serde::Deserialize;

use super::Fault;
use crate::workspace::{cargo, output};

/// The most packages that the product may be built from.
const MOST_IN_PRODUCT: usize = 450;

/// The packages of the workspace, and those that the product needs.
#[derive(Debug, Default)]
pub(super) struct Packages {
    /// Ours.
    pub(super) members: Vec<Package>,
    /// Everybody's that is built for this machine, tests included.
    pub(super) foreign: Vec<Package>,
    /// Name and version of each package in the product.
    in_product: BTreeSet<String>,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) license: Option<String>,
    pub(super) dependencies: Vec<Dependency>,
    source: Option<String>,
}

/// One line of a manifest.
#[derive(Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// `None` for what the package itself is built with.
    pub(super) kind: Option<String>,
    /// The name in code, where the manifest gives one.
    pub(super) rename: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

impl Packages {
    /// Asks cargo.
    pub(super) fn load() -> anyhow::Result<Self> {
        let platform = "x86_64-unknown-linux-gnu";
        let mut metadata = cargo(&["metadata", "--format-version", "1", "--locked"]);
        metadata.args(["--filter-platform", platform]);
        let metadata: Metadata = serde_json::from_str(&output(&mut metadata)?)
            .context("cargo metadata has a shape that this does not know")?;
        let mut tree = cargo(&["tree", "--locked", "--edges", "normal", "--package", "sembla"]);
        tree.args(["--prefix", "none", "--format", "{p}", "--target", platform]);
        let in_product = output(&mut tree)?.lines().map(name_and_version).collect();
        // A package without a source is in this repository.
        let (members, foreign) =
            metadata.packages.into_iter().partition(|package| package.source.is_none());
        Ok(Self { members, foreign, in_product })
    }

    /// Returns how many packages the product is built from, ours included.
    pub(super) fn num_in_product(&self) -> usize {
        self.in_product.len()
    }
}

/// Strips what cargo tree adds to a name and version: `(proc-macro)`, a path, `(*)`.
fn name_and_version(line: &str) -> String {
    line.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

pub(super) fn check(packages: &Packages) -> Vec<Fault> {
    let got = packages.num_in_product();
    if got <= MOST_IN_PRODUCT {
        return Vec::new();
    }
    vec![Fault::new(
        "sembla",
        format!("is built from {got} packages, and at most {MOST_IN_PRODUCT} may be"),
    )]
}

#[cfg(test)]
impl Packages {
    /// Returns members with their dependencies, each `name` or `dev name`.
    pub(super) fn for_tests(members: &[(&str, &[&str])]) -> Self {
        let dependency = |line: &&str| match line.strip_prefix("dev ") {
            Some(name) => Dependency { name: name.into(), kind: Some("dev".into()), rename: None },
            None => Dependency { name: (*line).into(), kind: None, rename: None },
        };
        let package = |&(name, lines): &(&str, &[&str])| Package {
            name: name.into(),
            license: None,
            dependencies: lines.iter().map(dependency).collect(),
            source: None,
        };
        Self { members: members.iter().map(package).collect(), ..Self::default() }
    }

    /// Adds a package of somebody else's.
    pub(super) fn with_foreign(mut self, name: &str, license: Option<&str>) -> Self {
        let license = license.map(str::to_owned);
        let source = Some("registry".to_owned());
        self.foreign.push(Package { name: name.into(), license, dependencies: Vec::new(), source });
        self
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{MOST_IN_PRODUCT, Packages, check, name_and_version};
    use crate::tidy::tests::render;

    #[test]
    fn one_package_more_than_the_bound_is_a_fault() {
        let numbered = |count: usize| (0..count).map(|number| format!("p v{number}")).collect();
        let mut packages =
            Packages { in_product: numbered(MOST_IN_PRODUCT), ..Packages::default() };
        assert!(check(&packages).is_empty());
        packages.in_product = numbered(MOST_IN_PRODUCT + 1);
        expect!["sembla: is built from 451 packages, and at most 450 may be\n"]
            .assert_eq(&render(&check(&packages)));
    }

    #[test]
    fn one_package_counts_once_however_it_is_shown() {
        assert_eq!(name_and_version("serde v1.0.0 (*)"), "serde v1.0.0");
        assert_eq!(name_and_version("sembla v0.1.0 (/home/me/sembla)"), "sembla v0.1.0");
    }
}
