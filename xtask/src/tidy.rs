//! `cargo xtask tidy`: what a machine can judge about the tree without doing harm.
//!
//! Each check is a pure function from the tree (or from what cargo says of the packages) to faults, so
//! that each has tests with a tree that breaks it. The largest files and functions are printed, not judged.

mod arrows;
mod documents;
mod licenses;
mod models;
mod names;
mod packages;
mod rust;
mod sizes;
#[cfg(test)]
mod tests;
mod tree;
mod unused;
mod words;

use std::fmt;

use anyhow::ensure;

use packages::Packages;
use tree::Tree;

/// One thing that is not as it should be.
#[derive(Debug)]
pub(crate) struct Fault {
    /// A file, with its line where there is one, or a package.
    place: String,
    /// What is wrong there, and what to do.
    what: String,
}

impl Fault {
    fn new(place: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self { place: place.to_string(), what: what.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Prints the largest files and functions, and fails on any fault.
pub(crate) fn run() -> anyhow::Result<()> {
    let tree = Tree::load()?;
    let packages = Packages::load()?;
    print!("{}", sizes::report(&tree));
    let faults = faults(&tree, &packages);
    for fault in &faults {
        eprintln!("{fault}");
    }
    ensure!(faults.is_empty(), "tidy found {} faults", faults.len());
    println!("tidy: {} files and {} packages", tree.files().len(), packages.num_in_product());
    Ok(())
}

/// Runs every check.
fn faults(tree: &Tree, packages: &Packages) -> Vec<Fault> {
    let checks_of_tree = [
        rust::check as fn(&Tree) -> Vec<Fault>,
        names::check,
        words::check,
        documents::check,
        models::check,
    ];
    let mut faults: Vec<Fault> = checks_of_tree.iter().flat_map(|check| check(tree)).collect();
    faults.extend(arrows::check(packages));
    faults.extend(unused::check(tree, packages));
    faults.extend(licenses::check(tree, packages));
    faults.extend(packages::check(packages));
    faults
}
