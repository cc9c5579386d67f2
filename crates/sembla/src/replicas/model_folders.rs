//! Which folders of this machine a client may name as a model.
//!
//! A client over the network says what is read here: without a bound it could look which folders there are, and
//! have the server answer with somebody's private model. Whoever runs the server may name any folder.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::models::reference::{ModelRef, Place, RefError};

/// The folders below which a client may name one.
#[derive(Debug, Clone)]
pub(crate) struct ModelFolders {
    roots: Vec<Root>,
}

#[derive(Debug, Clone)]
struct Root {
    /// As it was given, but absolute.
    given: PathBuf,
    /// Where it leads.
    real: PathBuf,
}

/// A folder that is none.
#[derive(Debug, thiserror::Error)]
#[error("`model_dir` names {}, which is no folder that can be read", .path.display())]
pub(crate) struct NoFolder {
    path: PathBuf,
    source: io::Error,
}

/// A folder that a client may not name. Whether it is there is not said.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{named}` is a folder of the server's machine, of which clients may name those below `model_dir` \
     alone; name a model of the Hub, or start the server with --model-dir FOLDER"
)]
pub(crate) struct Forbidden {
    named: String,
}

impl ModelFolders {
    /// Allows what is below these folders.
    ///
    /// # Errors
    ///
    /// [`NoFolder`] if one is not there.
    pub(crate) fn new(dirs: &[String]) -> Result<Self, NoFolder> {
        let root = |dir: &String| {
            let made = || {
                let (given, real) = (std::path::absolute(dir)?, fs_err::canonicalize(dir)?);
                if real.is_dir() {
                    return Ok(Root { given, real });
                }
                Err(io::ErrorKind::NotADirectory.into())
            };
            made().map_err(|source| NoFolder { path: dir.into(), source })
        };
        Ok(Self { roots: dirs.iter().map(root).collect::<Result<_, _>>()? })
    }

    /// Checks that a client may name a model like this. What is no model at all passes: whoever looks at it
    /// says that better.
    ///
    /// # Errors
    ///
    /// [`Forbidden`] if it is a folder elsewhere, whether or not that exists.
    pub(crate) fn check(&self, source: &str) -> Result<(), Forbidden> {
        let path = match ModelRef::parse_anywhere(source) {
            Ok(ModelRef { place: Place::Hub { .. }, .. })
            | Err(RefError::NoHubId { .. } | RefError::NoRevision { .. }) => return Ok(()),
            Ok(ModelRef { place: Place::Directory(path), .. })
            | Err(
                RefError::NoDirectory { path }
                | RefError::NotADirectory { path }
                | RefError::RevisionOfDirectory { path, .. },
            ) => path,
        };
        if self.allow(&path) { Ok(()) } else { Err(Forbidden { named: source.to_owned() }) }
    }

    fn allow(&self, path: &Path) -> bool {
        // Symbolic links count as what they lead to.
        if let Ok(real) = fs_err::canonicalize(path) {
            return self.roots.iter().any(|root| real.starts_with(&root.real));
        }
        let climbs = path.components().any(|part| part == Component::ParentDir);
        let below = |path: &Path| {
            self.roots
                .iter()
                .any(|root| path.starts_with(&root.given) || path.starts_with(&root.real))
        };
        !climbs && std::path::absolute(path).is_ok_and(|path| below(&path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_a_folder_may_be_named_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name).display().to_string();
        for folder in ["models/a/b", "other"] {
            fs_err::create_dir_all(at(folder)).unwrap();
        }
        fs_err::write(at("other/file"), "").unwrap();
        std::os::unix::fs::symlink(at("other"), at("models/link")).unwrap();
        std::os::unix::fs::symlink(at("models"), at("alias")).unwrap();
        let folders = ModelFolders::new(&[at("alias")]).unwrap();
        for (source, is_allowed) in [
            (at("models/a"), true),
            (at("models/a/b"), true),
            (at("alias/a"), true),
            (at("models/../models/a"), true),
            (format!("name={}", at("models/a")), true),
            (at("models/nowhere"), true),
            (at("alias/nowhere"), true),
            (at("models/nowhere/../../other/nowhere"), false),
            (at("models/../other"), false),
            (at("models/link"), false),
            (at("models-of-others"), false),
            (at("other"), false),
            (at("other/file"), false),
            (format!("{}@main", at("other")), false),
            ("/etc".to_owned(), false),
            ("/no/such/folder".to_owned(), false),
            ("../../etc".to_owned(), false),
            ("./nowhere".to_owned(), false),
            // A folder that every crate has, and these tests run in one: it is an id of the Hub all the same.
            ("src".to_owned(), true),
            ("org/name".to_owned(), true),
            ("no hub id".to_owned(), true),
        ] {
            let checked = folders.check(&source);
            assert_eq!(checked.is_ok(), is_allowed, "{source}: {checked:?}");
        }
        let none = ModelFolders::new(&[]).unwrap();
        assert!(none.check(&at("models/a")).is_err() && none.check("org/name").is_ok());
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = ModelFolders::new(&["/no/such/folder".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("names /no/such/folder, which is no folder"), "{error}");
    }
}
