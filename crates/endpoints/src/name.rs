//! What endpoints and namespaces may be called.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name of an endpoint, as the Hugging Face Hub has it.
const MAX_NAME: usize = 32;
/// The longest namespace: the longest user or organization name of the Hub.
const MAX_NAMESPACE: usize = 96;

/// A name that breaks a rule. Nothing of it was looked up or stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a name of an endpoint.
    #[error(
        "`{}` cannot name an endpoint: use 1 to {MAX_NAME} lower-case letters, digits and `-`, beginning and ending with a letter or a digit", shown(.name)
    )]
    Endpoint {
        /// What was sent.
        name: String,
    },
    /// Not a namespace.
    #[error(
        "`{}` cannot be a namespace: use 1 to {MAX_NAMESPACE} letters, digits, `-`, `_` and `.`, without `..` and not a `.` alone", shown(.name)
    )]
    Namespace {
        /// What was sent.
        name: String,
    },
}

/// The name of an endpoint within its namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct EndpointName(String);

/// Who an endpoint belongs to: a user or an organization.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Namespace(String);

impl EndpointName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Namespace {
    /// Returns the namespace as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EndpointName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        let is_inner =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let bytes = name.as_bytes();
        let is_framed = !name.starts_with('-') && !name.ends_with('-');
        if (1..=MAX_NAME).contains(&bytes.len()) && is_framed && bytes.iter().all(|b| is_inner(*b))
        {
            return Ok(Self(name));
        }
        Err(NameError::Endpoint { name })
    }
}

impl TryFrom<String> for Namespace {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let bytes = name.as_bytes();
        // A namespace may become part of a path, where these mean other folders.
        let is_path = name == "." || name.contains("..");
        if (1..=MAX_NAMESPACE).contains(&bytes.len())
            && !is_path
            && bytes.iter().all(|b| is_allowed(*b))
        {
            return Ok(Self(name));
        }
        Err(NameError::Namespace { name })
    }
}

impl FromStr for EndpointName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::try_from(name.to_owned())
    }
}

impl FromStr for Namespace {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::try_from(name.to_owned())
    }
}

impl Borrow<str> for EndpointName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Namespace {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What an error shows of a name, so that a long one does not fill a log.
fn shown(name: &str) -> String {
    let escaped: String = name.chars().take(MAX_NAMESPACE).flat_map(char::escape_debug).collect();
    if name.chars().count() > MAX_NAMESPACE { format!("{escaped}…") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::{EndpointName, Namespace};

    #[test]
    fn an_endpoint_is_named_as_the_hub_names_them() {
        for good in ["a", "7", "boru", "a-b", "x--y", "abcdefghijklmnopqrstuvwxyz012345"] {
            assert!(good.parse::<EndpointName>().is_ok(), "`{good}` was refused");
        }
        let long = "abcdefghijklmnopqrstuvwxyz0123456";
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "a b", "a/b", "../a", "é", "a\n", long] {
            assert!(bad.parse::<EndpointName>().is_err(), "`{bad}` passed");
        }
    }

    #[test]
    fn a_namespace_never_leads_out_of_a_folder() {
        for good in ["me", "Jina-AI", "a_b.c", "0", ".hidden"] {
            assert!(good.parse::<Namespace>().is_ok(), "`{good}` was refused");
        }
        let long = "n".repeat(97);
        for bad in ["", ".", "..", "a..b", "a/b", "a\\b", "a b", "%2e", "ü", long.as_str()] {
            assert!(bad.parse::<Namespace>().is_err(), "`{bad}` passed");
        }
    }

    #[test]
    fn the_error_names_the_rule_and_shows_little_of_a_long_name() {
        let message = "X".repeat(5_000).parse::<EndpointName>().unwrap_err().to_string();
        assert!(message.contains("1 to 32 lower-case letters"), "{message}");
        assert!(message.len() < 400, "{} bytes", message.len());
    }
}
