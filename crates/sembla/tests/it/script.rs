//! Transcripts: what a user types, and what comes of it.
//!
//! A script in `scripts/*.txt` is a list of lines: a comment (`#`), a file to write (`file NAME`, its
//! lines following with `| ` before each), a command (`sembla …`), or against a server that
//! `sembla serve` started a request (`get PATH`, `post PATH BODY`) and its end (`stop`). What it
//! printed is kept beside it in `.out`; `UPDATE_EXPECT=1` writes that anew.
//!
//! The models of `fixtures/models` lie in the working folder under their own names.

use expect_test::expect_file;

use crate::command::{Sembla, Served, fixture_models};

struct Script {
    sembla: Sembla,
    served: Option<Served>,
    transcript: String,
}

impl Script {
    fn new() -> Self {
        let sembla = Sembla::new();
        for model in fs_err::read_dir(fixture_models()).unwrap() {
            let model = model.unwrap();
            let link = sembla.home().join(model.file_name());
            fs_err::os::unix::fs::symlink(model.path(), link).unwrap();
        }
        Self { sembla, served: None, transcript: String::new() }
    }

    fn run(mut self, text: &str) -> String {
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            self.transcript.push_str(&format!("{line}\n"));
            let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
            match verb {
                "" | "#" => {}
                "file" => {
                    let mut content = String::new();
                    while let Some(line) = lines.peek().and_then(|line| line.strip_prefix("| ")) {
                        content.push_str(&format!("{line}\n"));
                        lines.next();
                    }
                    fs_err::write(self.sembla.home().join(rest), content).unwrap();
                }
                "sembla" => self.command(&words(rest)),
                "get" => self.request(rest, None),
                "post" => {
                    let (path, body) = rest.split_once(' ').unwrap();
                    self.request(path, Some(body));
                }
                "stop" => {
                    let ended = self.served.take().unwrap().stop();
                    self.print(&format!("exit code {}", ended.code));
                }
                _ => panic!("no such verb: {line}"),
            }
        }
        self.transcript
    }

    fn command(&mut self, args: &[String]) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        if args[0] == "serve" {
            self.served = Some(Served::start(&self.sembla, &args));
            return;
        }
        let text = self.sembla.transcript(&args);
        self.print(&steady(&text));
    }

    fn request(&mut self, path: &str, body: Option<&str>) {
        let (status, text) = self.served.as_ref().unwrap().ask(path, body);
        let shown = match serde_json::from_str(&text) {
            Ok(value) => outline(&value),
            Err(_) => text,
        };
        self.print(&format!("{status} {shown}"));
    }

    fn print(&mut self, text: &str) {
        for line in text.lines() {
            self.transcript.push_str(&format!("    {line}\n"));
        }
    }
}

/// Splits as a shell does, as far as scripts need it: at spaces, except in quotes of either kind.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in text.chars() {
        match (c, quote) {
            (' ', None) => words.push(String::new()),
            ('"' | '\'', None) => quote = Some(c),
            (_, Some(end)) if c == end => quote = None,
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words
}

/// Blanks what differs from run to run, which is times, and the last digits of scores, in which sets of instructions
/// differ.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    for line in text.lines() {
        let is_time = ["  seconds", "  tokens/s"].iter().any(|label| line.starts_with(label));
        let line = match line.strip_suffix(" ms").and_then(|rest| rest.rsplit_once(' ')) {
            Some((before, _)) => format!("{} … ms", before.trim_end()),
            None if is_time => format!("{}…", &line[..13]),
            None => rounded(line),
        };
        steady.push_str(&format!("{line}\n"));
    }
    steady
}

/// Writes the score of a hit with four decimals.
fn rounded(line: &str) -> String {
    let score = line.split_once("\"score\": ").and_then(|(before, score)| {
        let (number, end) = score.split_at(score.trim_end_matches(',').len());
        Some(format!("{before}\"score\": {:.4}{end}", number.parse::<f64>().ok()?))
    });
    score.unwrap_or_else(|| line.to_owned())
}

/// Writes JSON on one line, floats with four decimals, and of a long list of numbers the first.
fn outline(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Number(number) if number.is_f64() => format!("{:.4}", number.as_f64().unwrap()),
        Value::Array(items) if items.len() > 8 && items[0].is_f64() => {
            format!("[{}, … {} numbers]", outline(&items[0]), items.len())
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(outline).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let field = |(name, value)| format!("\"{name}\": {}", outline(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

#[track_caller]
fn check(script: &str, out: expect_test::ExpectFile) {
    out.assert_eq(&Script::new().run(script));
}

#[test]
fn a_dataset_is_embedded_searched_and_its_model_served() {
    check(include_str!("scripts/faq.txt"), expect_file!["scripts/faq.out"]);
}

#[test]
fn mistakes_with_datasets_name_the_thing_and_the_remedy() {
    check(include_str!("scripts/mistakes.txt"), expect_file!["scripts/mistakes.out"]);
}

#[test]
fn several_models_are_served_by_name() {
    check(include_str!("scripts/several.txt"), expect_file!["scripts/several.out"]);
}

#[test]
fn a_model_directory_is_described() {
    check(include_str!("scripts/check.txt"), expect_file!["scripts/check.out"]);
}

#[test]
fn an_index_is_made_filled_searched_copied_and_deleted() {
    check(include_str!("scripts/index.txt"), expect_file!["scripts/index.out"]);
}

#[test]
fn mistakes_with_indexes_name_the_thing_and_the_remedy() {
    check(include_str!("scripts/index-mistakes.txt"), expect_file!["scripts/index-mistakes.out"]);
}

#[test]
fn commands_work_on_the_indexes_of_a_server_that_runs() {
    check(include_str!("scripts/index-served.txt"), expect_file!["scripts/index-served.out"]);
}
