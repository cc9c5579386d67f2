//! What is taken, in each of the forms in which programs write it.

use artifact::Limits;
use expect_test::expect;

use crate::archive::{Archive, gzip};
use crate::yard::{Yard, listing};

#[test]
fn files_and_folders_are_plain_whatever_the_archive_says() {
    // The headers say mode 7777 and a time far ahead.
    let archive = Archive::new()
        .folder(b"./")
        .file("./config.json", b"{}")
        .folder(b"./code/")
        .file("./code/inference.py", b"pass")
        .file("./1_Pooling/config.json", b"{}");
    for bytes in [archive.clone().tar(), archive.gzip()] {
        let yard = Yard::new();
        let unpacked = yard.unpack(bytes.as_slice(), &Limits::for_tests()).unwrap();
        expect![[r#"
            inner/ 755
            inner/model/ 755
            inner/model/1_Pooling/ 755
            inner/model/1_Pooling/config.json "{}" 644
            inner/model/code/ 755
            inner/model/code/inference.py "pass" 644
            inner/model/config.json "{}" 644
            outside/ 755
            outside/secret "keep" 644"#]]
        .assert_eq(&yard.listing());
        assert_eq!((unpacked.num_files, unpacked.num_bytes), (3, 8));
        assert_eq!(unpacked.root(), yard.destination());
    }
}

#[test]
fn long_names_of_both_kinds_are_taken() {
    let long = format!("{}/{}", "folder".repeat(20), "file".repeat(30));
    let by_gnu = Archive::new().raw(b'L', b"././@LongLink", long.len() as u64 + 1, &{
        let mut name = long.clone().into_bytes();
        name.push(0);
        name
    });
    let by_pax = Archive::new()
        .pax(b'g', &[("comment", b"5b33841")])
        .pax(b'x', &[("mtime", b"1.5"), ("path", long.as_bytes()), ("size", b"4")]);
    for archive in [by_gnu, by_pax] {
        let yard = Yard::new();
        let archive = archive.file("cut off", b"kept").tar();
        yard.unpack(archive.as_slice(), &Limits::for_tests()).unwrap();
        assert_eq!(fs_err::read(yard.destination().join(&long)).unwrap(), b"kept");
    }
}

#[test]
fn folders_in_the_oldest_form_and_listed_twice_are_taken() {
    let archive =
        Archive::new().raw(b'0', b"code/", 0, b"").file("code/a", b"").folder(b"code").tar();
    let yard = Yard::new();
    yard.unpack(archive.as_slice(), &Limits::for_tests()).unwrap();
    expect!["code/ 755\ncode/a \"\" 644"].assert_eq(&listing(&yard.destination()));
}

#[test]
fn one_folder_around_everything_is_the_root() {
    let check = |archive: Archive, root: &str| {
        let yard = Yard::new();
        let unpacked = yard.unpack(archive.gzip().as_slice(), &Limits::for_tests()).unwrap();
        assert_eq!(unpacked.folder(), yard.destination());
        assert_eq!(unpacked.root(), yard.destination().join(root));
    };
    let tiny = || Archive::new().file("tiny/config.json", b"{}").file("tiny/code/a.py", b"");
    check(tiny(), "tiny");
    check(tiny().file("._tiny", b"mac").file(".DS_Store", b"mac"), "tiny");
    check(tiny().file("README.md", b""), "");
    check(tiny().file("other/a", b""), "");
    check(Archive::new().file("config.json", b"{}"), "");
    check(Archive::new(), "");
}

#[test]
fn an_archive_of_several_gzip_members_is_one() {
    let archive = Archive::new().file("a", b"first").file("b", b"second").tar();
    let packed = [gzip(&archive[..700]), gzip(&archive[700..])].concat();
    let yard = Yard::new();
    yard.unpack(packed.as_slice(), &Limits::for_tests()).unwrap();
    expect!["a \"first\" 644\nb \"second\" 644"].assert_eq(&listing(&yard.destination()));
}

#[test]
fn one_block_of_zeros_ends_an_archive_too() {
    let archive = Archive::new().file("a", b"first").bytes(&[0; 512]).without_end();
    let yard = Yard::new();
    assert!(yard.unpack(archive.as_slice(), &Limits::for_tests()).is_ok());
}

#[test]
fn what_the_tar_library_writes_is_taken_from_a_file() {
    let yard = Yard::new();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_dir_all(".", yard.path("outside")).unwrap();
    let path = yard.path("model.tar");
    fs_err::write(&path, builder.into_inner().unwrap()).unwrap();
    let unpacked = artifact::unpack_file(&path, &yard.destination(), &Limits::for_tests()).unwrap();
    assert_eq!(fs_err::read(unpacked.root().join("secret")).unwrap(), b"keep");
    let missing = yard.path("nothing.tar");
    let error = artifact::unpack_file(&missing, &yard.path("b"), &Limits::for_tests());
    assert!(error.is_err());
}
