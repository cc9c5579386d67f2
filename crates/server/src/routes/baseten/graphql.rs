//! `/graphql/`: the calls that `truss push` makes.

use axum::body::Body;
use axum::http::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use endpoints::Scope;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use wire::baseten::{GraphQlAnswer, GraphQlRequest};

use super::super::errors::BasetenErrors;
use super::now;
use crate::address::BaseUrl;
use crate::baseten::{Baseten, Deployment, Model, Of, Push, judge};
use crate::body::JsonBody;
use crate::dialects::bad_field;
use crate::endpoint_error::{EndpointErrorKind, error};
use crate::error::{ErrorKind, HttpError};
use crate::graphql::{self, Call, Kind};
use crate::respond;
use crate::steward::Steward;

const QUERIES: &str =
    "teams, models, model, model_version, truss_validation and model_s3_upload_credentials";
const MUTATIONS: &str =
    "create_model_from_truss, create_model_version_from_truss and deploy_draft_truss";

/// Answers what `truss push` asks, in GraphQL: its models, whether a Truss can be served, where to upload it, and
/// the push itself.
#[utoipa::path(
    post, path = "/graphql/", tag = "Baseten",
    request_body = GraphQlRequest,
    responses((status = 200, description = "What was asked for, or `errors`", body = GraphQlAnswer), BasetenErrors)
)]
pub(crate) async fn answer(
    steward: Steward,
    base: BaseUrl,
    JsonBody(request): JsonBody<GraphQlRequest>,
) -> Result<Response<Body>, HttpError> {
    let operation = graphql::parse(&request)?;
    let calls = Calls { baseten: Baseten::of(steward.plane()), steward: &steward, base: &base };
    let mut data = Map::new();
    for call in &operation.calls {
        let answer = match operation.kind {
            Kind::Query => calls.query(call).await?,
            Kind::Mutation => calls.mutation(call).await?,
        };
        data.insert(call.key.clone(), answer);
    }
    Ok(respond::json(&GraphQlAnswer { data: Some(data.into()), errors: Vec::new() }))
}

struct Calls<'a> {
    baseten: Baseten,
    steward: &'a Steward,
    base: &'a BaseUrl,
}

/// Which models are asked for.
#[derive(Deserialize)]
struct Which {
    id: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Validation {
    config: String,
}

/// The arguments of a push, of which each mutation has some.
#[derive(Deserialize)]
struct Pushed {
    config: String,
    /// The file as it was written, which says less than `config`: that has all defaults in it.
    raw_config: Option<String>,
    model_id: Option<String>,
    /// Of the model where there is no `model_id`, and else of the deployment.
    name: Option<String>,
    version_name: Option<String>,
    environment_name: Option<String>,
    scale_down_old_production: Option<bool>,
}

impl Calls<'_> {
    async fn query(&self, call: &Call) -> Result<Value, HttpError> {
        self.may(Scope::Read)?;
        let answer = match call.name.as_str() {
            "teams" => json!([self.team_with(Some(true))]),
            "models" => self.baseten.models().iter().map(|model| self.model(model)).collect(),
            "model" => self.model(&self.find(&read(call)?)?),
            "model_version" => {
                let Which { id, .. } = read(call)?;
                let id = id.unwrap_or_default();
                let models = self.baseten.models();
                let found =
                    models.iter().find_map(|model| Some((model, model.deployment(&id).ok()?)));
                let (model, deployment) = found.ok_or_else(|| {
                    error(
                        EndpointErrorKind::UnknownEndpoint,
                        format!("there is no deployment `{id}`"),
                    )
                })?;
                self.version(model, deployment)
            }
            "truss_validation" => validate(&read::<Validation>(call)?.config)?,
            // The client hands all of it to its S3 client, so that it may say more than is asked for.
            "model_s3_upload_credentials" => return self.credentials().await,
            name => return Err(no_such(name, "query", QUERIES)),
        };
        call.select(answer)
    }

    async fn mutation(&self, call: &Call) -> Result<Value, HttpError> {
        self.may(Scope::Admin)?;
        let push = match call.name.as_str() {
            "create_model_from_truss" => {
                let pushed: Pushed = read(call)?;
                let of = Of::Name(named(pushed.name.clone(), "name")?);
                Push { deployment_name: pushed.version_name.clone(), ..push(of, pushed)? }
            }
            "create_model_version_from_truss" => {
                let pushed: Pushed = read(call)?;
                let of = Of::Id(named(pushed.model_id.clone(), "model_id")?);
                Push { deployment_name: pushed.name.clone(), ..push(of, pushed)? }
            }
            "deploy_draft_truss" => {
                let pushed: Pushed = read(call)?;
                let of = Of::Name(named(pushed.name.clone(), "name")?);
                Push { is_draft: true, ..push(of, pushed)? }
            }
            name => return Err(no_such(name, "mutation", MUTATIONS)),
        };
        let may_name = |source: &str| self.steward.may_name(source);
        let (model, id) = self.baseten.push(push, may_name, now()).await?;
        let version = self.version(&model, model.deployment(&id)?);
        call.select(json!({ "model_version": version }))
    }

