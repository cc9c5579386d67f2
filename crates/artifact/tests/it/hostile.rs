//! What is never taken, whatever the limits are: refused with the reason, and without a trace.

use artifact::{Limits, UnpackError};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::archive::{Archive, gzip};
use crate::yard::{Yard, chain, check_refused};

/// Checks an archive as it is and in gzip, with an entry before it that must not remain either.
#[track_caller]
fn check(build: impl Fn(Archive) -> Archive, expected: &Expect) {
    let archive = build(Archive::new().file("config.json", b"{}")).tar();
    let limits = Limits::for_tests();
    let yard = Yard::new();
    let packed = yard.unpack(gzip(&archive).as_slice(), &limits).unwrap_err();
    expected.assert_eq(&chain(&packed));
    check_refused(archive.as_slice(), &limits, expected);
}

#[test]
fn names_that_climb_are_refused() {
    check(
        |archive| archive.file("../outside/secret", b"mine"),
        &expect![
            "the archive has an entry `../outside/secret` that is refused: its name climbs out of its folder with `..`"
        ],
    );
    check(
        |archive| archive.file("a/../../outside/new", b"mine"),
        &expect![
            "the archive has an entry `a/../../outside/new` that is refused: its name climbs out of its folder with `..`"
        ],
    );
    check(
        |archive| archive.folder(b".."),
        &expect![
            "the archive has an entry `..` that is refused: its name climbs out of its folder with `..`"
        ],
    );
}

#[test]
fn absolute_names_are_refused() {
    let yard = Yard::new();
    let target = yard.path("outside/new");
    check(
        |archive| archive.file("/outside/new", b"mine"),
        &expect![
            "the archive has an entry `/outside/new` that is refused: its name is absolute; names must be relative to the model's folder"
        ],
    );
    let path = target.to_str().unwrap().as_bytes();
    let archive = Archive::new().pax(b'x', &[("path", path)]).file("config.json", b"{}");
    assert!(yard.unpack(archive.tar().as_slice(), &Limits::for_tests()).is_err());
    assert!(!target.exists());
}

#[test]
fn paths_of_windows_are_refused() {
    check(
        |archive| archive.file("..\\..\\outside\\new", b"mine"),
        &expect![[
            r"the archive has an entry `..\..\outside\new` that is refused: its name is a path of Windows; separate folders with `/`"
        ]],
    );
    check(
        |archive| archive.file("C:/new", b"mine"),
        &expect![
            "the archive has an entry `C:/new` that is refused: its name is a path of Windows; separate folders with `/`"
        ],
    );
}

#[test]
fn names_that_are_no_text_are_refused() {
    check(
        |archive| archive.file(b"a\xff", b"mine"),
        &expect!["the archive has an entry `a�` that is refused: its name is not UTF-8"],
    );
    check(
        |archive| archive.file("a\x1b[2Jb", b"mine"),
        &expect![
            "the archive has an entry `a�[2Jb` that is refused: its name has a control character"
        ],
    );
    // The name in the header itself ends at its first NUL, for every program.
    check(
        |archive| archive.raw(b'L', b"././@LongLink", 5, b"a\0b\0c").file("x", b"mine"),
        &expect![
            "the archive has an entry `a�b�c` that is refused: its name has a control character"
        ],
    );
    check(
        |archive| archive.pax(b'x', &[("path", b"a\0b")]).file("x", b"mine"),
        &expect![
            "the archive has an entry `a�b` that is refused: its name has a control character"
        ],
    );
    check(
        |archive| archive.file("", b"mine"),
        &expect!["the archive has an entry `` that is refused: it has no name"],
    );
}

