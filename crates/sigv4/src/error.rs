//! Why a request is not taken for its signer's.

use crate::signed::MAX_SKEW_SECONDS;

/// A request whose signature is not accepted.
///
/// The texts name what the request says and never a secret or the signature that would have been right, so
/// that a client may read them. [`SignatureError::code`] gives the names that AWS's clients know.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature. Another way to prove who asks may still be there.
    #[error(
        "the request carries no signature; sign it with AWS Signature Version 4, as the AWS SDKs do \
         once they have an access key"
    )]
    Missing,
    /// The signature cannot be read.
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    /// A header of the request has to be signed and is not.
    #[error(
        "the header `{name}` is not signed; name it in SignedHeaders: `host` and every `x-amz-*` \
         header of a request have to be"
    )]
    UnsignedHeader {
        /// The header.
        name: String,
    },
    /// A header is signed but not there.
    #[error(
        "the header `{name}` is signed but did not arrive; send it, and have proxies on the way \
         keep it"
    )]
    AbsentHeader {
        /// The header.
        name: String,
    },
    /// The signature is for another service.
    #[error("the signature is scoped to the service {got:?}; scope it to {}", or(.expected))]
    WrongService {
        /// The service of the signature.
        got: String,
        /// Those that are answered here.
        expected: Vec<String>,
    },
    /// Nobody has this access key.
    #[error("there is no access key {access_key_id:?} here; sign with one that this server has")]
    UnknownAccessKey {
        /// What the request says.
        access_key_id: String,
    },
    /// The request was signed in the future.
    // AWS's clients look for these first words, here and below.
    #[error(
        "Signature not yet current: the request was signed at {signed_at} and the server's clock \
         says {now}, which is more than {MAX_SKEW_SECONDS} seconds earlier; set the clock that is wrong"
    )]
    NotYetCurrent {
        /// The time of the signature.
        signed_at: String,
        /// The time here.
        now: String,
    },
    /// The request was signed too long ago.
    #[error(
        "Signature expired: the request was signed at {signed_at} and the server's clock says {now}, \
         which is more than {MAX_SKEW_SECONDS} seconds later; sign each request anew, or set the \
         clock that is wrong"
    )]
    Expired {
        /// The time of the signature.
        signed_at: String,
        /// The time here.
        now: String,
    },
    /// A presigned URL is no longer good.
    #[error(
        "Signature expired: the URL was good until {until} and the server's clock says {now}; \
         presign it again"
    )]
    UrlExpired {
        /// The last second.
        until: String,
        /// The time here.
        now: String,
    },
    /// `x-amz-content-sha256` is neither a digest nor a word that is known.
    #[error(
        "`x-amz-content-sha256` is {got:?}; send the SHA-256 of the body as 64 hexadecimal digits, or \
         leave it out"
    )]
    BodyDigest {
        /// Its value.
        got: String,
    },
    /// The body is not the one whose digest was announced.
    #[error(
        "the body is not the one that `x-amz-content-sha256` announces; sign the bytes that are sent, \
         and have proxies on the way keep them"
    )]
    BodyMismatch,
    /// The body is left open where it may not be.
    #[error(
        "`x-amz-content-sha256` is `UNSIGNED-PAYLOAD`, which only `s3` and presigned URLs may use; \
         sign the body of a request to {service:?}"
    )]
    UnsignedBody {
        /// The service of the signature.
        service: String,
    },
    /// The body comes in signed chunks, which are not verified here.
    #[error(
        "`x-amz-content-sha256` is {got:?}, and bodies in signed chunks or with trailers are not \
         taken; send the SHA-256 of the whole body (AWS SDKs: request_checksum_calculation = \
         when_required, and no chunked encoding)"
    )]
    Chunked {
        /// Its value.
        got: String,
    },
    /// All is there, and another secret or another request was signed.
    #[error(
        "the signature does not match the request; check the secret access key, and that nothing \
         on the way changes the method, the path, the query, the body or a signed header such as `host`"
    )]
    DoesNotMatch,
}

