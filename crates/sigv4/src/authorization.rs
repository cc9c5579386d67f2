//! A signature in the header `Authorization`.

use http::{HeaderMap, HeaderValue, header};

use crate::key::ALGORITHM;
use crate::payload::{Form, Payload};
use crate::scope::Credential;
use crate::signed::{Evidence, Validity, decode_signature};
use crate::signed_headers::SignedHeaders;
use crate::timestamp::{self, Timestamp};
use crate::{Incomplete, RequestHead, SignatureError};

/// The header's three parts, and their place in an array of them.
const PARTS: [&str; 3] = ["Credential", "SignedHeaders", "Signature"];

/// Returns what the header says, or nothing if there is none or it is of another scheme, such as `Bearer`.
pub(crate) fn parse(head: &RequestHead<'_>) -> Result<Option<Evidence>, SignatureError> {
    let Some(parts) = parts(head.headers)? else { return Ok(None) };
    let [credential, signed_headers, signature] = parts;
    let credential = Credential::parse(PARTS[0], &credential)?;
    let headers = head.headers;
    let body = single(headers, "x-amz-content-sha256")?;
    Ok(Some(Evidence {
        form: Form::Header,
        signed_headers: SignedHeaders::parse(PARTS[1], &signed_headers)?,
        signature: decode_signature(PARTS[2], &signature)?,
        signed_at: signed_at(headers)?,
        validity: Validity::Skew,
        payload: Payload::parse(body, Form::Header, &credential.service)?,
        security_token: single(headers, "x-amz-security-token")?,
        credential,
    }))
}

/// Splits the header. There may be any space around the commas, as with AWS.
fn parts(headers: &HeaderMap) -> Result<Option<[String; 3]>, Incomplete> {
    // A header of bytes that are no text is no signature, unless it begins like one.
    let begins_like_one = |value: &HeaderValue| {
        value
            .as_bytes()
            .trim_ascii_start()
            .get(..3)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"aws"))
    };
    if !headers.get_all(header::AUTHORIZATION).iter().any(begins_like_one) {
        return Ok(None);
    }
    let value =
        single(headers, "Authorization")?.ok_or(Incomplete::Missing { part: "Authorization" })?;
    let (algorithm, rest) = value.split_once([' ', '\t']).unwrap_or((&value, ""));
    if algorithm != ALGORITHM {
        return Err(Incomplete::Algorithm { got: algorithm.to_owned() });
    }
    let mut found = [const { None }; 3];
    for part in rest.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let Some(place) = PARTS.iter().position(|known| *known == name) else {
            return Err(Incomplete::Unknown { got: name.to_owned() });
        };
        if found[place].replace(value.to_owned()).is_some() {
            return Err(Incomplete::Repeated { part: PARTS[place] });
        }
    }
    let [credential, signed_headers, signature] = found;
    Ok(Some([
        credential.ok_or(Incomplete::Missing { part: PARTS[0] })?,
        signed_headers.ok_or(Incomplete::Missing { part: PARTS[1] })?,
        signature.ok_or(Incomplete::Missing { part: PARTS[2] })?,
    ]))
}

/// Returns when a request was signed: `X-Amz-Date`, or `Date` where there is none.
fn signed_at(headers: &HeaderMap) -> Result<Timestamp, Incomplete> {
    let (part, text, read) = match single(headers, "X-Amz-Date")? {
        Some(text) => {
            let read = Timestamp::parse(&text);
            ("X-Amz-Date", text, read)
        }
        None => {
            let text =
                single(headers, "Date")?.ok_or(Incomplete::Missing { part: "X-Amz-Date" })?;
            let read = Timestamp::parse_date_header(&text);
            ("Date", text, read)
        }
    };
    read.ok_or(Incomplete::Malformed { part, got: text, expected: timestamp::EXPECTED })
}

/// Returns the value of a header that may be there once.
pub(crate) fn single(
    headers: &HeaderMap,
    part: &'static str,
) -> Result<Option<String>, Incomplete> {
    let mut values = headers.get_all(part).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Incomplete::Repeated { part });
    }
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Incomplete::NotText { part })?;
    Ok(Some(text.trim_matches([' ', '\t']).to_owned()))
}
