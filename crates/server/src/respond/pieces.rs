//! The bodies of embedding responses, one embedding at a time. What was written is freed.

mod pinecone;

use std::borrow::Cow;
use std::iter::{Enumerate, Peekable};
use std::ops::ControlFlow;
use std::vec::IntoIter;

use bytes::{BufMut, BytesMut};
use engine::{Embedded, InputError};
use wire::floats::{self, NotFinite};
use wire::openai::{self, EncodingFormat, Usage};
use wire::tei::{self, InputReport};

use super::Pieces;
use crate::dialects;

pub(crate) use pinecone::{Matches, PineconeList};

/// How rows stand in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Brackets {
    /// A list of embeddings.
    Nested,
    /// One embedding alone.
    Flat,
    /// A list of embeddings in a field of an object.
    InObject(Cow<'static, str>),
    /// One embedding alone in a field of an object.
    FlatInObject(Cow<'static, str>),
}

impl Brackets {
    /// Returns how a list stands where one text stands like this.
    pub(crate) fn of_a_list(self) -> Self {
        match self {
            Self::Nested | Self::Flat => Self::Nested,
            Self::InObject(field) | Self::FlatInObject(field) => Self::InObject(field),
        }
    }

    fn is_flat(&self) -> bool {
        matches!(self, Self::Flat | Self::FlatInObject(_))
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::InObject(field) | Self::FlatInObject(field) => Some(field),
            Self::Nested | Self::Flat => None,
        }
    }
}

/// `[[…],[…]]`, or `[…]` for one.
pub(crate) struct Rows {
    rows: Peekable<Enumerate<IntoIter<Embedded>>>,
    brackets: Brackets,
    has_begun: bool,
}

impl Rows {
    pub(crate) fn new(rows: Vec<Embedded>, brackets: Brackets) -> Self {
        debug_assert!(!brackets.is_flat() || rows.len() == 1);
        Self { rows: rows.into_iter().enumerate().peekable(), brackets, has_begun: false }
    }
}

impl Pieces for Rows {
    fn write_next(&mut self, out: &mut BytesMut) -> Result<ControlFlow<()>, NotFinite> {
        if let Some(field) = self.brackets.field().filter(|_| !self.has_begun) {
            let field = serde_json::to_string(field).expect("a string is JSON");
            out.put_slice(format!("{{{field}:").as_bytes());
        }
        self.has_begun = true;
        let written = self.write_row(out)?;
        if self.brackets.field().is_some() && written.is_break() {
            out.put_u8(b'}');
        }
        Ok(written)
    }
}

impl Rows {
    fn write_row(&mut self, out: &mut BytesMut) -> Result<ControlFlow<()>, NotFinite> {
        let next = self.rows.next();
        if self.brackets.is_flat() {
            let (_, row) = next.expect("one embedding alone is there");
            floats::write_array(out, &row.values)?;
            return Ok(ControlFlow::Break(()));
        }
        let Some((index, row)) = next else {
            out.put_slice(b"[]");
            return Ok(ControlFlow::Break(()));
        };
        out.put_u8(if index == 0 { b'[' } else { b',' });
        floats::write_array(out, &row.values)?;
        Ok(close_after_last(self.rows.peek().is_none(), out))
    }
}

/// `[[[…],[…]],…]`: the rows of each input.
pub(crate) struct TokenRows(Peekable<Enumerate<IntoIter<Embedded>>>);

impl TokenRows {
    pub(crate) fn new(inputs: Vec<Embedded>) -> Self {
        Self(inputs.into_iter().enumerate().peekable())
    }
}

impl Pieces for TokenRows {
    fn write_next(&mut self, out: &mut BytesMut) -> Result<ControlFlow<()>, NotFinite> {
        let Some((index, input)) = self.0.next() else {
            out.put_slice(b"[]");
            return Ok(ControlFlow::Break(()));
        };
        out.put_slice(if index == 0 { b"[[" } else { b",[" });
        for (row_index, row) in input.values.chunks(input.dimensions).enumerate() {
            if row_index > 0 {
                out.put_u8(b',');
            }
            floats::write_array(out, row)?;
        }
        out.put_u8(b']');
        Ok(close_after_last(self.0.peek().is_none(), out))
    }
}

fn close_after_last(is_last: bool, out: &mut BytesMut) -> ControlFlow<()> {
    if !is_last {
        return ControlFlow::Continue(());
    }
    out.put_u8(b']');
    ControlFlow::Break(())
}

/// A [`tei::Report`]: all embeddings, then all inputs.
pub(crate) struct Report {
    results: Enumerate<IntoIter<Result<Embedded, InputError>>>,
    num_results: usize,
    inputs: Vec<InputReport>,
    next_input: usize,
}

impl Report {
    pub(crate) fn new(results: Vec<Result<Embedded, InputError>>) -> Self {
        let num_results = results.len();
        let inputs = Vec::with_capacity(num_results);
        Self { results: results.into_iter().enumerate(), num_results, inputs, next_input: 0 }
    }

