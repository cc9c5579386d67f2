//! What the embedded store alone promises, without kills.

mod coded;
mod memory;

use std::path::Path;
use std::sync::Arc;

use index::{
    EmbeddedConfig, EmbeddedStore, IndexChange, IndexSpec, Metric, Namespace, Protection, Record,
    Selection, StoreError, Update, VectorKind, VectorStore,
};

use crate::{Random, dense, name, namespace, open, query, record};

const DIMENSIONS: usize = 16;

/// A store with one index `a`.
async fn store(dir: &Path) -> EmbeddedStore {
    let store = open(dir);
    store.create_index(&dense("a", DIMENSIONS, Metric::Cosine)).await.unwrap();
    store
}

fn records(random: &mut Random, ids: std::ops::Range<usize>) -> Vec<Record> {
    ids.map(|id| record(id.to_string(), &random.floats(DIMENSIONS))).collect()
}

async fn num_records(store: &EmbeddedStore) -> u64 {
    store.describe_index(&name("a")).await.unwrap().num_records
}

async fn assert_good(store: &EmbeddedStore) {
    let found = store.check(&name("a")).await.unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
}

fn data_file(dir: &Path) -> std::path::PathBuf {
    dir.join("a/data.mdb")
}

/// Returns how many transactions were committed: the larger number of the two meta pages.
fn num_commits(dir: &Path) -> u64 {
    let bytes = fs_err::read(data_file(dir)).unwrap();
    let page_size = u32::from_le_bytes(bytes[40..44].try_into().unwrap()) as usize;
    let number =
        |page: usize| u64::from_le_bytes(bytes[page + 144..page + 152].try_into().unwrap());
    number(0).max(number(page_size))
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(1);
    let records = records(&mut random, 0..1_500);
    let before = store(dir.path()).await;
    let written = before.upsert(&name("a"), &namespace(), records.clone()).await.unwrap();
    drop(before);
    let after = open(dir.path());
    let ids: Vec<String> = records.iter().map(|record| record.id.clone()).collect();
    assert_eq!(after.fetch(&name("a"), &namespace(), &ids).await.unwrap(), records);
    assert_eq!(after.stats(&name("a"), None).await.unwrap().lsn, written.lsn);
    let next = after.upsert(&name("a"), &namespace(), records[..1].to_vec()).await.unwrap();
    assert_eq!(next.lsn, written.lsn + 1);
}

#[tokio::test]
async fn a_second_open_is_refused_and_says_who_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let first = store(dir.path()).await;
    let second = EmbeddedStore::open(dir.path(), EmbeddedConfig::for_tests()).unwrap_err();
    let StoreError::Locked { path, pid } = &second else { panic!("{second}") };
    assert_eq!(*path, fs_err::canonicalize(dir.path()).unwrap());
    assert_eq!(*pid, Some(std::process::id()));
    drop(first);
    open(dir.path());
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_refused_before_it_is_mapped() {
    let dir = tempfile::tempdir().unwrap();
    let before = store(dir.path()).await;
    let records = records(&mut Random(2), 0..3_000);
    before.upsert(&name("a"), &namespace(), records).await.unwrap();
    drop(before);
    let len = fs_err::metadata(data_file(dir.path())).unwrap().len();
    for left in [len - 4_096, len / 2, 10_000, 4_096, 100, 0] {
        let file = fs_err::OpenOptions::new().write(true).open(data_file(dir.path())).unwrap();
        file.set_len(left).unwrap();
        let error = EmbeddedStore::open(dir.path(), EmbeddedConfig::for_tests()).unwrap_err();
        assert!(matches!(&error, StoreError::Damaged { path, .. } if path.ends_with("a/data.mdb")));
    }
}

#[tokio::test]
async fn a_flipped_byte_of_a_vector_is_found_by_a_check() {
    let dir = tempfile::tempdir().unwrap();
    let before = store(dir.path()).await;
    let records = records(&mut Random(3), 0..1_100);
    before.upsert(&name("a"), &namespace(), records.clone()).await.unwrap();
    assert_good(&before).await;
    drop(before);
    let mut bytes = fs_err::read(data_file(dir.path())).unwrap();
    let vector: Vec<u8> = records[700].values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let places: Vec<usize> =
        (0..bytes.len() - vector.len()).filter(|at| bytes[*at..].starts_with(&vector)).collect();
    assert_eq!(places.len(), 1, "each vector is stored once");
    bytes[places[0] + 5] ^= 1;
    fs_err::write(data_file(dir.path()), bytes).unwrap();
    let after = open(dir.path());
    let found = after.check(&name("a")).await.unwrap();
    assert_eq!(found.problems, ["namespace ``: the checksum of the block of row 0 is wrong"]);
    assert_eq!((found.num_records, found.num_blocks), (1_100, 3));
}

