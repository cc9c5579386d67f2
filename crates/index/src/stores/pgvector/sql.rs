//! Statements: the words of SQL are ours, and everything that came from a caller is a parameter.

use serde_json::{Value as Json, json};
use tokio_postgres::types::{Json as AsJson, ToSql, Type};

use crate::filter::{Comparison, Condition, Filter};
use crate::metadata::Value;

/// A statement while it is written.
#[derive(Debug, Default)]
pub(super) struct Sql {
    pub(super) text: String,
    params: Vec<(Box<dyn ToSql + Sync + Send>, Type)>,
}

impl Sql {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), params: Vec::new() }
    }

    /// Adds words of ours.
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a value of a caller's.
    pub(super) fn bind(
        &mut self,
        value: impl ToSql + Sync + Send + 'static,
        ty: Type,
    ) -> &mut Self {
        self.params.push((Box::new(value), ty));
        self.text.push_str(&format!("${}", self.params.len()));
        self
    }

    pub(super) fn params(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.params
            .iter()
            .map(|(value, ty)| (&**value as &(dyn ToSql + Sync), ty.clone()))
            .collect()
    }

    /// Adds a condition on the column `metadata` that holds exactly where the filter does. It is never
    /// null, so that it can be negated.
    pub(super) fn filter(&mut self, filter: &Filter) -> &mut Self {
        match filter {
            Filter::And(filters) => self.joined(filters, "true", " AND "),
            Filter::Or(filters) => self.joined(filters, "false", " OR "),
            Filter::Not(filter) => self.push("NOT (").filter(filter).push(")"),
            Filter::Field { field, condition } => self.condition(field, condition),
        }
    }

    fn joined(&mut self, filters: &[Filter], neutral: &str, word: &str) -> &mut Self {
        self.push("(").push(neutral);
        for filter in filters {
            self.push(word).filter(filter);
        }
        self.push(")")
    }

    fn condition(&mut self, field: &str, condition: &Condition) -> &mut Self {
        match condition {
            Condition::Equal(value) => self.is_one_of(field, std::slice::from_ref(value)),
            Condition::In(values) => self.is_one_of(field, values),
            Condition::NotEqual(value) => {
                self.push("NOT ").is_one_of(field, std::slice::from_ref(value))
            }
            Condition::NotIn(values) => self.push("NOT ").is_one_of(field, values),
            Condition::Exists(true) => self.has(field),
            Condition::Exists(false) => self.push("NOT ").has(field),
            Condition::Compare(comparison, than) => self.compare(field, *comparison, *than),
        }
    }

    /// Containment, which the index on `metadata` answers. A text is also contained in a list.
    fn is_one_of(&mut self, field: &str, values: &[Value]) -> &mut Self {
        let mut wanted: Vec<AsJson<Json>> = Vec::with_capacity(2 * values.len());
        for value in values {
            wanted.push(AsJson(json!({ field: value })));
            if let Value::String(text) = value {
                wanted.push(AsJson(json!({ field: [text] })));
            }
        }
        self.push("(metadata @> ANY(").bind(wanted, Type::JSONB_ARRAY).push("))")
    }

    fn has(&mut self, field: &str) -> &mut Self {
        self.push("(metadata ? ").bind(field.to_owned(), Type::TEXT).push(")")
    }

    /// Numbers within JSON are exact decimals there, and so is the limit that they are compared with.
    fn compare(&mut self, field: &str, comparison: Comparison, than: f64) -> &mut Self {
        let operator = match comparison {
            Comparison::Greater => " > ",
            Comparison::GreaterOrEqual => " >= ",
            Comparison::Less => " < ",
            Comparison::LessOrEqual => " <= ",
        };
        self.push("(coalesce(jsonb_typeof(metadata -> ")
            .bind(field.to_owned(), Type::TEXT)
            .push(") = 'number' AND metadata -> ")
            .bind(field.to_owned(), Type::TEXT)
            .push(operator)
            .bind(AsJson(json!(than)), Type::JSONB)
            .push(", false))")
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(filter: Json, expected: Expect) {
        let mut sql = Sql::default();
        sql.filter(&Filter::from_json(&filter).unwrap());
        let params = sql.params.iter().map(|(value, ty)| format!("\n{ty}: {value:?}"));
        expected.assert_eq(&format!("{}{}", sql.text, params.collect::<String>()));
    }

    #[test]
    fn what_a_caller_sends_is_a_parameter() {
        check(
            json!({"a'; DROP TABLE x --": "b\"'"}),
            expect![[r#"
                (metadata @> ANY($1))
                _jsonb: [Json(Object {"a'; DROP TABLE x --": String("b\"'")}), Json(Object {"a'; DROP TABLE x --": Array [String("b\"'")]})]"#]],
        );
    }

    #[test]
    fn filters_nest() {
        check(
            json!({"$or": [{"a": {"$gt": 1}}, {"$not": {"b": {"$exists": true}}}], "c": {"$nin": [1, true]}}),
            expect![[r#"
                (true AND (false OR (coalesce(jsonb_typeof(metadata -> $1) = 'number' AND metadata -> $2 > $3, false)) OR NOT ((metadata ? $4))) AND NOT (metadata @> ANY($5)))
                text: "a"
                text: "a"
                jsonb: Json(Number(1.0))
                text: "b"
                _jsonb: [Json(Object {"c": Number(1.0)}), Json(Object {"c": Bool(true)})]"#]],
        );
    }

    #[test]
    fn an_empty_list_contains_nothing() {
        check(
            json!({"a": {"$in": []}}),
            expect![[r#"
            (metadata @> ANY($1))
            _jsonb: []"#]],
        );
    }
}
