//! Licenses of what is built: each must be one that deny.toml allows. cargo-deny reads the same list, and
//! says more, where it is installed.

use super::Fault;
use super::packages::Packages;
use super::tree::Tree;

const POLICY: &str = "deny.toml";

pub(super) fn check(tree: &Tree, packages: &Packages) -> Vec<Fault> {
    let allowed = match allowed(tree) {
        Ok(allowed) => allowed,
        Err(fault) => return vec![fault],
    };
    let mut faults = Vec::new();
    for package in &packages.foreign {
        let license = package.license.as_deref().unwrap_or("none");
        if !is_allowed(license, &allowed) {
            let what = format!("has the license `{license}`, which {POLICY} does not allow");
            faults.push(Fault::new(&package.name, what));
        }
    }
    faults
}

fn allowed(tree: &Tree) -> Result<Vec<String>, Fault> {
    let Some(file) = tree.file(POLICY) else {
        return Err(Fault::new(POLICY, "does not exist"));
    };
    let policy: toml::Table = file.text.parse().map_err(|err| Fault::new(POLICY, err))?;
    let list = policy.get("licenses").and_then(|licenses| licenses.get("allow")?.as_array());
    let Some(list) = list else {
        return Err(Fault::new(POLICY, "has no list `licenses.allow`"));
    };
    Ok(list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
}

/// Returns whether one way to satisfy an SPDX expression needs allowed licenses only.
///
/// AND binds more tightly than OR, and parentheses change that. The inner pair is replaced by its answer
/// until there is none. A `/` is how old manifests write OR.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let mut expression = expression.replace('/', " OR ");
    while let Some(close) = expression.find(')') {
        let Some(open) = expression[..close].rfind('(') else { return false };
        let answer = any_alternative(&expression[open + 1..close], allowed);
        expression.replace_range(open..=close, if answer { ALLOWED } else { REFUSED });
    }
    any_alternative(&expression, allowed)
}

// Stand for the answer to what was in parentheses. No license is called so.
const ALLOWED: &str = "(allowed";
const REFUSED: &str = "(refused";

fn any_alternative(expression: &str, allowed: &[String]) -> bool {
    let is_one = |name: &str| name == ALLOWED || allowed.iter().any(|license| license == name);
    expression.split(" OR ").any(|all| all.split(" AND ").map(str::trim).all(is_one))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{check, is_allowed};
    use crate::tidy::packages::Packages;
    use crate::tidy::tests::render;
    use crate::tidy::tree::Tree;

    const POLICY: (&str, &str) = ("deny.toml", "[licenses]\nallow = ['MIT', 'Zlib']");

    #[test]
    fn an_expression_is_allowed_if_one_way_to_satisfy_it_is() {
        let allowed = ["MIT".to_owned(), "Zlib".to_owned()];
        let answer = |expression| is_allowed(expression, &allowed);
        for expression in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/GPL-3.0",
            "(GPL-3.0 OR MIT) AND Zlib",
            "MIT OR (GPL-3.0 AND Zlib)",
        ] {
            assert!(answer(expression), "{expression}");
        }
        for expression in [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(GPL-3.0 OR MIT) AND AGPL-3.0",
            "none",
            "",
            "MIT)",
            "(MIT",
        ] {
            assert!(!answer(expression), "{expression}");
        }
    }

    #[test]
    fn a_package_without_an_allowed_license_is_a_fault() {
        let packages = Packages::default()
            .with_foreign("good", Some("MIT OR Apache-2.0"))
            .with_foreign("bad", Some("AGPL-3.0"))
            .with_foreign("bare", None);
        expect![[r#"
            bad: has the license `AGPL-3.0`, which deny.toml does not allow
            bare: has the license `none`, which deny.toml does not allow
        "#]]
        .assert_eq(&render(&check(&Tree::for_tests(&[POLICY]), &packages)));
    }

    #[test]
    fn a_policy_without_a_list_is_a_fault() {
        let faults = check(&Tree::for_tests(&[("deny.toml", "[bans]")]), &Packages::default());
        expect!["deny.toml: has no list `licenses.allow`\n"].assert_eq(&render(&faults));
    }
}
