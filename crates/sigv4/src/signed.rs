//! A request that carries a signature, and whether it is a good one.

use std::fmt;

use data_encoding::HEXLOWER;

use crate::canonical;
use crate::key::SigningKey;
use crate::payload::{Form, Payload};
use crate::query::Query;
use crate::scope::Credential;
use crate::signed_headers::SignedHeaders;
use crate::timestamp::Timestamp;
use crate::{Incomplete, RequestHead, SignatureError, authorization, presigned};

/// How far the clocks of a client and of the server may be apart.
pub const MAX_SKEW_SECONDS: u64 = 300;

/// How long a presigned URL may be good for: seven days, as with AWS.
pub const MAX_EXPIRES_SECONDS: u64 = 604_800;

/// A request with a well-formed signature. Nothing is proven until [`Signed::verify`] says so.
pub struct Signed<'a> {
    head: RequestHead<'a>,
    evidence: Evidence,
}

/// Without the signature: who has it may send the request again for a while.
impl fmt::Debug for Signed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Signed")
            .field("head", &self.head)
            .field("credential", &self.evidence.credential)
            .field("signed_at", &self.evidence.signed_at.to_string())
            .finish_non_exhaustive()
    }
}

/// What a signature says, from either of its places.
pub(crate) struct Evidence {
    pub(crate) form: Form,
    pub(crate) credential: Credential,
    pub(crate) signed_headers: SignedHeaders,
    pub(crate) signature: [u8; 32],
    pub(crate) signed_at: Timestamp,
    pub(crate) validity: Validity,
    pub(crate) payload: Payload,
    pub(crate) security_token: Option<String>,
}

/// How long a signature is good for.
pub(crate) enum Validity {
    /// As long as the clocks may be apart.
    Skew,
    /// So many seconds.
    Expires { seconds: u64 },
}

/// Checks a request from end to end: reads its signature, asks for the secret of its access key, verifies.
///
/// # Errors
///
/// As [`Signed::parse`], [`Signed::expect_service`] and [`Signed::verify`]; [`SignatureError::Missing`] if
/// there is no signature, and [`SignatureError::UnknownAccessKey`] if `secret_of` knows no such key.
pub fn authenticate<'a, S: AsRef<str>>(
    head: RequestHead<'a>,
    body_sha256: &[u8; 32],
    services: &[&str],
    now: u64,
    secret_of: impl FnOnce(&str) -> Option<S>,
) -> Result<Signed<'a>, SignatureError> {
    let signed = Signed::parse(head)?.ok_or(SignatureError::Missing)?;
    signed.expect_service(services)?;
    let secret = secret_of(signed.access_key_id()).ok_or_else(|| signed.unknown_access_key())?;
    signed.verify(body_sha256, secret.as_ref(), now)?;
    Ok(signed)
}

impl<'a> Signed<'a> {
    /// Reads the signature of a request. Returns nothing if it carries none: neither a header
    /// `Authorization` of AWS's schemes nor a parameter of a presigned URL.
    ///
    /// # Errors
    ///
    /// If the signature is malformed or there are two, if it is scoped to another day than the request, if it
    /// leaves out a header that has to be signed, or if it leaves open a body that has to be.
    pub fn parse(head: RequestHead<'a>) -> Result<Option<Self>, SignatureError> {
        let evidence = match (authorization::parse(&head)?, presigned::parse(&head)?) {
            (None, None) => return Ok(None),
            (Some(evidence), None) => evidence,
            (None, Some(evidence)) if !head.headers.contains_key("authorization") => evidence,
            (_, Some(_)) => return Err(Incomplete::Two.into()),
        };
        let (scope, request) = (&evidence.credential.date, evidence.signed_at);
        if *scope != request.date() {
            let scope = scope.clone();
            return Err(Incomplete::ScopeDate { scope, request: request.to_string() }.into());
        }
        evidence.signed_headers.check(head.headers)?;
        Ok(Some(Self { head, evidence }))
    }

    /// Returns whose secret the request claims to be signed with.
    pub fn access_key_id(&self) -> &str {
        &self.evidence.credential.access_key_id
    }

