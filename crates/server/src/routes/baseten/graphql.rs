//! `/graphql/`: the calls that `truss push` makes.

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use endpoints::Scope;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use truss::Document;
use wire::baseten::{GraphQlAnswer, GraphQlRequest};

use super::super::errors::BasetenErrors;
use super::{now, to_the_end};
use crate::App;
use crate::address::BaseUrl;
use crate::baseten::{Baseten, Deployment, Model, Of, Push, judge, read_truss};
use crate::body::JsonBody;
use crate::dialects::bad_field;
use crate::endpoint_error::{EndpointErrorKind, error};
use crate::error::{ErrorKind, HttpError};
use crate::graphql::{self, Call, Kind, Operation};
use crate::offload::Effort;
use crate::respond;
use crate::steward::Steward;

const QUERIES: &str =
    "teams, models, model, model_version, truss_validation and model_s3_upload_credentials";
const CREATE: &str = "create_model_from_truss";
const CREATE_VERSION: &str = "create_model_version_from_truss";
const DEPLOY_DRAFT: &str = "deploy_draft_truss";

/// Answers what `truss push` asks, in GraphQL: its models, whether a Truss can be served, where to upload it, and
/// the push itself.
#[utoipa::path(
    post, path = "/graphql/", tag = "Baseten",
    request_body = GraphQlRequest,
    responses((status = 200, description = "What was asked for, or `errors`", body = GraphQlAnswer), BasetenErrors)
)]
pub(crate) async fn answer(
    State(app): State<App>,
    steward: Steward,
    base: BaseUrl,
    JsonBody(request): JsonBody<GraphQlRequest>,
) -> Result<Response<Body>, HttpError> {
    let calls = Calls { baseten: Baseten::of(steward.plane()), app, steward, base };
    // Whoever may not ask at all gives us nothing to read.
    calls.may(Scope::Read)?;
    let effort = Effort::of_reading(request.query.len());
    let parsed = calls.app.offload().run_if(effort, move || graphql::parse(request)).await;
    let Operation { kind, call } = parsed?;
    let key = call.key.clone();
    let answer = match kind {
        Kind::Query => calls.query(call).await?,
        // Its client may go away, and then ask again.
        Kind::Mutation => to_the_end(async move { calls.mutation(call).await }).await?,
    };
    let data = json!({ key: answer });
    Ok(respond::json(&GraphQlAnswer { data: Some(data), errors: Vec::new() }))
}

