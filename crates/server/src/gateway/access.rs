//! Who may ask an endpoint.

use endpoints::{Access, Scope, View};

use super::Target;
use crate::asker::Asker;
use crate::endpoint_error::unknown_endpoint;
use crate::error::HttpError;

/// Checks that whoever asks may ask the endpoint, and returns who that is, if it is known.
///
/// # Errors
///
/// If not. An endpoint that the asker may not know of is as unknown as one that does not exist.
pub(super) fn check(
    asker: Result<Asker, HttpError>,
    view: Option<&View>,
    target: &Target<'_>,
) -> Result<Option<Asker>, HttpError> {
    let unknown = || unknown_endpoint(target.namespace, target.name);
    let Some(view) = view else {
        // Without a key nobody learns which endpoints there are.
        asker?;
        return Err(unknown());
    };
    match view.access() {
        Access::Public => Ok(asker.ok()),
        Access::Authenticated | Access::Protected => {
            let asker = asker?;
            asker.may(Scope::Invoke, asker.bound_to())?;
            Ok(Some(asker))
        }
        Access::Private => {
            let asker = asker?;
            let namespace = &view.record.namespace;
            if asker.bound_to().is_some_and(|bound| bound != namespace) {
                return Err(unknown());
            }
            asker.may(Scope::Invoke, Some(namespace))?;
            Ok(Some(asker))
        }
    }
}
