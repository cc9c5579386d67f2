//! What clients ask for: checks, and changes of what is kept.

use std::collections::BTreeSet;

use wire::sagemaker as wire;

use super::names::{Arn, Kind, check};
use super::objects::{Config, Deployment, Model, Stage, Variant};
use super::{Sagemaker, spec};
use crate::dialects::bad_field;
use crate::endpoint_error::{EndpointErrorKind, error};
use crate::error::HttpError;

/// The most variants of an endpoint, as the vendor has it.
const MAX_VARIANTS: usize = 10;

impl Sagemaker {
    /// Checks that a model can be tried. The owner of the server may name any folder.
    ///
    /// # Errors
    ///
    /// If it has no container that can be served, or names a place that its sender may not.
    pub(crate) fn check_model(
        &self,
        sent: &wire::CreateModel,
        is_owner: bool,
    ) -> Result<(), HttpError> {
        let container = spec::container(sent)?;
        if container.mode.as_deref() == Some("MultiModel") {
            let problem =
                "one container serves one model here; make a model and a variant for each";
            return Err(bad_field("Mode", problem));
        }
        match (spec::archive(container), spec::hub_model(container)) {
            (Some(url), _) if !is_owner => {
                let allowed = self.plane.artifacts().allow(url);
                allowed.map_err(|why| error(EndpointErrorKind::Refused, why))
            }
            (None, Some(id)) if !is_owner => self.plane.settings().models.check(id),
            (Some(_), _) | (None, Some(_)) => Ok(()),
            (None, None) => {
                let problem = "it names no model; send ModelDataUrl with a model.tar.gz, or HF_MODEL_ID in \
                               Environment";
                Err(bad_field("PrimaryContainer", problem))
            }
        }
    }

    /// Checks the variants of a configuration.
    ///
    /// # Errors
    ///
    /// If there are none or too many, two have one name, or one cannot be.
    pub(crate) fn check_variants(&self, sent: &[wire::ProductionVariant]) -> Result<(), HttpError> {
        if !(1..=MAX_VARIANTS).contains(&sent.len()) {
            let problem = format!("there are {}; send 1 to {MAX_VARIANTS}", sent.len());
            return Err(bad_field("ProductionVariants", &problem));
        }
        let mut names = BTreeSet::new();
        for variant in sent {
            check("VariantName", &variant.variant_name)?;
            if !names.insert(&variant.variant_name) {
                let problem = format!("`{}` comes twice", variant.variant_name);
                return Err(bad_field("VariantName", &problem));
            }
            check_weight("InitialVariantWeight", weight(variant))?;
            spec::scaling(variant)?;
            match &variant.model_name {
                Some(model) => drop(self.model(model)?),
                None => return Err(bad_field("ModelName", "a variant needs a model")),
            }
        }
        if sent.iter().all(|variant| weight(variant) == 0.0) {
            let problem =
                "all are 0, so that no variant would get a request; give one of them more";
            return Err(bad_field("InitialVariantWeight", problem));
        }
        Ok(())
    }

    /// Makes an endpoint of a configuration. Its models are brought here after this returns.
    ///
    /// # Errors
    ///
    /// If there is no such configuration, or an endpoint of the name.
    pub(crate) async fn create(&self, sent: wire::PutEndpoint, now: f64) -> Result<(), HttpError> {
        let config = self.config(&sent.endpoint_config_name)?;
        let deployment = Deployment {
            name: sent.endpoint_name.clone(),
            config: sent.endpoint_config_name,
            created: now,
            modified: now,
            tags: sent.tags,
            variants: self.variants(&config)?,
            next: None,
            failure: None,
        };
        self.add(Kind::Endpoint, &sent.endpoint_name, &deployment).await?;
        self.carry_out(sent.endpoint_name);
        Ok(())
    }

    /// Asks for the variants of another configuration in place of those that serve.
    ///
    /// # Errors
    ///
    /// If there is no such endpoint or configuration, or something is under way.
    pub(crate) async fn update(&self, name: &str, config: &str, now: f64) -> Result<(), HttpError> {
        let variants = self.variants(&self.config(config)?)?;
        self.ask_for(name, config.to_owned(), variants, now).await
    }