struct Calls {
    app: App,
    baseten: Baseten,
    steward: Steward,
    base: BaseUrl,
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

impl Calls {
    async fn query(&self, mut call: Call) -> Result<Value, HttpError> {
        let answer = match call.name.as_str() {
            "teams" => json!([self.team_with(Some(true))]),
            "models" => self.baseten.models().iter().map(|model| self.model(model)).collect(),
            "model" => self.model(&self.find(&read(&call.name, &mut call.arguments)?)?),
            "model_version" => {
                let Which { id, .. } = read(&call.name, &mut call.arguments)?;
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
            "truss_validation" => {
                self.validate(read::<Validation>(&call.name, &mut call.arguments)?.config).await?
            }
            // The client hands all of it to its S3 client, so that it may say more than is asked for.
            "model_s3_upload_credentials" => return self.credentials().await,
            name => return Err(no_such(name, "query", QUERIES)),
        };
        call.select(answer)
    }

    async fn mutation(&self, mut call: Call) -> Result<Value, HttpError> {
        self.may(Scope::Admin)?;
        let name = call.name.as_str();
        if ![CREATE, CREATE_VERSION, DEPLOY_DRAFT].contains(&name) {
            let known = format!("{CREATE}, {CREATE_VERSION} and {DEPLOY_DRAFT}");
            return Err(no_such(name, "mutation", &known));
        }
        // What is wanted has to be there before anything is done.
        call.select(json!({ "model_version": version(&Shown::default()) }))?;
        let mut pushed: Pushed = read(&call.name, &mut call.arguments)?;
        let (given, id) = (pushed.name.take(), pushed.model_id.take());
        let (of, deployment_name) = if name == CREATE_VERSION {
            (Of::Id(named(id, "model_id")?), given)
        } else {
            (Of::Name(named(given, "name")?), pushed.version_name.take())
        };
        let push = Push {
            of,
            truss: self.truss(&pushed).await?,
            deployment_name,
            environment: pushed.environment_name,
            is_draft: name == DEPLOY_DRAFT,
            ends_previous: pushed.scale_down_old_production.unwrap_or(true),
        };
        let (model, id) = self.baseten.push(push, self.steward.is_owner(), now()).await?;
        let version = self.version(&model, model.deployment(&id)?);
        call.select(json!({ "model_version": version }))
    }

    // Reading a Truss takes as long as its sender likes, within its bounds.
    async fn truss(&self, pushed: &Pushed) -> Result<Document, HttpError> {
        let (text, field) = match &pushed.raw_config {
            Some(raw) => (decoded(raw, "raw_config")?, "raw_config"),
            None => (decoded(&pushed.config, "config")?, "config"),
        };
        let read = self.app.offload().run(move || read_truss(&text)).await;
        read.map_err(|why| bad_field(field, &why))
    }

    // What is wrong is said here as the vendor says it, so that nothing is uploaded for nothing.
    async fn validate(&self, config: String) -> Result<Value, HttpError> {
        let text = decoded(&config, "config")?;
        let judged = self.app.offload().run(move || judge(&text)).await;
        let is_good = judged.errors.is_empty();
        let details = json!({ "warnings": judged.warnings, "errors": judged.errors });
        Ok(json!({ "success": is_good, "details": details.to_string() }))
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
        version(&Shown {
            id: &deployment.id,
            name: &deployment.name,
            is_draft: deployment.is_draft,
            is_primary: model.production() == Some(&deployment.id),
            status: self.baseten.status(deployment),
            instance_type: self.baseten.instance_type(deployment),
            model: (&model.id, &model.name),
            hostname: self.base.baseten_model(&model.id),
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

/// What is shown of a deployment.
#[derive(Default)]
struct Shown<'a> {
    id: &'a str,
    name: &'a str,
    is_draft: bool,
    is_primary: bool,
    status: &'a str,
    instance_type: String,
    /// The id and the name of its model.
    model: (&'a str, &'a str),
    hostname: String,
}

fn version(shown: &Shown<'_>) -> Value {
    let (id, name) = shown.model;
    json!({
        "id": shown.id,
        "name": shown.name,
        "semver": "0.0.1",
        "truss_hash": Value::Null,
        "truss_signature": Value::Null,
        "is_draft": shown.is_draft,
        "is_primary": shown.is_primary,
        "current_model_deployment_status": { "status": shown.status },
        "instance_type": { "name": shown.instance_type },
        "oracle": { "id": id, "name": name, "hostname": shown.hostname },
    })
}

fn decoded(text: &str, field: &'static str) -> Result<String, HttpError> {
    let bytes = STANDARD.decode(text).map_err(|_| bad_field(field, "it is not base64"))?;
    String::from_utf8(bytes).map_err(|_| bad_field(field, "it is not UTF-8 once it is decoded"))
}

fn named(name: Option<String>, field: &'static str) -> Result<String, HttpError> {
    name.ok_or_else(|| bad_field(field, "it is missing"))
}

// Takes the arguments, in which a whole config may stand.
fn read<T: DeserializeOwned>(
    call: &str,
    arguments: &mut Map<String, Value>,
) -> Result<T, HttpError> {
    serde_json::from_value(std::mem::take(arguments).into()).map_err(|err| {
        let message = format!("the arguments of `{call}`: {err}");
        HttpError::new(ErrorKind::BadField, message).param("query")
    })
}

fn no_such(name: &str, kind: &str, known: &str) -> HttpError {
    let message = format!("there is no {kind} `{name}` here; there are {known}");
    HttpError::new(ErrorKind::UnknownRoute, message)
}