#[tokio::test]
async fn a_damaged_record_is_an_error_and_found_by_a_check() {
    let dir = tempfile::tempdir().unwrap();
    let before = store(dir.path()).await;
    let mut one = record("the-only-id", &[1.0; DIMENSIONS]);
    one.metadata.insert("text".to_owned(), "a text that stands in no key, being long".into());
    before.upsert(&name("a"), &namespace(), vec![one]).await.unwrap();
    drop(before);
    let mut bytes = fs_err::read(data_file(dir.path())).unwrap();
    let text = b"stands in no key";
    let place = bytes.windows(text.len()).position(|window| window == text).unwrap();
    bytes[place] ^= 1;
    fs_err::write(data_file(dir.path()), bytes).unwrap();
    let after = open(dir.path());
    let found = after.check(&name("a")).await.unwrap();
    assert_eq!(found.problems[0], "namespace ``: row 0: the checksum of a record is wrong");
    let error = after.fetch(&name("a"), &namespace(), &["the-only-id".to_owned()]).await;
    assert!(matches!(error, Err(StoreError::Damaged { .. })), "{error:?}");
}

#[tokio::test]
async fn leftovers_of_a_killed_process_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    drop(store(dir.path()).await);
    let leftover = dir.path().join(".staging-1-0");
    fs_err::create_dir(&leftover).unwrap();
    fs_err::write(leftover.join("data.mdb"), b"half").unwrap();
    let store = open(dir.path());
    assert!(!leftover.exists());
    assert_eq!(store.list_indexes().await.unwrap().len(), 1);
    store.delete_index(&name("a")).await.unwrap();
    let left: Vec<String> = fs_err::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["owner.lock"]);
}

#[tokio::test]
async fn an_index_of_the_same_name_begins_empty() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    for round in 0..3 {
        assert_eq!(num_records(&store).await, 0, "{round}");
        let records = records(&mut Random(round), 0..10);
        store.upsert(&name("a"), &namespace(), records).await.unwrap();
        store.delete_index(&name("a")).await.unwrap();
        store.create_index(&dense("a", DIMENSIONS, Metric::Cosine)).await.unwrap();
    }
}

#[tokio::test]
async fn many_writers_share_commits() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(store(dir.path()).await);
    let before = num_commits(dir.path());
    let writes = (0..400).map(|id| {
        let store = Arc::clone(&store);
        let one = vec![record(id.to_string(), &[1.0; DIMENSIONS])];
        tokio::spawn(async move { store.upsert(&name("a"), &namespace(), one).await.unwrap().lsn })
    });
    let mut lsns = Vec::new();
    for write in writes.collect::<Vec<_>>() {
        lsns.push(write.await.unwrap());
    }
    lsns.sort_unstable();
    assert_eq!(lsns, (1..=400).collect::<Vec<u64>>(), "each write has a number of its own");
    let num_commits = num_commits(dir.path()) - before;
    assert!(num_commits <= 100, "{num_commits} commits for 400 writes");
    assert_good(&store).await;
}

#[tokio::test]
async fn replaced_rows_do_not_fill_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let mut random = Random(4);
    for _ in 0..30 {
        let records = records(&mut random, 0..3_000);
        store.upsert(&name("a"), &namespace(), records).await.unwrap();
    }
    let found = store.check(&name("a")).await.unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
    // A quarter and one block may be dead.
    assert!(found.num_vectors <= 3_000 * 4 / 3 + 1_024, "{} vectors are left", found.num_vectors);
    let len = fs_err::metadata(data_file(dir.path())).unwrap().len();
    let vectors = 3_000 * 4 * DIMENSIONS as u64;
    assert!(len < 20 * vectors, "{len} bytes for vectors of {vectors}");
}

