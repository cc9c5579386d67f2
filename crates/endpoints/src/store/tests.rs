//! What is acknowledged is there; what failed has left nothing.

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Charge, Store, StoreError, Used, schema};
use crate::clock::Timestamp;
use crate::keys::{KeyBody, KeyId, KeyRequest, Scope, Scopes, Secret};
use crate::name::{EndpointName, Namespace};
use crate::price::Amount;
use crate::record::Body;
use crate::replica::EndpointId;
use crate::runtime::Examined;
use crate::spec::{Opaque, Spec};
use crate::status::PausedBy;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_123);

struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("control.sqlite")
    }

    fn open(&self) -> Store {
        Store::open(&self.path()).unwrap()
    }
}

fn me() -> Namespace {
    "me".parse().unwrap()
}

fn named(name: &str) -> EndpointName {
    name.parse().unwrap()
}

fn body() -> Body {
    Body::new(Spec::for_tests("a/b"), Examined::default(), NOW)
}

fn charge(endpoint: EndpointId, minute: u64) -> Charge {
    let cost = Amount::from_millionths(21_667);
    Charge { endpoint, namespace: me(), name: named("boru"), minute, replica_minutes: 1, cost }
}

#[test]
fn what_was_written_is_there_when_the_file_is_opened_again() {
    let folder = Folder::new();
    let mut written = body();
    written.pause(PausedBy::User("ada".to_owned()), NOW);
    written.spec.opaque = Opaque(serde_json::json!({"model": {"repository": "a/b", "x": 0.1}}));
    let id = folder.open().insert(&me(), &named("boru"), &written).unwrap().unwrap();
    let records = folder.open().endpoints().unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].id, &records[0].body), (id, &written));
}

#[test]
fn a_name_is_taken_once_in_a_namespace_and_a_number_is_never_given_again() {
    let folder = Folder::new();
    let mut store = folder.open();
    let first = store.insert(&me(), &named("boru"), &body()).unwrap().unwrap();
    assert_eq!(store.insert(&me(), &named("boru"), &body()).unwrap(), None);
    let other = "you".parse().unwrap();
    assert!(store.insert(&other, &named("boru"), &body()).unwrap().is_some());
    let last = store.insert(&me(), &named("last"), &body()).unwrap().unwrap();
    store.delete(last).unwrap();
    let again = store.insert(&me(), &named("last"), &body()).unwrap().unwrap();
    assert!(again > last && last > first);
}

#[test]
fn usage_adds_up_by_minute_and_key_and_outlives_its_endpoint() {
    let folder = Folder::new();
    let mut store = folder.open();
    let id = store.insert(&me(), &named("boru"), &body()).unwrap().unwrap();
    let used = |key: Option<i64>, minute, tokens| Used {
        namespace: me(),
        name: named("boru"),
        key: key.map(KeyId),
        minute,
        requests: 1,
        tokens,
    };
    store.add_usage(&[used(Some(1), 5, 10), used(None, 5, 7), used(Some(1), 6, 1)]).unwrap();
    store.add_usage(&[used(Some(1), 5, 20)]).unwrap();
    store.charge(&[charge(id, 5), charge(id, 5), charge(id, 6)]).unwrap();
    assert_eq!(store.endpoints().unwrap()[0].spent, Amount::from_millionths(65_001));
    store.delete(id).unwrap();

    let since = |minute: u64| Timestamp::from_millis(minute * 60_000);
    let rows = store.usage_rows(&me(), &named("boru"), since(0)).unwrap();
    let rows: Vec<_> =
        rows.iter().map(|r| (r.key, r.minute.minute(), r.requests, r.tokens)).collect();
    assert_eq!(rows, [(None, 5, 1, 7), (Some(KeyId(1)), 5, 2, 30), (Some(KeyId(1)), 6, 1, 1)]);
    let total = store.usage_total(&me(), &named("boru"), since(6)).unwrap();
    assert_eq!((total.requests, total.tokens, total.replica_minutes), (1, 1, 1));
    let nothing = store.usage_total(&me(), &named("other"), since(0)).unwrap();
    assert_eq!(nothing, Default::default());
}

#[test]
fn keys_come_back_and_the_file_does_not_hold_their_secret() {
    let folder = Folder::new();
    let secret = Secret::random().unwrap();
    let request = KeyRequest {
        name: "ci".to_owned(),
        scopes: Scopes::new([Scope::Invoke, Scope::Read]).unwrap(),
        namespace: Some(me()),
        tokens_per_minute: Some(9),
    };
    let body = KeyBody::new(request.clone(), &secret, NOW).unwrap();
    let id = folder.open().insert_key(&secret.hash(), &body).unwrap();
    let keys = folder.open().keys().unwrap();
    assert_eq!((keys[0].id, keys[0].hash), (id, secret.hash()));
    let new = secret.into_new(&keys[0]);
    assert_eq!(new.key.request, request);
    let hidden = new.secret.as_bytes()[16..].to_vec();
    for entry in contents(folder.folder.path()) {
        assert!(!entry.windows(hidden.len()).any(|window| window == hidden));
    }
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let folder = Folder::new();
    let newer = schema::VERSION + 1;
    Connection::open(folder.path()).unwrap().pragma_update(None, "user_version", newer).unwrap();
    let before = contents(folder.folder.path());
    let error = Store::open(&folder.path()).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found, known, .. } if found == newer && known == newer - 1)
    );
    assert!(error.to_string().contains("use the newer program"), "{error}");
    assert_eq!(contents(folder.folder.path()), before);
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let folder = Folder::new();
    Connection::open(folder.path()).unwrap();
    let junk = folder.folder.path().join("junk");
    {
        use std::io::Write as _;
        let mut file = tempfile::NamedTempFile::new_in(folder.folder.path()).unwrap();
        file.write_all(&[7; 5_000]).unwrap();
        file.persist(&junk).unwrap();
    }
    assert!(matches!(Store::open(&junk), Err(StoreError::Sqlite { .. })));
}

#[test]
fn a_full_disk_is_an_error_that_leaves_everything_as_it_was() {
    let folder = Folder::new();
    let mut store = folder.open();
    let id = store.insert(&me(), &named("boru"), &body()).unwrap().unwrap();
    // SQLite answers as it does when the disk is full.
    let pages: i64 = store.connection.query_row("PRAGMA page_count", [], |r| r.get(0)).unwrap();
    store.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let mut large = body();
    large.spec.opaque = Opaque(serde_json::Value::String("x".repeat(100_000)));
    let error = store.put(id, &large).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    let many: Vec<Charge> = (0..20_000).map(|minute| charge(id, minute)).collect();
    assert!(matches!(store.charge(&many), Err(StoreError::Full { .. })));

    let record = store.endpoints().unwrap().remove(0);
    assert_eq!((record.body, record.spent), (body(), Amount::ZERO));
    store.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    store.put(id, &large).unwrap();
    assert_eq!(folder.open().endpoints().unwrap()[0].body, large);
}

/// The contents of all files of a folder, in the order of their names.
fn contents(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> =
        fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs_err::read(path).unwrap()).collect()
}
