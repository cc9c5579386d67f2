//! `sembla model pack`: a model's folder as SageMaker's `model.tar.gz`.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use artifact::{HandlerFrom, PackageRoot, Packed, handler, pack};

use super::outcome::{Outcome, UsageError, print};
use crate::format;

/// Where the archive is written if nobody says.
const OUTPUT: &str = "model.tar.gz";

/// Arguments of `sembla model pack`.
#[derive(Debug, clap::Args)]
pub(crate) struct PackArgs {
    /// The folder of the model
    dir: PathBuf,

    /// Where to write the archive
    #[arg(long, short, value_name = "FILE", default_value = OUTPUT)]
    output: PathBuf,

    /// A handler to put in as code/inference.py, in place of the folder's own or a generated one
    #[arg(long, value_name = "FILE")]
    handler: Option<PathBuf>,
}

/// Packs a model.
pub(crate) fn run(args: &PackArgs) -> anyhow::Result<Outcome> {
    PackageRoot::check(&args.dir)
        .with_context(|| format!("{} cannot be packed", args.dir.display()))?;
    let handler = args.handler.as_deref().map(read_handler).transpose()?;
    let folder = args.output.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // What is under the name is whole, or what was there before.
    let file = tempfile::NamedTempFile::new_in(folder);
    let file = file.with_context(|| format!("nothing can be written in {}", folder.display()))?;
    let mut writer = BufWriter::new(file);
    let packed = pack(&args.dir, &mut writer, handler.as_deref());
    let packed = packed.with_context(|| format!("{} was not packed", args.dir.display()))?;
    writer.flush()?;
    let file = writer.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(&args.output)
        .with_context(|| format!("{} cannot be written", args.output.display()))?;
    print(shown(&packed, &args.output).trim_end())?;
    Ok(Outcome::Done)
}

fn read_handler(path: &Path) -> anyhow::Result<String> {
    let text = fs_err::read_to_string(path)?;
    match handler::read(&text) {
        Ok(_) => Ok(text),
        Err(err) => Err(UsageError(format!("{}: {err}", path.display())).into()),
    }
}

fn shown(packed: &Packed, output: &Path) -> String {
    let from = match packed.handler {
        HandlerFrom::Caller => "the one that was given",
        HandlerFrom::Folder => "the folder's own",
        HandlerFrom::Generated => "generated; it answers {\"vector_embedding\": …}",
    };
    let mut text = format!(
        "{}: {} files, {} unpacked\ncode/inference.py: {from}\n",
        output.display(),
        packed.num_files,
        format::bytes(packed.num_bytes)
    );
    for left_out in &packed.left_out {
        text.push_str(&format!("left out: {} ({})\n", left_out.path, left_out.why));
    }
    text
}
