//! Lines of `_bulk` as operations, and what became of an operation as its item.

use axum::http::StatusCode;
use wire::opensearch::Cause;
use wire::opensearch::bulk::{Action, Item, Outcome, Target, Written};

use super::{error_type, status};
use crate::error::{ErrorKind, HttpError};

/// What to do with one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) kind: Kind,
    /// The index; none if neither the line nor the path names one.
    pub(crate) index: Option<String>,
    /// The id; none if one is to be made up.
    pub(crate) id: Option<String>,
    /// The document, or the change, as it was sent; empty for a deletion.
    pub(crate) body: String,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Index,
    Create,
    Update,
    Delete,
}

/// Why one document was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) cause: Cause,
}

impl Failure {
    /// The document cannot be one of its index.
    pub(crate) fn document(reason: String) -> Self {
        let kind = "mapper_parsing_exception".to_owned();
        Self { status: StatusCode::BAD_REQUEST, cause: Cause { kind, reason } }
    }

    /// There is a document of this id already.
    pub(crate) fn conflict(id: &str, version: u64) -> Self {
        let kind = "version_conflict_engine_exception".to_owned();
        let reason = format!(
            "[{id}]: version conflict, document already exists (current version [{version}])"
        );
        Self { status: StatusCode::CONFLICT, cause: Cause { kind, reason } }
    }

    /// There is no document of this id to change.
    pub(crate) fn missing(id: &str) -> Self {
        let kind = "document_missing_exception".to_owned();
        let reason = format!("[{id}]: document missing");
        Self { status: StatusCode::NOT_FOUND, cause: Cause { kind, reason } }
    }
}

impl From<&HttpError> for Failure {
    fn from(err: &HttpError) -> Self {
        let kind = error_type(err.kind).to_owned();
        Self { status: status(err.kind), cause: Cause { kind, reason: err.message.clone() } }
    }
}

/// Reads the lines of a bulk request.
///
/// # Errors
///
/// If a line that must be an action is none, or the document after it is missing. Nothing has been
/// written then. A document that cannot be read is the fault of its item alone.
pub(crate) fn operations(
    body: &str,
    default_index: Option<&str>,
) -> Result<Vec<Operation>, HttpError> {
    let mut operations = Vec::new();
    let lines = body.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let mut lines = lines.enumerate().filter(|(_, line)| !line.trim().is_empty());
    while let Some((number, line)) = lines.next() {
        let wrong = |why: String| {
            let message =
                format!("malformed action line [{}]: {why}; nothing was written", number + 1);
            HttpError::new(ErrorKind::BadField, message)
        };
        let action: Action = serde_json::from_str(line).map_err(|err| wrong(err.to_string()))?;
        let (kind, target) = match action {
            Action::Index(target) => (Kind::Index, target),
            Action::Create(target) => (Kind::Create, target),
            Action::Update(target) => (Kind::Update, target),
            Action::Delete(target) => (Kind::Delete, target),
        };
        check(&target, kind).map_err(|why| wrong(why.to_owned()))?;
        let body = match kind {
            Kind::Delete => String::new(),
            Kind::Index | Kind::Create | Kind::Update => {
                let next = lines.next();
                next.ok_or_else(|| wrong("no document follows".to_owned()))?.1.to_owned()
            }
        };
        let index = target.index.or_else(|| default_index.map(str::to_owned));
        operations.push(Operation { kind, index, id: target.id, body });
    }
    if operations.is_empty() {
        let message = "the bulk request has no actions";
        return Err(HttpError::new(ErrorKind::BadField, message));
    }
    Ok(operations)
}

fn check(target: &Target, kind: Kind) -> Result<(), &'static str> {
    if target.require_alias == Some(true) {
        return Err("there are no aliases to require");
    }
    if target.id.is_none() && matches!(kind, Kind::Update | Kind::Delete) {
        return Err("an update or a delete needs an _id");
    }
    Ok(())
}

/// Puts what became of an operation under its name.
pub(crate) fn item(
    operation: &Operation,
    id: Option<String>,
    done: Result<Written, Failure>,
) -> Item {
    let index = operation.index.clone().unwrap_or_default();
    let outcome = match done {
        Ok(written) => {
            let status = success(&written).as_u16();
            Outcome { index, id, written: Some(written), status, error: None }
        }
        Err(Failure { status, cause }) => {
            Outcome { index, id, written: None, status: status.as_u16(), error: Some(cause) }
        }
    };
    match operation.kind {
        Kind::Index => Item::Index(outcome),
        Kind::Create => Item::Create(outcome),
        Kind::Update => Item::Update(outcome),
        Kind::Delete => Item::Delete(outcome),
    }
}

/// Returns the status of what was done.
pub(crate) fn success(written: &Written) -> StatusCode {
    use wire::opensearch::bulk::WriteResult;
    match written.result {
        WriteResult::Created => StatusCode::CREATED,
        WriteResult::NotFound => StatusCode::NOT_FOUND,
        WriteResult::Updated | WriteResult::Deleted | WriteResult::Noop => StatusCode::OK,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Expect) {
        let shown = match operations(body, Some("path")) {
            Ok(operations) => operations.iter().fold(String::new(), |text, operation| {
                let Operation { kind, index, id, body } = operation;
                text + &format!("{kind:?} {index:?} {id:?} {body}\n")
            }),
            Err(err) => format!("{:?}: {}", err.kind, err.message),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn actions_and_documents_are_read_line_by_line() {
        check(
            "{\"index\":{\"_id\":\"1\",\"_index\":\"own\"}}\r\n{\"a\":1}\r\n{\"delete\":{\"_id\":\"2\"}}\n\n{\"create\":{}}\nno json\n",
            expect![[r#"
                Index Some("own") Some("1") {"a":1}
                Delete Some("path") Some("2") 
                Create Some("path") None no json
            "#]],
        );
    }

    #[test]
    fn a_line_that_is_no_action_fails_all() {
        check(
            "{\"index\":{}}\n{}\n{\"a\":1}\n",
            expect![
                "BadField: malformed action line [3]: unknown variant `a`, expected one of `index`, `create`, `update`, `delete` at line 1 column 4; nothing was written"
            ],
        );
        check(
            "{\"index\":{}}\n",
            expect![
                "BadField: malformed action line [1]: no document follows; nothing was written"
            ],
        );
        check(
            "{\"delete\":{}}\n",
            expect![
                "BadField: malformed action line [1]: an update or a delete needs an _id; nothing was written"
            ],
        );
        check("\n", expect!["BadField: the bulk request has no actions"]);
        let deep = "[".repeat(100_000);
        check(
            &deep,
            expect![
                "BadField: malformed action line [1]: expected value at line 1 column 1; nothing was written"
            ],
        );
    }
}
