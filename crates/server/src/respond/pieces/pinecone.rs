//! The bodies of Pinecone's long answers: embeddings, and matches of a query.

use std::iter::Peekable;
use std::ops::ControlFlow;
use std::vec::IntoIter;

use bytes::{BufMut, BytesMut};
use engine::Embedded;
use index::Match;
use wire::floats::NotFinite;
use wire::pinecone::{
    EmbedUsage, write_embed_head, write_embed_item, write_embed_tail, write_query_head,
    write_query_tail,
};

use crate::dialects::pinecone::data::{READ_UNITS, write_match};
use crate::respond::Pieces;

/// A [`wire::pinecone::EmbedResponse`].
pub(crate) struct PineconeList {
    rows: Peekable<IntoIter<Embedded>>,
    model: String,
    usage: EmbedUsage,
    is_begun: bool,
}

impl PineconeList {
    pub(crate) fn new(rows: Vec<Embedded>, model: String, num_tokens: usize) -> Self {
        let usage = EmbedUsage { total_tokens: num_tokens };
        Self { rows: rows.into_iter().peekable(), model, usage, is_begun: false }
    }
}

impl Pieces for PineconeList {
    fn write_next(&mut self, out: &mut BytesMut) -> Result<ControlFlow<()>, NotFinite> {
        if std::mem::replace(&mut self.is_begun, true) {
            out.put_u8(b',');
        } else {
            write_embed_head(out, &self.model);
        }
        // The engine refuses a request without inputs, so there is a first one.
        if let Some(row) = self.rows.next() {
            write_embed_item(out, &row.values)?;
        }
        if self.rows.peek().is_some() {
            return Ok(ControlFlow::Continue(()));
        }
        write_embed_tail(out, self.usage);
        Ok(ControlFlow::Break(()))
    }
}

/// A [`wire::pinecone::QueryResponse`].
pub(crate) struct Matches {
    matches: Peekable<IntoIter<Match>>,
    namespace: String,
    is_begun: bool,
}

impl Matches {
    pub(crate) fn new(matches: Vec<Match>, namespace: String) -> Self {
        Self { matches: matches.into_iter().peekable(), namespace, is_begun: false }
    }
}

impl Pieces for Matches {
    fn write_next(&mut self, out: &mut BytesMut) -> Result<ControlFlow<()>, NotFinite> {
        if std::mem::replace(&mut self.is_begun, true) {
            out.put_u8(b',');
        } else {
            write_query_head(out);
        }
        if let Some(found) = self.matches.next() {
            write_match(found, out)?;
        }
        if self.matches.peek().is_some() {
            return Ok(ControlFlow::Continue(()));
        }
        write_query_tail(out, &self.namespace, READ_UNITS);
        Ok(ControlFlow::Break(()))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(mut pieces: impl Pieces, expected: Expect) {
        let mut out = BytesMut::new();
        while pieces.write_next(&mut out).unwrap().is_continue() {}
        let text = std::str::from_utf8(&out).unwrap();
        serde_json::from_str::<serde_json::Value>(text).unwrap();
        expected.assert_eq(text);
    }

    fn embedded(values: &[f32]) -> Embedded {
        let values = values.to_vec();
        Embedded {
            dimensions: values.len(),
            values,
            num_tokens: 2,
            num_chars: 1,
            truncated_from: None,
        }
    }

    #[test]
    fn embeddings_stand_between_the_model_and_the_usage() {
        check(
            PineconeList::new(vec![embedded(&[1.0, 0.5]), embedded(&[0.1, 0.0])], "m".into(), 4),
            expect![[
                r#"{"model":"m","vector_type":"dense","data":[{"values":[1.0,0.5],"vector_type":"dense"},{"values":[0.1,0.0],"vector_type":"dense"}],"usage":{"total_tokens":4}}"#
            ]],
        );
    }

    fn found(id: &str, values: &[f32]) -> Match {
        let fields = serde_json::json!({ "lang": "en" });
        Match {
            id: id.to_owned(),
            score: 0.1,
            values: values.to_vec(),
            sparse: None,
            metadata: index::metadata_from_json(&fields).unwrap(),
            stages: Vec::new(),
        }
    }

    #[test]
    fn matches_stand_before_the_namespace() {
        check(
            Matches::new(vec![], "a\"b".into()),
            expect![[r#"{"results":[],"matches":[],"namespace":"a\"b","usage":{"readUnits":1}}"#]],
        );
        check(
            Matches::new(vec![found("a", &[0.5]), found("b", &[])], "".into()),
            expect![[
                r#"{"results":[],"matches":[{"id":"a","score":0.1,"values":[0.5],"metadata":{"lang":"en"}},{"id":"b","score":0.1,"values":[],"metadata":{"lang":"en"}}],"namespace":"","usage":{"readUnits":1}}"#
            ]],
        );
    }

    #[test]
    fn a_value_that_is_not_finite_is_an_error() {
        let mut matches = Matches::new(vec![found("a", &[f32::NAN])], String::new());
        assert!(matches.write_next(&mut BytesMut::new()).is_err());
        let mut list = PineconeList::new(vec![embedded(&[f32::INFINITY])], String::new(), 1);
        assert!(list.write_next(&mut BytesMut::new()).is_err());
    }
}
