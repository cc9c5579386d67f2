//! Tar archives written block by block, so that they can say what no program would.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A tar archive that is being written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
}

impl Archive {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds an entry of any kind whose header says what it is told.
    pub(crate) fn raw(mut self, kind: u8, name: &[u8], size: u64, contents: &[u8]) -> Self {
        self.bytes.extend(header(kind, name, b"", size));
        self.bytes.extend(contents);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    /// Adds an entry without contents that points to another.
    pub(crate) fn link(mut self, kind: u8, name: &[u8], target: &[u8]) -> Self {
        self.bytes.extend(header(kind, name, target, 0));
        self
    }

    pub(crate) fn file(self, name: impl AsRef<[u8]>, contents: &[u8]) -> Self {
        self.raw(b'0', name.as_ref(), contents.len() as u64, contents)
    }

    pub(crate) fn folder(self, name: &[u8]) -> Self {
        self.raw(b'5', name, 0, b"")
    }

    /// Adds records about the next entry.
    pub(crate) fn pax(self, kind: u8, records: &[(&str, &[u8])]) -> Self {
        let records: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        self.raw(kind, b"PaxHeaders/x", records.len() as u64, &records)
    }

    /// Adds bytes as they are.
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    /// Returns the archive without an end.
    pub(crate) fn without_end(self) -> Vec<u8> {
        self.bytes
    }

    /// Returns the archive, filled up as tar does.
    pub(crate) fn tar(mut self) -> Vec<u8> {
        self.bytes.resize((self.bytes.len() + 1024).next_multiple_of(10 << 10), 0);
        self.bytes
    }

    pub(crate) fn gzip(self) -> Vec<u8> {
        gzip(&self.tar())
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn record(key: &str, value: &[u8]) -> Vec<u8> {
    // The length counts its own digits.
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    length = rest + length.to_string().len();
    [length.to_string().as_bytes(), b" ", key.as_bytes(), b"=", value, b"\n"].concat()
}

fn header(kind: u8, name: &[u8], target: &[u8], size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o7777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1 << 40);
    header.set_size(size);
    header.set_entry_type(tar::EntryType::new(kind));
    let bytes = header.as_mut_bytes();
    bytes[..name.len()].copy_from_slice(name);
    bytes[157..157 + target.len()].copy_from_slice(target);
    header.set_cksum();
    header.as_bytes().to_vec()
}
