//! What SageMaker's SDK asks STS and IAM before anything else: who has its key, and which role that is.

use axum::http::request::Parts;

use crate::App;
use crate::aws;
use crate::body::RawBody;
use crate::dialects::sagemaker::escaped;
use crate::error::{ErrorKind, HttpError};
use crate::query_string::pairs;
use crate::sagemaker::ACCOUNT;

/// The role that whoever asks has, if they do not name one.
const ROLE: &str = "SageMakerIAMRole";

/// Answers a form, in XML.
///
/// # Errors
///
/// If it is none of the calls that are known, or its sender may not.
pub(super) fn answer(
    app: &App,
    parts: &Parts,
    body: Result<RawBody, HttpError>,
    request_id: &str,
) -> Result<String, HttpError> {
    let body = body?;
    aws::identify(app, parts, &body.bytes)?;
    let form = std::str::from_utf8(&body.bytes).map_err(|_| no_form())?;
    let fields = pairs(form)?;
    let field = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let metadata = format!(
        "<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>",
        escaped(request_id)
    );
    match field("Action") {
        // An SDK takes the ARN of a role for its own.
        Some("GetCallerIdentity") => Ok(format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:role/{ROLE}</Arn><UserId>SEMBLA</UserId>\
             <Account>{ACCOUNT}</Account></GetCallerIdentityResult>{metadata}</GetCallerIdentityResponse>"
        )),
        Some("GetRole") => {
            let role = escaped(field("RoleName").unwrap_or(ROLE));
            Ok(format!(
                "<GetRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetRoleResult><Role>\
                 <Path>/</Path><RoleName>{role}</RoleName><RoleId>SEMBLA</RoleId>\
                 <Arn>arn:aws:iam::{ACCOUNT}:role/{role}</Arn><CreateDate>1970-01-01T00:00:00Z</CreateDate>\
                 </Role></GetRoleResult>{metadata}</GetRoleResponse>"
            ))
        }
        Some(action) => {
            let message = format!(
                "there is no `{action}` here; of STS and IAM there are GetCallerIdentity and GetRole"
            );
            Err(HttpError::new(ErrorKind::UnknownRoute, message))
        }
        None => Err(no_form()),
    }
}

fn no_form() -> HttpError {
    let message =
        "a call of AWS's names itself in the header X-Amz-Target or in a form's field Action";
    HttpError::new(ErrorKind::BadField, message)
}
