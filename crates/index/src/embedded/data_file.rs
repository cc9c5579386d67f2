//! A data file that is shorter than its pages say is refused before it is mapped: reading a missing
//! page through a map ends the process.
//!
//! LMDB never writes pages that a transaction took and gave back, so a good file may end before the
//! last page number of its meta page, provided that all pages behind its end are free. This reads the
//! list of free pages with plain reads to tell the two apart.
//!
//! # Source
//!
//! The layout of pages, meta pages and nodes: `mdb.c` of LMDB 0.9.70 on 64-bit machines
//! (`MDB_page`, `MDB_meta`, `MDB_node`).

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use fs_err::File;
use fs_err::os::unix::fs::FileExt;

use crate::error::StoreError;

const PAGE_HEADER_BYTES: usize = 16;
const MAGIC: u32 = 0xBEEF_C0DE;
const BRANCH: u16 = 1;
const LEAF: u16 = 2;
/// A leaf's value is on pages of its own.
const BIG_DATA: u16 = 1;
/// No tree is deeper; LMDB's own cursors end here.
const MAX_DEPTH: usize = 32;
/// The root of an empty tree.
const NO_PAGE: u64 = u64::MAX;

/// Checks that all pages that can be read are there.
///
/// # Errors
///
/// [`StoreError::Damaged`] if one is not, or the file is no LMDB file.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
    let file =
        File::open(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
    let damaged = |what: String| StoreError::Damaged { path: path.to_owned(), what };
    let pages = Pages::of(&file).map_err(&damaged)?;
    if pages.num_bytes >= (pages.meta.last_page + 1) * pages.size {
        return Ok(());
    }
    let cut_off = || {
        damaged(format!(
            "it has {} bytes, and its {} pages need {}; restore a snapshot",
            pages.num_bytes,
            pages.meta.last_page + 1,
            (pages.meta.last_page + 1) * pages.size
        ))
    };
    let free = pages.free().map_err(|_| cut_off())?;
    let missing = pages.num_bytes / pages.size..=pages.meta.last_page;
    if missing.into_iter().all(|page| free.contains(&page)) { Ok(()) } else { Err(cut_off()) }
}

/// What one of the two meta pages says.
#[derive(Debug, Clone, Copy)]
struct Meta {
    page_size: u64,
    /// The root of the tree of free pages.
    free_root: u64,
    last_page: u64,
    transaction: u64,
}

impl Meta {
    /// Reads a meta page, without its header; `None` if it is none.
    fn read(bytes: &[u8]) -> Option<Self> {
        (u32_at(bytes, 0)? == MAGIC).then_some(())?;
        Some(Self {
            page_size: u64::from(u32_at(bytes, 24)?),
            free_root: u64_at(bytes, 24 + 40)?,
            last_page: u64_at(bytes, 120)?,
            transaction: u64_at(bytes, 128)?,
        })
    }
}

struct Pages<'a> {
    file: &'a File,
    size: u64,
    num_bytes: u64,
    meta: Meta,
}

impl<'a> Pages<'a> {
    fn of(file: &'a File) -> Result<Self, String> {
        let num_bytes = file.metadata().map_err(|e| e.to_string())?.len();
        let read = |offset| -> Option<Meta> {
            let mut bytes = [0; PAGE_HEADER_BYTES + 136];
            file.read_exact_at(&mut bytes, offset).ok()?;
            Meta::read(&bytes[PAGE_HEADER_BYTES..])
        };
        let no_meta = || "it does not begin with an LMDB meta page".to_owned();
        let first = read(0).ok_or_else(no_meta)?;
        let size = first.page_size;
        if !size.is_power_of_two() || !(512..=65_536).contains(&size) || num_bytes < 2 * size {
            return Err(format!("it has {num_bytes} bytes, less than its two meta pages"));
        }
        // The later of the two counts, as in LMDB itself.
        let second = read(size).ok_or_else(no_meta)?;
        let meta = if second.transaction > first.transaction { second } else { first };
        Ok(Self { file, size, num_bytes, meta })
    }

    /// Returns all free pages.
    fn free(&self) -> io::Result<BTreeSet<u64>> {
        let mut free = BTreeSet::new();
        if self.meta.free_root != NO_PAGE {
            self.collect(self.meta.free_root, 0, &mut free)?;
        }
        Ok(free)
    }

    fn collect(&self, number: u64, depth: usize, free: &mut BTreeSet<u64>) -> io::Result<()> {
        let page = self.read(number, 1)?;
        let flags = u16_at(&page, 10).ok_or_else(malformed)?;
        let end = u16_at(&page, 12).ok_or_else(malformed)?;
        if depth > MAX_DEPTH {
            return Err(malformed());
        }
        for at in (PAGE_HEADER_BYTES..usize::from(end)).step_by(2) {
            let node = u16_at(&page, at).and_then(|at| page.get(usize::from(at)..));
            let node = Node::read(node.ok_or_else(malformed)?).ok_or_else(malformed)?;
            match flags & (BRANCH | LEAF) {
                BRANCH => self.collect(node.child(), depth + 1, free)?,
                LEAF => free.extend(self.list(&node)?),
                _ => return Err(malformed()),
            }
        }
        Ok(())
    }

    /// Returns the page numbers that a leaf's value lists: how many, then each.
    fn list(&self, node: &Node) -> io::Result<Vec<u64>> {
        let value = if node.flags & BIG_DATA == 0 {
            node.data.get(..node.len()).ok_or_else(malformed)?.to_vec()
        } else {
            let first = u64_at(node.data, 0).ok_or_else(malformed)?;
            let num_pages = (node.len() + PAGE_HEADER_BYTES).div_ceil(self.size as usize);
            self.read(first, num_pages)?.split_off(PAGE_HEADER_BYTES)
        };
        let len = u64_at(&value, 0).ok_or_else(malformed)? as usize;
        (1..=len).map(|at| u64_at(&value, 8 * at).ok_or_else(malformed)).collect()
    }

    fn read(&self, number: u64, num_pages: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; num_pages * self.size as usize];
        let offset = number.checked_mul(self.size).ok_or_else(malformed)?;
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

/// An entry of a page.
struct Node<'a> {
    low: u16,
    high: u16,
    flags: u16,
    /// Behind the key.
    data: &'a [u8],
}

impl<'a> Node<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let key_len = usize::from(u16_at(bytes, 6)?);
        Some(Self {
            low: u16_at(bytes, 0)?,
            high: u16_at(bytes, 2)?,
            flags: u16_at(bytes, 4)?,
            data: bytes.get(8 + key_len..)?,
        })
    }

    /// The length of a leaf's value.
    fn len(&self) -> usize {
        usize::from(self.low) | usize::from(self.high) << 16
    }

    /// The page that a branch's entry names; the flags are a part of its number.
    fn child(&self) -> u64 {
        self.len() as u64 | u64::from(self.flags) << 32
    }
}

fn malformed() -> io::Error {
    io::Error::other("a page of the list of free pages is none")
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
