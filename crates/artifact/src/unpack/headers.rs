//! What headers say of the entry that follows them: long names (GNU), and records (pax).
//!
//! The tar library would read both into memory whatever their size. Here they are read to a bound, and
//! what would change how much of the archive an entry takes is refused: programs disagree about it, and
//! an archive that two of them read differently hides something from one.

use std::io::{self, Read};

use tar::PaxExtensions;

use super::Refusal;

/// The most bytes of one header. Names are shorter by far; extended attributes come to some kilobytes.
const MAX_HEADER_BYTES: u64 = 64 << 10;

/// What is known of the next entry before its own header.
#[derive(Debug, Default)]
pub(super) struct Announced {
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    pax: Option<PaxRecords>,
}

#[derive(Debug, Default)]
struct PaxRecords {
    path: Option<Vec<u8>>,
    link_path: Option<Vec<u8>>,
    size: Option<Vec<u8>>,
    is_sparse: bool,
}

/// Why a header was not taken: it is refused, or it could not be read.
#[derive(Debug)]
pub(super) enum HeaderFault {
    Refused(Refusal),
    Unreadable(io::Error),
}

impl From<Refusal> for HeaderFault {
    fn from(reason: Refusal) -> Self {
        Self::Refused(reason)
    }
}

impl From<io::Error> for HeaderFault {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl Announced {
    /// Takes in a header of the kind `L`, `K` or `x`.
    pub(super) fn read(
        &mut self,
        kind: u8,
        size: u64,
        contents: &mut impl Read,
    ) -> Result<(), HeaderFault> {
        let bytes = read_bounded(size, contents)?;
        let is_second = match kind {
            b'L' => self.long_name.replace(without_end(bytes)).is_some(),
            b'K' => self.long_link.replace(without_end(bytes)).is_some(),
            _ => self.pax.replace(PaxRecords::parse(&bytes)?).is_some(),
        };
        if is_second {
            return Err(Refusal::Headers("announce it twice").into());
        }
        Ok(())
    }

    /// Returns whether nothing is announced.
    pub(super) fn is_empty(&self) -> bool {
        self.long_name.is_none() && self.long_link.is_none() && self.pax.is_none()
    }

    /// Returns the name of the entry whose own header says `name`.
    pub(super) fn name(&self, name: Vec<u8>) -> Vec<u8> {
        let records = self.pax.as_ref();
        let by_pax = records.and_then(|records| records.path.clone());
        by_pax.or_else(|| self.long_name.clone()).unwrap_or(name)
    }

    /// Returns what the entry points to, if it is a link whose own header says `target`.
    pub(super) fn target(&self, target: Vec<u8>) -> Vec<u8> {
        let records = self.pax.as_ref();
        let by_pax = records.and_then(|records| records.link_path.clone());
        by_pax.or_else(|| self.long_link.clone()).unwrap_or(target)
    }

    /// Checks that nothing announced changes how the entry of `size` bytes is read.
    pub(super) fn check(&self, size: u64) -> Result<(), Refusal> {
        let Some(records) = &self.pax else { return Ok(()) };
        if records.is_sparse {
            return Err(Refusal::Sparse);
        }
        match &records.size {
            Some(announced) if *announced != size.to_string().into_bytes() => {
                Err(Refusal::Headers(
                    "give it two sizes; a file of 8 GiB or more must be packed with `--format=gnu`",
                ))
            }
            _ => Ok(()),
        }
    }
}

/// Checks a header of the kind `g`, which is about all entries after it. Git writes one with a comment.
pub(super) fn check_global(size: u64, contents: &mut impl Read) -> Result<(), HeaderFault> {
    let records = PaxRecords::parse(&read_bounded(size, contents)?)?;
    if records.path.is_some() || records.link_path.is_some() || records.size.is_some() {
        return Err(Refusal::Headers("give all entries one name or size").into());
    }
    if records.is_sparse {
        return Err(Refusal::Sparse.into());
    }
    Ok(())
}

impl PaxRecords {
    fn parse(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let malformed = |_| Refusal::Headers("have pax records that are malformed");
        let mut records = Self::default();
        let mut num_read = 0;
        for record in PaxExtensions::new(bytes) {
            let record = record.map_err(malformed)?;
            let value = || Some(record.value_bytes().to_owned());
            match record.key_bytes() {
                b"path" => records.path = value(),
                b"linkpath" => records.link_path = value(),
                b"size" => records.size = value(),
                key if key.starts_with(b"GNU.sparse.") => records.is_sparse = true,
                _ => {}
            }
            num_read += 1;
        }
        // The library stops at an empty line, and says nothing of what is behind it.
        if num_read != bytes.iter().filter(|byte| **byte == b'\n').count() {
            return Err(Refusal::Headers("have pax records that are malformed").into());
        }
        Ok(records)
    }
}

fn read_bounded(size: u64, contents: &mut impl Read) -> Result<Vec<u8>, HeaderFault> {
    if size > MAX_HEADER_BYTES {
        return Err(Refusal::Headers("are longer than 64 KiB").into());
    }
    let mut bytes = Vec::new();
    contents.take(size).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != size {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(bytes)
}

/// Strips the NUL that ends a name in GNU's form.
fn without_end(mut name: Vec<u8>) -> Vec<u8> {
    if name.last() == Some(&0) {
        name.pop();
    }
    name
}
