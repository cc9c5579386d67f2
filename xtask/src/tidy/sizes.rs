//! The largest files and functions, for a reader to judge.

use std::fmt::Write as _;

use super::tree::Tree;

const NUM_SHOWN: usize = 8;

/// Returns two lists, largest first.
pub(super) fn report(tree: &Tree) -> String {
    let mut files = Vec::new();
    let mut functions = Vec::new();
    for (file, tokens) in tree.rust() {
        files.push((file.text.lines().count(), file.path.clone()));
        for function in tokens.functions() {
            let place = format!("{}:{} {}", file.path, function.line, function.name);
            functions.push((function.num_lines, place));
        }
    }
    format!("{}{}", list("largest files", files), list("largest functions", functions))
}

fn list(title: &str, mut rows: Vec<(usize, String)>) -> String {
    rows.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let mut text = format!("{title}, in lines\n");
    for (num_lines, place) in rows.iter().take(NUM_SHOWN) {
        writeln!(text, "{num_lines:>6}  {place}").expect("writing to a String cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::report;
    use crate::tidy::tree::Tree;

    #[test]
    fn functions_are_measured_from_fn_to_brace_also_inside_macros() {
        let text = "//! A.\nfn short() {}\nproptest! {\n    fn long(\n        a: [u8; 4],\n    ) {\n    }\n}\ntrait T {\n    fn none(f: fn(u8) -> u8);\n}\n";
        expect![[r#"
            largest files, in lines
                11  a.rs
                 1  b.rs
            largest functions, in lines
                 4  a.rs:4 long
                 1  a.rs:2 short
        "#]]
        .assert_eq(&report(&Tree::for_tests(&[("a.rs", text), ("b.rs", "//! B.\n")])));
    }
}