#[test]
fn links_are_refused_wherever_they_point() {
    check(
        |archive| archive.link(b'2', b"out", b"../../outside").file("out/new", b"mine"),
        &expect![
            "the archive has an entry `out` that is refused: it is a symbolic link to `../../outside`; pack what links point to, with `tar --dereference --hard-dereference`"
        ],
    );
    check(
        |archive| archive.link(b'2', b"out", b"/etc"),
        &expect![
            "the archive has an entry `out` that is refused: it is a symbolic link to `/etc`; pack what links point to, with `tar --dereference --hard-dereference`"
        ],
    );
    check(
        |archive| archive.link(b'2', b"model.safetensors", b"config.json"),
        &expect![
            "the archive has an entry `model.safetensors` that is refused: it is a symbolic link to `config.json`; pack what links point to, with `tar --dereference --hard-dereference`"
        ],
    );
    check(
        |archive| archive.link(b'1', b"passwd", b"/etc/passwd"),
        &expect![
            "the archive has an entry `passwd` that is refused: it is a hard link to `/etc/passwd`; pack what links point to, with `tar --dereference --hard-dereference`"
        ],
    );
    check(
        |archive| archive.raw(b'K', b"././@LongLink", 10, b"../../blob").link(b'1', b"a", b"b"),
        &expect![
            "the archive has an entry `a` that is refused: it is a hard link to `../../blob`; pack what links point to, with `tar --dereference --hard-dereference`"
        ],
    );
}

#[test]
fn what_is_neither_file_nor_folder_is_refused() {
    check(
        |archive| archive.raw(b'3', b"null", 0, b""),
        &expect![
            "the archive has an entry `null` that is refused: it is a character device; only files and folders are taken"
        ],
    );
    check(
        |archive| archive.raw(b'4', b"sda", 0, b""),
        &expect![
            "the archive has an entry `sda` that is refused: it is a block device; only files and folders are taken"
        ],
    );
    check(
        |archive| archive.raw(b'6', b"pipe", 0, b""),
        &expect![
            "the archive has an entry `pipe` that is refused: it is a pipe; only files and folders are taken"
        ],
    );
    // Tar has no kind for sockets; a program of its own may think of one.
    check(
        |archive| archive.raw(b's', b"socket", 0, b""),
        &expect![
            "the archive has an entry `socket` that is refused: it is of an unknown kind; only files and folders are taken"
        ],
    );
}

#[test]
fn sparse_files_are_refused_in_each_of_their_forms() {
    let expected = expect![
        "the archive has an entry `model.safetensors` that is refused: it is a sparse file; pack it without `--sparse`"
    ];
    check(|archive| archive.raw(b'S', b"model.safetensors", 0, b""), &expected);
    check(
        |archive| {
            let records: [(&str, &[u8]); 2] =
                [("GNU.sparse.major", b"1"), ("GNU.sparse.realsize", b"1099511627776")];
            archive.pax(b'x', &records).file("model.safetensors", b"1\n0\n1\n")
        },
        &expected,
    );
    check(
        |archive| archive.pax(b'g', &[("GNU.sparse.major", b"1")]),
        &expect![
            "the archive has an entry `PaxHeaders/x` that is refused: it is a sparse file; pack it without `--sparse`"
        ],
    );
}

#[test]
fn one_name_is_one_thing() {
    check(
        |archive| archive.file("./config.json", b"{}"),
        &expect![
            "the archive has an entry `config.json` that is refused: another entry has the same name"
        ],
    );
    check(
        |archive| archive.file("config.json/new", b""),
        &expect![
            "the archive has an entry `config.json/new` that is refused: `config.json` is both a file and a folder"
        ],
    );
    check(
        |archive| archive.folder(b"config.json/"),
        &expect![
            "the archive has an entry `config.json` that is refused: `config.json` is both a file and a folder"
        ],
    );
    check(
        |archive| archive.file("code/inference.py", b"").file("code", b""),
        &expect![
            "the archive has an entry `code` that is refused: `code` is both a file and a folder"
        ],
    );
    check(
        |archive| archive.raw(b'5', b"code", 3, b"abc"),
        &expect![
            "the archive has an entry `code` that is refused: its headers give contents to a folder"
        ],
    );
}

