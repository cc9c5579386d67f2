//! `sembla embed … --to INDEX`.

use anyhow::Context as _;
use engine::{Engine, Prompt};
use index::Fingerprint;
use jobs::{EngineEmbedder, IndexJob, Present};

use super::super::bound::{self, Loaded};
use super::super::indexes::{Indexes, index_name};
use super::super::into::{note_left_out, place};
use super::super::outcome::{Outcome, print};
use super::super::signals;
use super::super::start::Started;
use super::{EmbedArgs, JobProgress, render, with_remedy};

/// Embeds into an index.
pub(super) fn run(args: &EmbedArgs, started: &Started, index: &str) -> anyhow::Result<Outcome> {
    let name = index_name(index)?;
    let indexes = Indexes::open(started)?;
    let there = args.into.find(&indexes, &name)?;
    let recorded = there.and_then(|there| there.spec.fingerprint);
    let Loaded { running, fingerprint } = bound::load(started, &name, recorded.as_ref())?;
    let num_linear_weights = running.engine.spec().num_linear_weights;
    let prompt = prompt(args, recorded.as_ref(), &running.engine);
    let embedder = EngineEmbedder::new(running.engine.clone(), fingerprint.model, prompt)?;
    let spec = jobs::Embed::spec(&embedder);
    args.into.ensure(&indexes, &name, jobs::fingerprint(spec), spec.dimensions)?;
    let job = IndexJob {
        source: args.source.clone(),
        column: args.column.clone(),
        fill: args.into.fill(&indexes, name),
        present: if args.overwrite { Present::Rewrite } else { Present::Keep },
    };
    let stop = signals::flag().context("failed to listen for signals")?;
    let mut shown = JobProgress::new(args, &stop);
    let done = jobs::run_into(&job, &embedder, &mut |progress| shown.show(progress));
    shown.finish();
    let filled = done.map_err(with_remedy)?;
    note_left_out(&filled.left_out);
    print(&render(&format!("in {}", place(&job.fill)), &filled.summary))?;
    args.print_peak(&filled.summary, num_linear_weights, started)?;
    Ok(Outcome::Done)
}

/// Returns the prompt that is asked for, else that of the documents that are there, else the model's
/// own for documents.
fn prompt(args: &EmbedArgs, recorded: Option<&Fingerprint>, engine: &Engine) -> Prompt {
    match (&args.prompt_name, recorded) {
        (Some(name), _) => Prompt::Named(name.clone()),
        (None, Some(recorded)) => bound::prompt(&recorded.document_prompt),
        (None, None) => bound::prompt(&jobs::document_prompt(engine)),
    }
}