#[tokio::test]
async fn scattered_deletions_are_cleaned_and_nothing_moves_out_of_reach() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let all = records(&mut Random(5), 0..8_192);
    store.upsert(&name("a"), &namespace(), all.clone()).await.unwrap();
    let (mut kept, mut deleted) = (Vec::new(), Vec::new());
    for (at, record) in all.into_iter().enumerate() {
        if at % 3 == 0 { kept.push(record) } else { deleted.push(record.id) }
    }
    for ids in deleted.chunks(500) {
        let ids = Selection::Ids(ids.to_vec());
        store.delete(&name("a"), &namespace(), &ids).await.unwrap();
    }
    let found = store.check(&name("a")).await.unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(found.num_records, kept.len() as u64);
    // A quarter and one block may be dead.
    let most = kept.len() as u64 * 4 / 3 + 1_024;
    assert!(found.num_vectors <= most, "{} vectors of {} are left", found.num_vectors, kept.len());
    let ids: Vec<String> = kept.iter().map(|record| record.id.clone()).collect();
    assert_eq!(store.fetch(&name("a"), &namespace(), &ids).await.unwrap(), kept);
    let nearest = store.query(&name("a"), &namespace(), &query(&kept[9].values, 1)).await.unwrap();
    assert_eq!(nearest.matches[0].id, kept[9].id);
}

#[tokio::test]
async fn a_full_index_says_so_keeps_what_it_had_and_goes_on_under_a_larger_limit() {
    let dir = tempfile::tempdir().unwrap();
    let config =
        |max_index_bytes| EmbeddedConfig { max_index_bytes, ..EmbeddedConfig::for_tests() };
    let small = EmbeddedStore::open(dir.path(), config(1 << 20)).unwrap();
    small.create_index(&dense("a", DIMENSIONS, Metric::Cosine)).await.unwrap();
    let mut random = Random(6);
    let mut num_written = 0;
    let error = loop {
        let records = records(&mut random, num_written..num_written + 500);
        match small.upsert(&name("a"), &namespace(), records).await {
            Ok(_) => num_written += 500,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::IndexFull { max_bytes: 1_048_576, .. }), "{error}");
    assert!(num_written >= 500);
    assert_eq!(num_records(&small).await, num_written as u64);
    assert_good(&small).await;
    drop(small);
    let large = EmbeddedStore::open(dir.path(), config(1 << 30)).unwrap();
    let records = records(&mut random, num_written..num_written + 500);
    large.upsert(&name("a"), &namespace(), records).await.unwrap();
    assert_eq!(num_records(&large).await, num_written as u64 + 500);
}

#[tokio::test]
async fn a_snapshot_is_of_one_moment_and_its_place_must_be_free() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(store(&dir.path().join("data")).await);
    let batch = |number: usize| {
        let ids = (0..50).map(move |at| format!("{number}-{at}"));
        ids.map(|id| record(id, &[number as f32 + 1.0; DIMENSIONS])).collect::<Vec<_>>()
    };
    store.upsert(&name("a"), &namespace(), batch(0)).await.unwrap();
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for number in 1..40 {
                store.upsert(&name("a"), &namespace(), batch(number)).await.unwrap();
            }
        })
    };
    let to = dir.path().join("snapshot");
    store.snapshot(&name("a"), &to).await.unwrap();
    writer.await.unwrap();
    let again = store.snapshot(&name("a"), &to).await;
    assert!(matches!(again, Err(StoreError::Io { path, .. }) if path == to));
    store.restore(&to, &name("b")).await.unwrap();
    let restored = store.describe_index(&name("b")).await.unwrap();
    assert_eq!(restored.num_records % 50, 0, "no batch is half there");
    assert!((50..=2_000).contains(&restored.num_records));
    assert!(matches!(
        store.restore(&to, &name("a")).await,
        Err(StoreError::IndexExists { name }) if name == "a"
    ));
}

#[tokio::test]
async fn a_damaged_snapshot_becomes_no_index() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = store(&data).await;
    let records = records(&mut Random(7), 0..100);
    store.upsert(&name("a"), &namespace(), records.clone()).await.unwrap();
    let to = dir.path().join("snapshot");
    store.snapshot(&name("a"), &to).await.unwrap();
    let file = to.join("data.mdb");
    let mut bytes = fs_err::read(&file).unwrap();
    let vector: Vec<u8> = records[9].values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let place = bytes.windows(vector.len()).position(|window| window == vector).unwrap();
    bytes[place] ^= 1;
    fs_err::write(&file, bytes).unwrap();
    let error = store.restore(&to, &name("b")).await.unwrap_err();
    assert!(matches!(&error, StoreError::Damaged { path, .. } if *path == to), "{error}");
    assert_eq!(store.list_indexes().await.unwrap().len(), 1);
    let entries = fs_err::read_dir(&data).unwrap().count();
    assert_eq!(entries, 2, "the lock and one index; nothing half made is left");
}

