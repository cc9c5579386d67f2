//! Codes against exact search, for every metric and way.

use std::num::NonZeroUsize;

use proptest::prelude::*;
use roaring::RoaringBitmap;

use super::{Codes, Effort, Way};
use crate::spec::Metric;

const METRICS: [Metric; 3] = [Metric::Cosine, Metric::DotProduct, Metric::Euclidean];
const WAYS: [Way; 3] = [Way::Int8, Way::OneBit, Way::Lists(16)];
const ONE: NonZeroUsize = NonZeroUsize::MIN;

/// Rows in heaps, away from the origin, of lengths that differ.
fn rows(num_rows: usize, dimensions: usize, random: &mut fastrand::Rng) -> Vec<f32> {
    let float = |random: &mut fastrand::Rng| random.f32() * 2.0 - 1.0;
    let heaps: Vec<f32> = (0..10 * dimensions).map(|_| 1.5 * float(random)).collect();
    let mut rows = Vec::with_capacity(num_rows * dimensions);
    for _ in 0..num_rows {
        let heap = &heaps[random.usize(..10) * dimensions..][..dimensions];
        let length = 0.8 + 0.4 * random.f32();
        rows.extend(heap.iter().map(|x| length * (x + float(random) + 0.5)));
    }
    rows
}

fn score(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    match metric {
        Metric::DotProduct => dot(a, b),
        Metric::Cosine => dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
        Metric::Euclidean => 2.0 * dot(a, b) - dot(b, b),
    }
}

/// Returns the `k` nearest of the rows that count.
fn exact(
    metric: Metric,
    query: &[f32],
    rows: &[f32],
    k: usize,
    counts: &RoaringBitmap,
) -> Vec<u32> {
    let mut scored: Vec<(f64, u32)> = rows
        .chunks(query.len())
        .zip(0..)
        .filter(|(_, number)| counts.contains(*number))
        .map(|(row, number)| (score(metric, query, row), number))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(k).map(|(_, number)| number).collect()
}

fn codes(metric: Metric, dimensions: usize, rows: &[f32]) -> Codes {
    let codes = Codes::new(metric, dimensions, &rows[..rows.len().min(100 * dimensions)]);
    codes.append(0, rows);
    codes
}

/// Returns which share of the nearest rows are among the candidates, over 20 queries.
fn recall(
    codes: &Codes,
    (metric, dimensions): (Metric, usize),
    rows: &[f32],
    way: Way,
    live: &RoaringBitmap,
) -> f64 {
    let (mut found, mut wanted) = (0, 0);
    for row in rows.chunks(dimensions).step_by(rows.len() / dimensions / 20) {
        let query: Vec<f32> =
            row.iter().enumerate().map(|(at, x)| x + 0.3 * (at as f32).sin()).collect();
        let candidates = codes.candidates(&query, Some(live), Effort::new(way, 10)).rows;
        let nearest = exact(metric, &query, rows, 10, live);
        wanted += nearest.len();
        found += nearest.iter().filter(|row| candidates.contains(row)).count();
    }
    f64::from(found as u32) / f64::from(wanted as u32)
}

#[test]
fn the_nearest_rows_are_candidates_for_every_metric_and_way() {
    let mut random = fastrand::Rng::with_seed(1);
    let rows = rows(8_000, 96, &mut random);
    let live: RoaringBitmap = (0..8_000).collect();
    for metric in METRICS {
        let codes = codes(metric, 96, &rows);
        codes.relearn(ONE);
        assert_eq!(codes.num_lists(), 32);
        for way in WAYS {
            let recall = recall(&codes, (metric, 96), &rows, way, &live);
            assert!(recall >= 0.98, "{metric:?}, {way:?}: {recall}");
        }
    }
}

