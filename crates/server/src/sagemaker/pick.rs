//! Which variant a request goes to.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use super::create::listed;
use super::objects::{Deployment, Variant};
use crate::dialects::bad_field;
use crate::error::HttpError;

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
            None => Ok(self.by_share(chance())),
        }
    }

    /// Returns the variant at a place from 0 to 1 of all shares, laid one after another.
    fn by_share(&self, place: f64) -> &Variant {
        let sum: f64 = self.variants.iter().map(|it| it.weight).sum();
        let mut rest = place * sum;
        let mut with_share = self.variants.iter().filter(|it| it.weight > 0.0);
        let last = self.variants.iter().rfind(|it| it.weight > 0.0);
        let found = with_share.find(|variant| {
            rest -= variant.weight;
            rest < 0.0
        });
        found.or(last).unwrap_or(&self.variants[0])
    }
}

/// Returns a number from 0 to below 1.
fn chance() -> f64 {
    // Each state has keys of its own.
    let bits = RandomState::new().hash_one(0_u8) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sagemaker::objects::Stage;

    fn deployment(weights: &[f64]) -> Deployment {
        let variants = weights.iter().enumerate().map(|(number, weight)| Variant {
            sent: serde_json::from_value(json!({ "VariantName": number.to_string() })).unwrap(),
            weight: *weight,
            model: serde_json::from_value(json!({ "ModelName": "m" })).unwrap(),
            stage: Stage::Preparing,
        });
        Deployment {
            name: "e".to_owned(),
            config: "c".to_owned(),
            created: 0.0,
            modified: 0.0,
            tags: Vec::new(),
            variants: variants.collect(),
            next: None,
            failure: None,
        }
    }

    #[test]
    fn shares_lie_one_after_another_and_a_weight_of_zero_gets_nothing() {
        let of = deployment(&[1.0, 0.0, 3.0]);
        for (place, variant) in [(0.0, "0"), (0.24, "0"), (0.25, "2"), (0.999, "2"), (1.0, "2")] {
            assert_eq!(of.by_share(place).name(), variant, "{place}");
        }
    }

    #[test]
    fn chance_keeps_to_the_shares() {
        let of = deployment(&[1.0, 3.0]);
        let num = (0..4_000).filter(|_| of.pick(None).unwrap().name() == "0").count();
        assert!((800..1_200).contains(&num), "{num} of 4000 instead of 1000");
    }

    #[test]
    fn a_variant_that_is_named_is_taken() {
        let of = deployment(&[1.0, 0.0]);
        assert_eq!(of.pick(Some("1")).unwrap().name(), "1");
        assert!(of.pick(Some("2")).unwrap_err().message.contains("it has 0, 1"));
    }
}
