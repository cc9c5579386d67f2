//! What things are called: ids as the vendor makes them, and the names of our endpoints behind deployments.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use endpoints::EndpointName;

use crate::dialects::bad_field;
use crate::error::HttpError;

/// The longest name of a model.
const MAX_MODEL: usize = 100;
/// The longest name of an environment or a deployment.
const MAX_NAME: usize = 40;

/// How many characters the id of a model has, and that of a deployment, which stands behind a name.
pub(super) const MODEL_ID: usize = 8;
pub(super) const DEPLOYMENT_ID: usize = 7;

/// Of an endpoint's 32 characters these are left before the id.
const MAX_STEM: usize = 24;

/// Returns an id that nothing has yet.
pub(super) fn new_id(length: usize, is_taken: impl Fn(&str) -> bool) -> String {
    const LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    loop {
        // Each state has keys of its own.
        let mut bits = RandomState::new().hash_one(length);
        let mut letter = || {
            let letter = LETTERS[(bits % 36) as usize];
            bits /= 36;
            char::from(letter)
        };
        let id: String = (0..length).map(|_| letter()).collect();
        if !is_taken(&id) {
            return id;
        }
    }
}

/// Returns what the endpoint behind a deployment is called.
pub(super) fn endpoint(model: &str, deployment: &str) -> EndpointName {
    let mut stem = String::new();
    for letter in model.chars() {
        if letter.is_ascii_alphanumeric() {
            stem.push(letter.to_ascii_lowercase());
        } else if !stem.ends_with('-') && !stem.is_empty() {
            stem.push('-');
        }
    }
    stem.truncate(MAX_STEM);
    let stem = match stem.trim_end_matches('-') {
        "" => "model",
        stem => stem,
    };
    let name = format!("{stem}-{deployment}");
    name.parse().expect("a stem and an id make the name of an endpoint")
}

/// Checks what a model is to be called.
///
/// # Errors
///
/// If it is nothing, too long, or has a letter that nobody sees.
pub(super) fn check_model(name: &str) -> Result<(), HttpError> {
    let num = name.chars().count();
    let is_seen = name.chars().any(char::is_alphanumeric) && !name.chars().any(char::is_control);
    if is_seen && num <= MAX_MODEL {
        return Ok(());
    }
    let problem = format!(
        "a model's name has 1 to {MAX_MODEL} characters, of them a letter or a digit and no control characters; this \
         one has {num}"
    );
    Err(bad_field("name", &problem))
}

/// Checks what an environment is to be called, which stands in paths.
///
/// # Errors
///
/// If it cannot.
pub(super) fn check_environment(name: &str) -> Result<(), HttpError> {
    let is_inner =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let is_name = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_inner);
    if is_name && name != "development" {
        return Ok(());
    }
    let shown = crate::echo::shorten(name.to_owned());
    let problem = format!(
        "`{shown}` cannot be an environment; use 1 to {MAX_NAME} lower-case letters, digits, `-` and `_`, and not \
         `development`, which is what is being worked on"
    );
    Err(bad_field("environment", &problem))
}

/// Checks what a deployment is to be called, as truss does.
///
/// # Errors
///
/// If it cannot.
pub(super) fn check_deployment(name: &str) -> Result<(), HttpError> {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_inner) {
        return Ok(());
    }
    let shown = crate::echo::shorten(name.to_owned());
    let problem = format!(
        "`{shown}` cannot name a deployment; use 1 to {MAX_NAME} letters, digits, `-`, `_` and `.`"
    );
    Err(bad_field("deployment_name", &problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_called_by_its_model_and_its_deployment() {
        for (model, expected) in [
            ("Text Embeddings Inference", "text-embeddings-inferenc-abcd123"),
            ("BGE (large) -- v1.5", "bge-large-v1-5-abcd123"),
            ("  ", "model-abcd123"),
            ("Über", "ber-abcd123"),
            ("a23456789-123456789-123-x", "a23456789-123456789-123-abcd123"),
        ] {
            assert_eq!(endpoint(model, "abcd123").as_str(), expected, "{model}");
        }
    }

    #[test]
    fn an_id_is_new_and_of_letters_and_digits() {
        let first = new_id(MODEL_ID, |_| false);
        assert!(first.len() == 8 && first.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(new_id(MODEL_ID, |id| id == first), first);
    }

    #[test]
    fn names_are_checked() {
        assert!(check_model("Text Embeddings").is_ok() && check_environment("pre-prod_2").is_ok());
        assert!(check_model("").is_err() && check_model("a\nb").is_err());
        assert!(check_model(&"ä".repeat(100)).is_ok() && check_model(&"a".repeat(101)).is_err());
        for name in ["", "a/b", "Staging", "development", &"a".repeat(41)] {
            assert!(check_environment(name).is_err(), "{name}");
        }
        assert!(check_deployment("v1.2_b-C").is_ok() && check_deployment("a b").is_err());
    }
}
