//! `_search` and `_count`: the clauses that are served, and hits.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Shards;

/// Body of `/{index}/_search`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// Which documents, and in which order; all where this is absent.
    #[serde(default)]
    pub query: Option<QueryClause>,
    /// The most hits; 10 where this is absent.
    #[serde(default)]
    pub size: Option<usize>,
    /// How many of the best hits to leave out.
    #[serde(default)]
    pub from: Option<usize>,
    /// Leaves hits of a smaller score out.
    #[serde(default)]
    pub min_score: Option<f32>,
    /// Which of the documents that were found are hits.
    #[serde(default)]
    pub post_filter: Option<QueryClause>,
    /// What of a document comes with its hit; all of it where this is absent.
    #[serde(default, rename = "_source")]
    pub source: Option<SourceChoice>,
    /// Whether, or how far, hits are counted. They always are, as far as that is known.
    #[serde(default)]
    pub track_total_hits: Option<Count>,
    /// How long to search. Ignored: a search is over before it could be cut off.
    #[serde(default)]
    pub timeout: Option<String>,
}

/// Body of `/{index}/_count`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountRequest {
    /// Which documents; all where this is absent.
    #[serde(default)]
    pub query: Option<QueryClause>,
}

/// Whether to count hits, or up to how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a boolean or a number was expected")]
pub enum Count {
    /// Whether.
    Whether(bool),
    /// Up to how many.
    UpTo(u64),
}

/// What of a document comes with its hit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "a boolean, a field, a list of fields or an object of includes and excludes was expected"
)]
pub enum SourceChoice {
    /// All or nothing.
    Whether(bool),
    /// These fields.
    Fields(OneOrMany<String>),
    /// Some fields and not others.
    Both(SourceFields),
}

/// Fields to show and fields to leave out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFields {
    /// All where this is absent or empty.
    #[serde(default, alias = "include", skip_serializing_if = "OneOrMany::is_empty")]
    pub includes: OneOrMany<String>,
    /// Also of those that are included.
    #[serde(default, alias = "exclude", skip_serializing_if = "OneOrMany::is_empty")]
    pub excludes: OneOrMany<String>,
}

/// One clause of a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryClause {
    /// All documents.
    MatchAll(MatchAll),
    /// The nearest to a vector, by the field of vectors.
    Knn(BTreeMap<String, Knn>),
    /// Several clauses.
    Bool(Box<Bool>),
    /// The nearest to a vector, by a script over documents that another clause finds.
    ScriptScore(Box<ScriptScore>),
    /// One exact value.
    Term(BTreeMap<String, Term>),
    /// One of several exact values.
    Terms(BTreeMap<String, Vec<Scalar>>),
    /// Words of a text.
    Match(BTreeMap<String, Match>),
    /// Numbers between bounds.
    Range(BTreeMap<String, Range>),
    /// Whether a field is there.
    Exists(Exists),
    /// Documents by id.
    Ids(Ids),
}

/// All documents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchAll {}

/// The nearest to a vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knn {
    /// The vector.
    pub vector: Vec<f32>,
    /// How many.
    pub k: usize,
    /// Among which documents; all where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Box<OneOrMany<QueryClause>>>,
    /// How hard an approximate method should try. Nothing here needs to be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method_parameters: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Several clauses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bool {
    /// All of these hold.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub must: OneOrMany<QueryClause>,
    /// All of these hold, without a part in the score.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub filter: OneOrMany<QueryClause>,
    /// At least `minimum_should_match` of these hold.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub should: OneOrMany<QueryClause>,
    /// None of these holds.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub must_not: OneOrMany<QueryClause>,
    /// 1 where this is absent and there is neither `must` nor `filter`, else 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_should_match: Option<MinimumShouldMatch>,
}

/// How many of the clauses of `should` must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number was expected")]
pub enum MinimumShouldMatch {
    /// So many.
    Number(usize),
    /// So many, as text.
    Text(String),
}

/// The nearest to a vector by a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptScore {
    /// Among which documents.
    pub query: QueryClause,
    /// How a document is scored.
    pub script: Script,
    /// Leaves hits of a smaller score out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_score: Option<f32>,
}

/// How a document is scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// `knn_score` in the language `knn`, or one of a few expressions.
    pub source: String,
    /// `painless` where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// What the source refers to.
    pub params: ScriptParams,
}

/// What a script refers to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptParams {
    /// The field of vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The vector.
    pub query_value: Vec<f32>,
    /// How `knn_score` compares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space_type: Option<String>,
}

/// One exact value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a string, a number, a boolean or an object with `value` was expected"
)]
pub enum Term {
    /// The value alone.
    Plain(Scalar),
    /// The value in an object.
    Full(TermObject),
}

/// The value of a term, in an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermObject {
    /// The value.
    pub value: Scalar,
}

/// A value that a field can have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a string, a number or a boolean was expected")]
pub enum Scalar {
    /// True or false.
    Bool(bool),
    /// Any number.
    Number(f64),
    /// Text.
    Text(String),
}

/// Words of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a string, a number, a boolean or an object with `query` was expected"
)]
pub enum Match {
    /// The words alone.
    Plain(Scalar),
    /// The words in an object.
    Full(MatchObject),
}

/// The words of a match, in an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchObject {
    /// The words.
    pub query: Scalar,
    /// Whether one word is enough; it is where this is absent.
    #[serde(default)]
    pub operator: Operator,
}

/// Whether one word is enough.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operator {
    /// One is enough.
    #[default]
    #[serde(alias = "OR")]
    Or,
    /// All are needed.
    #[serde(alias = "AND")]
    And,
}

