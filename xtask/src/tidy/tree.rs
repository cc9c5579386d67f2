//! The text files of the repository: tracked ones, and new ones that git does not ignore.

use anyhow::Context;

use super::rust::Lexed;
use crate::workspace;

/// The files of a repository, by path from its root.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: Vec<File>,
    /// Paths of files that are not text; they count as existing, and nothing reads them.
    other: Vec<String>,
}

/// One text file.
#[derive(Debug)]
pub(super) struct File {
    /// From the root, with `/` between folders.
    pub(super) path: String,
    /// The whole of it.
    pub(super) text: String,
}

impl Tree {
    /// Reads the repository that this task runner was built in.
    pub(super) fn load() -> anyhow::Result<Self> {
        let mut list = workspace::command("git");
        list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let mut tree = Self::default();
        for path in workspace::output(&mut list)?.split_terminator('\0') {
            let file = workspace::root().join(path);
            // A file that was removed and not yet committed is still listed.
            if !file.is_file() {
                continue;
            }
            let bytes = fs_err::read(file).context("failed to read a tracked file")?;
            match String::from_utf8(bytes) {
                Ok(text) => tree.files.push(File { path: path.to_owned(), text }),
                Err(_) => tree.other.push(path.to_owned()),
            }
        }
        Ok(tree)
    }

    /// Returns the text files.
    pub(super) fn files(&self) -> &[File] {
        &self.files
    }

    /// Returns the text files whose name ends in `suffix`.
    pub(super) fn ending(&self, suffix: &str) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |file| file.path.ends_with(suffix))
    }

    /// Returns one text file.
    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Returns every path, text or not.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files
            .iter()
            .map(|file| file.path.as_str())
            .chain(self.other.iter().map(String::as_str))
    }

    /// Returns whether there is a file or a folder of this path.
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.paths().any(|known| known == path || known.starts_with(&folder))
    }

    /// Returns the Rust files, split into tokens. Those that do not lex are left to the compiler.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&File, Lexed)> {
        self.ending(".rs").filter_map(|file| Some((file, Lexed::new(&file.text)?)))
    }

    /// Returns a tree for a test.
    #[cfg(test)]
    pub(super) fn for_tests(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| File { path: path.into(), text: text.into() };
        Self { files: files.iter().map(file).collect(), other: Vec::new() }
    }
}
