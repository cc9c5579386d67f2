//! A Rust file as a flat list of tokens with their lines.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The tokens of one file, without comments.
#[derive(Debug)]
pub(in crate::tidy) struct Lexed {
    tokens: Vec<Token>,
}

/// An identifier, a punctuation character, a bracket or a literal.
#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
}

/// A function with a body.
#[derive(Debug)]
pub(in crate::tidy) struct Function {
    /// Its name.
    pub(in crate::tidy) name: String,
    /// The line of its `fn`.
    pub(in crate::tidy) line: usize,
    /// From its `fn` to its closing brace.
    pub(in crate::tidy) num_lines: usize,
}

impl Lexed {
    /// Splits a file into tokens; `None` if it is not Rust.
    pub(in crate::tidy) fn new(text: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        flatten(text.parse().ok()?, &mut tokens);
        Some(Self { tokens })
    }

    /// Returns the lines on which this run of tokens begins.
    pub(in crate::tidy) fn lines_of(&self, run: &[&str]) -> Vec<usize> {
        self.places_of(run).map(|place| self.tokens[place].line).collect()
    }

    /// Returns the token after each occurrence of this run.
    pub(in crate::tidy) fn after(&self, run: &[&str]) -> Vec<&str> {
        let after = |place| self.tokens.get(place + run.len());
        self.places_of(run).filter_map(after).map(|token| token.text.as_str()).collect()
    }

    /// Returns the string literals between each occurrence of this run and the next closing bracket.
    pub(in crate::tidy) fn strings_after(&self, run: &[&str]) -> Vec<Vec<&str>> {
        let strings = |place: usize| {
            let texts = self.tokens[place + run.len()..].iter().map(|token| token.text.as_str());
            texts
                .take_while(|text| *text != "]")
                .filter_map(|text| text.strip_prefix('"')?.strip_suffix('"'))
                .collect()
        };
        self.places_of(run).map(strings).collect()
    }

    fn places_of(&self, run: &[&str]) -> impl Iterator<Item = usize> {
        let is_run =
            move |tokens: &[Token]| tokens.iter().zip(run).all(|(token, text)| token.text == *text);
        let windows = self.tokens.windows(run.len()).enumerate();
        windows.filter(move |(_, tokens)| is_run(tokens)).map(|(place, _)| place)
    }

    /// Returns the text of each token.
    pub(in crate::tidy) fn into_words(self) -> impl Iterator<Item = String> {
        self.tokens.into_iter().map(|token| token.text)
    }

    /// Returns the functions that have a body, in the order of the file.
    pub(in crate::tidy) fn functions(&self) -> Vec<Function> {
        (0..self.tokens.len()).filter_map(|start| self.function(start)).collect()
    }

    fn function(&self, start: usize) -> Option<Function> {
        if self.tokens[start].text != "fn" {
            return None;
        }
        let name = &self.tokens.get(start + 1)?.text;
        // `fn(f32) -> f32` is a type.
        if name == "(" {
            return None;
        }
        let mut depth = 0_usize;
        let mut in_body = false;
        for token in &self.tokens[start..] {
            match token.text.as_str() {
                ";" if depth == 0 => return None,
                "(" | "[" => depth += 1,
                "{" => {
                    in_body |= depth == 0;
                    depth += 1;
                }
                ")" | "]" => depth = depth.saturating_sub(1),
                "}" => {
                    depth = depth.saturating_sub(1);
                    if in_body && depth == 0 {
                        let line = self.tokens[start].line;
                        let num_lines = token.line - line + 1;
                        return Some(Function { name: name.clone(), line, num_lines });
                    }
                }
                _ => {}
            }
        }
        None
    }
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                tokens.extend(open.map(|text| Token { text: text.into(), line }));
                let last_line = group.span_close().end().line;
                flatten(group.stream(), tokens);
                tokens.extend(close.map(|text| Token { text: text.into(), line: last_line }));
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {
                tokens.push(Token { text: tree.to_string(), line });
            }
        }
    }
}

fn brackets(delimiter: Delimiter) -> (Option<&'static str>, Option<&'static str>) {
    match delimiter {
        Delimiter::Parenthesis => (Some("("), Some(")")),
        Delimiter::Brace => (Some("{"), Some("}")),
        Delimiter::Bracket => (Some("["), Some("]")),
        Delimiter::None => (None, None),
    }
}
