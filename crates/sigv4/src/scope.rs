//! Who signed, and what the key was made for: `AKID/20150830/us-east-1/iam/aws4_request`.

use crate::Incomplete;

/// What every scope ends with.
pub(crate) const TERMINATOR: &str = "aws4_request";

/// An access key id and the scope of the key that was derived from its secret.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) access_key_id: String,
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl Credential {
    /// Reads the value of `part`, which is named in errors.
    pub(crate) fn parse(part: &'static str, text: &str) -> Result<Self, Incomplete> {
        let is_word =
            |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
        let words: Vec<&str> = text.split('/').filter(is_word).collect();
        // What is left out is missed here.
        let is_whole = words.len() == text.split('/').count();
        let ([access_key_id, date, region, service, TERMINATOR], true) = (&words[..], is_whole)
        else {
            let expected = "ACCESS_KEY_ID/YYYYMMDD/REGION/SERVICE/aws4_request";
            return Err(Incomplete::Malformed { part, got: text.to_owned(), expected });
        };
        Ok(Self {
            access_key_id: (*access_key_id).to_owned(),
            date: (*date).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
        })
    }

    /// Returns the scope without the access key id, as it is signed.
    pub(crate) fn scope(&self) -> String {
        format!("{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_has_five_parts_and_ends_as_all_do() {
        let read =
            Credential::parse("Credential", "AK/20150830/us-east-1/iam/aws4_request").unwrap();
        assert_eq!(read.access_key_id, "AK");
        assert_eq!(read.scope(), "20150830/us-east-1/iam/aws4_request");
        for text in [
            "",
            "AK",
            "AK/20150830/us-east-1/iam",
            "AK/20150830/us-east-1/iam/aws4_request/",
            "AK/20150830/us-east-1/iam/aws5_request",
            "/20150830/us-east-1/iam/aws4_request",
            "AK/20150830//iam/aws4_request",
            "A K/20150830/us-east-1/iam/aws4_request",
            "A\nK/20150830/us-east-1/iam/aws4_request",
        ] {
            assert!(Credential::parse("Credential", text).is_err(), "{text}");
        }
    }
}
