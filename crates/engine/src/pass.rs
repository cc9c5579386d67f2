//! What a worker does with what the queue hands out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use kernels::{Exec, Matrix, normalize_in_place};
use model::{Cut, Encoder, PackedBatch, Sequence};
use tracing::error;

use crate::queue::{Asked, Batch, Item, Piece, Queue, Raw, Tokenized};
use crate::{Embedded, Input, InputError, Normalize, Output, Truncation};

/// Tokenizes a piece and gives it back.
pub(crate) fn tokenize(encoder: &Encoder, queue: &Queue, piece: Piece) {
    let began = Instant::now();
    let outcomes = piece
        .inputs
        .into_iter()
        .map(|Raw { index, estimate, input }| {
            // A tokenizer that panics on one text must not take the worker with it.
            let outcome =
                catch_unwind(AssertUnwindSafe(|| sequence(encoder, &piece.asked, &input)));
            Tokenized { index, estimate, outcome: outcome.unwrap_or(Err(InputError::BatchFailed)) }
        })
        .collect();
    queue.tokenized(piece.task, outcomes, began.elapsed());
}

/// Turns one input into a sequence, and counts its characters.
fn sequence(
    encoder: &Encoder,
    asked: &Asked,
    input: &Input,
) -> Result<(Sequence, usize), InputError> {
    let cut = if asked.truncation == Truncation::Left { Cut::Left } else { Cut::Right };
    let (sequence, num_chars) = match input {
        Input::Text(text) if text.is_empty() => return Err(InputError::Empty),
        Input::Ids(ids) if ids.is_empty() => return Err(InputError::Empty),
        Input::Text(text) => (encoder.sequence(&asked.prompt, text, cut)?, text.chars().count()),
        Input::Ids(ids) => (encoder.sequence_of_ids(ids, cut)?, 0),
    };
    if sequence.ids.is_empty() {
        // A tokenizer without special tokens may make nothing of white space.
        return Err(InputError::Empty);
    }
    match sequence.truncated_from {
        Some(num_tokens) if asked.truncation == Truncation::Refuse => {
            Err(InputError::TooLong { num_tokens, max_tokens: encoder.spec().max_tokens })
        }
        _ => Ok((sequence, num_chars)),
    }
}

/// Runs a batch through the model and gives the results back.
pub(crate) fn compute(encoder: &Encoder, queue: &Queue, exec: &Exec, batch: Batch) {
    let began = Instant::now();
    metrics::histogram!("te_batch_next_size").record(batch.items.len() as f64);
    metrics::histogram!("te_batch_next_tokens").record(batch.num_tokens as f64);
    let results = catch_unwind(AssertUnwindSafe(|| run(encoder, exec, &batch.items)));
    let results = results.unwrap_or_else(|_| {
        error!(num_inputs = batch.items.len(), "a batch panicked; its inputs failed");
        batch.items.iter().map(|_| Err(InputError::BatchFailed)).collect()
    });
    let items = batch.items.into_iter().zip(results).collect();
    queue.computed(items, began, batch.num_tokens);
}

fn run(encoder: &Encoder, exec: &Exec, items: &[Item]) -> Vec<Result<Embedded, InputError>> {
    let packed = PackedBatch::new(items.iter().map(|item| &item.ready.sequence));
    let states = encoder.encode(exec, &packed); // [num_tokens, hidden_size]
    let pooled = encoder.pool(exec, &states, &packed); // [batch_size, dimensions]
    items
        .iter()
        .zip(packed.offsets().iter())
        .enumerate()
        .map(|(number, (item, rows))| {
            let (values, dimensions) = match item.output {
                Output::Tokens => (states.rows(rows).to_vec(), states.num_cols()),
                Output::Dense { normalize, dimensions } => {
                    let normalize = match normalize {
                        Normalize::Always => true,
                        Normalize::Never => false,
                        Normalize::AsModel => encoder.spec().normalizes,
                    };
                    let embedding = embedding(&pooled, number, dimensions, normalize);
                    let dimensions = embedding.len();
                    (embedding, dimensions)
                }
            };
            if !values.iter().all(|x| x.is_finite()) {
                return Err(InputError::NotFinite);
            }
            let Sequence { ids, truncated_from, .. } = &item.ready.sequence;
            Ok(Embedded {
                values,
                dimensions,
                num_tokens: ids.len(),
                num_chars: item.ready.num_chars,
                truncated_from: *truncated_from,
            })
        })
        .collect()
}

fn embedding(pooled: &Matrix, row: usize, dimensions: Option<usize>, normalize: bool) -> Vec<f32> {
    let row = pooled.row(row);
    let mut embedding = row[..dimensions.unwrap_or(row.len())].to_vec();
    if normalize {
        normalize_in_place(&mut embedding);
    }
    embedding
}
