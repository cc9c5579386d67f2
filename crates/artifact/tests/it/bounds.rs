//! Limits: each is kept, and to keep it takes neither memory nor much of the disk.

use std::io::{self, Read};

use artifact::{Limit, Limits, UnpackError};
use expect_test::expect;

use crate::archive::{Archive, gzip};
use crate::yard::{Yard, check_refused};

/// 10 GB of zeros in 10 MB: one gzip member of 16 MiB again and again, which gzip reads as one file.
fn bomb() -> impl Read {
    let header = Archive::new().raw(b'0', b"model.safetensors", 10 << 30, b"").without_end();
    let zeros = gzip(&vec![0; 16 << 20]);
    let members = Repeated { member: zeros, num_left: 640, at: 0 };
    io::Cursor::new(gzip(&header)).chain(members)
}

struct Repeated {
    member: Vec<u8>,
    num_left: usize,
    at: usize,
}

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.member.len() {
            self.at = 0;
            self.num_left -= 1;
        }
        if self.num_left == 0 {
            return Ok(0);
        }
        let read = (&self.member[self.at..]).read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

/// Returns the most memory that this process ever had, in bytes; the system counts it in batches.
fn peak_memory() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn a_bomb_is_stopped_by_its_ratio_in_little_memory() {
    let limits = Limits { max_bytes: 1 << 40, ..Limits::for_tests() };
    let bomb = bomb();
    let before = peak_memory();
    check_refused(
        bomb,
        &limits,
        &expect![
            "the archive has more than 100 bytes unpacked for each byte packed (max_ratio); weights do not shrink so far; pack without compression if they are real"
        ],
    );
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes");
}

#[test]
fn a_file_that_would_not_fit_is_refused_before_it_is_written() {
    let limits = Limits { max_bytes: 1 << 30, ..Limits::for_tests() };
    let expected = expect![
        "the archive has more than 1073741824 bytes unpacked (max_bytes), with `model.safetensors`; leave out what the model does not need, such as weights in a second format, or raise the limit"
    ];
    check_refused(bomb(), &limits, &expected);
    // The header alone is enough: nothing of the file is there to be read.
    let header = Archive::new().raw(b'0', b"model.safetensors", (1 << 30) + 1, b"").without_end();
    check_refused(header.as_slice(), &limits, &expected);
}

#[test]
fn what_shrinks_well_is_no_bomb_below_the_floor() {
    let archive = Archive::new().file("zeros", &vec![0; 8 << 20]).gzip();
    let yard = Yard::new();
    let unpacked = yard.unpack(archive.as_slice(), &Limits::for_tests()).unwrap();
    assert_eq!(unpacked.num_bytes, 8 << 20);
    let limits = Limits { ratio_floor_bytes: 1 << 20, ..Limits::for_tests() };
    let error = Yard::new().unpack(archive.as_slice(), &limits).unwrap_err();
    assert!(matches!(error, UnpackError::OverLimit { limit: Limit::Ratio, allowed: 100, .. }));
}

#[test]
fn headers_of_a_gigabyte_are_not_read() {
    let size = 1 << 30;
    let limits = Limits { max_bytes: 1 << 40, max_archive_bytes: 1 << 40, ..Limits::for_tests() };
    for kind in *b"xgLK" {
        let header = Archive::new().raw(kind, b"x", size, b"").without_end();
        let before = peak_memory();
        check_refused(
            io::Cursor::new(header).chain(io::repeat(b'a').take(size)),
            &limits,
            &expect![
                "the archive has an entry `x` that is refused: its headers are longer than 64 KiB"
            ],
        );
        let grown = peak_memory().saturating_sub(before);
        assert!(grown < 8 << 20, "{grown} bytes");
    }
}

#[test]
fn headers_count_as_bytes_or_they_would_have_no_limit() {
    let long = vec![b'a'; 60 << 10];
    let mut archive = Archive::new();
    for number in 0..20 {
        archive = archive.pax(b'x', &[("comment", &long)]).file(format!("{number}"), b"");
    }
    let limits = Limits { max_bytes: 1 << 20, ..Limits::for_tests() };
    let error = Yard::new().unpack(archive.tar().as_slice(), &limits).unwrap_err();
    assert!(matches!(error, UnpackError::OverLimit { limit: Limit::Bytes, .. }), "{error}");
}

#[test]
fn a_hundred_thousand_files_are_too_many() {
    let mut archive = Archive::new();
    for number in 0..100_000 {
        archive = archive.file(format!("{number}"), b"");
    }
    check_refused(
        archive.gzip().as_slice(),
        &Limits::for_tests(),
        &expect![
            "the archive has more than 1000 files and folders (max_files), with `1000`; pack the model's own files only, or raise the limit"
        ],
    );
}

#[test]
fn folders_that_only_names_speak_of_count() {
    let limits = Limits { max_files: 10, ..Limits::for_tests() };
    let mut archive = Archive::new();
    for number in 0..4 {
        archive = archive.file(format!("{number}/a/b"), b"");
    }
    let error = Yard::new().unpack(archive.tar().as_slice(), &limits).unwrap_err();
    assert!(matches!(error, UnpackError::OverLimit { limit: Limit::Files, .. }), "{error}");
}

#[test]
fn the_same_folder_again_and_again_is_too_much() {
    let mut archive = Archive::new();
    for _ in 0..1001 {
        archive = archive.folder(b"code/");
    }
    let error = Yard::new().unpack(archive.tar().as_slice(), &Limits::for_tests()).unwrap_err();
    assert!(matches!(error, UnpackError::OverLimit { limit: Limit::Files, .. }), "{error}");
}

#[test]
fn long_and_deep_names_are_refused() {
    let limits = Limits::for_tests();
    let long = vec![b'a'; 513];
    check_refused(
        Archive::new().pax(b'x', &[("path", &long)]).file("a", b"").tar().as_slice(),
        &Limits { max_path_bytes: 512, ..limits },
        &expect![
            "the archive has more than 512 bytes in a name (max_path_bytes), with `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…`; pack the model's own files only, or raise the limit"
        ],
    );
    check_refused(
        Archive::new().file("a/".repeat(17) + "a", b"").tar().as_slice(),
        &limits,
        &expect![
            "the archive has more than 16 folders deep (max_depth), with `a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a`; pack the model's own files only, or raise the limit"
        ],
    );
}

#[test]
fn an_archive_over_its_own_limit_is_not_read_on() {
    let archive = Archive::new().file("a", &[7; 100_000]).tar();
    let limits = Limits { max_archive_bytes: 70_000, ..Limits::for_tests() };
    check_refused(
        io::Cursor::new(archive).chain(io::repeat(0)),
        &limits,
        &expect![
            "the archive has more than 70000 bytes packed (max_archive_bytes); leave out what the model does not need, such as weights in a second format, or raise the limit"
        ],
    );
}

#[test]
fn a_connection_that_breaks_is_told_from_a_damaged_archive() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let archive = Archive::new().file("a", &[7; 4000]).gzip();
    let half = io::Cursor::new(&archive[..archive.len() / 2]).chain(Broken);
    check_refused(
        half,
        &Limits::for_tests(),
        &expect!["failed to read the archive: connection reset"],
    );
}