#[test]
fn headers_that_two_programs_would_read_differently_are_refused() {
    check(
        |archive| archive.pax(b'x', &[("size", b"0")]).file("a", b"contents"),
        &expect![
            "the archive has an entry `a` that is refused: its headers give it two sizes; a file of 8 GiB or more must be packed with `--format=gnu`"
        ],
    );
    check(
        |archive| archive.pax(b'g', &[("path", b"a")]),
        &expect![
            "the archive has an entry `PaxHeaders/x` that is refused: its headers give all entries one name or size"
        ],
    );
    check(
        |archive| archive.pax(b'x', &[]).pax(b'x', &[]).file("a", b""),
        &expect![
            "the archive has an entry `PaxHeaders/x` that is refused: its headers announce it twice"
        ],
    );
    check(
        |archive| archive.raw(b'x', b"x", 9, b"99 path=a").file("a", b""),
        &expect![
            "the archive has an entry `x` that is refused: its headers have pax records that are malformed"
        ],
    );
    check(
        |archive| archive.raw(b'x', b"x", 13, b"\n12 path=../a").file("a", b""),
        &expect![
            "the archive has an entry `x` that is refused: its headers have pax records that are malformed"
        ],
    );
}

#[test]
fn what_is_cut_off_is_damaged() {
    let limits = Limits::for_tests();
    let archive = Archive::new().file("config.json", b"{}").file("a", &[7; 4000]);
    let plain = archive.clone().tar();
    check_refused(
        &plain[..2000],
        &limits,
        &expect![
            "the archive is damaged or cut off after `a`; make and send it again: unexpected end of file"
        ],
    );
    // Within a header, and where the next one should be.
    check_refused(
        &plain[..1300],
        &limits,
        &expect![
            "the archive is damaged or cut off after `config.json`; make and send it again: failed to read entire block"
        ],
    );
    check_refused(
        archive.clone().without_end().as_slice(),
        &limits,
        &expect![
            "the archive is damaged or cut off after `a`; make and send it again: unexpected end of file"
        ],
    );
    check_refused(
        Archive::new().file("a", b"").pax(b'x', &[("path", b"b")]).tar().as_slice(),
        &limits,
        &expect![
            "the archive is damaged or cut off after `a`; make and send it again: unexpected end of file"
        ],
    );
    let packed = gzip(&plain);
    for length in [packed.len() - 1, packed.len() - 8, packed.len() / 2, 20] {
        let yard = Yard::new();
        let error = yard.unpack(&packed[..length], &limits).unwrap_err();
        assert!(matches!(error, UnpackError::Damaged { .. }), "{length}: {error}");
    }
    let mut wrong = packed.clone();
    let checksum = wrong.len() - 8;
    wrong[checksum] ^= 1;
    check_refused(
        wrong.as_slice(),
        &limits,
        &expect![
            "the archive is damaged or cut off after `a`; make and send it again: corrupt gzip stream does not have a matching checksum"
        ],
    );
}

#[test]
fn nothing_but_zeros_follows_the_end() {
    let limits = Limits::for_tests();
    let expected = expect![
        "the archive is damaged or cut off after `a`; make and send it again: something follows the archive's end"
    ];
    let plain = Archive::new().file("a", b"a").tar();
    check_refused([plain.as_slice(), b"more"].concat().as_slice(), &limits, &expected);
    let second = Archive::new().file("../outside/new", b"b").tar();
    check_refused([plain.clone(), second].concat().as_slice(), &limits, &expected);
    check_refused([plain.clone(), vec![0; 2 << 20]].concat().as_slice(), &limits, &expected);
    let packed = [gzip(&plain).as_slice(), b"more"].concat();
    check_refused(
        packed.as_slice(),
        &limits,
        &expect![
            "the archive is damaged or cut off after `a`; make and send it again: unexpected end of file"
        ],
    );
}

