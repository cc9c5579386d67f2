//! What does not belong into a project's text: the host of a package registry (a mirror may serve it, and
//! the client knows where), and the workplace that a line was written in.

use regex::Regex;

use super::Fault;
use super::tree::Tree;

/// Patterns, and what is wrong with what they match.
const RULES: [(&str, &str); 3] = [
    (
        r"\b(index|static|files|registry|deb)\.[a-z-]+\.(io|org)\b",
        "names the host of a package registry; name the package alone",
    ),
    (r"(?i)this\s+session\b|\bsub\-?agent|\bhelper\s+session", "speaks of how it was written"),
    (r"/work/(main|shared)\b", "names a folder of one machine"),
];

/// Lock files are written by their tools, hosts included.
const WRITTEN_BY_TOOLS: [&str; 1] = ["Cargo.lock"];

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let rules =
        RULES.map(|(pattern, what)| (Regex::new(pattern).expect("a checked pattern"), what));
    let mut faults = Vec::new();
    for file in tree.files() {
        if WRITTEN_BY_TOOLS.contains(&file.path.as_str()) {
            continue;
        }
        for (number, line) in file.text.lines().enumerate() {
            for (rule, what) in &rules {
                if let Some(found) = rule.find(line) {
                    let place = format!("{}:{}", file.path, number + 1);
                    faults.push(Fault::new(place, format!("`{}` {what}", found.as_str())));
                }
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::tidy::tests::check_tree;
    use crate::tidy::tree::Tree;

    #[test]
    fn each_rule_finds_what_it_is_for() {
        // Put together here, so that this file does not break the rules that it tests.
        let text =
            format!("one\nsee index.{}\nin this {}\n/work/{}/a", "crates.io", "session", "main");
        let tree = Tree::for_tests(&[("README.md", &text), ("Cargo.lock", &text)]);
        let faults = super::check(&tree);
        let places: Vec<&str> = faults.iter().map(|fault| fault.place.as_str()).collect();
        assert_eq!(places, ["README.md:2", "README.md:3", "README.md:4"]);
    }

    #[test]
    fn the_words_of_the_protocol_are_free() {
        check_tree(
            super::check,
            &[("a.md", "Every session of a client, files.rs and /work/loads.")],
            expect![""],
        );
    }
}
