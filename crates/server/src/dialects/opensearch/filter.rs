//! Clauses without a vector as a filter on metadata.

use std::collections::BTreeMap;

use index::{Comparison, Condition, Filter, Value as Kept};
use wire::opensearch::search::{
    Bool, Match, MinimumShouldMatch, Operator, QueryClause, Range, Scalar, Term,
};

use super::document::ID;
use super::flatten::{KEYWORD, OBJECTS, words};
use super::mapping::Mapped;
use super::refuse;
use crate::error::HttpError;

/// Clauses within clauses, at most.
const MAX_DEPTH: usize = 32;
/// Clauses and values altogether, at most.
const MAX_TERMS: usize = 10_000;

/// Translates a clause.
///
/// # Errors
///
/// If it looks for vectors, is nested too deep or too long, or has what filters cannot say.
pub(crate) fn filter(
    mapped: &Mapped,
    clause: &QueryClause,
    place: &str,
) -> Result<Filter, HttpError> {
    Translator { mapped, num_terms: 0 }.clause(clause, place, 1)
}

/// Translates several clauses of which all must hold; `None` if there are none.
///
/// # Errors
///
/// As [`filter`].
pub(crate) fn all(
    mapped: &Mapped,
    clauses: &[QueryClause],
    place: &str,
) -> Result<Option<Filter>, HttpError> {
    let mut translator = Translator { mapped, num_terms: 0 };
    let filters = translator.clauses(clauses, place, 1)?;
    Ok(if filters.is_empty() { None } else { Some(Filter::And(filters)) })
}

struct Translator<'a> {
    mapped: &'a Mapped,
    num_terms: usize,
}

impl Translator<'_> {
    fn clauses(
        &mut self,
        clauses: &[QueryClause],
        place: &str,
        depth: usize,
    ) -> Result<Vec<Filter>, HttpError> {
        clauses.iter().map(|clause| self.clause(clause, place, depth)).collect()
    }

    fn clause(
        &mut self,
        clause: &QueryClause,
        place: &str,
        depth: usize,
    ) -> Result<Filter, HttpError> {
        if depth > MAX_DEPTH {
            return Err(refuse(place, format!("clauses are nested more than {MAX_DEPTH} deep")));
        }
        self.count(1, place)?;
        match clause {
            QueryClause::MatchAll(_) => Ok(Filter::And(Vec::new())),
            QueryClause::Bool(inner) => self.bool(inner, place, depth),
            QueryClause::Term(fields) => {
                let (field, term) = one_field(fields, "term", place)?;
                let (Term::Plain(value)
                | Term::Full(wire::opensearch::search::TermObject { value })) = term;
                Ok(is_in(field, alike(value)))
            }
            QueryClause::Terms(fields) => {
                let (field, values) = one_field(fields, "terms", place)?;
                self.count(values.len(), place)?;
                Ok(is_in(field, values.iter().flat_map(alike).collect()))
            }
            QueryClause::Match(fields) => {
                let (field, wanted) = one_field(fields, "match", place)?;
                self.words(field, wanted, place)
            }
            QueryClause::Range(fields) => {
                let (field, range) = one_field(fields, "range", place)?;
                between(field, range, place)
            }
            QueryClause::Exists(exists) => Ok(Filter::Or(vec![
                Filter::Field { field: exists.field.clone(), condition: Condition::Exists(true) },
                is_in(OBJECTS, vec![Kept::from(exists.field.as_str())]),
            ])),
            QueryClause::Ids(ids) => {
                self.count(ids.values.len(), place)?;
                Ok(is_in(ID, ids.values.iter().map(|id| Kept::from(id.as_str())).collect()))
            }
            QueryClause::Knn(_) | QueryClause::ScriptScore(_) => Err(refuse(
                place,
                "`knn` and `script_score` may stand alone, or `knn` once in the `must` or `should` of the \
                 outermost `bool`",
            )),
        }
    }

    fn bool(&mut self, inner: &Bool, place: &str, depth: usize) -> Result<Filter, HttpError> {
        let mut all = self.clauses(&inner.must.0, &format!("{place}.bool.must"), depth + 1)?;
        all.extend(self.clauses(&inner.filter.0, &format!("{place}.bool.filter"), depth + 1)?);
        let should = self.clauses(&inner.should.0, &format!("{place}.bool.should"), depth + 1)?;
        let default = usize::from(all.is_empty());
        match minimum(inner.minimum_should_match.as_ref(), default, place)? {
            // Without a score, a clause that need not hold changes nothing.
            0 => {}
            _ if should.is_empty() => {}
            1 => all.push(Filter::Or(should)),
            wanted if wanted == should.len() => all.extend(should),
            wanted => {
                let why = format!(
                    "{wanted} of {} clauses cannot be asked for; 0, 1 or all can",
                    should.len()
                );
                return Err(refuse(&format!("{place}.bool.minimum_should_match"), why));
            }
        }
        let none = self.clauses(&inner.must_not.0, &format!("{place}.bool.must_not"), depth + 1)?;
        all.extend(none.into_iter().map(|filter| Filter::Not(Box::new(filter))));
        Ok(Filter::And(all))
    }

    // The words of a text field, one of which or all of which the document's text must have. Other
    // fields are compared whole.
    fn words(&mut self, field: &str, wanted: &Match, place: &str) -> Result<Filter, HttpError> {
        let (query, operator) = match wanted {
            Match::Plain(query) => (query, Operator::Or),
            Match::Full(full) => (&full.query, full.operator),
        };
        let is_whole = field.ends_with(KEYWORD) || self.mapped.keywords.contains(field);
        let Scalar::Text(text) = query else { return Ok(is_in(field, alike(query))) };
        if is_whole {
            return Ok(is_in(field, vec![Kept::from(text.as_str())]));
        }
        let words = words(text);
        self.count(words.len(), place)?;
        let is_word = |word: &String| is_in(field, alike(&Scalar::Text(word.clone())));
        // A number or a boolean has no words: the whole text may be one.
        let whole =
            is_in(field, alike(query).into_iter().filter(|value| !is_text(value)).collect());
        let filters: Vec<Filter> = words.iter().map(is_word).collect();
        let by_words = match (operator, filters.is_empty()) {
            (_, true) => return Ok(Filter::Or(Vec::new())),
            (Operator::Or, _) => Filter::Or(filters),
            (Operator::And, _) => Filter::And(filters),
        };
        Ok(Filter::Or(vec![by_words, whole]))
    }

    fn count(&mut self, more: usize, place: &str) -> Result<(), HttpError> {
        self.num_terms += more;
        if self.num_terms > MAX_TERMS {
            let why = format!("the query has more than {MAX_TERMS} clauses and values");
            return Err(refuse(place, why));
        }
        Ok(())
    }
}