#[test]
fn what_is_no_archive_is_called_what_it_is() {
    let limits = Limits::for_tests();
    check_refused(
        b"".as_slice(),
        &limits,
        &expect![
            "this is empty, not a tar archive or one in gzip; make it with `tar czf model.tar.gz *`"
        ],
    );
    check_refused(
        b"PK\x03\x04\x14\0".as_slice(),
        &limits,
        &expect![
            "this is a zip archive, not a tar archive or one in gzip; make it with `tar czf model.tar.gz *`"
        ],
    );
    check_refused(
        b"version https://git-lfs.github.com/spec/v1\n".as_slice(),
        &limits,
        &expect![
            "this is a pointer of git-lfs, whose file was not fetched, not a tar archive or one in gzip; make it with `tar czf model.tar.gz *`"
        ],
    );
    for bytes in [b"{}".repeat(10), b"{}".repeat(1000), gzip(&b"{}".repeat(1000))] {
        check_refused(
            bytes.as_slice(),
            &limits,
            &expect![
                "this is something else, not a tar archive or one in gzip; make it with `tar czf model.tar.gz *`"
            ],
        );
    }
}

#[test]
fn what_is_at_the_destination_is_neither_touched_nor_followed() {
    let archive = Archive::new().file("config.json", b"{}").tar();
    let check = |prepare: fn(&Yard)| {
        let yard = Yard::new();
        prepare(&yard);
        let before = yard.listing();
        let error = yard.unpack(archive.as_slice(), &Limits::for_tests()).unwrap_err();
        assert!(matches!(error, UnpackError::Exists { .. }), "{error}");
        assert_eq!(yard.listing(), before);
    };
    check(|yard| fs_err::create_dir(yard.destination()).unwrap());
    check(|yard| fs_err::write(yard.destination(), "keep").unwrap());
    check(|yard| {
        let link = std::os::unix::fs::symlink("../outside/new", yard.destination());
        link.unwrap();
        // A link that leads nowhere cannot be listed; its folder is looked at instead.
        fs_err::write(yard.path("outside/new"), "keep").unwrap();
    });
}

#[test]
fn a_destination_without_a_parent_folder_is_named() {
    let yard = Yard::new();
    let archive = Archive::new().file("config.json", b"{}").tar();
    let destination = yard.path("nowhere/model");
    let error =
        artifact::unpack(archive.as_slice(), &destination, &Limits::for_tests()).unwrap_err();
    assert!(matches!(error, UnpackError::Write { path, .. } if path == yard.path("nowhere")));
}

/// Parts of names that have got out of somewhere before.
fn nasty_part() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![
        &b".."[..],
        b".",
        b"/",
        b"//",
        b"a",
        b"b",
        b"outside",
        b"secret",
        b"inner",
        b"model",
        b"..\\",
        b"\\",
        b"C:",
        b"\0",
        b"\xff",
        b"\xc0\xae",
        b" ",
        b"...",
        b"~",
        b"%2e%2e",
        b"./",
        b"../",
        b"\n",
        b"config.json",
    ])
    .prop_map(<[u8]>::to_vec)
}

fn nasty_entry() -> impl Strategy<Value = (u8, Vec<u8>, Vec<u8>, u8)> {
    let name = || prop::collection::vec(nasty_part(), 0..6).prop_map(|parts| parts.concat());
    let kind = prop::sample::select(b"0000555127x6S".to_vec());
    // How the name is announced: in the header, in a long name, or in a record.
    (kind, name(), name(), 0u8..3)
}

proptest! {
    // Whatever the names and kinds are, nothing outside is touched; and nothing at all is on an error.
    #[test]
    fn nothing_outside_the_destination_changes(
        entries in prop::collection::vec(nasty_entry(), 1..8),
    ) {
        let mut archive = Archive::new();
        for (kind, name, target, way) in &entries {
            archive = match way {
                0 => archive.link(*kind, name, target),
                1 => archive
                    .raw(b'L', b"././@LongLink", name.len() as u64, name)
                    .raw(*kind, b"short", 4, b"mine"),
                _ => archive.pax(b'x', &[("path", name)]).raw(*kind, b"short", 0, b""),
            };
        }
        let yard = Yard::new();
        let before = yard.listing();
        let unpacked = yard.unpack(archive.tar().as_slice(), &Limits::for_tests());
        if unpacked.is_ok() {
            fs_err::remove_dir_all(yard.destination()).unwrap();
        }
        prop_assert_eq!(yard.listing(), before);
    }
}
