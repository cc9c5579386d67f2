//! The calls of SageMaker's control plane.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::HeaderValue;
use axum::http::request::Parts;
use endpoints::Scope;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wire::sagemaker as wire;

use crate::asker::Asker;
use crate::body::parse;
use crate::control_plane::ControlPlane;
use crate::dialects::bad_field;
use crate::error::{ErrorKind, HttpError};
use crate::sagemaker::{Arn, Config, Kind, Model, Sagemaker, check_name};
use crate::serve::Local;

/// One call, and who makes it.
pub(super) struct Call<'a> {
    pub(super) sagemaker: Sagemaker,
    pub(super) plane: &'a ControlPlane,
    pub(super) asker: &'a Asker,
    pub(super) parts: &'a Parts,
    pub(super) region: &'a str,
}

/// What stands before the name of a call.
const PREFIX: &str = "SageMaker.";

/// How many objects are listed where a client does not say.
const LISTED: i64 = 10;
const MOST_LISTED: i64 = 100;

impl Call<'_> {
    /// Answers the call that `target` names.
    pub(super) async fn answer(
        &self,
        target: &HeaderValue,
        body: &[u8],
    ) -> Result<Value, HttpError> {
        let name = target.to_str().ok().and_then(|target| target.strip_prefix(PREFIX));
        // A body that is empty stands for no fields.
        let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
        match name {
            Some("CreateModel") => self.create_model(read(body)?).await,
            Some("DescribeModel") => self.describe_model(&read(body)?),
            Some("DeleteModel") => self.delete_model(read(body)?).await,
            Some("ListModels") => self.list_models(&read(body)?),
            Some("CreateEndpointConfig") => self.create_config(read(body)?).await,
            Some("DescribeEndpointConfig") => self.describe_config(&read(body)?),
            Some("DeleteEndpointConfig") => self.delete_config(read(body)?).await,
            Some("ListEndpointConfigs") => self.list_configs(&read(body)?),
            Some("CreateEndpoint") => self.create_endpoint(read(body)?).await,
            Some("UpdateEndpoint") => self.update_endpoint(read(body)?).await,
            Some("UpdateEndpointWeightsAndCapacities") => self.update_weights(read(body)?).await,
            Some("DescribeEndpoint") => self.describe_endpoint(&read(body)?),
            Some("DeleteEndpoint") => self.delete_endpoint(read(body)?).await,
            Some("ListEndpoints") => self.list_endpoints(&read(body)?),
            Some("ListTags") => self.list_tags(&read(body)?),
            Some("AddTags") => self.add_tags(read(body)?).await,
            Some("DeleteTags") => self.delete_tags(read(body)?).await,
            Some(_) | None => {
                let message = format!(
                    "there is no call `{}` here; of SageMaker there are models, endpoint configurations, \
                     endpoints and their tags",
                    String::from_utf8_lossy(target.as_bytes())
                );
                Err(HttpError::new(ErrorKind::UnknownRoute, message))
            }
        }
    }

    fn may(&self, scope: Scope) -> Result<(), HttpError> {
        let namespace = self.plane.settings().default_namespace.parse()?;
        self.asker.may(scope, Some(&namespace))
    }

    fn arn(&self, kind: Kind, name: &str) -> String {
        Arn { kind, name, region: self.region }.to_string()
    }

    async fn create_model(&self, sent: wire::CreateModel) -> Result<Value, HttpError> {
        self.may(Scope::Admin)?;
        check_name(Kind::Model.field(), &sent.model_name)?;
        self.sagemaker.check_model(&sent, self.parts.extensions.get::<Local>().is_some())?;
        let name = sent.model_name.clone();
        self.sagemaker.add(Kind::Model, &name, &Model { created: now(), sent }).await?;
        Ok(json!({ "ModelArn": self.arn(Kind::Model, &name) }))
    }

    fn describe_model(&self, asked: &wire::OneModel) -> Result<Value, HttpError> {
        self.may(Scope::Read)?;
        let model = self.sagemaker.model(&asked.model_name)?;
        let mut answer = json!(model.sent);
        remove_tags(&mut answer);
        answer["ModelArn"] = self.arn(Kind::Model, &asked.model_name).into();
        answer["CreationTime"] = model.created.into();
        Ok(answer)
    }

    async fn delete_model(&self, asked: wire::OneModel) -> Result<Value, HttpError> {
        self.may(Scope::Admin)?;
        self.sagemaker.remove::<Model>(Kind::Model, &asked.model_name).await?;
        Ok(Value::Null)
    }

    fn list_models(&self, asked: &wire::ListRequest) -> Result<Value, HttpError> {
        self.may(Scope::Read)?;
        let models = self.sagemaker.models().into_iter();
        let models = models.map(|model| Listed::new(model.sent.model_name, model.created));
        let (page, next) = page(asked, models.collect())?;
        let shown = |it: &Listed| json!({ "ModelName": it.name, "ModelArn": self.arn(Kind::Model, &it.name), "CreationTime": it.created });
        Ok(listing("Models", page.iter().map(shown).collect(), next))
    }

    async fn create_config(&self, sent: wire::CreateEndpointConfig) -> Result<Value, HttpError> {
        self.may(Scope::Admin)?;
        check_name(Kind::Config.field(), &sent.endpoint_config_name)?;
        self.sagemaker.check_variants(&sent.production_variants)?;
        let name = sent.endpoint_config_name.clone();
        self.sagemaker.add(Kind::Config, &name, &Config { created: now(), sent }).await?;
        Ok(json!({ "EndpointConfigArn": self.arn(Kind::Config, &name) }))
    }

    fn describe_config(&self, asked: &wire::OneEndpointConfig) -> Result<Value, HttpError> {
        self.may(Scope::Read)?;
        let config = self.sagemaker.config(&asked.endpoint_config_name)?;
        let mut answer = json!(config.sent);
        remove_tags(&mut answer);
        answer["EndpointConfigArn"] = self.arn(Kind::Config, &asked.endpoint_config_name).into();
        answer["CreationTime"] = config.created.into();
        Ok(answer)
    }

    async fn delete_config(&self, asked: wire::OneEndpointConfig) -> Result<Value, HttpError> {
        self.may(Scope::Admin)?;
        self.sagemaker.remove::<Config>(Kind::Config, &asked.endpoint_config_name).await?;
        Ok(Value::Null)
    }

    fn list_configs(&self, asked: &wire::ListRequest) -> Result<Value, HttpError> {
        self.may(Scope::Read)?;
        let configs = self.sagemaker.configs().into_iter();
        let configs = configs.map(|it| Listed::new(it.sent.endpoint_config_name, it.created));
        let (page, next) = page(asked, configs.collect())?;
        let shown = |it: &Listed| {
            json!({
                "EndpointConfigName": it.name,
                "EndpointConfigArn": self.arn(Kind::Config, &it.name),
                "CreationTime": it.created,
            })
        };
        Ok(listing("EndpointConfigs", page.iter().map(shown).collect(), next))
    }

    async fn create_endpoint(&self, sent: wire::PutEndpoint) -> Result<Value, HttpError> {
        self.may(Scope::Admin)?;
        check_name(Kind::Endpoint.field(), &sent.endpoint_name)?;
        let name = sent.endpoint_name.clone();
        self.sagemaker.create(sent, now()).await?;
        Ok(json!({ "EndpointArn": self.arn(Kind::Endpoint, &name) }))
    }

    async fn update_endpoint(&self, sent: wire::PutEndpoint) -> Result<Value, HttpError> {
        self.may(Scope::Admin)?;
        self.sagemaker.update(&sent.endpoint_name, &sent.endpoint_config_name, now()).await?;
        Ok(json!({ "EndpointArn": self.arn(Kind::Endpoint, &sent.endpoint_name) }))
    }

    async fn update_weights(&self, sent: wire::UpdateWeights) -> Result<Value, HttpError> {
        self.may(Scope::Admin)?;
        let name = sent.endpoint_name.clone();
        self.sagemaker.weigh(sent, now()).await?;
        Ok(json!({ "EndpointArn": self.arn(Kind::Endpoint, &name) }))
    }

    fn describe_endpoint(&self, asked: &wire::OneEndpoint) -> Result<Value, HttpError> {
        self.may(Scope::Read)?;
        let deployment = self.sagemaker.deployment(&asked.endpoint_name)?;
        Ok(json!(self.sagemaker.describe(&deployment, self.region)))
    }

    async fn delete_endpoint(&self, asked: wire::OneEndpoint) -> Result<Value, HttpError> {
        self.may(Scope::Admin)?;
        self.sagemaker.delete(&asked.endpoint_name).await?;
        Ok(Value::Null)
    }

    fn list_endpoints(&self, asked: &wire::ListRequest) -> Result<Value, HttpError> {
        self.may(Scope::Read)?;
        let deployments = self.sagemaker.deployments().into_iter().map(|deployment| {
            let (words, _) = self.sagemaker.status(&deployment);
            let modified = deployment.modified;
            let listed = Listed::new(deployment.name, deployment.created);
            Listed { status: words.as_str(), modified, ..listed }
        });
        let (page, next) = page(asked, deployments.collect())?;
        let shown = |it: &Listed| {
            json!({
                "EndpointName": it.name,
                "EndpointArn": self.arn(Kind::Endpoint, &it.name),
                "CreationTime": it.created,
                "LastModifiedTime": it.modified,
                "EndpointStatus": it.status,
            })
        };
        Ok(listing("Endpoints", page.iter().map(shown).collect(), next))
    }

    fn list_tags(&self, asked: &wire::TagsRequest) -> Result<Value, HttpError> {
        self.may(Scope::Read)?;
        let tags = self.sagemaker.tags(&asked.resource_arn)?;
        Ok(json!({ "Tags": tags }))
    }

    async fn add_tags(&self, sent: wire::TagsRequest) -> Result<Value, HttpError> {
        self.may(Scope::Admin)?;
        let tags = self.sagemaker.tag(&sent.resource_arn, sent.tags, Vec::new()).await?;
        Ok(json!({ "Tags": tags }))
    }

    async fn delete_tags(&self, sent: wire::TagsRequest) -> Result<Value, HttpError> {
        self.may(Scope::Admin)?;
        self.sagemaker.tag(&sent.resource_arn, Vec::new(), sent.tag_keys).await?;
        Ok(json!({}))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, HttpError> {
    parse(body)
}

// They are listed by a call of their own.
fn remove_tags(answer: &mut Value) {
    if let Value::Object(fields) = answer {
        fields.remove("Tags");
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// An object in a list.
struct Listed {
    name: String,
    created: f64,
    modified: f64,
    status: &'static str,
}

impl Listed {
    fn new(name: String, created: f64) -> Self {
        Self { name, created, modified: created, status: "" }
    }
}

fn listing(field: &str, items: Vec<Value>, next: Option<String>) -> Value {
    let mut answer = json!({ field: items });
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    answer
}

/// Returns the page of a list that was asked for, and where the next begins.
fn page(
    asked: &wire::ListRequest,
    mut all: Vec<Listed>,
) -> Result<(Vec<Listed>, Option<String>), HttpError> {
    if let Some(part) = &asked.name_contains {
        all.retain(|it| it.name.contains(part.as_str()));
    }
    if let Some(status) = &asked.status_equals {
        all.retain(|it| it.status == status);
    }
    let by_name = |a: &Listed, b: &Listed| a.name.cmp(&b.name);
    let by_time = |a: &Listed, b: &Listed| a.created.total_cmp(&b.created).then(by_name(a, b));
    match asked.sort_by.as_deref() {
        Some("Name") => all.sort_by(by_name),
        None | Some("CreationTime") => all.sort_by(by_time),
        Some("Status") => all.sort_by(|a, b| a.status.cmp(b.status).then(by_name(a, b))),
        Some(_) => return Err(bad_field("SortBy", "it must be Name, CreationTime or Status")),
    }
    match asked.sort_order.as_deref() {
        Some("Ascending") => {}
        None | Some("Descending") => all.reverse(),
        Some(_) => return Err(bad_field("SortOrder", "it must be Ascending or Descending")),
    }
    let most = asked.max_results.unwrap_or(LISTED);
    if !(1..=MOST_LISTED).contains(&most) {
        return Err(bad_field("MaxResults", &format!("it is {most}; ask for 1 to {MOST_LISTED}")));
    }
    let begin = match &asked.next_token {
        None => 0,
        Some(token) => {
            let bad = || bad_field("NextToken", "it is not one that a list ended with");
            token.parse::<usize>().map_err(|_| bad())?
        }
    };
    let rest: Vec<Listed> = all.into_iter().skip(begin).collect();
    let next = (rest.len() > most as usize).then(|| (begin + most as usize).to_string());
    Ok((rest.into_iter().take(most as usize).collect(), next))
}
