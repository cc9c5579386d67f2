//! What a spec may be, and what follows from it.

use std::time::Duration;

use serde_json::json;

use super::{Answers, DEFAULT_IDLE, ImageKind, Model, Opaque, Scaling, Spec, SpecError};

#[test]
fn replicas_have_bounds_that_the_error_names() {
    let rows = [
        (0, 0, "max_replica is 0; ask for 1 to 64, or pause the endpoint instead"),
        (2, 1, "min_replica 2 is over max_replica 1; lower the one or raise the other"),
        (0, 65, "max_replica 65 is over the limit of 64; ask for fewer"),
    ];
    for (min, max, message) in rows {
        assert_eq!(Scaling::new(min, max, None).unwrap_err().to_string(), message);
    }
    assert!(matches!(Scaling::new(0, 1, Some(Duration::ZERO)), Err(SpecError::Zero { .. })));
    assert!(Scaling::new(64, 64, None).is_ok());
    assert_eq!(Model::new(" ".to_owned()), Err(SpecError::NoModel));
}

#[test]
fn only_an_endpoint_whose_minimum_is_zero_sleeps() {
    let minute = Duration::from_secs(60);
    assert_eq!(Scaling::new(1, 1, Some(minute)).unwrap().idle(), None);
    assert_eq!(Scaling::new(0, 1, Some(minute)).unwrap().idle(), Some(minute));
    assert_eq!(Scaling::new(0, 1, None).unwrap().idle(), Some(DEFAULT_IDLE));
}

#[test]
fn what_is_stored_is_checked_when_it_is_read() {
    let stored = json!({"min": 3, "max": 1, "idle": null, "pending_requests": null});
    assert!(serde_json::from_value::<Scaling>(stored).is_err());
    let scaling = Scaling::new(0, 4, None).unwrap().per_pending_requests(9).unwrap();
    let stored = serde_json::to_value(&scaling).unwrap();
    assert_eq!(serde_json::from_value::<Scaling>(stored).unwrap(), scaling);
}

#[test]
fn the_image_decides_the_shape_of_answers() {
    let rows = [
        (ImageKind::Huggingface, Some("sentence-embeddings"), None, Answers::Toolkit),
        (ImageKind::Huggingface, Some("feature-extraction"), None, Answers::Lists),
        (ImageKind::Huggingface, None, None, Answers::Lists),
        (ImageKind::Tei, Some("sentence-embeddings"), None, Answers::Lists),
        (ImageKind::Custom, Some("sentence-embeddings"), None, Answers::Lists),
        (ImageKind::Custom, None, Some("toolkit"), Answers::Toolkit),
        (ImageKind::Huggingface, Some("sentence-embeddings"), Some("tei"), Answers::Lists),
    ];
    for (kind, task, dialect, answers) in rows {
        let mut spec = Spec::for_tests("a/b");
        spec.image.kind = kind;
        spec.model.task = task.map(str::to_owned);
        spec.image.variables.0.extend(dialect.map(|d| ("DIALECT".to_owned(), d.to_owned())));
        assert_eq!(spec.answers(), answers, "{kind:?} {task:?} {dialect:?}");
    }
}

#[test]
fn a_variable_may_name_another_model() {
    let mut spec = Spec::for_tests("a/b");
    assert_eq!(spec.source(), "a/b");
    for (id, source) in [("/repository", "a/b"), ("", "a/b"), ("c/d", "c/d")] {
        spec.image.variables.0.insert("MODEL_ID".to_owned(), id.to_owned());
        assert_eq!(spec.source(), source);
    }
}

#[test]
fn debug_shows_no_value_that_may_be_a_secret() {
    let mut spec = Spec::for_tests("a/b");
    spec.image.variables.0.insert("HF_TOKEN".to_owned(), "hidden".to_owned());
    spec.opaque = Opaque(json!({"secret": "hidden"}));
    let shown = format!("{spec:?}");
    assert!(shown.contains("HF_TOKEN") && !shown.contains("hidden"), "{shown}");
}
