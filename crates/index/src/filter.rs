//! Conditions on metadata, in the grammar of Pinecone.

use crate::metadata::{Metadata, Value, kind};

#[cfg(test)]
mod tests;

/// Objects within objects, at most; a filter that a person or a program has a use for has a few.
const MAX_DEPTH: usize = 32;
/// Values and conditions of a filter altogether, at most: as many as Pinecone takes in one `$in`.
const MAX_TERMS: usize = 10_000;

/// A condition on the metadata of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All hold; without any, every record passes.
    And(Vec<Filter>),
    /// At least one holds.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// A condition on one field.
    Field {
        /// Which field.
        field: String,
        /// What must hold of it.
        condition: Condition,
    },
}

/// A condition on one field. A list of strings meets `Equal` and `In` if one of its items does, and
/// `NotEqual` and `NotIn` if none does. A record without the field meets `NotEqual`, `NotIn` and
/// `Exists(false)`, and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The same kind and the same value.
    Equal(Value),
    /// Not `Equal`.
    NotEqual(Value),
    /// `Equal` to one of these.
    In(Vec<Value>),
    /// `Equal` to none of these.
    NotIn(Vec<Value>),
    /// A number in such a relation to this one.
    Compare(Comparison, f64),
    /// The field is there, or is not.
    Exists(bool),
}

/// An order of two numbers: the record's, then the filter's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

/// JSON that is no filter.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FilterError {
    /// No object where one must be.
    #[error("{place} must be an object of conditions, not {found}")]
    NotAnObject {
        /// Where.
        place: String,
        /// What it is.
        found: &'static str,
    },
    /// `$and` and the like without a list of filters.
    #[error("`{operator}` takes a list of filters with at least one, not {found}")]
    NotAList {
        /// Which operator.
        operator: String,
        /// What it has.
        found: &'static str,
    },
    /// An operator that there is not.
    #[error(
        "unknown filter operator `{operator}`; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $not on a field and $and, $or, $not on filters"
    )]
    UnknownOperator {
        /// As sent.
        operator: String,
    },
    /// A value of a kind that the operator does not take.
    #[error("`{operator}` on field `{field}` takes {expected}, not {found}")]
    Value {
        /// Which operator.
        operator: String,
        /// On which field.
        field: String,
        /// What it takes.
        expected: &'static str,
        /// What it has.
        found: &'static str,
    },
    /// Nested deeper than anybody needs.
    #[error("the filter is nested more than {max} deep")]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// Longer than anybody needs.
    #[error("the filter has more than {max} conditions and values")]
    TooLong {
        /// The limit.
        max: usize,
    },
}

impl Filter {
    /// Takes a filter as JSON has it: `{"lang": "en", "year": {"$gte": 2020}, "$or": [ … ]}`.
    ///
    /// # Errors
    ///
    /// [`FilterError`] if it is none.
    pub fn from_json(json: &serde_json::Value) -> Result<Self, FilterError> {
        let mut parser = Parser { num_terms: 0 };
        parser.filter(json, "a filter", 1)
    }

    /// Returns whether a record with this metadata passes.
    pub fn matches(&self, metadata: &Metadata) -> bool {
        match self {
            Self::And(filters) => filters.iter().all(|filter| filter.matches(metadata)),
            Self::Or(filters) => filters.iter().any(|filter| filter.matches(metadata)),
            Self::Not(filter) => !filter.matches(metadata),
            Self::Field { field, condition } => condition.holds(metadata.get(field)),
        }
    }
}

impl Condition {
    fn holds(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Equal(wanted) => value.is_some_and(|value| value.is(wanted)),
            Self::NotEqual(wanted) => !value.is_some_and(|value| value.is(wanted)),
            Self::In(wanted) => value.is_some_and(|value| wanted.iter().any(|w| value.is(w))),
            Self::NotIn(wanted) => !value.is_some_and(|value| wanted.iter().any(|w| value.is(w))),
            Self::Compare(comparison, than) => {
                matches!(value, Some(Value::Number(number)) if comparison.holds(*number, *than))
            }
            Self::Exists(wanted) => value.is_some() == *wanted,
        }
    }
}

impl Comparison {
    /// Returns whether `number` stands in this order to `than`.
    pub fn holds(self, number: f64, than: f64) -> bool {
        match self {
            Self::Greater => number > than,
            Self::GreaterOrEqual => number >= than,
            Self::Less => number < than,
            Self::LessOrEqual => number <= than,
        }
    }
}

impl Value {
    /// Returns whether this is, or contains, what a filter names.
    fn is(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Strings(items), Self::String(wanted)) => items.contains(wanted),
            (value, wanted) => value == wanted,
        }
    }
}

fn is_empty_object(json: &serde_json::Value) -> bool {
    json.as_object().is_some_and(serde_json::Map::is_empty)
}

/// Counts what a filter has while it is read.
struct Parser {
    num_terms: usize,
}

