//! GraphQL, as far as a few calls need it: one operation whose one field is a call, and of its answer the fields that
//! are wanted. One call, so that none is done where another one fails.
//!
//! The parser is a library's, which bounds how deep a document nests. There is no schema: a call reads its arguments
//! as a body is read, and its answer knows which fields it has.
//!
//! Not here: fragments and directives, which no client of ours sends and which are refused; introspection.

use graphql_parser::query::{
    Definition, Document, Field, OperationDefinition, Selection, SelectionSet, Value as Literal,
};
use serde_json::{Map, Value};
use wire::baseten::GraphQlRequest;

use crate::dialects::bad_field;
use crate::error::{ErrorKind, HttpError};

/// The most fields that are wanted of an answer: each is looked for in every model, and truss asks for a dozen.
const MAX_FIELDS: usize = 50;

/// What a request asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Operation {
    pub(crate) kind: Kind,
    pub(crate) call: Call,
}

/// What calls may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Query,
    Mutation,
}

/// A field of an operation.
#[derive(Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Map<String, Value>,
    /// Where its answer goes: its alias, or its name.
    pub(crate) key: String,
    wanted: Vec<Wanted>,
}

/// A field that is wanted of an answer, and what of it.
#[derive(Debug, PartialEq)]
struct Wanted {
    name: String,
    key: String,
    wanted: Vec<Wanted>,
}

/// Reads a request.
///
/// # Errors
///
/// If its query cannot be read, or has something that is not understood here.
pub(crate) fn parse(request: GraphQlRequest) -> Result<Operation, HttpError> {
    let document = graphql_parser::parse_query::<&str>(&request.query).map_err(|err| {
        let why = err.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        bad_field("query", &format!("it cannot be read as GraphQL: {why}"))
    })?;
    let (kind, set) = operation(document, request.operation_name.as_deref())?;
    let mut calls = fields(set)?;
    let (Some(field), true) = (calls.pop(), calls.is_empty()) else {
        return Err(bad_field(
            "query",
            "a request is for one call here; send the others by themselves",
        ));
    };
    let variables = Variables { left: request.variables.unwrap_or_default(), used: Vec::new() };
    let call = call(field, variables)?;
    let num_fields = num_fields(&call.wanted);
    if num_fields > MAX_FIELDS {
        let problem = format!("{num_fields} fields are wanted; name at most {MAX_FIELDS}");
        return Err(bad_field("query", &problem));
    }
    Ok(Operation { kind, call })
}

fn num_fields(wanted: &[Wanted]) -> usize {
    wanted.iter().map(|field| 1 + num_fields(&field.wanted)).sum()
}

impl Call {
    /// Returns what is wanted of an answer.
    ///
    /// # Errors
    ///
    /// If it has no such field, or whole objects are wanted.
    pub(crate) fn select(&self, answer: Value) -> Result<Value, HttpError> {
        select(&self.name, &self.wanted, answer)
    }
}

fn operation<'a>(
    document: Document<'a, &'a str>,
    named: Option<&str>,
) -> Result<(Kind, SelectionSet<'a, &'a str>), HttpError> {
    let mut found = Vec::new();
    for definition in document.definitions {
        let Definition::Operation(operation) = definition else { return Err(not_understood()) };
        let (kind, name, set) = match operation {
            OperationDefinition::SelectionSet(set) => (Kind::Query, None, set),
            OperationDefinition::Query(query) => (Kind::Query, query.name, query.selection_set),
            OperationDefinition::Mutation(it) => (Kind::Mutation, it.name, it.selection_set),
            OperationDefinition::Subscription(_) => return Err(not_understood()),
        };
        if named.is_none() || named == name {
            found.push((kind, set));
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(operation), true) => Ok(operation),
        _ => Err(bad_field(
            "operationName",
            "a request is for one operation; name one that the document has",
        )),
    }
}

fn fields<'a>(set: SelectionSet<'a, &'a str>) -> Result<Vec<Field<'a, &'a str>>, HttpError> {
    let fields = set.items.into_iter().map(|selection| match selection {
        Selection::Field(field) if field.directives.is_empty() => Ok(field),
        Selection::Field(_) | Selection::FragmentSpread(_) | Selection::InlineFragment(_) => {
            Err(not_understood())
        }
    });
    fields.collect()
}

