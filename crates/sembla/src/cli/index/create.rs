//! `sembla index create|delete|protect`.

use std::collections::BTreeMap;

use clap::ValueEnum;
use index::{
    Fingerprint, IndexChange, IndexDescription, IndexName, IndexSpec, Metric, Protection,
    SparseWeights, StoreError, VectorKind,
};
use server::index_object;

use super::super::bound::fingerprint_of_asked;
use super::super::flags::{Flags, Index, IndexModel, pair};
use super::super::indexes::{Indexes, index_name};
use super::super::outcome::{Outcome, UsageError, print};
use super::super::start::{Started, start};
use super::show::render;
use crate::config::{Command, Env};
use crate::format::plural;
use crate::progress;

/// Arguments of `sembla index create`.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// Lower-case letters, digits and `-`, at most 45
    name: String,

    #[command(flatten)]
    choices: Choices,

    /// Do not let it be deleted until `sembla index protect NAME --off`
    #[arg(long)]
    protect: bool,

    /// A note, as NAME=VALUE; several times for several
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    flags: Flags<IndexModel>,
}

/// What can be chosen of an index that other commands create too.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Choices {
    /// Floats of a vector; those of the model where one is given
    #[arg(long, value_name = "N")]
    dimensions: Option<usize>,

    /// How near two vectors are
    #[arg(long, value_enum, default_value = "cosine")]
    metric: MetricName,

    /// Keep the words of texts too, so that searches go by meaning and by words (BM25)
    #[arg(long)]
    hybrid: bool,

    /// Keep sparse vectors alone, with the metric dotproduct; for programs that make them
    #[arg(long, conflicts_with_all = ["hybrid", "dimensions"])]
    sparse: bool,

    /// The metadata field that keeps each text; else the column that is embedded first
    #[arg(long, value_name = "FIELD")]
    text_field: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MetricName {
    Cosine,
    Dotproduct,
    Euclidean,
}

/// Creates an index.
pub(super) fn run(args: &CreateArgs, env: &Env) -> anyhow::Result<Outcome> {
    let name = index_name(&args.name)?;
    let started = start(Command::IndexModel, &args.flags.given, env)?;
    let fingerprint = asked_model(&started)?;
    let indexes = Indexes::open(&started)?;
    let mut spec = args.choices.spec(name, fingerprint)?;
    spec.tags.extend(args.tags.iter().cloned().collect::<BTreeMap<_, _>>());
    if args.protect {
        spec.protection = Protection::Enabled;
    }
    let created = create(&indexes, &spec)?;
    if args.json {
        print(&serde_json::to_string_pretty(&index_object(created))?)?;
    } else {
        print(&render(&created, &[]))?;
        if spec.fingerprint.is_some() {
            let name = &spec.name;
            progress::say(&format!("next: sembla embed FILE --column NAME --to {name}"));
        }
    }
    Ok(Outcome::Done)
}

/// Creates an index. That the name is taken has its remedy.
pub(super) fn create(indexes: &Indexes, spec: &IndexSpec) -> anyhow::Result<IndexDescription> {
    match indexes.wait(indexes.checked().create_index(spec)) {
        Err(StoreError::IndexExists { .. }) => Err(anyhow::anyhow!(
            "there is an index `{name}` already; choose another name, or see it with `sembla index \
             show {name}`",
            name = spec.name
        )),
        Err(StoreError::Invalid(invalid)) => Err(UsageError(invalid.to_string()).into()),
        created => Ok(created?),
    }
}

fn asked_model(started: &Started) -> anyhow::Result<Option<Fingerprint>> {
    if started.config.models.models.is_empty() {
        return Ok(None);
    }
    fingerprint_of_asked(started).map(Some)
}

impl Choices {
    /// Chooses nothing else.
    pub(crate) fn of(hybrid: bool, dimensions: usize) -> Self {
        let (metric, text_field) = (MetricName::Cosine, None);
        Self { dimensions: Some(dimensions), metric, hybrid, sparse: false, text_field }
    }

