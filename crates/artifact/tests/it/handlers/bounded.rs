//! Texts that are no Python, too long, or too deep: each has an answer, and soon.

use artifact::handler::{self, HandlerError};
use expect_test::expect;

use super::{POOLED, check};

#[test]
fn syntax_errors_name_their_line() {
    check(
        &POOLED.replace("return model, tokenizer", "return model tokenizer"),
        expect![
            "line 13 of the handler has a syntax error; `python3 -m py_compile inference.py` says more"
        ],
    );
    for source in [
        "print 'x'",
        "exec 'x'",
        "return 1",
        "x = (",
        "def f(:\n  pass",
        "if x:\npass",
        "x = 'a",
        "\0",
    ] {
        let error = handler::read(source).unwrap_err();
        assert!(matches!(error, HandlerError::Syntax { line: 1 | 2 }), "{source}: {error}");
    }
}

#[test]
fn size_and_nesting_are_bounded() {
    let many = 100_000;
    let named = |number: usize| format!("a{number} = (((a{})))\n    ", number + 1);
    let chain: String = (0..5000).map(named).collect();
    let diamonds: String = (0..200)
        .map(|n| format!("def f{n}():\n    return f{0}() if x else f{0}()\n", n + 1))
        .collect();
    for source in [
        "(".repeat(many),
        format!("x = {}{}", "(".repeat(many), ")".repeat(many)),
        format!("x = {}1{}", "[".repeat(many), "]".repeat(many)),
        format!("x = {}1", "-".repeat(many)),
        format!("x = y{}", ".a".repeat(many)),
        format!("x = y{}", " + y".repeat(many)),
        format!("x = {}", "lambda: ".repeat(many)),
        (0..1000).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect(),
        "f(*a, **".repeat(many),
        "f\"{".repeat(many),
        format!("def predict_fn(data, model):\n    {chain}return a0\n"),
        format!("{diamonds}def predict_fn(a, b):\n    return f0()\n"),
    ] {
        let error = handler::read(&source).unwrap_err();
        let is_bound = matches!(error, HandlerError::Syntax { .. } | HandlerError::TooDeep { .. });
        assert!(is_bound, "{}: {error}", &source[..40]);
    }
    check(
        &"#".repeat((1 << 20) + 1),
        expect!["the handler has 1048577 bytes, and at most 1048576 are read"],
    );
    assert!(handler::read(&"#".repeat(1 << 20)).is_ok());
    assert!(handler::read(&"x = f(1)\n".repeat(10_000)).is_ok());
}

proptest::proptest! {
    // Whatever the text is, there is an answer.
    #[test]
    fn any_text_has_an_answer(pieces in proptest::collection::vec(proptest::sample::select(vec![
        "def predict_fn(a, b):\n", "    ", "return ", "{'a': 1}", "x = ", "(", ")", "[", "]", "{", "}",
        ":", ",", "x", "\n", "'", "\"\"\"", "f'", "lambda ", "import os", "class A", "@x\n", "if ", "é",
        "\0", "\\\n", "else", "async ", "*", "**", ".__class__", "getattr(x, 'y')", "r['a'] = 1\n",
    ]), 0..40)) {
        let _ = handler::read(&pieces.concat());
    }
}
