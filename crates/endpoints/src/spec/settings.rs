//! What the variables of an image ask of a replica.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{SpecError, Variables};

const MAX_BATCH_TOKENS: &str = "MAX_BATCH_TOKENS";
const MAX_CONCURRENT_REQUESTS: &str = "MAX_CONCURRENT_REQUESTS";

/// What a client asked of a replica through the variables of its image, under the names of
/// text-embeddings-inference. Other variables reach the replica as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Settings {
    /// The most tokens in one batch.
    pub max_batch_tokens: Option<NonZeroU32>,
    /// The most requests at once.
    pub max_concurrent_requests: Option<NonZeroU32>,
}

impl Settings {
    /// Reads the variables that have a meaning here.
    ///
    /// # Errors
    ///
    /// [`SpecError::Variable`] if one of them is not a whole number from 1 up.
    pub fn from_variables(variables: &Variables) -> Result<Self, SpecError> {
        Ok(Self {
            max_batch_tokens: number(variables, MAX_BATCH_TOKENS)?,
            max_concurrent_requests: number(variables, MAX_CONCURRENT_REQUESTS)?,
        })
    }
}

fn number(variables: &Variables, name: &'static str) -> Result<Option<NonZeroU32>, SpecError> {
    let Some(value) = variables.0.get(name) else {
        return Ok(None);
    };
    match value.trim().parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(SpecError::Variable {
            name,
            value: value.clone(),
            allowed: "a whole number from 1 up, such as 16384",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use crate::spec::Variables;

    fn read(value: &str) -> Result<Option<u32>, String> {
        let rows = [("MAX_BATCH_TOKENS".to_owned(), value.to_owned())];
        let settings = Settings::from_variables(&Variables(rows.into()));
        settings.map(|s| s.max_batch_tokens.map(u32::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_variable_is_read_or_named() {
        assert_eq!(read("10240"), Ok(Some(10_240)));
        for wrong in ["0", "-1", "many", "", "1.5", "99999999999"] {
            assert!(read(wrong).unwrap_err().starts_with("the variable MAX_BATCH_TOKENS"));
        }
        assert_eq!(Settings::from_variables(&Variables::default()), Ok(Settings::default()));
    }
}
