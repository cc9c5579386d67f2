//! What an entry of an archive may be called.
//!
//! Unpacking and packing hold to the same rules, so that what one writes the other takes.

use std::fmt;

/// A name that leads to a place inside the folder that it is joined to, and nowhere else.
///
/// Its parts are joined by single slashes; none of them is empty, `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntryName {
    path: String,
    is_folder: bool,
}

/// What is wrong with the name of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// It has no part that names anything.
    #[error("it has no name")]
    Empty,
    /// It has a part `..`.
    #[error("its name climbs out of its folder with `..`")]
    Climbs,
    /// It begins with a slash.
    #[error("its name is absolute; names must be relative to the model's folder")]
    Absolute,
    /// It has a backslash, or begins with the letter of a drive.
    #[error("its name is a path of Windows; separate folders with `/`")]
    Windows,
    /// Its bytes are no UTF-8.
    #[error("its name is not UTF-8")]
    NotUtf8,
    /// It has NUL, a line break or another control character.
    #[error("its name has a control character")]
    Control,
}

impl EntryName {
    /// Reads a name as an archive has it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, NameFault> {
        let name = std::str::from_utf8(bytes).map_err(|_| NameFault::NotUtf8)?;
        if name.is_empty() {
            return Err(NameFault::Empty);
        }
        if name.contains(char::is_control) {
            return Err(NameFault::Control);
        }
        if name.starts_with('/') {
            return Err(NameFault::Absolute);
        }
        if name.contains('\\') || has_drive(name) {
            return Err(NameFault::Windows);
        }
        let parts = || name.split('/').filter(|part| !part.is_empty() && *part != ".");
        if parts().any(|part| part == "..") {
            return Err(NameFault::Climbs);
        }
        let path = parts().collect::<Vec<_>>().join("/");
        let is_folder = name.ends_with('/') || path.is_empty();
        Ok(Self { path, is_folder })
    }

    /// Returns the path; empty for the folder that everything is in.
    pub(crate) fn as_str(&self) -> &str {
        &self.path
    }

    /// Returns whether the name can be that of a folder only.
    pub(crate) fn is_folder(&self) -> bool {
        self.is_folder
    }

    /// Returns how many folders deep the entry lies, itself included.
    pub(crate) fn depth(&self) -> usize {
        if self.path.is_empty() { 0 } else { self.path.split('/').count() }
    }

    /// Returns the folders that the entry lies in, outermost first.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &str> {
        self.path.match_indices('/').map(|(end, _)| &self.path[..end])
    }
}

/// `C:`, also where nothing separates it from what follows, since Windows reads `C:x` as a path of that
/// drive.
fn has_drive(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':'
}

/// Writes a name from an archive such that it can be shown: no control characters, and not too long.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const MOST_CHARS: usize = 120;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(8 * MOST_CHARS)]);
    let mut shown: String = text
        .chars()
        .take(MOST_CHARS)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(MOST_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(self.path.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &[u8], expected: Result<(&str, bool), NameFault>) {
        let got = EntryName::parse(name);
        let got =
            got.as_ref().map(|name| (name.as_str(), name.is_folder())).map_err(|fault| *fault);
        assert_eq!(got, expected, "{}", name.escape_ascii());
    }

    #[test]
    fn what_leads_inside_is_made_plain() {
        check(b"config.json", Ok(("config.json", false)));
        check(b"./1_Pooling//config.json", Ok(("1_Pooling/config.json", false)));
        check(b"code/./", Ok(("code", true)));
        check(b"./", Ok(("", true)));
        check("modèle/…".as_bytes(), Ok(("modèle/…", false)));
        check(b"..hidden/...", Ok(("..hidden/...", false)));
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        check(b"", Err(NameFault::Empty));
        check(b"..", Err(NameFault::Climbs));
        check(b"a/../../b", Err(NameFault::Climbs));
        check(b"a/..", Err(NameFault::Climbs));
        check(b"/etc/passwd", Err(NameFault::Absolute));
        check(b"//host/share", Err(NameFault::Absolute));
        check(b"..\\..\\b", Err(NameFault::Windows));
        check(b"C:/x", Err(NameFault::Windows));
        check(b"c:x", Err(NameFault::Windows));
        check(b"\\\\host\\share", Err(NameFault::Windows));
        check(b"a\xff", Err(NameFault::NotUtf8));
        check(b"\xc0\xae\xc0\xae/x", Err(NameFault::NotUtf8));
        check(b"a\0b", Err(NameFault::Control));
        check(b"a\nb", Err(NameFault::Control));
    }

    #[test]
    fn a_shown_name_is_short_and_steers_no_terminal() {
        assert_eq!(shown(b"a\x1b[2Jb"), "a\u{fffd}[2Jb");
        assert_eq!(shown(&[b'x'; 100_000]).chars().count(), 121);
    }

    #[test]
    fn folders_are_listed_outermost_first() {
        let name = EntryName::parse(b"a/b/c").unwrap();
        assert_eq!(name.folders().collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(name.depth(), 3);
    }
}
