//! What things are called: SageMaker's rule for names, their ARNs, and what our endpoints behind them are
//! called.

use std::fmt;

use endpoints::EndpointName;
use sha2::{Digest as _, Sha256};

use crate::dialects::bad_field;
use crate::error::HttpError;

/// The longest name of anything.
const MAX_NAME: usize = 63;

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Model,
    Config,
    Endpoint,
}

impl Kind {
    /// Returns the kind as documents are kept under it.
    pub(super) fn document(self) -> &'static str {
        match self {
            Self::Model => "sagemaker/model",
            Self::Config => "sagemaker/endpoint-config",
            Self::Endpoint => "sagemaker/endpoint",
        }
    }

    /// Returns the field that names one.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Model => "ModelName",
            Self::Config => "EndpointConfigName",
            Self::Endpoint => "EndpointName",
        }
    }

    /// Returns the kind as an ARN has it.
    fn in_arn(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Config => "endpoint-config",
            Self::Endpoint => "endpoint",
        }
    }

    /// Returns the kind as messages have it.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Config => "endpoint configuration",
            Self::Endpoint => "endpoint",
        }
    }

    const ALL: [Self; 3] = [Self::Model, Self::Config, Self::Endpoint];
}

/// The account that everything belongs to. There are no accounts here.
pub(crate) const ACCOUNT: &str = "000000000000";

/// The name of something in the whole world, if there were one.
pub(crate) struct Arn<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
    pub(crate) region: &'a str,
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = (self.kind.in_arn(), self.name.to_ascii_lowercase());
        write!(formatter, "arn:aws:sagemaker:{}:{ACCOUNT}:{kind}/{name}", self.region)
    }
}

impl Arn<'_> {
    /// Returns the kind and the name, in lower case, that an ARN names.
    pub(crate) fn parse(arn: &str) -> Option<(Kind, &str)> {
        let mut parts = arn.splitn(6, ':');
        let is_ours = parts.next() == Some("arn") && parts.nth(1) == Some("sagemaker");
        let (kind, name) = parts.nth(2).filter(|_| is_ours)?.split_once('/')?;
        let kind = Kind::ALL.into_iter().find(|known| known.in_arn() == kind)?;
        Some((kind, name))
    }
}

/// Checks a name against the vendor's rule.
///
/// # Errors
///
/// If it breaks it.
pub(crate) fn check(field: &'static str, name: &str) -> Result<(), HttpError> {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_framed = !name.starts_with('-') && !name.ends_with('-');
    if (1..=MAX_NAME).contains(&name.len()) && is_framed && name.bytes().all(is_inner) {
        return Ok(());
    }
    let num = name.chars().count();
    let length =
        if num > MAX_NAME { format!(", which has {num} characters") } else { String::new() };
    let problem = format!(
        "`{}`{length} cannot be a name; use 1 to {MAX_NAME} letters, digits and `-`, beginning and ending \
         with a letter or a digit",
        crate::echo::shorten(name.to_owned()),
    );
    Err(bad_field(field, &problem))
}

/// Returns what the endpoint behind a variant may be called: the first of these that is free. Our names are
/// shorter than SageMaker's and in lower case, so the second ends with a hash.
pub(super) fn own(endpoint: &str, variant: &str, is_only: bool) -> Vec<EndpointName> {
    let plain = endpoint.parse().ok().filter(|_| is_only);
    let hash = Sha256::digest(format!("{endpoint}/{variant}"));
    let hash: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let mut begin: String = endpoint.to_ascii_lowercase().chars().take(23).collect();
    begin.truncate(begin.trim_end_matches('-').len());
    let hashed = format!("{begin}-{hash}").parse();
    plain.into_iter().chain(hashed.ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_63_letters_digits_and_hyphens() {
        let longest = "a".repeat(63);
        for name in ["a", "A-b", "a--b", "7", &longest] {
            assert!(check("EndpointName", name).is_ok(), "{name}");
        }
        let too_long = "a".repeat(64);
        for name in ["", "-a", "a-", "a_b", "a.b", "a/b", "ä", &too_long] {
            assert!(check("EndpointName", name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_endpoint_of_ours_has_the_same_name_or_one_with_a_hash() {
        let names = |endpoint, is_only| {
            let names = own(endpoint, "AllTraffic", is_only).into_iter();
            names.map(|name| name.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("minilm", true), ["minilm", "minilm-86674fed"]);
        assert_eq!(names("minilm", false), ["minilm-86674fed"]);
        let long = names("huggingface-pytorch-inference-2026-11-22-08-00-00-000", true);
        assert_eq!(long.len(), 1);
        assert!(long[0].starts_with("huggingface-pytorch-inf-") && long[0].len() == 32, "{long:?}");
        assert_ne!(names("A", true), names("a", false));
    }

    #[test]
    fn an_arn_reads_back() {
        let arn = Arn { kind: Kind::Config, name: "Mine", region: "us-east-1" }.to_string();
        assert_eq!(arn, "arn:aws:sagemaker:us-east-1:000000000000:endpoint-config/mine");
        assert_eq!(Arn::parse(&arn), Some((Kind::Config, "mine")));
        assert_eq!(Arn::parse("arn:aws:s3:::bucket/a"), None);
        assert_eq!(Arn::parse("mine"), None);
    }
}
