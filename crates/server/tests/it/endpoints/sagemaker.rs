//! SageMaker's calls and its runtime, over the test's replicas.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use server::AccessKey;

use super::world::World;
use crate::harness::{Reply, config, with_keys};

impl World {
    async fn aws(&self, call: &str, body: &Value) -> Reply {
        let mut request = self.request(Method::POST, "/", body);
        let headers = request.headers_mut();
        headers.insert("x-amz-target", format!("SageMaker.{call}").parse().unwrap());
        headers.insert("content-type", "application/x-amz-json-1.1".parse().unwrap());
        self.server.send(request).await
    }

    async fn aws_ok(&self, call: &str, body: Value) -> Value {
        let reply = self.aws(call, &body).await;
        assert_eq!(reply.status, StatusCode::OK, "{call}: {}", reply.line());
        if reply.text().is_empty() { Value::Null } else { reply.json() }
    }

    async fn model(&self, name: &str, variables: Value) {
        let container = json!({"Image": "0.dkr.ecr.aws/x:1", "Environment": variables});
        let sent = json!({"ModelName": name, "PrimaryContainer": container});
        self.aws_ok("CreateModel", sent).await;
    }

    async fn configure(&self, name: &str, variants: Value) {
        let sent = json!({"EndpointConfigName": name, "ProductionVariants": variants});
        self.aws_ok("CreateEndpointConfig", sent).await;
    }

    /// Creates an endpoint of a configuration of the same name and waits until it serves.
    async fn in_service(&self, name: &str, variants: Value) -> Value {
        self.configure(name, variants).await;
        let sent = json!({"EndpointName": name, "EndpointConfigName": name, "Tags": []});
        self.aws_ok("CreateEndpoint", sent).await;
        self.until_status(name, "InService").await
    }

