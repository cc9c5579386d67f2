//! Which crate may use which. Any other arrow is a change of architecture.

use std::collections::BTreeSet;

use super::Fault;
use super::packages::Packages;

/// What each crate of ours may name in its manifest, as ARCHITECTURE.md has it.
const ARROWS: &[(&str, &[&str])] = &[
    ("kernels", &[]),
    ("model", &["kernels"]),
    ("engine", &["model", "kernels"]),
    ("index", &["kernels", "wire"]),
    ("endpoints", &["wire"]),
    ("jobs", &["engine", "index", "kernels"]),
    ("wire", &[]),
    ("artifact", &[]),
    ("sigv4", &[]),
    ("truss", &[]),
    ("server", &["wire", "engine", "index", "jobs", "model", "endpoints", "sigv4", "truss"]),
    (
        "sembla",
        &[
            "kernels",
            "model",
            "engine",
            "index",
            "jobs",
            "endpoints",
            "wire",
            "server",
            "artifact",
            "truss",
        ],
    ),
    ("xtask", &["kernels", "model", "engine", "index", "jobs", "wire", "server"]),
];

pub(super) fn check(packages: &Packages) -> Vec<Fault> {
    let ours: BTreeSet<&str> =
        packages.members.iter().map(|package| package.name.as_str()).collect();
    let mut faults = Vec::new();
    for package in &packages.members {
        let name = package.name.as_str();
        let Some(allowed) = row(name) else {
            faults.push(Fault::new(name, "has no row in xtask/src/tidy/arrows.rs"));
            continue;
        };
        for dependency in &package.dependencies {
            let target = dependency.name.as_str();
            let is_test = dependency.kind.as_deref() == Some("dev");
            let may = if is_test { may_test_with(name, target) } else { allowed.contains(&target) };
            if ours.contains(target) && !may {
                faults.push(Fault::new(name, format!("may not use `{target}`")));
            }
        }
    }
    faults
}

fn row(name: &str) -> Option<&'static [&'static str]> {
    ARROWS.iter().find(|(from, _)| *from == name).map(|(_, to)| *to)
}

/// Returns whether the tests of a crate may use another: what lies below it anyway, however far.
fn may_test_with(name: &str, target: &str) -> bool {
    let below = row(name).unwrap_or_default();
    below.iter().any(|next| *next == target || may_test_with(next, target))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{ARROWS, check};
    use crate::tidy::packages::Packages;
    use crate::tidy::tests::render;

    #[test]
    fn an_arrow_that_points_up_is_a_fault() {
        let packages = Packages::for_tests(&[
            ("kernels", &["engine", "serde"]),
            ("engine", &["model", "kernels", "server"]),
            ("model", &[]),
            ("server", &[]),
            ("extras", &[]),
        ]);
        expect![[r#"
            kernels: may not use `engine`
            engine: may not use `server`
            extras: has no row in xtask/src/tidy/arrows.rs
        "#]]
        .assert_eq(&render(&check(&packages)));
    }

    #[test]
    fn tests_may_use_what_lies_below_however_far_and_nothing_else() {
        let packages = Packages::for_tests(&[
            ("server", &["dev kernels"]),
            ("model", &["dev engine"]),
            ("xtask", &["dev engine"]),
            ("kernels", &[]),
            ("engine", &[]),
            ("sembla", &[]),
        ]);
        expect![[r#"
            model: may not use `engine`
        "#]]
        .assert_eq(&render(&check(&packages)));
    }

    // `may_test_with` walks the table, so that it would not end on one with a circle.
    #[test]
    fn the_table_has_no_circle() {
        let mut settled: Vec<&str> = Vec::new();
        for _ in ARROWS {
            let free = ARROWS.iter().find(|(from, to)| {
                !settled.contains(from) && to.iter().all(|target| settled.contains(target))
            });
            settled.push(free.expect("a row whose targets all stand before it").0);
        }
    }
}
