//! The files of the authority: made once, for their user alone, and refused when something is wrong with them.

use super::*;

fn read(folder: &Path, name: &str) -> String {
    fs_err::read_to_string(folder.join(name)).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs_err::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_is_made_once_and_its_key_is_for_its_user_alone() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data/proxy");
    let now = SystemTime::now();
    let made = Authority::open(&folder, now).unwrap();
    assert_eq!(made.certificate(), folder.join(CERTIFICATE));
    assert_eq!(mode(&folder.join(KEY)), PRIVATE_FILE);
    assert_eq!(mode(&folder), PRIVATE_FOLDER);
    let before = (read(&folder, CERTIFICATE), read(&folder, KEY));
    Authority::open(&folder, now + 300 * DAY).unwrap();
    assert_eq!((read(&folder, CERTIFICATE), read(&folder, KEY)), before);
    assert_eq!(fs_err::read_dir(&folder).unwrap().count(), 2, "nothing else is left there");
}

#[test]
fn it_lasts_ten_years_at_most_and_is_replaced_before_its_end() {
    let home = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    Authority::open(home.path(), now).unwrap();
    let before = read(home.path(), CERTIFICATE);
    let kept = Files::new(home.path()).read().unwrap();
    let lifetime = kept.not_after.duration_since(now - CLOCK_SKEW).unwrap();
    assert!(lifetime > 3600 * DAY && lifetime <= 3650 * DAY, "{lifetime:?}");
    Authority::open(home.path(), kept.not_after - 30 * DAY).unwrap();
    assert_ne!(read(home.path(), CERTIFICATE), before);
}

#[test]
fn a_key_that_others_could_read_is_not_used() {
    let home = tempfile::tempdir().unwrap();
    Authority::open(home.path(), SystemTime::now()).unwrap();
    let key = home.path().join(KEY);
    fs_err::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let refused = Authority::open(home.path(), SystemTime::now()).unwrap_err();
    assert!(matches!(refused, AuthorityError::KeyIsOpen { mode: 0o640, .. }), "{refused}");
}

#[test]
fn files_that_do_not_belong_together_are_not_used() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&one, &other] {
        Authority::open(folder.path(), SystemTime::now()).unwrap();
    }
    fs_err::copy(other.path().join(KEY), one.path().join(KEY)).unwrap();
    let refused = Authority::open(one.path(), SystemTime::now()).unwrap_err();
    assert!(matches!(refused, AuthorityError::Damaged { .. }), "{refused}");
    fs_err::write(other.path().join(CERTIFICATE), "nothing").unwrap();
    let refused = Authority::open(other.path(), SystemTime::now()).unwrap_err();
    assert!(matches!(refused, AuthorityError::Damaged { .. }), "{refused}");
}

#[test]
fn half_of_it_is_made_anew() {
    let home = tempfile::tempdir().unwrap();
    Authority::open(home.path(), SystemTime::now()).unwrap();
    fs_err::remove_file(home.path().join(CERTIFICATE)).unwrap();
    Authority::open(home.path(), SystemTime::now()).unwrap();
    assert!(read(home.path(), CERTIFICATE).contains("BEGIN CERTIFICATE"));
}

#[test]
fn several_that_start_at_once_have_the_same() {
    let home = tempfile::tempdir().unwrap();
    let open = || Authority::open(home.path(), SystemTime::now()).unwrap();
    let keys: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        let opened = started.into_iter().map(|thread| thread.join().unwrap());
        opened.map(|authority| authority.issuer().key().serialized_der().to_vec()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
}