#[test]
fn only_rows_that_count_are_named_and_they_are_found_however_few() {
    let mut random = fastrand::Rng::with_seed(2);
    let rows = rows(6_000, 64, &mut random);
    let codes = codes(Metric::Cosine, 64, &rows);
    codes.relearn(ONE);
    for step in [2, 7, 100, 1_500] {
        let live: RoaringBitmap = (0..6_000).step_by(step).collect();
        for way in [Way::Int8, Way::OneBit] {
            let candidates = codes.candidates(&rows[..64], Some(&live), Effort::new(way, 10)).rows;
            assert!(candidates.iter().all(|row| live.contains(*row)));
            assert_eq!(candidates.len(), 20.min(live.len() as usize), "{way:?}, {step}");
            let recall = recall(&codes, (Metric::Cosine, 64), &rows, way, &live);
            assert!(recall >= 0.98, "{way:?}, {step}: {recall}");
        }
    }
}

#[test]
fn rows_far_from_the_origin_are_told_apart() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut rows = rows(3_000, 64, &mut random);
    rows.iter_mut().for_each(|x| *x += 1_000.0);
    let live: RoaringBitmap = (0..3_000).collect();
    let codes = codes(Metric::Euclidean, 64, &rows);
    for way in [Way::Int8, Way::OneBit] {
        let recall = recall(&codes, (Metric::Euclidean, 64), &rows, way, &live);
        assert!(recall >= 0.97, "{way:?}: {recall}");
    }
}

#[test]
fn an_appended_row_is_found_at_once_before_and_after_learning() {
    let mut random = fastrand::Rng::with_seed(4);
    let rows = rows(5_000, 64, &mut random);
    let codes = Codes::new(Metric::Cosine, 64, &rows[..64]);
    let mut at = 0;
    for (number, rows) in rows.chunks(700 * 64).enumerate() {
        codes.append(at, rows);
        at += (rows.len() / 64) as u32;
        for way in WAYS {
            let query = &rows[rows.len() - 64..];
            let candidates = codes.candidates(query, None, Effort::new(way, 1)).rows;
            assert_eq!(candidates[0], at - 1, "{way:?}");
        }
        if number == 3 {
            codes.relearn(ONE);
        }
    }
    assert_eq!(codes.num_rows(), 5_000);
}

#[test]
fn appends_and_queries_go_on_while_centroids_are_learned() {
    let mut random = fastrand::Rng::with_seed(5);
    let rows = rows(8_000, 32, &mut random);
    let codes = codes(Metric::Euclidean, 32, &rows[..5_000 * 32]);
    std::thread::scope(|scope| {
        scope.spawn(|| codes.relearn(NonZeroUsize::new(2).expect("not zero")));
        for (number, rows) in rows[5_000 * 32..].chunks(100 * 32).enumerate() {
            codes.append(5_000 + 100 * number as u32, rows);
            let candidates = codes.candidates(&rows[..32], None, Effort::new(Way::OneBit, 1)).rows;
            assert_eq!(candidates[0], 5_000 + 100 * number as u32);
        }
    });
    let live: RoaringBitmap = (0..8_000).collect();
    for way in [Way::Int8, Way::OneBit] {
        let recall = recall(&codes, (Metric::Euclidean, 32), &rows, way, &live);
        assert!(recall >= 0.95, "{way:?}: {recall}");
    }
}

#[test]
fn rows_that_outgrow_their_lists_or_lie_elsewhere_want_new_ones() {
    let mut random = fastrand::Rng::with_seed(6);
    let first = rows(4_000, 32, &mut random);
    let codes = codes(Metric::Euclidean, 32, &first);
    assert!(codes.wants_relearning(), "4,000 rows in one list");
    codes.relearn(ONE);
    assert!(!codes.wants_relearning(), "just learned");
    codes.append(4_000, &first[..500 * 32]);
    assert!(!codes.wants_relearning(), "more of the same");
    let elsewhere: Vec<f32> = first[..500 * 32].iter().map(|x| 3.0 - 2.0 * x).collect();
    codes.append(4_500, &elsewhere);
    assert!(codes.wants_relearning(), "rows of another kind");
    codes.relearn(ONE);
    assert!(!codes.wants_relearning(), "learned again");
}

