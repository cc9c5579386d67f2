//! Exact searches of 50,000 rows, next to the time that memory takes to hand them over, and to numpy.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use futures_util::future::try_join_all;
use index::Precision;
use kernels::{Isa, Queries, TopK, scan, stream};

use crate::peer::{Peer, write};
use crate::store::{Index, TOP_K};
use crate::table::{Row, Table, median, time};
use crate::vectors::Vectors;

const ROWS: usize = 50_000;
/// How often each is measured, by turns.
const ROUNDS: usize = 31;
/// Queries at the same time.
const TOGETHER: usize = 64;
/// Rows whose scores are computed before the best are picked.
const BLOCK_ROWS: usize = 1_024;
/// Floats that are streamed: far more than caches hold.
const STREAMED: usize = 64 << 20;

/// Measures the speed of memory.
pub(crate) fn bandwidth() -> Table {
    let how = "256 MiB of floats added up in order; the best and the median of 15 passes";
    let mut table = Table::new("memory bandwidth", how);
    let floats = vec![black_box(1.0_f32); STREAMED];
    for (name, num_threads) in [("one core", 1), ("two cores", 2)] {
        let speeds: Vec<f64> = (0..15).map(|_| speed(&floats, num_threads)).collect();
        let best = speeds.iter().copied().fold(0.0, f64::max);
        table.add(Row::new(name).with("best GB/s", best).with("median GB/s", median(&speeds)));
    }
    table
}

fn speed(floats: &[f32], num_threads: usize) -> f64 {
    let share = floats.len() / num_threads;
    let (seconds, ()) = time(|| {
        std::thread::scope(|scope| {
            for floats in floats.chunks(share) {
                scope.spawn(|| black_box(stream(Isa::best(), floats)));
            }
        });
    });
    size_of_val(floats) as f64 / seconds / 1e9
}

/// Measures one query after another, on one thread, over rows in memory.
pub(crate) fn exact(vectors: &Vectors, python: &Path, scratch: &Path) -> anyhow::Result<Table> {
    let rows = vectors.mixed(ROWS, 1);
    let file = |name, floats: &[f32]| write(scratch, name, floats.iter().map(|x| x.to_le_bytes()));
    let (rows_file, queries_file) = (file("rows", &rows)?, file("queries", &vectors.queries)?);
    let arguments = [
        "numpy".to_owned(),
        vectors.dimensions.to_string(),
        rows_file.display().to_string(),
        queries_file.display().to_string(),
    ];
    let mut numpy = Peer::start(python, &arguments)?;
    let words: String = numpy.read()?;
    let (mut streamed, mut searched, mut by_numpy) = (Vec::new(), Vec::new(), Vec::new());
    for query in vectors.each_query().cycle().take(ROUNDS) {
        streamed.push(time(|| black_box(stream(Isa::best(), &rows))).0 * 1e3);
        searched.push(time(|| black_box(top_k(query, &rows))).0 * 1e3);
        by_numpy.push(numpy.ask::<f64>()? * 1e3);
    }
    let how = format!(
        "one query after another on one core, {ROWS} rows of {} floats in memory; by turns, {ROUNDS} \
         rounds, each held against the time to stream the same bytes just before",
        vectors.dimensions
    );
    let mut table = Table::new("exact top-10 of 50,000 rows", how);
    let row = |name: String, times: &[f64]| {
        let ratios: Vec<f64> = times.iter().zip(&streamed).map(|(a, b)| a / b).collect();
        Row::new(name)
            .with("median ms", median(times))
            .with("best ms", times.iter().copied().fold(f64::MAX, f64::min))
            .with("of streaming", median(&ratios))
    };
    table.add(row("streaming the bytes".into(), &streamed));
    table.add(row(format!("sembla, {}", Isa::best().name()), &searched));
    table.add(row(words, &by_numpy));
    Ok(table)
}

/// The search of the embedded store without its files: blocks of scores, and the best of each.
fn top_k(query: &[f32], rows: &[f32]) -> Vec<kernels::Hit> {
    let mut best = TopK::new(query, TOP_K);
    let queries = Queries::new(query.len(), query);
    let mut scores = [0.0; BLOCK_ROWS];
    for block in rows.chunks(BLOCK_ROWS * query.len()) {
        let scores = &mut scores[..block.len() / query.len()];
        scan(Isa::best(), &queries, block, scores);
        for score in scores {
            best.offer_score(*score);
        }
    }
    best.into_hits()
}

/// Measures queries of the store that run at the same time.
pub(crate) async fn together(vectors: &Vectors, scratch: &Path) -> anyhow::Result<Table> {
    let rows = vectors.mixed(ROWS, 1);
    let dir = scratch.join("small");
    let index = Index::open(&dir, vectors.dimensions, Duration::from_millis(10)).await?;
    index.fill(0, &rows).await?;
    let queries: Vec<&[f32]> = vectors.each_query().cycle().take(TOGETHER).collect();
    let (mut streamed, mut alone, mut shared) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        streamed.push(time(|| black_box(stream(Isa::best(), &rows))).0 * 1e3);
        let start = std::time::Instant::now();
        index.query(queries[round % TOGETHER], Precision::Exact).await?;
        alone.push(start.elapsed().as_secs_f64() * 1e3);
        let start = std::time::Instant::now();
        try_join_all(queries.iter().map(|query| index.query(query, Precision::Exact))).await?;
        shared.push(start.elapsed().as_secs_f64() * 1e3 / TOGETHER as f64);
    }
    let how = format!(
        "exact, through the store, which answers queries that wait in one pass over memory; \
         {ROUNDS} rounds, medians"
    );
    let mut table = Table::new("concurrent queries of 50,000 rows", how);
    let row = |name: String, times: &[f64]| {
        let ratios: Vec<f64> = times.iter().zip(&streamed).map(|(a, b)| a / b).collect();
        Row::new(name).with("ms a query", median(times)).with("of streaming", median(&ratios))
    };
    table.add(row("one at a time".into(), &alone));
    table.add(row(format!("{TOGETHER} at once"), &shared));
    drop(index);
    fs_err::remove_dir_all(dir)?;
    Ok(table)
}
