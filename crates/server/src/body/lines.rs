//! A body of JSON objects, one a line.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use serde_json::{Map, Value};
use wire::distinct::Distinct;

use super::RawBody;
use crate::App;
use crate::error::{ErrorKind, HttpError};
use crate::offload::Effort;

/// A body that was read as JSON objects, one a line, each with the number of its line.
pub(crate) struct JsonLines(pub(crate) Vec<Line>);

/// An object with the number of its line, from 1.
type Line = (usize, Map<String, Value>);

impl FromRequest<App> for JsonLines {
    type Rejection = HttpError;

    async fn from_request(request: Request, app: &App) -> Result<Self, HttpError> {
        let RawBody { bytes, room: _room } = app.body_limits().take(request).await?;
        let effort = Effort::of_reading(bytes.len());
        app.offload().run_if(effort, move || parse(&bytes)).await.map(Self)
    }
}

fn parse(bytes: &Bytes) -> Result<Vec<Line>, HttpError> {
    let lines = bytes.split(|byte| *byte == b'\n').zip(1..);
    let written = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    written.map(|(line, number)| Ok((number, object(line, number)?))).collect()
}

fn object(line: &[u8], number: usize) -> Result<Map<String, Value>, HttpError> {
    let read = serde_json::from_slice(line).map(|Distinct(object)| object);
    read.map_err(|err| {
        // The parser has seen one line only.
        let problem = err.to_string().replace(" at line 1 column ", " at column ");
        if err.is_data() {
            return HttpError::new(ErrorKind::BadField, format!("line {number}: {problem}"));
        }
        let message = format!("line {number} is not a JSON object: {problem}");
        HttpError::new(ErrorKind::BadJson, message)
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(body: &'static str, expected: Expect) {
        match parse(&Bytes::from_static(body.as_bytes())) {
            Ok(lines) => expected.assert_eq(&serde_json::to_string(&lines).unwrap()),
            Err(err) => expected.assert_eq(&format!("{:?}: {}", err.kind, err.message)),
        }
    }

    #[test]
    fn blank_lines_count_but_are_no_objects() {
        check("{\"a\":1}\r\n\n  \n{\"b\":2}", expect![[r#"[[1,{"a":1}],[4,{"b":2}]]"#]]);
        check("", expect!["[]"]);
    }

    #[test]
    fn a_line_with_a_key_twice_is_refused() {
        check(
            "{\"a\":1}\n{\"b\":2,\"b\":3}",
            expect!["BadField: line 2: key `b` comes twice in one object at column 10"],
        );
    }

    #[test]
    fn a_line_that_is_no_object_is_named() {
        check(
            "{\"a\":1}\n[1]",
            expect!["BadField: line 2: invalid type: sequence, expected an object at column 0"],
        );
        check(
            "{\"a\":1}\n{",
            expect![
                "BadJson: line 2 is not a JSON object: EOF while parsing an object at column 1"
            ],
        );
    }
}