impl Parser {
    fn filter(
        &mut self,
        json: &serde_json::Value,
        place: &str,
        depth: usize,
    ) -> Result<Filter, FilterError> {
        if depth > MAX_DEPTH {
            return Err(FilterError::TooDeep { max: MAX_DEPTH });
        }
        let serde_json::Value::Object(entries) = json else {
            let place = place.to_owned();
            return Err(FilterError::NotAnObject { place, found: found(json) });
        };
        let mut all = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            self.count()?;
            match key.as_str() {
                "$and" => all.push(Filter::And(self.filters(key, value, depth)?)),
                "$or" => all.push(Filter::Or(self.filters(key, value, depth)?)),
                "$not" if is_empty_object(value) => {
                    let (place, found) = ("`$not`".to_owned(), "an empty one");
                    return Err(FilterError::NotAnObject { place, found });
                }
                "$not" => {
                    all.push(Filter::Not(Box::new(self.filter(value, "`$not`", depth + 1)?)))
                }
                operator if operator.starts_with('$') => {
                    return Err(FilterError::UnknownOperator { operator: operator.to_owned() });
                }
                field => all.push(self.field(field, value, depth + 1)?),
            }
        }
        // One condition needs no list around it.
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn filters(
        &mut self,
        operator: &str,
        json: &serde_json::Value,
        depth: usize,
    ) -> Result<Vec<Filter>, FilterError> {
        let not_a_list = |found| FilterError::NotAList { operator: operator.to_owned(), found };
        match json.as_array() {
            Some(items) if items.is_empty() => Err(not_a_list("an empty list")),
            // It would hold for every record, and nobody means that.
            Some(items) if items.iter().any(is_empty_object) => {
                Err(not_a_list("a list with an empty filter"))
            }
            Some(items) => {
                let place = format!("each item of `{operator}`");
                items.iter().map(|item| self.filter(item, &place, depth + 1)).collect()
            }
            None => Err(not_a_list(kind(json))),
        }
    }

    /// A field's conditions, or the value that it must have.
    fn field(
        &mut self,
        field: &str,
        json: &serde_json::Value,
        depth: usize,
    ) -> Result<Filter, FilterError> {
        if depth > MAX_DEPTH {
            return Err(FilterError::TooDeep { max: MAX_DEPTH });
        }
        let serde_json::Value::Object(operators) = json else {
            return self.condition(field, "$eq", json);
        };
        if operators.is_empty() {
            let place = format!("field `{field}`");
            return Err(FilterError::NotAnObject { place, found: "an empty one" });
        }
        let mut all = Vec::with_capacity(operators.len());
        for (operator, value) in operators {
            all.push(match operator.as_str() {
                "$not" => Filter::Not(Box::new(self.field(field, value, depth + 1)?)),
                operator => self.condition(field, operator, value)?,
            });
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn condition(
        &mut self,
        field: &str,
        operator: &str,
        json: &serde_json::Value,
    ) -> Result<Filter, FilterError> {
        self.count()?;
        let wrong = |expected| FilterError::Value {
            operator: operator.to_owned(),
            field: field.to_owned(),
            expected,
            found: found(json),
        };
        let one = || scalar(json).ok_or_else(|| wrong("a string, a number or a boolean"));
        let number = || json.as_f64().ok_or_else(|| wrong("a number"));
        let compare = |comparison| number().map(|than| Condition::Compare(comparison, than));
        let condition = match operator {
            "$eq" => Condition::Equal(one()?),
            "$ne" => Condition::NotEqual(one()?),
            "$gt" => compare(Comparison::Greater)?,
            "$gte" => compare(Comparison::GreaterOrEqual)?,
            "$lt" => compare(Comparison::Less)?,
            "$lte" => compare(Comparison::LessOrEqual)?,
            "$exists" => Condition::Exists(json.as_bool().ok_or_else(|| wrong("a boolean"))?),
            "$in" | "$nin" => {
                let items = json.as_array().map(Vec::as_slice);
                let values =
                    items.and_then(|items| items.iter().map(scalar).collect::<Option<_>>());
                let values: Vec<Value> =
                    values.ok_or_else(|| wrong("a list of strings, numbers and booleans"))?;
                self.num_terms += values.len();
                if operator == "$in" { Condition::In(values) } else { Condition::NotIn(values) }
            }
            operator => {
                return Err(FilterError::UnknownOperator { operator: operator.to_owned() });
            }
        };
        self.check_length()?;
        Ok(Filter::Field { field: field.to_owned(), condition })
    }

    fn count(&mut self) -> Result<(), FilterError> {
        self.num_terms += 1;
        self.check_length()
    }

    fn check_length(&self) -> Result<(), FilterError> {
        if self.num_terms > MAX_TERMS {
            return Err(FilterError::TooLong { max: MAX_TERMS });
        }
        Ok(())
    }
}

fn scalar(json: &serde_json::Value) -> Option<Value> {
    Value::from_json(json).filter(|value| !matches!(value, Value::Strings(_)))
}

fn found(json: &serde_json::Value) -> &'static str {
    if json.is_array() { "a list" } else { kind(json) }
}
