//! A signature in the query: a URL that whoever has it may use for a while.

use crate::authorization::single;
use crate::key::ALGORITHM;
use crate::payload::{Form, Payload};
use crate::query::Query;
use crate::scope::Credential;
use crate::signed::{Evidence, MAX_EXPIRES_SECONDS, Validity, decode_signature};
use crate::signed_headers::SignedHeaders;
use crate::timestamp::{self, Timestamp};
use crate::{Incomplete, RequestHead, SignatureError};

/// Parameters that only a presigned URL has. One of them makes a request a presigned one, so that losing
/// another is an error and not a request without a signature.
const MARKS: [&str; 3] = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"];

/// Returns what the query says, or nothing if it is not that of a presigned URL.
pub(crate) fn parse(head: &RequestHead<'_>) -> Result<Option<Evidence>, SignatureError> {
    let query = Query::parse(head.query);
    if !MARKS.iter().any(|mark| query.has(mark)) {
        return Ok(None);
    }
    let required = |part| query.parameter(part)?.ok_or(Incomplete::Missing { part });
    let algorithm = required("X-Amz-Algorithm")?;
    if algorithm != ALGORITHM {
        return Err(Incomplete::Algorithm { got: algorithm }.into());
    }
    let credential = Credential::parse("X-Amz-Credential", &required("X-Amz-Credential")?)?;
    let date = required("X-Amz-Date")?;
    let signed_headers = required("X-Amz-SignedHeaders")?;
    // Some clients turn headers into parameters.
    let header_or = |header, parameter| match single(head.headers, header)? {
        Some(text) => Ok(Some(text)),
        None => query.parameter(parameter),
    };
    let body = header_or("x-amz-content-sha256", "X-Amz-Content-Sha256")?;
    Ok(Some(Evidence {
        form: Form::Presigned,
        signed_headers: SignedHeaders::parse("X-Amz-SignedHeaders", &signed_headers)?,
        signature: decode_signature("X-Amz-Signature", &required("X-Amz-Signature")?)?,
        signed_at: signed_at(date)?,
        validity: Validity::Expires { seconds: expires(required("X-Amz-Expires")?)? },
        payload: Payload::parse(body, Form::Presigned, &credential.service)?,
        security_token: header_or("x-amz-security-token", "X-Amz-Security-Token")?,
        credential,
    }))
}

fn signed_at(text: String) -> Result<Timestamp, Incomplete> {
    let expected = timestamp::EXPECTED;
    Timestamp::parse(&text).ok_or(Incomplete::Malformed { part: "X-Amz-Date", got: text, expected })
}

fn expires(text: String) -> Result<u64, Incomplete> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(seconds) if is_number && seconds <= MAX_EXPIRES_SECONDS => Ok(seconds),
        Ok(_) | Err(_) => {
            let expected = "seconds, from 0 to 604800, which are seven days";
            Err(Incomplete::Malformed { part: "X-Amz-Expires", got: text, expected })
        }
    }
}