    /// Returns what an index of this name and this model will be.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if the choices contradict one another or leave the dimensions open.
    pub(crate) fn spec(
        &self,
        name: IndexName,
        fingerprint: Option<Fingerprint>,
    ) -> Result<IndexSpec, UsageError> {
        let field = self.text_field.iter();
        let metric = match self.metric {
            _ if self.sparse => Metric::DotProduct,
            MetricName::Cosine => Metric::Cosine,
            MetricName::Dotproduct => Metric::DotProduct,
            MetricName::Euclidean => Metric::Euclidean,
        };
        let weights = if self.hybrid {
            SparseWeights::InverseDocumentFrequency
        } else {
            SparseWeights::AsSent
        };
        Ok(IndexSpec {
            name,
            dimensions: self.dimensions(fingerprint.as_ref())?,
            metric,
            kind: if self.sparse { VectorKind::Sparse } else { VectorKind::Dense },
            sparse_weights: weights,
            protection: Protection::Disabled,
            tags: field.map(|it| (jobs::TEXT_FIELD_TAG.to_owned(), it.clone())).collect(),
            fingerprint,
        })
    }

    fn dimensions(&self, model: Option<&Fingerprint>) -> Result<usize, UsageError> {
        match (self.dimensions, model) {
            (_, Some(model)) if self.sparse => Err(UsageError(format!(
                "--sparse makes an index without dense vectors, and those of {} are dense; leave \
                 out one of --sparse and --model",
                model.model
            ))),
            (Some(given), Some(model)) if given != model.dimensions => Err(UsageError(format!(
                "--dimensions is {given}, and the embeddings of {} have {}; leave out --dimensions",
                model.model, model.dimensions
            ))),
            (_, Some(model)) => Ok(model.dimensions),
            (Some(given), None) => Ok(given),
            (None, None) if self.sparse => Ok(0),
            (None, None) => Err(UsageError(
                "an index needs a model (--model DIR or --model ORG/NAME), or the number of floats \
                 of its vectors (--dimensions N)"
                    .to_owned(),
            )),
        }
    }
}

/// Arguments of `sembla index delete`.
#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// The index
    name: String,
    #[command(flatten)]
    flags: Flags<Index>,
}

/// Deletes an index.
pub(super) fn delete(args: &DeleteArgs, env: &Env) -> anyhow::Result<Outcome> {
    let name = index_name(&args.name)?;
    let indexes = Indexes::open(&start(Command::Index, &args.flags.given, env)?)?;
    let there = indexes.describe(&name)?;
    match indexes.wait(indexes.checked().delete_index(&name)) {
        Err(StoreError::Protected { .. }) => {
            anyhow::bail!(
                "index `{name}` is protected from deletion; allow it with `sembla index protect \
                 {name} --off`"
            )
        }
        deleted => deleted?,
    }
    print(&format!("index {name} with {} is gone", plural(there.num_records, "record")))?;
    Ok(Outcome::Done)
}

/// Arguments of `sembla index protect`.
#[derive(Debug, clap::Args)]
pub(crate) struct ProtectArgs {
    /// The index
    name: String,
    /// Allow its deletion again
    #[arg(long)]
    off: bool,
    #[command(flatten)]
    flags: Flags<Index>,
}

/// Protects an index from deletion, or no longer.
pub(super) fn protect(args: &ProtectArgs, env: &Env) -> anyhow::Result<Outcome> {
    let name = index_name(&args.name)?;
    let indexes = Indexes::open(&start(Command::Index, &args.flags.given, env)?)?;
    indexes.describe(&name)?;
    let (protection, said) = if args.off {
        (Protection::Disabled, "may be deleted")
    } else {
        (Protection::Enabled, "is protected from deletion")
    };
    let change = IndexChange { protection: Some(protection), ..IndexChange::default() };
    indexes.wait(indexes.checked().configure_index(&name, &change))?;
    print(&format!("index {name} {said}"))?;
    Ok(Outcome::Done)
}
