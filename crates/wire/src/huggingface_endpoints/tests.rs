//! Bodies that the two clients sent, and what is made of them.

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

/// As huggingface_hub 2.4.0 sent it for the endpoint of tutorial 0.
const CREATE_2_4: &str = r#"{"compute":{"accelerator":"gpu","instanceSize":"x1","instanceType":"nvidia-a10g","scaling":{"maxReplica":1,"minReplica":1,"scaleToZeroTimeout":null}},
 "model":{"framework":"pytorch","repository":"jinaai/x","revision":"7302","image":{"custom":{"health_route":"/health","env":{"MAX_BATCH_TOKENS":"10240"},"url":"ghcr.io/huggingface/text-embeddings-inference:0.5.0"}},"task":"sentence-embeddings"},
 "name":"boru","provider":{"region":"us-east-1","vendor":"aws"},"type":"authenticated"}"#;

/// As 0.20.3 sent it, for an endpoint with the vendor's own image.
const CREATE_0_20: &str = r#"{"accountId":null,"compute":{"accelerator":"cpu","instanceSize":"x1","instanceType":"intel-icl","scaling":{"maxReplica":1,"minReplica":0}},
 "model":{"framework":"pytorch","repository":"a/b","revision":null,"task":null,"image":{"huggingface":{}}},
 "name":"boru","provider":{"region":"us-east-1","vendor":"aws"},"type":"protected"}"#;

fn create(json: &str) -> CreateRequest {
    serde_json::from_str(json).unwrap()
}

#[track_caller]
fn check_refused<T: for<'de> Deserialize<'de> + fmt::Debug>(json: Value, expected: Expect) {
    let err = serde_json::from_value::<T>(json).unwrap_err();
    expected.assert_eq(&err.to_string());
}

#[track_caller]
fn check_update(asked: &str, update: &str, pointer: &str, expected: Value) {
    let update: UpdateRequest = serde_json::from_str(update).unwrap();
    let updated = serde_json::to_value(update.applied_to(&create(asked)).unwrap()).unwrap();
    assert_eq!(updated.pointer(pointer), Some(&expected), "{updated}");
}

#[test]
fn the_body_of_2_4_is_read_and_written_again() {
    let request = create(CREATE_2_4);
    assert_eq!(request.access, Access::Authenticated);
    let Image::Custom(container) = &request.model.shown.image else {
        panic!("{:?}", request.model.shown.image);
    };
    assert_eq!(container.health_route.as_deref(), Some("/health"));
    assert_eq!(container.env.as_ref().unwrap()["MAX_BATCH_TOKENS"], "10240");

    let written = serde_json::to_value(&request).unwrap();
    let mut sent: Value = serde_json::from_str(CREATE_2_4).unwrap();
    // The answer spells it in camel case, whatever the request did.
    let custom = sent.pointer_mut("/model/image/custom").unwrap().as_object_mut().unwrap();
    let health_route = custom.remove("health_route").unwrap();
    custom.insert("healthRoute".to_owned(), health_route);
    assert_eq!(written, sent);
}

#[test]
fn the_body_of_0_20_has_nulls_and_no_time_out() {
    let request = create(CREATE_0_20);
    assert_eq!(request.access, Access::Protected);
    assert_eq!(request.account_id, None);
    assert_eq!(request.compute.scaling.min_replica, 0);
    assert_eq!(request.compute.scaling.scale_to_zero_timeout, None);
    assert_eq!(request.model.shown.task, None);
    assert_eq!(request.model.shown.image, Image::Huggingface(Container::default()));
}

#[test]
fn fields_that_are_not_known_are_kept_where_the_vendor_adds_some() {
    let mut sent: Value = serde_json::from_str(CREATE_0_20).unwrap();
    sent["compute"]["id"] = json!("aws-us-east-1-intel-icl-x1");
    sent["compute"]["scaling"]["threshold"] = json!(80.5);
    sent["compute"]["scaling"]["scaleToZeroTimeout"] = json!(15);
    sent["compute"]["scaling"]["measure"] = json!({"pendingRequests": 2});
    sent["model"]["fromCatalog"] = json!(true);
    sent["model"]["image"] =
        json!({"tei": {"maxBatchTokens": 16384, "pooling": "cls", "loraAdapters": ["a"]}});
    let mut written = serde_json::to_value(create(&sent.to_string())).unwrap();
    written["accountId"] = Value::Null;
    assert_eq!(written, sent);
}