    async fn until_status(&self, name: &str, status: &str) -> Value {
        let waiting = async {
            loop {
                let shown = self.aws_ok("DescribeEndpoint", json!({"EndpointName": name})).await;
                if shown["EndpointStatus"] == status {
                    return shown;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        waited.unwrap_or_else(|_| panic!("{name} never was {status}"))
    }

    #[track_caller]
    fn refused(&self, reply: &Reply, expected: &Expect) {
        let shown = format!("{} {}", reply.header("x-amzn-errortype"), reply.line());
        expected.assert_eq(&shown);
    }
}

fn variant(name: &str, model: &str, weight: f64) -> Value {
    json!({
        "VariantName": name, "ModelName": model, "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.xlarge", "InitialVariantWeight": weight,
    })
}

const INVOKE: &str = "/endpoints/minilm/invocations";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sdk_does_from_model_to_deletion() {
    let world = World::start().await;
    world.model("m", json!({"HF_MODEL_ID": "a/b", "HF_TASK": "feature-extraction"})).await;
    let shown = world.in_service("minilm", json!([variant("AllTraffic", "m", 1.0)])).await;
    assert_eq!(shown["EndpointArn"], "arn:aws:sagemaker:us-east-1:000000000000:endpoint/minilm");
    let summary = &shown["ProductionVariants"][0];
    assert_eq!(
        (&summary["CurrentInstanceCount"], &summary["CurrentWeight"]),
        (&json!(1), &json!(1.0))
    );
    let reply = world.post(INVOKE, &json!(["a", "b"])).await;
    assert_eq!(reply.header("x-amzn-invoked-production-variant"), "AllTraffic");
    assert_eq!(reply.json()["uri"], "/invocations");

    // Hugging Face's clients see the same endpoint under its name.
    assert_eq!(world.get("/v2/endpoint/me/minilm").await.json()["model"]["repository"], "a/b");
    let listed = world.aws_ok("ListEndpoints", json!({"NameContains": "mini"})).await;
    assert_eq!(listed["Endpoints"][0]["EndpointStatus"], "InService");
    let described = world.aws_ok("DescribeModel", json!({"ModelName": "m"})).await;
    assert_eq!(described["PrimaryContainer"]["Environment"]["HF_MODEL_ID"], "a/b");

    world.aws_ok("DeleteModel", json!({"ModelName": "m"})).await;
    world.aws_ok("DeleteEndpointConfig", json!({"EndpointConfigName": "minilm"})).await;
    world.post_ok(INVOKE, &json!("a")).await;
    world.aws_ok("DeleteEndpoint", json!({"EndpointName": "minilm"})).await;
    assert_eq!(world.get("/v2/endpoint/me/minilm").await.status, StatusCode::NOT_FOUND);
    world.refused(
        &world.aws("DescribeEndpoint", &json!({"EndpointName": "minilm"})).await,
        &expect![[r#"ValidationException 400 {"__type":"ValidationException","message":"Could not find endpoint \"arn:aws:sagemaker:us-east-1:000000000000:endpoint/minilm\"; list what there is for its name"}"#]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn variants_share_the_traffic_by_their_weights() {
    let world = World::start().await;
    world.model("m", json!({"HF_MODEL_ID": "a/b"})).await;
    let both = json!([variant("blue", "m", 1.0), variant("green", "m", 3.0)]);
    world.in_service("minilm", both).await;
    let mut num_blue = 0;
    for _ in 0..400 {
        let reply = world.post(INVOKE, &json!("a")).await;
        num_blue += usize::from(reply.header("x-amzn-invoked-production-variant") == "blue");
    }
    assert!((60..140).contains(&num_blue), "{num_blue} of 400 instead of 100");
    let mut named = world.request(Method::POST, INVOKE, &json!("a"));
    named.headers_mut().insert("x-amzn-sagemaker-target-variant", "blue".parse().unwrap());
    let reply = world.server.send(named).await;
    assert_eq!(reply.header("x-amzn-invoked-production-variant"), "blue");

    let desired = json!([{"VariantName": "blue", "DesiredWeight": 0.0}]);
    let sent = json!({"EndpointName": "minilm", "DesiredWeightsAndCapacities": desired});
    world.aws_ok("UpdateEndpointWeightsAndCapacities", sent).await;
    for _ in 0..20 {
        let reply = world.post(INVOKE, &json!("a")).await;
        assert_eq!(reply.header("x-amzn-invoked-production-variant"), "green");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_takes_over_when_it_is_ready_and_leaves_what_was_if_it_cannot_be() {
    let world = World::start().await;
    world.model("m", json!({"HF_MODEL_ID": "a/b"})).await;
    world.model("qa", json!({"HF_MODEL_ID": "a/b", "HF_TASK": "question-answering"})).await;
    world.in_service("minilm", json!([variant("old", "m", 1.0)])).await;
    world.configure("next", json!([variant("new", "m", 1.0)])).await;
    world.configure("bad", json!([variant("other", "qa", 1.0)])).await;

    let update = |config: &str| json!({"EndpointName": "minilm", "EndpointConfigName": config});
    world.aws_ok("UpdateEndpoint", update("next")).await;
    let shown = world.until_status("minilm", "InService").await;
    assert_eq!(shown["EndpointConfigName"], "next");
    assert_eq!(shown["ProductionVariants"][0]["VariantName"], "new");
    world.post_ok(INVOKE, &json!("a")).await;
    assert_eq!(world.control.list_all().len(), 1, "what served before is gone");

    world.aws_ok("UpdateEndpoint", update("bad")).await;
    let shown = world.until_status("minilm", "InService").await;
    assert_eq!(shown["EndpointConfigName"], "next");
    let reason = shown["FailureReason"].as_str().unwrap();
    assert!(reason.contains("rolled back") && reason.contains("feature-extraction"), "{reason}");
    world.post_ok(INVOKE, &json!("a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_not_served_ends_in_failed_with_those_that_are() {
    let world = World::start().await;
    world.model("qa", json!({"HF_MODEL_ID": "a/b", "HF_TASK": "question-answering"})).await;
    world.configure("qa", json!([variant("AllTraffic", "qa", 1.0)])).await;
    let sent = json!({"EndpointName": "qa", "EndpointConfigName": "qa"});
    world.aws_ok("CreateEndpoint", sent).await;
    let shown = world.until_status("qa", "Failed").await;
    expect!["HF_TASK `question-answering` is not served here; use feature-extraction, sentence-embeddings or sentence-similarity, or leave it out for embeddings"]
        .assert_eq(shown["FailureReason"].as_str().unwrap());
    assert!(world.control.list_all().is_empty());
    world.refused(
        &world.post("/endpoints/qa/invocations", &json!("a")).await,
        &expect![[r#"ValidationError 400 {"Message":"variant `AllTraffic` of endpoint `qa` failed: HF_TASK `question-answering` is not served here; use feature-extraction, sentence-embeddings or sentence-similarity, or leave it out for embeddings"}"#]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_named_and_changes_nothing() {
    let world = World::start().await;
    world.model("m", json!({"HF_MODEL_ID": "a/b"})).await;
    let config =
        |variants: Value| json!({"EndpointConfigName": "c", "ProductionVariants": variants});
    let container = json!({"PrimaryContainer": {"Image": "x"}, "ModelName": "n"});
    let twice = json!([variant("a", "m", 1.0), variant("a", "m", 1.0)]);
    let long = "a".repeat(64);
    let rows = [
        (
            "CreateEndpoint",
            json!({"EndpointName": "e", "EndpointConfigName": "none"}),
            "Could not find endpoint configuration",
        ),
        (
            "CreateEndpoint",
            json!({"EndpointName": long, "EndpointConfigName": "c"}),
            "has 64 characters cannot be a name; use 1 to 63",
        ),
        ("CreateEndpoint", json!({"EndpointName": "e"}), "missing field `EndpointConfigName`"),
        (
            "CreateEndpointConfig",
            config(json!([variant("a", "m", -1.0)])),
            "`InitialVariantWeight`: it is -1; send 0 or more",
        ),
        ("CreateEndpointConfig", config(json!([variant("a", "m", 0.0)])), "all are 0"),
        (
            "CreateEndpointConfig",
            config(json!([variant("a", "none", 1.0)])),
            "Could not find model",
        ),
        ("CreateEndpointConfig", config(json!([])), "there are 0; send 1 to 10"),
        ("CreateEndpointConfig", config(twice), "`a` comes twice"),
        ("CreateModel", container, "it names no model"),
        ("CreateModel", json!({"ModelName": "n"}), "a model needs a container"),
        (
            "CreateModel",
            json!({"ModelName": "m", "PrimaryContainer": {"Environment": {"HF_MODEL_ID": "a/b"}}}),
            "Cannot create already existing model",
        ),
        (
            "CreateModel",
            json!({"ModelName": "n", "PrimaryContainer": {"ModelDataUrl": "s3://b/k"}}),
            "takes no archives",
        ),
        ("CreateEndpoint", json!([1]), "must be a JSON object"),
        ("DeleteEndpoint", json!({"EndpointName": "none"}), "Could not find endpoint"),
        ("ListEndpoints", json!({"MaxResults": 0}), "ask for 1 to 100"),
        ("CreateTrainingJob", json!({}), "there is no call `SageMaker.CreateTrainingJob`"),
    ];
    for (call, body, words) in rows {
        let reply = world.aws(call, &body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{call} {body}: {}", reply.line());
        assert!(reply.text().contains(words), "{call} {body}: {}", reply.line());
        assert!(!reply.header("x-amzn-errortype").is_empty());
    }
    assert!(world.control.list_all().is_empty());
    let listed = world.aws_ok("ListEndpointConfigs", json!({})).await;
    assert_eq!(listed["EndpointConfigs"], json!([]));
    world.refused(
        &world.post("/endpoints/none/invocations", &json!("a")).await,
        &expect![[r#"ValidationError 400 {"Message":"there is no endpoint `none`; ListEndpoints says which there are"}"#]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_model_is_repeated_in_the_vendors_words() {
    let world = World::start().await;
    world.model("m", json!({"HF_MODEL_ID": "a/b"})).await;
    world.in_service("minilm", json!([variant("AllTraffic", "m", 1.0)])).await;
    let answer_with = async |status: &str| {
        let mut request = world.request(Method::POST, INVOKE, &json!("a"));
        request.headers_mut().insert("x-answer-with", status.parse().unwrap());
        world.server.send(request).await
    };
    world.refused(&answer_with("422").await, &expect![[r#"ModelError 424 {"Message":"Received client error (422) from the model of endpoint `minilm` with message \"{\"error\":\"no\"}\"","OriginalStatusCode":422,"OriginalMessage":"{\"error\":\"no\"}"}"#]]);
    world.refused(&answer_with("500").await, &expect![[r#"ModelError 424 {"Message":"Received server error (500) from the model of endpoint `minilm` with message \"{\"error\":\"no\"}\"","OriginalStatusCode":500,"OriginalMessage":"{\"error\":\"no\"}"}"#]]);
    world.refused(&answer_with("429").await, &expect![[r#"ServiceUnavailable 503 {"Message":"endpoint `minilm` has too much to do; try again"}"#]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_another_dialect_is_invoked_by_its_name() {
    let world = World::start().await;
    world.deploy("boru", |_| {}).await;
    let reply = world.post("/endpoints/boru/invocations", &json!(["a"])).await;
    assert_eq!(reply.json()["uri"], "/invocations");
}

#[tokio::test(flavor = "multi_thread")]
async fn once_there_is_a_key_nobody_is_let_in_without_one() {
    let access = AccessKey::new("AKIDEXAMPLE".to_owned(), "hush".to_owned());
    let signed =
        World::with(server::ServerConfig { aws_access_keys: vec![access], ..config() }).await;
    let keyed = World::with(with_keys(&["hush"])).await;
    let unsigned = json!({"EndpointName": "e"});
    for world in [&signed, &keyed] {
        let reply = world.aws("DescribeEndpoint", &unsigned).await;
        assert_eq!(reply.header("x-amzn-errortype"), "UnrecognizedClientException");
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        let reply = world.post(INVOKE, &json!("a")).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.line());
        assert_eq!(world.get("/v2/endpoint/me").await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_says_who_asks_and_iam_which_role_that_is() {
    let world = World::start().await;
    let form = async |body: &str| {
        let mut request = crate::harness::request(Method::POST, "/", body.to_owned());
        let headers = request.headers_mut();
        let signature = "AWS4-HMAC-SHA256 Credential=AK/20261121/eu-west-1/sts/aws4_request, \
                         SignedHeaders=host;x-amz-date, Signature=00";
        headers.insert("authorization", signature.parse().unwrap());
        headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
        world.server.send(request).await
    };
    let who = form("Action=GetCallerIdentity&Version=2011-06-15").await;
    assert_eq!(who.header("content-type"), "text/xml");
    assert!(who.text().contains("<Arn>arn:aws:iam::000000000000:role/SageMakerIAMRole</Arn>"));
    let role = form("Action=GetRole&RoleName=Mine&Version=2010-05-08").await;
    assert!(role.text().contains("<Arn>arn:aws:iam::000000000000:role/Mine</Arn>"));
    let unknown = form("Action=AssumeRole").await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    assert!(unknown.text().starts_with("<ErrorResponse>"), "{}", unknown.text());
}