#[tokio::test]
async fn queries_at_the_same_time_get_their_own_answers() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(store(dir.path()).await);
    let all = records(&mut Random(8), 0..3_000);
    store.upsert(&name("a"), &namespace(), all.clone()).await.unwrap();
    store.upsert(&name("a"), &Namespace::new("b"), all[..10].to_vec()).await.unwrap();
    let queries = (0..200).map(|at| {
        let (store, record) = (Arc::clone(&store), all[at * 7].clone());
        let namespace = Namespace::new(if at % 4 == 0 { "b" } else { "" });
        tokio::spawn(async move {
            let found = store.query(&name("a"), &namespace, &query(&record.values, 3)).await;
            (at, found.unwrap().matches)
        })
    });
    for found in queries.collect::<Vec<_>>() {
        let (at, found) = found.await.unwrap();
        assert_eq!(found.len(), 3);
        if at % 4 != 0 {
            assert_eq!(found[0].id, all[at * 7].id);
        } else {
            assert!(found.iter().all(|found| found.id.parse::<usize>().unwrap() < 10));
        }
    }
}

#[tokio::test]
async fn a_change_of_metadata_leaves_the_vector_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let all = records(&mut Random(9), 0..100);
    store.upsert(&name("a"), &namespace(), all.clone()).await.unwrap();
    let before = store.check(&name("a")).await.unwrap();
    for record in &all {
        let set_metadata = [("lang".to_owned(), "en".into())].into();
        let update = Update { id: record.id.clone(), set_metadata, ..Update::default() };
        store.update(&name("a"), &namespace(), update).await.unwrap();
    }
    // A rewritten vector would be a row, and 100 more rows would be two more blocks.
    assert_eq!(store.check(&name("a")).await.unwrap(), before);
}

#[tokio::test]
async fn a_protected_index_is_not_deleted_whoever_checked_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let protect = |protection| IndexChange { protection: Some(protection), ..Default::default() };
    store.configure_index(&name("a"), &protect(Protection::Enabled)).await.unwrap();
    let refused = store.delete_index(&name("a")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Protected { .. }), "{refused}");
    store.configure_index(&name("a"), &protect(Protection::Disabled)).await.unwrap();
    store.delete_index(&name("a")).await.unwrap();
}

/// Whoever is told that an index is protected finds it there afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn no_deletion_comes_after_a_protection_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path()));
    for _ in 0..50 {
        store.create_index(&dense("a", 2, Metric::Cosine)).await.unwrap();
        let protection = Some(Protection::Enabled);
        let change = IndexChange { protection, ..Default::default() };
        let deletions = [0, 1].map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.delete_index(&name("a")).await })
        });
        let protected = store.configure_index(&name("a"), &change).await;
        let mut num_deleted = 0;
        for deletion in deletions {
            num_deleted += usize::from(deletion.await.unwrap().is_ok());
        }
        match protected {
            Ok(_) => {
                assert_eq!(num_deleted, 0);
                let protection = Some(Protection::Disabled);
                let change = IndexChange { protection, ..Default::default() };
                store.configure_index(&name("a"), &change).await.unwrap();
                store.delete_index(&name("a")).await.unwrap();
            }
            Err(err) => {
                assert!(matches!(err, StoreError::IndexNotFound { .. }), "{err}");
                assert_eq!(num_deleted, 1);
            }
        }
    }
}

/// Checks stand above the store: between them and it, another index may have taken the name.
#[tokio::test]
async fn vectors_for_an_index_that_was_replaced_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let longer = record("a".to_owned(), &[1.0; DIMENSIONS + 1]);
    let update =
        Update { id: "a".to_owned(), values: Some(longer.values.clone()), ..Update::default() };
    let written = store.upsert(&name("a"), &namespace(), vec![longer.clone()]).await.map(drop);
    let updated = store.update(&name("a"), &namespace(), update).await.map(drop);
    let found = store.query(&name("a"), &namespace(), &query(&longer.values, 1)).await.map(drop);
    let sparse = IndexSpec { kind: VectorKind::Sparse, ..dense("s", 0, Metric::DotProduct) };
    store.create_index(&sparse).await.unwrap();
    let without = record("a".to_owned(), &[]);
    let bare = store.upsert(&name("s"), &namespace(), vec![without]).await.map(drop);
    for refused in [written, updated, found, bare] {
        assert!(matches!(refused, Err(StoreError::IndexNotFound { .. })), "{refused:?}");
    }
    assert_eq!(num_records(&store).await, 0);
    assert_good(&store).await;
}
