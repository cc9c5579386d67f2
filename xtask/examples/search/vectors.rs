//! Vectors that look like those of real use, as many as wanted: mixtures of embeddings of real texts.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use engine::{Engine, EngineConfig, Input, Normalize, Output, Pool, Prompt, Request, Truncation};
use kernels::{Isa, Queries, normalize_in_place, scan};

/// Texts that are embedded in one request.
const REQUEST_INPUTS: usize = 2_000;
/// Of the texts, one in so many is a query and in no mixture, up to [`MAX_QUERIES`].
const QUERY_SHARE: usize = 10;
const MAX_QUERIES: usize = 1_000;
/// Rows that all queries are compared with at a time.
const BLOCK_ROWS: usize = 256;

/// Embeddings of real texts.
pub(crate) struct Vectors {
    pub(crate) dimensions: usize,
    /// `[num, dimensions]`: what rows are mixed of.
    base: Vec<f32>,
    /// `[num, dimensions]`: of other texts.
    pub(crate) queries: Vec<f32>,
}

impl Vectors {
    /// Embeds the texts of a file, once: the embeddings are kept in `folder`.
    pub(crate) fn of(model: &Path, text: &Path, folder: &Path) -> anyhow::Result<Self> {
        let whole = fs_err::read_to_string(text)?;
        let texts: Vec<&str> = whole.lines().collect();
        ensure!(texts.len() >= QUERY_SHARE, "{} has too few lines", text.display());
        let kept = kept(model, &whole, folder);
        let all = match fs_err::read(&kept) {
            Ok(bytes) => floats(&bytes),
            Err(_) => embed(model, &texts, &kept)?,
        };
        let dimensions = all.len() / texts.len();
        ensure!(dimensions * texts.len() == all.len(), "{} is broken; remove it", kept.display());
        let num_queries = (texts.len() / QUERY_SHARE).min(MAX_QUERIES);
        // Spread over the file, whose neighbouring lines may say the same.
        let step = texts.len() / num_queries;
        let (mut base, mut queries) = (Vec::new(), Vec::new());
        for (at, vector) in all.chunks_exact(dimensions).enumerate() {
            let is_query = at % step == 0 && queries.len() < num_queries * dimensions;
            if is_query { &mut queries } else { &mut base }.extend_from_slice(vector);
        }
        Ok(Self { dimensions, base, queries })
    }

    /// Returns rows, `[num, dimensions]`: each two embeddings in a random proportion, scaled to length 1.
    /// The same seed gives the same rows.
    pub(crate) fn mixed(&self, num: usize, seed: u64) -> Vec<f32> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut rows = vec![0.0; num * self.dimensions];
        for row in rows.chunks_exact_mut(self.dimensions) {
            let (a, b) = (self.pick(&mut random), self.pick(&mut random));
            let share = random.f32();
            for ((x, a), b) in row.iter_mut().zip(a).zip(b) {
                *x = share * a + (1.0 - share) * b;
            }
            normalize_in_place(row);
        }
        rows
    }

    fn pick(&self, random: &mut fastrand::Rng) -> &[f32] {
        let at = random.usize(..self.base.len() / self.dimensions);
        &self.base[at * self.dimensions..][..self.dimensions]
    }

    /// Returns the queries one by one.
    pub(crate) fn each_query(&self) -> impl Iterator<Item = &[f32]> + Clone {
        self.queries.chunks_exact(self.dimensions)
    }

    /// Returns for each query the `k` nearest rows that count, from a comparison with all, on two threads.
    pub(crate) fn nearest(&self, rows: &[f32], k: usize, counts: &[bool]) -> Vec<Vec<u32>> {
        let num = self.queries.len() / self.dimensions;
        let (first, second) = self.queries.split_at(num / 2 * self.dimensions);
        std::thread::scope(|scope| {
            let first = scope.spawn(|| nearest(self.dimensions, first, rows, k, counts));
            let second = nearest(self.dimensions, second, rows, k, counts);
            let mut all = first.join().expect("a comparison does not panic");
            all.extend(second);
            all
        })
    }
}

/// Names a file after what its content follows from.
fn kept(model: &Path, text: &str, folder: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (model, text).hash(&mut hasher);
    folder.join(format!("embeddings-{:016x}.f32", hasher.finish()))
}

fn embed(model: &Path, texts: &[&str], kept: &Path) -> anyhow::Result<Vec<f32>> {
    eprintln!("embedding {} texts, once", texts.len());
    let encoder = model::load(model, &model::LoadOptions::default())?;
    let pool = Pool::start(std::thread::available_parallelism()?);
    let config = EngineConfig {
        max_batch_tokens: 16_384,
        max_batch_requests: None,
        max_queue_tokens: 262_144,
        max_concurrent_requests: 512,
    };
    let engine = Engine::start(encoder, &pool, config);
    let mut all = Vec::new();
    for (number, texts) in texts.chunks(REQUEST_INPUTS).enumerate() {
        let request = Request {
            inputs: texts.iter().map(|text| Input::Text((*text).to_owned())).collect(),
            prompt: Prompt::Default,
            truncation: Truncation::Right,
            output: Output::Dense { normalize: Normalize::Always, dimensions: None },
        };
        for result in engine.submit(request)?.wait()?.results {
            all.extend(result?.values);
        }
        eprintln!("embedded {}", number * REQUEST_INPUTS + texts.len());
    }
    let bytes: Vec<u8> = all.iter().flat_map(|x| x.to_le_bytes()).collect();
    fs_err::write(kept, bytes).context("failed to keep the embeddings")?;
    Ok(all)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect()
}

fn nearest(
    dimensions: usize,
    queries: &[f32],
    rows: &[f32],
    k: usize,
    counts: &[bool],
) -> Vec<Vec<u32>> {
    let queries = Queries::new(dimensions, queries);
    let mut best: Vec<Vec<(f32, u32)>> = vec![Vec::new(); queries.num()];
    let mut scores = vec![0.0; BLOCK_ROWS * queries.num()];
    for (number, block) in rows.chunks(BLOCK_ROWS * dimensions).enumerate() {
        let num_rows = block.len() / dimensions;
        let scores = &mut scores[..num_rows * queries.num()];
        scan(Isa::best(), &queries, block, scores);
        for (best, scores) in best.iter_mut().zip(scores.chunks_exact(num_rows)) {
            for (at, score) in scores.iter().enumerate() {
                let row = number * BLOCK_ROWS + at;
                let is_near = best.len() < k || *score > best[k - 1].0;
                if is_near && counts[row] {
                    let place = best.partition_point(|(better, _)| better >= score);
                    best.insert(place, (*score, row as u32));
                    best.truncate(k);
                }
            }
        }
    }
    best.into_iter().map(|best| best.into_iter().map(|(_, row)| row).collect()).collect()
}
