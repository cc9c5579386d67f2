//! The body of a request: read as JSON whatever its Content-Type.

mod limits;
mod lines;
mod raw;

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

pub(crate) use self::limits::{Begun, BodyLimits};
pub(crate) use self::lines::JsonLines;
pub(crate) use self::raw::RawBody;
use crate::App;
use crate::error::{ErrorKind, HttpError};
use crate::offload::Effort;

/// A body that was read as JSON, whatever it is said to be: inference changes nothing, so it does no harm
/// that a web page can post to it without a JSON content type, and `middleware::guard` stands before the
/// routes where it would.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Send + 'static> FromRequest<App> for JsonBody<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, app: &App) -> Result<Self, HttpError> {
        take(request, app, |bytes| parse(bytes)).await.map(Self)
    }
}

/// A body that was read as JSON and need not be an object.
pub(crate) struct AnyJsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Send + 'static> FromRequest<App> for AnyJsonBody<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, app: &App) -> Result<Self, HttpError> {
        let read =
            |bytes: &[u8]| serde_json::from_slice(bytes).map_err(|err| explain::<T>(bytes, err));
        take(request, app, read).await.map(Self)
    }
}

async fn take<T: Send + 'static>(
    request: Request,
    app: &App,
    read: impl FnOnce(&[u8]) -> Result<T, HttpError> + Send + 'static,
) -> Result<T, HttpError> {
    // Its room is held until the body is JSON no longer.
    let RawBody { bytes, room: _room } = app.body_limits().take(request).await?;
    let effort = Effort::of_reading(bytes.len());
    app.offload().run_if(effort, move || read(&bytes)).await
}

/// Reads a body that is one JSON object.
///
/// # Errors
///
/// If it is none, naming the field at fault.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, HttpError> {
    // A list would be read as the fields of a struct by their position.
    if first_byte(bytes) == Some(b'[') {
        return Err(no_object());
    }
    serde_json::from_slice(bytes).map_err(|err: serde_json::Error| {
        let is_other = err.is_data() && first_byte(bytes) != Some(b'{');
        if is_other { no_object() } else { explain::<T>(bytes, err) }
    })
}

// Reads the body once more to find the field at fault, which a plain error does not know.
fn explain<T: DeserializeOwned>(bytes: &[u8], err: serde_json::Error) -> HttpError {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let Err(err) = serde_path_to_error::deserialize::<_, T>(&mut deserializer) else {
        return HttpError::new(ErrorKind::BadJson, format!("the body is not valid JSON: {err}"));
    };
    let path = err.path().clone();
    let err = err.into_inner();
    if err.is_data() {
        return at(path.to_string(), &err.to_string());
    }
    if let Some(name) = word_for_a_number(bytes, &err) {
        let problem = format!("{name} is not a number that JSON has; all numbers must be finite");
        return at(path.to_string(), &problem);
    }
    let words = err.to_string();
    if words.starts_with("number out of range") {
        return at(path.to_string(), "the number is out of range; all numbers must be finite");
    }
    if words.starts_with("recursion limit exceeded") {
        let field = path.iter().next().map_or_else(|| ".".to_owned(), ToString::to_string);
        return at(field, "nested more than 127 deep");
    }
    HttpError::new(ErrorKind::BadJson, format!("the body is not valid JSON: {words}"))
}

fn at(path: String, problem: &str) -> HttpError {
    let problem = in_plain_words(&without_text(problem));
    if path == "." {
        return HttpError::new(ErrorKind::BadField, problem);
    }
    HttpError::new(ErrorKind::BadField, format!("`{path}`: {problem}")).param(path)
}

// A text where none belongs is not repeated: whoever logs the error would log it.
fn without_text(problem: &str) -> String {
    let kinds = ["invalid type: string", "invalid value: string"];
    let kind = kinds.iter().find(|kind| problem.starts_with(&format!("{kind} \"")));
    match (kind, problem.rfind(", expected ")) {
        (Some(kind), Some(at)) => format!("{kind}{}", &problem[at..]),
        (Some(_) | None, _) => problem.to_owned(),
    }
}

// What serde calls the numbers that it expects, and what its readers call them.
const NUMBERS: [(&str, &str); 5] = [
    ("usize", "a whole number from 0"),
    ("u64", "a whole number from 0"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("f32", "a number"),
    ("f64", "a number"),
];

fn in_plain_words(problem: &str) -> String {
    const EXPECTED: &str = ", expected ";
    // The last one is serde's own; any other stands in what it repeats of the body.
    let Some(at) = problem.rfind(EXPECTED) else { return problem.to_owned() };
    let (before, expected) = problem.split_at(at + EXPECTED.len());
    let kind = expected.split(' ').next().unwrap_or_default();
    match NUMBERS.iter().find(|(name, _)| *name == kind) {
        Some((_, words)) => format!("{before}{words}{}", &expected[kind.len()..]),
        None => problem.to_owned(),
    }
}

// What Python's `json` and JavaScript's habits write for numbers that are none, if parsing failed there.
fn word_for_a_number(bytes: &[u8], err: &serde_json::Error) -> Option<&'static str> {
    let line = bytes.split(|byte| *byte == b'\n').nth(err.line().checked_sub(1)?)?;
    let rest = line.get(err.column().checked_sub(1)?..)?;
    ["NaN", "Infinity"].into_iter().find(|word| rest.starts_with(word.as_bytes()))
}

fn first_byte(bytes: &[u8]) -> Option<u8> {
    bytes.trim_ascii_start().first().copied()
}

