//! What a job's caller cannot bring about.

use super::*;

#[test]
fn two_renames_replace_where_an_exchange_cannot() {
    let parent = tempfile::tempdir().unwrap();
    let [folder, target] = ["new", "out"].map(|name| parent.path().join(name));
    for (path, text) in [(&folder, "new"), (&target, "old")] {
        fs_err::create_dir(path).unwrap();
        fs_err::write(path.join("README.md"), text).unwrap();
    }
    replace_by_two_renames(&folder, &target).unwrap();
    assert_eq!(fs_err::read_to_string(target.join("README.md")).unwrap(), "new");
    assert_eq!(fs_err::read_dir(parent.path()).unwrap().count(), 1, "nothing else is left");

    // The new one is not there, and the old one keeps its name.
    assert!(matches!(replace_by_two_renames(&folder, &target), Err(WriteError::Write { .. })));
    assert_eq!(fs_err::read_to_string(target.join("README.md")).unwrap(), "new");
}

#[test]
fn what_appears_under_the_name_meanwhile_is_not_lost() {
    let parent = tempfile::tempdir().unwrap();
    let target = parent.path().join("out");
    let staging = Staging::begin(&target, Overwrite::Refuse).unwrap();
    fs_err::create_dir(&target).unwrap();
    fs_err::write(target.join("mine.txt"), "keep").unwrap();
    assert!(matches!(staging.commit(), Err(WriteError::Exists { .. })));
    assert_eq!(fs_err::read_to_string(target.join("mine.txt")).unwrap(), "keep");
    assert_eq!(fs_err::read_dir(parent.path()).unwrap().count(), 1);
}

#[test]
fn a_link_under_the_hidden_name_is_not_followed() {
    let parent = tempfile::tempdir().unwrap();
    let elsewhere = parent.path().join("elsewhere");
    fs_err::create_dir(&elsewhere).unwrap();
    fs_err::write(elsewhere.join("README.md"), "keep").unwrap();
    std::os::unix::fs::symlink(&elsewhere, parent.path().join(".out.sembla-partial")).unwrap();
    let refused = Staging::begin(&parent.path().join("out"), Overwrite::Refuse);
    assert!(matches!(refused, Err(WriteError::Write { .. })), "{refused:?}");
    assert_eq!(fs_err::read_to_string(elsewhere.join("README.md")).unwrap(), "keep");
}
