//! Results: each caller gets its own, and the same bits whatever runs beside it.

use engine::{Embedded, EngineConfig, Input, InputError, Normalize, Output, Prompt, Truncation};
use proptest::prelude::*;

use super::{engine, fixture, pool, request};

fn texts() -> Vec<String> {
    let path = fixture("tiny-bert").join("reference/texts.json");
    let texts: Vec<String> = serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap();
    texts.into_iter().filter(|text| !text.is_empty()).collect()
}

#[test]
fn every_response_equals_the_single_input_response_in_any_mix() {
    let texts = texts();
    let models = ["tiny-bert", "tiny-mpnet"];
    for model in models {
        let pool = pool(2);
        let engine = engine(&pool, model, EngineConfig::for_tests());
        let alone: Vec<Embedded> = texts
            .iter()
            .map(|text| {
                let response = engine.try_submit(request([text])).unwrap().wait().unwrap();
                response.results.into_iter().next().unwrap().unwrap()
            })
            .collect();
        let mixes = prop::collection::vec(prop::collection::vec(0..texts.len(), 1..40), 1..6);
        let cases = super::count("mixes") / models.len() as u32;
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(cases));
        runner
            .run(&mixes, |mix| {
                // Several requests at once, so that batches hold inputs of more than one.
                let pending: Vec<_> = mix
                    .iter()
                    .map(|which| {
                        let texts = which.iter().map(|text| &texts[*text]);
                        engine.try_submit(request(texts)).unwrap()
                    })
                    .collect();
                for (which, pending) in mix.iter().zip(pending) {
                    let results = pending.wait().unwrap().results;
                    for (text, result) in which.iter().zip(results) {
                        prop_assert_eq!(&result.unwrap(), &alone[*text]);
                    }
                }
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn one_bad_input_is_its_own_error() {
    let pool = pool(2);
    let engine = engine(&pool, "tiny-bert", EngineConfig::for_tests());
    let mut request = request(["good", "", "also good"]);
    request.inputs.push(Input::Ids(vec![]));
    request.inputs.push(Input::Ids(vec![5, 1_000_000]));
    let results = engine.try_submit(request).unwrap().wait().unwrap().results;
    assert!(results[0].is_ok() && results[2].is_ok());
    assert_eq!(results[1], Err(InputError::Empty));
    assert_eq!(results[3], Err(InputError::Empty));
    assert_eq!(results[4], Err(InputError::UnknownId { id: 1_000_000, max_id: 999 }));
}

#[test]
fn truncation_is_reported_and_can_be_refused() {
    let pool = pool(1);
    let engine = engine(&pool, "tiny-bert", EngineConfig::for_tests());
    let long = "word ".repeat(200);
    let mut request = request([long.as_str(), "short"]);
    let results = engine.try_submit(request.clone()).unwrap().wait().unwrap().results;
    let cut = results[0].as_ref().unwrap();
    assert_eq!(cut.num_tokens, engine.spec().max_tokens);
    let before = cut.truncated_from.unwrap();
    assert!(before > 200);
    assert_eq!(results[1].as_ref().unwrap().truncated_from, None);

    request.truncation = Truncation::Refuse;
    let results = engine.try_submit(request.clone()).unwrap().wait().unwrap().results;
    let max_tokens = engine.spec().max_tokens;
    assert_eq!(results[0], Err(InputError::TooLong { num_tokens: before, max_tokens }));
    assert!(results[1].is_ok());
}

#[test]
fn cutting_from_the_left_keeps_the_end() {
    let pool = pool(1);
    let engine = engine(&pool, "tiny-bert", EngineConfig::for_tests());
    let long = format!("{}the very end", "word ".repeat(200));
    let mut left = request([long.as_str()]);
    left.truncation = Truncation::Left;
    let longer = format!("{}the very end", "word ".repeat(300));
    let mut also = request([longer.as_str()]);
    also.truncation = Truncation::Left;
    let values = |request| {
        let results = engine.try_submit(request).unwrap().wait().unwrap().results;
        results.into_iter().next().unwrap().unwrap().values
    };
    assert_eq!(values(left), values(also));
    assert_ne!(values(request([long.as_str()])), values(request(["the very end"])));
}

#[test]
fn ids_are_used_as_they_are() {
    let pool = pool(1);
    let engine = engine(&pool, "tiny-bert", EngineConfig::for_tests());
    let tokens = |special| engine.tokenizer().tokens("", "some words here", special).unwrap();
    let ids = |tokens: Vec<model::Token>| tokens.iter().map(|token| token.id).collect();
    let mut request = request(["some words here"]);
    request.inputs.push(Input::Ids(ids(tokens(model::SpecialTokens::With))));
    request.inputs.push(Input::Ids(ids(tokens(model::SpecialTokens::Without))));
    let results = engine.try_submit(request).unwrap().wait().unwrap().results;
    let values = |result: &Result<Embedded, InputError>| result.as_ref().unwrap().values.clone();
    assert_eq!(values(&results[0]), values(&results[1]));
    assert_eq!(values(&results[0]), values(&results[2]));
}

#[test]
fn dimensions_are_cut_before_the_embedding_is_normalized() {
    let pool = pool(1);
    let engine = engine(&pool, "tiny-bert", EngineConfig::for_tests());
    let values = |normalize, dimensions| {
        let mut request = request(["some words"]);
        request.output = Output::Dense { normalize, dimensions };
        let results = engine.try_submit(request).unwrap().wait().unwrap().results;
        results.into_iter().next().unwrap().unwrap().values
    };
    let raw = values(Normalize::Never, None);
    assert_eq!(values(Normalize::Never, Some(5)), raw[..5]);
    let cut = values(Normalize::Always, Some(5));
    let length: f32 = raw[..5].iter().map(|x| x * x).sum::<f32>().sqrt();
    assert!(cut.iter().zip(&raw).all(|(cut, raw)| (cut - raw / length).abs() < 1e-6));
    // tiny-bert ends in a Normalize module.
    assert_eq!(values(Normalize::AsModel, None), values(Normalize::Always, None));
}

#[test]
fn token_states_come_a_row_a_token() {
    let pool = pool(1);
    let engine = engine(&pool, "tiny-bert", EngineConfig::for_tests());
    let mut request = request(["some words", "x"]);
    request.output = Output::Tokens;
    for result in engine.try_submit(request).unwrap().wait().unwrap().results {
        let embedded = result.unwrap();
        assert_eq!(embedded.values.len(), embedded.num_tokens * embedded.dimensions);
        assert_eq!(embedded.dimensions, engine.spec().hidden_size);
    }
}

#[test]
fn the_default_prompt_stands_unless_another_is_named() {
    let pool = pool(1);
    let engine = engine(&pool, "tiny-bert-compact", EngineConfig::for_tests());
    let values = |text: &str, prompt| {
        let mut request = request([text]);
        request.prompt = prompt;
        let results = engine.try_submit(request).unwrap().wait().unwrap().results;
        results.into_iter().next().unwrap().unwrap().values
    };
    let query = values("query: words", Prompt::None);
    assert_eq!(values("words", Prompt::Default), query);
    assert_eq!(values("words", Prompt::Named("query".to_owned())), query);
    assert_eq!(values("words", Prompt::Text("query: ".to_owned())), query);
    let document = values("passage: words", Prompt::None);
    assert_eq!(values("words", Prompt::Named("document".to_owned())), document);
    assert_ne!(query, document);
}