fn not_understood() -> HttpError {
    let problem =
        "subscriptions, fragments and directives are not understood here; write the fields out";
    bad_field("query", problem)
}

fn call<'a>(field: Field<'a, &'a str>, mut variables: Variables) -> Result<Call, HttpError> {
    let arguments = field.arguments.iter();
    let arguments =
        arguments.map(|(name, value)| Ok(((*name).to_owned(), json(value, &mut variables)?)));
    Ok(Call {
        name: field.name.to_owned(),
        arguments: arguments.collect::<Result<_, HttpError>>()?,
        key: field.alias.unwrap_or(field.name).to_owned(),
        wanted: wanted(field.selection_set)?,
    })
}

fn wanted<'a>(set: SelectionSet<'a, &'a str>) -> Result<Vec<Wanted>, HttpError> {
    let wanted = fields(set)?.into_iter().map(|field| {
        Ok(Wanted {
            name: field.name.to_owned(),
            key: field.alias.unwrap_or(field.name).to_owned(),
            wanted: wanted(field.selection_set)?,
        })
    });
    wanted.collect()
}

/// The values of variables, each of which is taken once and never copied: arguments are not more than was sent.
struct Variables {
    left: Map<String, Value>,
    used: Vec<String>,
}

impl Variables {
    // One that nobody gave a value is null.
    fn take(&mut self, name: &str) -> Result<Value, HttpError> {
        match self.left.remove(name) {
            Some(value) => {
                self.used.push(name.to_owned());
                Ok(value)
            }
            None if self.used.iter().any(|used| used == name) => {
                let problem =
                    format!("the variable `{name}` is used twice; give the other another name");
                Err(bad_field("variables", &problem))
            }
            None => Ok(Value::Null),
        }
    }
}

fn json<'a>(value: &Literal<'a, &'a str>, variables: &mut Variables) -> Result<Value, HttpError> {
    Ok(match value {
        Literal::Variable(name) => variables.take(name)?,
        Literal::Int(number) => number.as_i64().into(),
        Literal::Float(number) => (*number).into(),
        Literal::String(text) => text.as_str().into(),
        Literal::Boolean(is_true) => (*is_true).into(),
        Literal::Null => Value::Null,
        Literal::Enum(name) => (*name).into(),
        Literal::List(items) => {
            let items = items.iter().map(|item| json(item, variables));
            items.collect::<Result<_, _>>()?
        }
        Literal::Object(fields) => {
            let fields = fields.iter();
            let fields =
                fields.map(|(name, value)| Ok(((*name).to_owned(), json(value, variables)?)));
            Value::Object(fields.collect::<Result<_, HttpError>>()?)
        }
    })
}

fn select(of: &str, wanted: &[Wanted], answer: Value) -> Result<Value, HttpError> {
    match answer {
        Value::Array(items) => items.into_iter().map(|item| select(of, wanted, item)).collect(),
        Value::Object(mut fields) => {
            if wanted.is_empty() {
                return Err(bad_field(
                    "query",
                    &format!("`{of}` has fields; name those that are wanted"),
                ));
            }
            let mut selected = Map::new();
            for field in wanted {
                let Some(value) = fields.get_mut(&field.name) else {
                    return Err(unknown_field(of, &field.name));
                };
                // It may be wanted twice, under two names.
                selected
                    .insert(field.key.clone(), select(&field.name, &field.wanted, value.clone())?);
            }
            Ok(Value::Object(selected))
        }
        Value::Null => Ok(Value::Null),
        scalar @ (Value::Bool(_) | Value::Number(_) | Value::String(_)) => match wanted.first() {
            None => Ok(scalar),
            Some(field) => Err(unknown_field(of, &field.name)),
        },
    }
}