#[test]
fn a_field_beside_them_is_ignored_so_that_it_cannot_pass_for_one_of_the_answer() {
    let mut sent: Value = serde_json::from_str(CREATE_0_20).unwrap();
    sent["status"] = json!({"state": "running"});
    let written = serde_json::to_value(create(&sent.to_string())).unwrap();
    assert_eq!(written.get("status"), None);
}

#[test]
fn other_images_come_out_as_they_went_in() {
    for image in [
        json!({"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "tensorParallelSize": 8}}),
        json!({"llamacpp": {"ctxSize": 4096, "modelPath": null}}),
        json!({"huggingface": {"env": {"A": "b"}}}),
    ] {
        let read: Image = serde_json::from_value(image.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), image);
    }
}

#[test]
fn an_endpoint_has_exactly_one_image() {
    check_refused::<Image>(
        json!({"custom": {"url": "a"}, "tei": {}}),
        expect!["image has `custom` and `tei`, and an endpoint runs one of them"],
    );
    check_refused::<Image>(json!({}), expect!["invalid length 0, expected one image"]);
    check_refused::<Image>(
        json!("tei"),
        expect![[r#"invalid type: string "tei", expected an image, as in {"huggingface":{}}"#]],
    );
}

#[test]
fn what_is_wrong_in_a_body_is_named() {
    let with = |pointer: &str, value: Value| {
        let mut sent: Value = serde_json::from_str(CREATE_0_20).unwrap();
        *sent.pointer_mut(pointer).unwrap() = value;
        sent
    };
    check_refused::<CreateRequest>(
        with("/type", json!("secret")),
        expect![
            "unknown variant `secret`, expected one of `public`, `authenticated`, `protected`, `private`"
        ],
    );
    check_refused::<CreateRequest>(
        with("/compute", json!({"accelerator": "cpu", "instanceSize": "x1"})),
        expect!["missing field `instanceType`"],
    );
    check_refused::<CreateRequest>(
        with("/compute/scaling/minReplica", json!(-1)),
        expect!["invalid value: integer `-1`, expected u32"],
    );
    check_refused::<CreateRequest>(
        with("/provider", json!(["aws", "us-east-1"])),
        expect!["invalid type: sequence, expected an object"],
    );
    check_refused::<CreateRequest>(
        with(
            "/compute/scaling",
            json!({"minReplica": 0, "maxReplica": 1, "measure": {"temperature": 1}}),
        ),
        expect![
            "unknown variant `temperature`, expected one of `pendingRequests`, `hardwareUsage`, `latency`"
        ],
    );
    check_refused::<UpdateRequest>(
        json!([1]),
        expect!["invalid type: sequence, expected an object"],
    );
}

#[test]
fn secrets_are_sent_on_but_neither_shown_nor_printed() {
    let mut sent: Value = serde_json::from_str(CREATE_2_4).unwrap();
    sent["model"]["secrets"] = json!({"HF_TOKEN": "hf_hidden"});
    sent["model"]["image"]["custom"]["credentials"] =
        json!({"username": "me", "password": "hidden_too"});
    let request = create(&sent.to_string());
    assert_eq!(request.model.secrets.as_ref().unwrap().0["HF_TOKEN"], "hf_hidden");
    let printed = format!("{request:?}");
    assert!(printed.contains("HF_TOKEN") && !printed.contains("hidden"), "{printed}");
    let shown = serde_json::to_string(&request.model.shown).unwrap();
    assert!(shown.contains(r#""credentials":{"username":"me"}"#), "{shown}");
    assert!(!shown.contains("HF_TOKEN") && !shown.contains("hidden"), "{shown}");
}

#[test]
fn a_change_of_one_field_leaves_its_neighbours() {
    // As 2.4.0 sends it.
    let update = r#"{"compute":{"instanceSize":"x2","scaling":{"maxReplica":2}}}"#;
    check_update(
        CREATE_2_4,
        update,
        "/compute",
        json!({"accelerator": "gpu", "instanceSize": "x2", "instanceType": "nvidia-a10g",
            "scaling": {"minReplica": 1, "maxReplica": 2, "scaleToZeroTimeout": null}}),
    );
}

#[test]
fn null_leaves_a_field_as_it_is() {
    // As 0.20.3 sends a change of `max_replica`, and of `revision`.
    let update = r#"{"compute":{"accelerator":null,"instanceSize":null,"instanceType":null,"scaling":{"maxReplica":3,"minReplica":null}}}"#;
    let scaling = json!({"minReplica": 1, "maxReplica": 3, "scaleToZeroTimeout": null});
    check_update(CREATE_2_4, update, "/compute/scaling", scaling);
    check_update(CREATE_2_4, update, "/compute/accelerator", json!("gpu"));
    let update = r#"{"model":{"framework":null,"repository":null,"revision":"v2","task":null,"image":{"huggingface":{}}}}"#;
    check_update(
        CREATE_2_4,
        update,
        "/model",
        json!({"framework": "pytorch", "repository": "jinaai/x", "revision": "v2",
            "task": "sentence-embeddings", "image": {"huggingface": {}}}),
    );
}

#[test]
fn null_takes_a_time_out_away() {
    let set = r#"{"compute":{"scaling":{"scaleToZeroTimeout":15}}}"#;
    check_update(CREATE_2_4, set, "/compute/scaling/scaleToZeroTimeout", json!(15));
    let asked = serde_json::from_str::<UpdateRequest>(set).unwrap().applied_to(&create(CREATE_2_4));
    let asked = serde_json::to_string(&asked.unwrap()).unwrap();
    let unset = r#"{"compute":{"scaling":{"scaleToZeroTimeout":null}}}"#;
    check_update(&asked, unset, "/compute/scaling/scaleToZeroTimeout", Value::Null);
}

#[test]
fn a_new_image_takes_the_place_of_the_old_one() {
    let image = r#"{"tei":{"url":"b"}}"#;
    let update = format!(r#"{{"model":{{"image":{image}}}}}"#);
    check_update(CREATE_2_4, &update, "/model/image", serde_json::from_str(image).unwrap());
    // Not even of the same kind are two mixed: what a client leaves out of an image, it wants gone.
    let update = r#"{"model":{"image":{"custom":{"url":"c"}}}}"#;
    check_update(CREATE_2_4, update, "/model/image", json!({"custom": {"url": "c"}}));
}

#[test]
fn lists_are_replaced_and_variables_are_merged() {
    let asked = r#"{"tags":["a","b"],"model":{"env":{"A":"1"},"secrets":{"S":"1"},"args":["x"]}}"#;
    let asked: UpdateRequest = serde_json::from_str(asked).unwrap();
    let asked = asked.applied_to(&create(CREATE_2_4)).unwrap();
    let asked = serde_json::to_string(&asked).unwrap();
    let update = r#"{"tags":["c"],"model":{"env":{"B":"2"},"args":[]}}"#;
    check_update(&asked, update, "/tags", json!(["c"]));
    check_update(&asked, update, "/model/env", json!({"A": "1", "B": "2"}));
    check_update(&asked, update, "/model/args", json!([]));
    check_update(&asked, update, "/model/secrets", json!({"S": "1"}));
}

#[test]
fn a_change_to_something_impossible_is_refused() {
    let update: UpdateRequest = serde_json::from_str(r#"{"compute":"large"}"#).unwrap();
    let err = update.applied_to(&create(CREATE_2_4)).unwrap_err();
    expect![[r#"invalid type: string "large", expected struct Compute"#]]
        .assert_eq(&err.to_string());
    let err = serde_json::from_str::<UpdateRequest>(r#"{"tags":[],"tags":["a"]}"#).unwrap_err();
    expect!["key `tags` comes twice in one object at line 1 column 17"].assert_eq(&err.to_string());
}

/// The answer of client-contracts.md, with the model's image written out.
fn answer() -> Value {
    json!({"name": "boru", "type": "protected", "healthRoute": "/health", "accountId": null,
        "provider": {"vendor": "aws", "region": "us-east-1"},
        "compute": {"accelerator": "gpu", "instanceSize": "x1", "instanceType": "nvidia-a10g",
            "scaling": {"minReplica": 0, "maxReplica": 1, "scaleToZeroTimeout": null}},
        "model": {"framework": "pytorch", "repository": "a/b", "revision": null,
            "task": "sentence-embeddings", "image": {"custom": {"url": "c"}}},
        "status": {"createdAt": "2026-11-21T08:02:03.123Z", "createdBy": {"id": "1", "name": "me"},
            "updatedAt": "2026-11-21T08:02:03.123Z", "updatedBy": {"id": "1", "name": "me"},
            "private": null, "state": "running", "message": "", "readyReplica": 1,
            "targetReplica": 1, "url": "http://127.0.0.1:3000/serve/me/boru"}})
}

#[test]
fn an_answer_has_every_field_that_the_clients_read() {
    let endpoint: Endpoint = serde_json::from_value(answer()).unwrap();
    assert_eq!(serde_json::to_value(&endpoint).unwrap(), answer());
    let mut bare = endpoint;
    bare.model.task = None;
    bare.model.framework = None;
    bare.status.url = None;
    bare.status.state = State::ScaledToZero;
    let written = serde_json::to_value(&bare).unwrap();
    for pointer in ["/model/task", "/model/framework", "/model/revision", "/status/url"] {
        assert_eq!(written.pointer(pointer), Some(&Value::Null), "{pointer}");
    }
    assert_eq!(written["status"]["state"], "scaledToZero");
}

#[test]
fn states_are_spelled_as_the_vendor_spells_them() {
    use State::{
        Failed, Initializing, Paused, Pending, Running, ScaledToZero, UpdateFailed, Updating,
    };
    let states =
        [Pending, Initializing, Updating, UpdateFailed, Running, Paused, Failed, ScaledToZero];
    expect![[r#"["pending","initializing","updating","updateFailed","running","paused","failed","scaledToZero"]"#]]
        .assert_eq(&serde_json::to_string(&states).unwrap());
}

#[track_caller]
fn check_round_trip<T: for<'de> Deserialize<'de> + Serialize>(json: Value) {
    let read: T = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), json);
}

#[test]
fn the_other_answers_are_read_and_written_again() {
    check_round_trip::<EndpointList>(json!({"items": [answer()]}));
    check_round_trip::<HardwareList>(json!({"vendors": [{"name": "aws", "regions": [
    {"name": "us-east-1", "computes": [
        {"id": "aws-us-east-1-nvidia-l4-x1", "accelerator": "gpu", "instanceType": "nvidia-l4",
         "instanceSize": "x1", "architecture": "NVIDIA L4", "numAccelerators": 1,
         "numCpus": 7, "memoryGb": 30.0, "gpuMemoryGb": 24, "pricePerHour": 0.8,
         "status": "low_availability", "quota": {"maxAccelerators": 8, "usedAccelerators": 0}}
    ]}]}]}));
    check_round_trip::<LogList>(json!({"items": [
        {"timestamp": "2026-11-21T08:02:03.123Z", "line": "ready", "stream": "stdout",
         "replica_id": "boru-1-0", "level": "info"}]}));
    check_round_trip::<ReplicaList>(
        json!({"items": [{"id": "boru-1-0", "status": {"stage": "running", "live": true}}]}),
    );
    check_round_trip::<WhoAmI>(
        json!({"type": "user", "id": "1", "name": "me", "fullname": "Me", "email": "me@localhost",
        "orgs": [{"type": "org", "name": "ITESM"}],
        "auth": {"type": "access_token", "accessToken": {"displayName": "t", "role": "write",
            "createdAt": "2026-11-21T08:02:03.123Z"}}}),
    );
    check_round_trip::<ErrorBody>(json!({"error": "endpoint `boru` is already running"}));
}