    fn may(&self, scope: Scope) -> Result<(), HttpError> {
        self.steward.may(scope, self.baseten.namespace()).map(drop)
    }

    fn find(&self, which: &Which) -> Result<Model, HttpError> {
        match (&which.id, &which.name) {
            (Some(id), _) => self.baseten.model(id),
            (None, Some(name)) => self.baseten.named(name).ok_or_else(|| {
                let message =
                    format!("there is no model `{name}`; list the models for their names");
                error(EndpointErrorKind::UnknownEndpoint, message)
            }),
            (None, None) => Err(bad_field("model", "name it by `id` or by `name`")),
        }
    }

    fn team_with(&self, default: Option<bool>) -> Value {
        let name = self.baseten.namespace();
        json!({ "id": name, "name": name, "default": default })
    }

    fn model(&self, model: &Model) -> Value {
        let versions = model.deployments.iter().map(|it| self.version(model, it));
        let primary = model.production().and_then(|id| model.deployment(id).ok());
        json!({
            "id": model.id,
            "name": model.name,
            "hostname": self.base.baseten_model(&model.id),
            "team": self.team_with(None),
            "versions": versions.collect::<Value>(),
            "primary_version": primary.map(|it| self.version(model, it)),
        })
    }

    fn version(&self, model: &Model, deployment: &Deployment) -> Value {
        json!({
            "id": deployment.id,
            "name": deployment.name,
            "semver": "0.0.1",
            "truss_hash": Value::Null,
            "truss_signature": Value::Null,
            "is_draft": deployment.is_draft,
            "is_primary": model.production() == Some(&deployment.id),
            "current_model_deployment_status": { "status": self.baseten.status(deployment) },
            "instance_type": { "name": self.baseten.instance_type(deployment) },
            "oracle": {
                "id": model.id,
                "name": model.name,
                "hostname": self.base.baseten_model(&model.id),
            },
        })
    }

    // It may write to the store then.
    async fn credentials(&self) -> Result<Value, HttpError> {
        self.may(Scope::Admin)?;
        let place = self.steward.plane().artifacts().upload_place().await;
        let place = place.map_err(|why| error(EndpointErrorKind::Refused, why))?;
        Ok(json!({
            "s3_bucket": place.bucket,
            "s3_key": self.baseten.upload_key(now()),
            "aws_access_key_id": place.key_id,
            "aws_secret_access_key": place.key_secret,
            "aws_session_token": place.token,
            "endpoint_url": place.endpoint,
            "region_name": place.region,
        }))
    }
}

fn push(of: Of, pushed: Pushed) -> Result<Push, HttpError> {
    let config = match pushed.raw_config.as_deref() {
        Some(raw) => decoded(raw, "raw_config")?,
        None => decoded(&pushed.config, "config")?,
    };
    Ok(Push {
        of,
        config,
        deployment_name: None,
        environment: pushed.environment_name,
        is_draft: false,
        ends_previous: pushed.scale_down_old_production.unwrap_or(true),
    })
}

// What is wrong is said here as the vendor says it, so that nothing is uploaded for nothing.
fn validate(config: &str) -> Result<Value, HttpError> {
    let judged = judge(&decoded(config, "config")?);
    let is_good = judged.errors.is_empty();
    let details = json!({ "warnings": judged.warnings, "errors": judged.errors });
    Ok(json!({ "success": is_good, "details": details.to_string() }))
}

fn decoded(text: &str, field: &'static str) -> Result<String, HttpError> {
    let bytes = STANDARD.decode(text).map_err(|_| bad_field(field, "it is not base64"))?;
    String::from_utf8(bytes).map_err(|_| bad_field(field, "it is not UTF-8 once it is decoded"))
}

fn named(name: Option<String>, field: &'static str) -> Result<String, HttpError> {
    name.ok_or_else(|| bad_field(field, "it is missing"))
}

fn read<T: DeserializeOwned>(call: &Call) -> Result<T, HttpError> {
    let arguments = Value::Object(call.arguments.clone());
    serde_json::from_value(arguments).map_err(|err| {
        let message = format!("the arguments of `{}`: {err}", call.name);
        HttpError::new(ErrorKind::BadField, message).param("query")
    })
}

fn no_such(name: &str, kind: &str, known: &str) -> HttpError {
    let message = format!("there is no {kind} `{name}` here; there are {known}");
    HttpError::new(ErrorKind::UnknownRoute, message)
}