fn unknown_field(of: &str, field: &str) -> HttpError {
    HttpError::new(ErrorKind::BadField, format!("`{of}` has no field `{field}`")).param("query")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn read(query: &str, variables: Value) -> Result<Operation, HttpError> {
        let request = json!({ "query": query, "variables": variables });
        parse(serde_json::from_value(request).unwrap())
    }

    #[track_caller]
    fn refused(query: &str, expected: Expect) {
        expected.assert_eq(&read(query, Value::Null).unwrap_err().message);
    }

    #[test]
    fn arguments_stand_in_the_query_or_in_its_variables() {
        let query = r#"
            mutation ($env: String, $absent: JSONString) {
                create_model_from_truss(
                    name: "a \"b\""

                    minutes: 10
                    share: 0.5
                    is_draft: false
                    model_origin: BASETEN
                    user_env: $env
                    labels: $absent
                    list: [1, {a: null}]
                ) { model_version { id } }
            }
        "#;
        let operation = read(query, json!({"env": "{}"})).unwrap();
        assert_eq!(operation.kind, Kind::Mutation);
        let call = &operation.call;
        assert_eq!(call.name, "create_model_from_truss");
        let expected = json!({"name": "a \"b\"", "minutes": 10, "share": 0.5, "is_draft": false,
            "model_origin": "BASETEN", "user_env": "{}", "labels": null, "list": [1, {"a": null}]});
        assert_eq!(Value::Object(call.arguments.clone()), expected);
    }

    #[test]
    fn an_answer_has_the_fields_that_are_wanted_under_the_names_that_are_wanted() {
        let operation = read("{ mine: models(all: true) { id, of: team { name } } }", json!({}));
        let operation = operation.unwrap();
        let call = &operation.call;
        assert_eq!((operation.kind, call.key.as_str()), (Kind::Query, "mine"));
        let answer = json!([
            {"id": "a", "name": "A", "team": {"id": "t", "name": "T"}},
            {"id": "b", "name": "B", "team": null},
        ]);
        let selected = json!([{"id": "a", "of": {"name": "T"}}, {"id": "b", "of": null}]);
        assert_eq!(call.select(answer).unwrap(), selected);
        let no_team = json!([{"id": "a"}]);
        assert_eq!(call.select(no_team).unwrap_err().message, "`models` has no field `team`");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        refused(
            "{ models(",
            expect![
                "`query`: it cannot be read as GraphQL: query parse error: Parse error at 1:10 Unexpected end of input Expected Name"
            ],
        );
        refused(
            "",
            expect![
                "`query`: it cannot be read as GraphQL: query parse error: Parse error at 1:1 Unexpected end of input Expected {, query, mutation, subscription or fragment"
            ],
        );
        refused(
            "{ models { ...all } } fragment all on Model { id }",
            expect![
                "`query`: subscriptions, fragments and directives are not understood here; write the fields out"
            ],
        );
        refused(
            "{ models { id @include(if: true) } }",
            expect![
                "`query`: subscriptions, fragments and directives are not understood here; write the fields out"
            ],
        );
        refused(
            "subscription { models { id } }",
            expect![
                "`query`: subscriptions, fragments and directives are not understood here; write the fields out"
            ],
        );
        refused(
            "query A { a } query B { b }",
            expect![
                "`operationName`: a request is for one operation; name one that the document has"
            ],
        );
    }

    #[test]
    fn what_is_wanted_is_bounded() {
        let many = |num: usize| {
            let fields: String = (0..num).map(|number| format!("a{number}: id ")).collect();
            read(&format!("{{ models {{ {fields} }} }}"), Value::Null)
        };
        assert!(many(50).is_ok());
        assert!(many(51).unwrap_err().message.contains("name at most 50"));
        refused(
            "{ a: t b: t }",
            expect!["`query`: a request is for one call here; send the others by themselves"],
        );
    }

    #[test]
    fn a_variable_is_used_once() {
        let query = "query ($v: String) { t(a: $v, b: [$v]) }";
        let why = read(query, json!({"v": "x"})).unwrap_err().message;
        expect!["`variables`: the variable `v` is used twice; give the other another name"]
            .assert_eq(&why);
        assert!(read(query, json!({})).is_ok());
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}{}", "{ a ".repeat(100_000), "}".repeat(100_000));
        assert!(read(&deep, Value::Null).is_err());
        let list = format!("{{ a(b: {}{}) }}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(&list, Value::Null).is_err());
    }
}
