//! Whoever looks after endpoints: the control plane, and who asks it.

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::Response;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use endpoints::{Control, Namespace, Scope};

use crate::App;
use crate::asker::Asker;
use crate::control_plane::ControlPlane;
use crate::endpoint_error::no_endpoints;
use crate::error::HttpError;
use crate::middleware::auth;
use crate::serve::Local;

/// The control plane on behalf of whoever asks.
pub(crate) struct Steward {
    plane: ControlPlane,
    asker: Asker,
    is_owner: bool,
}

/// A request without a control plane, or without a key that is known.
pub(crate) struct Refused(HttpError);

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        auth::refuse(self.0)
    }
}

impl FromRequestParts<App> for Steward {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let plane = app.control_plane().ok_or_else(|| Refused(no_endpoints()))?.clone();
        let is_owner = parts.extensions.get::<Local>().is_some();
        let asker = Asker::identify(app, &parts.extensions, &parts.headers);
        Ok(Self { plane, asker: asker.map_err(Refused)?, is_owner })
    }
}

impl Steward {
    /// Returns whether whoever asks came by the server's own socket, and so may read its files anyway.
    pub(crate) fn is_owner(&self) -> bool {
        self.is_owner
    }

    pub(crate) fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    pub(crate) fn control(&self) -> &Control {
        self.plane.control()
    }

    /// Returns the name of whoever asks, for those who wonder later who it was.
    pub(crate) fn name(&self) -> String {
        self.plane.name_of(&self.asker)
    }

    pub(crate) fn default_namespace(&self) -> &str {
        &self.plane.settings().default_namespace
    }

    /// Checks that the asker may name this model. The owner of the server may read its files anyway.
    ///
    /// # Errors
    ///
    /// If not; whether it exists is not said.
    pub(crate) fn may_name(&self, model: &str) -> Result<(), HttpError> {
        if self.is_owner { Ok(()) } else { self.plane.settings().models.check(model) }
    }

    /// Returns the only namespace in which the asker may do anything, if there is only one.
    pub(crate) fn bound_to(&self) -> Option<&Namespace> {
        self.asker.bound_to()
    }

    /// Checks that the asker may do what needs `scope` in a namespace, and returns it.
    ///
    /// # Errors
    ///
    /// If not, whether or not there is anything in it; or if it is no namespace.
    pub(crate) fn may(&self, scope: Scope, namespace: &str) -> Result<Namespace, HttpError> {
        let namespace: Namespace = namespace.parse()?;
        self.asker.may(scope, Some(&namespace))?;
        Ok(namespace)
    }

    /// Checks that the asker may do what needs `scope` in all namespaces.
    ///
    /// # Errors
    ///
    /// If not.
    pub(crate) fn may_everywhere(&self, scope: Scope) -> Result<(), HttpError> {
        self.asker.may(scope, None)
    }

    /// Checks that the asker may do what needs `scope` wherever it may do anything.
    ///
    /// # Errors
    ///
    /// If not.
    pub(crate) fn may_in_own(&self, scope: Scope) -> Result<(), HttpError> {
        self.asker.may(scope, self.asker.bound_to())
    }

    /// Checks that the asker may do what needs `scope` in this namespace, or in all with `None`.
    ///
    /// # Errors
    ///
    /// If not.
    pub(crate) fn may_in(
        &self,
        scope: Scope,
        namespace: Option<&Namespace>,
    ) -> Result<(), HttpError> {
        self.asker.may(scope, namespace)
    }
}
