//! Which command of a start command is the server, and with which words and variables it starts.
//!
//! On Baseten supervisord runs it, without a shell; what is written for a shell stands in `sh -c "…"`.

use crate::error::ImportError;
use crate::report::Report;
use crate::script::{self, Command, Known, Scope, Word};
use crate::weights::Sources;

const KEY: &str = "docker_server.start_command";
const ROUTER: &str = "text-embeddings-router";
const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "zsh"];
/// Commands in whose place the rest of their words runs.
const BEFORE: &[&str] = &["exec", "env", "nohup"];
/// `sh -c` in `sh -c`, and nobody means more.
const MAX_SHELLS: usize = 4;
/// A start command is a line or a few.
const MAX_LENGTH: usize = 64 * 1024;

/// How the server starts.
#[derive(Debug, Default)]
pub(crate) struct Start {
    /// What stands behind its name.
    pub(crate) words: Vec<Known>,
    /// The variables that the command itself sets, in their order.
    pub(crate) variables: Vec<(String, Known)>,
}

/// Finds the server in a start command, with the variables of the container.
///
/// # Errors
///
/// If it is another server, or cannot be told.
pub(crate) fn start(
    command: &str,
    variables: Scope,
    sources: &mut Sources,
    report: &mut Report,
) -> Result<Start, ImportError> {
    if command.len() > MAX_LENGTH {
        return Err(problem(format!("is over {MAX_LENGTH} bytes")));
    }
    let words = shlex::split(command).ok_or_else(|| problem("has a quote that is never closed"))?;
    let command = Command { words: words.iter().map(|word| Word::literal(word)).collect() };
    let mut search =
        Search { variables, set: Vec::new(), found: None, other: None, sources, report };
    search.command(command, 0)?;
    let Search { set, found, other, .. } = search;
    match (found, other) {
        (Some(words), _) => Ok(Start { words, variables: set }),
        (None, Some(what)) => Err(ImportError::OtherServer { what: runs(&what) }),
        (None, None) => Err(problem("runs nothing")),
    }
}

struct Search<'a> {
    variables: Scope,
    set: Vec<(String, Known)>,
    found: Option<Vec<Known>>,
    /// What the last command runs, in words for an error.
    other: Option<String>,
    sources: &'a mut Sources,
    report: &'a mut Report,
}

impl Search<'_> {
    fn command(&mut self, mut command: Command, shells: usize) -> Result<(), ImportError> {
        let fetches = self.sources.fetch(KEY, &command);
        let program = self.program(&mut command)?;
        let Some(program) = program else {
            return Ok(());
        };
        let name = program.rsplit('/').next().unwrap_or_default();
        if name == ROUTER {
            return self.router(&command);
        }
        if SHELLS.contains(&name)
            && let Some(script) = script_of(&command)
        {
            if shells == MAX_SHELLS {
                return Err(problem("has shells in shells in shells"));
            }
            for command in script::commands(script).map_err(problem)? {
                self.command(command, shells + 1)?;
            }
            return Ok(());
        }
        if !fetches {
            let words = command.words.iter().map(|word| word.as_text().unwrap_or("…"));
            self.other = Some(program_in_words(name, &words.collect::<Vec<_>>()));
            if shells > 0 {
                self.report.leave_out(
                    format!("{KEY} `{name}`"),
                    "of the commands in the shell only text-embeddings-router has a meaning here",
                );
            }
        }
        Ok(())
    }

    /// Takes what stands before the program: variables, and commands that run the rest.
    fn program(&mut self, command: &mut Command) -> Result<Option<String>, ImportError> {
        let words = std::mem::take(&mut command.words);
        let mut words = words.into_iter().peekable();
        let is_export = words.next_if(|word| word.as_text() == Some("export")).is_some();
        while let Some(word) = words.next() {
            if let Some((name, value)) = word.assignment() {
                let value = value.whole(&self.variables).map_err(|what| untold(&what))?;
                self.variables.insert(name.clone(), value.clone());
                self.set.push((name, value));
                continue;
            }
            let program = word.as_text().map(str::to_owned);
            // `export NAME` alone exports what is set already.
            if is_export || program.as_deref().is_some_and(|program| BEFORE.contains(&program)) {
                continue;
            }
            command.words = words.collect();
            return match program {
                Some(program) => Ok(Some(program)),
                None => match word.whole(&self.variables) {
                    Ok(known) => Ok(Some(known.text)),
                    Err(what) => Err(untold(&what)),
                },
            };
        }
        Ok(None)
    }

    fn router(&mut self, command: &Command) -> Result<(), ImportError> {
        if self.found.is_some() {
            return Err(problem("starts two servers; an endpoint has one"));
        }
        let mut words = Vec::new();
        for word in &command.words {
            words.extend(word.known(&self.variables).map_err(|what| untold(&what))?);
        }
        self.found = Some(words);
        Ok(())
    }
}

/// Returns the script of `sh -c SCRIPT`, with whatever flags are beside the c.
fn script_of(command: &Command) -> Option<&str> {
    let mut words = command.words.iter().skip_while(|word| {
        let flag = word.as_text().unwrap_or_default();
        !(flag.starts_with('-') && !flag.starts_with("--") && flag.ends_with('c'))
    });
    words.next()?;
    words.next()?.as_text()
}

/// What is known of other servers.
fn program_in_words(name: &str, words: &[&str]) -> String {
    let is_python = name.starts_with("python");
    let module = words.iter().skip_while(|word| **word != "-m").nth(1).filter(|_| is_python);
    match module {
        Some(module) => format!("`{name} -m {module}`"),
        None => format!("`{name}`"),
    }
}

fn runs(what: &str) -> String {
    let titles = [
        ("vllm", "vLLM"),
        ("sglang", "SGLang"),
        ("infinity", "Infinity"),
        ("trtllm", "TensorRT-LLM"),
        ("tritonserver", "Triton"),
        ("llama-server", "llama.cpp"),
        ("python", "a Python program"),
        ("uvicorn", "a Python program"),
    ];
    match titles.iter().find(|(part, _)| what.contains(part)) {
        Some((_, title)) => format!("runs {title} ({what})"),
        None => format!("runs {what}"),
    }
}

fn untold(what: &str) -> ImportError {
    problem(format!("needs {what}, whose value is not in config.yaml; write the value instead"))
}

fn problem(problem: impl Into<String>) -> ImportError {
    ImportError::Command { problem: problem.into() }
}
