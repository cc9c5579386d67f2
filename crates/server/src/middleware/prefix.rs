//! `/{name}/…`: a served model's name in front of any route.
//!
//! Taken off before the router sees the path, so that each route exists once. No name can hide a
//! route: the names of routes are reserved.

use std::sync::Arc;

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

use crate::models::{Models, Served};

/// The model that stood in front of a request's path.
#[derive(Debug, Clone)]
pub(crate) struct Prefixed(pub(crate) Arc<Served>);

/// Takes the name of a served model off the front of `uri`.
pub(crate) fn strip(models: &Models, uri: &mut Uri) -> Option<Prefixed> {
    let path = uri.path().strip_prefix('/')?;
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    let served = models.named(name)?;
    let stripped = match uri.query() {
        Some(query) => format!("/{rest}?{query}"),
        None => format!("/{rest}"),
    };
    let mut parts = uri.clone().into_parts();
    let stripped = PathAndQuery::try_from(stripped);
    parts.path_and_query = Some(stripped.expect("what is left of a path is a path"));
    *uri = Uri::from_parts(parts).expect("only the path was changed");
    Some(Prefixed(Arc::clone(served)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ModelConfig;

    #[track_caller]
    fn check(uri: &str, expected: &str, expected_model: Option<&str>) {
        let config = ModelConfig {
            name: "minilm".to_owned(),
            aliases: vec!["org".to_owned()],
            model_id: "org/minilm".to_owned(),
            revision: None,
            auto_truncate: true,
        };
        let models = Models::new(vec![config], &BTreeSet::new()).unwrap();
        let mut uri: Uri = uri.parse().unwrap();
        let prefixed = strip(&models, &mut uri);
        assert_eq!(uri.to_string(), expected);
        let model = prefixed.as_ref().map(|Prefixed(served)| served.config.name.as_str());
        assert_eq!(model, expected_model);
    }

    #[test]
    fn a_served_name_is_taken_off_and_nothing_else_is() {
        check("/minilm/v1/embeddings?a=b", "/v1/embeddings?a=b", Some("minilm"));
        check("/minilm", "/", Some("minilm"));
        check("/minilm/", "/", Some("minilm"));
        check("/minilm//embed", "//embed", Some("minilm"));
        check("/embed", "/embed", None);
        check("/org/embed", "/org/embed", None);
        check("/minilm2/embed", "/minilm2/embed", None);
        check("/", "/", None);
    }
}