    /// Returns the region that the signature is for. Any is good: whoever runs a server decides what is there.
    pub fn region(&self) -> &str {
        &self.evidence.credential.region
    }

    /// Returns the service that the signature is for, such as `sagemaker`.
    pub fn service(&self) -> &str {
        &self.evidence.credential.service
    }

    /// Returns the session token of temporary credentials. Who hands such out has to check that it belongs
    /// to the access key.
    pub fn security_token(&self) -> Option<&str> {
        self.evidence.security_token.as_deref()
    }

    /// Checks that the signature is for one of these services, so that one for another is not taken.
    ///
    /// # Errors
    ///
    /// [`SignatureError::WrongService`].
    pub fn expect_service(&self, services: &[&str]) -> Result<(), SignatureError> {
        if services.contains(&self.service()) {
            return Ok(());
        }
        let expected = services.iter().map(|&service| service.to_owned()).collect();
        Err(SignatureError::WrongService { got: self.service().to_owned(), expected })
    }

    /// Returns the error for a request whose access key nobody here knows.
    pub fn unknown_access_key(&self) -> SignatureError {
        SignatureError::UnknownAccessKey { access_key_id: self.access_key_id().to_owned() }
    }

    /// Checks that the signature was made with `secret`, for this request and this body, and is good at `now`,
    /// in seconds since the beginning of 1970.
    ///
    /// # Errors
    ///
    /// If it is too old or of the future, if the body is not the announced one, or if it does not match.
    pub fn verify(
        &self,
        body_sha256: &[u8; 32],
        secret: &str,
        now: u64,
    ) -> Result<(), SignatureError> {
        let Evidence { form, credential, signature, signed_at, payload, .. } = &self.evidence;
        self.check_time(Timestamp::from_unix(now))?;
        let payloads = payload.texts(*form, &credential.service, body_sha256)?;
        let key = SigningKey::derive(secret, credential);
        // One query and one payload, but for requests that may have been signed in several ways.
        for query in Query::parse(self.head.query).canonical() {
            for payload in &payloads {
                if key.signed(&self.canonical(&query, payload), *signed_at, signature) {
                    return Ok(());
                }
            }
        }
        Err(SignatureError::DoesNotMatch)
    }

    fn check_time(&self, now: Timestamp) -> Result<(), SignatureError> {
        let signed_at = self.evidence.signed_at;
        if signed_at.unix() > now.unix() + MAX_SKEW_SECONDS {
            let (signed_at, now) = (signed_at.to_string(), now.to_string());
            return Err(SignatureError::NotYetCurrent { signed_at, now });
        }
        match self.evidence.validity {
            Validity::Skew if now.unix() > signed_at.unix() + MAX_SKEW_SECONDS => {
                let (signed_at, now) = (signed_at.to_string(), now.to_string());
                Err(SignatureError::Expired { signed_at, now })
            }
            Validity::Expires { seconds } if now.unix() > signed_at.unix() + seconds => {
                let until = Timestamp::from_unix(signed_at.unix() + seconds).to_string();
                Err(SignatureError::UrlExpired { until, now: now.to_string() })
            }
            Validity::Skew | Validity::Expires { .. } => Ok(()),
        }
    }

    /// Returns the text whose digest is signed.
    fn canonical(&self, query: &str, payload: &str) -> Vec<u8> {
        let RequestHead { method, path, headers, .. } = self.head;
        let names = &self.evidence.signed_headers;
        let path = canonical::path(self.service(), path);
        let mut text = format!("{method}\n{path}\n{query}\n").into_bytes();
        text.extend(canonical::header_lines(headers, names.names()));
        text.extend_from_slice(format!("\n{}\n{payload}", names.joined()).as_bytes());
        text
    }
}

/// Reads 64 lower-case hexadecimal digits, the value of `part`.
pub(crate) fn decode_signature(part: &'static str, text: &str) -> Result<[u8; 32], Incomplete> {
    let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| Incomplete::Signature { part })?;
    bytes.try_into().map_err(|_| Incomplete::Signature { part })
}
