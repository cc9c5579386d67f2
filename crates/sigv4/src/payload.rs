//! What a request says of its body, and which texts for it may have been signed.

use data_encoding::HEXLOWER_PERMISSIVE;
use sha2::{Digest as _, Sha256};

use crate::SignatureError;
use crate::canonical::S3;

/// What is signed in place of a body that is left open.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Returns the SHA-256 of a body.
pub fn body_sha256(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

/// Where the signature stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// In the header `Authorization`.
    Header,
    /// In the query.
    Presigned,
}

/// What `x-amz-content-sha256` says.
pub(crate) enum Payload {
    /// There is none.
    NotSaid,
    /// The body is not signed.
    Unsigned,
    /// The digest, as it was written.
    Digest { text: String, digest: Vec<u8> },
}

impl Payload {
    /// Reads the value of `x-amz-content-sha256`.
    ///
    /// An unsigned body is taken where AWS's clients leave it open: in a presigned URL, whose maker does not
    /// know what will be sent, and in S3, where large uploads are protected by TLS and a checksum of
    /// their own. Elsewhere it would let whoever has seen one request send another body with it.
    pub(crate) fn parse(
        text: Option<String>,
        form: Form,
        service: &str,
    ) -> Result<Self, SignatureError> {
        let Some(text) = text else { return Ok(Self::NotSaid) };
        if text == UNSIGNED {
            if form == Form::Header && service != S3 {
                return Err(SignatureError::UnsignedBody { service: service.to_owned() });
            }
            return Ok(Self::Unsigned);
        }
        if text.starts_with("STREAMING-") {
            return Err(SignatureError::Chunked { got: text });
        }
        match HEXLOWER_PERMISSIVE.decode(text.as_bytes()) {
            Ok(digest) if digest.len() == 32 => Ok(Self::Digest { text, digest }),
            Ok(_) | Err(_) => Err(SignatureError::BodyDigest { got: text }),
        }
    }

    /// Returns the texts that may have been signed for this body, the likelier first.
    ///
    /// # Source
    ///
    /// botocore 1.44.5, `payload` of `SigV4Auth` and `S3SigV4QueryAuth`: S3's URLs leave the body open. Those
    /// of other services sign it (it is empty as a rule), but for operations whose body is never signed.
    pub(crate) fn texts(
        &self,
        form: Form,
        service: &str,
        body_sha256: &[u8; 32],
    ) -> Result<Vec<String>, SignatureError> {
        match self {
            Self::Digest { digest, .. } if digest != body_sha256 => {
                Err(SignatureError::BodyMismatch)
            }
            Self::Digest { text, .. } => Ok(vec![text.clone()]),
            Self::Unsigned => Ok(vec![UNSIGNED.to_owned()]),
            Self::NotSaid => {
                let digest = HEXLOWER_PERMISSIVE.encode(body_sha256);
                Ok(match (form, service) {
                    (Form::Header, _) => vec![digest],
                    (Form::Presigned, S3) => vec![UNSIGNED.to_owned()],
                    (Form::Presigned, _) => vec![digest, UNSIGNED.to_owned()],
                })
            }
        }
    }
}
