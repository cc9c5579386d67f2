//! Writing into the cache so that a reader sees the old file or the new one, and never a part.

use std::path::{Path, PathBuf};

use super::hub::HubError;

/// Makes `link` a relative link to `blob`, at once: a reader sees the old or the new one.
pub(crate) fn link(blob: &Path, link: &Path) -> Result<(), HubError> {
    create_parent(link)?;
    let temporary = temporary_name(link);
    let _ = fs_err::remove_file(&temporary);
    let linked = fs_err::os::unix::fs::symlink(relative(blob, link), &temporary);
    linked.and_then(|()| fs_err::rename(&temporary, link)).map_err(HubError::Write)
}

/// Returns the way from the folder of `link` to `blob`; both lie below the repository's folder.
fn relative(blob: &Path, link: &Path) -> PathBuf {
    let mut up = PathBuf::new();
    for folder in link.ancestors().skip(1) {
        if let Ok(below) = blob.strip_prefix(folder) {
            return up.join(below);
        }
        up.push("..");
    }
    blob.to_path_buf()
}

/// Writes a small file so that a reader sees the old or the new one.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), HubError> {
    create_parent(path)?;
    let temporary = temporary_name(path);
    let written = fs_err::write(&temporary, text);
    written.and_then(|()| fs_err::rename(&temporary, path)).map_err(HubError::Write)
}

/// Returns a name beside `path` that no other process takes.
fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

/// Makes the folder that a file goes into.
pub(crate) fn create_parent(path: &Path) -> Result<(), HubError> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    fs_err::create_dir_all(parent).map_err(HubError::Write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_any_depth_to_the_blob() {
        let way = |link: &str| relative(Path::new("/c/m/blobs/e"), Path::new(link));
        assert_eq!(way("/c/m/snapshots/s/config.json"), Path::new("../../blobs/e"));
        assert_eq!(way("/c/m/snapshots/s/1_Pooling/config.json"), Path::new("../../../blobs/e"));
    }
}
