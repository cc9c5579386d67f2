//! Jobs that do not reach their end: stopped, panicked, killed, doubled.

use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};

use jobs::{Dataset, JobError, Progress, SourceError, WriteError};

use crate::fake::{Fake, Place, job, names};

/// The variable by which a test tells its child which folder to work in.
const CHILD: &str = "SEMBLA_TEST_JOB_TO_BE_KILLED";

#[test]
fn a_job_that_is_stopped_leaves_nothing() {
    let stop_at: [fn(Progress<'_>) -> bool; 4] = [
        |progress| matches!(progress, Progress::Scanning { .. }),
        |progress| matches!(progress, Progress::Opened { .. }),
        |progress| matches!(progress, Progress::Checking { .. }),
        |progress| matches!(progress, Progress::Embedding { num_rows: 1.., .. }),
    ];
    for stops in stop_at {
        let place = Place::new("a.txt", "some text\n".repeat(5000));
        let stopped = jobs::run(&place.job, &Fake::new(2), &mut |progress| {
            if stops(progress) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(stopped, Err(JobError::Stopped)), "{stopped:?}");
        assert_eq!(place.names(), ["a.txt"]);
    }
}

#[test]
fn a_job_that_panics_leaves_nothing() {
    let place = Place::new("a.txt", "some text\n");
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        jobs::run(&place.job, &Fake::new(2), &mut |progress| {
            assert!(!matches!(progress, Progress::Embedding { .. }), "the caller's own fault");
            ControlFlow::Continue(())
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(place.names(), ["a.txt"]);
}

#[test]
fn a_source_that_changes_under_a_job_is_refused() {
    let place = Place::new("a.txt", "some text\n".repeat(5000));
    let changed = jobs::run(&place.job, &Fake::new(2), &mut |progress| {
        if matches!(progress, Progress::Checking { num_rows: 5000, .. }) {
            fs_err::write(&place.job.source, "some text\n").unwrap();
        }
        ControlFlow::Continue(())
    });
    let Err(JobError::Source(SourceError::Changed { num_scanned: 5000, num_read: 1, .. })) =
        changed
    else {
        panic!("{changed:?}");
    };
    assert_eq!(place.names(), ["a.txt"]);
}

#[test]
fn a_second_job_to_the_same_output_is_refused_while_the_first_lives() {
    let place = Place::new("a.txt", "some text\n");
    let mut second = None;
    jobs::run(&place.job, &Fake::new(2), &mut |progress| {
        if let (Progress::Embedding { .. }, None) = (progress, &second) {
            second = Some(place.run(&Fake::new(2)));
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    let second = second.expect("the callback was called");
    assert!(matches!(second, Err(JobError::Write(WriteError::InUse { .. }))), "{second:?}");
    assert_eq!(Dataset::open(place.output()).unwrap().num_rows(), 1);
}

#[test]
fn a_killed_job_leaves_nothing_under_the_final_name_and_the_next_clears_up() {
    let place = Place::new("a.txt", "some text\n".repeat(5000));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stopped::works_until_it_is_killed", "--nocapture"])
        .env(CHILD, place.folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let begun = lines.map(Result::unwrap).any(|line| line.contains("rows are embedded"));
    assert!(begun, "the child says that it is in the middle");
    child.kill().unwrap();
    child.wait().unwrap();
    let partial = place.folder.path().join(".out.sembla-partial");
    assert_eq!(place.names(), [".out.sembla-partial", "a.txt"]);
    assert_eq!(names(&partial.join("data")), ["train-00000.parquet"]);

    place.run(&Fake::new(2)).unwrap();
    assert_eq!(place.names(), ["a.txt", "out"]);
    assert_eq!(Dataset::open(place.output()).unwrap().num_rows(), 5000);
}

/// The child of the test above: embeds some rows, says so and waits to be killed. Without the
/// variable it has nothing to do.
#[test]
fn works_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let folder = Path::new(&folder);
    let job = job(folder.join("a.txt"), folder.join("out"));
    let _ = jobs::run(&job, &Fake::new(2), &mut |progress| {
        if matches!(progress, Progress::Embedding { num_rows: 3000.., .. }) {
            say("rows are embedded");
            loop {
                std::thread::park();
            }
        }
        ControlFlow::Continue(())
    });
}

/// To the true standard output, which is a pipe to the parent.
fn say(line: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

#[test]
fn a_hidden_folder_that_is_not_ours_is_left_alone() {
    let place = Place::new("a.txt", "some text\n");
    let hidden = place.folder.path().join(".out.sembla-partial");
    fs_err::create_dir(&hidden).unwrap();
    fs_err::write(hidden.join("mine.txt"), "keep").unwrap();
    let refused = place.run(&Fake::new(2));
    assert!(matches!(refused, Err(JobError::Write(WriteError::NotOurs { .. }))), "{refused:?}");
    assert_eq!(names(&hidden), ["mine.txt"]);
}
