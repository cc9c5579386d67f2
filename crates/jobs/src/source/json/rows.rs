//! A JSON file → the text of each row.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use serde::de::Error as _;

use crate::source::text::Lines;
use crate::source::utf8::{self, Utf8Reader};
use crate::source::{Kind, MAX_ROW_BYTES, RowProblem, SourceError};

/// Where a row is in its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// 1-based.
    pub(super) row: u64,
    /// The line on which it begins, 1-based.
    pub(super) line: u64,
}

/// The rows of one file, as text that may or may not be valid JSON.
pub(super) enum Rows {
    /// One a line; blank lines are passed over.
    Lines { lines: Lines, num_rows: u64 },
    /// The elements of an array.
    Array(Elements),
}

impl Rows {
    /// A `.json` file that begins with a bracket is an array; other files have a row a line, and so
    /// have many that are called `.json`.
    pub(super) fn open(file: &Path, kind: Kind) -> Result<Self, SourceError> {
        if kind == Kind::Json
            && let Some(elements) = Elements::open(file)?
        {
            return Ok(Self::Array(elements));
        }
        Ok(Self::Lines { lines: Lines::open(file)?, num_rows: 0 })
    }

    /// Puts the next row into `text` and says where it is, or returns `None` at the end.
    pub(super) fn next(&mut self, text: &mut String) -> Result<Option<Place>, SourceError> {
        match self {
            Self::Array(elements) => elements.next(text),
            Self::Lines { lines, num_rows } => {
                while lines.next(text)? {
                    if !text.trim_ascii().is_empty() {
                        *num_rows += 1;
                        return Ok(Some(Place { row: *num_rows, line: lines.number() }));
                    }
                }
                Ok(None)
            }
        }
    }

    /// Returns how many rows there were so far.
    pub(super) fn num_rows(&self) -> u64 {
        match self {
            Self::Array(elements) => elements.num_rows,
            Self::Lines { num_rows, .. } => *num_rows,
        }
    }
}

/// The elements of a file that is one array. It is cut at the commas outside of brackets and strings;
/// whether what lies between them is JSON, the parser of the rows says.
pub(super) struct Elements {
    file: PathBuf,
    reader: Utf8Reader<Box<dyn Read>>,
    line: u64,
    num_rows: u64,
    /// Whether the closing bracket was seen.
    closed: bool,
}

/// What ended an element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Comma,
    Bracket,
    File,
}

impl Elements {
    /// Returns `None` if the file does not begin with a bracket.
    fn open(file: &Path) -> Result<Option<Self>, SourceError> {
        let reader = utf8::open(file)?;
        let file = file.to_owned();
        let mut elements = Self { file, reader, line: 1, num_rows: 0, closed: false };
        Ok((elements.skip_blanks()? == Some(b'[')).then(|| {
            elements.reader.consume(1);
            elements
        }))
    }

    fn next(&mut self, text: &mut String) -> Result<Option<Place>, SourceError> {
        text.clear();
        if self.closed {
            return Ok(None);
        }
        self.skip_blanks()?;
        let place = Place { row: self.num_rows + 1, line: self.line };
        let mut element = std::mem::take(text).into_bytes();
        let end = self.read_element(place, &mut element)?;
        *text = String::from_utf8(element).expect("the reader passes UTF-8 and cuts are ASCII");
        let blank = text.trim_ascii().is_empty();
        match end {
            End::Comma => {}
            End::Bracket => {
                self.closed = true;
                if self.skip_blanks()?.is_some() {
                    return Err(self.malformed(place, "text stands after the end of the array"));
                }
                if blank && self.num_rows == 0 {
                    return Ok(None);
                }
            }
            End::File if blank => return Err(self.malformed(place, "the array is not closed")),
            // What is cut off inside says so itself when it is parsed; and what is not, here later.
            End::File => {}
        }
        self.num_rows += 1;
        Ok(Some(place))
    }

    /// Reads up to and over the comma or bracket that ends an element.
    fn read_element(&mut self, place: Place, element: &mut Vec<u8>) -> Result<End, SourceError> {
        let mut state = Cut::default();
        loop {
            let bytes = self.reader.fill_buf();
            let bytes = bytes.map_err(|source| SourceError::read(&self.file, source))?;
            if bytes.is_empty() {
                return Ok(End::File);
            }
            let end = bytes.iter().position(|&byte| state.ends_at(byte));
            let num_taken = end.unwrap_or(bytes.len());
            element.extend_from_slice(&bytes[..num_taken]);
            self.line += bytes[..num_taken].iter().filter(|&&byte| byte == b'\n').count() as u64;
            let found = end.map(|at| if bytes[at] == b',' { End::Comma } else { End::Bracket });
            self.reader.consume(num_taken + usize::from(end.is_some()));
            if let Some(found) = found {
                return Ok(found);
            }
            if element.len() > MAX_ROW_BYTES {
                let problem = RowProblem::TooLong { line: place.line };
                return Err(SourceError::row(&self.file, place.row, problem));
            }
        }
    }

    /// Passes over white space and returns the byte after it, if there is one.
    fn skip_blanks(&mut self) -> Result<Option<u8>, SourceError> {
        loop {
            let bytes = self.reader.fill_buf();
            let bytes = bytes.map_err(|source| SourceError::read(&self.file, source))?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let num_blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.line += bytes[..num_blank].iter().filter(|&&byte| byte == b'\n').count() as u64;
            let next = bytes.get(num_blank).copied();
            self.reader.consume(num_blank);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    fn malformed(&self, place: Place, message: &str) -> SourceError {
        let source = serde_json::Error::custom(message);
        SourceError::row(&self.file, place.row, RowProblem::Json { line: place.line, source })
    }
}

/// Where in an element the cut stands.
#[derive(Default)]
struct Cut {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Cut {
    /// Takes one more byte and says whether it ends the element.
    fn ends_at(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b',' | b']' if self.depth == 0 => return true,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }
}
