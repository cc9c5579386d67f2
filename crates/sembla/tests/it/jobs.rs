//! Embedding datasets: interruption, no room, and what is left behind.

use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::command::{Ended, Sembla, folder, signal};

#[test]
fn an_interrupted_job_stops_and_leaves_nothing_behind() {
    let sembla = Sembla::new();
    // Enough that the job is still under way when the interrupt comes.
    let row = "How do I get a replacement card, and what does it cost to have it sent to me?\n";
    fs_err::write(sembla.home().join("rows.txt"), row.repeat(400_000)).unwrap();
    let model = folder("tiny-bert");
    let args = ["embed", "rows.txt", "--column", "text", "--output", "out", "--model"];
    let mut command = sembla.command(&[&args[..], &[&model]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();

    // The job has begun once its hidden folder is there.
    while names_beside_rows(&sembla).is_empty() {
        assert_eq!(child.try_wait().unwrap(), None, "the job ended before it began");
    }
    signal(child.id(), Signal::INT);
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.ends_with("stopped; nothing was written\n"), "{ended:?}");
    assert_eq!(names_beside_rows(&sembla), [""; 0]);
}

#[test]
fn a_job_into_an_index_that_was_killed_goes_on_without_a_duplicate_or_a_gap() {
    let sembla = Sembla::new();
    let rows: String = (0..8_000).map(|row| format!("question {row}\n")).collect();
    fs_err::write(sembla.home().join("rows.txt"), rows).unwrap();
    let model = folder("tiny-bert");
    let created = sembla.run(&["index", "create", "faq", "--model", &model]);
    assert_eq!(created.code, 0, "{created:?}");
    let file = sembla.data_dir().join("indexes/faq/data.mdb");
    let size = || fs_err::metadata(&file).unwrap().len();

    let embed = ["embed", "rows.txt", "--column", "text", "--to", "faq"];
    let mut child = sembla.command(&embed).stdout(Stdio::null()).spawn().unwrap();
    // All rows take more than twice as much, and a batch of them less than half.
    while size() < 1_000_000 {
        assert_eq!(child.try_wait().unwrap(), None, "the job ended before it was killed");
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let again = sembla.run(&embed);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stdout.starts_with("8,000 rows in index faq\n  kept "), "{again:?}");
    let check = sembla.run(&["index", "check", "faq"]);
    assert!(check.stdout.starts_with("index faq is good: 8,000 records"), "{check:?}");
}

#[test]
fn a_limit_on_file_sizes_is_an_error_with_a_remedy_and_nothing_is_left_behind() {
    let sembla = Sembla::new();
    let rows: String = (0..5_000).map(|row| format!("question {row}\n")).collect();
    fs_err::write(sembla.home().join("rows.txt"), rows).unwrap();
    // The limit is in units of 512 or 1,024 bytes; the embeddings alone have ten times as many. The
    // shell leaves the signal that goes with it as it is: it ends a process that does not handle it.
    let output = Command::new("sh")
        .args(["-c", "ulimit -f 64; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_sembla")])
        .args(["embed", "rows.txt", "--output", "out", "--model"])
        .arg(folder("tiny-bert"))
        .env_clear()
        .env("HOME", sembla.home())
        .current_dir(sembla.home())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let ended = Ended::from(output);
    assert_eq!(ended.code, 3, "{ended:?}");
    let expected = format!(
        "sembla: no room to write {}: make room on the disk or raise the limit on file sizes, or \
         choose another folder, and run the job again: ",
        sembla.home().canonicalize().unwrap().join(FIRST_SHARD).display()
    );
    assert!(ended.stderr.contains(&expected), "{ended:?}");
    assert_eq!(names_beside_rows(&sembla), [""; 0]);
}

/// Where the job writes its first rows, before the output has its name.
const FIRST_SHARD: &str = ".out.sembla-partial/data/train-00000.parquet";

fn names_beside_rows(sembla: &Sembla) -> Vec<String> {
    let entries = fs_err::read_dir(sembla.home()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "rows.txt").collect()
}

#[test]
fn the_share_of_the_peak_is_said_when_asked_for() {
    let sembla = Sembla::new();
    fs_err::write(sembla.home().join("rows.txt"), "a\nb\n").unwrap();
    let model = folder("tiny-bert");
    let args = [
        "embed",
        "rows.txt",
        "--column",
        "text",
        "--output",
        "out",
        "--measure-peak",
        "--threads=1",
    ];
    let ended = sembla.run(&[&args[..], &["--model", &model]].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    let line = ended.stdout.lines().last().unwrap();
    assert!(line.starts_with("  FMA peak") && line.ends_with("GFLOP/s on 1 thread)"), "{ended:?}");
}