/// What cannot be read about a signature. `part` is the parameter or header that it is about.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    /// A part is not there.
    #[error("the signature has no `{part}`; send it")]
    Missing {
        /// Its name.
        part: &'static str,
    },
    /// A part is there twice.
    #[error("`{part}` is there more than once; send it once")]
    Repeated {
        /// Its name.
        part: &'static str,
    },
    /// A part is no UTF-8.
    #[error("`{part}` is not UTF-8; send it as text")]
    NotText {
        /// Its name.
        part: &'static str,
    },
    /// The header `Authorization` has a part that no signature has.
    #[error(
        "the header `Authorization` has a part {got:?}; send Credential=…, SignedHeaders=…, \
         Signature=…, with commas between them"
    )]
    Unknown {
        /// Its name.
        got: String,
    },
    /// Another way to sign.
    #[error(
        "the signature's algorithm is {got:?}; sign with AWS4-HMAC-SHA256, the only one taken here"
    )]
    Algorithm {
        /// Its name.
        got: String,
    },
    /// A part is not what it should be.
    #[error("`{part}` is {got:?}; send {expected}")]
    Malformed {
        /// Its name.
        part: &'static str,
        /// Its value.
        got: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The signature is malformed. It is not shown: it may be a good one but for its letters' case.
    #[error("`{part}` is not 64 lower-case hexadecimal digits; send all of it")]
    Signature {
        /// Its name.
        part: &'static str,
    },
    /// The credential is for another day than the request.
    #[error(
        "the credential is for the day {scope:?} and the request was signed at {request}; send one day"
    )]
    ScopeDate {
        /// The day of the credential.
        scope: String,
        /// The time of the request.
        request: String,
    },
    /// There are two ways to prove who asks.
    #[error(
        "the request has a signature in its query and a header `Authorization`; send one of the two"
    )]
    Two,
}

/// The families of AWS's services, which give errors different names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Forms in, XML out: STS and IAM.
    Query,
    /// JSON: SageMaker.
    Json,
    /// S3.
    S3,
}

impl SignatureError {
    /// Returns the name by which AWS's clients know this error.
    ///
    /// # Source
    ///
    /// "Common errors" in the API references of STS, IAM and SageMaker; "Error responses" in the one of S3.
    pub fn code(&self, protocol: Protocol) -> &'static str {
        let [query, json, s3] = self.codes();
        match protocol {
            Protocol::Query => query,
            Protocol::Json => json,
            Protocol::S3 => s3,
        }
    }

    /// Returns the names for queries, JSON and S3.
    fn codes(&self) -> [&'static str; 3] {
        const QUERY: &str = "SignatureDoesNotMatch";
        const JSON: &str = "InvalidSignatureException";
        match self {
            Self::Missing => [
                "MissingAuthenticationToken",
                "MissingAuthenticationTokenException",
                "AccessDenied",
            ],
            Self::Incomplete(_) => [
                "IncompleteSignature",
                "IncompleteSignatureException",
                "AuthorizationHeaderMalformed",
            ],
            Self::UnknownAccessKey { .. } => {
                ["InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"]
            }
            Self::WrongService { .. } => [QUERY, JSON, "AuthorizationHeaderMalformed"],
            Self::NotYetCurrent { .. } | Self::Expired { .. } => {
                ["RequestExpired", JSON, "RequestTimeTooSkewed"]
            }
            Self::UrlExpired { .. } => ["RequestExpired", JSON, "AccessDenied"],
            Self::UnsignedHeader { .. } => [QUERY, JSON, "AccessDenied"],
            Self::BodyDigest { .. } | Self::UnsignedBody { .. } => [QUERY, JSON, "InvalidRequest"],
            Self::BodyMismatch => [QUERY, JSON, "XAmzContentSHA256Mismatch"],
            Self::Chunked { .. } => [QUERY, JSON, "NotImplemented"],
            Self::AbsentHeader { .. } | Self::DoesNotMatch => [QUERY, JSON, QUERY],
        }
    }
}

fn or(services: &[String]) -> String {
    services.iter().map(|service| format!("`{service}`")).collect::<Vec<_>>().join(" or ")
}
