//! What text-embeddings-router is started with: its flags, and the variables that stand for them.

mod start;
mod table;

use std::collections::BTreeMap;

pub(crate) use self::start::start;
use self::table::{Fate, Kind, Row, TABLE};
use crate::error::ImportError;
use crate::report::Report;
use crate::script::Known;

/// Its settings, wherever they were given.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) model: Option<String>,
    pub(crate) revision: Option<String>,
    pub(crate) port: Option<String>,
    pub(crate) max_concurrent_requests: Option<u32>,
    pub(crate) variables: BTreeMap<String, String>,
    /// Variables that nobody is shown.
    pub(crate) secrets: BTreeMap<String, Known>,
}

/// Variables whose values are secrets, even if they stand in the file.
const TOKENS: &[&str] = &["HF_TOKEN", "HF_API_TOKEN", "HUGGING_FACE_HUB_TOKEN"];
/// Variables without a flag that replicas read.
const READ: &[&str] = &["TASK"];
const UNREAD: &str = "kept as a variable of the endpoint, which no replica reads";

impl Settings {
    /// Adds a variable of the container's environment.
    ///
    /// # Errors
    ///
    /// If it is one of the router's and has a value that it cannot have.
    pub(crate) fn variable(
        &mut self,
        (path, name): (&str, &str),
        value: Known,
        report: &mut Report,
    ) -> Result<(), ImportError> {
        if TOKENS.contains(&name) || value.secret.is_some() && row_of_variable(name).is_none() {
            self.secrets.insert(name.to_owned(), value);
            return Ok(());
        }
        match row_of_variable(name) {
            Some(row) => self.set(row, path, value, report),
            None => {
                if !READ.contains(&name) {
                    report.leave_out(path, UNREAD);
                }
                self.variables.insert(name.to_owned(), value.text);
                Ok(())
            }
        }
    }

    /// Adds the flags, which go before variables.
    ///
    /// # Errors
    ///
    /// If one has a value that it cannot have.
    pub(crate) fn flags(
        &mut self,
        words: Vec<Known>,
        report: &mut Report,
    ) -> Result<(), ImportError> {
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            let (flag, given) = match word.text.split_once('=') {
                Some((flag, text)) if flag.starts_with('-') => {
                    let value = Known { text: text.to_owned(), secret: word.secret.clone() };
                    (flag.to_owned(), Some(value))
                }
                Some(_) | None => (word.text.clone(), None),
            };
            let path = format!("docker_server.start_command {flag}");
            let is_value = |next: &Known| !next.text.starts_with("--");
            let Some(row) = row_of_flag(&flag) else {
                if !flag.starts_with('-') {
                    // It may be the value of a secret flag that is misspelt.
                    let problem = "has a word that belongs to no flag of text-embeddings-router";
                    return Err(ImportError::Command { problem: problem.to_owned() });
                }
                report
                    .leave_out(path, "text-embeddings-router has no such flag that is known here");
                let _ = given.or_else(|| words.next_if(is_value));
                continue;
            };
            let value = match (given, row.kind) {
                (Some(value), _) => value,
                (None, Kind::Switch) => {
                    let is_word = |next: &Known| matches!(next.text.as_str(), "true" | "false");
                    let usual = Known { text: "true".to_owned(), secret: None };
                    words.next_if(is_word).unwrap_or(usual)
                }
                (None, Kind::Text | Kind::Count) => words.next_if(is_value).ok_or_else(|| {
                    ImportError::Command { problem: format!("has {flag} without a value") }
                })?,
            };
            self.set(row, &path, value, report)?;
        }
        Ok(())
    }

    fn set(
        &mut self,
        row: &Row,
        path: &str,
        value: Known,
        report: &mut Report,
    ) -> Result<(), ImportError> {
        let name = row.variable();
        let text = match (row.fate, &value.secret) {
            (Fate::Secret(variable), _) => {
                self.secrets.insert(variable.to_owned(), value);
                return Ok(());
            }
            (Fate::LeftOut(why), _) => {
                report.leave_out(path, why);
                return Ok(());
            }
            (_, Some(secret)) => {
                let problem =
                    format!("gives {path} the secret `{secret}`, which is no secret here");
                return Err(ImportError::Command { problem });
            }
            (_, None) => value.text,
        };
        let number = checked(row.kind, path, &text)?;
        match row.fate {
            Fate::Model => self.model = Some(text),
            Fate::Revision => self.revision = Some(text),
            Fate::Port => self.port = Some(text),
            Fate::Dtype if text == "float32" => drop(self.variables.insert(name, text)),
            Fate::Dtype => report.leave_out(
                path,
                format!("`{text}` is for accelerators; here weights are widened to float32"),
            ),
            Fate::Concurrency => {
                self.max_concurrent_requests = number;
                self.variables.insert(name, text);
            }
            Fate::Variable => drop(self.variables.insert(name, text)),
            Fate::Kept(why) => {
                report.leave_out(path, why);
                self.variables.insert(name, text);
            }
            Fate::Secret(_) | Fate::LeftOut(_) => unreachable!("they returned above"),
        }
        Ok(())
    }
}

fn checked(kind: Kind, path: &str, text: &str) -> Result<Option<u32>, ImportError> {
    let bad =
        |allowed| ImportError::BadValue { path: path.to_owned(), value: text.to_owned(), allowed };
    match kind {
        Kind::Count => match text.trim().parse::<u32>() {
            Ok(number) if number > 0 => Ok(Some(number)),
            Ok(_) | Err(_) => Err(bad("a whole number from 1")),
        },
        Kind::Switch if !matches!(text, "true" | "false") => Err(bad("true or false")),
        Kind::Text if text.trim().is_empty() => Err(bad("something")),
        Kind::Switch | Kind::Text => Ok(None),
    }
}

fn row_of_flag(flag: &str) -> Option<&'static Row> {
    let name = match flag {
        "-p" => "port",
        _ => flag.strip_prefix("--")?,
    };
    TABLE.iter().find(|row| row.flag == name)
}

fn row_of_variable(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.variable() == name)
}
