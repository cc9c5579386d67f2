//! Scripts as people write them, and what comes out.

use expect_test::{Expect, expect};

use super::{Known, Scope, commands};

fn scope() -> Scope {
    let known = |text: &str| Known { text: text.to_owned(), secret: None };
    let secret = Known { text: String::new(), secret: Some("hf".to_owned()) };
    [
        ("MODEL", known("org/name")),
        ("FLAGS", known("--a 1 --b")),
        ("EMPTY", known("")),
        ("TOKEN", secret),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A command a line, its words in brackets; a secret is its name behind `!`.
#[track_caller]
fn check(script: &str, expected: Expect) {
    let mut lines = Vec::new();
    match commands(script) {
        Err(problem) => lines.push(problem),
        Ok(commands) => {
            for command in commands {
                let words = command.words.iter().map(|word| match word.known(&scope()) {
                    Ok(words) => words.iter().map(show).collect::<Vec<_>>().join(" "),
                    Err(what) => format!("[? {what}]"),
                });
                lines.push(words.collect::<Vec<_>>().join(" "));
            }
        }
    }
    expected.assert_eq(&lines.join("\n"));
}

fn show(word: &Known) -> String {
    match &word.secret {
        None => format!("[{}]", word.text),
        Some(secret) => format!("[{}!{secret}]", word.text),
    }
}

#[test]
fn words_are_split_and_unquoted() {
    check("a  b\tc", expect!["[a] [b] [c]"]);
    check(r#"a 'b  c' "d e" f\ g '' """#, expect!["[a] [b  c] [d e] [f g] [] []"]);
    check(r#"a"b"'c'd "\"\$\n" '\n'"#, expect![[r#"[abcd] ["$\n] [\n]"#]]);
    check("a \\\n  b", expect!["[a] [b]"]);
    check(
        "a # it's a comment\nb c#d",
        expect![[r#"
        [a]
        [b] [c#d]"#]],
    );
    check("", expect![""]);
}

#[test]
fn operators_stand_between_commands_whether_spaced_or_not() {
    check(
        "a&&b || c;d | e & f\ng",
        expect![[r#"
        [a]
        [b]
        [c]
        [d]
        [e]
        [f]
        [g]"#]],
    );
    check(
        "(cd x && a) 'b;c'",
        expect![[r#"
        [cd] [x]
        [a]
        [b;c]"#]],
    );
    check("a 2>&1 > /dev/null <in b", expect!["[a] [b]"]);
}

#[test]
fn variables_have_values_where_they_are_known() {
    check(
        "a $MODEL ${MODEL}x \"$MODEL\" '$MODEL'",
        expect!["[a] [org/name] [org/namex] [org/name] [$MODEL]"],
    );
    check("a $FLAGS \"$FLAGS\" $EMPTY \"$EMPTY\"", expect!["[a] [--a] [1] [--b] [--a 1 --b]  []"]);
    check("a ${NONE:-main} ${MODEL:-main} ${EMPTY:-b}", expect!["[a] [main] [org/name] [b]"]);
    check(
        "a $NONE ${MODEL%/*} $(date +%s) `hostname` $1",
        expect!["[a] [? $NONE] [? ${MODEL%/*}] [? $(date +%s)] [? $(hostname)] [? $1]"],
    );
    check("a $ 5$ $(b (c) d)", expect!["[a] [$] [5$] [? $(b (c) d)]"]);
}

#[test]
fn a_secret_is_known_by_its_name() {
    check(
        r#"T=$(cat /secrets/hf) "$(< /secrets/hf)" --key=`cat /secrets/hf` $TOKEN $(cat /secrets/hf)x"#,
        expect!["[T=!hf] [!hf] [--key=!hf] [!hf] [? /secrets/hf with more text behind it]"],
    );
}

#[test]
fn what_is_never_closed_is_named() {
    check("a 'b", expect!["has no closing `'`"]);
    check("a \"b", expect![[r#"has no closing `"`"#]]);
    check("a ${b", expect!["has no closing `}`"]);
    check("a $(b", expect!["has no closing `)`"]);
}

#[test]
fn an_assignment_is_a_name_before_an_equals_sign() {
    let script = commands("A=b _C= 1=2 --d=e =f").unwrap();
    let names = script[0].words.iter().map(|word| word.assignment().map(|(name, _)| name));
    let names: Vec<_> = names.collect();
    assert_eq!(names, [Some("A".to_owned()), Some("_C".to_owned()), None, None, None]);
}
