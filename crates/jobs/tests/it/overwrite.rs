//! What happens to what is there already.

use std::ops::ControlFlow;

use jobs::{Dataset, JobError, Overwrite, WriteError};

use crate::fake::{Fake, Place, chain, names};

fn refusal(place: &Place) -> WriteError {
    let error = place.run(&Fake::new(2)).unwrap_err();
    let JobError::Write(error) = error else { panic!("{}", chain(&error)) };
    error
}

#[test]
fn an_output_that_is_not_empty_is_refused() {
    let place = Place::new("a.txt", "one\n");
    fs_err::create_dir(place.output()).unwrap();
    fs_err::write(place.output().join("mine.txt"), "keep").unwrap();
    assert!(matches!(refusal(&place), WriteError::Exists { .. }));
    assert_eq!(names(place.output()), ["mine.txt"]);
    assert_eq!(place.names(), ["a.txt", "out"]);
}

#[test]
fn an_empty_folder_is_filled() {
    let place = Place::new("a.txt", "one\n");
    fs_err::create_dir(place.output()).unwrap();
    place.run(&Fake::new(2)).unwrap();
    assert_eq!(Dataset::open(place.output()).unwrap().num_rows(), 1);
}

#[test]
fn parents_are_made() {
    let mut place = Place::new("a.txt", "one\n");
    place.job.output = place.folder.path().join("x/y/z/");
    place.run(&Fake::new(2)).unwrap();
    assert_eq!(names(&place.folder.path().join("x/y")), ["z"]);
}

#[test]
fn a_file_is_no_output() {
    let mut place = Place::new("a.txt", "one\n");
    place.job.output = place.job.source.clone();
    for overwrite in [Overwrite::Refuse, Overwrite::Replace] {
        place.job.overwrite = overwrite;
        assert!(matches!(refusal(&place), WriteError::NotAFolder { .. }));
    }
    place.job.output = "/".into();
    assert!(matches!(refusal(&place), WriteError::NotAFolder { .. }));
    assert_eq!(fs_err::read_to_string(&place.job.source).unwrap(), "one\n");
}

#[test]
fn a_dataset_is_replaced_only_when_the_new_one_is_complete() {
    let mut place = Place::new("a.txt", "one\n");
    place.run(&Fake::new(2)).unwrap();
    fs_err::write(&place.job.source, "one\ntwo\n").unwrap();
    assert!(matches!(refusal(&place), WriteError::Exists { .. }));

    place.job.overwrite = Overwrite::Replace;
    let output = place.output().to_owned();
    let summary = jobs::run(&place.job, &Fake::new(2), &mut |_| {
        assert_eq!(Dataset::open(&output).unwrap().num_rows(), 1, "the old one is there");
        ControlFlow::Continue(())
    });
    assert_eq!(summary.unwrap().num_rows, 2);
    assert_eq!(Dataset::open(&output).unwrap().num_rows(), 2);
    assert_eq!(place.names(), ["a.txt", "out"]);
}

#[test]
fn a_job_that_fails_leaves_the_old_dataset() {
    let mut place = Place::new("a.txt", "one\n");
    place.run(&Fake::new(2)).unwrap();
    fs_err::write(&place.job.source, "one\n\n").unwrap();
    place.job.overwrite = Overwrite::Replace;
    assert!(matches!(place.run(&Fake::new(2)), Err(JobError::Row { row: 2, .. })));
    assert_eq!(Dataset::open(place.output()).unwrap().num_rows(), 1);
    assert_eq!(place.names(), ["a.txt", "out"]);
}

#[test]
fn only_what_we_wrote_is_replaced() {
    let mut place = Place::new("a.txt", "one\n");
    place.job.overwrite = Overwrite::Replace;
    fs_err::create_dir(place.output()).unwrap();
    fs_err::write(place.output().join("README.md"), "a project of mine").unwrap();
    assert!(matches!(refusal(&place), WriteError::NotOurs { .. }));

    fs_err::remove_file(place.output().join("README.md")).unwrap();
    place.run(&Fake::new(2)).unwrap();
    for mine in [".git", "data/notes.txt"] {
        let path = place.output().join(mine);
        fs_err::write(&path, "mine").unwrap();
        let error = refusal(&place);
        let WriteError::NotOurs { entry, .. } = &error else { panic!("{}", chain(&error)) };
        assert_eq!(entry, mine);
        fs_err::remove_file(path).unwrap();
    }
    place.run(&Fake::new(2)).unwrap();
}

#[test]
fn a_link_to_a_dataset_stays_a_link() {
    let mut place = Place::new("a.txt", "one\n");
    place.run(&Fake::new(2)).unwrap();
    let link = place.folder.path().join("link");
    std::os::unix::fs::symlink(place.output(), &link).unwrap();
    place.job.output = link.clone();
    place.job.overwrite = Overwrite::Replace;
    place.run(&Fake::new(2)).unwrap();
    assert!(fs_err::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(Dataset::open(&link).unwrap().num_rows(), 1);
}
