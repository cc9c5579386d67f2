//! Baseten's GraphQL as `truss push` speaks it, its management API and its predict routes, over the test's replicas.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use expect_test::expect;
use serde_json::{Value, json};

use super::world::World;
use crate::harness::{Reply, with_keys};

const CONFIG: &str = "
model_name: Text Embeddings
base_image: {image: 'ghcr.io/huggingface/text-embeddings-inference:89-1.9'}
docker_server:
  start_command: text-embeddings-router --port 7997 --model-id a/b --max-concurrent-requests 40
  server_port: 7997
  predict_endpoint: /v1/embeddings
  readiness_endpoint: /health
  liveness_endpoint: /health
resources: {accelerator: L4}
runtime: {predict_concurrency: 40}
";

impl World {
    async fn graphql(&self, query: &str, variables: Value) -> Reply {
        self.post("/graphql/", &json!({"query": query, "variables": variables})).await
    }

    async fn asked(&self, query: &str) -> Value {
        let reply = self.graphql(query, Value::Null).await;
        let answer = reply.json();
        assert_eq!((reply.status, &answer["errors"]), (StatusCode::OK, &Value::Null), "{answer}");
        answer["data"].clone()
    }

    async fn push(&self, call: &str, config: &str) -> Reply {
        let query = format!(
            r#"mutation ($trussUserEnv: String, $userDeployMetadata: JSONString, $rawConfig: String) {{
                {call}
                    s3_key: "k"

                    config: "e30="
                    truss_user_env: $trussUserEnv
                    user_deploy_metadata: $userDeployMetadata
                    raw_config: $rawConfig
                ) {{ model_version {{ id oracle {{ id name hostname }} instance_type {{ name }} }} }}
            }}"#
        );
        let variables = json!({"trussUserEnv": "{}", "userDeployMetadata": null, "rawConfig": STANDARD.encode(config)});
        self.graphql(&query, variables).await
    }

    /// Pushes a new model, and returns its id and that of its deployment.
    async fn pushed(&self) -> (String, String) {
        let call = r#"create_model_from_truss( name: "Text Embeddings" semver_bump: "MINOR""#;
        self.version(call, "create_model_from_truss").await
    }

    async fn version(&self, call: &str, name: &str) -> (String, String) {
        let reply = self.push(call, CONFIG).await.json();
        let version = &reply["data"][name]["model_version"];
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{reply}")).to_owned();
        (text(&version["oracle"]["id"]), text(&version["id"]))
    }

    async fn pushed_again(&self, model: &str, more: &str) -> String {
        let call = format!(r#"create_model_version_from_truss( model_id: "{model}" {more}"#);
        self.version(&call, "create_model_version_from_truss").await.1
    }

    async fn predict(&self, model: &str, path: &str) -> Reply {
        self.post(&format!("/b10/model-{model}/{path}"), &json!({"input": "a"})).await
    }

    async fn answering(&self, model: &str, path: &str) -> String {
        let reply = self.predict(model, path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.line());
        reply.header("x-sembla-deployment").to_owned()
    }

    /// Waits until a deployment answers for an environment.
    async fn until_answers(&self, model: &str, environment: &str, deployment: &str) {
        let path = format!("/b10/v1/models/{model}/environments/{environment}");
        let waiting = async {
            loop {
                let shown = self.get(&path).await.json();
                if shown["current_deployment"]["id"] == deployment {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        waited.unwrap_or_else(|_| panic!("{deployment} never answered for {environment}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_truss_push_asks_from_its_teams_to_a_model_that_answers() {
    let world = World::start().await;
    let teams = world.asked("query Teams { teams { id name default } }").await;
    assert_eq!(teams, json!({"teams": [{"id": "me", "name": "me", "default": true}]}));
    let none = world.asked("{ models(all: true) { id, name team { id name } } }").await;
    assert_eq!(none, json!({"models": []}));

    let (model, deployment) = world.pushed().await;
    let listed = world.asked(r#"{ models(team_id: "me") { id, name team { id } } }"#).await;
    let expected = json!([{"id": model, "name": "Text Embeddings", "team": {"id": "me"}}]);
    assert_eq!(listed["models"], expected);
    let fields =
        "hostname versions { id is_draft is_primary current_model_deployment_status { status } }";
    let shown =
        world.asked(&format!(r#"{{ model(name: "Text Embeddings") {{ {fields} }} }}"#)).await;
    let shown = &shown["model"];
    assert!(shown["hostname"].as_str().unwrap().ends_with(&format!("/b10/model-{model}")));
    assert_eq!(
        (&shown["versions"][0]["id"], &shown["versions"][0]["is_primary"]),
        (&json!(deployment), &json!(true))
    );

    for path in [
        "production/predict".to_owned(),
        "environments/production/predict".to_owned(),
        "development/predict".to_owned(),
        format!("deployment/{deployment}/predict"),
    ] {
        let reply = world.predict(&model, &path).await;
        assert_eq!(reply.json()["uri"], "/v1/embeddings", "{path}: {}", reply.line());
        assert_eq!(reply.header("x-sembla-deployment"), deployment);
    }
    let reply = world.predict(&model, "production/sync/embed?truncate=true").await;
    assert_eq!(reply.json()["uri"], "/embed?truncate=true");

    // Hugging Face's clients see the same endpoint.
    let endpoint = format!("text-embeddings-{deployment}");
    let shown = world.get(&format!("/v2/endpoint/me/{endpoint}")).await.json();
    assert_eq!(shown["model"]["repository"], "a/b");
    assert_eq!(shown["compute"]["instanceType"], "nvidia-l4");
    world.until(&endpoint, "running").await;
    for path in ["/b10/v1/models", "/v1/models"] {
        let path = format!("{path}/{model}/deployments/{deployment}");
        let shown = world.get(&path).await.json();
        assert_eq!((&shown["status"], &shown["is_production"]), (&json!("ACTIVE"), &json!(true)));
        assert_eq!(
            shown["autoscaling_settings"],
            json!({"min_replica": 0, "max_replica": 1, "scale_down_delay": 900})
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truss_is_judged_before_it_is_uploaded() {
    let world = World::start().await;
    let judged = async |config: &str| {
        let query = format!(
            r#"query ($e: String) {{ truss_validation(truss_user_env: $e config: "{}") {{ success details }} }}"#,
            STANDARD.encode(config)
        );
        let answer = world.asked(&query).await["truss_validation"].clone();
        let details: Value = serde_json::from_str(answer["details"].as_str().unwrap()).unwrap();
        (answer["success"].as_bool().unwrap(), details)
    };
    let (is_good, details) = judged(CONFIG).await;
    assert!(is_good && details["errors"] == json!([]), "{details}");
    assert!(details.to_string().contains("runs on this machine's CPU"), "{details}");
    let (is_good, details) =
        judged("{\"model_name\": \"x\", \"trt_llm\": {\"inference_stack\": \"v2\"}}").await;
    assert!(
        !is_good && details["errors"][0].as_str().unwrap().contains("TensorRT-LLM"),
        "{details}"
    );
    // Nobody has to answer for a model that a config names and the server would not.
    let refused = world.push(r#"create_model_from_truss( name: "x""#, "model_name: x").await;
    expect![[r#"200 {"data":null,"errors":[{"message":"`config`: this Truss has no docker_server: it runs a model.py; what becomes an endpoint here is one with a docker_server whose start_command runs text-embeddings-router","extensions":{"code":"BAD_FIELD"}}]}"#]]
        .assert_eq(&refused.line());
    assert!(world.control.list_all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_moves_all_requests_or_a_share_of_them() {
    let world = World::start().await;
    let (model, first) = world.pushed().await;
    let second = world.pushed_again(&model, r#"name: "v2""#).await;
    assert_eq!(world.answering(&model, "production/predict").await, first);
    assert_eq!(world.answering(&model, &format!("deployment/{second}/predict")).await, second);
    world.until(&format!("text-embeddings-{second}"), "running").await;

    let promote = format!("/b10/v1/models/{model}/environments/production/promote");
    let quarter = json!({"deployment_id": second, "percent_traffic_to_new_version": 25.0});
    world.post_ok(&promote, &quarter).await;
    let path = format!("/b10/v1/models/{model}/environments/production");
    let shown = world.get(&path).await.json();
    assert_eq!(shown["in_progress_promotion"], json!({"percent_traffic_to_new_version": 25.0}));
    let mut num_second = 0;
    let waiting = async { while world.answering(&model, "production/predict").await != second {} };
    tokio::time::timeout(Duration::from_secs(60), waiting)
        .await
        .expect("it gets a share when it is ready");
    for _ in 0..400 {
        num_second += usize::from(world.answering(&model, "production/predict").await == second);
    }
    assert!((60..140).contains(&num_second), "{num_second} of 400 instead of 100");

    world.post_ok(&promote, &json!({"deployment_id": second})).await;
    world.until_answers(&model, "production", &second).await;
    assert_eq!(world.answering(&model, "production/predict").await, second);
    // Nobody asks it any more: it sleeps, and wakes when somebody does.
    world.until(&format!("text-embeddings-{first}"), "scaledToZero").await;
    assert_eq!(world.answering(&model, &format!("deployment/{first}/predict")).await, first);

    let staged = world
        .pushed_again(&model, r#"environment_name: "staging" scale_down_old_production: true"#)
        .await;
    assert_eq!(world.answering(&model, "environments/staging/predict").await, staged);
    let promoted = world.pushed_again(&model, r#"environment_name: "production""#).await;
    world.until_answers(&model, "production", &promoted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_that_cannot_be_leaves_what_was_and_says_why() {
    let world = World::start().await;
    let (model, first) = world.pushed().await;
    assert_eq!(world.answering(&model, "production/predict").await, first);
    world.runtime.hold_starts();
    let second = world.pushed_again(&model, r#"environment_name: "production""#).await;
    let path = format!("/b10/v1/models/{model}/environments/production");
    let shown = world.get(&path).await.json();
    assert_eq!(shown["candidate_deployment"]["id"], second);
    assert_eq!(world.answering(&model, "production/predict").await, first);
    world.control.delete("me", &format!("text-embeddings-{second}")).await.unwrap();
    let waiting = async {
        loop {
            let shown = world.get(&path).await.json();
            if shown["candidate_deployment"].is_null() {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let shown = tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap();
    assert_eq!(shown["promotion_failure"], "its endpoint was deleted");
    assert_eq!(shown["current_deployment"]["id"], first);
    assert_eq!(world.answering(&model, "production/predict").await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_worked_on_keeps_its_place() {
    let world = World::start().await;
    let (model, published) = world.pushed().await;
    let call = r#"deploy_draft_truss( name: "Text Embeddings""#;
    let (of, draft) = world.version(call, "deploy_draft_truss").await;
    assert_eq!(of, model);
    let (_, again) = world.version(call, "deploy_draft_truss").await;
    assert_eq!(again, draft);
    assert_eq!(world.answering(&model, "development/predict").await, draft);
    assert_eq!(world.answering(&model, "production/predict").await, published);
    assert_eq!(world.control.list_all().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_are_paused_resumed_and_deleted() {
    let world = World::start().await;
    let (model, deployment) = world.pushed().await;
    let of = format!("/b10/v1/models/{model}");
    let one = format!("{of}/deployments/{deployment}");
    world.until(&format!("text-embeddings-{deployment}"), "running").await;
    world.post_ok(&format!("{of}/deployments/production/deactivate"), &json!({})).await;
    assert_eq!(world.get(&one).await.json()["status"], "INACTIVE");
    assert_eq!(world.predict(&model, "production/predict").await.status, StatusCode::CONFLICT);
    world.post_ok(&format!("{one}/activate"), &json!({})).await;
    world.answering(&model, "production/predict").await;

    let refused = world.call(Method::DELETE, &one, &Value::Null).await;
    assert!(refused.line().contains("answers for production"), "{}", refused.line());
    let second = world.pushed_again(&model, "").await;
    let path = format!("{of}/deployments/{second}");
    assert!(world.call(Method::DELETE, &path, &Value::Null).await.status.is_success());
    assert_eq!(world.get(&path).await.status, StatusCode::NOT_FOUND);
    assert!(world.call(Method::DELETE, &of, &Value::Null).await.status.is_success());
    assert_eq!(world.get(&of).await.status, StatusCode::NOT_FOUND);
    assert!(world.control.list_all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_push_a_new_name_at_once_one_wins() {
    let world = World::start().await;
    let call = r#"create_model_from_truss( name: "Race" semver_bump: "MINOR""#;
    let pushes = (0..10).map(|_| world.push(call, CONFIG));
    let mut num_won = 0;
    for reply in futures_util::future::join_all(pushes).await {
        let said = reply.json();
        let message = said["errors"][0]["message"].as_str();
        num_won += usize::from(message.is_none());
        assert!(message.is_none_or(|it| it.contains("there is a model `Race` already")), "{said}");
    }
    let draft = r#"deploy_draft_truss( name: "Race""#;
    futures_util::future::join_all((0..10).map(|_| world.push(draft, CONFIG))).await;
    let models = world.get("/b10/v1/models").await.json();
    let id = models["models"][0]["id"].as_str().unwrap();
    let listed = world.get(&format!("/b10/v1/models/{id}/deployments")).await.json();
    let listed = listed["deployments"].as_array().unwrap();
    let is_draft = |it: &&Value| it["is_development"] == true;
    assert_eq!((num_won, listed.len(), listed.iter().filter(is_draft).count()), (1, 2, 1));
    // Of those that lost nothing is left, once their last words are spoken.
    let waiting = async {
        while world.control.list_all().len() != 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("no endpoint is left over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_client_goes_away_is_done_or_not_at_all() {
    let world = World::start().await;
    for number in 0..40_u64 {
        let name = format!("cut-{number}");
        let call = format!(r#"create_model_from_truss( name: "{name}" semver_bump: "MINOR""#);
        let push = world.push(&call, CONFIG);
        let _ = tokio::time::timeout(Duration::from_micros(number * 250), push).await;
    }
    let waiting = async {
        loop {
            let models = world.get("/b10/v1/models").await.json();
            let num_models = models["models"].as_array().unwrap().len();
            if num_models == world.control.list_all().len() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .expect("each endpoint has its model");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_behind_a_deployment_is_pushed_again_or_left_to_its_new_owner() {
    let world = World::start().await;
    let call = r#"deploy_draft_truss( name: "Text Embeddings""#;
    let (model, draft) = world.version(call, "deploy_draft_truss").await;
    let endpoint = format!("text-embeddings-{draft}");
    world.control.delete("me", &endpoint).await.unwrap();
    let path = format!("/b10/v1/models/{model}/deployments/{draft}");
    assert_eq!(world.get(&path).await.json()["status"], "FAILED");
    let (_, again) = world.version(call, "deploy_draft_truss").await;
    assert_eq!(world.answering(&model, "development/predict").await, again);

    let endpoint = format!("text-embeddings-{again}");
    world.control.delete("me", &endpoint).await.unwrap();
    world.deploy(&endpoint, |_| {}).await;
    let path = format!("/b10/v1/models/{model}");
    assert!(world.call(Method::DELETE, &path, &Value::Null).await.status.is_success());
    assert!(world.control.get("me", &endpoint).is_ok(), "it was somebody else's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_none_is_refused_where_it_is_told() {
    let world = World::start().await;
    for route in ["/<", "/a b", &format!("/{}", "a".repeat(70_000))] {
        let config = CONFIG.replace("/v1/embeddings", route);
        let line = world.push(r#"create_model_from_truss( name: "x""#, &config).await.line();
        assert!(line.contains("predict_endpoint"), "{line}");
    }
    world.deploy("odd", |sent| sent["model"]["env"] = json!({"PREDICT_ROUTE": "no ‹slash"})).await;
    let reply = world.predict("odd", "production/predict").await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_was_made_otherwise_is_asked_by_its_name() {
    let world = World::start().await;
    let variables = json!({"PREDICT_ROUTE": "/embed"});
    world.deploy("imported", |sent| sent["model"]["env"] = variables).await;
    let reply = world.predict("imported", "development/predict").await;
    assert_eq!(reply.json()["uri"], "/embed", "{}", reply.line());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_graphql_is_named_and_changes_nothing() {
    let world = World::start().await;
    world.pushed().await;
    let same_name = r#"create_model_from_truss( name: "Text Embeddings""#;
    let line = world.push(same_name, CONFIG).await.line();
    assert!(line.contains("there is a model `Text Embeddings` already"), "{line}");
    let rows = [
        (
            "{ chains(all: true) { id } }",
            "there is no query `chains` here; there are teams, models",
        ),
        ("mutation { delete_model(id: 1) { id } }", "there is no mutation `delete_model` here"),
        ("{ models {", "it cannot be read as GraphQL"),
        ("{ models(all: true) }", "name those that are wanted"),
        ("{ models(all: true) { id owner } }", "`models` has no field `owner`"),
        ("{ model(id: \"none\") { id } }", "there is no model `none`"),
        ("{ model_version(id: \"none\") { id } }", "there is no deployment `none`"),
        ("{ truss_validation(config: \"?\") { success } }", "it is not base64"),
        ("{ truss_validation { success } }", "missing field `config`"),
        ("{ model_s3_upload_credentials { s3_key } }", "start it with --s3-endpoint URL"),
    ];
    for (query, expected) in rows {
        let reply = world.graphql(query, Value::Null).await;
        let said = reply.json();
        let message =
            said["errors"][0]["message"].as_str().unwrap_or_else(|| panic!("{query}: {said}"));
        assert!(reply.status == StatusCode::OK && message.contains(expected), "{query}: {said}");
        assert!(said["data"].is_null() && said["errors"][0]["extensions"]["code"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_management_api_cannot_do_is_named() {
    let world = World::start().await;
    let (model, deployment) = world.pushed().await;
    let of = format!("/b10/v1/models/{model}");
    let promote = format!("{of}/environments/production/promote");
    for (path, body, status, expected) in [
        (
            promote.as_str(),
            json!({"deployment_id": "none"}),
            404,
            "has no deployment `none`; it has",
        ),
        (&promote, json!({}), 400, "`deployment_id`: it is missing"),
        (
            &promote,
            json!({"deployment_id": deployment, "percent_traffic_to_new_version": -1}),
            400,
            "it is -1; send 0 to 100",
        ),
        (&format!("{of}/environments"), json!({"name": "A/b"}), 400, "cannot be an environment"),
        (
            &format!("{of}/environments"),
            json!({"name": "production"}),
            400,
            "has an environment `production` already",
        ),
        (
            "/b10/model-none/production/predict",
            json!({}),
            404,
            "there is no model and no endpoint `none`",
        ),
        (
            &format!("/b10/model-{model}/environments/qa/predict"),
            json!({}),
            404,
            "it has production",
        ),
        (
            &format!("/b10/model-{model}/production/async_predict"),
            json!({}),
            404,
            "there is no async_predict here",
        ),
        (&format!("/b10/model-{model}/predict"), json!({}), 404, "a model is asked at"),
    ] {
        let reply = world.post(path, &body).await;
        let said = reply.json();
        let message = said["error"].as_str().unwrap_or_default();
        assert!(
            reply.status.as_u16() == status && message.contains(expected),
            "{path}: {}",
            reply.line()
        );
        assert_eq!(said["message"], said["error"]);
    }
    assert_eq!(world.control.list_all().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_comes_in_two_ways_and_decides_what_its_owner_may() {
    let world = World::with(with_keys(&["secret"])).await;
    let query = "{ teams { id } }";
    let refused = world.graphql(query, Value::Null).await;
    expect![[r#"200 {"data":null,"errors":[{"message":"an API key is needed; send it as `Authorization: Bearer KEY`","extensions":{"code":"UNAUTHORIZED"}}]}"#]]
    .assert_eq(&refused.line());
    for scheme in ["Api-Key", "Bearer"] {
        let mut request = world.request(Method::POST, "/graphql/", &json!({"query": query}));
        request.headers_mut().insert("authorization", format!("{scheme} secret").parse().unwrap());
        let reply = world.server.send(request).await;
        assert_eq!(reply.json()["data"]["teams"][0]["id"], "me", "{scheme}: {}", reply.line());
    }
    assert_eq!(world.predict("x", "production/predict").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.get("/b10/v1/models").await.status, StatusCode::UNAUTHORIZED);
}
