//! Which variant a request goes to.

use super::create::listed;
use super::objects::{Deployment, Variant};
use crate::dialects::bad_field;
use crate::error::HttpError;
use crate::share;

impl Deployment {
    /// Returns the variant that a request names, or one by their shares.
    ///
    /// # Errors
    ///
    /// If there is none of the name.
    pub(crate) fn pick(&self, named: Option<&str>) -> Result<&Variant, HttpError> {
        match named {
            Some(name) => self.variants.iter().find(|it| it.name() == name).ok_or_else(|| {
                let problem = format!(
                    "the endpoint has no variant `{name}`; it has {}",
                    listed(&self.variants)
                );
                bad_field("X-Amzn-SageMaker-Target-Variant", &problem)
            }),
            // A configuration has a variant, and one of them a weight.
            None => Ok(share::at(&self.variants, |it| it.weight, share::chance())
                .unwrap_or(&self.variants[0])),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sagemaker::objects::Stage;

    #[test]
    fn a_variant_that_is_named_is_taken_whatever_its_weight() {
        let variants = [1.0, 0.0].iter().enumerate().map(|(number, weight)| Variant {
            sent: serde_json::from_value(json!({ "VariantName": number.to_string() })).unwrap(),
            weight: *weight,
            model: serde_json::from_value(json!({ "ModelName": "m" })).unwrap(),
            stage: Stage::Preparing,
        });
        let of = Deployment {
            name: "e".to_owned(),
            config: "c".to_owned(),
            created: 0.0,
            modified: 0.0,
            tags: Vec::new(),
            variants: variants.collect(),
            next: None,
            failure: None,
        };
        assert_eq!(of.pick(None).unwrap().name(), "0");
        assert_eq!(of.pick(Some("1")).unwrap().name(), "1");
        assert!(of.pick(Some("2")).unwrap_err().message.contains("it has 0, 1"));
    }
}
