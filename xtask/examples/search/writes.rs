//! Durable upserts, at the trait and over HTTP, next to what the disk takes for the same bytes.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;

use crate::http::Server;
use crate::store::{BATCH_RECORDS, Index, id, records};
use crate::table::{Row, Table, median, quantile};
use crate::vectors::Vectors;

const BATCHES: usize = 60;
/// Any number: the same rows each time.
const SEED: u64 = 4;

/// Measures writes to the embedded store by one caller that waits for each.
pub(crate) async fn at_the_trait(vectors: &Vectors, scratch: &Path) -> anyhow::Result<Table> {
    let how = format!(
        "{BATCHES} batches of {BATCH_RECORDS} vectors of {} floats, one caller, each batch on the disk \
         before the next; the disk alone is a plain file written and synced as often",
        vectors.dimensions,
    );
    let mut table = Table::new("durable upserts", how);
    let rows = vectors.mixed(BATCHES * BATCH_RECORDS, SEED);
    let dir = scratch.join("writes");
    let index = Index::open(&dir, vectors.dimensions, Duration::from_millis(10)).await?;
    let mut file = fs_err::File::create(scratch.join("synced"))?;
    let (mut synced, mut upserted) = (Vec::new(), Vec::new());
    let batches = rows.chunks(BATCH_RECORDS * vectors.dimensions);
    for (number, rows) in batches.enumerate() {
        let bytes: Vec<u8> = rows.iter().flat_map(|x| x.to_le_bytes()).collect();
        let batch = records(number * BATCH_RECORDS, rows, vectors.dimensions);
        // By turns, so that both see the same disk.
        let start = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        synced.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        index.upsert(batch).await?;
        upserted.push(start.elapsed().as_secs_f64());
    }
    table.add(row("the disk alone", &synced));
    table.add(row("at the trait", &upserted));
    drop(index);
    fs_err::remove_dir_all(dir)?;
    Ok(table)
}

/// Measures writes as a Pinecone client sends them, to a server of its own.
pub(crate) fn over_http(
    vectors: &Vectors,
    server: &Path,
    model: &Path,
    scratch: &Path,
) -> anyhow::Result<Row> {
    let rows = vectors.mixed(BATCHES * BATCH_RECORDS, SEED);
    let dir = scratch.join("served");
    let model = model.to_str().context("the model's folder is no text")?;
    let server = Server::start(server, &dir, &["--model", model])?;
    let mut connection = server.connect()?;
    let create = json!({
        "name": "bench",
        "dimension": vectors.dimensions,
        "metric": "cosine",
        "spec": { "serverless": { "cloud": "aws", "region": "us-east-1" } },
    });
    connection.post("/pinecone/indexes", &create.to_string())?;
    let mut upserted = Vec::new();
    for (number, rows) in rows.chunks(BATCH_RECORDS * vectors.dimensions).enumerate() {
        let rows = rows.chunks_exact(vectors.dimensions).zip(number * BATCH_RECORDS..);
        let records: Vec<_> =
            rows.map(|(row, number)| json!({ "id": id(number), "values": row })).collect();
        let body = json!({ "vectors": records }).to_string();
        let start = Instant::now();
        connection.post("/pinecone/i/bench/vectors/upsert", &body)?;
        upserted.push(start.elapsed().as_secs_f64());
    }
    let resident = server.resident()?;
    drop(server);
    fs_err::remove_dir_all(dir)?;
    let row = row("JSON over HTTP, the Pinecone dialect, one connection", &upserted);
    Ok(row.with("resident MB of the server", resident))
}

fn row(name: &str, seconds: &[f64]) -> Row {
    let total: f64 = seconds.iter().sum();
    Row::new(name)
        .with("vectors/s", (seconds.len() * BATCH_RECORDS) as f64 / total)
        .with("median ms a batch", median(seconds) * 1e3)
        .with("p95 ms", quantile(seconds, 0.95) * 1e3)
}
