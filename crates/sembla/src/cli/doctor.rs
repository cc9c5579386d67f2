//! `sembla doctor`: what this machine offers, what would be used of it, and why.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::checked::Checked;
use super::flags::{Doctor, Flags};
use super::outcome::{Outcome, print};
use super::start::{Started, bring, only_model, reference, start};
use crate::config::{Command, Config, Env};
use crate::format;
use crate::machine::{detect_memory, free_bytes, plural};
use crate::models::{self, Freshness};
use crate::owner::{self, Holder};

/// Arguments of `sembla doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Measure the machine's peak of fused multiply-adds too
    #[arg(long)]
    measure: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    flags: Flags<Doctor>,
}

/// Everything that is found out.
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    instruction_sets: InstructionSets,
    threads: Threads,
    #[serde(skip_serializing_if = "Option::is_none")]
    fma_peak_flops: Option<f64>,
    memory: Memory,
    folders: Vec<Folder>,
    hub: Hub,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<Checked>,
}

#[derive(Debug, Serialize)]
struct InstructionSets {
    chosen: &'static str,
    found: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Threads {
    count: usize,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Memory {
    total_bytes: u64,
    available_bytes: u64,
    limit_bytes: Option<u64>,
    limit_file: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Folder {
    purpose: &'static str,
    /// `None` if no variable says where home is.
    path: Option<PathBuf>,
    exists: bool,
    free_bytes: Option<u64>,
    /// Who has it, if one process at a time may.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_by: Option<String>,
}

#[derive(Debug, Serialize)]
struct Hub {
    endpoint: String,
    offline: bool,
    /// Where the token comes from; never the token.
    token: String,
}

/// Prints the report. The answer is no if a model was asked for and cannot be loaded.
pub(crate) fn run(args: &DoctorArgs, env: &Env) -> anyhow::Result<Outcome> {
    let started = start(Command::Doctor, &args.flags.given, env)?;
    let report = Report::of(&started, args.measure)?;
    let loadable = report.model.as_ref().is_none_or(|model| model.loadable);
    if args.json {
        print(&serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&report.text())?;
    }
    Ok(if loadable { Outcome::Done } else { Outcome::No })
}

impl Report {
    fn of(started: &Started, measure: bool) -> anyhow::Result<Self> {
        let config = &started.config;
        let instructions = kernels::InstructionSets::detect();
        let num_threads = started.threads.count.get();
        let memory = detect_memory();
        let (limit_bytes, limit_file) = match memory.limit {
            Some(limit) => (Some(limit.value), Some(limit.file)),
            None => (None, None),
        };
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            instruction_sets: InstructionSets {
                chosen: instructions.chosen,
                found: instructions.found,
            },
            threads: Threads { count: num_threads, reason: started.threads.reason.clone() },
            fma_peak_flops: measure.then(|| kernels::measure_fma_peak(num_threads)),
            memory: Memory {
                total_bytes: memory.total_bytes,
                available_bytes: memory.available_bytes,
                limit_bytes,
                limit_file,
            },
            folders: vec![
                Folder::of("models of the Hub", config.hub.cache_dir.as_deref()),
                Folder::of_data(config.data_dir.as_deref())?,
            ],
            hub: Hub {
                endpoint: config.hub.endpoint.clone(),
                offline: config.hub.offline,
                token: token_source(config)?,
            },
            model: check_model(config)?,
        })
    }

    fn text(&self) -> String {
        let mut rows: Vec<[String; 2]> = Vec::new();
        let mut row = |name: &str, value: String| rows.push([name.to_owned(), value]);
        row("version", self.version.to_owned());
        let InstructionSets { chosen, found } = &self.instruction_sets;
        row("instruction set", format!("{chosen} (found: {})", found.join(", ")));
        row("threads", format!("{} ({})", self.threads.count, self.threads.reason));
        if let Some(peak) = self.fma_peak_flops {
            let threads = plural(self.threads.count, "thread");
            row("FMA peak", format!("{:.1} GFLOP/s on {threads}", peak / 1e9));
        }
        row("memory", self.memory.text());
        for folder in &self.folders {
            row(folder.purpose, folder.text());
        }
        let offline = if self.hub.offline { ", offline" } else { "" };
        row("the Hub", format!("{}{offline}", self.hub.endpoint));
        row("token", self.hub.token.clone());
        let mut text = format::columns(&rows);
        if let Some(model) = &self.model {
            text.push_str(&format!("\n\n{}", model.text()));
        }
        text
    }
}

impl Memory {
    fn text(&self) -> String {
        let total = format::bytes(self.total_bytes);
        let available = format::bytes(self.available_bytes);
        let limit = match (&self.limit_bytes, &self.limit_file) {
            (Some(bytes), Some(file)) => {
                format!("a cgroup limit of {} ({})", format::bytes(*bytes), file.display())
            }
            _ => "no cgroup limit".to_owned(),
        };
        format!("{available} of {total} available, {limit}")
    }
}

impl Folder {
    fn of(purpose: &'static str, path: Option<&Path>) -> Self {
        Self {
            purpose,
            path: path.map(Path::to_path_buf),
            exists: path.is_some_and(Path::exists),
            free_bytes: path.and_then(free_bytes),
            used_by: None,
        }
    }

    fn of_data(path: Option<&Path>) -> anyhow::Result<Self> {
        let used_by = path.map(used_by).transpose()?;
        Ok(Self { used_by, ..Self::of("data of Sembla", path) })
    }

    fn text(&self) -> String {
        let Some(path) = &self.path else {
            return "nowhere, since HOME is not set".to_owned();
        };
        let exists = if self.exists { "" } else { "not there yet, " };
        let free = self.free_bytes.map_or("unknown".to_owned(), format::bytes);
        let used_by = self.used_by.as_ref().map_or(String::new(), |who| format!(", used by {who}"));
        format!("{} ({exists}{free} free{used_by})", path.display())
    }
}

/// Says who has a data directory.
fn used_by(dir: &Path) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let process =
        |pid: Option<u32>| pid.map_or("a process".to_owned(), |pid| format!("process {pid}"));
    Ok(match runtime.block_on(owner::holder(dir))? {
        Holder::Nobody => "nobody".to_owned(),
        Holder::Server { pid } => format!("the server of {}", process(pid)),
        Holder::Other { pid } => format!("{}, which is no server", process(pid)),
    })
}

fn token_source(config: &Config) -> anyhow::Result<String> {
    if config.hub.token.is_some() {
        return Ok("set".to_owned());
    }
    Ok(match (models::token(&config.hub)?, &config.hub.token_path) {
        (Some(_), Some(path)) => format!("from {}", path.display()),
        _ => "none".to_owned(),
    })
}

fn check_model(config: &Config) -> anyhow::Result<Option<Checked>> {
    if config.models.models.is_empty() {
        return Ok(None);
    }
    let reference = reference(only_model(config)?, config)?;
    Ok(Some(Checked::of(bring(&reference, config, Freshness::Cached)?)))
}
