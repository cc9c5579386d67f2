//! With a real engine on a tiny model.

use std::num::NonZeroUsize;
use std::path::Path;

use engine::{Engine, EngineConfig, Pool, Prompt};
use jobs::{Dataset, Embed, EngineEmbedder};

use crate::fake::{Place, embedding};

fn start(pool: &Pool) -> Engine {
    let directory =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/models/tiny-bert-compact");
    let encoder = model::load(&directory, &model::LoadOptions::default()).unwrap();
    Engine::start(encoder, pool, EngineConfig::for_tests())
}

#[test]
fn a_job_gives_each_row_what_its_text_gives_alone() {
    let texts: Vec<String> =
        (0..300).map(|n| format!("{} {n}", "some words and more ".repeat(n % 40))).collect();
    let place = Place::new("a.txt", texts.join("\n"));
    let pool = Pool::start(NonZeroUsize::MIN);
    let embedder = EngineEmbedder::new(start(&pool), "tiny".to_owned(), Prompt::Default).unwrap();
    let summary = place.run(&embedder).unwrap();
    assert_eq!(summary.num_rows, 300);
    assert!(summary.num_tokens > 300 * 3, "{summary:?}");

    let dataset = Dataset::open(place.output()).unwrap();
    assert_eq!(&dataset.provenance().encoder, embedder.spec());
    assert_eq!(embedder.spec().prompt_name.as_deref(), Some("query"));
    assert_eq!(embedder.spec().prompt.as_deref(), Some("query: "));
    let rows = place.read();
    for (row, text) in texts.iter().enumerate().step_by(7) {
        let alone = embedder.submit(vec![text.clone()]).unwrap();
        let alone = embedder.wait(alone).unwrap().remove(0).unwrap();
        assert_eq!(embedding(&rows, row), alone.embedding, "row {row}");
    }
}

#[test]
fn prompts_are_recorded_as_they_were_used() {
    let pool = Pool::start(NonZeroUsize::MIN);
    let engine = start(&pool);
    let recorded = |prompt| {
        let embedder = EngineEmbedder::new(engine.clone(), "tiny".to_owned(), prompt).unwrap();
        (embedder.spec().prompt_name.clone(), embedder.spec().prompt.clone())
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(recorded(Prompt::None), (None, None));
    assert_eq!(recorded(Prompt::Text("as given: ".into())), (None, some("as given: ")));
    assert_eq!(recorded(Prompt::Named("document".into())), (some("document"), some("passage: ")));
    let unknown = EngineEmbedder::new(engine.clone(), "tiny".to_owned(), Prompt::Named("x".into()));
    assert!(matches!(unknown, Err(engine::EmbedError::UnknownPrompt { .. })));
}
