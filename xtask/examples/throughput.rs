//! Our own engine, for `cargo xtask bench`: embeds the same inputs once for each line that it reads.
//!
//! An example rather than a part of the task runner, so that `cargo xtask` need not link the product.
#![expect(clippy::print_stdout, reason = "the bench reads what this prints")]

use std::io::BufRead;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use engine::{Engine, EngineConfig, Input, Normalize, Output, Pool, Prompt, Request, Truncation};
use serde_json::json;

/// Embeds the lines of a file, again and again.
#[derive(Debug, Parser)]
struct Arguments {
    /// Model directory
    #[arg(long)]
    model: PathBuf,
    /// Text file, an input a line
    #[arg(long)]
    text: PathBuf,
    /// Compute threads
    #[arg(long)]
    threads: Option<NonZeroUsize>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let text = fs_err::read_to_string(&arguments.text)?;
    let inputs: Vec<Input> = text.lines().map(|line| Input::Text(line.to_owned())).collect();
    let threads = match arguments.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism()?,
    };
    let encoder = model::load(&arguments.model, &model::LoadOptions::default())?;
    let operations_per_token = 2.0 * encoder.spec().num_linear_weights as f64;
    let pool = Pool::start(threads);
    let engine = Engine::start(encoder, &pool, config());
    // Warm: the pages of the weights are mapped, and the scratch memory has its size.
    embed(&engine, &inputs)?;
    let ready = json!({
        "engine": kernels::InstructionSets::detect().chosen,
        "num_threads": pool.num_threads(),
        "operations_per_token": operations_per_token,
    });
    println!("{ready}");
    for line in std::io::stdin().lock().lines() {
        line.context("the bench has ended")?;
        let peak = kernels::measure_fma_peak(pool.num_threads());
        let start = Instant::now();
        let num_tokens = embed(&engine, &inputs)?;
        let seconds = start.elapsed().as_secs_f64();
        println!("{}", json!({ "seconds": seconds, "num_tokens": num_tokens, "peak": peak }));
    }
    Ok(())
}

/// Embeds all inputs as a job does, and returns how many tokens they had.
fn embed(engine: &Engine, inputs: &[Input]) -> anyhow::Result<usize> {
    let request = Request {
        inputs: inputs.to_vec(),
        prompt: Prompt::Default,
        truncation: Truncation::Right,
        output: Output::Dense { normalize: Normalize::AsModel, dimensions: None },
    };
    let response = engine.submit(request)?.wait()?;
    let mut num_tokens = 0;
    for result in response.results {
        num_tokens += result?.num_tokens;
    }
    Ok(num_tokens)
}

/// The defaults of `sembla serve`.
fn config() -> EngineConfig {
    EngineConfig {
        max_batch_tokens: 16_384,
        max_batch_requests: None,
        max_queue_tokens: 262_144,
        max_concurrent_requests: 512,
    }
}
