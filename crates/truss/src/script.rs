//! The commands of a shell script, taken apart into words. Nothing is run.
//!
//! Read is what start commands and build commands have: quotes, comments, variables, `$(cat /secrets/…)`,
//! and the operators between commands. Loops and functions come out as commands of strange names, of which
//! none is text-embeddings-router.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// Where a Truss's secrets are mounted, each as a file.
const SECRETS: &str = "/secrets/";
/// The longest value of a variable or a word, in bytes.
const MAX_VALUE: usize = 4096;

/// A simple command, with the assignments before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) words: Vec<Word>,
}

/// A word, before variables have values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Word(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable {
        name: String,
        default: Option<String>,
        is_quoted: bool,
    },
    Secret(String),
    /// What only a shell can tell.
    Opaque(String),
}

/// A word with the values of its variables: a text, and the secret that stands behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) text: String,
    pub(crate) secret: Option<String>,
}

/// The variables that have values.
pub(crate) type Scope = BTreeMap<String, Known>;

/// Takes a script apart.
///
/// # Errors
///
/// What is wrong with it, if a quote or a bracket is never closed.
pub(crate) fn commands(script: &str) -> Result<Vec<Command>, String> {
    let mut reader = Reader::new(script);
    reader.read()?;
    Ok(reader.commands)
}

impl Word {
    /// Takes a text as it is.
    pub(crate) fn literal(text: &str) -> Self {
        Self(vec![Piece::Text(text.to_owned())])
    }

    /// Returns the text of a word without variables.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Returns the variable that the word sets, and the word for its value.
    pub(crate) fn assignment(&self) -> Option<(String, Self)> {
        let (Piece::Text(first), rest) = self.0.split_first()? else {
            return None;
        };
        let (name, value) = first.split_once('=')?;
        if !is_name(name) {
            return None;
        }
        let mut pieces = Vec::new();
        if !value.is_empty() {
            pieces.push(Piece::Text(value.to_owned()));
        }
        pieces.extend_from_slice(rest);
        Some((name.to_owned(), Self(pieces)))
    }

    /// Puts values in place of variables. One outside of quotes may become several words.
    ///
    /// # Errors
    ///
    /// What cannot be told, as it is written.
    pub(crate) fn known(&self, scope: &Scope) -> Result<Vec<Known>, String> {
        if let [Piece::Variable { name, default, is_quoted: false }] = self.0.as_slice() {
            let value = value_of(name, default.as_deref(), scope)?;
            if value.secret.is_none() {
                let words = value.text.split_whitespace();
                return Ok(words
                    .map(|text| Known { text: text.to_owned(), secret: None })
                    .collect());
            }
        }
        Ok(vec![self.whole(scope)?])
    }

    /// The same as one word, as an assignment takes it.
    ///
    /// # Errors
    ///
    /// What cannot be told, as it is written.
    pub(crate) fn whole(&self, scope: &Scope) -> Result<Known, String> {
        let mut known = Known::default();
        for piece in &self.0 {
            let next = match piece {
                Piece::Text(text) => Known { text: text.clone(), secret: None },
                Piece::Variable { name, default, .. } => value_of(name, default.as_deref(), scope)?,
                Piece::Secret(name) => Known { text: String::new(), secret: Some(name.clone()) },
                Piece::Opaque(raw) => return Err(raw.clone()),
            };
            if let Some(secret) = &known.secret {
                return Err(format!("{SECRETS}{secret} with more text behind it"));
            }
            known.text.push_str(&next.text);
            known.secret = next.secret;
            // Variables in variables grow faster than what is written.
            if known.text.len() > MAX_VALUE {
                return Err(format!("a value of over {MAX_VALUE} bytes"));
            }
        }
        Ok(known)
    }

    fn text_mut(&mut self) -> &mut String {
        if !matches!(self.0.last(), Some(Piece::Text(_))) {
            self.0.push(Piece::Text(String::new()));
        }
        match self.0.last_mut() {
            Some(Piece::Text(text)) => text,
            Some(_) | None => unreachable!("it was pushed above"),
        }
    }
}

fn value_of(name: &str, default: Option<&str>, scope: &Scope) -> Result<Known, String> {
    let is_empty = |known: &&Known| known.text.is_empty() && known.secret.is_none();
    match (scope.get(name).filter(|known| !is_empty(known)), default) {
        (Some(known), _) => Ok(known.clone()),
        (None, Some(default)) => Ok(Known { text: default.to_owned(), secret: None }),
        (None, None) => scope.get(name).cloned().ok_or_else(|| format!("${name}")),
    }
}

fn is_name(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.chars().all(is_inner) && text.starts_with(|c: char| !c.is_ascii_digit())
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    commands: Vec<Command>,
    command: Command,
    /// The word that has begun.
    word: Option<Word>,
    /// Whether the next word is the file of a redirection.
    is_redirected: bool,
}

impl<'a> Reader<'a> {
    fn new(script: &'a str) -> Self {
        Self {
            rest: script.chars().peekable(),
            commands: Vec::new(),
            command: Command::default(),
            word: None,
            is_redirected: false,
        }
    }

