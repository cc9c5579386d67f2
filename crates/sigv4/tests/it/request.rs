//! Requests as bytes, and what becomes of them.

use std::path::Path;

use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde::Deserialize;
use sigv4::{RequestHead, SignatureError, Signed, authenticate, body_sha256};

/// The example key of AWS's documentation, which signed the fixtures.
pub(crate) const ACCESS_KEY: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

pub(crate) const SERVICES: [&str; 4] = ["sagemaker", "sts", "iam", "s3"];

/// A request as it is on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// A request that an HTTP server has read.
pub(crate) struct Read {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Raw {
    pub(crate) fn get(target: &str, headers: &[(&str, &str)]) -> Self {
        let headers =
            headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Self {
            method: b"GET".to_vec(),
            target: target.into(),
            headers: headers.collect(),
            body: Vec::new(),
        }
    }

    /// Returns the request, or nothing where no HTTP server would read it as one.
    pub(crate) fn read(&self) -> Option<Read> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(value).ok()?);
        }
        Some(Read {
            method: Method::from_bytes(&self.method).ok()?,
            uri: Uri::try_from(&self.target[..]).ok()?,
            headers,
            body: self.body.clone(),
        })
    }

    /// Reads and authenticates the request as one with a key of the documentation.
    pub(crate) fn authenticate(&self, now: u64) -> Result<(), SignatureError> {
        self.read().expect("a request").authenticate(now)
    }

    pub(crate) fn header(&mut self, name: &str) -> &mut Vec<u8> {
        let found = self.headers.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name));
        &mut found.expect("a header").1
    }
}

impl Read {
    pub(crate) fn head(&self) -> RequestHead<'_> {
        RequestHead::new(&self.method, &self.uri, &self.headers)
    }

    pub(crate) fn parse(&self) -> Result<Option<Signed<'_>>, SignatureError> {
        Signed::parse(self.head())
    }

    pub(crate) fn authenticate(&self, now: u64) -> Result<(), SignatureError> {
        let body = body_sha256(&self.body);
        let secret_of = |id: &str| (id == ACCESS_KEY).then_some(SECRET);
        authenticate(self.head(), &body, &SERVICES, now, secret_of).map(drop)
    }
}

/// A row of `fixtures/signatures/requests.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Fixture {
    pub(crate) signer: String,
    pub(crate) service: String,
    pub(crate) region: String,
    pub(crate) now: u64,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Fixture {
    pub(crate) fn all() -> Vec<Self> {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/signatures/requests.json");
        serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
    }

    pub(crate) fn raw(&self) -> Raw {
        let headers =
            self.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes()));
        Raw {
            method: self.method.clone().into_bytes(),
            target: self.target.clone().into_bytes(),
            headers: headers.collect(),
            body: HEXLOWER.decode(self.body.as_bytes()).unwrap(),
        }
    }

    pub(crate) fn is_presigned(&self) -> bool {
        self.signer.ends_with("QueryAuth")
    }
}
