//! Real servers: PostgreSQL with pgvector, and Chroma. Each test starts its own, on free ports, and they end
//! with it, however it ends.
//!
//! They come from Python packages. `cargo xtask ci` makes the environments before it runs the tests; without
//! them these tests fail, and say how to make them.

mod chroma;
mod pgvector;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use index::{Metadata, Record};

/// A script in `clients/stores` and the servers that it runs, which end with this value.
struct Servers {
    child: Child,
    /// Closed to end the script; `None` while it ends.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    ports: Vec<u16>,
}

impl Servers {
    /// Starts the script of a store in the environment of that store.
    fn start(store: &str, arguments: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = root.join(format!("target/venv/stores-{store}/bin/python"));
        assert!(
            python.is_file(),
            "{} is not there; `make test` makes it, and so does `scripts/make-venv stores-{store} clients/stores-{store}.txt`",
            python.display()
        );
        let mut child = Command::new(python)
            .arg(root.join(format!("clients/stores/{store}.py")))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut state = String::new();
        answers.read_line(&mut state).unwrap();
        let state: serde_json::Value =
            serde_json::from_str(&state).expect("the script says why on stderr");
        let ports = state["ports"].as_array().unwrap();
        let ports =
            ports.iter().map(|port| u16::try_from(port.as_u64().unwrap()).unwrap()).collect();
        Self { child, orders, answers, ports }
    }

    /// Gives an order, and waits until it is carried out.
    fn order(&mut self, order: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{order}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "{order}");
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.orders.take());
        // Nothing to be done about a script that failed at its end.
        let _ = self.child.wait();
    }
}

/// A batch of records whose ids say where they come from.
fn batch(number: usize, size: usize) -> Vec<Record> {
    let record = |i: usize| Record {
        id: format!("{number:04}-{i:05}"),
        values: vec![1.0 + number as f32, 2.0 + i as f32],
        sparse: None,
        metadata: Metadata::new(),
    };
    (0..size).map(record).collect()
}
