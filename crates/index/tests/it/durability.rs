//! What the embedded store keeps when its process or its disk fails.
//!
//! Each test plays two parts: it starts its own binary again with itself as the only test, and the
//! variable `STORE_CHILD` tells that process which directory to work on.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use index::{
    EmbeddedConfig, EmbeddedStore, Metric, PageRequest, Record, Selection, StoreError, VectorStore,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{Random, count, dense, name, namespace, open, record, setting};

const CHILD: &str = "STORE_CHILD";
/// Records of one batch of the killed process.
const BATCH: usize = 10;
const DIMENSIONS: usize = 64;

/// Returns the directory if this process is the child.
pub(crate) fn child_dir() -> Option<PathBuf> {
    setting(CHILD).map(PathBuf::from)
}

/// Returns a command that runs one test of this binary as the child, behind a command that starts
/// others.
pub(crate) fn child(test: &str, dir: &Path, starter: &[&str]) -> Command {
    let binary = std::env::current_exe().unwrap();
    let mut words = starter.iter().map(std::ffi::OsString::from).collect::<Vec<_>>();
    words.push(binary.into());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env(CHILD, dir).stdout(Stdio::piped());
    command
}

/// Tells the parent something: past the test runner, which would keep it.
pub(crate) fn tell(words: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "@{words}").unwrap();
    out.flush().unwrap();
}

/// What the child tells.
pub(crate) struct Told(BufReader<ChildStdout>);

impl Told {
    pub(crate) fn by(child: &mut Child) -> Self {
        Self(BufReader::new(child.stdout.take().unwrap()))
    }
}

impl Iterator for Told {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // A line that the kill cut off was not told. The runner may have begun the line.
            if let (true, Some((_, words))) = (line.ends_with('\n'), line.split_once('@')) {
                return Some(words.trim_end().to_owned());
            }
        }
    }
}

fn batch(number: usize) -> Vec<Record> {
    let mut random = Random(number as u64);
    let ids = (0..BATCH).map(|at| format!("{number:06}-{at}"));
    ids.map(|id| {
        let mut record = record(id, &random.floats(DIMENSIONS));
        record.metadata.insert("batch".to_owned(), (number as f64).into());
        record
    })
    .collect()
}

/// Writes batches until it is killed, and deletes every third again.
async fn write_until_killed(dir: &Path) {
    let store = open(dir);
    let first = next_batch(&store).await;
    for number in first.. {
        store.upsert(&name("a"), &namespace(), batch(number)).await.unwrap();
        tell(&format!("wrote {number}"));
        if number % 3 == 0 {
            let ids = Selection::Ids(batch(number).into_iter().map(|r| r.id).collect());
            store.delete(&name("a"), &namespace(), &ids).await.unwrap();
            tell(&format!("deleted {number}"));
        }
    }
}

async fn ids(store: &EmbeddedStore) -> BTreeSet<String> {
    let page = PageRequest { prefix: String::new(), limit: usize::MAX, after: None };
    store.list(&name("a"), &namespace(), &page).await.unwrap().ids.into_iter().collect()
}

async fn next_batch(store: &EmbeddedStore) -> usize {
    ids(store).await.last().map_or(0, |last| last[..6].parse::<usize>().unwrap() + 1)
}

#[tokio::test]
async fn what_was_acknowledged_survives_kills_at_any_moment() {
    if let Some(dir) = child_dir() {
        return write_until_killed(&dir).await;
    }
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).create_index(&dense("a", DIMENSIONS, Metric::Cosine)).await.unwrap();
    let seed = setting("SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut random = Random(seed);
    let (mut written, mut deleted) = (BTreeSet::new(), BTreeSet::new());
    for kill in 0..count("index_kills") {
        let test = "durability::what_was_acknowledged_survives_kills_at_any_moment";
        let mut child = child(test, dir.path(), &[]).spawn().unwrap();
        let mut told = Told::by(&mut child);
        let mut note = |words: String| {
            let (what, number) = words.split_once(' ').unwrap();
            let told = if what == "wrote" { &mut written } else { &mut deleted };
            told.insert(number.parse::<usize>().unwrap());
        };
        for words in told.by_ref().take(1 + random.below(30)) {
            note(words);
        }
        // Somewhere in the next write or the one after it.
        (0..random.below(3_000_000)).for_each(|_| std::hint::spin_loop());
        child.kill().unwrap();
        child.wait().unwrap();
        told.for_each(note);
        look(dir.path(), &written, &deleted, &format!("kill {kill} of SEED={seed}")).await;
    }
    assert!(written.len() >= count("index_kills") as usize, "each process wrote something");
}

/// Looks at what a killed process left: what it told of is there, and no batch is half there.
async fn look(dir: &Path, written: &BTreeSet<usize>, deleted: &BTreeSet<usize>, when: &str) {
    let store = open(dir);
    let ids = ids(&store).await;
    let last = next_batch(&store).await.max(written.last().map_or(0, |last| last + 1));
    for number in 0..last {
        let batch = batch(number);
        let there = batch.iter().filter(|record| ids.contains(&record.id)).count();
        assert!(there == 0 || there == BATCH, "{when}: {there} records of batch {number}");
        let may_be_gone = number % 3 == 0;
        assert!(there == BATCH || may_be_gone || !written.contains(&number), "{when}: {number}");
        assert!(there == 0 || !deleted.contains(&number), "{when}: {number} is back");
        if there == BATCH {
            let ids: Vec<String> = batch.iter().map(|record| record.id.clone()).collect();
            assert_eq!(store.fetch(&name("a"), &namespace(), &ids).await.unwrap(), batch);
        }
    }
    let found = store.check(&name("a")).await.unwrap();
    assert_eq!(found.problems, Vec::<String>::new(), "{when}");
}