    /// Changes the shares and the replicas of variants.
    ///
    /// # Errors
    ///
    /// If there is no such endpoint or variant, or a value cannot be.
    pub(crate) async fn weigh(&self, sent: wire::UpdateWeights, now: f64) -> Result<(), HttpError> {
        let before = self.deployment(&sent.endpoint_name)?;
        for desired in &sent.desired_weights_and_capacities {
            if !before.variants.iter().any(|it| it.name() == desired.variant_name) {
                let problem = format!(
                    "the endpoint has no variant `{}`; it has {}",
                    desired.variant_name,
                    listed(&before.variants)
                );
                return Err(bad_field("VariantName", &problem));
            }
            check_weight("DesiredWeight", desired.desired_weight.unwrap_or(1.0))?;
        }
        let desired = sent.desired_weights_and_capacities;
        let has_count = |it: &&wire::DesiredWeight| it.desired_instance_count.is_some();
        let counted = desired.iter().filter(has_count).map(|it| it.variant_name.clone());
        let counted: BTreeSet<String> = counted.collect();
        let changed = self.change(&sent.endpoint_name, move |deployment| {
            for desired in desired {
                let mut variants = deployment.variants.iter_mut();
                let named = variants.find(|it| it.name() == desired.variant_name);
                let Some(variant) = named else { continue };
                variant.weight = desired.desired_weight.unwrap_or(variant.weight);
                if let Some(count) = desired.desired_instance_count {
                    variant.sent.initial_instance_count = Some(count);
                    variant.sent.managed_instance_scaling = None;
                    spec::scaling(&variant.sent)?;
                }
            }
            if deployment.variants.iter().all(|variant| variant.weight == 0.0) {
                let problem = "all would be 0, so that no variant would get a request";
                return Err(bad_field("DesiredWeight", problem));
            }
            deployment.modified = now;
            Ok(())
        });
        let after = changed.await?;
        for variant in after.variants.iter().filter(|it| counted.contains(it.name())) {
            let Some(endpoint) = variant.endpoint() else { continue };
            let scaling = spec::scaling(&variant.sent)?;
            let change = |spec: &endpoints::Spec| {
                let scaling = scaling.clone();
                Ok::<_, HttpError>(endpoints::Spec { scaling, ..spec.clone() })
            };
            self.plane.control().update(self.namespace(), endpoint, change).await?;
        }
        Ok(())
    }

    /// Deletes an endpoint and what is behind it. It is gone when this returns; replicas drain after that.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), HttpError> {
        let deployment: Deployment = self.remove(Kind::Endpoint, name).await?;
        let next = deployment.next.into_iter().flat_map(|next| next.variants);
        for variant in deployment.variants.into_iter().chain(next) {
            self.delete_behind(&variant).await;
        }
        Ok(())
    }

    /// Returns the labels of what an ARN names.
    ///
    /// # Errors
    ///
    /// If it names nothing.
    pub(crate) fn tags(&self, arn: &str) -> Result<Vec<wire::Tag>, HttpError> {
        Ok(match self.named_by(arn)? {
            (Kind::Model, name) => self.model(&name)?.sent.tags,
            (Kind::Config, name) => self.config(&name)?.sent.tags,
            (Kind::Endpoint, name) => self.deployment(&name)?.tags,
        })
    }

    /// Puts labels to an endpoint, and takes some away. Returns those that it has then.
    ///
    /// # Errors
    ///
    /// If the ARN names no endpoint.
    pub(crate) async fn tag(
        &self,
        arn: &str,
        add: Vec<wire::Tag>,
        remove: Vec<String>,
    ) -> Result<Vec<wire::Tag>, HttpError> {
        let (Kind::Endpoint, name) = self.named_by(arn)? else {
            return Err(bad_field("ResourceArn", "only the tags of endpoints can be changed here"));
        };
        let changed = self.change(&name, move |deployment| {
            let is_replaced = |tag: &wire::Tag| {
                remove.contains(&tag.key) || add.iter().any(|added| added.key == tag.key)
            };
            deployment.tags.retain(|tag| !is_replaced(tag));
            deployment.tags.extend(add);
            Ok(())
        });
        Ok(changed.await?.tags)
    }

    // An ARN has the name in lower case.
    fn named_by(&self, arn: &str) -> Result<(Kind, String), HttpError> {
        let unknown = || bad_field("ResourceArn", "it names nothing that is here");
        let (kind, lower) = Arn::parse(arn).ok_or_else(unknown)?;
        let documents = self.plane.control().documents(kind.document()).into_iter();
        let mut names = documents.map(|(name, _)| name);
        let name = names.find(|name| name.eq_ignore_ascii_case(lower)).ok_or_else(unknown)?;
        Ok((kind, name))
    }

    fn variants(&self, config: &Config) -> Result<Vec<Variant>, HttpError> {
        let made = config.sent.production_variants.iter().map(|sent| {
            let model: Model = self.model(sent.model_name.as_deref().unwrap_or_default())?;
            let stage = Stage::Preparing;
            Ok(Variant { sent: sent.clone(), weight: weight(sent), model: model.sent, stage })
        });
        made.collect()
    }
}

/// Returns the names of variants, for messages.
pub(crate) fn listed(variants: &[Variant]) -> String {
    variants.iter().map(Variant::name).collect::<Vec<_>>().join(", ")
}

fn weight(variant: &wire::ProductionVariant) -> f64 {
    variant.initial_variant_weight.unwrap_or(1.0)
}

fn check_weight(field: &'static str, weight: f64) -> Result<(), HttpError> {
    if weight.is_finite() && weight >= 0.0 {
        return Ok(());
    }
    Err(bad_field(field, &format!("it is {weight}; send 0 or more")))
}