    fn read(&mut self) -> Result<(), String> {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => self.escape(),
                '\'' => self.single_quoted()?,
                '"' => self.double_quoted()?,
                '$' => self.expansion(false)?,
                '`' => self.backticks()?,
                '#' if self.word.is_none() => while self.rest.next_if(|c| *c != '\n').is_some() {},
                '>' | '<' => self.redirect(),
                '\n' | ';' | '|' | '&' | '(' | ')' => self.end_command(),
                c if c.is_whitespace() => self.end_word(),
                c => self.text().push(c),
            }
        }
        self.end_command();
        Ok(())
    }

    fn text(&mut self) -> &mut String {
        self.word.get_or_insert_default().text_mut()
    }

    fn push(&mut self, piece: Piece) {
        self.word.get_or_insert_default().0.push(piece);
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take()
            && !std::mem::take(&mut self.is_redirected)
        {
            self.command.words.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.is_redirected = false;
        let command = std::mem::take(&mut self.command);
        if !command.words.is_empty() {
            self.commands.push(command);
        }
    }

    // What is written where says nothing of what is run: `2>&1` and `> /dev/null` are passed over.
    fn redirect(&mut self) {
        let of_number = self.word.as_ref().and_then(Word::as_text);
        if of_number.is_some_and(|text| text.chars().all(|c| c.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
        while self.rest.next_if(|c| matches!(c, '>' | '<' | '&')).is_some() {}
        self.is_redirected = true;
    }

    fn escape(&mut self) {
        match self.rest.next() {
            // The line goes on.
            Some('\n') => {}
            Some(c) => self.text().push(c),
            None => self.text().push('\\'),
        }
    }

    fn single_quoted(&mut self) -> Result<(), String> {
        let text = self.until('\'')?;
        self.text().push_str(&text);
        Ok(())
    }

    fn double_quoted(&mut self) -> Result<(), String> {
        // An empty word is a word.
        self.word.get_or_insert_default();
        loop {
            match self.rest.next() {
                None => return Err(unclosed('"')),
                Some('"') => return Ok(()),
                Some('$') => self.expansion(true)?,
                Some('`') => self.backticks()?,
                Some('\\') => match self.rest.next() {
                    Some('\n') => {}
                    Some(c @ ('$' | '`' | '"' | '\\')) => self.text().push(c),
                    other => {
                        self.text().push('\\');
                        self.text().extend(other);
                    }
                },
                Some(c) => self.text().push(c),
            }
        }
    }

    fn backticks(&mut self) -> Result<(), String> {
        let text = self.until('`')?;
        self.push(substituted(&text));
        Ok(())
    }

    fn expansion(&mut self, is_quoted: bool) -> Result<(), String> {
        match self.rest.peek() {
            Some('(') => {
                let text = self.bracketed()?;
                self.push(substituted(&text));
            }
            Some('{') => {
                self.rest.next();
                let text = self.until('}')?;
                self.push(braced(&text, is_quoted));
            }
            Some(c) if c.is_ascii_alphabetic() || *c == '_' => {
                let mut name = String::new();
                let is_inner = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
                while let Some(c) = self.rest.next_if(is_inner) {
                    name.push(c);
                }
                self.push(Piece::Variable { name, default: None, is_quoted });
            }
            Some(c) if c.is_ascii_digit() || "?@*#!$-".contains(*c) => {
                let raw = format!("${c}");
                self.rest.next();
                self.push(Piece::Opaque(raw));
            }
            Some(_) | None => self.text().push('$'),
        }
        Ok(())
    }

    fn until(&mut self, end: char) -> Result<String, String> {
        let mut text = String::new();
        loop {
            match self.rest.next() {
                None => return Err(unclosed(end)),
                Some(c) if c == end => return Ok(text),
                Some(c) => text.push(c),
            }
        }
    }

    fn bracketed(&mut self) -> Result<String, String> {
        let mut text = String::new();
        let mut depth = 0_usize;
        for c in self.rest.by_ref() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            match (c, depth) {
                (')', 0) => return Ok(text),
                // The first bracket is none of the text.
                ('(', 1) if text.is_empty() => {}
                (c, _) => text.push(c),
            }
        }
        Err(unclosed(')'))
    }
}

fn unclosed(end: char) -> String {
    format!("has no closing `{end}`")
}

fn substituted(command: &str) -> Piece {
    let file = match command.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["cat", file] => file.trim_matches(['"', '\'']).strip_prefix(SECRETS),
        ["<", file] => file.strip_prefix(SECRETS),
        [file] => file.strip_prefix('<').and_then(|file| file.strip_prefix(SECRETS)),
        _ => None,
    };
    match file {
        Some(name) if !name.is_empty() => Piece::Secret(name.to_owned()),
        Some(_) | None => Piece::Opaque(format!("$({command})")),
    }
}

fn braced(text: &str, is_quoted: bool) -> Piece {
    let (name, default) = match text.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (text, None),
    };
    let is_plain = default.is_none_or(|default| !default.contains(['$', '`', '"', '\'']));
    if !is_name(name) || name.is_empty() || !is_plain {
        return Piece::Opaque(format!("${{{text}}}"));
    }
    Piece::Variable { name: name.to_owned(), default: default.map(str::to_owned), is_quoted }
}