#[test]
fn rows_that_fill_no_chunk_never_want_lists_which_they_could_not_get() {
    let mut random = fastrand::Rng::with_seed(9);
    let codes = codes(Metric::Cosine, 32, &rows(1_000, 32, &mut random));
    assert!(!codes.wants_relearning(), "learning would change nothing, for ever");
    codes.append(1_000, &rows(24, 32, &mut random));
    assert!(codes.wants_relearning());
    codes.relearn(ONE);
    assert!(!codes.wants_relearning());
    codes.forget(0..1_024);
    codes.append(1_024, &rows(100, 32, &mut random));
    assert!(!codes.wants_relearning(), "all whole chunks are gone");
}

#[test]
fn no_rows_give_no_candidates_and_learn_nothing() {
    let codes = Codes::new(Metric::DotProduct, 5, &[]);
    codes.relearn(ONE);
    assert!(!codes.wants_relearning());
    for way in WAYS {
        assert!(codes.candidates(&[1.0; 5], None, Effort::new(way, 3)).rows.is_empty());
    }
}

#[test]
fn rows_that_are_skipped_or_forgotten_are_never_named_and_the_others_are_found() {
    let mut random = fastrand::Rng::with_seed(7);
    let rows = rows(6_500, 32, &mut random);
    let codes = Codes::new(Metric::Cosine, 32, &rows[..64]);
    let there = [0..1_500, 4_096..6_500];
    for rows_of_piece in &there {
        let piece = &rows[rows_of_piece.start * 32..rows_of_piece.end * 32];
        codes.append(rows_of_piece.start as u32, piece);
    }
    assert_eq!(codes.num_rows(), 6_500);
    codes.forget(0..1_024);
    codes.forget(6_144..6_500);
    let gone: RoaringBitmap = (0..1_024).chain(1_500..4_096).collect();
    assert_eq!(codes.forgotten(), gone, "the last chunk is not yet whole");
    // Two chunks, with what stands in for skipped rows, and the last.
    assert_eq!(codes.num_held(), 1_024 + 2_048 + 356);
    let live: RoaringBitmap = (1_024..1_500).chain(4_096..6_500).collect();
    for _ in 0..2 {
        for way in WAYS {
            let recall = recall(&codes, (Metric::Cosine, 32), &rows, way, &live);
            assert!(recall >= 0.95, "{way:?}: {recall}");
        }
        codes.relearn(ONE);
    }
}

#[test]
fn lists_of_which_most_is_forgotten_want_to_be_sorted_anew() {
    let mut random = fastrand::Rng::with_seed(8);
    let codes = codes(Metric::Cosine, 32, &rows(9_000, 32, &mut random));
    codes.relearn(ONE);
    codes.forget(0..4_096);
    assert!(!codes.wants_relearning(), "half is forgotten");
    let before = codes.num_bytes();
    codes.forget(4_096..6_144);
    assert!(codes.wants_relearning(), "most is forgotten");
    codes.relearn(ONE);
    assert!(!codes.wants_relearning());
    assert!(codes.num_bytes() < before, "the lists became smaller");
}

proptest! {
    // Any number of rows of any length in any pieces: all are candidates when that many are asked for.
    #[test]
    fn every_row_that_counts_is_a_candidate_if_there_is_room(
        num_rows in 1usize..300,
        dimensions in 1usize..40,
        piece in 1usize..100,
        metric in prop::sample::select(&METRICS[..]),
        seed in any::<u64>(),
    ) {
        let mut random = fastrand::Rng::with_seed(seed);
        let rows = rows(num_rows, dimensions, &mut random);
        let codes = Codes::new(metric, dimensions, &rows[..dimensions]);
        for (number, rows) in rows.chunks(piece * dimensions).enumerate() {
            codes.append((number * piece) as u32, rows);
        }
        let live: RoaringBitmap = (0..num_rows as u32).filter(|_| random.bool()).collect();
        for way in [Way::Int8, Way::OneBit] {
            let effort = Effort { way, num_int8: 1, num_candidates: num_rows };
            let effort = if way == Way::OneBit { Effort { num_int8: num_rows, ..effort } } else { effort };
            let mut candidates = codes.candidates(&rows[..dimensions], Some(&live), effort).rows;
            candidates.sort_unstable();
            prop_assert_eq!(candidates, live.iter().collect::<Vec<u32>>());
        }
    }
}
