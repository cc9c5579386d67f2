//! `model.tar.gz` from a folder to an answer: packed, named in SageMaker's words, brought, served; and what
//! is refused.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::client::PATIENCE;
use crate::command::{Sembla, Served, agent, folder};
use crate::replicas::LOOK_EVERY;

fn serve(sembla: &Sembla) -> Served {
    let home = sembla.home().display().to_string();
    Served::start(sembla, &["serve", "--port", "0", "--model-dir", &home])
}

fn call(served: &Served, name: &str, body: &Value) -> (u16, Value) {
    let request = ureq::http::Request::builder()
        .method("POST")
        .uri(format!("http://{}/", served.address()))
        .header("x-amz-target", format!("SageMaker.{name}"))
        .header("content-type", "application/x-amz-json-1.1")
        .body(body.to_string())
        .unwrap();
    let mut response = agent().run(request).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// Creates an endpoint of an archive, and returns what it is when it is no longer being created.
fn deploy(served: &Served, name: &str, archive: &Path) -> Value {
    let container = json!({"Image": "x", "ModelDataUrl": archive});
    let variant = json!({"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.xlarge"});
    for (kind, body) in [
        ("CreateModel", json!({"ModelName": name, "PrimaryContainer": container})),
        (
            "CreateEndpointConfig",
            json!({"EndpointConfigName": name, "ProductionVariants": [variant]}),
        ),
        ("CreateEndpoint", json!({"EndpointName": name, "EndpointConfigName": name})),
    ] {
        let (status, answer) = call(served, kind, &body);
        assert_eq!(status, 200, "{kind}: {answer}");
    }
    let begun = Instant::now();
    loop {
        let (_, shown) = call(served, "DescribeEndpoint", &json!({"EndpointName": name}));
        if shown["EndpointStatus"] != "Creating" {
            return shown;
        }
        assert!(begun.elapsed() < PATIENCE, "{shown}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}

fn pack(sembla: &Sembla, args: &[&str]) -> String {
    let model = folder("tiny-bert");
    let ended = sembla.run(&[&["model", "pack", &model][..], args].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.stdout
}

#[test]
fn a_folder_is_packed_brought_and_served() {
    let sembla = Sembla::new();
    let said = pack(&sembla, &[]);
    assert!(
        said.contains("code/inference.py: generated; it answers {\"vector_embedding\""),
        "{said}"
    );
    let archive = sembla.home().join("model.tar.gz");
    let served = serve(&sembla);
    let shown = deploy(&served, "packed", &archive);
    assert_eq!(shown["EndpointStatus"], "InService", "{shown}");
    let invoke = "/endpoints/packed/invocations";
    let (status, answer) = served.ask(invoke, Some(r#"["a", "b"]"#));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((status, answer["vector_embedding"].as_array().unwrap().len()), (200, 2));

    // The archive is not needed any more, nor is it brought again by the next start.
    drop(served);
    fs_err::remove_file(&archive).unwrap();
    let served = serve(&sembla);
    let (status, again) = served.ask(invoke, Some(r#"["a", "b"]"#));
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!((status, &again), (200, &answer));
}

#[test]
fn an_archive_that_is_refused_says_why_and_leaves_nothing() {
    let sembla = Sembla::new();
    let home = sembla.home();
    fs_err::write(home.join("cut.tar.gz"), [0x1f, 0x8b, 8, 0]).unwrap();
    fs_err::write(home.join("handler.py"), "import os\ndef predict_fn(data, model): return []\n")
        .unwrap();
    let model = folder("tiny-bert");
    let ended = sembla.run(&["model", "pack", &model, "--handler", "handler.py"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("line 1") && ended.stderr.contains("os"), "{ended:?}");
    assert!(!home.join("model.tar.gz").exists());

    let served = serve(&sembla);
    for (name, archive, words) in
        [("cut", "cut.tar.gz", "is refused"), ("none", "none.tar.gz", "cannot be read")]
    {
        let shown = deploy(&served, name, &home.join(archive));
        assert_eq!(shown["EndpointStatus"], "Failed", "{shown}");
        assert!(shown["FailureReason"].as_str().unwrap().contains(words), "{shown}");
    }
    let kept: Vec<_> = fs_err::read_dir(sembla.data_dir().join("artifacts")).unwrap().collect();
    assert!(kept.is_empty(), "{kept:?}");
}

#[test]
fn a_client_names_no_archive_elsewhere_on_the_machine() {
    let sembla = Sembla::new();
    let served = serve(&sembla);
    let elsewhere = tempfile::tempdir().unwrap();
    let archive = elsewhere.path().join("model.tar.gz");
    fs_err::File::create(&archive).unwrap().write_all(b"x").unwrap();
    for url in [archive.display().to_string(), "s3://bucket/model.tar.gz".to_owned()] {
        let container = json!({"Image": "x", "ModelDataUrl": url});
        let sent = json!({"ModelName": "m", "PrimaryContainer": container});
        let (status, answer) = call(&served, "CreateModel", &sent);
        assert_eq!(status, 400, "{answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains("--model-dir") || message.contains("--s3-endpoint"), "{message}");
    }
}