/// Numbers between bounds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Greater than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gt: Option<Scalar>,
    /// This or greater.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gte: Option<Scalar>,
    /// Less than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lt: Option<Scalar>,
    /// This or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lte: Option<Scalar>,
}

/// Whether a field is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exists {
    /// Which field.
    pub field: String,
}

/// Documents by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    /// The ids.
    pub values: Vec<String>,
}

/// A value alone or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> OneOrMany<T> {
    /// Returns whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Serialize> Serialize for OneOrMany<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // There are places that take one item and no list.
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

// Not an untagged enum, whose errors would not say what is wrong within.
struct OneOrManyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one item or a list of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items)).map(OneOrMany)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(|one| OneOrMany(vec![one]))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        T::deserialize(serde::de::value::StrDeserializer::new(text)).map(|one| OneOrMany(vec![one]))
    }
}

/// Answer of `/{index}/_search`.
#[derive(Debug, Clone, Serialize)]
pub struct SearchResponse {
    /// Milliseconds.
    pub took: u64,
    /// False.
    pub timed_out: bool,
    /// One.
    #[serde(rename = "_shards")]
    pub shards: Shards,
    /// What was found.
    pub hits: Hits,
}

/// What a search found.
#[derive(Debug, Clone, Serialize)]
pub struct Hits {
    /// How many documents there are to find; absent if that was not wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Total>,
    /// The score of the best; none without hits.
    pub max_score: Option<f32>,
    /// Best first.
    pub hits: Vec<Hit>,
}

/// How many documents there are to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Total {
    /// So many.
    pub value: u64,
    /// Or more.
    pub relation: Relation,
}

/// Whether a total is all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// It is.
    Eq,
    /// There are as many or more.
    Gte,
}

/// One document that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Hit {
    /// The index.
    #[serde(rename = "_index")]
    pub index: String,
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
    /// How near; a larger score is closer.
    #[serde(rename = "_score")]
    pub score: f32,
    /// The document, or what of it was wanted.
    #[serde(rename = "_source", skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<RawValue>>,
}

/// Answer of `GET /{index}/_doc/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct GetResponse {
    /// The index.
    #[serde(rename = "_index")]
    pub index: String,
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
    /// How often it was written since it was created.
    #[serde(rename = "_version", skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Whether there is one.
    pub found: bool,
    /// The document, or what of it was wanted.
    #[serde(rename = "_source", skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<RawValue>>,
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check_refused(json: &str, expected: Expect) {
        expected.assert_eq(&serde_json::from_str::<SearchRequest>(json).unwrap_err().to_string());
    }

    #[test]
    fn what_langchain_sends_is_read() {
        for json in [
            r#"{"size":4,"min_score":0.0,"query":{"knn":{"vector_field":{"vector":[0.5,1],"k":4}}}}"#,
            r#"{"size":4,"query":{"bool":{"filter":{"term":{"metadata.lang":"en"}},"must":[{"knn":{"v":{"vector":[1.0],"k":4}}}]}}}"#,
            r#"{"size":4,"query":{"knn":{"v":{"vector":[1.0],"k":4,"filter":{"bool":{"must":[{"range":{"p":{"gte":8,"lte":10}}},{"term":{"a":"true"}}]}}}}}}"#,
            r#"{"size":4,"min_score":0.0,"query":{"script_score":{"query":{"match_all":{}},"script":{"source":"knn_score","lang":"knn","params":{"field":"v","query_value":[1.0],"space_type":"l2"}}}}}"#,
            r#"{"query":{"script_score":{"query":{"bool":{"filter":{"term":{"text":"a"}}}},"script":{"source":"1/(1.0 + l2Squared(params.query_value, doc['v']))","params":{"field":"v","query_value":[1.0]}}}}}"#,
            r#"{"_source":{"exclude":["v"]},"size":2,"post_filter":{"bool":{"must_not":{"exists":{"field":"a"}}}}}"#,
        ] {
            serde_json::from_str::<SearchRequest>(json)
                .unwrap_or_else(|err| panic!("{err}: {json}"));
        }
    }

    #[test]
    fn a_clause_that_is_not_served_is_named() {
        check_refused(
            r#"{"query":{"bool":{"must":[{"fuzzy":{}}]}}}"#,
            expect![
                "unknown variant `fuzzy`, expected one of `match_all`, `knn`, `bool`, `script_score`, `term`, `terms`, `match`, `range`, `exists`, `ids` at line 1 column 34"
            ],
        );
        check_refused(
            r#"{"query":{"bool":{"filter":{"range":{"a":{"format":"x"}}}}}}"#,
            expect![
                "unknown field `format`, expected one of `gt`, `gte`, `lt`, `lte` at line 1 column 50"
            ],
        );
        check_refused(
            r#"{"aggs":{}}"#,
            expect![
                "unknown field `aggs`, expected one of `query`, `size`, `from`, `min_score`, `post_filter`, `_source`, `track_total_hits`, `timeout` at line 1 column 7"
            ],
        );
    }

    #[test]
    fn the_choice_of_source_has_four_forms() {
        let read = |json: &str| serde_json::from_str::<SourceChoice>(json).unwrap();
        let fields =
            |names: &[&str]| OneOrMany(names.iter().map(|&name| name.to_owned()).collect());
        assert_eq!(read("false"), SourceChoice::Whether(false));
        assert_eq!(read(r#""a""#), SourceChoice::Fields(fields(&["a"])));
        assert_eq!(read(r#"["a","b"]"#), SourceChoice::Fields(fields(&["a", "b"])));
        let both = SourceFields { includes: fields(&["a"]), excludes: fields(&["b"]) };
        assert_eq!(read(r#"{"include":"a","excludes":["b"]}"#), SourceChoice::Both(both));
    }
}
