//! Running the binary: no environment but what a test gives, a home of its own, output as text.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A home folder and an environment for runs of the binary.
pub(crate) struct Sembla {
    home: Arc<TempDir>,
    env: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sembla {
    /// Makes an empty home.
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap().into(), env: Vec::new() }
    }

    /// Sets a variable for the runs that follow.
    pub(crate) fn with_env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Returns the home folder, in which the runs also work.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Returns the data directory below the home folder.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.home().join(".local/share/sembla")
    }

    /// Returns the Hub's cache below the home folder.
    pub(crate) fn hub_cache(&self) -> PathBuf {
        self.home().join(".cache/huggingface/hub")
    }

    /// Returns a command with these arguments, not yet started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sembla"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.home())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    /// Runs to the end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        let output = self.command(args).output().unwrap();
        Ended::from(output)
    }

    /// Runs to the end and prints exit code, stdout and stderr, with the home folder as `$HOME`.
    pub(crate) fn transcript(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        let mut text = String::new();
        for (label, stream) in [("", &ended.stdout), ("stderr: ", &ended.stderr)] {
            for line in stream.lines() {
                text.push_str(&format!("{label}{line}\n"));
            }
        }
        text.push_str(&format!("exit code {}\n", ended.code));
        text.replace(&self.home().display().to_string(), "$HOME")
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            // A signal has no code.
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Returns the folder of tiny models.
pub(crate) fn fixture_models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/models").canonicalize().unwrap()
}

/// Returns the folder of one of them.
pub(crate) fn folder(model: &str) -> String {
    fixture_models().join(model).display().to_string()
}

/// Returns a client that takes every status for an answer.
pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent()
}

/// Sends a signal to a process.
pub(crate) fn signal(process: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(process).unwrap()).unwrap(), signal).unwrap();
}

/// A server that is ready. It is killed when it is dropped.
pub(crate) struct Served {
    child: Child,
    url: String,
    stdout: String,
    // Its data directory is there as long as it runs.
    _home: Arc<TempDir>,
    // Read by a thread, so that a server that logs much never waits for its test.
    lines: Mutex<Receiver<String>>,
    // What was taken of them so far.
    logs: String,
}

impl Served {
    /// Starts `sembla serve …` and waits until all models are ready, if there are any.
    pub(crate) fn start(sembla: &Sembla, args: &[&str]) -> Self {
        let mut served = Self::listen(sembla, args);
        served.read_until_any(&["all models are ready", "no model is given"]);
        served
    }

    /// Starts `sembla serve …` and waits until it listens. None of its logs are read yet.
    pub(crate) fn listen(sembla: &Sembla, args: &[&str]) -> Self {
        let mut command = sembla.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first_line = String::new();
        stdout.read_line(&mut first_line).unwrap();
        let lines = Mutex::new(lines_of(child.stderr.take().unwrap()));
        let url = first_line.trim().strip_prefix("listening on ").map(str::to_owned);
        // Another machine would connect to its address; this one may come through loopback.
        let url = url.unwrap_or_default().replace("0.0.0.0", "127.0.0.1");
        Self {
            child,
            url,
            _home: Arc::clone(&sembla.home),
            stdout: first_line,
            lines,
            logs: String::new(),
        }
    }

    /// Reads logs until one has `text`, and returns it.
    pub(crate) fn read_until(&mut self, text: &str) -> String {
        self.read_until_any(&[text])
    }

    fn read_until_any(&mut self, texts: &[&str]) -> String {
        loop {
            let line = self.lines.get_mut().unwrap().recv();
            let line = line.unwrap_or_else(|_| panic!("the server ended: {}", self.logs));
            self.logs.push_str(&line);
            if texts.iter().any(|text| line.contains(text)) {
                return line;
            }
        }
    }

    /// Returns host and port.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// Sends GET, or POST with a body, and returns the status and the answer.
    pub(crate) fn ask(&self, path: &str, body: Option<&str>) -> (u16, String) {
        let agent = agent();
        let url = format!("{}{path}", self.url);
        let mut response = match body {
            Some(body) => agent.post(url).content_type("application/json").send(body).unwrap(),
            None => agent.get(url).call().unwrap(),
        };
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    /// Returns the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, which: Signal) {
        signal(self.pid(), which);
    }

    /// Asks the server to stop and waits for its end.
    pub(crate) fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        // Ends with the server.
        self.logs.extend(self.lines.get_mut().unwrap().iter());
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Ended {
            code,
            stdout: std::mem::take(&mut self.stdout),
            stderr: std::mem::take(&mut self.logs),
        }
    }
}

fn lines_of(stderr: ChildStderr) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut stderr = BufReader::new(stderr);
        let mut line = String::new();
        // A test that is over listens no more.
        while stderr.read_line(&mut line).is_ok_and(|num_bytes| num_bytes > 0)
            && sender.send(std::mem::take(&mut line)).is_ok()
        {}
    });
    lines
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
