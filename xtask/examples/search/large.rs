//! Searches of a million rows: what the store finds of the true nearest, and how fast.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use index::{Namespace, Precision, Selection, VectorStore};
use serde::Deserialize;

use crate::http;
use crate::peer::{Peer, write};
use crate::store::{BATCH_RECORDS, Index, TOP_K, id, rows_of};
use crate::table::{Row, Table, median, milliseconds, quantile};
use crate::vectors::Vectors;

/// What a query may take to read vectors, as `query_time` of the store: efforts to compare.
const QUERY_TIMES: [Duration; 3] =
    [Duration::from_micros(250), Duration::from_micros(1_100), Duration::from_millis(10)];
/// Of the rows, one in so many is added and as many are deleted.
const CHANGE_SHARE: usize = 10;
/// Exact queries that are measured: each reads all rows.
const EXACT_QUERIES: usize = 15;
const CLIENTS: usize = 2;
/// Any numbers: the same rows each time.
const SEED: u64 = 2;
const CHANGE_SEED: u64 = 3;

/// The index, and what should be found in it.
struct Large<'a> {
    vectors: &'a Vectors,
    /// Of the store.
    dir: PathBuf,
    rows: Vec<f32>,
    /// Which rows were not deleted.
    counts: Vec<bool>,
    /// The true nearest of each query.
    nearest: Vec<Vec<u32>>,
    table: Table,
}

/// Measures the embedded store.
pub(crate) async fn run(
    vectors: &Vectors,
    num_rows: usize,
    scratch: &Path,
) -> anyhow::Result<Table> {
    let mut large = Large::load(vectors, num_rows, scratch.join("large")).await?;
    let [quick, middling, careful] = QUERY_TIMES;
    let index = large.open(quick).await?;
    large.search(&index, "exact", Precision::Exact).await?;
    large.search(&index, &named(quick), Precision::Auto).await?;
    large.clients(&index).await?;
    drop(index);
    let index = large.open(middling).await?;
    large.search(&index, &named(middling), Precision::Auto).await?;
    drop(index);
    let index = large.open(careful).await?;
    large.search(&index, &named(careful), Precision::Auto).await?;
    large.change(&index).await?;
    large.search(&index, &format!("{}, after that", named(careful)), Precision::Auto).await?;
    drop(index);
    let index = large.open(quick).await?;
    large.search(&index, &format!("{}, after that", named(quick)), Precision::Auto).await?;
    large.finish(&index)
}

fn named(query_time: Duration) -> String {
    format!("query time {} ms", milliseconds(query_time))
}

impl<'a> Large<'a> {
    async fn load(vectors: &'a Vectors, num_rows: usize, dir: PathBuf) -> anyhow::Result<Self> {
        let rows = vectors.mixed(num_rows, SEED);
        let counts = vec![true; num_rows];
        let title = format!("search of {num_rows} × {}", vectors.dimensions);
        let mut table = Table::new(title, how(vectors));
        let index = Index::open(&dir, vectors.dimensions, QUERY_TIMES[2]).await?;
        let start = Instant::now();
        index.fill(0, &rows).await?;
        let seconds = start.elapsed().as_secs_f64();
        let name = format!("load in durable batches of {BATCH_RECORDS}, and code meanwhile");
        table.add(
            Row::new(name).with("seconds", seconds).with("vectors/s", num_rows as f64 / seconds),
        );
        drop(index);
        let nearest = vectors.nearest(&rows, TOP_K, &counts);
        Ok(Self { vectors, dir, rows, counts, nearest, table })
    }

    /// Opens the store as after a restart, and waits for its codes.
    async fn open(&mut self, query_time: Duration) -> anyhow::Result<Arc<Index>> {
        let index = Index::open(&self.dir, self.vectors.dimensions, query_time).await?;
        let start = Instant::now();
        index.store.prepare(&index.name).await?;
        let row = Row::new("build of all codes and lists, from the files");
        self.table.add(row.with("seconds", start.elapsed().as_secs_f64()));
        Ok(Arc::new(index))
    }

    /// Asks all queries, one after another.
    async fn search(
        &mut self,
        index: &Index,
        name: &str,
        precision: Precision,
    ) -> anyhow::Result<()> {
        let num = if precision == Precision::Exact { EXACT_QUERIES } else { usize::MAX };
        let (mut times, mut recalls) = (Vec::new(), Vec::new());
        let mut stages: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (query, nearest) in self.vectors.each_query().zip(&self.nearest).take(num) {
            let start = Instant::now();
            let result = index.query(query, precision).await?;
            times.push(milliseconds(start.elapsed()));
            for stage in &result.explain.stages {
                stages.entry(stage.name).or_default().push(milliseconds(stage.took));
            }
            let found = rows_of(&result);
            let num_found = nearest.iter().filter(|row| found.contains(row)).count();
            recalls.push(num_found as f64 / nearest.len() as f64);
        }
        let recall = recalls.iter().sum::<f64>() / recalls.len() as f64;
        let row = Row::new(name).with("recall@10", recall).with("p50 ms", median(&times));
        let row = row.with("p95 ms", quantile(&times, 0.95));
        let stages = stages.iter();
        let with_stage = |row: Row, (name, times): (&&str, &Vec<f64>)| {
            row.with(format!("of it {name}"), median(times))
        };
        self.table.add(stages.fold(row, with_stage));
        Ok(())
    }

