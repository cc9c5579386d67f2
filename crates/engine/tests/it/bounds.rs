//! Bounds: what is refused, what waits, what is dropped.

use engine::{EmbedError, EngineConfig, Output, Prompt};

use super::{engine, pool, request};

#[test]
fn requests_that_cannot_be_right_are_refused_before_anything_runs() {
    let pool = pool(1);
    let engine = engine(&pool, "tiny-bert", EngineConfig::for_tests());
    let refused = |request| engine.try_submit(request).err().unwrap();
    assert_eq!(refused(request::<&str>([])), EmbedError::NoInputs);
    for got in [0, 33] {
        let mut request = request(["x"]);
        request.output =
            Output::Dense { normalize: engine::Normalize::Always, dimensions: Some(got) };
        assert_eq!(refused(request), EmbedError::Dimensions { got, max: 32 });
    }
    let mut named = request(["x"]);
    named.prompt = Prompt::Named("nope".to_owned());
    assert_eq!(
        refused(named),
        EmbedError::UnknownPrompt { name: "nope".to_owned(), known: vec![] }
    );
    let mut ids = request(["x"]);
    ids.inputs = vec![engine::Input::Ids(vec![5])];
    ids.prompt = Prompt::Text("query: ".to_owned());
    assert_eq!(refused(ids), EmbedError::PromptWithIds);
}

#[test]
fn a_full_queue_refuses_and_a_giant_request_leaves_room() {
    let pool = pool(1);
    let config = EngineConfig { max_queue_tokens: 4_000, ..EngineConfig::for_tests() };
    let engine = engine(&pool, "tiny-bert", config);
    let giant = || engine.try_submit(request(vec!["some words of text"; 20_000]));
    // Each giant counts for half of the bound: two are admitted, and a small one between them.
    let first = giant().unwrap();
    let small = engine.try_submit(request(["small"])).unwrap();
    let second = giant().unwrap();
    let Err(EmbedError::QueueFull { max_queue_tokens: 4_000, retry_after, .. }) = giant() else {
        panic!("a third giant was admitted");
    };
    assert!((1..=60).contains(&retry_after.as_secs()));
    // The small one does not wait for the giants.
    small.wait().unwrap();
    assert!(engine.load().num_requests >= 1);
    drop(first);
    assert_eq!(second.wait().unwrap().results.len(), 20_000);
    assert!(engine.try_submit(request(["room again"])).is_ok());
}

#[test]
fn as_many_requests_as_allowed_are_in_the_engine() {
    let pool = pool(1);
    let config = EngineConfig {
        max_concurrent_requests: 2,
        max_queue_tokens: 10_000_000,
        ..EngineConfig::for_tests()
    };
    let engine = engine(&pool, "tiny-bert", config);
    let busy = || engine.try_submit(request(vec!["some words of text"; 20_000])).unwrap();
    let (_first, _second) = (busy(), busy());
    let refused = engine.try_submit(request(["x"])).err().unwrap();
    assert!(
        matches!(refused, EmbedError::TooManyRequests { max_concurrent_requests: 2, .. }),
        "{refused}"
    );
}

#[test]
fn a_dropped_request_is_not_computed() {
    let pool = pool(1);
    let engine = engine(&pool, "tiny-bert", EngineConfig::for_tests());
    drop(engine.try_submit(request(vec!["some words of text"; 50_000])).unwrap());
    assert_eq!(engine.load().num_requests, 0);
    assert_eq!(engine.load().queued_tokens, 0);
}

#[test]
fn a_job_waits_for_room_and_gets_everything() {
    let pool = pool(2);
    let config = EngineConfig { max_queue_tokens: 1_000, ..EngineConfig::for_tests() };
    let engine = engine(&pool, "tiny-bert", config);
    std::thread::scope(|scope| {
        let jobs: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let pending = engine.submit(request(vec!["some words of text"; 2_000]));
                    pending.unwrap().wait().unwrap().results.len()
                })
            })
            .collect();
        // Jobs never fill more than half of the queue, so a server's request is admitted.
        assert!(engine.try_submit(request(["x"])).unwrap().wait().is_ok());
        for job in jobs {
            assert_eq!(job.join().unwrap(), 2_000);
        }
    });
}

#[test]
fn a_closed_engine_finishes_what_it_has_and_refuses_the_rest() {
    let pool = pool(1);
    let engine = engine(&pool, "tiny-bert", EngineConfig::for_tests());
    let inside = engine.try_submit(request(vec!["some words of text"; 500])).unwrap();
    engine.close();
    assert_eq!(engine.try_submit(request(["x"])).err(), Some(EmbedError::ShuttingDown));
    assert_eq!(engine.submit(request(["x"])).err(), Some(EmbedError::ShuttingDown));
    assert_eq!(inside.wait().unwrap().results.len(), 500);
}

#[test]
fn requests_end_when_the_workers_stop() {
    let pool = pool(1);
    let engine = engine(&pool, "tiny-bert", EngineConfig::for_tests());
    let inside = engine.try_submit(request(vec!["some words of text"; 100_000])).unwrap();
    drop(pool);
    assert_eq!(inside.wait().err(), Some(EmbedError::ShuttingDown));
    assert_eq!(engine.try_submit(request(["x"])).err(), Some(EmbedError::ShuttingDown));
}

#[test]
fn engines_share_one_pool() {
    let pool = pool(2);
    let engines: Vec<_> = ["tiny-bert", "tiny-mpnet", "tiny-bert-plain"]
        .map(|model| engine(&pool, model, EngineConfig::for_tests()))
        .into();
    let pending: Vec<_> = (0..30)
        .flat_map(|_| &engines)
        .map(|engine| engine.try_submit(request(["some words", "and more"])).unwrap())
        .collect();
    for pending in pending {
        assert!(pending.wait().unwrap().results.iter().all(Result::is_ok));
    }
}