    fn write_embedding(
        &mut self,
        index: usize,
        result: &Result<Embedded, InputError>,
        out: &mut BytesMut,
    ) -> Result<(), NotFinite> {
        if index == 0 {
            tei::write_report_head(out);
        } else {
            out.put_u8(b',');
        }
        let values = result.as_ref().ok().map(|embedded| &embedded.values[..]);
        tei::write_report_item(out, values)?;
        self.inputs.push(dialects::tei::input_report(result));
        if index + 1 == self.num_results {
            tei::write_report_middle(out);
        }
        Ok(())
    }

    fn write_input(&mut self, out: &mut BytesMut) -> ControlFlow<()> {
        if self.next_input > 0 {
            out.put_u8(b',');
        }
        let report = serde_json::to_vec(&self.inputs[self.next_input]);
        out.put_slice(&report.expect("a report has string keys only"));
        self.next_input += 1;
        if self.next_input < self.num_results {
            return ControlFlow::Continue(());
        }
        tei::write_report_tail(out);
        ControlFlow::Break(())
    }
}

impl Pieces for Report {
    fn write_next(&mut self, out: &mut BytesMut) -> Result<ControlFlow<()>, NotFinite> {
        match self.results.next() {
            Some((index, result)) => {
                self.write_embedding(index, &result, out)?;
                Ok(ControlFlow::Continue(()))
            }
            None => Ok(self.write_input(out)),
        }
    }
}

/// An [`openai::EmbeddingsResponse`].
pub(crate) struct OpenAiList {
    rows: Peekable<Enumerate<IntoIter<Embedded>>>,
    pub(crate) format: EncodingFormat,
    pub(crate) model: String,
    pub(crate) usage: Usage,
}

impl OpenAiList {
    pub(crate) fn new(
        rows: Vec<Embedded>,
        format: EncodingFormat,
        model: String,
        num_tokens: usize,
    ) -> Self {
        let usage = Usage { prompt_tokens: num_tokens, total_tokens: num_tokens };
        Self { rows: rows.into_iter().enumerate().peekable(), format, model, usage }
    }
}

impl Pieces for OpenAiList {
    fn write_next(&mut self, out: &mut BytesMut) -> Result<ControlFlow<()>, NotFinite> {
        let Some((index, row)) = self.rows.next() else { return Ok(ControlFlow::Break(())) };
        if index == 0 {
            openai::write_head(out);
        } else {
            out.put_u8(b',');
        }
        openai::write_item(out, index, &row.values, self.format)?;
        if self.rows.peek().is_some() {
            return Ok(ControlFlow::Continue(()));
        }
        openai::write_tail(out, &self.model, self.usage);
        Ok(ControlFlow::Break(()))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn embedded(values: &[f32], dimensions: usize) -> Embedded {
        Embedded {
            values: values.to_vec(),
            dimensions,
            num_tokens: 2,
            num_chars: 1,
            truncated_from: None,
        }
    }

    #[track_caller]
    fn check(mut pieces: impl Pieces, expected: Expect) {
        let mut out = BytesMut::new();
        while pieces.write_next(&mut out).unwrap().is_continue() {}
        let text = std::str::from_utf8(&out).unwrap();
        serde_json::from_str::<serde_json::Value>(text).unwrap();
        expected.assert_eq(text);
    }

    #[test]
    fn rows_are_nested_unless_asked_for_flat() {
        let two = vec![embedded(&[1.0, 0.5], 2), embedded(&[-1.0, 0.0], 2)];
        check(Rows::new(two, Brackets::Nested), expect!["[[1.0,0.5],[-1.0,0.0]]"]);
        check(Rows::new(vec![embedded(&[1.0], 1)], Brackets::Nested), expect!["[[1.0]]"]);
        check(Rows::new(vec![embedded(&[1.0], 1)], Brackets::Flat), expect!["[1.0]"]);
    }

    #[test]
    fn token_rows_are_grouped_by_input() {
        let two = vec![embedded(&[1.0, 2.0, 3.0, 4.0], 2), embedded(&[5.0, 6.0], 2)];
        check(TokenRows::new(two), expect!["[[[1.0,2.0],[3.0,4.0]],[[5.0,6.0]]]"]);
    }

    #[test]
    fn a_report_has_embeddings_before_inputs() {
        let results = vec![Err(InputError::Empty), Ok(embedded(&[1.0], 1))];
        check(
            Report::new(results),
            expect![[
                r#"{"embeddings":[null,[1.0]],"inputs":[{"tokens":null,"truncated_from":null,"error":{"message":"the input is empty","error_type":"Empty"}},{"tokens":2,"truncated_from":null,"error":null}]}"#
            ]],
        );
    }

    #[test]
    fn an_openai_list_ends_with_its_usage() {
        let rows = vec![embedded(&[1.0], 1), embedded(&[0.5], 1)];
        check(
            OpenAiList::new(rows, EncodingFormat::Base64, "m".to_owned(), 4),
            expect![[
                r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPw=="},{"object":"embedding","index":1,"embedding":"AAAAPw=="}],"model":"m","usage":{"prompt_tokens":4,"total_tokens":4}}"#
            ]],
        );
    }
}