#[tokio::test]
async fn a_second_process_is_refused_and_told_who_has_the_directory() {
    if let Some(dir) = child_dir() {
        let error = EmbeddedStore::open(&dir, EmbeddedConfig::for_tests()).unwrap_err();
        let StoreError::Locked { pid, .. } = error else { panic!("{error:?}") };
        return tell(&pid.unwrap().to_string());
    }
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let test = "durability::a_second_process_is_refused_and_told_who_has_the_directory";
    let mut child = child(test, dir.path(), &[]).spawn().unwrap();
    let told: Vec<String> = Told::by(&mut child).collect();
    assert!(child.wait().unwrap().success());
    assert_eq!(told, [std::process::id().to_string()]);
    drop(store);
}

#[tokio::test]
async fn each_acknowledgement_comes_after_a_sync() {
    if let Some(dir) = child_dir() {
        let store = open(&dir);
        for number in 0..6 {
            tell(&format!("begin {number}"));
            store.upsert(&name("a"), &namespace(), batch(number)).await.unwrap();
            tell(&format!("wrote {number}"));
        }
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).create_index(&dense("a", DIMENSIONS, Metric::Cosine)).await.unwrap();
    let trace = dir.path().join("trace");
    let calls = "trace=openat,write,pwrite64,fdatasync,fsync";
    let starter = ["strace", "-f", "-e", calls, "-o", trace.to_str().unwrap()];
    let test = "durability::each_acknowledgement_comes_after_a_sync";
    let status = child(test, dir.path(), &starter)
        .status()
        .expect("this test needs strace; install the package of that name");
    assert!(status.success(), "{status}");
    let trace = fs_err::read_to_string(trace).unwrap();
    assert_eq!(synced_writes(&trace), (0..6).collect::<Vec<_>>(), "{trace}");
}

/// Returns the acknowledged writes before which, and after whose beginning, the pages were synced and
/// then the meta page was written through a file that syncs each write.
fn synced_writes(trace: &str) -> Vec<usize> {
    let number = |line: &str, words: &str| -> Option<usize> {
        let (_, rest) = line.split_once(words)?;
        rest.split('\\').next()?.parse().ok()
    };
    let mut synced = Vec::new();
    let (mut syncing_file, mut pages, mut meta) = (None, false, false);
    for line in trace.lines() {
        if line.contains("O_DSYNC") && line.contains("data.mdb") {
            syncing_file = line.rsplit("= ").next();
        } else if number(line, "@begin ").is_some() {
            (pages, meta) = (false, false);
        } else if line.contains("fdatasync") && line.ends_with("= 0") {
            pages = true;
        } else if pages
            && syncing_file.is_some_and(|file| line.contains(&format!("pwrite64({file}, ")))
        {
            meta = true;
        } else if let (true, Some(number)) = (meta, number(line, "@wrote ")) {
            synced.push(number);
        }
    }
    synced
}

#[tokio::test]
async fn a_full_disk_is_named_keeps_nothing_and_passes() {
    if let Some(dir) = child_dir() {
        return fill_the_disk(&dir).await;
    }
    let dir = tempfile::tempdir().unwrap();
    // A write beyond the limit would end the process with a signal, as it ends no server of ours.
    let starter = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];
    let test = "durability::a_full_disk_is_named_keeps_nothing_and_passes";
    let status = child(test, dir.path(), &starter).status().unwrap();
    assert!(status.success(), "{status}");
}

async fn fill_the_disk(dir: &Path) {
    let store = open(dir);
    store.create_index(&dense("a", DIMENSIONS, Metric::Cosine)).await.unwrap();
    store.upsert(&name("a"), &namespace(), batch(0)).await.unwrap();
    let unlimited = getrlimit(Resource::Fsize);
    let len = fs_err::metadata(dir.join("a/data.mdb")).unwrap().len();
    let many = || (1..200).flat_map(batch).collect::<Vec<_>>();
    // At a page's end, within a page, and a little further on: LMDB meets each in another way.
    for room in [0, 1_000, 4_096, 100_000] {
        let current = Some(len + room);
        setrlimit(Resource::Fsize, Rlimit { current, maximum: unlimited.maximum }).unwrap();
        let error = store.upsert(&name("a"), &namespace(), many()).await.unwrap_err();
        assert!(matches!(error, StoreError::NoSpace { .. }), "{room}: {error:?}");
        let described = store.describe_index(&name("a")).await.unwrap();
        assert_eq!(described.num_records, BATCH as u64, "nothing of it was kept");
    }
    setrlimit(Resource::Fsize, unlimited).unwrap();
    store.upsert(&name("a"), &namespace(), many()).await.unwrap();
    assert_eq!(ids(&store).await.len(), 200 * BATCH);
    let found = store.check(&name("a")).await.unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
}