    /// Asks all queries from two clients at once.
    async fn clients(&mut self, index: &Arc<Index>) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut clients = Vec::new();
        for client in 0..CLIENTS {
            let queries = self.vectors.each_query().skip(client).step_by(CLIENTS);
            let queries: Vec<Vec<f32>> = queries.map(<[f32]>::to_vec).collect();
            let index = Arc::clone(index);
            clients.push(tokio::spawn(async move {
                for query in &queries {
                    index.query(query, Precision::Auto).await?;
                }
                anyhow::Ok(queries.len())
            }));
        }
        let mut num_queries = 0;
        for client in clients {
            num_queries += client.await??;
        }
        let speed = num_queries as f64 / start.elapsed().as_secs_f64();
        let name = format!("{}, {CLIENTS} clients", named(QUERY_TIMES[0]));
        self.table.add(Row::new(name).with("queries/s", speed));
        Ok(())
    }

    /// Adds rows and deletes others, and finds out what is nearest then.
    async fn change(&mut self, index: &Index) -> anyhow::Result<()> {
        let num_rows = self.counts.len();
        let num = num_rows / CHANGE_SHARE;
        let start = Instant::now();
        let added = self.vectors.mixed(num, CHANGE_SEED);
        index.fill(num_rows, &added).await?;
        let mut random = fastrand::Rng::with_seed(CHANGE_SEED);
        let deleted = random.choose_multiple(0..num_rows, num);
        for batch in deleted.chunks(BATCH_RECORDS) {
            let ids = batch.iter().map(|row| id(*row)).collect();
            let selection = Selection::Ids(ids);
            index.store.delete(&index.name, &Namespace::default(), &selection).await?;
        }
        let seconds = start.elapsed().as_secs_f64();
        self.table
            .add(Row::new(format!("{num} upserts and {num} deletes")).with("seconds", seconds));
        index.store.prepare(&index.name).await?;
        self.rows.extend(added);
        self.counts.resize(num_rows + num, true);
        deleted.iter().for_each(|row| self.counts[*row] = false);
        self.nearest = self.vectors.nearest(&self.rows, TOP_K, &self.counts);
        Ok(())
    }

    /// Adds what the index takes, and removes it.
    fn finish(mut self, index: &Index) -> anyhow::Result<Table> {
        let num_live = self.counts.iter().filter(|counts| **counts).count();
        let vectors = (num_live * self.vectors.dimensions * size_of::<f32>()) as f64;
        let codes = index.store.num_code_bytes(&index.name)? as f64;
        // What the bench itself holds is not the index's.
        (self.rows, self.nearest) = (Vec::new(), Vec::new());
        let resident = |kind| http::resident(std::process::id(), kind);
        let row = Row::new("memory, as a multiple of the vectors")
            .with("codes", codes / vectors)
            .with("codes and vectors", 1.0 + codes / vectors)
            .with("resident, of files", resident("RssFile:")? / vectors)
            .with("resident, of the process alone", resident("RssAnon:")? / vectors);
        self.table.add(row);
        fs_err::remove_dir_all(&self.dir)?;
        Ok(self.table)
    }
}

fn how(vectors: &Vectors) -> String {
    format!(
        "rows are two embeddings of real texts each, in a random proportion, scaled to length 1; {} \
         queries of other real texts, one after another on one thread each, through the store; recall \
         against a comparison with all rows",
        vectors.each_query().count(),
    )
}

/// What a peer says of a whole search.
#[derive(Deserialize)]
struct PeerRow {
    name: String,
    figures: Vec<(String, f64)>,
}

/// Measures the same in PostgreSQL with pgvector.
pub(crate) fn pgvector(
    vectors: &Vectors,
    num_rows: usize,
    python: &Path,
    scratch: &Path,
) -> anyhow::Result<Table> {
    let rows = vectors.mixed(num_rows, SEED);
    let nearest = vectors.nearest(&rows, TOP_K, &vec![true; num_rows]);
    let floats =
        |name, floats: &[f32]| write(scratch, name, floats.iter().map(|x| x.to_le_bytes()));
    let rows_file = floats("rows", &rows)?;
    drop(rows);
    let queries_file = floats("queries", &vectors.queries)?;
    let nearest = nearest.iter().flatten().map(|row| row.to_le_bytes());
    let nearest_file = write(scratch, "nearest", nearest)?;
    let mut arguments = vec!["pgvector".to_owned(), vectors.dimensions.to_string()];
    for file in [rows_file, queries_file, nearest_file] {
        arguments.push(file.display().to_string());
    }
    let mut peer = Peer::start(python, &arguments)?;
    let title = format!("pgvector, search of {num_rows} × {}", vectors.dimensions);
    let mut table = Table::new(title, peer.read::<String>()?);
    while let Some(PeerRow { name, figures }) = peer.read()? {
        let row = figures
            .into_iter()
            .fold(Row::new(name), |row, (figure, value)| row.with(figure, value));
        table.add(row);
    }
    Ok(table)
}