/// Returns the only field of a clause.
///
/// # Errors
///
/// If there is none or several.
pub(super) fn one_field<'a, T>(
    fields: &'a BTreeMap<String, T>,
    clause: &str,
    place: &str,
) -> Result<(&'a str, &'a T), HttpError> {
    match fields.iter().next() {
        Some((field, value)) if fields.len() == 1 => Ok((field, value)),
        _ => {
            let why = format!("[{clause}] takes one field, and this one has {}", fields.len());
            Err(refuse(place, why))
        }
    }
}

fn minimum(
    wanted: Option<&MinimumShouldMatch>,
    default: usize,
    place: &str,
) -> Result<usize, HttpError> {
    match wanted {
        None => Ok(default),
        Some(MinimumShouldMatch::Number(number)) => Ok(*number),
        Some(MinimumShouldMatch::Text(text)) => text.parse().map_err(|_| {
            let why = format!("`{text}` is no number; shares of the clauses are not served");
            refuse(&format!("{place}.bool.minimum_should_match"), why)
        }),
    }
}

fn is_in(field: &str, values: Vec<Kept>) -> Filter {
    Filter::Field { field: field.to_owned(), condition: Condition::In(values) }
}

fn is_text(value: &Kept) -> bool {
    matches!(value, Kept::String(_))
}

// OpenSearch reads a value as the type of the field; here the field may be of any.
fn alike(value: &Scalar) -> Vec<Kept> {
    match value {
        Scalar::Bool(truth) => vec![Kept::Bool(*truth), Kept::String(truth.to_string())],
        Scalar::Number(number) => vec![Kept::Number(*number), Kept::String(number.to_string())],
        Scalar::Text(text) => {
            let mut values = vec![Kept::from(text.as_str())];
            values.extend(text.parse().ok().filter(|x: &f64| x.is_finite()).map(Kept::Number));
            values.extend(text.parse().ok().map(Kept::Bool));
            values
        }
    }
}

fn between(field: &str, range: &Range, place: &str) -> Result<Filter, HttpError> {
    let bounds = [
        (&range.gt, Comparison::Greater),
        (&range.gte, Comparison::GreaterOrEqual),
        (&range.lt, Comparison::Less),
        (&range.lte, Comparison::LessOrEqual),
    ];
    let mut all = Vec::new();
    for (bound, comparison) in bounds {
        let Some(bound) = bound else { continue };
        let number = match bound {
            Scalar::Number(number) => Some(*number),
            Scalar::Text(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
            Scalar::Bool(_) => None,
        };
        let Some(number) = number else {
            let why = "bounds are numbers here; keep a date as a number, such as its seconds, to ask for a range";
            return Err(refuse(&format!("{place}.range.{field}"), why));
        };
        let condition = Condition::Compare(comparison, number);
        all.push(Filter::Field { field: field.to_owned(), condition });
    }
    if all.is_empty() {
        all.push(Filter::Field { field: field.to_owned(), condition: Condition::Exists(true) });
    }
    Ok(Filter::And(all))
}

#[cfg(test)]
mod tests;