fn no_object() -> HttpError {
    HttpError::new(ErrorKind::BadField, "the body must be a JSON object")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use wire::huggingface::PipelineRequest;
    use wire::tei::EmbedRequest;

    use super::*;

    #[track_caller]
    fn check(body: &[u8], expected: Expect) {
        match parse::<EmbedRequest>(body) {
            Ok(request) => expected.assert_eq(&format!("{:?}", request.inputs)),
            Err(err) => expected.assert_eq(&format!("{:?}: {}", err.kind, err.message)),
        }
    }

    #[test]
    fn a_wrong_type_names_the_field() {
        check(
            br#"{"inputs":["a",5]}"#,
            expect![[
                r#"BadField: `inputs[1]`: invalid type: integer `5`, expected a string or a list of token ids at line 1 column 16"#
            ]],
        );
        check(
            br#"{"inputs":"a","normalize":"yes"}"#,
            expect![
                "BadField: `normalize`: invalid type: string, expected a boolean at line 1 column 31"
            ],
        );
        check(
            br#"{"inputs":"a","dimensions":-1}"#,
            expect![[
                r#"BadField: `dimensions`: invalid value: integer `-1`, expected a whole number from 0 at line 1 column 29"#
            ]],
        );
        check(
            br#"{"inputs":"a","truncation_direction":"up"}"#,
            expect![[
                r#"BadField: `truncation_direction`: unknown variant `up`, expected one of `Left`, `left`, `Right`, `right` at line 1 column 41"#
            ]],
        );
        check(
            br#"{"input":"a"}"#,
            expect![[r#"BadField: missing field `inputs` at line 1 column 13"#]],
        );
    }

    #[test]
    fn a_body_that_is_no_object_is_refused() {
        check(br#"["a"]"#, expect![[r#"BadField: the body must be a JSON object"#]]);
        check(br#""a""#, expect![[r#"BadField: the body must be a JSON object"#]]);
        check(b"5", expect!["BadField: the body must be a JSON object"]);
        check(
            b"",
            expect![[
                r#"BadJson: the body is not valid JSON: EOF while parsing a value at line 1 column 0"#
            ]],
        );
    }

    #[test]
    fn a_body_that_is_not_json_is_refused() {
        check(
            b"{\"inputs\":\"\xff\"}",
            expect![[
                r#"BadJson: the body is not valid JSON: invalid unicode code point at line 1 column 12"#
            ]],
        );
        check(
            br#"{"inputs":"\ud800"}"#,
            expect![[
                r#"BadJson: the body is not valid JSON: unexpected end of hex escape at line 1 column 18"#
            ]],
        );
        check(
            br#"{"inputs":"a""#,
            expect![[
                r#"BadJson: the body is not valid JSON: EOF while parsing an object at line 1 column 13"#
            ]],
        );
        check(
            b"inputs=a",
            expect![[r#"BadJson: the body is not valid JSON: expected value at line 1 column 1"#]],
        );
    }

    #[test]
    fn a_number_that_is_none_names_its_place() {
        check(
            br#"{"inputs":[NaN]}"#,
            expect![[
                r#"BadField: `inputs[0]`: NaN is not a number that JSON has; all numbers must be finite"#
            ]],
        );
        check(
            b"{\"inputs\":\n[[1, -Infinity]]}",
            expect![[
                r#"BadField: `inputs[0][1]`: Infinity is not a number that JSON has; all numbers must be finite"#
            ]],
        );
        check(
            br#"{"inputs":"NaN","dimensions":Infinity}"#,
            expect![[
                r#"BadField: `dimensions`: Infinity is not a number that JSON has; all numbers must be finite"#
            ]],
        );
        check(
            br#"{"inputs":nan}"#,
            expect![[r#"BadJson: the body is not valid JSON: expected ident at line 1 column 12"#]],
        );
    }

    #[test]
    fn a_value_that_is_nested_too_deep_names_its_field() {
        let filter = format!("{}{}", r#"{"$and":["#.repeat(1_000), "]}".repeat(1_000));
        let body = format!(r#"{{"topK":1,"filter":{filter}}}"#);
        let err = parse::<wire::pinecone::QueryRequest>(body.as_bytes()).unwrap_err();
        assert_eq!(err.kind, ErrorKind::BadField);
        expect![[r#"`filter`: nested more than 127 deep"#]].assert_eq(&err.message);
    }

    #[test]
    fn nul_bytes_are_text() {
        check(br#"{"inputs":"a\u0000b"}"#, expect![[r#"Text("a\0b")"#]]);
    }

    #[test]
    fn no_depth_of_nesting_overflows_the_stack() {
        let bomb = |before: &str, after: &str| {
            format!("{before}{}{}{after}", "[".repeat(500_000), "]".repeat(500_000))
        };
        check(
            bomb(r#"{"inputs":"#, "}").as_bytes(),
            expect![
                "BadField: `inputs[0][0]`: invalid type: sequence, expected a token id of 32 bits at line 1 column 13"
            ],
        );
        check(bomb(r#"{"inputs":"a","options":"#, "}").as_bytes(), expect![[r#"Text("a")"#]]);
        check(bomb("", "").as_bytes(), expect![[r#"BadField: the body must be a JSON object"#]]);
        let objects = r#"{"inputs":"#.repeat(100_000);
        let err = parse::<PipelineRequest>(objects.as_bytes()).unwrap_err();
        expect![[
            r#"the body is not valid JSON: EOF while parsing a value at line 1 column 1000000"#
        ]]
        .assert_eq(&err.message);
    }
}
