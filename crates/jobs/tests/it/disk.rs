//! A disk that is full, by a limit on the size of files: the system's own refusal, not a mock.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use crate::fake::{Fake, Place, chain, job};

/// The variable by which a test tells its child which folder to work in.
const CHILD: &str = "SEMBLA_TEST_JOB_WITHOUT_ROOM";

#[test]
fn a_full_disk_is_named_with_what_to_do_and_nothing_is_left() {
    let place = Place::new("a.txt", "some text\n".repeat(20_000));
    // The shell ignores the signal that goes with the limit, where the binary handles it, and its
    // child inherits both. The limit is in units of 512 or 1,024 bytes, and the file has millions.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "disk::writes_until_there_is_no_room", "--nocapture"])
        .env(CHILD, place.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let path = place.folder.path().join(".out.sembla-partial/data/train-00000.parquet");
    let expected = format!(
        "no room to write {}: make room on the disk or raise the limit on file sizes, or choose \
         another folder, and run the job again: ",
        path.display()
    );
    assert!(said.contains(&expected), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(place.names(), ["a.txt"], "nothing is left");
}

/// The child of the test above. Without the variable it has nothing to do.
#[test]
fn writes_until_there_is_no_room() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let folder = Path::new(&folder);
    let job = job(folder.join("a.txt"), folder.join("out"));
    let error = jobs::run(&job, &Fake::new(384), &mut |_| ControlFlow::Continue(())).unwrap_err();
    use std::io::Write;
    writeln!(std::io::stdout(), "{}", chain(&error)).unwrap();
}
